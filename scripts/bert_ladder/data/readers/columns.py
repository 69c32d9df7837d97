"""Which column of a table holds the texts and which the labels."""

import logging
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bert_ladder.data.readers.published import PublishedFile, only
from bert_ladder.runtime.jobs import BadInput

log = logging.getLogger(__name__)

WELL_KNOWN = {
    "text": {
        *("text", "texts", "review", "reviews", "sentence", "sentences", "document", "documents", "content"),
        *("comment", "message", "tweet", "body", "question", "utterance", "data", "x"),
    },
    "label": {
        *("label", "labels", "target", "targets", "class", "classes", "category", "sentiment", "polarity", "y"),
    },
}
ROW_NUMBERS = {"", "unnamed: 0", "id", "idx", "index"}


@dataclass(frozen=True)
class Columns:
    """What a table offers to choose from: its column names, those that can hold text, and how to list them."""

    names: list[str]
    strings: list[str]
    listing: str


def check_unique(path: Path, names: Iterable[str]) -> None:
    """Refuse two columns of one name.

    Raises:
        BadInput: naming the column.
    """
    repeated = next((name for name, count in Counter(names).items() if count > 1), None)
    if repeated is not None:
        raise BadInput(f"{path}, header: the column {repeated[:60]!r} stands there twice; give each a name of its own")


def choose_columns(file: PublishedFile, columns: Columns) -> tuple[str, ...]:
    """Find the text and the label column: as the study names them, else by well-known names, else the only ones.

    Returns:
        Names of the text and the label column; of the text column alone where there are no labels to read.

    Raises:
        BadInput: a named column is not there, or none or several could be meant; the sentence lists what is there. Or
            there is a column of labels where none is expected, and the study does not name that of the texts.
    """
    _check_named(file, columns)
    file.found.columns = columns.names
    if not file.labelled:
        file.found.text = file.text or _text_without_label(file, columns)
        return (file.found.text,)
    text, label = file.text, file.label
    others, strings = _candidates(columns.names), _candidates(columns.strings)
    if label is None:
        label = _well_known(file, "label", [name for name in others if name != text], columns)
    if text is None:
        strings = [name for name in strings if name != label]
        text = _well_known(file, "text", strings, columns) or only(strings)
    label = label or only([name for name in others if name != text])
    if text is None:
        raise _cannot_tell(file, "text", columns)
    if label is None:
        raise _cannot_tell(file, "label", columns)
    log.info("texts from %r, labels from %r", text, label)
    file.found.text, file.found.label = text, label
    return text, label


def _check_named(file: PublishedFile, columns: Columns) -> None:
    for key, name in (("text", file.text), ("label", file.label if file.labelled else None)):
        if name is not None and name not in columns.names:
            raise BadInput(
                f"{file.path}: has no '{name}' ({file.key(key)}); it has {columns.listing}: name one of these"
            )
    if file.text is not None and file.text == file.label and file.labelled:
        raise BadInput(
            f"{file.key('text')} and {file.key('label')}: both are '{file.text}'; {file.path} has {columns.listing}"
        )


def _text_without_label(file: PublishedFile, columns: Columns) -> str:
    names = _candidates(columns.names)
    labels = [name for name in names if name.lower() in WELL_KNOWN["label"] or name == file.label]
    if labels:
        raise BadInput(
            f"{file.path}: has a column {labels[0]!r} of labels, and texts for pre-training have none; give it as a "
            f"split of the data set, or set {file.key('text')} to read its texts alone"
        )
    strings = _candidates(columns.strings)
    text = _well_known(file, "text", strings, columns) or only(strings)
    if text is None:
        raise _cannot_tell(file, "text", columns)
    log.info("texts from %r", text)
    return text


def _candidates(names: Iterable[str]) -> list[str]:
    return [name for name in names if name.lower() not in ROW_NUMBERS]


def _well_known(file: PublishedFile, key: str, names: list[str], columns: Columns) -> str | None:
    known = WELL_KNOWN[key]
    exact = known | {f"{name}_{file.name}" for name in known} | {f"{file.name}_{name}" for name in known}
    found = [name for name in names if name.lower() in exact]
    if len(found) > 1:
        several = " and ".join(repr(name) for name in found)
        raise BadInput(
            f"{file.path}: {several} could both hold the {key}s, it has {columns.listing}; set {file.key(key)}"
        )
    return only(found)


def _cannot_tell(file: PublishedFile, key: str, columns: Columns) -> BadInput:
    hint = "; its columns must be separated by commas" if re.search(r"[;\t|]", "".join(columns.names)) else ""
    return BadInput(
        f"{file.path}: cannot tell which column holds the {key}s, it has {columns.listing}{hint}; set {file.key(key)}"
    )
