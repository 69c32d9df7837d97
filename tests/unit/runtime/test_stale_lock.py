"""The lock of a killed run is removed, any other stays."""

import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[3]
RUN = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from bert_ladder.runtime.locks import enter_run, remove_stale_lock
folder, what = Path(sys.argv[2]), sys.argv[3]
said = enter_run(folder / "runs") if what == "job" else remove_stale_lock(folder / "locks", folder / "runs")
if what == "locks":
    (folder / "locks").mkdir(exist_ok=True)
    (folder / "locks/0.output.lock").write_text("table.csv")
print(said, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Snakemake's folder."""
    return tmp_path / ".snakemake"


def start(folder: Path, what: str = "") -> tuple[subprocess.Popen, str]:
    """A run that stays; and what its registration said."""
    run = subprocess.Popen(
        [sys.executable, "-c", RUN, str(PROJECT / "scripts"), str(folder), what],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    return run, run.stdout.readline().strip()


def end(run: subprocess.Popen, kill: bool = False) -> None:
    """Let a run end, or kill it."""
    if kill:
        run.kill()
    run.communicate(timeout=20)


def locked(folder: Path) -> bool:
    """Whether a lock lies there."""
    return any((folder / "locks").glob("*.lock"))


def test_lock_of_a_killed_run_is_removed(folder: Path) -> None:
    """Also after a dry run in between, which has no lock itself."""
    run, said = start(folder, "locks")
    assert said == "False"
    end(run, kill=True)
    assert locked(folder)
    run, said = start(folder)
    assert said == "True"
    assert not locked(folder)
    end(run)


def test_lock_of_a_living_run_stays(folder: Path) -> None:
    """Even if a third one was killed meanwhile."""
    living, _ = start(folder, "locks")
    killed, said = start(folder)
    assert said == "False"
    end(killed, kill=True)
    other, said = start(folder)
    assert said == "False"
    assert locked(folder)
    end(other)
    end(living)


def test_lock_stays_while_a_job_of_the_killed_run_lives(folder: Path) -> None:
    """Killed alone, Snakemake leaves its jobs at work; when they have ended, the lock can go."""
    run, _ = start(folder, "locks")
    job, _ = start(folder, "job")
    end(run, kill=True)
    other, said = start(folder)
    assert said == "False"
    end(other)
    end(job, kill=True)
    other, said = start(folder)
    assert said == "True"
    end(other)


def test_a_run_that_ends_by_itself_leaves_no_entry(folder: Path) -> None:
    """So that only what was killed can be taken for the lock's owner, on this host or another."""
    run, _ = start(folder)
    end(run)
    assert not list((folder / "runs").glob("*.lock"))


@pytest.mark.parametrize("entry", ["runs/another-host-17.lock", None])
def test_lock_of_nobody_knows_whom_stays(folder: Path, entry: str | None) -> None:
    """A run on another host, or one that never registered, may be alive."""
    (folder / "locks").mkdir(parents=True)
    (folder / "locks/0.output.lock").touch()
    if entry:
        killed, _ = start(folder)
        end(killed, kill=True)
        (folder / entry).touch()
    for _ in range(2):
        run, said = start(folder)
        assert said == "False"
        assert locked(folder)
        end(run)


def test_folder_without_write_permission_is_left_alone(tmp_path: Path) -> None:
    """Nothing is registered, nothing removed, nothing raised."""
    (tmp_path / ".snakemake").write_text("a file")
    run, said = start(tmp_path / ".snakemake")
    assert said == "False"
    end(run)
