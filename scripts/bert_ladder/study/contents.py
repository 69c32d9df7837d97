"""The SHA-256 of files of this machine, remembered until they change.

Imported by the Snakefile, hence light: nothing here may import NumPy, pandas or TensorFlow.
"""

import contextlib
import hashlib
import json
import os
import tempfile
from pathlib import Path

# Of this machine: it is of no use beside results that are copied to another one.
CACHE = Path(".snakemake/contents.json")


class Contents:
    """Checksums by path, size, times and inode. Several processes may use one cache; a damaged one is made anew.

    Args:
        cache: JSON file; where it cannot be written every file is read each time.
    """

    def __init__(self, cache: Path = CACHE) -> None:
        self.cache = cache
        self._read: dict[str, str] = {}

    def sha256(self, file: str | Path) -> str | None:
        """SHA-256 of a file's content in hexadecimal; None for what is no file that can be read."""
        try:
            key = _state(Path(file))
            if key not in self._read:
                self._read[key] = self._cached().get(key) or self._digest(Path(file), key)
        except OSError:
            return None
        return self._read[key]

    def _cached(self) -> dict[str, str]:
        try:
            known = json.loads(self.cache.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return {}
        is_whole = isinstance(known, dict) and all(isinstance(value, str) for value in known.values())
        return known if is_whole else {}

    def _digest(self, file: Path, key: str) -> str:
        with file.open("rb") as opened:
            found = hashlib.file_digest(opened, "sha256").hexdigest()
        # What this file was before is forgotten. A process that writes at the same time may win: the other's file is
        # then read once more.
        start = _start(file)
        known = {other: value for other, value in self._cached().items() if not other.startswith(start)}
        self._write(known | {key: found})
        return found

    def _write(self, known: dict[str, str]) -> None:
        with contextlib.suppress(OSError):
            self.cache.parent.mkdir(parents=True, exist_ok=True)
            descriptor, scratch = tempfile.mkstemp(dir=self.cache.parent, prefix=self.cache.name)
            with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
                json.dump(known, opened, indent=1)
            Path(scratch).replace(self.cache)


def _start(file: Path) -> str:
    return f"{file.absolute()}\n"


def _state(file: Path) -> str:
    """What changes with every edit of a file; the time of the inode too, since `touch` can set the other one back."""
    status = file.stat()
    times = f"{status.st_mtime_ns} {status.st_ctime_ns}"
    return f"{_start(file)}{status.st_size} {times} {status.st_dev} {status.st_ino}"
