"""Predictions of one run, in the one form that BERTs and baselines share, and their one reader."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bert_ladder.runtime.jobs import BadInput

SPLITS = ("train", "validation", "test")


def predictions_frame(split: str, rows: np.ndarray, labels: np.ndarray, probabilities: np.ndarray) -> pd.DataFrame:
    """Predictions for one part; concatenate the parts to get a run's predictions.

    Args:
        split: "train" (the part trained on), "validation" or "test".
        rows: each text's row in its parquet file, integers, shape (n,).
        labels: known class codes, integers, shape (n,).
        probabilities: of each class, floats, shape (n, classes), each line of sum 1.

    Returns:
        split (categorical), row (int32), label (int16), prediction (int16, the most probable class, of several the
        first), probability_0 … probability_<classes - 1> (float32).

    Raises:
        ValueError: a probability is not finite, which argmax would pass off as the first class.
    """
    probabilities = np.asarray(probabilities, dtype=np.float32)
    if not np.isfinite(probabilities).all():
        raise ValueError(f"{split}: some probabilities are no finite numbers; the model has diverged")
    columns = {
        "split": pd.Categorical([split] * len(rows), categories=SPLITS),
        "row": np.asarray(rows, dtype=np.int32),
        "label": np.asarray(labels, dtype=np.int16),
        "prediction": probabilities.argmax(axis=1).astype(np.int16),
    }
    return pd.DataFrame(
        columns | {f"probability_{code}": probabilities[:, code] for code in range(probabilities.shape[1])}
    )


def class_probabilities(predictions: pd.DataFrame) -> np.ndarray:
    """The probability columns of a predictions frame, float64, shape (n, classes)."""
    classes = sum(column.startswith("probability_") for column in predictions.columns)
    return predictions[[f"probability_{code}" for code in range(classes)]].to_numpy(np.float64)


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
