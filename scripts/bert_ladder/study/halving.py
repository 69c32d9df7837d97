"""Successive halving of a search: which budgets its trials are trained up to, and how many go on from each.

All trials are trained up to a small part of their steps, the best of them a few times as far, and so on, until the last
ones are trained to their end (Karnin et al. 2013; Jamieson & Talwalkar 2016, arXiv 1502.07943).

Imported by the Snakefile, hence light: nothing here may import NumPy, pandas or TensorFlow.
"""

import math
from fractions import Fraction
from typing import Any

from bert_ladder.study.schema import StudyError


def check_halving(halving: dict[str, Any], trials: int, key: str) -> None:
    """Refuse a halving of trials that are too few for it.

    Args:
        halving: `factor` and `smallest`, as the schema has checked them.
        trials: of the search.
        key: its place in the study, for the sentence.

    Raises:
        StudyError: one sentence that names the key, what was found and what is allowed.
    """
    factor = halving["factor"]
    if trials == 1:
        raise StudyError(
            f"{key}: the search has one trial only, so that none can be dropped; add values or remove halving."
        )
    if trials < factor:
        raise StudyError(
            f"{key}.factor: found {factor}, and the search has {trials} trials, of which 1 in {factor} cannot go on; "
            f"write {trials} or less, or add values."
        )


def budgets(factor: int, smallest: float) -> list[float]:
    """The parts of a trial's steps after which trials are dropped, and 1.

    Each is `factor` times the one before; the last step, up to the whole, is the one that is nearest to that.

    Args:
        factor: 2 or more.
        smallest: the first of them, between 0 and 1.
    """
    steps = max(1, round(math.log(1 / smallest, factor)))
    # Of decimals, so that 3 times 0.1 is 0.3.
    first = Fraction(str(smallest))
    return [*(float(first * factor**step) for step in range(steps)), 1.0]


def places(trials: int, factor: int, rungs: int) -> list[int]:
    """How many trials are trained in each rung: all, then always one in `factor`, rounded up.

    Args:
        trials: of the search.
        factor: 2 or more.
        rungs: as many as there are budgets.
    """
    return [-(-trials // factor**rung) for rung in range(rungs)]


def resolve_halving(halving: dict[str, Any], trials: int) -> list[dict[str, Any]]:
    """The rungs of a search.

    Args:
        halving: `factor` and `smallest`, checked.
        trials: of the search.

    Returns:
        `budget` (part of a trial's steps) and `trials` (how many are trained up to it) of each, the first one first.
    """
    parts = budgets(halving["factor"], halving["smallest"])
    counts = places(trials, halving["factor"], len(parts))
    return [{"budget": budget, "trials": count} for budget, count in zip(parts, counts, strict=True)]
