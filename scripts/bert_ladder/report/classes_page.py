"""A page of how well each class is told: precision, recall and F1 of every row, the hardest classes first."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from bert_ladder.report.class_measures import by_row, overview, read_class_measures, row_table
from bert_ladder.report.html import render_template

log = logging.getLogger(__name__)


def render_classes(
    paths_metrics: Sequence[str | Path],
    runs: Sequence[dict[str, Any]],
    class_weights: Mapping[str, str],
    path_page: str | Path,
) -> None:
    """Write the page.

    Args:
        paths_metrics: metrics.json of every run.
        runs: `model` of every run, in the same order.
        class_weights: in words, by the name of a row that was trained with them.
        path_page: html file to write.
    """
    measures = read_class_measures(paths_metrics, [run["model"] for run in runs])
    Path(path_page).write_text(classes_page(measures, class_weights), encoding="utf-8")
    log.info("%d classes", measures["class"].nunique())


def classes_page(measures: pd.DataFrame, class_weights: Mapping[str, str]) -> str:
    """The html page.

    Args:
        measures: from `class_measures`.
        class_weights: see `render_classes`.
    """
    rows = by_row(measures)
    return render_template(
        "classes.html",
        overview=overview(rows),
        rows=[
            {"name": name, "weights": class_weights.get(name), "table": row_table(of_row)}
            for name, of_row in rows.items()
        ],
    )
