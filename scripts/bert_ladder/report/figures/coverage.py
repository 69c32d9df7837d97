"""Risk against coverage on the test split: how often each row is wrong if it answers only what it is surest of."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from bert_ladder.evaluation.calibration import risk_by_coverage
from bert_ladder.evaluation.predictions import class_probabilities, read_test_parts
from bert_ladder.report.charts import FigureFiles, Tooltips, layered, row_scales, save_chart

log = logging.getLogger(__name__)

SIZE = (560, 340)  # pixels
COVERAGES = np.linspace(0.01, 1, 100)
DIGITS = 5


def plot_coverage(paths_predictions: Sequence[str | Path], runs: Sequence[dict[str, Any]], files: FigureFiles) -> None:
    """Draw the figure.

    Args:
        paths_predictions: predictions.parquet of every run.
        runs: `model` (name shown) and `seed` of every run, in the same order.
        files: of the figure, to write.
    """
    parts = read_test_parts(paths_predictions, runs)
    risks = pd.concat([row_risks(of_row).assign(model=model) for model, of_row in parts.items()], ignore_index=True)
    save_chart(coverage_chart(risks), files)
    log.info("%d rows", len(parts))


def row_risks(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Share of wrong answers among those that are given, the mean over the seeds of a row.

    Args:
        parts: the test part of each seed's predictions.

    Returns:
        A line for each of `COVERAGES`: coverage, risk, seeds. Where texts of one confidence lie across a coverage, the
        risk is that of answering all of them.
    """
    risks = []
    for part in parts:
        confidence = class_probabilities(part).max(axis=1)
        coverage, risk, _ = risk_by_coverage(confidence, (part["label"] == part["prediction"]).to_numpy())
        risks.append(risk[np.searchsorted(coverage, COVERAGES - 1e-9)])
    return pd.DataFrame({"coverage": COVERAGES, "risk": np.mean(risks, axis=0), "seeds": len(parts)})


def coverage_chart(risks: pd.DataFrame) -> alt.LayerChart:
    """A line per row.

    Args:
        risks: from `row_risks`, with `model`, in the order of the table.
    """
    models = risks["model"].unique().tolist()
    scales = row_scales(models)
    legend = alt.Legend(title=None, symbolType="stroke", symbolSize=600, orient="bottom", columns=3)
    tooltip: Tooltips = [
        "model:N",
        alt.Tooltip("coverage:Q", title="texts answered", format=".0%"),
        alt.Tooltip("risk:Q", title="wrong among them", format=".2%"),
        "seeds:Q",
    ]
    notes = ["Texts are answered in the order of the probability of their answer, the surest first."]
    if risks["seeds"].max() > 1:
        notes[0] += " Lines: mean over the seeds."
    lines = alt.Chart(risks.round(DIGITS)).mark_line(strokeWidth=2)
    return layered(
        lines.encode(
            x=alt.X("coverage:Q", title="Texts answered", scale=alt.Scale(domain=[0, 1])).axis(format="~%"),
            y=alt.Y("risk:Q", title="Wrong answers among them", scale=alt.Scale(zero=True)).axis(format="~%"),
            color=alt.Color("model:N", scale=scales["color"], legend=legend),
            strokeDash=alt.StrokeDash("model:N", scale=scales["strokeDash"], legend=legend),
            tooltip=tooltip,
        )
    ).properties(width=SIZE[0], height=SIZE[1], title=alt.Title("Risk against coverage", subtitle=notes))
