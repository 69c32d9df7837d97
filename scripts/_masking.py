"""Packed sequences of a corpus and the tokens that a masked language model must guess. NumPy only."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from _tokens import Tokens

# Of the tokens to guess, 80 % are hidden, 10 % replaced and 10 % left (Devlin et al. 2019, section 3.1).
HIDDEN, REPLACED = 0.8, 0.1


@dataclass(frozen=True)
class Pieces:
    """What masking must know of a vocabulary.

    Attributes:
        cls, sep, mask: ids of [CLS], [SEP] and [MASK].
        special: bool array (vocabulary,), tokens that are never to guess and never put in another's place.
        inside: bool array (vocabulary,), WordPieces that go on a word ("##ing").
    """

    cls: int
    sep: int
    mask: int
    special: np.ndarray
    inside: np.ndarray

    @classmethod
    def of(cls, vocabulary: Sequence[str]) -> "Pieces":
        """Read them off a vocabulary with BERT's five special tokens."""
        special = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
        return cls(
            *(vocabulary.index(token) for token in ("[CLS]", "[SEP]", "[MASK]")),
            special=np.isin(vocabulary, special),
            inside=np.array([wordpiece.startswith("##") for wordpiece in vocabulary]),
        )


@dataclass(frozen=True)
class Masked:
    """A batch for a masked language model.

    Attributes:
        token_ids: int32 (n, length), what the model sees.
        positions: int32 (n, k), where it must guess.
        targets: int32 (n, k), what stood there.
        weights: float32 (n, k), 1 where there is something to guess; 0 fills up a sequence that has too little.
    """

    token_ids: np.ndarray
    positions: np.ndarray
    targets: np.ndarray
    weights: np.ndarray


def pack(tokens: Tokens, rows: np.ndarray) -> np.ndarray:
    """Lay texts out one after the other, with [SEP] behind each.

    Args:
        tokens: the texts.
        rows: int array (n,), which of them, in which order.

    Returns:
        Array of the dtype of `tokens.ids`, (sum of their lengths + n,).
    """
    lengths = np.diff(tokens.offsets)[rows] + 1
    stream = np.full(lengths.sum(), tokens.sep, tokens.ids.dtype)
    ends = np.cumsum(lengths)
    for row, end, length in zip(rows.tolist(), ends.tolist(), lengths.tolist(), strict=True):
        stream[end - length : end - 1] = tokens.ids[tokens.offsets[row] : tokens.offsets[row + 1]]
    return stream


def sequences(stream: np.ndarray, length: int) -> int:
    """How many sequences of `length`, [CLS] and [SEP] included, a packed stream gives in each epoch.

    Up to one less than it holds, so that each epoch can cut it elsewhere.
    """
    room = length - 2
    return max(1, (len(stream) - room + 1) // room) if len(stream) >= room else 0


def epoch_starts(stream: np.ndarray, length: int, seed: int, epoch: int) -> np.ndarray:
    """Where the sequences of an epoch begin, shuffled: a pure function of (seed, epoch).

    Each epoch cuts the stream at other places.

    Returns:
        int64 array (sequences,).
    """
    random = np.random.default_rng((seed, epoch))
    room, count = length - 2, sequences(stream, length)
    shift = random.integers(0, len(stream) - count * room + 1) if count else 0
    return shift + room * random.permutation(count)


def cut(stream: np.ndarray, starts: np.ndarray, length: int, pieces: Pieces) -> np.ndarray:
    """The sequences that begin at `starts`: [CLS], length - 2 tokens of the stream, [SEP]. int32 (n, length)."""
    token_ids = np.empty((len(starts), length), np.int32)
    token_ids[:, 0], token_ids[:, -1] = pieces.cls, pieces.sep
    token_ids[:, 1:-1] = stream[starts[:, None] + np.arange(length - 2)]
    return token_ids


def guesses(length: int, fraction: float) -> int:
    """How many tokens of a sequence are to guess, k."""
    return max(1, round(fraction * (length - 2)))


def mask_batch(
    token_ids: np.ndarray, pieces: Pieces, fraction: float, whole_words: bool, random: np.random.Generator
) -> Masked:
    """Choose the tokens to guess and hide them.

    Args:
        token_ids: int32 (n, length).
        pieces: of the vocabulary.
        fraction: share of the tokens to guess.
        whole_words: all WordPieces of a word are to guess, or none; a word that would exceed the share is left out.
        random: gives the choice.
    """
    k = guesses(token_ids.shape[1], fraction)
    key = random.random(token_ids.shape)
    if whole_words:
        word = np.cumsum(~pieces.inside[token_ids], axis=1) - 1
        key = np.take_along_axis(key, np.maximum(word, 0), axis=1)
    key[pieces.special[token_ids]] = 2.0
    # The pieces of a word have one key; a stable order keeps them together.
    order = np.argsort(key, axis=1, kind="stable")[:, : k + 1]
    key = np.take_along_axis(key, order, axis=1)
    chosen, last = key[:, :k], key[:, k : k + 1]
    is_guess = (chosen < 1.0) & (chosen != last)
    positions = order[:, :k].astype(np.int32)
    targets = np.take_along_axis(token_ids, positions, axis=1)
    draw = random.random(positions.shape)
    others = np.flatnonzero(~pieces.special)
    shown = np.where(draw < HIDDEN, pieces.mask, targets)
    is_replaced = (draw >= HIDDEN) & (draw < HIDDEN + REPLACED)
    shown = np.where(is_replaced, others[random.integers(0, len(others), positions.shape)], shown)
    seen = token_ids.copy()
    np.put_along_axis(seen, positions, np.where(is_guess, shown, targets), axis=1)
    return Masked(seen, positions, targets, is_guess.astype(np.float32))
