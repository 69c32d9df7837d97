"""Means and 95 % intervals of every row's metrics, over test examples and, where a row has several, seeds."""

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from _data import read_labels
from _job import BadInput, run_job

log = logging.getLogger(__name__)

TEST_METRICS = ("test_accuracy", "precision", "recall", "f1")
PLAIN_METRICS = ("train_accuracy", "validation_accuracy", "training_seconds")
CONFIDENCE = 0.95
RESAMPLES = 10_000
RESAMPLING_SEED = 7
CHUNK = 4_000_000  # counts drawn at once: 32 MB


def count_metrics(
    hits: np.ndarray, actual: np.ndarray, predicted: np.ndarray, averaged: Sequence[int]
) -> dict[str, np.ndarray]:
    """Accuracy, precision, recall and F1 from counts by class; 0 where undefined, as scikit-learn has it.

    Args:
        hits: examples of each class that are predicted right, shape (..., classes).
        actual: examples of each class, shape (..., classes).
        predicted: examples predicted to be of each class, shape (..., classes).
        averaged: classes over which precision, recall and F1 are averaged: the positive one, or several.

    Returns:
        The four `TEST_METRICS`, each of shape (...).
    """
    by_class = {
        "precision": _ratio(hits, predicted),
        "recall": _ratio(hits, actual),
        "f1": _ratio(2 * hits, actual + predicted),
    }
    return {"test_accuracy": _ratio(hits.sum(axis=-1), actual.sum(axis=-1))} | {
        metric: values[..., averaged].mean(axis=-1) for metric, values in by_class.items()
    }


def averaged_classes(labels: np.ndarray, predictions: np.ndarray, positive: int | None) -> list[int]:
    """The positive class, or without one all classes that occur among the labels or predictions."""
    return np.union1d(labels, predictions).tolist() if positive is None else [positive]


def bootstrap_metrics(
    labels: np.ndarray,
    predictions: np.ndarray,
    classes: int,
    positive: int | None,
    resamples: int = RESAMPLES,
) -> dict[str, np.ndarray]:
    """Bootstrap over test examples, each resample shared by all seeds.

    To draw n examples with replacement is to draw the counts of their distinct (label, predictions) patterns from a
    multinomial distribution: the same distribution of every metric, and much faster.

    Args:
        labels: codes, shape (n,).
        predictions: codes, shape (seeds, n).
        classes: number of classes.
        positive: code of the class that precision, recall and F1 are of; None for macro averages.
        resamples: number of resamples.

    Returns:
        The four `TEST_METRICS`, each of shape (resamples, seeds).
    """
    averaged = [averaged_classes(labels, of_seed, positive) for of_seed in predictions]
    patterns, counts = np.unique(np.vstack([labels, predictions]), axis=1, return_counts=True)
    is_class = np.eye(classes)
    actual, predicted = is_class[patterns[0]], is_class[patterns[1:]]
    generator = np.random.default_rng(RESAMPLING_SEED)
    step = max(1, CHUNK // len(counts))
    found: dict[str, list[np.ndarray]] = {metric: [] for metric in TEST_METRICS}
    for start in range(0, resamples, step):
        drawn = generator.multinomial(len(labels), counts / len(labels), size=min(step, resamples - start))
        drawn = drawn.astype(np.float64)
        by_seed = [
            count_metrics(drawn @ (actual * of_seed), drawn @ actual, drawn @ of_seed, over)
            for of_seed, over in zip(predicted, averaged, strict=True)
        ]
        for metric in TEST_METRICS:
            found[metric].append(np.stack([metrics[metric] for metrics in by_seed], axis=1))
    return {metric: np.concatenate(values) for metric, values in found.items()}


def example_intervals(
    labels: np.ndarray, predictions: np.ndarray, classes: int, positive: int | None
) -> dict[str, tuple[float, float, str]]:
    """95 % intervals of one trained model, over test examples; they say nothing of other seeds.

    Accuracy, and precision and recall of a positive class, are proportions and have Wilson's score interval; F1 and
    macro averages have the percentile interval of a bootstrap.

    Args:
        labels, predictions: codes, shape (n,).
        classes: number of classes.
        positive: code of the class that precision, recall and F1 are of; None for macro averages.

    Returns:
        For each of the `TEST_METRICS` low, high and the method's name.
    """
    hits = labels == predictions
    proportions = {"test_accuracy": (hits.sum(), len(labels))}
    if positive is not None:
        true_positives = (hits & (labels == positive)).sum()
        proportions["precision"] = true_positives, (predictions == positive).sum()
        proportions["recall"] = true_positives, (labels == positive).sum()
    intervals = {metric: (*wilson_interval(*counts), "wilson") for metric, counts in proportions.items()}
    tails = [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]
    for metric, values in bootstrap_metrics(labels, predictions[np.newaxis], classes, positive).items():
        if metric not in intervals:
            low, high = np.quantile(values[:, 0], tails).tolist()
            intervals[metric] = low, high, "bootstrap"
            if low == high:
                # No resample differs where nothing, or everything, is wrong: as sure as a proportion of n, no surer.
                intervals[metric] = (*wilson_interval(round(low * len(labels)), len(labels)), "wilson")
    return intervals


def wilson_interval(successes: int, trials: int) -> tuple[float, float]:
    """Wilson's 95 % score interval of a proportion; all of [0, 1] where nothing was tried."""
    if trials == 0:
        return 0.0, 1.0
    low, high = proportion_confint(successes, trials, alpha=1 - CONFIDENCE, method="wilson")
    # At 0 and 1 rounding may leave the proportion itself just outside.
    return float(min(low, successes / trials)), float(max(high, successes / trials))


def seed_interval(values: np.ndarray, example_variance: float) -> tuple[float, float]:
    """95 % interval of a mean over seeds, for other seeds and other test examples of the same kind.

    The squared standard error is the seeds' variance / seeds plus the variance over examples; the t distribution has
    the degrees of freedom of Welch and Satterthwaite, the second part counting as known.

    Args:
        values: a metric of each of two seeds or more, shape (seeds,).
        example_variance: variance, over test examples, of the mean of the seeds.
    """
    seed_variance = np.var(values, ddof=1) / len(values)
    variance = seed_variance + example_variance
    freedom = (len(values) - 1) * (variance / seed_variance) ** 2 if seed_variance > 0 else np.inf
    half = stats.t.ppf((1 + CONFIDENCE) / 2, freedom) * np.sqrt(variance)
    return float(max(0.0, values.mean() - half)), float(min(1.0, values.mean() + half))


def row_intervals(
    metrics: pd.DataFrame, labels: np.ndarray, predictions: np.ndarray, classes: int, positive: int | None
) -> dict[str, tuple[float, float, str]]:
    """95 % intervals of one row: over test examples for one seed, over seeds and test examples for several.

    Args:
        metrics: one line per seed with the `TEST_METRICS`.
        labels: codes, shape (n,).
        predictions: codes, shape (seeds, n).
        classes: number of classes.
        positive: code of the class that precision, recall and F1 are of; None for macro averages.

    Returns:
        For each of the `TEST_METRICS` low, high and the method's name.
    """
    if len(metrics) == 1:
        return example_intervals(labels, predictions[0], classes, positive)
    intervals = {}
    for metric, values in bootstrap_metrics(labels, predictions, classes, positive).items():
        variance = float(values.mean(axis=1).var(ddof=1))
        if variance == 0:
            # As in `example_intervals`: what no resample can tell apart is known as well as a proportion, no better.
            low, high = wilson_interval(round(metrics[metric].mean() * len(labels)), len(labels))
            variance = ((high - low) / (2 * stats.norm.ppf((1 + CONFIDENCE) / 2))) ** 2
        intervals[metric] = *seed_interval(metrics[metric].to_numpy(), variance), "seeds and examples"
    return intervals


def compare_models(
    paths_metrics: Sequence[str | Path],
    paths_predictions: Sequence[str | Path],
    path_labels: str | Path,
    path_comparison: str | Path,
) -> None:
    """Write comparison.csv: model, kind, metric, mean, low, high, seeds, method; low and high for test metrics only.

    Args:
        paths_metrics: metrics.json of every run.
        paths_predictions: predictions.parquet of every run, in the same order.
        path_labels: labels.json.
        path_comparison: CSV file to write.

    Raises:
        BadInput: two runs did not predict the same test examples.
    """
    names, positive = read_labels(path_labels)
    runs = pd.DataFrame([json.loads(Path(path).read_text(encoding="utf-8")) for path in paths_metrics])
    runs["predictions"] = list(map(str, paths_predictions))
    labels = read_test_predictions(paths_predictions[0])["label"].to_numpy()
    lines: list[dict[str, Any]] = []
    for model, of_row in runs.groupby("model", sort=False):
        frames = [read_test_predictions(path) for path in of_row["predictions"]]
        for path, frame in zip(of_row["predictions"], frames, strict=True):
            if not np.array_equal(frame["label"], labels):
                raise BadInput(
                    f"{path}: its {len(frame):,} test labels differ from the {len(labels):,} of "
                    f"{paths_predictions[0]}; delete the older of the two and run again"
                )
        predictions = np.stack([frame["prediction"].to_numpy() for frame in frames])
        intervals = row_intervals(of_row, labels, predictions, len(names), positive)
        row = {"model": model, "kind": of_row["kind"].iloc[0], "seeds": len(of_row)}
        for metric in PLAIN_METRICS + TEST_METRICS:
            low, high, method = intervals.get(metric, (None, None, ""))
            lines.append(
                row | {"metric": metric, "mean": of_row[metric].mean(), "low": low, "high": high, "method": method}
            )
        log.info(
            "%s: test accuracy %.4f [%.4f, %.4f], seeds: %d",
            model,
            of_row["test_accuracy"].mean(),
            *intervals["test_accuracy"][:2],
            len(of_row),
        )
    columns = ["model", "kind", "metric", "mean", "low", "high", "seeds", "method"]
    pd.DataFrame(lines)[columns].to_csv(path_comparison, index=False)


def read_test_predictions(path: str | Path) -> pd.DataFrame:
    """Label and prediction of every test example, in the order of the test split."""
    filters = [("split", "==", "test")]
    return pd.read_parquet(path, columns=["row", "label", "prediction"], filters=filters).sort_values("row")


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    return np.divide(numerator, denominator, out=np.zeros(np.shape(numerator)), where=np.asarray(denominator) > 0)


def main(snakemake: Any) -> None:
    compare_models(
        paths_metrics=list(snakemake.input.metrics),
        paths_predictions=list(snakemake.input.predictions),
        path_labels=snakemake.input.labels,
        path_comparison=snakemake.output.comparison,
    )


if __name__ == "__main__":
    run_job(main, snakemake)
