"""Reads parquet."""

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from bert_ladder.data.readers.published import PublishedExamples, PublishedFile
from bert_ladder.data.readers.tables import read_table


def read_parquet(file: PublishedFile) -> PublishedExamples:
    """Read two columns of a table.

    Raises:
        BadInput: a column is not to be found, or the file is too large.
    """
    with pq.ParquetFile(file.content) as opened:
        metadata, schema = opened.metadata, opened.schema_arrow
    file.check_bytes(sum(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups)))
    file.check_rows(metadata.num_rows)

    def batches(names: Sequence[str], texts: Sequence[str]) -> Iterator[pa.RecordBatch]:
        # A text that is stored once for many rows must not be written out for each of them.
        with pq.ParquetFile(file.content, read_dictionary=list(texts)) as opened:
            yield from opened.iter_batches(batch_size=4096, columns=list(names))

    return read_table(file, schema, batches)
