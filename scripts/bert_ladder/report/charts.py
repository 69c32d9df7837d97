"""What all figures share: colours, shapes and dashes of the rows, fonts, and the three files of a figure."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import altair as alt
import pandas as pd
import vl_convert

from bert_ladder.report.placing import FONT, LABEL_LIMIT

# Okabe and Ito's palette, told apart by colour-blind readers too; without its yellow, which is too pale on white.
BLUE, VERMILLION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
ORANGE, SKY, BLACK = "#E69F00", "#56B4E9", "#000000"
COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, BLACK)
# Seven colours go with eight shapes and six dashes: no two of the first 42 rows share colour and shape, or colour and
# dash, and no two of the first 24 share shape and dash.
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-left", "triangle-right")
DASHES = ([1, 0], [6, 3], [2, 2], [9, 3, 2, 3], [12, 3], [9, 3, 2, 3, 2, 3])
GREY, GRID = "#666666", "#e5e5e5"

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
MAX_TICKS = 10  # epochs that are all labelled
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
