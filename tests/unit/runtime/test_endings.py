"""What a run says last."""

import subprocess
import sys
from pathlib import Path

from bert_ladder.runtime.endings import LISTED, FailedJob, failed_jobs, failure_file

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
    assert failed_jobs(jobs) == ["a and 1 more job: no label", "b: no text"]
    assert failed_jobs([*jobs, failed(tmp_path, "d", "no label")])[0] == "a and 2 more jobs: no label"


def test_many_reasons_are_counted(tmp_path: Path) -> None:
    """A study of many rows does not scroll its reasons away."""
    jobs = [failed(tmp_path, f"job {index:02}", f"reason {index}") for index in range(LISTED + 3)]
    told = failed_jobs(jobs)
    assert len(told) == LISTED + 1
    assert told[-1] == "And 3 more; the logs have them."


def test_who_could_not_speak_is_spoken_for(tmp_path: Path) -> None:
    """A killed job has what is known of it, any other its log; a sentence of an earlier attempt is not believed."""
    silent, killed = failed(tmp_path, "silent", None), failed(tmp_path, "killed", None, hint="it was killed")
    old = failed(tmp_path, "old", "yesterday's trouble", log=False)
    told = failed_jobs([silent, killed, old])
    assert told[0] == "killed: it was killed"
    assert told[1] == f"old: it ended without a word; what it wrote is in {tmp_path / 'old.log'}"
    assert told[2] == f"silent: it ended without a word; what it wrote is in {tmp_path / 'silent.log'}"


def test_last_is_last() -> None:
    """What is said at the end of the process comes behind all that it prints, the first registered last."""
    code = (
        "import sys; from bert_ladder.runtime.endings import say_last\n"
        "say_last('second'); say_last('first'); say_last('trouble', failed=True); print('Snakemake has the word')"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=SCRIPTS, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["Snakemake has the word", "first", "second"]
    assert done.stderr == "trouble\n"
