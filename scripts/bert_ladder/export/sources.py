"""The rows of a file to predict, a chunk at a time, with all of their columns."""

import codecs
import csv
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any, TextIO

import pyarrow as pa
import pyarrow.parquet as pq

from bert_ladder.data.frames import is_blank
from bert_ladder.data.readers.arrow_files import batches_of, open_arrow
from bert_ladder.data.readers.columns import SAMPLE, Columns, choose_columns
from bert_ladder.data.readers.delimited import open_table, ragged
from bert_ladder.data.readers.dialects import BadRecord, Dialect
from bert_ladder.data.readers.forms import DAMAGE, READERS, unpacked_files
from bert_ladder.data.readers.json_files import object_of_line, rows_of_document
from bert_ladder.data.readers.names import LABEL_NAMES, TEXT_NAMES, plain_name
from bert_ladder.data.readers.published import Found, PublishedFile, fault, is_missing, shown
from bert_ladder.data.readers.records import has_value, record_columns, value_at
from bert_ladder.data.readers.streams import compression_of, first_bytes, open_text
from bert_ladder.data.readers.tables import column_at, first_part, plain_values, table_columns
from bert_ladder.runtime.jobs import BadInput, disk_trouble, reason_of

CHUNK_ROWS = 1024
CHUNK_CHARACTERS = 1 << 22
# Of one field: a quote that is never closed would otherwise take the rest of the file into memory.
MOST_CHARACTERS = 1 << 24
NO_LIMIT = 1 << 62
OPTIONS = {"text": "--column", "columns": "--header"}

# Takes a row that is broken: raises it, or counts it.
Broken = Callable[[BadInput], None]


class GivenFile(PublishedFile):
    """A file to predict: messages name the options of the command, not keys of a study."""

    def key(self, name: str) -> str:
        """The option that says how to read the file."""
        return OPTIONS.get(name, f"--{name}")


@dataclass(frozen=True)
class Chunk:
    """Some rows of a file.

    Attributes:
        rows: as the file has them: fields, objects, or a batch of a table.
        texts: of each of them.
    """

    rows: list[list[str]] | list[dict[str, Any]] | pa.RecordBatch
    texts: list[str]


@dataclass(frozen=True)
class Source:
    """A file whose columns are known.

    Attributes:
        path: what messages name.
        form: "csv", "tsv", "jsonl", "json", "parquet", "arrow" or "texts", which have no columns of their own.
        names: of its columns; the keys of the first objects.
        chunks: gives its rows; those that are broken go to its argument.
        total, unit, position: how much there is to read, None: unknown; in which unit; how much of it was.
        dialect: of a csv or tsv.
        marked: whether a csv or tsv begins with UTF-8's mark, without which some spreadsheets take it for another code.
        schema: of a table.
    """

    path: Path
    form: str
    names: list[str]
    chunks: Callable[[Broken], Iterator[Chunk]]
    position: Callable[[], int]
    total: int | None = None
    unit: str = "B"
    dialect: Dialect | None = None
    marked: bool = False
    schema: pa.Schema | None = None


def open_source(file: GivenFile, scratch: Path) -> Source:
    """Tell what a file is and where its texts are.

    Args:
        file: to predict.
        scratch: an empty folder, for what has to be unpacked.

    Raises:
        BadInput: it is none that is read, or has no column of texts.
    """
    if not file.content.exists():
        raise BadInput(f"{file.path}: is not there; give a file with texts.")
    if file.content.is_dir():
        raise BadInput(f"{file.path}: is a folder; give a file.")
    with damage_told(file):
        parts = [_open_part(part, form) for part, form in unpacked_files(file, scratch)]
    first = parts[0]
    for part in parts[1:]:
        if (part.form, part.names) != (first.form, first.names):
            raise BadInput(f"{part.path}: has other columns than the parts before it; give the parts one by one.")

    def chunks(broken: Broken) -> Iterator[Chunk]:
        return _guarded(file, chain.from_iterable(part.chunks(broken) for part in parts))

    if len(parts) > 1:
        first = replace(first, path=file.path, total=None)
    return replace(first, chunks=chunks)


@contextmanager
def damage_told(file: PublishedFile) -> Iterator[None]:
    """Tells of a damaged file in one sentence."""
    try:
        yield
    except DAMAGE as error:
        if disk_trouble(error):
            raise
        raise BadInput(
            f"{file.path}: cannot be read ({reason_of(error)}); it is damaged or of another format: fetch it again "
            f"or set {file.key('format')}."
        ) from error


def _guarded(file: PublishedFile, chunks: Iterator[Chunk]) -> Iterator[Chunk]:
    """The same chunks, with what is damaged told in a sentence."""
    while True:
        with damage_told(file):
            chunk = next(chunks, None)
        if chunk is None:
            return
        yield chunk


def _open_part(file: PublishedFile, form: str) -> Source:
    # What is read row by row may be of any size; what was unpacked for it has been measured.
    streamed = replace(file, max_bytes=NO_LIMIT, found=Found())
    if form in ("csv", "tsv"):
        return _open_delimited(streamed, form)
    if form == "json":
        return _open_json(streamed, file.max_bytes)
    if form == "parquet":
        return _open_parquet(streamed)
    if form == "arrow":
        return _open_arrow(streamed)
    return _open_texts(file, form)


def _stream(file: PublishedFile, form: str, names: list[str], chunks: Callable[[Broken], Iterator[Chunk]]) -> Source:
    """A source that is read byte by byte; how far a packed file reaches is not known."""
    total = file.content.stat().st_size if compression_of(file.content) is None else None
    return Source(file.path, form, names, chunks, lambda: file.found.bytes, total)


def choose_text(file: PublishedFile, columns: Columns) -> str:
    """The column of the texts, found as a study finds it; columns of labels may stand beside it.

    Raises:
        BadInput: it is not to be found; the sentence lists what is there.
    """
    if file.text is None:
        labels = {name for tier in LABEL_NAMES for name in tier} - {name for tier in TEXT_NAMES for name in tier}
        names, strings = (
            [name for name in some if plain_name(name) not in labels] for some in (columns.names, columns.strings)
        )
        columns = replace(columns, names=names, strings=strings)
    return choose_columns(file, columns)[0]


def checked(file: PublishedFile, where: str, text: Any) -> str:
    """A text.

    Raises:
        BadInput: it is missing, empty or none.
    """
    place = f"{file.path}, {where}"
    if isinstance(text, bytes):
        try:
            text = text.decode()
        except UnicodeDecodeError as error:
            raise BadInput(f"{place}: the text is not valid UTF-8 ({fault(error)}); save the file as UTF-8") from error
    if is_missing(text) or (isinstance(text, str) and is_blank(text)):
        raise BadInput(f"{place}: the text is {'missing' if is_missing(text) else 'empty'}; fill it in")
    if not isinstance(text, str):
        raise BadInput(f"{place}: the text is {shown(text)}; name the column of the texts ({file.key('text')})")
    return text


def _chunked(rows: Iterator[tuple[Any, str]]) -> Iterator[Chunk]:
    """Rows and their texts in chunks of bounded size."""
    found: list[Any] = []
    texts: list[str] = []
    size = 0
    for row, text in rows:
        found.append(row)
        texts.append(text)
        size += len(text)
        if len(texts) == CHUNK_ROWS or size >= CHUNK_CHARACTERS:
            yield Chunk(found, texts)
            found, texts, size = [], [], 0
    if texts:
        yield Chunk(found, texts)


class _Counted:
    """Lines, and how many were given."""

    def __init__(self, opened: TextIO) -> None:
        self.opened, self.count = opened, 0

    def __iter__(self) -> "_Counted":
        return self

    def __next__(self) -> str:
        line = next(self.opened)
        self.count += 1
        return line


def _open_delimited(file: PublishedFile, form: str) -> Source:
    table = open_table(file, "," if form == "csv" else "\t")
    header, dialect = table.header, table.dialect
    text = choose_text(file, table.columns)
    place, width = header.index(text), len(header)

    def rows(broken: Broken) -> Iterator[tuple[list[str], str]]:
        csv.field_size_limit(MOST_CHARACTERS)
        with open_text(file) as opened:
            for line, record in _records(file, dialect, _Counted(opened), broken):
                if len(record) > width and not any(record[width:]):
                    record = record[:width]  # delimiters at the end of the line
                try:
                    if len(record) != width:
                        raise ragged(file, line, len(record), width)
                    _check_encoding(file, line, record)
                    text = checked(file, f"line {line}", record[place])
                except BadInput as error:
                    broken(error)
                else:
                    yield record, text

    def chunks(broken: Broken) -> Iterator[Chunk]:
        return _chunked(rows(broken))

    return replace(
        _stream(file, form, header, chunks), dialect=dialect, marked=first_bytes(file.content, 3) == codecs.BOM_UTF8
    )


def _records(file: PublishedFile, dialect: Dialect, lines: _Counted, broken: Broken) -> Iterator[tuple[int, list[str]]]:
    """Each record after the header with its line; after one that is none the next line begins another."""
    is_header = file.columns is None
    while True:
        before = lines.count
        try:
            for line, record in dialect.records(lines):  # type: ignore[arg-type]
                if not is_header:
                    yield before + line, record
                is_header = False
            return
        except BadRecord as error:
            kind = "tsv" if dialect.delimiter == "\t" else "csv"
            broken(
                BadInput(
                    f"{file.path}, line {before + error.line}: not a {kind} record ({error}); double each quote "
                    "inside a quoted text and close it"
                )
            )
            dialect = replace(dialect, skipped=0)


def _check_encoding(file: PublishedFile, line: int, record: list[str]) -> None:
    for field in record:
        try:
            field.encode()
        except UnicodeEncodeError as error:
            raise BadInput(
                f"{file.path}, line {line}: is not valid UTF-8 ({fault(error)}); save the file as UTF-8"
            ) from error


def _open_json(file: PublishedFile, max_bytes: int) -> Source:
    # One JSON value may have to be read as a whole.
    document = rows_of_document(replace(file, max_bytes=max_bytes))
    form, unit = ("jsonl", "line") if document is None else ("json", "row")
    numbered = _lines(file, lambda error: None) if document is None else document
    first = [record for _, record in islice(numbered, SAMPLE)]
    if not first:
        raise BadInput(f"{file.path}: has no rows; give a file with one JSON object per line")
    columns = record_columns(first)
    name = choose_text(file, columns)

    def rows(broken: Broken) -> Iterator[tuple[dict[str, Any], str]]:
        again = rows_of_document(replace(file, max_bytes=max_bytes)) if form == "json" else _lines(file, broken)
        for number, record in again or ():
            try:
                if not has_value(record, name):
                    raise BadInput(
                        f"{file.path}, {unit} {number}: has no {name!r}; give every {unit} the key of the texts"
                    )
                text = checked(file, f"{unit} {number}", value_at(record, name))
                _check_characters(file, f"{unit} {number}", text)
            except BadInput as error:
                broken(error)
            else:
                yield record, text

    def chunks(broken: Broken) -> Iterator[Chunk]:
        return _chunked(rows(broken))

    return _stream(file, form, columns.names, chunks)


def _lines(file: PublishedFile, broken: Broken) -> Iterator[tuple[int, dict[str, Any]]]:
    """The object of each line with its number."""
    with open_text(file) as opened:
        for number, line in enumerate(opened, start=1):
            if not line.strip():
                continue
            try:
                _check_encoding(file, number, [line])
                record = object_of_line(file, number, line)
            except BadInput as error:
                broken(error)
            else:
                yield number, record


def _check_characters(file: PublishedFile, where: str, text: str) -> None:
    """Refuse half a surrogate pair, which JSON can write as an escape."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise BadInput(f"{file.path}, {where}: the text is not valid UTF-8 ({fault(error)}); mend it") from error


def _open_parquet(file: PublishedFile) -> Source:
    with pq.ParquetFile(file.content) as opened:
        schema, total = opened.schema_arrow, opened.metadata.num_rows

    def batches(names: list[str] | None = None) -> Iterator[pa.RecordBatch]:
        # In pages, not row groups, which may be as large as the file.
        with pq.ParquetFile(file.content, buffer_size=1 << 20, pre_buffer=False) as opened:
            yield from opened.iter_batches(batch_size=CHUNK_ROWS, columns=names)

    return _open_table(file, "parquet", schema, batches, total)


def _open_arrow(file: PublishedFile) -> Source:
    with pa.memory_map(str(file.content)) as opened:
        schema = open_arrow(opened).schema

    def batches(names: list[str] | None = None) -> Iterator[pa.RecordBatch]:
        with pa.memory_map(str(file.content)) as opened:
            for batch in batches_of(open_arrow(opened)):
                chosen = batch if names is None else batch.select([first_part(schema.names, name) for name in names])
                # Nothing that lies in an Arrow file was checked when it was opened.
                chosen.validate(full=True)
                yield from (chosen.slice(start, CHUNK_ROWS) for start in range(0, len(chosen), CHUNK_ROWS))

    return _open_table(file, "arrow", schema, batches, None)


def _open_table(
    file: PublishedFile,
    form: str,
    schema: pa.Schema,
    batches: Callable[[list[str] | None], Iterator[pa.RecordBatch]],
    total: int | None,
) -> Source:
    name = choose_text(file, table_columns(file, schema, lambda names, _: batches(list(names))))
    read = 0

    def chunks(broken: Broken) -> Iterator[Chunk]:
        nonlocal read
        for batch in batches(None):
            texts, kept = [], []
            for number, value in enumerate(plain_values(column_at(batch, name))):
                try:
                    texts.append(checked(file, f"row {read + number + 1}", value))
                    kept.append(number)
                except BadInput as error:
                    broken(error)
            read += len(batch)
            if texts:
                yield Chunk(batch if len(kept) == len(batch) else batch.take(pa.array(kept)), texts)

    return Source(file.path, form, schema.names, chunks, lambda: read, total, " rows", schema=schema)


def _open_texts(file: PublishedFile, form: str) -> Source:
    """A file that holds texts and nothing else that could be kept: npz, lines, an archive of text files."""
    if form == "npz" and file.text is None:
        with zipfile.ZipFile(file.content) as archive:
            names = [name.removesuffix(".npy") for name in archive.namelist()]
        file = replace(file, text=choose_text(file, Columns(names, names, f"the arrays {', '.join(names)}")))
    archived = form in ("tar", "zip")
    names = ["file", "text"] if archived else ["text"]

    read = 0

    def rows(broken: Broken) -> Iterator[tuple[list[str], str]]:
        nonlocal read
        examples = READERS[form](file)
        for row, (value,) in enumerate(examples.rows):
            read += 1
            where = examples.where(row)
            try:
                text = checked(file, where, value)
            except BadInput as error:
                broken(error)
            else:
                yield ([where, text] if archived else [text]), text

    def chunks(broken: Broken) -> Iterator[Chunk]:
        return _chunked(rows(broken))

    return Source(file.path, "texts", names, chunks, lambda: read, unit=" rows")
