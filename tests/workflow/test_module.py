"""A study that a workflow of the user's own takes in as a module."""

import os
import shutil
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import pandas as pd

from workspace import MICRO, Workspace

SNAKEFILE = """\
configfile: "study.yaml"


module ladder:
    snakefile:
        "{snakefile}"
    config:
        config
    prefix:
        "bert"


use rule * from ladder as ladder_*
"""


def test_study_in_another_workflow_runs_to_its_table(new_workspace: Callable[[], Workspace], tmp_path: Path) -> None:
    """From another folder, under other names, with a search; all that it makes lies below the prefix."""
    ladder = new_workspace()
    outer = Workspace(tmp_path / "outer")
    outer.folder.mkdir()
    for name in ("train.csv", "test.csv", "more.txt"):
        shutil.move(ladder.folder / name, outer.folder / name)
    snakefile = os.path.relpath(ladder.folder / "workflow/Snakefile", outer.folder)
    (outer.folder / "Snakefile").write_text(SNAKEFILE.format(snakefile=snakefile))
    given = {file.name for file in outer.folder.iterdir()} | {"study.yaml", ".snakemake"}
    searched = deepcopy(MICRO["models"][2])
    outer.write_study(MICRO | {"models": [searched]})
    outer.snakemake("bert/results/micro/table.csv")
    assert pd.read_csv(outer.folder / "bert/results/micro/table.csv")["model"].tolist() == [
        "TF-IDF + logistic regression",
        "Nano tuned",
    ]
    assert {file.name for file in outer.folder.iterdir()} == given | {"bert"}
    assert {"resources", "results", "logs", "benchmarks"} <= {file.name for file in (outer.folder / "bert").iterdir()}


def test_default_target_is_the_whole_study_where_the_catalogue_looks(finished: Workspace) -> None:
    """`workflow/Snakefile` counts the study as finished, and plans what follows from a part of it."""
    there, study = ("--snakefile", "workflow/Snakefile"), ("--configfile", "study.yaml")
    assert finished.planned(*there, *study) == {}
    assert {"render_table", "render_report"} <= set(finished.planned(*there, "--forcerun", "render_table", *study))
