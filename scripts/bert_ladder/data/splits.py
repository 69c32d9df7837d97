"""Stratified splits: each class in proportion, drawn by a fixed seed."""

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from bert_ladder.data.frames import LABEL_COLUMN, PART_COLUMN, PARTS, frame_labels
from bert_ladder.runtime.jobs import BadInput

log = logging.getLogger(__name__)


def split_frame(path_train: str | Path, path_split: str | Path, fraction: float, seed: int) -> None:
    """Write which part each row of the training frame belongs to; the test split is never touched.

    Args:
        path_train: parquet with LABEL_COLUMN, n rows.
        path_split: parquet to write, one categorical column `part` ("train", "validation"), n rows.
        fraction: share of the rows that become validation, above 0 and below 1.
        seed: seed of the draw.

    Raises:
        BadInput: the fraction is impossible, or a class is too small to be in both parts.
    """
    codes = pd.read_parquet(path_train, columns=[LABEL_COLUMN])[LABEL_COLUMN].to_numpy()
    labels = frame_labels(path_train)
    drawn = stratified_mask(codes, fraction, seed, "validation_fraction", lambda code: labels.get(code, str(code)))
    parts = pd.Categorical.from_codes(drawn.astype(np.int8), dtype=pd.CategoricalDtype(list(PARTS)))
    pd.DataFrame({PART_COLUMN: parts}).to_parquet(path_split, index=False)
    log.info("%s rows to train on, %s for validation", f"{(~drawn).sum():,}", f"{drawn.sum():,}")


def stratified_mask(
    codes: np.ndarray, fraction: float, seed: int, key: str, name_of: Callable[[int], str], unit: str = "rows"
) -> np.ndarray:
    """Draw a part that holds each class in proportion.

    Args:
        codes: class of each row, integers, shape (n,).
        fraction: share of the rows to draw, above 0 and below 1.
        seed: seed of the draw.
        key: the study's key that asks for the part, for the error sentence.
        name_of: gives a class's name from its code.
        unit: what a row is called in the error sentence.

    Returns:
        True for the rows drawn, bool, shape (n,).

    Raises:
        BadInput: the fraction is not between 0 and 1, or a class is too small to be in both parts.
    """
    if not 0 < fraction < 1:
        raise BadInput(f"{key}: found {fraction}; give a share above 0 and below 1, such as 0.2")
    classes, counts = np.unique(codes, return_counts=True)
    size = int(np.ceil(fraction * len(codes)))
    drawn = np.zeros(len(codes), dtype=bool)
    if counts.min() >= 2 and len(classes) <= size <= len(codes) - len(classes):
        rows = np.arange(len(codes))
        drawn[train_test_split(rows, test_size=size, random_state=seed, stratify=codes)[1]] = True
    # Rarest first, so that the sentence names the class that is most in the way.
    for code, count in sorted(zip(classes.tolist(), counts.tolist(), strict=True), key=lambda pair: pair[1]):
        if not 0 < drawn[codes == code].sum() < count:
            raise BadInput(
                f"{key}, class '{name_of(code)}': {count:,} of {len(codes):,} {unit}, too few to be in both parts "
                f"at {fraction:g}; add rows of that class, leave it out, or change the fraction"
            )
    return drawn
