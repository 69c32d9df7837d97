"""Reads the examples of a data file in the form it was published in; no byte of it is ever run."""

import lzma
import struct
import tarfile
import tempfile
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from bert_ladder.data.readers.archives import find_data_file, read_tar, read_zip, unpack_file, write_stream
from bert_ladder.data.readers.arrow_files import read_arrow
from bert_ladder.data.readers.delimited import read_csv, read_tsv
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
    "tab": "tsv",
    "json": "json",
    "jsonl": "json",
    "ndjson": "json",
    "parquet": "parquet",
    "arrow": "arrow",
    "feather": "arrow",
    "npz": "npz",
    "tar": "tar",
    "zip": "zip",
}
UNLABELLED_FORMATS = {"txt": "txt"}
SHORT_ENDINGS = {"tgz": "tar", "tbz2": "tar", "txz": "tar", "pq": "parquet"}
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
MOST_LAYERS = 3  # of packing around a data file
DAMAGE = (
    *(OSError, EOFError, NotImplementedError, struct.error, zlib.error, lzma.LZMAError),
    *(zipfile.BadZipFile, tarfile.TarError, Refused, pa.ArrowException),
    # Names of columns or zip members that are no UTF-8, and zipfile's for a member without a name.
    *(UnicodeDecodeError, IndexError),
)


def read_examples(file: PublishedFile) -> tuple[list[bytes], list[Any], PublishedExamples]:
    """Read all examples of a file.

    Returns:
        The texts in UTF-8; the labels as they are written, not checked yet, none without labels; where they were read.

    Raises:
        BadInput: the file, a column, a text or a setting is not usable; the sentence says which and what to do.
    """
    texts: list[bytes] = []
    labels: list[Any] = []
    total = 0
    try:
        with tempfile.TemporaryDirectory(prefix="bert-ladder-") as scratch:
            inside, form = _data_file(file, Path(scratch))
            examples = READERS[form](inside)
            for row, (text, *label) in enumerate(examples.rows):
                try:
                    raw = _utf8(text, file)
                except ValueError as error:
                    raise BadInput(f"{inside.path}, {examples.where(row)}: {error}") from error
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
    return texts, labels, examples


def _utf8(value: Any, file: PublishedFile) -> bytes:
    """A text in UTF-8; ValueError, with the end of a sentence, for what is none."""
    if is_missing(value):
        raise ValueError("the text is missing; fill it in or drop the row")
    try:
        if isinstance(value, str):
            value = value.encode()
        if isinstance(value, bytes):
            value.decode()  # a string too: NumPy lets code points beyond Unicode into one
            return value
    except (UnicodeDecodeError, UnicodeEncodeError) as error:
        raise ValueError(f"the text is not valid UTF-8 ({fault(error)}); save the file as UTF-8") from error
    raise ValueError(f"the text is {shown(value)}; name the column of the texts ({file.key('text')})")


def _data_file(file: PublishedFile, scratch: Path) -> tuple[PublishedFile, str]:
    """The file that holds the examples, unpacked where it has to be, and its form.

    Args:
        file: as it was published.
        scratch: an empty folder to unpack into.
    """
    formats = {name for name, kind in _formats(file).items() if kind == file.format}
    for layer in range(MOST_LAYERS):
        form = _form_of(file)
        formats |= {name for name, kind in _formats(file).items() if kind == form}
        target = scratch / str(layer)
        path = find_data_file(file, form, _endings(file)) if form in CONTAINERS and not _is_packed(file, form) else None
        if path is not None:
            unpack_file(file, form, path, target)
            file.found.file = file.found.file or path
            inside = None if _formats(file).get(file.format or "") == form else file.format
            file = replace(file, path=file.path / path, copy=target, format=inside, file=None)
        elif _is_packed(file, form):
            with open_bytes(file) as opened:
                write_stream(file, opened, target)
            file = replace(file, copy=target)
        else:
            said = _formats(file).get(file.format or "", form)
            if said != form:
                raise BadInput(f"{file.path}: is a {form} and holds no {said} file; correct {file.key('format')}")
            file.found.formats = sorted(formats)
            _refuse_options(file, form)
            return file, form
    raise BadInput(f"{file.path}: is packed more than {MOST_LAYERS - 1} times; unpack it and give the data file")


def _is_packed(file: PublishedFile, form: str) -> bool:
    return form in WHOLE_FILES and compression_of(file.content) is not None


def _formats(file: PublishedFile) -> dict[str, str]:
    return FORMATS if file.labelled else FORMATS | UNLABELLED_FORMATS


def _endings(file: PublishedFile) -> list[str]:
    """How names of data files end: all forms but archives and lines of text, alone and compressed."""
    names = [name for name, form in (FORMATS | SHORT_ENDINGS).items() if form not in CONTAINERS]
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
    return (formats | SHORT_ENDINGS).get(name.rpartition(".")[2])


def _refuse_options(file: PublishedFile, form: str) -> None:
    """Refuse options that are of another form than the file's."""
    for key, value in (("columns", file.columns), ("delimiter", file.delimiter)):
        if value is not None and form not in ("csv", "tsv"):
            raise BadInput(f"{file.key(key)}: is for csv and tsv, and {file.path} is {form}; remove the key")
    if file.file is not None:
        raise BadInput(f"{file.key('file')}: is for archives, and {file.path} is {form}; remove the key")
