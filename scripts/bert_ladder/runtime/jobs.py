"""What every scripted rule shares: its log, and one sentence instead of a traceback for bad input."""

import errno
import fcntl
import logging
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from bert_ladder.runtime.endings import failure_file
from bert_ladder.runtime.locks import enter_run
from bert_ladder.runtime.progress import progress_file

log = logging.getLogger(__name__)

FOR_ALL = {"for_all": True}  # `extra` of a line that stands on the terminal too
DISK_TROUBLE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.ENAMETOOLONG, errno.ELOOP)
NO_MEMORY = (
    "RESOURCE_EXHAUSTED",  # XLA's words, and so JAX's
    os.strerror(errno.ENOMEM),
    "failed to map segment from shared object",  # the loader's, of an engine that is imported
)


class BadInput(Exception):
    """Something the user can mend: one sentence with the file, the row or key, what was found and what to do."""


def run_job(main: Callable[[Any], None], snakemake: Any) -> None:
    """Run a script's `main` with its messages in the rule's log file.

    Warnings, errors and what is logged with `FOR_ALL` go to the terminal too. What native libraries write to the error
    stream by themselves, such as TensorFlow's remarks at import, does not.

    Args:
        main: maps the names of the `snakemake` object to plain arguments.
        snakemake: the object that Snakemake gives a script.

    Raises:
        SystemExit: with status 1 after `BadInput`, or trouble with memory or the disk, told in one sentence, or any
            other exception, told with traceback; also if the same job runs already, whose files this one would write
            over.
    """
    log_file = Path(snakemake.log[0])
    log_file.parent.mkdir(parents=True, exist_ok=True)
    # Not the log itself, which Snakemake deletes before it starts a job.
    running = log_file.with_name(f".{log_file.name}.lock").open("a")
    try:
        # The kernel frees the lock when the process ends, however it ends.
        fcntl.flock(running, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print(
            f"{snakemake.rule}: another process runs this very job and writes {log_file}; let it end or stop it.",
            file=sys.stderr,
        )
        sys.exit(1)
    except OSError:
        pass  # a file system without locks
    enter_run()
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1, encoding="utf-8", errors="backslashreplace")
    log_file.write_text("", encoding="utf-8")
    failure_file(log_file).unlink(missing_ok=True)
    progress_file(log_file).unlink(missing_ok=True)
    with log_file.open("a") as file:
        os.dup2(file.fileno(), 2)
    terminal = logging.StreamHandler(sys.stderr)
    terminal.addFilter(lambda record: record.levelno >= logging.WARNING or hasattr(record, "for_all"))
    logging.basicConfig(
        level=logging.INFO,
        format="%(asctime)s %(message)s",
        datefmt="%H:%M:%S",
        handlers=[logging.FileHandler(log_file, encoding="utf-8"), terminal],
        force=True,
    )
    try:
        main(snakemake)
    except Exception as error:
        sentence = failure_sentence(error)
        if sentence:
            log.error("%s: %s", snakemake.rule, sentence)
        else:
            sentence = f"{type(error).__name__}: {reason_of(error)}; {log_file} says where"
            log.exception("%s failed", snakemake.rule)
        # On a full disk there is no room for it.
        with suppress(OSError):
            failure_file(log_file).write_text(f"{sentence}\n", encoding="utf-8")
        sys.exit(1)


def failure_sentence(error: Exception) -> str | None:
    """What to say of an exception that the user can do something about; None of any other."""
    if isinstance(error, BadInput):
        return str(error)
    if is_out_of_memory(error):
        return (
            f"out of memory ({reason_of(error)}); nothing is lost: run fewer jobs at once (--cores 1), or give this "
            "one more, and type the same command again."
        )
    trouble = disk_trouble(error)
    return f"{trouble}; nothing is lost: mend that and type the same command again." if trouble else None


def reason_of(error: BaseException, most: int = 200) -> str:
    """What an exception says, on one line of at most `most` characters; its type where it says nothing."""
    return " ".join(str(error).split())[:most] or type(error).__name__


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an engine, the system or Python has no memory to give: on a device, or on the CPU."""
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "ResourceExhaustedError"  # TensorFlow's
        or any(words in str(error) for words in NO_MEMORY)
    )


def disk_trouble(error: BaseException) -> str | None:
    """What the system says of a disk that is full or not writable, or of a name that it does not take; None otherwise.

    The file stands behind it where it is known.

    Libraries that write by themselves, such as HDF5, keep only the system's words in their own exception.
    """
    for code in DISK_TROUBLE:
        words = os.strerror(code)
        if getattr(error, "errno", None) == code or words in str(error):
            file = getattr(error, "filename", None)
            return f"{words}: {file}" if file else words
    return None
