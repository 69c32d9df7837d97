"""Families beyond BERT: outputs, heads and tensors as transformers has them, and what is refused.

The expected outputs were computed by transformers (bench/encoder_equality/make_families.py).
"""

import json
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from bert_ladder.encoders.normal_form import FAMILIES, load_weights, save_encoder
from bert_ladder.encoders.published_families import build_published, read_family
from bert_ladder.encoders.readers import folder_encoder
from bert_ladder.encoders.transformers_tensors import published_tensors
from bert_ladder.runtime.jobs import BadInput
from bert_ladder.study import families as facts
from bert_ladder.training.classifier import build_classifier
from family_fixtures import BATCHES, NAMES, deviation, published_encoder, unpack_family

TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Every fixture unpacked; tests change copies only."""
    keras.config.set_dtype_policy("float32")
    return {name: unpack_family(name, tmp_path_factory.mktemp(name)) for name in NAMES}


def test_the_families_of_a_study_are_those_that_can_be_built() -> None:
    """One list for studies, another with what is built: the same names, tokenizers and poolers."""
    assert list(facts.FAMILIES) == list(FAMILIES)
    for name, family in FAMILIES.items():
        known = facts.FAMILIES[name]
        assert [known.tokenizer] == family.tokenizer["files"]
        if family.transformers is not None:
            assert known.unused_positions == family.transformers.unused_positions


@pytest.mark.parametrize("name", NAMES)
def test_encoder_has_the_outputs_of_transformers(roots: dict[str, Path], name: str) -> None:
    """On real tokens: within 1e-5 with usual weights, with large ones within 1e-5 of the largest output."""
    usual, _ = deviation(published_encoder(roots[name], name, "usual"), roots[name], "usual")
    assert usual <= TOLERANCE
    large, highest = deviation(published_encoder(roots[name], name, "large"), roots[name], "large")
    assert large <= max(1, highest) * TOLERANCE


@pytest.mark.parametrize("name", NAMES)
def test_the_other_form_of_gelu_is_told_apart(roots: dict[str, Path], name: str) -> None:
    """Large weights make the wrong form visible."""
    gelu = read_family(roots[name] / "large", FAMILIES[name]).architecture["gelu"]
    wrong = {"erf": "tanh", "tanh": "erf"}[gelu]
    found, _ = deviation(published_encoder(roots[name], name, "large", gelu=wrong), roots[name], "large")
    assert found > 1e-4


@pytest.mark.parametrize("name", NAMES)
def test_head_is_the_family_s_own(roots: dict[str, Path], name: str) -> None:
    """With published weights in it, the native head gives the logits of transformers' classifier."""
    root = roots[name]
    encoder = published_encoder(root, name, "large")
    with np.load(root / "outputs.npz") as kept:
        pad = int(kept["large 8 padded ids"][1, -1])
        pooling = "pooler" if encoder.head is None else "native"
        model = build_classifier(encoder, 3, pad, pooling=pooling)
        weights = load_file_float32(root / "large" / "model.safetensors")
        scores = "classifier" if encoder.head is None else encoder.head.scores
        if encoder.head is not None:
            dense = [weights[f"{encoder.head.dense}.weight"].T]
            dense += [weights[f"{encoder.head.dense}.bias"]] if encoder.head.bias else []
            model.get_layer("native_dense").set_weights(dense)
            if encoder.head.norm is not None:
                model.get_layer("native_norm").set_weights([weights[f"{encoder.head.norm}.weight"]])
        model.get_layer("logits").set_weights([weights[f"{scores}.weight"].T, weights[f"{scores}.bias"]])
        for batch in BATCHES:
            ids, theirs = kept[f"large {batch} ids"].astype(np.int32), kept[f"large {batch} logits"]
            ours = model.predict(ids, verbose=0)
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=5e-5)


def load_file_float32(file: Path) -> dict[str, np.ndarray]:
    """The tensors of a file, float32."""
    return {name: array.astype(np.float32) for name, array in load_file(file).items()}


@pytest.mark.parametrize("name", NAMES)
def test_tensors_go_out_as_they_came_in(roots: dict[str, Path], name: str) -> None:
    """By transformers' names, in its shapes, with its values; but for a table that was added to the positions."""
    family = FAMILIES[name]
    published = read_family(roots[name] / "usual", family)
    encoder = build_published(family, published, "here")
    written = published_tensors(family, encoder)
    assert written.keys() == published.tensors.keys()
    again = family.build(published.architecture, 0.0)
    from bert_ladder.encoders.transformers_tensors import assign_published

    assign_published(family, again, written, "here")
    for one, other in zip(encoder.backbone.weights, again.backbone.weights, strict=True):
        np.testing.assert_array_equal(one, other)
    changed = {family.transformers.added} | {n for n in written if "position_embeddings" in n}
    for tensor in written.keys() - changed:
        np.testing.assert_array_equal(written[tensor], published.tensors[tensor])


@pytest.mark.parametrize("name", NAMES)
def test_normal_form_of_a_family(roots: dict[str, Path], tmp_path: Path, name: str) -> None:
    """What is saved comes back with the same weights."""
    family = FAMILIES[name]
    encoder = published_encoder(roots[name], name, "usual")
    architecture = read_family(roots[name] / "usual", family).architecture
    files = tmp_path / "encoder.json", tmp_path / "encoder.weights.h5"
    case = True if family.tokenizer["kind"] == "wordpiece" else None
    description = {"family": name, "architecture": architecture, "lower_case": case}
    save_encoder(description, encoder.backbone, *files)
    tokens = [str(i) for i in range(architecture["vocabulary_size"])]
    found, backbone = folder_encoder(*files, tokens)
    assert found["family"] == name
    for one, other in zip(encoder.backbone.weights, backbone.weights, strict=True):
        np.testing.assert_array_equal(one, other)
    other = family.build(architecture | {"intermediate_dim": 68}, 0.0)
    with pytest.raises(BadInput, match=r"does not hold the weights that encoder\.json describes"):
        load_weights(other.backbone, files[1])


def rewrite(folder: Path, change: Callable[[dict[str, np.ndarray]], None]) -> None:
    """Change the tensors of a model."""
    tensors = load_file_float32(folder / "model.safetensors")
    change(tensors)
    save_file({name: np.ascontiguousarray(array) for name, array in tensors.items()}, folder / "model.safetensors")


@pytest.mark.parametrize("name", NAMES)
def test_tensors_that_are_not_the_family_s_are_named(tmp_path: Path, name: str) -> None:
    """Missing, superfluous, misshapen."""
    root, family = unpack_family(name, tmp_path), FAMILIES[name]
    names = [n for n in load_file(root / "usual/model.safetensors") if n.startswith(family.transformers.scope)]
    gone, wide = (n for n in names if n.endswith("layer.0.output.dense.weight") or "ffn" in n or "mlp" in n), None
    lost = next(gone)
    wide = next(n for n in names if n != lost and n.endswith("weight") and "word" not in n and "tok" not in n)

    def spoil(tensors: dict[str, np.ndarray]) -> None:
        del tensors[lost]
        tensors[wide] = np.zeros((3, 5), np.float32)
        tensors[f"{family.transformers.scope}encoder.adapter.weight"] = np.zeros(3, np.float32)

    rewrite(root / "usual", spoil)
    with pytest.raises(BadInput) as caught:
        published_encoder(root, name, "usual")
    told = str(caught.value)
    scope = family.transformers.scope
    assert f"missing: {lost.removeprefix(scope)}" in told and "extra: encoder.adapter.weight" in told
    assert f"misshapen: {wide.removeprefix(scope)} ((3, 5) instead of" in told and "\n" not in told


@pytest.mark.parametrize("name", NAMES)
def test_configurations_of_something_else_are_refused(tmp_path: Path, name: str) -> None:
    """Another family, another activation, sizes that the file cannot fill: a sentence each, nothing is built."""
    root, family = unpack_family(name, tmp_path), FAMILIES[name]
    path = root / "usual" / "config.json"
    config, form = json.loads(path.read_text()), family.transformers
    layers = form.sizes["num_layers"]
    for change, told in (
        ({"model_type": "elmo"}, f"model_type is 'elmo', and that of the family {name} is '{form.model_type}'"),
        ({form.activation: "swish"}, f"{form.activation} is 'swish', and an encoder of the family {name} has"),
        ({layers: 0}, f"describes no {name}: {layers} \\(0\\)"),
        ({form.sizes["hidden_dim"]: 3200}, "and the encoder's configuration describes"),
    ):
        path.write_text(json.dumps(config | change))
        with pytest.raises(BadInput, match=told) as caught:
            read_family(root / "usual", family)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", NAMES)
def test_heads_beside_the_encoder_are_left_out(roots: dict[str, Path], name: str) -> None:
    """A classifier's file is read as an encoder; nothing of its head is in it."""
    published = read_family(roots[name] / "usual", FAMILIES[name])
    assert not [tensor for tensor in published.tensors if tensor.startswith(("classifier", "pre_classifier", "head"))]
