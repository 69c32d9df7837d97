"""A validation file of its own: checked as the other splits are, and set behind the training texts."""

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bert_ladder.data.frames import (
    frame_texts,
    plain,
    read_class_names,
    read_classes,
    read_npz,
    read_settled,
    write_frame,
)
from bert_ladder.data.label_encoding import class_codes, refuse_one_class
from bert_ladder.data.rare_classes import settled_as
from bert_ladder.data.splits import write_split
from bert_ladder.runtime.jobs import BadInput

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ValidationSources:
    """What a validation file is checked against.

    Attributes:
        npz: safe npz of the validation texts, m rows.
        train, test: parquet files of the other splits, n rows in the first.
        classes: classes.json.
    """

    npz: str | Path
    train: str | Path
    test: str | Path
    classes: str | Path


@dataclass(frozen=True)
class ValidationOutputs:
    """Files to write.

    Attributes:
        validation: parquet of the validation texts, row i = row i of the npz, without rare classes that are left out.
        joined: parquet of the training texts and, from row n on, the validation texts.
        split: which rows of `joined` are which, one categorical column `part`.
    """

    validation: str | Path
    joined: str | Path
    split: str | Path


def build_validation(sources: ValidationSources, outputs: ValidationOutputs) -> None:
    """Write the frame of a validation file, the frame of what rows are trained and validated on, and its division.

    Args:
        sources: the validation texts and what they are checked against.
        outputs: files to write.

    Raises:
        BadInput: a label that the training split does not have; a single class; validation texts that are all training
            texts, or that are the test texts.
    """
    labels = read_classes(sources.classes)
    data = settled_as(read_npz(sources.npz), read_settled(sources.classes))
    codes = class_codes("validation", data, labels, read_class_names(sources.classes))
    refuse_one_class("validation", codes, labels)
    _refuse_texts({plain(text) for text in data.texts()}, len(data), sources)
    write_frame(outputs.validation, data, codes, labels)
    train, validation = pq.read_table(sources.train), pq.read_table(outputs.validation)
    pq.write_table(pa.concat_tables([train, validation]), outputs.joined, compression="zstd")
    write_split(outputs.split, np.arange(len(train) + len(data)) >= len(train))
    log.info("%s rows to train on, %s rows of a file of their own for validation", f"{len(train):,}", f"{len(data):,}")


def _refuse_texts(texts: set[str], rows: int, sources: ValidationSources) -> None:
    """Refuse texts that the other splits have, as `plain` tells."""
    if texts <= set(frame_texts(sources.train).map(plain)):
        raise BadInput(
            f"dataset.validation: all {rows:,} texts are training texts too, so rows would be chosen by what they "
            "remember; give another validation file, or none to have a part of the training file drawn"
        )
    test = set(frame_texts(sources.test).map(plain))
    if texts <= test or test <= texts:
        which = f"all {rows:,} texts are test texts" if texts <= test else "all test texts are among its texts"
        raise BadInput(
            f"dataset.validation: {which}, so rows would be chosen by the score that they are reported with; give "
            "another validation file, or none to have a part of the training file drawn"
        )
