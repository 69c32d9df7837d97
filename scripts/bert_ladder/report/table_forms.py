"""The study's table as markdown, LaTeX, HTML and terminal text."""

import re
import textwrap
from collections.abc import Callable, Sequence

from tabulate import tabulate

from bert_ladder.report.cells import CONSTANT, MEASURES, SHOWN, UNDEFINED
from bert_ladder.report.html import Table, render_template
from bert_ladder.report.markup import TEXT_WIDTH, escape_latex, escape_markdown

TEXT_NAME = 28  # with columns of this width for names the first table of a terminal fits 80 columns
# The tables of a terminal: key of a cell -> header.
TEXT_SCORES = {
    "name": "Model",
    "seeds": "Seeds",
    "validation_accuracy": SHOWN["validation_accuracy"],
    "test_accuracy": SHOWN["test_accuracy"],
    "test_accuracy_low": "Low",
    "test_accuracy_high": "High",
    "f1": SHOWN["f1"],
}
TEXT_ROWS = {
    "name": "Model",
    "encoder": "Encoder",
    "parameters": "Parameters",
    "train_accuracy": SHOWN["train_accuracy"],
    "precision": SHOWN["precision"],
    "recall": SHOWN["recall"],
    "training_seconds": "Seconds",
}
TEXT_NOTE = "The intervals of precision, recall and F1 stand in table.md."


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
    tables = [
        Table(headers, lines, "l" * names + "r" * (len(headers) - names))
        for headers, lines, names in _flat_tables(cells, measures)
    ]
    return render_template("table.html", title=title, tables=tables, notes=foot)


def render_text(
    cells: Sequence[dict[str, str]], measures: Sequence[dict[str, str]], title: str, foot: Sequence[str]
) -> str:
    """For a terminal: the first table fits 80 columns, the others and the foot 120."""
    tables = []
    for columns in (TEXT_SCORES, TEXT_ROWS):
        lines = [
            [_text_cell(cell, key) for key in columns]
            for cell in cells
            # Lines below a row stand only where they say something.
            if "seeds" in cell or columns is TEXT_SCORES or set(cell) & set(columns) & set(SHOWN)
        ]
        tables.append(_text_table(lines, list(columns.values()), 1 + ("encoder" in columns)))
    if measures:
        lines = [[_cut(cell["name"], TEXT_NAME), *(cell[measure] for measure in MEASURES)] for cell in measures]
        tables.append(_text_table(lines, ["Model", *(header for header, *_ in MEASURES.values())]))
    notes = (textwrap.fill(line, TEXT_WIDTH, subsequent_indent="  ") for line in [*foot, TEXT_NOTE])
    return "\n".join([_cut(title, TEXT_WIDTH), "", "\n\n".join(tables), "", *notes, ""])


def _text_table(lines: list[list[str]], headers: list[str], names: int = 1) -> str:
    """A table for a terminal, as wide as its cells: below a header tabulate would widen each column by two."""
    shown = tabulate(
        [headers, *lines],
        tablefmt="simple",
        disable_numparse=True,
        preserve_whitespace=True,
        colalign=(*["left"] * names, *["right"] * (len(headers) - names)),
    )
    rule, header, *rows, _ = shown.splitlines()
    return "\n".join(line.rstrip() for line in (header, rule, *rows))


def _text_cell(cell: dict[str, str], key: str) -> str:
    """A value of a line for the terminal, a dash where it has none."""
    metric, _, end = key.rpartition("_")
    if key == "name":
        is_below = "seeds" not in cell and cell["name"] != CONSTANT
        return f"{'  ' * is_below}{_cut(cell['name'], TEXT_NAME)}"
    if end in ("low", "high"):
        interval = cell.get(f"{metric}_interval")
        return interval.split(", ")[end == "high"] if interval else UNDEFINED
    return _cut(cell.get(key) or UNDEFINED, TEXT_NAME)


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
        tables.append((["Model", *(header for header, *_ in MEASURES.values())], lines, 1))
    return tables


def _tabulate(lines: list[list[str]], headers: list[str], tablefmt: str, names: int = 1) -> str:
    """A table whose first `names` columns are text and whose others are numbers."""
    alignment = (*["left"] * names, *["right"] * (len(headers) - names))
    return tabulate(
        lines,
        headers=headers,
        tablefmt=tablefmt,
        disable_numparse=True,
        colalign=alignment,
    )


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
