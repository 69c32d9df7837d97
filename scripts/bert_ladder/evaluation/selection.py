"""Choose the best trial of a row's search by its score on the validation part."""

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from bert_ladder.runtime.jobs import BadInput

log = logging.getLogger(__name__)

MEASURES = ("validation_accuracy", "validation_f1", "validation_loss")


def select_trial(
    paths_history: Sequence[str | Path],
    paths_training: Sequence[str | Path],
    path_chosen: str | Path,
    path_outcome: str | Path,
    path_trials: str | Path,
    model: str,
    metric: str,
    keys: Sequence[str],
    runs: Sequence[dict[str, Any]],
) -> None:
    """Write chosen.json, outcome.json and trials.csv.

    Args:
        paths_history, paths_training: history.csv and training.json of every run of every trial.
        path_chosen: JSON file to write: the `values` of the chosen trial and nothing else, since the row is trained
            again when this file changes.
        path_outcome: JSON file to write: `model`, `trial`, `metric`, `trials` (how many), `seeds` (how many per trial),
            `score` and `values` of the chosen trial.
        path_trials: CSV file to write, see `score_trials`.
        model: the row's name.
        metric: "accuracy", "f1" or "loss".
        keys: the searched training keys.
        runs: `trial` and `seed` of every run, in the order of the files.

    Raises:
        BadInput: every trial diverged.
    """
    measured = [
        read_run(history, training) | run
        for history, training, run in zip(paths_history, paths_training, runs, strict=True)
    ]
    trials = score_trials(pd.DataFrame(measured), metric, keys)
    if trials["score"].isna().all():
        raise BadInput(
            f"{model}: all {len(trials)} trials of its search diverged; search among lower values of learning_rate"
        )
    # The values as the training had them: pandas would turn integers beside a null into floats.
    values = {run["trial"]: {key: run[key] for key in keys} for run in measured}
    best = trials.loc[trials["rank"].idxmin()]
    outcome = {
        "model": model,
        "trial": best["trial"],
        "metric": metric,
        "trials": len(trials),
        "seeds": int(best["seeds"]),
        "score": float(best["score"]),
        "values": values[best["trial"]],
    }
    trials.to_csv(path_trials, index=False)
    for path, content in ((path_chosen, {"values": outcome["values"]}), (path_outcome, outcome)):
        Path(path).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    log.info("%s: of %d trials %s, validation %s %.4f", model, len(trials), outcome["values"], metric, outcome["score"])


def read_run(path_history: str | Path, path_training: str | Path) -> dict[str, Any]:
    """Settings, measures of the kept epoch, and cost (token positions trained on) of one run of a trial.

    A run that diverged has no measures (NaN).
    """
    record = json.loads(Path(path_training).read_text(encoding="utf-8"))
    if record.get("diverged"):
        return record["training"] | dict.fromkeys((*MEASURES, "cost"), float("nan"))
    kept = pd.read_csv(path_history).set_index("epoch").loc[record["kept_epoch"]]
    return record["training"] | {measure: kept[measure] for measure in MEASURES} | {"cost": record["positions"]}


def score_trials(measured: pd.DataFrame, metric: str, keys: Sequence[str]) -> pd.DataFrame:
    """Rank the trials: by the mean score over seeds, ties by cost, then by the trial's name; diverged ones come last.

    Args:
        measured: one line per run: `trial`, `seed`, the searched keys, the measures of the kept epoch and `cost`.
        metric: "accuracy", "f1" or "loss"; less is better for the loss.
        keys: the searched training keys.

    Returns:
        One line per trial in the order of their first run: trial, the searched keys, score, score_sd (over seeds; empty
        with one), validation_accuracy, validation_f1, validation_loss, cost (mean number of token positions trained
        on), seeds, rank (1 is chosen), chosen.
    """
    by_trial = measured.groupby("trial", sort=False)
    score = by_trial[f"validation_{metric}"]
    trials = pd.concat(
        [
            by_trial[list(keys)].first(skipna=False),
            # One seed that diverged is a trial that diverged, not a mean of the others.
            score.mean(skipna=False).rename("score"),
            score.std().rename("score_sd"),
            by_trial[[*MEASURES, "cost"]].mean(skipna=False),
            by_trial.size().rename("seeds"),
        ],
        axis=1,
    ).reset_index()
    order = trials.assign(badness=trials["score"] * (1 if metric == "loss" else -1))
    order = order.sort_values(["badness", "cost", "trial"]).index
    trials.loc[order, "rank"] = range(1, len(trials) + 1)
    trials["rank"] = trials["rank"].astype(int)
    return trials.assign(chosen=trials["rank"] == 1)
