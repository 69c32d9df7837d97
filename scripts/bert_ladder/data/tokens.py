"""Batches of token ids: truncation, padding, order. NumPy only."""

from dataclasses import dataclass

import numpy as np

# Share of the kept WordPieces that comes from the start of a text under "head+tail":
# 128 of 510 in Sun et al. 2019 (arXiv 1905.05583), section 5.3.1.
HEAD_SHARE = 128 / 510
MULTIPLE = 8  # of every width but the length
COMPILED_WIDTHS = 4


@dataclass(frozen=True)
class Tokens:
    """The WordPiece ids of many texts, one after the other, without special tokens.

    Attributes:
        ids: int array (total,), memory-mapped.
        offsets: int64 array (texts + 1,); text i is `ids[offsets[i]:offsets[i + 1]]`.
        pad, cls, sep: ids of [PAD], [CLS] and [SEP].
    """

    ids: np.ndarray
    offsets: np.ndarray
    pad: int
    cls: int
    sep: int

    def lengths(self, length: int) -> np.ndarray:
        """Length of every text as the model sees it: [CLS] and [SEP] included, cut at `length`. int64 (texts,)."""
        return np.minimum(np.diff(self.offsets) + 2, length)

    def batch(self, rows: np.ndarray, length: int, truncation: str, width: int) -> np.ndarray:
        """Encode some texts as [CLS] ids [SEP], cut to `length` and padded to `width`.

        Args:
            rows: int array (n,), which texts.
            length: most WordPieces of a text, special tokens included.
            truncation: "head", "tail" or "head+tail": which part of a longer text is kept.
            width: columns of the result, at least the longest cut text.

        Returns:
            int32 array (n, width).
        """
        room = length - 2
        head = {"head": room, "tail": 0, "head+tail": round(room * HEAD_SHARE)}[truncation]
        token_ids = np.full((len(rows), width), self.pad, np.int32)
        token_ids[:, 0] = self.cls
        for line, row in zip(token_ids, rows, strict=True):
            start, stop = self.offsets[row], self.offsets[row + 1]
            kept = self.ids[start:stop]
            if len(kept) > room:
                kept = np.concatenate([kept[:head], kept[len(kept) - (room - head) :]])
            line[1 : len(kept) + 1] = kept
            line[len(kept) + 1] = self.sep
        return token_ids


def batch_widths(length: int, compiled: bool) -> np.ndarray:
    """The widths to which batches of similar length are padded, rising to `length`. int64.

    Args:
        length: the largest width.
        compiled: whether each width is compiled (XLA), which takes longer than padding: then there are four at most.
    """
    count = COMPILED_WIDTHS if compiled else -(-length // MULTIPLE)
    parts = length * np.arange(1, count + 1) / count
    return np.unique(np.minimum(np.ceil(parts / MULTIPLE).astype(int) * MULTIPLE, length))


def similar_length_batches(
    rows: np.ndarray, lengths: np.ndarray, batch_size: int, widths: np.ndarray
) -> list[tuple[np.ndarray, int]]:
    """Cut rows, sorted by length (ties keep their order), into batches with the smallest width that holds each.

    Args:
        rows: int array (n,).
        lengths: int array (n,), the cut length of each of them.
        batch_size: rows per batch; the last one may be smaller.
        widths: from `batch_widths`.

    Returns:
        (rows, width) of each batch. The widest comes first and the narrowest second: memory runs out at once or not at
        all, and Keras, which infers the shape of its input from the first two batches, sees that the width varies.
    """
    order = np.argsort(lengths, kind="stable")
    batches = []
    for start in range(0, len(rows), batch_size):
        chosen = order[start : start + batch_size]
        batches.append((rows[chosen], int(widths[np.searchsorted(widths, lengths[chosen[-1]])])))
    return widest_first(batches)


def widest_first(batches: list[tuple[np.ndarray, int]]) -> list[tuple[np.ndarray, int]]:
    """Move the widest batch to the front and the narrowest behind it; the others keep their order."""
    if len(batches) < 2:
        return batches
    by_width = sorted(range(len(batches)), key=lambda i: batches[i][1])
    first, second = by_width[-1], by_width[0]
    return [batches[first], batches[second]] + [b for i, b in enumerate(batches) if i not in (first, second)]


@dataclass(frozen=True)
class Batching:
    """How rows become batches.

    Attributes:
        batch_size: rows per step; the last batch may be smaller.
        length: width of every batch without `length_buckets`, the largest width with it.
        length_buckets: put texts of similar length together. Within pools of 50 batches, drawn at random, rows are
            sorted by length and cut into batches, whose order is then shuffled.
        compiled: whether each width is compiled, see `batch_widths`.
    """

    batch_size: int
    length: int
    length_buckets: bool
    compiled: bool = False


def epoch_batches(
    rows: np.ndarray, lengths: np.ndarray, batching: Batching, *, seed: int, epoch: int
) -> list[tuple[np.ndarray, int]]:
    """The batches of one training epoch: a pure function of (seed, epoch), whatever was drawn before.

    Args:
        rows: int array (n,), the rows trained on.
        lengths: int array (n,), the cut length of each.
        batching: how large and how wide they are, and which texts share one.
        seed: the run's seed.
        epoch: from 0.

    Returns:
        (rows, width) of each batch.
    """
    random = np.random.default_rng((seed, epoch))
    order = random.permutation(len(rows))
    batch_size, length = batching.batch_size, batching.length
    if not batching.length_buckets:
        return [(rows[order[i : i + batch_size]], length) for i in range(0, len(rows), batch_size)]
    pool, widths = 50 * batch_size, batch_widths(length, batching.compiled)
    batches = []
    for start in range(0, len(rows), pool):
        chosen = order[start : start + pool]
        batches += similar_length_batches(rows[chosen], lengths[chosen], batch_size, widths)
    return widest_first([batches[i] for i in random.permutation(len(batches))])
