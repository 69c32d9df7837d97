"""Reads csv and tsv: a header, then a record per example."""

import array
import csv
import re
from collections.abc import Iterable, Iterator
from typing import Any

from bert_ladder.data.readers.columns import Columns, check_unique, choose_columns
from bert_ladder.data.readers.published import PublishedExamples, PublishedFile, quoted
from bert_ladder.data.readers.streams import open_text
from bert_ladder.runtime.jobs import BadInput


def read_csv(file: PublishedFile) -> PublishedExamples:
    """Read fields that are separated by commas.

    Raises:
        BadInput: the header or a record is none, or a column is not to be found.
    """
    return _read_delimited(file, {"delimiter": ",", "strict": True})


def read_tsv(file: PublishedFile) -> PublishedExamples:
    """Read fields that are separated by tabs, quoted or not.

    Raises:
        BadInput: the header or a record is none, or a column is not to be found.
    """
    dialect: dict[str, Any] = {"delimiter": "\t", "strict": True}
    if _tabs_without_quoting(file):
        dialect |= {"quoting": csv.QUOTE_NONE}
    return _read_delimited(file, dialect)


def _read_delimited(file: PublishedFile, dialect: dict[str, Any]) -> PublishedExamples:
    csv.field_size_limit(2**31 - 1)
    with open_text(file) as opened:
        try:
            header = next(csv.reader(opened, **dialect), [])
        except csv.Error as error:
            raise _bad_record(file, 1, dialect, error) from error
    check_unique(file.path, header)
    columns = Columns(header, header, f"the columns {quoted(header)}")
    chosen = [header.index(name) for name in choose_columns(file, columns)]
    lines = array.array("q")

    def rows() -> Iterator[tuple[str, ...]]:
        with open_text(file) as opened:
            for line, record in _records(file, opened, dialect, len(header)):
                lines.append(line)
                yield tuple(record[column] for column in chosen)

    return PublishedExamples(rows(), lambda row: f"line {lines[row]}", textual=True)


def _records(
    file: PublishedFile, opened: Iterable[str], dialect: dict[str, Any], width: int
) -> Iterator[tuple[int, list[str]]]:
    """Each record after the header with the number of its first line; blank lines are passed over."""
    reader = csv.reader(opened, **dialect)
    next(reader)
    while True:
        line = reader.line_num + 1
        try:
            record = next(reader, None)
        except csv.Error as error:
            raise _bad_record(file, line, dialect, error) from error
        if record is None:
            return
        if record and len(record) != width:
            raise BadInput(
                f"{file.path}, line {line}: {len(record)} fields where the header has {width}; "
                "put quotes around a text that holds the separator"
            )
        if record:
            yield line, record


def _bad_record(file: PublishedFile, line: int, dialect: dict[str, Any], error: csv.Error) -> BadInput:
    kind = "csv" if dialect["delimiter"] == "," else "tsv"
    return BadInput(
        f"{file.path}, line {line}: not a {kind} record ({error}); double each quote inside a quoted text and close it"
    )


def _tabs_without_quoting(file: PublishedFile) -> bool:
    """Tell whether quotes are plain characters in a tsv file.

    Half of the tsv files in the wild never quote. Quotes are plain where each line is a record of its own and at
    least one field starts with a quote that does not make a well-formed quoted field.
    """
    plain = False
    with open_text(file) as opened:
        width = next(opened, "").count("\t")
        for line in opened:
            line = line.rstrip("\r\n")
            if not line:
                continue
            if line.count("\t") != width:
                return False
            if '"' in line and not plain:
                fields = line.split("\t")
                plain = any(f.startswith('"') and not re.fullmatch(r'"(?:[^"]|"")*"', f) for f in fields)
    return plain
