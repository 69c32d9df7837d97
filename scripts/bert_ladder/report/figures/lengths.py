"""Test accuracy by the length of the text."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
from statsmodels.stats.proportion import proportion_confint

from bert_ladder.data.frames import frame_texts
from bert_ladder.evaluation.predictions import read_test_parts
from bert_ladder.report.charts import FigureFiles, Tooltips, layered, row_marks, row_scales, save_chart

log = logging.getLogger(__name__)

GROUPS = 8
LEAST = 25  # texts that a group should have
HEIGHT, STEP = 320, 10  # pixels: of the panel, of a row within a group
WIDTH = 580  # pixels of a panel of few rows
DIGITS = 4


def plot_lengths(
    paths_predictions: Sequence[str | Path],
    path_test: str | Path,
    runs: Sequence[dict[str, Any]],
    files: FigureFiles,
) -> None:
    """Draw the figure.

    Args:
        paths_predictions: predictions.parquet of every run.
        path_test: test.parquet.
        runs: `model` (name shown) and `seed` of every run, in the same order.
        files: of the figure, to write.
    """
    groups = length_groups(np.array([len(text.split()) for text in frame_texts(path_test)]))
    parts = read_test_parts(paths_predictions, runs, ["label", "prediction"])
    accuracies = pd.concat(
        [row_accuracies(of_row, groups).assign(model=model) for model, of_row in parts.items()], ignore_index=True
    )
    save_chart(lengths_chart(accuracies), files)
    log.info("%d rows, %d groups of texts", len(parts), groups["group"].nunique())


def length_groups(words: np.ndarray) -> pd.DataFrame:
    """Cut the test texts by their number of words into at most `GROUPS` groups of about equal size.

    Texts of one length stay together, so that equal lengths make groups larger or fewer; few texts make fewer groups.

    Args:
        words: number of words of every text, integers, shape (n,).

    Returns:
        For every text in the same order: group (from 0, shortest first), shortest and longest (words of the texts in
        its group).
    """
    count = min(GROUPS, max(1, len(words) // LEAST))
    # The longest text of each group; every group holds at least one text of that length.
    ends = np.unique(np.quantile(words, np.arange(1, count + 1) / count, method="inverted_cdf"))
    frame = pd.DataFrame({"words": words, "group": np.searchsorted(ends, words)})
    lengths = frame.groupby("group")["words"]
    return frame[["group"]].assign(shortest=lengths.transform("min"), longest=lengths.transform("max"))


def row_accuracies(parts: Sequence[pd.DataFrame], groups: pd.DataFrame) -> pd.DataFrame:
    """Accuracy of one row in every group of texts, with Wilson's 95 % interval (Wilson 1927).

    With several seeds the hits are their mean: the interval is over the choice of texts, not over seeds.

    Args:
        parts: the test part of each seed's predictions.
        groups: from `length_groups`, line i for the text of row i.

    Returns:
        One line per group: group, shortest, longest, texts, seeds, accuracy, low, high.
    """
    hits = np.mean([part["label"] == part["prediction"] for part in parts], axis=0)
    of_texts = groups.iloc[parts[0]["row"]].assign(hit=hits)
    lines = of_texts.groupby(["group", "shortest", "longest"])["hit"].agg(texts="size", hits="sum").reset_index()
    low, high = proportion_confint(lines["hits"], lines["texts"], method="wilson")
    lines = lines.assign(accuracy=lines["hits"] / lines["texts"], low=low, high=high, seeds=len(parts))
    return lines.drop(columns="hits")


def lengths_chart(accuracies: pd.DataFrame) -> alt.LayerChart:
    """A line per row of the table through its accuracies, with an interval at every point; points stand side by side.

    Args:
        accuracies: from `row_accuracies`, with `model`; rows in the order of the table.
    """
    models = accuracies["model"].unique().tolist()
    first, last = (accuracies[end].map("{:,}".format) for end in ("shortest", "longest"))
    ranges = first.where(first == last, first + "\N{EN DASH}" + last)
    # The second line of a label.
    data = accuracies.assign(length=ranges + "\n" + accuracies["texts"].map("{:,} texts".format))
    order = data.sort_values("group")["length"].unique().tolist()
    data = data.drop(columns=["group", "shortest", "longest"]).round(DIGITS)
    data = data.merge(row_marks(models)[["model", "dash"]], on="model")
    notes = ["Intervals are over the choice of texts."]
    if accuracies["seeds"].max() > 1:
        notes[0] += " Points: mean over the seeds."

    scales, legend = row_scales(models), alt.Legend(title=None, symbolSize=90, symbolOpacity=1)
    x = alt.X("length:N", sort=order, scale=alt.Scale(domain=order, paddingInner=0.2, paddingOuter=0.1))
    x = x.title("Words in the text").axis(labelAngle=0, labelExpr="split(datum.label, '\\n')", ticks=False)
    offset = alt.XOffset("model:N", sort=models, scale=alt.Scale(domain=models))
    scale = alt.Scale(zero=False)
    y = alt.Y("accuracy:Q", title="Test accuracy, 95 % interval", scale=scale).axis(format="~%")
    colour = alt.Color("model:N", scale=scales["color"], legend=legend)
    tooltip: Tooltips = ["model:N", alt.Tooltip("length:N", title="words"), "seeds:Q"]
    tooltip += [alt.Tooltip(f"{name}:Q", format=".2%") for name in ("accuracy", "low", "high")]
    base = alt.Chart(data).encode(x=x, xOffset=offset, color=colour, tooltip=tooltip)
    layers = layered(
        # Without a scale, so that the legend shows the marks.
        base.mark_line(strokeWidth=1.5, opacity=0.7).encode(y=y, strokeDash=alt.StrokeDash("dash:N", scale=None)),
        base.mark_rule(strokeWidth=1.5).encode(y=alt.Y("low:Q", scale=scale), y2="high:Q"),
        base.mark_point(filled=True, size=50, opacity=1).encode(
            y=y, shape=alt.Shape("model:N", scale=scales["shape"], legend=legend)
        ),
    )
    width = max(WIDTH, len(order) * (len(models) * STEP + 20))
    return layers.properties(width=width, height=HEIGHT, title=alt.Title("Accuracy by text length", subtitle=notes))
