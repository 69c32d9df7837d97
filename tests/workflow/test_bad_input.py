"""What a user sees when a study or its data cannot be used: one sentence, a status, nothing lost."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from workspace import MICRO, Workspace


@pytest.fixture(scope="module")
def workspace(new_workspace: Callable[[], Workspace]) -> Workspace:
    """A workspace in which nothing has run."""
    return new_workspace()


def study(**changes: Any) -> dict[str, Any]:
    """MICRO with top-level keys replaced."""
    return deepcopy(MICRO) | changes


def run(workspace: Workspace, content: dict[str, Any], *targets: str) -> tuple[int, str]:
    """Run a study; its status and all that was printed."""
    workspace.write_study(content, "bad.yaml")
    done = workspace.snakemake(*targets, "--configfile", "bad.yaml", check=False)
    return done.returncode, done.stdout + done.stderr


def test_bad_study_stops_before_anything_runs(workspace: Workspace) -> None:
    """A typo in the study is told in one sentence, without a traceback, and no job starts."""
    status, printed = run(workspace, study(training={"epoch": 3}))
    assert status != 0
    assert "The study cannot be run. training: unknown key 'epoch'" in printed
    assert "did you mean 'epochs'?" in printed
    assert "Traceback" not in printed
    assert not (workspace.folder / "results").exists()


def test_key_given_twice_stops_before_anything_runs(workspace: Workspace) -> None:
    """YAML's silent overwrite is told with file and line."""
    (workspace.folder / "twice.yaml").write_text("study: a\nstudy: b\n")
    done = workspace.snakemake("--configfile", "twice.yaml", check=False)
    assert done.returncode != 0
    assert "twice.yaml, line 2: the key 'study' is given twice" in done.stdout + done.stderr


def test_study_stands_alone(workspace: Workspace) -> None:
    """Nothing of the embedded study leaks into another: a study without rows is refused, not filled up."""
    incomplete = study()
    del incomplete["models"]
    status, printed = run(workspace, incomplete)
    assert status != 0
    assert "the key 'models' is missing" in printed


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (["text,label", "a,good", "b,good", "c,good"], "is not among the training labels"),
        pytest.param(["body,number", "a,1", "b,2"], "label", marks=pytest.mark.long),
        pytest.param(["text,label", "a,good", ",", "b,bad"], "label", marks=pytest.mark.long),
        pytest.param(["text,label"], "no rows", marks=pytest.mark.long),
    ],
)
def test_bad_data_is_told_in_one_sentence(workspace: Workspace, lines: list[str], sentence: str) -> None:
    """Data that cannot be learned from stop the run before any training, with the file's name and no traceback."""
    (workspace.folder / "bad.csv").write_text("\n".join(lines) + "\n")
    content = study(study="bad", dataset=MICRO["dataset"] | {"name": "bad", "train": {"url": "bad.csv"}})
    status, printed = run(workspace, content, "data")
    assert status != 0
    assert sentence in printed
    assert "Traceback" not in printed


def test_test_split_equal_to_train_is_refused(workspace: Workspace) -> None:
    """A table measured on the training texts would be worthless."""
    same = MICRO["dataset"] | {"name": "same", "test": {"url": "train.csv"}}
    status, printed = run(workspace, study(study="same", dataset=same), "data")
    assert status != 0
    assert "build_frame: dataset.test: all 240 texts are training texts too" in printed


def test_template_takes_one_csv_to_a_table(workspace: Workspace) -> None:
    """The commonest first day: the template with one path edited; a fifth is held out, and the table's foot says so."""
    template = (workspace.folder / "studies/template.yaml").read_text()
    assert template.count("EDIT") == 1
    (workspace.folder / "studies/my-study.yaml").write_text(template.replace("my-data.csv", "train.csv"))
    # No network here: encoders from scratch stand in for the published ones.
    names = {name: {"scratch": {"layers": 1, "hidden": 16}, "vocabulary": "own"} for name in ("tiny", "mini")}
    workspace.write_study({"vocabularies": {"own": {"size": 120}}, "encoders": names}, "scratch.yaml")
    # To the words that stand last, which the figures follow.
    files = ("--configfile", "studies/my-study.yaml", "scratch.yaml")
    done = workspace.snakemake("results/my-study/summary.txt", *files)
    text = (workspace.folder / "results/my-study/table.txt").read_text()
    assert "no test split" in text
    assert "48 of its 240 texts (20.0 %; 0.2 was asked for)" in text
    assert "Study my-study: 192 train and 48 test texts" in done.stdout + done.stderr


def test_malformed_device_list_stops_before_anything_runs(workspace: Workspace) -> None:
    """CUDA_VISIBLE_DEVICES with a word that names no device is told at once."""
    workspace.write_study(study(), "bad.yaml")
    done = workspace.run("--cores", "2", "--configfile", "bad.yaml", check=False, CUDA_VISIBLE_DEVICES="first")
    assert done.returncode != 0
    assert "CUDA_VISIBLE_DEVICES is 'first'" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
