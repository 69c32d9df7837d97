"""The contract that the workflow grew from: its steps in their order, one GPU per training, the packages in use."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from workspace import PROJECT, Workspace

# Tokens are made once for all splits into parts, so split_frame and tokenize_text stand side by side.
STEPS = [
    ("download_dataset", "build_npz"),
    ("build_npz", "build_frame"),
    ("build_frame", "split_frame"),
    ("build_frame", "tokenize_text"),
    ("split_frame", "train_model"),
    ("tokenize_text", "train_model"),
    ("train_model", "evaluate_model"),
    ("evaluate_model", "evaluate_run"),
    ("evaluate_run", "render_table"),
]
ORDER = [
    *("download_dataset", "build_npz", "build_frame", "split_frame", "tokenize_text", "train_model", "evaluate_model"),
    *("evaluate_run", "render_table"),
]
ON_A_GPU = {"pretrain_encoder", "train_model", "train_trial", "evaluate_model"}
# Distribution -> module; Snakemake itself is what reads the rules.
PACKAGES = {
    "tensorflow": "tensorflow",
    "tensorflow-hub": "tensorflow_hub",
    "tensorflow-text": "tensorflow_text",
    "pandas": "pandas",
    "numpy": "numpy",
    "scikit-learn": "sklearn",
    "tabulate": "tabulate",
}


RULES = re.findall(
    r"^(?:rule|checkpoint|use rule \w+ as) (\w+)",
    "\n".join(file.read_text() for file in (PROJECT / "rules").glob("*.smk")),
    re.MULTILINE,
)


@dataclass(frozen=True)
class Job:
    """A job that Snakemake would run."""

    rule: str
    inputs: frozenset[str]
    outputs: frozenset[str]
    gpu: int


@pytest.fixture(scope="module")
def workspace(new_workspace: Callable[[], Workspace]) -> Workspace:
    """The workflow as it is cloned."""
    return new_workspace()


@pytest.fixture(scope="module")
def dry_run(workspace: Workspace) -> str:
    """What the command of the documentation prints of the embedded default study."""
    done = workspace.run("--cores", "4", "--resources", "gpu=1", "--dry-run")
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def jobs(workspace: Workspace, dry_run: str) -> list[Job]:
    """The jobs of that study, out of Snakemake's own graph: as many as the command has counted."""
    list_jobs = [sys.executable, PROJECT / "bench/jobs_elsewhere/list_jobs.py", "config.yaml", "--jobs", "jobs.json"]
    subprocess.run([*list_jobs, "--rules", *RULES], cwd=workspace.folder, check=True)
    found = [
        Job(job["rule"], files_of(job["input"]), files_of(job["output"]), job["gpu"])
        for job in json.loads((workspace.folder / "jobs.json").read_text())
    ]
    # The rule `all` is one more.
    assert len(found) + 1 == int(re.search(r"^total +(\d+)$", dry_run, re.M)[1])
    return found


def files_of(named: dict[str, str | list[str]]) -> frozenset[str]:
    """The files of a job's inputs or outputs."""
    return frozenset(file for files in named.values() for file in ([files] if isinstance(files, str) else files))


def followers(jobs: list[Job]) -> dict[str, set[str]]:
    """Each rule with all rules that need its files, at first or second hand."""
    direct: dict[str, set[str]] = {job.rule: set() for job in jobs}
    for job in jobs:
        direct[job.rule] |= {other.rule for other in jobs if job.outputs & other.inputs}
    reached = {}
    for rule in direct:
        found, new = set(), {rule}
        while new:
            new = set().union(*(direct[one] for one in new)) - found
            found |= new
        reached[rule] = found
    return reached


def test_steps_follow_each_other_in_one_direction(jobs: list[Job]) -> None:
    """From the published file to the table: every step reads what the one before it made, and none leads back."""
    after = followers(jobs)
    assert [(step, following) for step, following in STEPS if following not in after[step]] == []
    assert [(step, before) for i, step in enumerate(ORDER) for before in ORDER[: i + 1] if before in after[step]] == []


def test_every_training_and_evaluation_takes_one_gpu(jobs: list[Job]) -> None:
    """Under `--resources gpu=1` no two of them run at once."""
    assert {job.rule for job in jobs} & ON_A_GPU == ON_A_GPU
    assert [job.rule for job in jobs if job.rule in ON_A_GPU and job.gpu != 1] == []


@pytest.mark.parametrize("lock", ["cpu", "cuda", "test"])
def test_packages_are_pinned(lock: str) -> None:
    """Every lock that a study runs with names one version of each."""
    text = (PROJECT / f"requirements/{lock}.txt").read_text()
    pinned = re.findall(r"^([a-z0-9._-]+)(?:\[[a-z-]+\])?==", text, re.M)
    assert {name: pinned.count(name) for name in [*PACKAGES, "snakemake"]} == dict.fromkeys([*PACKAGES, "snakemake"], 1)


def test_packages_are_in_use(dry_run: str) -> None:
    """Scripts import them; Snakemake is the one that is pinned."""
    imported = {name for file in (PROJECT / "scripts").rglob("*.py") for name in imports(file)}
    assert set(PACKAGES.values()) - imported == set()
    version = re.search(r"Snakemake version: (\S+)", dry_run)[1]
    assert f"\nsnakemake=={version} " in (PROJECT / "requirements/cpu.txt").read_text()


def imports(file: Path) -> set[str]:
    """Names of the packages that a file imports, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add(node.module.split(".")[0])
    return names
