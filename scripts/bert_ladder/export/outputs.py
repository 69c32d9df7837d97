"""Writes predicted rows in the form that a file's name tells, whole or not at all."""

import bz2
import csv
import gzip
import io
import json
import lzma
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Protocol, cast

import pyarrow as pa
import pyarrow.parquet as pq

from bert_ladder.data.readers.published import quoted
from bert_ladder.export.sources import Chunk, Source
from bert_ladder.runtime.jobs import BadInput

# How names end, and what is then written.
ENDINGS = {
    "csv": "csv",
    "tsv": "tsv",
    "tab": "tsv",
    "jsonl": "jsonl",
    "ndjson": "jsonl",
    "json": "json",
    "parquet": "parquet",
    "pq": "parquet",
    "arrow": "arrow",
    "feather": "arrow",
}
PACKED: dict[str, Callable[[IO[bytes]], Any]] = {
    "gz": lambda stream: gzip.GzipFile(fileobj=stream, mode="wb", compresslevel=6),
    "bz2": lambda stream: bz2.BZ2File(stream, "wb"),
    "xz": lambda stream: lzma.LZMAFile(stream, "wb"),  # noqa: SIM115  # closed by open_writer
    "zst": lambda stream: pa.CompressedOutputStream(stream, "zstd"),
}
LINES = ("csv", "tsv", "jsonl", "json")
# Of what is written by default: what one reads again without loss.
OF_SOURCE = {"texts": "csv"}
ROW_GROUP_BYTES = 1 << 25
DIGITS = 6  # of a probability in a text file

# Values of the columns that are added, by their names.
Added = Mapping[str, Sequence[Any]]


class Writer(Protocol):
    """Writes rows with the columns that are added to them."""

    def write(self, chunk: Chunk, added: Added) -> None:
        """Write some rows."""

    def close(self) -> None:
        """Write what is left; the stream stays open."""


def form_of_output(path: Path | None, source: Source) -> tuple[str, str | None]:
    """What to write, and how it is packed: by the file's name, or as the input is.

    Args:
        path: of the file to write; None: the standard output.
        source: what is predicted.

    Raises:
        BadInput: the name is of no form that is written, or the form is none for a terminal.
    """
    usual = OF_SOURCE.get(source.form, source.form)
    if path is None:
        if usual not in LINES:
            raise BadInput(f"{source.path}: is {usual}, which is written to a file only; name one with -o.")
        return usual, None
    name, packed = path.name.lower(), None
    if name.rpartition(".")[2] in PACKED:
        name, _, packed = name.rpartition(".")
    stem, _, ending = name.rpartition(".")
    form = ENDINGS.get(ending) if stem else usual
    if form is None:
        raise BadInput(f"{path}: {'.' + ending!r} is no form that is written; give a name that ends in {_endings()}.")
    if packed and form not in LINES:
        raise BadInput(f"{path}: {form} is packed in itself; leave .{packed} out.")
    return form, packed


def _endings() -> str:
    return ", ".join(f".{ending}" for ending in ENDINGS)


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """A file that gets its name when all is written; on the way it is a hidden one beside it.

    Raises:
        BadInput: its folder is not there.
    """
    if not path.parent.is_dir():
        raise BadInput(f"{path}: there is no folder {path.parent}; create it first.")
    scratch = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with scratch.open("xb") as stream:
            yield stream
        scratch.replace(path)
    except BaseException:
        with suppress(OSError):
            scratch.unlink()
        raise


@contextmanager
def standard_output() -> Iterator[IO[bytes]]:
    """The standard output for bytes."""
    sys.stdout.flush()
    yield sys.stdout.buffer
    sys.stdout.buffer.flush()


@contextmanager
def open_writer(
    stream: IO[bytes], form: str, packed: str | None, source: Source, added: Sequence[str]
) -> Iterator[Writer]:
    """Open what writes rows.

    Args:
        stream: to write to.
        form, packed: see `form_of_output`.
        source: of the rows.
        added: names of the columns that are added.
    """
    target = PACKED[packed](stream) if packed else stream
    writer: Writer
    if form in ("csv", "tsv"):
        writer = DelimitedWriter(target, form, source, added)
    elif form in ("jsonl", "json"):
        writer = JsonWriter(target, source, is_array=form == "json")
    else:
        writer = TableWriter(target, form, source)
    yield writer
    writer.close()
    if packed:
        target.close()


class DelimitedWriter:
    """Writes csv and tsv, fields of such files as they were."""

    def __init__(self, stream: IO[bytes], form: str, source: Source, added: Sequence[str]) -> None:
        self.source, self.added = source, added
        dialect = source.dialect if source.form == form else None
        self.text = io.TextIOWrapper(
            cast(IO[bytes], stream), encoding="utf-8-sig" if source.marked else "utf-8", newline=""
        )
        plain: dict[str, Any] = {"quoting": csv.QUOTE_NONE, "quotechar": None}
        self.writer = csv.writer(
            self.text,
            delimiter=dialect.delimiter if dialect else "\t" if form == "tsv" else ",",
            lineterminator="\n",
            **(plain if dialect and not dialect.quoting else {}),
        )
        self.writer.writerow([*source.names, *added])

    def write(self, chunk: Chunk, added: Added) -> None:
        columns = [[_cell(_rounded(value)) for value in added[name]] for name in self.added]
        if self.source.dialect or self.source.form == "texts":
            rows: Any = chunk.rows
        else:
            objects = uniform(self.source, _objects(chunk, self.source))
            rows = [[_cell(row.get(name)) for name in self.source.names] for row in objects]
        self.writer.writerows([*row, *more] for row, more in zip(rows, zip(*columns, strict=True), strict=True))

    def close(self) -> None:
        self.text.flush()
        self.text.detach()


def _cell(value: Any) -> str:
    """A value as a csv shows it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, list | dict) else str(value)


class JsonWriter:
    """Writes an object per line, or an array of them."""

    def __init__(self, stream: IO[bytes], source: Source, is_array: bool) -> None:
        self.stream, self.source, self.is_array = stream, source, is_array
        self.before = b"[\n" if is_array else b""

    def write(self, chunk: Chunk, added: Added) -> None:
        lines = []
        for number, row in enumerate(_objects(chunk, self.source)):
            lines.append(_json(row | {name: _rounded(values[number]) for name, values in added.items()}))
        between = b",\n" if self.is_array else b"\n"
        self.stream.write(self.before + between.join(lines) + (b"" if self.is_array else b"\n"))
        self.before = between if self.is_array else b""

    def close(self) -> None:
        if self.is_array:
            self.stream.write(b"\n]\n")


def _json(row: dict[str, Any]) -> bytes:
    try:
        return json.dumps(row, ensure_ascii=False, default=_plain).encode()
    except UnicodeEncodeError:  # half a surrogate pair, which only an escape can write
        return json.dumps(row, default=_plain).encode()


def _plain(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _rounded(value: Any) -> Any:
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value


class TableWriter:
    """Writes parquet or Arrow's own form, in row groups of bounded size."""

    def __init__(self, stream: IO[bytes], form: str, source: Source) -> None:
        self.stream, self.form, self.source = stream, form, source
        self.schema: pa.Schema | None = None
        self.waiting: list[pa.RecordBatch] = []
        self.writer: Any = None

    def write(self, chunk: Chunk, added: Added) -> None:
        batch = self._batch(chunk)
        for name, values in added.items():
            kind = pa.float64() if name.startswith("probability_") else pa.string()
            batch = batch.append_column(pa.field(name, kind), pa.array(values, kind))
        self.waiting.append(batch)
        if sum(one.nbytes for one in self.waiting) >= ROW_GROUP_BYTES:
            self._write_group()

    def _batch(self, chunk: Chunk) -> pa.RecordBatch:
        if isinstance(chunk.rows, pa.RecordBatch):
            # Hugging Face's own description of the columns would be one of the old ones alone.
            kept = {key: value for key, value in (chunk.rows.schema.metadata or {}).items() if key != b"huggingface"}
            return chunk.rows.replace_schema_metadata(kept)
        rows = uniform(self.source, _objects(chunk, self.source))
        if self.schema is None:
            self.schema = self._schema(rows)
        try:
            return pa.RecordBatch.from_pylist(rows, self.schema)
        except pa.ArrowException as error:
            raise BadInput(
                f"{self.source.path}: a column holds values of several kinds ({' '.join(str(error).split())[:120]}); "
                "write csv or jsonl."
            ) from error

    def _schema(self, rows: list[dict[str, Any]]) -> pa.Schema:
        if self.source.form in ("csv", "tsv", "texts"):
            return pa.schema([(name, pa.string()) for name in column_names(self.source)])
        try:
            found = pa.RecordBatch.from_pylist([dict.fromkeys(self.source.names) | row for row in rows]).schema
        except pa.ArrowException as error:
            raise BadInput(
                f"{self.source.path}: a column holds values of several kinds ({' '.join(str(error).split())[:120]}); "
                "write csv or jsonl."
            ) from error
        # Of values that are all missing the kind is not known.
        return pa.schema([(one.name, pa.string() if pa.types.is_null(one.type) else one.type) for one in found])

    def _write_group(self) -> None:
        if self.writer is None:
            schema = self.waiting[0].schema
            opened = pq.ParquetWriter if self.form == "parquet" else pa.ipc.new_file
            self.writer = opened(self.stream, schema)
        self.writer.write_table(pa.Table.from_batches(self.waiting))
        self.waiting = []

    def close(self) -> None:
        if self.waiting:
            self._write_group()
        if self.writer is not None:
            self.writer.close()


def uniform(source: Source, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same rows.

    Raises:
        BadInput: one has a key that the first rows of the file have not.
    """
    known = set(column_names(source))
    unknown = next((name for row in rows for name in row if name not in known), None)
    if unknown is not None:
        raise BadInput(
            f"{source.path}: a row has {unknown!r}, which the first rows have not; write jsonl, whose rows may differ."
        )
    return rows


def column_names(source: Source) -> list[str]:
    """The names of the columns, each with one: a nameless column gets that of its place."""
    return [name or f"column_{place}" for place, name in enumerate(source.names, start=1)]


def _objects(chunk: Chunk, source: Source) -> list[dict[str, Any]]:
    """The rows as objects."""
    if isinstance(chunk.rows, pa.RecordBatch):
        return chunk.rows.to_pylist()
    names = column_names(source)
    return [row if isinstance(row, dict) else dict(zip(names, row, strict=True)) for row in chunk.rows]


def check_added(source: Source, added: Sequence[str]) -> None:
    """Refuse a file that has a column with the name of one that is to be added.

    Raises:
        BadInput: it has.
    """
    taken = [name for name in added if name in source.names]
    if taken:
        raise BadInput(
            f"{source.path}: has {'the column' if len(taken) == 1 else 'the columns'} {quoted(taken)} already, which "
            "would be written; rename or remove what is there."
        )
