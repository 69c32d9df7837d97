"""A page of how the runs were made: what each took, and with which versions, devices and data."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bert_ladder.report.html import render_template
from bert_ladder.report.run_records import described_runs, differences, installed_versions, read_runs

log = logging.getLogger(__name__)


def render_runs(
    paths_training: Sequence[str | Path],
    paths_metrics: Sequence[str | Path],
    paths_train_benchmarks: Sequence[str | Path],
    paths_evaluate_benchmarks: Sequence[str | Path],
    path_page: str | Path,
    runs: Sequence[dict[str, Any]],
) -> None:
    """Write the page.

    Args:
        paths_training: training.json of every BERT run.
        paths_metrics: metrics.json of every run.
        paths_train_benchmarks: Snakemake's benchmark of the training job of every run; it may be missing.
        paths_evaluate_benchmarks: the same of the evaluation job of every BERT run.
        path_page: html file to write.
        runs: `model`, `seed` and `kind` of every run; all paths are in this order.
    """
    described = read_runs(paths_training, paths_metrics, paths_train_benchmarks, paths_evaluate_benchmarks, runs)
    found = differences(described)
    page = render_template("runs.html", **described_runs(described, found, installed_versions()))
    Path(path_page).write_text(page, encoding="utf-8")
    for difference in found:
        log.warning("%s", difference)
    log.info("%d runs", len(described))
