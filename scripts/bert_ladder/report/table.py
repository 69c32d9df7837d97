"""The study's table as csv, markdown, LaTeX, terminal text and HTML."""

import json
import logging
import re
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from tabulate import tabulate

from bert_ladder.data.frames import read_labels, read_rows, rows_csv
from bert_ladder.report.html import escape_prose, html_page, html_table
from bert_ladder.report.markup import escape_latex, escape_markdown, one_line

log = logging.getLogger(__name__)

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
TEXT_WIDTH = 120
TEXT_NAME = 28  # with columns of this width for names a table fits TEXT_WIDTH


def build_table(
    comparison: pd.DataFrame,
    metrics: pd.DataFrame,
    rows: Sequence[dict[str, Any]],
    speeds: dict[str, dict[str, Any]],
    searches: dict[str, dict[str, Any]],
) -> pd.DataFrame:
    """One line per row of the table, everything at full precision.

    Args:
        comparison: what compare_models wrote.
        metrics: one line per run, as in metrics.json.
        rows: the rows in order: `model` (its name), `encoder`, and `reference` (metric to the original study's value)
            where a row has one.
        speeds: speed.json by row.
        searches: outcome.json of each row that has a search.

    Returns:
        model, kind, encoder, parameters, seeds, the mean of every metric of the comparison, <metric>_low and
        <metric>_high where it has an interval, test_accuracy_sd (over seeds), interval (the method of that of
        test_accuracy), average, latency_ms, latency_p95_ms, throughput, memory_mb, threads, trials, chosen (the values
        in words), search_metric, search_score, and reference_<metric> and difference_<metric> (ours - original) of
        every metric that some row has a value for.
    """
    lines = []
    for row in rows:
        run = metrics[metrics["model"] == row["model"]].iloc[0]
        found = comparison[comparison["model"] == row["model"]].set_index("metric")
        line = {
            "model": row["model"],
            "kind": run["kind"],
            "encoder": row["encoder"],
            "parameters": int(run["parameters"]),
            "seeds": int(found.loc["test_accuracy", "seeds"]),
        }
        for metric, values in found.iterrows():
            line[metric] = values["mean"]
            if pd.notna(values["low"]):
                line |= {f"{metric}_low": values["low"], f"{metric}_high": values["high"]}
        line |= {
            "test_accuracy_sd": found.loc["test_accuracy", "sd"],
            "interval": found.loc["test_accuracy", "method"],
            "average": run["average"],
        }
        speed = speeds.get(row["model"], {})
        line |= {key: speed.get(key) for key in ("latency_ms", "latency_p95_ms", "throughput", "memory_mb", "threads")}
        chosen = searches.get(row["model"])
        if chosen:
            line |= {
                "trials": chosen["trials"],
                "chosen": ", ".join(f"{key} {_yaml(value)}" for key, value in chosen["values"].items()),
                "search_metric": chosen["metric"],
                "search_score": chosen["score"],
            }
        for metric, value in (row.get("reference") or {}).items():
            line |= {f"reference_{metric}": value, f"difference_{metric}": line[metric] - value}
        lines.append(line)
    return pd.DataFrame(lines)


def table_cells(table: pd.DataFrame) -> list[dict[str, str]]:
    """What people read of the table, rounded: a line per row and, where there is a reference, two below it.

    Returns:
        For each line `name`, `encoder`, `parameters`, `seeds`, `training_seconds`, and for each shown metric its
        value in percent, `<metric>_interval` being "low, high" or empty.
    """
    lines = []
    for row in table.to_dict("records"):
        line = {
            "name": one_line(row["model"]),
            "encoder": one_line(row["encoder"]),
            "parameters": _millions(row["parameters"]),
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
    return lines


def measure_cells(table: pd.DataFrame) -> list[dict[str, str]]:
    """What people read of the second table: `name` and the `MEASURES`, rounded, of each row; empty where undefined."""
    return [
        {"name": one_line(row["model"])}
        | {
            measure: f"{row[measure]:{form}}" if pd.notna(row.get(measure)) else ""
            for measure, (_, form) in MEASURES.items()
        }
        for row in table.to_dict("records")
    ]


def foot_lines(
    table: pd.DataFrame, names: Sequence[str], positive: int | None, audit: dict[str, Any], notes: Sequence[str]
) -> list[str]:
    """What a reader must know to read the table, one sentence or two per line.

    Args:
        table: from `build_table`.
        names: label names in the order of their codes.
        positive: code of the positive class, or None.
        audit: audit.json.
        notes: lines to add at the end.
    """
    what = f"macro averages over the {len(names)} classes" if positive is None else f"of the class “{names[positive]}”"
    lines = [
        f"Accuracies, precision, recall and F1 in percent; precision, recall and F1 are {what}, on the test split.",
        _interval_line(table),
        "Seconds: training, without evaluation and search; for a linear baseline with its tuning.",
        *_search_lines(table),
        *_measure_lines(table, audit),
    ]
    if any(column.startswith("reference_") for column in table.columns):
        lines.append(f"“{ORIGINAL}”: the value this row repeats; “{DIFFERENCE}”: ours minus the original's, in points.")
    duplicates, shared = audit["duplicates"], audit["leaked"]["texts"]
    for split, counts in audit["labels"].items():
        total = sum(counts.values())
        shares = ", ".join(f"{name} {_share(count / total)}" for name, count in counts.items())
        lines.append(f"Labels of the {split} texts: {shares}.")
    lines.append(
        f"Exact duplicates: {duplicates['train']:,} in train, {duplicates['test']:,} in test; "
        f"{shared:,} {'text is' if shared == 1 else 'texts are'} in both train and test."
    )
    cuts = [
        f"at {int(length):,} WordPieces {_share(cut['train'])} of the train and {_share(cut['test'])} of the test "
        f"texts are cut{f' ({vocabulary})' if len(audit['vocabularies']) > 1 else ''}"
        for vocabulary, found in audit["vocabularies"].items()
        for length, cut in found["cut"].items()
    ]
    if cuts:
        lines.append(f"Text length: {'; '.join(cuts)}; the linear baselines read whole texts.")
    return [one_line(line) for line in [*lines, *notes]]


def _interval_line(table: pd.DataFrame) -> str:
    several = "over seeds and test examples"
    berts = table[table["kind"] == "bert"]
    of_seeds = berts["interval"] == "seeds and examples"
    models = "these trained models" if len(table) > 1 else "this trained model"
    one = f"of {models} only, over test examples; it says nothing about other seeds"
    if of_seeds.any():
        linear = (
            "; of a linear baseline, which has no seed in it, over test examples" if len(berts) < len(table) else ""
        )
        rest = "" if of_seeds.all() else f" where a row has several seeds; with one {one}"
        return f"Low and high: the 95 % interval {several}{rest}{linear}."
    return f"Low and high: the 95 % interval {one}."


def _search_lines(table: pd.DataFrame) -> list[str]:
    """For each row with a search what was chosen, from how many trials, and the score that chose it."""
    if "chosen" not in table:
        return []
    lines = []
    for row in table[table["chosen"].notna()].to_dict("records"):
        score = f"{row['search_score']:.4f}" if row["search_metric"] == "loss" else f"{100 * row['search_score']:.2f}"
        lines.append(
            f"“{row['model']}”: {row['chosen']}, the best of {int(row['trials'])} trials by validation "
            f"{row['search_metric']} ({score} there; being the best of several, it is flattered by luck)."
        )
    return lines


def _measure_lines(table: pd.DataFrame, audit: dict[str, Any]) -> list[str]:
    lines = [
        "Brier: squared error summed over the classes; ECE: expected calibration error, 15 bins; MCC: Matthews "
        "correlation; PR-AUC: average precision. Clean acc.: test accuracy without the "
        f"{audit['leaked']['test_rows']:,} test texts that are training texts too."
    ]
    threads = table["threads"].dropna().unique()
    if len(threads):
        lines.append(
            "ms/text: median time on the CPU from one text to its probabilities; Texts/s: the same in batches of 32, "
            f"with {' or '.join(f'{int(count)}' for count in threads)} threads and, on one machine, no other job of "
            "the study beside it; MB: peak memory of that process."
        )
    return lines


def render_markdown(
    cells: Sequence[dict[str, str]], measures: Sequence[dict[str, str]], title: str, foot: Sequence[str]
) -> str:
    """Two GitHub tables with their foot as a list."""
    tables = "\n\n".join(
        _tabulate(lines, headers, "pipe", names)
        for headers, lines, names in _flat_tables(cells, measures, escape_markdown)
    )
    notes = "\n".join(f"- {escape_markdown(line)}" for line in foot)
    return f"**{escape_markdown(title)}**\n\n{tables}\n\n{notes}\n"


def render_latex(
    cells: Sequence[dict[str, str]], measures: Sequence[dict[str, str]], title: str, foot: Sequence[str], label: str
) -> str:
    """A table environment of LaTeX with the package booktabs."""
    notes = "\n".join(rf"{escape_latex(line)}\par" for line in foot)
    # tabulate's booktabs format escapes the cells itself.
    tables = "\n\\par\\medskip\n".join(
        _tabulate(lines, headers, "latex_booktabs", names) for headers, lines, names in _flat_tables(cells, measures)
    )
    return rf"""% \usepackage{{booktabs}}
\begin{{table}}
\centering\scriptsize\setlength{{\tabcolsep}}{{3pt}}
\caption{{{escape_latex(title)}}}
\label{{tab:{re.sub("[^A-Za-z0-9-]+", "-", label)}}}
{tables}
\par\smallskip
\begin{{minipage}}{{\linewidth}}\raggedright
{notes}
\end{{minipage}}
\end{{table}}
"""


def render_html(
    cells: Sequence[dict[str, str]], measures: Sequence[dict[str, str]], title: str, foot: Sequence[str]
) -> str:
    """A page of its own: no script, nothing fetched."""
    tables = "\n".join(
        html_table(headers, lines, "l" * names + "r" * (len(headers) - names))
        for headers, lines, names in _flat_tables(cells, measures)
    )
    notes = "\n".join(f"<li>{escape_prose(line)}</li>" for line in foot)
    return html_page(title, f"{tables}\n<ul>\n{notes}\n</ul>")


def render_text(
    cells: Sequence[dict[str, str]], measures: Sequence[dict[str, str]], title: str, foot: Sequence[str]
) -> str:
    """For a terminal of 120 columns: encoder, seeds, validation accuracy and intervals stand on a second line."""
    lines = []
    for cell in cells:
        is_row = "seeds" in cell
        name = _cut(cell["name"], TEXT_NAME) if is_row else f"  {cell['name']}"
        encoder = f"\n  {_cut(cell['encoder'], TEXT_NAME - 2)}" if cell["encoder"] else ""
        size = f"{cell['parameters']}\n{cell['seeds']}" if is_row else ""
        known = "\n".join(cell.get(metric, "") for metric in ("train_accuracy", "validation_accuracy")).rstrip("\n")
        shown = [cell.get(metric, "") + _interval_below(cell.get(f"{metric}_interval")) for metric in TEST_METRICS]
        lines.append([name + encoder, size, known, *shown, cell.get("training_seconds", "")])
    headers = ["Model", "Params\nSeeds", "Train\nVal.", *(SHOWN[metric] for metric in TEST_METRICS), "Seconds"]
    tables = [_tabulate(lines, headers, "simple")]
    if measures:
        lines = [[_cut(cell["name"], TEXT_NAME), *(cell[measure] for measure in MEASURES)] for cell in measures]
        tables.append(
            _tabulate(lines, ["Model", *(header.replace(" ", "\n") for header, _ in MEASURES.values())], "simple")
        )
    notes = (textwrap.fill(line, TEXT_WIDTH, subsequent_indent="  ") for line in foot)
    return "\n".join([_cut(title, TEXT_WIDTH), "", "\n\n".join(tables), "", *notes, ""])


def _flat_tables(
    cells: Sequence[dict[str, str]], measures: Sequence[dict[str, str]], escape: Callable[[str], str] = str
) -> list[tuple[list[str], list[list[str]], int]]:
    """Headers, lines and number of columns of text of the two tables, one line per line; without measures of one."""
    lines = []
    for cell in cells:
        shown = [
            cell.get(metric, "") + (f" [{cell[f'{metric}_interval']}]" if f"{metric}_interval" in cell else "")
            for metric in SHOWN
        ]
        names = [escape(cell["name"]), escape(cell["encoder"]), cell.get("parameters", ""), cell.get("seeds", "")]
        lines.append([*names, *shown, cell.get("training_seconds", "")])
    tables = [(["Model", "Encoder", "Parameters", "Seeds", *SHOWN.values(), "Seconds"], lines, 2)]
    if measures:
        lines = [[escape(cell["name"]), *(cell[measure] for measure in MEASURES)] for cell in measures]
        tables.append((["Model", *(header for header, _ in MEASURES.values())], lines, 1))
    return tables


def _tabulate(lines: list[list[str]], headers: list[str], tablefmt: str, names: int = 1) -> str:
    """A table whose first `names` columns are text and whose others are numbers."""
    alignment = (*["left"] * names, *["right"] * (len(headers) - names))
    return tabulate(
        lines,
        headers=headers,
        tablefmt=tablefmt,
        disable_numparse=True,
        preserve_whitespace=tablefmt == "simple",
        colalign=alignment,
    )


def _interval_below(interval: str | None) -> str:
    return "\n" + interval.replace(", ", "\N{EN DASH}") if interval else ""


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _millions(count: int) -> str:
    return f"{count / 1e6:.2f} M" if count >= 100_000 else f"{count:,}"


def _share(share: float) -> str:
    return f"{100 * share:.1f} %"


def render_table(
    path_comparison: str | Path,
    paths_metrics: Sequence[str | Path],
    path_audit: str | Path,
    path_labels: str | Path,
    paths_speed: Sequence[str | Path],
    paths_outcome: Sequence[str | Path],
    paths_out: dict[str, str | Path],
    rows: Sequence[dict[str, Any]],
    study: str,
    notes: Sequence[str],
) -> None:
    """Write the table in its five forms.

    Args:
        path_comparison: comparison.csv.
        paths_metrics: metrics.json of every run.
        path_audit: audit.json.
        path_labels: labels.json.
        paths_speed: speed.json of every row, in the order of `rows`.
        paths_outcome: outcome.json of every search.
        paths_out: "csv", "markdown", "latex", "text" and "html" to the files to write.
        rows: see `build_table`.
        study: name of the study.
        notes: lines to add to the foot.
    """
    comparison = read_rows(path_comparison)
    metrics = pd.DataFrame(map(_read_json, paths_metrics))
    audit = _read_json(path_audit)
    names, positive = read_labels(path_labels)
    speeds = {row["model"]: _read_json(path) for row, path in zip(rows, paths_speed, strict=True)}
    searches = {chosen["model"]: chosen for chosen in map(_read_json, paths_outcome)}
    table = build_table(comparison, metrics, rows, speeds, searches)
    tables = table_cells(table), measure_cells(table)
    foot = foot_lines(table, names, positive, audit, notes)
    title = f"Study {study}: {audit['rows']['train']:,} train and {audit['rows']['test']:,} test texts"
    forms = {
        "csv": rows_csv(table),
        "markdown": render_markdown(*tables, title, foot),
        "latex": render_latex(*tables, title, foot, study),
        "text": render_text(*tables, title, foot),
        "html": render_html(*tables, title, foot),
    }
    for form, content in forms.items():
        Path(paths_out[form]).write_text(content, encoding="utf-8")
    log.info("%s: %d rows", study, len(table))


def _yaml(value: Any) -> str:
    """A setting as the study file writes it."""
    return value if isinstance(value, str) else json.dumps(value)


def _read_json(path: str | Path) -> Any:
    return json.loads(Path(path).read_text(encoding="utf-8"))
