"""A study that gets too little memory, and the same command once it gets more."""

import re
import shutil
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from workspace import MICRO, Workspace

ROW = {"name": "Nano", "encoder": "nano"}
STUDY = MICRO | {"models": [ROW]}
ARGUMENTS = ("--configfile", "study.yaml", "--cores", "2")
RUNS = "results/micro/runs"
TRAINING = f"{RUNS}/Nano/seed-1/training.json"
CLUSTERS = ("slurm", "slurm-gres", "cluster-generic")
# At the end of scripts/bert_ladder/runtime/jobs.py.
LIMITED = """

really_run_job = run_job

def run_job(main, snakemake):
    import resource
    resource.setrlimit(resource.RLIMIT_DATA, (200_000_000, 200_000_000))
    really_run_job(main, snakemake)
"""
# In place of `run_job` of runtime/jobs.py: notes what every attempt may use; the first fails, the second does nothing.
FAILING_ONCE = """

def run_job(main, snakemake):
    job = Path("attempts", *Path(snakemake.log[0]).with_suffix("").parts)
    job.parent.mkdir(parents=True, exist_ok=True)
    is_first = not job.exists()
    with job.open("a") as file:
        file.write(f"{snakemake.resources.mem_mb} {snakemake.resources.runtime}\\n")
    if is_first:
        sys.exit(1)
    for file in snakemake.output:
        Path(file).touch()
"""


def add_to_jobs(workspace: Workspace, code: str) -> str:
    """Let every job run this code; what scripts/bert_ladder/runtime/jobs.py was before."""
    file = workspace.folder / "scripts/bert_ladder/runtime/jobs.py"
    before = file.read_text()
    file.write_text(before + code)
    return before


@pytest.mark.skipif(not shutil.which("prlimit"), reason="prlimit is not installed")
def test_training_without_memory_is_told_and_goes_on(prepared_workspace: Callable[[], Workspace]) -> None:
    """One sentence with the row, its batch and length, and no half a result; lowered, it needs only itself made."""
    workspace = prepared_workspace()
    # 13 GB for the attention of one layer.
    study: dict[str, Any] = deepcopy(STUDY) | {"models": [ROW | {"length": 512, "batch_size": 192}]}
    study["encoders"]["nano"]["scratch"] |= {"hidden": 128, "heads": 64, "positions": 512}
    workspace.write_study(study)
    done = workspace.run(*ARGUMENTS, TRAINING, check=False, within=["prlimit", "--data=4000000000"])
    printed = done.stdout + done.stderr
    assert done.returncode
    assert "train_model: Nano, seed 1: out of memory on cpu:0 with batch_size 192 and length 512; lower" in printed
    assert "Traceback" not in printed
    assert not list((workspace.folder / "results/micro/runs/Nano").rglob("*.*"))
    workspace.write_study(study | {"models": [ROW]})
    workspace.run(*ARGUMENTS, "data")
    done = workspace.run(*ARGUMENTS, TRAINING)
    assert re.findall(r"^Finished jobid: \d+ \(Rule: (\w+)\)", done.stdout + done.stderr, re.M) == ["train_model"]


@pytest.mark.long
def test_data_without_memory_go_on(new_workspace: Callable[[], Workspace]) -> None:
    """Too little for an engine to start, which may die of it without a word: what can be said is said."""
    workspace = new_workspace()
    workspace.write_study(STUDY)
    unlimited = add_to_jobs(workspace, LIMITED)
    done = workspace.run(*ARGUMENTS, "data", check=False)
    printed = done.stdout + done.stderr
    assert done.returncode
    assert "was killed before it could say why. Unless somebody did it, memory ran out" in printed or (
        ": out of memory (" in printed and "Traceback" not in printed
    )
    (workspace.folder / "scripts/bert_ladder/runtime/jobs.py").write_text(unlimited)
    workspace.run(*ARGUMENTS, "data")
    ids, offsets = (
        np.load(workspace.folder / f"results/micro/data/tokens/own/train.{part}.npy") for part in ("ids", "offsets")
    )
    assert offsets[-1] == len(ids)
    assert len(offsets) == 241


def test_retried_jobs_get_more_memory_and_time(new_workspace: Callable[[], Workspace]) -> None:
    """Of every rule, whether it says what it needs or the profile of a cluster does."""
    workspace = new_workspace()
    workspace.write_study(STUDY)
    add_to_jobs(workspace, FAILING_ONCE)
    defaults = {
        tuple(
            default
            for default in yaml.safe_load((workspace.folder / f"profiles/{name}/config.yaml").read_text())[
                "default-resources"
            ]
            if default.startswith(("mem_mb=", "runtime="))
        )
        for name in CLUSTERS
    }
    [default] = defaults
    runs = ("Nano/seed-1/metrics.json", "Nano/speed.json", "tfidf_logistic_regression/seed-1/metrics.json")
    workspace.run(*(f"{RUNS}/{file}" for file in runs), *ARGUMENTS, "--retries", "1", "--default-resources", *default)
    attempts: dict[Path, list[str]] = {
        file: file.read_text().splitlines() for file in (workspace.folder / "attempts").rglob("*") if file.is_file()
    }
    assert {"tokenize_text", "train_model", "evaluate_model", "train_baseline"} <= {file.name for file in attempts}
    for job, lines in attempts.items():
        first, second = ([int(value) for value in line.split()] for line in lines)
        assert second == [2 * first[0], 2 * first[1]], job
