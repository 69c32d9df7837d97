"""Which column of a table holds the texts and which the labels."""

import logging
import re
import statistics
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bert_ladder.data.readers.names import is_row_number, known_names, plain_name, text_pair
from bert_ladder.data.readers.published import ONE_PER_TEXT, PublishedFile, is_missing, only, quoted
from bert_ladder.runtime.jobs import BadInput

log = logging.getLogger(__name__)

MOST_FLAGS = 1000  # columns that are looked at
SAMPLE = 200  # rows from which is told what a column holds
_FLAGS = {0, 1, "0", "1", "0.0", "1.0", "true", "false", "True", "False"}
_MARKS = _FLAGS | {"yes", "no", "x", ""}
# As Python writes a list, tuple or set of texts, or a list of several others.
_WRITTEN_LIST = re.compile(r"""\s*([\[({]\s*(["']).*\2\s*,?\s*[\])}]|\[.*,.*\])\s*""", re.DOTALL)


def _no_values(name: str) -> list[Any]:
    return []


@dataclass(frozen=True)
class Columns:
    """What a table offers to choose from.

    Attributes:
        names: of the columns.
        strings: those that can hold text.
        listing: how to list them in a message.
        inner: keys inside others, with a dot between: chosen only where the study names them.
        lists: columns that hold lists.
        sample: the first values of a column, at most SAMPLE, as far as they can be had.
        headless: the fields of a first line that looks like a row, not like names.
    """

    names: list[str]
    strings: list[str]
    listing: str
    inner: Collection[str] = ()
    lists: Collection[str] = ()
    sample: Callable[[str], list[Any]] = _no_values
    headless: Sequence[str] = ()


def check_unique(path: Path, names: Iterable[str]) -> None:
    """Refuse two columns of one name; any number may have none.

    Raises:
        BadInput: naming the column.
    """
    counts = Counter(name for name in names if name)
    repeated = next((name for name, count in counts.items() if count > 1), None)
    if repeated is not None:
        raise BadInput(f"{path}, header: the column {repeated[:60]!r} stands there twice; give each a name of its own")


def choose_columns(file: PublishedFile, columns: Columns) -> tuple[str, ...]:
    """Find the text and the label column: as the study names them, else by well-known names, else the only ones.

    Of two columns whose names say nothing, one may hold texts and the other labels beyond doubt.

    Returns:
        Names of the text and the label column; of the text column alone where there are no labels to read.

    Raises:
        BadInput: a named column is not there, or none or several could be meant; the sentence lists what is there. Or
            there is a column of labels where none is expected, and the study does not name that of the texts. Or a row
            has several texts or labels.
    """
    text = _named(file, "text", columns)
    label = _named(file, "label", columns) if file.labelled else None
    if text is not None and text == label:
        raise BadInput(
            f"{file.key('text')} and {file.key('label')}: both are '{text}'; {file.path} has {columns.listing}"
        )
    file.found.columns = columns.names
    if not file.labelled:
        file.found.text = text or _text_without_label(file, columns)
        return (file.found.text,)
    if columns.headless and (text is None or label is None):
        raise _has_no_header(file, columns)
    others, strings = _candidates(columns.names), _candidates(columns.strings)
    if label is None:
        label = _well_known(file, "label", [name for name in others if name != text], columns)
    if text is None:
        strings = [name for name in strings if name != label]
        _check_pair(file, columns)
        text = _well_known(file, "text", strings, columns) or only(strings)
    label = label or only([name for name in others if name != text])
    if text is None and label is None and len(others) == 2:
        text, label = _by_content(columns) or (None, None)
    if text is None:
        raise _cannot_tell(file, "text", columns)
    if label is None:
        raise _no_label(file, text, columns)
    if file.label is None and plain_name(label) not in known_names("label", file.name)[0]:
        _check_flags(file, text, label, columns)
    if label in columns.lists or _are_lists(columns.sample(label)):
        raise BadInput(
            f"{file.path}: {label!r} ({file.key('label')}) holds lists, and {ONE_PER_TEXT}; write one label, not a "
            "list, in each row, or a column for each class and name one of them"
        )
    log.info("texts from %r, labels from %r", text, label)
    file.found.text, file.found.label = text, label
    return text, label


def _named(file: PublishedFile, key: str, columns: Columns) -> str | None:
    """The column that the study names, blanks around its name aside; None where it names none."""
    name = file.text if key == "text" else file.label
    if name is None or name in columns.names or name in columns.inner:
        return name
    trimmed = only([one for one in (*columns.names, *columns.inner) if one.strip() == name.strip()])
    if trimmed is not None:
        return trimmed
    if columns.headless:
        raise _has_no_header(file, columns)
    raise BadInput(
        f"{file.path}: has no '{name}' ({file.key(key)}); it has {columns.listing}: name one of these"
        f"{_inner_hint(columns)}{_test_hint(file) if key == 'label' else ''}"
    )


def _text_without_label(file: PublishedFile, columns: Columns) -> str:
    names = _candidates(columns.names)
    first = known_names("label", file.name)[0]
    labels = [name for name in names if plain_name(name) in first or name == file.label]
    if labels:
        raise BadInput(
            f"{file.path}: has a column {labels[0]!r} of labels, and texts for pre-training have none; give it as a "
            f"split of the data set, or set {file.key('text')} to read its texts alone"
        )
    strings = _candidates(columns.strings)
    text = _well_known(file, "text", strings, columns)
    if text is None and columns.headless:
        raise _has_no_header(file, columns)
    text = text or only([name for name in strings if not _are_numbers(columns.sample(name))])
    if text is None:
        raise _cannot_tell(file, "text", columns)
    log.info("texts from %r", text)
    return text


def _are_numbers(values: list[Any]) -> bool:
    """Whether there are values, and each is written as a number."""

    def is_number(value: Any) -> bool:
        try:
            float(value)
        except (TypeError, ValueError):
            return False
        return True

    return bool(values) and all(is_number(value) for value in values)


def _candidates(names: Iterable[str]) -> list[str]:
    return [name for name in names if not is_row_number(name)]


def _well_known(file: PublishedFile, key: str, names: list[str], columns: Columns) -> str | None:
    for known in known_names(key, file.name):
        found = [name for name in names if plain_name(name) in known]
        if len(found) > 1:
            several = " and ".join(repr(name) for name in found)
            raise BadInput(
                f"{file.path}: {several} could both hold the {key}s, it has {columns.listing}; set {file.key(key)}"
            )
        if found:
            return found[0]
    return None


def _check_pair(file: PublishedFile, columns: Columns) -> None:
    """Refuse rows of two texts; a column with the plain name of texts is one for both."""
    pair = text_pair(columns.names)
    first = known_names("text", file.name)[0] - {plain_name(name) for name in pair or ()}
    if pair is not None and not any(plain_name(name) in first for name in columns.strings):
        raise BadInput(
            f"{file.path}: {pair[0]!r} and {pair[1]!r} look like pairs of texts, which are not supported; write both "
            f"into one column, or set {file.key('text')} to one of them"
        )


def _has_no_header(file: PublishedFile, columns: Columns) -> BadInput:
    # "text" and "label" as an example where there are two fields.
    example = f", such as [{', '.join(_example_names(columns))}]" if len(columns.headless) <= 8 else ""
    return BadInput(
        f"{file.path}: has no header? Its first line looks like a row: {quoted(columns.headless[:4])}; write the names "
        f"of the columns into a first line, or set {file.key('columns')} to them in their order{example}"
    )


def _example_names(columns: Columns) -> list[str]:
    """The column of the longest values as the texts, and of the others that of the fewest as the labels."""
    values = [[field, *map(str, columns.sample(field))] for field in columns.headless]
    places = range(len(values))
    text = max(places, key=lambda place: statistics.mean(map(len, values[place])))
    label = min((place for place in places if place != text), key=lambda place: len(set(values[place])), default=None)
    return ["text" if place == text else "label" if place == label else f"column{place + 1}" for place in places]


def _no_label(file: PublishedFile, text: str, columns: Columns) -> BadInput:
    others = [name for name in _candidates(columns.names) if name != text]
    if not others and len(columns.names) == 1 and _separator(columns):
        return _cannot_tell(file, "label", columns)
    if not others:
        remedy = _test_hint(file) or "; add a column with the label of each text"
        return BadInput(f"{file.path}: has no labels, only {columns.listing}{remedy}")
    _check_flags(file, text, None, columns)
    return _cannot_tell(file, "label", columns)


def _check_flags(file: PublishedFile, text: str, label: str | None, columns: Columns) -> None:
    """Refuse a column per class, which several of them could be at once.

    Words and marks are flags only where the label is one too: beside a label of 0 and 1, or ratings, yes and no may say
    anything.
    """
    others = [name for name in _candidates(columns.names) if name != text]
    values = [] if label is None else columns.sample(label)
    words = label is None or (_is_flag(values, words=True) and not _is_flag(values, words=False))
    flags = [name for name in others[:MOST_FLAGS] if _is_flag(columns.sample(name), words=words)]
    if len(flags) > 1:
        marks = sorted({value for name in flags for value in map(_mark, columns.sample(name))} - _FLAGS, key=str)
        held = quoted(map(str, marks)) + " and the like" if marks else "0 and 1"
        raise BadInput(
            f"{file.path}: {quoted(flags)} hold only {held}, one column per class, and {ONE_PER_TEXT}; write one "
            f"column with the class of each text, or set {file.key('label')} to one of them, to tell it from the rest"
        )


def _are_lists(values: list[Any]) -> bool:
    """Whether each value is a list or a text that was written from one, or one of them is so beyond doubt."""
    return (bool(values) and all(map(_is_list, values))) or any(
        len(value) > 1 if isinstance(value, list) else isinstance(value, str) and _WRITTEN_LIST.fullmatch(value)
        for value in values
    )


def _is_list(value: Any) -> bool:
    return isinstance(value, list) or (
        isinstance(value, str) and re.fullmatch(r"\s*\[.*\]\s*", value, re.DOTALL) is not None
    )


def _is_flag(values: list[Any], *, words: bool) -> bool:
    """Whether all values are 0 or 1, or with `words` anything else that marks some rows of all."""
    marks, flags = (list(map(_mark, values)), _MARKS) if words else (values, _FLAGS)
    return any(mark != "" for mark in marks) and all(isinstance(m, str | int | float) and m in flags for m in marks)


def _mark(value: Any) -> Any:
    return "" if is_missing(value) else value.strip().lower() if isinstance(value, str) else value


def _test_hint(file: PublishedFile) -> str:
    if file.name != "test" or not file.labelled:
        return ""
    return (
        "; a test file without labels cannot be scored: leave `dataset.test` out to have a part of the training file "
        "held out as the test split, and let the chosen model answer this file afterwards"
    )


def _inner_hint(columns: Columns) -> str:
    return f"; keys inside others are named with a dot: {quoted(list(columns.inner)[:8])}" if columns.inner else ""


def _cannot_tell(file: PublishedFile, key: str, columns: Columns) -> BadInput:
    separator = _separator(columns)
    hint = f"; is {separator!r} the separator? Set {file.key('delimiter')}" if separator else ""
    return BadInput(
        f"{file.path}: cannot tell which column holds the {key}s, it has {columns.listing}{hint}{_inner_hint(columns)}"
        f"{'' if hint else f'; set {file.key(key)}'}{_guess(file, columns)}{_test_hint(file) if key == 'label' else ''}"
    )


def _separator(columns: Columns) -> str | None:
    """What may separate the fields of a header that was read as one."""
    found = re.search(r"[;\t|,^~]", columns.names[0]) if len(columns.names) == 1 else None
    return found[0] if found else None


def _guess(file: PublishedFile, columns: Columns) -> str:
    """The end of a sentence that says what the columns hold."""
    likely = _by_content(columns) if file.labelled and not file.text and not file.label else None
    return f" (by what they hold, {likely[0]!r} are the texts and {likely[1]!r} the labels)" if likely else ""


def _by_content(columns: Columns) -> tuple[str, str] | None:
    """The one column of long texts, most of them different, and the one of few values, if there is one of each."""
    samples = {name: columns.sample(name) for name in _candidates(columns.names)}
    words = {name: values for name, values in samples.items() if values and all(isinstance(v, str) for v in values)}
    lengths = {name: statistics.mean(map(len, values)) for name, values in words.items()}
    texts = [name for name, values in words.items() if lengths[name] >= 15 and len(set(values)) > len(values) / 2]
    labels = [
        name
        for name, values in samples.items()
        if name not in texts and len(values) >= 4 and len(set(map(str, values))) <= len(values) / 4
    ]
    return (texts[0], labels[0]) if len(texts) == len(labels) == 1 else None
