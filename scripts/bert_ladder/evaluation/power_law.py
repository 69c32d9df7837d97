"""Error as a power law of the number of labels, a n^-b + c, and what it foretells, with intervals.

Learning curves of many tasks have this form (Hestness et al. 2017, Deep learning scaling is predictable, empirically;
Viering & Loog 2021, The shape of learning curves: a review), but by no means all: a law is to be believed only where it
foretells a point that it was not fitted to.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bert_ladder.evaluation.inference import LEVEL, Scores

REPLICATES = 1000
# From almost a logarithm to a curve that is flat from its second point on.
EXPONENTS = np.geomspace(0.01, 4, 300)
TIMES = 2  # how many times the labels it is asked about


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval."""

    value: float
    low: float
    high: float

    def holds(self, value: float) -> bool:
        """Whether the interval holds a value."""
        return self.low <= value <= self.high


@dataclass(frozen=True)
class PowerLaw:
    """Error = scale * labels^-exponent + floor, and what it says.

    Attributes:
        scale, exponent, floor: of the law.
        error: what it foretells at the number of labels asked about.
        gain: what it foretells to be gained by `TIMES` as many.
    """

    scale: float
    exponent: float
    floor: float
    error: Estimate
    gain: Estimate


def fit_power_laws(
    labels: np.ndarray, errors: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Fit many power laws by weighted least squares, scale and floor being 0 or more.

    For a given exponent the law is linear in the other two, whose best values have a closed form; the best of
    `EXPONENTS` is taken (variable projection, Golub & Pereyra 1973). So no start has to be chosen, and none is missed.

    Args:
        labels: numbers of labels, above 0, shape (points,).
        errors: of each fit, shape (fits, points).
        weights: of the squared residuals, shape (points,).

    Returns:
        scale, exponent and floor, float64, shape (fits,) each.
    """
    powers = labels ** -EXPONENTS[:, np.newaxis]  # (exponents, points)
    whole = weights.sum()
    # Weighted sums over the points, by exponent or by fit.
    x, xx = (weights * powers).sum(axis=1), (weights * powers**2).sum(axis=1)
    y, yy = ((weights * values).sum(axis=1, keepdims=True) for values in (errors, errors**2))
    xy = (weights * errors) @ powers.T  # (fits, exponents)
    slope = (whole * xy - x * y) / (whole * xx - x**2)
    floor = (y - slope * x) / whole
    # Where a bound is crossed the best lies on it: the law goes down to 0, or is flat.
    slope, floor = np.where(floor < 0, xy / xx, slope), np.maximum(floor, 0)
    slope, floor = np.maximum(slope, 0), np.where(slope < 0, y / whole, floor)
    squares = yy - 2 * (slope * xy + floor * y - slope * floor * x) + slope**2 * xx + floor**2 * whole
    fits, best = np.arange(len(errors)), squares.argmin(axis=1)
    return slope[fits, best], EXPONENTS[best], floor[fits, best]


def power_law(labels: Sequence[int], scores: Sequence[Scores], asked: int) -> PowerLaw:
    """The law through some points of a row, with intervals from a parametric bootstrap over seeds and test examples.

    The errors are drawn around those measured: the seeds' part with the covariance of the seeds over the points, as
    each seed's fractions lie within each other, spread as Student's t has it for so few; the examples' part with the
    covariance of the test examples, which all points share.

    Args:
        labels: number of labels of each point.
        scores: of each point, all with the same seeds and test examples; the error is 1 - their metric.
        asked: number of labels that `error` is foretold for.

    Raises:
        ValueError: there are fewer than two points or two seeds.
    """
    if len(scores) < 2 or scores[0].seeds < 2:
        raise ValueError("a power law takes two points and two seeds")
    means = 1 - np.array([of_point.mean for of_point in scores])
    of_seeds, of_examples = _covariances(scores)
    floor = max(of_point.one_example for of_point in scores) ** 2
    # As those of a proportion: variances estimated from few seeds would give single points chance weights.
    weights = 1 / np.maximum(means * (1 - means), floor)

    # Any fixed seed: the same study says the same.
    generator = np.random.default_rng(0)
    freedom = scores[0].seeds - 1
    wider = np.sqrt(freedom / generator.chisquare(freedom, size=(REPLICATES, 1)))
    zero = np.zeros(len(scores))
    drawn = means + wider * generator.multivariate_normal(zero, of_seeds, REPLICATES, method="eigh")
    drawn += generator.multivariate_normal(zero, of_examples, REPLICATES, method="eigh")
    drawn = np.clip(drawn, 0, None)

    # In units of the largest number, which keeps large powers within float64.
    unit = max(labels)
    sizes = np.array(labels) / unit
    scale, exponent, floors = fit_power_laws(sizes, np.vstack([means, drawn]), weights)
    at_asked = scale * (asked / unit) ** -exponent
    gain = at_asked * (1 - float(TIMES) ** -exponent)
    return PowerLaw(
        scale=float(scale[0] * unit ** exponent[0]),
        exponent=float(exponent[0]),
        floor=float(floors[0]),
        error=_estimate(at_asked + floors),
        gain=_estimate(gain),
    )


def _covariances(scores: Sequence[Scores]) -> tuple[np.ndarray, np.ndarray]:
    """What seeds, and what test examples, add to the covariance of the points' means; see `row_interval`."""
    seeds, n = scores[0].seeds, scores[0].n
    by_seed = np.stack([of_point.by_seed for of_point in scores])
    examples = np.stack([of_point.example_means for of_point in scores])
    of_seeds, of_examples = np.atleast_2d(np.cov(by_seed)) / seeds, np.atleast_2d(np.cov(examples)) / n
    residual = [of_point.residual / (seeds * n) for of_point in scores]
    values, vectors = np.linalg.eigh(of_examples - np.diag(residual))
    return of_seeds, (vectors * np.maximum(values, 0)) @ vectors.T


def _estimate(values: np.ndarray) -> Estimate:
    """The first of some values, with the interval of the others."""
    low, high = np.quantile(values[1:], [LEVEL / 2, 1 - LEVEL / 2])
    return Estimate(float(values[0]), float(min(low, values[0])), float(max(high, values[0])))
