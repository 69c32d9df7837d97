"""The comparison's files: what stands in them, and which runs are refused. The methods are tested in test_inference."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bert_ladder.evaluation.comparison import COLUMNS, WITHOUT_INTERVAL, ComparedRuns, Protocol, compare_models
from bert_ladder.evaluation.predictions import predictions_frame
from bert_ladder.evaluation.run_metrics import classification_metrics
from bert_ladder.runtime.jobs import BadInput

SHARE = {"test_accuracy", "precision", "recall", "f1", "macro_f1", "clean_accuracy", "validation_accuracy"}


def simulate(generator: np.random.Generator, n: int, classes: int, accuracy: float) -> tuple[np.ndarray, np.ndarray]:
    labels = generator.integers(0, classes, n)
    return labels, spoil(generator, labels, classes, accuracy)


def spoil(generator: np.random.Generator, labels: np.ndarray, classes: int, accuracy: float) -> np.ndarray:
    """Predictions that are right with a probability of `accuracy`."""
    wrong = (labels + generator.integers(1, classes, len(labels))) % classes
    return np.where(generator.random(len(labels)) < accuracy, labels, wrong)


def write_run(
    folder: Path, model: str, seed: int, labels: np.ndarray, predictions: np.ndarray, shift: int = 0
) -> tuple[Path, Path]:
    """A run with the same predictions on every part, its validation rows shifted by some; "linear" is a baseline."""
    kind = "baseline" if model == "linear" else "bert"
    classes = max(2, int(labels.max()) + 1)
    probabilities = 0.1 / classes + 0.9 * np.eye(classes)[predictions]
    rows = np.arange(len(labels))
    frame = pd.concat(
        [
            predictions_frame("train", rows, labels, probabilities),
            predictions_frame("validation", rows + shift, labels, probabilities),
            # Out of order, as a model that batches by length may leave them.
            predictions_frame("test", rows, labels, probabilities)[::-1],
        ],
        ignore_index=True,
    )
    paths = folder / f"{model}-{seed}.json", folder / f"{model}-{seed}.parquet"
    metrics = {"model": model, "kind": kind, "seed": seed, "training_seconds": 10.0 * (seed + 1)}
    metrics |= {"dtype_policy": "float32"} if kind == "bert" else {}
    metrics |= classification_metrics(frame, 1 if classes == 2 else None, list(map(str, range(classes))))
    paths[0].write_text(json.dumps(metrics))
    frame.to_parquet(paths[1])
    return paths


def compare(
    folder: Path, runs: list[tuple[Path, Path]], classes: int = 2, leaked: list[int] | None = None, **settings: Any
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """comparison.csv and pairs.csv of some runs."""
    names = {"names": list(map(str, range(classes))), "positive": 1 if classes == 2 else None}
    (folder / "labels.json").write_text(json.dumps(names))
    pd.DataFrame({"row": np.array(leaked or [], np.int32)}).to_parquet(folder / "leaked.parquet")
    files = [folder / name for name in ("labels.json", "leaked.parquet", "comparison.csv", "pairs.csv")]
    settings = {"metric": "accuracy", "over": "auto", "split_per_run": False} | settings
    compare_models(ComparedRuns(*zip(*runs, strict=True), *files[:2]), Protocol(**settings), *files[2:])
    return tuple(pd.read_csv(file, keep_default_na=False, na_values=[""]) for file in files[2:])


@pytest.mark.parametrize("classes", [2, 4])
def test_comparison_is_in_long_form(tmp_path: Path, classes: int):
    """One line per row and metric, rows in their order; an interval lies around its mean, and has its error."""
    generator = np.random.default_rng(0)
    labels, first = simulate(generator, 400, classes, 0.8)
    runs = [write_run(tmp_path, "small", 0, labels, first)]
    runs += [write_run(tmp_path, "NA", seed, labels, spoil(generator, labels, classes, 0.7)) for seed in range(3)]
    comparison, _ = compare(tmp_path, runs, classes)
    assert list(comparison.columns) == COLUMNS
    assert comparison["model"].unique().tolist() == ["small", "NA"]
    assert comparison.groupby("model")["seeds"].first().to_dict() == {"small": 1, "NA": 3}
    shown = comparison[comparison["low"].notna()]
    assert set(shown["metric"]) >= {*SHARE, "mcc", "brier", "test_loss", "roc_auc"}
    assert ((shown["low"] < shown["mean"]) & (shown["mean"] < shown["high"]) & (shown["se"] > 0)).all()
    assert comparison.loc[comparison["low"].isna(), "metric"].isin(WITHOUT_INTERVAL).all()
    several = comparison[comparison["model"] == "NA"].set_index("metric")
    assert several.loc["test_accuracy", "method"] == "seeds and examples"
    found = [json.loads(path.read_text()) for path, _ in runs[1:]]
    for metric in ("f1", "mcc", "brier", "roc_auc", "test_loss", "training_seconds", "validation_loss"):
        assert several.loc[metric, "mean"] == pytest.approx(np.mean([run[metric] for run in found])), metric
        assert several.loc[metric, "sd"] == pytest.approx(np.std([run[metric] for run in found], ddof=1)), metric


def test_leaked_texts_are_left_out_of_the_clean_accuracy(tmp_path: Path):
    """Ten leaked rows that are all right, and the rest as it is."""
    labels = np.arange(100) % 2
    predictions = np.where((np.arange(100) >= 10) & (np.arange(100) < 40), 1 - labels, labels)
    comparison, _ = compare(tmp_path, [write_run(tmp_path, "a", 1, labels, predictions)], leaked=list(range(10)))
    means = comparison.set_index("metric")["mean"]
    assert means["test_accuracy"] == pytest.approx(0.7)
    assert means["clean_accuracy"] == pytest.approx(60 / 90)


def test_every_pair_has_one_test(tmp_path: Path):
    """Pairs in table order with the difference of the means, Holm's p at least the plain one, and its verdict."""
    generator = np.random.default_rng(1)
    labels = generator.integers(0, 2, 2000)
    runs = [write_run(tmp_path, "linear", 1, labels, spoil(generator, labels, 2, 0.7))]
    for model, accuracy in (("good", 0.9), ("same", 0.9)):
        runs += [write_run(tmp_path, model, seed, labels, spoil(generator, labels, 2, accuracy)) for seed in (1, 2, 3)]
    comparison, pairs = compare(tmp_path, runs)
    assert pairs[["model_a", "model_b"]].to_numpy().tolist() == [
        ["linear", "good"],
        ["linear", "same"],
        ["good", "same"],
    ]
    means = comparison[comparison["metric"] == "test_accuracy"].set_index("model")["mean"]
    for pair in pairs.itertuples():
        assert pair.difference == pytest.approx(means[pair.model_a] - means[pair.model_b])
        assert pair.low < pair.difference < pair.high
        assert pair.p_holm >= pair.p_value
        assert len(pair.mcnemar.split("; ")) == 3
    assert pairs["verdict"].tolist() == ["worse", "worse", "not separable"]
    assert set(pairs["scope"]) == {"seeds and examples"}
    assert pairs["seeds_a"].tolist() == [1, 1, 3]


def test_one_seed_or_the_study_limit_the_scope(tmp_path: Path):
    """A pair in which a BERT has one seed, or a study that asks for examples only, speaks of these models alone."""
    generator = np.random.default_rng(2)
    labels = generator.integers(0, 2, 500)
    one = [write_run(tmp_path, "one", 1, labels, spoil(generator, labels, 2, 0.8))]
    many = [write_run(tmp_path, "many", seed, labels, spoil(generator, labels, 2, 0.8)) for seed in (1, 2)]
    more = [write_run(tmp_path, "more", seed, labels, spoil(generator, labels, 2, 0.8)) for seed in (1, 2)]
    _, pairs = compare(tmp_path, one + many + more)
    assert pairs["scope"].tolist() == ["these trained models"] * 2 + ["seeds and examples"]
    comparison, pairs = compare(tmp_path, many + more, over="examples")
    assert pairs["scope"].tolist() == ["these trained models"]
    assert len(pairs["mcnemar"].item().split("; ")) == 2
    assert "seeds and examples" not in comparison["method"].tolist()


def test_f1_can_be_compared_instead(tmp_path: Path):
    """With `metric: f1` the differences are those of F1, and McNemar's test, which is of accuracy, is left out."""
    generator = np.random.default_rng(3)
    labels = (generator.random(600) < 0.1).astype(int)
    runs = [
        write_run(tmp_path, "never", 1, labels, np.zeros(600, int)),
        write_run(tmp_path, "often", 1, labels, spoil(generator, labels, 2, 0.85)),
    ]
    comparison, pairs = compare(tmp_path, runs, metric="f1")
    means = comparison[comparison["metric"] == "f1"].set_index("model")["mean"]
    assert pairs["metric"].tolist() == ["f1"]
    assert pairs["difference"].item() == pytest.approx(-means["often"])
    assert pairs["verdict"].item() == "worse"
    assert pairs["mcnemar"].isna().all()


def test_splits_of_their_own_give_baselines_seeds_too(tmp_path: Path):
    """Where each run draws its split, a linear model varies as well, and validation parts differ."""
    generator = np.random.default_rng(4)
    labels = generator.integers(0, 2, 400)
    runs = [
        write_run(tmp_path, "linear", seed, labels, spoil(generator, labels, 2, 0.7), shift=seed) for seed in (1, 2, 3)
    ]
    comparison, _ = compare(tmp_path, runs, split_per_run=True)
    found = comparison.set_index("metric")
    assert found.loc["test_accuracy", "method"] == "seeds and examples"
    assert found.loc["validation_accuracy", "se"] == pytest.approx(found.loc["validation_accuracy", "sd"] / 3**0.5)


def test_runs_of_different_test_splits_are_refused(tmp_path: Path):
    """Left-overs of another test split cannot be compared in silence."""
    generator = np.random.default_rng(0)
    runs = [write_run(tmp_path, f"m{n}", 0, *simulate(generator, n, 2, 0.8)) for n in (100, 120)]
    with pytest.raises(
        BadInput, match=r"m120-0\.parquet: its 120 test labels differ from the 100 of .*m100-0\.parquet"
    ):
        compare(tmp_path, runs)


def test_seeds_in_several_precisions_are_refused(tmp_path: Path):
    """Rows may differ in their precision, the seeds of one may not: machines differed, not settings."""
    labels, predictions = simulate(np.random.default_rng(0), 100, 2, 0.8)
    runs = [write_run(tmp_path, row, seed, labels, predictions) for row, seed in (("a", 1), ("b", 1), ("b", 2))]
    for path, _ in runs[::2]:
        path.write_text(path.read_text().replace('"float32"', '"mixed_bfloat16"'))
    assert len(compare(tmp_path, runs[:2])[1]) == 1
    with pytest.raises(BadInput, match=r"b: its runs were trained in float32 \(seed 1\), mixed_bfloat16 \(seed 2\)"):
        compare(tmp_path, runs)


def test_one_row_has_nothing_to_be_compared_with(tmp_path: Path):
    """pairs.csv has its columns and no line."""
    labels = np.arange(50) % 2
    _, pairs = compare(tmp_path, [write_run(tmp_path, "a", 1, labels, labels)])
    assert len(pairs) == 0
    assert {"model_a", "model_b", "verdict", "p_holm"} <= set(pairs)
