"""A test metric of every row with its 95 % interval, and of every seed."""

import logging
from collections.abc import Sequence
from pathlib import Path

import altair as alt
import pandas as pd

from bert_ladder.data.frames import read_rows
from bert_ladder.report.charts import GREY, FigureFiles, Tooltips, layered, row_scales, save_chart
from bert_ladder.report.records import read_record
from bert_ladder.report.results import METRICS

log = logging.getLogger(__name__)

WIDTH, STEP = 520, 40  # pixels: of the panel, of a row
SEEDS = "over seeds and test examples"
EXAMPLES = "over test examples only: one seed"
THESE_SEEDS = "over test examples only: these seeds"
DASH = {SEEDS: [1, 0], EXAMPLES: [4, 3], THESE_SEEDS: [4, 3]}


def plot_rows(
    path_table: str | Path,
    paths_metrics: Sequence[str | Path],
    metric: str,
    files: FigureFiles,
) -> None:
    """Draw the figure.

    Args:
        path_table: table.csv.
        paths_metrics: metrics.json of every run.
        metric: "accuracy" or "f1".
        files: of the figure, to write.
    """
    rows = read_rows(path_table)
    runs = pd.DataFrame(map(read_record, paths_metrics))
    save_chart(rows_chart(rows, runs, metric), files)
    log.info("%s: %d rows, %d runs", metric, len(rows), len(runs))


def rows_chart(table: pd.DataFrame, runs: pd.DataFrame, metric: str) -> alt.LayerChart:
    """A line per row in table order: its mean with its interval, and below it a ring per seed.

    Behind them stand the value and the interval of the best baseline. Intervals that say nothing of other seeds are
    dashed.

    Args:
        table: table.csv, with model, kind, parameters, seeds, interval, and the metric with its _low and _high (which
            may be empty).
        runs: one line per run, as in metrics.json.
        metric: "accuracy" or "f1".
    """
    column, title = METRICS[metric].test, f"Test {METRICS[metric].name}"
    columns = {column: "value", f"{column}_low": "low", f"{column}_high": "high"}
    rows = table[["model", "kind", "parameters", "seeds", "interval", *columns]].rename(columns=columns)
    rows["interval"] = [
        SEEDS if method == "seeds and examples" else THESE_SEEDS if seeds > 1 else EXAMPLES
        for method, seeds in zip(rows["interval"], rows["seeds"], strict=True)
    ]
    single = runs[["model", "seed", column]].rename(columns={column: "value"})
    scales = row_scales(rows["model"].tolist())

    ends = pd.concat([rows["value"], rows["low"], rows["high"], single["value"]])
    margin = max((ends.max() - ends.min()) / 20, 0.002)
    domain = [max(0.0, float(ends.min() - margin)), min(1.0, float(ends.max() + margin))]
    scale = alt.Scale(domain=domain, nice=False, zero=False)
    x = alt.X("value:Q", title=f"{title}, 95 % interval", scale=scale).axis(format="~%", tickCount=8)
    low = alt.X("low:Q", scale=scale)
    # Of a nominal axis' own order "NA" or "10" would be sorted as text.
    y = alt.Y("model:N", sort=rows["model"].tolist(), title=None).axis(ticks=False, domain=False, labelPadding=8)
    present = [name for name in DASH if name in set(rows["interval"])]
    dash = alt.StrokeDash("interval:N", scale=alt.Scale(domain=present, range=[DASH[name] for name in present]))
    dash = dash.legend(title="95 % interval", orient="bottom", direction="vertical", symbolSize=600)
    colour, shape = (
        alt.Color("model:N", scale=scales["color"], legend=None),
        alt.Shape("model:N", scale=scales["shape"], legend=None),
    )
    tooltip: Tooltips = ["model:N", alt.Tooltip("parameters:Q", format=","), "seeds:Q"]
    tooltip += [alt.Tooltip(f"{name}:Q", format=".2%") for name in ("value", "low", "high")] + ["interval:N"]

    means = alt.Chart(rows).encode(y=y, color=colour, tooltip=tooltip)
    seeds = alt.Chart(single).encode(
        x=x, y=y, color=colour, tooltip=["model:N", "seed:N", alt.Tooltip("value:Q", format=".2%")]
    )
    notes = ["Large mark: mean over the seeds. Rings below it: the single seeds."]
    layers = []
    baselines = rows[rows["kind"] == "baseline"]
    if len(baselines):
        best = baselines.loc[[baselines["value"].idxmax()]]
        band = alt.Chart(best).encode(tooltip=tooltip)
        layers = [
            band.mark_rect(color=GREY, opacity=0.12).encode(x=low, x2="high:Q"),
            band.mark_rule(color=GREY, strokeDash=[2, 2]).encode(x=x),
        ]
        notes.append(f"Grey band: {best['model'].iloc[0]}, the best linear baseline, with its interval.")
    return layered(
        *layers,
        means.mark_rule(strokeWidth=2.5, yOffset=-5).encode(x=low, x2="high:Q", strokeDash=dash),
        means.mark_point(filled=True, size=90, opacity=1, yOffset=-5).encode(x=x, shape=shape),
        seeds.mark_point(filled=False, size=30, opacity=0.9, strokeWidth=1.5, yOffset=8, shape="circle"),
        alt.Chart(rows)
        .mark_text(align="left", dx=10)
        .encode(x=alt.value("width"), y=y, text=alt.Text("value:Q", format=".2%")),
    ).properties(width=WIDTH, height=alt.Step(STEP), title=alt.Title(title, subtitle=notes))
