"""Train / validation: each class in proportion, drawn by a fixed seed; the test split is never touched."""

import logging
from pathlib import Path

import pandas as pd

from bert_ladder.data.frames import LABEL_COLUMN, PART_COLUMN, PARTS, frame_names
from bert_ladder.data.splits import stratified_mask

log = logging.getLogger(__name__)


def split_frame(path_train: str | Path, path_split: str | Path, fraction: float, seed: int) -> None:
    """Write which part each row of the training frame belongs to.

    Args:
        path_train: parquet with LABEL_COLUMN, n rows.
        path_split: parquet to write, one categorical column `part` ("train", "validation"), n rows.
        fraction: share of the rows that become validation, above 0 and below 1.
        seed: seed of the draw.

    Raises:
        BadInput: the fraction is impossible, or a class is too small to be in both parts.
    """
    codes = pd.read_parquet(path_train, columns=[LABEL_COLUMN])[LABEL_COLUMN].to_numpy()
    names = frame_names(path_train)
    drawn = stratified_mask(codes, fraction, seed, "validation_fraction", lambda code: names.get(code, str(code)))
    parts = pd.Categorical.from_codes(drawn.astype("int8"), categories=list(PARTS))
    pd.DataFrame({PART_COLUMN: parts}).to_parquet(path_split, index=False)
    log.info("%s rows to train on, %s for validation", f"{(~drawn).sum():,}", f"{drawn.sum():,}")
