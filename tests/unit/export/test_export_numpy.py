"""A linear model that NumPy alone reads: the same probabilities, in a process without this project."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from bert_ladder.evaluation.calibration import scale_probabilities
from bert_ladder.evaluation.chosen_model import LINEAR_MODEL, NATIVE
from bert_ladder.export.asking import ask_form
from bert_ladder.export.linear_reader import export_numpy, program
from bert_ladder.runtime.jobs import BadInput
from bert_ladder.training.linear import (
    LinearClassifier,
    LinearModel,
    build_vectorizer,
    open_baseline,
    save_linear_model,
)
from chosen_models import LABELS, chosen_record, linear_chosen

TEXTS = [
    "a lovely film, a LOVELY one!", "dull", "", "nothing known of the\u017fe", "cafe\u0301 caf\u00e9 \u0e2a\u0e38 film",
    "bright\x85dull \u200d was not the film and the film was not",
]  # fmt: skip
TEMPERATURE = 1.7


def fitted(folder: Path, baseline: str, classes: int, present: list[int]) -> Path:
    """A chosen linear model of random weights over the n-grams of `TEXTS`."""
    labels = LABELS[:classes]
    (folder / NATIVE).mkdir(parents=True)
    vectorizer = build_vectorizer(baseline).fit(TEXTS)
    random = np.random.default_rng(0)
    shape = (1 if len(present) == 2 else len(present), len(vectorizer.vocabulary_))
    weights = random.normal(size=shape).astype(np.float32)
    classifier = LinearClassifier(weights, random.normal(size=shape[0]), 1.3)
    model = LinearModel(vectorizer, classifier, np.array(present), classes)
    save_linear_model(folder / NATIVE / LINEAR_MODEL, baseline, model)
    chosen_record("baseline", labels, TEMPERATURE).write(folder / "model.json")
    return folder


@pytest.mark.parametrize(
    ("baseline", "classes", "present"),
    [("nb_svm", 2, [0, 1]), ("tfidf_logistic_regression", 3, [0, 1, 2]), ("tfidf_logistic_regression", 3, [0, 2])],
)
def test_probabilities_are_the_models_own(baseline: str, classes: int, present: list[int], tmp_path: Path) -> None:
    """N-grams, weights, absent classes and both temperatures, by a process that has NumPy."""
    folder = fitted(tmp_path / "chosen", baseline, classes, present)
    export_numpy(folder, folder / "numpy")
    expected = scale_probabilities(open_baseline(folder / NATIVE / LINEAR_MODEL).predict(TEXTS), TEMPERATURE)
    answers = ask_form(folder / "numpy", TEXTS)
    np.testing.assert_allclose(answers.probabilities, expected, atol=2e-6)
    assert np.ptp(expected[:, present[-1]]) > 0.1
    assert answers.labels == list(LABELS[:classes])


def test_program_imports_numpy_alone() -> None:
    """It stands by itself; what it knows of words is this project's own code."""
    imported = re.findall(r"^(?:import|from) (\w+)", program(), re.M)
    assert set(imported) == {"json", "re", "sys", "unicodedata", "collections", "pathlib", "numpy"}
    assert "def word_pattern" in program()


def test_bert_is_refused(tmp_path: Path) -> None:
    """With the form to take instead."""
    chosen_record("bert").write(tmp_path / "model.json")
    with pytest.raises(BadInput, match="NumPy file is a form of linear models, and this is a BERT; take the form onnx"):
        export_numpy(tmp_path, tmp_path / "numpy")


def test_arrays_of_other_classes_are_refused(tmp_path: Path) -> None:
    """By the file, with both numbers."""
    folder = linear_chosen(tmp_path / "chosen")
    record = json.loads((folder / "model.json").read_text()) | {"labels": ["yes", "no"]}
    (folder / "model.json").write_text(json.dumps(record))
    with pytest.raises(BadInput, match=r"baseline\.npz: is of 3 classes, and model\.json names 2"):
        export_numpy(folder, tmp_path / "numpy")


@pytest.mark.parametrize("kept", [0, 0.5])
def test_damaged_arrays_are_told(tmp_path: Path, kept: float) -> None:
    """In one sentence with what to do, and nothing is written."""
    file = linear_chosen(tmp_path / "chosen") / NATIVE / LINEAR_MODEL
    content = file.read_bytes()
    file.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(BadInput, match=r"baseline\.npz: cannot be read .*; it is damaged .* or delete it and run its"):
        export_numpy(tmp_path / "chosen", tmp_path / "numpy")
    assert not (tmp_path / "numpy").exists()
