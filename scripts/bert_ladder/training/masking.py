"""Packed sequences of a corpus and their masked tokens. NumPy only."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bert_ladder.data.tokens import Tokens
from bert_ladder.encoders.vocabulary import Vocabulary

# Of the masked tokens, 80 % are hidden, 10 % replaced and 10 % left (Devlin et al. 2019, section 3.1).
HIDDEN, REPLACED = 0.8, 0.1


@dataclass(frozen=True)
class Masked:
    """A batch for a masked language model.

    Attributes:
        token_ids: int32 (n, length), what the model sees.
        positions: int32 (n, k), of the masked tokens.
        targets: int32 (n, k), what stood there.
        weights: float32 (n, k), 1 for a masked token; 0 fills up a sequence that has too few.
    """

    token_ids: np.ndarray
    positions: np.ndarray
    targets: np.ndarray
    weights: np.ndarray


def pack(texts: Sequence[tuple[Tokens, np.ndarray]]) -> np.ndarray:
    """Lay texts out one after the other, with [SEP] behind each.

    Args:
        texts: some texts each with an int array (n,), which of them, in which order.

    Returns:
        Array of the dtype of their ids, (sum of the lengths + number of texts,).
    """
    lengths = [np.diff(tokens.offsets)[rows] + 1 for tokens, rows in texts]
    stream = np.empty(sum(length.sum() for length in lengths), texts[0][0].ids.dtype)
    end = 0
    for tokens, rows in texts:
        for row in rows.tolist():
            start, stop = tokens.offsets[row], tokens.offsets[row + 1]
            end += stop - start + 1
            stream[end - 1 - (stop - start) : end - 1] = tokens.ids[start:stop]
            stream[end - 1] = tokens.sep
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


def cut(stream: np.ndarray, starts: np.ndarray, length: int, vocabulary: Vocabulary) -> np.ndarray:
    """The sequences that begin at `starts`: [CLS], length - 2 tokens of the stream, [SEP]. int32 (n, length)."""
    token_ids = np.empty((len(starts), length), np.int32)
    token_ids[:, 0], token_ids[:, -1] = vocabulary.start, vocabulary.end
    token_ids[:, 1:-1] = stream[starts[:, None] + np.arange(length - 2)]
    return token_ids


def cut_pairs(
    stream: np.ndarray, starts: np.ndarray, length: int, vocabulary: Vocabulary, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sequences of two segments, of which the second goes on where the first ends, or comes from anywhere.

    Devlin et al. 2019, section 3.1, task 2: one as often as the other. Each segment has a quarter of the room at least.

    Args:
        stream: packed texts, at least length - 2 tokens.
        starts: int array (n,), where the first segments begin.
        length: of a sequence: [CLS], first segment, [SEP], second segment, [SEP]; at least 7.
        vocabulary: of the tokens.
        random: gives the lengths and the other places.

    Returns:
        Token ids and segments (0 up to the [SEP] behind the first segment, then 1), int32 (n, length); int32 (n,), 1
        where the second goes on with the first.
    """
    count, room = len(starts), length - 3
    first = random.integers(room // 4, room - room // 4 + 1, count)
    goes_on = random.random(count) < 0.5
    elsewhere = random.integers(0, len(stream) - room, count)
    elsewhere += elsewhere >= starts
    place = np.arange(room)
    is_second = place >= first[:, None]
    shift = np.where(is_second & ~goes_on[:, None], elsewhere[:, None], starts[:, None])
    token_ids = np.full((count, length), vocabulary.end, np.int32)
    token_ids[:, 0] = vocabulary.start
    np.put_along_axis(token_ids, place + 1 + is_second, stream[shift + place].astype(np.int32), axis=1)
    segment_ids = (np.arange(length) > first[:, None] + 1).astype(np.int32)
    return token_ids, segment_ids, goes_on.astype(np.int32)


def bags(token_ids: np.ndarray, vocabulary: Vocabulary) -> tuple[np.ndarray, np.ndarray]:
    """The WordPieces of each sequence, once each and without special tokens.

    Args:
        token_ids: int32 (n, length).
        vocabulary: of the tokens.

    Returns:
        int32 (n, length), and float32 (n, length), 1 for the first of each and 0 for what is to be passed over.
    """
    tokens = np.sort(token_ids, axis=1)
    is_first = np.ones(tokens.shape, bool)
    is_first[:, 1:] = tokens[:, 1:] != tokens[:, :-1]
    return tokens, (is_first & ~vocabulary.special[tokens]).astype(np.float32)


def masked_count(length: int, fraction: float) -> int:
    """How many tokens of a sequence are masked, k."""
    return max(1, round(fraction * (length - 2)))


def mask_batch(
    token_ids: np.ndarray, vocabulary: Vocabulary, fraction: float, whole_words: bool, random: np.random.Generator
) -> Masked:
    """Choose the masked tokens and hide them.

    Args:
        token_ids: int32 (n, length).
        vocabulary: of the tokens.
        fraction: share of the tokens that is masked.
        whole_words: all WordPieces of a word are masked, or none; a word that would exceed the share is passed over.
        random: gives the choice.
    """
    k = masked_count(token_ids.shape[1], fraction)
    key = random.random(token_ids.shape)
    if whole_words:
        word = np.cumsum(~vocabulary.inside[token_ids], axis=1) - 1
        key = np.take_along_axis(key, np.maximum(word, 0), axis=1)
    key[vocabulary.special[token_ids]] = 2.0
    # The pieces of a word have one key; a stable order keeps them together.
    order = np.argsort(key, axis=1, kind="stable")
    chosen = _fitting_words(np.take_along_axis(key, order, axis=1), k)
    first = np.argsort(~chosen, axis=1, kind="stable")[:, :k]
    is_masked = np.take_along_axis(chosen, first, axis=1)
    positions = np.take_along_axis(order, first, axis=1).astype(np.int32)
    targets = np.take_along_axis(token_ids, positions, axis=1)
    draw = random.random(positions.shape)
    others = np.flatnonzero(~vocabulary.special)
    shown = np.where(draw < HIDDEN, vocabulary.mask, targets)
    is_replaced = (draw >= HIDDEN) & (draw < HIDDEN + REPLACED)
    shown = np.where(is_replaced, others[random.integers(0, len(others), positions.shape)], shown)
    seen = token_ids.copy()
    np.put_along_axis(seen, positions, np.where(is_masked, shown, targets), axis=1)
    return Masked(seen, positions, targets, is_masked.astype(np.float32))


def _fitting_words(keys: np.ndarray, k: int) -> np.ndarray:
    """Take words in the order of their keys, k tokens at most; one that does not fit any more is passed over.

    Args:
        keys: float (n, length), sorted; equal ones make a word, and those of 1 and above are not to be taken.
        k: most tokens of a line.

    Returns:
        bool (n, length), the tokens taken.
    """
    lines, length = keys.shape
    is_first = np.ones(keys.shape, bool)
    is_first[:, 1:] = keys[:, 1:] != keys[:, :-1]
    # Where the next word begins, seen from each token.
    following = np.where(is_first, np.arange(length), length)[:, ::-1]
    following = np.minimum.accumulate(following, axis=1)[:, ::-1]
    following = np.concatenate([following[:, 1:], np.full((lines, 1), length)], axis=1)
    taken = np.zeros(keys.shape, bool)
    fits, total = np.zeros(lines, bool), np.zeros(lines, np.int64)
    for place in range(length):
        word_fits = (total + following[:, place] - place <= k) & (keys[:, place] < 1.0)
        fits = np.where(is_first[:, place], word_fits, fits)
        taken[:, place] = fits
        total += fits
    return taken
