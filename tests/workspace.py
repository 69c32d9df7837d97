"""A copy of the workflow to run studies in, and the micro study."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import yaml

PROJECT = Path(__file__).parents[1]
PARTS = (
    *("Snakefile", "config.yaml", "rules", "scripts", "schemas", "catalog", "envs", "report", "profiles", "studies"),
    *("data", "workflow"),
)

PATIENCE = 2400  # seconds until a run is taken to hang; none comes near that on a slow machine
# As `make install` does, so that Snakemake knows --logger=bert-ladder.
SHOWN = {"PYTHONPATH": str(PROJECT / "plugins")}
NOWHERE = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}

MICRO = {
    "study": "micro",
    "dataset": {
        "name": "micro",
        "train": {"url": "train.csv"},
        "test": {"url": "test.csv"},
        "unlabelled": {"more": {"url": "more.txt"}},
        "positive": "good",
    },
    "vocabularies": {"own": {"size": 120}},
    "encoders": {
        "nano": {"scratch": {"layers": 1, "hidden": 16, "heads": 2, "positions": 32}, "vocabulary": "own"},
        "nano-read": {
            "pretrain": {
                "from": "nano",
                "text": ["more"],
                "bag_of_words": True,
                "length": 12,
                "epochs": 2,
                "learning_rate": 0.01,
            }
        },
    },
    "training": {"length": 16, "batch_size": 16, "learning_rate": 0.01},
    "baselines": ["tfidf_logistic_regression"],
    "models": [
        {"name": "Nano", "encoder": "nano"},
        {"name": "Nano long", "encoder": "nano-read", "epochs": 2},
        # The second rate trains nothing, so that nothing depends on chance.
        {"name": "Nano tuned", "encoder": "nano", "search": {"learning_rate": [0.01, 1.0e-9]}},
    ],
}


@dataclass(frozen=True)
class Workspace:
    """A copy of the workflow in a folder of its own, as a user has it."""

    folder: Path

    def write_study(self, study: dict[str, Any], name: str = "study.yaml") -> Path:
        """Write a study file and return its path."""
        file = self.folder / name
        file.write_text(yaml.safe_dump(study, sort_keys=False))
        return file

    def snakemake(
        self, *arguments: str, check: bool = True, within: Sequence[str] = (), **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run Snakemake in the folder with two cores and two trainings at a time, and no way into the network."""
        two = ("--resources", "gpu=2", "--cores", "2")
        return self.run(*two, *arguments, check=check, within=within, **environment)

    def run(
        self, *arguments: str, check: bool = True, within: Sequence[str] = (), **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run Snakemake in the folder with these arguments only, and no way into the network.

        Args:
            arguments: of Snakemake.
            check: whether the test fails if the run does.
            within: a command that starts the command that follows it, such as `without_network` gives.
            environment: more variables.
        """
        done = subprocess.run(
            [*within, sys.executable, "-m", "snakemake", *arguments],
            cwd=self.folder,
            env=os.environ | NOWHERE | SHOWN | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        if check and done.returncode:
            pytest.fail(f"snakemake {' '.join(arguments)} failed:\n{done.stdout[-3000:]}\n{done.stderr[-6000:]}")
        return done

    @contextmanager
    def started(self, *arguments: str, output: Path | None = None, **environment: str) -> Iterator[subprocess.Popen]:
        """Snakemake at work in the folder, and no way into the network; what still runs at the end is killed.

        Args:
            arguments: of Snakemake.
            output: a file to append to what is printed, instead of a pipe.
            environment: more variables.
        """
        with (
            output.open("a") if output else nullcontext(subprocess.PIPE) as stdout,
            subprocess.Popen(
                [sys.executable, "-m", "snakemake", *arguments],
                cwd=self.folder,
                env=os.environ | NOWHERE | SHOWN | environment,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=subprocess.STDOUT,
                text=True,
            ) as process,
        ):
            try:
                yield process
            finally:
                kill_all(process)

    def jobs(self, study: str) -> list[dict[str, Any]]:
        """All jobs of a study on four cores, without a device, as `jobs.py` describes them; "-": the default study."""
        subprocess.run(
            [sys.executable, PROJECT / "tests/jobs.py", study, "4", "jobs.json"],
            cwd=self.folder,
            env=os.environ | {"CUDA_VISIBLE_DEVICES": ""},
            check=True,
        )
        return json.loads((self.folder / "jobs.json").read_text())

    def planned(self, *arguments: str) -> dict[str, int]:
        """The jobs that a run would start: rule -> number."""
        done = self.snakemake("--quiet", "rules", "--dry-run", *arguments)
        if "Nothing to be done" in done.stdout + done.stderr:
            return {}
        return planned_jobs(done.stdout + done.stderr)


def planned_jobs(printed: str) -> dict[str, int]:
    """The jobs that a dry run has printed: rule -> number."""
    lines = [line.split() for line in printed.splitlines()]
    counts = {words[0]: int(words[1]) for words in lines if len(words) == 2 and words[1].isdigit()}
    return {rule: count for rule, count in counts.items() if rule.isidentifier() and rule not in ("total", "all")}


def kill_all(process: subprocess.Popen) -> None:
    """Kill a process and all that it has started; nothing of it gets away meanwhile."""
    if process.poll() is not None:
        return
    with suppress(psutil.NoSuchProcess):
        for one in _suspended(psutil.Process(process.pid)):
            with suppress(psutil.NoSuchProcess):
                one.kill()


def _suspended(process: psutil.Process) -> list[psutil.Process]:
    """A process and all that it has started, each stopped before its children are counted."""
    process.suspend()
    found = [process]
    for child in process.children():
        with suppress(psutil.NoSuchProcess):
            found += _suspended(child)
    return found


def without_network() -> list[str]:
    """What starts a command in a network namespace of its own, with no network in it; empty where that is forbidden."""
    command = ["unshare", "--map-root-user", "--net"]
    allowed = shutil.which("unshare") and subprocess.run([*command, "true"], capture_output=True).returncode == 0
    return command if allowed else []


def copy_workflow(folder: Path) -> Workspace:
    """Copy the workflow into a folder, with the micro study's data."""
    for part in PARTS:
        source = PROJECT / part
        if source.is_dir():
            shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / part)
    write_reviews(folder / "train.csv", 240, seed=1000)
    write_reviews(folder / "test.csv", 80, seed=5000)
    write_reviews(folder / "more.csv", 120, seed=9000)
    texts = (line.rpartition(",")[0] for line in (folder / "more.csv").read_text().splitlines()[1:])
    (folder / "more.txt").write_text("\n".join(texts) + "\n")
    return Workspace(folder)


def write_reviews(file: Path, rows: int, seed: int) -> None:
    """A csv of short texts whose label is told by one word."""
    random = np.random.default_rng(seed)
    nouns, verbs = ["film", "book", "meal", "phone", "song", "room"], ["was", "seemed", "felt"]
    words = {"good": ["great", "fine", "lovely"], "bad": ["awful", "dull", "poor"]}
    lines = ["text,label"]
    for row in range(rows):
        label = ("good", "bad")[row % 2]
        lines.append(
            f"the {random.choice(nouns)} {row + seed} {random.choice(verbs)} {random.choice(words[label])},{label}"
        )
    file.write_text("\n".join(lines) + "\n")
