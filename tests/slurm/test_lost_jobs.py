"""A training on a real Slurm cluster that runs out of time or memory, or loses its node."""

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import psutil
import pytest

from slurm.cluster import kill_node
from workspace import MICRO, PATIENCE, Workspace

STUDY = MICRO | {"baselines": [], "models": [{"name": "Nano", "encoder": "nano", "epochs": 60}]}
RUN = "results/micro/runs/Nano/seed-1"
LOG = "logs/micro/runs/Nano/seed-1/train_model.log"
TARGET = (f"{RUN}/training.json", "--configfile", "study.yaml")
PROFILE = (
    *("--workflow-profile", "profiles/slurm"),
    *("--slurm-init-seconds-before-status-checks", "1", "--seconds-between-status-checks", "1"),
)
THREADS = min(4, os.cpu_count())  # Snakemake lowers what a node does not have


@dataclass(frozen=True)
class SlurmJob:
    """What Slurm knows of a job: limits as it prints them."""

    id: str
    state: str
    node: str
    minutes: str
    memory: str


@pytest.fixture(scope="module")
def undisturbed(prepared_workspace: Callable[[], Workspace]) -> tuple[Workspace, tuple[bytes, list[str]]]:
    """A workspace with the training, done without a cluster, and its results."""
    workspace = prepared_workspace()
    workspace.write_study(STUDY)
    workspace.run(*TARGET, "--cores", str(THREADS), "--resources", "gpu=1")
    return workspace, results(workspace)


def results(workspace: Workspace) -> tuple[bytes, list[str]]:
    """Weights and learning curve; without its seconds, which stand last."""
    folder = workspace.folder / RUN
    history = (folder / "history.csv").read_text().splitlines()
    return (folder / "model.weights.h5").read_bytes(), [line.rpartition(",")[0] for line in history]


def slurm_jobs(workspace: Workspace, cluster: dict[str, str]) -> list[SlurmJob]:
    """The jobs that were submitted from a workspace since it was last begun afresh, in order."""
    listed = ["squeue", "--noheader", "--states=all", "--sort=i", "--format=%Z|%i|%T|%N|%l|%m"]
    lines = subprocess.run(listed, env=cluster, capture_output=True, text=True, check=True).stdout.splitlines()
    fields = [line.split("|") for line in lines]
    return [SlurmJob(*of_job[1:]) for of_job in fields if of_job[0] == str(workspace.folder)]


def training_process(workspace: Workspace) -> psutil.Process:
    """The process that executes the training's script."""
    [training] = [
        process
        for process in psutil.process_iter(["cmdline", "cwd"])
        if process.info["cwd"] == str(workspace.folder)
        and re.search(r"python\S* \S*train_model\.py$", " ".join(process.info["cmdline"]))
    ]
    return training


@contextmanager
def halted_training(
    workspace: Workspace, cluster: dict[str, str], *arguments: str, **environment: str
) -> Iterator[subprocess.Popen]:
    """A run on the cluster whose training has halted half done, so that it lasts as long as it may."""
    with workspace.started(*TARGET, *PROFILE, *arguments, **cluster, **environment) as process:
        log, end = workspace.folder / LOG, time.monotonic() + PATIENCE
        while not (log.exists() and re.search(r"epoch 1\d/60", log.read_text())):
            assert process.poll() is None and time.monotonic() < end, "the training does not get half done"
            time.sleep(0.05)
        training = training_process(workspace)
        training.suspend()
        try:
            yield process
        finally:
            with suppress(psutil.NoSuchProcess):
                training.kill()


def assert_same_results(
    process: subprocess.Popen, workspace: Workspace, expected: tuple[bytes, list[str]]
) -> tuple[str, dict]:
    """Wait for the end of a run; what it printed and the training's record. The results are the expected ones."""
    printed, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, printed[-6000:]
    assert results(workspace) == expected
    return printed, json.loads((workspace.folder / RUN / "training.json").read_text())


@pytest.fixture
def begun_afresh(
    undisturbed: tuple[Workspace, tuple[bytes, list[str]]],
) -> tuple[Workspace, tuple[bytes, list[str]]]:
    """The workspace with its data only, and what the training must end with."""
    workspace, _ = undisturbed
    for folder in (RUN, "logs"):
        shutil.rmtree(workspace.folder / folder, ignore_errors=True)
    return undisturbed


def test_training_at_its_time_limit_goes_on_in_a_longer_job(
    begun_afresh: tuple[Workspace, tuple[bytes, list[str]]], cluster: dict[str, str]
) -> None:
    """Slurm's SIGTERM makes it save; Snakemake asks again, with more time and memory."""
    workspace, expected = begun_afresh
    before = len(slurm_jobs(workspace, cluster))
    with halted_training(workspace, cluster, "--set-resources", "train_model:runtime=attempt**2") as process:
        printed, record = assert_same_results(process, workspace, expected)
    jobs = slurm_jobs(workspace, cluster)[before:]
    # Usually two; a busy machine may need a minute to begin.
    assert [job.state for job in jobs] in (["TIMEOUT", "COMPLETED"], ["TIMEOUT", "TIMEOUT", "COMPLETED"])
    assert [job.minutes for job in jobs] == ["1:00", "4:00", "9:00"][: len(jobs)]
    memory = [int(job.memory.rstrip("M")) for job in jobs]
    assert memory == [attempt * memory[0] for attempt in range(1, len(jobs) + 1)]
    assert record["slurm_job"] == jobs[-1].id
    assert "Trying to restart job" in printed
    assert "resumes at epoch" in (workspace.folder / LOG).read_text()


@pytest.mark.long
def test_training_on_a_node_that_dies_goes_on_on_another(
    begun_afresh: tuple[Workspace, tuple[bytes, list[str]]], mortal_cluster: dict[str, str]
) -> None:
    """Slurm puts the job back into the queue by itself; Snakemake waits for it and needs no retry."""
    workspace, expected = begun_afresh
    with halted_training(workspace, mortal_cluster, BERT_LADDER_CHECKPOINT_SECONDS="0") as process:
        [lost] = slurm_jobs(workspace, mortal_cluster)
        kill_node(mortal_cluster, lost.node)
        printed, record = assert_same_results(process, workspace, expected)
    [found] = slurm_jobs(workspace, mortal_cluster)
    assert (found.id, found.state) == (lost.id, "COMPLETED")
    assert {lost.node, record["host"]} == {"n1", "n2"}
    assert "Trying to restart job" not in printed
    assert "resumes at epoch" in (workspace.folder / LOG).read_text()


@pytest.mark.long
def test_training_that_is_killed_for_its_memory_is_asked_for_again_with_more(
    begun_afresh: tuple[Workspace, tuple[bytes, list[str]]], cluster: dict[str, str]
) -> None:
    """Half a gigabyte does not hold TensorFlow; the second attempt has four times as much, and twice the time."""
    workspace, expected = begun_afresh
    before = len(slurm_jobs(workspace, cluster))
    arguments = (*TARGET, *PROFILE, "--set-resources", "train_model:mem_mb=500*attempt**2")
    with workspace.started(*arguments, **cluster) as process:
        printed, record = assert_same_results(process, workspace, expected)
    first, second = slurm_jobs(workspace, cluster)[before:]
    # Where Slurm confines jobs by cgroups the state is OUT_OF_MEMORY.
    assert (first.state, second.state) == ("FAILED", "COMPLETED")
    assert (first.memory, second.memory) == ("500M", "2000M")
    assert (first.minutes, second.minutes) == ("1:00:00", "2:00:00")
    assert record["slurm_job"] == second.id
    assert "Exceeded job memory limit" in printed
