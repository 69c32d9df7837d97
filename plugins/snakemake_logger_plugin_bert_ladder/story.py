"""What happens in a run, as Snakemake's events tell it: which jobs run, how far they are, what is worth a line."""

import json
import re
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from logging import ERROR, WARNING, LogRecord
from pathlib import Path
from typing import Any

from snakemake_interface_logger_plugins.common import LogEvent

# Of what Snakemake remarks without an event, all that somebody who watches a run wants to know.
REMARKS = re.compile(
    r"Nothing to be done|Terminating processes|Will exit after finishing|Unlocked working directory|Waiting at most"
)
RESTARTED = re.compile(r"Trying to restart job (\d+)")
# What follows from the failure of a job, which is told by itself.
FOLLOWS = re.compile(r"At least one job did not complete|Exiting because a job execution failed")
OF_A_JOB = ("RuleException", "CalledProcessError", "SpawnedJobError")
# Of a job that has only this reason, others say more.
BY_OTHERS = "input files updated by another job"


@dataclass(frozen=True)
class Line:
    """A line that stays on the terminal.

    Attributes:
        kind: "done", "failed", "epoch", "warning" or "note".
        text: what it says.
    """

    kind: str
    text: str


@dataclass
class RunningJob:
    """A job at work.

    Attributes:
        name: in words.
        log: the file of its messages, if it has one.
        since: when it was started.
        progress: how far it said last that it is; empty for a job that does not say so.
    """

    name: str
    log: Path | None
    since: float
    progress: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # What an earlier run of the job has left counts for nothing.
        self.old_log, self.old_progress = _version(self.log), _version(self.beside("progress"))

    def beside(self, kind: str) -> Path | None:
        """A hidden file that the job keeps beside its log."""
        return self.log and self.log.with_name(f".{self.log.name}.{kind}")

    @property
    def is_waiting(self) -> bool:
        """Whether it has written nothing yet, such as in a queue."""
        return self.log is not None and _version(self.log) in (None, self.old_log)

    def look(self) -> int | None:
        """Read how far it is; the epoch that has ended since the last look, if one has."""
        file = self.beside("progress")
        if file is None or _version(file) in (None, self.old_progress):
            return None
        before = self.progress.get("ended", {}).get("epoch")
        with suppress(OSError, ValueError):
            self.progress = json.loads(file.read_text(encoding="utf-8"))
        now = self.progress.get("ended", {}).get("epoch")
        return now if now != before else None


def _version(file: Path | None) -> int | None:
    """What changes with a file; None where there is none."""
    with suppress(OSError):
        return file.stat().st_mtime_ns if file else None
    return None


class Story:
    """A run so far.

    Args:
        dryrun: whether nothing runs.
        clock: the time in seconds.

    Attributes:
        running: the jobs at work by their numbers, the longest first.
        done, failed, total: numbers of jobs; `total` is None until it is known.
        was_speechless: whether a job failed that left no sentence why.
        planned: of a dry run, the number of jobs of each rule and why they would run.
    """

    def __init__(self, dryrun: bool = False, clock: Callable[[], float] = time.monotonic):
        self.dryrun, self.clock = dryrun, clock
        self.began = clock()
        self.running: dict[int, RunningJob] = {}
        self.done, self.failed, self.total = 0, 0, None
        self.was_speechless = False
        self.planned: dict[str, Counter[str]] = {}
        self.counts: dict[str, int] = {}
        self.names: dict[int, str] = {}

    def hear(self, record: LogRecord) -> list[Line] | None:
        """Take in an event.

        Returns:
            The lines that it is worth; None for one that says nothing of the run.
        """
        told, event = vars(record), getattr(record, "event", None)
        hearers = {
            LogEvent.RUN_INFO: self._counted,
            LogEvent.JOB_INFO: self._started,
            LogEvent.JOB_FINISHED: self._finished,
            LogEvent.JOB_ERROR: self._broken,
            LogEvent.PROGRESS: self._moved,
        }
        if event in hearers:
            return hearers[event](told)
        return self._remarked(record, event)

    def look(self) -> list[Line]:
        """Read how far the jobs are; a line for each epoch that has ended, but for a training's last."""
        ended = [job for job in self.running.values() if job.look() not in (None, job.progress.get("epochs"))]
        return [
            Line(
                "epoch", f"{job.name}: epoch {job.progress['ended']['epoch']}/{job.progress['epochs']}, {measures(job)}"
            )
            for job in ended
        ]

    def _counted(self, told: dict[str, Any]) -> list[Line]:
        self.counts = {rule: count for rule, count in told["stats"].items() if rule != "total"}
        self.total = told["stats"].get("total", 0)
        return []

    def _started(self, told: dict[str, Any]) -> list[Line]:
        if self.dryrun:
            self.planned.setdefault(told["rule_name"], Counter()).update(causes(told["reason"]))
            return []
        name = one_line(told["rule_msg"] or told["rule_name"])
        self.names[told["jobid"]] = name
        log = Path(told["log"][0]) if told["log"] else None
        self.running[told["jobid"]] = RunningJob(name, log, self.clock())
        return []

    def _finished(self, told: dict[str, Any]) -> list[Line]:
        job = self.running.pop(told["job_id"], None)
        if job is None:
            return []
        job.look()
        self.done += 1
        parts = [duration(self.clock() - job.since), *([measures(job)] if job.progress.get("ended") else [])]
        return [Line("done", f"{job.name}: {', '.join(parts)}")]

    def _broken(self, told: dict[str, Any]) -> list[Line]:
        job = self.running.pop(told["jobid"], None)
        if job is None:
            return []
        self.failed += 1
        after = f"{job.name}: failed after {duration(self.clock() - job.since)}"
        said = job.beside("failure")
        # What the batch system knows of a job that could not say itself why it ended.
        has_spoken = said is not None and said.exists()
        self.was_speechless |= not has_spoken
        known = "" if has_spoken or not told["rule_msg"] else f" ({one_line(told['rule_msg'])})"
        return [Line("failed", f"{after}{known}")]

    def _moved(self, told: dict[str, Any]) -> list[Line]:
        self.total = told["total"]
        return []

    def _remarked(self, record: LogRecord, event: Any) -> list[Line] | None:
        text = "\n".join(map(one_line, record.getMessage().strip().splitlines()))
        if record.levelno >= ERROR:
            is_told = (
                getattr(record, "exception", None) in OF_A_JOB or FOLLOWS.search(text) or event is LogEvent.GROUP_ERROR
            )
            return [] if is_told else [Line("failed", text)]
        if record.levelno >= WARNING:
            return [Line("warning", text)]
        if event is None and (again := RESTARTED.match(text)):
            self.failed -= 1
            return [Line("note", f"{self.names.get(int(again[1]), 'A job')}: once more")]
        return [Line("note", text)] if event is None and REMARKS.match(text) else None


def one_line(text: str) -> str:
    """Without line breaks, and without what would move the cursor: names of rows stand in it."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())


def causes(reason: str) -> list[str]:
    """Why a job would run, from Snakemake's own words, without the names of files."""
    said = list(dict.fromkeys(part.partition(":")[0].strip().lower() for part in reason.split("; ") if part.strip()))
    return [part for part in said if part != BY_OTHERS] or said


def measures(job: RunningJob) -> str:
    """What was measured after the last epoch."""
    ended = job.progress["ended"]
    return f"loss {ended['loss']:.4f}, validation accuracy {100 * ended['validation_accuracy']:.2f} %"


def duration(seconds: float) -> str:
    """Such as "42 s", "3 min 05 s", "2 h 07 min"."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
