"""PublishedEncoder encoders: outputs as their publishers' own code gives them, and what is refused.

The expected outputs were computed by Model Garden and by transformers (bench/encoder_equality).
"""

import hashlib
import json
import re
import runpy
import shutil
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
import safetensors.numpy
import tensorflow as tf
import tensorflow_text  # noqa: F401 (registers the operations of preprocessing models)
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops
from keras_hub.models import BertBackbone, BertTextClassifier, BertTextClassifierPreprocessor, BertTokenizer
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel
from tensorflow.core.protobuf.trackable_object_graph_pb2 import TrackableObjectGraph

from bert_ladder.data.wordpiece import read_vocabulary, tokenize_frame
from bert_ladder.encoders.backbones import assign, backbone_tensors
from bert_ladder.encoders.bert_tensors import PublishedEncoder, check_vocabulary, tensor_shapes
from bert_ladder.encoders.families.bert import ARCHITECTURE, bert_encoder, build_backbone
from bert_ladder.encoders.normal_form import save_encoder
from bert_ladder.encoders.readers import folder_encoder, read_published
from bert_ladder.encoders.tensorflow_files import preprocessing_tokenization
from bert_ladder.encoders.vocabulary import wordpiece_vocabulary
from bert_ladder.runtime.jobs import BadInput
from bert_ladder.training.classifier import TokenBatches, build_classifier
from damage import damaged

PROJECT = Path(__file__).parents[3]
BENCH = PROJECT / "bench" / "encoder_equality"
FIXTURES = PROJECT / "tests" / "fixtures" / "encoders"
SEEDED = runpy.run_path(str(BENCH / "seeded.py"))
TF1 = runpy.run_path(str(BENCH / "tf1_checkpoint.py"))
SMALL: dict[str, Any] = SEEDED["SMALL"]
VOCABULARY: list[str] = SEEDED["small_vocabulary"]()
SCALES = ("usual", "large")
TOLERANCE = 1e-5
VISIBLE = 1e-3
OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every fixture unpacked into a folder of its name; tests change copies only."""
    root = tmp_path_factory.mktemp("published")
    for file in FIXTURES.glob("*.tar.gz"):
        with tarfile.open(file) as archive:
            archive.extractall(root / file.name.removesuffix(".tar.gz"), filter="data")
    for file in FIXTURES.glob("*.zip"):
        with zipfile.ZipFile(file) as archive:
            archive.extractall(root / file.stem)
    return root


@pytest.fixture
def copied(originals: Path, tmp_path: Path) -> Callable[[str], Path]:
    """Copies a fixture's folder, so that a test can spoil it."""
    return lambda name: Path(shutil.copytree(originals / name, tmp_path / "copy" / name))


def checkpoint_folder(root: Path, scale: str) -> Path:
    """Where a checkpoint's zip has its files."""
    return root / f"checkpoint_{scale}" / "uncased_L-2_H-32_A-2"


def encoder_of(published: PublishedEncoder, **changes: str) -> BertBackbone:
    """An encoder with published weights."""
    backbone = build_backbone(published.architecture | changes)
    assign(backbone, published.tensors, "the test")
    return backbone


def outputs_of(backbone: BertBackbone, batch: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Pooled and sequence output of a batch given as TF Hub's inputs."""
    outputs = backbone(
        {
            "token_ids": batch["input_word_ids"],
            "padding_mask": batch["input_mask"],
            "segment_ids": batch["input_type_ids"],
        }
    )
    return ops.convert_to_numpy(outputs["pooled_output"]), ops.convert_to_numpy(outputs["sequence_output"])


def deviation(backbone: BertBackbone, expected: str, prefix: str, most: int = 32) -> float:
    """The largest difference from a fixture's outputs, over all batches, pooled and sequence."""
    batches = SEEDED["seeded_batches"](backbone.vocabulary_size)
    ours = {name: outputs_of(backbone, batch) for name, batch in batches.items()}
    kept = SEEDED["kept_outputs"](ours, most, prefix)
    assert len(kept) == 2 * 6
    with np.load(FIXTURES / expected) as theirs:
        return max(float(np.abs(array - theirs[name]).max()) for name, array in kept.items())


@pytest.mark.parametrize("scale", SCALES)
def test_tfhub_encoder_has_the_outputs_of_its_saved_model(originals: Path, scale: str) -> None:
    """Model Garden's export gives the same outputs run by TensorFlow, kept from Model Garden, and here."""
    published = read_published("savedmodel", originals / f"tfhub_{scale}")
    backbone = encoder_of(published)
    assert published.architecture["num_heads"] == 2
    assert deviation(backbone, "outputs_model_garden.npz", f"{scale} ") <= TOLERANCE
    theirs = tf.saved_model.load(str(originals / f"tfhub_{scale}"))
    for batch in SEEDED["seeded_batches"](SMALL["vocab_size"]).values():
        output = theirs({name: tf.constant(values) for name, values in batch.items()})
        pooled, sequence = outputs_of(backbone, batch)
        np.testing.assert_allclose(pooled, output["pooled_output"], rtol=0, atol=TOLERANCE)
        np.testing.assert_allclose(sequence, output["sequence_output"], rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("scale", SCALES)
def test_checkpoint_has_the_outputs_of_model_garden(originals: Path, scale: str) -> None:
    """A checkpoint in google-research's form gives what Model Garden made of it."""
    published = read_published("checkpoint", checkpoint_folder(originals, scale))
    assert deviation(encoder_of(published), "outputs_model_garden.npz", f"{scale} ") <= TOLERANCE


@pytest.mark.parametrize("name", ["uncased_L-4_H-256_A-4", "uncased_L-8_H-512_A-8"])
@pytest.mark.parametrize("scale", SCALES)
def test_published_names_and_shapes_have_the_outputs_of_model_garden(
    shared_checkpoints: Path, tmp_path: Path, name: str, scale: str
) -> None:
    """A checkpoint with the tensors of a published one's genuine index gives what Model Garden made of it."""
    genuine = shared_checkpoints / name
    config = json.loads((genuine / "bert_config.json").read_text())
    shapes = TF1["index_shapes"](genuine / "bert_model.ckpt")
    tensors = SEEDED["seeded_tensors"](
        shapes, SEEDED["DEVIATIONS"][scale][config["hidden_size"]], SEEDED["SEEDS"][scale]
    )
    TF1["write_checkpoint"](tensors, tmp_path / "bert_model.ckpt")
    shutil.copy(genuine / "bert_config.json", tmp_path)
    published = read_published("checkpoint", tmp_path)
    assert {f"bert/{tensor}" for tensor in published.tensors} == {n for n in shapes if n.startswith("bert/")}
    assert deviation(encoder_of(published), f"outputs_{name}.npz", f"{scale} ", 8) <= TOLERANCE
    if scale == "large":
        assert deviation(encoder_of(published, gelu="erf"), f"outputs_{name}.npz", f"{scale} ", 8) > VISIBLE


def test_small_checkpoint_is_named_like_the_published_ones(shared_checkpoints: Path) -> None:
    """The fixture that needs no genuine index has the names and shapes such an index has."""
    folders = list(shared_checkpoints.iterdir())
    assert folders
    for folder in folders:
        config = json.loads((folder / "bert_config.json").read_text())
        assert TF1["checkpoint_shapes"](config) == TF1["index_shapes"](folder / "bert_model.ckpt")


@pytest.mark.parametrize("form", ["erf", "tanh"])
@pytest.mark.parametrize("scale", SCALES)
def test_hugging_face_model_has_the_outputs_of_transformers(
    copied: Callable[[str], Path], scale: str, form: str
) -> None:
    """Either form of GELU is taken from the configuration."""
    folder = copied("hugging_face") / scale
    with_activation(folder, {"erf": "gelu", "tanh": "gelu_new"}[form])
    published = read_published("huggingface", folder)
    assert published.architecture["gelu"] == form
    assert deviation(encoder_of(published), "outputs_hugging_face.npz", f"{scale} {form} ") <= TOLERANCE


@pytest.mark.parametrize("weights", ["large_zip.bin", "large_legacy.bin", "large_bfloat16/model.safetensors"])
def test_hugging_face_weights_in_every_file_format(copied: Callable[[str], Path], weights: str) -> None:
    """Older files, with "bert." before the names and heads beside the encoder, and half the precision."""
    root = copied("hugging_face")
    folder = root / "large"
    (folder / "model.safetensors").unlink()
    shutil.copy(
        root / weights, folder / ("model.safetensors" if weights.endswith("safetensors") else "pytorch_model.bin")
    )
    published = read_published("huggingface", folder)
    assert all(array.dtype == np.float32 for array in published.tensors.values())
    assert deviation(encoder_of(published), "outputs_hugging_face.npz", "large erf ") <= TOLERANCE


def test_older_names_of_layer_norms(copied: Callable[[str], Path]) -> None:
    """Files converted from TensorFlow call them gamma and beta."""
    folder = copied("hugging_face") / "large"
    rewrite_safetensors(
        folder,
        lambda tensors: {
            f"bert.{name.replace('LayerNorm.weight', 'LayerNorm.gamma').replace('LayerNorm.bias', 'LayerNorm.beta')}": t
            for name, t in tensors.items()
        },
    )
    published = read_published("huggingface", folder)
    assert deviation(encoder_of(published), "outputs_hugging_face.npz", "large erf ") <= TOLERANCE


def test_half_and_double_precision(copied: Callable[[str], Path]) -> None:
    """Other floating-point types become float32."""
    folder = copied("hugging_face") / "usual"
    single = read_published("huggingface", folder)
    for dtype in (np.float16, np.float64):
        rewrite_safetensors(folder, lambda tensors, d=dtype: {name: t.astype(d) for name, t in tensors.items()})
        published = read_published("huggingface", folder)
        for name, array in published.tensors.items():
            assert array.dtype == np.float32
            np.testing.assert_allclose(array, single.tensors[name], rtol=1e-3, atol=1e-7)


def test_the_forms_of_gelu_differ_visibly() -> None:
    """With large weights the wrong form would be seen, with BERT's own it would hide."""
    with np.load(FIXTURES / "outputs_hugging_face.npz") as outputs:

        def apart(scale: str) -> float:
            names = [name for name in outputs.files if name.startswith(f"{scale} erf ")]
            return max(float(np.abs(outputs[n] - outputs[n.replace(" erf ", " tanh ")]).max()) for n in names)

        assert apart("large") > VISIBLE
        assert apart("usual") < VISIBLE


@pytest.mark.parametrize(("kind", "wrong"), [("savedmodel", "erf"), ("checkpoint", "erf"), ("huggingface", "tanh")])
def test_the_wrong_form_of_gelu_would_be_seen(originals: Path, kind: str, wrong: str) -> None:
    """The comparisons above tell the forms apart."""
    folder, expected, prefix = {
        "savedmodel": (originals / "tfhub_large", "outputs_model_garden.npz", "large "),
        "checkpoint": (checkpoint_folder(originals, "large"), "outputs_model_garden.npz", "large "),
        "huggingface": (originals / "hugging_face" / "large", "outputs_hugging_face.npz", "large erf "),
    }[kind]
    assert deviation(encoder_of(read_published(kind, folder), gelu=wrong), expected, prefix) > VISIBLE


def test_form_of_gelu_survives_saving(originals: Path, tmp_path: Path) -> None:
    """The form belongs to the architecture, so that weights loaded later compute the same."""
    published = read_published("huggingface", originals / "hugging_face" / "large")
    encoder_of(published).save_weights(tmp_path / "encoder.weights.h5")
    backbone = build_backbone(published.architecture)
    backbone.load_weights(tmp_path / "encoder.weights.h5")
    assert deviation(backbone, "outputs_hugging_face.npz", "large erf ") <= TOLERANCE
    with pytest.raises(BadInput, match=r"gelu is 'relu'; it is 'tanh' or 'erf'"):
        build_backbone(published.architecture | {"gelu": "relu"})


def test_same_weights_as_keras_hubs_own_converter(copied: Callable[[str], Path]) -> None:
    """KerasHub's converter, which knows the tanh form only, gives the same weights, and so the same outputs."""
    folder = copied("hugging_face") / "large"
    with_activation(folder, "gelu_new")
    converted = BertBackbone.from_preset(str(folder), dtype="float32")
    ours = read_published("huggingface", folder)
    theirs = backbone_tensors(converted)
    assert set(ours.tensors) == set(theirs)
    for name, array in ours.tensors.items():
        np.testing.assert_array_equal(array, theirs[name])
    for batch in SEEDED["seeded_batches"](SMALL["vocab_size"]).values():
        for one, other in zip(outputs_of(encoder_of(ours), batch), outputs_of(converted, batch), strict=True):
            np.testing.assert_allclose(one, other, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("whole", [True, False])
def test_keras_hub_preset(originals: Path, tmp_path: Path, whole: bool) -> None:
    """A preset of an encoder and its tokenizer, or of a whole classifier, gives the encoder that was saved."""
    original = encoder_of(read_published("savedmodel", originals / "tfhub_large"))
    tokenizer = BertTokenizer(VOCABULARY, lowercase=True)
    if whole:
        preprocessor = BertTextClassifierPreprocessor(tokenizer, sequence_length=24)
        classifier = BertTextClassifier(original, num_classes=2, preprocessor=preprocessor)
        classifier.save_to_preset(str(tmp_path))
    else:
        original.save_to_preset(str(tmp_path))
        tokenizer.save_to_preset(str(tmp_path))
    published = read_published("keras", tmp_path)
    assert published.lower_case is True
    assert published.vocabulary == VOCABULARY
    assert deviation(encoder_of(published), "outputs_model_garden.npz", "large ") <= TOLERANCE


def test_keras_hub_preset_without_tokenizer(originals: Path, tmp_path: Path) -> None:
    """A preset of an encoder alone has no vocabulary."""
    encoder_of(read_published("savedmodel", originals / "tfhub_usual")).save_to_preset(str(tmp_path))
    published = read_published("keras", tmp_path)
    assert (published.lower_case, published.vocabulary) == (None, None)


def test_vocabulary_and_lower_case(copied: Callable[[str], Path]) -> None:
    """Each source says what it knows."""
    root = copied("hugging_face")
    folder = root / "usual"
    assert (read_published("huggingface", folder).lower_case, read_published("huggingface", folder).vocabulary) == (
        None,
        None,
    )
    shutil.copytree(root / "tokenizer", folder, dirs_exist_ok=True)
    by_json = read_published("huggingface", folder)
    assert (by_json.lower_case, by_json.vocabulary) == (True, VOCABULARY)
    (folder / "vocab.txt").write_text("".join(f"{piece}\n" for piece in VOCABULARY))
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer_config.json").write_text('{"do_lower_case": false}')
    by_text = read_published("huggingface", folder)
    assert (by_text.lower_case, by_text.vocabulary) == (False, VOCABULARY)
    checkpoint = read_published("checkpoint", checkpoint_folder(copied("checkpoint_usual").parent, "usual"))
    assert (checkpoint.lower_case, checkpoint.vocabulary) == (None, VOCABULARY)


@pytest.mark.parametrize(("case", "lower_case"), [("uncased", True), ("cased", False)])
def test_preprocessing_model_tells_vocabulary_and_lower_case(
    copied: Callable[[str], Path], originals: Path, case: str, lower_case: bool
) -> None:
    """An encoder's own word comes first; where it carries none, that of its preprocessing counts."""
    preprocessing = originals / f"preprocessing_{case}"
    assert preprocessing_tokenization(preprocessing) == (lower_case, VOCABULARY)
    own = read_published("savedmodel", originals / "tfhub_usual", preprocessing)
    assert (own.lower_case, own.vocabulary) == (True, VOCABULARY)
    folder = copied("tfhub_usual")
    without_tokenization(folder)
    bare = read_published("savedmodel", folder)
    assert (bare.lower_case, bare.vocabulary) == (None, None)
    completed = read_published("savedmodel", folder, preprocessing)
    assert (completed.lower_case, completed.vocabulary) == (lower_case, VOCABULARY)


def test_tensors_have_the_shapes_they_promise(originals: Path) -> None:
    """Names, shapes and type are the same whatever the source."""
    folders = {
        "savedmodel": originals / "tfhub_usual",
        "checkpoint": checkpoint_folder(originals, "usual"),
        "huggingface": originals / "hugging_face" / "usual",
    }
    for kind, folder in folders.items():
        published = read_published(kind, folder)
        assert set(published.architecture) == {*ARCHITECTURE, "gelu"}
        assert {n: t.shape for n, t in published.tensors.items()} == tensor_shapes(published.architecture)
        assert {t.dtype for t in published.tensors.values()} == {np.dtype(np.float32)}


def test_saved_model_under_other_names(copied: Callable[[str], Path], originals: Path) -> None:
    """Names as hub.load shows them for TF Hub's encoders, with ":0", in a scope, and with a language model's head."""
    expected = read_published("savedmodel", originals / "tfhub_usual").tensors
    folder = copied("tfhub_usual")
    renamings = {
        "index": lambda name: f"{name}:0",
        "scope": lambda name: f"bert_encoder/{name}",
        "both": lambda name: f"bert_encoder/{name}:0",
    }
    for rename in renamings.values():
        shutil.copytree(originals / "tfhub_usual" / "variables", folder / "variables", dirs_exist_ok=True)
        head = {"cls/predictions/output_bias:0": np.zeros(200, "f4"), "save_counter": np.int64(1)}
        rewrite_variables(folder, lambda variables, r=rename, h=head: {r(n): v for n, v in variables.items()} | h)
        tensors = read_published("savedmodel", folder).tensors
        assert set(tensors) == set(expected)
        assert all(np.array_equal(tensors[name], array) for name, array in expected.items())


TENSORS = {
    "savedmodel": ("transformer/layer_1/output/bias", "transformer/layer_1/adapter/kernel"),
    "checkpoint": ("bert/encoder/layer_1/output/dense/bias", "bert/encoder/layer_1/adapter/kernel"),
    "huggingface": ("encoder.layer.1.output.dense.bias", "encoder.layer.1.adapter.weight"),
}


@pytest.mark.parametrize("kind", TENSORS)
@pytest.mark.parametrize("what", ["missing", "extra", "misshapen"])
def test_tensors_that_are_not_a_berts_are_named(copied: Callable[[str], Path], kind: str, what: str) -> None:
    """A missing, an extra or a misshapen tensor is told by name, and by both shapes."""
    own, foreign = TENSORS[kind]

    def edit(tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        if what == "missing":
            return {name: array for name, array in tensors.items() if name != own}
        return tensors | ({foreign: np.zeros(3, "f4")} if what == "extra" else {own: np.zeros(31, "f4")})

    folder = rewritten(copied, kind, edit)
    sentence = {
        "missing": "missing: encoder/layer_1/output/dense/bias;",
        "extra": f"extra: {foreign.removeprefix('bert/')};",
        "misshapen": "misshapen: encoder/layer_1/output/dense/bias ((31,) instead of (32,));",
    }[what]
    with pytest.raises(BadInput, match=re.escape(f"{folder}: does not hold the tensors of the BERT it describes")) as e:
        read_published(kind, folder)
    assert sentence in str(e.value)


@pytest.mark.parametrize("kind", TENSORS)
def test_a_model_without_word_embeddings_is_no_bert(copied: Callable[[str], Path], kind: str) -> None:
    """What it holds instead is shown."""
    folder = rewritten(copied, kind, lambda tensors: {f"weights_{i}": t for i, t in enumerate(tensors.values())})
    with pytest.raises(BadInput, match=r"is no BERT: none of its \d+ tensors is .* it holds weights_0, weights_1"):
        read_published(kind, folder)


@pytest.mark.parametrize("kind", TENSORS)
def test_two_encoders_in_one_model_are_refused(copied: Callable[[str], Path], kind: str) -> None:
    """Which of them is meant cannot be known."""
    separator = "." if kind == "huggingface" else "/"
    folder = rewritten(
        copied, kind, lambda tensors: tensors | {f"second{separator}{name}": t for name, t in tensors.items()}
    )
    with pytest.raises(BadInput, match=r"holds several encoders, .*second.*; name a source with one encoder"):
        read_published(kind, folder)


def test_assign_names_what_does_not_fit_and_changes_nothing(originals: Path) -> None:
    """The first few of each kind are named, the others counted."""
    published = read_published("checkpoint", checkpoint_folder(originals, "usual"))
    backbone = build_backbone(published.architecture)
    before = backbone_tensors(backbone)
    tensors = {name: t for name, t in published.tensors.items() if "/self/" not in name}
    tensors |= {"encoder/layer_0/attention/self/query/weight": np.zeros(3), "pooler/dense/bias": np.zeros(4)}
    with pytest.raises(BadInput) as error:
        assign(backbone, tensors, "somewhere")
    assert "missing: encoder/layer_0/attention/self/query/kernel, " in str(error.value)
    assert " and 7 more; extra: encoder/layer_0/attention/self/query/weight; " in str(error.value)
    assert "misshapen: pooler/dense/bias ((4,) instead of (32,));" in str(error.value)
    assert all(np.array_equal(array, before[name]) for name, array in backbone_tensors(backbone).items())


def test_vocabulary_of_another_size_is_refused(copied: Callable[[str], Path]) -> None:
    """Wherever the vocabulary comes from."""
    message = r"the embedding table has 200 rows and the vocabulary 199 WordPieces; bring the vocabulary"
    with pytest.raises(BadInput, match=r"somewhere: " + message):
        check_vocabulary({"vocabulary_size": 200}, VOCABULARY[:-1], "somewhere")
    shorter = "".join(f"{piece}\n" for piece in VOCABULARY[:-1])
    checkpoint = checkpoint_folder(copied("checkpoint_usual").parent, "usual")
    (checkpoint / "vocab.txt").write_text(shorter)
    encoder = copied("tfhub_usual")
    (encoder / "assets" / "vocab.txt").write_text(shorter)
    hugging_face = copied("hugging_face") / "usual"
    (hugging_face / "vocab.txt").write_text(shorter)
    for kind, folder in (("checkpoint", checkpoint), ("savedmodel", encoder), ("huggingface", hugging_face)):
        with pytest.raises(BadInput, match=message):
            read_published(kind, folder)


def test_saved_model_that_is_no_bert_encoder(copied: Callable[[str], Path], originals: Path, tmp_path: Path) -> None:
    """Another interface, other sizes than a BERT's, no GELU, or nothing at all."""
    with pytest.raises(BadInput, match=r"is no BERT encoder: its inputs are sentences, not input_mask, input_type_ids"):
        read_published("savedmodel", originals / "preprocessing_uncased")
    with pytest.raises(BadInput, match=r"is no preprocessing for BERT: it does not cut text into WordPieces"):
        preprocessing_tokenization(originals / "tfhub_usual")
    with pytest.raises(BadInput, match=r"is no SavedModel, saved_model.pb is missing"):
        read_published("savedmodel", tmp_path)
    (tmp_path / "saved_model.pb").write_bytes(b"\xff" * 100)
    with pytest.raises(BadInput, match=r"saved_model.pb: is damaged"):
        read_published("savedmodel", tmp_path)
    (tmp_path / "saved_model.pb").write_bytes(b"")
    with pytest.raises(BadInput, match=r"saved_model.pb: holds no graph to serve"):
        read_published("savedmodel", tmp_path)
    folder = copied("tfhub_usual")
    rewrite_description(folder, without_gelu)
    with pytest.raises(BadInput, match=r"is no BERT encoder: no form of GELU is in its graph"):
        read_published("savedmodel", folder)
    albert = copied("tfhub_large")
    rewrite_variables(albert, lambda variables: {n.replace("layer_", "group_"): v for n, v in variables.items()})
    with pytest.raises(BadInput, match=r"is no BERT encoder: transformer/layer_0/self_attention/query/kernel"):
        read_published("savedmodel", albert)


def test_saved_model_with_the_error_function(copied: Callable[[str], Path]) -> None:
    """An encoder exported with the exact form of GELU is read as one."""
    folder = copied("tfhub_usual")

    def with_erf(model: SavedModel) -> None:
        for function in model.meta_graphs[0].graph_def.library.function:
            for node in function.node_def:
                node.op = "Erf" if node.op == "Tanh" else node.op

    rewrite_description(folder, with_erf)
    assert read_published("savedmodel", folder).architecture["gelu"] == "erf"


def test_an_asset_outside_the_model_is_not_read(copied: Callable[[str], Path], tmp_path: Path) -> None:
    """A description cannot make us read a file elsewhere."""
    folder = copied("tfhub_usual")
    (tmp_path / "secret.txt").write_text("secret\n")

    def lead_out(model: SavedModel) -> None:
        model.meta_graphs[0].asset_file_def[0].filename = str(tmp_path / "secret.txt")

    rewrite_description(folder, lead_out)
    with pytest.raises(BadInput, match=r"assets/secret\.txt: the model's vocabulary is missing; bring the whole model"):
        read_published("savedmodel", folder)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            {"model_type": "roberta"},
            r"model_type is 'roberta', and a BERT encoder has 'bert' there; name another",
        ),
        ({"hidden_act": "relu"}, r"hidden_act is 'relu', and a BERT encoder has 'gelu' or "),
        ({"layer_norm_eps": 1e-5}, r"layer_norm_eps is 1e-05, and a BERT encoder has 1e-12 there"),
        ({"position_embedding_type": "relative_key"}, r"position_embedding_type is 'relative_key'"),
        ({"is_decoder": True}, r"is_decoder is True"),
        ({"num_hidden_layers": 1_000_000_000}, r"num_hidden_layers is 1,000,000,000, more than 1,000"),
        ({"num_hidden_layers": 0}, r"describes no BERT: num_hidden_layers \(0\); each of them"),
        ({"vocab_size": "200"}, r"describes no BERT: vocab_size \('200'\)"),
        ({"num_attention_heads": 3}, r"hidden_size 32 cannot be shared by num_attention_heads 3"),
        ({"num_hidden_layers": 3}, r"missing: encoder/layer_2/attention/self/query/kernel"),
        ({"hidden_size": 64}, r"misshapen: embeddings/word_embeddings \(\(200, 32\) instead of \(200, 64\)\)"),
    ],
)
def test_configuration_of_another_model_is_refused(
    copied: Callable[[str], Path], change: dict[str, Any], sentence: str
) -> None:
    """Whatever BERT's own architecture cannot stand for is told by its key."""
    folder = copied("hugging_face") / "usual"
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(BadInput, match=sentence):
        read_published("huggingface", folder)


@pytest.mark.parametrize("content", [None, "", "[]", "{}", "{'a': 1}", '{"hidden_act": []}', "[" * 100_000])
@pytest.mark.parametrize("kind", ["checkpoint", "huggingface", "keras"])
def test_bad_configuration_is_refused(tmp_path: Path, kind: str, content: str | None) -> None:
    """A configuration that is missing or none gives a sentence with the file's name."""
    path = tmp_path / ("bert_config.json" if kind == "checkpoint" else "config.json")
    if content is not None:
        path.write_text(content)
    with pytest.raises(BadInput, match=re.escape(f"{path}: ")):
        read_published(kind, tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        *("{}", "[1]", '{"model": {"type": "BPE"}}', '{"model": {"type": "WordPiece", "vocab": {"a": 0, "b": 2}}}'),
        '{"model": {"type": "WordPiece", "vocab": {"a": [0]}}}',
        json.dumps(
            {"model": {"type": "WordPiece", "vocab": {piece: i for i, piece in enumerate([*VOCABULARY, "\ud83d"])}}}
        ),
    ],
)
def test_tokenizer_without_wordpieces_is_refused(copied: Callable[[str], Path], content: str) -> None:
    """A tokenizer.json of another kind is no vocabulary."""
    folder = copied("hugging_face") / "usual"
    (folder / "tokenizer.json").write_text(content)
    with pytest.raises(BadInput, match=r"tokenizer\.json: holds no"):
        read_published("huggingface", folder)


def test_tokenizer_configuration_that_says_neither_is_refused(copied: Callable[[str], Path]) -> None:
    """Lower-casing is true or false."""
    folder = copied("hugging_face") / "usual"
    (folder / "tokenizer_config.json").write_text('{"do_lower_case": "yes"}')
    with pytest.raises(BadInput, match=r"tokenizer_config\.json: do_lower_case is 'yes'; write true or false"):
        read_published("huggingface", folder)


def test_missing_weights_are_refused(copied: Callable[[str], Path]) -> None:
    """The file to bring is named."""
    folder = copied("hugging_face") / "usual"
    (folder / "model.safetensors").unlink()
    with pytest.raises(
        BadInput, match=r"has neither model\.safetensors nor pytorch_model\.bin nor an ONNX file; bring one"
    ):
        read_published("huggingface", folder)
    checkpoint = checkpoint_folder(copied("checkpoint_usual").parent, "usual")
    (checkpoint / "bert_model.ckpt.data-00000-of-00001").unlink()
    with pytest.raises(BadInput, match=r"its data file, bert_model\.ckpt\.data-00000-of-00001, is missing; bring it"):
        read_published("checkpoint", checkpoint)
    (checkpoint / "bert_model.ckpt.index").unlink()
    with pytest.raises(BadInput, match=r"has no \*\.index; a folder with one checkpoint"):
        read_published("checkpoint", checkpoint)


def test_a_checkpoint_of_another_name_is_taken_if_it_is_the_only_one(copied: Callable[[str], Path]) -> None:
    """One's own checkpoints are called model.ckpt-1000."""
    folder = checkpoint_folder(copied("checkpoint_usual").parent, "usual")
    for file in folder.glob("bert_model.ckpt.*"):
        file.rename(folder / file.name.replace("bert_model.ckpt", "model.ckpt-1000"))
    assert len(read_published("checkpoint", folder).tensors) == 39
    for file in list(folder.glob("model.ckpt-1000.*")):
        shutil.copy(file, folder / file.name.replace("1000", "2000"))
    with pytest.raises(BadInput, match=r"has model\.ckpt-1000, model\.ckpt-2000; a folder with one checkpoint"):
        read_published("checkpoint", folder)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("checkpoint", "bert_model.ckpt.index"),
        ("checkpoint", "bert_model.ckpt.data-00000-of-00001"),
        ("savedmodel", "saved_model.pb"),
        ("savedmodel", "variables/variables.index"),
        ("savedmodel", "variables/variables.data-00000-of-00001"),
        ("huggingface", "model.safetensors"),
        ("keras", "model.weights.h5"),
        ("keras", "tokenizer.json"),
    ],
)
@pytest.mark.parametrize("left", [0.0, 0.01, 0.5, 0.9])
def test_truncated_files_are_refused(
    copied: Callable[[str], Path], tmp_path: Path, kind: str, name: str, left: float
) -> None:
    """A file that ends early gives one sentence, wherever it ends."""
    if kind == "checkpoint":
        folder = checkpoint_folder(copied("checkpoint_usual").parent, "usual")
    elif kind == "keras":
        folder = tmp_path / "preset"
        build_backbone(small_architecture()).save_to_preset(str(folder))
        BertTokenizer(VOCABULARY, lowercase=True).save_to_preset(str(folder))
    else:
        folder = copied("tfhub_usual") if kind == "savedmodel" else copied("hugging_face") / "usual"
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[: int(left * len(content))])
    with pytest.raises(BadInput) as error:
        read_published(kind, folder)
    assert str(error.value).startswith(str(folder))
    assert "\n" not in str(error.value)


# The files of every kind of source; state dicts of PyTorch have a test of their own (test_torch_file.py).
PARTS = {
    "checkpoint": ["bert_config.json", "bert_model.ckpt.index", "bert_model.ckpt.data-00000-of-00001", "vocab.txt"],
    "savedmodel": ["saved_model.pb", "variables/variables.index", "variables/variables.data-00000-of-00001"],
    "preprocessing": ["saved_model.pb", "assets/vocab.txt"],
    "huggingface": ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"],
    "keras": ["config.json", "tokenizer.json", "model.weights.h5", "assets/tokenizer/vocabulary.txt"],
    "folder": ["encoder.json", "encoder.weights.h5", "vocab.txt"],
}


@pytest.fixture(scope="module")
def whole(originals: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A folder of each kind with all the files that it can have, which a test damages one after the other."""
    root = tmp_path_factory.mktemp("whole")
    encoder = encoder_of(read_published("savedmodel", originals / "tfhub_usual"))
    for name in ("keras", "folder"):
        (root / name).mkdir()
    encoder.save_to_preset(str(root / "keras"))
    BertTokenizer(VOCABULARY, lowercase=True).save_to_preset(str(root / "keras"))
    description = {"architecture": small_architecture(), "lower_case": True}
    save_encoder(description, encoder, root / "folder/encoder.json", root / "folder/encoder.weights.h5")
    shutil.copytree(originals / "hugging_face/usual", root / "huggingface")
    shutil.copytree(originals / "hugging_face/tokenizer", root / "huggingface", dirs_exist_ok=True)
    shutil.copytree(checkpoint_folder(originals, "usual"), root / "checkpoint")
    shutil.copytree(originals / "preprocessing_uncased", root / "preprocessing")
    shutil.copytree(originals / "tfhub_usual", root / "savedmodel")
    (root / "folder/vocab.txt").write_text("".join(f"{piece}\n" for piece in VOCABULARY))
    return {kind: root / kind for kind in PARTS}


def read_kind(kind: str, folder: Path) -> None:
    """Read a source of a kind, or what belongs to one."""
    if kind == "preprocessing":
        preprocessing_tokenization(folder)
    elif kind == "folder":
        vocabulary = read_vocabulary(folder / "vocab.txt")
        folder_encoder(folder / "encoder.json", folder / "encoder.weights.h5", vocabulary)
    else:
        read_published(kind, folder)


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, names in PARTS.items() for name in names])
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_damaged_files_are_read_or_refused(whole: dict[str, Path], kind: str, name: str, data: st.DataObject) -> None:
    """Whatever happened to a file, it is read or refused by the name of its folder; no other error escapes."""
    folder, path = whole[kind], whole[kind] / name
    content = path.read_bytes()
    path.write_bytes(data.draw(damaged(content)))
    try:
        read_kind(kind, folder)
    except BadInput as error:
        assert str(error).startswith(str(folder))
        assert "\n" not in str(error)
    finally:
        path.write_bytes(content)


def test_overwritten_weights_are_refused(copied: Callable[[str], Path]) -> None:
    """TensorFlow's checkpoints carry checksums."""
    folder = copied("tfhub_usual")
    path = folder / "variables" / "variables.data-00000-of-00001"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(BadInput, match=r"variables: the checkpoint is damaged or incomplete"):
        read_published("savedmodel", folder)


def test_whole_numbers_are_no_weights(copied: Callable[[str], Path]) -> None:
    """Quantized weights are not taken for what they stand for."""
    folder = copied("hugging_face") / "usual"
    rewrite_safetensors(folder, lambda tensors: {n: t.astype(np.int8) for n, t in tensors.items()})
    with pytest.raises(BadInput, match=r"model\.safetensors: embeddings\.\S+ holds int8 numbers; fetch"):
        read_published("huggingface", folder)


def test_a_preset_of_another_model_is_refused(tmp_path: Path) -> None:
    """Its class is looked at before anything is built."""
    (tmp_path / "config.json").write_text('{"module": "keras_hub", "class_name": "GPT2Backbone", "config": {}}')
    with pytest.raises(BadInput, match=r"config\.json: is of 'GPT2Backbone', not of a BertBackbone; name a preset"):
        read_published("keras", tmp_path)


@pytest.mark.parametrize(
    ("file", "change", "sentence"),
    [
        ("config.json", {"num_layers": 10**9}, r"config\.json: num_layers is 1,000,000,000, more than 1,000; name"),
        (
            "config.json",
            {"vocabulary_size": 10**12},
            r"model\.weights\.h5: holds .* describes .* parameters; bring",
        ),
        ("config.json", {"hidden_dim": "32"}, r"config\.json: describes no BERT: hidden_dim \('32'\)"),
        ("config.json", {"num_heads": 5}, r"config\.json: hidden_dim 32 cannot be shared by num_heads 5"),
        ("tokenizer.json", {"lowercase": "yes"}, r"tokenizer\.json: lowercase is 'yes'; write true or false"),
    ],
)
def test_preset_of_impossible_sizes_is_not_built(
    whole: dict[str, Path], tmp_path: Path, file: str, change: dict[str, Any], sentence: str
) -> None:
    """A configuration of some bytes cannot fill the memory, and a wrong setting is told by its key."""
    folder = Path(shutil.copytree(whole["keras"], tmp_path / "preset"))
    config = json.loads((folder / file).read_text())
    config["config"] |= change
    (folder / file).write_text(json.dumps(config))
    with pytest.raises(BadInput, match=sentence):
        read_published("keras", folder)


def test_preset_cannot_name_code(whole: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A configuration may name any module and class: none of them is imported."""
    folder = Path(shutil.copytree(whole["keras"], tmp_path / "preset"))
    (tmp_path / "hostile_module.py").write_text(f"open({str(tmp_path / 'it ran')!r}, 'w')\n")
    monkeypatch.syspath_prepend(tmp_path)
    for file in ("config.json", "tokenizer.json"):
        config = json.loads((folder / file).read_text())
        hostile = {"module": "hostile_module", "class_name": "Policy", "config": {}, "registered_name": None}
        config |= {"module": "hostile_module", "registered_name": None}
        config["config"] |= {"dtype": hostile, "name": hostile}
        (folder / file).write_text(json.dumps(config))
    assert read_published("keras", folder).vocabulary == VOCABULARY
    assert not (tmp_path / "it ran").exists()


@pytest.mark.parametrize("length", [128, 512])
@pytest.mark.parametrize("split", ["train", "test"])
def test_encoder_is_fed_what_tfhubs_preprocessing_feeds(
    shared_data: Path,
    shared_vocab: Path,
    tmp_path: Path,
    split: str,
    length: int,
) -> None:
    """Ids, mask and types of 500 IMDB reviews a split are those of TF Hub's preprocessing model."""
    expected = json.loads((FIXTURES / "imdb_preprocessing.json").read_text())
    texts = np.load(shared_data / "imdb" / f"{split}.npz", allow_pickle=True)["text"][:: expected["step"]]
    pd.DataFrame({"DATA_COLUMN": texts.astype(str)}).to_parquet(tmp_path / "frame.parquet")
    vocabulary = shared_vocab / "bert_uncased_vocab.txt"
    tokenize_frame(
        tmp_path / "frame.parquet", vocabulary, tmp_path / "ids.npy", tmp_path / "offsets.npy", lower_case=True
    )
    pieces = wordpiece_vocabulary(read_vocabulary(vocabulary))
    tokens = pieces.open_tokens(tmp_path / "ids.npy", tmp_path / "offsets.npy")
    fed: dict[str, Any] = {}

    class Spy:
        input = dict.fromkeys(("token_ids", "segment_ids", "padding_mask"))

        def __call__(self, inputs: dict[str, Any]) -> dict[str, Any]:
            fed.update(inputs)
            return {"pooled_output": keras.layers.Embedding(2, 4)(inputs["padding_mask"][:, 0])}

    encoder = replace(bert_encoder(small_architecture()), backbone=Spy())
    model = build_classifier(encoder, classes=2, pad=tokens.pad)
    batches = TokenBatches(tokens, None, [(np.arange(500), length)], length, "head")
    found = keras.Model(model.input, fed)(batches[0][0])
    names = {"input_word_ids": "token_ids", "input_mask": "padding_mask", "input_type_ids": "segment_ids"}
    for theirs, ours in names.items():
        values = ops.convert_to_numpy(found[ours])
        assert values.shape == (500, length)
        assert hashlib.sha256(values.astype("<i4").tobytes()).hexdigest() == expected[split][str(length)][theirs]


def small_architecture() -> dict[str, int]:
    """The architecture of the fixtures' encoder."""
    return {
        "vocabulary_size": SMALL["vocab_size"],
        "num_layers": SMALL["num_hidden_layers"],
        "num_heads": SMALL["num_attention_heads"],
        "hidden_dim": SMALL["hidden_size"],
        "intermediate_dim": SMALL["intermediate_size"],
        "max_sequence_length": SMALL["max_position_embeddings"],
        "num_segments": SMALL["type_vocab_size"],
    }


def with_activation(folder: Path, activation: str) -> None:
    """Write an activation into a transformers model's configuration; its weights know none."""
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"hidden_act": activation}))


Edit = Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]


def rewritten(copied: Callable[[str], Path], kind: str, edit: Edit) -> Path:
    """A copy of a source whose tensors are edited."""
    if kind == "checkpoint":
        folder = checkpoint_folder(copied("checkpoint_usual").parent, "usual")
        reader = tf.train.load_checkpoint(str(folder / "bert_model.ckpt"))
        tensors = {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}
        TF1["write_checkpoint"](edit(tensors).items(), folder / "bert_model.ckpt")
        return folder
    folder = copied("tfhub_usual") if kind == "savedmodel" else copied("hugging_face") / "usual"
    (rewrite_variables if kind == "savedmodel" else rewrite_safetensors)(folder, edit)
    return folder


def rewrite_safetensors(folder: Path, edit: Edit) -> None:
    """Edit the tensors of a model.safetensors."""
    path = folder / "model.safetensors"
    safetensors.numpy.save_file(edit(safetensors.numpy.load_file(path)), path)


def rewrite_variables(folder: Path, edit: Edit) -> None:
    """Edit the variables of a SavedModel, by the names its object graph gives them; the graph is written anew too."""
    prefix = folder / "variables" / "variables"
    reader = tf.train.load_checkpoint(str(prefix))
    graph = TrackableObjectGraph.FromString(reader.get_tensor(OBJECT_GRAPH))
    keys = {a.full_name: a.checkpoint_key for node in graph.nodes for a in node.attributes}
    unnamed = keys.pop("Variable")
    values = edit({name: reader.get_tensor(key) for name, key in keys.items()})
    fresh = TrackableObjectGraph()
    stored = {unnamed: reader.get_tensor(unnamed)}
    fresh.nodes.add().attributes.add(name="VARIABLE_VALUE", full_name="Variable", checkpoint_key=unnamed)
    for i, (name, value) in enumerate(values.items()):
        key = f"variables/{i}/.ATTRIBUTES/VARIABLE_VALUE"
        fresh.nodes.add().attributes.add(name="VARIABLE_VALUE", full_name=name, checkpoint_key=key)
        stored[key] = value
    write_bundle(prefix, stored, fresh)


def write_bundle(prefix: Path, values: dict[str, np.ndarray], graph: TrackableObjectGraph) -> None:
    """Write a checkpoint with an object graph."""
    for file in prefix.parent.glob(f"{prefix.name}.*"):
        file.unlink()
    tensors = [tf.constant(graph.SerializeToString()), *map(tf.constant, values.values())]
    names = [OBJECT_GRAPH, *values]
    tf.raw_ops.SaveV2(prefix=str(prefix), tensor_names=names, shape_and_slices=[""] * len(names), tensors=tensors)


def without_tokenization(folder: Path) -> None:
    """Take an encoder's word on lower-casing and its vocabulary out of its SavedModel."""
    prefix = folder / "variables" / "variables"
    reader = tf.train.load_checkpoint(str(prefix))
    graph = TrackableObjectGraph.FromString(reader.get_tensor(OBJECT_GRAPH))
    keys = [a.checkpoint_key for node in graph.nodes for a in node.attributes if a.full_name != "Variable"]
    for node in graph.nodes:
        if any(a.full_name == "Variable" for a in node.attributes):
            del node.attributes[:]
    write_bundle(prefix, {key: reader.get_tensor(key) for key in keys}, graph)
    rewrite_description(folder, lambda model: model.meta_graphs[0].ClearField("asset_file_def"))


def rewrite_description(folder: Path, edit: Callable[[SavedModel], object]) -> None:
    """Edit a SavedModel's description."""
    path = folder / "saved_model.pb"
    model = SavedModel.FromString(path.read_bytes())
    edit(model)
    path.write_bytes(model.SerializeToString())


def without_gelu(model: SavedModel) -> None:
    """Take the constants out of a graph."""
    for function in model.meta_graphs[0].graph_def.library.function:
        kept = [node for node in function.node_def if node.op != "Const"]
        del function.node_def[:]
        function.node_def.extend(kept)
