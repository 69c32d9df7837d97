"""The folder of the chosen model, as the rule writes it."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bert_ladder.data.frames import write_labels
from bert_ladder.evaluation.calibration import scale_probabilities
from bert_ladder.evaluation.chosen_model import model_sha256, read_chosen
from bert_ladder.evaluation.hand_over import git_commit
from bert_ladder.evaluation.predictions import class_probabilities, predictions_frame
from bert_ladder.evaluation.run_metrics import classification_metrics
from bert_ladder.runtime.jobs import BadInput
from select_model import main

NOTHING = {"threshold": None, "most_errors": None}
TEXTS = 300


def run_predictions(seed: int, noise: float, names: list[str]) -> pd.DataFrame:
    """Predictions that are the better, the less noise there is, and too sure."""
    rng = np.random.default_rng(seed)
    frames = []
    for split in ("train", "validation", "test"):
        labels = np.arange(TEXTS) % len(names)
        scores = 3 * (np.eye(len(names))[labels] + rng.normal(scale=noise, size=(TEXTS, len(names))))
        probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        frames.append(predictions_frame(split, np.arange(TEXTS), labels, probabilities))
    return pd.concat(frames, ignore_index=True)


def finished_study(folder: Path, names: list[str], **params: Any) -> SimpleNamespace:
    """The files of a study of two rows: a BERT with two seeds, the second of which is the better, and a baseline."""
    positive = 1 if len(names) == 2 else None
    write_labels(folder / "labels.json", names, positive)
    runs = [
        {"model": "Nano", "kind": "bert", "seed": 1, "noise": 1.0},
        {"model": "Nano", "kind": "bert", "seed": 2, "noise": 0.7},
        {"model": "NB-SVM", "kind": "baseline", "seed": 1, "noise": 1.5},
    ]
    metrics = []
    for run in runs:
        place = folder / "runs" / run["model"] / f"seed-{run['seed']}"
        place.mkdir(parents=True)
        predictions = run_predictions(run["seed"], run.pop("noise"), names)
        predictions.to_parquet(place / "predictions.parquet")
        known = {"study": "s", "encoder": "nano" if run["kind"] == "bert" else "", "device": "cpu", "parameters": 9}
        found = run | known | classification_metrics(predictions, positive, names) | {"hyperparameters": '{"C": 10.0}'}
        (place / "metrics.json").write_text(json.dumps(found))
        (place.parent / "speed.json").write_text(json.dumps({"processor": "A", "cores": 4, "host": "mine"}))
        if run["kind"] == "bert":
            (place / "model.weights.h5").write_bytes(b"weights of seed %d" % run["seed"])
            (place / "training.json").write_text(json.dumps({"training": {"length": 16}}))
        else:
            (place / "baseline.npz").write_bytes(b"linear")
        metrics.append(place / "metrics.json")
    for name in ("encoder.json", "vocab.txt"):
        (folder / name).write_text("{}")
    (folder / "train.csv.json").write_text(json.dumps({"sha256": "abc", "bytes": 1}))
    means = {"Nano": 0.9, "NB-SVM": 0.8}
    pd.DataFrame(
        {"model": model, "kind": "bert" if model == "Nano" else "baseline", "test_accuracy": mean,
         "test_accuracy_low": mean - 0.01, "test_accuracy_high": mean + 0.01, "constant_accuracy": 0.5,
         "majority_class": names[0], "n_validation": TEXTS, "latency_ms": 1.0, "parameters": 9}
        for model, mean in means.items()
    ).to_csv(folder / "table.csv", index=False)  # fmt: skip
    pd.DataFrame(
        {"model": model, "metric": "validation_accuracy", "mean": mean, "se": 0.01} for model, mean in means.items()
    ).to_csv(folder / "comparison.csv", index=False)
    pd.DataFrame(
        [{"model_a": "Nano", "model_b": "NB-SVM", "difference": 0.1, "low": 0.05, "high": 0.15, "p_holm": 0.001,
          "verdict": "better", "scope": "seeds and examples", "seeds_a": 2, "seeds_b": 1}]
    ).to_csv(folder / "pairs.csv", index=False)  # fmt: skip
    given = {"choose": "accuracy", "decision": NOTHING, "metric": "accuracy", "rows": ["Nano"], "files": ["train.csv"]}
    return SimpleNamespace(
        input=SimpleNamespace(
            table=folder / "table.csv",
            comparison=folder / "comparison.csv",
            pairs=folder / "pairs.csv",
            metrics=metrics,
            configs=[folder / "encoder.json"],
            vocabularies=[folder / "vocab.txt"],
            labels=folder / "labels.json",
            data=[folder / "train.csv.json"],
        ),
        output=SimpleNamespace(record=folder / "chosen/model.json", native=folder / "chosen/native"),
        params=SimpleNamespace(**given | {"runs": runs} | params),
    )


def test_best_run_of_the_best_row_is_handed_over(tmp_path: Path):
    """Weights, settings and tokenizer of the seed with the best validation score, and where all that comes from."""
    job = finished_study(tmp_path, ["bad", "good"])
    main(job)
    chosen = read_chosen(tmp_path / "chosen")
    assert (chosen.row, chosen.kind, chosen.seed, chosen.chosen_by) == ("Nano", "bert", 2, "accuracy")
    assert "For accuracy take “Nano”" in chosen.why
    native = tmp_path / "chosen/native"
    assert sorted(file.name for file in native.iterdir()) == [
        "encoder.json", "model.weights.h5", "training.json", "vocab.txt"
    ]  # fmt: skip
    assert (native / "model.weights.h5").read_bytes() == b"weights of seed 2"
    assert chosen.labels == ["bad", "good"] and chosen.settings == {"length": 16}
    assert chosen.data == {"train.csv": "abc"}
    assert chosen.made_with["hardware"] == {"device": "cpu", "processor": "A", "cores": 4}
    assert chosen.made_with["versions"]["numpy"] == np.__version__ and len(chosen.made_with["code"]) == 64


def test_temperature_makes_probabilities_more_honest(tmp_path: Path):
    """Of a model that is too sure: before and after it on the test split, fitted on the validation part."""
    job = finished_study(tmp_path, ["a", "b", "c"])
    main(job)
    chosen = read_chosen(tmp_path / "chosen")
    assert chosen.temperature > 1.1 and chosen.calibration["fitted_on"] == TEXTS
    for measure in ("ece", "brier", "test_loss"):
        before, after = chosen.calibration[measure]
        assert after < before, measure
        assert before == chosen.metrics[measure]


def test_linear_model_is_handed_over_too(tmp_path: Path):
    main(finished_study(tmp_path, ["bad", "good"], choose="NB-SVM"))
    chosen = read_chosen(tmp_path / "chosen")
    assert (chosen.row, chosen.kind, chosen.chosen_by, chosen.settings) == ("NB-SVM", "baseline", "name", {"C": 10.0})
    assert [file.name for file in (tmp_path / "chosen/native").iterdir()] == ["baseline.npz"]


def test_threshold_and_abstention_hold_on_the_validation_part(tmp_path: Path):
    """What the study wants is reached there; what it costs is in the record."""
    job = finished_study(tmp_path, ["bad", "good"], decision={"threshold": {"recall": 0.97}, "most_errors": 0.02})
    main(job)
    chosen = read_chosen(tmp_path / "chosen")
    decision = chosen.decision
    predictions = pd.read_parquet(tmp_path / "runs/Nano/seed-2/predictions.parquet")
    validation = predictions[predictions["split"] == "validation"]
    probabilities = scale_probabilities(class_probabilities(validation), chosen.temperature)
    good = (validation["label"] == 1).to_numpy()
    answers = probabilities[:, 1] >= decision.threshold
    assert answers[good].mean() >= 0.97 and decision.threshold < 0.5
    assert "a recall of 0.97 on the 300 validation texts" in decision.threshold_for
    sure = np.where(answers, probabilities[:, 1], probabilities[:, 0]) >= decision.least_confidence
    assert 0 < sure.sum() < TEXTS and (answers != good)[sure].mean() <= 0.02


def with_forms(chosen: Path) -> list[Path]:
    """Put forms, and the record of their proof, beside a chosen model; a file of each."""
    files = [chosen / name for name in ("onnx/model.onnx", "numpy/predict.py", "forms.csv", "forms.md", "forms.json")]
    for file in files:
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps({"model_sha256": model_sha256(read_chosen(chosen))}))
    return files


@pytest.mark.parametrize("change", ["row", "weights", "labels", "proof"])
def test_forms_of_an_earlier_choice_are_removed(change: str, tmp_path: Path):
    """They would be taken for those of the model beside them; what else lies there stays."""
    job = finished_study(tmp_path, ["bad", "good"])
    main(job)
    chosen = tmp_path / "chosen"
    forms = with_forms(chosen)
    (chosen / "mine.txt").write_text("mine")
    match change:
        case "row":
            job.params.choose = "NB-SVM"
        case "weights":
            (tmp_path / "runs/Nano/seed-2/model.weights.h5").write_bytes(b"others")
        case "labels":
            write_labels(tmp_path / "labels.json", ["poor", "good"], 1)
        case "proof":
            (chosen / "forms.json").unlink()
    shutil.rmtree(chosen / "native")  # as Snakemake does before the job
    main(job)
    assert not any(file.exists() for file in forms)
    assert sorted(file.name for file in chosen.iterdir()) == ["mine.txt", "model.json", "native"]


def test_forms_of_the_same_model_stay(tmp_path: Path):
    """When it is chosen again, for another reason and with another threshold, which no form holds."""
    job = finished_study(tmp_path, ["bad", "good"])
    main(job)
    forms = with_forms(tmp_path / "chosen")
    before = (tmp_path / "chosen/model.json").read_text()
    job.params.choose, job.params.decision = "Nano", {"threshold": "f1", "most_errors": None}
    shutil.rmtree(tmp_path / "chosen/native")
    main(job)
    assert (tmp_path / "chosen/model.json").read_text() != before
    assert all(file.is_file() for file in forms)


def test_threshold_of_more_than_two_classes_is_refused(tmp_path: Path):
    job = finished_study(tmp_path, ["a", "b", "c"], decision=NOTHING | {"threshold": "f1"})
    with pytest.raises(BadInput, match=r"decision.threshold: .* these data have 3 classes; remove it"):
        main(job)


def test_weights_that_are_gone_are_told(tmp_path: Path):
    job = finished_study(tmp_path, ["bad", "good"])
    (tmp_path / "runs/Nano/seed-2/model.weights.h5").unlink()
    with pytest.raises(BadInput, match=r"model.weights.h5: is gone, .* --forcerun train_model"):
        main(job)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "is no chosen model, which holds a model.json"),
        ("[]", r"model\.json: is no record of a chosen model; it is damaged or not whole"),
        (
            '{"format": 1, "study": ',
            r"json: cannot be read \(.+\); it is damaged .*: copy .*, or delete it and run",
        ),
        ('{"format": 99}', "has the format 99, and this program reads 1"),
        ('{"format": 1, "study": "s"}', "lacks row, kind"),
    ],
)
def test_folder_that_is_no_chosen_model_is_refused(tmp_path: Path, content: str | None, sentence: str):
    if content is not None:
        (tmp_path / "model.json").write_text(content)
    with pytest.raises(BadInput, match=sentence):
        read_chosen(tmp_path)


def test_commit_of_the_code(tmp_path: Path):
    """None where there is no repository."""
    assert git_commit(tmp_path) is None
