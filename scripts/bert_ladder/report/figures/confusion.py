"""Confusion matrices on the test split: of every true class, the share that each row predicts as each class."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
from sklearn.metrics import confusion_matrix

from bert_ladder.data.frames import read_labels
from bert_ladder.evaluation.predictions import read_test_parts
from bert_ladder.report.charts import BLACK, FigureFiles, Tooltips, layered, save_chart
from bert_ladder.report.placing import FONT

log = logging.getLogger(__name__)

MAX_CLASSES = 20
WIDTH = 880  # pixels of the panels side by side, about
NAME_LIMIT = 200  # pixels of a row's name where its matrix is narrower
SPACING = {"row": 24, "column": 40}  # pixels
LABEL_LIMIT = 130  # pixels of a class's name
COLOURS = ["#f4f8fc", "#6baed6", "#08519c"]  # of a share of 0, a half and 1
# Up to this number of classes -> pixels of a cell, and the format of its percentage.
CELLS = {3: (60, ".1f"), 6: (44, ".1f"), 10: (34, ".0f"), MAX_CLASSES + 1: (22, ".0f")}


def plot_confusion(
    paths_predictions: Sequence[str | Path],
    path_labels: str | Path,
    runs: Sequence[dict[str, Any]],
    files: FigureFiles,
) -> None:
    """Draw the figure.

    Args:
        paths_predictions: predictions.parquet of every run.
        path_labels: labels.json.
        runs: `model` (name shown) and `seed` of every run, in the same order.
        files: of the figure, to write.
    """
    names, _ = read_labels(path_labels)
    parts = read_test_parts(paths_predictions, runs, ["label", "prediction"])
    counts = {
        model: sum(confusion_matrix(part["label"], part["prediction"], labels=range(len(names))) for part in of_row)
        for model, of_row in parts.items()
    }
    seeds = {model: len(of_row) for model, of_row in parts.items()}
    save_chart(confusion_chart(counts, seeds, names), files)
    log.info("%d rows, %d classes", len(counts), len(names))


def most_frequent(counts: np.ndarray, names: Sequence[str], limit: int) -> tuple[np.ndarray, list[str], list[str]]:
    """Keep the most frequent true classes, in their order, and add up what is predicted as any other.

    Args:
        counts: texts by true and predicted class, integers, shape (classes, classes).
        names: the label names in the order of their codes.
        limit: number of classes to keep.

    Returns:
        The counts, the names of the true and those of the predicted classes. With up to `limit` classes they are those
        given; with more the shape is (limit, limit + 1), and the last column is that of the other classes.
    """
    if len(names) <= limit:
        return counts, list(names), list(names)
    kept = np.sort(np.argsort(-counts.sum(axis=1), kind="stable")[:limit])
    kept_counts = counts[np.ix_(kept, kept)]
    others = counts[kept].sum(axis=1) - kept_counts.sum(axis=1)
    true = [names[code] for code in kept]
    return np.column_stack([kept_counts, others]), true, [*true, f"({len(names) - limit} others)"]


def confusion_chart(counts: dict[str, np.ndarray], seeds: dict[str, int], names: Sequence[str]) -> alt.FacetChart:
    """A matrix per row of the table: true classes down, predicted classes across, shares of the true class.

    Args:
        counts: by row of the table, the test texts by true and predicted class, summed over its seeds, integers,
            shape (classes, classes).
        seeds: by row of the table, how many.
        names: the label names in the order of their codes.
    """
    lines = []
    for model, of_row in counts.items():
        kept, true, predicted = most_frequent(of_row, names, MAX_CLASSES)
        lines += [
            {"model": model, "true": name, "texts": int(line.sum()), "seeds": seeds[model], "predicted": predicted}
            | {"count": line.tolist()}
            for name, line in zip(true, kept, strict=True)
            if line.any()
        ]
    size, form = next(cell for classes, cell in CELLS.items() if len(predicted) <= classes)
    axis: dict[str, Any] = {
        "title": None,
        "domain": False,
        "ticks": False,
        "labelPadding": 6,
        "labelLimit": LABEL_LIMIT,
    }
    x = alt.X("predicted:N", sort=predicted, scale=alt.Scale(domain=predicted))
    y = alt.Y("true:N", sort=true, scale=alt.Scale(domain=true)).axis(**axis | {"title": "True class"})
    colour = alt.Color(
        "share:Q",
        scale=alt.Scale(domain=[0, 0.5, 1], range=COLOURS),
        legend=alt.Legend(title=["Share of the", "true class"], format=".0%", gradientLength=120),
    )
    tooltip: Tooltips = [
        alt.Tooltip("model:N", title="row"),
        alt.Tooltip("true:N", title="true class"),
        alt.Tooltip("predicted:N", title="predicted class"),
        alt.Tooltip("share:Q", title="share of the true class", format=".2%"),
        alt.Tooltip("per_seed:Q", title="texts per seed", format=",.1~f"),
        alt.Tooltip("of:Q", title="of", format=","),
        alt.Tooltip("seeds:Q"),
    ]
    # A line of data holds a line of the matrix: a cell as a line of its own would make the file four times as large.
    base = alt.Chart().transform_flatten(["predicted", "count"])
    base = base.transform_calculate(
        share="datum.count / datum.texts", per_seed="datum.count / datum.seeds", of="datum.texts / datum.seeds"
    ).encode(x=x.axis(labelAngle=-50, **axis | {"title": "Predicted class"}), y=y, tooltip=tooltip)
    text = base.transform_calculate(shown=f"datum.count ? format(100 * datum.share, '{form}') : ''")
    ink = alt.when(alt.datum["share"] > 0.55).then(alt.value("white")).otherwise(alt.value(BLACK))
    layers = layered(
        base.mark_rect(stroke="white", strokeWidth=1).encode(color=colour),
        text.mark_text(fontSize=FONT if size > 30 else FONT - 2).encode(text="shown:N", color=ink),
        data=alt.InlineData(values=lines),
    ).properties(width=size * len(predicted), height=size * len(true))

    notes = ["Per cent of the test texts of each true class, over all seeds of a row; every line adds up to 100."]
    if len(names) > MAX_CLASSES:
        notes.append(f"The {MAX_CLASSES} most frequent of {len(names)} classes; the last column is all others.")
    width = max(size * len(predicted), NAME_LIMIT)
    header = alt.Header(labelFontWeight="bold", labelLimit=width)
    return layers.facet(
        facet=alt.Facet("model:N", sort=list(counts), title=None, header=header),
        columns=max(1, WIDTH // (width + SPACING["column"])),
        spacing=SPACING,
        title=alt.Title("Confusion matrices", subtitle=notes, offset=14),
    ).resolve_axis(x="independent")
