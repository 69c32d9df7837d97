"""Rows over several data sets, in words, numbers and on a page."""

import textwrap
from pathlib import Path
from typing import Any

from tabulate import tabulate

from bert_ladder.data.frames import rows_csv
from bert_ladder.evaluation.datasets import OverDatasets
from bert_ladder.report.html import Table, render_template
from bert_ladder.report.markup import TEXT_WIDTH, escape_markdown, single_spaced
from bert_ladder.report.words import joined, p_value, spoken


def write_datasets(found: OverDatasets, folder: Path) -> None:
    """Write datasets.csv, datasets_pairs.csv, datasets.md and datasets.html.

    Args:
        found: the comparison.
        folder: where to; it is made.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        "datasets.csv": rows_csv(found.rows),
        "datasets_pairs.csv": rows_csv(found.pairs),
        "datasets.md": datasets_markdown(found),
        "datasets.html": datasets_html(found),
    }
    for name, content in files.items():
        (folder / name).write_text(content, encoding="utf-8")


def datasets_table(found: OverDatasets) -> Table:
    """A line per row, the best mean rank first: the rank, then the metric with its interval on each data set."""
    cells = {
        (line["model"], line["study"]): f"{100 * line['mean']:.2f} [{100 * line['low']:.1f}, {100 * line['high']:.1f}]"
        for line in found.rows.to_dict("records")
    }
    lines = [
        [single_spaced(str(row)), f"{rank:.2f}", *(cells[row, study] for study in found.studies)]
        for row, rank in found.mean_ranks.items()
    ]
    return Table(["Row", "Mean rank", *found.studies], lines, "lr" + "r" * len(found.studies))


def pairs_table(found: OverDatasets) -> Table:
    """A line per pair of rows: the mean difference with its interval, and on which data sets alone it is clear."""
    lines = [
        [
            single_spaced(pair["model_a"]),
            single_spaced(pair["model_b"]),
            _difference(pair),
            p_value(pair["p_holm"]),
            *(_where(pair, name, len(found.studies)) for name in ("better", "not_separable", "worse")),
        ]
        for pair in found.pairs.to_dict("records")
    ]
    headers = ["Row", "against", "Mean difference, points", "p, Holm", "better on", "not separable on", "worse on"]
    return Table(headers, lines, "llrrrrr")


def datasets_lines(found: OverDatasets) -> list[str]:
    """What holds over the data sets, and what all of it speaks of."""
    clear = [pair for pair in found.pairs.to_dict("records") if pair["verdict"] != "not separable"]
    count = len(found.studies)
    lines = [
        f"“{single_spaced(pair['model_a'])}” is {spoken(pair['verdict'])} “{single_spaced(pair['model_b'])}” over data "
        f"sets: {_difference(pair)} points of {found.metric} ({p_value(pair['p_holm'])})."
        for pair in clear
    ]
    rest = len(found.pairs) - len(clear)
    if rest:
        others = "The other pair is not" if rest == 1 else f"The other {rest} pairs are not"
        lines.append(
            f"{others if clear else 'No two rows are'} separable over {count} data sets: these do not show which row "
            "is better on others of their kind, though on single ones it may be clear."
        )
    lines.append(
        f"Each difference is the mean over {count} data sets, {joined(found.studies)}, its interval Student's with "
        f"{count - 1} {'degree' if count == 2 else 'degrees'} of freedom, as for a sample of data sets; p-values are "
        "Holm's over all pairs. A mean rank counts from 1, the best; ties share theirs."
    )
    if found.left_out:
        rows = [f"“{single_spaced(row)}” (in {joined(have)} only)" for row, have in found.left_out.items()]
        lines.append(f"Not in every study, and so left out: {joined(rows)}.")
    return lines


def datasets_text(found: OverDatasets) -> str:
    """Both tables and the words, for a terminal."""
    words = [
        textwrap.fill(line, TEXT_WIDTH, initial_indent="- ", subsequent_indent="  ") for line in datasets_lines(found)
    ]
    return "\n".join([_plain(datasets_table(found), "simple"), "", _plain(pairs_table(found), "simple"), "", *words])


def datasets_markdown(found: OverDatasets) -> str:
    """Both tables and the words as Markdown."""
    words = [f"- {escape_markdown(line)}" for line in datasets_lines(found)]
    tables = [_plain(_escaped(table), "pipe") for table in (datasets_table(found), pairs_table(found))]
    return "\n".join(
        [f"# Test {found.metric} over {len(found.studies)} data sets", "", tables[0], "", tables[1], "", *words, ""]
    )


def datasets_html(found: OverDatasets) -> str:
    """The page."""
    return render_template(
        "datasets.html",
        metric=found.metric,
        studies=len(found.studies),
        rows=datasets_table(found),
        pairs=pairs_table(found),
        lines=datasets_lines(found),
    )


def _difference(pair: dict[Any, Any]) -> str:
    low, value, high = (100 * pair[name] for name in ("low", "difference", "high"))
    return f"{value:+z.2f} [{low:+z.2f}, {high:+z.2f}]"


def _where(pair: dict[Any, Any], name: str, studies: int) -> str:
    """On how many data sets a pair is so, and on which; of none and of all the number says that."""
    count = pair[name]
    return str(count) if count in (0, studies) else f"{count}: {', '.join(pair[f'{name}_on'].split('; '))}"


def _escaped(table: Table) -> Table:
    lines = [[escape_markdown(cell) for cell in line] for line in table.lines]
    return Table([escape_markdown(header) for header in table.headers], lines, table.align)


def _plain(table: Table, form: str) -> str:
    sides = [{"l": "left", "r": "right"}[side] for side in table.align]
    return tabulate(table.lines, headers=table.headers, tablefmt=form, disable_numparse=True, colalign=sides)
