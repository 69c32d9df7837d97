"""What the last epoch of each row brought: whether more epochs might help, or fewer had been enough."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from bert_ladder.evaluation.inference import LEVEL, holm
from bert_ladder.report.words import Section, p_value, span


@dataclass(frozen=True)
class Change:
    """How the validation loss of a row changed in its last epoch.

    Attributes:
        mean: over the seeds.
        lowest: the epoch with the lowest mean loss.
        low, high: 95 % interval of the mean; None where there is none, of one seed or of equal ones.
        p: p-value of no change; None where there is none.
    """

    mean: float
    lowest: int
    low: float | None = None
    high: float | None = None
    p: float | None = None


@dataclass(frozen=True)
class RowEpochs:
    """How long the runs of a row were trained.

    Attributes:
        model: the row's shown name.
        seeds: number of runs.
        epochs: that were asked for.
        decays: whether the learning rate falls to zero with them.
        ran: epochs of each run, sorted.
        kept: the epoch whose weights each run kept, sorted.
        change: in the last epoch; None where there was one epoch, or where early stopping ended a run.
    """

    model: str
    seeds: int
    epochs: int
    decays: bool
    ran: list[int]
    kept: list[int]
    change: Change | None


def epochs_section(histories: pd.DataFrame, records: Sequence[dict[str, Any]]) -> Section:
    """What the last epoch brought: whether more epochs might help, or fewer had been enough.

    Per row the change of the validation loss in the last epoch, over seeds with Student's t, Holm-corrected over rows.
    Nothing is tested where a run stopped by itself: its last epoch is one without a gain by construction.

    Args:
        histories: history.csv of all BERT runs with `model` and `seed`.
        records: training.json of the same runs.
    """
    rows = holm_corrected(
        [
            row_epochs(str(model), of_row, [record for record in records if record["model"] == model])
            for model, of_row in histories.groupby("model", sort=False)
        ]
    )
    lines = [epochs_sentence(row) for row in rows if row.epochs > 1]
    if once := [f"“{row.model}”" for row in rows if row.epochs < 2]:
        lines.append(f"{', '.join(once)}: trained for one epoch, which says nothing about a second.")
    if any(row.change and row.change.p is not None for row in rows):
        lines.append(
            "Changes are means over seeds with their 95 % intervals; the p-values are Holm-corrected over the rows."
        )
    if any(row.decays and row.epochs > 1 for row in rows):
        lines.append(
            "Where the learning rate falls to zero (schedule linear or cosine) a longer training is another schedule, "
            "of which the last epoch says little."
        )
    return "Would more epochs help?", lines


def row_epochs(model: str, histories: pd.DataFrame, records: Sequence[dict[str, Any]]) -> RowEpochs:
    """How long one row's runs were trained, and what the last epoch changed.

    Args:
        model: the row's shown name.
        histories, records: of the row's runs, see `epochs_section`.
    """
    losses = [of_seed.sort_values("epoch")["validation_loss"].to_numpy() for _, of_seed in histories.groupby("seed")]
    training, ran = records[0]["training"], sorted(map(len, losses))
    stopped_early = ran[0] < training["epochs"]
    return RowEpochs(
        model=model,
        seeds=len(losses),
        epochs=training["epochs"],
        decays=training["schedule"] != "constant",
        ran=ran,
        kept=sorted(record["kept_epoch"] for record in records),
        change=None if training["epochs"] < 2 or stopped_early else last_change(losses),
    )


def last_change(losses: Sequence[np.ndarray]) -> Change:
    """The change of the validation loss in the last epoch, over seeds, and the epoch with the lowest mean.

    Args:
        losses: of each seed, floats of shape (epochs,), two epochs or more.
    """
    changes = np.array([of_seed[-1] - of_seed[-2] for of_seed in losses])
    change = Change(mean=float(changes.mean()), lowest=int(np.mean(losses, axis=0).argmin()) + 1)
    if len(changes) < 2 or np.ptp(changes) == 0:
        return change
    tested = stats.ttest_1samp(changes, 0)
    interval = tested.confidence_interval(1 - LEVEL)
    return replace(change, p=float(tested.pvalue), low=float(interval.low), high=float(interval.high))


def holm_corrected(rows: Sequence[RowEpochs]) -> list[RowEpochs]:
    """The same rows, the p-values of their changes corrected for the number of rows that have one."""
    p_values = [row.change.p for row in rows if row.change and row.change.p is not None]
    corrected = iter(holm(p_values))
    return [
        replace(row, change=replace(row.change, p=float(next(corrected))))
        if row.change and row.change.p is not None
        else row
        for row in rows
    ]


def epochs_sentence(row: RowEpochs) -> str:
    """What may be said of one row with several epochs."""
    start, change = f"“{row.model}”: ", row.change
    if change is None:
        return (
            f"{start}stopped by itself after {span(row.ran)} of at most {row.epochs} epochs; the weights kept are "
            f"those of epoch {span(row.kept)}."
        )
    average = ", on average," if row.seeds > 1 else ""
    lowest = f"The validation loss was lowest{average} after epoch {change.lowest} of {row.epochs}."
    if change.p is None:
        run = "its one run" if row.seeds == 1 else f"all {row.seeds} runs alike"
        fell = "fell" if change.mean < 0 else "did not fall"
        return f"{start}in {run} the validation loss {fell} in the last epoch ({change.mean:+.4f}). {lowest}"
    measured = f"{change.mean:+.4f} [{change.low:+.4f}, {change.high:+.4f}], {p_value(change.p)}"
    if change.p >= LEVEL:
        return f"{start}no change of the validation loss in the last epoch is shown ({measured}). {lowest}"
    if change.mean < 0:
        more = "" if row.decays else "; more epochs may help"
        return f"{start}the validation loss still fell in the last epoch ({measured}){more}. {lowest}"
    return f"{start}the validation loss rose in the last epoch ({measured}): by that measure it overfits. {lowest}"
