"""Reads parquet."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from bert_ladder.data.readers.columns import Columns, check_unique, choose_columns
from bert_ladder.data.readers.published import PublishedExamples, PublishedFile, listed


def read_parquet(file: PublishedFile) -> PublishedExamples:
    """Read two columns of a table.

    Raises:
        BadInput: a column is not to be found, or the file is too large.
    """
    with pq.ParquetFile(file.content) as opened:
        metadata, schema = opened.metadata, opened.schema_arrow
    file.check_bytes(sum(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups)))
    file.check_rows(metadata.num_rows)
    check_unique(file.path, schema.names)
    types = {item.name: item.type for item in schema}
    values = {name: kind.value_type if pa.types.is_dictionary(kind) else kind for name, kind in types.items()}
    strings = [name for name, kind in values.items() if _holds_text(kind)]
    listing = "the columns " + listed([f"{name[:60]!r} ({str(kind)[:60]})" for name, kind in types.items()])
    chosen = choose_columns(file, Columns(list(types), strings, listing))

    def rows() -> Iterator[tuple[Any, ...]]:
        # A text that is stored once for many rows must not be written out for each of them.
        with pq.ParquetFile(file.content, read_dictionary=[name for name in chosen if name in strings]) as opened:
            for batch in opened.iter_batches(batch_size=4096, columns=list(chosen)):
                yield from zip(*(_plain_values(batch.column(name)) for name in chosen), strict=True)

    return PublishedExamples(rows(), lambda row: f"row {row + 1}")


def _holds_text(kind: pa.DataType) -> bool:
    checks = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    return any(check(kind) for check in (*checks, pa.types.is_binary, pa.types.is_large_binary))


def _plain_values(column: pa.Array) -> list[Any]:
    """Strings as bytes: parquet does not promise that its strings are UTF-8, and the row's own check names the row."""
    if not pa.types.is_dictionary(column.type):
        return (column.cast(pa.large_binary()) if _holds_text(column.type) else column).to_pylist()
    used = column.indices.unique().drop_null()
    values = dict(zip(used.to_pylist(), _plain_values(column.dictionary.take(used)), strict=True))
    return [values.get(index) for index in column.indices.to_pylist()]
