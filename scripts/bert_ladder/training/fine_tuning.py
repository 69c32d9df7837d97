"""The training of a classifier. Speaks `keras` only, so that it runs on every backend of Keras."""

import hashlib
import json
import logging
import resource
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

from bert_ladder.data.class_weights import class_weights
from bert_ladder.data.frames import LABEL_COLUMN, PART_COLUMN, read_classes, read_positive
from bert_ladder.data.tokens import Batching, Tokens, batch_widths, epoch_batches
from bert_ladder.data.training_steps import check_budget
from bert_ladder.encoders.encoder_files import EncoderFiles
from bert_ladder.encoders.normal_form import build_encoder, load_weights, read_encoder
from bert_ladder.encoders.vocabulary import tokenizer_vocabulary
from bert_ladder.evaluation.metrics import f1_measure, part_measures
from bert_ladder.runtime.checkpoints import Checkpoints, State, remove_checkpoints
from bert_ladder.runtime.code import code_version
from bert_ladder.runtime.jobs import BadInput, is_out_of_memory
from bert_ladder.runtime.progress import ProgressFile
from bert_ladder.study.settings import TrainingSettings
from bert_ladder.training.classifier import TokenBatches, build_classifier, predict_probabilities
from bert_ladder.training.fitting import (
    Diverged,
    Epochs,
    Progress,
    build_optimizer,
    checksum,
    engine,
    engine_device,
    fit,
    is_compiled,
    resolve_precision,
)
from bert_ladder.training.inputs import CheckpointPolicy, Job, Rung, TrainingFiles, TrainingOutputs
from bert_ladder.training.resuming import Resuming, Stretch

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainingData:
    """The texts that a classifier learns from and is validated on.

    Attributes:
        tokens: the training split's texts.
        labels: int array over them.
        is_validation: bool array over them, true for the validation part.
        classes: number of classes.
        positive: code of the class whose F1 is monitored; None for the macro average, or where none is.
        class_weights: what the loss of a text is multiplied by, by the code of its class; None: nothing is.
        left_out: bool array over the texts, true for those of neither part; None: all are of one.
    """

    tokens: Tokens
    labels: np.ndarray
    is_validation: np.ndarray
    classes: int
    positive: int | None
    class_weights: Sequence[float] | None = None
    left_out: np.ndarray | None = None

    @property
    def train_examples(self) -> np.ndarray:
        """The part trained on, int array."""
        others = self.is_validation if self.left_out is None else self.is_validation | self.left_out
        return np.flatnonzero(~others)

    @property
    def validation_examples(self) -> np.ndarray:
        """The part validated on, int array."""
        return np.flatnonzero(self.is_validation)

    def order(self, settings: TrainingSettings, seed: int, epoch: int) -> list[tuple[np.ndarray, int]]:
        """The batches of an epoch, from 0."""
        examples = self.train_examples
        return epoch_batches(
            examples,
            self.tokens.lengths(settings.length)[examples],
            Batching(settings.batch_size, settings.length, settings.length_buckets, is_compiled(settings)),
            seed=seed,
            epoch=epoch,
        )


def read_training_data(encoder: EncoderFiles, files: TrainingFiles, settings: TrainingSettings) -> TrainingData:
    """Open a study's files, the tokens as the encoder's vocabulary has them, and weigh the classes.

    Raises:
        BadInput: a weight of a label that the data do not have.
    """
    ids, offsets = files.tokens
    vocabulary = tokenizer_vocabulary(read_encoder(encoder.config)["tokenizer"], encoder)
    labels = pd.read_parquet(files.frame, columns=[LABEL_COLUMN])[LABEL_COLUMN].to_numpy()
    part = pd.read_parquet(files.split)[PART_COLUMN]
    published = read_classes(files.classes)
    weights = class_weights(settings.class_weight, labels[(part == "train").to_numpy()], published)
    return TrainingData(
        tokens=vocabulary.open_tokens(ids, offsets),
        labels=labels,
        is_validation=(part == "validation").to_numpy(),
        classes=len(published),
        positive=None if files.positive is None else read_positive(files.positive),
        class_weights=None if weights is None else weights.tolist(),
        left_out=part.isna().to_numpy() if part.hasnans else None,
    )


def train_classifier(
    model: keras.Model,
    data: TrainingData,
    settings: TrainingSettings,
    job: Job,
    checkpoints: Checkpoints,
    policy: CheckpointPolicy,
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Fit the classifier with sparse categorical cross-entropy, each text's times the weight of its class.

    Args:
        model: from `build_classifier`; holds the kept weights afterwards.
        data: what to learn.
        settings: the row's.
        job: its seed sets the order of the batches.
        checkpoints: of this training; if there is one, the training resumes from it, as if it had never stopped.
        policy: how often it is saved, and the part of it that is done.

    Returns:
        One line per epoch, or part of one that a rung ends in: epoch (from 1), loss (weighted) and accuracy (running
        means over the epoch's steps, dropout on), after it with dropout off `part_measures` of the validation part
        (validation_*) and of a fixed sample of the training part of the same size (train_*), neither weighted,
        learning_rate (then), seconds (of the training steps, the tracing of the graph included, measuring not).
        And `kept_epoch`, from 1, whose weights were kept, `positions`, the token positions trained on, and
        `examples`, the texts, each as often as it was read.

    Raises:
        BadInput: the rung is less than one step, or the state that it begins with is not of this training.
        Diverged: the training diverged.
        SystemExit: see `Resuming`.
    """
    train_examples, length, truncation = data.train_examples, settings.length, settings.truncation

    def order(epoch: int) -> list[tuple[np.ndarray, int]]:
        return data.order(settings, job.seed, epoch)

    first = order(0)
    # Keras infers the shape of its input from the first two batches that it is shown. These two hold none and are
    # never trained on, since EpochOrder comes first; they leave the width open, whatever widths an epoch begins with.
    shown = [(train_examples[:0], width) for width in (length, int(batch_widths(length, is_compiled(settings))[0]))]
    dataset = TokenBatches(data.tokens, data.labels, shown + first[2:] if len(first) > 1 else first, length, truncation)
    steps = settings.epochs * len(first)
    # Of the whole training in a rung too, whose schedule is that of a training that is never left.
    optimizer = build_optimizer(settings, steps=steps)
    # Variables that appear while TensorFlow traces the step would make it trace a second time.
    optimizer.build(model.trainable_variables)
    accuracy = keras.metrics.SparseCategoricalAccuracy(name="accuracy")
    model.compile(
        optimizer=optimizer,
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[accuracy],
        jit_compile=is_compiled(settings),
    )
    # The whole training part would cost four times as much as the validation part and say little more.
    sample = np.random.default_rng(0).permutation(train_examples)[: len(data.validation_examples)]
    measured = np.concatenate([sample, data.validation_examples])

    def measure() -> dict[str, float]:
        probabilities = predict_probabilities(model, data.tokens, measured, length, truncation)
        if not np.isfinite(probabilities).all():
            raise Diverged(f"{job.name}: the probabilities are no finite numbers")
        parts = {"train": slice(len(sample)), "validation": slice(len(sample), None)}
        return {"learning_rate": float(optimizer.learning_rate)} | {
            f"{part}_{key}": value
            for part, examples in parts.items()
            for key, value in part_measures(data.labels[measured[examples]], probabilities[examples]).items()
        }

    early_stopping, weights = build_early_stopping(settings, data.positive), data.class_weights
    stretch = None if policy.rung is None else build_stretch(policy.rung, steps, checkpoints.identity, job)
    resuming = Resuming(checkpoints, policy.seconds, [accuracy], early_stopping, stretch)
    try:
        history = fit(
            model,
            Epochs(dataset, order, settings.epochs, None if weights is None else dict(enumerate(weights))),
            Progress(job.name, len(train_examples), settings.batch_size, measure, file=ProgressFile(job.log)),
            resuming,
        )
    except Diverged as error:
        raise Diverged(
            f"{error}; lower learning_rate ({settings.learning_rate:g}), set clipnorm, or choose another precision "
            f"than {settings.precision}."
        ) from error
    batches = [batch for epoch in range(len(history)) for batch in order(epoch)]
    if stretch is not None and resuming.left:
        batches = batches[: stretch.steps]
    kept = len(history)
    if early_stopping is not None and settings.keep == "best":
        kept = early_stopping.best_epoch + 1
    return history, {
        "kept_epoch": kept,
        "positions": sum(len(examples) * width for examples, width in batches),
        "examples": sum(len(examples) for examples, _ in batches),
    }


def build_stretch(rung: Rung, steps: int, identity: Mapping[str, Any], job: Job) -> Stretch:
    """The steps of a rung.

    Args:
        rung: the part of the training.
        steps: of the whole training.
        identity: of the training, see `Checkpoints`.
        job: for the sentence.

    Raises:
        BadInput: the rung is less than one step.
    """
    check_budget(rung.budget, steps, job.name)
    before = None if rung.before is None else State(rung.before)
    return Stretch(identity, round(rung.budget * steps), State(rung.state), before)


def build_early_stopping(settings: TrainingSettings, positive: int | None) -> keras.callbacks.EarlyStopping | None:
    """What ends a training early or remembers its best weights, where the settings want that.

    Args:
        settings: of the training.
        positive: code of the class that `validation_f1` is of; None for the macro average.
    """
    if settings.keep == "last" and not settings.patience:
        return None
    # With as much patience as there are epochs it never stops; it only remembers the best weights.
    return keras.callbacks.EarlyStopping(
        f"validation_{f1_measure(positive)}" if settings.monitor == "validation_f1" else settings.monitor,
        mode="min" if settings.monitor == "validation_loss" else "max",
        patience=settings.patience or settings.epochs,
        restore_best_weights=settings.keep == "best",
    )


def train_run(
    files: EncoderFiles, data: TrainingData, settings: TrainingSettings, job: Job, policy: CheckpointPolicy
) -> tuple[keras.Model, pd.DataFrame, dict[str, Any]]:
    """Fine-tune an encoder once.

    Args:
        files: of the encoder.
        data: what to learn.
        settings: the row's.
        job: its seed sets the head's initialisation, dropout and the order of the batches.
        policy: where and how often the training is saved, and the part of it that is done.

    Returns:
        The model with the kept weights, its history (see `train_classifier`), and what training.json holds.

    Raises:
        BadInput: if the encoder cannot take texts of this length, its files are damaged, or memory does not suffice.
        Diverged: the training diverged.
        SystemExit: see `Resuming`.
    """
    description, settings = read_encoder(files.config), resolve_precision(settings, job)
    keras.utils.set_random_seed(job.seed)
    keras.config.set_dtype_policy(settings.precision)
    encoder = build_encoder(description, settings.encoder_dropout)
    if settings.length > encoder.positions:
        raise BadInput(
            f"{job.name}: length {settings.length} is more than the {encoder.positions} positions of its encoder; "
            "lower length."
        )
    model = build_classifier(encoder, data.classes, data.tokens.pad, settings.dropout, settings.pooling)
    load_weights(encoder.backbone, files.weights)
    device = engine_device(job.name)
    n_train, n_validation = len(data.train_examples), len(data.validation_examples)
    log.info(
        "%s: %s parameters, %s texts to train on, %s to validate, %s with %s threads",
        job.name,
        f"{model.count_params():,}",
        f"{n_train:,}",
        f"{n_validation:,}",
        device,
        job.threads,
    )
    left_out = [] if data.left_out is None else [data.left_out]
    made_of = {
        "data_sha256": checksum(data.tokens.ids, data.tokens.offsets, data.labels, data.is_validation, *left_out),
        "encoder_sha256": hashlib.sha256(files.weights.read_bytes()).hexdigest(),
    } | engine()
    identity = {
        "code": code_version(__file__),
        "seed": job.seed,
        "settings": settings.plain(),
        "positive": data.positive,
        "class_weights": data.class_weights,
        "architecture": description["architecture"],
    } | made_of
    ready_at = time.time()
    # One of a longer rung, from before the study was edited, would lead beyond the end of this one.
    folder = policy.folder / f"{policy.rung.budget!r}" if policy.rung else policy.folder
    try:
        history, outcome = train_classifier(model, data, settings, job, Checkpoints(folder, identity), policy)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        raise BadInput(
            f"{job.name}: out of memory on {device} with batch_size {settings.batch_size} and length "
            f"{settings.length}; lower one of them, or give the job more memory."
        ) from error
    seconds, examples = float(history["seconds"].sum()), outcome.pop("examples")
    record = {
        "seed": job.seed,
        "training": settings.plain(),
        **({} if data.class_weights is None else {"class_weights": data.class_weights}),
        "epochs": len(history),
        **outcome,
        "parameters": model.count_params(),
        "n_train": n_train,
        "n_validation": n_validation,
        "training_seconds": round(seconds, 3),
        "ready_at": round(ready_at, 3),
        "trained_at": round(time.time(), 3),
        "examples_per_second": round(examples / seconds, 1),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "device": device,
        "threads": job.threads,
        **made_of,
    }
    return model, history, record


def train_model(
    encoder: EncoderFiles,
    files: TrainingFiles,
    settings: TrainingSettings,
    job: Job,
    policy: CheckpointPolicy,
    outputs: TrainingOutputs,
) -> None:
    """Fine-tune an encoder once on a study's files, and keep weights, history and record; see `train_run`."""
    model, history, record = train_run(encoder, read_training_data(encoder, files, settings), settings, job, policy)
    model.save_weights(outputs.weights)
    write_training(outputs, history, record, job)
    remove_checkpoints(policy.folder)


def train_trial(
    encoder: EncoderFiles,
    files: TrainingFiles,
    settings: TrainingSettings,
    job: Job,
    policy: CheckpointPolicy,
    outputs: TrainingOutputs,
) -> None:
    """As `train_model`, but no weights are kept, and a training that diverges is a result: it has no epochs.

    With a rung in the policy it goes from the state that the rung before has left to the budget of this one, and leaves
    its own. A trial that has ended before, since it diverged or lost patience, has the same result in every later rung.
    """
    rung = policy.rung
    if rung is not None:
        # What an earlier attempt has left would be taken for the state of this one.
        rung.state.unlink(missing_ok=True)
    result = None if rung is None or rung.before is None else _ended_result(State(rung.before), job)
    history, record = result or _try_settings(encoder, files, settings, job, policy)
    if rung is not None:
        if "diverged" in record or not rung.state.exists():
            ended = {"history": history.to_dict("split", index=False), "record": record}
            State(rung.state).save({}, {"ended": ended}, {})
        record = {"trial": rung.trial, "budget": rung.budget} | record
    write_training(outputs, history, record, job)
    remove_checkpoints(policy.folder)


def _try_settings(
    encoder: EncoderFiles, files: TrainingFiles, settings: TrainingSettings, job: Job, policy: CheckpointPolicy
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """History and record of a trial; one that diverges has no epochs."""
    settings = resolve_precision(settings, job)
    try:
        _, history, record = train_run(encoder, read_training_data(encoder, files, settings), settings, job, policy)
    except Diverged as error:
        # That some settings ruin the training is what a search is there to find out.
        log.warning("%s The trial comes last.", error)
        return pd.DataFrame(columns=["epoch"]), {"training": settings.plain(), "diverged": True}
    return history, record


def _ended_result(before: State, job: Job) -> tuple[pd.DataFrame, dict[str, Any]] | None:
    """History and record of a trial that has ended in an earlier rung; None for one that goes on."""
    ended = before.position().get("ended")
    if ended is None:
        return None
    log.info("%s: has ended in an earlier rung, so that there is nothing to train.", job.name)
    # When it was trained is told by the rung that did it.
    record = {key: value for key, value in ended["record"].items() if key not in ("ready_at", "trained_at")}
    return pd.DataFrame(**ended["history"]), record


def write_training(outputs: TrainingOutputs, history: pd.DataFrame, record: dict[str, Any], job: Job) -> None:
    """Write history.csv and training.json."""
    history.to_csv(outputs.history, index=False)
    record = {"model": job.row} | record | job.lease.record()
    Path(outputs.record).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
