"""What a run says last, below all that Snakemake prints: why its jobs failed, once each; what a dry run would train.

Imported by the Snakefile, hence light: nothing here may import NumPy, pandas or TensorFlow.
"""

import atexit
import logging
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

LISTED = 10
TRAININGS = (
    "pretrain_encoder",
    "pretrain_encoder_with_json",
    "train_trial",
    "train_rung",
    "train_promoted",
    "train_model",
)


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
        A sentence per reason, by the names of the jobs, with the first one's log below it unless it names that; the
        last counts those beyond `LISTED`.
    """
    reasons: dict[str, list[FailedJob]] = {}
    for job in sorted(jobs, key=lambda job: (job.name, job.log_file)):
        reasons.setdefault(job.reason, []).append(job)
    sentences = [
        f"{_named([job.name for job in alike])}: {reason}"
        + ("" if alike[0].log_file in reason else f"\n  log: {alike[0].log_file}")
        for reason, alike in reasons.items()
    ]
    rest = len(sentences) - LISTED
    return sentences if rest <= 0 else [*sentences[:LISTED], f"And {rest} more; the logs have them."]


def _named(names: Sequence[str]) -> str:
    """The first of some jobs, and how many others there are."""
    others = len(names) - 1
    return names[0] + (f" and {others} more {'job' if others == 1 else 'jobs'}" if others else "")


def planned_trainings(rules: Iterable[str]) -> str:
    """How many networks a run would train.

    Args:
        rules: of each job that it would start the name of its rule.
    """
    counts = Counter(rules)
    planned = {rule: counts[rule] for rule in TRAININGS if counts[rule]}
    if not planned:
        return "No trainings."
    return f"Trainings: {sum(planned.values())} ({', '.join(f'{rule} {count}' for rule, count in planned.items())})"


def say_last(text: str | Callable[[], str], failed: bool = False) -> None:
    """Print when the process ends: Snakemake speaks after its own hooks.

    Args:
        text: to print, or what gives it then.
        failed: whether it goes to the error stream.
    """

    def say() -> None:
        print(text if isinstance(text, str) else text(), file=sys.stderr if failed else sys.stdout, flush=True)

    atexit.register(say)


class PlainResources(logging.Filter):
    """Has Snakemake say which resources it was given as names and numbers, where it would print its own objects."""

    def filter(self, record: logging.LogRecord) -> bool:
        given = getattr(record, "provided_resources", None)
        if given is not None:
            shown = (f"{name}={resource.value}" for name, resource in given.items() if not name.startswith("_"))
            record.msg = f"Provided resources: {', '.join(shown)}"
        return True
