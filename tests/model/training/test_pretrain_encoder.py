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

from bert_ladder.data.tokens import Tokens
from bert_ladder.encoders.encoder_files import EncoderFiles
from bert_ladder.encoders.families.bert import bert_encoder, build_backbone, scratch_encoder
from bert_ladder.encoders.normal_form import load_weights, read_encoder, save_encoder
from bert_ladder.encoders.vocabulary import wordpiece_vocabulary
from bert_ladder.runtime.jobs import BadInput
from bert_ladder.study.settings import PretrainingSettings
from bert_ladder.training.fitting import build_optimizer
from bert_ladder.training.inputs import CheckpointPolicy, Job, PretrainingFiles
from bert_ladder.training.masking import bags
from bert_ladder.training.pretraining import (
    MaskedLanguageModel,
    Pretrained,
    build_masked_lm,
    is_test_text,
    part_texts,
    pretrain_run,
    save_heads,
)
from trainings import PRETRAINING, Killed

VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghijklmnop", "##a", "##b", "##c"]
SIZES = {"layers": 1, "hidden": 32, "heads": 2, "intermediate": 64, "positions": 32, "initializer_range": 0.1}
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
        found = pretrained(files | (paths or {}), CheckpointPolicy(checkpoints, every), **settings)
        weights = found.encoder.backbone.get_weights()
        return found.description, weights, found.history.drop(columns="seconds"), found.record

    return run


def pretrained(paths: dict[str, Any], policy: CheckpointPolicy, **settings: Any) -> Pretrained:
    """A pre-training with some settings changed."""
    return pretrain_run(
        EncoderFiles.of(paths),
        PretrainingFiles.of(paths),
        PretrainingSettings.of(PRETRAINING | settings),
        Job("nano", "nano", 1, threads=2),
        policy,
    )


def assert_same(one: tuple, other: tuple) -> None:
    """Equal to the last bit."""
    pd.testing.assert_frame_equal(one[2], other[2], check_exact=True)
    for a, b in zip(one[1], other[1], strict=True):
        np.testing.assert_array_equal(a, b)


def masked_batch(random: np.random.Generator) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Random sequences and positions; targets and weights."""
    inputs = {
        "token_ids": random.integers(5, len(VOCABULARY), (7, 18)).astype(np.int32),
        "positions": random.integers(1, 17, (7, 3)).astype(np.int32),
    }
    targets = random.integers(5, 24, (7, 3)).astype(np.int32)
    return inputs, {"targets": targets, "weights": (random.random((7, 3)) < 0.8).astype(np.float32)}


def test_loss_and_accuracy_are_those_of_kerashubs_head_with_kerass_cross_entropy() -> None:
    """The same weights in KerasHub's own parts."""
    keras.utils.set_random_seed(0)
    encoder = bert_encoder(ARCHITECTURE)
    model, backbone = build_masked_lm(encoder), encoder.backbone
    model.compile(optimizer="sgd")
    model.bias.assign(np.random.default_rng(1).normal(size=len(VOCABULARY)))
    inputs, to_guess = masked_batch(np.random.default_rng(2))
    found = model.evaluate(inputs, to_guess, verbose=0, return_dict=True, batch_size=7)
    targets, weights = to_guess["targets"], to_guess["weights"]

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
        assert same
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
            case _:
                pytest.fail(f"KerasHub's head has an unknown variable: {name}")
    logits = head(hidden, inputs["positions"])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="mean_with_sample_weight")
    accuracy = keras.metrics.SparseCategoricalAccuracy()
    accuracy.update_state(targets, logits, weights)
    assert found["loss"] == pytest.approx(float(loss(targets, logits, weights)), rel=1e-5)
    assert found["accuracy"] == pytest.approx(float(accuracy.result()))


def test_next_sentence_adds_its_cross_entropy() -> None:
    """The loss of hidden tokens is that of a model without the task, with the same weights; the rest is Keras's own."""
    keras.utils.set_random_seed(0)
    encoder = bert_encoder(ARCHITECTURE)
    model, backbone = build_masked_lm(encoder, next_sentence=True), encoder.backbone
    encoder = bert_encoder(ARCHITECTURE)
    alone, other = build_masked_lm(encoder), encoder.backbone
    other.set_weights(backbone.get_weights())
    for name in ("guess_dense", "guess_layer_norm"):
        alone.get_layer(name).set_weights(model.get_layer(name).get_weights())
    inputs, to_guess = masked_batch(np.random.default_rng(2))
    goes_on = np.array([1, 0, 0, 1, 1, 0, 1], np.int32)
    segments = {"segment_ids": np.zeros_like(inputs["token_ids"])}
    for one in (model, alone):
        one.compile(optimizer="sgd")
    same = {"verbose": 0, "return_dict": True, "batch_size": 7}
    found = model.evaluate(inputs | segments, to_guess | {"goes_on": goes_on}, **same)
    expected = alone.evaluate(inputs, to_guess, **same)
    logits = model.predict(inputs | segments, verbose=0)["goes_on"][:, 0]
    entropy = keras.losses.BinaryCrossentropy(from_logits=True)(goes_on.astype(float), logits)
    assert found["masked_loss"] == pytest.approx(expected["loss"], rel=1e-5)
    assert found["loss"] - found["masked_loss"] == pytest.approx(float(entropy), rel=1e-4)
    assert found["pairs_accuracy"] == pytest.approx(((logits > 0) == goes_on).mean())


def test_bag_of_words_adds_its_cross_entropy() -> None:
    """Of the tokens of a sequence, once each, given the pooled output; the rest is as it is without the task."""
    keras.utils.set_random_seed(0)
    model = build_masked_lm(bert_encoder(ARCHITECTURE), bag_of_words=True)
    model.compile(optimizer="sgd")
    model.bag_bias.assign(np.random.default_rng(1).normal(size=len(VOCABULARY)))
    inputs, to_guess = masked_batch(np.random.default_rng(2))
    bag, weights = bags(inputs["token_ids"], wordpiece_vocabulary(VOCABULARY))
    weights[3] = 0
    found = model.evaluate(
        inputs, to_guess | {"bag": bag, "bag_weights": weights}, verbose=0, return_dict=True, batch_size=7
    )
    states = model.predict(inputs, verbose=0)["bag"]
    logits = states @ model.token_embedding.embeddings.numpy().T + model.bag_bias.numpy()
    log_likelihood = np.log(keras.ops.softmax(logits).numpy())
    losses = [
        -line[tokens[weight == 1]].mean()
        for line, tokens, weight in zip(log_likelihood, bag, weights, strict=True)
        if weight.any()
    ]
    assert found["bag_loss"] == pytest.approx(np.mean(losses), rel=1e-5)
    assert found["loss"] == pytest.approx(found["masked_loss"] + found["bag_loss"], rel=1e-6)


def test_scores_begin_at_how_often_tokens_occur() -> None:
    """Of single tokens, and of sequences that have one; special tokens have nearly none."""
    model = build_masked_lm(bert_encoder(ARCHITECTURE), bag_of_words=True)
    random = np.random.default_rng(0)
    chances = random.dirichlet(np.full(19, 0.3))
    stream = np.concatenate([random.choice(19, 99_000, p=chances) + 5, np.full(1000, 3)]).astype(np.uint16)
    model.start_biases(stream, wordpiece_vocabulary(VOCABULARY), length=18)
    frequencies = keras.ops.convert_to_numpy(keras.ops.softmax(model.bias))
    np.testing.assert_allclose(frequencies[5:], chances, atol=0.01)
    in_sequence = np.mean(
        [np.isin(np.arange(24), line) for line in random.permutation(stream[:96_000]).reshape(-1, 16)], 0
    )
    np.testing.assert_allclose(np.exp(model.bag_bias.numpy())[5:], in_sequence[5:], atol=0.02)
    assert frequencies[:5].max() < 1e-4


def test_a_batch_with_nothing_to_guess_costs_nothing() -> None:
    """Its loss is zero and no number that would end the training."""
    model = build_masked_lm(bert_encoder(ARCHITECTURE), bag_of_words=True)
    model.compile(optimizer="sgd")
    inputs, to_guess = masked_batch(np.random.default_rng(2))
    to_guess["weights"] *= 0
    nothing = np.zeros_like(inputs["token_ids"])
    to_guess |= {"bag": nothing, "bag_weights": nothing.astype(np.float32)}
    found = model.train_on_batch(inputs, to_guess, return_dict=True)
    assert found["loss"] == 0
    assert all(np.isfinite(weight).all() for weight in model.get_weights())


def test_what_masked_language_modelling_says_nothing_about_stays_as_it_is(
    pretrain: Callable[..., tuple], files: dict[str, Any], tmp_path: Path
) -> None:
    """The pooler, the second segment and the positions beyond the length: weight decay does not shrink them either."""
    encoder, weights, *_ = pretrain(tmp_path / "c", epochs=1, learning_rate=0.01, weight_decay=0.5)
    backbone = build_backbone(encoder["architecture"])
    before = build_backbone(encoder["architecture"])
    load_weights(before, files["weights"])
    backbone.set_weights(weights)
    rest = {"segment_embedding": 1, "position_embedding": PRETRAINING["length"]}
    for one, other in zip(backbone.weights, before.weights, strict=True):
        name = next((name for name in rest if name in one.path), None)
        if name or "pooled" in one.path:
            np.testing.assert_array_equal(one.numpy()[rest.get(name, 0) :], other.numpy()[rest.get(name, 0) :])
        else:
            assert (one.numpy() != other.numpy()).any()


def test_all_that_is_trained_is_known() -> None:
    """All of the encoder but the pooler, and of the head a dense layer, a layer norm and a bias."""
    encoder = bert_encoder(ARCHITECTURE)
    model, backbone = build_masked_lm(encoder), encoder.backbone
    trained = {variable.path for variable in model.trainable_variables}
    assert not any("pooled_dense" in path for path in trained)
    assert isinstance(model, MaskedLanguageModel)
    assert len(trained) == len({v.path for v in backbone.trainable_variables if "pooled" not in v.path}) + 5


@pytest.mark.long
def test_next_sentence_trains_the_pooler_and_the_second_segment(
    pretrain: Callable[..., tuple], files: dict[str, Any], tmp_path: Path
) -> None:
    """Texts of one letter: whether the second segment goes on is plain to see. Masked tokens are learned as well."""
    settings = {"epochs": 60, "learning_rate": 5e-3, "encoder_dropout": 0.0, "next_sentence": True, "weight_decay": 0.0}
    encoder, weights, history, _ = pretrain(tmp_path / "c", **settings)
    assert history["validation_pairs_accuracy"].iloc[-1] > 0.75
    assert history["validation_loss"].iloc[-1] < 0.7 * history["validation_loss"].iloc[0]
    assert {"masked_loss", "pairs_accuracy"} < set(history.columns)
    before = build_backbone(encoder["architecture"])
    load_weights(before, files["weights"])
    after = build_backbone(encoder["architecture"])
    after.set_weights(weights)
    for name in ("pooled_dense", "segment_embedding"):
        pairs = [(a, b) for a, b in zip(after.weights, before.weights, strict=True) if name in a.path]
        assert pairs and all((a.numpy() != b.numpy()).any(axis=-1).all() for a, b in pairs)


def test_bag_of_words_trains_the_pooler(pretrain: Callable[..., tuple], files: dict[str, Any], tmp_path: Path) -> None:
    """Texts of one letter: which ones a sequence has is learned far below the entropy of all letters."""
    settings = {"epochs": 60, "learning_rate": 5e-3, "encoder_dropout": 0.0, "bag_of_words": True}
    encoder, weights, history, _ = pretrain(tmp_path / "c", **settings)
    assert history["validation_bag_loss"].iloc[-1] < 0.7 * np.log(16) < history["validation_bag_loss"].iloc[0]
    assert history["validation_loss"].iloc[-1] < 0.7 * history["validation_loss"].iloc[0]
    assert {"masked_loss", "bag_loss"} < set(history.columns)
    before, after = build_backbone(encoder["architecture"]), build_backbone(encoder["architecture"])
    load_weights(before, files["weights"])
    after.set_weights(weights)
    poolers = [(a, b) for a, b in zip(after.weights, before.weights, strict=True) if "pooled_dense" in a.path]
    assert poolers and all((a.numpy() != b.numpy()).all() for a, b in poolers)


def test_it_learns_and_says_how_it_goes(pretrain: Callable[..., tuple], tmp_path: Path) -> None:
    """Held-out loss falls, accuracy rises far above chance; the encoder is in normal form with its provenance."""
    encoder, weights, history, record = pretrain(tmp_path / "c", epochs=10, learning_rate=1e-2, encoder_dropout=0.0)
    assert history["epoch"].tolist() == list(range(1, 11))
    assert history["validation_loss"].iloc[-1] < 0.7 * history["validation_loss"].iloc[0]
    assert history["validation_accuracy"].iloc[-1] > 0.5
    assert list(history.columns) == [
        "epoch", "accuracy", "loss", "masked_loss", "learning_rate", "validation_loss", "validation_accuracy",
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
        (4, {"next_sentence": True, "bag_of_words": True}),
        pytest.param(1, {}, marks=pytest.mark.long),
        pytest.param(7, {"gradient_accumulation": 3, "epochs": 2}, marks=pytest.mark.long),
        pytest.param(15, {"precision": "mixed_float16", "optimizer": "adam"}, marks=pytest.mark.long),
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


def test_gradients_are_averaged_over_the_steps() -> None:
    """One batch twice, accumulated, is one update with it; twice without accumulation is more."""
    keras.config.set_dtype_policy("float32")
    inputs, to_guess = masked_batch(np.random.default_rng(2))
    weights = {}
    for steps, accumulated in ((1, 1), (2, 2), (2, 1)):
        keras.utils.set_random_seed(0)
        encoder = bert_encoder(ARCHITECTURE)
        model, backbone = build_masked_lm(encoder), encoder.backbone
        changed = {"optimizer": "sgd", "schedule": "constant", "warmup_fraction": 0.0, "global_clipnorm": None}
        optimizer = build_optimizer(PretrainingSettings.of(PRETRAINING | changed), steps, accumulated)
        model.compile(optimizer=optimizer)
        for _ in range(steps):
            model.train_on_batch(inputs, to_guess)
        weights[steps, accumulated] = np.concatenate([w.ravel() for w in backbone.get_weights()])
    np.testing.assert_allclose(weights[2, 2], weights[1, 1], atol=1e-7)
    assert np.abs(weights[2, 1] - weights[1, 1]).max() > 1e-5


def test_scores_of_16_bits_are_rounded_alike() -> None:
    """That of a target as the others', or a certain guess would cost less than nothing, however products are summed."""
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        keras.utils.set_random_seed(0)
        encoder = bert_encoder(ARCHITECTURE)
        model, backbone = build_masked_lm(encoder), encoder.backbone
    finally:
        keras.config.set_dtype_policy("float32")
    random = np.random.default_rng(0)
    backbone.token_embedding.embeddings.assign(random.normal(size=(len(VOCABULARY), 32)))
    states = backbone.token_embedding.embeddings.numpy()[None] * random.uniform(2, 4, (1, len(VOCABULARY), 1))
    targets = np.arange(len(VOCABULARY))[None]
    scores, target = model.scores(keras.ops.cast(states, "bfloat16"), targets, model.bias)
    rounded = keras.ops.cast(keras.ops.cast(target, "bfloat16"), "float32")
    np.testing.assert_array_equal(target, rounded)
    # Without instructions for bfloat16 TensorFlow's products also sum in it: off by a few of its steps, each 2^-7 of
    # the score at most.
    losses = keras.ops.convert_to_numpy(keras.ops.logsumexp(scores, axis=-1) - target)
    assert np.abs(losses / keras.ops.convert_to_numpy(target)).max() <= 4 * 2**-7


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
    for (encoder, *_, record), texts_left_out in ((all_texts, 0), (fewer, is_left_out.sum())):
        assert encoder["source"]["left_out"] == record["left_out"]
        assert record["left_out"]["texts"] == texts_left_out
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
    with pytest.raises(
        BadInput, match="nano: of 0 tokens those to learn from are 0, fewer than the 16 of one sequence"
    ):
        pretrain(tmp_path / "c", paths=empty)


def test_share_that_holds_no_text_is_refused_with_its_remedy(pretrain: Callable[..., tuple], tmp_path: Path) -> None:
    """Text enough, but each longer than the share that would be held out: not a matter of more or of shorter ones."""
    texts = [[5 + i % 16] * (100 + i) for i in range(20)]
    np.save(tmp_path / "ids.npy", np.concatenate(texts).astype(np.uint16))
    np.save(tmp_path / "offsets.npy", np.cumsum([0, *map(len, texts)]))
    long = {"tokens": [tmp_path / "ids.npy", tmp_path / "offsets.npy"] * 2}
    frame = pd.DataFrame({"DATA_COLUMN": [f"text {i}" for i in range(20)]})
    frame.to_parquet(tmp_path / "train.parquet")
    long["train"] = tmp_path / "train.parquet"
    with pytest.raises(BadInput, match="those held out are 0, fewer than the 16 of one sequence; raise validation_f"):
        pretrain(tmp_path / "c", paths=long, epochs=1, validation_fraction=0.03)
    *_, record = pretrain(tmp_path / "c", paths=long, epochs=1, validation_fraction=0.06)
    assert record["held_out_tokens"] > 0


def test_length_beyond_the_positions_is_refused(pretrain: Callable[..., tuple], tmp_path: Path) -> None:
    """Of an encoder whose positions the study does not know."""
    with pytest.raises(BadInput, match="nano: length 40 is more than the 32 positions of the encoder it starts from"):
        pretrain(tmp_path / "c", length=40)


def test_next_sentence_needs_two_segments(
    pretrain: Callable[..., tuple], files: dict[str, Any], tmp_path: Path
) -> None:
    """An encoder that knows one only is refused before the first step."""
    encoder = json.loads(files["config"].read_text())
    encoder["architecture"]["num_segments"] = 1
    (tmp_path / "encoder.json").write_text(json.dumps(encoder))
    with pytest.raises(BadInput, match="nano: the encoder it starts from knows one segment only; set next_sentence"):
        pretrain(tmp_path / "c", paths={"config": tmp_path / "encoder.json"}, next_sentence=True)


def test_accumulating_longer_than_the_training_is_refused(pretrain: Callable[..., tuple], tmp_path: Path) -> None:
    """Nothing would ever be learned."""
    with pytest.raises(BadInput, match=r"gradient_accumulation 1000 is more than the \d+ steps of all epochs"):
        pretrain(tmp_path / "c", gradient_accumulation=1000)


@pytest.fixture(scope="module")
def read(files: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The files of an encoder that has been pre-trained, and of its heads."""
    keras.config.set_dtype_policy("float32")
    folder = tmp_path_factory.mktemp("read")
    found = pretrained(files, CheckpointPolicy(folder / "c"), epochs=10, learning_rate=1e-2)
    read = {"config": folder / "encoder.json", "weights": folder / "encoder.weights.h5", "heads": folder / "heads.npz"}
    save_encoder(found.description, found.encoder.backbone, read["config"], read["weights"])
    save_heads(found.model, read["heads"])
    return read


def test_heads_resume_where_they_were(pretrain: Callable[..., tuple], read: dict[str, Any], tmp_path: Path) -> None:
    """A second pre-training begins as the first one ended, and a task that is new in it begins anew."""
    anew = {name: path for name, path in read.items() if name != "heads"}
    at_rest = {"epochs": 1, "learning_rate": 1e-9, "encoder_dropout": 0.0}
    _, _, goes_on, record = pretrain(tmp_path / "a", paths=read, bag_of_words=True, **at_rest)
    _, _, begins, _ = pretrain(tmp_path / "b", paths=anew, bag_of_words=True, **at_rest)
    assert goes_on["validation_loss"].item() < begins["validation_loss"].item() - 0.5
    assert goes_on["bag_loss"].item() == pytest.approx(begins["bag_loss"].item(), abs=0.5)
    assert len(record["heads_sha256"]) == 64


@pytest.mark.parametrize("damage", ["cut", "other", "text"])
def test_damaged_heads_get_one_sentence(
    pretrain: Callable[..., tuple], read: dict[str, Any], tmp_path: Path, damage: str
) -> None:
    """A file that is cut off, of another encoder, or no npz at all."""
    heads = tmp_path / "heads.npz"
    heads.write_bytes(b"text" if damage == "text" else read["heads"].read_bytes()[:-100])
    if damage == "other":
        np.savez(heads, vocabulary_bias=np.zeros(3))
    with pytest.raises(BadInput, match=r"heads\.npz: damaged, or of another encoder") as caught:
        pretrain(tmp_path / "c", paths=read | {"heads": heads}, epochs=1)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("settings", [{"xla": True}, {"precision": "mixed_bfloat16"}])
def test_other_engines_learn_as_well(pretrain: Callable[..., tuple], tmp_path: Path, settings: dict[str, Any]) -> None:
    """Compiled, and with 16 bits."""
    _, _, history, _ = pretrain(tmp_path / "c", epochs=6, learning_rate=1e-2, encoder_dropout=0.0, **settings)
    assert history["validation_loss"].iloc[-1] < 0.8 * history["validation_loss"].iloc[0]


def numbered(texts: list[list[int]]) -> Tokens:
    """Texts of these ids."""
    ids = np.array([i for text in texts for i in text], np.uint16)
    return Tokens(ids, np.concatenate([[0], np.cumsum([len(text) for text in texts])]), pad=0, cls=2, sep=3)


def test_copies_of_a_text_are_on_one_side_and_no_seed_moves_them() -> None:
    """Wherever they stand; a book is not held out whole for the sake of a hundredth."""
    random = np.random.default_rng(0)
    texts = [random.integers(5, 24, size).tolist() for size in random.integers(5, 60, 300)]
    book = random.integers(5, 24, 5000).tolist()
    (first, held), (second, held_copies) = part_texts(
        [numbered(texts), numbered([book, *texts])], [None, None], 0.02, 18
    )
    assert (held + 1).tolist() == held_copies.tolist()
    assert 0 in second and len(first) == 300 - len(held)
    ((_, alone),) = part_texts([numbered(texts)], [None], 0.02, 18)
    assert set(alone) & set(held)


def test_no_source_is_held_out_for_the_sake_of_another() -> None:
    """Tickets beside manuals, which are too long to be held out, give their own share only."""
    random = np.random.default_rng(0)
    tickets = [random.integers(5, 24, 100).tolist() for _ in range(300)]
    manuals = [random.integers(5, 24, 40_000).tolist() for _ in range(10)]
    (kept, held), (_, held_manuals) = part_texts([numbered(tickets), numbered(manuals)], [None, None], 0.05, 18)
    assert (len(kept), len(held), len(held_manuals)) == (285, 15, 0)


def test_held_out_texts_are_a_share_of_the_tokens() -> None:
    """No text is on both sides; so many tokens are held out that there is a sequence to measure on."""
    random = np.random.default_rng(0)
    texts = numbered([random.integers(5, 24, size).tolist() for size in random.integers(1, 100, 500)])
    lengths = np.diff(texts.offsets)
    keep = np.arange(500) % 5 > 0
    ((kept, held_out),) = part_texts([texts], [keep], 0.1, 18)
    assert sorted([*kept, *held_out]) == np.flatnonzero(keep).tolist()
    assert 0.1 <= lengths[held_out].sum() / lengths[keep].sum() < 0.12
    ((kept, held_out),) = part_texts([numbered([[i + 5] * 5 for i in range(9)])], [None], 0.01, 18)
    assert (len(kept), len(held_out)) == (5, 4)


@pytest.mark.parametrize(
    "case",
    [
        ({"paths": "start"}, "other encoder_sha256"),
        *(
            pytest.param(case, marks=pytest.mark.long)
            for case in (
                ({"learning_rate": 1e-3}, "other settings (learning_rate 0.003, now 0.001)"),
                ({"paths": "texts"}, "other data_sha256"),
                ({"paths": "test"}, "other left_out"),
            )
        ),
    ],
)
def test_a_checkpoint_of_another_pretraining_is_refused(
    pretrain: Callable[..., tuple],
    files: dict[str, Any],
    killed_after: Callable[[int], None],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    case: tuple[dict[str, Any], str],
) -> None:
    """With the reason; the training begins afresh."""
    changes, reason = case
    save_encoder(
        *scratch_encoder(SIZES | {"seed": 9}, VOCABULARY, True), tmp_path / "e.json", tmp_path / "e.weights.h5"
    )
    others = {
        "texts": {"tokens": files["tokens"][2:] + files["tokens"][:2]},
        "start": {"weights": tmp_path / "e.weights.h5"},
        "test": {"test": files["train"]},
    }
    if "paths" in changes:
        changes = {"paths": others[changes["paths"]]}
    killed_after(3)
    with pytest.raises(Killed):
        pretrain(tmp_path / "c", every=0, epochs=1)
    other = pretrain(tmp_path / "c", epochs=1, **changes)
    assert f"is not used: it is of {reason}" in caplog.text
    assert_same(other, pretrain(tmp_path / "d", epochs=1, **changes))
