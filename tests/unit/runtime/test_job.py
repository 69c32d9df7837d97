"""How a job speaks: its log, the terminal and its status."""

import subprocess
import sys
from pathlib import Path

import pytest

from bert_ladder.runtime.endings import failure_file

SCRIPTS = Path(__file__).parents[3] / "scripts"
JOB = """
import os, sys
from types import SimpleNamespace
from bert_ladder.runtime.jobs import FOR_ALL, BadInput, run_job

def main(snakemake):
    import logging
    logging.getLogger("job").info("a plain line")
    logging.getLogger("job").info("a line for all", extra=FOR_ALL)
    logging.getLogger("job").warning("a warning")
    os.write(2, b"native chatter\\n")
    {action}

run_job(main, SimpleNamespace(log=[sys.argv[1]], rule="train_model"))
"""


def run(tmp_path: Path, action: str) -> tuple[int, str, str]:
    """Run a job that ends with `action`; its status, what the terminal shows and what its log holds."""
    log = tmp_path / "logs/deep/job.log"
    done = subprocess.run(
        [sys.executable, "-c", JOB.format(action=action), str(log)], cwd=SCRIPTS, capture_output=True, text=True
    )
    return done.returncode, done.stderr, log.read_text()


def test_messages_go_to_the_log_those_for_all_to_the_terminal_too(tmp_path: Path) -> None:
    """A person sees warnings and what is meant for him, neither other lines nor what libraries write by themselves."""
    status, terminal, log = run(tmp_path, "pass")
    assert status == 0
    for line in ("a plain line", "a line for all", "a warning", "native chatter"):
        assert line in log
    assert "a line for all" in terminal
    assert "a warning" in terminal
    assert "a plain line" not in terminal
    assert "native chatter" not in terminal


def test_a_failure_is_left_for_the_end_of_the_run(tmp_path: Path) -> None:
    """Its sentence, without time and rule, lies beside the log until the job runs again; a defect's names the log."""
    log = tmp_path / "logs/deep/job.log"
    run(tmp_path, "raise BadInput('data.csv, line 3: no label; fill it in')")
    assert failure_file(log).read_text() == "data.csv, line 3: no label; fill it in\n"
    run(tmp_path, "1 / 0")
    assert failure_file(log).read_text() == f"ZeroDivisionError: division by zero; {log} says where\n"
    run(tmp_path, "raise MemoryError")
    assert failure_file(log).read_text().startswith("out of memory (MemoryError); nothing is lost")
    run(tmp_path, "pass")
    assert not failure_file(log).exists()


def test_bad_input_is_one_sentence(tmp_path: Path) -> None:
    """Bad input ends the job with status 1 and its sentence in both places, without a traceback."""
    status, terminal, log = run(tmp_path, "raise BadInput('data.csv, line 3: no label; fill it in')")
    assert status == 1
    for text in (terminal, log):
        assert "train_model: data.csv, line 3: no label; fill it in" in text
        assert "Traceback" not in text


def test_a_defect_leaves_its_traceback(tmp_path: Path) -> None:
    """What nobody foresaw ends with status 1 and a traceback in both places."""
    status, terminal, log = run(tmp_path, "1 / 0")
    assert status == 1
    assert "Traceback" in terminal
    assert "Traceback" in log


def test_second_copy_of_a_running_job_is_refused(tmp_path: Path) -> None:
    """It writes nothing, though Snakemake has deleted the first one's log, as it does before it starts a job."""
    log, marker = tmp_path / "logs/deep/job.log", tmp_path / "written"
    action = f"open({str(marker)!r}, 'w')"
    first_command = [sys.executable, "-c", JOB.format(action="sys.stdin.read()"), str(log)]
    with subprocess.Popen(
        first_command, cwd=SCRIPTS, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as first:
        assert "a line for all" in first.stderr.readline()
        log.unlink()
        log.touch()
        status, terminal, written = run(tmp_path, action)
        first.stdin.close()
    assert status == 1
    assert terminal == f"train_model: another process runs this very job and writes {log}; let it end or stop it.\n"
    assert not written
    assert not marker.exists()
    assert run(tmp_path, action)[0] == 0


@pytest.mark.parametrize(
    "action",
    [
        "raise OSError(28, os.strerror(28), 'results/table.csv')",
        "raise RuntimeError('Unable to write (errno = 28, error message = No space left on device)')",
        "raise OSError(30, os.strerror(30), 'results/table.csv')",
    ],
)
def test_full_or_read_only_disk_is_one_sentence(tmp_path: Path, action: str) -> None:
    """Whether Python or a library has met it: what the system says, and what to do."""
    status, terminal, _ = run(tmp_path, action)
    assert status == 1
    assert "train_model: " in terminal
    assert "mend that and type the same command again" in terminal
    assert "Traceback" not in terminal


@pytest.mark.parametrize(
    "action",
    [
        "raise MemoryError",
        "import resource; resource.setrlimit(resource.RLIMIT_DATA, (2**28, 2**28)); bytes(2**30)",
        "import resource, mmap; resource.setrlimit(resource.RLIMIT_AS, (2**29, 2**29)); mmap.mmap(-1, 2**30)",
        "raise ImportError('libtensorflow_cc.so.2: failed to map segment from shared object')",
        "raise type('ResourceExhaustedError', (Exception,), {})('OOM when allocating tensor')",
        "raise RuntimeError('RESOURCE_EXHAUSTED: Out of memory while trying to allocate 4294967296 bytes.')",
    ],
)
def test_too_little_memory_is_one_sentence(tmp_path: Path, action: str) -> None:
    """Whoever asked for it in vain; and what to do."""
    status, terminal, _ = run(tmp_path, action)
    assert status == 1
    assert "train_model: out of memory (" in terminal
    assert "type the same command again" in terminal
    assert "Traceback" not in terminal
