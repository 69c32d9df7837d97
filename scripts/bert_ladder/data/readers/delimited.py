"""Reads csv and tsv: a header, then a record per example."""

import array
import itertools
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from bert_ladder.data.readers.columns import Columns, check_unique, choose_columns
from bert_ladder.data.readers.dialects import (
    DELIMITERS,
    BadRecord,
    Dialect,
    find_dialect,
    first_records,
    looks_like_a_row,
    named_part,
)
from bert_ladder.data.readers.names import names_both
from bert_ladder.data.readers.published import PublishedExamples, PublishedFile, quoted
from bert_ladder.data.readers.streams import open_text
from bert_ladder.runtime.jobs import BadInput

log = logging.getLogger(__name__)

# Enclosed by quotes of any kind, or as spreadsheets write a text that is no number: ="07".
_QUOTED = re.compile(r"""=?["'`\u00b4\u2018-\u201f\u00ab\u2039].*["'`\u00b4\u2018-\u201f\u00bb\u203a]""", re.DOTALL)


def read_csv(file: PublishedFile) -> PublishedExamples:
    """Read fields that are separated by commas, or by what the study or the file itself says.

    Raises:
        BadInput: the header or a record is none, or a column is not to be found.
    """
    return _read_delimited(file, ",")


def read_tsv(file: PublishedFile) -> PublishedExamples:
    """Read fields that are separated by tabs, quoted or not, or by what the study or the file itself says.

    Raises:
        BadInput: the header or a record is none, or a column is not to be found.
    """
    return _read_delimited(file, "\t")


@dataclass(frozen=True)
class Table:
    """A csv or tsv whose header is understood.

    Attributes:
        dialect: how it is written.
        header: the names of its columns, empty where one has none.
        columns: what it offers to choose from.
    """

    dialect: Dialect
    header: list[str]
    columns: Columns


def open_table(file: PublishedFile, usual: str) -> Table:
    """Find how a csv or tsv is written, and its header.

    Args:
        file: the csv or tsv.
        usual: the delimiter that its name speaks of.

    Raises:
        BadInput: there are no rows, or the header is none.
    """
    dialect = find_dialect(file, usual)
    file.found.delimiter = dialect.delimiter
    first = _first_record(file, dialect)
    sample = first_records(file, dialect)[0]
    if not any(field.strip() for record in (first, *sample) for field in record):
        raise BadInput(f"{file.path}: has no rows; give a file with {'labelled texts' if file.labelled else 'texts'}")
    of_rows = sample if file.columns is not None else sample[1:]
    if file.columns is None:
        _check_shape(file, dialect, first, of_rows)
        header = named_part(first, of_rows)
    else:
        header = _given_names(file, first, sample)
    is_row = file.columns is None and looks_like_a_row(header, of_rows, (file.text, file.label))
    if file.columns is None:
        _check_title(file, dialect, header, of_rows, is_row)
    if not is_row:
        check_unique(file.path, header)
    place_of = {name: place for place, name in reversed(list(enumerate(header)))}

    def values(name: str) -> list[str]:
        return [record[place_of[name]] for record in of_rows if len(record) == len(header)]

    named = [name for name in header if name]
    columns = Columns(
        # A nameless first column numbers the rows, as pandas writes it; others are left over of a spreadsheet.
        header[:1] + [name for name in header[1:] if name],
        named,
        f"the columns {quoted(named)}{_nameless(header, of_rows)}",
        sample=values,
        headless=header if is_row else (),
    )
    return Table(dialect, header, columns)


def _read_delimited(file: PublishedFile, usual: str) -> PublishedExamples:
    table = open_table(file, usual)
    dialect, header = table.dialect, table.header
    place_of = {name: place for place, name in reversed(list(enumerate(header)))}
    names = choose_columns(file, table.columns)
    chosen = [place_of[name] for name in names]
    nameless = [place for place, name in enumerate(header) if place and not name]
    lines = array.array("q")

    def rows() -> Iterator[tuple[str, ...]]:
        unread = 0
        with open_text(file) as opened:
            for line, record in _records(file, dialect, len(header), opened):
                lines.append(line)
                unread += any(record[place].strip() for place in nameless)
                if file.labelled:
                    text, label = (record[place] for place in chosen)
                    if file.columns is None and label.strip() == names[1] and text.strip() == names[0]:
                        raise BadInput(
                            f"{file.path}, line {line}: repeats the header; take the line out, or give files that "
                            f"were put together as {file.key('parts')}"
                        )
                    _check_quotes(file, line, label)
                yield tuple(record[column] for column in chosen)
        if unread:
            log.warning("%s rows have something in columns without a name, which is not read", f"{unread:,}")

    return PublishedExamples(rows(), lambda row: f"line {lines[row]}", textual=True)


def _nameless(header: list[str], rows: list[list[str]]) -> str:
    """The end of a list of columns: the first one without a name that may hold texts or labels, not rows' numbers."""
    for place in (place for place, name in enumerate(header) if not name):
        values = [record[place] for record in rows if len(record) == len(header)]
        if any(value.strip() and (place or not value.strip().isdigit()) for value in values):
            return f" and, as column {place + 1}, one without a name, to be named in the header"
    return ""


def _first_record(file: PublishedFile, dialect: Dialect) -> list[str]:
    with open_text(file) as opened:
        try:
            _, record = next(dialect.records(opened), (0, []))
        except BadRecord as error:
            raise _bad_record(file, dialect, error) from error
    if any("\udc80" <= character <= "\udcff" for field in record for character in field):
        raise BadInput(f"{file.path}, line {dialect.skipped + 1}: is not valid UTF-8; save the file as UTF-8")
    return [field.strip() for field in record]


def _check_shape(file: PublishedFile, dialect: Dialect, first: list[str], rows: list[list[str]]) -> None:
    """Refuse lines above the header, lines in one pair of quotes each, and rows with a name that the header lacks."""
    if file.labelled and len(first) == 1:
        if all(len(record) == 1 and dialect.delimiter in record[0] for record in (first, *rows)):
            raise BadInput(
                f"{file.path}: each line stands in one pair of quotes; put them around single fields, or take them out"
            )
        for delimiter in dict.fromkeys((dialect.delimiter, *DELIMITERS)):
            records = first_records(file, replace(dialect, delimiter=delimiter))[0]
            widths = [len(record) for record in records]
            above = next((place for place, width in enumerate(widths) if width > 1), 0)
            if above and len(set(widths[above:])) == 1:
                found = "line 1 has 1 field" if above == 1 else f"the first {above} lines have 1 field"
                raise BadInput(f"{file.path}: {found}, those after {widths[-1]}: a title above the header? Remove it")
    if len(rows) > 1 and all(len(record) == len(first) + 1 and record[-1] for record in rows):
        raise BadInput(
            f"{file.path}: the rows have one field more than the header, {len(first) + 1}: row names? Name their "
            "column in the header, such as id, or leave them out; or put quotes around texts that hold a separator"
        )


def _check_title(file: PublishedFile, dialect: Dialect, header: list[str], rows: list[list[str]], is_row: bool) -> None:
    """Refuse a first line that is no header before one that is, with as many separators, as spreadsheets write it."""
    filled = [field for field in header if field]
    is_title = is_row or len(filled) == 1 or any(map(str.isdigit, filled))
    if is_title and rows and names_both(rows[0], file.name) and not names_both(header, file.name):
        raise BadInput(
            f"{file.path}: line {dialect.skipped + 1} stands above what looks like the header, {quoted(rows[0][:8])}: "
            "a title? Remove it"
        )


def _given_names(file: PublishedFile, first: list[str], sample: list[list[str]]) -> list[str]:
    """The names of `columns`, checked against the first record."""
    names = [name.strip() for name in file.columns or ()]
    if [name.lower() for name in names] == [field.lower() for field in first]:
        raise BadInput(f"{file.path}: its first line has these names already; remove {file.key('columns')}")
    if len(names) != len(first):
        raise BadInput(
            f"{file.key('columns')}: gives {len(names)} names, but the first line of {file.path} has {len(first)} "
            f"fields: {quoted([field[:40] for field in first[:8]])}; give a name for each"
        )
    if file.labelled and names_both(first, file.name) and not looks_like_a_row(first, sample[1:]):
        raise BadInput(
            f"{file.path}: its first line looks like a header: {quoted(first[:8])}; remove {file.key('columns')} and "
            f"name its columns by {file.key('text')} and {file.key('label')}"
        )
    return names


def _records(
    file: PublishedFile, dialect: Dialect, width: int, opened: Iterator[str]
) -> Iterator[tuple[int, list[str]]]:
    """Each record after the header with the number of its first line; blank lines are passed over."""
    records = dialect.records(opened)  # type: ignore[arg-type]
    if file.columns is None:
        next(records)
    while True:
        try:
            line, record = next(records, (0, []))
        except BadRecord as error:
            raise _bad_record(file, dialect, error) from error
        if not record:
            return
        if len(record) > width and not any(record[width:]):
            record = record[:width]  # delimiters at the end of the line
        if len(record) != width:
            raise ragged(file, line, len(record), width)
        yield line, record


def ragged(file: PublishedFile, line: int, found: int, width: int) -> BadInput:
    """What is said of a record with `found` fields where there should be `width`."""
    remedy = (
        "a separator inside a text? Put quotes around each text that holds one"
        if found > width
        else "a line break inside a text? Put quotes around each text that holds one, or take it out"
    )
    fields = "1 field" if found == 1 else f"{found} fields"
    header = "the header" if file.columns is None else file.key("columns")
    return BadInput(f"{file.path}, line {line}: {fields} where {header} has {width}; {remedy}")


def _bad_record(file: PublishedFile, dialect: Dialect, error: BadRecord) -> BadInput:
    kind = "tsv" if dialect.delimiter == "\t" else "csv"
    with open_text(file) as opened:
        raw = next(itertools.islice(opened, error.line - 1, None), "")
    remedy = "double each quote inside a quoted text and close it"
    if "expected after" in str(error) and re.search(rf'"[ \t\xa0]+({re.escape(dialect.delimiter)}|\s*$)', raw):
        remedy = f"take out the blanks between a closing quote and what follows, or {remedy}"
    return BadInput(f"{file.path}, line {error.line}: not a {kind} record ({error}); {remedy}")


def _check_quotes(file: PublishedFile, line: int, label: str) -> None:
    """Refuse a label whose quotes do not enclose it, since a blank stands before them or they are of another kind."""
    bare = label.strip()
    if bare.startswith('"') and label[0].isspace():
        reason, remedy = ", for the blank before them", "take out the blanks after the separators"
    elif _QUOTED.fullmatch(bare):
        reason, remedy = "", "take these quotes out, of the texts too if they have them"
    else:
        return
    raise BadInput(f"{file.path}, line {line}: the label is {label[:60]!r}, quotes and all{reason}; {remedy}")
