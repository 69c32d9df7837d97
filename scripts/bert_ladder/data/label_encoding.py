"""From the safe npz of both splits to one parquet each, with the labels as indices into their sorted values."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bert_ladder.data.frames import LabelledTexts, SplitPaths, plain, read_npz, shortened, write_classes, write_frame
from bert_ladder.data.named_labels import check_label_names, check_positive, label_hint
from bert_ladder.data.rare_classes import settled_as
from bert_ladder.runtime.jobs import BadInput

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class NamedLabels:
    """Labels that a study names.

    Attributes:
        positive: of its two-class task; None: the last.
        named: those with a name to show.
    """

    positive: str | None = None
    named: Sequence[str] = ()


def build_frame(
    splits: SplitPaths, frames: SplitPaths, path_classes: str | Path, named: NamedLabels | None = None
) -> None:
    """Write the frames of both splits and the published labels that their class codes stand for.

    Args:
        splits: safe npz of each split.
        frames: parquet to write for each, row i = row i of the npz, without those of rare classes that are left out.
        path_classes: classes.json to write.
        named: labels that must be among those of the data, told here before anything is trained.

    Raises:
        BadInput: the study names a label that there is not; a test label that the training split does not have; too
            many labels; a split of a single class; a test split within the training split; other names of the classes
            in one split than in the other.
    """
    train = read_npz(splits.train)
    test = settled_as(read_npz(splits.test), train.settled)
    published = np.unique(train.label)
    labels = [str(value) for value in published.tolist()]
    if len(labels) > np.iinfo(np.int16).max:
        raise BadInput(f"dataset.label: {len(labels):,} different labels; name the column that holds the classes")
    names = _class_names(train, test, published)
    if named is not None:
        check_positive(named.positive, labels, names, train.settled)
        check_label_names(named.named, labels, names, train.settled)
    codes = {
        "train": np.searchsorted(published, train.label).astype(np.int16),
        "test": class_codes("test", test, labels, names),
    }
    _refuse_unusable(train, test, codes, labels)
    write_frame(frames.train, train, codes["train"], labels)
    write_frame(frames.test, test, codes["test"], labels)
    write_classes(path_classes, labels, names, train.settled)
    log.info("%s training rows, %s test rows, labels: %s", f"{len(train):,}", f"{len(test):,}", shortened(labels))


def _class_names(train: LabelledTexts, test: LabelledTexts, published: np.ndarray) -> list[str]:
    """What the published file calls the classes; none where it has no names for them."""
    for code, (of_train, of_test) in enumerate(zip(train.class_names, test.class_names, strict=False)):
        if of_train != of_test:
            raise BadInput(
                f"dataset.test: calls the label {code} '{of_test}', and the training file calls it '{of_train}'; bring "
                "the labels of both into one order"
            )
    return [train.class_names[code] for code in published.tolist()] if train.class_names else []


def class_codes(split: str, data: LabelledTexts, labels: Sequence[str], names: Sequence[str]) -> np.ndarray:
    """The labels of a split as indices into those of the training split, int16, shape (n,).

    Args:
        split: what to call it.
        data: its texts and labels.
        labels: the training split's, in the order of their codes.
        names: what the training file calls them, which the split may do too; mostly none.

    Raises:
        BadInput: a label that the training split does not have, or no row is left.
    """
    if not len(data):
        raise BadInput(f"dataset.{split}: all its rows are of rare classes, which are left out; give another file")
    code_of = {name: code for code, name in enumerate(names)} | {label: code for code, label in enumerate(labels)}
    published, inverse = np.unique(data.label, return_inverse=True)
    codes = np.array([code_of.get(str(value), -1) for value in published.tolist()], dtype=np.int16)[inverse]
    unknown = np.flatnonzero(codes < 0)
    if len(unknown):
        row = int(unknown[0])
        first = str(data.label[row])
        others = sorted({str(label) for label in data.label[unknown].tolist()} - {first})
        also = f", nor {'is' if len(others) == 1 else 'are'} {shortened(others, 5)}" if others else ""
        rows = f"{len(unknown):,} rows in all" if len(unknown) > 1 else "one row"
        all_of = "; a test file without labels is left out of a study" if len(unknown) == len(data) else ""
        raise BadInput(
            f"dataset.{split}, row {row + 1} of those read: the label {first!r} is not among the training labels "
            f"{shortened(labels)}{label_hint(first, labels)}{also} ({rows}); correct the labels "
            f"or drop those rows{all_of}"
        )
    return codes


def _refuse_unusable(
    train: LabelledTexts, test: LabelledTexts, codes: dict[str, np.ndarray], labels: list[str]
) -> None:
    # Here, before anything is trained, since no score could mean anything.
    for split, of_split in codes.items():
        refuse_one_class(split, of_split, labels)
    known = {plain(text) for text in train.texts()}
    if all(plain(text) in known for text in test.texts()):
        raise BadInput(
            f"dataset.test: all {len(test):,} texts are training texts too (but for case, white space and invisible "
            "characters), so the score would measure memory; "
            "give another test file, or none to have a part of the training file held out"
        )


def refuse_one_class(split: str, codes: np.ndarray, labels: list[str]) -> None:
    """Refuse a split whose rows all have one label.

    Args:
        split: what to call it.
        codes: indices into the labels, shape (n,).
        labels: in the order of their codes.

    Raises:
        BadInput: naming split and label.
    """
    present = np.unique(codes)
    if len(present) == 1:
        raise BadInput(
            f"dataset.{split}: all {len(codes):,} rows have the label '{labels[present[0]]}'; "
            "give a split with at least two classes (a file sorted by label may have been cut)"
        )
