"""Chosen encoders of families beyond BERT in the forms that express them.

The weights are those that transformers saved (bench/encoder_equality/make_families.py), classifier and tokenizer
included, so that the folder for transformers must hold the same again.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from safetensors.numpy import load_file

from asked_texts import TEXTS
from bert_ladder.encoders.json_tokenizers import read_tokenizer
from bert_ladder.encoders.normal_form import FAMILIES, whole_description
from bert_ladder.encoders.published_families import read_family
from bert_ladder.evaluation.chosen_model import NATIVE, RECORD, native_encoder
from bert_ladder.export.asking import ask_form
from bert_ladder.export.huggingface_folder import export_huggingface
from bert_ladder.export.litert_model import export_litert
from bert_ladder.export.loading import open_onnx
from bert_ladder.export.onnx_model import export_onnx
from bert_ladder.export.text_model import export_text_model
from bert_ladder.runtime.jobs import BadInput
from bert_ladder.study.families import FAMILIES as FACTS
from bert_ladder.study.families import WORDPIECES
from bert_ladder.training.answering import open_classifier
from bert_ladder.training.classifier import build_classifier
from chosen_models import chosen_record
from family_fixtures import NAMES, published_encoder, unpack_family

# Special tokens spelled out are texts; some are cut.
ASKED = [*TEXTS, "<mask> </s> <s> one very bright film", "  wide   blanks , twice  " * 4, "Zoë's café, 漢字 \U0001f600"]


@pytest.fixture(scope="module")
def chosen(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Gives the folder of a chosen model of a family with the published encoder and head; each is made once."""
    made: dict[tuple[str, ...], Path] = {}

    def make(name: str, pooling: str = "native", truncation: str = "head") -> Path:
        key = name, pooling, truncation
        if key not in made:
            made[key] = hand_over(name, tmp_path_factory.mktemp(name), pooling, truncation)
        return made[key]

    return make


def hand_over(name: str, root: Path, pooling: str, truncation: str) -> Path:
    """Write a chosen model whose weights are a fixture's, its tokenizer beside them."""
    keras.config.set_dtype_policy("float32")
    family = FAMILIES[name]
    unpack_family(name, root)
    native = root / "chosen" / NATIVE
    native.mkdir(parents=True)
    architecture = read_family(root / "large", family).architecture
    case = True if FACTS[name].tokenizer == WORDPIECES else None
    description = whole_description({"family": name, "architecture": architecture, "lower_case": case})
    (native / "encoder.json").write_text(json.dumps(description))
    (file,) = family.tokenizer["files"]
    if case:
        pieces = json.loads((root / "tokenizer" / "tokenizer.json").read_text())["model"]["vocab"]
        (native / file).write_text("".join(f"{piece}\n" for piece in sorted(pieces, key=pieces.__getitem__)))
    else:
        (native / file).write_bytes(read_tokenizer(root / "tokenizer", family, architecture["vocabulary_size"]))
    encoder = published_encoder(root, name, "large")
    pooling = "pooler" if pooling == "native" and encoder.head is None else pooling
    model = build_classifier(encoder, 3, 0, pooling=pooling)
    theirs = {key: array.astype(np.float32) for key, array in load_file(root / "large/model.safetensors").items()}
    scores = "classifier" if encoder.head is None else encoder.head.scores
    if encoder.head is not None and pooling == "native":
        bias = [theirs[f"{encoder.head.dense}.bias"]] if encoder.head.bias else []
        model.get_layer("native_dense").set_weights([theirs[f"{encoder.head.dense}.weight"].T, *bias])
        if encoder.head.norm is not None:
            model.get_layer("native_norm").set_weights([theirs[f"{encoder.head.norm}.weight"]])
    model.get_layer("logits").set_weights([theirs[f"{scores}.weight"].T, theirs[f"{scores}.bias"]])
    model.save_weights(native / "model.weights.h5")
    record = chosen_record("bert", family=name)
    settings = {**record.settings, "pooling": pooling, "truncation": truncation, "length": 16}
    (native / "training.json").write_text(json.dumps({"training": settings}))
    replace(record, settings=settings).write(root / "chosen" / RECORD)
    return root / "chosen"


@pytest.mark.parametrize("name", NAMES)
def test_folder_of_transformers_holds_what_transformers_saved(
    name: str, chosen: Callable[[str], Path], tmp_path: Path
) -> None:
    """Every tensor of its classifier by its name, the sizes of its configuration, and the tokenizer."""
    folder = chosen(name)
    export_huggingface(folder, tmp_path / "theirs")
    roots = tmp_path / "theirs", folder.parent / "large"
    found, saved = (load_file(root / "model.safetensors") for root in roots)
    family = FAMILIES[name]
    added = {key for key in saved if "token_type_embeddings" in key or "position_embeddings" in key}
    assert set(saved) - added <= set(found)
    for key in saved.keys() - added:
        np.testing.assert_allclose(found[key], saved[key].astype(np.float32), rtol=0, atol=1e-6)
    ours, published = (read_family(root, family).architecture for root in roots)
    assert ours == published
    config, original = (json.loads((root / "config.json").read_text()) for root in roots)
    assert config["architectures"] == original["architectures"]
    assert config["id2label"] == {"0": "bad", "1": "fine", "2": "good"}
    assert (tmp_path / "theirs/tokenizer.json").is_file()


@pytest.mark.parametrize("name", [name for name in NAMES if FACTS[name].tokenizer == WORDPIECES])
def test_saved_model_of_raw_texts_answers_the_same(
    name: str, chosen: Callable[[str], Path], own_answers: Callable[[Path], np.ndarray], tmp_path: Path
) -> None:
    """Texts go in, the model's own probabilities come out."""
    folder = chosen(name)
    export_text_model(folder, tmp_path / "saved_model")
    serve = tf.saved_model.load(str(tmp_path / "saved_model")).signatures["serving_default"]
    answers = serve(texts=tf.constant(TEXTS))
    np.testing.assert_allclose(answers["probabilities"].numpy(), own_answers(folder), atol=1e-5)


@pytest.mark.parametrize("name", [name for name in NAMES if FACTS[name].bert_layers])
@pytest.mark.parametrize(
    "cell",
    [("native", "head"), *(pytest.param(("mean", cut), marks=pytest.mark.long) for cut in ("tail", "head+tail"))],
    ids=" ".join,
)
def test_onnx_answers_the_same(name: str, cell: tuple[str, str], chosen: Callable[..., Path], tmp_path: Path) -> None:
    """By its own program and by this project's, in float32 within its precision; in eight bits near."""
    folder = chosen(name, *cell)
    native = folder / NATIVE
    expected = open_classifier(native_encoder(folder), native / "training.json", 3).predict(ASKED)
    assert np.ptp(expected, axis=0).max() > 0.05  # the texts are told apart
    export_onnx(folder, tmp_path / "onnx", tmp_path / "int8")
    answers = ask_form(tmp_path / "onnx", ASKED)
    np.testing.assert_allclose(answers.probabilities, expected, atol=1e-5)
    opened = open_onnx(tmp_path / "onnx", 3, threads=1).predict(ASKED)
    np.testing.assert_allclose(opened, expected, atol=1e-5)
    rounded = ask_form(tmp_path / "int8", ASKED).probabilities
    assert 0 < abs(rounded - expected).max() < 0.3


@pytest.mark.parametrize("name", NAMES)
def test_other_forms_are_refused(name: str, chosen: Callable[[str], Path], tmp_path: Path) -> None:
    """Before anything is written, and with the form to take instead."""
    folder = chosen(name)
    with pytest.raises(BadInput, match="LiteRT is a form of BERTs, and this encoder is of another family; take the "):
        export_litert(folder, tmp_path / "litert")
    assert not (tmp_path / "litert").exists()
    if not FACTS[name].bert_layers:
        with pytest.raises(BadInput, match="written of BERT's own layers, and those of this encoder are others; take"):
            export_onnx(folder, tmp_path / "onnx", tmp_path / "int8")
        assert not (tmp_path / "onnx").exists()
