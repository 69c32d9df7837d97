"""Checkpoints of a training: whole and of this very training, or not used at all."""

import contextlib
import json
import logging
import os
import shutil
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bert_ladder.runtime.jobs import BadInput

log = logging.getLogger(__name__)

CHECKPOINT_SECONDS = 300.0
INTERVAL_VARIABLE = "BERT_LADDER_CHECKPOINT_SECONDS"
DESCRIBED = "described"  # the entry of an archive beside its arrays
# What numpy, zipfile and json raise for a file that is not what was written.
DAMAGE = (
    *(OSError, ValueError, KeyError, TypeError, EOFError, RuntimeError, NotImplementedError),
    *(zipfile.BadZipFile, zlib.error),
)


class Checkpoints:
    """The checkpoints of one training in a folder of its own, which is made with the first of them.

    A checkpoint is an npz archive of arrays, with a checksum of each; it holds no pickles.

    Args:
        folder: no job's declared output, since Snakemake deletes those of a job that failed.
        identity: what must be equal for a checkpoint to be of this training, by the word that a refusal uses for it;
            JSON's types.
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any]):
        self.folder = folder
        self.identity = json.loads(json.dumps(identity))

    def save(self, number: int, position: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
        """Write a checkpoint and remove the older ones; after a power loss at any moment one of them is whole.

        A disk that is full or cannot be written is told, and the training goes on without.

        Args:
            number: grows from one checkpoint to the next.
            position: where the training is; JSON's types.
            arrays: its state.
        """
        target, partial = self.folder / f"{number:010d}.npz", self.folder / f"partial-{os.getpid()}"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            _write(partial, self.identity, position, arrays)
            partial.replace(target)
            folder = os.open(self.folder, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            log.warning("No checkpoint was written to %s: %s. The training goes on.", self.folder, error)
            with contextlib.suppress(OSError):
                partial.unlink()
            return
        with contextlib.suppress(OSError):
            for older in self.folder.iterdir():
                if older != target:
                    older.unlink()

    def load(self) -> tuple[dict[str, Any], dict[str, np.ndarray]] | None:
        """Position and state of the newest checkpoint that is whole and of this training; None without one.

        One that is not used is told, with the reason.
        """
        for file in sorted(self.folder.glob("*.npz"), reverse=True):
            try:
                identity, position, arrays = _read(file)
            except DAMAGE as error:
                log.warning("%s is not used: it is not whole (%s).", file, error)
                continue
            others = _differences(identity, self.identity)
            if others:
                log.warning("%s is not used: it is of %s.", file, others)
                continue
            return position, arrays
        return None


class State:
    """The whole state of a training at one step: a file that another job goes on from.

    Unlike a checkpoint it is an output of its job: one that cannot be written, or that is not what it should be, ends
    the job.

    Args:
        file: in the form of a checkpoint.
    """

    def __init__(self, file: Path):
        self.file = file

    def save(self, identity: Mapping[str, Any], position: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
        """Write it.

        Args:
            identity: what must be equal for it to be of a training, as of `Checkpoints`.
            position: where the training is; JSON's types.
            arrays: its state.

        Raises:
            OSError: the disk is full or cannot be written.
        """
        _write(self.file, identity, position, arrays)

    def position(self) -> dict[str, Any]:
        """Where the training is, read without its arrays.

        Raises:
            BadInput: the file is not whole.
        """
        try:
            with np.load(self.file, allow_pickle=False) as stored:
                return json.loads(stored[DESCRIBED].tobytes())["position"]
        except DAMAGE as error:
            raise self._damaged(error) from error

    def load(self, identity: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Position and state.

        Args:
            identity: of the training that goes on from it.

        Raises:
            BadInput: the file is not whole, or of another training.
        """
        try:
            found, position, arrays = _read(self.file)
        except DAMAGE as error:
            raise self._damaged(error) from error
        others = _differences(found, json.loads(json.dumps(identity)))
        if others:
            raise BadInput(f"{self.file}: is of {others}; remove it, so that it is made again.")
        return position, arrays

    def _damaged(self, error: Exception) -> BadInput:
        return BadInput(f"{self.file}: is not whole ({error}); remove it, so that it is made again.")


def _write(
    file: Path, identity: Mapping[str, Any], position: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
) -> None:
    """Write a state to the disk itself."""
    described = json.dumps({"identity": identity, "position": position}).encode()
    with file.open("wb") as opened:
        np.savez(opened, allow_pickle=False, **{DESCRIBED: np.frombuffer(described, np.uint8)}, **arrays)
        opened.flush()
        os.fsync(opened.fileno())


def _read(file: Path) -> tuple[dict[str, Any], dict[str, Any], dict[str, np.ndarray]]:
    """Identity, position and arrays of a state; raises some of `DAMAGE` for what is none."""
    with np.load(file, allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    described = json.loads(arrays.pop(DESCRIBED).tobytes())
    return described["identity"], described["position"], arrays


def checkpoint_seconds(environment: Mapping[str, str]) -> float:
    """Seconds from one checkpoint to the next: BERT_LADDER_CHECKPOINT_SECONDS, or five minutes.

    Raises:
        BadInput: if the variable is no number of seconds.
    """
    given = environment.get(INTERVAL_VARIABLE, CHECKPOINT_SECONDS)
    try:
        seconds = float(given)
    except ValueError:
        seconds = -1.0
    if not seconds >= 0:
        raise BadInput(f"{INTERVAL_VARIABLE} is {given!r}: give a number of seconds, such as 60, or unset it.")
    return seconds


def _differences(found: dict[str, Any], wanted: dict[str, Any]) -> str:
    """In what two identities differ, in words; empty where they do not."""
    keys = [key for key in sorted(found.keys() | wanted.keys()) if found.get(key) != wanted.get(key)]
    return " and ".join(f"other {_difference(key, found.get(key), wanted.get(key))}" for key in keys)


def _difference(key: str, found: Any, wanted: Any) -> str:
    """A key whose values differ, with those inside it that do."""
    if not isinstance(found, dict) or not isinstance(wanted, dict):
        return key
    inner = sorted(name for name in found.keys() | wanted.keys() if found.get(name) != wanted.get(name))
    return f"{key} ({', '.join(f'{name} {found.get(name)}, now {wanted.get(name)}' for name in inner)})"


def remove_checkpoints(folder: Path) -> None:
    """Remove the checkpoints of a training whose results are written."""
    shutil.rmtree(folder, ignore_errors=True)
