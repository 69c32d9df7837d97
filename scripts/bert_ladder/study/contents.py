"""The SHA-256 of files and folders of this machine, remembered until they change.

Imported by the Snakefile, hence light: nothing here may import NumPy, pandas or TensorFlow.
"""

import contextlib
import hashlib
import io
import json
import os
import tempfile
from pathlib import Path
from typing import IO, Any, cast

from bert_ladder.study.folders import folder_files, pack_folder

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
        """SHA-256 of a file's content, or of a folder's as `pack_folder` writes it, in hexadecimal.

        Args:
            file: a path.

        Returns:
            The checksum; None for what cannot be read.
        """
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
        if file.is_dir():
            digest = _Digest()
            pack_folder(file, cast(IO[bytes], digest))
            found = digest.sha256.hexdigest()
        else:
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
    """What changes with every edit of a file, or of one below a folder."""
    if not file.is_dir():
        return _start(file) + _status(file)
    states = "\n".join(f"{path} {_status(file / path)}" for path in folder_files(file))
    return _start(file) + hashlib.sha256(states.encode(errors="surrogateescape")).hexdigest()


def _status(file: Path) -> str:
    """Size, times and place; the time of the inode too, since `touch` can set the other one back."""
    status = file.stat()
    times = f"{status.st_mtime_ns} {status.st_ctime_ns}"
    return f"{status.st_size} {times} {status.st_dev} {status.st_ino}"


class _Digest(io.RawIOBase):
    """A stream of which only the checksum is kept."""

    def __init__(self) -> None:
        self.sha256 = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.sha256.update(data)
        return len(data)
