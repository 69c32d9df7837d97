"""Reliability diagrams on the test split: how sure each row is of its predictions, and how often they are right."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from bert_ladder.data.frames import read_rows
from bert_ladder.evaluation.metrics import CALIBRATION_BINS
from bert_ladder.evaluation.predictions import class_probabilities, read_test_parts
from bert_ladder.report.charts import GREY, FigureFiles, Tooltips, layered, row_scales, save_chart
from bert_ladder.report.placing import FONT

log = logging.getLogger(__name__)

SIZE = 190  # pixels of a panel
COLUMNS = (3, 2)  # panels side by side, whichever leaves fewer gaps
DIGITS = 4


def plot_reliability(
    paths_predictions: Sequence[str | Path],
    path_table: str | Path,
    runs: Sequence[dict[str, Any]],
    files: FigureFiles,
) -> None:
    """Draw the figure.

    Args:
        paths_predictions: predictions.parquet of every run.
        path_table: table.csv.
        runs: `model` (name shown) and `seed` of every run, in the same order.
        files: of the figure, to write.
    """
    parts = read_test_parts(paths_predictions, runs)
    bins = pd.concat([row_bins(of_row).assign(model=model) for model, of_row in parts.items()], ignore_index=True)
    table = read_rows(path_table).set_index("model")
    errors = {model: (float(table["ece"][model]), float(table["calibrated_ece"][model])) for model in parts}
    save_chart(reliability_chart(bins, errors), files)
    log.info("%d rows", len(parts))


def confidence_and_hit(part: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Probability of the predicted class, floats of shape (n,), and whether the prediction is right, bool.

    Args:
        part: predictions of one seed.
    """
    return class_probabilities(part).max(axis=1), (part["label"] == part["prediction"]).to_numpy()


def row_bins(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Confidence against accuracy in bins of equal width (Guo et al. 2017, section 2), all seeds of a row together.

    Args:
        parts: the test part of each seed's predictions.

    Returns:
        One line per bin that has predictions: low and high (its ends; the upper one belongs to it), confidence and
        accuracy (means), share (of all predictions), count (predictions, over all seeds).
    """
    confidence, hit = (np.concatenate(arrays) for arrays in zip(*map(confidence_and_hit, parts), strict=True))
    edges = np.linspace(0, 1, CALIBRATION_BINS + 1)
    number = pd.cut(confidence, edges.tolist(), labels=False, include_lowest=True)
    predictions = pd.DataFrame({"bin": number, "confidence": confidence, "accuracy": hit})
    bins = predictions.groupby("bin").agg(
        confidence=("confidence", "mean"), accuracy=("accuracy", "mean"), count=("accuracy", "size")
    )
    bins.insert(0, "low", edges[bins.index])
    bins.insert(1, "high", edges[bins.index + 1])
    return bins.assign(share=bins["count"] / len(hit)).reset_index(drop=True)


def reliability_chart(bins: pd.DataFrame, errors: dict[str, tuple[float, float]]) -> alt.FacetChart:
    """A panel per row of the table: a point per bin, its area the bin's share, and its way to the diagonal.

    Args:
        bins: from `row_bins`, with `model`.
        errors: expected calibration error of every row, and that at its temperature, in the order of the table.
    """
    models = list(errors)
    # What never occurs is not drawn: of two classes, no confidence is below a half.
    least = float(min(bins["confidence"].min(), bins["accuracy"].min()))
    floor = np.floor(10 * least) / 10 if least < 1 else 0.9
    ends = pd.DataFrame(
        {"model": models, "text": [f"ECE {own:.2%} → {calibrated:.2%}" for own, calibrated in errors.values()]}
    )
    ends = ends.assign(kind="end", start=floor, end=1.0)
    data = pd.concat([bins.assign(kind="bin").round(DIGITS), ends], ignore_index=True)

    scale = alt.Scale(domain=[floor, 1], nice=False, zero=False)
    x = alt.X("confidence:Q", title="Confidence", scale=scale).axis(format="~%", tickCount=5, labelFlush=False)
    y = alt.Y("accuracy:Q", title="Accuracy", scale=scale).axis(format="~%", tickCount=5)
    colour = alt.Color("model:N", scale=row_scales(models)["color"], legend=None)
    sizes = alt.Scale(domain=[0, float(bins["share"].max())], range=[6, 320], zero=True)
    area = alt.Size("share:Q", scale=sizes, title=["Share of the", "predictions"])
    tooltip: Tooltips = [
        "model:N",
        alt.Tooltip("low:Q", title="confidence above", format=".1%"),
        alt.Tooltip("high:Q", title="up to", format=".1%"),
        alt.Tooltip("confidence:Q", title="mean confidence", format=".1%"),
        alt.Tooltip("accuracy:Q", format=".1%"),
        alt.Tooltip("share:Q", title="share of the predictions", format=".2%"),
        alt.Tooltip("count:Q", title="predictions", format=","),
    ]
    points = alt.Chart().transform_filter(alt.datum["kind"] == "bin").encode(x=x, color=colour, tooltip=tooltip)
    once = alt.Chart().transform_filter(alt.datum["kind"] == "end")
    diagonal = {"x": alt.X("start:Q", scale=scale), "y": alt.Y("start:Q", scale=scale), "x2": "end:Q", "y2": "end:Q"}
    layers = layered(
        once.mark_rule(color=GREY, strokeDash=[4, 3]).encode(**diagonal),
        points.mark_rule(strokeWidth=1.5).encode(y=alt.Y("confidence:Q", scale=scale), y2="accuracy:Q"),
        points.mark_circle(opacity=0.85).encode(y=y, size=area.legend(format="~%", tickCount=4, symbolFillColor=GREY)),
        once.mark_text(align="left", fontWeight="bold", fontSize=FONT).encode(
            x=alt.value(8), y=alt.value(12), text="text:N"
        ),
        data=data,
    ).properties(width=SIZE, height=SIZE)
    header = alt.Header(labelFontWeight="bold", labelLimit=SIZE + 20)
    notes = [
        "Dashed: confidence equals accuracy. Points below it: too sure; above it: not sure enough.",
        "Area: share of the predictions. ECE: expected calibration error, as in the table; behind the arrow with a",
        "temperature that was fitted on the validation part.",
    ]
    return layers.facet(
        facet=alt.Facet("model:N", sort=models, title=None, header=header),
        columns=min(COLUMNS, key=lambda columns: -len(models) % columns),
        title=alt.Title("Confidence and accuracy", subtitle=notes, offset=14),
    ).resolve_axis(x="independent")
