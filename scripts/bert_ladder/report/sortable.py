"""The study's table for a page where readers sort it."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from bert_ladder.report.cells import MEASURES, SHOWN, TEST_METRICS, in_millions, measure_cells, table_cells
from bert_ladder.report.html import Table


@dataclass(frozen=True)
class SortCell:
    """A cell.

    Attributes:
        text: what is read.
        beside: a second line, small; may be empty.
        value: what the column is sorted by: a number, or text; None where there is none.
    """

    text: str
    beside: str = ""
    value: float | str | None = None


@dataclass(frozen=True)
class SortTable:
    """A table whose columns can be sorted by.

    Attributes:
        headers: one per column.
        lines: a line per row of the study, the row's name first.
    """

    headers: Sequence[str]
    lines: Sequence[Sequence[SortCell]]


def scores_table(table: pd.DataFrame) -> SortTable:
    """Name and encoder, the test metrics with their intervals, and what they cost.

    Args:
        table: table.csv.
    """
    cells = [line for line in table_cells(table) if "seeds" in line]
    order = (*TEST_METRICS, *(metric for metric in SHOWN if metric not in TEST_METRICS))
    lines = []
    for row, shown in zip(table.to_dict("records"), cells, strict=True):
        line = [SortCell(shown["name"], shown["encoder"], shown["name"].lower())]
        line += [SortCell(shown[metric], shown.get(f"{metric}_interval", ""), row[metric]) for metric in order]
        time = row["latency_ms"]
        line += [
            SortCell(in_millions(row["parameters"]), "", row["parameters"]),
            SortCell("", "", None) if pd.isna(time) else SortCell(f"{time:.2f}", "", time),
            SortCell(shown["training_seconds"], "", row["training_seconds"]),
            SortCell(shown["seeds"], "", row["seeds"]),
        ]
        lines.append(line)
    return SortTable(
        ["Row", *(SHOWN[metric] for metric in order), "Parameters", "ms/text", "Training, s", "Seeds"], lines
    )


def measures_table(table: pd.DataFrame) -> SortTable:
    """The other measures.

    Args:
        table: table.csv.
    """
    lines = []
    for row, shown in zip(table.to_dict("records"), measure_cells(table), strict=True):
        values = {measure: row.get(measure) for measure in MEASURES}
        line = [SortCell(shown["name"], "", shown["name"].lower())]
        line += [SortCell(shown[name], "", None if pd.isna(value) else value) for name, value in values.items()]
        lines.append(line)
    return SortTable(["Row", *(header for header, _, _ in MEASURES.values())], lines)


def originals_table(table: pd.DataFrame) -> Table | None:
    """The rows that repeat those of an original study beside it; None where none does.

    Args:
        table: table.csv.
    """
    lines, name = [], ""
    for line in table_cells(table):
        name = line["name"] if "seeds" in line else name
        if "seeds" not in line and line["name"] in ("original study", "difference"):
            lines.append([name, line["name"], *(line.get(metric, "") for metric in SHOWN)])
    return Table(["Row", "", *SHOWN.values()], lines, "ll" + "r" * len(SHOWN)) if lines else None
