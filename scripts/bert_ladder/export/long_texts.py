"""Token ids of texts of which a model reads only an end: what it does not read need not be tokenized."""

from collections.abc import Sequence
from typing import Any

from bert_ladder.data.tokens import HEAD_SHARE

# Characters that are tokenized per token that is kept; where these give too few tokens, the whole text is tokenized.
CHARACTERS = 6


def kept_ids(tokenizer: Any, texts: Sequence[str], length: int, truncation: str) -> list[list[int]]:
    """The ids of texts without special tokens; of long texts those that a model reads.

    A text is parted at a blank only, over which neither words nor Unicode's normal forms reach.

    Args:
        tokenizer: a `tokenizers.Tokenizer` that neither cuts nor pads.
        texts: one or more.
        length, truncation: see `Tokens.batch`, which makes the same of these ids as of those of the whole texts.
    """
    room = length - 2
    head = {"head": room, "tail": 0, "head+tail": round(room * HEAD_SHARE)}[truncation]
    tail = room - head

    def encode(parts: Sequence[str]) -> list[list[int]]:
        return [one.ids for one in tokenizer.encode_batch_fast(parts, add_special_tokens=False)]

    ends = [ends_of(text, head, tail) for text in texts]
    found = encode([start for start, _ in ends])
    cut = [row for row, (start, _) in enumerate(ends) if start != texts[row]]
    for row, end in zip(cut, encode([ends[row][1] for row in cut]) if cut else [], strict=True):
        # One token more: byte pairs divide the blanks at a cut otherwise than in the midst of a text.
        enough = (len(found[row]) > head or not head) and (len(end) > tail or not tail)
        found[row] = found[row][:head] + end[len(end) - tail :] if enough else encode([texts[row]])[0]
    return found


def ends_of(text: str, head: int, tail: int) -> tuple[str, str]:
    """The ends of a text that are most likely long enough for so many tokens; the whole of a short one, and nothing."""
    start = text.rfind(" ", 0, CHARACTERS * head) if head else 0
    end = text.find(" ", max(len(text) - CHARACTERS * tail, 0)) if tail else len(text)
    return (text[:start], text[end:]) if 0 <= start < end else (text, "")
