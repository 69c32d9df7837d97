"""What people read of the study's table: its numbers rounded, as text."""

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
# Column -> header and format of the second table.
MEASURES = {
    "roc_auc": ("ROC-AUC", ".4f"),
    "pr_auc": ("PR-AUC", ".4f"),
    "mcc": ("MCC", ".4f"),
    "macro_f1": ("Macro F1", ".4f"),
    "brier": ("Brier", ".4f"),
    "ece": ("ECE", ".4f"),
    "clean_accuracy": ("Clean acc.", ".4f"),
    "latency_ms": ("ms/text", ".2f"),
    "throughput": ("Texts/s", ",.0f"),
    "memory_mb": ("MB", ",.0f"),
}
ORIGINAL = "original study"
DIFFERENCE = "difference"
CONSTANT = "most frequent class"


def table_cells(table: pd.DataFrame) -> list[dict[str, str]]:
    """What people read of the table, rounded: a line per row and, where there is a reference, two below it.

    The last line is the accuracy of always answering the most frequent class.

    Returns:
        For each line `name`, `encoder`, `parameters`, `seeds`, `training_seconds`, and for each shown metric its
        value in percent, `<metric>_interval` being "low, high" or empty.
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
            line[metric] = f"{100 * row[metric]:.2f}"
            if metric in TEST_METRICS:
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
    """What people read of the second table: `name` and the `MEASURES`, rounded, of each row; empty where undefined."""
    return [
        {"name": single_spaced(row["model"])}
        | {
            measure: f"{row[measure]:{form}}" if pd.notna(row.get(measure)) else ""
            for measure, (_, form) in MEASURES.items()
        }
        for row in table.to_dict("records")
    ]


def in_millions(count: int) -> str:
    """A number of parameters; from 100,000 on in millions."""
    return f"{count / 1e6:.2f} M" if count >= 100_000 else f"{count:,}"
