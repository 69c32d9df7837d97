"""The page of the label curve: every row by its number of labels, in numbers and in words."""

import logging
from pathlib import Path

import pandas as pd

from bert_ladder.report.html import Table, render_template
from bert_ladder.report.label_curve import LabelCurve, crossing_lines, law_lines, pair_lines

log = logging.getLogger(__name__)

ABSENT = "\N{EN DASH}"


def render_label_curve(found: LabelCurve, path_page: str | Path) -> None:
    """Write the page.

    Args:
        found: the tables of the curve.
        path_page: html file to write.
    """
    Path(path_page).write_text(label_curve_page(found), encoding="utf-8")
    log.info("%d rows", found.curve["model"].nunique())


def label_curve_page(found: LabelCurve) -> str:
    """The html page."""
    return render_template(
        "label_curve.html",
        metric=found.metric,
        curve=_curve_table(found.curve),
        laws=_laws_table(found.laws),
        gains=law_lines(found),
        pairs=pair_lines(found.pairs),
        crossings=crossing_lines(found.pairs),
    )


def _curve_table(curve: pd.DataFrame) -> Table:
    """A line per fraction, a column per row: mean with interval and number of runs."""
    cells = {
        (line["model"], line["labels"]): f"{100 * line['mean']:.2f} [{100 * line['low']:.2f}, {100 * line['high']:.2f}]"
        f" ({line['seeds']})"
        for line in curve.to_dict("records")
    }
    rows = curve["model"].drop_duplicates().tolist()
    points = curve[["labels", "fraction"]].drop_duplicates().sort_values("labels").to_dict("records")
    lines = [
        [f"{point['labels']:,}", f"{100 * point['fraction']:g}"]
        + [cells.get((row, point["labels"]), ABSENT) for row in rows]
        for point in points
    ]
    return Table(["Labels", "% of all", *rows], lines, "rr" + "r" * len(rows))


def _laws_table(laws: pd.DataFrame) -> Table:
    """A line per row: its law, what it foretold, what was measured."""
    lines = []
    for law in laws.to_dict("records"):
        known = pd.notna(law["scale"])
        error = (
            f"{100 * law['error']:.2f} [{100 * law['error_low']:.2f}, {100 * law['error_high']:.2f}]"
            if known
            else ABSENT
        )
        form = f"{law['scale']:.3g} n^-{law['exponent']:.2f} + {law['floor']:.4f}" if known else ABSENT
        lines.append([law["model"], form, f"{law['labels']:,}", error, f"{100 * law['measured']:.2f}"])
    return Table(["Row", "Error", "Labels", "Foretold, %", "Measured, %"], lines, "llrrr")
