"""The classifier and its training. Speaks `keras` only, so that it runs on every backend of Keras."""

import hashlib
import logging
import resource
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
from keras import ops
from keras_hub.models import BertBackbone

from bert_ladder.data.frames import LABEL_COLUMN, PART_COLUMN, read_labels
from bert_ladder.data.tokens import Batching, Tokens, epoch_batches, fixed_widths, load_tokens, similar_length_batches
from bert_ladder.encoders.normal_form import build_backbone, load_weights, read_encoder
from bert_ladder.evaluation.metrics import part_measures
from bert_ladder.runtime.checkpoints import CHECKPOINT_SECONDS, Checkpoints
from bert_ladder.runtime.code import code_version
from bert_ladder.runtime.jobs import BadInput, is_out_of_memory
from bert_ladder.training.fitting import (
    Diverged,
    Progress,
    build_optimizer,
    checksum,
    engine,
    engine_device,
    fit,
    is_compiled,
)

log = logging.getLogger(__name__)

PREDICTION_BATCH = 64


def build_classifier(
    architecture: dict[str, int],
    classes: int,
    pad: int,
    dropout: float = 0.0,
    encoder_dropout: float = 0.0,
    pooling: str = "pooler",
) -> tuple[keras.Model, BertBackbone]:
    """Put the original head on an encoder: dropout and one dense layer on the pooled output, or on a mean.

    Args:
        architecture: the arguments of KerasHub's BertBackbone.
        classes: number of classes, two or more.
        pad: id of [PAD], which is masked.
        dropout: before the dense layer.
        encoder_dropout: of the encoder's hidden states and attention weights.
        pooling: "pooler", BERT's own dense layer on [CLS]; or "mean" of the last hidden states over the text's tokens,
            [CLS] and [SEP] included, which leaves the pooler as it is.

    Returns:
        A model from token ids, int32 (batch, width), to logits, float32 (batch, classes); and its encoder.
    """
    backbone = build_backbone(architecture, encoder_dropout)
    token_ids = keras.Input((None,), dtype="int32", name="token_ids")
    is_token = ops.not_equal(token_ids, pad)
    encoded = backbone(
        {
            "token_ids": token_ids,
            "segment_ids": ops.zeros_like(token_ids),
            "padding_mask": ops.cast(is_token, "int32"),
        }
    )
    if pooling == "mean":
        backbone.pooled_dense.trainable = False
        pooled = keras.layers.GlobalAveragePooling1D(dtype="float32")(encoded["sequence_output"], mask=is_token)
    else:
        pooled = encoded["pooled_output"]
    logits = keras.layers.Dense(
        classes,
        kernel_initializer=keras.initializers.TruncatedNormal(stddev=0.02),
        dtype="float32",
        name="logits",
    )(keras.layers.Dropout(dropout)(pooled))
    return keras.Model(token_ids, logits), backbone


class TokenBatches(keras.utils.PyDataset):
    """Padded batches of some texts, with their labels if there are any.

    Args:
        tokens: the texts' ids.
        labels: int array over all texts, or None to predict.
        batches: (rows, width) of each batch.
        length, truncation: see `Tokens.batch`.
    """

    def __init__(self, tokens: Tokens, labels: np.ndarray | None, batches: list, length: int, truncation: str):
        super().__init__()
        self.tokens, self.labels, self.batches = tokens, labels, batches
        self.length, self.truncation = length, truncation

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, index: int) -> tuple[np.ndarray, ...]:
        rows, width = self.batches[index]
        token_ids = self.tokens.batch(rows, self.length, self.truncation, width)
        return (token_ids,) if self.labels is None else (token_ids, self.labels[rows])


def train_classifier(
    model: keras.Model,
    tokens: Tokens,
    labels: np.ndarray,
    train_rows: np.ndarray,
    validation_rows: np.ndarray,
    positive: int | None,
    training: dict[str, Any],
    seed: int,
    name: str,
    checkpoints: Checkpoints,
    checkpoint_seconds: float,
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Fit the classifier with sparse categorical cross-entropy.

    Args:
        model: from `build_classifier`; holds the kept weights afterwards.
        tokens: the training split's texts.
        labels: int array over all texts of the training split.
        train_rows, validation_rows: int arrays, its two parts.
        positive: code of the class that F1 is of; None for the macro average.
        training: the row's settings, as the schema has them.
        seed: sets the order of the batches.
        name: what progress lines are about.
        checkpoints: of this training; if there is one, the training goes on from it, as if it had never stopped.
        checkpoint_seconds: from one checkpoint to the next.

    Returns:
        One line per epoch: epoch (from 1), loss and accuracy (running means over the epoch's steps, dropout on),
        after the epoch with dropout off `part_measures` of the validation part (validation_*) and of a fixed sample of
        the training part of the same size (train_*), learning_rate (at the epoch's end), seconds (of the training
        steps, the tracing of the graph included, measuring not).
        And `kept_epoch`, from 1, whose weights were kept, and `positions`, the token positions trained on.

    Raises:
        Diverged: the training diverged.
        SystemExit: see `Resuming`.
    """
    length, truncation, batch_size = training["length"], training["truncation"], training["batch_size"]
    lengths = tokens.lengths(length)

    def order(epoch: int) -> list:
        return epoch_batches(
            train_rows,
            lengths[train_rows],
            Batching(batch_size, length, training["length_buckets"]),
            seed=seed,
            epoch=epoch,
        )

    first = order(0)
    # Keras infers the shape of its input from the first two batches that it is shown. These two hold no rows and are
    # never trained on, since EpochOrder comes first; they leave the width open, whatever widths an epoch begins with.
    shown = [(train_rows[:0], width) for width in (length, int(fixed_widths(length)[0]))]
    dataset = TokenBatches(tokens, labels, shown + first[2:] if len(first) > 1 else first, length, truncation)
    optimizer = build_optimizer(training, steps=training["epochs"] * len(first))
    # Variables that appear while TensorFlow traces the step would make it trace a second time.
    optimizer.build(model.trainable_variables)
    accuracy = keras.metrics.SparseCategoricalAccuracy(name="accuracy")
    model.compile(
        optimizer=optimizer,
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[accuracy],
        jit_compile=is_compiled(training),
    )
    # The whole training part would cost four times as much as the validation part and say little more.
    sample = np.random.default_rng(0).permutation(train_rows)[: len(validation_rows)]
    measured = np.concatenate([sample, validation_rows])

    def measure() -> dict[str, float]:
        probabilities = predict_probabilities(model, tokens, measured, length, truncation)
        if not np.isfinite(probabilities).all():
            raise Diverged(f"{name}: the probabilities are no finite numbers")
        parts = {"train": slice(len(sample)), "validation": slice(len(sample), None)}
        return {"learning_rate": float(optimizer.learning_rate)} | {
            f"{part}_{key}": value
            for part, of_part in parts.items()
            for key, value in part_measures(labels[measured[of_part]], probabilities[of_part], positive).items()
        }

    keeper = None
    if training["keep"] == "best" or training["patience"]:
        # With as much patience as there are epochs it never stops; it only remembers the best weights.
        keeper = keras.callbacks.EarlyStopping(
            training["monitor"],
            mode="min" if training["monitor"] == "validation_loss" else "max",
            patience=training["patience"] or training["epochs"],
            restore_best_weights=training["keep"] == "best",
        )
    try:
        history = fit(
            model,
            dataset,
            order,
            epochs=training["epochs"],
            metrics=[accuracy],
            progress=Progress(name, len(train_rows), batch_size, measure),
            keeper=keeper,
            checkpoints=checkpoints,
            checkpoint_seconds=checkpoint_seconds,
        )
    except Diverged as error:
        raise Diverged(
            f"{error}; lower learning_rate ({training['learning_rate']:g}), set clipnorm, or choose another precision "
            f"than {training['precision']}."
        ) from error
    positions = sum(len(rows) * width for epoch in range(len(history)) for rows, width in order(epoch))
    kept = keeper.best_epoch + 1 if training["keep"] == "best" else len(history)
    return history, {"kept_epoch": kept, "positions": positions}


def prediction_batches(
    tokens: Tokens, labels: np.ndarray | None, rows: np.ndarray, length: int, truncation: str
) -> TokenBatches:
    """Batches for a forward pass: sorted by length, since padding costs time and changes nothing."""
    batches = similar_length_batches(rows, tokens.lengths(length)[rows], PREDICTION_BATCH, length)
    return TokenBatches(tokens, labels, batches, length, truncation)


def predict_probabilities(
    model: keras.Model, tokens: Tokens, rows: np.ndarray, length: int, truncation: str
) -> np.ndarray:
    """Class probabilities of some texts.

    Returns:
        float32 array (len(rows), classes), in the order of `rows`, each line of sum 1.
    """
    dataset = prediction_batches(tokens, None, rows, length, truncation)
    logits = model.predict(dataset, verbose=0)
    order = np.concatenate([batch_rows for batch_rows, _ in dataset.batches])
    probabilities = np.empty(logits.shape, np.float32)
    probabilities[np.argsort(rows, kind="stable")] = ops.convert_to_numpy(ops.softmax(logits, axis=-1))[
        np.argsort(order, kind="stable")
    ]
    return probabilities


def predict_batch(model: keras.Model, token_ids: np.ndarray) -> np.ndarray:
    """Class probabilities, float32 (n, classes), of one padded batch, int32 (n, width)."""
    return ops.convert_to_numpy(ops.softmax(model.predict_on_batch(token_ids), axis=-1))


def train_run(
    encoder_config: Path | str,
    encoder_weights: Path | str,
    tokens: Tokens,
    labels: np.ndarray,
    is_validation: np.ndarray,
    classes: int,
    positive: int | None,
    training: dict[str, Any],
    seed: int,
    name: str,
    threads: int,
    checkpoint_folder: Path,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
) -> tuple[keras.Model, pd.DataFrame, dict[str, Any]]:
    """Fine-tune an encoder once.

    Args:
        encoder_config, encoder_weights: the encoder in normal form.
        tokens: the training split's texts.
        labels: int array over them.
        is_validation: bool array over them, true for the validation part.
        classes: number of classes.
        positive: code of the class that F1 is of; None for the macro average.
        training: the row's settings, as the schema has them.
        seed: sets the head's initialisation, dropout and the order of the batches.
        name: what progress lines are about.
        threads: CPU threads, for the record.
        checkpoint_folder: where this training, and no other, keeps its checkpoints; see `remove_checkpoints`.
        checkpoint_seconds: from one checkpoint to the next.

    Returns:
        The model with the kept weights, its history (see `train_classifier`), and what training.json holds.

    Raises:
        BadInput: if the encoder cannot take texts of this length, its files are damaged, or memory does not suffice.
        Diverged: the training diverged.
        SystemExit: see `Resuming`.
    """
    architecture = read_encoder(encoder_config)["architecture"]
    if training["length"] > architecture["max_sequence_length"]:
        raise BadInput(
            f"{name}: length {training['length']} is more than the {architecture['max_sequence_length']} positions of "
            "its encoder; lower length."
        )
    keras.utils.set_random_seed(seed)
    keras.config.set_dtype_policy(training["precision"])
    model, backbone = build_classifier(
        architecture, classes, tokens.pad, training["dropout"], training["encoder_dropout"], training["pooling"]
    )
    load_weights(backbone, encoder_weights)
    train_rows, validation_rows = np.flatnonzero(~is_validation), np.flatnonzero(is_validation)
    device = engine_device(name)
    log.info(
        "%s: %s parameters, %s texts to train on, %s to validate, %s with %s threads",
        name,
        f"{model.count_params():,}",
        f"{len(train_rows):,}",
        f"{len(validation_rows):,}",
        device,
        threads,
    )
    made_of = {
        "data_sha256": checksum(tokens.ids, tokens.offsets, labels, is_validation),
        "encoder_sha256": hashlib.sha256(Path(encoder_weights).read_bytes()).hexdigest(),
    } | engine()
    identity = {
        "code": code_version(__file__),
        "seed": seed,
        "settings": training,
        "architecture": architecture,
    } | made_of
    ready_at = time.time()
    try:
        history, outcome = train_classifier(
            model,
            tokens,
            labels,
            train_rows,
            validation_rows,
            positive,
            training,
            seed,
            name,
            Checkpoints(Path(checkpoint_folder), identity),
            checkpoint_seconds,
        )
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        raise BadInput(
            f"{name}: out of memory on {device} with batch_size {training['batch_size']} and length "
            f"{training['length']}; lower one of them, or give the job more memory."
        ) from error
    seconds = float(history["seconds"].sum())
    record = {
        "seed": seed,
        "training": training,
        "epochs": len(history),
        **outcome,
        "parameters": model.count_params(),
        "n_train": len(train_rows),
        "n_validation": len(validation_rows),
        "training_seconds": round(seconds, 3),
        "ready_at": round(ready_at, 3),
        "trained_at": round(time.time(), 3),
        "examples_per_second": round(len(train_rows) * len(history) / seconds, 1),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "device": device,
        "threads": threads,
        **made_of,
    }
    return model, history, record


def train_on_files(
    paths: dict[str, Any],
    training: dict[str, Any],
    seed: int,
    name: str,
    threads: int,
    checkpoint_folder: Path,
    checkpoint_seconds: float,
) -> tuple[keras.Model, pd.DataFrame, dict[str, Any]]:
    """Fine-tune an encoder once on a study's files; see `train_run`.

    Args:
        paths: `config`, `weights` and `vocabulary` of the encoder; `tokens` (ids and offsets), `frame` and `split` of
            the training split; `labels`.
        training: the settings, as the schema has them.
        seed, name, threads, checkpoint_folder, checkpoint_seconds: see `train_run`.
    """
    names, positive = read_labels(paths["labels"])
    return train_run(
        encoder_config=paths["config"],
        encoder_weights=paths["weights"],
        tokens=load_tokens(*paths["tokens"], paths["vocabulary"]),
        labels=pd.read_parquet(paths["frame"], columns=[LABEL_COLUMN])[LABEL_COLUMN].to_numpy(),
        is_validation=(pd.read_parquet(paths["split"])[PART_COLUMN] == "validation").to_numpy(),
        classes=len(names),
        positive=positive,
        training=training,
        seed=seed,
        name=name,
        threads=threads,
        checkpoint_folder=checkpoint_folder,
        checkpoint_seconds=checkpoint_seconds,
    )


def restore_classifier(
    encoder_config: Path | str, weights: Path | str, record: dict[str, Any], classes: int, pad: int
) -> keras.Model:
    """Rebuild a trained classifier for prediction.

    Args:
        encoder_config: its encoder.json.
        weights: its model.weights.h5.
        record: its training.json.
        classes: number of classes.
        pad: id of [PAD].
    """
    keras.config.set_dtype_policy(record["training"]["precision"])
    pooling = record["training"]["pooling"]
    model, _ = build_classifier(read_encoder(encoder_config)["architecture"], classes, pad, pooling=pooling)
    model.load_weights(weights)
    return model
