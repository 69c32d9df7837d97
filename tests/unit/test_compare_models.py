"""Intervals: textbook numbers, agreement with SciPy, coverage."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import f1_score, precision_recall_fscore_support

from _job import BadInput
from _metrics import classification_metrics, predictions_frame
from compare_models import (
    TEST_METRICS,
    bootstrap_metrics,
    compare_models,
    count_metrics,
    example_intervals,
    row_intervals,
    seed_interval,
    wilson_interval,
)


def simulate(generator: np.random.Generator, n: int, classes: int, accuracy: float) -> tuple[np.ndarray, np.ndarray]:
    labels = generator.integers(0, classes, n)
    wrong = (labels + generator.integers(1, classes, n)) % classes
    return labels, np.where(generator.random(n) < accuracy, labels, wrong)


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [
        pytest.param(81, 263, 0.2553, 0.3662, id="newcombe-81-263"),
        pytest.param(15, 148, 0.0624, 0.1605, id="newcombe-15-148"),
        pytest.param(0, 20, 0.0, 0.1611, id="newcombe-0-20"),
        pytest.param(1, 29, 0.0061, 0.1718, id="newcombe-1-29"),
        pytest.param(0, 0, 0.0, 1.0, id="nothing-tried"),
    ],
)
def test_wilson_of_newcombe(successes: int, trials: int, low: float, high: float):
    """The four examples of Newcombe 1998, table I, method 3; without a trial nothing is known."""
    assert wilson_interval(successes, trials) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(("classes", "positive"), [(2, 0), (2, 1), (2, None), (4, None)])
def test_count_metrics_equal_scikit_learn(classes: int, positive: int | None):
    """Metrics from counts are scikit-learn's own, for a class that is never predicted too."""
    labels, predictions = simulate(np.random.default_rng(0), 60, classes, 0.7)
    predictions[predictions == 0] = 1
    averaging = {"average": "macro"} if positive is None else {"average": "binary", "pos_label": positive}
    expected = precision_recall_fscore_support(labels, predictions, zero_division=0, **averaging)

    actual, predicted = np.eye(classes)[labels], np.eye(classes)[predictions]
    averaged = list(range(classes)) if positive is None else [positive]
    found = count_metrics((actual * predicted).sum(0), actual.sum(0), predicted.sum(0), averaged)
    assert [found[metric] for metric in TEST_METRICS[1:]] == pytest.approx(list(expected[:3]))
    assert found["test_accuracy"] == pytest.approx((labels == predictions).mean())


@pytest.mark.parametrize(("classes", "positive"), [(2, 1), (3, None)])
def test_bootstrap_equals_resampling_of_examples(classes: int, positive: int | None):
    """Drawing counts gives the percentile interval of `scipy.stats.bootstrap`, which draws the examples."""
    labels, predictions = simulate(np.random.default_rng(1), 300, classes, 0.8)

    def f1(labels: np.ndarray, predictions: np.ndarray) -> float:
        return f1_score(labels, predictions, average="macro" if positive is None else "binary")

    expected = stats.bootstrap(
        (labels, predictions), f1, paired=True, vectorized=False, n_resamples=2000, method="percentile", rng=2
    )
    resampled = bootstrap_metrics(labels, predictions[np.newaxis], classes, positive)["f1"]
    assert resampled.shape == (10_000, 1)
    low, high = expected.confidence_interval
    assert np.quantile(resampled, [0.025, 0.975]) == pytest.approx([low, high], abs=0.006)
    assert resampled.std() == pytest.approx(expected.standard_error, rel=0.08)


def test_bootstrap_shares_the_resample_among_seeds():
    """Two seeds with the same predictions get the same metric in every resample."""
    labels, predictions = simulate(np.random.default_rng(1), 200, 2, 0.8)
    for values in bootstrap_metrics(labels, np.stack([predictions, predictions]), 2, 1, resamples=500).values():
        np.testing.assert_array_equal(values[:, 0], values[:, 1])


def test_one_seed_intervals_cover():
    """Over simulated test sets the intervals of one model hold its true metrics about 95 times in 100."""
    generator = np.random.default_rng(3)
    truth = dict.fromkeys(TEST_METRICS, 0.85)  # classes of equal frequency and equal errors make all four equal
    repetitions = 400
    covered = dict.fromkeys(TEST_METRICS, 0)
    for _ in range(repetitions):
        labels, predictions = simulate(generator, 500, 2, 0.85)
        for metric, (low, high, _) in example_intervals(labels, predictions, 2, 1).items():
            covered[metric] += low <= truth[metric] <= high
    # Binomial noise of 400 repetitions: a standard deviation of .011.
    assert all(0.915 <= count / repetitions <= 0.985 for count in covered.values()), covered


def test_methods_of_one_seed():
    """Proportions get Wilson's interval; F1 and macro averages have none in closed form."""
    labels, predictions = simulate(np.random.default_rng(0), 100, 2, 0.8)
    binary = {metric: method for metric, (_, _, method) in example_intervals(labels, predictions, 2, 1).items()}
    assert binary == {"test_accuracy": "wilson", "precision": "wilson", "recall": "wilson", "f1": "bootstrap"}
    macro = example_intervals(*simulate(np.random.default_rng(0), 100, 3, 0.8), 3, None)
    assert [macro[metric][2] for metric in TEST_METRICS] == ["wilson", "bootstrap", "bootstrap", "bootstrap"]


def test_no_positive_prediction_leaves_precision_open():
    """A precision of which nothing was seen may be anything; recall 0 of 30 may not."""
    labels = np.array([0] * 30 + [1] * 30)
    intervals = example_intervals(labels, np.zeros(60, dtype=int), 2, 1)
    assert intervals["precision"][:2] == (0.0, 1.0)
    assert intervals["recall"][1] < 0.12


def test_seed_interval_with_a_fixed_test_set_is_students():
    """Without variance over examples the interval is Student's with seeds - 1 degrees of freedom."""
    values = np.array([0.80, 0.82, 0.87])
    expected = stats.t.interval(0.95, 2, loc=values.mean(), scale=stats.sem(values))
    assert seed_interval(values, 0.0) == pytest.approx(expected)


def test_seed_interval_with_equal_seeds_is_normal():
    """Seeds that agree leave only the examples' variance, which counts as known."""
    expected = stats.norm.interval(0.95, loc=0.8, scale=0.01)
    assert seed_interval(np.full(3, 0.8), 0.01**2) == pytest.approx(expected)


def test_seed_intervals_cover():
    """With 3 seeds and both parts of the variance of one size the interval holds the truth at least 93 times in 100."""
    generator = np.random.default_rng(5)
    repetitions = 4000
    examples = generator.normal(0, 0.01, (repetitions, 1))
    values = 0.8 + examples + generator.normal(0, 0.015, (repetitions, 3))
    intervals = [seed_interval(row, 0.01**2) for row in values]
    covered = np.mean([low <= 0.8 <= high for low, high in intervals])
    assert 0.93 <= covered <= 0.985


def write_run(folder: Path, model: str, seed: int, labels: np.ndarray, predictions: np.ndarray) -> tuple[Path, Path]:
    classes = int(labels.max()) + 1
    probabilities = np.eye(classes)[predictions]
    frame = pd.concat(
        [predictions_frame(split, np.arange(len(labels)), labels, probabilities) for split in ("train", "validation")]
        # Out of order, as a model that batches by length may leave them.
        + [predictions_frame("test", np.arange(len(labels)), labels, probabilities)[::-1]],
        ignore_index=True,
    )
    paths = folder / f"{model}-{seed}.json", folder / f"{model}-{seed}.parquet"
    metrics = {"model": model, "kind": "bert", "seed": seed, "training_seconds": 10.0 * (seed + 1)}
    metrics |= classification_metrics(frame, 1 if classes == 2 else None)
    paths[0].write_text(json.dumps(metrics))
    frame.to_parquet(paths[1])
    return paths


@pytest.mark.parametrize("classes", [2, 4])
def test_comparison_is_in_long_form(tmp_path: Path, classes: int):
    """One line per row and metric, rows in their order; intervals, around the mean, for test metrics alone."""
    generator = np.random.default_rng(0)
    labels, first = simulate(generator, 400, classes, 0.8)
    runs = [write_run(tmp_path, "small", 0, labels, first)]
    for seed in range(3):
        predictions = np.where(generator.random(400) < 0.1, labels, first)
        runs.append(write_run(tmp_path, "NA", seed, labels, predictions))
    names = {"names": [str(code) for code in range(classes)], "positive": 1 if classes == 2 else None}
    (tmp_path / "labels.json").write_text(json.dumps(names))
    metrics, predictions = zip(*runs, strict=True)
    compare_models(metrics, predictions, tmp_path / "labels.json", tmp_path / "comparison.csv")

    comparison = pd.read_csv(tmp_path / "comparison.csv", keep_default_na=False, na_values=[""])
    assert list(comparison.columns) == ["model", "kind", "metric", "mean", "low", "high", "seeds", "method"]
    assert comparison["model"].unique().tolist() == ["small", "NA"]
    assert comparison.groupby("model")["seeds"].first().to_dict() == {"small": 1, "NA": 3}
    tested = comparison["metric"].isin(TEST_METRICS)
    assert comparison.loc[~tested, ["low", "high", "method"]].isna().all(axis=None)
    shown = comparison[tested]
    assert ((shown["low"] < shown["mean"]) & (shown["mean"] < shown["high"])).all()
    assert set(shown.loc[shown["model"] == "NA", "method"]) == {"seeds and examples"}
    means = comparison[comparison["model"] == "NA"].set_index("metric")["mean"]
    found = [json.loads(path.read_text())["f1"] for path, _ in runs[1:]]
    assert means["f1"] == pytest.approx(np.mean(found))
    assert means["training_seconds"] == pytest.approx(20)


def test_runs_of_different_test_splits_are_refused(tmp_path: Path):
    """Left-overs of another test split cannot be compared in silence."""
    generator = np.random.default_rng(0)
    runs = [write_run(tmp_path, f"m{n}", 0, *simulate(generator, n, 2, 0.8)) for n in (100, 120)]
    (tmp_path / "labels.json").write_text('{"names": ["0", "1"], "positive": 1}')
    metrics, predictions = zip(*runs, strict=True)
    with pytest.raises(
        BadInput, match=r"m120-0\.parquet: its 120 test labels differ from the 100 of .*m100-0\.parquet"
    ):
        compare_models(metrics, predictions, tmp_path / "labels.json", tmp_path / "comparison.csv")


@pytest.mark.parametrize("seeds", [1, 3])
def test_no_interval_is_of_width_zero(seeds: int) -> None:
    """A model without a mistake on 80 texts is not known to be perfect, whatever the metric and however many seeds."""
    labels = np.arange(80) % 3
    metrics = pd.DataFrame([dict.fromkeys(TEST_METRICS, 1.0)] * seeds)
    for low, high, _ in row_intervals(labels=labels, predictions=np.tile(labels, (seeds, 1)), metrics=metrics,
                                      classes=3, positive=None).values():  # fmt: skip
        assert 0.9 < low < 0.98
        assert high == 1
