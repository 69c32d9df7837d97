"""A label curve in a study of its own: what its jobs are, and a small one of a baseline from end to end."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from workspace import MICRO, Workspace

CURVE: dict[str, Any] = MICRO | {
    "seeds": [1, 2, 3],
    "baselines": ["tfidf_logistic_regression", {"name": "Mean", "frozen": {"encoder": "nano", "pooling": "mean"}}],
    "models": [MICRO["models"][0], MICRO["models"][2]],
    "label_curve": {"fractions": [0.1, 0.3, 0.5, 1], "rows": ["Nano tuned"]},
}
DONE = ("results/micro/label_curve.html", "results/micro/figures/label_curve.svg")


def test_jobs_share_what_they_can(new_workspace: Callable[[], Workspace]) -> None:
    """Ordinary jobs on fractions below 1; no second training on all labels, no second search, reading or tokens."""
    workspace = new_workspace()
    workspace.write_study(CURVE)
    jobs = workspace.jobs("study.yaml")
    counts = Counter(job["rule"] for job in jobs)
    assert counts["split_labels"] == 3 * 3
    assert counts["train_model"] == counts["evaluate_model"] == 3 + 3 + 3 * 3
    assert counts["train_baseline"] == counts["train_frozen"] == 1 + 3 * 3
    shared = ("train_trial", "select_trial", "build_features", "tokenize_text")
    assert [counts[rule] for rule in shared] == [2, 1, 2, 2]
    fits = {tuple(job["output"]): job for job in jobs if job["rule"].startswith("train_")}
    splits = {file for job in jobs if job["rule"] == "split_labels" for file in job["output"]}
    for job in fits.values():
        on_part = "/labels-" in job["wildcards"]["model"]
        assert len(splits & set(job["input"])) == on_part, job["output"]
    [compared] = [job for job in jobs if job["rule"] == "compare_fractions"]
    assert {(run["model"], run["fraction"]) for run in compared["params"]["runs"]} == {
        (model, fraction)
        for model in ("TF-IDF + logistic regression", "Mean", "Nano tuned")
        for fraction in CURVE["label_curve"]["fractions"]
    }
    # Every job's file is asked for, and each says something else of itself.
    [target] = [job for job in jobs if job["rule"] == "all"]
    assert all(set(job["output"]) & set(target["input"]) for job in jobs if job["rule"] != "all")
    assert Counter(job["message"] for job in jobs).most_common(1)[0][1] == 1


LINEAR = MICRO | {
    "seeds": [1, 2],
    "models": MICRO["models"][:1],
    "label_curve": {"fractions": [0.1, 0.5, 1]},
}


@pytest.fixture(scope="module")
def finished_curve(prepared_workspace: Callable[[], Workspace]) -> Workspace:
    """The curve of one linear model, which takes no engine."""
    workspace = prepared_workspace()
    workspace.write_study(LINEAR)
    workspace.snakemake(*DONE, "--configfile", "study.yaml")
    return workspace


def part_of(folder: Path, name: str) -> set[int]:
    """The rows of the training frame that a run has learned from and was validated on."""
    frame = pd.read_parquet(folder / name / "predictions.parquet")
    return set(frame.loc[frame["split"] != "test", "row"])


def test_curve_of_a_baseline(finished_curve: Workspace) -> None:
    """A point per fraction with its runs, each seed's labels within each other, and the page and the figure of it."""
    results = finished_curve.folder / "results/micro"
    curve = pd.read_csv(results / "label_curve.csv")
    assert curve["labels"].tolist() == [24, 120, 240]
    assert curve["seeds"].tolist() == [2, 2, 1]
    assert (curve["low"] <= curve["mean"]).all() and (curve["mean"] <= curve["high"]).all()
    runs = results / "runs/tfidf_logistic_regression"
    known = {seed: [part_of(runs, f"labels-{part}/seed-{seed}") for part in (0.1, 0.5)] for seed in (1, 2)}
    assert all(few < more for few, more in known.values())
    assert known[1][0] != known[2][0]
    page = (results / "label_curve.html").read_text()
    assert "TF-IDF + logistic regression" in page
    assert (results / "figures/label_curve.svg").stat().st_size


def test_a_fraction_too_small_is_told_before_anything_trains(finished_curve: Workspace) -> None:
    """In one sentence; what was trained before stays."""
    finished_curve.write_study(LINEAR | {"label_curve": {"fractions": [0.005, 1]}}, "small.yaml")
    refused = finished_curve.snakemake(*DONE, "--configfile", "small.yaml", check=False)
    assert refused.returncode
    assert "label_curve.fractions: at 0.005 of the labels" in refused.stdout + refused.stderr
    assert not list((finished_curve.folder / "results/micro/runs").rglob("labels-0.005"))
