"""What the last epoch of each row brought: whether more epochs might help, or fewer had been enough."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from bert_ladder.evaluation.inference import LEVEL, holm
from bert_ladder.report.words import Section, p_value, span


def epochs_section(histories: pd.DataFrame, records: Sequence[dict[str, Any]]) -> Section:
    """What the last epoch brought: whether more epochs might help, or fewer had been enough.

    Per row the change of the validation loss in the last epoch, over seeds with Student's t, Holm-corrected over rows.
    Nothing is tested where a run stopped by itself: its last epoch is one without a gain by construction.

    Args:
        histories: history.csv of all BERT runs with `model` and `seed`.
        records: training.json of the same runs.
    """
    rows = [
        last_epoch(str(model), of_row, [record for record in records if record["model"] == model])
        for model, of_row in histories.groupby("model", sort=False)
    ]
    tested = [row for row in rows if row["p"] is not None]
    for row, corrected in zip(tested, holm([row["p"] for row in tested]), strict=True):
        row["p"] = float(corrected)
    lines = [epochs_sentence(row) for row in rows if row["epochs"] > 1]
    if once := [f"“{row['model']}”" for row in rows if row["epochs"] < 2]:
        lines.append(f"{', '.join(once)}: trained for one epoch, which says nothing about a second.")
    if tested:
        lines.append(
            "Changes are means over seeds with their 95 % intervals; the p-values are Holm-corrected over the rows."
        )
    if any(row["decays"] and row["epochs"] > 1 for row in rows):
        lines.append(
            "Where the learning rate falls to zero (schedule linear or cosine) a longer training is another schedule, "
            "of which the last epoch says little."
        )
    return "Would more epochs help?", lines


def last_epoch(model: str, histories: pd.DataFrame, records: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One row's change of validation loss in the last epoch, and the epoch with the lowest mean validation loss."""
    losses = [of_seed.sort_values("epoch")["validation_loss"].to_numpy() for _, of_seed in histories.groupby("seed")]
    row = {
        "model": model,
        "seeds": len(losses),
        "epochs": records[0]["training"]["epochs"],
        "decays": records[0]["training"]["schedule"] != "constant",
        "ran": sorted(map(len, losses)),
        "kept": sorted(record["kept_epoch"] for record in records),
        "p": None,
    }
    if row["epochs"] < 2 or row["ran"][0] < row["epochs"]:
        return row
    changes = np.array([of_seed[-1] - of_seed[-2] for of_seed in losses])
    row |= {"change": float(changes.mean()), "lowest": int(np.mean(losses, axis=0).argmin()) + 1}
    if len(changes) > 1 and np.ptp(changes) > 0:
        tested = stats.ttest_1samp(changes, 0)
        interval = tested.confidence_interval(1 - LEVEL)
        row |= {"p": float(tested.pvalue), "low": float(interval.low), "high": float(interval.high)}
    return row


def epochs_sentence(row: dict[str, Any]) -> str:
    """What may be said of one row with several epochs; see `last_epoch`."""
    start = f"“{row['model']}”: "
    if row["ran"][0] < row["epochs"]:
        return (
            f"{start}stopped by itself after {span(row['ran'])} of at most {row['epochs']} epochs; the weights kept "
            f"are those of epoch {span(row['kept'])}."
        )
    lowest = (
        f"The validation loss was lowest{', on average,' if row['seeds'] > 1 else ''} after epoch {row['lowest']} of "
    )
    lowest += f"{row['epochs']}."
    if row["p"] is None:
        run = "its one run" if row["seeds"] == 1 else f"all {row['seeds']} runs alike"
        fell = "fell" if row["change"] < 0 else "did not fall"
        return f"{start}in {run} the validation loss {fell} in the last epoch ({row['change']:+.4f}). {lowest}"
    change = f"{row['change']:+.4f} [{row['low']:+.4f}, {row['high']:+.4f}], {p_value(row['p'])}"
    if row["p"] >= LEVEL:
        return f"{start}no change of the validation loss in the last epoch is shown ({change}). {lowest}"
    if row["change"] < 0:
        more = "" if row["decays"] else "; more epochs may help"
        return f"{start}the validation loss still fell in the last epoch ({change}){more}. {lowest}"
    return f"{start}the validation loss rose in the last epoch ({change}): by that measure it overfits. {lowest}"
