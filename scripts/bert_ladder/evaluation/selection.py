"""The trials of a row's search, ranked by their score on the validation part, and the best of them."""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from bert_ladder.data.frames import read_positive
from bert_ladder.evaluation.metrics import f1_measure
from bert_ladder.runtime.jobs import BadInput

log = logging.getLogger(__name__)

MEASURES = ("validation_accuracy", "validation_f1", "validation_loss")


@dataclass(frozen=True)
class Search:
    """The search of a row.

    Attributes:
        model: the row's name.
        metric: "accuracy", "f1" or "loss".
        keys: the searched training keys.
        runs: `trial` and `seed` of every training.
    """

    model: str
    metric: str
    keys: Sequence[str]
    runs: Sequence[dict[str, Any]]


@dataclass(frozen=True)
class SearchFiles:
    """What the trainings of a search have left.

    Attributes:
        history, training: history.csv and training.json of every training, in the order of the search's runs.
        positive: positive.json; None where no F1 is asked for, which then is the macro average.
    """

    history: Sequence[Path | str]
    training: Sequence[Path | str]
    positive: Path | str | None = None


@dataclass(frozen=True)
class SearchOutputs:
    """Files to write.

    Attributes:
        chosen: JSON: the `values` of the chosen trial and nothing else, since the row is trained again when this file
            changes.
        outcome: JSON: `model`, `trial`, `metric`, `trials` (how many), `seeds` (how many per trial), `score` and
            `values` of the chosen trial.
    """

    chosen: Path | str
    outcome: Path | str


def compare_trials(files: SearchFiles, search: Search, path_trials: Path | str) -> None:
    """Write trials.csv, see `score_trials`.

    Args:
        files: of the trainings, with the positive class.
        search: what was searched.
        path_trials: file to write.
    """
    trials = score_trials(pd.DataFrame(read_runs(files, search)), search.metric, search.keys)
    trials.to_csv(path_trials, index=False)
    log.info("%s: %d trials by their validation %s", search.model, len(trials), search.metric)


def select_trial(files: SearchFiles, search: Search, outputs: SearchOutputs) -> None:
    """Write chosen.json and outcome.json.

    Args:
        files: of the trainings, with the positive class where the search is by F1.
        search: what was searched.
        outputs: files to write.

    Raises:
        BadInput: every trial diverged.
    """
    measured = read_runs(files, search)
    trials = score_trials(pd.DataFrame(measured), search.metric, search.keys)
    if trials["score"].isna().all():
        raise BadInput(
            f"{search.model}: all {len(trials)} trials of its search diverged; search among lower values of "
            "learning_rate"
        )
    # The values as the training had them: pandas would turn integers beside a null into floats.
    values = {run["trial"]: {key: run[key] for key in search.keys} for run in measured}
    best = trials.iloc[int(trials["rank"].to_numpy().argmin())]
    outcome = {
        "model": search.model,
        "trial": best["trial"],
        "metric": search.metric,
        "trials": len(trials),
        "seeds": int(best["seeds"]),
        "score": float(best["score"]),
        "values": values[best["trial"]],
    }
    for path, content in ((outputs.chosen, {"values": outcome["values"]}), (outputs.outcome, outcome)):
        Path(path).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    log.info(
        "%s: of %d trials %s, validation %s %.4f",
        *(search.model, len(trials), outcome["values"], search.metric, outcome["score"]),
    )


def read_runs(files: SearchFiles, search: Search) -> list[dict[str, Any]]:
    """`trial` and `seed` of every run of a search beside what `read_run` gives."""
    positive = None if files.positive is None else read_positive(files.positive)
    return [
        read_run(history, training, positive) | run
        for history, training, run in zip(files.history, files.training, search.runs, strict=True)
    ]


def read_run(path_history: str | Path, path_training: str | Path, positive: int | None) -> dict[str, Any]:
    """Settings, measures of the kept epoch, and cost (token positions trained on) of one run of a trial.

    A run that diverged has no measures (NaN).

    Args:
        path_history, path_training: history.csv and training.json of the run.
        positive: code of the class that `validation_f1` is of; None for the macro average.
    """
    record = json.loads(Path(path_training).read_text(encoding="utf-8"))
    if record.get("diverged"):
        return record["training"] | dict.fromkeys((*MEASURES, "cost"), float("nan"))
    kept = pd.read_csv(path_history).set_index("epoch").loc[record["kept_epoch"]]
    columns = dict(zip(MEASURES, MEASURES, strict=True)) | {"validation_f1": f"validation_{f1_measure(positive)}"}
    measures = {measure: kept[column] for measure, column in columns.items()}
    return record["training"] | measures | {"cost": record["positions"]}


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
    scored = trials.assign(badness=trials["score"] * (1 if metric == "loss" else -1))
    best_first = scored.sort_values(["badness", "cost", "trial"]).index
    trials.loc[best_first, "rank"] = range(1, len(trials) + 1)
    trials["rank"] = trials["rank"].astype(int)
    return trials.assign(chosen=trials["rank"] == 1)
