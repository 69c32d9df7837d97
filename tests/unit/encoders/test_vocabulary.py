"""What training knows of an encoder's tokens, and the files that they come from."""

from pathlib import Path

import numpy as np
import pytest

from bert_ladder.encoders.encoder_files import EncoderFiles
from bert_ladder.encoders.vocabulary import WORDPIECE, tokenizer_vocabulary, wordpiece_vocabulary
from bert_ladder.runtime.jobs import BadInput

PIECES = ["[UNK]", "[PAD]", "[MASK]", "[SEP]", "[CLS]", "wordé", "##s"]


def files(folder: Path, pieces: list[str], name: str = "vocab.txt") -> EncoderFiles:
    """An encoder's files, of which only that of the tokenizer is there."""
    (folder / name).write_text("".join(f"{piece}\n" for piece in pieces), encoding="utf-8")
    return EncoderFiles.of({"config": folder / "encoder.json", "weights": "w.h5", "vocabulary": str(folder / name)})


def test_wordpieces_are_known_by_their_roles(tmp_path: Path) -> None:
    """Whatever their order; the tokens of a split are opened with them and not read into memory."""
    vocabulary = tokenizer_vocabulary(WORDPIECE, files(tmp_path, PIECES))
    assert (vocabulary.pad, vocabulary.start, vocabulary.end, vocabulary.mask, len(vocabulary)) == (1, 4, 3, 2, 7)
    assert vocabulary.special.tolist() == [True] * 5 + [False] * 2
    assert np.flatnonzero(vocabulary.inside).tolist() == [6]
    np.save(tmp_path / "ids.npy", np.arange(5, dtype=np.uint16))
    np.save(tmp_path / "offsets.npy", np.array([0, 2, 5]))
    tokens = vocabulary.open_tokens(tmp_path / "ids.npy", tmp_path / "offsets.npy")
    assert isinstance(tokens.ids, np.memmap)
    assert (tokens.pad, tokens.cls, tokens.sep) == (1, 4, 3)


def test_special_tokens_may_have_other_names() -> None:
    """They are what the tokenizer's description calls them."""
    special = {"pad": "<pad>", "unknown": "<unk>", "start": "<s>", "end": "</s>", "mask": "<mask>"}
    vocabulary = wordpiece_vocabulary(["<s>", "<pad>", "</s>", "<unk>", "<mask>", "[CLS]"], special)
    assert (vocabulary.start, vocabulary.pad, vocabulary.end, vocabulary.mask) == (0, 1, 2, 4)
    assert not vocabulary.special[5]


def test_files_that_do_not_fit_the_tokenizer_are_refused(tmp_path: Path) -> None:
    """A file of another name, and one without a special token."""
    with pytest.raises(BadInput, match=r"encoder\.json: its tokenizer's vocab\.txt is missing; bring it along\."):
        tokenizer_vocabulary(WORDPIECE, files(tmp_path, PIECES, name="merges.txt"))
    with pytest.raises(BadInput, match=r"vocab\.txt: .*\[MASK\].*; bring the vocabulary that belongs to"):
        tokenizer_vocabulary(WORDPIECE, files(tmp_path, [piece for piece in PIECES if piece != "[MASK]"]))


def test_a_tokenizer_may_have_several_files(tmp_path: Path) -> None:
    """A rule gives one or a list; they come by name in the tokenizer's order."""
    paths = {"config": "c", "weights": "w", "vocabulary": ["a/merges.txt", "a/vocab.json"]}
    found = EncoderFiles.of(paths).tokenizer_files({"files": ["vocab.json", "merges.txt"]})
    assert found == {"vocab.json": Path("a/vocab.json"), "merges.txt": Path("a/merges.txt")}
