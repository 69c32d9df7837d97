"""A trial of a search, and the row that is trained with its values, from files to files as the rules call them."""

import json
import logging
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

import train_model
import train_trial

SETTINGS = {
    "length": 12, "truncation": "head", "epochs": 2, "length_buckets": True, "optimizer": "adam", "epsilon": 1e-8,
    "clipnorm": None, "global_clipnorm": None, "weight_decay": 0.0, "momentum": 0.0, "schedule": "constant",
    "warmup_fraction": 0.0, "dropout": 0.1, "encoder_dropout": 0.0, "pooling": "pooler",
    "precision": "float32", "xla": False, "validation_fraction": 0.25, "class_weight": None, "keep": "last",
    "monitor": "validation_accuracy", "patience": None,
}  # fmt: skip
TRIED = {"batch_size": 8, "learning_rate": 0.003}


def job(files: dict[str, Any], folder: Path, **params: Any) -> SimpleNamespace:
    """A job of either rule."""
    folder.mkdir()
    names = {"history": "history.csv", "training": "training.json", "weights": "model.weights.h5"}
    output = SimpleNamespace(**{key: folder / name for key, name in names.items()})
    return SimpleNamespace(
        threads=1,
        resources={"gpu": 1},
        input=files,
        output=output,
        log=[folder / "job.log"],
        params=SimpleNamespace(model="Row", seed=3, checkpoints=folder / "checkpoints", **params),
    )


def test_trial_and_its_row_are_trained_alike(files: dict[str, Any], tmp_path: Path) -> None:
    """A trial leaves its measures and no weights; the row that takes the choice as a file repeats it exactly."""
    trial = job(files, tmp_path / "trial", training=SETTINGS, tried=TRIED)
    train_trial.main(trial)
    assert not trial.output.weights.exists()
    record = json.loads(trial.output.training.read_text())
    assert record["training"] == SETTINGS | TRIED
    assert record["positions"] > 0

    (tmp_path / "chosen.json").write_text(json.dumps({"values": TRIED}))
    row = job(files | {"chosen": tmp_path / "chosen.json"}, tmp_path / "row", training=SETTINGS)
    train_model.main(row)
    assert row.output.weights.stat().st_size > 0
    assert json.loads(row.output.training.read_text())["training"] == SETTINGS | TRIED
    histories = [pd.read_csv(found.output.history).drop(columns="seconds") for found in (trial, row)]
    pd.testing.assert_frame_equal(*histories)


def test_row_without_a_search_has_its_own_settings(
    files: dict[str, Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is chosen for a row whose settings stand in the study; its log says that its steps were few."""
    caplog.set_level(logging.INFO)
    row = job(files, tmp_path / "row", training=SETTINGS | TRIED | {"epochs": 1})
    train_model.main(row)
    assert len(pd.read_csv(row.output.history)) == 1
    steps = math.ceil(json.loads(row.output.training.read_text())["n_train"] / TRIED["batch_size"])
    assert f"Row, seed 3: {steps} optimizer steps in all, with " in caplog.text


def test_trial_that_diverges_is_recorded_not_fatal(files: dict[str, Any], tmp_path: Path) -> None:
    """Settings that ruin the training end the trial, not the search."""
    ruinous = {"batch_size": 8, "learning_rate": 1e30, "optimizer": "sgd"}
    trial = job(files, tmp_path / "trial", training=SETTINGS, tried=ruinous)
    train_trial.main(trial)
    record = json.loads(trial.output.training.read_text())
    assert record["diverged"]
    assert record["training"]["learning_rate"] == 1e30
    assert len(pd.read_csv(trial.output.history)) == 0
