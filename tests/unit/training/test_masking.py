"""Packed sequences, and what is hidden in them."""

import numpy as np
import pytest

from bert_ladder.data.tokens import Tokens
from bert_ladder.encoders.vocabulary import wordpiece_vocabulary
from bert_ladder.training.masking import (
    bags,
    cut,
    cut_pairs,
    epoch_starts,
    mask_batch,
    masked_count,
    pack,
    sequences,
)

VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghij", *(f"##{letter}" for letter in "abcdefghij")]
PIECES = wordpiece_vocabulary(VOCABULARY)
WORD, INSIDE = np.arange(5, 15), np.arange(15, 25)


def tokens(lengths: list[int], seed: int = 0) -> Tokens:
    """Texts of random WordPieces; no text begins inside a word."""
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    ids = np.random.default_rng(seed).integers(5, 25, offsets[-1]).astype(np.uint16)
    ids[offsets[:-1][np.array(lengths) > 0]] = 5
    return Tokens(ids, offsets, pad=0, cls=2, sep=3)


def words(token_ids: np.ndarray) -> np.ndarray:
    """Number of the word that each token belongs to."""
    return np.cumsum(~PIECES.inside[token_ids], axis=1)


def test_packing_keeps_every_token_in_the_order_of_the_rows() -> None:
    """Behind each text stands [SEP]; an empty text leaves that alone."""
    texts = tokens([3, 0, 5, 2])
    stream = pack([(texts, np.array([2, 1, 0]))])
    expected = [*texts.ids[3:8], 3, 3, *texts.ids[0:3], 3]
    assert stream.tolist() == expected and stream.dtype == texts.ids.dtype


@pytest.mark.parametrize("size", [13, 14, 15, 26, 27, 100, 1000])
@pytest.mark.parametrize("epoch", [0, 1, 2])
def test_sequences_of_an_epoch_do_not_overlap_and_leave_little_out(size: int, epoch: int) -> None:
    """Nothing is seen twice in an epoch, and less than two sequences are not seen."""
    length = 16
    room = length - 2
    stream = np.arange(size) + 5
    starts = np.sort(epoch_starts(stream, length, seed=1, epoch=epoch))
    assert len(starts) == sequences(stream, length)
    assert (np.diff(starts) == room).all()
    assert all(start >= 0 and start + room <= size for start in starts)
    assert size - room * len(starts) < 2 * room
    assert (len(starts) == 0) == (size < room)


def test_no_padding_is_computed() -> None:
    """A sequence is [CLS], tokens of the stream, [SEP]."""
    stream = pack([(tokens([7, 30]), np.arange(2)), (tokens([4, 60]), np.arange(2))])
    starts = epoch_starts(stream, 16, seed=1, epoch=0)
    token_ids = cut(stream, starts, 16, PIECES)
    assert (token_ids[:, 0] == PIECES.start).all() and (token_ids[:, -1] == PIECES.end).all()
    assert not (token_ids == 0).any()
    assert all((line[1:-1] == stream[start : start + 14]).all() for line, start in zip(token_ids, starts, strict=True))


def test_epochs_cut_the_stream_elsewhere_and_shuffle_it_anew() -> None:
    """A pure function of seed and epoch."""
    stream = pack([(tokens([500]), np.arange(1))])
    of = {(seed, epoch): epoch_starts(stream, 32, seed, epoch).tolist() for seed in (1, 2) for epoch in (0, 1, 2)}
    assert len({tuple(starts) for starts in of.values()}) == 6
    assert len({starts[0] % 30 for starts in of.values()}) > 1
    assert epoch_starts(stream, 32, 1, 2).tolist() == of[1, 2]


def batch(whole_words: bool, seed: int = 0, count: int = 400, fraction: float = 0.15) -> tuple:
    """Sequences of random texts, masked."""
    stream = pack([(tokens([40] * count), np.arange(count))])
    token_ids = cut(stream, np.arange(count) * 20, 32, PIECES)
    return token_ids, mask_batch(token_ids, PIECES, fraction, whole_words, np.random.default_rng(seed))


@pytest.mark.parametrize("whole_words", [False, True])
def test_targets_are_what_stood_there_and_nothing_else_has_changed(whole_words: bool) -> None:
    """Special tokens are never masked; each position at most once."""
    token_ids, masked = batch(whole_words)
    rows = np.arange(len(token_ids))[:, None]
    is_guess = masked.weights == 1
    assert (masked.targets == token_ids[rows, masked.positions]).all()
    assert not PIECES.special[masked.targets[is_guess]].any()
    assert all(len(set(line)) == len(line) for line in masked.positions.tolist())
    untouched = np.ones(token_ids.shape, bool)
    untouched[np.broadcast_to(rows, is_guess.shape)[is_guess], masked.positions[is_guess]] = False
    assert (masked.token_ids == token_ids)[untouched].all()
    assert masked.positions.shape == (400, masked_count(32, 0.15)) and masked.positions.dtype == np.int32


@pytest.mark.parametrize("whole_words", [False, True])
def test_of_the_guesses_eighty_percent_are_hidden_and_ten_replaced(whole_words: bool) -> None:
    """Devlin et al. 2019, section 3.1; a replacement may by chance be the token itself."""
    token_ids, masked = batch(whole_words, count=4000)
    is_guess = masked.weights == 1
    shown = masked.token_ids[np.arange(len(token_ids))[:, None], masked.positions][is_guess]
    targets = masked.targets[is_guess]
    hidden, same = (shown == PIECES.mask).mean(), (shown == targets).mean()
    assert hidden == pytest.approx(0.8, abs=0.01)
    assert same == pytest.approx(0.1 + 0.1 / 20, abs=0.01)
    assert not PIECES.special[shown[shown != PIECES.mask]].any()


def test_whole_words_are_hidden_whole() -> None:
    """Of a word all WordPieces are masked or none; the share stays below the asked and near it."""
    token_ids, masked = batch(whole_words=True)
    word = words(token_ids)
    for line, positions, weights, pieces in zip(word, masked.positions, masked.weights, token_ids, strict=True):
        chosen = set(positions[weights == 1].tolist())
        for number in {line[position] for position in chosen}:
            of_word = {place for place in np.flatnonzero(line == number) if not PIECES.special[pieces[place]]}
            assert of_word <= chosen
    # Words of two pieces on average leave at most one of the four or five guesses open.
    assert 0.8 * 4 < masked.weights.sum(axis=1).mean() <= masked_count(32, 0.15)


@pytest.mark.parametrize(("pieces", "k"), [(2, 5), (3, 5), (5, 5), (6, 5)])
def test_words_that_do_not_fit_any_more_are_passed_over(pieces: int, k: int) -> None:
    """As many whole words as fit; of words that are longer than all that is masked, none."""
    word = [5, *[15] * (pieces - 1)]
    token_ids = np.array([[2, *(word * 40)[:32], 3]] * 50, np.int32)
    masked = mask_batch(token_ids, PIECES, k / 32, True, np.random.default_rng(0))
    # A word that the sequence cuts is shorter.
    whole = 32 - 32 % pieces
    of_whole = (masked.weights * (masked.positions <= whole)).sum(axis=1)
    assert masked.positions.shape[1] == k
    assert (of_whole % pieces == 0).all()
    assert (masked.weights.sum(axis=1) > k - pieces).all()


def test_rare_long_words_are_hidden_too() -> None:
    """One that comes when there is no room does not end the choice: the share is reached."""
    random = np.random.default_rng(1)
    lines = [[2, *np.concatenate([[5, *[15] * random.integers(0, 4)] for _ in range(40)])[:62], 3] for _ in range(200)]
    masked = mask_batch(np.array(lines, np.int32), PIECES, 0.15, True, np.random.default_rng(0))
    share = masked.weights.sum() / (200 * 62)
    inside = PIECES.inside[masked.targets[masked.weights == 1]].mean()
    assert 0.14 < share <= 0.15
    assert inside == pytest.approx(PIECES.inside[np.array(lines)].mean(), abs=0.06)


def test_single_wordpieces_fill_the_share_exactly() -> None:
    """Where a sequence has enough of them."""
    _, masked = batch(whole_words=False)
    assert (masked.weights == 1).all()


def test_a_sequence_with_too_little_to_guess_has_weights_of_zero() -> None:
    """Texts that are empty leave only [SEP]."""
    stream = np.full(64, PIECES.end, np.uint16)
    stream[3] = 7
    masked = mask_batch(cut(stream, np.array([0, 30]), 32, PIECES), PIECES, 0.15, True, np.random.default_rng(0))
    assert masked.weights.sum(axis=1).tolist() == [1, 0]


def test_what_is_hidden_is_a_function_of_the_generator() -> None:
    """Another draw hides other tokens, the same the same."""
    (_, first), (_, again), (_, other) = (batch(True, seed) for seed in (0, 0, 1))
    assert (first.token_ids == again.token_ids).all() and (first.token_ids != other.token_ids).any()


def test_pairs_go_on_or_come_from_anywhere() -> None:
    """Half of the second segments go on where the first ends; all tokens but the special ones are the stream's."""
    stream = np.arange(5, 20_005, dtype=np.uint16)
    starts = np.arange(400) * 40
    token_ids, segment_ids, goes_on = cut_pairs(stream, starts, 32, PIECES, np.random.default_rng(0))
    assert token_ids.shape == segment_ids.shape == (400, 32)
    assert 0.4 < goes_on.mean() < 0.6
    for line, segments, start, same in zip(token_ids, segment_ids, starts, goes_on, strict=True):
        first, second = line[segments == 0], line[segments == 1]
        assert (line[0], first[-1], second[-1]) == (PIECES.start, PIECES.end, PIECES.end)
        first, second = first[1:-1], second[:-1]
        assert min(len(first), len(second)) >= 29 // 4
        assert first.tolist() == list(range(start + 5, start + 5 + len(first)))
        assert (np.diff(second) == 1).all()
        assert (second[0] == first[-1] + 1) == bool(same)


def test_a_pair_that_does_not_go_on_comes_from_elsewhere() -> None:
    """On the shortest stream and in the shortest sequence: both segments have tokens, and no label is wrong."""
    for length, size in ((7, 5), (7, 40), (32, 30)):
        stream = np.arange(5, 5 + size, dtype=np.uint16)
        starts = np.zeros(200, np.int64)
        token_ids, segment_ids, goes_on = cut_pairs(stream, starts, length, PIECES, np.random.default_rng(1))
        last_of_first = np.argmax(segment_ids, axis=1) - 2
        first, second = (np.take_along_axis(token_ids, last_of_first[:, None] + i, axis=1)[:, 0] for i in (0, 2))
        assert 0 < goes_on.sum() < 200
        np.testing.assert_array_equal(second == first + 1, goes_on == 1)
        assert (last_of_first >= 1).all() and (segment_ids.sum(axis=1) >= 2).all()


def test_a_bag_has_every_wordpiece_once_and_no_special_token() -> None:
    """In whatever order."""
    token_ids = np.random.default_rng(0).integers(0, 25, (50, 30)).astype(np.int32)
    token_ids[0] = PIECES.start
    tokens, weights = bags(token_ids, PIECES)
    assert tokens.shape == weights.shape == token_ids.shape
    for line, bag, weight in zip(token_ids, tokens, weights, strict=True):
        assert sorted(bag[weight == 1]) == sorted(set(line.tolist()) - set(np.flatnonzero(PIECES.special)))
    assert set(weights.ravel()) == {0, 1}
