"""A chosen BERT as a folder of sentence-transformers, beside what that answers, and read back by this project's reader.

sentence-transformers itself is not in the environment: what it answers was written down by
bench/encoder_equality/make_sentence_classification.py.
"""

import ast
import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from scipy.special import softmax
from tokenizers import Tokenizer

from asked_texts import TEXTS
from bert_ladder.encoders.backbones import assign
from bert_ladder.encoders.families.bert import build_backbone
from bert_ladder.encoders.readers import read_published
from bert_ladder.evaluation.chosen_model import RECORD
from bert_ladder.export.sentence_folder import PROGRAM, export_sentence_transformers
from bert_ladder.runtime.jobs import BadInput
from chosen_models import LABELS, linear_chosen

THEIRS = Path(__file__).parents[2] / "fixtures/encoders/outputs_sentence_classification.npz"
CASES = [("head", "erf"), ("tail", "tanh")]


def read_back(folder: Path) -> np.ndarray:
    """Probabilities of `TEXTS` by the published form: its tokenizer, encoder, pooling and head, cut as it says."""
    published = read_published("huggingface", folder)
    backbone = build_backbone(published.architecture)
    assign(backbone, published.tensors, folder)
    length = json.loads((folder / "sentence_bert_config.json").read_text())["max_seq_length"]
    side = json.loads((folder / "tokenizer_config.json").read_text())["truncation_side"]
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(length, direction=side)
    tokenizer.enable_padding(pad_id=0, pad_token="[PAD]")
    ids = np.array([one.ids for one in tokenizer.encode_batch(TEXTS)], np.int32)
    mask = (ids != 0).astype(np.int32)
    inputs = {"token_ids": ids, "padding_mask": mask, "segment_ids": np.zeros_like(ids)}
    states = backbone.predict_on_batch(inputs)["sequence_output"]
    vectors = (states * mask[..., np.newaxis]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
    head = load_file(folder / "2_Dense/model.safetensors")
    return softmax(vectors @ head["linear.weight"].T + head["linear.bias"], axis=1)


@pytest.mark.parametrize(("truncation", "gelu"), CASES)
def test_what_is_read_back_answers_the_same(
    truncation: str, gelu: str, chosen: Callable[..., Path], own_answers: Callable[[Path], np.ndarray], tmp_path: Path
) -> None:
    """Weights, mean, truncation and temperature, through the files alone."""
    folder = chosen("mean", truncation, gelu)
    export_sentence_transformers(folder, tmp_path / "exported")
    np.testing.assert_allclose(read_back(tmp_path / "exported"), own_answers(folder), atol=1e-5)


@pytest.mark.parametrize(("truncation", "gelu"), CASES)
def test_sentence_transformers_answers_the_same(
    truncation: str, gelu: str, chosen: Callable[..., Path], own_answers: Callable[[Path], np.ndarray], tmp_path: Path
) -> None:
    """Its encode gives the calibrated logits, told nothing but the folder."""
    folder = chosen("mean", truncation, gelu)
    export_sentence_transformers(folder, tmp_path)
    with np.load(THEIRS, allow_pickle=False) as expected:
        weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("", "2_Dense")]
        same = hashlib.sha256(b"".join(weights)).hexdigest() == expected[f"{truncation}_{gelu}_weights"]
        assert same, "the folder is another than sentence-transformers was given"
        logits = expected[f"{truncation}_{gelu}"]
    np.testing.assert_allclose(own_answers(folder), softmax(logits, axis=1), atol=1e-5)


def test_modules_say_what_follows_what(chosen: Callable[..., Path], tmp_path: Path) -> None:
    """Encoder, mean, head: by the names that sentence-transformers looks for."""
    export_sentence_transformers(chosen("mean"), tmp_path)
    modules = json.loads((tmp_path / "modules.json").read_text())
    assert [(one["idx"], one["path"], one["type"].rpartition(".")[2]) for one in modules] == [
        (0, "", "Transformer"), (1, "1_Pooling", "Pooling"), (2, "2_Dense", "Dense")
    ]  # fmt: skip
    assert json.loads((tmp_path / "1_Pooling/config.json").read_text())["pooling_mode_mean_tokens"] is True
    dense = json.loads((tmp_path / "2_Dense/config.json").read_text())
    assert (dense["in_features"], dense["out_features"], dense["bias"]) == (16, len(LABELS), True)
    assert dense["activation_function"] == "torch.nn.modules.linear.Identity"
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["architectures"] == ["BertModel"]
    assert config["id2label"] == {str(code): label for code, label in enumerate(LABELS)}
    assert json.loads((tmp_path / "sentence_bert_config.json").read_text())["max_seq_length"] == 16
    assert (tmp_path / "predict.py").read_text() == PROGRAM
    ast.parse(PROGRAM)


def test_frozen_encoder_has_no_dropout(chosen: Callable[..., Path], tmp_path: Path) -> None:
    """Its settings name none, and it is written like the others."""
    folder = Path(shutil.copytree(chosen("mean"), tmp_path / "chosen"))
    record = json.loads((folder / RECORD).read_text())
    kept = ("length", "truncation", "pooling", "class_weight")
    record |= {"kind": "frozen", "settings": {key: record["settings"][key] for key in kept}}
    (folder / RECORD).write_text(json.dumps(record))
    export_sentence_transformers(folder, tmp_path / "exported")
    config = json.loads((tmp_path / "exported/config.json").read_text())
    assert (config["hidden_dropout_prob"], config["attention_probs_dropout_prob"]) == (0, 0)


@pytest.mark.parametrize(
    ("cell", "sentence"),
    [
        (("pooler", "tail"), "reads the mean of a text's tokens, and this row reads the pooler .* form huggingface"),
        (("mean", "head+tail"), "keeps one end of a long text, and this row keeps both .* form onnx"),
        (None, "is a form of BERTs, and this is a linear model; take the form numpy"),
    ],
)
def test_what_the_form_cannot_express(
    cell: tuple[str, str] | None, sentence: str, chosen: Callable[..., Path], tmp_path: Path
) -> None:
    """In one sentence; nothing is written."""
    folder = linear_chosen(tmp_path / "chosen") if cell is None else chosen(*cell)
    with pytest.raises(BadInput, match=f"sentence-transformers folder {sentence}"):
        export_sentence_transformers(folder, tmp_path / "exported")
    assert not (tmp_path / "exported").exists()
