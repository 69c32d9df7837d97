"""How well each class is told: precision, recall and F1 of every row, the hardest classes first."""

import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from bert_ladder.report.html import Table
from bert_ladder.report.records import read_record

MEASURES = {"precision": "Precision", "recall": "Recall", "f1": "F1"}
ABSENT = "\N{EN DASH}"


def read_class_measures(paths_metrics: Sequence[str | Path], models: Sequence[str]) -> pd.DataFrame:
    """What `class_measures` makes of the runs.

    Args:
        paths_metrics: metrics.json of every run.
        models: the row of each run.
    """
    return class_measures([json.loads(read_record(path)["class_metrics"]) for path in paths_metrics], models)


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


def by_row(measures: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The lines of `class_measures` of each row."""
    return {str(model): of_row for model, of_row in measures.groupby("model", sort=False)}


def overview(rows: dict[str, pd.DataFrame]) -> Table:
    """F1 of every class and row."""
    first, *_ = rows.values()
    columns = [[_percent(value) for value in of_row["f1"]] for of_row in rows.values()]
    lines = list(zip(first["class"], _counts(first), *columns, strict=True))
    return Table(["Class", "Test texts", *rows], lines, "lr" + "r" * len(rows))


def row_table(of_row: pd.DataFrame) -> Table:
    columns = [[_percent(value) for value in of_row[measure]] for measure in MEASURES]
    lines = list(zip(of_row["class"], _counts(of_row), *columns, strict=True))
    return Table(["Class", "Test texts", *MEASURES.values()], lines, "lr" + "r" * len(MEASURES))


def _counts(of_row: pd.DataFrame) -> list[str]:
    return [f"{count:,.0f}" for count in of_row["support"]]


def _percent(share: float) -> str:
    return ABSENT if pd.isna(share) else f"{100 * share:.1f}"
