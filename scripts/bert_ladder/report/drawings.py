"""The charts that the report draws itself: geometry in plain numbers, which a template makes SVG of."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bert_ladder.report.placing import Box, overlap, place_labels, text_box
from bert_ladder.report.results import Results
from bert_ladder.report.timing import front

WIDTH, HEIGHT = 430, 330  # of a scatter, with its axes; units of its viewBox
LEFT, RIGHT, TOP, BOTTOM = 48, 8, 12, 44
STEPS = (0.001, 0.002, 0.0025, 0.005, 0.01, 0.02, 0.025, 0.05, 0.1, 0.2)
TICKS = 6
MARK = 6
LABELLED = 26  # characters of a row's name in a scatter
# Columns of table.csv, positive numbers: heading of their chart and title of their axis.
COSTS = {
    "latency_ms": ("By the time of an answer", "Milliseconds per text"),
    "parameters": ("By size", "Parameters"),
}


@dataclass(frozen=True)
class Interval:
    """A row in the chart of intervals; places in percent of its width.

    Attributes:
        name, kind: of the row.
        value: the metric with its interval, in percent, as text.
        at, low, high: its places.
        seeds: the places of its single runs; empty where there is one.
        role: "best", "cheap" or empty.
    """

    name: str
    kind: str
    value: str
    at: float
    low: float
    high: float
    seeds: Sequence[float]
    role: str


@dataclass(frozen=True)
class Tick:
    """A labelled place on an axis."""

    at: float
    label: str


@dataclass(frozen=True)
class Point:
    """A row in a scatter; places in units of the viewBox, `label` beside it, `shown` when it is pointed at."""

    kind: str
    x: float
    y: float
    low: float
    high: float
    label_x: float
    label_y: float
    label: str
    role: str
    shown: str


@dataclass(frozen=True)
class Scatter:
    """A metric against a cost on a logarithmic axis.

    Attributes:
        heading: of the chart.
        title: of the horizontal axis.
        words: what the chart shows, for whom does not see it.
        x_ticks, y_ticks: of the axes.
        points: the rows.
        numbered: whether rows stand by their numbers in the table.
        steps: an SVG path along the rows that no other beats in both; empty where costs cannot be ranked.
    """

    heading: str
    title: str
    words: str
    x_ticks: Sequence[Tick]
    y_ticks: Sequence[Tick]
    points: Sequence[Point]
    numbered: bool
    steps: str


def role_of(row: str, best: str, cheap: str | None) -> str:
    """ "best", "cheap" or empty."""
    return "best" if row == best else "cheap" if row == cheap else ""


def interval_chart(
    results: Results, runs: pd.DataFrame, best: str, cheap: str | None
) -> tuple[list[Interval], list[Tick]]:
    """Every row with its interval, the highest first, and the ticks of their axis.

    Args:
        results: the numbers of the study.
        runs: one line per run, as in metrics.json.
        best, cheap: the rows to stress.
    """
    column = results.metric.test
    table = results.table.sort_values(column, ascending=False, kind="stable")
    low, high = float(table[f"{column}_low"].min()), float(table[f"{column}_high"].max())
    single = runs.groupby("model", sort=False)[column].apply(list)
    low, high = min(low, float(runs[column].min())), max(high, float(runs[column].max()))
    room = max(high - low, 0.01) * 0.04
    start, end = max(0.0, low - room), min(1.0, high + room)

    def place(value: float) -> float:
        return round(100 * (value - start) / (end - start), 2)

    rows = [
        Interval(
            name=str(name),
            kind=row["kind"],
            value=_with_interval(row, column),
            at=place(row[column]),
            low=place(row[f"{column}_low"]),
            high=place(row[f"{column}_high"]),
            seeds=[place(value) for value in single.get(name, [])] if row["seeds"] > 1 else [],
            role=role_of(str(name), best, cheap),
        )
        for name, row in table.iterrows()
    ]
    return rows, [Tick(place(value), label) for value, label in percent_ticks(start, end)]


def percent_ticks(start: float, end: float) -> list[tuple[float, str]]:
    """Round shares between two ends, `TICKS` at most, as numbers and in percent."""
    step = next((step for step in STEPS if (end - start) / step <= TICKS), STEPS[-1])
    first, last = math.ceil(start / step - 1e-9), math.floor(end / step + 1e-9)
    digits = 0 if step >= 0.01 and step != 0.025 else 2 if step == 0.0025 else 1
    return [(number * step, f"{100 * number * step:.{digits}f} %") for number in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Round numbers between two positive ends: powers of ten, with 2 and 5 times them where those are few."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for parts in ((1,), (1, 3), (1, 2, 5)):
        found = [part * 10.0**decade for decade in decades for part in parts if low <= part * 10.0**decade <= high]
        if len(found) >= 3:
            return found
    return found


def scatter(results: Results, cost: str, best: str, cheap: str | None) -> Scatter | None:
    """The metric of the rows against a cost; None where the cost of no row is known.

    Args:
        results: the numbers of the study.
        cost: one of `COSTS`.
        best, cheap: the rows to stress.
    """
    column, title = results.metric.test, COSTS[cost][1]
    rows = results.table[results.table[cost] > 0]
    if rows.empty:
        return None
    ratio = max((rows[cost].max() / rows[cost].min()) ** 0.12, 1.4)
    left, right = float(rows[cost].min() / ratio), float(rows[cost].max() * ratio)
    bottom, top = float(rows[f"{column}_low"].min()), float(rows[f"{column}_high"].max())
    room = max(top - bottom, 0.01) * 0.08
    bottom, top = max(0.0, bottom - room), min(1.0, top + room)
    inner = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def across(value: float) -> float:
        return inner[0] * math.log(value / left) / math.log(right / left)

    def down(value: float) -> float:
        return inner[1] * (top - value) / (top - bottom)

    places = [
        (across(row[cost]), down(row[column]), down(row[f"{column}_low"]), down(row[f"{column}_high"]))
        for _, row in rows.iterrows()
    ]
    ranked = cost != "latency_ms" or results.unranked is None
    corners = _corners(rows[column].tolist(), rows[cost].tolist(), places) if ranked else []
    taken: list[Box] = [(x, y - 1, next_x, y + 1) for (x, y), (next_x, _) in itertools.pairwise(corners)]
    boxes: list[Box] = [(x - MARK, high, x + MARK, low) for x, _, low, high in places]
    named, labels = _labelled(rows.index.tolist(), results.table.index.tolist(), (best, cheap), (boxes, taken, inner))
    return Scatter(
        heading=COSTS[cost][0],
        title=title,
        words=f"Test {results.metric.name} against {title.lower()}, {len(rows)} rows; the table has the numbers.",
        x_ticks=[Tick(round(LEFT + across(value), 1), short_number(value)) for value in log_ticks(left, right)],
        y_ticks=[Tick(round(TOP + down(value), 1), label) for value, label in percent_ticks(bottom, top)],
        points=[
            Point(
                kind=row["kind"],
                **{axis: round(value, 1) for axis, value in zip(("x", "y", "low", "high"), _moved(place), strict=True)},
                label_x=round(LEFT + label[0], 1),
                label_y=round(TOP + label[1], 1),
                label=named[str(name)],
                role=role_of(str(name), best, cheap),
                shown=f"{name}: {_with_interval(row, column)}, {short_number(row[cost])} {title.lower()}",
            )
            for (name, row), place, label in zip(rows.iterrows(), places, labels, strict=True)
        ],
        numbered=any(label.isdigit() and label != row for row, label in named.items()),
        steps=_path(corners, inner[0]),
    )


def scatter_labels(rows: Sequence[str], stressed: Sequence[str | None], many: bool) -> dict[str, str]:
    """What stands beside each row: its name, or, where those would be too many names, its number in the table.

    Args:
        rows: their names in table order.
        stressed: rows that keep their names.
        many: whether the names are too many.
    """
    return {row: str(number) if many and row not in stressed else _cut(row) for number, row in enumerate(rows, start=1)}


def _labelled(
    shown: Sequence[str],
    rows: Sequence[str],
    stressed: Sequence[str | None],
    room: tuple[Sequence[Box], Sequence[Box], tuple[float, float]],
) -> tuple[dict[str, str], list[tuple[float, float]]]:
    """The labels of the shown rows and their centres: names where these cover no other name, else numbers.

    Args:
        shown: rows of the chart.
        rows, stressed: see `scatter_labels`.
        room: the boxes of their marks, other boxes to keep clear of, and width and height of the plot.
    """
    marks, taken, size = room
    for many in (False, True):
        labels = scatter_labels(rows, stressed, many)
        texts = [labels[row] for row in shown]
        centres = place_labels(list(zip(texts, marks, strict=True)), size, taken)
        halves = [[side / 2 for side in text_box(text)] for text in texts]
        boxes = [(x - w, y - h, x + w, y + h) for (x, y), (w, h) in zip(centres, halves, strict=True)]
        if not any(overlap(one, other) for one, other in itertools.combinations(boxes, 2)):
            break
    return labels, centres


def short_number(value: float) -> str:
    """Two digits of a cost, from a thousand on with k, M or B."""
    for size, unit in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.2g}" if value < 100 else f"{value:.0f}"


def _corners(
    metric: Sequence[float], cost: Sequence[float], places: Sequence[tuple[float, ...]]
) -> list[tuple[float, float]]:
    kept = [place[:2] for place, is_kept in zip(places, front(metric, cost), strict=True) if is_kept]
    return sorted((x, y) for x, y in kept)


def _path(corners: Sequence[tuple[float, float]], end: float) -> str:
    if not corners:
        return ""
    (x, y), *others = corners
    path = f"M{LEFT + x:.1f},{TOP + y:.1f}"
    for x, y in others:
        path += f"H{LEFT + x:.1f}V{TOP + y:.1f}"
    return f"{path}H{LEFT + end:.1f}"


def _moved(place: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    x, *heights = place
    y, low, high = (TOP + height for height in heights)
    return LEFT + x, y, low, high


def _cut(name: str) -> str:
    return name if len(name) <= LABELLED else name[: LABELLED - 1] + "…"


def _with_interval(row: Any, column: str) -> str:
    low, high = (100 * row[f"{column}{end}"] for end in ("_low", "_high"))
    return f"{100 * row[column]:.2f} % [{low:.1f}, {high:.1f}]"
