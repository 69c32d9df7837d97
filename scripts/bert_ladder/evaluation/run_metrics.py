"""The metrics of one run, from its predictions: here the classes get their names, and one of them is positive."""

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import accuracy_score, matthews_corrcoef, precision_recall_fscore_support

from bert_ladder.data.frames import read_labels
from bert_ladder.evaluation.calibration import scale_probabilities, temperature_of
from bert_ladder.evaluation.metrics import (
    brier_scores,
    expected_calibration_error,
    f1_measure,
    log_losses,
    part_measures,
    ranking_areas,
)
from bert_ladder.evaluation.predictions import SPLITS, class_probabilities, read_predictions

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Run:
    """Which run it is; in this order the first values of its metrics.json.

    Attributes:
        study: name of the study.
        model: name of the table's row.
        encoder: of the row; empty for a linear model of n-grams.
        kind: "bert", "baseline" (a linear model of n-grams) or "frozen" (one on the outputs of an encoder).
        seed: of the run.
    """

    study: str
    model: str
    encoder: str
    kind: str
    seed: int


@dataclass(frozen=True)
class EvaluatedRun:
    """What is known of a run when it has predicted.

    Attributes:
        predictions, record: its predictions.parquet and evaluation.json.
        labels: labels.json.
    """

    predictions: Path | str
    record: Path | str
    labels: Path | str


def evaluate_run(files: EvaluatedRun, run: Run, path_metrics: Path | str) -> None:
    """Write metrics.json: which run it is, its metrics, and what it has recorded itself.

    Args:
        files: what it predicted and recorded.
        run: which it is.
        path_metrics: file to write.
    """
    names, positive = read_labels(files.labels)
    predictions = pd.concat([read_predictions([files.predictions], split)[0] for split in SPLITS], ignore_index=True)
    record = json.loads(Path(files.record).read_text(encoding="utf-8"))
    first = {"parameters": record.pop("parameters")}
    metrics = asdict(run) | first | classification_metrics(predictions, positive, names) | record
    Path(path_metrics).write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
    log.info("%s, seed %d: test accuracy %.4f", run.model, run.seed, metrics["test_accuracy"])


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
        `test_loss`, what `calibrated_measures` gives, `class_metrics` (by label name precision, recall, f1 and
        support; a JSON object as a string), `constant_prediction` (the label name that every text is given; None if
        there are several), and what `constant_scores` gives.
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
    validation = part_measures(parts["validation"]["label"].to_numpy(), class_probabilities(parts["validation"]))
    followed = {"loss": "loss", "accuracy": "accuracy", "f1": f1_measure(positive), "ece": "ece"}
    return {
        "classes": probabilities.shape[1],
        "average": average,
        "train_accuracy": float(accuracy_score(parts["train"]["label"], parts["train"]["prediction"])),
        **{f"validation_{name}": validation[measure] for name, measure in followed.items()},
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
        **calibrated_measures(parts["validation"], parts["test"]),
        "class_metrics": json.dumps(
            {
                name: dict(zip(("precision", "recall", "f1", "support"), map(float, values), strict=True))
                for name, values in zip(names, np.transpose(by_class), strict=True)
            },
            ensure_ascii=False,
        ),
        "constant_prediction": names[decisions[0]] if (decisions == decisions[0]).all() else None,
        **constant_scores(labels, positive, names),
        **{f"n_{split}": len(part) for split, part in parts.items()},
    }


def calibrated_measures(validation: pd.DataFrame, test: pd.DataFrame) -> dict[str, float]:
    """What a temperature that is fitted on the validation part makes of the test part's probabilities.

    Returns:
        `temperature`, and `calibrated_ece`, `calibrated_brier` and `calibrated_loss` on the test part.
    """
    temperature = temperature_of(class_probabilities(validation), validation["label"].to_numpy())
    probabilities, labels = scale_probabilities(class_probabilities(test), temperature), test["label"].to_numpy()
    return {
        "temperature": temperature,
        "calibrated_ece": expected_calibration_error(
            probabilities.max(axis=1), labels == test["prediction"].to_numpy()
        ),
        "calibrated_brier": float(brier_scores(labels, probabilities).mean()),
        "calibrated_loss": float(log_losses(labels, probabilities).mean()),
    }


def constant_scores(labels: np.ndarray, positive: int | None, names: Sequence[str]) -> dict[str, Any]:
    """What the best of all answers that are the same for every text reaches: no model that reads texts is below it.

    Args:
        labels: codes, shape (n,), n > 0.
        positive: see `classification_metrics`.
        names: the label names in the order of their codes.

    Returns:
        `majority_class`, the label name of the most texts; `constant_accuracy`, its share of the texts; `constant_f1`,
        the F1 of always answering the positive class, or the highest macro F1 of any one answer.
    """
    shares = np.bincount(labels, minlength=len(names)) / len(labels)
    majority = int(shares.argmax())
    f1 = 2 * shares / (1 + shares)  # precision is the class's share, recall 1
    return {
        "majority_class": names[majority],
        "constant_accuracy": float(shares[majority]),
        "constant_f1": float(f1[majority] / (shares > 0).sum() if positive is None else f1[positive]),
    }
