"""What a run says last: why its jobs failed, once each, below all that Snakemake prints.

Imported by the Snakefile, hence light: nothing here may import NumPy, pandas or TensorFlow.
"""

import atexit
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

LISTED = 10


def failure_file(log_file: str | Path) -> Path:
    """Where a job leaves the sentence that it failed with; there is none while it runs, and after it has ended well."""
    path = Path(log_file)
    return path.with_name(f".{path.name}.failure")


@dataclass(frozen=True)
class FailedJob:
    """A job that failed.

    Attributes:
        name: in words.
        log_file: its log.
        hint: why it failed, in case it could not say so itself.
    """

    name: str
    log_file: str
    hint: str | None = None

    @property
    def reason(self) -> str:
        """What it said of itself, or what else is known."""
        file = failure_file(self.log_file)
        # Snakemake deletes a log before it starts a job: without one the sentence is of an earlier attempt.
        is_new = file.exists() and Path(self.log_file).exists()
        said = file.read_text(encoding="utf-8", errors="replace").strip() if is_new else ""
        return said or self.hint or f"it ended without a word; what it wrote is in {self.log_file}"


def failed_jobs(jobs: Iterable[FailedJob]) -> list[str]:
    """Why jobs failed, equal reasons once.

    Returns:
        A sentence per reason, by the names of the jobs; the last counts those beyond `LISTED`.
    """
    reasons: dict[str, list[str]] = {}
    for job in sorted(jobs, key=lambda job: (job.name, job.log_file)):
        reasons.setdefault(job.reason, []).append(job.name)
    sentences = [f"{_named(names)}: {reason}" for reason, names in reasons.items()]
    rest = len(sentences) - LISTED
    return sentences if rest <= 0 else [*sentences[:LISTED], f"And {rest} more; the logs have them."]


def _named(names: Sequence[str]) -> str:
    """The first of some jobs, and how many others there are."""
    others = len(names) - 1
    return names[0] + (f" and {others} more {'job' if others == 1 else 'jobs'}" if others else "")


def say_last(text: str, failed: bool = False) -> None:
    """Print when the process ends: Snakemake speaks after its own hooks.

    Args:
        text: to print.
        failed: whether it goes to the error stream.
    """
    atexit.register(print, text, file=sys.stderr if failed else sys.stdout, flush=True)
