"""Masked language modelling: what it computes, learns, refuses, and how it is taken up again."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
from keras_hub.layers import MaskedLMHead

from _checkpoint import Checkpoints
from _encoder import build_backbone, read_encoder, save_encoder, scratch_encoder
from _job import BadInput
from _pretraining import MaskedLanguageModel, build_masked_lm, is_test_text, part_texts, pretrain_on_files
from trainings import Killed

VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghijklmnop", "##a", "##b", "##c"]
SIZES = {"layers": 1, "hidden": 32, "heads": 2, "intermediate": 64, "positions": 32, "initializer_range": 0.1}
SETTINGS = {
    "from": "start", "text": ["more"], "seed": 1, "validation_fraction": 0.1, "masked_fraction": 0.15,
    "whole_words": True, "length": 18, "epochs": 3, "batch_size": 16, "gradient_accumulation": 1, "optimizer": "adamw",
    "learning_rate": 3e-3, "epsilon": 1e-6, "clipnorm": None, "global_clipnorm": 1.0, "weight_decay": 0.01,
    "momentum": 0.0, "schedule": "linear", "warmup_fraction": 0.1, "encoder_dropout": 0.1, "precision": "float32",
    "xla": False,
}  # fmt: skip
ARCHITECTURE = {
    "vocabulary_size": len(VOCABULARY), "num_layers": 1, "num_heads": 2, "hidden_dim": 32, "intermediate_dim": 64,
    "max_sequence_length": 32, "num_segments": 2,
}  # fmt: skip


def write_texts(folder: Path, name: str, count: int, seed: int) -> pd.Series:
    """Texts of one letter each, as a frame and as tokens: what is hidden can be guessed."""
    random = np.random.default_rng(seed)
    starts, lengths = random.integers(0, 16, count), random.integers(10, 40, count)
    ids = [np.full(length, 5 + start) for start, length in zip(starts, lengths, strict=True)]
    np.save(folder / f"{name}.ids.npy", np.concatenate(ids).astype(np.uint16))
    np.save(folder / f"{name}.offsets.npy", np.concatenate([[0], np.cumsum(lengths)]))
    texts = pd.Series([" ".join(VOCABULARY[i] for i in line) for line in ids], name="DATA_COLUMN")
    texts.to_frame().to_parquet(folder / f"{name}.parquet")
    return texts


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """An encoder with random weights, training texts, test texts and texts without labels."""
    keras.config.set_dtype_policy("float32")
    folder = tmp_path_factory.mktemp("texts")
    save_encoder(
        *scratch_encoder(SIZES | {"seed": 0}, VOCABULARY, True), folder / "encoder.json", folder / "encoder.weights.h5"
    )
    (folder / "vocab.txt").write_text("".join(f"{piece}\n" for piece in VOCABULARY))
    for seed, (name, count) in enumerate({"train": 100, "test": 30, "more": 150}.items()):
        write_texts(folder, name, count, seed)
    return {
        "config": folder / "encoder.json",
        "weights": folder / "encoder.weights.h5",
        "vocabulary": folder / "vocab.txt",
        "train": folder / "train.parquet",
        "test": folder / "test.parquet",
        "tokens": [folder / f"{name}.{part}.npy" for name in ("train", "more") for part in ("ids", "offsets")],
    }


@pytest.fixture(scope="module")
def pretrain(files: dict[str, Any]) -> Callable[..., tuple]:
    """Pre-trains with some settings; encoder.json, weights, history and record."""

    def run(checkpoints: Path, every: float = 3600, paths: dict[str, Any] | None = None, **settings: Any) -> tuple:
        keras.config.set_dtype_policy("float32")
        encoder, backbone, history, record = pretrain_on_files(
            paths=files | (paths or {}), texts=["train", "more"], settings=SETTINGS | settings, name="nano", threads=2,
            checkpoint_folder=checkpoints, checkpoint_seconds=every,
        )  # fmt: skip
        return encoder, backbone.get_weights(), history.drop(columns="seconds"), record

    return run


def assert_same(one: tuple, other: tuple) -> None:
    """Equal to the last bit."""
    pd.testing.assert_frame_equal(one[2], other[2], check_exact=True)
    for a, b in zip(one[1], other[1], strict=True):
        np.testing.assert_array_equal(a, b)


def masked_batch(random: np.random.Generator) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """Random sequences, positions, targets and weights."""
    inputs = {
        "token_ids": random.integers(5, len(VOCABULARY), (7, 18)).astype(np.int32),
        "positions": random.integers(1, 17, (7, 3)).astype(np.int32),
    }
    return inputs, random.integers(5, 24, (7, 3)).astype(np.int32), (random.random((7, 3)) < 0.8).astype(np.float32)


def test_loss_and_accuracy_are_those_of_kerashubs_head_with_kerass_cross_entropy() -> None:
    """The same weights in KerasHub's own parts."""
    keras.utils.set_random_seed(0)
    model, backbone = build_masked_lm(ARCHITECTURE, dropout=0.0)
    model.compile(optimizer="sgd")
    model.bias.assign(np.random.default_rng(1).normal(size=len(VOCABULARY)))
    inputs, targets, weights = masked_batch(np.random.default_rng(2))
    found = model.evaluate(inputs, targets, sample_weight=weights, verbose=0, return_dict=True, batch_size=7)

    head = MaskedLMHead(
        token_embedding=backbone.token_embedding,
        intermediate_activation=backbone.transformer_layers[0].activation,
        layer_norm_epsilon=1e-12,
    )
    ids = inputs["token_ids"]
    hidden = backbone({"token_ids": ids, "segment_ids": 0 * ids, "padding_mask": 0 * ids + 1})["sequence_output"]
    head.build(hidden.shape)
    dense, norm = model.get_layer("guess_dense"), model.get_layer("guess_layer_norm")
    # In the order in which the head builds them: dense layer, layer norm, bias; its embedding is shared.
    own = [w for layer in (dense, norm) for w in layer.get_weights()] + [model.bias.numpy()]
    head_variables = [v for v in head.variables if "token_embedding" not in v.path]
    for variable in head_variables:
        same = [w for w in own if w.shape == variable.shape]
        name = variable.path.rsplit("/", 2)[-2:]
        match name:
            case [*_, "output_bias"]:
                variable.assign(model.bias)
            case ["intermediate_dense", "kernel"]:
                variable.assign(dense.kernel)
            case ["intermediate_dense", "bias"]:
                variable.assign(dense.bias)
            case ["intermediate_layer_norm", "gamma"]:
                variable.assign(norm.gamma)
            case ["intermediate_layer_norm", "beta"]:
                variable.assign(norm.beta)
        assert same
    logits = head(hidden, inputs["positions"])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="mean_with_sample_weight")
    accuracy = keras.metrics.SparseCategoricalAccuracy()
    accuracy.update_state(targets, logits, weights)
    assert found["loss"] == pytest.approx(float(loss(targets, logits, weights)), rel=1e-5)
    assert found["accuracy"] == pytest.approx(float(accuracy.result()))


def test_the_pooler_and_the_second_segment_are_not_trained() -> None:
    """Masked language modelling says nothing about them; weight decay must not shrink them either."""
    model, backbone = build_masked_lm(ARCHITECTURE, dropout=0.0)
    trained = {variable.path for variable in model.trainable_variables}
    assert not any("pooled_dense" in path for path in trained)
    assert isinstance(model, MaskedLanguageModel)
    assert len(trained) == len({v.path for v in backbone.trainable_variables if "pooled" not in v.path}) + 5


def test_it_learns_and_says_how_it_goes(pretrain: Callable[..., tuple], tmp_path: Path) -> None:
    """Held-out loss falls, accuracy rises far above chance; the encoder is in normal form with its provenance."""
    encoder, weights, history, record = pretrain(tmp_path / "c", epochs=10, learning_rate=1e-2, encoder_dropout=0.0)
    assert history["epoch"].tolist() == list(range(1, 11))
    assert history["validation_loss"].iloc[-1] < 0.7 * history["validation_loss"].iloc[0]
    assert history["validation_accuracy"].iloc[-1] > 0.5
    assert list(history.columns) == [
        "epoch", "accuracy", "loss", "learning_rate", "validation_loss", "validation_accuracy",
    ]  # fmt: skip
    source = encoder["source"]
    assert source["kind"] == "pretrained" and source["from"]["kind"] == "scratch"
    assert source["settings"]["epochs"] == 10 and set(source["texts_sha256"]) == {"train", "more"}
    assert record["tokens"] > 5 * record["held_out_tokens"] > 0
    assert record["tokens_per_second"] > 0
    json.dumps([encoder, record])
    folder = tmp_path / "encoder"
    folder.mkdir()
    backbone = build_backbone(encoder["architecture"])
    backbone.set_weights(weights)
    save_encoder(encoder, backbone, folder / "encoder.json", folder / "encoder.weights.h5")
    assert read_encoder(folder / "encoder.json")["parameters"] == backbone.count_params()


@pytest.mark.parametrize(
    ("saves", "settings"),
    [
        (1, {}),
        (7, {"gradient_accumulation": 3, "epochs": 2}),
        (15, {"precision": "mixed_float16", "optimizer": "adam"}),
    ],
)
def test_killed_pretraining_ends_as_the_undisturbed_one(
    pretrain: Callable[..., tuple],
    killed_after: Callable[[int], None],
    tmp_path: Path,
    saves: int,
    settings: dict[str, Any],
) -> None:
    """Killed inside an epoch or in a later one: the same weights and history, bit for bit."""
    undisturbed = pretrain(tmp_path / "undisturbed", **settings)
    killed_after(saves)
    with pytest.raises(Killed):
        pretrain(tmp_path / "killed", every=0, **settings)
    assert_same(undisturbed, pretrain(tmp_path / "killed", every=0, **settings))


def test_gradients_are_accumulated(pretrain: Callable[..., tuple], tmp_path: Path) -> None:
    """Two steps of half the batch give one update, near that of one step of the whole."""
    same = {"encoder_dropout": 0.0, "epochs": 1, "schedule": "constant", "warmup_fraction": 0.0, "optimizer": "sgd"}
    whole = pretrain(tmp_path / "a", batch_size=32, **same)
    halves = pretrain(tmp_path / "b", batch_size=16, gradient_accumulation=2, **same)
    single = pretrain(tmp_path / "c", batch_size=16, **same)
    moved = [max(np.abs(a - b).max() for a, b in zip(whole[1], other[1], strict=True)) for other in (halves, single)]
    assert moved[0] < moved[1]


def test_training_texts_that_are_test_texts_are_left_out(
    pretrain: Callable[..., tuple], files: dict[str, Any], tmp_path: Path
) -> None:
    """Whatever their case and white space."""
    texts = pd.read_parquet(files["train"])["DATA_COLUMN"]
    test = tmp_path / "test.parquet"
    pd.DataFrame({"DATA_COLUMN": [f"  {text.upper()}\n" for text in texts[:60]]}).to_parquet(test)
    other = tmp_path / "other.parquet"
    pd.DataFrame({"DATA_COLUMN": ["nothing of the kind"]}).to_parquet(other)
    all_texts = pretrain(tmp_path / "all", paths={"test": other}, epochs=1)
    fewer = pretrain(tmp_path / "fewer", paths={"test": test}, epochs=1)
    is_left_out = texts.isin(texts[:60])
    left_out = np.diff(np.load(files["tokens"][1]))[is_left_out].sum() + is_left_out.sum()
    counted = [record["tokens"] + record["held_out_tokens"] for *_, record in (all_texts, fewer)]
    assert counted[0] - counted[1] == left_out
    assert is_test_text(pd.Series(["A  b", "c"]), pd.Series(["a B "])).tolist() == [True, False]


def test_too_little_text_is_refused_in_one_sentence(pretrain: Callable[..., tuple], tmp_path: Path) -> None:
    """Before the first step."""
    np.save(tmp_path / "ids.npy", np.zeros(0, np.uint16))
    np.save(tmp_path / "offsets.npy", np.zeros(1, np.int64))
    pd.DataFrame({"DATA_COLUMN": pd.Series([], dtype=str)}).to_parquet(tmp_path / "train.parquet")
    empty = {
        "tokens": [tmp_path / "ids.npy", tmp_path / "offsets.npy"] * 2,
        "train": tmp_path / "train.parquet",
    }
    with pytest.raises(BadInput, match="nano: the texts to learn from have 0 tokens, fewer than the 16 of one"):
        pretrain(tmp_path / "c", paths=empty)


def test_a_checkpoint_of_other_settings_is_refused(
    pretrain: Callable[..., tuple],
    killed_after: Callable[[int], None],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """With the reason; the training begins afresh."""
    killed_after(3)
    with pytest.raises(Killed):
        pretrain(tmp_path / "c", every=0)
    other = pretrain(tmp_path / "c", learning_rate=1e-3)
    assert "is not used: it is of other settings (learning_rate 0.003, now 0.001)" in caplog.text
    assert_same(other, pretrain(tmp_path / "d", learning_rate=1e-3))


def test_held_out_texts_are_a_share_of_the_tokens() -> None:
    """No text is on both sides; so many tokens are held out that there is a sequence to measure on."""
    lengths = np.random.default_rng(0).integers(1, 100, 500)
    kept, held_out = part_texts(lengths, 0.1, 18, seed=3)
    assert sorted([*kept, *held_out]) == list(range(500))
    assert 0.1 <= lengths[held_out].sum() / lengths.sum() < 0.11
    assert [len(part) for part in part_texts(np.full(9, 5), 0.01, 18, seed=0)] == [5, 4]


def test_checkpoints_are_of_this_pretraining_alone(pretrain: Callable[..., tuple], tmp_path: Path) -> None:
    """Nothing is written while the interval is not over."""
    pretrain(tmp_path / "c", epochs=1)
    assert not list(tmp_path.glob("c/*"))
    assert Checkpoints(tmp_path / "c", {}).load() is None
