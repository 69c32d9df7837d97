"""The test predictions behind several figures, row by row."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd


def read_test_parts(
    paths_predictions: Sequence[str | Path], runs: Sequence[dict[str, Any]], columns: Sequence[str] | None = None
) -> dict[str, list[pd.DataFrame]]:
    """Each row's predictions on the test split, a frame per seed, rows in the order of the table.

    Args:
        paths_predictions: predictions.parquet of every run.
        runs: `model` (name shown) and `seed` of these runs, in the same order.
        columns: the columns to read beside `row`, by default all.

    Returns:
        The row's name to its frames; every frame is sorted by `row`, the text's row in test.parquet.
    """
    if columns is not None:
        columns = ["row", *columns]
    parts: dict[str, list[pd.DataFrame]] = {}
    for path, run in zip(paths_predictions, runs, strict=True):
        part = pd.read_parquet(path, columns=columns, filters=[("split", "==", "test")])
        parts.setdefault(str(run["model"]), []).append(part.sort_values("row", ignore_index=True))
    return parts
