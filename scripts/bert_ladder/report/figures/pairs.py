"""Every row against every other: the difference of a test metric, and whether it is more than noise."""

import logging
from pathlib import Path
from typing import Any

import altair as alt
import pandas as pd

from bert_ladder.data.frames import read_rows
from bert_ladder.report.charts import BLACK, ORANGE, SKY, FigureFiles, Tooltips, layered, message_chart, save_chart
from bert_ladder.report.placing import FONT
from bert_ladder.report.results import METRICS, both_ways

log = logging.getLogger(__name__)

CELL = {"width": 62, "height": 40}  # pixels
VERDICTS = {"better": "better", "worse": "worse", "not separable": "n.s."}
MODELS_ONLY = "these trained models"
NONE = "\N{EN DASH}"
MARK = "*"  # at verdicts about the trained models only, where others speak of seeds too


def plot_pairs(path_pairs: str | Path, files: FigureFiles) -> None:
    """Draw the figure.

    Args:
        path_pairs: pairs.csv.
        files: of the figure, to write.
    """
    pairs = read_rows(path_pairs)
    nothing = "The table has one row: there is nothing to compare it with."
    save_chart(pairs_chart(pairs) if len(pairs) else message_chart(nothing), files)
    log.info("%d pairs", len(pairs))


def pairs_chart(pairs: pd.DataFrame) -> alt.LayerChart:
    """A matrix in table order: the row at the left against the row at the top, in points, and the verdict below.

    Args:
        pairs: pairs.csv with at least one pair, in table order.
    """
    models = pd.unique(pd.concat([pairs["model_a"], pairs["model_b"]])).tolist()
    cells = both_ways(pairs)
    points = ["difference", "low", "high"]
    cells[points] = 100 * cells[points]
    scopes = set(pairs["scope"])
    mark = MARK if len(scopes) > 1 else ""
    cells["shown"] = cells["verdict"].map(VERDICTS) + cells["scope"].map(lambda scope: mark * (scope == MODELS_ONLY))
    cells["seeds"] = cells["seeds_a"].astype(str) + " and " + cells["seeds_b"].astype(str)
    for needed in ("seeds_needed", "examples_needed"):
        cells[needed] = [NONE if pd.isna(count) else f"{count:,.0f}" for count in cells[needed]]
    largest = float(cells["difference"].abs().max()) or 1.0

    metric = f"test {METRICS[pairs['metric'].iloc[0]].name}"
    axis: dict[str, Any] = {"sort": models, "scale": alt.Scale(domain=models), "title": None}
    x = alt.X("model_b:N", **axis).axis(orient="top", labelAngle=-40, domain=False, ticks=False, labelPadding=6)
    y = alt.Y("model_a:N", **axis).axis(domain=False, ticks=False, labelPadding=6)
    colour = alt.Color(
        "difference:Q",
        scale=alt.Scale(domain=[-largest, 0, largest], range=[ORANGE, "#f7f7f7", SKY]),
        legend=alt.Legend(title="Points", format="+.1f", gradientLength=120),
    )
    tooltip: Tooltips = [
        alt.Tooltip("model_a:N", title="row"),
        alt.Tooltip("model_b:N", title="against"),
        alt.Tooltip("verdict:N"),
        *(alt.Tooltip(f"{name}:Q", title=f"{name} (points)", format="+.2f") for name in points),
        alt.Tooltip("p_value:Q", title="p", format=".3~g"),
        alt.Tooltip("p_holm:Q", title="p after Holm", format=".3~g"),
        alt.Tooltip("test:N"),
        alt.Tooltip("scope:N"),
        alt.Tooltip("seeds:N"),
        alt.Tooltip("seeds_needed:N", title="seeds needed"),
        alt.Tooltip("examples_needed:N", title="test examples needed"),
    ]
    notes = [f"Difference of {metric} in points, the row at the left minus the row at the top; n.s.: not separable."]
    if scopes == {MODELS_ONLY}:
        notes.append("The verdicts are about these trained models; they say nothing about other seeds.")
    elif mark:
        notes.append(f"{mark} about these trained models only, not about other seeds.")
    base = alt.Chart(cells).encode(x=x, y=y, tooltip=tooltip)
    separable, other = (base.transform_filter(f"datum.verdict {sign} 'not separable'") for sign in ("!=", "=="))
    place: dict[str, Any] = {"fontSize": FONT - 1, "dy": 9}
    return layered(
        base.mark_rect(stroke="white", strokeWidth=2).encode(color=colour),
        base.mark_text(dy=-7, color=BLACK).encode(text=alt.Text("difference:Q", format="+.2f")),
        separable.mark_text(color=BLACK, fontWeight="bold", **place).encode(text="shown:N"),
        other.mark_text(color="#444444", **place).encode(text="shown:N"),
    ).properties(
        width=alt.Step(CELL["width"]),
        height=alt.Step(CELL["height"]),
        title=alt.Title("Rows against rows", subtitle=notes),
    )
