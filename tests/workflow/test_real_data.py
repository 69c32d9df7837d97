"""Real data through the whole chain: more than two classes, several published forms."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from workspace import Workspace

SETS = {
    # name: (files, text, label, rows, classes, what TF-IDF + logistic regression must reach)
    "trec": (("train.npz", "test.npz"), "x", "y", (5452, 500), 6, 0.85),
    "ag_news": (("train.npz", "test.npz"), "text", "label", (10001, 7600), 4, 0.85),
    "sst2": (("train.tsv.gz", "validation.tsv.gz"), "text", "label", (60614, 6735), 2, 0.87),
}


@pytest.fixture(scope="module")
def workspace(new_workspace: Callable[[], Workspace]) -> Workspace:
    """A workspace for real data."""
    return new_workspace()


@pytest.mark.parametrize("name", SETS)
def test_published_form_reaches_the_baseline(workspace: Workspace, shared_data: Path, name: str) -> None:
    """Byte arrays, unicode arrays and gzipped tables become whole frames, and a linear model learns from them."""
    (train, test), text, label, rows, classes, accuracy = SETS[name]
    study = {
        "study": name,
        "dataset": {
            "name": name,
            "train": {"url": str(shared_data / name / train)},
            "test": {"url": str(shared_data / name / test)},
            "text": text,
            "label": label,
        },
        "vocabularies": {"own": {"size": 4000}},
        "encoders": {"nano": {"scratch": {"layers": 1, "hidden": 64}, "vocabulary": "own"}},
        "training": {"length": 32, "learning_rate": 1e-3, "epochs": 3, "length_buckets": True},
        "baselines": ["tfidf_logistic_regression"],
        "models": [{"name": "Nano", "encoder": "nano"}],
    }
    workspace.write_study(study, f"{name}.yaml")
    target = [] if name == "trec" else ["baselines"]
    workspace.snakemake(*target, "--configfile", f"{name}.yaml")
    results = workspace.folder / "results" / name
    frames = [pd.read_parquet(results / f"data/{split}.parquet") for split in ("train", "test")]
    assert tuple(map(len, frames)) == rows
    assert frames[0]["LABEL_COLUMN"].nunique() == classes
    run = results / "runs/tfidf_logistic_regression/seed-1/metrics.json"
    assert pd.read_json(run, typ="series")["test_accuracy"] > accuracy
    if name == "trec":
        table = pd.read_csv(results / "table.csv").set_index("model")
        assert table.loc["Nano", "average"] == "macro"
        assert table.loc["Nano", "test_accuracy_low"] > 1 / 3
        assert "macro averages over the 6 classes" in (results / "table.txt").read_text()
