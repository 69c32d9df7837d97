"""Reads a data set in the form it was published in and writes one split as a safe, compact npz."""

import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bert_ladder.data.frames import pack_texts, write_npz
from bert_ladder.data.readers.forms import read_examples
from bert_ladder.data.readers.published import PublishedFile, fault, is_missing, shown
from bert_ladder.data.splits import grouped_mask, text_groups
from bert_ladder.runtime.jobs import BadInput

log = logging.getLogger(__name__)

MAX_LABEL_CHARACTERS = 200


@dataclass(frozen=True)
class HeldOut:
    """The part of the training file that becomes the test split, where the study has no test file.

    Attributes:
        fraction: share of the texts, above 0 and below 1.
        seed: of the draw.
    """

    fraction: float
    seed: int


def build_npz(file: PublishedFile, path_npz: str | Path, held_out: HeldOut | None = None) -> None:
    """Write one split in the safe form.

    Args:
        file: the published file of the split; with `held_out`, that of the training split for either.
        path_npz: npz to write: `text` uint8 (B,), `offsets` int64 (n + 1,), `label` int64 (n,) or str (n,).
        held_out: which rows are test rows, stratified; rows of equal text are always on the same side.

    Raises:
        BadInput: the file, a column, a row or a setting is not usable; the sentence says which and what to do.
    """
    # A test split that is held out comes from the training columns.
    read = file if held_out is None else replace(file, name="train", undivided=True)
    texts, labels, examples = read_examples(read)
    labels = _checked_labels(labels, lambda row: f"{file.path}, {examples.where(row)}", examples.textual)
    if held_out is not None:
        kept = np.flatnonzero(held_out_mask(texts, labels, held_out) == (file.name == "test")).tolist()
        texts, labels = [texts[row] for row in kept], [labels[row] for row in kept]
    data = pack_texts(texts, labels, examples.class_names)
    write_npz(path_npz, data)
    log.info("%s: %s texts, %s bytes of UTF-8", file.name, f"{len(data):,}", f"{len(data.text):,}")


def held_out_mask(texts: Sequence[bytes], labels: Sequence[Any], held_out: HeldOut) -> np.ndarray:
    """Draw the rows that become the test split, each label in proportion, equal texts (`plain`) together.

    Args:
        texts: n texts.
        labels: n labels.
        held_out: how many to draw, and by which seed.

    Returns:
        True for the rows held out, bool, shape (n,).

    Raises:
        BadInput: a class has too few distinct texts to be in both parts.
    """
    classes, codes = np.unique(np.array(labels), return_inverse=True)
    return grouped_mask(
        codes,
        text_groups(raw.decode() for raw in texts),
        held_out.fraction,
        held_out.seed,
        "held-out test split",
        lambda code: str(classes[code]),
    )


# Labels ---------------------------------------------------------------------------------------------------------------


def _checked_labels(labels: list[Any], where: Callable[[int], str], textual: bool) -> list[int] | list[str]:
    """Bring labels to one type: whole numbers stay numbers, booleans become "true" and "false", bytes become str."""
    checked: list[Any] = []
    for row, value in enumerate(labels):
        try:
            checked.append(_plain_label(value))
        except ValueError as error:
            raise BadInput(f"{where(row)}: {error}") from error
    if textual:
        checked = _numbers_in_text(checked, where)
    kinds = [type(value) for value in checked]
    for row, kind in enumerate(kinds):
        if kind is not kinds[0]:
            raise BadInput(
                f"{where(row)}: the label is {checked[row]!r}, but that of {where(0).rpartition(', ')[2]} is "
                f"{checked[0]!r}; use labels of one type"
            )
    return [str(value).lower() for value in checked] if kinds and kinds[0] is bool else checked


def _plain_label(value: Any) -> int | bool | str:
    if isinstance(value, bytes):
        try:
            value = value.decode()
        except UnicodeDecodeError as error:
            raise ValueError(f"the label is not valid UTF-8 ({fault(error)}); save the file as UTF-8") from error
    if is_missing(value) or (isinstance(value, str) and value.strip().lower() in {"", "nan"}):
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
    return value


def _numbers_in_text(labels: list[str], where: Callable[[int], str]) -> list[Any]:
    """Labels of a text file: all numbers or all booleans are read as such, anything else stays text."""
    if all(value.lower() in {"true", "false"} for value in labels):
        return [value.lower() == "true" for value in labels]
    # "01" stays text: as a number it would fall together with "1".
    if not all(re.fullmatch(r"[+-]?(0|[1-9]\d{0,17})(\.\d*)?", value, re.ASCII) for value in labels):
        return labels
    for row, value in enumerate(labels):
        if value.partition(".")[2].strip("0"):
            raise BadInput(f"{where(row)}: the label is {value}; labels are whole numbers, true or false, or names")
    return [int(value.partition(".")[0]) for value in labels]
