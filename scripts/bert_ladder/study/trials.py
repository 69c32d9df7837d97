"""The trials of a row's `search:`, known before anything runs.

Imported by the Snakefile, hence light: nothing here may import NumPy, pandas or TensorFlow.
"""

import hashlib
import itertools
import json
import math
import random
from collections.abc import Callable
from functools import partial
from typing import Any

from bert_ladder.study.schema import StudyError, nearest

OPTIONS = ("trials", "seed", "seeds", "metric", "halving")
RANGE_KEYS = {"low", "high", "log"}
MOST_MISSES = 1000  # draws in a row that were drawn before


def searched_keys(search: dict[str, Any]) -> list[str]:
    """The training keys of a search, in the order of the study file."""
    return [key for key in search if key not in OPTIONS]


def check_search(
    search: dict[str, Any], key: str, training: dict[str, Any], check_value: Callable[[str, Any], None]
) -> None:
    """Refuse a search that cannot be drawn from.

    Args:
        search: of a row, as the study has it.
        key: the row's place in the study, for the sentence.
        training: schema of each training key.
        check_value: raises `StudyError` for a value that a training key must not have.

    Raises:
        StudyError: one sentence that names the key, what was found and what is allowed.
    """
    key = f"{key}.search"
    keys = searched_keys(search)
    if not keys:
        raise StudyError(f"{key}: it names no training key; give at least one with a list of values.")
    for name in keys:
        if name not in training:
            known = sorted([*training, *OPTIONS])
            raise StudyError(f"{key}: unknown key {name!r}; allowed are {', '.join(known)}{nearest(name, known)}")
        if name == "validation_fraction":
            raise StudyError(
                f"{key}.{name}: trials are scored on the validation part, which must be the same for all; set it in "
                "the row instead."
            )
        place, candidates = f"{key}.{name}", search[name]
        if isinstance(candidates, list):
            if not candidates:
                raise StudyError(f"{place}: the list is empty; give at least one value.")
            for value in candidates:
                check_value(name, value)
                if candidates.count(value) > 1:
                    raise StudyError(f"{place}: {value!r} is named twice; name it once.")
        elif isinstance(candidates, dict):
            _check_range(candidates, place, training[name], partial(check_value, name))
            if "trials" not in search:
                raise StudyError(f"{place}: a range needs `trials`, the number of random draws; add it or give a list.")
        else:
            raise StudyError(f"{place}: found {candidates!r}; allowed is a list of values, or {{low: …, high: …}}.")
    if "seed" in search and "trials" not in search:
        raise StudyError(f"{key}.seed: a full grid draws nothing; add `trials` or leave `seed` out.")


def draw_trials(search: dict[str, Any], training: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The trials of a checked search, by name.

    Without `trials` every combination of the lists; with it, so many distinct random draws, or every combination where
    there are no more than that. A larger `trials` begins with the draws of a smaller one.

    Args:
        search: of a row.
        training: schema of each training key.

    Returns:
        Name (a hash of the values) -> searched key -> value, in the order of the lists or draws.
    """
    # In one order, whatever that of the study file: a trial depends on its values, a draw on the order of the keys.
    keys = sorted(searched_keys(search))
    lists = [search[key] for key in keys]
    finite = all(isinstance(candidates, list) for candidates in lists)
    wanted = search.get("trials", math.inf)
    if finite and math.prod(map(len, lists)) <= wanted:
        combinations = itertools.product(*lists)
        return {
            trial_name(values): values for values in (dict(zip(keys, drawn, strict=True)) for drawn in combinations)
        }
    # Python's own generator: its stream is the same in every version.
    generator = random.Random(search.get("seed", 0))
    trials: dict[str, dict[str, Any]] = {}
    misses = 0
    # Few integers within ranges may be used up before `trials` is reached.
    while len(trials) < wanted and misses < MOST_MISSES:
        values = {key: _draw(search[key], training[key], generator) for key in keys}
        misses = misses + 1 if trial_name(values) in trials else 0
        trials.setdefault(trial_name(values), values)
    return trials


def trial_name(values: dict[str, Any]) -> str:
    """A short name that depends on the values alone, not on their order or on other trials."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:10]


def _is_integer(schema: dict[str, Any]) -> bool:
    return "integer" in ([schema["type"]] if isinstance(schema.get("type"), str) else schema.get("type", []))


def _check_range(found: dict[str, Any], place: str, schema: dict[str, Any], check_value: Callable[[Any], None]) -> None:
    unknown = sorted(set(found) - RANGE_KEYS)
    if unknown or not {"low", "high"} <= set(found):
        raise StudyError(f"{place}: found {found!r}; a range is {{low: …, high: …}}, with log: true if wanted.")
    numeric = _is_integer(schema) or "number" in schema.get("type", "")
    if not numeric:
        raise StudyError(f"{place}: found a range, but {place.rsplit('.', 1)[1]} is no number; give a list of values.")
    if not isinstance(found.get("log", False), bool):
        raise StudyError(f"{place}.log: found {found['log']!r}; allowed is true or false.")
    for end in ("low", "high"):
        if isinstance(found[end], bool) or not isinstance(found[end], int | float):
            raise StudyError(f"{place}.{end}: found {found[end]!r}; allowed is a number (in YAML 1.0e-5, not 1e-5).")
        check_value(found[end])
    if not found["low"] < found["high"]:
        raise StudyError(f"{place}: low {found['low']} is not below high {found['high']}; exchange them.")
    if found.get("log", False) and found["low"] <= 0:
        raise StudyError(f"{place}: low {found['low']} has no logarithm; give a low above 0 or leave log out.")


def _draw(candidates: Any, schema: dict[str, Any], generator: random.Random) -> Any:
    if isinstance(candidates, list):
        return candidates[int(generator.random() * len(candidates))]
    low, high = candidates["low"], candidates["high"]
    share = generator.random()
    if _is_integer(schema):
        # Each integer of the range gets the stretch of half a unit on both sides.
        low, high = low - 0.5, high + 0.5
    value = low * (high / low) ** share if candidates.get("log", False) else low + (high - low) * share
    if _is_integer(schema):
        return round(min(max(value, candidates["low"]), candidates["high"]))
    # Four digits are enough to try, and readable; rounding must not leave the range.
    return min(max(float(f"{value:.4g}"), candidates["low"]), candidates["high"])
