"""What a run says last."""

import logging
import subprocess
import sys
from pathlib import Path

from bert_ladder.runtime.endings import (
    LISTED,
    FailedJob,
    PlainResources,
    failed_jobs,
    failure_file,
    planned_trainings,
)

SCRIPTS = Path(__file__).parents[3] / "scripts"


def failed(folder: Path, name: str, said: str | None, hint: str | None = None, log: bool = True) -> FailedJob:
    """A job that left a log, and a sentence beside it."""
    file = folder / f"{name}.log"
    if log:
        file.write_text("what it did\n")
    if said is not None:
        failure_file(file).write_text(f"{said}\n")
    return FailedJob(name, str(file), hint)


def test_each_reason_is_told_once(tmp_path: Path) -> None:
    """Jobs that failed alike share a sentence; others have their own, in the order of their names."""
    jobs = [failed(tmp_path, "c", "no label"), failed(tmp_path, "a", "no label"), failed(tmp_path, "b", "no text")]
    told = [f"a and 1 more job: no label\n  log: {tmp_path / 'a.log'}", f"b: no text\n  log: {tmp_path / 'b.log'}"]
    assert failed_jobs(jobs) == told
    assert failed_jobs([*jobs, failed(tmp_path, "d", "no label")])[0].startswith("a and 2 more jobs: no label\n")


def test_many_reasons_are_counted(tmp_path: Path) -> None:
    """A study of many rows does not scroll its reasons away."""
    jobs = [failed(tmp_path, f"job {index:02}", f"reason {index}") for index in range(LISTED + 3)]
    told = failed_jobs(jobs)
    assert len(told) == LISTED + 1
    assert told[-1] == "And 3 more; the logs have them."


def test_who_could_not_speak_is_spoken_for(tmp_path: Path) -> None:
    """A killed job has what is known of it, any other its log; a sentence of an earlier attempt is not believed.

    The log is named once.
    """
    silent, killed = failed(tmp_path, "silent", None), failed(tmp_path, "killed", None, hint="it was killed")
    old = failed(tmp_path, "old", "yesterday's trouble", log=False)
    told = failed_jobs([silent, killed, old])
    assert told[0] == f"killed: it was killed\n  log: {tmp_path / 'killed.log'}"
    assert told[1] == f"old: it ended without a word; what it wrote is in {tmp_path / 'old.log'}"
    assert told[2] == f"silent: it ended without a word; what it wrote is in {tmp_path / 'silent.log'}"


def test_last_is_last() -> None:
    """What is said at the end of the process comes behind all that it prints, the first registered last."""
    code = (
        "import sys; from bert_ladder.runtime.endings import say_last\n"
        "say_last('second'); say_last(lambda: said); said = 'first'; say_last('trouble', failed=True)\n"
        "print('Snakemake has the word')"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=SCRIPTS, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["Snakemake has the word", "first", "second"]
    assert done.stderr == "trouble\n"


def test_trainings_of_a_dry_run_are_counted() -> None:
    """Of networks, in the order in which they run."""
    rules = ["train_model", "build_npz", "train_trial", "train_model", "pretrain_encoder", "train_baseline"]
    assert planned_trainings(rules) == "Trainings: 4 (pretrain_encoder 1, train_trial 1, train_model 2)"
    halved = ["train_promoted", "train_rung", "train_model", "train_rung", "select_promoted"]
    assert planned_trainings(halved) == "Trainings: 4 (train_rung 2, train_promoted 1, train_model 1)"
    assert planned_trainings(["build_npz"]) == "No trainings."


def test_resources_are_names_and_numbers() -> None:
    """No object of Snakemake's is printed; other messages stay as they are."""

    class Given:
        def __init__(self, value: int):
            self.value = value

    resources = {"_cores": Given(4), "gpu": Given(2), "mem_mb": Given(8000)}
    record = logging.makeLogRecord({"msg": f"Provided resources: {resources}", "provided_resources": resources})
    assert PlainResources().filter(record)
    assert record.getMessage() == "Provided resources: gpu=2, mem_mb=8000"
    other = logging.makeLogRecord({"msg": "Building DAG of jobs..."})
    assert PlainResources().filter(other)
    assert other.getMessage() == "Building DAG of jobs..."
