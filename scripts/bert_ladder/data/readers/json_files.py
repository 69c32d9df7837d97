"""Reads JSON: an object per line, an array of objects, or one object that holds such an array or a list per column."""

import io
import json
import sys
from collections.abc import Iterator
from typing import Any

from bert_ladder.data.readers.published import PublishedExamples, PublishedFile, quoted, shown
from bert_ladder.data.readers.records import Record, has_own_test, read_records
from bert_ladder.data.readers.streams import open_text
from bert_ladder.runtime.jobs import BadInput, reason_of

# One JSON value is held in memory as a whole, which takes many times its length.
MAX_CHARACTERS = 1 << 28
_CHUNK = 1 << 20
# An error so near to the end of what was read may come of that end: longer than any word of JSON.
_NEAR = 16
_MORE_ROWS = "write one object per line, or one array of objects"


def read_json(file: PublishedFile) -> PublishedExamples:
    """Read the objects of a file; the first ones tell the keys.

    Raises:
        BadInput: a row is no object, a key is not to be found, or there is no row.
    """
    rows = rows_of_document(file)
    return read_records(file, _lines(file), "line") if rows is None else read_records(file, rows, "row")


def rows_of_document(file: PublishedFile) -> Iterator[Record] | None:
    """The numbered objects of a file that is one JSON value; None for one with an object per line.

    Raises:
        BadInput: it is no JSON, or no rows can be told in it.
    """
    with open_text(file) as opened:
        start = opened.read(1)
        while start.isspace() or start == "\ufeff":
            start = opened.read(1)
    if start == "[":
        return _array_rows(file)
    document = _only_object(file)
    return None if document is None else enumerate(_rows_of(file, document), start=1)


def _lines(file: PublishedFile) -> Iterator[Record]:
    with open_text(file) as opened:
        for number, line in enumerate(opened, start=1):
            if not line.strip():
                continue
            yield number, object_of_line(file, number, line)


def object_of_line(file: PublishedFile, number: int, line: str) -> dict[str, Any]:
    """The object that a line is.

    Raises:
        BadInput: it is no JSON, or no object.
    """
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise _no_json(file, f"line {number}", error) from error
    return _checked(file, f"line {number}", record)


def _no_json(file: PublishedFile, where: str, error: Exception) -> BadInput:
    if "integer string conversion" in str(error):  # Python's advice is not for the reader of a data file
        most = f"{sys.get_int_max_str_digits():,}"
        return BadInput(
            f"{file.path}, {where}: holds a number of more than {most} digits; write it in quotes or drop it"
        )
    return BadInput(f"{file.path}, {where}: not JSON ({reason_of(error)}); {_MORE_ROWS}")


def _checked(file: PublishedFile, where: str, record: Any) -> dict[str, Any]:
    if not isinstance(record, dict):
        raise BadInput(f"{file.path}, {where}: {shown(record)}; {_MORE_ROWS}")
    return record


def _array_rows(file: PublishedFile) -> Iterator[Record]:
    """The objects of an array with their numbers, each parsed by itself."""
    decoder = json.JSONDecoder()
    with open_text(file) as opened:
        text = _Window(file, opened)
        text.skip("[")
        number = 1
        while (found := text.next_character()) != "]":
            where = f"row {number}"
            if number > 1:
                if found != ",":
                    raise _no_json(file, where, ValueError(f"a comma is missing before {found!r}"))
                text.skip(",")
                found = text.next_character()
            if found != "{":
                rest = text.rest(40).splitlines()[0]
                raise BadInput(f"{file.path}, {where}: is no object but {rest!r}; {_MORE_ROWS}")
            try:
                yield number, text.decode(decoder)
            except (ValueError, RecursionError) as error:
                raise _no_json(file, where, error) from error
            number += 1
        text.skip("]")
        if text.next_character(at_end=""):
            raise _no_json(file, f"row {number}", ValueError("something follows the array"))


class _Window:
    """The part of a text that is being parsed."""

    def __init__(self, file: PublishedFile, opened: io.TextIOWrapper) -> None:
        self.file, self.opened, self.text, self.place = file, opened, "", 0

    def next_character(self, at_end: str | None = None) -> str:
        """The next character that is no white space; at the end `at_end`, or BadInput."""
        while True:
            while self.place < len(self.text) and self.text[self.place] in " \t\r\n\ufeff":
                self.place += 1
            if self.place < len(self.text):
                return self.text[self.place]
            if not self._more(_CHUNK):
                if at_end is None:
                    raise BadInput(f"{self.file.path}: ends within its array; it is cut: fetch it again")
                return at_end

    def skip(self, character: str) -> None:
        """Pass over the next character, which is known."""
        self.next_character()
        self.place += len(character)

    def rest(self, characters: int) -> str:
        """The next characters."""
        return self.text[self.place : self.place + characters]

    def decode(self, decoder: json.JSONDecoder) -> dict[str, Any]:
        """The object that begins here."""
        size = _CHUNK
        while True:
            try:
                found, self.place = decoder.raw_decode(self.text, self.place)
            except json.JSONDecodeError as error:
                # An error far from the end is none of a value that is not there to its end; a string is told by its
                # beginning.
                is_cut = error.msg.startswith("Unterminated string") or error.pos >= len(self.text) - _NEAR
                if not is_cut or not self._more(size):
                    raise
                size *= 2
            else:
                return found

    def _more(self, size: int) -> bool:
        more = self.opened.read(size)
        self.text, self.place = self.text[self.place :] + more, 0
        if len(self.text) > MAX_CHARACTERS:
            raise _too_long(self.file)
        return bool(more)


def _too_long(file: PublishedFile) -> BadInput:
    return BadInput(f"{file.path}: has a JSON value of more than {MAX_CHARACTERS:,} characters; {_MORE_ROWS}")


def _only_object(file: PublishedFile) -> dict[str, Any] | None:
    """The object that is all of the file; None for one with an object per line."""
    with open_text(file) as opened:
        first, number = opened.readline(MAX_CHARACTERS), 1
        while first and not first.strip("\ufeff \t\r\n"):
            first, number = opened.readline(MAX_CHARACTERS), number + 1
        if not first:
            return None
        try:
            record = json.loads(first)
        except json.JSONDecodeError as error:
            if len(first) < MAX_CHARACTERS and error.pos < len(first.rstrip()) - 1:
                return None
        except (ValueError, RecursionError):
            return None
        else:
            is_whole = isinstance(record, dict) and not any(line.strip() for line in opened)
            return record if is_whole and not _is_row(record) else None
        text = first + opened.read(MAX_CHARACTERS)
    if len(text) > MAX_CHARACTERS:
        raise _too_long(file)
    try:
        record = json.loads(text)
    except json.JSONDecodeError as error:
        raise _no_json(file, f"line {number - 1 + error.lineno}", error) from error
    except (ValueError, RecursionError) as error:
        raise _no_json(file, f"line {number}", error) from error
    return _checked(file, f"line {number}", record)


def _rows_of(file: PublishedFile, document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The rows that one object holds, whatever way round."""
    values = list(document.values())
    arrays = [
        key for key, value in document.items() if isinstance(value, list) and value and isinstance(value[0], dict)
    ]
    own = [key for key in arrays if key == file.name] or arrays
    if not document:
        return
    if len(own) == 1:
        if own[0] == "train" and "test" in arrays and file.undivided:
            raise has_own_test(file, "test")
        for number, record in enumerate(document[own[0]], start=1):
            yield _checked(file, f"{own[0]}, row {number}", record)
    elif _is_row(document):
        yield document
    elif _is_split(document):
        for row in document["data"]:
            yield dict(zip(document["columns"], row, strict=True))
    elif _are_columns(values):
        for row in zip(*values, strict=True):
            yield dict(zip(document, row, strict=True))
    elif all(isinstance(value, dict) and value.keys() == values[0].keys() for value in values):
        if all(key.isdigit() for key in values[0]):
            for key in values[0]:  # a column each, as pandas writes a frame
                yield {name: column[key] for name, column in document.items()}
        else:
            yield from values
    else:
        raise BadInput(
            f"{file.path}: is one object with the keys {quoted(list(document))}, in which no rows can be told; "
            f"{_MORE_ROWS}"
        )


def _arrays(document: dict[str, Any]) -> list[str]:
    """The keys that hold a list of objects."""
    return [key for key, value in document.items() if isinstance(value, list) and value and isinstance(value[0], dict)]


def _is_row(record: dict[str, Any]) -> bool:
    """Whether an object is a row by itself."""
    return not _arrays(record) and not all(isinstance(value, list | dict) for value in record.values())


def _are_columns(values: list[Any]) -> bool:
    """Whether values are lists of one length, and at least one of them of plain values."""
    return (
        all(isinstance(value, list) for value in values)
        and len({len(value) for value in values}) == 1
        and any(not isinstance(item, list | dict) for value in values for item in value[:1])
    )


def _is_split(document: dict[str, Any]) -> bool:
    """Whether a frame of pandas was written with its columns, index and rows apart."""
    names, rows = document.get("columns"), document.get("data")
    return (
        isinstance(names, list)
        and isinstance(rows, list)
        and all(isinstance(name, str) for name in names)
        and all(isinstance(row, list) and len(row) == len(names) for row in rows)
    )
