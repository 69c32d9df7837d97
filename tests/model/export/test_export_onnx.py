"""A chosen BERT as ONNX, asked by its own predict.py in a process that knows nothing of this project."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from asked_texts import TEMPERATURE, TEXTS
from bert_ladder.evaluation.chosen_model import NATIVE
from bert_ladder.export import onnx_model
from bert_ladder.export.asking import ask_form
from bert_ladder.export.onnx_model import export_onnx
from bert_ladder.runtime.jobs import BadInput
from chosen_models import LABELS, linear_chosen

CELLS = [("pooler", "head", "tanh"), ("mean", "tail", "erf"), ("pooler", "head+tail", "tanh")]
OTHERS = [("pooler", "tail", "tanh"), ("mean", "head", "tanh"), ("mean", "head+tail", "tanh")]


@pytest.fixture(scope="module")
def exported(chosen: Callable[..., Path]) -> Callable[..., Path]:
    """Gives the folder of a chosen BERT that has its ONNX forms; each is made once."""

    def make(*cell: str) -> Path:
        folder = chosen(*cell)
        if not (folder / "onnx").exists():
            export_onnx(folder, folder / "onnx", folder / "onnx_int8")
        return folder

    return make


@pytest.mark.parametrize("cell", [*CELLS, *(pytest.param(cell, marks=pytest.mark.long) for cell in OTHERS)])
def test_answers_are_the_models_own(
    cell: tuple[str, ...], exported: Callable[..., Path], own_answers: Callable[[Path], np.ndarray]
) -> None:
    """In float32 to its precision, with temperature and truncation; in int8 near them."""
    folder = exported(*cell)
    expected = own_answers(folder)
    assert np.ptp(expected, axis=0).min() > 0.05  # the texts are told apart
    answers = ask_form(folder / "onnx", TEXTS)
    np.testing.assert_allclose(answers.probabilities, expected, atol=1e-5)
    assert answers.labels == list(LABELS)
    rounded = ask_form(folder / "onnx_int8", TEXTS).probabilities
    assert 0 < abs(rounded - expected).max() < 0.2


def test_graph_takes_any_batch_and_width(exported: Callable[..., Path]) -> None:
    """One input and one output by their names; padding changes nothing."""
    folder = exported(*CELLS[0])
    session = onnxruntime.InferenceSession(folder / "onnx/model.onnx", providers=["CPUExecutionProvider"])
    (given,), (found,) = session.get_inputs(), session.get_outputs()
    assert (given.name, given.type, len(given.shape)) == ("token_ids", "tensor(int32)", 2)
    assert (found.name, found.type) == ("logits", "tensor(float)")
    ids = np.array([[2, 60, 61, 3]], np.int32)
    (short,) = session.run(["logits"], {"token_ids": ids})
    (wide,) = session.run(["logits"], {"token_ids": np.pad(np.repeat(ids, 3, axis=0), [(0, 0), (0, 11)])})
    np.testing.assert_allclose(wide, np.repeat(short, 3, axis=0), atol=1e-5)


def test_every_matrix_is_quantized(exported: Callable[..., Path]) -> None:
    """The four of attention, the two behind it, pooler and head; the file is the smaller one for more than a toy."""
    folder = exported(*CELLS[0])
    kinds = [node.op_type for node in onnx.load(folder / "onnx_int8/model.onnx").graph.node]
    assert kinds.count("MatMulInteger") == 8
    assert kinds.count("MatMul") == 2  # attention's own products, of no weights
    assert "Gemm" not in kinds


@pytest.mark.parametrize("gelu", ["tanh", "erf"])
def test_runtime_knows_the_parts(gelu: str, exported: Callable[..., Path], tmp_path: Path) -> None:
    """The file holds operations of ONNX alone; opened, GELU is one of ONNX Runtime instead of its formula."""
    file = exported("mean", "tail", "erf") / "onnx/model.onnx" if gelu == "erf" else exported() / "onnx/model.onnx"
    assert [one.domain for one in onnx.load(file).opset_import] == [""]
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath, options.log_severity_level = str(tmp_path / "opened.onnx"), 3
    onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    kinds = {node.op_type for node in onnx.load(tmp_path / "opened.onnx").graph.node}
    assert kinds >= {"LayerNormalization", "FastGelu" if gelu == "tanh" else "BiasGelu"}
    assert not kinds & {"Erf", "Pow", "Sqrt"}


def test_program_prints_label_and_probabilities(exported: Callable[..., Path]) -> None:
    """One line of JSON for each text of its command line."""
    folder = exported(*CELLS[0]) / "onnx"
    command = [sys.executable, "-I", folder / "predict.py", *TEXTS[:2]]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["text"] for line in lines] == TEXTS[:2]
    for line in lines:
        assert line["label"] == max(line["probabilities"], key=line["probabilities"].get)
        assert list(line["probabilities"]) == list(LABELS)
        assert sum(line["probabilities"].values()) == pytest.approx(1, abs=1e-3)


def test_settings_say_what_surrounds_the_graph(exported: Callable[..., Path]) -> None:
    """As docs/forms.md has them."""
    settings = json.loads((exported(*CELLS[2]) / "onnx/onnx.json").read_text())
    assert settings == {
        "length": 16, "truncation": "head+tail", "pad": 0, "start": 2, "end": 3, "labels": list(LABELS),
        "temperature": TEMPERATURE,
    }  # fmt: skip


def test_folder_without_a_chosen_model(tmp_path: Path) -> None:
    """Nothing is written."""
    with pytest.raises(BadInput, match=r"is no chosen model, which holds a model\.json"):
        export_onnx(tmp_path, tmp_path / "onnx", tmp_path / "onnx_int8")
    assert not list(tmp_path.iterdir())


def test_damaged_files_are_told(chosen: Callable[..., Path], tmp_path: Path) -> None:
    """Cut in half, as by a copy that was not finished; nothing is written."""
    folder = tmp_path / "chosen"
    shutil.copytree(chosen(), folder)
    file = folder / "native/encoder.json"
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(BadInput, match=r"native: cannot be read .*; it is damaged or not whole: copy the folder again"):
        export_onnx(folder, tmp_path / "onnx", tmp_path / "onnx_int8")
    assert [path.name for path in tmp_path.iterdir()] == ["chosen"]


def test_model_that_no_file_holds(chosen: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Told with its size, before anything is written."""
    monkeypatch.setattr(onnx_model, "LARGEST", 1000)
    with pytest.raises(BadInput, match=r"GB of weights, and a file of ONNX at most .*; take the form saved_model"):
        export_onnx(chosen(), tmp_path / "onnx", tmp_path / "onnx_int8")
    assert not list(tmp_path.glob("*/*.onnx"))


def test_linear_model_is_refused(tmp_path: Path) -> None:
    """With the form to take instead."""
    folder = linear_chosen(tmp_path / "chosen")
    with pytest.raises(BadInput, match="this is a linear model; take the form numpy"):
        export_onnx(folder, tmp_path / "onnx", tmp_path / "onnx_int8")


def test_weights_of_another_model_are_refused(chosen: Callable[..., Path], tmp_path: Path) -> None:
    """By the file of the weights."""
    folder = Path(shutil.copytree(chosen(), tmp_path / "chosen", ignore=shutil.ignore_patterns("onnx*")))
    config = folder / NATIVE / "encoder.json"
    config.write_text(config.read_text().replace('"hidden_dim": 16', '"hidden_dim": 32'))
    with pytest.raises(BadInput, match=r"model\.weights\.h5: .*does not hold the weights that encoder\.json describes"):
        export_onnx(folder, tmp_path / "onnx", tmp_path / "onnx_int8")
