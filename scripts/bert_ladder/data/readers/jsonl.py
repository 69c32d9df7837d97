"""Reads jsonl: a JSON object per line."""

import array
import itertools
import json
from collections.abc import Iterator
from typing import Any

from bert_ladder.data.readers.columns import Columns, choose_columns
from bert_ladder.data.readers.published import PublishedExamples, PublishedFile, quoted, shown
from bert_ladder.data.readers.streams import open_text
from bert_ladder.runtime.jobs import BadInput, reason_of


def read_jsonl(file: PublishedFile) -> PublishedExamples:
    """Read an object per line; the first one tells the keys.

    Raises:
        BadInput: a line is no object, a key is not to be found, or there is no line.
    """
    lines = array.array("q")
    records = _json_records(file, lines)
    first = next(records, None)
    if first is None:
        raise BadInput(f"{file.path}: has no rows; give a file with one JSON object per line")
    names = list(first)
    strings = [name for name in names if isinstance(first[name], str)]
    chosen = choose_columns(file, Columns(names, strings, f"the keys {quoted(names)}"))

    def rows() -> Iterator[tuple[Any, ...]]:
        for record in itertools.chain([first], records):
            for name in chosen:
                if name not in record:
                    raise BadInput(f"{file.path}, line {lines[-1]}: has no '{name}'; give every line the same keys")
            yield tuple(record[name] for name in chosen)

    return PublishedExamples(rows(), lambda row: f"line {lines[row]}")


def _json_records(file: PublishedFile, lines: array.array) -> Iterator[dict[str, Any]]:
    with open_text(file) as opened:
        for number, line in enumerate(opened, start=1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise BadInput(
                    f"{file.path}, line {number}: not JSON ({reason_of(error)}); write one object per line"
                ) from error
            if not isinstance(record, dict):
                raise BadInput(f"{file.path}, line {number}: {shown(record)}; write one object per line")
            lines.append(number)
            yield record
