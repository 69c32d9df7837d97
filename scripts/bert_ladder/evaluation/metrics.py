"""Measures of predicted probabilities."""

import numpy as np
from sklearn.metrics import accuracy_score, average_precision_score, f1_score, roc_auc_score

CALIBRATION_BINS = 15


def part_measures(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    """What is followed epoch by epoch, and what a search may choose by.

    Args:
        labels: codes, shape (n,).
        probabilities: shape (n, classes), each line of sum 1.

    Returns:
        `loss` (mean cross-entropy, nats), `accuracy`, `f1_<code>` of each class and `macro_f1`, their mean over the
        classes that occur (0 where undefined), and `ece`.
    """
    decisions = probabilities.argmax(axis=1)
    by_class = f1_score(labels, decisions, labels=range(probabilities.shape[1]), average=None, zero_division=0)
    return {
        "loss": float(log_losses(labels, probabilities).mean()),
        "accuracy": float(accuracy_score(labels, decisions)),
        **{f"f1_{code}": float(f1) for code, f1 in enumerate(by_class)},
        "macro_f1": float(f1_score(labels, decisions, average="macro", zero_division=0)),
        "ece": expected_calibration_error(probabilities.max(axis=1), labels == decisions),
    }


def f1_measure(positive: int | None) -> str:
    """Which of `part_measures` is the F1 that a study speaks of.

    Args:
        positive: code of the class that it is of; None for the macro average.
    """
    return "macro_f1" if positive is None else f"f1_{positive}"


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
