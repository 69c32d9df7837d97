"""What all figures share: colours, shapes and dashes of the rows, fonts, and the three files of a figure."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import altair as alt
import pandas as pd
import vl_convert

# Okabe and Ito's palette, told apart by colour-blind readers too; without its yellow, which is too pale on white.
BLUE, VERMILLION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
ORANGE, SKY, BLACK = "#E69F00", "#56B4E9", "#000000"
COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, BLACK)
# Seven colours go with eight shapes and six dashes: no two of the first 42 rows share colour and shape, or colour and
# dash, and no two of the first 24 share shape and dash.
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-left", "triangle-right")
DASHES = ([1, 0], [6, 3], [2, 2], [9, 3, 2, 3], [12, 3], [9, 3, 2, 3, 2, 3])
GREY, GRID = "#666666", "#e5e5e5"

FONT = 12  # pixels
LABEL_LIMIT = 240  # pixels of a row's name on an axis or in a legend; what is longer ends in an ellipsis
CONFIG: dict[str, Any] = {
    # Of the same widths, so that labels stay where they were placed.
    "font": "Liberation Sans, Arial, Helvetica, sans-serif",
    "background": "white",
    # Room for names that a browser draws wider than it measured them.
    "padding": 14,
    "view": {"stroke": None},
    "axis": {"labelFontSize": FONT, "titleFontSize": FONT, "gridColor": GRID, "labelLimit": LABEL_LIMIT},
    "header": {"labelFontSize": FONT, "titleFontSize": FONT, "labelLimit": LABEL_LIMIT},
    "legend": {"labelFontSize": FONT, "titleFontSize": FONT, "labelLimit": LABEL_LIMIT, "symbolStrokeWidth": 2},
    "title": {"fontSize": FONT + 1, "anchor": "start", "limit": 720, "subtitleFontSize": FONT, "subtitleColor": GREY},
    "text": {"fontSize": FONT},
}

# Of the specifications that Altair writes, without its last number.
VEGALITE = alt.SCHEMA_VERSION.removeprefix("v").rpartition(".")[0]
GAP = 5  # pixels between a mark and its label
MAX_TICKS = 10  # epochs that are all labelled
Box = tuple[float, float, float, float]
Tooltips = list[str | alt.Tooltip]
Chart = alt.Chart | alt.LayerChart | alt.FacetChart | alt.ConcatChart | alt.HConcatChart | alt.VConcatChart


@dataclass(frozen=True)
class FigureFiles:
    """The files of a figure to write.

    Attributes:
        spec: Vega-Lite specification, JSON.
        figure: SVG.
        pdf: PDF.
    """

    spec: str | Path
    figure: str | Path
    pdf: str | Path


def save_chart(chart: Chart, files: FigureFiles) -> None:
    """Write a chart in the house's fonts; its data go into the files, so that nothing is fetched to show them.

    Args:
        chart: any Altair chart without a configuration of its own.
        files: what to write.
    """
    # Altair refuses more than 5,000 lines by default; a study of many runs and epochs has more.
    with alt.data_transformers.enable("default", max_rows=None):
        spec = chart.configure(**CONFIG).to_dict()
    svg = vl_convert.vegalite_to_svg(spec, vl_version=VEGALITE)
    text = json.dumps(spec, indent=2, ensure_ascii=False, allow_nan=False)
    Path(files.spec).write_text(text + "\n", encoding="utf-8")
    Path(files.figure).write_text(svg, encoding="utf-8")
    Path(files.pdf).write_bytes(vl_convert.svg_to_pdf(svg))


def message_chart(text: str) -> alt.Chart:
    """What stands in the place of a chart of which there is nothing to draw.

    Args:
        text: a sentence.
    """
    message = pd.DataFrame({"text": [text]})
    return alt.Chart(message).mark_text(color=GREY).encode(text="text:N").properties(width=420, height=60)


def epoch_axis(epochs: Sequence[int]) -> alt.X:
    """The horizontal axis of the column `epoch`; few epochs are all labelled.

    Args:
        epochs: that occur, in any order.
    """
    ends = [min(epochs) - 0.5, max(epochs) + 0.5]
    every = sorted(set(epochs))
    x = alt.X("epoch:Q", title="Epoch", scale=alt.Scale(domain=ends, nice=False))
    ticks = every if len(every) <= MAX_TICKS else alt.Undefined
    return x.axis(values=ticks, format="d", tickMinStep=1, grid=False)


def layered(*charts: alt.Chart, data: alt.InlineData | pd.DataFrame | None = None) -> alt.LayerChart:
    """Charts on top of one another, the last uppermost; none of them has facets.

    Args:
        charts: with data of their own, or none.
        data: of those that have none.
    """
    return alt.LayerChart(layer=charts, data=alt.Undefined if data is None else data)


def row_marks(models: Sequence[str]) -> pd.DataFrame:
    """Colour, shape and dash of every row of the table, the same in all figures.

    Args:
        models: the shown names of all rows of the study, in table order.

    Returns:
        One line per row: model, colour (hex), shape (a Vega symbol), dash (list of pixels).
    """
    lines = [
        (model, COLOURS[i % len(COLOURS)], SHAPES[i % len(SHAPES)], list(DASHES[i % len(DASHES)]))
        for i, model in enumerate(models)
    ]
    return pd.DataFrame(lines, columns=["model", "colour", "shape", "dash"])


def row_scales(models: Sequence[str], shown: Sequence[str] | None = None) -> dict[str, alt.Scale]:
    """Scales from a row's name to its marks.

    Args:
        models: the shown names of all rows of the study, in table order.
        shown: those of the figure; None: all.

    Returns:
        The channels "color", "shape" and "strokeDash" to their scale.
    """
    marks = row_marks(models)
    marks = marks[marks["model"].isin(models if shown is None else shown)]
    channels = {"color": "colour", "shape": "shape", "strokeDash": "dash"}
    return {
        channel: alt.Scale(domain=marks["model"].tolist(), range=marks[column].tolist())
        for channel, column in channels.items()
    }


def place_labels(
    wanted: Sequence[tuple[str, Box]], size: tuple[float, float], taken: Sequence[Box]
) -> list[tuple[float, float]]:
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
        half_width, half_height = (side / 2 for side in text_box(text))
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


def text_box(text: str) -> tuple[float, float]:
    """About how many pixels wide and high a label is drawn that ends in an ellipsis beyond `LABEL_LIMIT`."""
    return min(len(text) * FONT * 0.58, LABEL_LIMIT) + 4, FONT * 1.2


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
