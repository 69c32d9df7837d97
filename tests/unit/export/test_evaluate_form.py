"""A form is asked in a process of its own, and what it answers is written down."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bert_ladder.data.frames import DATA_COLUMN, LABEL_COLUMN
from bert_ladder.data.tokens import Tokens
from bert_ladder.export.asking import ask_form, other_ids
from bert_ladder.export.form_answers import Asked, evaluate_form
from bert_ladder.runtime.jobs import BadInput
from chosen_models import linear_chosen

TEXTS = ["a film", "lovely", "dull and dull", "\ud83d\ude00 bright".encode("utf-16", "surrogatepass").decode("utf-16")]
# Answers by the number of words, and says of which process and paths it is.
PROGRAM = """
import sys
import numpy as np

class Classifier:
    labels = ["bad", "fine", "good"]

    def token_ids(self, text):
        return [2, *map(len, text.split()), 3]

    def probabilities(self, texts):
        assert not any("bert_ladder" in name for name in sys.modules)
        return np.eye(3)[[len(text.split()) - 1 for text in texts]]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A chosen linear model with a form of its own."""
    chosen = linear_chosen(tmp_path / "chosen")
    (chosen / "numpy").mkdir()
    (chosen / "numpy/predict.py").write_text(PROGRAM)
    pd.DataFrame({DATA_COLUMN: TEXTS, LABEL_COLUMN: np.array([1, 0, 2, 2], np.int16)}).to_parquet(
        tmp_path / "t.parquet"
    )
    return chosen


def evaluate(folder: Path, form: str = "numpy") -> tuple[pd.DataFrame, dict]:
    """Evaluate a form and read what was written."""
    parent = folder.parent
    evaluate_form(folder, form, Asked(parent / "t.parquet"), parent / "answers.parquet", parent / "record.json")
    return pd.read_parquet(parent / "answers.parquet"), json.loads((parent / "record.json").read_text())


def test_answers_stand_in_the_order_of_the_texts(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the order they were asked in; what lies on the caller's path is out of the form's reach."""
    monkeypatch.setenv("PYTHONPATH", str(folder))
    answers, record = evaluate(folder)
    assert answers["prediction"].tolist() == [1, 0, 2, 1]
    assert answers["label"].tolist() == [1, 0, 2, 2]
    assert answers["row"].tolist() == [0, 1, 2, 3]
    assert not answers["other_ids"].any()
    assert (record["works"], record["reason"]) == (True, None)
    assert record["megabytes"] == pytest.approx(len(PROGRAM) / 1e6)
    assert [file.name for file in (folder / "numpy").iterdir()] == ["predict.py"]  # nothing is left in it
    assert min(record["ms_per_text"], record["texts_per_second"], record["memory_mb"]) > 0


@pytest.mark.parametrize(
    ("old", "new", "works", "reason"),
    [
        ("import sys", "import absent_package", True, "not run here: absent_package is not installed"),
        ("np.eye(3)[", "np.nan * np.eye(3)[", False, "does not answer each text with one probability per class"),
        ('"good"', '"best"', False, "its classes are ['bad', 'fine', 'best'], and the model's"),
        ("labels =", "raise ValueError('no weights here'); labels =", False, "predict.py: ValueError: no weights here"),
    ],
)
def test_form_that_does_not_answer(folder: Path, old: str, new: str, works: bool, reason: str) -> None:
    """It is kept, with the reason in one line."""
    (folder / "numpy/predict.py").write_text(PROGRAM.replace(old, new))
    answers, record = evaluate(folder)
    assert answers.empty
    assert list(answers) == [
        "split",
        "row",
        "label",
        "prediction",
        *(f"probability_{i}" for i in range(3)),
        "other_ids",
    ]
    assert record["works"] == works
    assert reason in record["reason"]
    assert "\n" not in record["reason"]


def test_form_of_another_kind_is_refused(folder: Path) -> None:
    """Before anything is asked."""
    with pytest.raises(BadInput, match="this is a linear model"):
        evaluate(folder, "onnx")


def test_folder_without_a_program(tmp_path: Path) -> None:
    """The form is to be exported again."""
    with pytest.raises(BadInput, match=r"has no predict\.py; export the form again"):
        ask_form(tmp_path, ["a"])


def test_other_ids_are_those_that_the_model_sees_otherwise(folder: Path) -> None:
    """What is cut off does not count."""
    ids = ask_form(folder / "numpy", ["a bb", "ccc", "a a a"]).ids
    assert ids is not None
    assert [one.tolist() for one in ids] == [[2, 1, 2, 3], [2, 3, 3], [2, 1, 1, 1, 3]]
    tokens = Tokens(np.array([1, 2, 9, 1, 1, 1, 7]), np.array([0, 2, 3, 7]), pad=0, cls=2, sep=3)
    assert other_ids(ids, tokens, 5, "head").tolist() == [1]
    assert other_ids(ids, tokens, 6, "head").tolist() == [1, 2]
