"""Files that came to harm: what a reader gets when bytes are cut off, changed, lost, inserted or repeated."""

from hypothesis import strategies as st

# Numbers that are absurd as a length, a count or a place.
ABSURD = (b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\0\x80", b"\0\0\0\0")


@st.composite
def damaged(draw: st.DrawFn, content: bytes) -> bytes:
    """A file's bytes after one to four faults, many of them near its ends, where formats keep their tables."""
    harmed = bytearray(content)
    for _ in range(draw(st.integers(1, 4))):
        if not harmed:
            break
        last = len(harmed) - 1
        places = (st.integers(0, last), st.integers(0, min(last, 200)), st.integers(max(0, last - 300), last))
        place = draw(st.one_of(*places))
        match draw(st.sampled_from(["change", "flip", "cut", "lose", "insert", "repeat", "absurd"])):
            case "change":
                harmed[place] = draw(st.integers(0, 255))
            case "flip":
                harmed[place] ^= 1 << draw(st.integers(0, 7))
            case "cut":
                del harmed[place:]
            case "lose":
                del harmed[place : place + draw(st.integers(1, 20))]
            case "insert":
                harmed[place:place] = draw(st.binary(min_size=1, max_size=8))
            case "repeat":
                harmed[place:place] = harmed[draw(st.integers(0, last)) :][: draw(st.integers(1, 64))]
            case "absurd":
                harmed[place : place + 4] = draw(st.sampled_from(ABSURD))
    return bytes(harmed)
