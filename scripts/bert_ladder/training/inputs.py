"""What a training is given, and where it writes. Light, so that a script can say it before it has a device."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bert_ladder.encoders.encoder_files import EncoderFiles
from bert_ladder.runtime.checkpoints import CHECKPOINT_SECONDS
from bert_ladder.runtime.leases import Lease
from bert_ladder.study.settings import TrainingSettings


@dataclass(frozen=True)
class Job:
    """One training.

    Attributes:
        row: the study's name of what is trained, a row or an encoder.
        name: what progress lines are about.
        seed: sets the initialisation, dropout and the order of the batches.
        threads: CPU threads, for the record.
        lease: the devices, for the record.
        log: the file of its messages; None: it says to nobody how far it is.
    """

    row: str
    name: str
    seed: int
    threads: int
    lease: Lease = field(default_factory=Lease)
    log: Path | None = None


@dataclass(frozen=True)
class Rung:
    """The part of a trial's training that one rung of a search that is halved does.

    Attributes:
        trial: its name.
        budget: the part of its steps after which it ends, above 0; 1: at its end.
        state: file to write, where the training stands then.
        before: the same of the rung before; None: it begins.
    """

    trial: str
    budget: float
    state: Path
    before: Path | None = None


@dataclass(frozen=True)
class CheckpointPolicy:
    """Where and how often a training is saved.

    Attributes:
        folder: of this training and no other; see `remove_checkpoints`.
        seconds: from one checkpoint to the next.
        rung: the part of the training that is done; None: all of it.
    """

    folder: Path
    seconds: float = CHECKPOINT_SECONDS
    rung: Rung | None = None


@dataclass(frozen=True)
class TrainingFiles:
    """The data of a fine-tuning.

    Attributes:
        tokens: ids and offsets of the training split, and of a validation file behind it.
        frame, split: parquet files of the same texts and of their division into two parts.
        classes: classes.json.
        positive: positive.json, for a training that looks at the F1 of that class; None for all others.
    """

    tokens: Sequence[Path | str]
    frame: Path | str
    split: Path | str
    classes: Path | str
    positive: Path | str | None = None

    @classmethod
    def of(cls, paths: Mapping[str, Any]) -> "TrainingFiles":
        """From the inputs of a rule, by their names."""
        return cls(paths["tokens"], paths["frame"], paths["split"], paths["classes"], paths.get("positive"))


@dataclass(frozen=True)
class TrainingOutputs:
    """Files to write: history.csv and training.json, and model.weights.h5 where the weights are kept."""

    history: Path | str
    record: Path | str
    weights: Path | str | None = None


@dataclass(frozen=True)
class PretrainingFiles:
    """The data of a pre-training.

    Attributes:
        tokens: ids and offsets of the training split, then of each of the texts without labels.
        train, test: parquet files of the two splits.
        heads: what an earlier pre-training has left, see `load_heads`; None: they begin anew.
    """

    tokens: Sequence[Path | str]
    train: Path | str
    test: Path | str
    heads: Path | str | None = None

    @classmethod
    def of(cls, paths: Mapping[str, Any]) -> "PretrainingFiles":
        """From the inputs of a rule, by their names."""
        return cls(paths["tokens"], paths["train"], paths["test"], paths.get("heads"))


@dataclass(frozen=True)
class PretrainingOutputs:
    """Files to write: the encoder in normal form, pretraining_heads.npz, pretraining.csv and pretraining.json."""

    encoder: EncoderFiles
    heads: Path | str
    history: Path | str
    record: Path | str


def chosen_settings(training: Mapping[str, Any], chosen: Path | str | None) -> TrainingSettings:
    """The settings of a row: its own, and the values of a chosen.json where it has a search."""
    values = json.loads(Path(chosen).read_text(encoding="utf-8"))["values"] if chosen else {}
    return TrainingSettings.of(dict(training) | values)


def promoted_trial(path_promoted: Path | str, place: int) -> dict[str, Any]:
    """The trial that goes on in a place of the next rung, see `select_promoted`.

    Args:
        path_promoted: promoted.json.
        place: from 1.

    Returns:
        `trial` (its name), `stands` (its place among the states of the rung before, from 0) and `values` (by searched
        key).
    """
    return json.loads(Path(path_promoted).read_text(encoding="utf-8"))["promoted"][place - 1]
