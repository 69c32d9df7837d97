"""Reads the examples of a data file in the form it was published in; no byte of it is ever run."""

import bisect
import lzma
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from bert_ladder.data.readers.archives import find_data_files, read_tar, read_zip, unpack_files, write_stream
from bert_ladder.data.readers.arrow_files import read_arrow
from bert_ladder.data.readers.delimited import read_csv, read_tsv
from bert_ladder.data.readers.empty import warn_of_words, without_empty
from bert_ladder.data.readers.json_files import read_json
from bert_ladder.data.readers.lines import read_lines
from bert_ladder.data.readers.npz import read_npz
from bert_ladder.data.readers.parquet import read_parquet
from bert_ladder.data.readers.published import PublishedExamples, PublishedFile, Reader, fault, is_missing, shown
from bert_ladder.data.readers.signatures import told_form
from bert_ladder.data.readers.streams import COMPRESSED_ENDINGS, compression_of, open_bytes
from bert_ladder.files.archives import Refused
from bert_ladder.files.streams import is_web_page
from bert_ladder.runtime.jobs import BadInput, reason_of

# What a study may say, and how names end, compressed or not.
FORMATS = {
    "csv": "csv",
    "tsv": "tsv",
    "json": "json",
    "jsonl": "json",
    "parquet": "parquet",
    "arrow": "arrow",
    "feather": "arrow",
    "npz": "npz",
    "tar": "tar",
    "zip": "zip",
}
UNLABELLED_FORMATS = {"txt": "txt"}
OTHER_ENDINGS = {"tab": "tsv", "ndjson": "json", "pq": "parquet", "tgz": "tar", "tbz2": "tar", "txz": "tar"}
READERS: dict[str, Reader] = {
    "npz": read_npz,
    "csv": read_csv,
    "tsv": read_tsv,
    "json": read_json,
    "parquet": read_parquet,
    "arrow": read_arrow,
    "tar": read_tar,
    "zip": read_zip,
    "txt": read_lines,
}
CONTAINERS = ("zip", "tar")
# Read at any place, hence not from a compressed stream.
WHOLE_FILES = ("npz", "parquet", "arrow", "zip")
MOST_LAYERS = 2  # of packing around a data file
DAMAGE = (
    *(OSError, EOFError, NotImplementedError, struct.error, zlib.error, lzma.LZMAError),
    *(zipfile.BadZipFile, tarfile.TarError, Refused, pa.ArrowException),
    # Names of columns or zip members that are no UTF-8, and zipfile's for a member without a name.
    *(UnicodeDecodeError, IndexError),
)


def read_examples(file: PublishedFile) -> tuple[list[bytes], list[Any], PublishedExamples]:
    """Read all examples of a file.

    Returns:
        The texts in UTF-8, a missing one empty; the labels as they are written, not checked yet, none without labels;
        where they were read. Of labelled rows those with empty texts are left out, see `without_empty`.

    Raises:
        BadInput: the file, a column, a text or a setting is not usable; the sentence says which and what to do.
    """
    texts: list[bytes] = []
    labels: list[Any] = []
    missing: set[int] = set()
    total = 0
    scratch = tempfile.TemporaryDirectory(prefix="bert-ladder-")
    try:
        with scratch:
            examples = _joined(file, [_read(file, *found) for found in unpacked_files(file, Path(scratch.name))])
            for row, (text, *label) in enumerate(examples.rows):
                try:
                    raw = b"" if is_missing(text) else _utf8(text, file)
                except ValueError as error:
                    raise BadInput(f"{file.path}, {examples.where(row)}: {error}") from error
                if is_missing(text):
                    missing.add(row)
                total += len(raw)
                file.check_bytes(total)
                file.check_rows(row + 1)
                texts.append(raw)
                labels += label
    except DAMAGE as error:
        raise BadInput(
            f"{file.path}: cannot be read ({reason_of(error)}); it is damaged or of another format: fetch it again "
            f"or set {file.key('format')}"
        ) from error
    if not texts:
        kind = "labelled texts" if file.labelled else "texts"
        raise BadInput(f"{file.path}: has no rows; give a file with {kind}")
    warn_of_words(file, texts)
    return without_empty(file, texts, labels, examples, missing) if file.labelled else (texts, labels, examples)


def _utf8(value: Any, file: PublishedFile) -> bytes:
    """A text in UTF-8; ValueError, with the end of a sentence, for what is none."""
    try:
        if isinstance(value, str):
            value = value.encode()
        if isinstance(value, bytes):
            value.decode()  # a string too: NumPy lets code points beyond Unicode into one
            return value
    except (UnicodeDecodeError, UnicodeEncodeError) as error:
        raise ValueError(f"the text is not valid UTF-8 ({fault(error)}); save the file as UTF-8") from error
    raise ValueError(f"the text is {shown(value)}; name the column of the texts ({file.key('text')})")


def _read(file: PublishedFile, part: PublishedFile, form: str) -> PublishedExamples:
    """The examples of a file, or of one that lies in it: its rows are then named by the path there."""
    chosen = (file.found.text, file.found.label)
    examples = READERS[form](part)
    if chosen != (None, None) and chosen != (file.found.text, file.found.label):
        raise BadInput(
            f"{part.path}: has other columns than the parts before it, {_by(file.found.text, file.found.label)} and "
            f"not {_by(*chosen)}; give the columns the same names in all parts"
        )
    if part.path == file.path:
        return examples
    place = part.path.relative_to(file.path) if part.path.is_relative_to(file.path) else part.path
    return replace(examples, where=lambda row: f"{place}, {examples.where(row)}")


def _by(text: str | None, label: str | None) -> str:
    return f"{text!r} for the texts" + ("" if label is None else f" with {label!r} for the labels")


def _joined(file: PublishedFile, parts: list[PublishedExamples]) -> PublishedExamples:
    """The examples of several files, one after the other."""
    if len(parts) == 1:
        return parts[0]
    if len({tuple(part.class_names) for part in parts}) > 1:
        raise BadInput(f"{file.path}: its parts have different names for their classes; bring them into one order")
    starts = [0]

    def rows() -> Iterator[tuple[Any, ...]]:
        for part in parts:
            count = 0
            for row in part.rows:
                count += 1
                yield row
            starts.append(starts[-1] + count)

    def where(row: int) -> str:
        number = bisect.bisect_right(starts, row, hi=min(len(starts), len(parts))) - 1
        return parts[number].where(row - starts[number])

    return PublishedExamples(rows(), where, textual=parts[0].textual, class_names=parts[0].class_names)


def unpacked_files(file: PublishedFile, scratch: Path) -> list[tuple[PublishedFile, str]]:
    """The files that hold the examples, of all parts, unpacked where they have to be, and their forms.

    Args:
        file: as it was published.
        scratch: an empty folder to unpack into.

    Raises:
        BadInput: it is none that is read, or packed too many times.
    """
    if not file.parts:
        return _data_files(file, scratch, 0)
    found: list[tuple[PublishedFile, str]] = []
    for number, part in enumerate(file.parts):
        inside = scratch / f"part-{number}"
        inside.mkdir()
        found += _data_files(part, inside, 0)
    forms = {kind for _, kind in found}
    if len(forms) > 1:
        raise BadInput(f"{file.path}: these files are of several forms, {', '.join(sorted(forms))}; bring them to one")
    return found


def _data_files(file: PublishedFile, scratch: Path, layer: int) -> list[tuple[PublishedFile, str]]:
    """The files that hold the examples, unpacked where they have to be, and their forms.

    Args:
        file: as it was published.
        scratch: an empty folder to unpack into.
        layer: how many times what it lies in was unpacked.

    Raises:
        BadInput: it is none that is read, or packed too many times.
    """
    if layer > MOST_LAYERS:
        raise BadInput(f"{file.path}: is packed more than {MOST_LAYERS} times; unpack it and give the data file")
    form = _form_of(file)
    if form in CONTAINERS and not _is_packed(file, form):
        paths = find_data_files(file, form, _endings(file))
        if paths:
            return _files_inside(replace(file, format=_format_inside(file, form)), form, paths, scratch, layer + 1)
    if _is_packed(file, form):
        with open_bytes(file) as opened:
            write_stream(file, opened, scratch / "unpacked")
        (scratch / "inside").mkdir()
        return _data_files(replace(file, copy=scratch / "unpacked"), scratch / "inside", layer + 1)
    said = _formats(file).get(file.format or "", form)
    if said != form:
        raise BadInput(f"{file.path}: is a {form} and holds no {said} file; correct {file.key('format')}")
    _refuse_options(file, form)
    file.found.formats = [name for name, kind in _formats(file).items() if kind == form]
    return [(file, form)]


def _format_inside(file: PublishedFile, form: str) -> str | None:
    """The `format` that is one of the files inside, where it is not the archive's own."""
    return None if _formats(file).get(file.format or "") == form else file.format


def _files_inside(
    file: PublishedFile, form: str, paths: list[str], scratch: Path, layer: int
) -> list[tuple[PublishedFile, str]]:
    """The data files of an archive; `format` is that of theirs."""
    file.found.file = file.found.file or (paths[0] if len(paths) == 1 else None)
    found: list[tuple[PublishedFile, str]] = []
    for path, copy in zip(paths, unpack_files(file, form, paths, scratch / "files"), strict=True):
        part = replace(file, path=file.path / path, copy=copy, file=None, folder=None)
        inside = scratch / f"in-{copy.name}"
        inside.mkdir()
        found += _data_files(part, inside, layer)
    forms = {kind for _, kind in found}
    if len(forms) > 1:
        raise BadInput(f"{file.path}: its parts are of several forms, {', '.join(sorted(forms))}; give one")
    inner = set(file.found.formats)
    file.found.formats = [name for name, kind in _formats(file).items() if kind == form or name in inner]
    return found


def _is_packed(file: PublishedFile, form: str) -> bool:
    return form in WHOLE_FILES and compression_of(file.content) is not None


def _formats(file: PublishedFile) -> dict[str, str]:
    return FORMATS if file.labelled else FORMATS | UNLABELLED_FORMATS


def _endings(file: PublishedFile) -> list[str]:
    """How names of data files end: all forms but archives and lines of text, alone and compressed."""
    names = [name for name, form in (FORMATS | OTHER_ENDINGS).items() if form not in CONTAINERS]
    return [*names, *(f"{name}.{packed}" for name in names for packed in COMPRESSED_ENDINGS)]


def _form_of(file: PublishedFile) -> str:
    """The form that a file has by its first bytes, else that which the study or its name says.

    Raises:
        BadInput: it cannot be told, is none that is read, or not that which the study says.
    """
    if not file.content.stat().st_size:
        raise BadInput(f"{file.path}: is empty; fetch it again")
    formats = _formats(file)
    known = ", ".join(formats)
    if file.format is not None and file.format not in formats:
        raise BadInput(f"{file.key('format')}: found '{file.format}'; give one of {known}")
    said = formats[file.format] if file.format is not None else _form_of_name(file, formats)
    if is_web_page(file.content):
        raise BadInput(f"{file.path}: is a web page, not {said or 'data'}; give the address of the file itself")
    told, foreign = told_form(file)
    if foreign is not None:
        raise BadInput(f"{file.path}: is {foreign}")
    if told is None or told == said or (told == "zip" and said == "npz"):
        form = said
    elif told == "json" and (file.format is not None or said == "txt"):
        form = said  # a text may begin like that
    elif file.format is not None and told not in CONTAINERS:
        raise BadInput(f"{file.path}: is {told}, not {file.format}; correct {file.key('format')} or leave it out")
    else:
        form = told
    if form is None:
        raise BadInput(f"{file.path}: its name does not tell its format; set {file.key('format')} to one of {known}")
    return form


def _form_of_name(file: PublishedFile, formats: dict[str, str]) -> str | None:
    name = file.path.name.lower()
    for ending in COMPRESSED_ENDINGS:
        name = name.removesuffix(f".{ending}")
    return (formats | OTHER_ENDINGS).get(name.rpartition(".")[2])


def _refuse_options(file: PublishedFile, form: str) -> None:
    """Refuse options that are of another form than the file's."""
    for key, value in (("columns", file.columns), ("delimiter", file.delimiter)):
        if value is not None and form not in ("csv", "tsv"):
            raise BadInput(f"{file.key(key)}: is for csv and tsv, and {file.path} is {form}; remove the key")
    if file.file is not None:
        raise BadInput(f"{file.key('file')}: is for archives, and {file.path} is {form}; remove the key")
