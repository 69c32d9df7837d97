"""A training that is killed, and the same command typed again."""

import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pandas as pd
import psutil
import pytest

from workspace import MICRO, PATIENCE, Workspace, kill_all

STUDY = MICRO | {"baselines": [], "models": [{"name": "Nano", "encoder": "nano", "epochs": 60}]}
RUN = "results/micro/runs/Nano/seed-1"
ARGUMENTS = (f"{RUN}/predictions.parquet", "--cores", "2", "--configfile", "study.yaml")
OFTEN = {"BERT_LADDER_CHECKPOINT_SECONDS": "0"}


def results(workspace: Workspace) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Predictions and learning curve of the run; without its seconds."""
    folder = workspace.folder / RUN
    return pd.read_parquet(folder / "predictions.parquet"), pd.read_csv(folder / "history.csv").drop(columns="seconds")


@pytest.fixture(scope="module")
def undisturbed(prepared_workspace: Callable[[], Workspace]) -> tuple[Workspace, tuple[pd.DataFrame, pd.DataFrame]]:
    """A workspace with the run, and its results."""
    workspace = prepared_workspace()
    workspace.write_study(STUDY)
    workspace.run(*ARGUMENTS)
    return workspace, results(workspace)


@contextmanager
def training_half_done(workspace: Workspace) -> Iterator[subprocess.Popen]:
    """The same command at work, in the middle of the training."""
    shutil.rmtree(workspace.folder / RUN)
    with workspace.started(*ARGUMENTS, **OFTEN) as process:
        checkpoints, end = workspace.folder / "checkpoints", time.monotonic() + PATIENCE
        # Of 720 steps.
        while process.poll() is None and not any(int(file.stem) > 99 for file in checkpoints.rglob("*.npz")):
            assert time.monotonic() < end, "no checkpoint in time"
            time.sleep(0.01)
        yield process


def of_training(process: subprocess.Popen) -> list[psutil.Process]:
    """The processes that execute the training's script."""
    children = psutil.Process(process.pid).children(recursive=True)
    return [child for child in children if "train_model.py" in " ".join(child.cmdline()) and "python" in child.name()]


def assert_goes_on(workspace: Workspace, expected: tuple[pd.DataFrame, pd.DataFrame]) -> str:
    """Type the command again; what it prints. It ends with the expected results, from a checkpoint."""
    assert not (workspace.folder / RUN / "training.json").exists()
    assert list((workspace.folder / "checkpoints").rglob("*.npz"))
    done = workspace.run(*ARGUMENTS)
    assert "resumes at epoch" in (workspace.folder / "logs/micro/runs/Nano/seed-1/train_model.log").read_text()
    for found, wanted in zip(results(workspace), expected, strict=True):
        pd.testing.assert_frame_equal(found, wanted, check_exact=True)
    assert not list((workspace.folder / "checkpoints").rglob("*.npz"))
    return done.stdout + done.stderr


@pytest.mark.parametrize("number", [signal.SIGKILL, pytest.param(signal.SIGTERM, marks=pytest.mark.long)])
def test_killed_job_goes_on_where_it_was(
    undisturbed: tuple[Workspace, tuple[pd.DataFrame, pd.DataFrame]], number: signal.Signals
) -> None:
    """Snakemake deletes the outputs and fails; the checkpoint is still there, and the results are the same."""
    workspace, expected = undisturbed
    with training_half_done(workspace) as process:
        for training in of_training(process):
            training.send_signal(number)
        printed, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode, printed
    # As the kernel kills what takes too much memory.
    assert ("it was killed before it could say why" in printed) == (number == signal.SIGKILL)
    assert_goes_on(workspace, expected)


def test_killed_run_goes_on_without_unlocking(
    undisturbed: tuple[Workspace, tuple[pd.DataFrame, pd.DataFrame]],
) -> None:
    """Snakemake and its job killed at once, as by a power cut: the same command removes the dead lock."""
    workspace, expected = undisturbed
    with training_half_done(workspace) as process:
        kill_all(process)
    assert list((workspace.folder / ".snakemake/locks").iterdir())
    assert "The lock of a run that was killed has been removed." in assert_goes_on(workspace, expected)


def test_second_run_of_the_same_study_is_refused(
    undisturbed: tuple[Workspace, tuple[pd.DataFrame, pd.DataFrame]],
) -> None:
    """Two people in one folder: the second is told of the first, whose work is not touched."""
    workspace, expected = undisturbed
    with training_half_done(workspace) as process:
        second = workspace.run(*ARGUMENTS, check=False)
        assert process.poll() is None, "the first was too quick"
        printed, _ = process.communicate(timeout=PATIENCE)
    assert second.returncode
    assert "cannot be locked" in second.stdout + second.stderr
    assert process.returncode == 0, printed
    for found, wanted in zip(results(workspace), expected, strict=True):
        pd.testing.assert_frame_equal(found, wanted, check_exact=True)
