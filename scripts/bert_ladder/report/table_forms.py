"""The study's table as markdown, LaTeX, HTML and terminal text."""

import re
import textwrap
from collections.abc import Callable, Sequence

from tabulate import tabulate

from bert_ladder.report.cells import CONSTANT, MEASURES, SHOWN, TEST_METRICS
from bert_ladder.report.html import Table, render_template
from bert_ladder.report.markup import TEXT_WIDTH, escape_latex, escape_markdown

TEXT_NAME = 28  # with columns of this width for names a table fits TEXT_WIDTH


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
    """For a terminal of 120 columns: encoder, seeds, validation accuracy and intervals stand on a second line."""
    lines = []
    for cell in cells:
        is_row = "seeds" in cell
        name = _cut(cell["name"], TEXT_NAME) if is_row else f"{'  ' * (cell['name'] != CONSTANT)}{cell['name']}"
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
