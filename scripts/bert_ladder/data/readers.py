"""Reads the rows of a data set in the form it was published in.

No byte of the published file is ever run: pickled strings are read by `files.unpickling`, which calls nothing.
"""

import array
import csv
import gzip
import io
import itertools
import json
import logging
import math
import re
import struct
import tarfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.lib import format as npy

from bert_ladder.files.unpickling import Exact, unpickle_strings
from bert_ladder.runtime.jobs import BadInput, reason_of

log = logging.getLogger(__name__)

MAX_BYTES = 4 * 2**30
# A row without a character costs memory too, and packed files can hold any number of them.
MAX_ROWS = 20_000_000
# Names and other properties before a member of a tar; they have a kilobyte at most.
MAX_HEADER_BYTES = 1 << 20
TAR_EXTENSIONS = {
    *(tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE),
}
FORMATS = {
    "npz": "npz",
    "csv": "csv",
    "tsv": "tsv",
    "jsonl": "jsonl",
    "ndjson": "jsonl",
    "parquet": "parquet",
    "csv.gz": "csv",
    "tsv.gz": "tsv",
    "jsonl.gz": "jsonl",
    "ndjson.gz": "jsonl",
    "tar.gz": "tar",
    "tgz": "tar",
    "tar": "tar",
    "zip": "zip",
}
UNLABELLED_FORMATS = {"txt": "txt", "txt.gz": "txt"}
TEXT_NAMES = {
    *("text", "texts", "review", "reviews", "sentence", "sentences", "document", "documents", "content"),
    *("comment", "message", "tweet", "body", "question", "utterance", "data", "x"),
}
LABEL_NAMES = {
    *("label", "labels", "target", "targets", "class", "classes", "category", "sentiment", "polarity", "y"),
}
ROW_NAMES = {"", "unnamed: 0", "id", "idx", "index"}
UNLABELLED_FOLDERS = {"unsup", "unsupervised", "unlabeled", "unlabelled"}
TEXT_SUFFIXES = {"", ".txt", ".text"}
DAMAGE = (
    *(OSError, EOFError, NotImplementedError, struct.error, zlib.error),
    *(zipfile.BadZipFile, tarfile.TarError, pa.ArrowException),
    # Names of columns or zip members that are no UTF-8, and zipfile's for a member without a name.
    *(UnicodeDecodeError, IndexError),
)


@dataclass(frozen=True)
class Wanted:
    """What a file is read for.

    Attributes:
        part: "train", "test", or the name of texts without labels.
        text, label: the columns or keys that the study names; None = found by name. Without labels to read, `label` is
            one that must not be there.
        labelled: whether there are labels to read.
    """

    part: str
    text: str | None = None
    label: str | None = None
    labelled: bool = True

    def key(self, name: str) -> str:
        """The study's key `name` that says how to read the file."""
        if not self.labelled:
            return f"dataset.unlabelled.{self.part}.{name}"
        return f"dataset.{name}" if name in ("text", "label") else f"dataset.{self.part}.{name}"


@dataclass
class Published:
    """The rows of a published file.

    Attributes:
        rows: text and label of each row as read, neither checked yet; the text alone where there are no labels.
        where: what to call row i (counted from 0) in a message.
        textual: labels come as text even where they are numbers (csv, folder names).
    """

    rows: Iterable[tuple[Any, ...]]
    where: Callable[[int], str]
    textual: bool = False


@dataclass
class Columns:
    """What a table offers to choose from: its column names, those that can hold text, and how to list them."""

    names: list[str]
    strings: list[str]
    listing: str


def read_published(
    path: Path, wanted: Wanted, source: dict[str, Any], max_bytes: int, whole: bool = False
) -> tuple[list[bytes], list[Any], Published]:
    """Read all rows of a file.

    Args:
        path: npz, csv, tsv, jsonl (these three also gzipped), parquet, or a tar, tar.gz or zip archive with a folder of
            text files per class; without labels also txt, a text per line, and an archive of text files.
        wanted: what for.
        source: optional keys `format` (one of FORMATS, else told by the file's name), `folder` (in an archive: the
            folder that holds the class folders, or the texts without labels), `classes` (the class folders to read).
        max_bytes: refuse a file that holds more uncompressed bytes.
        whole: in an archive, do not look for a folder named as the split.

    Returns:
        The texts in UTF-8; the labels as they are written, not checked yet, none without labels; where they were read.

    Raises:
        BadInput: the file, a column, a text or a setting is not usable; the sentence says which and what to do.
    """
    texts: list[bytes] = []
    labels: list[Any] = []
    total = 0
    try:
        published = _read(path, wanted, source, max_bytes, whole)
        for row, (text, *label) in enumerate(published.rows):
            raw = _utf8(text, lambda row=row: f"{path}, {published.where(row)}", wanted)
            total += len(raw)
            if total > max_bytes:
                raise _too_large(path, max_bytes)
            _check_rows(path, row + 1)
            texts.append(raw)
            labels += label
    except DAMAGE as error:
        raise BadInput(
            f"{path}: cannot be read ({reason_of(error)}); it is damaged or of another format: fetch it again "
            f"or set {wanted.key('format')}"
        ) from error
    if not texts:
        kind = "labelled texts" if wanted.labelled else "texts"
        raise BadInput(f"{path}: has no rows; give a file with {kind}")
    return texts, labels, published


def _utf8(value: Any, where: Callable[[], str], wanted: Wanted) -> bytes:
    if is_missing(value):
        raise BadInput(f"{where()}: the text is missing; fill it in or drop the row")
    try:
        if isinstance(value, str):
            value = value.encode()
        if isinstance(value, bytes):
            value.decode()  # a string too: NumPy lets code points beyond Unicode into one
            return value
    except UnicodeError as error:
        raise BadInput(f"{where()}: the text is not valid UTF-8 ({fault(error)}); save the file as UTF-8") from error
    raise BadInput(f"{where()}: the text is {shown(value)}; name the column of the texts ({wanted.key('text')})")


def fault(error: UnicodeError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"byte 0x{error.object[error.start]:02x} at byte {error.start}"
    code = ord(error.object[error.start])
    # Readers of text files decode with surrogateescape, which turns a stray byte 0xNN into U+DCNN.
    found = f"byte 0x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"half a surrogate pair, U+{code:04X},"
    return f"{found} at character {error.start}"


def is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def shown(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 64:
        return f"a whole number of {value.bit_length()} bits"
    kind = {bool: "true or false", int: "a number", float: "a number", dict: "an object", list: "a list"}
    return f"{kind.get(type(value), type(value).__name__)}, {repr(value)[:60]}"


# Which file, which columns --------------------------------------------------------------------------------------------


def _read(path: Path, wanted: Wanted, source: dict[str, Any], max_bytes: int, whole: bool) -> Published:
    form = _format_of(path, wanted, source.get("format"))
    _refuse_page(path, form)
    if form in ("tar", "zip") and not wanted.labelled:
        return _read_texts(path, form, wanted, source.get("folder"), max_bytes)
    if form in ("tar", "zip"):
        return _read_archive(path, form, None if whole else wanted.part, source, max_bytes)
    if form == "txt":
        return _read_lines(path, max_bytes)
    if form == "npz":
        return _read_npz(path, wanted, max_bytes)
    if form == "parquet":
        return _read_parquet(path, wanted, max_bytes)
    if form == "jsonl":
        return _read_jsonl(path, wanted, max_bytes)
    return _read_delimited(path, wanted, max_bytes, delimiter="," if form == "csv" else "\t")


def _format_of(path: Path, wanted: Wanted, given: str | None) -> str:
    formats = FORMATS if wanted.labelled else FORMATS | UNLABELLED_FORMATS
    known = ", ".join(formats)
    if given is not None:
        if given not in formats:
            raise BadInput(f"{wanted.key('format')}: found '{given}'; give one of {known}")
        return formats[given]
    # A longer ending first: "a.csv.gz" is csv.gz.
    for ending in sorted(formats, key=len, reverse=True):
        if path.name.lower().endswith("." + ending):
            return formats[ending]
    raise BadInput(f"{path}: its name does not tell its format; set {wanted.key('format')} to one of {known}")


def _refuse_page(path: Path, form: str) -> None:
    with path.open("rb") as file:
        start = file.read(512)
    if not start:
        raise BadInput(f"{path}: is empty; fetch it again")
    if start.lstrip().lower().startswith((b"<!doctype html", b"<html")):
        raise BadInput(f"{path}: is a web page, not {form}; give the address of the file itself")


def choose_columns(path: Path, wanted: Wanted, columns: Columns) -> tuple[str, ...]:
    """Find the text and the label column: as the study names them, else by well-known names, else the only ones.

    Returns:
        Names of the text and the label column; of the text column alone where there are no labels to read.

    Raises:
        BadInput: a named column is not there, or none or several could be meant; the sentence lists what is there. Or
            there is a column of labels where none is expected, and the study does not name that of the texts.
    """
    text, label = wanted.text, wanted.label
    for key, name in (("text", text), ("label", label if wanted.labelled else None)):
        if name is not None and name not in columns.names:
            raise BadInput(f"{path}: has no '{name}' ({wanted.key(key)}); it has {columns.listing}: name one of these")
    if text is not None and text == label and wanted.labelled:
        raise BadInput(
            f"{wanted.key('text')} and {wanted.key('label')}: both are '{text}'; {path} has {columns.listing}"
        )
    others = [name for name in columns.names if name.lower() not in ROW_NAMES]
    if not wanted.labelled:
        return (text or _text_without_label(path, wanted, others, columns),)
    named = label if label is not None else _well_known(path, wanted, "label", LABEL_NAMES, others, columns, text)
    if text is None:
        strings = [name for name in columns.strings if name.lower() not in ROW_NAMES]
        text = _well_known(path, wanted, "text", TEXT_NAMES, strings, columns, named)
        text = text or _only([name for name in strings if name != named])
    named = named or _only([name for name in others if name != text])
    for key, name in (("text", text), ("label", named)):
        if name is None:
            raise _cannot_tell(path, wanted, key, columns)
    log.info("texts from %r, labels from %r", text, named)
    return text, named


def _text_without_label(path: Path, wanted: Wanted, names: list[str], columns: Columns) -> str:
    labels = [name for name in names if name.lower() in LABEL_NAMES or name == wanted.label]
    if labels:
        raise BadInput(
            f"{path}: has a column {labels[0]!r} of labels, and texts for pre-training have none; give it as a split "
            f"of the data set, or set {wanted.key('text')} to read its texts alone"
        )
    strings = [name for name in columns.strings if name.lower() not in ROW_NAMES]
    text = _well_known(path, wanted, "text", TEXT_NAMES, strings, columns, None) or _only(strings)
    if text is None:
        raise _cannot_tell(path, wanted, "text", columns)
    log.info("texts from %r", text)
    return text


def _cannot_tell(path: Path, wanted: Wanted, key: str, columns: Columns) -> BadInput:
    hint = "; its columns must be separated by commas" if re.search(r"[;\t|]", "".join(columns.names)) else ""
    return BadInput(
        f"{path}: cannot tell which column holds the {key}s, it has {columns.listing}{hint}; set {wanted.key(key)}"
    )


def _well_known(
    path: Path, wanted: Wanted, key: str, known: set[str], names: list[str], columns: Columns, taken: str | None
) -> str | None:
    exact = known | {f"{name}_{wanted.part}" for name in known} | {f"{wanted.part}_{name}" for name in known}
    found = [name for name in names if name != taken and name.lower() in exact]
    if len(found) > 1:
        several = " and ".join(repr(name) for name in found)
        raise BadInput(f"{path}: {several} could both hold the {key}s, it has {columns.listing}; set {wanted.key(key)}")
    return _only(found)


def _only(names: list[str]) -> str | None:
    return names[0] if len(names) == 1 else None


def _quoted(names: Iterable[str], shown: int = 30) -> str:
    return _listed([repr(name[:60]) for name in names], shown)


def _listed(items: Sequence[str], shown: int = 30) -> str:
    more = f" and {len(items) - shown:,} more" if len(items) > shown else ""
    return ", ".join(items[:shown]) + more


def _check_unique(path: Path, names: Iterable[str]) -> None:
    repeated = next((name for name, count in Counter(names).items() if count > 1), None)
    if repeated is not None:
        raise BadInput(f"{path}, header: the column {repeated[:60]!r} stands there twice; give each a name of its own")


def _check_rows(path: Path, rows: int) -> None:
    if rows > MAX_ROWS:
        raise BadInput(f"{path}: holds more than {MAX_ROWS:,} rows, the most that is read; give a smaller file")


def _too_large(path: Path, max_bytes: int) -> BadInput:
    return BadInput(
        f"{path}: holds more than {max_bytes:,} uncompressed bytes, the most that is read; "
        "give a smaller file, or one you trust in parts"
    )


class _Limited(io.RawIOBase):
    """A stream that refuses to give more bytes than agreed, however far the compressed file would expand."""

    def __init__(self, path: Path, stream: BinaryIO, max_bytes: int) -> None:
        self.path, self.stream, self.max_bytes, self.given = path, stream, max_bytes, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self.stream.read(len(buffer))
        self.given += len(data)
        if self.given > self.max_bytes:
            raise _too_large(self.path, self.max_bytes)
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self.stream.close()
        super().close()


def _open_bytes(path: Path, max_bytes: int) -> BinaryIO:
    with path.open("rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
    stream = gzip.GzipFile(path) if zipped else path.open("rb")
    return io.BufferedReader(_Limited(path, stream, max_bytes), 1 << 18)


def _open_text(path: Path, max_bytes: int) -> io.TextIOWrapper:
    stream = _open_bytes(path, max_bytes)
    start = stream.peek(2)[:2]
    if start in (b"\xff\xfe", b"\xfe\xff") or b"\0" in start:
        raise BadInput(f"{path}: is UTF-16; save it as UTF-8")
    # A byte that is not UTF-8 becomes a lone surrogate, which the check of its row then reports.
    return io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")


# csv, tsv, jsonl, parquet ---------------------------------------------------------------------------------------------


def _read_delimited(path: Path, wanted: Wanted, max_bytes: int, delimiter: str) -> Published:
    csv.field_size_limit(2**31 - 1)
    dialect: dict[str, Any] = {"delimiter": delimiter, "strict": True}
    if delimiter == "\t" and _tabs_without_quoting(path, max_bytes):
        dialect |= {"quoting": csv.QUOTE_NONE}
    with _open_text(path, max_bytes) as file:
        try:
            header = next(csv.reader(file, **dialect), [])
        except csv.Error as error:
            raise _bad_record(path, 1, delimiter, error) from error
    _check_unique(path, header)
    columns = Columns(header, header, f"the columns {_quoted(header)}")
    chosen = [header.index(name) for name in choose_columns(path, wanted, columns)]
    lines = array.array("q")

    def rows() -> Iterator[tuple[str, ...]]:
        with _open_text(path, max_bytes) as file:
            for line, record in _records(path, file, delimiter, dialect, len(header)):
                lines.append(line)
                yield tuple(record[column] for column in chosen)

    return Published(rows(), lambda row: f"line {lines[row]}", textual=True)


def _read_lines(path: Path, max_bytes: int) -> Published:
    """A text per line; blank lines are passed over."""
    lines = array.array("q")

    def rows() -> Iterator[tuple[str]]:
        with _open_text(path, max_bytes) as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    lines.append(number)
                    yield (line.rstrip("\r\n"),)

    return Published(rows(), lambda row: f"line {lines[row]}")


def _records(
    path: Path, file: io.TextIOWrapper, delimiter: str, dialect: dict[str, Any], width: int
) -> Iterator[tuple[int, list[str]]]:
    """Each record after the header with the number of its first line; blank lines are passed over."""
    reader = csv.reader(file, **dialect)
    next(reader)
    while True:
        line = reader.line_num + 1
        try:
            record = next(reader, None)
        except csv.Error as error:
            raise _bad_record(path, line, delimiter, error) from error
        if record is None:
            return
        if record and len(record) != width:
            raise BadInput(
                f"{path}, line {line}: {len(record)} fields where the header has {width}; "
                "put quotes around a text that holds the separator"
            )
        if record:
            yield line, record


def _bad_record(path: Path, line: int, delimiter: str, error: csv.Error) -> BadInput:
    kind = "csv" if delimiter == "," else "tsv"
    return BadInput(
        f"{path}, line {line}: not a {kind} record ({error}); double each quote inside a quoted text and close it"
    )


def _tabs_without_quoting(path: Path, max_bytes: int) -> bool:
    """Tell whether quotes are plain characters in a tsv file.

    Half of the tsv files in the wild never quote. Quotes are plain where each line is a record of its own and at
    least one field starts with a quote that does not make a well-formed quoted field.
    """
    plain = False
    with _open_text(path, max_bytes) as file:
        width = next(file, "").count("\t")
        for line in file:
            line = line.rstrip("\r\n")
            if not line:
                continue
            if line.count("\t") != width:
                return False
            if '"' in line and not plain:
                fields = line.split("\t")
                plain = any(f.startswith('"') and not re.fullmatch(r'"(?:[^"]|"")*"', f) for f in fields)
    return plain


def _read_jsonl(path: Path, wanted: Wanted, max_bytes: int) -> Published:
    lines = array.array("q")
    records = _json_records(path, max_bytes, lines)
    first = next(records, None)
    if first is None:
        raise BadInput(f"{path}: has no rows; give a file with one JSON object per line")
    names = list(first)
    strings = [name for name in names if isinstance(first[name], str)]
    chosen = choose_columns(path, wanted, Columns(names, strings, f"the keys {_quoted(names)}"))

    def rows() -> Iterator[tuple[Any, ...]]:
        for record in itertools.chain([first], records):
            for name in chosen:
                if name not in record:
                    raise BadInput(f"{path}, line {lines[-1]}: has no '{name}'; give every line the same keys")
            yield tuple(record[name] for name in chosen)

    return Published(rows(), lambda row: f"line {lines[row]}")


def _json_records(path: Path, max_bytes: int, lines: array.array) -> Iterator[dict[str, Any]]:
    with _open_text(path, max_bytes) as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise BadInput(
                    f"{path}, line {number}: not JSON ({reason_of(error)}); write one object per line"
                ) from error
            if not isinstance(record, dict):
                raise BadInput(f"{path}, line {number}: {shown(record)}; write one object per line")
            lines.append(number)
            yield record


def _read_parquet(path: Path, wanted: Wanted, max_bytes: int) -> Published:
    with pq.ParquetFile(path) as file:
        metadata, schema = file.metadata, file.schema_arrow
    if sum(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups)) > max_bytes:
        raise _too_large(path, max_bytes)
    _check_rows(path, metadata.num_rows)
    _check_unique(path, schema.names)
    types = {item.name: item.type for item in schema}
    values = {name: kind.value_type if pa.types.is_dictionary(kind) else kind for name, kind in types.items()}
    strings = [name for name, kind in values.items() if _holds_text(kind)]
    listing = "the columns " + _listed([f"{name[:60]!r} ({str(kind)[:60]})" for name, kind in types.items()])
    chosen = choose_columns(path, wanted, Columns(list(types), strings, listing))

    def rows() -> Iterator[tuple[Any, ...]]:
        # A text that is stored once for many rows must not be written out for each of them.
        with pq.ParquetFile(path, read_dictionary=[name for name in chosen if name in strings]) as file:
            for batch in file.iter_batches(batch_size=4096, columns=list(chosen)):
                yield from zip(*(_plain_values(batch.column(name)) for name in chosen), strict=True)

    return Published(rows(), lambda row: f"row {row + 1}")


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


# npz ------------------------------------------------------------------------------------------------------------------


@dataclass
class _Member:
    """One array of an npz file: its entry in the zip directory and what its header says."""

    info: zipfile.ZipInfo
    dtype: np.dtype
    shape: tuple[int, ...]
    header_bytes: int

    @property
    def rows(self) -> int:
        return self.shape[0] if self.shape else 0

    @property
    def is_column(self) -> bool:
        return len(self.shape) == 1 or (len(self.shape) == 2 and self.shape[1] == 1)


def _read_npz(path: Path, wanted: Wanted, max_bytes: int) -> Published:
    with zipfile.ZipFile(path) as archive:
        members = _npz_members(path, archive)
    listing = "the arrays " + _listed(
        [f"{name[:60]!r} ({'x'.join(map(str, member.shape))} {member.dtype})" for name, member in members.items()]
    )
    # An object array may hold anything, so it is a candidate for text; its rows are checked one by one.
    strings = [name for name, member in members.items() if member.dtype.kind in "USO" and member.is_column]
    text, *labels = choose_columns(path, wanted, Columns(list(members), strings, listing))
    for key, name in zip(("text", "label"), (text, *labels), strict=False):
        _check_member(path, wanted, key, name, members[name], max_bytes)
    if labels and members[text].rows != members[labels[0]].rows:
        raise BadInput(
            f"{path}: '{text}' has {members[text].rows:,} rows and '{labels[0]}' {members[labels[0]].rows:,}; "
            "give a label for each text"
        )

    def rows() -> Iterator[tuple[Any, ...]]:
        with zipfile.ZipFile(path) as archive:
            # Labels first and whole, texts one block at a time: a fixed-width array may be 1.4 GB.
            columns = [list(_values(path, archive, label, members[label])) for label in labels]
            yield from zip(_values(path, archive, text, members[text]), *columns, strict=True)

    return Published(rows(), lambda row: f"row {row + 1}")


def _npz_members(path: Path, archive: zipfile.ZipFile) -> dict[str, _Member]:
    members: dict[str, _Member] = {}
    for info in archive.infolist():
        if not info.filename.endswith(".npy"):
            continue
        name = info.filename.removesuffix(".npy")
        _check_zip_entry(path, info)
        if name in members:
            raise BadInput(f"{path}: the array '{name}' is there twice; write the file again with numpy.savez")
        with archive.open(info) as stream:
            members[name] = _Member(info, *_npy_header(path, name, stream))
    if not members:
        raise BadInput(f"{path}: holds no arrays (.npy members); write it with numpy.savez")
    return members


def _npy_header(path: Path, name: str, stream: BinaryIO) -> tuple[np.dtype, tuple[int, ...], int]:
    try:
        version = npy.read_magic(stream)
        read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}[version]
        shape, _, dtype = read(stream)
    except (ValueError, KeyError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise BadInput(
            f"{path}, array '{name}': its header cannot be read ({reason_of(error)}); "
            "write the file again with numpy.savez"
        ) from error
    return dtype, shape, stream.tell()


def _check_zip_entry(path: Path, info: zipfile.ZipInfo) -> None:
    if info.flag_bits & 1:
        raise BadInput(f"{path}, {info.filename}: is encrypted; give a file without a password")
    # Other methods expand without a bound that could be checked while streaming.
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise BadInput(f"{path}, {info.filename}: is packed by method {info.compress_type}; pack it with deflate")


def _check_member(path: Path, wanted: Wanted, key: str, name: str, member: _Member, max_bytes: int) -> None:
    where = f"{path}, array '{name}'"
    if not member.is_column or member.dtype.names or member.dtype.subdtype:
        raise BadInput(
            f"{where}: has shape {member.shape} and type {member.dtype}; one {key} per row is needed: "
            f"name another array ({wanted.key(key)})"
        )
    allowed = "USO" if key == "text" else "USOiubf"
    if member.dtype.kind not in allowed:
        raise BadInput(f"{where}: holds {member.dtype}, not {key}s; name another array ({wanted.key(key)})")
    if member.info.file_size > max_bytes:
        raise _too_large(path, max_bytes)
    promised = member.rows * member.dtype.itemsize
    found = member.info.file_size - member.header_bytes
    # An object array takes at least a byte of pickle per row; a width of 0 would promise any number of rows.
    absurd = member.rows > found if member.dtype.kind == "O" else promised != found or member.dtype.itemsize == 0
    if absurd:
        raise BadInput(
            f"{where}: its header promises {member.rows:,} rows of {member.dtype}, but {found:,} bytes follow; "
            "the file is damaged: fetch it again"
        )
    _check_rows(path, member.rows)


def _values(path: Path, archive: zipfile.ZipFile, name: str, member: _Member) -> Iterator[Any]:
    with archive.open(member.info) as packed:
        stream = io.BufferedReader(packed, 1 << 18)
        stream.read(member.header_bytes)
        if member.dtype.kind == "O":
            source = Exact(stream, member.info.file_size - member.header_bytes)
            yield from unpickle_strings(source, member.rows, f"{path}, array '{name}'")
            while stream.read(1 << 18):  # to the end, where the zip checksum is compared
                pass
        else:
            yield from _fixed_width(stream, member, f"{path}, array '{name}'")


def _fixed_width(stream: BinaryIO, member: _Member, where: str) -> Iterator[Any]:
    width = member.dtype.itemsize
    per_block = max(1, (1 << 22) // width)
    for start in range(0, member.rows, per_block):
        count = min(per_block, member.rows - start)
        block = stream.read(count * width)
        if len(block) < count * width:
            raise BadInput(f"{where}: ends after row {start + len(block) // width:,}; it is damaged: fetch it again")
        yield from np.frombuffer(block, dtype=member.dtype).tolist()


# Archives of class folders --------------------------------------------------------------------------------------------


def _read_archive(path: Path, form: str, split: str | None, source: dict[str, Any], max_bytes: int) -> Published:
    """Read the text files of the class folders straight from the archive.

    Rows go by class folder, then by file name with numbers in their order, so that the same folders packed in
    another order or another form give the same rows.
    """
    members = _tar_members if form == "tar" else _zip_members
    folder = source.get("folder")
    if folder is None:
        folder = _class_parent(path, (name for name, _ in members(path, max_bytes)), split)
    folder = _plain_folder(folder)
    wanted = source.get("classes")
    found: dict[str, list[tuple[str, bytes]]] = {}
    skipped: set[str] = set()
    passed_over = 0
    for name, read in members(path, max_bytes):
        parent, _, file = name.rpartition("/")
        root, _, label = parent.rpartition("/")
        if not label or root != folder:
            continue
        if not _is_text_file(file):
            passed_over += 1
            continue
        if label in wanted if wanted is not None else label.lower() not in UNLABELLED_FOLDERS:
            found.setdefault(label, []).append((file, read()))
        else:
            skipped.add(label)
    if skipped:
        log.info("folders of '%s' not read: %s", folder, ", ".join(sorted(skipped)))
    if passed_over:
        log.warning(
            "%d files in the class folders of '%s' are not read: texts end in .txt or have no suffix",
            passed_over,
            folder,
        )
    for label in wanted or []:
        if label not in found:
            raise BadInput(
                f"{path}: '{folder}/{label}' (dataset classes) holds no texts; "
                f"class folders with texts are {_quoted(sorted({*found, *skipped})) or 'none'}"
            )
    if not found:
        raise BadInput(
            f"{path}: the folder '{folder}' has no class folders with text files; set `folder` to the one that has"
        )
    rows = [(label, *item) for label in sorted(found) for item in sorted(found[label], key=_natural)]
    return Published(
        ((raw, label) for label, _, raw in rows),
        lambda row: f"{folder}/{rows[row][0]}/{rows[row][1]}".lstrip("/"),
        textual=True,
    )


def _read_texts(path: Path, form: str, wanted: Wanted, folder: str | None, max_bytes: int) -> Published:
    """Read the text files of a folder of the archive, or all of the archive, in the order of their names."""
    members = _tar_members if form == "tar" else _zip_members
    found: list[tuple[str, bytes]] = []
    parents: set[str] = set()
    inside = _plain_folder(folder) if folder is not None else None
    for name, read in members(path, max_bytes):
        parent, _, file = name.rpartition("/")
        if not _is_text_file(file):
            continue
        parents.add(parent)
        if inside is None or parent == inside:
            found.append((name, read()))
    if not found:
        there = f"'{inside}' ({wanted.key('folder')}) has" if inside is not None else "it has"
        raise BadInput(f"{path}: {there} no text files; folders with some are {_quoted(sorted(parents)) or 'none'}")
    found.sort(key=_natural)
    return Published(((raw,) for _, raw in found), lambda row: found[row][0])


def _plain_folder(folder: str) -> str:
    return "/".join(part for part in folder.split("/") if part not in ("", "."))


def _is_text_file(file: str) -> bool:
    return not file.startswith((".", "_")) and Path(file).suffix.lower() in TEXT_SUFFIXES


def _natural(item: tuple[str, bytes]) -> list[tuple[int, str]]:
    pieces = re.split(r"([0-9]+)", item[0])
    return [(int(piece[:18]), piece) if piece.isdigit() else (-1, piece) for piece in pieces]


def _class_parent(path: Path, names: Iterable[str], split: str | None) -> str:
    classes: dict[str, set[str]] = {}
    for name in names:
        parent, _, file = name.rpartition("/")
        root, _, label = parent.rpartition("/")
        if label and _is_text_file(file) and label.lower() not in UNLABELLED_FOLDERS:
            classes.setdefault(root, set()).add(label)
    candidates = sorted(root for root, labels in classes.items() if len(labels) > 1)
    named = [root for root in candidates if split is not None and root.rpartition("/")[2] == split]
    chosen = _only(candidates) if len(candidates) == 1 else _only(named)
    if chosen is None:
        there = f"class folders lie in {_quoted(candidates)}" if candidates else "no folder holds two class folders"
        raise BadInput(f"{path}: cannot tell which folder holds the classes, {there}; set `folder` in the study")
    log.info("class folders from '%s'", chosen)
    return chosen


class _TarInfo(tarfile.TarInfo):
    """A header of a tar that does not make its reader keep megabytes of properties in memory."""

    @classmethod
    def frombuf(cls, buf: bytes, encoding: str, errors: str) -> tarfile.TarInfo:
        info = super().frombuf(buf, encoding, errors)
        if info.type in TAR_EXTENSIONS and info.size > MAX_HEADER_BYTES:
            raise tarfile.ReadError(f"a header of {info.size:,} bytes")
        return info


def _tar_members(path: Path, max_bytes: int) -> Iterator[tuple[str, Callable[[], bytes]]]:
    with _open_bytes(path, max_bytes) as stream, tarfile.open(fileobj=stream, mode="r|", tarinfo=_TarInfo) as archive:
        while (member := archive.next()) is not None:
            archive.members.clear()
            # A sparse member may claim any size.
            if not member.isreg() or member.issparse():
                continue
            yield member.name.removeprefix("./"), lambda member=member: _tar_text(archive, member)
        while stream.read(1 << 20):  # to the end, where gzip keeps its checksum
            pass


def _tar_text(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    text = archive.extractfile(member).read()
    if len(text) != member.size:
        raise EOFError(f"{member.name} ends early")
    return text


def _zip_members(path: Path, max_bytes: int) -> Iterator[tuple[str, Callable[[], bytes]]]:
    left = max_bytes
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if info.is_dir():
                continue
            _check_zip_entry(path, info)
            left -= info.file_size
            if left < 0:
                raise _too_large(path, max_bytes)
            yield info.filename, lambda info=info: archive.read(info)
