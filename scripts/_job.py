"""What every scripted rule shares: its log, and one sentence instead of a traceback for bad input."""

import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)


class BadInput(Exception):
    """Something the user can mend: one sentence with the file, the row or key, what was found and what to do."""


def run_job(main: Callable[[Any], None], snakemake: Any) -> None:
    """Run a script's `main` with its messages in the rule's log file and on the terminal.

    Args:
        main: maps the names of the `snakemake` object to plain arguments.
        snakemake: the object that Snakemake gives a script.

    Raises:
        SystemExit: with status 1 after `BadInput`; any other exception passes, its traceback logged.
    """
    log_file = Path(snakemake.log[0])
    log_file.parent.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(
        level=logging.INFO,
        format="%(asctime)s %(message)s",
        datefmt="%H:%M:%S",
        handlers=[logging.FileHandler(log_file, mode="w", encoding="utf-8"), logging.StreamHandler(sys.stderr)],
        force=True,
    )
    try:
        main(snakemake)
    except BadInput as error:
        log.error("%s: %s", snakemake.rule, error)
        sys.exit(1)
    except Exception:
        log.exception("%s failed", snakemake.rule)
        sys.exit(1)
