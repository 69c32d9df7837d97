"""What training must know of an encoder's tokens. NumPy only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bert_ladder.data.json_vocabulary import json_pieces, read_json
from bert_ladder.data.tokens import Tokens
from bert_ladder.encoders.encoder_files import EncoderFiles
from bert_ladder.runtime.jobs import BadInput

# BERT's tokenizer, as encoder.json names it.
WORDPIECE: dict[str, Any] = {
    "kind": "wordpiece",
    "files": ["vocab.txt"],
    "special": {"pad": "[PAD]", "unknown": "[UNK]", "start": "[CLS]", "end": "[SEP]", "mask": "[MASK]"},
}


@dataclass(frozen=True)
class Vocabulary:
    """The tokens of an encoder.

    Attributes:
        pad: id of padding.
        start, end: ids of what stands before and behind a text.
        mask: id of what hides a token from a masked language model.
        special: bool array (tokens,), true for those that no text consists of.
        inside: bool array (tokens,), true for those that continue a word ("##ing").
    """

    pad: int
    start: int
    end: int
    mask: int
    special: np.ndarray
    inside: np.ndarray

    def __len__(self) -> int:
        return len(self.special)

    def open_tokens(self, ids: Path | str, offsets: Path | str) -> Tokens:
        """Open the tokens of a split without reading them into memory.

        Args:
            ids: .npy file, int (total,).
            offsets: .npy file, int64 (texts + 1,).
        """
        return Tokens(np.load(ids, mmap_mode="r"), np.load(offsets), self.pad, self.start, self.end)


def wordpiece_vocabulary(pieces: Sequence[str], special: Mapping[str, str] = WORDPIECE["special"]) -> Vocabulary:
    """The vocabulary of a WordPiece tokenizer.

    Args:
        pieces: in the order of their ids.
        special: which of them are `pad`, `start`, `end` and `mask`, and what else is special, by its role.
    """
    return Vocabulary(
        pad=pieces.index(special["pad"]),
        start=pieces.index(special["start"]),
        end=pieces.index(special["end"]),
        mask=pieces.index(special["mask"]),
        special=np.isin(pieces, list(special.values())),
        inside=np.array([piece.startswith("##") for piece in pieces]),
    )


# What begins a token that begins a word, by the kind of the tokenizer: GPT-2's and SentencePiece's signs of a blank.
WORD_STARTS = {"byte_pair": "\u0120", "unigram": "\u2581"}


def json_vocabulary(pieces: Sequence[str], tokenizer: Mapping[str, Any]) -> Vocabulary:
    """The vocabulary of a tokenizer.json.

    Args:
        pieces: in the order of their ids, "" where an id has none.
        tokenizer: as encoder.json has it.
    """
    special, start = tokenizer["special"], WORD_STARTS[tokenizer["kind"]]
    return Vocabulary(
        pad=pieces.index(special["pad"]),
        start=pieces.index(special["start"]),
        end=pieces.index(special["end"]),
        mask=pieces.index(special["mask"]),
        special=np.isin(pieces, ["", *special.values()]),
        inside=np.array([not piece.startswith(start) for piece in pieces]),
    )


def tokenizer_vocabulary(tokenizer: Mapping[str, Any], files: EncoderFiles) -> Vocabulary:
    """Read the vocabulary of an encoder's tokenizer.

    Args:
        tokenizer: as encoder.json has it, see `read_encoder`.
        files: of the encoder.

    Raises:
        BadInput: if a file is missing or lacks a special token.
    """
    (file,) = files.tokenizer_files(tokenizer).values()
    try:
        if tokenizer["kind"] in WORD_STARTS:
            return json_vocabulary(json_pieces(read_json(file)), tokenizer)
        return wordpiece_vocabulary(read_pieces(file), tokenizer["special"])
    except ValueError as error:
        raise BadInput(f"{file}: {error}; bring the vocabulary that belongs to {files.config}.") from error


def read_pieces(file: Path | str) -> list[str]:
    """The tokens of a vocabulary in normal form: those of a tokenizer.json, else WordPieces, one per line."""
    if Path(file).suffix == ".json":
        return json_pieces(read_json(file))
    return Path(file).read_text(encoding="utf-8").rstrip("\n").split("\n")
