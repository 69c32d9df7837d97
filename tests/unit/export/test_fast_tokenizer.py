"""The tokenizer that goes with exported models: ids of TF Hub's preprocessing, by another package."""

import json
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from bert_ladder.export.fast_tokenizer import fast_tokenizer

TFHUB = json.loads((Path(__file__).parents[2] / "fixtures/tfhub_preprocessing.json").read_text(encoding="utf-8"))
# docs/forms.md says why.
LONG_WORDS = {
    "word of 100 characters, 200 bytes", "word of 51 characters, 102 bytes", "word of 34 characters, 102 bytes",
}  # fmt: skip
OTHERS = {
    "uncased": {"Cherokee", "Greek iota subscript", "square era name"} | LONG_WORDS,
    "cased": {"word that grows past 100 bytes", "word that shrinks to 100 bytes"} | LONG_WORDS,
}


@pytest.mark.parametrize("case", ["uncased", "cased"])
def test_ids_are_those_of_tfhub(case: str, tmp_path: Path) -> None:
    """On all hostile strings but a few whose number is known, after a way through its file."""
    fast_tokenizer(TFHUB["vocabulary"], case == "uncased").save(str(tmp_path / "tokenizer.json"))
    tokenizer = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    found = {name: tokenizer.encode(text, add_special_tokens=False).ids for name, text in TFHUB["strings"].items()}
    assert {name for name, ids in found.items() if ids != TFHUB[case][name]} <= OTHERS[case]
    assert len(found) > 100


def test_text_stands_between_its_special_tokens() -> None:
    """Neither cut nor padded; what a text says of special tokens is text."""
    tokenizer = fast_tokenizer(TFHUB["vocabulary"], lower_case=True)
    start, *inside, end = tokenizer.encode("[CLS] a" + " a" * 600).tokens
    assert (start, end) == ("[CLS]", "[SEP]")
    assert len(inside) > 600
    assert "[CLS]" not in inside
