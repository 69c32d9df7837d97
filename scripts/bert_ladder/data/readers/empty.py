"""Labelled rows without a text: refused, or left out and counted; texts that look like none: told."""

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from bert_ladder.data.frames import is_blank
from bert_ladder.data.published_labels import LONGEST_WORD, is_missing_word
from bert_ladder.data.readers.published import PublishedExamples, PublishedFile, is_missing, quoted
from bert_ladder.runtime.jobs import BadInput

log = logging.getLogger(__name__)

NAMED = 5  # rows in a sentence


def without_empty(
    file: PublishedFile, texts: list[bytes], labels: list[Any], examples: PublishedExamples, missing: set[int]
) -> tuple[list[bytes], list[Any], PublishedExamples]:
    """Leave out the rows whose text is missing or blank; the others keep their places in messages.

    Args:
        file: where they come from; `file.found.empty` is set.
        texts: n texts in UTF-8, a missing one empty.
        labels: n labels as they are written.
        examples: what to call their rows.
        missing: rows whose text is not there at all.

    Raises:
        BadInput: there are such rows and they are not to be left out, or there are no others.
    """
    empty = [row for row, raw in enumerate(texts) if is_blank(raw.decode())]
    if not empty:
        return texts, labels, examples
    if len(empty) == len(texts) > 1:
        remedy = (
            f"name the column of the texts ({file.key('text')})"
            if file.found.columns
            else "give an archive whose text files hold something"
        )
        raise BadInput(f"{file.path}: all {len(texts):,} texts are missing or empty; {remedy}")
    if file.empty_texts == "refuse" or len(empty) == len(texts):
        others = f", as are those of {_named(empty[1:], examples)}" if len(empty) > 1 else ""
        raise BadInput(
            f"{file.path}, {examples.where(empty[0])}: the text is {'missing' if empty[0] in missing else 'empty'}"
            f"{others}; fill it in or drop the row, or set {file.key('empty_texts')} to drop"
        )
    file.found.empty = len(empty)
    log.info("%s: %s empty texts left out: %s", file.name, f"{len(empty):,}", _named(empty, examples))
    left_out = set(empty)
    kept = [row for row in range(len(texts)) if row not in left_out]
    gone = _classes(labels[row] for row in empty) - _classes(labels[row] for row in kept)
    if gone:
        log.warning("%s: no text is left of the classes %s: all were empty", file.name, quoted(sorted(gone)))
    return (
        [texts[row] for row in kept],
        [labels[row] for row in kept],
        replace(examples, where=lambda row: examples.where(kept[row])),
    )


def warn_of_words(file: PublishedFile, texts: Iterable[bytes]) -> None:
    """Tell of texts that are nothing but a word for a missing one, as pandas writes it; one alone may be a text."""
    counts = Counter(raw for raw in texts if len(raw) <= LONGEST_WORD and is_missing_word(raw.decode()))
    for word, count in sorted(counts.items()):
        if count > 1:
            log.warning(
                "%s: %s texts are '%s', a word that mostly stands for a missing one; they are read as texts: make them "
                "empty or drop the rows if they are none",
                file.name,
                f"{count:,}",
                word.decode(),
            )


def _classes(labels: Iterable[Any]) -> set[str]:
    """Labels as they are written; a missing one is no class, nor is a number that Python would not write."""
    given = {
        label.decode(errors="replace") if isinstance(label, bytes) else str(label)
        for label in labels
        if not is_missing(label) and not (isinstance(label, int) and label.bit_length() > 64)
    }
    return {label.strip() for label in given} - {""}


def _named(rows: Sequence[int], examples: PublishedExamples) -> str:
    more = f" and {len(rows) - NAMED:,} more" if len(rows) > NAMED else ""
    return ", ".join(examples.where(row) for row in rows[:NAMED]) + more
