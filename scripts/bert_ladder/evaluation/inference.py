"""The statistics of a study: 95 % intervals, tests of pairs, and how many seeds a difference would take.

Seeds are to test examples what readers are to cases in radiology, where both are random and every reader reads every
case: jackknife pseudo-values (Dorfman, Berbaum & Metz 1992) make a metric a mean over examples, a two-way analysis of
variance separates seeds from examples, and the degrees of freedom are Hillis' (2007; readers nested in tests: 2014).
docs/statistics.md explains it and shows its measured coverage.
"""

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from scipy import special, stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

LEVEL = 0.05
POWER = 0.8
MOST_SEEDS = 1000
FEW_DISCORDANT = 25  # below this many, McNemar's test is exact
Z = float(stats.norm.ppf(1 - LEVEL / 2))

ACCURACIES = ("test_accuracy", "clean_accuracy")
COUNT_METRICS = (*ACCURACIES, "precision", "recall", "f1", "macro_precision", "macro_recall", "macro_f1", "mcc")
UNIT = (0.0, 1.0)

# How the interval of one run is found, by the kind of metric.
ONE_RUN = {"proportion": "wilson", "jackknife": "wilson, jackknife", "mean": "normal"}


@dataclass(frozen=True)
class Scores:
    """One metric of one row, by seed and by test example; rows of one study share their examples, in one order.

    Attributes:
        by_seed: the metric of each seed, float64, shape (seeds,).
        examples: pseudo-values of each seed, float64, shape (seeds, n).
        limits: the smallest and largest value that the metric can have.
        deterministic: the row has no randomness of its own, hence no seed to average over.
        kind: "proportion" (the metric is successes / trials), "jackknife" (another metric that is no mean over
            examples) or "mean" (of any values).
        trials: of a metric of counts, the number of examples that it rests on, as if it were a proportion; else None.
        hits: whether each prediction is right, bool, shape (seeds, n); only where the metric is an accuracy.

    Raises:
        ValueError: there is no seed or no example.
    """

    by_seed: np.ndarray
    examples: np.ndarray
    limits: tuple[float, float] = UNIT
    deterministic: bool = False
    kind: str = "mean"
    trials: float | None = None
    hits: np.ndarray | None = None

    def __post_init__(self) -> None:
        if not self.examples.size:
            raise ValueError("there is no interval of a metric without a seed or without a test example")

    @property
    def seeds(self) -> int:
        """Number of seeds."""
        return len(self.by_seed)

    @property
    def n(self) -> int:
        """Number of test examples."""
        return self.examples.shape[1]

    @property
    def many_seeds(self) -> bool:
        """Whether the row says something about seeds other than its own."""
        return self.seeds > 1 and not self.deterministic

    @cached_property
    def mean(self) -> float:
        """Mean of the metric over seeds."""
        return float(self.by_seed.mean())

    @cached_property
    def example_means(self) -> np.ndarray:
        """Pseudo-value of each example, averaged over seeds, shape (n,)."""
        return self.examples.mean(axis=0)

    @cached_property
    def seed_variance(self) -> float:
        """Variance of the metric over seeds on these examples; it holds the residual / n as well. 0 without seeds."""
        return _variance(self.by_seed) if self.many_seeds else 0.0

    @cached_property
    def residual(self) -> float:
        """Residual mean square of the table of seeds by examples; 0 without seeds."""
        if not self.many_seeds:
            return 0.0
        within = sum(_variance(of_seed) for of_seed in self.examples)
        return max(0.0, within - self.seeds * _variance(self.example_means)) / (self.seeds - 1)

    @cached_property
    def one_example(self) -> float:
        """What one example more or less may change in the metric: no standard error is smaller."""
        if self.trials is None:
            return float(np.ptp(self.examples) or 1) / self.n
        return (self.limits[1] - self.limits[0]) / max(self.trials, 1)


@dataclass(frozen=True)
class Interval:
    """The mean of a row's metric with its 95 % interval.

    Attributes:
        mean: over seeds.
        low, high: the interval; None where the metric has none.
        se: standard error; None where there is no interval.
        sd: standard deviation over seeds; None with one seed.
        seeds: number of seeds.
        method: name of the interval's method; empty where there is none.
    """

    mean: float
    low: float | None
    high: float | None
    se: float | None
    sd: float | None
    seeds: int
    method: str


@dataclass(frozen=True)
class Comparison:
    """Row a against row b.

    Attributes:
        difference: mean of a - mean of b.
        low, high: its 95 % interval.
        se: its standard error.
        p_value: of the hypothesis that the difference is 0, for this pair alone.
        test: name of the test.
        scope: "seeds and examples", or "these trained models" where the test says nothing of other seeds.
        seeds_needed: see `seeds_needed`; None within the scope of these trained models as well.
        examples_needed: where seeds_needed is None, see `examples_needed`: between these models, or with as many seeds
            as one likes.
        mcnemar: p-value of McNemar's test for each pair of seeds; empty unless the metric is an accuracy.
    """

    difference: float
    low: float
    high: float
    se: float
    p_value: float
    test: str
    scope: str
    seeds_needed: int | None
    examples_needed: int | None
    mcnemar: tuple[float, ...]


def count_metric(
    metric: str, hits: np.ndarray, actual: np.ndarray, predicted: np.ndarray, averaged: Sequence[int]
) -> np.ndarray:
    """A metric from counts by class; 0 where undefined, as scikit-learn has it.

    Args:
        metric: one of `COUNT_METRICS`.
        hits: examples of each class that are predicted right, shape (..., classes).
        actual: examples of each class, shape (..., classes).
        predicted: examples predicted to be of each class, shape (..., classes).
        averaged: classes over which precision, recall and F1 are averaged: the positive one, or several.

    Returns:
        The metric, float64, shape (...).
    """
    if metric in ACCURACIES:
        return _ratio(hits.sum(axis=-1), actual.sum(axis=-1))
    if metric == "mcc":  # Gorodkin 2004; Matthews' for two classes
        total = actual.sum(axis=-1)
        covariance = total * hits.sum(axis=-1) - (actual * predicted).sum(axis=-1)
        spreads = (total**2 - (actual**2).sum(axis=-1)) * (total**2 - (predicted**2).sum(axis=-1))
        return _ratio(covariance, np.sqrt(spreads))
    name = metric.removeprefix("macro_")
    trials = class_trials(name, actual, predicted)
    return _ratio(hits, trials)[..., averaged].mean(axis=-1)


def class_trials(name: str, actual: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """The denominator of each class's "precision", "recall" or "f1" (where the numerator is the hits)."""
    return {"precision": predicted, "recall": actual, "f1": (actual + predicted) / 2}[name]


def averaged_classes(labels: np.ndarray, predictions: np.ndarray, positive: int | None) -> list[int]:
    """The positive class, or without one all classes that occur among the labels or predictions."""
    return np.union1d(labels, predictions).tolist() if positive is None else [positive]


def count_scores(
    labels: np.ndarray,
    predictions: np.ndarray,
    metric: str,
    classes: int,
    positive: int | None,
    deterministic: bool = False,
) -> Scores:
    """Scores of one of the `COUNT_METRICS`, with jackknife pseudo-values n theta - (n - 1) theta(-i).

    A metric of counts knows an example by its label and prediction alone, so each seed takes no more evaluations than
    it has such pairs. The classes of a macro average stay those of all examples while one is left out. An accuracy's
    pseudo-values are its hits.

    Args:
        labels: codes, shape (n,).
        predictions: codes, shape (seeds, n).
        metric: one of `COUNT_METRICS`.
        classes: number of classes.
        positive: code of the class that precision, recall and F1 are of; None for macro averages.
        deterministic: see `Scores`.
    """
    labels, predictions = np.asarray(labels, np.int64), np.asarray(predictions, np.int64)
    if metric in ACCURACIES:
        hits = labels == predictions
        return Scores(
            by_seed=hits.mean(axis=1),
            examples=hits.astype(np.float64),
            deterministic=deterministic,
            kind="proportion",
            trials=len(labels),
            hits=hits,
        )
    if metric.startswith("macro_") or metric == "mcc":
        positive = None
    parts = [_leave_one_out(labels, of_seed, metric, classes, positive) for of_seed in predictions]
    by_seed, examples, trials = map(np.array, zip(*parts, strict=True))
    proportion = positive is not None and metric in ("precision", "recall")
    return Scores(
        by_seed=by_seed,
        examples=examples,
        limits=(-1.0, 1.0) if metric == "mcc" else UNIT,
        deterministic=deterministic,
        kind="proportion" if proportion else "jackknife",
        trials=float(trials.mean()),
    )


def _leave_one_out(
    labels: np.ndarray, predictions: np.ndarray, metric: str, classes: int, positive: int | None
) -> tuple[float, np.ndarray, float]:
    """One seed's metric, its pseudo-values, and the trials that it rests on."""
    n = len(labels)
    codes = labels * classes + predictions
    cells = np.bincount(codes, minlength=classes**2)
    confusion = cells.reshape(classes, classes).astype(np.float64)
    hits, actual, predicted = confusion.diagonal(), confusion.sum(axis=1), confusion.sum(axis=0)
    averaged = averaged_classes(labels, predictions, positive)
    whole = count_metric(metric, hits, actual, predicted, averaged)

    occupied = np.flatnonzero(cells)
    label, prediction = np.divmod(occupied, classes)
    is_class = np.eye(classes)
    without = count_metric(
        metric,
        hits - is_class[label] * (label == prediction)[:, np.newaxis],
        actual - is_class[label],
        predicted - is_class[prediction],
        averaged,
    )
    values = np.zeros(classes**2)
    values[occupied] = n * whole - (n - 1) * without

    name = "f1" if metric == "mcc" else metric.removeprefix("macro_")
    return float(whole), values[codes], _joint_trials(class_trials(name, actual, predicted)[averaged])


def _joint_trials(trials: np.ndarray) -> float:
    """Trials of the proportion that is known as well as the mean of proportions of so many trials each.

    A proportion without trials is 0 by definition, and known.
    """
    tried = trials[trials > 0]
    return float(len(trials) ** 2 / (1 / tried).sum()) if len(tried) else 0.0


def mean_scores(
    values: np.ndarray, limits: tuple[float, float] = (0.0, math.inf), deterministic: bool = False
) -> Scores:
    """Scores of a metric that is a mean over examples, such as Brier's score and the log-loss.

    Args:
        values: of each seed and example, shape (seeds, n).
        limits, deterministic: see `Scores`.
    """
    examples = np.asarray(values, np.float64)
    return Scores(examples.mean(axis=1), examples, limits, deterministic)


def area_scores(
    labels: np.ndarray, probabilities: np.ndarray, positive: int | None, deterministic: bool = False
) -> Scores | None:
    """Scores of the area under the ROC curve.

    The pseudo-values come from the structural components of DeLong, DeLong & Clarke-Pearson (1988), and these from
    midranks (Sun & Xu 2014).

    Args:
        labels: codes, shape (n,).
        probabilities: of each class, shape (seeds, n, classes).
        positive: code of the class that the area is of; None for the mean over the classes that occur, each against
            the rest.
        deterministic: see `Scores`.

    Returns:
        The scores; None if all texts, or none, are of a class.
    """
    codes = np.unique(labels).tolist() if positive is None else [positive]
    targets = [labels == code for code in codes]
    if not all(target.any() and not target.all() for target in targets):
        return None
    areas, examples = zip(
        *(_area(target, probabilities[:, :, code]) for code, target in zip(codes, targets, strict=True)), strict=True
    )
    return Scores(np.mean(areas, axis=0), np.mean(examples, axis=0), deterministic=deterministic, kind="jackknife")


def _area(target: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Area under each seed's ROC curve, shape (seeds,), and its jackknife pseudo-values, shape (seeds, n)."""
    ranks = stats.rankdata(scores, axis=1)
    components = np.empty(ranks.shape)
    for part, rest in ((target, ~target), (~target, target)):
        # How many of the other class are below, ties counting half.
        components[:, part] = (ranks[:, part] - stats.rankdata(scores[:, part], axis=1)) / rest.sum()
    components[:, ~target] = 1 - components[:, ~target]
    area = components[:, target].mean(axis=1)
    size = np.where(target, target.sum(), (~target).sum())
    weight = (len(target) - 1) / np.maximum(size - 1, 1)
    return area, area[:, np.newaxis] + weight * (components - area[:, np.newaxis])


def wilson_interval(successes: float, trials: float) -> tuple[float, float]:
    """Wilson's 95 % score interval of a proportion; all of [0, 1] where nothing was tried."""
    if trials == 0:
        return UNIT
    low, high = proportion_confint(successes, trials, alpha=LEVEL, method="wilson")
    # At 0 and 1 rounding may leave the proportion itself just outside.
    return float(min(low, successes / trials)), float(max(high, successes / trials))


def total_variance(
    seed_parts: Sequence[tuple[float, int]], example_part: float, floor: float = 0.0
) -> tuple[float, float]:
    """Variance of a mean over seeds and examples, and its degrees of freedom.

    Welch and Satterthwaite's degrees of freedom with the examples' part counting as known: for one row Hillis' (2007)
    ddf_H of a single test, for two rows those of readers nested in tests (Hillis 2014) without a common variance.

    Args:
        seed_parts: variance over seeds, and number of seeds, of each row that has several.
        example_part: variance due to examples alone; an estimate below 0 counts as 0.
        floor: smallest standard error.
    """
    parts = [(variance / seeds, seeds - 1) for variance, seeds in seed_parts]
    variance = float(max(sum(part for part, _ in parts) + max(0.0, example_part), floor**2))
    spread = sum(part**2 / freedom for part, freedom in parts)
    return variance, float(variance**2 / spread) if spread > 0 else math.inf


def row_interval(scores: Scores) -> Interval:
    """A row's mean and its 95 % interval.

    One run: over test examples, saying nothing of other seeds. A proportion has Wilson's score interval ("wilson"),
    another metric of counts or ranks that of as many trials as give the jackknife's standard error ("wilson,
    jackknife"), which covers better than a bootstrap, and a mean of other values the normal interval ("normal").

    Several seeds: Student's over both ("seeds and examples"); with hardly an error no narrower than Wilson's without
    one.
    """
    sd = float(np.std(scores.by_seed, ddof=1)) if scores.seeds > 1 else None
    seed_parts, floor = [], scores.one_example
    example_part = _variance(scores.example_means) / scores.n
    method = ONE_RUN[scores.kind]
    if scores.many_seeds:
        method = "seeds and examples"
        seed_parts = [(scores.seed_variance, scores.seeds)]
        example_part -= scores.residual / (scores.seeds * scores.n)
        if scores.trials is not None:
            floor = Z * (scores.limits[1] - scores.limits[0]) / (scores.trials + Z**2)
    variance, freedom = total_variance(seed_parts, example_part, floor)
    if scores.many_seeds or scores.kind == "mean":
        low, high = _student_interval(scores.mean, variance, freedom, scores.limits)
    else:
        low, high = _score_interval(scores, variance)
    return Interval(scores.mean, low, high, math.sqrt(variance), sd, scores.seeds, method)


def _student_interval(
    centre: float, variance: float, freedom: float, limits: tuple[float, float]
) -> tuple[float, float]:
    half = float(stats.t.ppf(1 - LEVEL / 2, freedom)) * math.sqrt(variance)
    return max(limits[0], centre - half), min(limits[1], centre + half)


def _score_interval(scores: Scores, variance: float) -> tuple[float, float]:
    """Wilson's interval of the trials that would give this variance in the metric's limits (Franco et al. 2019)."""
    least, most = scores.limits
    width = most - least
    share = (scores.mean - least) / width
    if scores.kind == "proportion" and scores.trials is not None:
        trials = scores.trials
    elif 0 < share < 1:
        trials = share * (1 - share) * width**2 / variance
    else:
        trials = width / scores.one_example
    low, high = wilson_interval(share * trials, trials)
    return least + low * width, least + high * width


def mean_only(by_seed: Sequence[float] | pd.Series) -> Interval:
    """Mean and standard deviation of a metric without an interval, such as the calibration error."""
    sd = float(np.std(by_seed, ddof=1)) if len(by_seed) > 1 else None
    return Interval(float(np.mean(by_seed)), None, None, None, sd, len(by_seed), "")


def compare_rows(a: Scores, b: Scores) -> Comparison:
    """Difference of two rows on the same test examples, with its 95 % interval and one test.

    Seeds of different rows have nothing to do with each other, so only the examples are paired. If a row that is not
    deterministic has one seed, or if both rows are deterministic, the statement is about these trained models. Two
    single runs are tested by McNemar's test where the metric is an accuracy; otherwise interval and test agree.

    Raises:
        ValueError: the rows do not have the same number of examples.
    """
    if a.n != b.n:
        raise ValueError(f"rows of {a.n} and {b.n} examples cannot be compared")
    difference = round(a.mean - b.mean, 12)  # means that differ by rounding alone are equal
    example_part = _variance(a.example_means - b.example_means) / a.n
    floor = max(a.one_example, b.one_example)
    span = a.limits[1] - a.limits[0]

    random = [row for row in (a, b) if not row.deterministic]
    if random and all(row.many_seeds for row in random):
        test, scope = "Welch-Satterthwaite t over seeds and examples", "seeds and examples"
        seed_parts = [(row.seed_variance, row.seeds) for row in random]
        example_part -= sum(row.residual / (row.seeds * row.n) for row in random)
    else:
        test, scope = "paired z over examples", "these trained models"
        seed_parts = []
    variance, freedom = total_variance(seed_parts, example_part, floor)
    se = math.sqrt(variance)
    low, high = _student_interval(difference, variance, freedom, (-span, span))
    p_value = float(2 * stats.t.sf(abs(difference) / se, freedom))

    mcnemars = mcnemar_by_seed(a, b)
    if mcnemars and a.seeds == b.seeds == 1:
        p_value, test = mcnemars[0]
    needed = seeds_needed(difference, [variance for variance, _ in seed_parts], example_part) if seed_parts else None
    return Comparison(
        difference=difference,
        low=low,
        high=high,
        se=se,
        p_value=p_value,
        test=test,
        scope=scope,
        seeds_needed=needed,
        examples_needed=examples_needed(difference, example_part, a.n) if needed is None else None,
        mcnemar=tuple(p for p, _ in mcnemars),
    )


def mcnemar_by_seed(a: Scores, b: Scores) -> list[tuple[float, str]]:
    """McNemar's test of the k-th seed of a with the k-th of b; a single run stands against every seed of the other.

    Returns:
        p-value and name of each test; nothing where the metric is no accuracy.
    """
    if a.hits is None or b.hits is None:
        return []
    count = max if 1 in (a.seeds, b.seeds) else min
    return [mcnemar_test(a.hits[k % a.seeds], b.hits[k % b.seeds]) for k in range(count(a.seeds, b.seeds))]


def mcnemar_test(hits_a: np.ndarray, hits_b: np.ndarray) -> tuple[float, str]:
    """McNemar's test of two models on the same examples: p-value and name.

    Exact below 25 examples that only one of the two has right, else chi-square without a continuity correction, which
    is what Fagerland, Lydersen & Laake (2013) advise of the two.

    Args:
        hits_a, hits_b: whether each prediction is right, bool, shape (n,).
    """
    only_a, only_b = int((hits_a & ~hits_b).sum()), int((~hits_a & hits_b).sum())
    exact = only_a + only_b < FEW_DISCORDANT
    p_value = float(mcnemar([[0, only_a], [only_b, 0]], exact=exact, correction=False).pvalue)
    return p_value, "McNemar, exact" if exact else "McNemar, chi-square"


def holm(p_values: Sequence[float]) -> np.ndarray:
    """p-values adjusted for their number by Holm (1979), float64, in the same order."""
    if not len(p_values):
        return np.empty(0)
    return multipletests(p_values, alpha=LEVEL, method="holm")[1]


def verdict(difference: float, p_holm: float) -> str:
    """The first row against the second at 5 % after Holm's adjustment: "better", "worse" or "not separable"."""
    if p_holm >= LEVEL or difference == 0:
        return "not separable"
    return "better" if difference > 0 else "worse"


def seeds_needed(difference: float, seed_variances: Sequence[float], example_part: float) -> int | None:
    """The fewest seeds for each row that would find a difference of this size 4 times in 5 (two-sided, 5 %).

    The variances count as the truth, the test examples stay as many, and the test stands alone (no Holm).

    Args:
        difference: of the means.
        seed_variances: variance over seeds of each row that has seeds.
        example_part: variance of the difference due to examples alone; below 0 counts as 0.

    Returns:
        2 to 1,000; None if so many do not suffice.
    """

    def power(seeds: int) -> float:
        variance, freedom = total_variance([(variance, seeds) for variance in seed_variances], example_part)
        return _power(difference, variance, freedom)

    if difference == 0:
        return None
    choices = range(2, MOST_SEEDS + 1)
    place = bisect.bisect_left(choices, POWER, key=power)
    return choices[place] if place < len(choices) else None


def examples_needed(difference: float, example_part: float, n: int) -> int | None:
    """The test examples that would find a difference of this size 4 times in 5 were there no other variance.

    Args:
        difference: of the means.
        example_part: variance of the difference due to n examples; below 0 counts as 0.
        n: number of examples.

    Returns:
        More than n; None if n suffice, or there is no difference.
    """
    if difference == 0:
        return None
    needed = math.ceil(n * max(0.0, example_part) * ((Z + stats.norm.ppf(POWER)) / difference) ** 2)
    return needed if needed > n else None


def _power(difference: float, variance: float, freedom: float) -> float:
    """Probability that the two-sided test finds a difference, on its own side, if these are the truth."""
    shift = abs(difference) / math.sqrt(variance) if variance > 0 else math.inf
    if shift > 25:  # far above POWER with any degrees of freedom; the noncentral t is not reliable out there
        return 1.0
    # SciPy's functions behind stats.t and stats.nct, which are many times slower for single numbers.
    return 1 - float(special.nctdtr(freedom, shift, special.stdtrit(freedom, 1 - LEVEL / 2)))


def _variance(values: np.ndarray) -> float:
    return float(values.var(ddof=1)) if len(values) > 1 else 0.0


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    return np.divide(numerator, denominator, out=np.zeros(np.shape(numerator)), where=np.asarray(denominator) > 0)
