"""Predictions and metrics of one run, in the one form that BERTs and baselines share."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    f1_score,
    matthews_corrcoef,
    precision_recall_fscore_support,
    roc_auc_score,
)

SPLITS = ("train", "validation", "test")
CALIBRATION_BINS = 15


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


def classification_metrics(predictions: pd.DataFrame, positive: int | None, names: Sequence[str]) -> dict[str, Any]:
    """Metrics of one run.

    Args:
        predictions: all parts, as `predictions_frame` gives them.
        positive: code of the class that precision, recall, F1 and the areas are of; None for their macro averages over
            the classes that occur among the test labels or predictions (the areas: among the labels).
        names: the label names in the order of their codes.

    Returns:
        `classes`, `average` ("binary" or "macro"), the accuracy of each part, what `part_measures` gives for the
        validation part with the prefix `validation_`, `n_train`, `n_validation`, `n_test`, and on the test part:
        `precision`, `recall`, `f1`, `macro_precision`, `macro_recall`, `macro_f1` (0 where undefined), `mcc`,
        `roc_auc` and `pr_auc` (average precision; None where a class has no or only positive texts), `brier`, `ece`,
        `test_loss`, and `class_metrics` (by label name precision, recall, f1 and support; a JSON object as a string).
    """
    parts = {split: predictions[predictions["split"] == split] for split in SPLITS}
    probabilities = class_probabilities(parts["test"])
    labels, decisions = parts["test"]["label"].to_numpy(), parts["test"]["prediction"].to_numpy()
    average = "macro" if positive is None else "binary"
    precision, recall, f1, _ = precision_recall_fscore_support(
        labels, decisions, average=average, pos_label=1 if positive is None else positive, zero_division=0
    )
    macro = precision_recall_fscore_support(labels, decisions, average="macro", zero_division=0)
    by_class = precision_recall_fscore_support(labels, decisions, labels=range(len(names)), zero_division=0)
    validation = part_measures(
        parts["validation"]["label"].to_numpy(), class_probabilities(parts["validation"]), positive
    )
    return {
        "classes": probabilities.shape[1],
        "average": average,
        "train_accuracy": float(accuracy_score(parts["train"]["label"], parts["train"]["prediction"])),
        **{f"validation_{measure}": value for measure, value in validation.items()},
        "test_accuracy": float(accuracy_score(labels, decisions)),
        "precision": float(precision),
        "recall": float(recall),
        "f1": float(f1),
        **{f"macro_{name}": float(value) for name, value in zip(("precision", "recall", "f1"), macro, strict=False)},
        "mcc": float(matthews_corrcoef(labels, decisions)),
        **ranking_areas(labels, probabilities, positive),
        "brier": float(brier_scores(labels, probabilities).mean()),
        "ece": expected_calibration_error(probabilities.max(axis=1), labels == decisions),
        "test_loss": float(log_losses(labels, probabilities).mean()),
        "class_metrics": json.dumps(
            {
                name: dict(zip(("precision", "recall", "f1", "support"), map(float, values), strict=True))
                for name, values in zip(names, np.transpose(by_class), strict=True)
            },
            ensure_ascii=False,
        ),
        **{f"n_{split}": len(part) for split, part in parts.items()},
    }


def part_measures(labels: np.ndarray, probabilities: np.ndarray, positive: int | None) -> dict[str, float]:
    """What is followed epoch by epoch, and what a search may choose by.

    Args:
        labels: codes, shape (n,).
        probabilities: shape (n, classes), each line of sum 1.
        positive: code of the class that F1 is of; None for the macro average.

    Returns:
        `loss` (mean cross-entropy, nats), `accuracy`, `f1` (0 where undefined) and `ece`.
    """
    decisions = probabilities.argmax(axis=1)
    average = {"average": "macro"} if positive is None else {"average": "binary", "pos_label": positive}
    return {
        "loss": float(log_losses(labels, probabilities).mean()),
        "accuracy": float(accuracy_score(labels, decisions)),
        "f1": float(f1_score(labels, decisions, zero_division=0, **average)),
        "ece": expected_calibration_error(probabilities.max(axis=1), labels == decisions),
    }


def log_losses(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Negative log-likelihood of each text's label, in nats, shape (n,); 0 counts as float32's smallest step at 1."""
    return -np.log(np.maximum(probabilities[np.arange(len(labels)), labels], np.finfo(np.float32).eps))


def brier_scores(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Squared error of each text's probabilities, summed over the classes (Brier 1950), from 0 to 2; shape (n,).

    For two classes this is twice the error of one probability, which some call the Brier score.
    """
    known = np.eye(probabilities.shape[1])[labels]
    return ((probabilities - known) ** 2).sum(axis=1)


def expected_calibration_error(confidence: np.ndarray, hit: np.ndarray, bins: int = CALIBRATION_BINS) -> float:
    """Mean distance of confidence and accuracy over bins of equal width, weighted by texts (Guo et al. 2017, eq. 3).

    Args:
        confidence: probability of the predicted class, floats from 0 to 1, shape (n,).
        hit: whether the prediction is right, bool, shape (n,).
        bins: number of bins; bin m holds confidences in ((m - 1) / bins, m / bins].
    """
    edges = np.linspace(0, 1, bins + 1)
    of_bin = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, bins - 1)
    gaps = np.bincount(of_bin, weights=confidence - np.asarray(hit, float), minlength=bins)
    return float(np.abs(gaps).sum() / len(confidence))


def ranking_areas(labels: np.ndarray, probabilities: np.ndarray, positive: int | None) -> dict[str, float | None]:
    """Areas under the ROC curve and the precision-recall curve (as average precision).

    Args:
        labels: codes, shape (n,).
        probabilities: shape (n, classes).
        positive: code of the class that they are of; None for the mean over the classes that occur, each against the
            rest.

    Returns:
        `roc_auc` and `pr_auc`; None if all texts, or none, are of a class.
    """
    codes = np.unique(labels) if positive is None else [positive]
    targets = [labels == code for code in codes]
    if not all(target.any() and not target.all() for target in targets):
        return {"roc_auc": None, "pr_auc": None}
    areas = [
        (roc_auc_score(target, probabilities[:, code]), average_precision_score(target, probabilities[:, code]))
        for code, target in zip(codes, targets, strict=True)
    ]
    roc, pr = np.mean(areas, axis=0).tolist()
    return {"roc_auc": roc, "pr_auc": pr}
