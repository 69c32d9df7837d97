"""Test accuracy with its 95 % interval against what a row costs: its parameters and its time per text."""

import itertools
import logging
import math
from pathlib import Path

import altair as alt
import numpy as np
import pandas as pd

from bert_ladder.data.frames import read_rows
from bert_ladder.report.charts import (
    BLACK,
    GREY,
    FigureFiles,
    Tooltips,
    layered,
    row_marks,
    save_chart,
)
from bert_ladder.report.placing import LABEL_LIMIT, Box, place_labels, text_box
from bert_ladder.report.timing import front, unranked

log = logging.getLogger(__name__)

WIDTH, HEIGHT = 400, 380  # pixels of a panel
ACCURACY = {
    "test_accuracy": "accuracy",
    "test_accuracy_low": "accuracy_low",
    "test_accuracy_high": "accuracy_high",
}
# What the tooltips say of a row's cost: title and format.
COSTS = {
    "latency_ms": ("ms per text", ",.3g"),
    "throughput": ("texts per second", ",.0f"),
    "memory_mb": ("memory (MB)", ",.0f"),
    "training_seconds": ("training seconds", ",.1f"),
}
NEAR = 8  # pixels from which on a label needs a line to its mark
Domain = tuple[float, float]


def plot_accuracy(path_table: str | Path, files: FigureFiles) -> None:
    """Draw the figure.

    Args:
        path_table: table.csv.
        files: of the figure, to write.
    """
    table = read_rows(path_table)
    save_chart(accuracy_chart(table), files)
    log.info("%d rows", len(table))


def accuracy_chart(table: pd.DataFrame) -> alt.HConcatChart:
    """Accuracy against parameters and, where a row's speed was measured, against its time per text.

    On the left linear models of n-grams are labelled lines with their bands, since their parameters cost little; on the
    right they are points as any row.

    Args:
        table: table.csv, with model, kind, parameters, test_accuracy, test_accuracy_low, test_accuracy_high, and what
            it has of latency_ms, throughput, memory_mb and training_seconds, and of what `unranked` reads.
    """
    columns = ["model", "kind", "parameters", *ACCURACY, *COSTS]
    shown = table.reindex(columns=columns).rename(columns=ACCURACY).astype(dict.fromkeys(COSTS, float))
    shown = shown.merge(row_marks(shown["model"].tolist())[["model", "colour", "shape"]], on="model")
    for column, (title, form) in COSTS.items():
        shown[title] = ["not measured" if pd.isna(value) else format(value, form) for value in shown[column]]
    low, high = shown["accuracy_low"].min(), shown["accuracy_high"].max()
    margin = max((high - low) / 6, 0.005)
    y_domain = (float(max(0.0, low - margin)), float(high + margin))

    is_baseline = shown["kind"] == "baseline"
    baselines, encoders = (shown[kept].reset_index(drop=True) for kept in (is_baseline, ~is_baseline))
    x_domain = _log_domain(encoders["parameters"])
    x = alt.X("x:Q", scale=_log_scale(x_domain), title="Parameters (log scale)")
    x = x.axis(format="~s", labelExpr="replace(datum.label, 'G', 'B')", grid=False, labelSeparation=8)
    size = _panel(_side_by_side(encoders, x_domain), baselines, x, x_domain, y_domain)
    note = "Dashed lines: the linear baselines." if len(baselines) else alt.Undefined
    panels = [size.properties(title=alt.Title("By size", subtitle=note))]

    timed = shown[shown["latency_ms"] > 0].reset_index(drop=True)
    if len(timed):
        is_ranked = unranked(table) is None
        x_domain = _log_domain(timed["latency_ms"])
        x = alt.X("x:Q", scale=_log_scale(x_domain), title="Milliseconds per text on the CPU (log scale)")
        x = x.axis(format="~g", grid=False, labelSeparation=8)
        steps = _steps(timed, x_domain[1]) if is_ranked else None
        cost = _panel(timed.assign(x=timed["latency_ms"]), shown[:0], x, x_domain, y_domain, steps)
        note = "On the line: rows that no other row beats in accuracy and time."
        if not is_ranked:
            note = "Without a line: the table's foot says why the times cannot be ranked."
        panels.append(cost.properties(title=alt.Title("By cost", subtitle=note)))
    return alt.hconcat(*panels, spacing=40)


def _panel(
    points: pd.DataFrame,
    lines: pd.DataFrame,
    x: alt.X,
    x_domain: Domain,
    y_domain: Domain,
    steps: pd.DataFrame | None = None,
) -> alt.LayerChart:
    """Rows as labelled points with intervals, others as labelled lines with bands, and a front as a step line.

    Args:
        points: the rows with a place `x` on the logarithmic axis.
        lines: the rows without.
        x, x_domain, y_domain: the horizontal axis, and the ends of both.
        steps: x and level of the corners of the front, from left to right.
    """
    y_scale = alt.Scale(domain=y_domain, nice=False, zero=False)
    y = alt.Y("accuracy:Q", scale=y_scale, title="Test accuracy, 95 % interval").axis(
        format="~%",
        labelExpr="datum.value > 1 ? '' : datum.label",  # above 100 % there is room for a name only
    )
    low, high = alt.Y("accuracy_low:Q", scale=y_scale), alt.Y2("accuracy_high:Q")
    colour, shape = alt.Color("colour:N", scale=None), alt.Shape("shape:N", scale=None)
    tooltip: Tooltips = ["model:N", alt.Tooltip("parameters:Q", format=",")]
    tooltip += [alt.Tooltip(f"{column}:Q", format=".2%") for column in ACCURACY.values()]
    tooltip += [alt.Tooltip(title, type="nominal") for title, _ in COSTS.values()]

    across = alt.Chart(lines).encode(color=colour, tooltip=tooltip)
    marks = alt.Chart(points).encode(x=x, color=colour, tooltip=tooltip)
    layers = [
        across.mark_rect(opacity=0.15).encode(y=low, y2=high),
        across.mark_rule(strokeWidth=2, strokeDash=[6, 3]).encode(y=y),
        marks.mark_rule(strokeWidth=2).encode(y=low, y2=high),
        marks.mark_point(filled=True, size=80, opacity=1).encode(y=y, shape=shape),
    ]
    if steps is not None:
        line = alt.Chart(steps).mark_line(color=GREY, strokeWidth=1.5, interpolate="step-after")
        layers.insert(0, line.encode(x=x, y=alt.Y("level:Q", scale=y_scale)))
    labels, leaders = _labels(points, lines, x_domain, y_domain, steps)
    y = alt.Y("y:Q", scale=y_scale)
    leader = alt.Chart(leaders).mark_rule(color=GREY, strokeWidth=0.75).encode(x=x, y=y, x2="x2:Q", y2="y2:Q")
    text = alt.Chart(labels).mark_text(color=BLACK, limit=LABEL_LIMIT, baseline="middle")
    return layered(*layers, leader, text.encode(x=x, y=y, text="model:N")).properties(width=WIDTH, height=HEIGHT)


def _log_domain(values: pd.Series) -> Domain:
    """Ends of a logarithmic axis, with room for labels."""
    smallest, largest = (values.min(), values.max()) if len(values) else (1e6, 1e8)
    room = max((largest / smallest) ** 0.2, 1.5)
    return float(smallest / room), float(largest * room)


def _log_scale(domain: Domain) -> alt.Scale:
    return alt.Scale(type="log", domain=domain, nice=False)


def _side_by_side(berts: pd.DataFrame, x_domain: Domain) -> pd.DataFrame:
    """Rows of the same size would hide each other: add x, their parameters moved apart by some pixels."""
    moved = berts.groupby("parameters").cumcount()
    moved -= (berts.groupby("parameters")["parameters"].transform("size") - 1) / 2
    pixel = (x_domain[1] / x_domain[0]) ** (1 / WIDTH)
    return berts.assign(x=berts["parameters"] * pixel ** (14 * moved))


def _steps(timed: pd.DataFrame, end: float) -> pd.DataFrame:
    """Corners (x, level) of the front of accuracy against time, from the fastest row to the end of the axis."""
    best = timed[front(timed["accuracy"].tolist(), timed["latency_ms"].tolist())].sort_values("latency_ms")
    x, level = best["latency_ms"].tolist(), best["accuracy"].tolist()
    return pd.DataFrame({"x": [*x, end], "level": [*level, level[-1]]})


def _labels(
    points: pd.DataFrame, lines: pd.DataFrame, x_domain: Domain, y_domain: Domain, steps: pd.DataFrame | None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Places of the labels in the units of the axes, and lines from those that stand far off to their marks.

    Returns:
        Each row's model, x and y; x, y, x2 and y2 of each line.
    """
    logarithm = math.log(x_domain[1] / x_domain[0])

    def right(x: float) -> float:
        return WIDTH * math.log(x / x_domain[0]) / logarithm

    def down(accuracy: float) -> float:
        return HEIGHT * (y_domain[1] - accuracy) / (y_domain[1] - y_domain[0])

    wanted: list[tuple[str, Box]] = []
    # A line's label stands at its right end, as if it named a mark there.
    for row in lines.to_dict("records"):
        y = down(row["accuracy"])
        wanted.append((row["model"], (WIDTH - text_box(row["model"])[0] - 4, y - 2, WIDTH, y + 2)))
    taken: list[Box] = [(0.0, top, float(WIDTH), bottom) for _, (_, top, _, bottom) in wanted]
    for row in points.to_dict("records"):
        x = right(row["x"])
        wanted.append((row["model"], (x - 5, down(row["accuracy_high"]), x + 5, down(row["accuracy_low"]))))
    if steps is not None:
        corners = [(right(step["x"]), down(step["level"])) for step in steps.to_dict("records")]
        for (x, y), (next_x, next_y) in itertools.pairwise(corners):
            taken += [(x, y - 1, next_x, y + 1), (next_x - 1, next_y, next_x + 1, y)]

    centres = place_labels(wanted, (WIDTH, HEIGHT), taken)
    leaders = [_leader(text_box(text), centre, mark) for (text, mark), centre in zip(wanted, centres, strict=True)]
    labels = pd.DataFrame(centres, columns=["x", "y"]).assign(model=[text for text, _ in wanted])
    frames = labels, pd.DataFrame([line for line in leaders if line], columns=["x", "y", "x2", "y2"])
    for frame in frames:
        for column in frame.columns.intersection(["x", "x2"]):
            frame[column] = x_domain[0] * np.exp(logarithm * frame[column] / WIDTH)
        for column in frame.columns.intersection(["y", "y2"]):
            frame[column] = y_domain[1] - (y_domain[1] - y_domain[0]) * frame[column] / HEIGHT
    return frames


def _leader(
    size: tuple[float, float], centre: tuple[float, float], mark: Box
) -> tuple[float, float, float, float] | None:
    """Ends (x, y, x2, y2) of the shortest line from a label to the middle of its mark; None where they are near."""
    half_width, half_height = size[0] / 2, size[1] / 2
    gaps = [
        max(low - middle - half, middle - half - high)
        for middle, half, low, high in zip(centre, (half_width, half_height), mark[:2], mark[2:], strict=True)
    ]
    if max(gaps) <= NEAR:
        return None
    x2, y2 = (mark[0] + mark[2]) / 2, (mark[1] + mark[3]) / 2
    x = min(max(x2, centre[0] - half_width), centre[0] + half_width)
    y = min(max(y2, centre[1] - half_height), centre[1] + half_height)
    return x, y, x2, y2
