"""Truncation, padding and the order of batches."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bert_ladder.data.tokens import Batching, Tokens, batch_widths, epoch_batches, similar_length_batches
from bert_ladder.encoders.vocabulary import wordpiece_vocabulary

PAD, CLS, SEP = 0, 2, 3


def tokens_of(*texts: list[int]) -> Tokens:
    """Tokens that hold the given ids."""
    ids = np.array([piece for text in texts for piece in text], np.uint16)
    return Tokens(ids, np.cumsum([0, *map(len, texts)]), PAD, CLS, SEP)


@pytest.mark.parametrize(
    ("truncation", "kept"),
    [("head", [10, 11, 12, 13]), ("tail", [16, 17, 18, 19]), ("head+tail", [10, 17, 18, 19])],
)
def test_truncation_keeps_the_named_part(truncation: str, kept: list[int]) -> None:
    """A text of 10 WordPieces at length 6 keeps 4 of them, from the part that the study names."""
    batch = tokens_of(list(range(10, 20))).batch(np.array([0]), 6, truncation, 6)
    assert batch.tolist() == [[CLS, *kept, SEP]]


@pytest.mark.parametrize("truncation", ["head", "tail", "head+tail"])
def test_short_texts_are_padded_whole(truncation: str) -> None:
    """A text that fits is kept whole, an empty one is [CLS] [SEP], and the rest of the line is [PAD]."""
    batch = tokens_of([10, 11], [], [12, 13, 14, 15]).batch(np.array([2, 0, 1]), 6, truncation, 8)
    assert batch.tolist() == [
        [CLS, 12, 13, 14, 15, SEP, PAD, PAD],
        [CLS, 10, 11, SEP, PAD, PAD, PAD, PAD],
        [CLS, SEP, PAD, PAD, PAD, PAD, PAD, PAD],
    ]
    assert batch.dtype == np.int32


def test_lengths_count_special_tokens_and_stop_at_the_cut() -> None:
    """The length of a text is what the model sees of it."""
    assert tokens_of([], [10], list(range(10, 30))).lengths(8).tolist() == [2, 3, 8]


def test_tokens_are_memory_mapped(tmp_path: Path) -> None:
    """The ids are not read into memory, and the special tokens are looked up in the vocabulary."""
    np.save(tmp_path / "ids.npy", np.arange(5, dtype=np.uint16))
    np.save(tmp_path / "offsets.npy", np.array([0, 2, 5]))
    vocabulary = wordpiece_vocabulary(["[UNK]", "[PAD]", "[SEP]", "[CLS]", "[MASK]", "wordé"])
    tokens = vocabulary.open_tokens(tmp_path / "ids.npy", tmp_path / "offsets.npy")
    assert isinstance(tokens.ids, np.memmap)
    assert (tokens.pad, tokens.cls, tokens.sep) == (1, 3, 2)


@given(length=st.integers(3, 600), compiled=st.booleans())
def test_widths_rise_in_eights_to_the_length(length: int, compiled: bool) -> None:
    """All multiples of eight below the length and that itself; at most four of them where each is compiled."""
    widths = batch_widths(length, compiled)
    assert widths[-1] == length
    assert (np.diff(widths) > 0).all()
    assert (widths[:-1] % 8 == 0).all()
    if compiled:
        assert 1 <= len(widths) <= 4
    else:
        assert widths[:-1].tolist() == list(range(8, length, 8))


@given(
    lengths=st.lists(st.integers(2, 64), min_size=1, max_size=300),
    batch_size=st.integers(1, 40),
    buckets=st.booleans(),
    epoch=st.integers(0, 3),
)
def test_an_epoch_holds_every_row_once_and_wide_enough(
    lengths: list[int], batch_size: int, buckets: bool, epoch: int
) -> None:
    """Whatever the lengths: each row once, batches no larger than asked, no text wider than its batch."""
    rows, cut = np.arange(100, 100 + len(lengths)), np.array(lengths)
    batches = epoch_batches(rows, cut, Batching(batch_size, 64, buckets), seed=5, epoch=epoch)
    assert sorted(np.concatenate([chosen for chosen, _ in batches])) == list(rows)
    assert all(len(chosen) <= batch_size for chosen, _ in batches)
    assert all(cut[chosen - 100].max() <= width for chosen, width in batches)
    if not buckets:
        assert {width for _, width in batches} == {64}
        assert len(batches) == -(-len(lengths) // batch_size)
    elif len(batches) > 1:
        widths = [width for _, width in batches]
        assert widths[0] == max(widths)
        assert widths[1] == min(widths)


@pytest.mark.parametrize("buckets", [False, True])
def test_order_is_a_pure_function_of_seed_and_epoch(buckets: bool) -> None:
    """The same (seed, epoch) gives the same batches, any other pair another order."""
    rows, lengths = np.arange(200), np.arange(200) % 60 + 3

    def order(seed: int, epoch: int) -> list[int]:
        batches = epoch_batches(rows, lengths, Batching(16, 64, buckets), seed=seed, epoch=epoch)
        return np.concatenate([chosen for chosen, _ in batches]).tolist()

    first = order(1, 0)
    np.random.default_rng(0).random(10)
    assert order(1, 0) == first
    assert order(1, 1) != first
    assert order(2, 0) != first
    # Else the seeds of a row would not be independent of each other.
    assert order(2, 0) != order(1, 1)


@pytest.mark.parametrize(("compiled", "waste"), [(False, 1.1), (True, 1.3)])
def test_similar_length_batches_waste_little(compiled: bool, waste: float) -> None:
    """Batches of similar length need few columns more than there are WordPieces, more of them where widths are few."""
    lengths = np.random.default_rng(0).integers(3, 129, 1000)
    batches = similar_length_batches(np.arange(1000), lengths, 32, batch_widths(128, compiled))
    assert sum(len(rows) * width for rows, width in batches) < waste * lengths.sum()
