"""How the fields of a csv or tsv are separated and quoted: told by its first lines."""

import csv
import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TextIO

from bert_ladder.data.readers.columns import SAMPLE
from bert_ladder.data.readers.names import LABEL_NAMES, TEXT_NAMES, plain_name
from bert_ladder.data.readers.published import PublishedFile
from bert_ladder.data.readers.streams import open_text
from bert_ladder.runtime.jobs import BadInput

log = logging.getLogger(__name__)

DELIMITERS = (",", "\t", ";", "|")
SAMPLE_CHARACTERS = 1 << 20
ALIKE = 0.8  # of the sampled records have as many fields as the first
LONG_NAME = 60  # characters
MANY_WORDS = 6


@dataclass(frozen=True)
class Dialect:
    """How a csv or tsv is written.

    Attributes:
        delimiter: between the fields.
        quoting: whether quotes enclose fields; else they are characters as any others.
        blanks: whether blanks after a delimiter belong to no field.
        skipped: lines before the header.
    """

    delimiter: str
    quoting: bool = True
    blanks: bool = False
    skipped: int = 0

    def records(self, opened: TextIO) -> Iterator[tuple[int, list[str]]]:
        """Each record that is no blank line, the header included, with the number of its first line.

        Raises:
            csv.Error: a record is none. `line` of it is the number of its first line.
        """
        for _ in range(self.skipped):
            next(opened, "")
        reader = self._reader(opened)
        while True:
            line = self.skipped + reader.line_num + 1
            try:
                record = next(reader, None)
            except csv.Error as error:
                raise BadRecord(line, str(error)) from error
            if record is None:
                return
            if record:
                yield line, record

    def _reader(self, lines: Iterator[str]) -> Any:
        quoting: Any = csv.QUOTE_MINIMAL if self.quoting else csv.QUOTE_NONE
        return csv.reader(lines, delimiter=self.delimiter, quoting=quoting, skipinitialspace=self.blanks, strict=True)


class BadRecord(csv.Error):
    """A record that is none, and its first line."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line


def find_dialect(file: PublishedFile, usual: str) -> Dialect:
    """Tell how a file is written.

    Args:
        file: the csv or tsv; its `delimiter` is taken where it has one.
        usual: the delimiter that the file's name speaks of.

    Raises:
        BadInput: two delimiters are equally likely.
    """
    csv.field_size_limit(2**31 - 1)
    announced = _announced(file)
    skipped = 0 if announced is None else 1
    delimiter = file.delimiter or announced or _likely(file, Dialect(usual, skipped=skipped))
    dialect = Dialect(delimiter, skipped=skipped)
    if delimiter == "\t" and _tabs_without_quoting(file, skipped):
        dialect = replace(dialect, quoting=False)
    if delimiter != usual and not file.delimiter:
        log.info("fields are separated by %r", delimiter)
    return replace(dialect, blanks=delimiter != " " and dialect.quoting and _has_blanks(file, dialect))


def first_records(file: PublishedFile, dialect: Dialect) -> tuple[list[list[str]], bool]:
    """The first SAMPLE records of a file, the header included, and whether they are well-formed to the last."""
    found: list[list[str]] = []
    with open_text(file) as opened:
        beginning = _Beginning(opened)
        try:
            for _, record in dialect.records(beginning):  # type: ignore[arg-type]
                found.append(record)
                if len(found) > SAMPLE:
                    return found, True
        except csv.Error:
            return found, beginning.is_cut
    # The last one may have been cut with the sample.
    return (found[:-1] if beginning.is_cut and len(found) > 1 else found), True


class _Beginning:
    """The lines of a text up to SAMPLE_CHARACTERS."""

    def __init__(self, opened: TextIO) -> None:
        self.opened, self.left, self.is_cut = opened, SAMPLE_CHARACTERS, False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self.left <= 0:
            self.is_cut = next(self.opened, None) is not None
            raise StopIteration
        line = next(self.opened)
        self.left -= len(line)
        return line


def _announced(file: PublishedFile) -> str | None:
    """The delimiter of a first line such as `sep=;`, as spreadsheets write it."""
    with open_text(file) as opened:
        found = re.fullmatch(r'"?sep *= *([^\r\n])"?\s*', opened.readline(20), re.IGNORECASE)
    return found[1] if found else None


def _likely(file: PublishedFile, usual: Dialect) -> str:
    """The usual delimiter unless the file is no table by it and is one by another."""
    width, is_table, is_whole = _width(file, usual)
    if width > 1 and is_table and is_whole:
        return usual.delimiter
    found = [
        (other, *_width(file, replace(usual, delimiter=other))) for other in DELIMITERS if other != usual.delimiter
    ]
    tables = [(other, whole) for other, other_width, fits, whole in found if other_width > 1 and fits]
    # A table with a record that is none is one only where nothing else is.
    likely = [other for other, whole in tables if whole] or [other for other, _ in tables if width < 2]
    if len(likely) > 1 and width < 2:
        raise BadInput(
            f"{file.path}: its fields may be separated by {' or '.join(map(repr, likely))}; set {file.key('delimiter')}"
        )
    return likely[0] if len(likely) == 1 else usual.delimiter


def _width(file: PublishedFile, dialect: Dialect) -> tuple[int, bool, bool]:
    """Number of fields of the header, whether that of the first records is the same, and whether all are records."""
    records, is_well_formed = first_records(file, dialect)
    if not records:
        return 0, False, False
    width = len(named_part(records[0], records[1:]))
    more = width < len(records[0])  # fields of a row beyond the names are blank then
    alike = sum(len(record) == width or (more and len(record) > width) for record in records)
    return width, alike >= ALIKE * len(records), is_well_formed


def named_part(header: list[str], rows: list[list[str]]) -> list[str]:
    """The header without the delimiters at its end, where some row lacks these fields and none fills them."""
    width = len(header)
    while width > 1 and not header[width - 1].strip():
        width -= 1
    lacked = any(len(record) < len(header) for record in rows) and not any(any(record[width:]) for record in rows)
    return header[:width] if lacked else header


def _has_blanks(file: PublishedFile, dialect: Dialect) -> bool:
    """Tell whether blanks after delimiters belong to no field.

    They do not where each name of the header but the first begins with one, nor where they keep a quote from enclosing
    its field: read both ways, fields then differ in more than their first blanks.
    """
    kept, kept_well = first_records(file, dialect)
    if not any(field.startswith(" ") for record in kept for field in record[1:]) and kept_well:
        return False
    cut, cut_well = first_records(file, replace(dialect, blanks=True))
    if not kept or not cut_well:
        return False
    if len(kept[0]) > 1 and all(name.startswith(" ") for name in kept[0][1:]):
        return True
    return not kept_well or [[field.lstrip(" ") for field in record] for record in kept] != [
        [field.lstrip(" ") for field in record] for record in cut
    ]


def _tabs_without_quoting(file: PublishedFile, skipped: int) -> bool:
    """Tell whether quotes are plain characters in a file with tabs.

    Half of the tsv files in the wild never quote. Quotes are plain where each line is a record of its own and at
    least one field starts with a quote that does not make a well-formed quoted field, unless that is one fault in a
    file that quotes: each name of its header, or a field of nearly every line.
    """
    lines = enclosed = 0
    plain = False
    with open_text(file) as opened:
        for _ in range(skipped):
            next(opened, "")
        header = next(opened, "").rstrip("\r\n").split("\t")
        if all(map(_is_enclosed, header)):
            return False
        for line in opened:
            line = line.rstrip("\r\n")
            if not line:
                continue
            if line.count("\t") != len(header) - 1:
                return False
            lines += 1
            if '"' in line:
                fields = line.split("\t")
                enclosed += any(map(_is_enclosed, fields))
                plain = plain or any(field.startswith('"') and not _is_enclosed(field) for field in fields)
    return plain and enclosed < ALIKE * lines


def _is_enclosed(field: str) -> bool:
    return re.fullmatch(r'"(?:[^"]|"")*"', field) is not None


def looks_like_a_row(first: list[str], others: list[list[str]], named: Sequence[str | None] = ()) -> bool:
    """Tell whether the first record of a file is an example, not the names of the columns.

    A known name of texts, or one that the study names, shows a header unless it is a value of its column too, as in a
    file whose labels are `query` and `statement`.

    Args:
        first: its fields.
        others: some of the records after it.
        named: what the study calls the columns.
    """
    fields = [field.strip() for field in first]
    rows = [[value.strip() for value in record] for record in others if len(record) == len(fields)]
    values = [set(column) for column in zip(*(row for row in rows if row != fields), strict=True)]
    values = values or [set() for _ in fields]
    repeated = {field for field, of in zip(fields, values, strict=True) if field and field in of}
    texts, labels = ({name for tier in tiers for name in tier if len(name) > 1} for tiers in (TEXT_NAMES, LABEL_NAMES))
    given = {name.strip() for name in named if name and not _is_number(name.strip())}
    if any(field not in repeated and (plain_name(field) in texts or field in given) for field in fields):
        return False
    if any(plain_name(field) not in TEXT_NAMES[0] | LABEL_NAMES[0] for field in repeated):
        return True
    filled = [field for field in fields if field]
    if any(plain_name(field) in texts | labels for field in filled):
        return False
    if [str(place) for place in range(len(filled))] == filled:
        return False  # pandas' own names of columns without one
    return any(_is_number(field) or len(field) > LONG_NAME or len(field.split()) >= MANY_WORDS for field in filled)


def _is_number(field: str) -> bool:
    return re.fullmatch(r"[+-]?\d+([.,]\d+)?", field, re.ASCII) is not None
