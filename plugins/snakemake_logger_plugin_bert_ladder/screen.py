"""Shows the story of a run: on a terminal below what has happened a panel that moves, elsewhere plain lines."""

import os
import threading
from contextlib import suppress
from datetime import datetime
from logging import LogRecord
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text
from snakemake_interface_logger_plugins.common import LogEvent
from snakemake_interface_logger_plugins.settings import OutputSettingsLoggerInterface

from snakemake_logger_plugin_bert_ladder.story import Line, RunningJob, Story, duration

SECONDS = 1.0  # from one look at the jobs to the next
PLAIN_WIDTH = 120  # where there is no terminal to ask
STYLES = {"done": ("✓", "green"), "failed": ("✗", "bold red"), "warning": ("!", "yellow"), "note": ("·", "")}
BAR = 40
WIDE = 110  # columns from which units are written out
NEEDED = 24  # columns of a job's name that are always left
STARTING, WAITING = 5, 60  # seconds until a job that has written nothing is called so
OWN_LINES = 4  # of the terminal, for the bar and what happened last


class Screen:
    """Prints lines and keeps the panel below them.

    Args:
        story: what to show.
        console: where to.
        aside: where everything goes meanwhile that others write to the terminal; None: it is left alone.
    """

    def __init__(self, story: Story, console: Console, aside: "Aside | None" = None):
        self.story, self.console, self.aside = story, console, aside
        self.is_plain = not console.is_terminal or console.is_dumb_terminal
        self.live: Live | None = None
        self.lock = threading.RLock()
        self.ended = threading.Event()
        self.has_started = self.is_planned = False

    def hear(self, record: LogRecord) -> bool:
        """Show what an event means; whether it means anything."""
        with self.lock:
            lines = self.story.hear(record)
            event = getattr(record, "event", None)
            if event is LogEvent.JOB_STARTED and not self.has_started:
                self._start()
            if self.live:
                self.live.update(panel(self.story, self.console.width, self.console.height), refresh=True)
            self._print(lines or [])
            if self.story.dryrun and event is LogEvent.RUN_INFO and self.story.planned and not self.is_planned:
                self.is_planned = True
                self.console.print(plan(self.story))
            return lines is not None or event is LogEvent.JOB_STARTED

    def say(self, text: str) -> None:
        """Print a text as it is."""
        with self.lock:
            self.console.print(Text(text), soft_wrap=True)

    def look(self) -> None:
        """See how far the jobs are."""
        with self.lock:
            lines = self.story.look()
            if self.is_plain:
                self._print(lines)
            elif self.live:
                self.live.update(panel(self.story, self.console.width, self.console.height), refresh=True)

    def close(self) -> None:
        """Take the panel away, say how much was done, and give the terminal back."""
        self.ended.set()
        with self.lock:
            if not self.has_started:
                return
            self.has_started = False
            if self.live:
                self.live.stop()
            kept = self.aside.end() if self.aside else None
            self.console.print(Text(f"\n{outcome(self.story)}"), soft_wrap=True)
            if kept and self.story.was_speechless:
                self.console.print(Text(f"What jobs wrote elsewhere than to their logs: {kept}"), soft_wrap=True)

    def _start(self) -> None:
        self.has_started = True
        if self.aside:
            self.aside.begin()
        if not self.is_plain:
            self.live = Live(
                console=self.console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False
            )
            self.live.start()
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while not self.ended.wait(SECONDS):
            self.look()

    def _print(self, lines: list[Line]) -> None:
        for line in lines:
            if self.is_plain:
                self.console.print(Text(plain_line(line, self.story)), soft_wrap=True)
            elif line.kind in STYLES:
                mark, style = STYLES[line.kind]
                self.console.print(Text.assemble((mark, style), " ", line.text), soft_wrap=True)


class Aside:
    """Keeps what jobs and libraries write to the terminal by themselves in a file, as long as the panel is there.

    Args:
        folder: of the file, which stays only if something was written.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.file: Path | None = None
        self.kept: dict[int, int] = {}

    def begin(self) -> None:
        """From now on. On a disk that takes no file everything stays as it is."""
        with suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            self.file = self.folder / f"{datetime.now().isoformat().replace(':', '')}.jobs.log"
            with self.file.open("ab") as file:
                for number in (1, 2):
                    self.kept[number] = os.dup(number)
                    os.dup2(file.fileno(), number)

    def end(self) -> Path | None:
        """No longer; the file, if it stays."""
        while self.kept:
            number, copy = self.kept.popitem()
            os.dup2(copy, number)
            os.close(copy)
        with suppress(OSError):
            if self.file and self.file.stat().st_size:
                return self.file
            if self.file:
                self.file.unlink()
        return None


def screen_of(settings: OutputSettingsLoggerInterface) -> Screen:
    """The screen of a run of Snakemake."""
    # A copy, which still leads to the terminal when nothing else does.
    stream = os.fdopen(os.dup(1 if settings.stdout else 2), "w", buffering=1, encoding="utf-8", errors="replace")
    is_terminal = stream.isatty()
    console = Console(
        file=stream,
        no_color=settings.nocolor or None,
        width=None if is_terminal else PLAIN_WIDTH,
        highlight=False,
        markup=False,
        emoji=False,
    )
    return Screen(Story(settings.dryrun), console, None if settings.dryrun else Aside(Path(".snakemake/log")))


def panel(story: Story, width: int, height: int) -> RenderableType:
    """A bar for the study, and a line per running job as far as there is room."""
    room = max(1, height - OWN_LINES)
    jobs = list(story.running.values())
    shown = jobs if len(jobs) <= room else jobs[: room - 1]
    lines = [job_line(job, story.clock(), width) for job in shown]
    rest = len(jobs) - len(shown)
    return Group(study_bar(story), *lines, *([Text(f"  and {rest} more jobs")] if rest else []))


def study_bar(story: Story) -> RenderableType:
    """How much of the study is done."""
    grid = Table.grid(padding=(0, 2))
    failed = f", {story.failed} failed" if story.failed else ""
    said = f"{story.done} of {story.total or '?'} jobs{failed} · {duration(story.clock() - story.began)}"
    grid.add_row(ProgressBar(total=story.total or 1, completed=story.done, width=BAR), Text(said))
    return grid


def job_line(job: RunningJob, now: float, width: int) -> Text:
    """What a job does, and at the right how far it is."""
    details = job_details(job, now, is_wide=width >= WIDE)
    while len(details) > 1 and width - 4 - len("  ".join(details)) < NEEDED:
        # The speed first, then the step.
        details.pop(-2 if len(details) > 2 else 0)
    right = "  ".join(details)
    name = Text(job.name)
    name.truncate(max(1, width - 4 - len(right)), overflow="ellipsis", pad=True)
    return Text.assemble("  ", name, "  ", (right, "cyan"))


def job_details(job: RunningJob, now: float, is_wide: bool) -> list[str]:
    """Epoch, step, loss, speed and the time left of a training; of other jobs how long they have run."""
    told, lasted = job.progress, duration(now - job.since)
    if not told:
        if job.is_waiting and now - job.since > STARTING:
            return [f"{'waiting' if now - job.since > WAITING else 'starting'}, {lasted}"]
        return [lasted]
    details = [f"epoch {told['epoch']}/{told['epochs']}", f"step {told['step']}/{told['steps']}"]
    loss = told.get("loss", told["ended"].get("loss"))
    if loss is not None:
        details.append(f"loss {loss:.4f}")
    if "speed" not in told:
        return [*details, lasted]
    unit = f" {told['unit']}" if is_wide else ""
    return [*details, f"{told['speed']:,.0f}{unit}/s", f"{duration(told['left'])} left"]


def plain_line(line: Line, story: Story) -> str:
    """A line with the time, and with the number of jobs that are done where another one is."""
    count = f"[{story.done}/{story.total}] " if line.kind == "done" else ""
    return f"{datetime.now():%H:%M:%S} {count}{line.text}"


def outcome(story: Story) -> str:
    """How much was done, and in what time."""
    lasted = duration(story.clock() - story.began)
    if story.done == story.total:
        return f"{story.done} jobs in {lasted}."
    failed = f", {story.failed} failed" if story.failed else ""
    return f"{story.done} of {story.total} jobs{failed}, in {lasted}."


def plan(story: Story) -> RenderableType:
    """Of each rule how many jobs would run, and why."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("Rule")
    table.add_column("Jobs", justify="right")
    table.add_column("Why")
    for rule, count in story.counts.items():
        table.add_row(Text(rule), str(count), Text(", ".join(story.planned.get(rule, ()))))
    return table
