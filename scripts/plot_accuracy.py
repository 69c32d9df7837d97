"""Test accuracy with its 95 % interval against the number of parameters."""

import logging
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import altair as alt
import pandas as pd

from _job import run_job

log = logging.getLogger(__name__)

WIDTH, HEIGHT = 640, 400  # pixels
FONT = 12
GAP = 5  # pixels between a mark and its label
# Okabe and Ito's palette, told apart by colour-blind readers too.
BERT = "#0072B2"
BASELINES = ("#D55E00", "#009E73", "#CC79A7", "#E69F00")
Box = tuple[float, float, float, float]


def plot_accuracy(path_table: str | Path, path_spec: str | Path, path_figure: str | Path) -> None:
    """Draw the figure.

    Args:
        path_table: table.csv.
        path_spec: Vega-Lite specification to write.
        path_figure: SVG to write.
    """
    table = pd.read_csv(path_table, dtype={"model": str}, keep_default_na=False, na_values=[""])
    chart = accuracy_chart(table)
    chart.save(path_spec, format="json")
    chart.save(path_figure, format="svg")
    log.info("%d rows", len(table))


def accuracy_chart(table: pd.DataFrame) -> alt.LayerChart:
    """BERT rows as points over a logarithmic axis of parameters, baselines as labelled lines with their bands.

    Args:
        table: table.csv, with model, kind, parameters, test_accuracy, test_accuracy_low and test_accuracy_high.
    """
    shown = table[["model", "kind", "parameters", "test_accuracy", "test_accuracy_low", "test_accuracy_high"]]
    shown = shown.rename(columns=lambda column: column.replace("test_accuracy", "accuracy"))
    shown = shown.assign(model=shown["model"].astype(str))
    x_domain, y_domain = _domains(shown)
    baselines = shown[shown["kind"] == "baseline"].reset_index(drop=True)
    berts = _side_by_side(shown[shown["kind"] == "bert"].reset_index(drop=True), x_domain)

    x = alt.X("x:Q", scale=alt.Scale(type="log", domain=x_domain, nice=False), title="Parameters (log scale)")
    x = x.axis(format="~s", labelExpr="replace(datum.label, 'G', 'B')", grid=False)
    y_scale = alt.Scale(domain=y_domain, nice=False, zero=False)
    y = alt.Y("accuracy:Q", scale=y_scale, title="Test accuracy, 95 % interval").axis(format="~%")
    tooltip = ["model:N", alt.Tooltip("parameters:Q", format=",")]
    tooltip += [alt.Tooltip(f"{column}:Q", format=".2%") for column in ("accuracy", "accuracy_low", "accuracy_high")]
    low, high = alt.Y("accuracy_low:Q", scale=y_scale), alt.Y2("accuracy_high:Q")
    colour = alt.Color("model:N", scale=alt.Scale(domain=baselines["model"].tolist(), range=BASELINES), legend=None)

    lines = alt.Chart(baselines).encode(color=colour, tooltip=tooltip)
    points = alt.Chart(berts).encode(x=x, tooltip=tooltip)
    labels = alt.Chart(_labels(baselines, berts, x_domain, y_domain)).mark_text(fontSize=FONT, baseline="middle")
    return (
        alt.layer(
            lines.mark_rect(opacity=0.15).encode(y=low, y2=high),
            lines.mark_rule(strokeWidth=2, strokeDash=[6, 3]).encode(y=y),
            points.mark_rule(color=BERT, strokeWidth=2).encode(y=low, y2=high),
            points.mark_point(color=BERT, filled=True, size=80, opacity=1).encode(y=y),
            labels.encode(
                x=alt.X("x:Q"),
                y=alt.Y("y:Q", scale=y_scale),
                text="model:N",
                color=alt.Color("colour:N", scale=None, legend=None),
            ),
        )
        .properties(width=WIDTH, height=HEIGHT)
        .resolve_scale(color="independent")
        .configure_view(stroke=None)
        .configure_axis(labelFontSize=FONT, titleFontSize=FONT, gridColor="#e5e5e5")
    )


def place_labels(wanted: Sequence[tuple[str, Box]], size: tuple[float, float], taken: Sequence[Box]) -> list[Any]:
    """Find for each mark a place for its label that covers nothing, greedily; pixels, y downwards.

    Args:
        wanted: each label's text and the box (left, top, right, bottom) of the mark that it names.
        size: width and height of the plot; labels stay inside.
        taken: boxes to keep clear of.

    Returns:
        The centre (x, y) of each label, in the order of `wanted`; above its mark where no place is free.
    """
    taken = [*taken, *(mark for _, mark in wanted)]
    centres = []
    for text, (left, top, right, bottom) in wanted:
        half_width, half_height = len(text) * FONT * 0.29 + 2, FONT * 0.6
        middle, level = (left + right) / 2, (top + bottom) / 2
        places = [(middle, top - GAP - half_height), (middle, bottom + GAP + half_height)]
        for shift in (0, -1.5, 1.5, -3, 3, -4.5, 4.5):
            y = level + shift * 2 * half_height
            places += [(right + GAP + half_width, y), (left - GAP - half_width, y)]
        places = [
            (min(max(x, half_width), size[0] - half_width), min(max(y, half_height), size[1] - half_height))
            for x, y in places
        ]
        boxes = [(x - half_width, y - half_height, x + half_width, y + half_height) for x, y in places]
        free = [index for index, box in enumerate(boxes) if not any(_overlap(box, other) for other in taken)]
        chosen = free[0] if free else 0
        taken.append(boxes[chosen])
        centres.append(places[chosen])
    return centres


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _domains(shown: pd.DataFrame) -> tuple[list[float], list[float]]:
    """Ends of both axes, with room for labels."""
    sizes = shown.loc[shown["kind"] == "bert", "parameters"]
    smallest, largest = (sizes.min(), sizes.max()) if len(sizes) else (1e6, 1e8)
    room = max((largest / smallest) ** 0.2, 1.5)
    low, high = shown["accuracy_low"].min(), shown["accuracy_high"].max()
    margin = max((high - low) / 6, 0.005)
    return [float(smallest / room), float(largest * room)], [float(max(0.0, low - margin)), float(high + margin)]


def _side_by_side(berts: pd.DataFrame, x_domain: Sequence[float]) -> pd.DataFrame:
    """Rows of the same size would hide each other: add x, their parameters moved apart by some pixels."""
    moved = berts.groupby("parameters").cumcount()
    moved -= (berts.groupby("parameters")["parameters"].transform("size") - 1) / 2
    pixel = (x_domain[1] / x_domain[0]) ** (1 / WIDTH)
    return berts.assign(x=berts["parameters"] * pixel ** (14 * moved))


def _labels(
    baselines: pd.DataFrame, berts: pd.DataFrame, x_domain: Sequence[float], y_domain: Sequence[float]
) -> pd.DataFrame:
    """Each row's label with its place in the units of the axes, and its colour."""
    decades = math.log(x_domain[1] / x_domain[0])

    def pixels_down(accuracy: float) -> float:
        return HEIGHT * (y_domain[1] - accuracy) / (y_domain[1] - y_domain[0])

    points = []
    for row in berts.itertuples():
        x = WIDTH * math.log(row.x / x_domain[0]) / decades
        points.append((row.model, (x - 5, pixels_down(row.accuracy_high), x + 5, pixels_down(row.accuracy_low))))
    # A line's label stands at its right end, as if it named a mark there.
    ends = []
    for row in baselines.itertuples():
        y = pixels_down(row.accuracy)
        ends.append((row.model, (WIDTH - len(row.model) * FONT * 0.58 - 4, y - 2, WIDTH, y + 2)))
    across = [(0.0, top, float(WIDTH), bottom) for _, (_, top, _, bottom) in ends]
    centres = place_labels([*ends, *points], (WIDTH, HEIGHT), across)
    colours = [BASELINES[index % len(BASELINES)] for index in range(len(ends))] + [BERT] * len(points)
    return pd.DataFrame(
        {
            "model": [text for text, _ in (*ends, *points)],
            "x": [x_domain[0] * math.exp(decades * x / WIDTH) for x, _ in centres],
            "y": [y_domain[1] - (y_domain[1] - y_domain[0]) * y / HEIGHT for _, y in centres],
            "colour": colours,
        }
    )


def main(snakemake: Any) -> None:
    plot_accuracy(
        path_table=snakemake.input.table, path_spec=snakemake.output.spec, path_figure=snakemake.output.figure
    )


if __name__ == "__main__":
    run_job(main, snakemake)
