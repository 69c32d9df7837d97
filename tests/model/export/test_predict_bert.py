"""A chosen BERT answers on the engine that it was trained on."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest

from asked_texts import TEXTS
from bert_ladder.commands.main import main
from bert_ladder.evaluation.chosen_model import NATIVE, model_sha256, native_encoder, read_chosen
from bert_ladder.export import load
from bert_ladder.export.onnx_model import export_onnx
from bert_ladder.training.answering import open_classifier
from chosen_models import LABELS, WORDS, bert_chosen

SCRIPTS = str(Path(__file__).parents[3] / "scripts")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A chosen BERT of one layer."""
    return bert_chosen(tmp_path_factory.mktemp("chosen") / "bert", temperature=0.5)


def test_answers_are_those_of_the_classifier(model: Path) -> None:
    """Calibrated, in the order of the texts, whatever shares a batch; longer texts are cut."""
    random = np.random.default_rng(0)
    texts = [" ".join(random.choice(list(WORDS), random.integers(1, 30))) for _ in range(70)]
    classifier = open_classifier(native_encoder(model), model / NATIVE / "training.json", len(LABELS))
    squared = np.concatenate([classifier.predict([text]) for text in texts]).astype(float) ** 2
    expected = squared / squared.sum(axis=1, keepdims=True)
    opened = load(model)
    assert opened.engine == "native"
    np.testing.assert_allclose(opened.probabilities(texts), expected, atol=1e-5)
    assert opened.predict(texts)["prediction"].tolist() == [LABELS[code] for code in expected.argmax(axis=1)]


def test_onnx_answers_as_keras_does(chosen: Callable[..., Path], tmp_path: Path) -> None:
    """The form as it is exported, taken by itself once it is proven: calibrated, and cut in the same way."""
    folder = Path(shutil.copytree(chosen("mean", "head+tail"), tmp_path / "chosen"))
    export_onnx(folder, folder / "onnx", folder / "onnx_int8")
    outcome = {"works": True, "proven": True, "reason": None}
    (folder / "forms.json").write_text(
        json.dumps({"model_sha256": model_sha256(read_chosen(folder)), "forms": {"onnx": outcome}})
    )
    found, expected = load(folder), load(folder, engine="native")
    assert (found.engine, expected.engine) == ("onnx", "native")
    np.testing.assert_allclose(found.probabilities(TEXTS), expected.probabilities(TEXTS), atol=1e-5)


def test_command_says_nothing_of_tensorflow(model: Path, tmp_path: Path) -> None:
    """Neither its remarks nor a bar without a terminal; the outcome stands alone."""
    (tmp_path / "new.csv").write_text("text\na lovely film\nthe dull film\n")
    arguments = ["predict", str(model), "new.csv", "-o", "out.csv", "--explain"]
    done = subprocess.run(
        [sys.executable, "-m", "bert_ladder.commands.main", *arguments],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": SCRIPTS},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("out.csv: 2 rows: ")
    assert done.stderr.count("\n") == 1
    found = pd.read_csv(tmp_path / "out.csv")
    assert list(found) == ["text", "prediction", *(f"probability_{label}" for label in LABELS), "because"]


@pytest.mark.parametrize("damage", ["cut", "other", "vocab.txt", "encoder.json", "training.json"])
def test_damaged_folder_is_told(damage: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In one sentence, without a traceback of h5py or Keras."""
    folder = bert_chosen(tmp_path / "chosen")
    weights = folder / NATIVE / "model.weights.h5"
    match damage:
        case "cut":
            weights.write_bytes(weights.read_bytes()[:-5000])
        case "other":
            with h5py.File(weights, "w") as file:
                file["a"] = [1]
        case name:
            (folder / NATIVE / name).unlink()
    assert main(["predict", str(folder), "--text", "a"]) == 1
    err = capsys.readouterr().err
    assert err.startswith(f"bert-ladder: {folder}")
    assert err.count("\n") == 1
