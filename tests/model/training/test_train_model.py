"""The classifier and its training, on encoders of a few thousand weights."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow
from keras import ops

from bert_ladder.data.frames import write_classes
from bert_ladder.data.tokens import Batching, Tokens
from bert_ladder.encoders.encoder_files import EncoderFiles
from bert_ladder.encoders.families.bert import bert_encoder, build_backbone, scratch_encoder
from bert_ladder.encoders.normal_form import load_weights, read_encoder, save_encoder
from bert_ladder.evaluation.metrics import part_measures
from bert_ladder.runtime.jobs import BadInput
from bert_ladder.study.settings import TrainingSettings
from bert_ladder.training import fine_tuning, fitting
from bert_ladder.training.classifier import (
    TokenBatches,
    build_classifier,
    predict_probabilities,
    restore_classifier,
)
from bert_ladder.training.fine_tuning import TrainingData, build_early_stopping, read_training_data, train_run
from bert_ladder.training.fitting import WarmUpDecay, build_optimizer, clock
from bert_ladder.training.inputs import CheckpointPolicy, Job, TrainingFiles
from trainings import NANO, SETTINGS, labelled_texts


@pytest.fixture(autouse=True)
def float32() -> None:
    """Each test starts from Keras's own precision."""
    keras.config.set_dtype_policy("float32")


@pytest.fixture(scope="module")
def texts() -> tuple[Tokens, np.ndarray, np.ndarray]:
    """Texts, labels and the validation part."""
    return labelled_texts(400)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> EncoderFiles:
    """A scratch encoder in normal form."""
    keras.config.set_dtype_policy("float32")
    folder = tmp_path_factory.mktemp("encoder")
    files = EncoderFiles(folder / "encoder.json", folder / "encoder.weights.h5", ())
    save_encoder(*scratch_encoder(NANO, [str(i) for i in range(50)], True), files.config, files.weights)
    return files


def run(encoder: EncoderFiles, texts: tuple, seed: int = 1, **settings: Any) -> tuple:
    """A training with some settings changed."""
    return train_run(
        encoder,
        TrainingData(*texts, classes=2, positive=1),
        TrainingSettings.of(SETTINGS | settings),
        Job("nano", "nano", seed, threads=2),
        CheckpointPolicy(encoder.config.with_name("checkpoints")),
    )


def weights_of(model: keras.Model) -> list[np.ndarray]:
    """All weights of a model, in order."""
    return [np.array(weight) for weight in model.get_weights()]


def equal(one: list[np.ndarray], other: list[np.ndarray]) -> bool:
    """Bit for bit."""
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_training_learns_and_tells_what_ran(encoder: EncoderFiles, texts: tuple) -> None:
    """Loss falls, validation accuracy ends near 1, and history and record carry what a reader needs."""
    model, history, record = run(encoder, texts, epochs=4)
    assert list(history["epoch"]) == [1, 2, 3, 4]
    measures = ("loss", "accuracy", "f1_0", "f1_1", "macro_f1", "ece")
    assert set(history) == {
        "epoch", "loss", "accuracy", "learning_rate", "seconds",
        *(f"{part}_{measure}" for part in ("train", "validation") for measure in measures),
    }  # fmt: skip
    assert history["loss"].iloc[-1] < history["loss"].iloc[0]
    assert history["validation_accuracy"].iloc[-1] > 0.95
    assert (record["n_train"], record["n_validation"], record["seed"], record["kept_epoch"]) == (300, 100, 1, 4)
    assert record["parameters"] == model.count_params()
    assert record["training_seconds"] == pytest.approx(history["seconds"].sum(), abs=0.01)
    assert {"python", "keras", "tensorflow"} <= set(record["versions"])
    assert record["onednn"] is True
    assert len(record["data_sha256"]) == len(record["encoder_sha256"]) == 64


def test_class_weights_multiply_the_loss_of_each_text(encoder: EncoderFiles, texts: tuple) -> None:
    """The mean over the batch of weight times cross-entropy, by hand; measures are of texts that count once each."""
    # One step over all texts that leaves the weights where they were.
    settings = SETTINGS | {
        "batch_size": 300, "epochs": 1, "optimizer": "sgd", "learning_rate": 1e-9, "dropout": 0.0,
        "encoder_dropout": 0.0,
    }  # fmt: skip
    tokens, labels, is_validation = texts
    weights = [0.25, 3.0]
    data = TrainingData(tokens, labels, is_validation, classes=2, positive=1, class_weights=weights)
    policy = CheckpointPolicy(encoder.config.with_name("checkpoints"))
    job = Job("nano", "nano", 1, threads=2)
    model, history, record = train_run(encoder, data, TrainingSettings.of(settings), job, policy)

    def losses(rows: np.ndarray) -> np.ndarray:
        probabilities = predict_probabilities(model, tokens, rows, settings["length"], "head")
        return -np.log(probabilities[np.arange(len(rows)), labels[rows]])

    weighted = losses(data.train_examples) * np.array(weights)[labels[data.train_examples]]
    assert history["loss"].tolist() == pytest.approx([weighted.mean()], rel=1e-4)
    assert history["validation_loss"].tolist() == pytest.approx([losses(data.validation_examples).mean()], rel=1e-4)
    assert record["class_weights"] == weights
    *_, plain = run(encoder, texts, epochs=1)
    assert "class_weights" not in plain


def test_training_weighs_the_classes_of_its_own_part(encoder: EncoderFiles, texts: tuple, tmp_path: Path) -> None:
    """Balanced by the texts that are trained on, not by those of the validation part; labels are found by name."""
    tokens, _, is_validation = texts
    # Every fourth text is one of validation, and there the rare class is not rare.
    labels = np.where(is_validation, np.arange(400) % 8 == 0, np.arange(400) % 15 == 1).astype(np.int16)
    paths = {name: tmp_path / f"{name}.parquet" for name in ("frame", "split")}
    pd.DataFrame({"LABEL_COLUMN": labels}).to_parquet(paths["frame"])
    part = pd.Categorical(np.where(is_validation, "validation", "train"), categories=["train", "validation"])
    pd.DataFrame({"part": part}).to_parquet(paths["split"])
    write_classes(tmp_path / "classes.json", ["common", "rare"])
    for name, array in (("ids", tokens.ids), ("offsets", tokens.offsets)):
        np.save(tmp_path / f"{name}.npy", array)
    files = TrainingFiles(
        [tmp_path / "ids.npy", tmp_path / "offsets.npy"], paths["frame"], paths["split"], tmp_path / "classes.json"
    )
    vocabulary = tmp_path / "vocab.txt"
    vocabulary.write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(f"p{i}" for i in range(45))]))
    of_study = replace(encoder, tokenizer=(vocabulary,))

    def weights(class_weight: Any) -> Any:
        settings = TrainingSettings.of(SETTINGS | {"class_weight": class_weight})
        return read_training_data(of_study, files, settings).class_weights

    trained = np.bincount(labels[~is_validation])
    assert weights("balanced") == pytest.approx(300 / (2 * trained))
    assert weights({"rare": 7.0}) == [1.0, 7.0]
    assert weights(None) is None
    with pytest.raises(
        BadInput, match="class_weight: 'scarce' is no label of the data; the labels are 'common', 'rare'"
    ):
        weights({"scarce": 7.0})


def test_texts_of_neither_part_are_left_out(texts: tuple) -> None:
    """Of a fraction of the labels: they are neither trained on nor validated on."""
    tokens, labels, is_validation = texts
    left_out = np.arange(400) % 3 == 0
    data = TrainingData(tokens, labels, is_validation & ~left_out, classes=2, positive=1, left_out=left_out)
    assert data.train_examples.tolist() == np.flatnonzero(~is_validation & ~left_out).tolist()
    assert data.validation_examples.tolist() == np.flatnonzero(is_validation & ~left_out).tolist()


@pytest.mark.parametrize("settings", [{}, {"length_buckets": True, "precision": "mixed_bfloat16"}])
def test_same_seed_gives_the_same_weights_bit_for_bit(encoder: EncoderFiles, texts: tuple, settings: dict) -> None:
    """A seed fixes the head, dropout and order; another seed gives another model."""
    first, again, other = (weights_of(run(encoder, texts, seed=seed, **settings)[0]) for seed in (1, 1, 2))
    assert equal(first, again)
    assert not equal(first, other)


def test_whoever_watches_a_training_changes_nothing(
    encoder: EncoderFiles, texts: tuple, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Told after every step how far it is, bit for bit the same; the file says what the history has."""
    states: list[dict] = []
    monkeypatch.setattr(fitting, "TOLD_SECONDS", 0.0)
    monkeypatch.setattr(fitting.ProgressFile, "write", lambda self, state: states.append(dict(state)))
    arguments = (TrainingData(*texts, classes=2, positive=1), TrainingSettings.of(SETTINGS))
    job = Job("nano", "nano", 1, threads=2, log=tmp_path / "train_model.log")
    watched, history, _ = train_run(encoder, *arguments, job, CheckpointPolicy(tmp_path / "checkpoints"))
    # 19 steps an epoch, the first of which has no speed yet; one state before them and one behind.
    assert [(state["epoch"], state["step"]) for state in states] == [
        (epoch, step) for epoch in (1, 2) for step in (0, *range(2, 20), 19)
    ]
    assert all(state["steps"] == 19 and state["epochs"] == 2 for state in states)
    assert states[0]["ended"] == {}
    last = history.iloc[-1]
    assert states[-1]["ended"] == {"epoch": 2} | {
        name: last[name] for name in ("loss", "accuracy", "validation_loss", "validation_accuracy")
    }
    assert states[5]["speed"] > 0
    monkeypatch.undo()
    unwatched, *_ = run(encoder, texts)
    assert equal(weights_of(watched), weights_of(unwatched))


def test_fit_sees_the_epochs_in_their_own_order(
    encoder: EncoderFiles, texts: tuple, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keras draws the batches that `epoch_batches` gives for the epoch, each training row once."""
    seen: list[np.ndarray] = []
    keep = TokenBatches.__getitem__

    def watched(self: Any, index: int) -> tuple:
        if len(self.batches[index][0]) <= SETTINGS["batch_size"]:
            seen.append(self.batches[index][0])
        return keep(self, index)

    monkeypatch.setattr(TokenBatches, "__getitem__", watched)
    tokens, _, is_validation = texts
    rows = np.flatnonzero(~is_validation)
    run(encoder, texts, seed=7)
    flat, starts = [tuple(batch) for batch in seen], []
    for epoch in (0, 1):
        batches = fine_tuning.epoch_batches(
            rows, tokens.lengths(16)[rows], Batching(16, 16, length_buckets=False), seed=7, epoch=epoch
        )
        expected = [tuple(batch) for batch, _ in batches]
        starts += [i for i in range(len(flat)) if flat[i : i + len(expected)] == expected]
    assert len(starts) == 2
    assert starts[0] < starts[1]


def test_widths_may_differ_between_epochs(encoder: EncoderFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    """An epoch of one width may be followed by epochs of others: the input's width is left open."""
    random = np.random.default_rng(0)
    tokens = Tokens(random.integers(10, 50, 64 * 14).astype(np.uint16), np.arange(65) * 14, pad=0, cls=2, sep=3)
    widths = [[16, 16, 16], [16, 24, 32]]

    def batches(rows: np.ndarray, *_: Any, epoch: int, **__: Any) -> list:
        return [(part, width) for part, width in zip(np.array_split(rows, 3), widths[epoch], strict=True)]

    monkeypatch.setattr(fine_tuning, "epoch_batches", batches)
    parts = np.arange(64) % 4 == 0
    _, history, _ = run(encoder, (tokens, np.arange(64) % 2, parts), epochs=2, length=32, length_buckets=True)
    assert len(history) == 2


def test_device_that_the_engine_does_not_see_is_told(
    encoder: EncoderFiles, texts: tuple, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A training that has leased a GPU and computes on the CPU says so; one that has the CPU does not."""
    for shown, told in (("GPU-1", True), ("-1", False)):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", shown)
        caplog.clear()
        record = run(encoder, texts, epochs=1)[2]
        assert record["device"].startswith("cpu")
        assert ("has device GPU-1, but tensorflow sees no GPU" in caplog.text) is told


def test_mean_pooling_reads_all_tokens_and_leaves_the_pooler(
    encoder: EncoderFiles, texts: tuple, tmp_path: Path
) -> None:
    """It learns, padding has no part in it, the pooler stays as it was, and a restored model predicts the same."""
    tokens = texts[0]
    model, history, record = run(encoder, texts, pooling="mean", epochs=4, dropout=0.0, encoder_dropout=0.0)
    assert history["validation_accuracy"].iloc[-1] > 0.9
    rows = np.arange(8)
    narrow, wide = (model.predict(tokens.batch(rows, 16, "head", width), verbose=0) for width in (16, 24))
    np.testing.assert_allclose(narrow, wide, atol=1e-5)
    before = build_backbone(read_encoder(encoder.config)["architecture"])
    load_weights(before, encoder.weights)
    trained = next(layer for layer in model.layers if isinstance(layer, type(before)))
    for one, other in zip(trained.pooled_dense.get_weights(), before.pooled_dense.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    model.save_weights(tmp_path / "model.weights.h5")
    restored = restore_classifier(replace(encoder, weights=tmp_path / "model.weights.h5"), record, 2, tokens.pad)
    np.testing.assert_allclose(restored.predict(tokens.batch(rows, 16, "head", 16), verbose=0), narrow, atol=1e-6)


def test_diverged_training_is_told(encoder: EncoderFiles, texts: tuple) -> None:
    """A loss that is no number ends the run with the row, the epoch and what to change."""
    with pytest.raises(BadInput, match=r"nano: the loss is no finite number in epoch \d of 2; lower learning_rate"):
        run(encoder, texts, optimizer="sgd", learning_rate=1e30, clipnorm=None)


def test_best_epoch_is_kept(encoder: EncoderFiles, texts: tuple) -> None:
    """With a learning rate that ruins the model after the first epochs, `keep: best` gives the best epoch's weights."""
    model, history, record = run(encoder, texts, epochs=4, learning_rate=0.3, keep="best", monitor="validation_loss")
    assert record["kept_epoch"] == history["validation_loss"].idxmin() + 1
    tokens, labels, is_validation = texts
    rows = np.flatnonzero(is_validation)
    probabilities = predict_probabilities(model, tokens, rows, 16, "head")
    loss = -np.log(probabilities[np.arange(len(rows)), labels[rows]]).mean()
    assert loss == pytest.approx(history["validation_loss"].min(), rel=1e-4)


def test_restored_model_predicts_as_the_trained_one(encoder: EncoderFiles, texts: tuple, tmp_path: Path) -> None:
    """Weights saved and loaded give the same probabilities, for rows in any order."""
    tokens = texts[0]
    model, _, record = run(encoder, texts)
    model.save_weights(tmp_path / "model.weights.h5")
    restored = restore_classifier(replace(encoder, weights=tmp_path / "model.weights.h5"), record, 2, 0)
    rows = np.random.default_rng(1).permutation(400)[:150]
    before = predict_probabilities(model, tokens, rows, 16, "head")
    after = predict_probabilities(restored, tokens, rows, 16, "head")
    assert equal(weights_of(model), weights_of(restored))
    np.testing.assert_allclose(before, after, atol=1e-6)
    alone = predict_probabilities(restored, tokens, rows[:1], 16, "head")
    np.testing.assert_allclose(alone[0], after[0], atol=1e-6)
    np.testing.assert_allclose(after.sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("pad", [0, 1])
def test_padding_changes_nothing(encoder: EncoderFiles, pad: int) -> None:
    """The same text in a wider batch gives the same logits: [PAD] is masked, wherever in the vocabulary it stands."""
    architecture = read_encoder(encoder.config)["architecture"]
    model = build_classifier(bert_encoder(architecture, 0.5), classes=3, pad=pad, dropout=0.5)
    narrow = np.array([[2, 10, 11, 3]], np.int32)
    wide = np.array([[2, 10, 11, 3, *[pad] * 4]], np.int32)
    logits = ops.convert_to_numpy(model(narrow))
    assert logits.shape == (1, 3)
    assert logits.dtype == np.float32
    np.testing.assert_allclose(logits, ops.convert_to_numpy(model(wide)), atol=1e-6)


@pytest.mark.parametrize(("has", "policy"), [(True, "mixed_bfloat16"), (False, "float32")])
def test_precision_is_left_to_the_machine(
    has: bool, policy: str, encoder: EncoderFiles, texts: tuple, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`auto` is what the processor has, bit for bit as if it had been asked for, and the record says which."""
    monkeypatch.setattr("bert_ladder.training.fitting.has_bfloat16", lambda devices: has)
    model, _, record = run(encoder, texts, precision="auto")
    asked, _, told = run(encoder, texts, precision=policy)
    assert record["training"] == told["training"]
    assert record["training"]["precision"] == policy
    for weight, same in zip(model.get_weights(), asked.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, same)


def test_mixed_precision_trains_close_to_float32(encoder: EncoderFiles, texts: tuple) -> None:
    """bfloat16 changes the loss little, and the logits stay float32."""
    _, full, _ = run(encoder, texts, dropout=0.0, encoder_dropout=0.0)
    model, mixed, _ = run(encoder, texts, dropout=0.0, encoder_dropout=0.0, precision="mixed_bfloat16")
    assert mixed["loss"].iloc[0] == pytest.approx(full["loss"].iloc[0], rel=0.1)
    assert model.outputs[0].dtype == "float32"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("adam", keras.optimizers.Adam),
        ("adamw", keras.optimizers.AdamW),
        ("adamax", keras.optimizers.Adamax),
        ("sgd", keras.optimizers.SGD),
    ],
)
def test_optimizer_has_the_study_settings(name: str, expected: type) -> None:
    """Each optimizer of the schema is one of Keras's, with the rate, epsilon and clipping of the row."""
    settings = SETTINGS | {"optimizer": name, "clipnorm": None, "global_clipnorm": 0.5}
    optimizer = build_optimizer(TrainingSettings.of(settings), steps=10)
    assert isinstance(optimizer, expected)
    assert type(optimizer).__name__ == expected.__name__
    assert float(optimizer.learning_rate) == pytest.approx(3e-3)
    assert (optimizer.clipnorm, optimizer.global_clipnorm) == (None, 0.5)
    if name != "sgd":
        assert optimizer.epsilon == 1e-8


def test_weight_decay_spares_biases_and_layer_norms() -> None:
    """With a gradient of zero, decay shrinks kernels and leaves biases and layer norms as they are."""
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3, bias_initializer="ones")])
    model.add(keras.layers.LayerNormalization(name="layer_norm"))
    settings = SETTINGS | {"optimizer": "adamw", "weight_decay": 0.5, "learning_rate": 0.1}
    optimizer = build_optimizer(TrainingSettings.of(settings), steps=1)
    before = weights_of(model)
    optimizer.build(model.trainable_variables)
    optimizer.apply([ops.zeros_like(v) for v in model.trainable_variables], model.trainable_variables)
    kernel, *others = weights_of(model)
    np.testing.assert_allclose(kernel, before[0] * (1 - 0.5 * 0.1), rtol=1e-6)
    assert equal(others, before[1:])


@pytest.mark.parametrize(
    ("schedule", "halfway"), [("constant", 1.0), ("linear", 0.5), ("cosine", 0.5 * (1 + math.cos(math.pi / 2)))]
)
def test_learning_rate_rises_then_decays(schedule: str, halfway: float) -> None:
    """The rate rises over the warm-up steps to the peak and follows the named decay to the end."""
    rate = WarmUpDecay(0.2, steps=110, warmup_steps=10, schedule=schedule)
    values = [float(rate(step)) for step in (0, 4, 9, 10, 60, 110)]
    end = 0.2 if schedule == "constant" else 0.0
    assert values == pytest.approx([0.02, 0.1, 0.2, 0.2, 0.2 * halfway, end], abs=1e-6)


def test_schedule_spans_all_epochs(encoder: dict, texts: tuple) -> None:
    """Halfway through two epochs a linear decay has half the rate left, and nothing at the end."""
    _, history, _ = run(encoder, texts, epochs=2, schedule="linear")
    assert history["learning_rate"].tolist() == pytest.approx([SETTINGS["learning_rate"] / 2, 0.0], abs=1e-9)


@pytest.mark.parametrize(
    "error",
    [
        MemoryError("std::bad_alloc"),
        tensorflow.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor with shape[256,512,1024]"),
        RuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 4294967296 bytes."),
    ],
)
def test_too_little_memory_is_told_in_one_sentence(
    encoder: EncoderFiles, texts: tuple, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """With the row, its batch and length; any other error stays what it is."""

    def failing(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(keras.Model, "fit", failing)
    with pytest.raises(BadInput, match=r"nano: out of memory on cpu:0 with batch_size 16 and length 16; lower one"):
        run(encoder, texts)
    error = ValueError("another")
    with pytest.raises(ValueError, match="another"):
        run(encoder, texts)


def test_length_beyond_the_encoder_is_refused(encoder: EncoderFiles, texts: tuple) -> None:
    """An encoder with 32 positions cannot take 64 WordPieces; the sentence names both."""
    with pytest.raises(BadInput, match="length 64 is more than the 32 positions"):
        run(encoder, texts, length=64)


def test_damaged_weights_are_refused(encoder: EncoderFiles, texts: tuple, tmp_path: Path) -> None:
    """A truncated weights file gives one sentence that names it."""
    bad = tmp_path / "encoder.weights.h5"
    bad.write_bytes(encoder.weights.read_bytes()[:1000])
    with pytest.raises(BadInput, match=r"encoder\.weights\.h5: .* does not hold the weights"):
        run(replace(encoder, weights=bad), texts)


@pytest.mark.parametrize(("seconds", "words"), [(0.4, "0 s"), (65, "1 min 05 s"), (7620, "2 h 07 min")])
def test_durations_read_well(seconds: float, words: str) -> None:
    """Time left is given in units that people use."""
    assert clock(seconds) == words


def test_patience_stops_after_epochs_without_a_gain(encoder: EncoderFiles, texts: tuple) -> None:
    """A ruinous learning rate ends after the epoch that is one too many; the best epoch is kept where asked."""
    ruinous = {"epochs": 8, "learning_rate": 0.3, "monitor": "validation_loss", "patience": 1}
    _, history, record = run(encoder, texts, keep="best", **ruinous)
    losses = history["validation_loss"]
    assert len(history) == record["epochs"] < 8
    assert losses.iloc[-1] >= losses.iloc[:-1].min()
    assert record["kept_epoch"] == losses.idxmin() + 1
    _, again, last = run(encoder, texts, keep="last", **ruinous)
    assert last["kept_epoch"] == last["epochs"] == len(again)


def test_measures_of_both_parts_follow_every_epoch(encoder: EncoderFiles, texts: tuple) -> None:
    """With dropout off the training sample's loss falls too, and the last line is what the kept weights give."""
    tokens, labels, is_validation = texts
    model, history, record = run(encoder, texts, epochs=3)
    assert history["train_loss"].iloc[-1] < history["train_loss"].iloc[0]
    rows = np.flatnonzero(is_validation)
    found = part_measures(labels[rows], predict_probabilities(model, tokens, rows, 16, "head"))
    for measure, value in found.items():
        assert history[f"validation_{measure}"].iloc[-1] == pytest.approx(value, abs=1e-6), measure
    assert record["positions"] == 3 * 300 * 16


@pytest.mark.parametrize(("positive", "column"), [(0, "f1_0"), (1, "f1_1"), (None, "macro_f1")])
def test_f1_can_be_monitored(positive: int | None, column: str) -> None:
    """`monitor: validation_f1` looks at the F1 of the positive class, of more than two classes at the macro average."""
    settings = TrainingSettings.of(SETTINGS | {"keep": "best", "monitor": "validation_f1"})
    assert build_early_stopping(settings, positive).monitor == f"validation_{column}"


def test_epoch_with_the_highest_f1_is_kept(encoder: EncoderFiles, texts: tuple) -> None:
    """Of the positive class."""
    _, history, record = run(encoder, texts, epochs=3, keep="best", monitor="validation_f1")
    assert record["kept_epoch"] == history["validation_f1_1"].idxmax() + 1
