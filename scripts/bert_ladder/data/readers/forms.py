"""Reads the examples of a data file in the form it was published in; no byte of it is ever run."""

import struct
import tarfile
import zipfile
import zlib
from typing import Any

import pyarrow as pa

from bert_ladder.data.readers.archives import read_tar, read_zip
from bert_ladder.data.readers.delimited import read_csv, read_tsv
from bert_ladder.data.readers.empty import without_empty
from bert_ladder.data.readers.jsonl import read_jsonl
from bert_ladder.data.readers.lines import read_lines
from bert_ladder.data.readers.npz import read_npz
from bert_ladder.data.readers.parquet import read_parquet
from bert_ladder.data.readers.published import PublishedExamples, PublishedFile, Reader, fault, is_missing, shown
from bert_ladder.files.archives import Refused
from bert_ladder.files.streams import is_web_page
from bert_ladder.runtime.jobs import BadInput, reason_of

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
READERS: dict[str, Reader] = {
    "npz": read_npz,
    "csv": read_csv,
    "tsv": read_tsv,
    "jsonl": read_jsonl,
    "parquet": read_parquet,
    "tar": read_tar,
    "zip": read_zip,
    "txt": read_lines,
}
DAMAGE = (
    *(OSError, EOFError, NotImplementedError, struct.error, zlib.error),
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
    try:
        form = _form_of(file)
        _refuse_page(file, form)
        file.found.formats = [name for name, kind in (FORMATS | UNLABELLED_FORMATS).items() if kind == form]
        examples = READERS[form](file)
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


def _form_of(file: PublishedFile) -> str:
    formats = FORMATS if file.labelled else FORMATS | UNLABELLED_FORMATS
    known = ", ".join(formats)
    if file.format is not None:
        if file.format not in formats:
            raise BadInput(f"{file.key('format')}: found '{file.format}'; give one of {known}")
        return formats[file.format]
    # A longer ending first: "a.csv.gz" is csv.gz.
    for ending in sorted(formats, key=len, reverse=True):
        if file.content.name.lower().endswith("." + ending):
            return formats[ending]
    raise BadInput(f"{file.path}: its name does not tell its format; set {file.key('format')} to one of {known}")


def _refuse_page(file: PublishedFile, form: str) -> None:
    if not file.content.stat().st_size:
        raise BadInput(f"{file.path}: is empty; fetch it again")
    if is_web_page(file.content):
        raise BadInput(f"{file.path}: is a web page, not {form}; give the address of the file itself")
