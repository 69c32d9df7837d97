"""Successive halving: how far the trials of a search are trained, and how many of them."""

import itertools

import pytest

from bert_ladder.study.halving import budgets, check_halving, places, resolve_halving
from bert_ladder.study.schema import StudyError


@pytest.mark.parametrize(
    ("factor", "smallest", "parts"),
    [
        (2, 0.25, [0.25, 0.5, 1.0]),
        (3, 0.1, [0.1, 0.3, 1.0]),
        (3, 0.12, [0.12, 0.36, 1.0]),
        (4, 0.05, [0.05, 0.2, 1.0]),
        # The last step is the one that is nearest to the factor, in either direction.
        (3, 0.3, [0.3, 1.0]),
        (3, 0.2, [0.2, 1.0]),
        (3, 0.19, [0.19, 0.57, 1.0]),
        # At least two rungs: else nothing would be halved.
        (3, 0.9, [0.9, 1.0]),
    ],
)
def test_budgets_rise_by_the_factor_to_the_whole(factor: int, smallest: float, parts: list[float]) -> None:
    """As decimals that can be read, from the smallest to 1."""
    assert budgets(factor, smallest) == parts


def test_budgets_always_rise() -> None:
    """Whatever the settings: from rung to rung, and the step before the last leaves something to train."""
    for factor in range(2, 12):
        for thousandth in range(1, 1000):
            parts = budgets(factor, thousandth / 1000)
            assert parts[0] == thousandth / 1000
            assert parts[-1] == 1.0
            assert all(one < other for one, other in itertools.pairwise(parts))
            assert len(parts) == 2 or parts[-2] <= factor**-0.5 + 1e-9


def test_one_in_factor_goes_on_rounded_up() -> None:
    """The last rung has one trial at the least."""
    assert places(9, 3, 3) == [9, 3, 1]
    assert places(8, 3, 3) == [8, 3, 1]
    assert places(18, 4, 3) == [18, 5, 2]
    assert places(2, 2, 4) == [2, 1, 1, 1]


def test_a_search_is_so_many_trainings() -> None:
    """Eight trials by halves: 8, 4 and 2 of them, in a quarter of the steps first."""
    rungs = resolve_halving({"factor": 2, "smallest": 0.25}, 8)
    assert [(rung["budget"], rung["trials"]) for rung in rungs] == [(0.25, 8), (0.5, 4), (1.0, 2)]


@pytest.mark.parametrize(
    ("trials", "sentence"),
    [
        (1, "row.search.halving: the search has one trial only, so that none can be dropped; add values or remove"),
        (2, "row.search.halving.factor: found 3, and the search has 2 trials, .*; write 2 or less, or add values"),
    ],
)
def test_too_few_trials_are_refused(trials: int, sentence: str) -> None:
    """Where none could be dropped, or none could go on in its own right."""
    with pytest.raises(StudyError, match=sentence):
        check_halving({"factor": 3, "smallest": 0.1}, trials, "row.search.halving")
    check_halving({"factor": 3, "smallest": 0.1}, 3, "row.search.halving")
