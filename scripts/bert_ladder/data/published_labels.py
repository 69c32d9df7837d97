"""The labels of a published file: of one type, none missing, no two that differ only in how they are written."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from bert_ladder.data.frames import plain
from bert_ladder.data.named_labels import label_key
from bert_ladder.data.readers.published import PublishedFile, fault, is_missing, listed, shown
from bert_ladder.runtime.jobs import BadInput

MAX_LABEL_CHARACTERS = 200
MOST_GROUPS = 5  # of labels that are written alike, in a message
# What pandas takes for a missing value (`na_values` of its read_csv) and what databases write for one, in any case; but
# "none" in small letters or capitals is a class of many data sets.
MISSING_WORDS = frozenset(
    {
        *("#n/a", "#n/a n/a", "#na", "-1.#ind", "-1.#qnan", "-nan", "1.#ind", "1.#qnan", "<na>", "n/a", "na", "n.a."),
        *("null", "nan", "nat", "\\n", "(null)", "#null!", "pd.na"),
    }
)
LONGEST_WORD = max(map(len, MISSING_WORDS))
# More different labels than that in a training file, and fewer rows of each on the average, are hardly classes.
MOST_LABELS = 20
FEWEST_ROWS = {"names": 2, "numbers": 10}

Where = Callable[[int], str]


def checked_labels(file: PublishedFile, labels: Sequence[Any], where: Where, textual: bool) -> list[int] | list[str]:
    """Bring labels to one type: whole numbers stay numbers, booleans become "true" and "false", bytes become str.

    Blanks around a label are none of it.

    Args:
        file: where they come from; `file.found.missing_words` and `file.found.alike` are set.
        labels: n labels as they are written.
        where: what to call row i in a message.
        textual: they come as text even where they are numbers.

    Raises:
        BadInput: a label is missing or no label; they are of several types; some differ only in how they are written.
    """
    checked: list[Any] = []
    for row, value in enumerate(labels):
        try:
            checked.append(_plain_label(value))
        except ValueError as error:
            hint = _test_hint(file, labels) if row == 0 else ""
            raise BadInput(f"{file.path}, {where(row)}: {error}{hint}") from error
    _check_missing(file, checked, where)
    if textual:
        checked = _numbers_in_text(file, checked, where)
    kinds = [type(value) for value in checked]
    for row, kind in enumerate(kinds):
        if kind is not kinds[0]:
            raise BadInput(
                f"{file.path}, {where(row)}: the label is {checked[row]!r}, but that of {where(0)} is {checked[0]!r}; "
                "use labels of one type"
            )
    if kinds and kinds[0] is bool:
        return [str(value).lower() for value in checked]
    if kinds and kinds[0] is str:
        _check_alike(file, checked, where)
    return checked


def check_class_names(file: PublishedFile, names: Sequence[str]) -> None:
    """Hold the names of a file's codes to the rules of labels.

    Raises:
        BadInput: one is a word for a missing label, or two differ only in how they are written.
    """
    _check_missing(file, names, lambda code: f"class {code}")
    _check_alike(file, names, lambda code: f"class {code}")


def check_number(file: PublishedFile, labels: Sequence[int | str], are_named: bool) -> None:
    """Refuse what is no classes in a training file: scores, numbers of rows, texts; unless the study keeps them.

    Args:
        file: `file.found.many` is set.
        labels: n labels, all int or all str.
        are_named: whether the file itself names them as classes.

    Raises:
        BadInput: there are too many for so few rows.
    """
    different = len(set(labels))
    numeric = not isinstance(labels[0], str)
    fewest = FEWEST_ROWS["numbers" if numeric else "names"]
    file.found.many = not are_named and different > MOST_LABELS and different * fewest > len(labels)
    if not file.found.many or file.many_classes == "keep":
        return
    column = (
        f"is {file.found.label!r} the column of the classes ({file.key('label')})"
        if file.found.label
        else "are these classes"
    )
    remedy = "scores become classes when they are cut into a few ranges; " if numeric else ""
    raise BadInput(
        f"{file.path}: {different:,} different labels in {len(labels):,} rows: {column}? {remedy}if they are classes, "
        f"set {file.key('many_classes')} to keep"
    )


def _test_hint(file: PublishedFile, labels: Sequence[Any]) -> str:
    """The end of a sentence on a test file in which no row has a label."""
    if file.name != "test" or not all(is_missing(one) or not str(one).strip() for one in labels):
        return ""
    return (
        "; no row has one: leave `dataset.test` out to have a part of the training file held out as the test split, "
        "and let the chosen model answer this file afterwards"
    )


def _plain_label(value: Any) -> int | bool | str:
    if isinstance(value, bytes):
        try:
            value = value.decode()
        except UnicodeDecodeError as error:
            raise ValueError(f"the label is not valid UTF-8 ({fault(error)}); save the file as UTF-8") from error
    if isinstance(value, str):
        value = value.strip(" \t\r\n")
    if is_missing(value) or value == "":
        raise ValueError("the label is missing; fill it in or drop the row")
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, str):
        return _label_name(value)
    if isinstance(value, bool) or (isinstance(value, int) and -(2**63) <= value < 2**63):
        return value
    raise ValueError(f"the label is {shown(value)}; labels are whole numbers, true or false, or names")


def _label_name(value: str) -> str:
    if len(value) > MAX_LABEL_CHARACTERS:
        raise ValueError(
            f"the label has {len(value):,} characters, '{value[:40]}...'; name the column that holds the labels "
            "(dataset.label)"
        )
    try:
        value.encode().decode()
    except (UnicodeDecodeError, UnicodeEncodeError) as error:
        raise ValueError(f"the label is not valid UTF-8 ({fault(error)}); save the file as UTF-8") from error
    if "\0" in value:
        raise ValueError(f"the label {value!r} holds a NUL character; rename the label")
    if not plain(value):
        raise ValueError(f"the label is {value!a}, which shows nothing; fill it in or drop the row")
    return value


def _check_missing(file: PublishedFile, labels: Sequence[Any], where: Where) -> None:
    """Refuse words that stand for no value, unless the study means them."""
    rows = [row for row, value in enumerate(labels) if isinstance(value, str) and is_missing_word(value)]
    file.found.missing_words += len(rows)
    if rows and file.missing_labels == "refuse":
        words = list(dict.fromkeys(labels[row] for row in rows))
        others = f", and {len(rows) - 1:,} other rows have {listed([repr(word) for word in words])}" * (len(rows) > 1)
        raise BadInput(
            f"{file.path}, {where(rows[0])}: the label is {labels[rows[0]]!r}, which mostly stands for a missing one"
            f"{others}; fill them in or drop these rows, or, if classes are called so, set "
            f"{file.key('missing_labels')} to keep"
        )


def is_missing_word(label: str) -> bool:
    """Whether a value is a word that mostly stands for a missing one."""
    return label == "None" or plain(label) in MISSING_WORDS


def _numbers_in_text(file: PublishedFile, labels: list[Any], where: Where) -> list[Any]:
    """Labels of a text file: all numbers or all booleans are read as such, anything else stays text."""
    if all(value.lower() in {"true", "false"} for value in labels):
        return [value.lower() == "true" for value in labels]
    # "01" stays text: as a number it would fall together with "1".
    if not all(re.fullmatch(r"[+-]?(0|[1-9]\d{0,17})(\.\d*)?", value, re.ASCII) for value in labels):
        return labels
    for row, value in enumerate(labels):
        if value.partition(".")[2].strip("0"):
            raise BadInput(
                f"{file.path}, {where(row)}: the label is {value}; labels are whole numbers, true or false, or names"
            )
    return [int(value.partition(".")[0]) for value in labels]


def _check_alike(file: PublishedFile, labels: Sequence[str], where: Where) -> None:
    """Refuse labels with one `label_key`, unless the study tells them apart."""
    first: dict[str, int] = {}
    counts: dict[str, int] = {}
    for row, label in enumerate(labels):
        first.setdefault(label, row)
        counts[label] = counts.get(label, 0) + 1
    groups: dict[str, list[str]] = {}
    for label in first:
        groups.setdefault(label_key(label), []).append(label)
    alike = [group for group in groups.values() if len(group) > 1]
    file.found.alike |= bool(alike)
    if not alike or file.distinct_labels:
        return

    def in_words(label: str) -> str:
        count = "1 row" if counts[label] == 1 else f"{counts[label]:,} rows"
        return f"{label!r} ({count}, first {where(first[label])})"

    told = "; ".join(" and ".join(map(in_words, group)) for group in alike[:MOST_GROUPS])
    more = f"; and {len(alike) - MOST_GROUPS:,} more groups" if len(alike) > MOST_GROUPS else ""
    raise BadInput(
        f"{file.path}: labels that are the same but for case, blanks, invisible characters or their form: {told}{more}"
        "; write each in one way, or, if they are different classes, set dataset.distinct_labels to true"
    )
