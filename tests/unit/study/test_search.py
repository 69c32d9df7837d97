"""The trials of a search: which there are, how they are drawn, what is refused."""

import math
from pathlib import Path
from typing import Any

import pytest
import yaml

from bert_ladder.study.schema import StudyError
from bert_ladder.study.trials import check_search, draw_trials, searched_keys, trial_name

SCHEMA = yaml.safe_load((Path(__file__).parents[3] / "schemas/config.schema.yaml").read_text())
TRAINING = SCHEMA["$defs"]["training"]["properties"]
ORIGINAL = {"batch_size": [16, 32], "optimizer": ["adam", "adamax"], "learning_rate": [3e-5, 5e-5]}
LOGARITHM = {"learning_rate": {"low": 1e-5, "high": 1e-3, "log": True}}


def values(search: dict[str, Any]) -> list[dict[str, Any]]:
    return list(draw_trials(search, TRAINING).values())


def test_grid_is_every_combination_once() -> None:
    """The original study's grid has eight trials, in the order of its lists."""
    trials = values(ORIGINAL)
    assert len(trials) == len({trial_name(trial) for trial in trials}) == 8
    assert trials[0] == {"batch_size": 16, "optimizer": "adam", "learning_rate": 3e-5}
    assert trials[-1] == {"batch_size": 32, "optimizer": "adamax", "learning_rate": 5e-5}


def test_name_depends_on_the_values_alone() -> None:
    """Neither the order of the keys nor other trials change a name, so that a grown grid finds what is done."""
    assert trial_name({"a": 1, "b": 2}) == trial_name({"b": 2, "a": 1}) != trial_name({"a": 2, "b": 1})
    grown = ORIGINAL | {"batch_size": [8, 16, 32, 64]}
    assert set(draw_trials(ORIGINAL, TRAINING)) < set(draw_trials(grown, TRAINING))


def test_order_of_keys_does_not_matter() -> None:
    """The same search with its keys in another order has the same trials, drawn ones too."""
    search = LOGARITHM | {"batch_size": [16, 32, 64], "trials": 5}
    turned = dict(reversed(search.items()))
    assert draw_trials(turned, TRAINING) == draw_trials(search, TRAINING)
    assert [list(trial) for trial in values(turned)] == [list(trial) for trial in values(search)]
    assert draw_trials(dict(reversed(ORIGINAL.items())), TRAINING).keys() == draw_trials(ORIGINAL, TRAINING).keys()


def test_draws_are_distinct_repeatable_and_begin_alike() -> None:
    """The same seed draws the same trials; more of them begin with the fewer; another seed draws others."""
    search = LOGARITHM | {"batch_size": [16, 32, 64], "trials": 12}
    trials = values(search)
    assert len({trial_name(trial) for trial in trials}) == 12
    assert values(search) == trials
    assert values(search | {"trials": 5}) == trials[:5]
    assert values(search | {"seed": 1}) != trials
    assert {trial["batch_size"] for trial in trials} <= {16, 32, 64}


def test_logarithmic_draws_are_even_on_the_logarithm() -> None:
    """Half of the draws of 1e-5 … 1e-3 lie below 1e-4, where an even draw of the rate itself would put 9 %."""
    rates = [trial["learning_rate"] for trial in values(LOGARITHM | {"trials": 400})]
    below = sum(rate < 1e-4 for rate in rates) / len(rates)
    assert abs(below - 0.5) < 4 * math.sqrt(0.25 / 400)
    assert min(rates) >= 1e-5
    assert max(rates) <= 1e-3
    plain = [trial["dropout"] for trial in values({"dropout": {"low": 0.0, "high": 0.5}, "trials": 400})]
    assert abs(sum(plain) / 400 - 0.25) < 4 * 0.5 / math.sqrt(12 * 400)


def test_integers_are_drawn_whole_and_no_more_than_there_are() -> None:
    """A range of an integer key gives integers of the range, both ends included, each once."""
    trials = values({"epochs": {"low": 1, "high": 4}, "trials": 50})
    assert sorted(trial["epochs"] for trial in trials) == [1, 2, 3, 4]


def test_integers_are_drawn_evenly() -> None:
    """Both ends of a range of four are half of the draws, as they are half of the integers."""
    # The other key makes the draws distinct, so that none is left out.
    trials = values({"epochs": {"low": 1, "high": 4}, "dropout": {"low": 0.0, "high": 0.5}, "trials": 400})
    ends = sum(trial["epochs"] in (1, 4) for trial in trials) / len(trials)
    assert abs(ends - 0.5) < 4 * math.sqrt(0.25 / 400)


def test_more_draws_than_combinations_is_the_grid() -> None:
    """Asking for 100 of 8 gives the 8."""
    assert values(ORIGINAL | {"trials": 100}) == values(ORIGINAL)
    some = values(ORIGINAL | {"trials": 3})
    assert len(some) == 3
    assert all(trial in values(ORIGINAL) for trial in some)


def test_options_are_no_searched_keys() -> None:
    """What says how to search is not searched over."""
    assert searched_keys({"metric": "f1", "seeds": [1], "epochs": [1], "trials": 2, "seed": 0}) == ["epochs"]


@pytest.mark.parametrize(
    ("search", "sentence"),
    [
        ({"metric": "f1"}, "row.search: it names no training key"),
        ({"learnin_rate": [1e-3]}, "row.search: unknown key 'learnin_rate'; .* did you mean 'learning_rate'?"),
        ({"validation_fraction": [0.1, 0.2]}, "row.search.validation_fraction: .* must be the same for all"),
        ({"epochs": []}, "row.search.epochs: the list is empty"),
        ({"epochs": [1, 1]}, "row.search.epochs: 1 is named twice"),
        ({"epochs": 3}, "row.search.epochs: found 3; allowed is a list of values, or {low: …, high: …}"),
        (LOGARITHM, "row.search.learning_rate: a range needs `trials`"),
        ({"epochs": {"low": 1}, "trials": 3}, "row.search.epochs: found .*; a range is {low: …, high: …}"),
        ({"epochs": {"low": 1, "high": 2, "step": 1}, "trials": 3}, "row.search.epochs: found .*; a range is"),
        ({"epochs": {"low": 3, "high": 1}, "trials": 3}, "row.search.epochs: low 3 is not below high 1"),
        ({"dropout": {"low": 0.0, "high": 0.5, "log": True}, "trials": 3}, "low 0.0 has no logarithm"),
        ({"learning_rate": {"low": "1e-5", "high": 1e-3}, "trials": 3}, r"learning_rate.low: found '1e-5'; .*1.0e-5"),
        (
            {"dropout": {"low": 0.0, "high": 0.5, "log": "yes"}, "trials": 3},
            "dropout.log: found 'yes'; allowed is true",
        ),
        ({"optimizer": {"low": 1, "high": 2}, "trials": 3}, "found a range, but optimizer is no number"),
        ({"length_buckets": {"low": 0, "high": 1}, "trials": 3}, "found a range, but length_buckets is no number"),
        ({"epochs": [1, 2], "seed": 3}, "row.search.seed: a full grid draws nothing"),
    ],
)
def test_bad_search_is_one_sentence(search: dict[str, Any], sentence: str) -> None:
    """Each mistake names its key, what was found and what to do."""
    with pytest.raises(StudyError, match=sentence):
        check_search(search, "row", TRAINING, lambda key, value: None)


def test_good_searches_pass() -> None:
    """Lists, null among them, and ranges with draws are fine."""
    for search in (ORIGINAL, {"clipnorm": [1.0, None]}, LOGARITHM | {"trials": 4, "metric": "loss"}):
        check_search(search, "row", TRAINING, lambda key, value: None)
