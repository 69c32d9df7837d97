"""Reads Arrow's own files: feather, and what Hugging Face's datasets save."""

from collections.abc import Iterator, Sequence

import pyarrow as pa

from bert_ladder.data.readers.published import PublishedExamples, PublishedFile
from bert_ladder.data.readers.tables import first_part, read_table

FILE_MAGIC = b"ARROW1"
END_OF_STREAM = b"\xff\xff\xff\xff\0\0\0\0"
BATCH = 4096


def read_arrow(file: PublishedFile) -> PublishedExamples:
    """Read two columns of a table, from the form with an index at its end or from a stream.

    Raises:
        BadInput: a column is not to be found, or the file is too large.
    """
    with pa.memory_map(str(file.content)) as opened:
        schema = open_arrow(opened).schema

    def batches(names: Sequence[str], texts: Sequence[str]) -> Iterator[pa.RecordBatch]:
        outer = list(dict.fromkeys(first_part(schema.names, name) for name in names))
        count = rows = 0
        with pa.memory_map(str(file.content)) as opened:
            for batch in batches_of(open_arrow(opened)):
                wanted = batch.select(outer)
                # Nothing that lies in an Arrow file was checked when it was opened, not even where a text ends.
                wanted.validate(full=True)
                count, rows = count + wanted.nbytes, rows + len(wanted)
                file.check_bytes(count)
                file.check_rows(rows)
                yield from (wanted.slice(start, BATCH) for start in range(0, len(wanted), BATCH))

    return read_table(file, schema, batches)


def open_arrow(opened: pa.MemoryMappedFile) -> pa.RecordBatchFileReader | pa.RecordBatchStreamReader:
    """Open the form with an index at its end, or a stream.

    Raises:
        EOFError: a stream is cut.
    """
    if opened.read(len(FILE_MAGIC)) == FILE_MAGIC:
        return pa.ipc.open_file(opened)
    # Arrow takes a stream that is cut between two batches for a whole one.
    opened.seek(max(0, opened.size() - len(END_OF_STREAM)))
    if opened.read() != END_OF_STREAM:
        raise EOFError("a stream without its end")
    opened.seek(0)
    return pa.ipc.open_stream(opened)


def batches_of(reader: pa.RecordBatchFileReader | pa.RecordBatchStreamReader) -> Iterator[pa.RecordBatch]:
    """The batches of a file or stream, one after the other."""
    if isinstance(reader, pa.RecordBatchFileReader):
        yield from (reader.get_batch(place) for place in range(reader.num_record_batches))
    else:
        yield from reader
