"""The study's table as csv, markdown, LaTeX, terminal text and HTML."""

import html
import json
import logging
import re
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from tabulate import LATEX_ESCAPE_RULES, tabulate

from _data import read_labels
from _job import run_job

log = logging.getLogger(__name__)

TEST_METRICS = ("test_accuracy", "precision", "recall", "f1")
METRICS = ("train_accuracy", "validation_accuracy", *TEST_METRICS)
SHOWN = {
    "train_accuracy": "Train acc.",
    "test_accuracy": "Test acc.",
    "precision": "Precision",
    "recall": "Recall",
    "f1": "F1",
}
ORIGINAL = "original study"
DIFFERENCE = "difference"
TEXT_WIDTH = 120
TEXT_NAME = 30  # with columns of this width for names a table fits TEXT_WIDTH
STYLE = """
body { font: 14px/1.5 system-ui, sans-serif; margin: 1.5rem; color: #1a1a1a; background: #fff; }
table { border-collapse: collapse; }
caption { text-align: left; font-weight: 600; padding-bottom: .5rem; }
th, td { padding: .3rem .8rem; border-bottom: 1px solid #ddd; white-space: nowrap; }
th { border-bottom: 2px solid #1a1a1a; text-align: left; }
ul { max-width: 60rem; padding-left: 1.2rem; color: #444; }
"""


def build_table(comparison: pd.DataFrame, metrics: pd.DataFrame, rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """One line per row of the table, everything at full precision.

    Args:
        comparison: what compare_models wrote.
        metrics: one line per run, as in metrics.json.
        rows: the rows in order: `model` (name shown), `path` (safe name), `encoder`, and `reference` (metric to the
            original study's value) where a row has one.

    Returns:
        model, kind, encoder, parameters, seeds, the means of train_accuracy, validation_accuracy, test_accuracy,
        precision, recall, f1, for the last four <metric>_low and <metric>_high, training_seconds, average, and
        reference_<metric> and difference_<metric> (ours - original) of every metric that some row has a value for.
    """
    lines = []
    for row in rows:
        names = [row["path"], row["model"]]
        run = metrics[metrics["model"].isin(names)].iloc[0]
        found = comparison[comparison["model"].isin(names)].set_index("metric")
        line = {
            "model": row["model"],
            "kind": run["kind"],
            "encoder": row["encoder"],
            "parameters": int(run["parameters"]),
            "seeds": int(found["seeds"].iloc[0]),
        }
        for metric in METRICS:
            line[metric] = found.loc[metric, "mean"]
            if metric in TEST_METRICS:
                line[f"{metric}_low"], line[f"{metric}_high"] = found.loc[metric, ["low", "high"]]
        line |= {"training_seconds": found.loc["training_seconds", "mean"], "average": run["average"]}
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
            "name": _one_line(row["model"]),
            "encoder": _one_line(row["encoder"]),
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
        "Seconds: training, without evaluation; for a linear baseline with its tuning.",
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
    return [_one_line(line) for line in [*lines, *notes]]


def _interval_line(table: pd.DataFrame) -> str:
    several, seeds = "over seeds and test examples", table["seeds"]
    models = "these trained models" if len(table) > 1 else "this trained model"
    bootstrapped = "F1" if table["average"].iloc[0] == "binary" else "precision, recall and F1"
    one = (
        f"of {models} only, over test examples; it says nothing about other seeds "
        f"(Wilson's score interval; for {bootstrapped} a bootstrap)"
    )
    if seeds.min() == 1 < seeds.max():
        return f"Low and high: the 95 % interval, with several seeds {several}, with one {one}."
    return f"Low and high: the 95 % interval {one if seeds.max() == 1 else several}."


def render_csv(table: pd.DataFrame) -> str:
    """CSV at full precision; text that a spreadsheet would run as a formula gets a leading quote."""
    safe = table.copy()
    for column in ("model", "encoder"):
        safe[column] = [
            f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text for text in safe[column]
        ]
    return safe.to_csv(index=False)


def render_markdown(cells: Sequence[dict[str, str]], title: str, foot: Sequence[str]) -> str:
    """A GitHub table with its foot as a list."""
    body = _tabulate_flat(cells, "pipe", escape_markdown)
    notes = "\n".join(f"- {escape_markdown(line)}" for line in foot)
    return f"**{escape_markdown(title)}**\n\n{body}\n\n{notes}\n"


def render_latex(cells: Sequence[dict[str, str]], title: str, foot: Sequence[str], label: str) -> str:
    """A table environment of LaTeX with the package booktabs."""
    notes = "\n".join(rf"{escape_latex(line)}\par" for line in foot)
    # tabulate's booktabs format escapes the cells itself.
    return rf"""% \usepackage{{booktabs}}
\begin{{table}}
\centering\scriptsize\setlength{{\tabcolsep}}{{3pt}}
\caption{{{escape_latex(title)}}}
\label{{tab:{re.sub("[^A-Za-z0-9-]+", "-", label)}}}
{_tabulate_flat(cells, "latex_booktabs", str)}
\par\smallskip
\begin{{minipage}}{{\linewidth}}\raggedright
{notes}
\end{{minipage}}
\end{{table}}
"""


def render_html(cells: Sequence[dict[str, str]], title: str, foot: Sequence[str]) -> str:
    """A page of its own: no script, nothing fetched."""
    # tabulate's html format escapes the cells itself.
    body = _tabulate_flat(cells, "html", str).replace("<table>", f"<table><caption>{html.escape(title)}</caption>", 1)
    notes = "\n".join(f"<li>{html.escape(line)}</li>" for line in foot)
    return f"""<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>{html.escape(title)}</title><style>{STYLE}</style></head>
<body>
{body}
<ul>
{notes}
</ul>
</body>
</html>
"""


def render_text(cells: Sequence[dict[str, str]], title: str, foot: Sequence[str]) -> str:
    """For a terminal of 120 columns: a row's encoder and intervals stand on its second line, references below."""
    lines = []
    for cell in cells:
        is_row = "seeds" in cell
        name = _cut(cell["name"], TEXT_NAME) if is_row else f"  {cell['name']}"
        encoder = f"\n  {_cut(cell['encoder'], TEXT_NAME - 2)}" if cell["encoder"] else ""
        shown = [cell.get(metric, "") + _interval_below(cell.get(f"{metric}_interval")) for metric in SHOWN]
        lines.append([name + encoder, *(cell.get(key, "") for key in ("parameters", "seeds")), *shown])
        lines[-1].append(cell.get("training_seconds", ""))
    headers = ["Model", "Params", "Seeds", *(name.replace(" ", "\n") for name in SHOWN.values()), "Seconds"]
    body = tabulate(
        lines,
        headers=headers,
        tablefmt="simple",
        disable_numparse=True,
        preserve_whitespace=True,
        colalign=("left", *["right"] * (len(headers) - 1)),
    )
    notes = (textwrap.fill(line, TEXT_WIDTH, subsequent_indent="  ") for line in foot)
    return "\n".join([_cut(title, TEXT_WIDTH), "", body, "", *notes, ""])


def escape_markdown(text: str) -> str:
    """Show text as it is in a cell of a GitHub table."""
    text = re.sub(r"([\\`*|\[\]~$])|(?<!\w)_|_(?!\w)", r"\\\g<0>", text)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def escape_latex(text: str) -> str:
    """Show text as it is in LaTeX."""
    return "".join(LATEX_ESCAPE_RULES.get(character, character) for character in text)


def _tabulate_flat(cells: Sequence[dict[str, str]], tablefmt: str, escape: Callable[[str], str]) -> str:
    lines = []
    for cell in cells:
        shown = [
            cell.get(metric, "") + (f" [{cell[f'{metric}_interval']}]" if f"{metric}_interval" in cell else "")
            for metric in SHOWN
        ]
        names = [escape(cell["name"]), escape(cell["encoder"]), cell.get("parameters", ""), cell.get("seeds", "")]
        lines.append([*names, *shown, cell.get("training_seconds", "")])
    headers = ["Model", "Encoder", "Parameters", "Seeds", *SHOWN.values(), "Seconds"]
    alignment = ("left", "left", *["right"] * (len(headers) - 2))
    return tabulate(lines, headers=headers, tablefmt=tablefmt, disable_numparse=True, colalign=alignment)


def _interval_below(interval: str | None) -> str:
    return "\n" + interval.replace(", ", "\N{EN DASH}") if interval else ""


def _one_line(text: str) -> str:
    return " ".join(text.split())


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
        paths_out: "csv", "markdown", "latex", "text" and "html" to the files to write.
        rows: see `build_table`.
        study: name of the study.
        notes: lines to add to the foot.
    """
    # Only an empty field is missing: a row may be called "NA" or "None".
    comparison = pd.read_csv(path_comparison, dtype={"model": str}, keep_default_na=False, na_values=[""])
    metrics = pd.DataFrame([json.loads(Path(path).read_text(encoding="utf-8")) for path in paths_metrics])
    audit = json.loads(Path(path_audit).read_text(encoding="utf-8"))
    names, positive = read_labels(path_labels)
    table = build_table(comparison, metrics, rows)
    cells, foot = table_cells(table), foot_lines(table, names, positive, audit, notes)
    title = f"Study {study}: {audit['rows']['train']:,} train and {audit['rows']['test']:,} test texts"
    forms = {
        "csv": render_csv(table),
        "markdown": render_markdown(cells, title, foot),
        "latex": render_latex(cells, title, foot, study),
        "text": render_text(cells, title, foot),
        "html": render_html(cells, title, foot),
    }
    for form, content in forms.items():
        Path(paths_out[form]).write_text(content, encoding="utf-8")
    log.info("%s: %d rows", study, len(table))


def main(snakemake: Any) -> None:
    render_table(
        path_comparison=snakemake.input.comparison,
        paths_metrics=list(snakemake.input.metrics),
        path_audit=snakemake.input.audit,
        path_labels=snakemake.input.labels,
        paths_out={form: snakemake.output[form] for form in ("csv", "markdown", "latex", "text", "html")},
        rows=snakemake.params.rows,
        study=snakemake.params.study,
        notes=snakemake.params.notes,
    )


if __name__ == "__main__":
    run_job(main, snakemake)
