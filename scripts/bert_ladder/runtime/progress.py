"""How far a training is: a small file beside its log, which whoever shows the run reads now and then."""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any


def progress_file(log_file: str | Path) -> Path:
    """Where a training says how far it is; the last that it said stays until it runs again."""
    path = Path(log_file)
    return path.with_name(f".{path.name}.progress")


class ProgressFile:
    """Keeps the state of a training where others can read it.

    Args:
        log_file: of the job; without one nothing is kept.
    """

    def __init__(self, log_file: str | Path | None):
        self.path = None if log_file is None else progress_file(log_file)

    def write(self, state: Mapping[str, Any]) -> None:
        """Replace the file at once, so that a reader never finds half of it; a disk that takes nothing is no trouble.

        Args:
            state: JSON's types.
        """
        if self.path is None:
            return
        partial = self.path.with_name(f"{self.path.name}-{os.getpid()}")
        with suppress(OSError):
            partial.write_text(json.dumps(state), encoding="utf-8")
            partial.replace(self.path)
