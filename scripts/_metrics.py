"""Predictions and metrics of one run, in the one form that BERTs and baselines share."""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import accuracy_score, precision_recall_fscore_support

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


def classification_metrics(predictions: pd.DataFrame, positive: int | None) -> dict[str, Any]:
    """Metrics of one run.

    Args:
        predictions: all parts, as `predictions_frame` gives them.
        positive: code of the class that precision, recall and F1 are of; None for their macro average over the
            classes that occur among the test labels or predictions.

    Returns:
        `classes`, `average` ("binary" or "macro"), `train_accuracy`, `validation_accuracy`, `test_accuracy`,
        `precision`, `recall`, `f1` (these three on test; 0 where undefined), `n_train`, `n_validation`, `n_test`.
    """
    parts = {split: predictions[predictions["split"] == split] for split in SPLITS}
    average = "macro" if positive is None else "binary"
    precision, recall, f1, _ = precision_recall_fscore_support(
        parts["test"]["label"],
        parts["test"]["prediction"],
        average=average,
        pos_label=1 if positive is None else positive,
        zero_division=0,
    )
    return {
        "classes": sum(column.startswith("probability_") for column in predictions.columns),
        "average": average,
        **{
            f"{split}_accuracy": float(accuracy_score(part["label"], part["prediction"]))
            for split, part in parts.items()
        },
        "precision": float(precision),
        "recall": float(recall),
        "f1": float(f1),
        **{f"n_{split}": len(part) for split, part in parts.items()},
    }
