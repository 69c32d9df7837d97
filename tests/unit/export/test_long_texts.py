"""Of a long text only the ends are tokenized, and the model sees the same ids."""

import numpy as np
import pytest

from bert_ladder.data.tokens import Tokens
from bert_ladder.export.fast_tokenizer import fast_tokenizer
from bert_ladder.export.long_texts import ends_of, kept_ids
from chosen_models import FILLER, LETTERS, PIECES, WORDS

TOKENIZER = fast_tokenizer(PIECES, lower_case=True)


def texts() -> list[str]:
    """Of any length; with long words, wide blanks, accents, marks behind blanks and letters of several bytes."""
    random = np.random.default_rng(0)
    odd = (
        "Lóvely",
        "i\u0307",
        "\u0301",
        "ﬁlm",
        "\u00ad",
        "\t",
        "  ",
        "ß",
        "片",
        "[SEP]",
        "a\u0300b",
        "x" * 150,
        "ΑΣ",
        " ",
    )
    words = [*WORDS, *FILLER, *LETTERS, *odd]
    drawn = [" ".join(random.choice(words, size)) for size in random.integers(0, 400, 300)]
    # Few tokens for their length, no blank at all, a blank at an end.
    return [*drawn, "", " ", "x" * 5000, " " * 5000, ("y" * 300 + " ") * 20, " " + "dull " * 200, "dull" * 500]


def seen(ids: list[list[int]], length: int, truncation: str) -> np.ndarray:
    """What a model reads of these ids."""
    flat = np.concatenate([np.array(one, np.int32) for one in ids])
    tokens = Tokens(flat, np.cumsum([0, *map(len, ids)]), pad=0, cls=2, sep=3)
    return tokens.batch(np.arange(len(ids)), length, truncation, length)


@pytest.mark.parametrize("truncation", ["head", "tail", "head+tail"])
@pytest.mark.parametrize("length", [3, 16, 128])
def test_model_sees_the_same(length: int, truncation: str) -> None:
    """As of the whole texts, alone and together."""
    given = texts()
    whole = [one.ids for one in TOKENIZER.encode_batch(given, add_special_tokens=False)]
    expected = seen(whole, length, truncation)
    np.testing.assert_array_equal(seen(kept_ids(TOKENIZER, given, length, truncation), length, truncation), expected)
    alone = [kept_ids(TOKENIZER, [text], length, truncation)[0] for text in given]
    np.testing.assert_array_equal(seen(alone, length, truncation), expected)


def test_long_text_is_not_read_whole() -> None:
    """Ends at a blank, of six characters for each token; a short text, or one without a blank, is left whole."""
    long = "dull film " * 100
    assert ends_of(long, 10, 0) == (long[:54] + long[54:59], "")
    assert ends_of(long, 0, 2) == ("", " dull film ")
    assert ends_of(long, 2, 2) == ("dull film", " dull film ")
    for short in ("", "dull", "dull film"):
        assert ends_of(short, 5, 5) == (short, "")
    assert ends_of("x" * 500, 5, 5) == ("x" * 500, "")
