"""Examples from objects with keys, some of which may hold objects themselves."""

import array
import itertools
from collections.abc import Iterator
from typing import Any

from bert_ladder.data.readers.columns import SAMPLE, Columns, choose_columns
from bert_ladder.data.readers.names import TEXT_NAMES, plain_name
from bert_ladder.data.readers.published import PublishedExamples, PublishedFile, quoted
from bert_ladder.runtime.jobs import BadInput

Record = tuple[int, dict[str, Any]]
MOST_INNER = 1000  # keys that are looked at


def read_records(file: PublishedFile, records: Iterator[Record], unit: str) -> PublishedExamples:
    """Read the text and the label of each object.

    Args:
        file: where they come from.
        records: number and content of each.
        unit: what a number counts, such as "line".

    Raises:
        BadInput: there is none, or a key is not to be found.
    """
    sample = list(itertools.islice(records, SAMPLE))
    if not sample:
        raise BadInput(f"{file.path}: has no rows; give a file with one JSON object per line, or an array of objects")
    chosen = choose_columns(file, record_columns([record for _, record in sample]))
    numbers = array.array("q")

    def rows() -> Iterator[tuple[Any, ...]]:
        for number, record in itertools.chain(sample, records):
            numbers.append(number)
            for name in chosen:
                if not has_value(record, name):
                    raise BadInput(f"{file.path}, {unit} {number}: has no '{name}'; give every {unit} the same keys")
            yield tuple(value_at(record, name) for name in chosen)

    return PublishedExamples(rows(), lambda row: f"{unit} {numbers[row]}")


def record_columns(first: list[dict[str, Any]]) -> Columns:
    """What the first objects of a file offer to choose from."""
    names = list(dict.fromkeys(name for record in first for name in record))
    inner = list(dict.fromkeys(key for record in first for key in _inner_keys(record)))
    strings = [name for name in names if _may_be_text(name, [record.get(name) for record in first])]
    return Columns(
        names,
        strings,
        f"the keys {quoted(names)}",
        inner=inner,
        sample=lambda name: [v for r in first if has_value(r, name) if (v := value_at(r, name)) is not None],
    )


def _may_be_text(name: str, values: list[Any]) -> bool:
    """Whether a key may be that of the texts; what stands under a usual name is told row by row."""
    found = [value for value in values if value is not None]
    usual = plain_name(name) in TEXT_NAMES[0] and not any(isinstance(value, dict) for value in found)
    return not found or usual or any(isinstance(value, str) for value in found)


def has_own_test(file: PublishedFile, name: str) -> BadInput:
    """What is said of a file that holds both splits where one is to be held out of the other."""
    return BadInput(
        f"{file.path}: holds a test part of its own ({name!r}), which would not be read; give the same file as "
        "dataset.test.url too"
    )


def has_value(record: dict[str, Any], name: str) -> bool:
    """Whether an object has a key, or one inside another that is named with a dot; a null stands for any object."""
    if name in record:
        return True
    outer, dot, rest = name.partition(".")
    if not dot or outer not in record:
        return False
    return record[outer] is None or (isinstance(record[outer], dict) and has_value(record[outer], rest))


def value_at(record: dict[str, Any], name: str) -> Any:
    """The value of a key that `has_value`, missing where what it lies in is; the dot in a key's own name wins."""
    if name in record:
        return record[name]
    outer, _, rest = name.partition(".")
    return None if record[outer] is None else value_at(record[outer], rest)


def _inner_keys(record: dict[str, Any]) -> Iterator[str]:
    """The keys inside other objects, with a dot between, the first MOST_INNER of them."""
    waiting = [(name, value) for name, value in record.items() if isinstance(value, dict)]
    found = 0
    while waiting and found < MOST_INNER:
        path, value = waiting.pop(0)
        for name, inner in value.items():
            found += 1
            if isinstance(inner, dict):
                waiting.append((f"{path}.{name}", inner))
            else:
                yield f"{path}.{name}"
