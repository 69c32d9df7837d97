"""The trials of every row's search: their settings and their scores on the validation part."""

import logging
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import altair as alt
import pandas as pd

from bert_ladder.report.charts import BLACK, BLUE, SKY, VERMILLION, FigureFiles, layered, save_chart
from bert_ladder.report.records import read_record
from bert_ladder.report.results import METRICS

log = logging.getLogger(__name__)

CELL = {"width": 84, "height": 34}  # pixels
SCATTER = {"width": 240, "height": 200}  # pixels
COLUMNS = 4  # panels side by side
MAX_PANELS, MAX_VALUES = 24, 12  # of heat maps; what has more is drawn key by key
LOG_SPAN = 10
MAX_TICKS = 6  # values of a key that are all labelled on its axis
# As `_number` writes it.
NUMBER_LABEL = "datum.value != 0 && abs(datum.value) < 1e-3 ? format(datum.value, '.3~e') : format(datum.value, '.4~r')"
MEASURES = {key: metric.name for key, metric in METRICS.items()} | {"loss": "loss"}
NONE = "none"
SCORE_AT = "score_at_"  # column of trials.csv of a search that was halved, before the part of the steps


def plot_search(
    paths_trials: Sequence[str | Path],
    paths_outcome: Sequence[str | Path],
    searches: Sequence[dict[str, Any]],
    files: FigureFiles,
) -> None:
    """Draw the figure.

    Args:
        paths_trials, paths_outcome: trials.csv and outcome.json of every row with a search.
        searches: `model` (name shown) and `keys` (searched training keys) of these rows, in the same order.
        files: of the figure, to write.
    """
    charts = []
    for path_trials, path_outcome, search in zip(paths_trials, paths_outcome, searches, strict=True):
        trials = read_trials(path_trials, search["keys"])
        metric = read_record(path_outcome)["metric"]
        charts.append(search_chart(trials, search["model"], search["keys"], metric))
        log.info("%s: %d trials of %s", search["model"], len(trials), ", ".join(search["keys"]))
    save_chart(alt.vconcat(*charts, spacing=40).resolve_scale(color="independent"), files)


def read_trials(path: str | Path, keys: Sequence[str]) -> pd.DataFrame:
    """The trials with each searched key as numbers (float64) where all its values are numbers, else as text.

    A setting of null becomes the text "none".

    Args:
        path: trials.csv.
        keys: the searched training keys.
    """
    trials = pd.read_csv(path, dtype={"trial": str, **dict.fromkeys(keys, str)}, keep_default_na=False, na_values=[""])
    for key in keys:
        numbers = pd.to_numeric(trials[key], errors="coerce")
        trials[key] = numbers.astype(float) if numbers.notna().all() else trials[key].fillna(NONE)
    return trials


def search_chart(trials: pd.DataFrame, model: str, keys: Sequence[str], metric: str) -> alt.VConcatChart:
    """Heat maps of a grid, or the score against each key where values were drawn from ranges or one key is searched.

    Args:
        trials: from `read_trials`.
        model: the row's name.
        keys: the searched training keys.
        metric: "accuracy", "f1" or "loss"; less is better for the loss.
    """
    varied = [key for key in keys if trials[key].nunique() > 1] or list(keys[:1])
    seeds = int(trials["seeds"].max())
    what = f"Validation {MEASURES[metric]}, {_count(len(trials), 'trial')}, {_count(seeds, 'seed')} each."
    # Keys with most values first; the sort is stable, so that keys with as many stay in the order of the study.
    ordered = sorted(varied, key=lambda key: -trials[key].nunique())
    if "budget" in trials:
        what += " Each at the last part of its steps that it was trained for."
    if is_grid(trials, ordered):
        panels, note = _heat_maps(trials, ordered, metric), "Framed: the chosen trial."
    else:
        panels, note = _scatters(trials, varied, metric), "Diamond: the chosen trial."
    if "budget" in trials:
        panels.append(_rungs(trials, varied, metric))
    title = alt.Title(model, subtitle=f"{what} {note}", offset=12, frame="group")
    return alt.concat(*panels, columns=COLUMNS, title=title).resolve_scale(color="shared")


def is_grid(trials: pd.DataFrame, keys: Sequence[str]) -> bool:
    """Whether the trials read well as heat maps over the first two keys, one for each combination of the others."""
    counts = [trials[key].nunique() for key in keys]
    all_different, filled = max(counts) == len(trials), len(trials) / math.prod(counts)
    readable = max(counts) <= MAX_VALUES and math.prod(counts[2:]) <= MAX_PANELS
    return len(keys) > 1 and not all_different and filled >= 0.5 and readable


def _heat_maps(trials: pd.DataFrame, keys: Sequence[str], metric: str) -> list[alt.LayerChart]:
    """A heat map per combination of the keys after the first two, which are its columns and lines."""
    across, down, *others = keys
    cells = trials.assign(**{key: _texts(trials[key]) for key in keys})
    order = {key: _order(trials[key]) for key in keys}
    axis: dict[str, Any] = {"domain": False, "ticks": False, "labelPadding": 6}
    x = alt.X(f"{across}:N", sort=order[across], scale=alt.Scale(domain=order[across])).axis(labelAngle=0, **axis)
    y = alt.Y(f"{down}:N", sort=order[down], scale=alt.Scale(domain=order[down])).axis(**axis)
    colour = alt.Color("score:Q", scale=_score_scale(trials["score"], metric), legend=None)
    tooltip = _tooltip(keys, metric, several=trials["seeds"].max() > 1)
    panels = []
    groups: list[tuple[Any, pd.DataFrame]] = list(cells.groupby(others, sort=False)) if others else [((), cells)]
    for values, group in sorted(groups, key=lambda pair: _rank(pair[0], others, order)):
        base = alt.Chart(group).encode(x=x, y=y, tooltip=tooltip)
        chosen = base.transform_filter("datum.chosen")
        fixed = ", ".join(f"{key} {value}" for key, value in zip(others, values, strict=True))
        title = alt.Title(fixed, fontWeight="normal", anchor="middle")
        panels.append(
            layered(
                base.mark_rect(stroke="white", strokeWidth=2).encode(color=colour),
                base.mark_text(color=BLACK).encode(text=alt.Text("score:Q", format=_format(metric))),
                chosen.mark_rect(filled=False, stroke=BLACK, strokeWidth=3),
            ).properties(width=alt.Step(CELL["width"]), height=alt.Step(CELL["height"]), title=title)
        )
    return panels


def _scatters(trials: pd.DataFrame, keys: Sequence[str], metric: str) -> list[alt.LayerChart]:
    """The score against each key; the points of a single key that is a number are joined by a line."""
    y = alt.Y("score:Q", scale=alt.Scale(zero=False, padding=12)).axis(format="~g" if metric == "loss" else "~%")
    tooltip = _tooltip(keys, metric, several=trials["seeds"].max() > 1)
    panels = []
    for key in keys:
        title = _score_title(metric) if key == keys[0] else None
        base = alt.Chart(trials).encode(x=_axis_of(trials[key]), y=y.title(title), tooltip=tooltip)
        layers = [
            base.transform_filter("!datum.chosen").mark_point(filled=True, size=50, color=BLUE, opacity=0.7),
            base.transform_filter("datum.chosen").mark_point(
                filled=True, shape="diamond", size=160, color=VERMILLION, stroke=BLACK, opacity=1
            ),
        ]
        if len(keys) == 1 and pd.api.types.is_numeric_dtype(trials[key]):
            layers.insert(0, base.mark_line(color=BLUE, strokeWidth=1.5))
        panels.append(layered(*layers).properties(**SCATTER))
    return panels


def _rungs(trials: pd.DataFrame, keys: Sequence[str], metric: str) -> alt.LayerChart:
    """The score of each trial of a search that was halved, from the first part of its steps to the last that it had."""
    columns = [name for name in map(str, trials) if name.startswith(SCORE_AT)]
    points = trials.melt(["trial", "chosen", *keys], columns, "part", "score_there").dropna(subset="score_there")
    points = points.assign(part=points["part"].str.removeprefix(SCORE_AT).astype(float))
    parts = sorted(points["part"].unique().tolist())
    base = alt.Chart(points).encode(
        x=alt.X("part:Q", title="Part of the steps (log scale)", scale=alt.Scale(type="log", nice=False)).axis(
            values=parts, format="~%", grid=False
        ),
        y=alt.Y("score_there:Q", title=_score_title(metric), scale=alt.Scale(zero=False, padding=12)).axis(
            format="~g" if metric == "loss" else "~%"
        ),
        detail="trial:N",
        tooltip=[
            *(alt.Tooltip(key, type="nominal") for key in keys),
            alt.Tooltip("part:Q", title="part of the steps", format="~%"),
            alt.Tooltip("score_there:Q", title=_score_title(metric), format=_format(metric)),
            alt.Tooltip("trial:N"),
        ],
    )
    others, chosen = base.transform_filter("!datum.chosen"), base.transform_filter("datum.chosen")
    layers = [
        others.mark_line(color=BLUE, strokeWidth=1.5, opacity=0.7),
        others.mark_point(filled=True, size=50, color=BLUE, opacity=0.7),
        chosen.mark_line(color=VERMILLION, strokeWidth=2),
        chosen.mark_point(filled=True, shape="diamond", size=160, color=VERMILLION, stroke=BLACK, opacity=1),
    ]
    return layered(*layers).properties(**SCATTER)


def _axis_of(values: pd.Series) -> alt.X:
    """The axis of a key: logarithmic where its numbers span more than a factor of ten; few values are all labelled."""
    key = str(values.name)
    if not pd.api.types.is_numeric_dtype(values):
        return alt.X(f"{key}:N", sort=_order(values)).axis(labelAngle=0)
    low, high = float(values.min()), float(values.max())
    ticks = sorted(values.unique().tolist()) if values.nunique() <= MAX_TICKS else alt.Undefined
    if low > 0 and high > LOG_SPAN * low:
        room = (high / low) ** 0.05
        scale = alt.Scale(type="log", domain=[low / room, high * room], nice=False)
        title = f"{key} (log scale)"
    else:
        room = (high - low) * 0.05 or abs(low) * 0.05 or 1.0
        scale, title = alt.Scale(domain=[low - room, high + room], zero=False, nice=False), key
    return alt.X(f"{key}:Q", scale=scale, title=title).axis(
        values=ticks, labelExpr=NUMBER_LABEL, grid=False, labelSeparation=8, tickCount=5
    )


def _score_scale(scores: pd.Series, metric: str) -> alt.Scale:
    """The better, the darker; black text stands out from both ends."""
    low, high = float(scores.min()), float(scores.max())
    if low == high:
        high = low + 1e-6
    colours = ["#f7fbff", SKY]
    return alt.Scale(domain=[low, high], range=colours[::-1] if metric == "loss" else colours)


def _rank(values: Sequence[str], keys: Sequence[str], order: dict[str, list[str]]) -> list[int]:
    return [order[key].index(value) for key, value in zip(keys, values, strict=True)]


def _texts(values: pd.Series) -> pd.Series:
    """What stands on an axis for each value of a key."""
    return values.map(_number) if pd.api.types.is_numeric_dtype(values) else values


def _number(value: float) -> str:
    """Four digits, small numbers as 3e-5."""
    if value and abs(value) < 1e-3:
        return re.sub(r"e-0*", "e-", re.sub(r"\.?0*e", "e", f"{value:.3e}"))
    return f"{value:.4g}" if abs(value) < 1e4 else f"{value:.0f}"


def _order(values: pd.Series) -> list[str]:
    """The texts of a key's values: numbers by size, also beside a "none", other texts as they come."""
    numbers = pd.to_numeric(values, errors="coerce")
    if (numbers.notna() | (values == NONE)).all():
        values = values.iloc[numbers.argsort(kind="stable")]
    return _texts(values).unique().tolist()


def _tooltip(keys: Sequence[str], metric: str, several: bool) -> list[alt.Tooltip]:
    """The settings and measures of a trial; the spread over seeds where there are several."""
    spread = [alt.Tooltip("score_sd:Q", title="sd over seeds", format=_format(metric))] if several else []
    return [
        *(alt.Tooltip(key, type="nominal") for key in keys),
        alt.Tooltip("score:Q", title=_score_title(metric), format=_format(metric)),
        *spread,
        *(alt.Tooltip(f"validation_{name}:Q", format=_format(name)) for name in MEASURES),
        alt.Tooltip("seeds:Q"),
        alt.Tooltip("rank:Q"),
        alt.Tooltip("trial:N"),
    ]


def _score_title(metric: str) -> str:
    return f"Validation {MEASURES[metric]}"


def _format(metric: str) -> str:
    return ".4f" if metric == "loss" else ".2%"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
