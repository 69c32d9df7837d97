"""What stands last on the terminal: why a run failed, or what a target was asked for."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from workspace import MICRO, PROJECT, Workspace

SMALL = {
    "study": "small",
    "dataset": {"name": "small", "train": {"url": "train.csv"}, "test": {"url": "test.csv"}, "positive": "good"},
    "vocabularies": {"own": {"size": 120}},
    "encoders": {"nano": MICRO["encoders"]["nano"]},
    "training": {"length": 16},
    "baselines": ["tfidf_logistic_regression", "nb_svm"],
    "models": [{"name": "Nano", "encoder": "nano"}],
}


@pytest.fixture(scope="module")
def workspace(new_workspace) -> Workspace:
    """A workspace in which nothing has run."""
    return new_workspace()


@pytest.mark.parametrize("quiet", [(), ("--quiet", "all"), ("--logger=bert-ladder",)], ids=["plain", "quiet", "calm"])
def test_a_failed_run_ends_with_its_reasons(workspace: Workspace, quiet: tuple[str, ...]) -> None:
    """What goes on in spite of a failure fails too: each reason once, last of all, with the user's file."""
    train, test = ((workspace.folder / name).read_text().splitlines() for name in ("train.csv", "test.csv"))
    (workspace.folder / "broken.csv").write_text("\n".join([*train[:3], f"{train[3]},and,more", *train[4:]]) + "\n")
    (workspace.folder / "other.csv").write_text("\n".join(["text,kind", *test[1:]]) + "\n")
    files = {"train": {"url": "broken.csv"}, "test": {"url": "other.csv"}}
    dataset = SMALL["dataset"] | {"name": "bad", "text": "text", "label": "label"} | files
    workspace.write_study(SMALL | {"study": "bad", "dataset": dataset}, "bad.yaml")
    done = workspace.snakemake("data", *quiet, "--configfile=bad.yaml", check=False)
    assert done.returncode == 1
    *above, empty, first, first_log, second, second_log = done.stderr.splitlines()
    assert empty == ""
    told = sorted([first, second])
    assert told[0].startswith("build_npz: broken.csv, ")
    assert told[1].startswith("build_npz: other.csv: has no 'label' (dataset.label); it has the columns 'text', 'kind'")
    for line in (first_log, second_log):
        assert line.startswith("  log: logs/bad/")
        assert (workspace.folder / line.removeprefix("  log: ")).is_file()
    assert "Traceback" not in done.stderr
    if "--logger=bert-ladder" in quiet:
        assert sum("failed after" in line for line in above) == 2
        assert not any("has no 'label'" in line or "Error" in line for line in above)


def test_targets_end_with_what_they_are_for(workspace: Workspace) -> None:
    """`data` with the audit's findings, `baselines` with their scores, both with both."""
    workspace.write_study(SMALL)
    done = workspace.snakemake("baselines", "--configfile=study.yaml")
    assert "Study small: the baselines, in percent" in done.stdout
    assert "NB-SVM" in done.stdout.rstrip().partition("in percent")[2]
    assert done.stdout.rstrip().endswith(".")
    assert "what was found in the data" not in done.stdout
    done = workspace.snakemake("data", "baselines", "--configfile=study.yaml")
    audit, _, baselines = done.stdout.partition("Study small: the baselines")
    assert "Study small: what was found in the data\n- Texts: 240 train, 80 test, of 2 classes." in audit
    assert "NB-SVM" in baselines


def test_a_study_that_cannot_be_run_is_told_last(workspace: Workspace) -> None:
    """An overlay alone, a report before the run: one sentence, and nothing of Snakemake below it."""
    workspace.write_study({"seeds": [1, 2]}, "over.yaml")
    workspace.write_study(SMALL)
    for arguments, said in (
        (["-n", "--configfile=over.yaml"], "over.yaml: the keys 'study' and 'dataset' and 'models' are missing"),
        (["-n", "--configfile=study.yaml", "--configfile=over.yaml"], "--configfile STUDY.yaml over.yaml"),
        (["--report", "x.html", "--configfile=study.yaml"], "type the command without --report first."),
    ):
        done = workspace.run("--cores", "1", *arguments, check=False)
        assert done.returncode == 1
        assert said in done.stderr.splitlines()[-1]
        assert "Traceback" not in done.stderr
    assert not (workspace.folder / "x.html").exists()


def test_command_plans_a_study_of_any_folder(workspace: Workspace, tmp_path: Path) -> None:
    """`bert-ladder run` reads and writes where it is typed; a dry run ends with rules and trainings, not jobs."""
    Workspace(tmp_path).write_study(SMALL)
    for name in ("train.csv", "test.csv"):
        shutil.copy(workspace.folder / name, tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "bert_ladder.commands.main", "run", "study.yaml", "-n", "--", "--rerun-incomplete"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": f"{PROJECT / 'plugins'}:{workspace.folder / 'scripts'}"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    header, *lines, trainings = done.stdout.splitlines()
    assert header.split() == ["Rule", "Jobs", "Why"]
    assert trainings == "Trainings: 1 (train_model 1)"
    assert ["download_dataset", "2", "missing", "output", "files"] in [line.split() for line in lines]
    assert not (tmp_path / "results").exists()


def test_what_snakemake_says_by_itself_is_documented(workspace: Workspace) -> None:
    """It opens study files before it reads this project: the last line of each kind stands in docs/robustness.md."""
    documented = (Path(__file__).parents[2] / "docs/robustness.md").read_text()
    workspace.write_study(SMALL)
    (workspace.folder / "latin.yaml").write_bytes("study: caf\xe9\n".encode("latin-1"))
    (workspace.folder / "tab.yaml").write_text("study: [a\n")
    for files, kind in (
        (["--configfile", "study.yaml", "data"], "IsADirectoryError: [Errno 21] Is a directory: 'data'"),
        (["--configfile", "study.yaml", "baselines"], "FileNotFoundError: "),
        (["--configfile=my-study.yaml"], "FileNotFoundError: "),
        (["--configfile=latin.yaml"], "UnicodeDecodeError: 'utf-8' codec can't decode"),
        (["--configfile=tab.yaml"], "Config file is not valid JSON or YAML."),
        (
            ["--configfile", "study.yaml", "train.csv"],
            "Config file must be given as JSON or YAML with keys at top level.",
        ),
    ):
        done = workspace.run("--cores", "1", *files, check=False)
        assert done.returncode == 1
        assert kind in done.stderr.rstrip().splitlines()[-1]
        assert kind in documented
