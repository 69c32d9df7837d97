"""The lock of a killed run is removed, any other stays."""

import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
RUN = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from _stale_lock import register_run
print(register_run(Path(sys.argv[2])), flush=True)
if sys.argv[3] == "locks":
    (Path(sys.argv[2]) / "locks").mkdir(exist_ok=True)
    (Path(sys.argv[2]) / "locks/0.output.lock").write_text("table.csv")
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


@pytest.mark.parametrize("entry", ["runs/another-host-17.lock", None])
def test_lock_of_nobody_knows_whom_stays(folder: Path, entry: str | None) -> None:
    """A run on another host, or one that never registered, may be alive."""
    (folder / "locks").mkdir(parents=True)
    (folder / "locks/0.output.lock").touch()
    if entry:
        killed, _ = start(folder)
        end(killed, kill=True)
        (folder / entry).touch()
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
