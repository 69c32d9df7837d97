"""Learning curves: loss, accuracy and calibration error by epoch on the training and the validation part."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import altair as alt
import pandas as pd

from bert_ladder.report.charts import (
    BLACK,
    BLUE,
    GREY,
    VERMILLION,
    FigureFiles,
    Tooltips,
    epoch_axis,
    layered,
    save_chart,
)
from bert_ladder.report.records import read_histories

log = logging.getLogger(__name__)

WIDTH, HEIGHT = 235, 110  # pixels of a panel
SPACING = 40  # pixels between rows of panels, with the next row's name
# Part -> prefix of its columns in history.csv, colour, shape, dash.
PARTS = {
    "training": ("train_", VERMILLION, "circle", [5, 3]),
    "validation": ("validation_", BLUE, "square", [1, 0]),
}
# Measure -> title and format of its axis.
MEASURES = {"loss": ("Loss", "~g"), "accuracy": ("Accuracy", "~%"), "ece": ("ECE", "~%")}
# What a line of the figure's data is: a seed, the mean of a row, or a mark on one of them.
SEED, MEAN, LAST, KEPT, BEST = "seed", "mean", "last", "kept", "best"
DIGITS = 5


def plot_history(
    paths_history: Sequence[str | Path],
    paths_training: Sequence[str | Path],
    runs: Sequence[dict[str, Any]],
    files: FigureFiles,
) -> None:
    """Draw the figure.

    Args:
        paths_history, paths_training: history.csv and training.json of every run.
        runs: `model` (name shown) and `seed` of every run, in the same order.
        files: of the figure, to write.
    """
    histories = read_histories(paths_history, paths_training, runs)
    save_chart(history_chart(long_history(histories)), files)
    log.info("%d runs", len(runs))


def long_history(histories: pd.DataFrame) -> pd.DataFrame:
    """All histories in long form.

    Args:
        histories: from `read_histories`.

    Returns:
        One line per run, epoch and part: model, seed, part ("training" or "validation"), epoch, loss (nats), accuracy,
        ece, kept.
    """
    frames = []
    for _, history in histories.groupby(["model", "seed"], sort=False):
        for part, (prefix, *_) in PARTS.items():
            columns = {f"{prefix}{measure}": measure for measure in MEASURES}
            frame = history[["model", "seed", "epoch", *columns, "kept"]].rename(columns=columns)
            frames.append(frame.assign(part=part))
    return pd.concat(frames, ignore_index=True)


def mean_history(history: pd.DataFrame) -> pd.DataFrame:
    """The mean over the seeds of each row, over the epochs that all its seeds have: early stopping ends some before.

    Args:
        history: from `long_history`.

    Returns:
        One line per row, part and epoch: model, part, epoch, seeds, loss, accuracy, ece.
    """
    groups = history.groupby(["model", "part", "epoch"], sort=False)
    means = groups[list(MEASURES)].mean().assign(seeds=groups["seed"].nunique()).reset_index()
    return means[means["seeds"] == means["model"].map(history.groupby("model")["seed"].nunique())]


def best_epochs(means: pd.DataFrame) -> pd.DataFrame:
    """The validation line of each row with the least mean loss, of several the first; none where no loss is finite.

    Args:
        means: from `mean_history`.
    """
    validation = means[means["part"] == "validation"].dropna(subset="loss")
    return validation.sort_values("loss", kind="stable").drop_duplicates("model")


def history_chart(history: pd.DataFrame) -> alt.HConcatChart:
    """A line of panels per row of the table; in each a thin curve per part and seed and a thick one for their mean.

    A mark ends every seed's curve, so that one epoch shows too.

    Args:
        history: from `long_history`.
    """
    models = history["model"].unique().tolist()
    notes = ["Measured after each epoch with dropout off. ECE: expected calibration error."]
    best = "Vertical line: the best validation loss."
    if history.groupby("model")["seed"].nunique().max() > 1:
        notes.append("Thick: mean over the seeds, over the epochs that all of them have. Thin: the single seeds.")
        best = "Vertical line: the best mean validation loss."
    notes.append(f"{best} Ring: the epoch whose weights were kept.")
    data = _marks(history)
    facets = []
    for measure in MEASURES:
        # The names stand once, above the panels of the loss; elsewhere blanks take their place.
        names = alt.Undefined if measure == "loss" else "' '"
        header = alt.Header(labelOrient="top", labelAnchor="start", labelFontWeight="bold", labelExpr=names)
        header.labelLimit = WIDTH
        row = alt.Row("model:N", sort=models, title=None, header=header)
        # Flush, so that panels of one row stand at one height whatever their axes need.
        facets.append(_panel(data, measure).facet(data=data, row=row, spacing=SPACING, bounds="flush"))
    return alt.hconcat(*facets, spacing=24).properties(title=alt.Title("Learning curves", subtitle=notes))


def _marks(history: pd.DataFrame) -> pd.DataFrame:
    """What is drawn, each line of data with its `role`."""
    means = mean_history(history)
    seeds = history.groupby("model")["seed"].transform("nunique")
    last = history["epoch"] == history.groupby(["model", "seed"])["epoch"].transform("max")
    roles = {
        SEED: history[seeds > 1],
        MEAN: means,
        LAST: history[last],
        KEPT: history[history["kept"] & (history["part"] == "validation")],
        BEST: best_epochs(means),
    }
    data = pd.concat([frame.assign(role=role) for role, frame in roles.items()], ignore_index=True)
    return data[["role", "model", "seed", "part", "epoch", *MEASURES]].round(DIGITS)


def _panel(data: pd.DataFrame, measure: str) -> alt.LayerChart:
    """One measure, on the same scales for every row.

    Args:
        data: from `_marks`.
        measure: "loss", "accuracy" or "ece".
    """
    x = epoch_axis(data["epoch"].tolist())
    title, form = MEASURES[measure]
    y = alt.Y(f"{measure}:Q", title=title, scale=alt.Scale(zero=False)).axis(format=form, tickCount=5)
    colours, shapes, dashes = ([part[index] for part in PARTS.values()] for index in (1, 2, 3))
    legend = alt.Legend(title=None, orient="top", symbolType="stroke", symbolSize=600, symbolOpacity=1)
    colour = alt.Color("part:N", scale=alt.Scale(domain=list(PARTS), range=colours), legend=legend)
    dash = alt.StrokeDash("part:N", scale=alt.Scale(domain=list(PARTS), range=dashes), legend=legend)
    # Without scales, which would put the marks into the legend of the lines.
    training = alt.when(alt.datum["part"] == "training")
    fill, shape = (training.then(alt.value(one)).otherwise(alt.value(other)) for one, other in (colours, shapes))
    tooltip: Tooltips = ["model:N", "part:N", "epoch:Q", alt.Tooltip(f"{measure}:Q", format=".4f")]

    def role(name: str) -> alt.Chart:
        shown: Tooltips = tooltip if name in (MEAN, BEST) else [*tooltip, "seed:N"]
        return alt.Chart().transform_filter(alt.datum["role"] == name).encode(x=x, tooltip=shown)

    return layered(
        role(BEST).mark_rule(color=GREY, strokeDash=[2, 2]),
        role(SEED).mark_line(strokeWidth=1, opacity=0.55).encode(y=y, color=colour, strokeDash=dash, detail="seed:N"),
        role(MEAN).mark_line(strokeWidth=2.5).encode(y=y, color=colour, strokeDash=dash),
        role(LAST).mark_point(size=28, opacity=1, strokeWidth=0).encode(y=y, fill=fill, shape=shape),
        role(KEPT).mark_point(filled=False, size=90, opacity=1, color=BLACK, shape="circle").encode(y=y),
    ).properties(width=WIDTH, height=HEIGHT)
