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
from bert_ladder.evaluation.runs import refuse_mixed_policies
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
        runs: `trial` and `seed` of every training, or, where the search is halved, `rung` and `seed`: which trial was
            trained then stands in its record.
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
            `values` of the chosen trial, and where the search is halved `rungs`, see `told_rungs`.
    """

    chosen: Path | str
    outcome: Path | str


def compare_trials(files: SearchFiles, search: Search, path_trials: Path | str) -> None:
    """Write trials.csv, see `score_trials` and `score_rungs`.

    Args:
        files: of the trainings, with the positive class.
        search: what was searched.
        path_trials: file to write.
    """
    trials = rank_trials(pd.DataFrame(read_runs(files, search)), search)
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
    trials = rank_trials(pd.DataFrame(measured), search)
    if trials["score"].isna().all():
        raise BadInput(
            f"{search.model}: all {len(trials)} trials of its search diverged; search among lower values of "
            "learning_rate"
        )
    values = tried_values(measured, search.keys)
    best = trials.iloc[int(trials["rank"].to_numpy().argmin())]
    outcome = {
        "model": search.model,
        "trial": best["trial"],
        "metric": search.metric,
        "trials": len(trials),
        "seeds": int(best["seeds"]),
        "score": float(best["score"]),
        "values": values[best["trial"]],
        **({"rungs": told_rungs(trials, values)} if "budget" in trials else {}),
    }
    for path, content in ((outputs.chosen, {"values": outcome["values"]}), (outputs.outcome, outcome)):
        Path(path).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    log.info(
        "%s: of %d trials %s, validation %s %.4f",
        *(search.model, len(trials), outcome["values"], search.metric, outcome["score"]),
    )


def select_promoted(files: SearchFiles, search: Search, count: int, path_promoted: Path | str) -> None:
    """Write promoted.json.

    It has `model`, `metric` and `promoted`, the trials that go on, the best first: `trial` (its name), `stands` (its
    place among the trials of the rung as they were given, from 0), `score` (null if it diverged) and `values`.

    Args:
        files: of the trainings of one rung, with the positive class where the search is by F1.
        search: what was searched.
        count: how many go on.
        path_promoted: file to write.
    """
    measured = read_runs(files, search)
    trials = score_trials(pd.DataFrame(measured), search.metric, search.keys)
    values = tried_values(measured, search.keys)
    promoted = [
        {
            "trial": trial["trial"],
            "stands": stands,
            "score": float(trial["score"]) if pd.notna(trial["score"]) else None,
            "values": values[trial["trial"]],
        }
        for stands, trial in trials.sort_values("rank").head(count).iterrows()
    ]
    content = {"model": search.model, "metric": search.metric, "promoted": promoted}
    Path(path_promoted).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    log.info("%s: %d of %d trials go on: %s", search.model, count, len(trials), [one["values"] for one in promoted])


def tried_values(measured: Sequence[dict[str, Any]], keys: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The values of each trial as its training had them: pandas would turn integers beside a null into floats."""
    return {run["trial"]: {key: run[key] for key in keys} for run in measured}


def told_rungs(trials: pd.DataFrame, values: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """What became of the trials of a search that is halved.

    Args:
        trials: from `score_rungs`.
        values: of each trial.

    Returns:
        Of each rung `budget`, `trials` (how many were trained up to it) and `dropped`, the values of those that did not
        go on, the best of them first; of the last rung none.
    """
    told = []
    for budget in sorted(trials["budget"].unique()):
        ended = trials[trials["budget"] == budget].sort_values("rank")["trial"]
        dropped = [] if budget == trials["budget"].max() else [values[trial] for trial in ended]
        told.append({"budget": float(budget), "trials": int((trials["budget"] >= budget).sum()), "dropped": dropped})
    return told


def read_runs(files: SearchFiles, search: Search) -> list[dict[str, Any]]:
    """`trial` and `seed` of every run of a search beside what `read_run` gives.

    Raises:
        BadInput: see `refuse_mixed_policies`; where precision is searched, of the runs of one trial.
    """
    positive = None if files.positive is None else read_positive(files.positive)
    runs = [
        read_run(history, training, positive) | run
        for history, training, run in zip(files.history, files.training, search.runs, strict=True)
    ]
    for trial in {run["trial"] for run in runs} if "precision" in search.keys else [None]:
        compared = [run for run in runs if trial in (None, run["trial"])]
        refuse_mixed_policies(
            search.model, {f"{run['trial']}, seed {run['seed']}": run["precision"] for run in compared}
        )
    return runs


def read_run(path_history: str | Path, path_training: str | Path, positive: int | None) -> dict[str, Any]:
    """Settings, measures of the kept epoch, and cost (token positions trained on) of one run of a trial.

    A run that diverged has no measures (NaN). One of a search that is halved has `trial` and `budget` too.

    Args:
        path_history, path_training: history.csv and training.json of the run.
        positive: code of the class that `validation_f1` is of; None for the macro average.
    """
    record = json.loads(Path(path_training).read_text(encoding="utf-8"))
    told = record["training"] | {key: record[key] for key in ("trial", "budget") if key in record}
    if record.get("diverged"):
        return told | dict.fromkeys((*MEASURES, "cost"), float("nan"))
    kept = pd.read_csv(path_history).set_index("epoch").loc[record["kept_epoch"]]
    columns = dict(zip(MEASURES, MEASURES, strict=True)) | {"validation_f1": f"validation_{f1_measure(positive)}"}
    measures = {measure: kept[column] for measure, column in columns.items()}
    return told | measures | {"cost": record["positions"]}


def rank_trials(measured: pd.DataFrame, search: Search) -> pd.DataFrame:
    """All trials of a search: `score_rungs` where it is halved, else `score_trials`."""
    score = score_rungs if "budget" in measured else score_trials
    return score(measured, search.metric, search.keys)


def score_rungs(measured: pd.DataFrame, metric: str, keys: Sequence[str]) -> pd.DataFrame:
    """Rank the trials of a search that is halved: who got further is better, then as `score_trials` within a rung.

    Scores of different budgets are never compared. Trials that diverged come last.

    Args:
        measured, metric, keys: as of `score_trials`, with the `budget` of each run.

    Returns:
        As `score_trials`, each trial with what it had at the last budget that it reached, which is in `budget`; and
        score_at_<budget>, its score at each of them, empty where it was not trained so far.
    """
    budgets = sorted(measured["budget"].unique().tolist())
    rungs = [
        score_trials(measured[measured["budget"] == budget], metric, keys).assign(budget=budget) for budget in budgets
    ]
    # The first rung has all trials, in the order of the search.
    last = pd.concat(rungs).drop_duplicates("trial", keep="last").set_index("trial").loc[rungs[0]["trial"]]
    last = last.reset_index()
    compared = last.assign(diverged=last["score"].isna(), left=1 - last["budget"])
    last.loc[compared.sort_values(["diverged", "left", "rank"]).index, "rank"] = range(1, len(last) + 1)
    scores = {
        f"score_at_{budget:g}": last["trial"].map(of_rung.set_index("trial")["score"])
        for budget, of_rung in zip(budgets, rungs, strict=True)
    }
    return last.assign(chosen=last["rank"] == 1, **scores)


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
