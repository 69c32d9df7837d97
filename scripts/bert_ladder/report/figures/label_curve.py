"""A test metric of every row by its number of labels, with intervals, and the power laws that hold."""

import logging
from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from bert_ladder.report.charts import FigureFiles, Tooltips, layered, row_scales, save_chart
from bert_ladder.report.label_curve import LabelCurve

log = logging.getLogger(__name__)

SIZE = (560, 360)  # pixels
LAW_POINTS = 40
APART, MARGIN = 1.02, 1.06  # factors on the logarithmic axis: between the marks of two rows, at its ends


def plot_label_curve(found: LabelCurve, models: Sequence[str], files: FigureFiles) -> None:
    """Draw the figure.

    Args:
        found: the tables of the curve.
        models: names of all rows of the study, in the order of the table.
        files: of the figure, to write.
    """
    save_chart(label_curve_chart(found, models), files)
    log.info("%d rows", found.curve["model"].nunique())


def label_curve_chart(found: LabelCurve, models: Sequence[str]) -> alt.LayerChart:
    """A line per row through its means, each with its interval; a dotted line for each power law that may be said.

    Args:
        found: the tables of the curve.
        models: names of all rows of the study, so that a row looks as in every other figure.
    """
    columns = ["model", "labels", "fraction", "mean", "low", "high", "seeds"]
    curve, laws = found.curve[columns], law_points(found)
    shown = curve["model"].drop_duplicates().tolist()
    # So that no interval hides another.
    curve = curve.assign(place=curve["labels"] * APART ** (curve["model"].map(shown.index) - (len(shown) - 1) / 2))
    scales = row_scales(models, shown)
    legend = alt.Legend(title=None, orient="bottom", columns=3)
    largest = max(curve["labels"].max(), laws["labels"].max()) if len(laws) else curve["labels"].max()
    scale = alt.Scale(type="log", domain=[curve["place"].min() / MARGIN, largest * MARGIN], nice=False)
    x = alt.X("labels:Q", title="Labels (training and validation part), on a logarithmic scale", scale=scale)
    x = x.axis(format=",", tickCount=6, grid=False, labelOverlap=True)
    title = f"Test {found.metric}"
    y = alt.Y("mean:Q", title=f"{title}, 95 % interval", scale=alt.Scale(zero=False)).axis(format="~%")
    colour = alt.Color("model:N", scale=scales["color"], legend=legend)
    tooltip: Tooltips = [
        "model:N",
        alt.Tooltip("labels:Q", format=","),
        alt.Tooltip("fraction:Q", title="of all labels", format="~%"),
        *(alt.Tooltip(f"{name}:Q", format=".2%") for name in ("mean", "low", "high")),
        "seeds:Q",
    ]
    rows = alt.Chart(curve).encode(x=alt.X("place:Q", scale=scale), color=colour, tooltip=tooltip)
    notes = [
        "Marks: means over the seeds, each of which draws its labels anew, with intervals; rows are set a little apart."
    ]
    layers = []
    if len(laws):
        notes.append("Thin dots: the power law through all fractions but the largest, where it foretold that one.")
        layers.append(alt.Chart(laws).mark_line(strokeDash=[1, 3], strokeWidth=1).encode(x=x, y=y, color=colour))
    return layered(
        *layers,
        rows.mark_line(strokeWidth=2).encode(
            y=y, strokeDash=alt.StrokeDash("model:N", scale=scales["strokeDash"], legend=None)
        ),
        rows.mark_rule(strokeWidth=1.5, opacity=0.7).encode(y=alt.Y("low:Q"), y2="high:Q"),
        rows.mark_point(filled=True, size=60, opacity=1).encode(
            y=y, shape=alt.Shape("model:N", scale=scales["shape"], legend=legend)
        ),
    ).properties(width=SIZE[0], height=SIZE[1], title=alt.Title(f"{title} by number of labels", subtitle=notes))


def law_points(found: LabelCurve) -> pd.DataFrame:
    """Points of the power laws that may be said, from a row's fewest labels to as many as are asked about.

    Returns:
        model, labels and mean (1 - the error of the law).
    """
    lines = []
    for law in found.laws[found.laws["refused"].isna()].to_dict("records"):
        fewest = found.curve["labels"][found.curve["model"] == law["model"]].min()
        labels = np.geomspace(fewest, law["times"] * law["labels"], LAW_POINTS)
        mean = 1 - law["scale"] * labels ** -law["exponent"] - law["floor"]
        lines.append(pd.DataFrame({"model": law["model"], "labels": labels, "mean": mean}))
    return pd.concat(lines, ignore_index=True) if lines else pd.DataFrame(columns=["model", "labels", "mean"])
