"""A search that is halved, through Snakemake: what is planned, what runs, what is left."""

import json
import re
import time
from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from workspace import MICRO, Workspace, kill_all

HALVED = deepcopy(MICRO) | {
    "baselines": [],
    "models": [
        {
            "name": "Nano halved",
            "encoder": "nano",
            "search": {
                # The second rate ruins the training, so that nothing depends on chance.
                "learning_rate": [0.01, 5.0],
                "metric": "loss",
                "halving": {"factor": 2, "smallest": 0.5},
            },
        }
    ],
}
STUDY = ("--configfile=study.yaml",)
TARGETS = ("results/micro/figures/search.svg", "results/micro/runs/Nano-halved/seed-1/model.weights.h5")
OF_HALVING = ("check_halving", "train_rung", "select_promoted", "train_promoted")
TRAININGS = {"train_rung": 2, "train_promoted": 1, "train_model": 1}


@pytest.fixture(scope="module")
def workspace(prepared_workspace: Callable[[], Workspace]) -> Workspace:
    """With data and encoder."""
    prepared = prepared_workspace()
    prepared.write_study(HALVED)
    return prepared


def trained(printed: str) -> list[str]:
    """The rules that have trained something, in the order of their ends."""
    return re.findall(r"^Finished jobid: \d+ \(Rule: (train_\w+)\)", printed, re.M)


def test_all_jobs_of_a_halved_search_are_known_before(workspace: Workspace) -> None:
    """Each with a file that the study asks for, a device if it trains, and words of its own."""
    jobs = workspace.jobs("study.yaml")
    count = Counter(job["rule"] for job in jobs)
    assert {rule: count[rule] for rule in TRAININGS} == TRAININGS
    assert (count["select_promoted"], count["train_trial"]) == (1, 0)
    [target] = [job for job in jobs if job["rule"] == "all"]
    searched = [job for job in jobs if job["rule"] in OF_HALVING]
    assert (len(searched), count["check_halving"]) == (5, 1)
    assert [job for job in searched if not set(job["output"]) & set(target["input"])] == []
    assert {job["gpu"] == 1 for job in searched if job["rule"] in TRAININGS} == {True}
    assert {job["local"] for job in searched if job["rule"] not in TRAININGS} == {True}
    assert Counter(job["message"] for job in jobs).most_common(1)[0][1] == 1
    assert sorted(job["params"]["budget"] for job in searched if "budget" in job["params"]) == [0.5, 0.5, 1.0]
    assert all(json.loads(json.dumps(job["params"])) == job["params"] for job in searched)


def test_halved_study_that_is_killed_between_rungs(workspace: Workspace) -> None:
    """Nothing is trained twice, the winner ends as the row that is trained at once, and the states are gone."""
    assert workspace.planned(*TARGETS, *STUDY).items() >= TRAININGS.items()
    search = workspace.folder / "results/micro/search/Nano-halved"
    printed = workspace.folder / "printed.txt"
    arguments = (*TARGETS, *STUDY, "--cores", "2", "--resources", "gpu=2")
    with workspace.started(*arguments, output=printed) as process:
        while not (search / "rung-1/promoted.json").exists() and process.poll() is None:
            time.sleep(0.2)
        kill_all(process)
    assert (search / "rung-1/promoted.json").exists(), printed.read_text()
    assert not (search / "rung-2").exists() or not list((search / "rung-2").rglob("training.json"))
    done = workspace.snakemake(*TARGETS, *STUDY)
    assert trained(done.stdout + done.stderr) == ["train_promoted", "train_model"]

    outcome = json.loads((search / "outcome.json").read_text())
    assert (outcome["trials"], outcome["values"]) == (2, {"learning_rate": 0.01})
    assert [(rung["budget"], rung["trials"]) for rung in outcome["rungs"]] == [(0.5, 2), (1.0, 1)]
    assert outcome["rungs"][0]["dropped"] == [{"learning_rate": 5.0}]
    trials = pd.read_csv(search / "trials.csv")
    assert trials[["budget", "rank", "chosen"]].to_numpy().tolist() == [[1.0, 1, True], [0.5, 2, False]]
    assert list(search.rglob("state.npz")) == []
    row = workspace.folder / "results/micro/runs/Nano-halved/seed-1"
    one, other = (
        pd.read_csv(folder / "history.csv").drop(columns="seconds")
        for folder in (search / "rung-2/place-1/seed-1", row)
    )
    pd.testing.assert_frame_equal(one, other, check_exact=True)
    assert workspace.planned(*TARGETS, *STUDY) == {}
    # The states are gone: another budget begins at the beginning.
    other = deepcopy(HALVED)
    other["models"][0]["search"]["halving"]["smallest"] = 0.4
    workspace.write_study(other, "other.yaml")
    planned = workspace.planned(*TARGETS, "--configfile=other.yaml")
    assert planned.items() >= {rule: TRAININGS[rule] for rule in ("train_rung", "train_promoted")}.items()


def test_grid_beside_a_halved_search_is_left_alone(workspace: Workspace) -> None:
    """Without halving the same search is the jobs that it always was."""
    row: dict[str, Any] = deepcopy(HALVED["models"][0])
    del row["search"]["halving"]
    workspace.write_study(HALVED | {"models": [row]}, "grid.yaml")
    jobs = workspace.jobs("grid.yaml")
    trials = [job for job in jobs if job["rule"] == "train_trial"]
    assert [sorted(job["params"]) for job in trials] == [["checkpoints", "model", "seed", "training", "tried"]] * 2
    assert all(Path(job["output"][0]).parts[:4] == ("results", "micro", "search", "Nano-halved") for job in trials)
    assert not [job for job in jobs if job["rule"] in OF_HALVING]
