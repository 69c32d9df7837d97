"""Encoders out of ONNX files, as PyTorch exports transformers' models (bench/encoder_equality/make_onnx.py)."""

import runpy
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from keras import ops
from onnx import TensorProto, numpy_helper

from bert_ladder.encoders.backbones import assign, backbone_tensors
from bert_ladder.encoders.conversion import fetch_encoder
from bert_ladder.encoders.families.bert import build_backbone
from bert_ladder.encoders.normal_form import build_encoder, read_encoder
from bert_ladder.encoders.readers import read_published
from bert_ladder.runtime.jobs import BadInput
from bert_ladder.training.classifier import build_classifier

PROJECT = Path(__file__).parents[3]
FIXTURES = PROJECT / "tests" / "fixtures" / "encoders"
SEEDED = runpy.run_path(str(PROJECT / "bench" / "encoder_equality" / "seeded.py"))
TOLERANCE = 1e-5
# Of parts, or with LayerNormalization as an operator.
FORMS = ("parts", "whole")


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ONNX files, and the folder of transformers that they were exported from."""
    root = tmp_path_factory.mktemp("onnx")
    for name in ("onnx", "hugging_face"):
        with tarfile.open(FIXTURES / f"{name}.tar.gz") as archive:
            archive.extractall(root / name, filter="data")
    return root


@pytest.fixture
def folder(theirs: Path, tmp_path: Path) -> Path:
    """A copy of one of them, without a pooler, to spoil."""
    return Path(shutil.copytree(theirs / "onnx" / "whole_without_pooler", tmp_path / "model"))


def rewrite(folder: Path, change: Callable[[onnx.GraphProto], None]) -> None:
    """Change the graph in a folder."""
    model = onnx.load(folder / "model.onnx")
    change(model.graph)
    onnx.save(model, folder / "model.onnx")


@pytest.mark.parametrize("form", FORMS)
def test_same_encoder_as_from_transformers_own_folder(theirs: Path, form: str) -> None:
    """Sizes, heads and activation are read off the graph; every tensor is the same to the last bit."""
    found = read_published("huggingface", theirs / "onnx" / form)
    expected = read_published("huggingface", theirs / "hugging_face" / "large")
    assert found.architecture == expected.architecture
    assert set(found.tensors) == set(expected.tensors)
    for name, array in found.tensors.items():
        np.testing.assert_array_equal(array, expected.tensors[name])


@pytest.mark.parametrize("form", FORMS)
def test_encoder_without_pooler_has_the_outputs_of_transformers(theirs: Path, form: str) -> None:
    """Its last states are transformers', and it is known to have no pooler."""
    published = read_published("huggingface", theirs / "onnx" / f"{form}_without_pooler")
    assert published.architecture["pooler"] is False
    backbone = build_backbone(published.architecture)
    assign(backbone, published.tensors, "the test")
    with np.load(FIXTURES / "outputs_hugging_face.npz") as outputs:
        for name, batch in SEEDED["seeded_batches"](backbone.vocabulary_size).items():
            ids, mask, types = (batch[f"input_{key}"] for key in ("word_ids", "mask", "type_ids"))
            sequence = backbone({"token_ids": ids, "padding_mask": mask, "segment_ids": types})["sequence_output"]
            kept = SEEDED["kept_outputs"]({name: (np.zeros((1, 1)), ops.convert_to_numpy(sequence))}, 32, "large erf ")
            compared = [key for key in kept if kept[key].ndim > 1 and outputs[key].shape == kept[key].shape]
            assert compared
            for key in compared:
                np.testing.assert_allclose(kept[key], outputs[key], rtol=0, atol=TOLERANCE)
    assert not any(name.startswith("pooler") for name in backbone_tensors(backbone))


def test_encoder_without_pooler_is_fetched_and_trained_with_the_mean_alone(theirs: Path, tmp_path: Path) -> None:
    """The normal form says so, the mean of the states is read, and the pooler is refused in a sentence."""
    vocabulary = SEEDED["small_vocabulary"]()
    (tmp_path / "vocab.txt").write_text("".join(f"{piece}\n" for piece in vocabulary))
    outputs = {
        "config": tmp_path / "bert/encoder.json",
        "weights": tmp_path / "bert/encoder.weights.h5",
        "vocabulary": tmp_path / "bert/vocab.txt",
    }
    source = {"huggingface": str(theirs / "onnx" / "whole_without_pooler")}
    # The catalogue counts whole encoders.
    whole = read_published("huggingface", theirs / "hugging_face" / "large")
    size = {"parameters": sum(array.size for array in whole.tensors.values())}
    fetch_encoder({"sources": [source], "size": size}, True, tmp_path / "vocab.txt", outputs, tmp_path / "downloads")
    assert read_encoder(outputs["config"])["architecture"]["pooler"] is False
    encoder = build_encoder(read_encoder(outputs["config"]))
    assert encoder.pooler is None
    assert encoder.tfhub_layers is None
    classifier = build_classifier(encoder, 2, 0, 0.1, "mean")
    assert not any("pooled_dense" in variable.path for variable in classifier.trainable_variables)
    with pytest.raises(BadInput, match="the encoder has no pooler; set pooling to mean"):
        build_classifier(encoder, 2, 0, 0.1, "pooler")


def test_half_precision(theirs: Path, folder: Path) -> None:
    """Floating-point numbers of any width become float32."""

    def halve(graph: onnx.GraphProto) -> None:
        for tensor in graph.initializer:
            if tensor.data_type == TensorProto.FLOAT:
                tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), tensor.name))

    rewrite(folder, halve)
    whole = read_published("huggingface", theirs / "onnx" / "whole_without_pooler")
    for name, array in read_published("huggingface", folder).tensors.items():
        assert array.dtype == np.float32
        np.testing.assert_allclose(array, whole.tensors[name], rtol=1e-3, atol=1e-7)


def without(operators: str) -> Callable[[onnx.GraphProto], None]:
    """Takes the nodes of a kind out."""

    def change(graph: onnx.GraphProto) -> None:
        for node in [node for node in graph.node if node.op_type == operators]:
            graph.node.remove(node)

    return change


def other_epsilon(graph: onnx.GraphProto) -> None:
    for node in graph.node:
        if node.op_type == "LayerNormalization":
            for attribute in node.attribute:
                attribute.f = 1e-5 if attribute.name == "epsilon" else attribute.f


def weights_elsewhere(graph: onnx.GraphProto) -> None:
    entry = graph.initializer[0].external_data.add()
    entry.key, entry.value = "location", "../../weights.bin"
    graph.initializer[0].data_location = TensorProto.EXTERNAL
    graph.initializer[0].ClearField("raw_data")


def no_embeddings(graph: onnx.GraphProto) -> None:
    for tensor in graph.initializer:
        tensor.name = tensor.name.replace("word_embeddings", "other")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (without("MatMul"), r"does not hold the tensors of the BERT it describes, missing: .*query/kernel"),
        (without("Reshape"), r"into how many heads its queries are cut; bring config\.json"),
        (without("Erf"), "which activation it has"),
        (without("LayerNormalization"), "one epsilon of its layer norms"),
        (other_epsilon, r"layer_norm_eps is 9\.99"),
        (weights_elsewhere, "keeps its weights in another file"),
        (no_embeddings, "0 tensors are embeddings.word_embeddings.weight"),
    ],
)
def test_graph_of_something_else(folder: Path, change: Callable[[onnx.GraphProto], None], sentence: str) -> None:
    """What is no BERT as it stands is told in a sentence."""
    rewrite(folder, change)
    with pytest.raises(BadInput, match=sentence):
        read_published("huggingface", folder)


def test_file_that_is_no_onnx(folder: Path) -> None:
    """A web page, say."""
    (folder / "model.onnx").write_text("<!doctype html><title>Not found</title>")
    with pytest.raises(BadInput, match=r"model\.onnx: is no ONNX file"):
        read_published("huggingface", folder)


def test_two_onnx_files(folder: Path) -> None:
    """Which one is meant is not guessed."""
    shutil.copy(folder / "model.onnx", folder / "model_int8.onnx")
    with pytest.raises(BadInput, match=r"holds model\.onnx, model_int8\.onnx; keep the one that is meant"):
        read_published("huggingface", folder)
