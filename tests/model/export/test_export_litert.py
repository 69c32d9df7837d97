"""A chosen BERT for LiteRT, asked by its own predict.py in a process that knows nothing of this project."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from asked_texts import TEMPERATURE, TEXTS
from bert_ladder.export.asking import ask_form
from bert_ladder.export.litert_model import export_litert
from bert_ladder.runtime.jobs import BadInput
from chosen_models import LABELS, linear_chosen

CELLS = [("mean", "tail", "erf"), ("pooler", "head+tail", "tanh")]
OTHERS = [("pooler", "head", "tanh"), ("pooler", "tail", "erf"), ("mean", "head", "tanh"), ("mean", "head+tail", "erf")]


@pytest.mark.parametrize("cell", [*CELLS, *(pytest.param(cell, marks=pytest.mark.long) for cell in OTHERS)])
def test_answers_are_the_models_own(
    cell: tuple[str, ...], chosen: Callable[..., Path], own_answers: Callable[[Path], np.ndarray], tmp_path: Path
) -> None:
    """One by one and in batches of any width, with temperature and truncation, and the ids of its texts."""
    folder, target = chosen(*cell), tmp_path / "litert"
    export_litert(folder, target)
    assert {file.name for file in target.iterdir()} == {"model.tflite", "litert.json", "tokenizer.json", "predict.py"}
    expected = own_answers(folder)
    assert np.ptp(expected, axis=0).min() > 0.05  # the texts are told apart
    answers = ask_form(target, TEXTS)
    np.testing.assert_allclose(answers.probabilities, expected, atol=1e-5)
    assert answers.labels == list(LABELS)
    assert max(map(len, answers.ids)) == 16
    settings = json.loads((target / "litert.json").read_text())
    assert (settings["truncation"], settings["temperature"]) == (cell[1], TEMPERATURE)


def test_linear_model_is_refused(tmp_path: Path) -> None:
    """Nothing is written."""
    with pytest.raises(BadInput, match="LiteRT is a form of BERTs, and this is a linear model; take the form numpy"):
        export_litert(linear_chosen(tmp_path / "chosen"), tmp_path / "litert")
    assert not (tmp_path / "litert").exists()
