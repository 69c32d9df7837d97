"""The labels that a study names: each must be one of the data."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

import yaml

from bert_ladder.data.frames import Settled, plain, shortened
from bert_ladder.runtime.jobs import BadInput


def check_positive(positive: str | None, labels: Sequence[str], names: Sequence[str], settled: Settled | None) -> None:
    """Refuse a positive class that there is not.

    Args:
        positive: as the study has it; None: the last.
        labels: published labels in the order of their codes.
        names: what the published file calls them.
        settled: its rare classes, where there were any.

    Raises:
        BadInput: naming the key.
    """
    if positive is None:
        return
    if positive not in labels and positive not in names:
        raise BadInput(f"dataset.positive: {positive!r} is no label of the data; {_labels(positive, labels, settled)}")
    if len(labels) > 2:
        raise BadInput(
            f"dataset.positive: found {positive!r}, but there are {len(labels)} classes and precision, recall and F1 "
            "are macro averages; remove the key"
        )


def check_label_names(
    named: Iterable[str], labels: Sequence[str], names: Sequence[str], settled: Settled | None
) -> None:
    """Refuse a name for a label that there is not; one of a rare class may stand there.

    Args:
        named: the labels that the study gives names.
        labels, names, settled: see `check_positive`.

    Raises:
        BadInput: naming the label.
    """
    known = {*labels, *names, *(settled.rare if settled is not None else ())}
    for label in named:
        if label not in known:
            raise BadInput(f"dataset.label_names: {label!r} is no label of the data; {_labels(label, labels, settled)}")


def _labels(given: str, labels: Sequence[str], settled: Settled | None) -> str:
    """The end of a sentence: the labels there are, and which may be meant."""
    rare = " (it is a rare class, see dataset.rare_classes)" if settled is not None and given in settled.rare else ""
    return f"the labels are {shortened(labels)}{rare}{label_hint(given, labels)}"


def label_hint(given: str, labels: Sequence[str]) -> str:
    """The end of a sentence on a label that is not there: which one of the data is written otherwise.

    Args:
        given: as a study names it.
        labels: of the data.
    """
    for label in labels:
        if label_key(label) == label_key(given):
            return f"; it is written {label!r} there"
        with suppress(yaml.YAMLError, ValueError, RecursionError):
            if _as_text(yaml.safe_load(label)) == given:
                return f"; YAML reads {label} as {given}: write it in quotes, '{label}'"
    return ""


def label_key(label: str) -> str:
    """What is the same of labels that differ only in how they are written: `plain`, and 1.0 is 1."""
    key = plain(label)
    whole, point, rest = key.partition(".")
    return whole if point and whole.lstrip("+-").isdecimal() and not rest.strip("0") else key


def _as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
