"""What people read of the study's table: its numbers rounded, as text."""

from collections.abc import Hashable
from typing import Any

import pandas as pd

from bert_ladder.report.markup import single_spaced

TEST_METRICS = ("test_accuracy", "precision", "recall", "f1")
SHOWN = {
    "train_accuracy": "Train acc.",
    "validation_accuracy": "Val. acc.",
    "test_accuracy": "Test acc.",
    "precision": "Precision",
    "recall": "Recall",
    "f1": "F1",
}
# Column -> header, format and factor of the second table; scores are in percent, as in the first.
MEASURES = {
    "roc_auc": ("ROC-AUC", ".2f", 100),
    "pr_auc": ("PR-AUC", ".2f", 100),
    "mcc": ("MCC", ".2f", 100),
    "macro_f1": ("Macro F1", ".2f", 100),
    "brier": ("Brier", ".2f", 100),
    "ece": ("ECE", ".2f", 100),
    "clean_accuracy": ("Clean acc.", ".2f", 100),
    "latency_ms": ("ms/text", ".2f", 1),
    "throughput": ("Texts/s", ",.0f", 1),
    "memory_mb": ("MB", ",.0f", 1),
}
UNDEFINED = "\N{EN DASH}"
ORIGINAL = "original study"
DIFFERENCE = "difference"
CONSTANT = "most frequent class"


def table_cells(table: pd.DataFrame) -> list[dict[str, str]]:
    """What people read of the table, rounded: a line per row and, where there is a reference, two below it.

    The last line is the accuracy of always answering the most frequent class.

    Returns:
        For each line `name`, `encoder`, `parameters`, `seeds`, `training_seconds`, and for each shown metric its
        value in percent, `<metric>_interval` being "low, high" or empty. A precision of nothing is a dash.
    """
    lines = []
    for row in table.to_dict("records"):
        line = {
            "name": single_spaced(row["model"]),
            "encoder": single_spaced(row["encoder"]),
            "parameters": in_millions(row["parameters"]),
            "seeds": str(row["seeds"]),
            "training_seconds": f"{row['training_seconds']:,.{0 if row['training_seconds'] >= 10 else 1}f}",
        }
        for metric in SHOWN:
            line[metric] = UNDEFINED if _is_undefined(row, metric) else f"{100 * row[metric]:.2f}"
            if metric in TEST_METRICS and line[metric] != UNDEFINED:
                line[f"{metric}_interval"] = f"{100 * row[f'{metric}_low']:.1f}, {100 * row[f'{metric}_high']:.1f}"
        lines.append(line)
        for name, column, sign in ((ORIGINAL, "reference", ""), (DIFFERENCE, "difference", "+z")):
            values = {metric: row.get(f"{column}_{metric}") for metric in SHOWN}
            shown = {metric: f"{100 * value:{sign}.2f}" for metric, value in values.items() if pd.notna(value)}
            if shown:
                lines.append({"name": name, "encoder": ""} | shown)
    constant = f"{100 * table['constant_accuracy'].iloc[0]:.2f}"
    return [*lines, {"name": CONSTANT, "encoder": "", "test_accuracy": constant}]


def measure_cells(table: pd.DataFrame) -> list[dict[str, str]]:
    """What people read of the second table: `name` and the `MEASURES`, rounded, of each row; dashes where undefined."""
    return [
        {"name": single_spaced(row["model"])}
        | {
            measure: UNDEFINED if _is_undefined(row, measure) else f"{factor * row[measure]:{form}}"
            for measure, (_, form, factor) in MEASURES.items()
        }
        for row in table.to_dict("records")
    ]


def _is_undefined(row: dict[Hashable, Any], metric: str) -> bool:
    """Whether a row has no value: none was measured, or it would be a share of no texts, which scores count as 0."""
    if pd.isna(row.get(metric)):
        return True
    if metric == "mcc":
        return row["constant_runs"] == row["seeds"]
    # A share of no texts has an interval from 0 to 1.
    return metric == "precision" and row[metric] == 0 and row["precision_low"] <= 0 and row["precision_high"] >= 1


def in_millions(count: int) -> str:
    """A number of parameters; from 100,000 on in millions."""
    return f"{count / 1e6:.2f} M" if count >= 100_000 else f"{count:,}"
