"""The one reader of predictions.parquet."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bert_ladder.runtime.jobs import BadInput


def read_predictions(
    paths: Sequence[str | Path], split: str, columns: Sequence[str] | None = None
) -> list[pd.DataFrame]:
    """The predictions of each run for one part, sorted by `row`, the text's row in its parquet file.

    Args:
        paths: predictions.parquet of every run.
        split: "train", "validation" or "test".
        columns: the columns to read beside `row`, by default all.
    """
    wanted = None if columns is None else ["row", *columns]
    frames = (pd.read_parquet(path, columns=wanted, filters=[("split", "==", split)]) for path in paths)
    return [frame.sort_values("row", ignore_index=True) for frame in frames]


def read_test_parts(
    paths: Sequence[str | Path],
    runs: Sequence[dict[str, Any]],
    columns: Sequence[str] | None = None,
    labels: np.ndarray | None = None,
) -> dict[str, list[pd.DataFrame]]:
    """Each row's predictions on the test split, a frame per seed, rows in the order of the table.

    Args:
        paths: predictions.parquet of every run.
        runs: `model` (name shown) and `seed` of these runs, in the same order.
        columns: the columns to read beside `row`, by default all.
        labels: the test split's codes, where every run is to have them, shape (n,).

    Returns:
        The row's name to its frames, from `read_predictions`.

    Raises:
        BadInput: a run did not predict the texts that have these labels.
    """
    parts: dict[str, list[pd.DataFrame]] = {}
    for path, run, part in zip(paths, runs, read_predictions(paths, "test", columns), strict=True):
        if labels is not None and not np.array_equal(part["label"], labels):
            raise BadInput(
                f"{path}: its {len(part):,} test labels differ from the {len(labels):,} of the test split; "
                "delete the older of the two and run again"
            )
        parts.setdefault(str(run["model"]), []).append(part)
    return parts
