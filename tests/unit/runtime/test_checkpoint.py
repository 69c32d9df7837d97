"""Checkpoints on a disk: written whole or not at all, and never used if damaged."""

import errno
import io
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bert_ladder.runtime.checkpoints import Checkpoints, checkpoint_seconds, remove_checkpoints
from bert_ladder.runtime.jobs import BadInput

IDENTITY = {"code": "c0de", "seed": 1, "settings": {"learning_rate": 0.01, "epochs": 3}}
POSITION = {"epoch": 2, "history": [{"loss": 0.1}, {"loss": float("nan")}]}
STATE = {"state00000": np.arange(40, dtype=np.float32), "state00001": np.array(7, np.int64)}


@pytest.fixture
def checkpoints(tmp_path: Path) -> Checkpoints:
    """An empty folder's."""
    return Checkpoints(tmp_path / "run", IDENTITY)


def epoch(checkpoints: Checkpoints) -> int | None:
    """The epoch of the checkpoint that would be used."""
    found = checkpoints.load()
    return found[0]["epoch"] if found else None


def test_what_was_saved_comes_back(checkpoints: Checkpoints) -> None:
    """Position and arrays with their types; without a checkpoint nothing, and no folder."""
    assert checkpoints.load() is None
    assert not checkpoints.folder.exists()
    checkpoints.save(5, POSITION, STATE)
    position, arrays = checkpoints.load()
    assert position["epoch"] == 2
    assert np.isnan(position["history"][1]["loss"])
    assert arrays.keys() == STATE.keys()
    for name, array in STATE.items():
        np.testing.assert_array_equal(arrays[name], array)
        assert arrays[name].dtype == array.dtype
    remove_checkpoints(checkpoints.folder)
    assert not checkpoints.folder.exists()


def test_newer_one_replaces_the_older(checkpoints: Checkpoints) -> None:
    """One file is left, and nothing of a writing that was cut off."""
    for number in range(8, 12):
        checkpoints.save(number, POSITION | {"epoch": number}, STATE)
        (checkpoints.folder / "partial-1").write_bytes(b"PK")
    checkpoints.save(12, POSITION | {"epoch": 12}, STATE)
    assert epoch(checkpoints) == 12
    assert len(list(checkpoints.folder.iterdir())) == 1


def test_refused_one_of_the_same_number_is_replaced(checkpoints: Checkpoints) -> None:
    """Another training's, saved at the same step, makes way and takes nothing with it."""
    Checkpoints(checkpoints.folder, IDENTITY | {"seed": 2}).save(5, POSITION | {"epoch": 1}, STATE)
    assert checkpoints.load() is None
    checkpoints.save(5, POSITION | {"epoch": 2}, STATE)
    assert epoch(checkpoints) == 2


@pytest.fixture
def damaged(checkpoints: Checkpoints) -> Callable[[bytes], int | None]:
    """Puts bytes in the place of the newer of two checkpoints; the epoch that is gone on from then."""
    checkpoints.save(1, POSITION | {"epoch": 1}, STATE)
    older = next(checkpoints.folder.iterdir())
    whole = older.read_bytes()

    def damage(content: bytes) -> int | None:
        older.write_bytes(whole)
        (checkpoints.folder / "0000000002.npz").write_bytes(content)
        return epoch(checkpoints)

    return damage


def test_cut_at_every_byte(checkpoints: Checkpoints, damaged: Callable[[bytes], int | None]) -> None:
    """Whatever was written of the newer one, the older is used."""
    content = next(checkpoints.folder.iterdir()).read_bytes()
    for length in range(len(content)):
        assert damaged(content[:length]) == 1, length


def test_other_bits(
    checkpoints: Checkpoints, damaged: Callable[[bytes], int | None], caplog: pytest.LogCaptureFixture
) -> None:
    """A changed array is noticed and told."""
    content = bytearray(next(checkpoints.folder.iterdir()).read_bytes())
    at = content.index(STATE["state00000"].tobytes()) + 60
    content[at] ^= 1
    assert damaged(bytes(content)) == 1
    assert "0000000002.npz is not used: it is not whole" in caplog.text


def test_any_flipped_bit(checkpoints: Checkpoints, damaged: Callable[[bytes], int | None]) -> None:
    """Wherever it is, also in the archive's own fields: refused, or without consequence, and never an error."""
    whole = next(checkpoints.folder.iterdir()).read_bytes()
    state = checkpoints.load()[1]
    for at in range(len(whole)):
        content = bytearray(whole)
        content[at] ^= 1 << at % 8
        damaged(bytes(content))
        for name, array in checkpoints.load()[1].items():
            np.testing.assert_array_equal(array, state[name])


def test_pickles_are_not_opened(damaged: Callable[[bytes], int | None], tmp_path: Path) -> None:
    """An object array could run code."""

    class Runs:
        def __reduce__(self) -> tuple:
            return Path.touch, (tmp_path / "has_run",)

    content = io.BytesIO()
    np.savez(content, described=np.array([Runs()], object))
    assert damaged(content.getvalue()) == 1
    assert not (tmp_path / "has_run").exists()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"seed": 2}, "it is of other seed."),
        ({"settings": {"learning_rate": 0.01, "epochs": 4}}, "it is of other settings (epochs 3, now 4)."),
        ({"code": "1", "seed": 2}, "it is of other code and other seed."),
    ],
)
def test_another_training_s(
    checkpoints: Checkpoints, caplog: pytest.LogCaptureFixture, changes: dict, reason: str
) -> None:
    """Refused with what differs."""
    checkpoints.save(1, POSITION, STATE)
    assert Checkpoints(checkpoints.folder, IDENTITY | changes).load() is None
    assert reason in caplog.text


def test_full_disk_does_not_end_a_training(
    checkpoints: Checkpoints, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is told; the checkpoint before stays, and the next is written once there is room."""
    checkpoints.save(1, POSITION | {"epoch": 1}, STATE)

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        checkpoints.save(2, POSITION | {"epoch": 2}, STATE)
    assert "No space left on device" in caplog.text
    assert epoch(checkpoints) == 1
    assert len(list(checkpoints.folder.iterdir())) == 1
    checkpoints.save(3, POSITION | {"epoch": 3}, STATE)
    assert epoch(checkpoints) == 3


def test_disk_that_has_become_read_only_does_not_end_a_training(
    checkpoints: Checkpoints, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """There even the removal of what was never written is an error."""

    def read_only(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    for name in ("open", "unlink", "mkdir"):
        monkeypatch.setattr(Path, name, read_only)
    checkpoints.save(1, POSITION, STATE)
    assert "Read-only file system" in caplog.text


def test_interval_is_five_minutes_or_as_said() -> None:
    """A wrong one is told before anything is trained."""
    assert checkpoint_seconds({}) == 300
    assert checkpoint_seconds({"BERT_LADDER_CHECKPOINT_SECONDS": "0.5"}) == 0.5
    for wrong in ("often", "-1", "nan"):
        with pytest.raises(BadInput, match="BERT_LADDER_CHECKPOINT_SECONDS is"):
            checkpoint_seconds({"BERT_LADDER_CHECKPOINT_SECONDS": wrong})
