"""Removes the lock that a killed Snakemake has left in a folder, so that the same command simply resumes it."""

import atexit
import os
import platform
import re
from pathlib import Path

from filelock import FileLock, Timeout

RUNS = Path(".snakemake/runs")
# This process's entries, which the kernel frees when it ends, however it ends.
_entries: list[FileLock] = []


def remove_stale_lock(locks: Path = Path(".snakemake/locks"), runs: Path = RUNS) -> bool:
    """Enter this process as a run of the folder, and remove the folder's lock if all that may need it were killed.

    Snakemake's lock names the files of a run, but not the run. A run or a job on another host, or one that did not
    enter itself, may be alive: its lock stays, and Snakemake refuses to start as ever.

    Args:
        locks: where Snakemake keeps its lock.
        runs: where runs and their jobs enter themselves.

    Returns:
        Whether there was such a lock.
    """
    stale: list[Path] = []
    own = re.compile(rf"{re.escape(platform.node())}-\d+\.lock")
    try:
        runs.mkdir(parents=True, exist_ok=True)
        # Who comes second sees the first one's entry.
        with FileLock(runs / "guard", timeout=10, fallback_to_soft=False):
            killed = [file for file in runs.iterdir() if own.fullmatch(file.name) and _is_free(file)]
            for file in killed:
                file.unlink()
            if killed and not list(runs.glob("*.lock")):
                stale = list(locks.glob("*.lock"))
                for file in stale:
                    file.unlink()
            enter_run(runs)
    except (OSError, NotImplementedError, Timeout):
        return False  # no kernel locks here: Snakemake's own lock and its hint remain
    return bool(stale)


def enter_run(runs: Path = RUNS) -> None:
    """Enter this process, a run or a job of one, until it ends; without kernel locks or the folder nothing happens."""
    file = runs / f"{platform.node()}-{os.getpid()}.lock"
    entry = FileLock(file, thread_local=False, fallback_to_soft=False)
    try:
        entry.acquire(timeout=0)
    except (OSError, NotImplementedError, Timeout):
        return
    _entries.append(entry)
    # What is left in the folder are those that were killed.
    atexit.register(file.unlink, missing_ok=True)


def _is_free(file: Path) -> bool:
    """Whether the process behind an entry of this host has ended."""
    lock = FileLock(file, fallback_to_soft=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    lock.release()
    return True
