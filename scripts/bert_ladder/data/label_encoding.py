"""From the safe npz of both splits to one parquet each, with the labels as indices into their sorted names."""

import logging
from collections import Counter
from pathlib import Path

import numpy as np

from bert_ladder.data.frames import LabelledTexts, SplitPaths, read_npz, write_frame, write_labels
from bert_ladder.runtime.jobs import BadInput

log = logging.getLogger(__name__)


def build_frame(
    splits: SplitPaths,
    frames: SplitPaths,
    path_labels: str | Path,
    positive: str | int | bool | None = None,
    label_names: dict[str, str] | None = None,
) -> None:
    """Write the frames of both splits and the names of their labels.

    Args:
        splits: safe npz of each split.
        frames: parquet to write for each, row i = row i of the npz.
        path_labels: labels.json to write.
        positive: published label (or its display name) of the positive class of a two-class task; None = the last.
        label_names: display name of a published label; a label that is not there keeps its own.

    Raises:
        BadInput: a test label that the training split does not have; a positive class or a named label that
            does not exist; two labels of one name; a split of a single class; a test split within the training split.
    """
    train, test = read_npz(splits.train), read_npz(splits.test)
    published = np.unique(train.label)
    keys = [str(value) for value in published.tolist()]
    if len(keys) > np.iinfo(np.int16).max:
        raise BadInput(f"dataset.label: {len(keys):,} different labels; name the column that holds the classes")
    names = _display_names(keys, label_names or {})
    codes = {"train": np.searchsorted(published, train.label).astype(np.int16), "test": _test_codes(test, keys)}
    positive_code = _positive_code(keys, names, positive)
    _refuse_unusable(train, test, codes, names)
    write_frame(frames.train, train, codes["train"], names)
    write_frame(frames.test, test, codes["test"], names)
    write_labels(path_labels, names, positive_code)
    log.info("%s training rows, %s test rows, labels: %s", f"{len(train):,}", f"{len(test):,}", _shortened(names))


def _display_names(keys: list[str], label_names: dict[str, str]) -> list[str]:
    given = {_as_label(key): str(name) for key, name in label_names.items()}
    for key in given:
        if key not in keys:
            raise BadInput(f"dataset.label_names: '{key}' is no label of the data; the labels are {_shortened(keys)}")
    names = [given.get(key, key) for key in keys]
    for name, count in Counter(names).items():
        if count > 1:
            raise BadInput(f"dataset.label_names: two labels are called '{name}'; give each a name of its own")
    return names


def _test_codes(test: LabelledTexts, keys: list[str]) -> np.ndarray:
    code_of = {key: code for code, key in enumerate(keys)}
    published, inverse = np.unique(test.label, return_inverse=True)
    codes = np.array([code_of.get(str(value), -1) for value in published.tolist()], dtype=np.int16)[inverse]
    unknown = np.flatnonzero(codes < 0)
    if len(unknown):
        row = int(unknown[0])
        raise BadInput(
            f"test split, row {row + 1}: label '{test.label[row]}' is not among the training labels "
            f"({_shortened(keys)}), nor are those of {len(unknown) - 1:,} other rows; "
            "correct the label or drop those rows"
        )
    return codes


def _positive_code(keys: list[str], names: list[str], positive: str | int | bool | None) -> int | None:
    if positive is None:
        return len(names) - 1 if len(names) <= 2 else None
    wanted = _as_label(positive)
    if wanted not in keys and wanted not in names:
        raise BadInput(f"dataset.positive: '{wanted}' is no label of the data; the labels are {_shortened(names)}")
    if len(names) > 2:
        raise BadInput(
            f"dataset.positive: found '{wanted}', but there are {len(names)} classes and precision, recall and F1 "
            "are macro averages; remove the key"
        )
    return keys.index(wanted) if wanted in keys else names.index(wanted)


def _refuse_unusable(train: LabelledTexts, test: LabelledTexts, codes: dict[str, np.ndarray], names: list[str]) -> None:
    # Here, before anything is trained, since no score could mean anything.
    for split, of_split in codes.items():
        present = np.unique(of_split)
        if len(present) == 1:
            raise BadInput(
                f"dataset.{split}: all {len(of_split):,} rows have the label '{names[present[0]]}'; "
                "give a split with at least two classes (a file sorted by label may have been cut)"
            )
    if set(test.raw()) <= set(train.raw()):
        raise BadInput(
            f"dataset.test: all {len(test):,} texts are training texts too, so the score would measure memory; "
            "give another test file, or none to have a part of the training file held out"
        )


def _as_label(value: str | int | bool) -> str:
    # build_npz writes booleans in lower case, as YAML and JSON do.
    return str(value).lower() if isinstance(value, bool) else str(value)


def _shortened(values: list[str], shown: int = 20) -> str:
    more = f" and {len(values) - shown:,} more" if len(values) > shown else ""
    return ", ".join(f"'{value}'" for value in values[:shown]) + more
