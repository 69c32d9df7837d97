"""ROC and precision-recall curves on the test split."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
from sklearn.metrics import precision_recall_curve, roc_curve

from bert_ladder.data.frames import read_labels, read_rows
from bert_ladder.evaluation.predictions import read_test_parts
from bert_ladder.report.charts import (
    GREY,
    Chart,
    FigureFiles,
    Tooltips,
    layered,
    message_chart,
    row_marks,
    row_scales,
    save_chart,
)

log = logging.getLogger(__name__)

SIZE = 370  # pixels of a panel
ROC, PR = "roc", "pr"
AREAS = {ROC: "roc_auc", PR: "pr_auc"}  # the area under each, as table.csv has it
# Where the curves are averaged: denser where good models have their bend, at a low false positive rate, a high recall.
FALSE_POSITIVE_RATES = np.linspace(0, 1, 91) ** 2
RECALLS = 1 - FALSE_POSITIVE_RATES[::-1]
DIGITS = 4


def plot_curves(
    paths_predictions: Sequence[str | Path],
    path_labels: str | Path,
    path_table: str | Path,
    runs: Sequence[dict[str, Any]],
    files: FigureFiles,
) -> None:
    """Draw the figure.

    Args:
        paths_predictions: predictions.parquet of every run.
        path_labels: labels.json.
        path_table: table.csv.
        runs: `model` (name shown) and `seed` of every run, in the same order.
        files: of the figure, to write.
    """
    names, positive = read_labels(path_labels)
    codes = list(range(len(names))) if len(names) > 2 else [1 if positive is None else positive]
    parts = read_test_parts(paths_predictions, runs, ["label", *(f"probability_{code}" for code in codes)])
    shares = class_shares(next(iter(parts.values()))[0]["label"], codes)
    if shares:
        areas = read_rows(path_table).set_index("model")[list(AREAS.values())]
        curves = pd.concat([row_curves(of_row, list(shares)).assign(model=model) for model, of_row in parts.items()])
        found = [areas[AREAS[curve]][model] for curve, model in zip(curves["curve"], curves["model"], strict=True)]
        curves.insert(1, "area", np.round(np.array(found, float), DIGITS))
        of = f"Positive class: {names[codes[0]]}."
        if len(names) > 2:
            count = f"{len(shares)} of the {len(names)}" if len(shares) < len(names) else f"the {len(names)}"
            of = f"Mean over {count} classes, each against all others."
        chart: Chart = curves_chart(curves, float(np.mean(list(shares.values()))), of)
    else:
        chart = message_chart("The test texts are all of one class: there is no curve to draw.")
    save_chart(chart, files)
    log.info("%d rows, curves of %d of %d classes", len(parts), len(shares), len(names))


def class_shares(labels: pd.Series, codes: Sequence[int]) -> dict[int, float]:
    """The share of the test texts of each class that has a curve: some texts, but not all, are of it.

    Args:
        labels: of the test texts, codes.
        codes: the classes asked for.
    """
    shares = {code: float((labels == code).mean()) for code in codes}
    return {code: share for code, share in shares.items() if 0 < share < 1}


def row_curves(parts: Sequence[pd.DataFrame], codes: Sequence[int]) -> pd.DataFrame:
    """Both curves of one row, averaged over its seeds at fixed places (vertical averaging, Fawcett 2006, section 8.1).

    Args:
        parts: the test part of each seed's predictions.
        codes: the classes that the curves are of, each against all others; of several, the mean of their curves.

    Returns:
        A line for ROC and one for precision and recall: curve, seeds, and lists of floats: x, y (mean over seeds), low,
        high (least and greatest over seeds).
    """
    lines = []
    for curve, x, curve_of in ((ROC, FALSE_POSITIVE_RATES, roc_heights), (PR, RECALLS, precision_heights)):
        heights = []
        for part in parts:
            labels = part["label"].to_numpy()
            of_classes = [curve_of(labels == code, part[f"probability_{code}"].to_numpy()) for code in codes]
            heights.append(np.mean(of_classes, axis=0))
        bounds = {"y": np.mean(heights, axis=0), "low": np.min(heights, axis=0), "high": np.max(heights, axis=0)}
        line = {"x": x} | bounds
        if curve == ROC:  # every curve starts in the corner
            line = {name: np.append(0.0, values) for name, values in line.items()}
        lists = {name: values.round(DIGITS).tolist() for name, values in line.items()}
        lines.append({"curve": curve, "seeds": len(parts)} | lists)
    return pd.DataFrame(lines)


def roc_heights(target: np.ndarray, score: np.ndarray) -> np.ndarray:
    """True positive rate at `FALSE_POSITIVE_RATES`.

    Args:
        target: whether a text is of the class, bool, shape (n,); some are and some are not.
        score: the class's probability, floats, shape (n,).
    """
    false_positive, true_positive, _ = roc_curve(target, score)
    # Where the curve rises straight up, interpolation gives its upper end.
    return np.interp(FALSE_POSITIVE_RATES, false_positive, true_positive)


def precision_heights(target: np.ndarray, score: np.ndarray) -> np.ndarray:
    """Precision at `RECALLS`.

    Between two points a precision-recall curve is no straight line (Davis and Goadrich 2006): as in the average
    precision, a recall that no threshold gives has the precision of the next higher one.

    Args:
        target, score: see `roc_heights`.
    """
    precision, recall, _ = precision_recall_curve(target, score)
    # From the highest threshold to the lowest; scikit-learn's point without any prediction has no precision.
    precision, recall = precision[-2::-1], recall[-2::-1]
    smallest = recall[recall > 0][0]
    return precision[np.searchsorted(recall, np.maximum(RECALLS, smallest))]


def curves_chart(curves: pd.DataFrame, share: float, of: str) -> alt.HConcatChart:
    """Both curves of every row, side by side, with bands from the least to the greatest seed.

    Args:
        curves: from `row_curves`, with `model` and `area`; rows in the order of the table.
        share: of the test texts that are of the class, the precision of a guess; the mean where there are several.
        of: what the curves are of, a sentence.
    """
    models = curves["model"].unique().tolist()
    curves = curves.merge(row_marks(models)[["model", "colour"]], on="model")
    lowest = min(share, *(min(low) for low in curves.loc[curves["curve"] == PR, "low"]))
    floor = np.floor(10 * lowest) / 10
    notes = [of, "Dotted: a guess."]
    if curves["seeds"].max() > 1:
        notes[1] += " Lines: mean over the seeds. Bands: from the least to the greatest seed."

    roc = _panel(curves, models, ROC, ("False positive rate", "True positive rate (recall)"), 0.0, [(0, 0), (1, 1)])
    pr = _panel(curves, models, PR, ("Recall", "Precision"), float(floor), [(0, share), (1, share)])
    panels = roc.properties(title="ROC"), pr.properties(title="Precision and recall")
    return alt.hconcat(*panels, spacing=30).properties(
        title=alt.Title("ROC and precision-recall curves", subtitle=notes)
    )


def _panel(
    curves: pd.DataFrame,
    models: Sequence[str],
    curve: str,
    titles: tuple[str, str],
    floor: float,
    guess: Sequence[tuple[float, float]],
) -> alt.LayerChart:
    """One kind of curve.

    Args:
        curves, models: see `curves_chart`.
        curve: "roc" or "pr".
        titles: of the axes.
        floor: lower end of the vertical axis.
        guess: two points of the line that a model which only guesses has.
    """
    scales = row_scales(models)
    legend = alt.Legend(title=None, symbolType="stroke", symbolSize=600, orient="bottom", columns=3)
    x = alt.X("x:Q", title=titles[0], scale=alt.Scale(domain=[0, 1])).axis(format="~%", tickCount=5)
    y_scale = alt.Scale(domain=[floor, 1], zero=False)
    y = alt.Y("y:Q", title=titles[1], scale=y_scale).axis(format="~%", tickCount=5)
    tooltip: Tooltips = ["model:N", "seeds:Q", alt.Tooltip("area:Q", title="area under the curve", format=".4f")]
    tooltip += [alt.Tooltip(f"{axis}:Q", title=title, format=".1%") for axis, title in zip("xy", titles, strict=True)]
    lines = curves[curves["curve"] == curve].drop(columns="curve")
    base = alt.Chart(lines).transform_flatten(["x", "y", "low", "high"]).encode(x=x)
    several = base.transform_filter(alt.datum["seeds"] > 1)
    diagonal = pd.DataFrame(guess, columns=["x", "y"])
    return layered(
        alt.Chart(diagonal).mark_line(color=GREY, strokeDash=[1, 3]).encode(x=x, y=y),
        several.mark_area(opacity=0.15).encode(
            y=alt.Y("low:Q", scale=y_scale),
            y2="high:Q",
            # Without a scale, so that the legend shows lines.
            fill=alt.Fill("colour:N", scale=None),
            detail="model:N",
        ),
        base.mark_line(strokeWidth=2).encode(
            y=y,
            color=alt.Color("model:N", scale=scales["color"], legend=legend),
            strokeDash=alt.StrokeDash("model:N", scale=scales["strokeDash"], legend=legend),
            order="x:Q",
            tooltip=tooltip,
        ),
    ).properties(width=SIZE, height=SIZE)
