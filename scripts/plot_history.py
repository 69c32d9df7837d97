"""Learning curves: loss and accuracy by epoch on the training and the validation part."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import altair as alt
import pandas as pd

from _job import run_job

log = logging.getLogger(__name__)

WIDTH, HEIGHT = 260, 110  # pixels of a panel
# Okabe and Ito's palette, told apart by colour-blind readers too; the shapes say the same.
PARTS = {"training": "#D55E00", "validation": "#0072B2"}
MEASURES = {"loss": "Loss", "accuracy": "Accuracy"}


def plot_history(
    paths_history: Sequence[str | Path],
    path_spec: str | Path,
    path_figure: str | Path,
    runs: Sequence[dict[str, Any]],
) -> None:
    """Draw the figure.

    Args:
        paths_history: history.csv of every run.
        path_spec: Vega-Lite specification to write.
        path_figure: SVG to write.
        runs: `model` and `seed` of every run, in the same order.
    """
    history = read_histories(paths_history, runs)
    chart = history_chart(history)
    chart.save(path_spec, format="json")
    chart.save(path_figure, format="svg")
    log.info("%d runs", len(runs))


def read_histories(paths_history: Sequence[str | Path], runs: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """All histories in long form: model, seed, epoch, part ("training" or "validation"), loss, accuracy."""
    frames = []
    for path, run in zip(paths_history, runs, strict=True):
        history = pd.read_csv(path)
        for part, prefix in (("training", ""), ("validation", "validation_")):
            columns = {f"{prefix}{measure}": measure for measure in MEASURES}
            frames.append(
                history[["epoch", *columns]]
                .rename(columns=columns)
                .assign(part=part, model=str(run["model"]), seed=run["seed"])
            )
    return pd.concat(frames, ignore_index=True)


def history_chart(history: pd.DataFrame) -> alt.HConcatChart:
    """A line of panels per row of the table, loss and accuracy; in each a curve per part and seed.

    Every epoch has its mark, so that one epoch shows too.

    Args:
        history: from `read_histories`.
    """
    models = history["model"].unique().tolist()
    epochs = sorted(history["epoch"].unique().tolist())
    ticks = epochs if len(epochs) <= 10 else alt.Undefined
    x = alt.X("epoch:Q", title="Epoch", scale=alt.Scale(domain=[epochs[0] - 0.5, epochs[-1] + 0.5], nice=False))
    x = x.axis(values=ticks, format="d", tickMinStep=1, grid=False)
    scale = {"domain": list(PARTS), "range": list(PARTS.values())}
    panels = []
    for measure, title in MEASURES.items():
        y = alt.Y(f"{measure}:Q", title=title, scale=alt.Scale(zero=False))
        panel = (
            alt.Chart()
            .encode(
                x=x,
                y=y.axis(format="~%") if measure == "accuracy" else y,
                color=alt.Color("part:N", scale=alt.Scale(**scale), legend=alt.Legend(title=None, orient="top")),
                detail="seed:N",
                tooltip=["model:N", "seed:N", "part:N", "epoch:Q", alt.Tooltip(f"{measure}:Q", format=".4f")],
            )
            .properties(width=WIDTH, height=HEIGHT)
        )
        shape = alt.Shape("part:N", scale=alt.Scale(domain=list(PARTS), range=["circle", "square"]))
        points = panel.mark_point(filled=True, size=50, opacity=0.9).encode(shape=shape)
        layers = alt.layer(panel.mark_line(), points, data=history)
        # The names stand once, left of the loss.
        header = alt.Header(labelAngle=0, labelAlign="left", labelFontWeight="bold", labels=measure == "loss")
        rows = alt.Row("model:N", sort=models, title=None, header=header)
        panels.append(layers.facet(row=rows, spacing=16, bounds="flush"))
    return alt.hconcat(*panels).configure_view(stroke="#d0d0d0").configure_axis(gridColor="#ececec")


def main(snakemake: Any) -> None:
    plot_history(
        paths_history=list(snakemake.input.history),
        path_spec=snakemake.output.spec,
        path_figure=snakemake.output.figure,
        runs=snakemake.params.runs,
    )


if __name__ == "__main__":
    run_job(main, snakemake)
