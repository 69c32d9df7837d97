"""A chosen BERT as a folder of transformers, beside what its pipeline answers, and read back by this project's reader.

transformers itself is not in the environment: what its pipeline answers was written down by
bench/encoder_equality/make_text_classification.py.
"""

import ast
import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from scipy.special import softmax
from tokenizers import Tokenizer

from asked_texts import TEMPERATURE, TEXTS
from bert_ladder.encoders.backbones import assign
from bert_ladder.encoders.families.bert import build_backbone
from bert_ladder.encoders.readers import read_published
from bert_ladder.export.huggingface_folder import PROGRAM, export_huggingface
from bert_ladder.runtime.jobs import BadInput
from chosen_models import LABELS, PIECES

PIPELINE = Path(__file__).parents[2] / "fixtures/encoders/outputs_text_classification.npz"
NAMES = {
    "bert.embeddings.word_embeddings.weight": (len(PIECES), 16),
    "bert.embeddings.position_embeddings.weight": (32, 16),
    "bert.embeddings.token_type_embeddings.weight": (2, 16),
    "bert.encoder.layer.0.attention.self.query.weight": (16, 16),
    "bert.encoder.layer.0.attention.output.LayerNorm.weight": (16,),
    "bert.encoder.layer.0.intermediate.dense.weight": (32, 16),
    "bert.encoder.layer.0.output.dense.weight": (16, 32),
    "bert.encoder.layer.0.output.LayerNorm.bias": (16,),
    "bert.pooler.dense.weight": (16, 16),
    "classifier.weight": (3, 16),
    "classifier.bias": (3,),
}


def read_back(folder: Path) -> np.ndarray:
    """Probabilities of `TEXTS` by the published form: its tokenizer, encoder and head, cut as it says."""
    published = read_published("huggingface", folder)
    backbone = build_backbone(published.architecture)
    assign(backbone, published.tensors, folder)
    config = json.loads((folder / "tokenizer_config.json").read_text())
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(config["model_max_length"], direction=config["truncation_side"])
    tokenizer.enable_padding(pad_id=0, pad_token=config["pad_token"])
    ids = np.array([one.ids for one in tokenizer.encode_batch(TEXTS)], np.int32)
    inputs = {"token_ids": ids, "padding_mask": (ids != 0).astype(np.int32), "segment_ids": np.zeros_like(ids)}
    head = load_file(folder / "model.safetensors")
    pooled = backbone.predict_on_batch(inputs)["pooled_output"]
    return softmax(pooled @ head["classifier.weight"].T + head["classifier.bias"], axis=1)


@pytest.mark.parametrize(("truncation", "gelu", "act"), [("head", "erf", "gelu"), ("tail", "tanh", "gelu_new")])
def test_what_is_read_back_answers_the_same(
    truncation: str,
    gelu: str,
    act: str,
    chosen: Callable[..., Path],
    own_answers: Callable[[Path], np.ndarray],
    tmp_path: Path,
) -> None:
    """Names, shapes, activation, truncation and temperature, through the files alone."""
    folder = chosen("pooler", truncation, gelu)
    export_huggingface(folder, tmp_path / "huggingface")
    np.testing.assert_allclose(read_back(tmp_path / "huggingface"), own_answers(folder), atol=1e-5)
    assert json.loads((tmp_path / "huggingface/config.json").read_text())["hidden_act"] == act


@pytest.mark.parametrize(("truncation", "gelu"), [("head", "erf"), ("tail", "tanh")])
def test_pipeline_of_transformers_answers_the_same(
    truncation: str, gelu: str, chosen: Callable[..., Path], own_answers: Callable[[Path], np.ndarray], tmp_path: Path
) -> None:
    """With its own tokenizer, truncation and head, told nothing but the folder."""
    folder = chosen("pooler", truncation, gelu)
    export_huggingface(folder, tmp_path)
    with np.load(PIPELINE, allow_pickle=False) as expected:
        weights = hashlib.sha256((tmp_path / "model.safetensors").read_bytes()).hexdigest()
        assert weights == expected[f"{truncation}_{gelu}_weights"], "the folder is another than transformers was given"
        np.testing.assert_allclose(own_answers(folder), expected[f"{truncation}_{gelu}"], atol=1e-5)


def test_files_are_those_of_transformers(chosen: Callable[..., Path], tmp_path: Path) -> None:
    """By its names; the head carries the temperature."""
    export_huggingface(chosen(), tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == {
        *("config.json", "model.safetensors", "vocab.txt", "tokenizer.json", "tokenizer_config.json"),
        *("special_tokens_map.json", "predict.py"),
    }
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["architectures"] == ["BertForSequenceClassification"]
    assert config["id2label"] == {str(code): label for code, label in enumerate(LABELS)}
    assert config["label2id"] == {label: code for code, label in enumerate(LABELS)}
    assert (config["vocab_size"], config["num_hidden_layers"], config["layer_norm_eps"]) == (len(PIECES), 1, 1e-12)
    tensors = load_file(tmp_path / "model.safetensors")
    assert len(tensors) == 5 + 16 + 2 + 2
    assert {name: tensors[name].shape for name in NAMES} == NAMES
    tokenizer = json.loads((tmp_path / "tokenizer_config.json").read_text())
    assert (tokenizer["model_max_length"], tokenizer["truncation_side"]) == (16, "right")
    assert (tokenizer["cls_token"], tokenizer["do_lower_case"]) == ("[CLS]", True)
    assert TEMPERATURE != 1
    ast.parse(PROGRAM)


@pytest.mark.parametrize(
    ("pooling", "truncation", "sentence"),
    [
        ("mean", "head", "Hugging Face folder reads the pooler, and this row reads the mean of its tokens"),
        ("pooler", "head+tail", "Hugging Face folder keeps one end of a long text, and this row keeps both"),
    ],
)
def test_what_the_form_cannot_express(
    pooling: str, truncation: str, sentence: str, chosen: Callable[..., Path], tmp_path: Path
) -> None:
    """In one sentence; nothing is written."""
    with pytest.raises(BadInput, match=sentence):
        export_huggingface(chosen(pooling, truncation), tmp_path / "huggingface")
    assert not list(tmp_path.iterdir())
