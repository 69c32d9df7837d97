"""How well each class is told: precision, recall and F1 of every row, the hardest classes first."""

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from bert_ladder.report.html import Table, render_template
from bert_ladder.report.records import read_record

log = logging.getLogger(__name__)

MEASURES = {"precision": "Precision", "recall": "Recall", "f1": "F1"}
ABSENT = "\N{EN DASH}"


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
    metrics = [json.loads(read_record(path)["class_metrics"]) for path in paths_metrics]
    measures = class_measures(metrics, [run["model"] for run in runs])
    Path(path_page).write_text(classes_page(measures, class_weights), encoding="utf-8")
    log.info("%d classes", measures["class"].nunique())


def class_measures(metrics: Sequence[dict[str, dict[str, float]]], models: Sequence[str]) -> pd.DataFrame:
    """Means over the seeds of each row.

    Args:
        metrics: of each run, by the name of a class its precision, recall, f1 and support.
        models: the row of each run.

    Returns:
        One line per row and class, rows in the order of the runs and the hardest classes first: model, class, support
        (test texts), precision, recall and f1, which are missing where a class has no test text. A class is the harder
        the lower its F1 is, averaged over the rows; those without test texts come last.
    """
    found = pd.DataFrame(
        {"model": model, "class": name, **values}
        for model, of_run in zip(models, metrics, strict=True)
        for name, values in of_run.items()
    )
    means = found.groupby(["model", "class"], sort=False).mean().reset_index()
    means.loc[means["support"] == 0, list(MEASURES)] = float("nan")
    by_class = means.groupby("class", sort=False)["f1"].mean().sort_values(kind="stable", na_position="last")
    place = {name: index for index, name in enumerate(by_class.index)}
    row = {model: index for index, model in enumerate(dict.fromkeys(models))}
    order = means["model"].map(row) * len(place) + means["class"].map(place)
    return means.loc[order.sort_values().index].reset_index(drop=True)


def classes_page(measures: pd.DataFrame, class_weights: Mapping[str, str]) -> str:
    """The html page.

    Args:
        measures: from `class_measures`.
        class_weights: see `render_classes`.
    """
    rows = {str(model): of_row for model, of_row in measures.groupby("model", sort=False)}
    return render_template(
        "classes.html",
        overview=_overview(rows),
        rows=[
            {"name": name, "weights": class_weights.get(name), "table": _row_table(of_row)}
            for name, of_row in rows.items()
        ],
    )


def _overview(rows: dict[str, pd.DataFrame]) -> Table:
    """F1 of every class and row."""
    first, *_ = rows.values()
    columns = [[_percent(value) for value in of_row["f1"]] for of_row in rows.values()]
    lines = list(zip(first["class"], _counts(first), *columns, strict=True))
    return Table(["Class", "Test texts", *rows], lines, "lr" + "r" * len(rows))


def _row_table(of_row: pd.DataFrame) -> Table:
    columns = [[_percent(value) for value in of_row[measure]] for measure in MEASURES]
    lines = list(zip(of_row["class"], _counts(of_row), *columns, strict=True))
    return Table(["Class", "Test texts", *MEASURES.values()], lines, "lr" + "r" * len(MEASURES))


def _counts(of_row: pd.DataFrame) -> list[str]:
    return [f"{count:,.0f}" for count in of_row["support"]]


def _percent(share: float) -> str:
    return ABSENT if pd.isna(share) else f"{100 * share:.1f}"
