"""Fits a Keras model epoch by epoch: optimizer, order of the batches, progress, resuming. Speaks `keras` only."""

import hashlib
import logging
import math
import os
import platform
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import keras
import numpy as np
import pandas as pd
from keras import ops

from bert_ladder.runtime.devices import has_bfloat16, uses_onednn
from bert_ladder.runtime.jobs import FOR_ALL, BadInput
from bert_ladder.runtime.packages import versions_of
from bert_ladder.runtime.progress import ProgressFile
from bert_ladder.study.settings import FitSettings
from bert_ladder.training.inputs import Job
from bert_ladder.training.resuming import RestOfEpoch, Resuming, Stretch

log = logging.getLogger(__name__)

Settings = TypeVar("Settings", bound=FitSettings)

PROGRESS_SECONDS = 10.0  # from one line of the log to the next
TOLD_SECONDS = 1.0  # from one state of the progress file to the next
EPOCH_MEASURES = ("loss", "accuracy", "validation_loss", "validation_accuracy")
# Biases and layer norms are not decayed: Devlin et al. 2019's own training code, Loshchilov & Hutter 2019.
NOT_DECAYED = ["bias", "layer_norm", "gamma", "beta"]


class Diverged(BadInput):
    """A training whose loss or probabilities are no finite numbers."""


class WarmUpDecay(keras.optimizers.schedules.LearningRateSchedule):
    """Linear rise from zero, then a constant rate, or a linear or cosine decay to zero.

    Args:
        peak: the highest learning rate.
        steps: steps of the whole training.
        warmup_steps: steps of the rise.
        schedule: "constant", "linear" or "cosine".
    """

    def __init__(self, peak: float, steps: int, warmup_steps: int, schedule: str):
        self.peak, self.steps, self.warmup_steps, self.schedule = peak, steps, warmup_steps, schedule

    def __call__(self, step: Any) -> Any:
        step = ops.cast(step, "float32")
        done = ops.clip((step - self.warmup_steps) / max(1, self.steps - self.warmup_steps), 0.0, 1.0)
        decay = {
            "constant": lambda: ops.ones_like(done),
            "linear": lambda: 1.0 - done,
            "cosine": lambda: 0.5 * (1.0 + ops.cos(math.pi * done)),
        }[self.schedule]()
        rise = ops.minimum(1.0, (step + 1.0) / max(1, self.warmup_steps))
        return self.peak * ops.where(step < self.warmup_steps, rise, decay)

    def get_config(self) -> dict[str, Any]:
        return {"peak": self.peak, "steps": self.steps, "warmup_steps": self.warmup_steps, "schedule": self.schedule}


def build_optimizer(
    settings: FitSettings, steps: int, accumulated: int = 1, not_decayed: Sequence[keras.Variable] = ()
) -> keras.optimizers.Optimizer:
    """The optimizer that a study's settings describe.

    Args:
        settings: of the training.
        steps: of the whole training.
        accumulated: steps whose gradients are averaged for one update.
        not_decayed: variables that no weight decay touches, beside biases and layer norms.
    """
    rate: float | WarmUpDecay = settings.learning_rate
    if settings.schedule != "constant" or settings.warmup_fraction:
        warmup_steps = round(steps * settings.warmup_fraction)
        rate = WarmUpDecay(settings.learning_rate, steps, warmup_steps, settings.schedule)
    arguments = {
        "learning_rate": rate,
        "clipnorm": settings.clipnorm,
        "global_clipnorm": settings.global_clipnorm,
        "weight_decay": settings.weight_decay or None,
    }
    if accumulated > 1:
        arguments["gradient_accumulation_steps"] = accumulated
    if settings.optimizer == "sgd":
        arguments["momentum"] = settings.momentum
    else:
        arguments["epsilon"] = settings.epsilon
    if settings.optimizer == "adamw":
        arguments["weight_decay"] = settings.weight_decay
    classes = {
        "adam": keras.optimizers.Adam,
        "adamw": keras.optimizers.AdamW,
        "adamax": keras.optimizers.Adamax,
        "sgd": keras.optimizers.SGD,
    }
    if keras.backend.backend() == "tensorflow":
        # Where another engine computes, TensorFlow need not be installed.
        from bert_ladder.training.fused_adam import Adam, AdamW

        classes |= {"adam": Adam, "adamw": AdamW}
    optimizer = classes[settings.optimizer](**arguments)
    if settings.weight_decay:
        optimizer.exclude_from_weight_decay(var_list=list(not_decayed), var_names=NOT_DECAYED)
    return optimizer


def resolve_precision(settings: Settings, job: Job) -> Settings:
    """The settings, with the precision that they leave to the machine: `auto`."""
    if settings.precision != "auto":
        return settings
    precision = "mixed_bfloat16" if has_bfloat16(job.lease.devices) else "float32"
    log.info("%s: precision auto is %s on this machine", job.name, precision)
    return replace(settings, precision=precision)


def is_compiled(settings: FitSettings) -> bool:
    """Whether XLA compiles the step: where the settings want it, and always with JAX, which crawls without."""
    return settings.xla or keras.backend.backend() == "jax"


@dataclass(frozen=True)
class Epochs:
    """The passes of a training over its data.

    Attributes:
        dataset: gives the batches that are in its attribute `batches`.
        order: the batches of an epoch, from 0.
        count: number of passes.
        class_weight: what the loss of a text is multiplied by, by its label; None: nothing is.
    """

    dataset: keras.utils.PyDataset
    order: Callable[[int], list]
    count: int
    class_weight: Mapping[int, float] | None = None


class EpochOrder(keras.callbacks.Callback):
    """Gives the training batches the order of the epoch that begins, without the steps that are done already.

    Args:
        epochs: of the training.
        first_epoch, steps_done: where the training begins.
    """

    def __init__(self, epochs: Epochs, first_epoch: int, steps_done: int):
        super().__init__()
        self.epochs, self.first_epoch, self.steps_done = epochs, first_epoch, steps_done

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self.epochs.dataset.batches = self.epochs.order(epoch)[self.steps_done if epoch == self.first_epoch else 0 :]


class Progress(keras.callbacks.Callback):
    """Measures after each epoch, and logs epoch, step, loss, accuracy, speed and the time left every few seconds.

    The same goes to a file for those who watch, more often. By the clock, never by the step: that costs nothing.

    Args:
        name: what is trained.
        examples: texts per epoch.
        batch_size: texts per step.
        measure: gives the measures of the model as it is; they join the epoch's logs.
        unit: what the speed is counted in, and how many of them an example has.
        file: for those who watch.

    Raises:
        Diverged: at the end of an epoch whose loss is no finite number.
    """

    def __init__(
        self,
        name: str,
        examples: int,
        batch_size: int,
        measure: Callable[[], dict[str, float]],
        unit: tuple[str, int] = ("examples", 1),
        file: ProgressFile | None = None,
    ):
        super().__init__()
        self.name, self.examples, self.batch_size, self.measure = name, examples, batch_size, measure
        self.unit, self.per_example = unit
        self.file = file or ProgressFile(None)
        self.ended: dict[str, float] = {}
        self.stretch: Stretch | None = None
        self.first_step_end: float | None = None
        self.resume(0, 0.0)

    def resume(self, steps_done: int, seconds: float) -> None:
        """Take over what an earlier process did of the first epoch."""
        self.steps_done, self.seconds_before = steps_done, seconds

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self.epoch, self.epoch_start = epoch, time.perf_counter()
        # The first step traces the graph; the speed counts from its end.
        self.first_step_end, self.reported, self.told = None, self.epoch_start, self.epoch_start
        self._tell(self.steps_done)

    def on_train_batch_end(self, batch: int, logs: dict) -> None:
        now = time.perf_counter()
        if self.first_step_end is None:
            self.first_step_end = now
        elif now - self.told >= TOLD_SECONDS:
            self.told = now
            speed = batch * self.batch_size / (now - self.first_step_end)
            step = self.steps_done + batch + 1
            done = self.epoch * self.examples + step * self.batch_size
            wanted = self.stretch.steps * self.batch_size if self.stretch else self.params["epochs"] * self.examples
            left = max(0.0, wanted - done) / speed
            self._tell(step, loss=float(logs["loss"]), speed=speed * self.per_example, unit=self.unit, left=left)
            if now - self.reported < PROGRESS_SECONDS:
                return
            self.reported = now
            log.info(
                "%s | epoch %d/%d | step %d/%d | loss %.4f | accuracy %.4f | %s %s/s | %s left",
                self.name,
                self.epoch + 1,
                self.params["epochs"],
                step,
                self.params["steps"],
                logs["loss"],
                logs["accuracy"],
                f"{speed * self.per_example:,.0f}",
                self.unit,
                clock(left),
            )

    def _tell(self, step: int, **more: Any) -> None:
        """Say how far the training is to those who watch."""
        place = {"epoch": self.epoch + 1, "epochs": self.params["epochs"], "step": step, "steps": self.params["steps"]}
        self.file.write({**place, **more, "ended": self.ended})

    def seconds(self) -> float:
        """Seconds that the epoch has taken so far."""
        return self.seconds_before + time.perf_counter() - self.epoch_start

    def on_epoch_end(self, epoch: int, logs: dict) -> None:
        seconds = self.seconds()
        self.resume(0, 0.0)
        if not np.isfinite(logs["loss"]):
            raise Diverged(f"{self.name}: the loss is no finite number in epoch {epoch + 1} of {self.params['epochs']}")
        logs.update(self.measure(), seconds=seconds)
        self.ended = {"epoch": epoch + 1, **{name: float(logs[name]) for name in EPOCH_MEASURES}}
        self._tell(self.params["steps"])
        log.info(
            "%s | epoch %d/%d | loss %.4f | accuracy %.4f | validation loss %.4f | validation accuracy %.4f | %s",
            self.name,
            epoch + 1,
            self.params["epochs"],
            logs["loss"],
            logs["accuracy"],
            logs["validation_loss"],
            logs["validation_accuracy"],
            clock(time.perf_counter() - self.epoch_start),
            extra=FOR_ALL,
        )


def clock(seconds: float) -> str:
    """A duration for people: "42 s", "3 min 05 s", "2 h 07 min"."""
    seconds = max(0, round(seconds))
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02d} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60:02d} min"


def fit(model: keras.Model, epochs: Epochs, progress: Progress, resuming: Resuming) -> pd.DataFrame:
    """Fit a compiled model, from the newest checkpoint if there is one, as if it had never stopped.

    Args:
        model: compiled, its optimizer built; one of its metrics beside the loss has the name "accuracy".
        epochs: what to fit it on.
        progress: measures after each epoch.
        resuming: knows the checkpoints, and what stops early or remembers the best weights.

    Returns:
        One line per epoch: epoch (from 1) and the epoch's logs, see `Progress`.

    Raises:
        Diverged: see `Progress`.
        SystemExit: see `Resuming`.
    """
    first_epoch, steps_done, seconds = resuming.begin(epochs.dataset, progress.seconds)
    if resuming.found:
        folder = resuming.checkpoints.folder
        log.info("%s resumes at epoch %d, step %d, from %s", progress.name, first_epoch + 1, steps_done, folder)
    progress.resume(steps_done, seconds)
    progress.stretch = resuming.stretch
    callbacks = [EpochOrder(epochs, first_epoch, steps_done), progress, keras.callbacks.TerminateOnNaN()]
    if steps_done:
        callbacks.insert(0, RestOfEpoch(epochs.dataset, first_epoch))
    if resuming.early_stopping:
        callbacks.append(resuming.early_stopping)
    callbacks.append(resuming)
    try:
        with warnings.catch_warnings():
            # The rest of an epoch has fewer steps than Keras expects.
            warnings.filterwarnings("ignore", "Your input ran out of data")
            model.fit(
                epochs.dataset,
                epochs=epochs.count,
                initial_epoch=first_epoch,
                class_weight=epochs.class_weight,
                shuffle=False,
                verbose=0,
                callbacks=callbacks,
            )
    finally:
        resuming.release_signals()
    history = pd.DataFrame(resuming.history)
    history.insert(0, "epoch", np.arange(1, len(history) + 1))
    return history


def engine() -> dict[str, Any]:
    """What a training is computed with: `backend`, `versions`, and of TensorFlow whether it uses `onednn`."""
    backend = keras.backend.backend()
    return {
        "backend": backend,
        **({"onednn": uses_onednn(os.environ)} if backend == "tensorflow" else {}),
        "versions": {"python": platform.python_version()} | versions_of(("keras", "keras-hub", "numpy", backend)),
    }


def engine_device(name: str) -> str:
    """The device that the engine computes on, such as "gpu:0"; warns where it is not the one that was leased.

    Args:
        name: what is trained.
    """
    device = keras.distribution.list_devices()[0]
    leased = os.environ.get("CUDA_VISIBLE_DEVICES", "-1")
    if leased != "-1" and device.startswith("cpu"):
        log.warning(
            "%s has device %s, but %s sees no GPU and uses the CPU: install its libraries (make install DEVICE=cuda).",
            name,
            leased,
            keras.backend.backend(),
        )
    return device


def checksum(*arrays: np.ndarray) -> str:
    """SHA-256 over the bytes of some arrays, one after the other."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
