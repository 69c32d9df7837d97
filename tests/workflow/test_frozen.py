"""A frozen encoder in a study of its own: read once, a row of the table, handed over."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bert_ladder.export.loading import load
from workspace import MICRO, Workspace

FROZEN: dict[str, Any] = MICRO | {
    "split_seed": "per_run",
    "seeds": [1, 2],
    "baselines": [
        {"name": "Mean", "frozen": {"encoder": "nano", "pooling": "mean"}},
        {"name": "Pooler", "frozen": {"encoder": "nano"}},
    ],
    "models": MICRO["models"][:1],
    "choose": "Mean",
}
STUDY = ("--configfile", "study.yaml")


@pytest.fixture
def workspace(prepared_workspace: Callable[[], Workspace]) -> Workspace:
    """One with data and encoder, and the study with frozen rows."""
    copy = prepared_workspace()
    copy.write_study(FROZEN)
    return copy


def test_an_encoder_reads_once_with_one_device(workspace: Workspace) -> None:
    """One job per part of the data, whatever the poolings and seeds; all its jobs are asked for by the study."""
    jobs = workspace.jobs("study.yaml")
    reading = [job for job in jobs if job["rule"] == "build_features"]
    assert sorted(job["wildcards"]["texts"] for job in reading) == ["test", "train"]
    assert {job["gpu"] for job in reading} == {1}
    fits = [job for job in jobs if job["rule"] == "train_frozen"]
    assert sorted((job["wildcards"]["model"], job["params"]["seed"]) for job in fits) == [
        (model, seed) for model in ("Mean", "Pooler") for seed in (1, 2)
    ]
    assert {job["gpu"] for job in fits} <= {None, 0}
    messages = [job["message"] for job in jobs]
    assert len(set(messages)) == len(messages)
    assert not [message for message in messages if "{" in message]
    [target] = [job for job in jobs if job["rule"] == "all"]
    assert all(set(job["output"]) & set(target["input"]) for job in jobs if job["rule"] != "all")


@pytest.mark.long
def test_a_frozen_row_is_compared_timed_and_handed_over(workspace: Workspace) -> None:
    """With an interval over test texts and seeds' splits; what it predicted is what chosen/ answers, in ONNX too."""
    done = workspace.snakemake(*STUDY)
    results = workspace.folder / "results/micro"
    table = pd.read_csv(results / "table.csv").set_index("model")
    assert table.index.tolist() == ["Mean", "Pooler", "Nano"]
    assert table["kind"].tolist() == ["frozen", "frozen", "bert"]
    assert table["encoder"].tolist() == ["nano"] * 3
    assert (table["latency_ms"] > 0).all()
    assert "Fine-tuned or frozen" in (results / "summary.md").read_text()
    assert "“Mean”" in done.stdout
    chosen = json.loads((results / "chosen/model.json").read_text())
    assert (chosen["kind"], chosen["encoder"], chosen["row"]) == ("frozen", "nano", "Mean")
    assert "logistic regression on the outputs of the encoder" in (results / "chosen/README.md").read_text()
    predictions = pd.read_parquet(results / f"runs/Mean/seed-{chosen['seed']}/predictions.parquet")
    test = predictions[predictions["split"] == "test"]
    texts = pd.read_parquet(results / "data/test.parquet")["DATA_COLUMN"]
    answers = load(results / "chosen", engine="native").predict(texts)
    labels = np.array(chosen["labels"])
    assert (answers["prediction"].to_numpy() == labels[test["prediction"]]).all()
    assert not workspace.planned(*STUDY)
    workspace.snakemake("exports", *STUDY)
    forms = json.loads((results / "chosen/forms.json").read_text())["forms"]
    assert {"onnx", "onnx_int8", "saved_model"} <= set(forms)
    for form in ("onnx", "saved_model"):
        assert (forms[form]["works"], forms[form]["proven"]) == (True, True), forms[form]
