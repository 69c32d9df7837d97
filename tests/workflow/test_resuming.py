"""A training that is killed, and the same command typed again."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import psutil
import pytest

from workspace import MICRO, NOWHERE, Workspace

STUDY = MICRO | {"baselines": [], "models": [{"name": "Nano", "encoder": "nano", "epochs": 40}]}
RUN = "results/micro/runs/Nano/seed-1"
ARGUMENTS = (
    *(f"{RUN}/predictions.parquet", "--cores", "2", "--configfile", "study.yaml"),
    *("--default-resources", "checkpoint_seconds=0"),
)


def results(workspace: Workspace) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Predictions and learning curve of the run; without its seconds."""
    folder = workspace.folder / RUN
    return pd.read_parquet(folder / "predictions.parquet"), pd.read_csv(folder / "history.csv").drop(columns="seconds")


@pytest.fixture(scope="module")
def undisturbed(new_workspace: Callable[[], Workspace]) -> tuple[Workspace, tuple[pd.DataFrame, pd.DataFrame]]:
    """A workspace with the run, and its results."""
    workspace = new_workspace()
    workspace.write_study(STUDY)
    workspace.run(*ARGUMENTS)
    return workspace, results(workspace)


def signal_training(workspace: Workspace, number: signal.Signals) -> None:
    """Start the run and send a signal to its training in the middle; Snakemake must report a failure."""
    checkpoints: Path = workspace.folder / "checkpoints"
    with subprocess.Popen(
        [sys.executable, "-m", "snakemake", *ARGUMENTS],
        cwd=workspace.folder,
        env=os.environ | NOWHERE,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        # Of 480 steps.
        while process.poll() is None and not any(int(file.stem) > 99 for file in checkpoints.rglob("*.npz")):
            time.sleep(0.01)
        for child in psutil.Process(process.pid).children(recursive=True):
            if "train_model.py" in " ".join(child.cmdline()) and "python" in child.name():
                child.send_signal(number)
        printed, _ = process.communicate(timeout=300)
    assert process.returncode, printed
    assert not (workspace.folder / RUN / "training.json").exists()
    assert list(checkpoints.rglob("*.npz"))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_same_command_goes_on_where_it_was(
    undisturbed: tuple[Workspace, tuple[pd.DataFrame, pd.DataFrame]], number: signal.Signals
) -> None:
    """Snakemake has deleted the outputs; the checkpoint is still there, and the results are the same bit for bit."""
    workspace, expected = undisturbed
    shutil.rmtree(workspace.folder / RUN)
    signal_training(workspace, number)
    workspace.run(*ARGUMENTS)
    log = (workspace.folder / "logs/micro/runs/Nano/seed-1/train_model.log").read_text()
    assert "goes on at epoch" in log
    for found, wanted in zip(results(workspace), expected, strict=True):
        pd.testing.assert_frame_equal(found, wanted, check_exact=True)
    assert not list((workspace.folder / "checkpoints").rglob("*.npz"))
