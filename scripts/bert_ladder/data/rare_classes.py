"""Classes of too few texts: left out, or merged into one."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bert_ladder.data.frames import LabelledTexts, Settled, pack_texts, plain, shortened
from bert_ladder.data.named_labels import label_key
from bert_ladder.runtime.jobs import BadInput

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RareClasses:
    """What to do with classes of few texts.

    Attributes:
        kind: "drop" leaves their rows out, "merge" gives them one label.
        at_least: distinct texts (`plain`) of the training file, below which a class counts as rare.
        merged: that label; a class that is called so already takes the others in.
    """

    kind: str
    at_least: int
    merged: str


@dataclass(frozen=True)
class ReadSplit:
    """A split as it was read.

    Attributes:
        texts: n texts in UTF-8.
        labels: n labels, all int or all str.
        class_names: what the file calls the classes 0, 1, ... of the labels; mostly none.
        settled: the rare classes, where there were any.
    """

    texts: list[bytes]
    labels: Sequence[int | str]
    class_names: Sequence[str] = ()
    settled: Settled | None = None

    def rows(self, chosen: Sequence[int]) -> "ReadSplit":
        """Some of the rows."""
        texts, labels = [self.texts[row] for row in chosen], [self.labels[row] for row in chosen]
        return replace(self, texts=texts, labels=labels)

    def packed(self) -> LabelledTexts:
        """The rows as flat arrays."""
        return replace(pack_texts(self.texts, self.labels, self.class_names), settled=self.settled)


def settle_rare(read: ReadSplit, rare: RareClasses) -> tuple[ReadSplit, dict[str, int]]:
    """Leave out or merge the rare classes of a training file.

    Args:
        read: the whole file.
        rare: which classes, and what to do.

    Returns:
        The file without them, and the rows of each by its label (the name of its class, where the file has one).

    Raises:
        BadInput: fewer than two classes would be left.
    """
    labels = _as_names(read.labels, read.class_names)
    texts_of: dict[str, set[str]] = {}
    for raw, label in zip(read.texts, labels, strict=True):
        texts_of.setdefault(label, set()).add(plain(raw.decode()))
    # However the study writes it.
    merged = next((label for label in texts_of if label_key(label) == label_key(rare.merged)), rare.merged)
    few = {label for label, texts in texts_of.items() if len(texts) < rare.at_least}
    if rare.kind == "merge":
        few -= {merged}
    if not few:
        return read, {}
    rows = {label: labels.count(label) for label in sorted(few)}
    left = len(texts_of) - len(few) + (rare.kind == "merge" and merged not in texts_of)
    if left < 2:
        raise BadInput(
            f"dataset.min_class_texts: {len(few):,} of {len(texts_of):,} classes have fewer than {rare.at_least:,} "
            f"distinct texts ({shortened(sorted(few))}), and without them fewer than two are left; lower it, or bring "
            "more texts"
        )
    codes = {str(code) for code, name in enumerate(read.class_names) if name in few}
    log.info("classes with fewer than %s texts: %s", rare.at_least, shortened(sorted(few)))
    if rare.kind == "merge":
        settled = Settled(tuple(sorted(few | codes)), merged, tuple(read.class_names))
        named = [merged if label in few else label for label in labels]
        return replace(read, labels=named, class_names=(), settled=settled), rows
    kept = [row for row, label in enumerate(labels) if label not in few]
    return replace(read.rows(kept), settled=Settled(tuple(sorted(few | codes)), None)), rows


def settled_as(data: LabelledTexts, train: Settled | None) -> LabelledTexts:
    """Another split whose rows of the training file's rare classes are treated as theirs were.

    Args:
        data: the split.
        train: of the training file; None: it had no rare classes.
    """
    if train is None:
        return data
    labels = _as_names(data.label.tolist(), data.class_names or _names_of(data.label.tolist(), train.names))
    few = set(train.rare)
    if train.merged is not None:
        merged = [train.merged if label in few else label for label in labels]
        return replace(data, label=np.array(merged, dtype=np.str_), class_names=())
    kept = [row for row, label in enumerate(labels) if label not in few]
    texts, published = list(data.raw()), data.label.tolist()
    return pack_texts([texts[row] for row in kept], [published[row] for row in kept], data.class_names)


def _names_of(labels: Sequence[Any], names: Sequence[str]) -> Sequence[str]:
    """The training file's names for codes, where these labels are such codes."""
    return names if all(isinstance(label, int) and 0 <= label < len(names) for label in labels) else ()


def _as_names(labels: Sequence[Any], class_names: Sequence[str]) -> list[str]:
    return [class_names[label] for label in labels] if class_names else [str(label) for label in labels]
