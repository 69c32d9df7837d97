"""Turn the texts of one split into WordPiece ids: untruncated, without [CLS] and [SEP], ready to be memory-mapped."""

import logging
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from _job import run_job
from _tokenizer import WordPieceTokenizer, ids_dtype, read_texts, read_vocabulary

log = logging.getLogger(__name__)

Item = TypeVar("Item")
Result = TypeVar("Result")


def write_npy(path: str | Path, dtype: npt.DTypeLike, pieces: Iterable[npt.NDArray[Any]]) -> int:
    """Write a one-dimensional .npy file piece by piece, without ever holding more than one piece.

    Args:
        path: file to write.
        dtype: of its elements.
        pieces: arrays (k,), written one after the other.

    Returns:
        The number of elements written.
    """
    length = 0
    with Path(path).open("wb") as file:

        def write_header() -> None:
            # NumPy pads the header so that the first axis can grow and the header be rewritten in place.
            descr = np.lib.format.dtype_to_descr(np.dtype(dtype))
            header = {"descr": descr, "fortran_order": False, "shape": (length,)}
            np.lib.format.write_array_header_1_0(file, header)

        write_header()
        for piece in pieces:
            file.write(np.ascontiguousarray(piece, dtype).data)
            length += len(piece)
        file.seek(0)
        write_header()
    return length


def map_in_order(function: Callable[[Item], Result], items: Iterable[Item], threads: int) -> Iterator[Result]:
    """Apply a function in several threads and yield the results in the order of the items.

    Unlike `Executor.map` it takes an item only when there is room for it: at most `threads` + 1 are in memory at once.

    Args:
        function: called with one item; may raise, and then so does the iteration.
        items: any number of items, read lazily.
        threads: how many calls run at the same time.

    Yields:
        function(item) for every item.
    """
    with ThreadPoolExecutor(threads) as pool:
        pending: deque = deque()
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) > threads:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


def tokenize_frame(
    frame: str | Path,
    vocabulary: str | Path,
    ids_path: str | Path,
    offsets_path: str | Path,
    lower_case: bool,
    threads: int = 1,
) -> None:
    """Tokenize the texts of a parquet file; the result does not depend on the number of threads.

    Args:
        frame: parquet file with a string column DATA_COLUMN, n rows.
        vocabulary: file with one WordPiece per line.
        ids_path: written, .npy (T,), uint16 up to 65,536 WordPieces in the vocabulary and int32 above: the ids of all
            texts one after the other, without special tokens, untruncated.
        offsets_path: written, .npy (n+1,) int64: the ids of text i are ids[offsets[i]:offsets[i+1]].
        lower_case: fold case and strip accents, as the encoder's vocabulary needs it.
        threads: batches tokenized at the same time.

    Raises:
        BadInput: if the vocabulary is not one or a row has no text.
    """
    started = time.perf_counter()
    wordpieces = read_vocabulary(vocabulary)
    tokenizer = WordPieceTokenizer(wordpieces, lower_case)
    unknown_id, unknown = wordpieces.index("[UNK]"), 0
    offsets = [np.zeros(1, np.int64)]

    def ids_of_batches() -> Iterator[npt.NDArray[np.integer]]:
        nonlocal unknown
        for ids, batch_offsets in map_in_order(tokenizer.tokenize, read_texts(frame), threads):
            offsets.append(offsets[-1][-1] + batch_offsets[1:])
            unknown += int(np.count_nonzero(ids == unknown_id))
            yield ids

    total = write_npy(ids_path, ids_dtype(len(wordpieces)), ids_of_batches())
    all_offsets = np.concatenate(offsets)
    np.save(offsets_path, all_offsets)
    n, seconds = len(all_offsets) - 1, time.perf_counter() - started
    log.info(
        "%s: %d texts, %d WordPieces (%.1f a text), %.3f %% of them [UNK]; %.1f s, %.0f texts/s, %d threads",
        *(frame, n, total, total / max(n, 1), 100 * unknown / max(total, 1), seconds, n / seconds, threads),
    )


def main(snakemake: Any) -> None:
    # TensorFlow reads these when it runs its first operation. Tokenizing must not take memory on a GPU that trains.
    os.environ["TF_NUM_INTRAOP_THREADS"] = os.environ["TF_NUM_INTEROP_THREADS"] = str(snakemake.threads)
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    tokenize_frame(
        frame=snakemake.input.frame,
        vocabulary=snakemake.input.vocabulary,
        ids_path=snakemake.output.ids,
        offsets_path=snakemake.output.offsets,
        lower_case=snakemake.params.lower_case,
        threads=snakemake.threads,
    )


if __name__ == "__main__":
    run_job(main, snakemake)
