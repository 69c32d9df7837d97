"""A study on a real Slurm cluster of two nodes with two pretended GPUs each."""

import itertools
import json
import os
import re
import subprocess
import time
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from workspace import MICRO, PATIENCE, Workspace

STUDY_FILE = ("--configfile", "study.yaml")
PROFILE = (
    *("--workflow-profile", "profiles/slurm", *STUDY_FILE),
    *("--slurm-init-seconds-before-status-checks", "1", "--seconds-between-status-checks", "1"),
)
GENERIC = ("--workflow-profile", "profiles/cluster-generic", *STUDY_FILE)
STUDY = deepcopy(MICRO) | {"seeds": [1, 2], "models": MICRO["models"][:2]}
THREADS = min(4, os.cpu_count())  # Snakemake lowers what a node does not have
RUNS = [(model, seed) for model in ("Nano", "Nano-long") for seed in (1, 2)]


def run_and_cancel(workspace: Workspace, cluster: dict[str, str], log: str, *arguments: str) -> tuple[str, str]:
    """Run Snakemake and cancel the first training that has begun to write a log of this pattern.

    Returns:
        What was printed, and the id of the cancelled job.
    """
    # By the name that Snakemake's executors give their jobs, or in the comment.
    listed = ["squeue", "--noheader", "--states=RUNNING", "--format=%i|%j|%k"]
    with workspace.started(*arguments, **cluster) as process:
        cancelled, end = "", time.monotonic() + PATIENCE
        while not cancelled and process.poll() is None and time.monotonic() < end:
            lines = subprocess.run(listed, env=cluster, capture_output=True, text=True).stdout.splitlines()
            training = [line.split("|")[0] for line in lines if "train_model" in line]
            if training and list(workspace.folder.glob(log)):
                cancelled = training[0]
                subprocess.run(["scancel", cancelled], env=cluster, check=True)
            time.sleep(0.5)
        printed, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, printed[-6000:]
    return printed, cancelled


@pytest.fixture(scope="module")
def study(prepared_workspace: Callable[[], Workspace], cluster: dict[str, str]) -> dict[str, Any]:
    """The study after a run on the cluster during which a training was cancelled; what was printed, and which."""
    workspace = prepared_workspace()
    workspace.write_study(STUDY)
    printed, cancelled = run_and_cancel(workspace, cluster, "logs/micro/runs/*/seed-*/train_model.log", *PROFILE)
    return {"workspace": workspace, "printed": printed, "cancelled": cancelled}


@pytest.fixture(scope="module")
def records(study: dict[str, Any]) -> list[dict[str, Any]]:
    """What each training says of itself."""
    results = study["workspace"].folder / "results/micro/runs"
    return [json.loads((results / f"{model}/seed-{seed}/training.json").read_text()) for model, seed in RUNS]


def test_every_training_is_a_slurm_job_of_its_own(records: list[dict[str, Any]]) -> None:
    """Four trainings in four jobs, on nodes of the cluster, with the threads that the rule asked for."""
    assert len({record["slurm_job"] for record in records} - {""}) == len(RUNS)
    assert {record["host"] for record in records} <= {"n1", "n2"}
    assert {record["threads"] for record in records} == {THREADS}


def test_trainings_run_in_parallel_each_with_its_own_device(records: list[dict[str, Any]]) -> None:
    """At least two at once; on one node never two on one device at a time."""
    spans = [(r["started_at"], r["ended_at"], r["host"], r["devices"]) for r in records]
    at_once = [
        (one, other) for one, other in itertools.combinations(spans, 2) if max(one[0], other[0]) < min(one[1], other[1])
    ]
    assert at_once
    assert all(one[2:] != other[2:] for one, other in at_once)
    assert {span[3] for span in spans} <= {"0", "1"}


def test_cancelled_training_is_asked_for_again(study: dict[str, Any], records: list[dict[str, Any]]) -> None:
    """A job that scancel ended is no job of the finished study, and the study is finished."""
    assert study["cancelled"]
    assert study["cancelled"] not in {record["slurm_job"] for record in records}
    assert "Trying to restart job" in study["printed"]


def test_logs_are_where_users_look(study: dict[str, Any]) -> None:
    """A training's messages in its own log, with its device; what Slurm wrote under logs/slurm."""
    folder: Path = study["workspace"].folder
    assert re.search(
        r"Nano, seed 1 has device [01]\b", (folder / "logs/micro/runs/Nano/seed-1/train_model.log").read_text()
    )
    assert list((folder / "logs/slurm").rglob("*.log"))


def test_predictions_are_those_of_a_local_run(
    study: dict[str, Any], prepared_workspace: Callable[[], Workspace]
) -> None:
    """The same probabilities as on this machine alone, with as many threads, of either row."""
    local = prepared_workspace()
    local.write_study(STUDY)
    files = [f"results/micro/runs/{model}/seed-{seed}/predictions.parquet" for model, seed in (RUNS[0], RUNS[-1])]
    local.run(*files, "--cores", str(THREADS), "--resources", "gpu=1", *STUDY_FILE)
    for file in files:
        one, other = (pd.read_parquet(workspace.folder / file) for workspace in (study["workspace"], local))
        pd.testing.assert_frame_equal(one, other, check_exact=True)


def test_partition_that_does_not_exist_is_told(
    cluster: dict[str, str], prepared_workspace: Callable[[], Workspace]
) -> None:
    """Slurm's sentence reaches the user, and the run ends."""
    workspace = prepared_workspace()
    workspace.write_study(STUDY)
    done = workspace.run(*PROFILE, "--default-resources", "slurm_partition=nowhere", check=False, **cluster)
    assert done.returncode
    assert "invalid partition specified: nowhere" in done.stdout + done.stderr


def test_any_batch_system_by_its_own_commands(study: dict[str, Any], cluster: dict[str, str]) -> None:
    """A row more, through plain sbatch: every training is a job with a device; a cancelled one comes again."""
    workspace: Workspace = study["workspace"]
    row = {"name": "Nano generic", "encoder": "nano", "epochs": 2}
    workspace.write_study(STUDY | {"models": [*STUDY["models"], row]})
    printed, cancelled = run_and_cancel(
        workspace, cluster, "logs/micro/runs/Nano-generic/seed-*/train_model.log", *GENERIC, "--latency-wait", "5"
    )
    results = workspace.folder / "results/micro"
    records = [json.loads((results / f"runs/Nano-generic/seed-{seed}/training.json").read_text()) for seed in (1, 2)]
    used = {record["slurm_job"] for record in records}
    assert len(used - {"", cancelled}) == 2
    assert cancelled
    assert {record["devices"] for record in records} <= {"0", "1"}
    assert "Trying to restart job" in printed
    assert list((workspace.folder / "logs/cluster").glob("*.train_model.log"))
    assert pd.read_csv(results / "table.csv")["seeds"].tolist()[-1] == 2


@pytest.mark.long
def test_partition_that_nobody_named_is_told(
    cluster: dict[str, str], prepared_workspace: Callable[[], Workspace]
) -> None:
    """On a cluster without a default partition the run ends at once and says what to set."""
    workspace = prepared_workspace()
    workspace.write_study(STUDY)
    default = ["scontrol", "update", "PartitionName=gpus"]
    subprocess.run([*default, "Default=NO"], env=cluster, check=True)
    try:
        done = workspace.run(*PROFILE, check=False, **cluster)
    finally:
        subprocess.run([*default, "Default=YES"], env=cluster, check=True)
    assert done.returncode
    assert "No partition specified" in done.stdout + done.stderr
