"""Encoders and runs as SavedModels with TF Hub's interface, seen by TF Hub's own code."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_hub as hub
from keras import ops

from bert_ladder.data.tokens import Tokens
from bert_ladder.encoders.backbones import assign
from bert_ladder.encoders.encoder_files import EncoderFiles
from bert_ladder.encoders.families.bert import build_backbone, scratch_encoder
from bert_ladder.encoders.normal_form import load_weights, read_encoder, save_encoder
from bert_ladder.encoders.readers import read_published
from bert_ladder.export import saved_model
from bert_ladder.export.saved_model import Head, export_encoder
from bert_ladder.runtime.jobs import BadInput
from bert_ladder.study.settings import TrainingSettings
from bert_ladder.training.classifier import restore_classifier
from bert_ladder.training.fine_tuning import TrainingData, train_run
from bert_ladder.training.inputs import CheckpointPolicy, Job
from export_encoder import main

VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(f"word{i}" for i in range(35))]
SCRATCH = {"layers": 2, "hidden": 32, "heads": 4, "intermediate": 64, "positions": 512, "seed": 0}
USUAL, LARGE = 0.02, 0.3
TRAINING = {
    "length": 8, "truncation": "head", "epochs": 1, "batch_size": 32, "length_buckets": False, "optimizer": "adam",
    "learning_rate": 1e-2, "epsilon": 1e-8, "clipnorm": 1.0, "global_clipnorm": None, "weight_decay": 0.0,
    "momentum": 0.0, "schedule": "constant", "warmup_fraction": 0.0, "dropout": 0.1, "encoder_dropout": 0.1,
    "pooling": "pooler", "precision": "mixed_bfloat16", "xla": False, "validation_fraction": 0.25, "class_weight": None,
    "keep": "last", "monitor": "validation_accuracy", "patience": None,
}  # fmt: skip
# What TF Hub's encoders show, here with one transformer layer.
TFHUB_VARIABLES = {
    "word_embeddings/embeddings:0": [40, 32],
    "position_embedding/embeddings:0": [512, 32],
    "type_embeddings/embeddings:0": [2, 32],
    "embeddings/layer_norm/gamma:0": [32],
    "embeddings/layer_norm/beta:0": [32],
    "transformer/layer_0/self_attention/query/kernel:0": [32, 4, 8],
    "transformer/layer_0/self_attention/query/bias:0": [4, 8],
    "transformer/layer_0/self_attention/key/kernel:0": [32, 4, 8],
    "transformer/layer_0/self_attention/key/bias:0": [4, 8],
    "transformer/layer_0/self_attention/value/kernel:0": [32, 4, 8],
    "transformer/layer_0/self_attention/value/bias:0": [4, 8],
    "transformer/layer_0/self_attention/attention_output/kernel:0": [4, 8, 32],
    "transformer/layer_0/self_attention/attention_output/bias:0": [32],
    "transformer/layer_0/self_attention_layer_norm/gamma:0": [32],
    "transformer/layer_0/self_attention_layer_norm/beta:0": [32],
    "transformer/layer_0/intermediate/kernel:0": [32, 64],
    "transformer/layer_0/intermediate/bias:0": [64],
    "transformer/layer_0/output/kernel:0": [64, 32],
    "transformer/layer_0/output/bias:0": [32],
    "transformer/layer_0/output_layer_norm/gamma:0": [32],
    "transformer/layer_0/output_layer_norm/beta:0": [32],
    "pooler_transform/kernel:0": [32, 32],
    "pooler_transform/bias:0": [32],
}
# A program of someone who has the exported folder, TensorFlow and TF Hub, and nothing of this project.
FINE_TUNING = """
import json, sys
import numpy as np, tensorflow as tf, tf_keras, tensorflow_hub as hub

folder, file = sys.argv[1:]
ids = np.array([[2, 7, 8, 3, 0, 0], [2, 9, 10, 11, 12, 3]] * 4, np.int32)
inputs = {"input_word_ids": ids, "input_mask": (ids > 0).astype(np.int32), "input_type_ids": np.zeros_like(ids)}
tensors = {name: tf.constant(value) for name, value in inputs.items()}
frozen, layer = hub.KerasLayer(folder), hub.KerasLayer(folder, trainable=True)
found = {
    "frozen": len(frozen.trainable_weights),
    "frozen_dropout": float(tf.reduce_max(abs(frozen(tensors, training=True)["default"] - frozen(tensors)["default"]))),
    "dropout": float(np.std([layer(tensors, training=True)["pooled_output"] for _ in range(8)], axis=0).max()),
    "no_dropout": float(np.std([layer(tensors, training=False)["pooled_output"] for _ in range(8)], axis=0).max()),
    "losses": len(layer.losses),
}
symbols = {name: tf_keras.Input((None,), dtype=tf.int32, name=name) for name in inputs}
logits = tf_keras.layers.Dense(2)(layer(symbols)["pooled_output"])
model = tf_keras.Model(symbols, logits)
model.compile("adam", tf_keras.losses.SparseCategoricalCrossentropy(from_logits=True))
before = {v.name: v.numpy() for v in layer.trainable_weights}
model.fit(inputs, np.array([0, 1] * 4), batch_size=8, verbose=0)
found["unchanged"] = [v.name for v in layer.trainable_weights if np.array_equal(before[v.name], v)]
found["changed"] = len(before) - len(found["unchanged"])
found["finite"] = all(np.isfinite(v).all() for v in layer.trainable_weights)
found["modules"] = [name for name in ("keras_hub", "bert_ladder") if name in sys.modules]
json.dump(found, open(file, "w"))
"""


@pytest.fixture(scope="module", autouse=True)
def float32() -> None:
    """Encoders are made in Keras's own precision."""
    keras.config.set_dtype_policy("float32")


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., dict[str, Path]]:
    """Makes encoders in normal form, whose weights are random throughout, and gives their files; each is made once."""
    made: dict[tuple, dict[str, Path]] = {}

    def make(scale: float = USUAL, gelu: str = "tanh", layers: int = 2, lower_case: bool = True) -> dict[str, Path]:
        if (scale, gelu, layers, lower_case) not in made:
            folder = tmp_path_factory.mktemp("encoder")
            scratch = SCRATCH | {"initializer_range": scale, "layers": layers}
            content, backbone = scratch_encoder(scratch, VOCABULARY, lower_case)
            random = np.random.default_rng(1)
            for variable in backbone.trainable_variables:
                variable.assign(variable + random.normal(scale=scale / 2, size=variable.shape))
            content["architecture"]["gelu"] = gelu
            save_encoder(content, backbone, folder / "encoder.json", folder / "encoder.weights.h5")
            (folder / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n")
            made[scale, gelu, layers, lower_case] = {
                "config": folder / "encoder.json",
                "weights": folder / "encoder.weights.h5",
                "vocabulary": folder / "vocab.txt",
            }
        return made[scale, gelu, layers, lower_case]

    return make


@pytest.fixture(scope="module")
def exported(
    encoder: Callable[..., dict[str, Path]], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., tuple[Path, Any]]:
    """Exports encoders and gives the folder and the encoder itself; each is exported once."""
    made: dict[tuple, tuple[Path, Any]] = {}

    def make(**wanted: Any) -> tuple[Path, Any]:
        key = tuple(sorted(wanted.items()))
        if key not in made:
            files = encoder(**wanted)
            folder = tmp_path_factory.mktemp("exports") / "small"
            export_encoder(EncoderFiles.of(files), target=folder, exported="encoders/small")
            backbone = build_backbone(read_encoder(files["config"])["architecture"])
            load_weights(backbone, files["weights"])
            made[key] = folder, backbone
        return made[key]

    return make


@pytest.fixture(scope="module")
def run(encoder: Callable[..., dict[str, Path]], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A classifier of three classes, trained in bfloat16 for some steps."""
    files = encoder()
    random = np.random.default_rng(0)
    tokens = Tokens(random.integers(5, 40, 128 * 6).astype(np.uint16), np.arange(129) * 6, pad=0, cls=2, sep=3)
    folder = tmp_path_factory.mktemp("run")
    model, _, record = train_run(
        EncoderFiles.of(files),
        TrainingData(tokens, np.arange(128) % 3, np.arange(128) % 4 == 0, classes=3, positive=None),
        TrainingSettings.of(TRAINING),
        Job("small", "small", 1, threads=2),
        CheckpointPolicy(folder / "checkpoints"),
    )
    model.save_weights(folder / "model.weights.h5")
    (folder / "training.json").write_text(json.dumps(record))
    (folder / "labels.json").write_text(json.dumps({"names": ["bad", "fair", "göod"], "positive": None}))
    keras.config.set_dtype_policy("float32")
    made = {"weights": "model.weights.h5", "training": "training.json", "labels": "labels.json"}
    return files | {key: folder / name for key, name in made.items()}


def batch(length: int, padded: bool) -> dict[str, np.ndarray]:
    """Three texts in TF Hub's terms: two segments each, and, where padded, of different lengths."""
    random = np.random.default_rng(length)
    ids = random.integers(5, len(VOCABULARY), (3, length))
    ids[:, 0], ids[:, length // 2], types = 2, 3, np.arange(length) > length // 2
    mask = np.arange(length) < (np.array([[length], [length // 2 + 1], [3]]) if padded else length)
    return {
        "input_word_ids": (ids * mask).astype(np.int32),
        "input_mask": np.broadcast_to(mask, ids.shape).astype(np.int32),
        "input_type_ids": (types * mask).astype(np.int32) + np.zeros_like(ids, np.int32),
    }


def expected(backbone: Any, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The encoder's own outputs."""
    outputs = backbone(
        {
            "token_ids": inputs["input_word_ids"],
            "padding_mask": inputs["input_mask"],
            "segment_ids": inputs["input_type_ids"],
        }
    )
    return {name: ops.convert_to_numpy(value) for name, value in outputs.items()}


@pytest.mark.parametrize("scale", [USUAL, LARGE])
@pytest.mark.parametrize("gelu", ["tanh", "erf"])
def test_outputs_are_those_of_the_encoder(exported: Callable, scale: float, gelu: str) -> None:
    """Short, usual and longest texts, padded or not: what hub.load gives differs by less than 1e-5."""
    folder, backbone = exported(scale=scale, gelu=gelu)
    loaded = hub.load(str(folder))
    for length in (8, 128, 512):
        for padded in (False, True):
            inputs = batch(length, padded)
            outputs, own = loaded(inputs), expected(backbone, inputs)
            for name in ("pooled_output", "sequence_output"):
                np.testing.assert_allclose(outputs[name], own[name], rtol=0, atol=1e-5, err_msg=f"{name} at {length}")
            np.testing.assert_array_equal(outputs["default"], outputs["pooled_output"])


def test_forms_of_gelu_differ_with_large_weights(exported: Callable) -> None:
    """The comparison above would see the wrong form of GELU."""
    outputs = [hub.load(str(exported(scale=LARGE, gelu=gelu)[0]))(batch(8, False)) for gelu in ("tanh", "erf")]
    assert np.abs(outputs[0]["sequence_output"] - outputs[1]["sequence_output"]).max() > 1e-4


def test_outputs_of_each_layer_are_given(exported: Callable) -> None:
    """encoder_outputs begins with what an encoder of only the first layer gives and ends with sequence_output."""
    folder, backbone = exported(scale=LARGE)
    first = build_backbone(read_encoder(folder / "assets.extra/export.json")["architecture"] | {"num_layers": 1})
    weights = {variable.path: variable for variable in backbone.trainable_variables}
    for variable in first.trainable_variables:
        variable.assign(weights[variable.path])
    inputs = batch(8, padded=True)
    outputs = hub.load(str(folder))(inputs)
    assert set(outputs) == {"pooled_output", "sequence_output", "encoder_outputs", "default"}
    assert len(outputs["encoder_outputs"]) == 2
    np.testing.assert_allclose(
        outputs["encoder_outputs"][0], expected(first, inputs)["sequence_output"], rtol=0, atol=1e-5
    )
    np.testing.assert_array_equal(outputs["encoder_outputs"][1], outputs["sequence_output"])


def test_attributes_are_those_of_published_encoders(exported: Callable) -> None:
    """Variables with TF Hub's names, shapes and order; vocabulary and lower-casing as its first encoders have them."""
    for lower_case in (True, False):
        loaded = hub.load(str(exported(layers=1, lower_case=lower_case)[0]))
        assert {v.name: v.shape.as_list() for v in loaded.trainable_variables} == TFHUB_VARIABLES
        assert [v.name for v in loaded.variables] == [*TFHUB_VARIABLES, "do_lower_case:0"]
        assert list(loaded.regularization_losses) == []
        assert bool(loaded.do_lower_case) is lower_case
        vocabulary = Path(loaded.vocab_file.asset_path.numpy().decode())
        assert vocabulary.name == "vocab.txt"
        assert vocabulary.read_text().split() == VOCABULARY


def test_signature_serves_without_python(exported: Callable) -> None:
    """serving_default takes the three inputs by name and gives the same outputs, the layers as numbered entries."""
    loaded = hub.load(str(exported()[0]))
    inputs = batch(8, padded=True)
    signature = loaded.signatures["serving_default"]
    assert {name: spec.dtype for name, spec in signature.structured_input_signature[1].items()} == dict.fromkeys(
        inputs, tf.int32
    )
    served, outputs = signature(**{name: tf.constant(value) for name, value in inputs.items()}), loaded(inputs)
    layers = outputs.pop("encoder_outputs")
    for name, value in (outputs | {f"encoder_outputs_{i}": layer for i, layer in enumerate(layers)}).items():
        np.testing.assert_allclose(served.pop(name), value, rtol=0, atol=1e-6)
    assert not served


def test_keras_layer_fine_tunes_it(exported: Callable, tmp_path: Path) -> None:
    """In a process without this project hub.KerasLayer runs it frozen, and trains it with dropout on."""
    program = tmp_path / "fine_tuning.py"
    program.write_text(FINE_TUNING)
    ours = ("TF_DETERMINISTIC_OPS", "KERAS_BACKEND", "PYTHONPATH")
    subprocess.run(
        [sys.executable, str(program), str(exported()[0]), str(tmp_path / "found.json")],
        env={key: value for key, value in os.environ.items() if key not in ours} | {"CUDA_VISIBLE_DEVICES": "-1"},
        cwd=tmp_path,
        check=True,
        timeout=300,
    )
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["frozen"] == 0
    assert found["frozen_dropout"] == 0
    assert found["dropout"] > 1e-2
    assert found["no_dropout"] < 1e-6
    assert found["losses"] == 0
    assert found["finite"]
    # A key's bias adds the same to all scores of a query, so that its gradient is zero but for rounding.
    assert all(name.endswith("/key/bias:0") for name in found["unchanged"])
    assert found["changed"] >= 5 + 2 * 15 + 2
    assert found["modules"] == []


@pytest.mark.parametrize("gelu", ["tanh", "erf"])
def test_round_trip(exported: Callable, gelu: str) -> None:
    """What is exported is read back as a published encoder: the same weights, vocabulary and kind of GELU."""
    folder, backbone = exported(scale=LARGE, gelu=gelu)
    published = read_published("savedmodel", folder, None)
    assert published.vocabulary == VOCABULARY
    assert published.lower_case is True
    assert published.architecture == read_encoder(folder / "assets.extra/export.json")["architecture"]
    again = build_backbone(published.architecture)
    assign(again, published.tensors, str(folder))
    for one, other in zip(backbone.trainable_variables, again.trainable_variables, strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(one), ops.convert_to_numpy(other), err_msg=one.path)


def test_fine_tuned_run_comes_with_its_head(run: dict[str, Path], tmp_path: Path) -> None:
    """The encoder of a trained classifier is exported in float32; with the head beside it the logits are the same."""
    job = SimpleNamespace(
        threads=2,
        input=SimpleNamespace(**run),
        output=SimpleNamespace(folder=tmp_path / "seed-1"),
        wildcards=SimpleNamespace(exported="runs/small/seed-1"),
    )
    main(job)
    loaded = hub.load(str(tmp_path / "seed-1"))
    inputs = batch(8, padded=True) | {"input_type_ids": np.zeros((3, 8), np.int32)}
    head = np.load(tmp_path / "seed-1/assets.extra/head.npz", allow_pickle=False)
    logits = loaded(inputs)["pooled_output"] @ head["kernel"] + head["bias"]
    float32 = {"training": TRAINING | {"precision": "float32"}}
    classifier = restore_classifier(EncoderFiles.of(run), float32, 3, 0)
    np.testing.assert_allclose(logits, classifier(inputs["input_word_ids"]), rtol=0, atol=1e-5)
    assert head["names"].tolist() == ["bad", "fair", "göod"]
    assert head["pooling"] == "pooler"
    assert np.abs(head["bias"]).max() > 0
    record = json.loads((tmp_path / "seed-1/assets.extra/export.json").read_text())
    assert record["exported"] == "runs/small/seed-1"
    assert record["parameters"] == sum(int(tf.size(v)) for v in loaded.trainable_variables)
    assert (record["lower_case"], record["tensorflow"]) == (True, tf.__version__)


def test_same_encoder_gives_the_same_files(exported: Callable, encoder: Callable, tmp_path: Path) -> None:
    """Weights, vocabulary and record are equal byte for byte; there is no head where there is no classifier."""
    folder, _ = exported()
    export_encoder(EncoderFiles.of(encoder()), target=tmp_path / "again", exported="encoders/small")
    names = ("variables/variables.data-00000-of-00001", "assets/vocab.txt", "assets.extra/export.json")
    for name in names:
        assert (folder / name).read_bytes() == (tmp_path / "again" / name).read_bytes(), name
    assert not (folder / "assets.extra/head.npz").exists()


def test_weights_of_something_else_are_refused(run: dict[str, Path], encoder: Callable, tmp_path: Path) -> None:
    """A classifier's weights are no encoder's, and the other way round."""
    with pytest.raises(BadInput, match=r"model\.weights\.h5: .*does not hold the weights"):
        export_encoder(EncoderFiles.of(run), target=tmp_path / "a", exported="a")
    with pytest.raises(BadInput, match=r"encoder\.weights\.h5: .*does not hold the weights"):
        export_encoder(EncoderFiles.of(encoder()), target=tmp_path / "b", exported="b", head=Head(["x", "y"], "pooler"))
    assert list(tmp_path.iterdir()) == []


def test_failure_leaves_nothing(run: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is full when all but the last file is written: neither a half-written model nor scratch files."""

    def full(*_: Any, **__: Any) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(saved_model.np, "savez", full)
    head = Head(["a", "b", "c"], "pooler")
    with pytest.raises(OSError, match="No space"):
        export_encoder(EncoderFiles.of(run), target=tmp_path / "small", exported="runs/small", head=head)
    assert list(tmp_path.iterdir()) == []
