"""What a run looks like on a terminal, and where there is none."""

import json
import logging
import os
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from snakemake_interface_logger_plugins.common import LogEvent

from bert_ladder.runtime.endings import failure_file
from bert_ladder.runtime.progress import ProgressFile
from snakemake_logger_plugin_bert_ladder.screen import Screen, panel
from snakemake_logger_plugin_bert_ladder.story import Story, causes

PLUGINS = Path(__file__).parents[3] / "plugins"
ENDED = {"epoch": 1, "loss": 0.5, "accuracy": 0.7, "validation_loss": 0.4, "validation_accuracy": 0.8125}
STATE = {"epoch": 2, "epochs": 3, "step": 120, "steps": 219, "loss": 0.4213, "speed": 812.4, "unit": "examples"}
STATE |= {"left": 62.0, "ended": ENDED}


class Run:
    """A run that a test lets happen, on a console that it reads."""

    def __init__(
        self, folder: Path, width: int = 100, height: int = 30, terminal: str | None = None, dryrun: bool = False
    ):
        self.now, self.folder = 0.0, folder
        self.story = Story(dryrun, lambda: self.now)
        self.out = StringIO()
        console = Console(
            file=self.out, force_terminal=terminal is not None, width=width, height=height, highlight=False,
            markup=False, no_color=True, legacy_windows=False, _environ={"TERM": terminal or "dumb"},
        )  # fmt: skip
        self.screen = Screen(self.story, console)

    def hear(self, event: LogEvent | None, text: str = "", level: int = logging.INFO, **told: Any) -> bool:
        """Let Snakemake say something."""
        return self.screen.hear(logging.makeLogRecord({"msg": text, "levelno": level, "event": event, **told}))

    def start(self, number: int, name: str | None, rule: str = "train_model") -> Path:
        """Let a job start; its log."""
        log = self.folder / f"{number}.log"
        told = {"jobid": number, "rule_name": rule, "rule_msg": name, "log": [str(log)], "reason": ""}
        self.hear(LogEvent.JOB_INFO, **told)
        log.touch()
        return log

    def lines(self) -> list[str]:
        """What was printed, without the time at the beginning of plain lines."""
        return [re.sub(r"^\d\d:\d\d:\d\d ", "", line).rstrip() for line in self.out.getvalue().splitlines()]

    def panel(self) -> list[str]:
        """The moving part, as it is now."""
        self.story.look()
        console = self.screen.console
        with console.capture() as shown:
            console.print(panel(self.story, console.width, console.height))
        return [line.rstrip() for line in shown.get().splitlines()]


def test_plain_lines_without_a_terminal(tmp_path: Path) -> None:
    """A line per job that has ended, per epoch but the last and per warning; nothing that moves."""
    run = Run(tmp_path)
    run.hear(None, "Building DAG of jobs...")
    run.hear(LogEvent.RUN_INFO, stats={"train_model": 2, "total": 2})
    run.hear(LogEvent.JOB_STARTED, "Execute 1 jobs...", jobs=[1])
    run.hear(None, "a folder was kept", logging.WARNING)
    file = ProgressFile(run.start(1, "Fine-tune Tiny with seed 1"))
    file.write(STATE)
    run.screen.look()
    run.screen.look()
    file.write(STATE | {"epoch": 3, "ended": ENDED | {"epoch": 3, "validation_accuracy": 0.9}})
    run.screen.look()
    run.now = 185
    run.hear(LogEvent.JOB_FINISHED, job_id=1)
    run.hear(LogEvent.PROGRESS, done=1, total=3)
    run.start(2, None, rule="all")
    run.hear(LogEvent.JOB_FINISHED, job_id=2)
    run.screen.close()
    run.screen.close()
    assert run.lines() == [
        "a folder was kept",
        "Fine-tune Tiny with seed 1: epoch 1/3, loss 0.5000, validation accuracy 81.25 %",
        "[1/2] Fine-tune Tiny with seed 1: 3 min 05 s, loss 0.5000, validation accuracy 90.00 %",
        "[2/3] all: 0 s",
        "",
        "2 of 3 jobs, in 3 min 05 s.",
    ]
    assert "\x1b" not in run.out.getvalue()


def test_panel_shows_every_job_at_work(tmp_path: Path) -> None:
    """A bar for the study; a training with epoch, step, loss, speed and the time left, another job with its time."""
    run = Run(tmp_path)
    run.hear(LogEvent.RUN_INFO, stats={"total": 106})
    ProgressFile(run.start(1, "Fine-tune Tiny with seed 1")).write(STATE)
    run.start(2, "Render the table", "render_table")
    (tmp_path / "3.log").touch()
    run.start(3, "Evaluate Tiny with seed 2", "evaluate_model")
    run.now = 12
    bar, training, other, _ = run.panel()
    assert bar.endswith("0 of 106 jobs · 12 s")
    assert training.startswith("  Fine-tune Tiny with seed 1 ")
    assert training.endswith("epoch 2/3  step 120/219  loss 0.4213  812/s  1 min 02 s left")
    assert re.fullmatch(r"  Render the table +12 s", other)


def test_what_an_earlier_run_left_counts_for_nothing(tmp_path: Path) -> None:
    """A training that begins again is not shown as far as it once was, and waits until it writes something."""
    run = Run(tmp_path)
    (tmp_path / "1.log").touch()
    os.utime(tmp_path / "1.log", (1, 1))
    ProgressFile(tmp_path / "1.log").write(STATE)
    told = {"jobid": 1, "rule_name": "train_model", "rule_msg": "Fine-tune Tiny", "log": [str(tmp_path / "1.log")]}
    run.hear(LogEvent.JOB_INFO, **told)
    run.now = 9
    assert run.panel()[1].endswith(" starting, 9 s")
    run.now = 90
    assert run.panel()[1].endswith(" waiting, 1 min 30 s")
    (tmp_path / "1.log").write_text("begins\n")
    assert run.panel()[1].endswith("  1 min 30 s")


def test_half_a_progress_file_is_no_trouble(tmp_path: Path) -> None:
    """What stood there before is shown on."""
    run = Run(tmp_path)
    file = ProgressFile(run.start(1, "Fine-tune Tiny"))
    file.write(STATE)
    assert "step 120/219" in run.panel()[1]
    file.path.write_text(json.dumps(STATE)[:20])
    assert "step 120/219" in run.panel()[1]


@pytest.mark.parametrize("width", [40, 60, 80, 100, 160])
def test_panel_fits_its_terminal(tmp_path: Path, width: int) -> None:
    """In width, leaving out the speed and the step first, and in height, counting who has no room."""
    run = Run(tmp_path, width, height=10)
    run.hear(LogEvent.RUN_INFO, stats={"total": 106})
    for number in range(20):
        ProgressFile(run.start(number, "Fine-tune a row with a name as long as “BERT-Tiny” with seed 1")).write(STATE)
    shown = run.panel()
    assert len(shown) <= 10
    assert shown[-1] == "  and 15 more jobs"
    assert all(len(line) <= width for line in shown[1:])
    assert "left" in shown[1]
    assert ("/s" in shown[1]) is (width >= 100)
    assert ("examples/s" in shown[1]) is (width == 160)


def test_names_are_text(tmp_path: Path) -> None:
    """Markup, escape sequences and line breaks in a row's name do nothing to the terminal."""
    run = Run(tmp_path)
    run.start(1, "Fine-tune [red]Tiny[/red]\n\x1b[2J")
    assert run.panel()[1].startswith("  Fine-tune [red]Tiny[/red] ")
    run.hear(LogEvent.JOB_FINISHED, job_id=1)
    assert "\x1b" not in run.out.getvalue()


def test_failure_is_one_line_until_the_end(tmp_path: Path) -> None:
    """All that Snakemake prints behind it is left out; what a batch system says of a job that could not is kept."""
    run = Run(tmp_path)
    run.hear(LogEvent.RUN_INFO, stats={"total": 3})
    run.hear(LogEvent.JOB_STARTED, jobs=[1, 2])
    failure_file(run.start(1, "Read the train split", "build_npz")).write_text("train.csv: has no label\n")
    run.start(2, "Fine-tune Tiny")
    run.now = 3
    said = {"level": logging.ERROR, "rule_name": "x", "log": []}
    run.hear(LogEvent.ERROR, "RuleException:\nCalledProcessError …", logging.ERROR, exception="RuleException")
    run.hear(LogEvent.JOB_ERROR, "Error in rule", jobid=1, rule_msg="None", **said)
    run.hear(LogEvent.JOB_ERROR, "Error in rule", jobid=2, rule_msg="SLURM-job '7' failed: 'TIMEOUT'", **said)
    run.hear(None, "Trying to restart job 2.")
    run.hear(None, "Exiting because a job execution failed. Look below for error messages", logging.ERROR)
    run.hear(
        LogEvent.ERROR,
        "WorkflowError:\nAt least one job did not complete successfully.",
        logging.ERROR,
        exception="WorkflowError",
    )
    run.hear(LogEvent.ERROR, "Out of inodes", logging.ERROR, exception="WorkflowError")
    run.screen.close()
    assert run.lines() == [
        "Read the train split: failed after 3 s",
        "Fine-tune Tiny: failed after 3 s (SLURM-job '7' failed: 'TIMEOUT')",
        "Fine-tune Tiny: once more",
        "Out of inodes",
        "",
        "0 of 3 jobs, 1 failed, in 3 s.",
    ]


def test_terminal_is_left_as_it_was(tmp_path: Path) -> None:
    """The panel goes, finished jobs stay, the cursor is back."""
    run = Run(tmp_path, terminal="xterm")
    run.hear(LogEvent.RUN_INFO, stats={"total": 1})
    run.hear(LogEvent.JOB_STARTED, jobs=[1])
    run.start(1, "Render the table")
    run.screen.look()
    assert "0 of 1 jobs" in run.out.getvalue()
    run.hear(LogEvent.JOB_FINISHED, job_id=1)
    run.screen.close()
    printed = run.out.getvalue()
    assert "✓ Render the table: 0 s" in printed
    assert printed.rindex("\x1b[?25h") > printed.rindex("\x1b[?25l")
    assert printed.endswith("1 jobs in 0 s.\n")


def test_dumb_terminal_has_plain_lines(tmp_path: Path) -> None:
    """One that cannot move its cursor is written to as a file is."""
    run = Run(tmp_path, terminal="dumb")
    run.hear(LogEvent.RUN_INFO, stats={"total": 1})
    run.hear(LogEvent.JOB_STARTED, jobs=[1])
    run.start(1, "Render the table")
    run.screen.look()
    run.hear(LogEvent.JOB_FINISHED, job_id=1)
    assert run.lines() == ["[1/1] Render the table: 0 s"]
    assert "\x1b" not in run.out.getvalue()


def test_dry_run_is_a_line_per_rule(tmp_path: Path) -> None:
    """With the number of its jobs and why they would run; nothing of each job."""
    run = Run(tmp_path, dryrun=True)
    stats = {"train_model": 2, "evaluate_model": 2, "total": 4}
    run.hear(LogEvent.RUN_INFO, stats=stats)
    for number, rule, reason in (
        (1, "train_model", "Params have changed since last execution: before: 1 now: 2"),
        (2, "train_model", "Missing output files: a, b; Input files updated by another job: c"),
        (3, "evaluate_model", "Input files updated by another job: c"),
    ):
        run.hear(LogEvent.JOB_INFO, jobid=number, rule_name=rule, rule_msg="Do it", log=[], reason=reason)
    run.hear(LogEvent.RUN_INFO, stats=stats)
    assert run.lines() == [
        "Rule            Jobs  Why",
        "train_model        2  params have changed since last execution, missing output files",
        "evaluate_model     2  input files updated by another job",
    ]


def test_causes_without_a_reason() -> None:
    """Snakemake need not give one."""
    assert causes("") == []


def test_package_is_light_until_it_is_asked_for() -> None:
    """Every Snakemake of the environment imports it, each job's too; and it brings no code of this project."""
    code = (
        "import snakemake_logger_plugin_bert_ladder, sys\n"
        "print([name for name in ('rich', 'bert_ladder') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=PLUGINS, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_what_others_write_to_the_terminal_is_kept_aside(tmp_path: Path) -> None:
    """In a file, while the panel is there, from processes that were started too; an empty one does not stay."""
    code = """
import os, sys
from pathlib import Path
from snakemake_logger_plugin_bert_ladder.screen import Aside
aside = Aside(Path("deep/log"))
aside.begin()
if sys.argv[1:]:
    os.system("echo from a job; echo trouble >&2")
aside.end()
print("the end")
"""
    for arguments, files in ((["something"], 1), ([], 1)):
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments], cwd=tmp_path, capture_output=True, text=True, check=True,
            env=os.environ | {"PYTHONPATH": str(PLUGINS)},
        )  # fmt: skip
        assert (done.stdout, done.stderr) == ("the end\n", "")
        kept = list((tmp_path / "deep/log").glob("*.jobs.log"))
        assert len(kept) == files
        assert kept[0].read_text() == "from a job\ntrouble\n"
