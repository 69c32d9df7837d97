"""The contract that the workflow grew from: its steps in their order, one GPU per training, the packages in use."""

import ast
import re
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
    ("evaluate_model", "render_table"),
]
ORDER = [
    *("download_dataset", "build_npz", "build_frame", "split_frame", "tokenize_text", "train_model", "evaluate_model"),
    "render_table",
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


@dataclass(frozen=True)
class Job:
    """A job of a dry run."""

    rule: str
    inputs: frozenset[str]
    outputs: frozenset[str]
    resources: frozenset[str]


@pytest.fixture(scope="module")
def dry_run(new_workspace: Callable[[], Workspace]) -> str:
    """What the command of the documentation prints of the embedded default study."""
    done = new_workspace().run("--cores", "4", "--resources", "gpu=1", "--dry-run")
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def jobs(dry_run: str) -> list[Job]:
    """The jobs of the dry run, every one of them."""
    blocks = re.findall(r"^(?:local)?(?:rule|checkpoint) (\w+):\n((?: +.*\n)+)", dry_run, re.M)

    def listed(kind: str, lines: str) -> frozenset[str]:
        found = re.search(rf"^ +{kind}: (.*)", lines, re.M)
        return frozenset(found[1].split(", ") if found else ())

    found = [Job(rule, *(listed(kind, lines) for kind in ("input", "output", "resources"))) for rule, lines in blocks]
    assert len(found) == int(re.search(r"^total +(\d+)$", dry_run, re.M)[1])
    return found


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
    assert {job.rule for job in jobs} & ON_A_GPU == {"train_model", "train_trial", "evaluate_model"}
    assert [job.rule for job in jobs if job.rule in ON_A_GPU and "gpu=1" not in job.resources] == []


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
