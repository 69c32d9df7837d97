"""What pre-training learned: loss and accuracy of each task on held-out text after each epoch."""

import logging
from collections.abc import Sequence
from pathlib import Path

import altair as alt
import pandas as pd

from bert_ladder.report.charts import FigureFiles, Tooltips, epoch_axis, row_scales, save_chart

log = logging.getLogger(__name__)

WIDTH, HEIGHT = 330, 220  # pixels of a panel
COLUMNS = 2
# Column of pretraining.csv -> title and format of its axis; the last ones are of tasks that not every encoder has.
MEASURES = {
    "validation_loss": ("Loss per masked token (nats)", "~g"),
    "validation_accuracy": ("Masked tokens predicted", "~%"),
    "validation_pairs_accuracy": ("Second segments told", "~%"),
    "validation_bag_loss": ("Loss per token of the bag (nats)", "~g"),
}


def plot_pretraining(
    paths_history: Sequence[str | Path],
    encoders: Sequence[str],
    files: FigureFiles,
) -> None:
    """Draw the figure.

    Args:
        paths_history: pretraining.csv of every encoder.
        encoders: the encoders' names, in the same order.
        files: of the figure, to write.
    """
    histories = [
        pd.read_csv(path).filter(["epoch", *MEASURES]).assign(encoder=name)
        for path, name in zip(paths_history, encoders, strict=True)
    ]
    save_chart(pretraining_chart(pd.concat(histories, ignore_index=True)), files)
    log.info("%d encoders", len(encoders))


def pretraining_chart(history: pd.DataFrame) -> alt.ConcatChart:
    """A panel for each measure, with a curve for each encoder that has it.

    Args:
        history: one line per encoder and epoch: encoder (str), epoch, and the `MEASURES` that any of them has.
    """
    encoders = history["encoder"].unique().tolist()
    scales = row_scales(encoders)
    x = epoch_axis(history["epoch"].tolist())
    colour = alt.Color("encoder:N", title=None, scale=scales["color"], sort=encoders)
    shape = alt.Shape("encoder:N", title=None, scale=scales["shape"], sort=encoders)
    panels = []
    for measure in history.columns.intersection(list(MEASURES), sort=False):
        title, form = MEASURES[measure]
        y = alt.Y(f"{measure}:Q", title=title, scale=alt.Scale(zero=False)).axis(format=form, tickCount=5)
        tooltip: Tooltips = ["encoder:N", "epoch:Q", alt.Tooltip(f"{measure}:Q", format=".4f")]
        chart = alt.Chart(history).encode(x=x, y=y, color=colour, tooltip=tooltip)
        points = chart.mark_point(filled=True, size=45, opacity=1).encode(shape=shape)
        panels.append((chart.mark_line(strokeWidth=2) + points).properties(width=WIDTH, height=HEIGHT))
    notes = ["On text that was held out, after each epoch with dropout off."]
    return alt.concat(*panels, columns=COLUMNS, spacing=40).properties(title=alt.Title("Pre-training", subtitle=notes))
