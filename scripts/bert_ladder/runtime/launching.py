"""Starts Snakemake on a study, from any folder."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from bert_ladder.runtime.jobs import BadInput

# Options of Snakemake that say where jobs run, so that the cores of this machine are no limit.
PLACES = ("-c", "--cores", "-j", "--jobs", "-e", "--executor", "--profile", "--workflow-profile")


def snakemake_command(
    project: Path, studies: Sequence[Path], options: Sequence[str], cores: str | None, is_dry_run: bool
) -> list[str]:
    """The command that runs a study in the present folder.

    Args:
        project: where the Snakefile lies.
        studies: study files, relative to the present folder.
        options: of Snakemake, and its targets.
        cores: a number or "all"; None: all, unless the options say where jobs run.
        is_dry_run: whether only to say what would run.

    Raises:
        BadInput: a study file that is not there.
    """
    for study in studies:
        if not study.is_file():
            raise BadInput(f"{study}: there is no such file; paths are relative to this folder, {Path.cwd()}.")
    is_placed = any(option.partition("=")[0] in PLACES for option in options)
    if cores is None and not is_placed:
        cores = "all"
    return [
        *(sys.executable, "-m", "snakemake", "--snakefile", str(project / "Snakefile"), "--logger=bert-ladder"),
        *(["--cores", cores] if cores else []),
        *(["--dry-run"] if is_dry_run else []),
        *options,
        # Last: whatever stood behind it would be read as a study file.
        *("--configfile", *map(str, studies)),
    ]


def launch(command: list[str]) -> None:
    """Let a command take the place of this process, with its signals and its exit status."""
    sys.stdout.flush()
    os.execv(command[0], command)
