"""The metrics of one run, from its files, as the rule calls it."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from bert_ladder.data.frames import write_labels
from bert_ladder.evaluation.predictions import predictions_frame
from evaluate_run import main


def part(split: str, labels: list[int], decisions: list[int]) -> pd.DataFrame:
    """Predictions of two classes, each with the probability .9."""
    probabilities = np.where(np.eye(2)[decisions] == 1, 0.9, 0.1)
    return predictions_frame(split, np.arange(len(labels)), np.array(labels), probabilities)


def test_run_is_measured_from_its_files(tmp_path: Path):
    """metrics.json: which run, what it recorded, and metrics that can be counted by hand, by the names of the study."""
    parts = [
        part("train", [0, 1, 0, 1], [0, 1, 0, 0]),
        part("validation", [0, 1], [0, 0]),
        # Of the first class 2 of 3 are found, of the second 1 of 2; one text of each is taken for the other.
        part("test", [0, 0, 0, 1, 1], [0, 0, 1, 1, 0]),
    ]
    pd.concat(parts, ignore_index=True).to_parquet(tmp_path / "predictions.parquet")
    record = {"parameters": 7, "training_seconds": 1.25, "device": "cpu:0", "evaluation_ready_at": 3.5}
    (tmp_path / "evaluation.json").write_text(json.dumps(record))
    job = SimpleNamespace(
        input=SimpleNamespace(
            predictions=tmp_path / "predictions.parquet",
            record=tmp_path / "evaluation.json",
            labels=tmp_path / "labels.json",
        ),
        output=SimpleNamespace(metrics=tmp_path / "metrics.json"),
        params=SimpleNamespace(run={"study": "s", "model": "Nano", "encoder": "nano", "kind": "bert", "seed": 4}),
    )
    measured = {}
    for positive, names in ((0, ["ham", "spam"]), (1, ["Post", "Werbung"])):
        write_labels(tmp_path / "labels.json", names, positive)
        main(job)
        measured[positive] = json.loads((tmp_path / "metrics.json").read_text())
    ham, spam = measured[0], measured[1]
    assert list(spam)[:6] == ["study", "model", "encoder", "kind", "seed", "parameters"]
    assert spam | job.params.run | record == spam
    assert [spam[key] for key in ("test_accuracy", "precision", "recall", "f1")] == [0.6, 0.5, 0.5, 0.5]
    assert [ham[key] for key in ("test_accuracy", "precision", "recall")] == [0.6, 2 / 3, 2 / 3]
    assert spam["macro_f1"] == ham["macro_f1"] == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert (ham["validation_f1"], spam["validation_f1"]) == (pytest.approx(2 / 3), 0)
    assert json.loads(spam["class_metrics"])["Werbung"] == {"precision": 0.5, "recall": 0.5, "f1": 0.5, "support": 2}
    assert [spam[f"n_{split}"] for split in ("train", "validation", "test")] == [4, 2, 5]
    assert not any(isinstance(value, dict | list) for value in spam.values())
