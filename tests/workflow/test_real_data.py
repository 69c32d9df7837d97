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


@pytest.mark.parametrize(
    "name", ["trec", *(pytest.param(name, marks=pytest.mark.long) for name in ("ag_news", "sst2"))]
)
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
        "encoders": {"tiny": {"scratch": {"layers": 2, "hidden": 128}, "vocabulary": "own"}},
        "training": {"length": 48, "learning_rate": 1e-3, "epochs": 2, "length_buckets": True},
        "baselines": ["tfidf_logistic_regression"],
        "models": [{"name": "BERT-Tiny", "encoder": "tiny"}],
    }
    workspace.write_study(study, f"{name}.yaml")
    target = [f"results/{name}/table.csv"] if name == "trec" else ["data", "baselines"]
    workspace.snakemake(*target, "--configfile", f"{name}.yaml")
    results = workspace.folder / "results" / name
    frames = [pd.read_parquet(results / f"data/{split}.parquet") for split in ("train", "test")]
    assert tuple(map(len, frames)) == rows
    assert frames[0]["LABEL_COLUMN"].nunique() == classes
    run = results / "runs/tfidf_logistic_regression/seed-1/metrics.json"
    assert pd.read_json(run, typ="series")["test_accuracy"] > accuracy
    if name == "trec":
        row = pd.read_csv(results / "table.csv").set_index("model").loc["BERT-Tiny"]
        assert row["average"] == "macro"
        assert row["test_accuracy_low"] > 0.5
        assert f"macro averages over the {classes} classes" in (results / "table.txt").read_text()
