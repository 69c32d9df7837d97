"""What the runs say together: means and 95 % intervals of every row's metrics, and a test of every pair of rows."""

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bert_ladder.data.frames import read_labels, rows_csv
from bert_ladder.evaluation.inference import (
    COUNT_METRICS,
    Interval,
    Scores,
    area_scores,
    compare_rows,
    count_scores,
    holm,
    mean_only,
    mean_scores,
    row_interval,
    verdict,
)
from bert_ladder.evaluation.metrics import brier_scores, log_losses
from bert_ladder.evaluation.predictions import class_probabilities, read_predictions
from bert_ladder.evaluation.runs import refuse_mixed_policies
from bert_ladder.runtime.jobs import BadInput

log = logging.getLogger(__name__)

TEST_COUNTS = [metric for metric in COUNT_METRICS if metric != "clean_accuracy"]
WITHOUT_INTERVAL = (
    *("train_accuracy", "validation_loss", "validation_ece", "pr_auc", "ece", "training_seconds"),
    *("temperature", "calibrated_ece", "calibrated_brier", "calibrated_loss"),
)
VALIDATION_COUNTS = {"validation_accuracy": "test_accuracy", "validation_f1": "f1"}
COLUMNS = ["model", "kind", "metric", "mean", "sd", "se", "low", "high", "seeds", "method"]
# Metric of `comparison:` in the study -> metric of a run.
COMPARED = {"accuracy": "test_accuracy", "f1": "f1"}


def row_scores(
    predictions: Sequence[pd.DataFrame],
    leaked: np.ndarray,
    classes: int,
    positive: int | None,
    deterministic: bool,
) -> dict[str, Scores]:
    """The test metrics of one row that have an interval, by seed and example.

    Args:
        predictions: the test part of each seed's predictions, in one order of rows.
        leaked: rows of the test split whose text is a training text too.
        classes: number of classes.
        positive: code of the class that precision, recall, F1 and ROC-AUC are of; None for macro averages.
        deterministic: whether the row has no randomness of its own.
    """
    labels = predictions[0]["label"].to_numpy()
    decisions = np.stack([frame["prediction"].to_numpy() for frame in predictions])
    probabilities = np.stack([class_probabilities(frame) for frame in predictions])
    scores = {
        metric: count_scores(labels, decisions, metric, classes, positive, deterministic) for metric in TEST_COUNTS
    }
    clean = ~predictions[0]["row"].isin(leaked).to_numpy()
    scores["clean_accuracy"] = count_scores(
        labels[clean], decisions[:, clean], "clean_accuracy", classes, positive, deterministic
    )
    brier = np.stack([brier_scores(labels, of_seed) for of_seed in probabilities])
    losses = np.stack([log_losses(labels, of_seed) for of_seed in probabilities])
    scores["brier"] = mean_scores(brier, (0, 2), deterministic)
    scores["test_loss"] = mean_scores(losses, deterministic=deterministic)
    area = area_scores(labels, probabilities, positive, deterministic)
    return scores if area is None else scores | {"roc_auc": area}


def validation_interval(
    predictions: Sequence[pd.DataFrame], metric: str, classes: int, positive: int | None, deterministic: bool
) -> Interval:
    """Mean of "validation_accuracy" or "validation_f1" with its interval.

    Args:
        predictions: the validation part of each seed's predictions.
        metric, classes, positive, deterministic: see `row_scores`.
    """
    counted = VALIDATION_COUNTS[metric]
    scores = [
        count_scores(
            *(frame["label"].to_numpy(), frame["prediction"].to_numpy()[np.newaxis]),
            counted, classes, positive, deterministic,
        )
        for frame in predictions
    ]  # fmt: skip
    if all(np.array_equal(frame["row"], predictions[0]["row"]) for frame in predictions):
        decisions = np.stack([frame["prediction"].to_numpy() for frame in predictions])
        labels = predictions[0]["label"].to_numpy()
        return row_interval(count_scores(labels, decisions, counted, classes, positive, deterministic))
    # Each seed has a validation part of its own, which the spread over seeds speaks of already.
    alone = mean_only([of_seed.mean for of_seed in scores])
    return replace(alone, se=alone.sd / len(scores) ** 0.5)


def compare_pairs(scores: dict[str, Scores], metric: str) -> pd.DataFrame:
    """A test of every pair of rows.

    Args:
        scores: of each row, in the order of the table.
        metric: name of the metric, for the record.

    Returns:
        One line per pair: model_a, model_b, metric, difference (a - b), low, high, se, p_value, p_holm, test, scope,
        verdict (a against b), seeds_a, seeds_b, seeds_needed, examples_needed, mcnemar (p-values, one per pair of
        seeds).
    """
    lines = []
    for a, b in combinations(scores, 2):
        found = asdict(compare_rows(scores[a], scores[b]))
        found["mcnemar"] = "; ".join(f"{p:.4g}" for p in found["mcnemar"])
        seeds = {"seeds_a": scores[a].seeds, "seeds_b": scores[b].seeds}
        lines.append({"model_a": a, "model_b": b, "metric": metric} | found | seeds)
    columns = ["model_a", "model_b", "metric", "difference", "low", "high", "se", "p_value", "p_holm", "test", "scope"]
    columns += ["verdict", "seeds_a", "seeds_b", "seeds_needed", "examples_needed", "mcnemar"]
    pairs = pd.DataFrame(lines, columns=columns)
    pairs["p_holm"] = holm(pairs["p_value"].astype(float).tolist())
    pairs["verdict"] = [
        verdict(difference, p) for difference, p in zip(pairs["difference"], pairs["p_holm"], strict=True)
    ]
    return pairs.astype({"seeds_needed": "Int64", "examples_needed": "Int64"})


@dataclass(frozen=True)
class ComparedRuns:
    """The runs of a study.

    Attributes:
        metrics, predictions: metrics.json and predictions.parquet of every run, in one order.
        labels: labels.json.
        leaked: leaked.parquet.
    """

    metrics: Sequence[str | Path]
    predictions: Sequence[str | Path]
    labels: str | Path
    leaked: str | Path


@dataclass(frozen=True)
class Protocol:
    """How rows are compared.

    Attributes:
        metric: "accuracy" or "f1", by which pairs are compared.
        over: "auto", "seeds" or "examples".
        split_per_run: whether each run has a split of its own, so that the baselines depend on a seed too.
    """

    metric: str
    over: str
    split_per_run: bool


def compare_models(
    files: ComparedRuns, protocol: Protocol, path_comparison: str | Path, path_pairs: str | Path
) -> None:
    """Write comparison.csv (long: one line per row and metric) and pairs.csv (see `compare_pairs`).

    Args:
        files: the runs to compare.
        protocol: how.
        path_comparison, path_pairs: CSV files to write.

    Raises:
        BadInput: two runs did not predict the same test examples, or those of a row were trained in several precisions.
    """
    names, positive = read_labels(files.labels)
    leaked = pd.read_parquet(files.leaked)["row"].to_numpy()
    runs = pd.DataFrame([json.loads(Path(path).read_text(encoding="utf-8")) for path in files.metrics])
    runs["predictions"] = list(map(str, files.predictions))
    labels = read_predictions(files.predictions[:1], "test")[0]["label"]
    lines: list[dict[str, Any]] = []
    compared: dict[str, Scores] = {}
    for model, of_row in runs.groupby("model", sort=False):
        kind = of_row["kind"].iloc[0]
        if kind == "bert":
            refuse_mixed_policies(
                str(model), {f"seed {run['seed']}": run["dtype_policy"] for run in of_row.to_dict("records")}
            )
        # Over examples alone the seeds are those that were run, and no others.
        deterministic = protocol.over == "examples" or (kind != "bert" and not protocol.split_per_run)
        tests = read_predictions(of_row["predictions"].tolist(), "test")
        for path, frame in zip(of_row["predictions"], tests, strict=True):
            if not np.array_equal(frame["label"], labels):
                raise BadInput(
                    f"{path}: its {len(frame):,} test labels differ from the {len(labels):,} of "
                    f"{files.predictions[0]}; delete the older of the two and run again"
                )
        scores = row_scores(tests, leaked, len(names), positive, deterministic)
        compared[str(model)] = scores[COMPARED[protocol.metric]]
        validations = read_predictions(of_row["predictions"].tolist(), "validation")
        intervals = {
            **{name: row_interval(of_metric) for name, of_metric in scores.items()},
            **{
                name: validation_interval(validations, name, len(names), positive, deterministic)
                for name in VALIDATION_COUNTS
            },
            **{name: mean_only(of_row[name]) for name in WITHOUT_INTERVAL if of_row[name].notna().all()},
        }
        lines += [
            {"model": model, "kind": kind, "metric": name} | asdict(interval) for name, interval in intervals.items()
        ]
        accuracy = intervals["test_accuracy"]
        log.info(
            "%s: test accuracy %.4f [%.4f, %.4f], seeds: %d",
            *(model, accuracy.mean, accuracy.low, accuracy.high, accuracy.seeds),
        )
    Path(path_comparison).write_text(rows_csv(pd.DataFrame(lines)[COLUMNS]), encoding="utf-8")
    pairs = compare_pairs(compared, protocol.metric)
    Path(path_pairs).write_text(rows_csv(pairs), encoding="utf-8")
    log.info("%d pairs of rows, %d of them separable", len(pairs), (pairs["verdict"] != "not separable").sum())
