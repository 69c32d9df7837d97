"""Removes the lock that a killed Snakemake has left in a folder, so that the same command simply goes on."""

import os
import platform
from pathlib import Path

from filelock import FileLock, Timeout

# This process's entries, which the kernel frees when it ends, however it ends.
_entries: list[FileLock] = []


def register_run(folder: Path) -> bool:
    """Enter this process as a run of a folder, and remove the folder's lock if every run that may hold it is dead.

    Snakemake's lock names the files of a run, but not the run. A run on another host, or one that did not register,
    may be alive: its lock stays, and Snakemake refuses to start as ever.

    Args:
        folder: Snakemake's own, `.snakemake`.

    Returns:
        Whether there was such a lock.
    """
    runs = folder / "runs"
    host = platform.node()
    locks: list[Path] = []
    try:
        runs.mkdir(parents=True, exist_ok=True)
        # Who comes second sees the first one's entry.
        with FileLock(runs / "guard", timeout=10, fallback_to_soft=False):
            dead = [file for file in runs.glob(f"{host}-*.lock") if _is_free(file)]
            for file in dead:
                file.unlink()
            if dead and not list(runs.glob("*.lock")):
                locks = list((folder / "locks").glob("*.lock"))
                for file in locks:
                    file.unlink()
            entry = FileLock(runs / f"{host}-{os.getpid()}.lock", thread_local=False, fallback_to_soft=False)
            entry.acquire(timeout=0)
            _entries.append(entry)
    except (OSError, NotImplementedError, Timeout):
        return False  # no kernel locks here: Snakemake's own lock and its hint remain
    return bool(locks)


def _is_free(file: Path) -> bool:
    """Whether the run behind an entry of this host has ended."""
    lock = FileLock(file, fallback_to_soft=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    lock.release()
    return True
