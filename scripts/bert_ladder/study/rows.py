"""The rows of a study's table: what they are called, and with which settings each is trained.

Imported by the Snakefile, hence light: nothing here may import NumPy, pandas or TensorFlow.
"""

from collections.abc import Mapping
from typing import Any

from bert_ladder.study.classes import published_label
from bert_ladder.study.halving import resolve_halving
from bert_ladder.study.locations import safe_name
from bert_ladder.study.schema import StudyError
from bert_ladder.study.trials import draw_trials, searched_keys, trial_name

BASELINES = {"tfidf_logistic_regression": "TF-IDF + logistic regression", "nb_svm": "NB-SVM"}


FROZEN = "frozen"
# What an entry with a frozen encoder says of how that reads a text, or else `training` does.
READING = ("length", "pooling", "truncation")


def resolve_baseline(entry: str | dict[str, Any], training: dict[str, Any]) -> dict[str, Any]:
    """One entry of `baselines`.

    Args:
        entry: the kind of linear model, or `baseline` (the kind) or `frozen` with `name` and `class_weight`.
        training: `training` of the study, with defaults.

    Returns:
        `baseline`, `name`, `path` (of its folder) and `class_weight`; of a frozen encoder `encoder` and `READING` too.
    """
    given: dict[str, Any] = {"baseline": entry} if isinstance(entry, str) else entry
    if FROZEN in given:
        frozen = given[FROZEN]
        name = given.get("name", f"{frozen['encoder']}, frozen")
        return {
            "baseline": FROZEN,
            "name": name,
            "path": safe_name(name),
            "class_weight": given.get("class_weight", training["class_weight"]),
            "encoder": frozen["encoder"],
        } | {key: frozen.get(key, training[key]) for key in READING}
    kind = given["baseline"]
    return {
        "baseline": kind,
        "name": given.get("name", BASELINES[kind]),
        "path": safe_name(given["name"]) if "name" in given else kind,
        "class_weight": given.get("class_weight", training["class_weight"]),
    }


def resolve_row(row: dict[str, Any], study: dict[str, Any], training: dict[str, Any]) -> dict[str, Any]:
    """One row of `models` with the study's settings below its own.

    Args:
        row: as the study has it.
        study: the study with defaults.
        training: schema of each training key.

    Returns:
        `name`, `path` (the name made safe), `encoder`, `reference`, `seeds`, `training` (every setting that is the same
        for all of its trainings), and for a search `search` (`metric`, `seeds`, `keys`: what is searched, in the order
        of the study, `trials`: name -> searched values, and where it is halved `rungs`, see `resolve_halving`).
    """
    settings = study["training"] | {key: value for key, value in row.items() if key in study["training"]}
    seeds = row.get("seeds", study["seeds"])
    resolved = {
        "name": row["name"],
        "path": safe_name(row["name"]),
        "encoder": row["encoder"],
        "reference": row.get("reference", {}),
        "seeds": seeds,
    }
    if "search" in row:
        settings = {key: value for key, value in settings.items() if key not in row["search"]}
        resolved["search"] = {
            "metric": row["search"].get("metric", "accuracy"),
            "seeds": row["search"].get("seeds", seeds[:1]),
            "keys": searched_keys(row["search"]),
            "trials": draw_trials(row["search"], training),
        }
        if "halving" in row["search"]:
            resolved["search"]["rungs"] = resolve_halving(row["search"]["halving"], len(resolved["search"]["trials"]))
    # In one order, whatever that of the study file: Snakemake compares parameters as they are written down.
    return resolved | {"training": {key: settings[key] for key in sorted(settings)}}


def published_weights(weights: Any, names: Mapping[str, str], key: str) -> Any:
    """A `class_weight` with its labels as published, in one order whatever that of the study file.

    Args:
        weights: None, a word, or the weight of each label.
        names: published label -> the name to show.
        key: of the study, for the sentence.

    Raises:
        StudyError: a label has two weights.
    """
    if not isinstance(weights, dict):
        return weights
    published: dict[str, float] = {}
    for given, weight in weights.items():
        label = published_label(given, names)
        if label in published:
            raise StudyError(f"{key}: the label {label!r} is weighted twice; keep one of the two.")
        published[label] = weight
    return dict(sorted(published.items()))


def is_frozen(entry: dict[str, Any]) -> bool:
    """Whether a resolved baseline reads an encoder that is not trained."""
    return entry["baseline"] == FROZEN


def reading_name(entry: dict[str, Any]) -> str:
    """A name for how far and from which end a frozen encoder reads a text."""
    return trial_name({key: entry[key] for key in ("length", "truncation")})


def row_settings(row: dict[str, Any]) -> list[dict[str, Any]]:
    """The whole training settings of a resolved row: those of each trial of a search, else its one set."""
    trials = row["search"]["trials"].values() if "search" in row else [{}]
    return [row["training"] | values for values in trials]
