"""Reads a data set in the form it was published in and writes one split as a safe, compact npz."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bert_ladder.data.frames import write_npz
from bert_ladder.data.published_labels import check_class_names, check_number, checked_labels
from bert_ladder.data.rare_classes import RareClasses, ReadSplit, settle_rare
from bert_ladder.data.readers.forms import read_examples
from bert_ladder.data.readers.published import PublishedFile
from bert_ladder.data.splits import grouped_mask, text_groups

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class HeldOut:
    """The part of the training file that becomes the test split, where the study has no test file.

    Attributes:
        fraction: share of the texts, above 0 and below 1.
        seed: of the draw.
    """

    fraction: float
    seed: int


def build_npz(
    file: PublishedFile, path_npz: str | Path, held_out: HeldOut | None = None, rare: RareClasses | None = None
) -> None:
    """Write one split in the safe form.

    Args:
        file: the published file of the split; with `held_out`, that of the training split for either.
        path_npz: npz to write: `text` uint8 (B,), `offsets` int64 (n + 1,), `label` int64 (n,) or str (n,).
        held_out: which rows are test rows, stratified; rows of equal text are always on the same side.
        rare: of a training file, what to do with classes of few texts; None: they stay.

    Raises:
        BadInput: the file, a column, a row or a setting is not usable; the sentence says which and what to do.
    """
    # A test split that is held out comes from the training columns.
    of_file = file if held_out is None else file.as_training()
    texts, labels, examples = read_examples(of_file)
    check_class_names(of_file, examples.class_names)
    read = ReadSplit(texts, checked_labels(of_file, labels, examples.where, examples.textual), examples.class_names)
    if rare is not None:
        read, file.found.rare = settle_rare(read, rare)
    if of_file.name == "train":
        check_number(of_file, read.labels, bool(examples.class_names))
    if held_out is not None:
        drawn = held_out_mask(read.texts, read.labels, held_out)
        read = read.rows(np.flatnonzero(drawn == (file.name == "test")).tolist())
    data = read.packed()
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
