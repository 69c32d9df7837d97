"""WordPiece tokenization exactly as TF Hub's BERT preprocessing does it, each distinct chunk of text only once.

TF Hub's preprocessing models are `text.BertTokenizer` over a lookup table. That tokenizer is slow because it runs
every regular expression over every occurrence of every word. None of its steps looks across ASCII whitespace: the
normalization forms neither compose nor reorder across it, it is a delimiter of the splitting expression, and WordPiece
works word by word. The ids of a text are therefore the ids of its whitespace-separated chunks, one after the other,
and tokenizing the distinct chunks of a batch gives the same ids for a fraction of the work.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import tensorflow as tf
import tensorflow_text as text
from tensorflow_text.python.ops.bert_tokenizer import BasicTokenizer

from bert_ladder.data.json_tokenizer import JsonTokenizer
from bert_ladder.runtime.jobs import BadInput

log = logging.getLogger(__name__)

Item = TypeVar("Item")
Result = TypeVar("Result")

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
# What a vocabulary calls a word that it does not have: BERT, RoBERTa and ALBERT.
UNKNOWN = ("[UNK]", "<unk>")
BATCH_ROWS = 10_000
BATCH_BYTES = 8 << 20


def read_vocabulary(path: str | Path) -> list[str]:
    """Read and check a vocabulary file; the id of a WordPiece is its line number less one.

    Args:
        path: UTF-8 text, one WordPiece per line; a byte order mark and Windows line ends are tolerated.

    Returns:
        The WordPieces in the order of their ids.

    Raises:
        BadInput: for text that is not UTF-8, an empty line, white space in a WordPiece, a WordPiece given twice or a
            missing special token.
    """
    content = Path(path).read_bytes()
    try:
        lines = content.decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        broken = content.count(b"\n", 0, error.start) + 1
        raise BadInput(
            f"{path}, line {broken}: byte 0x{content[error.start]:02x} is not valid UTF-8; save the vocabulary as UTF-8"
        ) from error
    if not lines[-1]:
        lines.pop()
    line_of: dict[str, int] = {}
    for number, line in enumerate(lines, start=1):
        wordpiece = line.removesuffix("\r")
        if not wordpiece:
            raise BadInput(f"{path}, line {number}: the line is empty; give one WordPiece per line")
        if set(wordpiece) & set(" \t\n\v\f\r"):
            raise BadInput(
                f"{path}, line {number}: {wordpiece[:40]!r} contains white space, so no word of a text can match it; "
                "give one WordPiece per line and nothing else"
            )
        if wordpiece in line_of:
            raise BadInput(
                f"{path}, line {number}: {wordpiece!r} is already in line {line_of[wordpiece]}; "
                "keep one of them, so that every WordPiece has one id"
            )
        line_of[wordpiece] = number
    missing = [token for token in SPECIAL_TOKENS if token not in line_of]
    if missing:
        raise BadInput(
            f"{path}, line {len(lines)}: the file ends without {', '.join(missing)}; "
            f"a BERT vocabulary has all of {' '.join(SPECIAL_TOKENS)}"
        )
    return list(line_of)


def ids_dtype(vocabulary_size: int) -> npt.DTypeLike:
    """The smallest of uint16 and int32 that holds every id of a vocabulary."""
    return np.uint16 if vocabulary_size <= np.iinfo(np.uint16).max + 1 else np.int32


def read_texts(frame: str | Path) -> Iterator[pa.Array]:
    """Read the texts of a parquet file in batches of at most `BATCH_ROWS` texts and about `BATCH_BYTES` bytes.

    Args:
        frame: parquet file with a string column DATA_COLUMN.

    Yields:
        String arrays, in the order of the rows; only a single longer text makes a batch much larger than the limit.

    Raises:
        BadInput: if a row has no text (null; the empty text is fine).
    """
    row = 0
    for batch in pq.ParquetFile(frame, buffer_size=1 << 20, pre_buffer=False).iter_batches(
        BATCH_ROWS, columns=["DATA_COLUMN"]
    ):
        texts = batch.column(0)
        if texts.null_count:
            first = row + int(np.flatnonzero(texts.is_null().to_numpy(zero_copy_only=False))[0])
            raise BadInput(f"{frame}, row {first}: DATA_COLUMN is null; give a text, which may be empty")
        batch_of_text = np.cumsum(pc.binary_length(texts).to_numpy(), dtype=np.int64) // BATCH_BYTES
        cuts = np.flatnonzero(np.diff(batch_of_text)) + 1
        for start, stop in zip([0, *cuts], [*cuts, len(texts)], strict=True):
            yield texts.slice(start, stop - start)
        row += len(texts)


def split_chunks(texts: pa.Array) -> tuple[pa.DictionaryArray, npt.NDArray[np.int64]]:
    """Split texts at ASCII whitespace.

    Args:
        texts: string array (n,).

    Returns:
        All chunks one after the other, dictionary-encoded, so that the distinct ones are its `dictionary` (binary), and
        offsets (n+1,) int64: the chunks of text i are offsets[i] to offsets[i+1].
    """
    chunks = pc.ascii_split_whitespace(texts)
    encoded = chunks.flatten().dictionary_encode()
    encoded = pa.DictionaryArray.from_arrays(encoded.indices, encoded.dictionary.cast(pa.large_binary()))
    return encoded, offsets_of(pc.list_value_length(chunks).to_numpy())


def offsets_of(lengths: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """Offsets (n+1,) int64 of consecutive pieces with the given lengths (n,)."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths, dtype=np.int64)])


class WordPieceTokenizer:
    """The tokenizer of TF Hub's BERT preprocessing, without [CLS], [SEP] and truncation.

    The calls release the interpreter's lock for nearly all of their time, so several threads may share one tokenizer.
    """

    def __init__(self, vocabulary: list[str], lower_case: bool) -> None:
        """Build the tokenizer.

        Args:
            vocabulary: WordPieces in the order of their ids, with all of `SPECIAL_TOKENS`.
            lower_case: fold case and strip accents, as uncased vocabularies need it.
        """
        # The tokenizer takes -1 for "not in the vocabulary", as the published preprocessing models define their table.
        initializer = tf.lookup.KeyValueTensorInitializer(vocabulary, np.arange(len(vocabulary), dtype=np.int64))
        self._table = tf.lookup.StaticHashTable(initializer, default_value=-1)
        self._tokenizer = text.BertTokenizer(self._table, lower_case=lower_case)
        self._dtype = ids_dtype(len(vocabulary))
        self._graph = tf.function(self._tokenize, input_signature=[tf.TensorSpec([None], tf.string)])

    def _tokenize(self, texts: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        ids = self._tokenizer.tokenize(texts).merge_dims(-2, -1)
        return ids.values, ids.row_lengths()

    def tokenize_directly(
        self, texts: npt.NDArray[np.object_] | list[str]
    ) -> tuple[npt.NDArray[np.integer], npt.NDArray[np.int64]]:
        """Tokenize whole texts with `text.BertTokenizer` itself; the reference for `tokenize`.

        Args:
            texts: n strings (str, or UTF-8 bytes).

        Returns:
            ids (T,) of all texts one after the other, uint16 or int32 by the size of the vocabulary, and
            offsets (n+1,) int64: the ids of text i are ids[offsets[i]:offsets[i+1]].
        """
        ids, lengths = self._graph(tf.constant(texts, dtype=tf.string, shape=(len(texts),)))
        return ids.numpy().astype(self._dtype), offsets_of(lengths.numpy())

    def tokenize(self, texts: pa.Array) -> tuple[npt.NDArray[np.integer], npt.NDArray[np.int64]]:
        """Tokenize texts by their distinct chunks.

        Args:
            texts: string array (n,) without nulls.

        Returns:
            The same as `tokenize_directly`.
        """
        chunks, chunk_offsets = split_chunks(texts)
        ids, offsets = self.tokenize_directly(chunks.dictionary.to_numpy(zero_copy_only=False))
        found = pa.LargeListArray.from_arrays(offsets, ids).take(chunks.indices)
        id_offsets = offsets_of(pc.list_value_length(found).to_numpy())
        return found.flatten().to_numpy(), id_offsets[chunk_offsets]


def count_words(texts: pa.Array, lower_case: bool) -> pa.Table:
    """Count the words that `text.BertTokenizer` would look up.

    Args:
        texts: string array (n,) without nulls.
        lower_case: fold case and strip accents first.

    Returns:
        Table with the columns `word` (binary, UTF-8) and `count` (int64); a word may stand in several rows.
    """
    chunks, _ = split_chunks(texts)
    chunk_counts = np.bincount(chunks.indices.to_numpy(), minlength=len(chunks.dictionary))
    distinct = tf.constant(chunks.dictionary.to_numpy(zero_copy_only=False), tf.string, shape=(len(chunks.dictionary),))
    words = BasicTokenizer(lower_case=lower_case).tokenize(distinct)
    counts = np.repeat(chunk_counts, words.row_lengths().numpy())
    return pa.table({"word": pa.array(words.values.numpy(), pa.large_binary()), "count": counts})


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
    lower_case: bool | None,
    threads: int = 1,
) -> None:
    """Tokenize the texts of a parquet file; the result does not depend on the number of threads.

    Args:
        frame: parquet file with a string column DATA_COLUMN, n rows.
        vocabulary: file with one WordPiece per line, or a tokenizer.json, whose own ids are taken.
        ids_path: written, .npy (T,), uint16 up to 65,536 WordPieces in the vocabulary and int32 above: the ids of all
            texts one after the other, without special tokens, untruncated.
        offsets_path: written, .npy (n+1,) int64: the ids of text i are ids[offsets[i]:offsets[i+1]].
        lower_case: fold case and strip accents, as the encoder's WordPieces need it; None of another tokenizer.
        threads: batches tokenized at the same time.

    Raises:
        BadInput: if the vocabulary is not one or a row has no text.
    """
    started = time.perf_counter()
    tokenizer: WordPieceTokenizer | JsonTokenizer
    if Path(vocabulary).suffix == ".json":
        tokenizer = JsonTokenizer(vocabulary)
        pieces = tokenizer.pieces
    else:
        pieces = read_vocabulary(vocabulary)
        tokenizer = WordPieceTokenizer(pieces, bool(lower_case))
    unknown_id, unknown = next(pieces.index(name) for name in UNKNOWN if name in pieces), 0
    offsets = [np.zeros(1, np.int64)]

    def ids_of_batches() -> Iterator[npt.NDArray[np.integer]]:
        nonlocal unknown
        for ids, batch_offsets in map_in_order(tokenizer.tokenize, read_texts(frame), threads):
            offsets.append(offsets[-1][-1] + batch_offsets[1:])
            unknown += int(np.count_nonzero(ids == unknown_id))
            yield ids

    total = write_npy(ids_path, ids_dtype(len(pieces)), ids_of_batches())
    all_offsets = np.concatenate(offsets)
    np.save(offsets_path, all_offsets)
    n, seconds = len(all_offsets) - 1, time.perf_counter() - started
    log.info(
        "%s: %d texts, %d tokens (%.1f a text), %.3f %% of them unknown; %.1f s, %.0f texts/s, %d threads",
        *(frame, n, total, total / max(n, 1), 100 * unknown / max(total, 1), seconds, n / seconds, threads),
    )
