"""A Keras training that is saved while it runs, and resumes where it was. Speaks `keras` only."""

import logging
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

from bert_ladder.runtime.checkpoints import Checkpoints, State

log = logging.getLogger(__name__)

# Of EarlyStopping, beside the weights.
OF_EARLY_STOPPING = ("best", "best_epoch", "wait")


@dataclass(frozen=True)
class Stretch:
    """The part of a training that is done at once.

    Attributes:
        identity: of the training, see `Checkpoints`.
        steps: of the whole training that are done at its end.
        state: where the training stands then; not written if it has ended before.
        before: where it stands at the beginning; None: at its own beginning.
    """

    identity: Mapping[str, Any]
    steps: int
    state: State
    before: State | None = None


class Resuming(keras.callbacks.Callback):
    """Saves the whole state of a training at an interval and when the process is told to end, and restores it.

    Between two checkpoints lie at most the interval and the measuring after an epoch. From the beginning of the
    training until `release_signals` it takes SIGTERM and SIGINT to itself.

    Args:
        checkpoints: of this training.
        interval: seconds from one to the next.
        metrics: the training's own beside the loss.
        early_stopping: what stops the training early or remembers its best weights, if anything does.
        stretch: the part of the training to do; None: all of it.

    Attributes:
        found: what `Checkpoints.load`, or else the state before the stretch, has given, until it is restored.
        left: whether the stretch ended before the training did.
        history: one entry per epoch, those before this process included.

    Raises:
        SystemExit: with os.EX_TEMPFAIL (75: try again), once a checkpoint is saved after SIGTERM or SIGINT.
    """

    def __init__(
        self,
        checkpoints: Checkpoints,
        interval: float,
        metrics: Sequence[keras.metrics.Metric],
        early_stopping: keras.callbacks.EarlyStopping | None = None,
        stretch: Stretch | None = None,
    ):
        super().__init__()
        self.stretch, self.left = stretch, False
        self.checkpoints, self.interval = checkpoints, interval
        self.metrics, self.early_stopping = metrics, early_stopping
        self.found: tuple[dict[str, Any], dict[str, np.ndarray]] | None = None
        self.history: list[dict[str, float]] = []
        self.told_to_end = False
        self.handlers: dict[signal.Signals, Any] = {}

    def begin(self, dataset: keras.utils.PyDataset, seconds: Callable[[], float]) -> tuple[int, int, float]:
        """Look for a checkpoint to resume from.

        Args:
            dataset: the batches of the epoch, without those that an earlier process has done.
            seconds: gives the seconds that the epoch has taken so far.

        Returns:
            The epoch to begin with, from 0, the steps of it that are done, and the seconds that they took.
        """
        self.dataset, self.seconds = dataset, seconds
        self.found = self.checkpoints.load()
        if self.found is None and self.stretch and self.stretch.before:
            self.found = self.stretch.before.load(self.stretch.identity)
        if self.found is None:
            return 0, 0, 0.0
        position = self.found[0]
        self.history = list(position["history"])
        return position["epoch"], position["steps_done"], position["seconds"]

    def on_train_begin(self, logs: dict | None = None) -> None:
        if self.found:
            position, arrays = self.found
            # The one that scales the loss has variables of its own, which TensorFlow makes with the first step; JAX has
            # made them, and would make them twice.
            if not self.model.optimizer.built:
                self.model.optimizer.build(self.model.trainable_variables)
            _assign(_lasting(self.model), arrays, "state")
            if self.early_stopping:
                for name, value in position["early_stopping"].items():
                    setattr(self.early_stopping, name, value)
                best = [arrays[key] for key in sorted(arrays) if key.startswith("best")]
                self.early_stopping.best_weights = best or None
        self.saved_at = time.monotonic()
        self.handlers = {number: signal.signal(number, self._end) for number in (signal.SIGTERM, signal.SIGINT)}

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self.epoch = epoch
        self.steps_before = 0
        if self.found:
            position, arrays = self.found
            self.found = None
            self.steps_before = position["steps_done"]
            if self.steps_before:
                _assign(self._running_means(), arrays, "mean")

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        # After the last step of an epoch comes its measuring, whose result belongs to the state.
        if batch + 1 < len(self.dataset):
            self._leave_or_save(self.epoch, self.steps_before + batch + 1)

    def on_epoch_end(self, epoch: int, logs: dict) -> None:
        # For an epoch that a stretch ends in the middle of, what is measured there: its state is without it.
        self.history.append({key: float(value) for key, value in logs.items()})
        if not self.model.stop_training and epoch + 1 < self.params["epochs"]:
            self._leave_or_save(epoch + 1, 0)

    def release_signals(self) -> None:
        """Give the signals back to whoever had them before the training."""
        while self.handlers:
            signal.signal(*self.handlers.popitem())

    def _end(self, number: int, frame: Any) -> None:
        """Only a note: a signal may come in the middle of a step."""
        self.told_to_end = True

    def _running_means(self) -> list:
        """The variables of an epoch. The model knows those of its metrics from the first step only."""
        loss = next(metric for metric in self.model.metrics if metric.name == "loss")
        return loss.variables + [variable for metric in self.metrics for variable in metric.variables]

    def _leave_or_save(self, epoch: int, steps_done: int) -> None:
        number = epoch * self.params["steps"] + steps_done
        if self.stretch and number == self.stretch.steps:
            self.stretch.state.save(self.stretch.identity, *self._state(epoch, steps_done))
            self.left = self.model.stop_training = True
            return
        if not self.told_to_end and time.monotonic() - self.saved_at < self.interval:
            return
        self.checkpoints.save(number, *self._state(epoch, steps_done))
        self.saved_at = time.monotonic()
        if self.told_to_end:
            log.warning(
                "Told to end: saved at epoch %d, step %d in %s; the same command resumes from there.",
                epoch + 1,
                steps_done,
                self.checkpoints.folder,
            )
            raise SystemExit(os.EX_TEMPFAIL)

    def _state(self, epoch: int, steps_done: int) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Position and state of the training as it is."""
        stopping = self.early_stopping
        position = {
            "epoch": epoch,
            "steps_done": steps_done,
            "seconds": self.seconds() if steps_done else 0.0,
            "history": self.history,
            "early_stopping": {name: getattr(stopping, name) for name in OF_EARLY_STOPPING} if stopping else {},
        }
        arrays = (
            _named(_lasting(self.model), "state")
            | _named(self._running_means(), "mean")
            | _named((stopping and stopping.best_weights) or [], "best")
        )
        return position, arrays


class RestOfEpoch(keras.callbacks.Callback):
    """Ends an epoch that has fewer steps than Keras expects as if it had them all. Stands first in the list.

    Keras begins one step more, which ends for want of data. TensorFlow has done by then what needs none: the random
    generators and the optimizer's count of steps have advanced, and are put back here.

    Args:
        dataset: the batches of the epoch.
        epoch: which it is.
    """

    def __init__(self, dataset: keras.utils.PyDataset, epoch: int):
        super().__init__()
        self.dataset, self.epoch = dataset, epoch
        self.at_end: dict[str, np.ndarray] | None = None
        self.is_rest = False

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self.is_rest = epoch == self.epoch

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        if self.is_rest and batch + 1 == len(self.dataset):
            self.at_end = _named(_lasting(self.model), "state")

    def on_epoch_end(self, epoch: int, logs: dict) -> None:
        if self.at_end:
            _assign(_lasting(self.model), self.at_end, "state")
            self.at_end = None


def _lasting(model: keras.Model) -> list:
    """The variables that last from one epoch to the next, the states of the random generators included."""
    return model.variables + model.optimizer.variables


def _named(variables: list, prefix: str) -> dict[str, np.ndarray]:
    return {f"{prefix}{index:05d}": ops.convert_to_numpy(variable) for index, variable in enumerate(variables)}


def _assign(variables: list, arrays: dict[str, np.ndarray], prefix: str) -> None:
    """The inverse of `_named`."""
    for index, variable in enumerate(variables):
        variable.assign(arrays[f"{prefix}{index:05d}"])
