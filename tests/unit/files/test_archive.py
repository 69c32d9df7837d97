"""Archives of strangers: all of it or nothing, nothing outside the folder, no links, no bombs."""

import gzip
import io
import stat
import struct
import tarfile
import zipfile
from pathlib import Path
from random import Random

import pytest

from bert_ladder.files.streams import is_web_page
from bert_ladder.files.unpacking import archive_fault, unpack_archive
from bert_ladder.runtime.jobs import BadInput

FILES = {"config.json": b"{}", "assets/vocab.txt": b"[PAD]\n[UNK]\n", "weights.bin": bytes(range(256)) * 1000}


def make_zip(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


def member(name: str, content: bytes | None = None, **fields: object) -> tuple[tarfile.TarInfo, bytes | None]:
    """A member of a tar: a file, or a folder or something else (by its `type`) without content."""
    info = tarfile.TarInfo(name)
    info.size = len(content or b"")
    for key, value in fields.items():
        setattr(info, key, value)
    return info, content


def make_tar(path: Path, *members: tuple[tarfile.TarInfo, bytes | None], mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as file:
        for info, content in members:
            file.addfile(info, None if content is None else io.BytesIO(content))
    return path


def as_tar(path: Path, mode: str = "w:gz") -> Path:
    folder = member("assets", type=tarfile.DIRTYPE)
    return make_tar(path, folder, *(member(name, content) for name, content in FILES.items()), mode=mode)


def content_of(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


def refuse(archive: Path, reason: str, max_bytes: int = 10_000_000) -> None:
    """The archive is refused for the reason, in one sentence that names it, and nothing is left of it."""
    folder = archive.parent / "unpacked" / "here"
    with pytest.raises(BadInput, match=reason) as caught:
        unpack_archive(archive, folder, max_bytes)
    assert str(caught.value).startswith(f"{archive}: ")
    assert "\n" not in str(caught.value)
    assert list(folder.parent.iterdir()) == []
    fault = archive_fault(archive, max_bytes)
    assert fault and fault in str(caught.value)


@pytest.mark.parametrize("form", ["zip", "stored zip", "tar", "tar.gz", "tgz named zip", "pax", "gnu"])
def test_unpacks(tmp_path: Path, form: str) -> None:
    """Every form is recognised by its bytes, whatever the file's name."""
    path = tmp_path / "archive.zip"
    if "zip" in form and "tgz" not in form:
        make_zip(path, FILES, zipfile.ZIP_STORED if "stored" in form else zipfile.ZIP_DEFLATED)
    elif form in ("pax", "gnu"):
        long = "a" * 90 + "/" + "b" * 120
        formats = {"pax": tarfile.PAX_FORMAT, "gnu": tarfile.GNU_FORMAT}
        with tarfile.open(path, "w:gz", format=formats[form]) as file:
            file.addfile(member(long, b"long")[0], io.BytesIO(b"long"))
        unpack_archive(path, tmp_path / "out")
        assert content_of(tmp_path / "out") == {long: b"long"}
        return
    else:
        as_tar(path, "w" if form == "tar" else "w:gz")
    assert archive_fault(path) is None
    unpack_archive(path, tmp_path / "deep" / "out")
    assert content_of(tmp_path / "deep" / "out") == FILES
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["out"]


def test_replaces_what_a_killed_run_left(tmp_path: Path) -> None:
    """A folder that an earlier run was unpacking into does not mix with this one's."""
    (tmp_path / "out.unpacking").mkdir()
    (tmp_path / "out.unpacking" / "half").write_bytes(b"")
    unpack_archive(make_zip(tmp_path / "a.zip", FILES), tmp_path / "out")
    assert content_of(tmp_path / "out") == FILES


def test_permissions_of_the_archive_are_ignored(tmp_path: Path) -> None:
    """What a stranger's archive says of owners and modes does not reach the disk."""
    unpack_archive(make_tar(tmp_path / "a.tgz", member("run", b"x", mode=0o6777, uid=0)), tmp_path / "out")
    assert not (tmp_path / "out/run").stat().st_mode & 0o7111


NAMES = [
    ("../out", "climbs out"),
    ("a/../../out", "climbs out"),
    ("a/..", "climbs out"),
    ("/etc/out", "absolute path"),
    ("C:/out", "absolute path"),
    ("..\\out", "backslash"),
    ("a\nb", "unprintable"),
    ("a\x1b[2J", "unprintable"),
]


@pytest.mark.parametrize(("name", "reason"), NAMES)
@pytest.mark.parametrize("form", ["zip", "tar"])
def test_names_that_lead_elsewhere(tmp_path: Path, name: str, reason: str, form: str) -> None:
    """A member can be written nowhere but below the folder, and the sentence names it."""
    if form == "zip":
        refuse(make_zip(tmp_path / "a.zip", {"good": b"x", name: b"x"}), f"member .*{reason}")
    else:
        refuse(make_tar(tmp_path / "a.tgz", member("good", b"x"), member(name, b"x")), f"member .*{reason}")
    assert not (tmp_path / "out").exists()


KINDS = [
    (tarfile.SYMTYPE, "a link"),
    (tarfile.LNKTYPE, "a link"),
    (tarfile.CHRTYPE, "neither a file nor a folder"),
    (tarfile.BLKTYPE, "neither a file nor a folder"),
    (tarfile.FIFOTYPE, "neither a file nor a folder"),
]


@pytest.mark.parametrize(("kind", "reason"), KINDS)
@pytest.mark.parametrize("first", [True, False])
def test_tar_with_more_than_files_and_folders(tmp_path: Path, kind: bytes, reason: str, first: bool) -> None:
    """Links and devices are refused, the very first member too."""
    odd = member("odd", type=kind, linkname="/etc/passwd")
    members = [odd] if first else [member("good", b"x"), odd]
    refuse(make_tar(tmp_path / "a.tgz", *members), f"its member 'odd' is {reason}")


@pytest.mark.parametrize(
    ("mode", "reason"), [(stat.S_IFLNK, "a link"), (stat.S_IFIFO, "neither"), (stat.S_IFCHR, "neither")]
)
def test_zip_with_more_than_files_and_folders(tmp_path: Path, mode: int, reason: str) -> None:
    """A zip can hold links and devices too."""
    info = zipfile.ZipInfo("odd")
    info.external_attr = (mode | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr(info, "/etc/passwd")
    refuse(tmp_path / "a.zip", f"its member 'odd' is {reason}")


@pytest.mark.parametrize(
    "names", [("a", "./a"), ("a", "a"), ("a", "a/b"), ("a/b", "a"), ("b/a", "b//a"), ("a", "a/"), (".",)]
)
@pytest.mark.parametrize("form", ["zip", "tar"])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_one_path_under_two_names(tmp_path: Path, names: tuple[str, ...], form: str) -> None:
    """What is checked first cannot be overwritten by what comes later, however it is spelled."""
    if form == "zip":
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
            for name in names:
                file.writestr(name, b"" if name.endswith("/") else b"x")
        refuse(tmp_path / "a.zip", "there twice or under another member's name")
    else:
        members = [member(n, type=tarfile.DIRTYPE) if n.endswith("/") else member(n, b"x") for n in names]
        refuse(make_tar(tmp_path / "a.tgz", *members), "there twice or under another member's name")


def test_folders_may_be_named_again(tmp_path: Path) -> None:
    """A folder that is named after its files, or twice, is no disguise."""
    folder = member("./a", type=tarfile.DIRTYPE)
    top = member("./", type=tarfile.DIRTYPE)
    unpack_archive(make_tar(tmp_path / "a.tgz", top, member("./a/b", b"x"), folder, folder), tmp_path / "out")
    assert content_of(tmp_path / "out") == {"a/b": b"x"}


@pytest.mark.parametrize("form", ["zip", "tar.gz", "tar"])
def test_bombs(tmp_path: Path, form: str) -> None:
    """The bytes that come are counted, over all members, and no more than allowed are written."""
    zeros = bytes(600_000)
    if form == "zip":
        path = make_zip(tmp_path / "a.zip", {"a": zeros, "b": zeros})
    else:
        mode = "w" if form == "tar" else "w:gz"
        path = make_tar(tmp_path / "a.tgz", member("a", zeros), member("b", zeros), mode=mode)
    refuse(path, "more than 1,000,000 bytes", max_bytes=1_000_000)
    unpack_archive(path, tmp_path / "out", max_bytes=1_200_000)


def test_zip_that_announces_less_than_it_holds(tmp_path: Path) -> None:
    """A zip whose directory plays its size down is stopped or found damaged, not believed."""
    path = make_zip(tmp_path / "a.zip", {"a": bytes(5_000_000)})
    data = path.read_bytes().replace(struct.pack("<I", 5_000_000), struct.pack("<I", 10))
    path.write_bytes(data)
    refuse(path, "damaged|more than", max_bytes=1_000_000)


def test_tar_bomb_in_a_header(tmp_path: Path) -> None:
    """A header that its reader would have to keep in memory is bounded too."""
    info = tarfile.TarInfo("a")
    info.pax_headers = {"comment": "x" * 5_000_000}
    path = tmp_path / "a.tgz"
    with tarfile.open(path, "w:gz", format=tarfile.PAX_FORMAT) as file:
        file.addfile(info)
    refuse(path, "a header of more than 1,048,576 bytes")


def test_sparse_bomb(tmp_path: Path) -> None:
    """A sparse file grows when it is unpacked: what is written counts."""
    info = tarfile.TarInfo("a")
    info.pax_headers = {
        "GNU.sparse.major": "0",
        "GNU.sparse.minor": "1",
        "GNU.sparse.name": "a",
        "GNU.sparse.map": "0,1",
        "GNU.sparse.size": "50000000",
    }
    info.size = 1
    path = tmp_path / "a.tgz"
    with tarfile.open(path, "w:gz", format=tarfile.PAX_FORMAT) as file:
        file.addfile(info, io.BytesIO(b"x"))
    refuse(path, "more than 1,000,000 bytes", max_bytes=1_000_000)


def test_too_many_members(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Empty files fill a disk's table of files."""
    monkeypatch.setattr("bert_ladder.files.unpacking.MAX_MEMBERS", 3)
    refuse(make_zip(tmp_path / "a.zip", dict.fromkeys("abcd", b"")), "more than 3 files and folders")


def test_encrypted_zip(tmp_path: Path) -> None:
    """Nobody asks for a password."""
    path = make_zip(tmp_path / "a.zip", {"secret": b"x" * 100})
    data = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + offset] |= 1
    path.write_bytes(data)
    refuse(path, "its member 'secret' is encrypted")


def test_zip_of_another_method(tmp_path: Path) -> None:
    """Only the methods that everybody writes are read."""
    refuse(make_zip(tmp_path / "a.zip", FILES, zipfile.ZIP_LZMA), "another method than deflate")


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.5, 0.9, 0.99, 0.9999])
@pytest.mark.parametrize("form", ["zip", "tar.gz", "tar"])
def test_truncated(tmp_path: Path, form: str, share: float) -> None:
    """An archive that was cut anywhere is not taken for a smaller one."""
    path = tmp_path / f"a.{form}"
    if form == "zip":
        make_zip(path, FILES)
    else:
        as_tar(path, "w:gz" if form == "tar.gz" else "w")
    data = path.read_bytes()
    # Behind its members a tar is padded with zeros, whose number means nothing.
    end = len(data.rstrip(b"\0")) if form == "tar" else len(data)
    path.write_bytes(data[: int(end * share)])
    refuse(path, "is cut or damaged|is neither")


def test_tar_cut_between_two_members(tmp_path: Path) -> None:
    """A tar that ends where a member ends, but without the mark of its end, is cut."""
    path = make_tar(tmp_path / "a.tar", member("a", b"x" * 512), member("b", b"x" * 512), mode="w")
    path.write_bytes(path.read_bytes()[:1024])
    refuse(path, "a tar without its end")


@pytest.mark.parametrize("form", ["zip", "tar.gz"])
def test_flipped_bit(tmp_path: Path, form: str) -> None:
    """Bytes that changed on the way are found by the checksum of the format."""
    path = tmp_path / "a"
    noise = {"weights": bytes((i * 7919 >> 3) & 255 for i in range(50_000))}
    if form == "zip":
        make_zip(path, noise, zipfile.ZIP_STORED)
    else:
        make_tar(path, member("weights", noise["weights"]))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 16
    path.write_bytes(data)
    refuse(path, "is cut or damaged")


def test_what_is_no_archive(tmp_path: Path) -> None:
    """A page of HTML, the usual answer for a file that is gone, is called that; anything else is told apart."""
    page = tmp_path / "a.zip"
    page.write_bytes(b"\xef\xbb\xbf \n<!DOCTYPE html><html><body>Sign in</body></html>")
    assert is_web_page(page)
    refuse(page, "a web page, not an archive")
    other = tmp_path / "b.zip"
    other.write_bytes(b"[PAD]\n[UNK]\n" * 100)
    assert not is_web_page(other)
    refuse(other, "neither zip, tar nor tar.gz")
    single = tmp_path / "c.gz"
    single.write_bytes(gzip.compress(b"only a text"))
    refuse(single, "is cut or damaged")


@pytest.mark.parametrize("form", ["zip", "tar"])
def test_empty_archive(tmp_path: Path, form: str) -> None:
    """An archive of nothing, or of folders only, is no model."""
    if form == "zip":
        refuse(make_zip(tmp_path / "a.zip", {}), "holds no files")
    else:
        refuse(make_tar(tmp_path / "a.tgz", member("a", type=tarfile.DIRTYPE)), "holds no files")


def test_full_disk_is_not_called_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes wrong with writing is told as that, and leaves nothing either."""

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(BadInput, match=r"cannot be unpacked into .*: No space left on device"):
        unpack_archive(make_zip(tmp_path / "a.zip", FILES), tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


@pytest.mark.parametrize("form", ["zip", "tar", "tar.gz"])
def test_random_damage_is_only_ever_refused(tmp_path: Path, form: str) -> None:
    """Whatever bytes change, the archive is read or refused; no other exception escapes."""
    random = Random(1)
    path = tmp_path / "a"
    make_zip(path, FILES) if form == "zip" else as_tar(path, "w" if form == "tar" else "w:gz")
    whole = path.read_bytes()
    # The directory of a zip stands at its end.
    places = [*range(600), *range(len(whole) - 400, len(whole))]
    for _ in range(300):
        damaged = bytearray(whole)
        for place in random.choices(places, k=random.randint(1, 5)):
            damaged[place] = random.randrange(256)
        path.write_bytes(damaged)
        archive_fault(path, 1_000_000)
