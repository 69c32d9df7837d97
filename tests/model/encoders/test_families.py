"""Classifier and pre-training know an encoder by its interface; a family of its own here is no BERT."""

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

from bert_ladder.encoders import normal_form
from bert_ladder.encoders.families.bert import scratch_encoder
from bert_ladder.encoders.interface import Encoder, Family
from bert_ladder.encoders.normal_form import build_encoder, family_of, read_encoder, save_encoder
from bert_ladder.export.saved_model import tfhub_variables
from bert_ladder.runtime.jobs import BadInput
from bert_ladder.training.classifier import build_classifier
from bert_ladder.training.pretraining import build_masked_lm
from trainings import NANO

SCRATCH = NANO | {"positions": 16}
TOKENIZER = {"kind": "wordpiece", "files": ["vocab.txt"], "special": {"pad": "<pad>"}}


def bag_encoder(architecture: dict[str, Any], dropout: float = 0.0) -> Encoder:
    """No segments, no pooler, and its output is a tensor, as several of KerasHub's families have it."""
    token_ids = keras.Input((None,), dtype="int32", name="token_ids")
    padding_mask = keras.Input((None,), dtype="int32", name="padding_mask")
    embedding = keras.layers.Embedding(architecture["vocabulary_size"], 8, name="token_embedding")
    states = keras.layers.Dense(8, name="dense")(embedding(token_ids))
    states = states * ops.cast(ops.expand_dims(padding_mask, -1), states.dtype)
    backbone = keras.Model({"token_ids": token_ids, "padding_mask": padding_mask}, states)
    return Encoder(
        backbone=backbone, layers=(backbone.get_layer("dense"),), token_embedding=embedding,
        activation=keras.activations.gelu, pooler=None, positions=14, segments=1, partly_used=(), tfhub_layers=None,
    )  # fmt: skip


BAG = Family(name="bag", backbone="Bag", keys=("vocabulary_size",), tokenizer=TOKENIZER, build=bag_encoder)


@pytest.fixture(autouse=True)
def bag(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second family."""
    keras.config.set_dtype_policy("float32")
    monkeypatch.setitem(normal_form.FAMILIES, "bag", BAG)


def test_classifier_of_a_family_without_segments_and_pooler() -> None:
    """It takes the mean and masks padding; the pooler that is not there is refused in one sentence."""
    encoder = bag_encoder({"vocabulary_size": 20})
    model = build_classifier(encoder, classes=3, pad=1, pooling="mean")
    narrow, wide = (model.predict(np.array([line], np.int32), verbose=0) for line in ([5, 6], [5, 6, 1, 1]))
    assert narrow.shape == (1, 3)
    np.testing.assert_allclose(narrow, wide, atol=1e-6)
    with pytest.raises(BadInput, match="the encoder has no pooler; set pooling to mean"):
        build_classifier(encoder, classes=3, pad=1)


def test_tasks_on_a_pooler_that_is_not_there_are_refused() -> None:
    """In pre-training and in TF Hub's form too."""
    encoder = bag_encoder({"vocabulary_size": 20})
    with pytest.raises(BadInput, match="the encoder has no pooler; set next_sentence and bag_of_words to false"):
        build_masked_lm(encoder, bag_of_words=True)
    with pytest.raises(BadInput, match="of a family without a form on TF Hub"):
        tfhub_variables(encoder)


def test_encoder_json_names_family_and_tokenizer(tmp_path: Path) -> None:
    """One of an earlier version, which does not, is a BERT; one of another family is that."""
    encoder, backbone = scratch_encoder(SCRATCH, [str(i) for i in range(30)], True)
    config = tmp_path / "encoder.json"
    save_encoder(encoder, backbone, config, tmp_path / "encoder.weights.h5")
    written = json.loads(config.read_text())
    assert (written["family"], written["tokenizer"]["files"]) == ("bert", ["vocab.txt"])
    assert read_encoder(config) == written
    earlier = {key: value for key, value in written.items() if key not in ("family", "tokenizer")}
    config.write_text(json.dumps(earlier))
    assert read_encoder(config) == written
    assert build_encoder(earlier).positions == 16
    other = {"family": "bag", "architecture": {"vocabulary_size": 20}, "lower_case": True}
    config.write_text(json.dumps(other))
    assert read_encoder(config)["tokenizer"] == TOKENIZER
    assert family_of(read_encoder(config)) is BAG
    assert build_encoder(other).positions == 14


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"family": "elmo"}, r"encoder\.json: 'family' is 'elmo'; it is one of bert, .*bag"),
        ({"family": ["bert"]}, r"encoder\.json: 'family' is \['bert'\]; it is one of"),
        ({"tokenizer": "wordpiece"}, r"encoder\.json: 'tokenizer' is 'wordpiece'; that of the family bert is"),
        ({"architecture": {"vocabulary_size": 20}}, r"encoder\.json: 'architecture' lacks num_layers, .* of BertBackb"),
    ],
)
def test_descriptions_that_are_not_known_are_refused(tmp_path: Path, change: dict[str, Any], told: str) -> None:
    """In one sentence that names the file and the key."""
    encoder, _ = scratch_encoder(SCRATCH, [str(i) for i in range(30)], True)
    (tmp_path / "encoder.json").write_text(json.dumps(encoder | change))
    with pytest.raises(BadInput, match=told) as caught:
        read_encoder(tmp_path / "encoder.json")
    assert "\n" not in str(caught.value)
