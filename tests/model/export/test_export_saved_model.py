"""A chosen BERT as a SavedModel of raw texts, asked in a process that knows nothing of this project."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from asked_texts import TEXTS
from bert_ladder.export.text_model import export_text_model
from bert_ladder.runtime.jobs import BadInput
from chosen_models import LABELS, linear_chosen

CELLS = [("pooler", "head", "tanh"), ("mean", "tail", "erf"), ("pooler", "head+tail", "tanh")]
OTHERS = [("pooler", "tail", "tanh"), ("mean", "head", "tanh"), ("mean", "head+tail", "tanh")]


@pytest.fixture(scope="module")
def exported(chosen: Callable[..., Path]) -> Callable[..., Path]:
    """Gives the folder of a chosen BERT that has its SavedModel; each is made once."""

    def make(*cell: str) -> Path:
        folder = chosen(*cell)
        if not (folder / "saved_model").exists():
            export_text_model(folder, folder / "saved_model")
        return folder

    return make


@pytest.mark.parametrize("cell", [*CELLS, *(pytest.param(cell, marks=pytest.mark.long) for cell in OTHERS)])
def test_answers_are_the_models_own(
    cell: tuple[str, ...], exported: Callable[..., Path], own_answers: Callable[[Path], np.ndarray]
) -> None:
    """With temperature and truncation, and with the most probable class as label."""
    folder = exported(*cell)
    expected = own_answers(folder)
    assert np.ptp(expected, axis=0).min() > 0.05  # the texts are told apart
    serve = tf.saved_model.load(str(folder / "saved_model")).signatures["serving_default"]
    answers = serve(texts=tf.constant(TEXTS))
    np.testing.assert_allclose(answers["probabilities"].numpy(), expected, atol=1e-5)
    assert [label.decode() for label in answers["label"].numpy()] == [LABELS[code] for code in expected.argmax(axis=1)]


def test_folder_serves_without_this_project(
    exported: Callable[..., Path], own_answers: Callable[[Path], np.ndarray], tmp_path: Path
) -> None:
    """From another place, by its program: one line of JSON for each text of the command line."""
    folder = exported(*CELLS[0])
    moved = Path(shutil.copytree(folder / "saved_model", tmp_path / "moved"))
    command = [sys.executable, "-I", moved / "predict.py", *TEXTS]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    expected = own_answers(folder)
    assert [line["text"] for line in lines] == TEXTS
    assert [line["label"] for line in lines] == [LABELS[code] for code in expected.argmax(axis=1)]
    found = [[line["probabilities"][label] for label in LABELS] for line in lines]
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_operations_are_those_that_servers_have(exported: Callable[..., Path]) -> None:
    """TensorFlow Serving refuses others of TF Text, such as RoundRobinTrim."""
    content = SavedModel.FromString((exported(*CELLS[2]) / "saved_model/saved_model.pb").read_bytes())
    nodes = [node for function in content.meta_graphs[0].graph_def.library.function for node in function.node_def]
    known = dir(tf.raw_ops)
    assert {node.op for node in nodes if node.op not in known} == {
        *("CaseFoldUTF8", "NormalizeUTF8", "RegexSplitWithOffsets", "WordpieceTokenizeWithOffsets")
    }


def test_linear_model_is_refused(tmp_path: Path) -> None:
    """Nothing is written."""
    with pytest.raises(BadInput, match="SavedModel of raw texts is a form of BERTs, and this is a linear model"):
        export_text_model(linear_chosen(tmp_path / "chosen"), tmp_path / "saved_model")
    assert not (tmp_path / "saved_model").exists()
