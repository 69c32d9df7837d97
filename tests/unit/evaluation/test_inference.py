"""Statistics of a study: textbook numbers, agreement with other implementations, coverage."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import (
    accuracy_score,
    f1_score,
    matthews_corrcoef,
    precision_recall_fscore_support,
    precision_score,
    recall_score,
    roc_auc_score,
)
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm
from statsmodels.stats.power import TTestIndPower

from bert_ladder.evaluation.inference import (
    COUNT_METRICS,
    Scores,
    area_scores,
    compare_rows,
    count_metric,
    count_scores,
    examples_needed,
    holm,
    mcnemar_by_seed,
    mcnemar_test,
    mean_only,
    mean_scores,
    row_interval,
    seeds_needed,
    total_variance,
    verdict,
    wilson_interval,
)

WHOLE_LINE = (-math.inf, math.inf)


def simulate(generator: np.random.Generator, n: int, classes: int, accuracy: float) -> tuple[np.ndarray, np.ndarray]:
    labels = generator.integers(0, classes, n)
    wrong = (labels + generator.integers(1, classes, n)) % classes
    return labels, np.where(generator.random(n) < accuracy, labels, wrong)


def accuracy_scores(hits: np.ndarray, deterministic: bool = False) -> Scores:
    """Scores of the accuracy of given hits, shape (seeds, n)."""
    return count_scores(np.ones(hits.shape[1]), hits, "test_accuracy", 2, 1, deterministic)


def seeds_only(by_seed: list[float], n: int = 1000) -> Scores:
    """A row whose examples are all alike, so that only its seeds vary."""
    return mean_scores(np.repeat(np.array(by_seed)[:, np.newaxis], n, axis=1), WHOLE_LINE)


# --- one run -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [
        pytest.param(81, 263, 0.2553, 0.3662, id="newcombe-81-263"),
        pytest.param(15, 148, 0.0624, 0.1605, id="newcombe-15-148"),
        pytest.param(0, 20, 0.0, 0.1611, id="newcombe-0-20"),
        pytest.param(1, 29, 0.0061, 0.1718, id="newcombe-1-29"),
        pytest.param(0, 0, 0.0, 1.0, id="nothing-tried"),
    ],
)
def test_wilson_of_newcombe(successes: int, trials: int, low: float, high: float):
    """The four examples of Newcombe 1998, table I, method 3; without a trial nothing is known."""
    assert wilson_interval(successes, trials) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(("classes", "positive"), [(2, 0), (2, 1), (2, None), (4, None)])
def test_count_metrics_equal_scikit_learn(classes: int, positive: int | None):
    """Metrics from counts are scikit-learn's own, for a class that is never predicted too."""
    labels, predictions = simulate(np.random.default_rng(0), 60, classes, 0.7)
    predictions[predictions == 0] = 1
    averaging = {"average": "macro"} if positive is None else {"average": "binary", "pos_label": positive}
    expected = precision_recall_fscore_support(labels, predictions, zero_division=0, **averaging)

    actual, predicted = np.eye(classes)[labels], np.eye(classes)[predictions]
    counts = (actual * predicted).sum(0), actual.sum(0), predicted.sum(0)
    averaged = list(range(classes)) if positive is None else [positive]
    found = {metric: count_metric(metric, *counts, averaged) for metric in ("precision", "recall", "f1", "mcc")}
    assert [found[metric] for metric in ("precision", "recall", "f1")] == pytest.approx(list(expected[:3]))
    assert found["mcc"] == pytest.approx(matthews_corrcoef(labels, predictions))
    assert count_metric("test_accuracy", *counts, averaged) == pytest.approx((labels == predictions).mean())


def sklearn_metric(metric: str, positive: int | None, classes: list[int]):
    """The same metric of scikit-learn, a macro average being over given classes."""
    if metric == "mcc":
        return matthews_corrcoef
    if metric in ("test_accuracy", "clean_accuracy"):
        return accuracy_score
    function = {"precision": precision_score, "recall": recall_score, "f1": f1_score}[metric.removeprefix("macro_")]
    labels = [positive] if positive is not None and not metric.startswith("macro_") else classes
    return lambda truth, guess: function(truth, guess, labels=labels, average="macro", zero_division=0)


@pytest.mark.parametrize(("classes", "positive"), [(2, 1), (4, None)])
@pytest.mark.parametrize("metric", COUNT_METRICS)
def test_pseudo_values_equal_a_brute_force_jackknife(metric: str, classes: int, positive: int | None):
    """They are n theta - (n - 1) theta(-i) with scikit-learn's metrics and each example left out in turn."""
    generator = np.random.default_rng(4)
    labels, first = simulate(generator, 40, classes, 0.8)
    predictions = np.stack([first, np.where(generator.random(40) < 0.5, labels, first)])
    function = sklearn_metric(metric, positive, sorted(set(labels.tolist()) | set(predictions.ravel().tolist())))
    scores = count_scores(labels.astype(np.int16), predictions.astype(np.int16), metric, classes, positive)
    assert scores.examples.shape == (2, 40)
    for k, guess in enumerate(predictions):
        theta = function(labels, guess)
        left_out = [function(np.delete(labels, i), np.delete(guess, i)) for i in range(40)]
        np.testing.assert_allclose(scores.examples[k], 40 * theta - 39 * np.array(left_out), atol=1e-9)
        assert scores.by_seed[k] == pytest.approx(theta)


def test_pseudo_values_of_accuracy_are_the_hits():
    """To the bit, so that no rounding makes two equal rows differ."""
    labels, predictions = simulate(np.random.default_rng(0), 50, 3, 0.6)
    scores = count_scores(labels, predictions[np.newaxis], "test_accuracy", 3, None)
    np.testing.assert_array_equal(scores.examples[0], labels == predictions)


@pytest.mark.parametrize(("classes", "positive"), [(2, 1), (2, 0), (3, None)])
def test_areas_equal_a_brute_force_jackknife(classes: int, positive: int | None):
    """Area and pseudo-values are those of scikit-learn's roc_auc_score, with ties, also as a mean over classes."""
    generator = np.random.default_rng(2)
    labels = np.arange(30) % classes
    raw = generator.integers(1, 5, (2, 30, classes)) + 2 * np.eye(classes)[labels]
    probabilities = raw / raw.sum(axis=2, keepdims=True)
    codes = range(classes) if positive is None else [positive]

    def area(k: int, kept: np.ndarray) -> float:
        return np.mean([roc_auc_score(labels[kept] == code, probabilities[k, kept, code]) for code in codes])

    scores = area_scores(labels, probabilities, positive)
    for k in range(2):
        whole = area(k, np.arange(30))
        left_out = np.array([area(k, np.delete(np.arange(30), i)) for i in range(30)])
        assert scores.by_seed[k] == pytest.approx(whole)
        np.testing.assert_allclose(scores.examples[k], 30 * whole - 29 * left_out, atol=1e-9)


def test_variance_of_an_area_is_delongs():
    """The standard error of one run's area is DeLong's, up to terms of order 1 / n."""
    generator = np.random.default_rng(3)
    target = generator.random(400) < 0.3
    score = generator.normal(1.2 * target)
    above = (score[target][:, np.newaxis] > score[~target]).astype(float)
    delong = above.mean(axis=1).var(ddof=1) / target.sum() + above.mean(axis=0).var(ddof=1) / (~target).sum()
    interval = row_interval(area_scores(target.astype(int), np.stack([-score, score], axis=1)[np.newaxis], 1))
    assert interval.se == pytest.approx(math.sqrt(delong), rel=0.01)
    assert (interval.method, interval.sd) == ("wilson, jackknife", None)


def test_an_area_without_a_class_is_none():
    """Where no text, or every text, is of the class, there is no ranking to measure."""
    probabilities = np.full((1, 5, 2), 0.5)
    assert area_scores(np.zeros(5, int), probabilities, 1) is None
    assert area_scores(np.ones(5, int), probabilities, None) is None


def test_methods_of_one_run():
    """Proportions have Wilson's interval itself; other metrics of counts Wilson's with the jackknife's variance."""
    labels, predictions = simulate(np.random.default_rng(0), 100, 2, 0.8)
    binary = {
        metric: row_interval(count_scores(labels, predictions[np.newaxis], metric, 2, 1)) for metric in COUNT_METRICS
    }
    wilson = {metric for metric, interval in binary.items() if interval.method == "wilson"}
    assert wilson == {"test_accuracy", "clean_accuracy", "precision", "recall"}
    assert {interval.method for interval in binary.values()} == {"wilson", "wilson, jackknife"}
    hits = int((labels == predictions).sum())
    assert (binary["test_accuracy"].low, binary["test_accuracy"].high) == wilson_interval(hits, 100)
    macro = row_interval(count_scores(labels, predictions[np.newaxis], "recall", 2, None))
    assert macro.method == "wilson, jackknife"
    assert macro == row_interval(count_scores(labels, predictions[np.newaxis], "macro_recall", 2, 1))


def test_jackknife_gives_nearly_wilson_where_both_apply():
    """The accuracy as a macro average of one class would give the same interval as the proportion it is."""
    labels, predictions = np.ones(200, int), (np.arange(200) % 5 > 0).astype(int)
    recall = row_interval(count_scores(labels, predictions[np.newaxis], "recall", 2, 1))
    as_jackknife = Scores(np.array([0.8]), predictions[np.newaxis].astype(float), kind="jackknife")
    found = row_interval(as_jackknife)
    assert (found.low, found.high) == pytest.approx((recall.low, recall.high), abs=5e-4)


def test_a_mean_has_the_normal_interval():
    """Of Brier's score and the loss the interval is mean and normal quantile times standard error."""
    losses = np.random.default_rng(0).exponential(0.4, (1, 500))
    found = row_interval(mean_scores(losses))
    expected = stats.norm.interval(0.95, losses.mean(), stats.sem(losses[0]))
    assert (found.low, found.high) == pytest.approx(expected)
    assert found.method == "normal"


def test_no_positive_prediction_leaves_precision_open():
    """A precision of which nothing was seen may be anything, however many seeds; recall 0 of 30 may not."""
    labels = np.array([0] * 30 + [1] * 30)
    for seeds in (1, 3):
        predictions = np.zeros((seeds, 60), dtype=int)
        precision = row_interval(count_scores(labels, predictions, "precision", 2, 1))
        assert (precision.low, precision.high) == pytest.approx((0, 1))
        assert row_interval(count_scores(labels, predictions, "recall", 2, 1)).high < 0.12


def test_one_run_intervals_cover():
    """Over simulated test sets the intervals of one model hold its true metrics about 95 times in 100."""
    generator = np.random.default_rng(3)
    metrics = ("test_accuracy", "precision", "recall", "f1", "macro_f1", "mcc")
    truth = dict.fromkeys(metrics, 0.85) | {"mcc": 0.7}  # classes and errors of equal frequency
    covered = dict.fromkeys(metrics, 0)
    for _ in range(400):
        labels, predictions = simulate(generator, 300, 2, 0.85)
        for metric in metrics:
            interval = row_interval(count_scores(labels, predictions[np.newaxis], metric, 2, 1))
            covered[metric] += interval.low <= truth[metric] <= interval.high
    # Binomial noise of 400: a standard deviation of .011.
    assert all(0.915 <= count / 400 <= 0.985 for count in covered.values()), covered


# --- variance and degrees of freedom -----------------------------------------------------------------------------


def test_variance_components_are_those_of_the_two_way_anova():
    """Mean squares of seeds, examples and residual are statsmodels' for a table without replication."""
    generator = np.random.default_rng(1)
    values = generator.normal(size=(4, 30)) + generator.normal(size=(4, 1)) + 2 * generator.normal(size=(1, 30))
    cells = [(s, i, values[s, i]) for s, i in itertools.product(range(4), range(30))]
    frame = pd.DataFrame(cells, columns=["seed", "example", "value"])
    anova = anova_lm(ols("value ~ C(seed) + C(example)", frame).fit())
    scores = mean_scores(values, WHOLE_LINE)

    squares = anova["sum_sq"] / anova["df"]
    assert scores.seed_variance == pytest.approx(squares["C(seed)"] / 30)
    assert 4 * scores.example_means.var(ddof=1) == pytest.approx(squares["C(example)"])
    assert scores.residual == pytest.approx(squares["Residual"])
    expected = (squares["C(seed)"] + squares["C(example)"] - squares["Residual"]) / 120
    assert row_interval(scores).se ** 2 == pytest.approx(expected)


@pytest.mark.parametrize(
    ("areas", "covariance", "se", "freedom", "low", "high"),
    [
        pytest.param(
            [0.91964573, 0.85877617, 0.90386473, 0.97310789, 0.82979066],
            *(0.00048396, 0.03317360, 12.74, 0.82522360, 0.96885048),
            id="cine-mri",
        ),
        pytest.param(
            [0.94782609, 0.90531401, 0.92173913, 0.99935588, 0.92995169],
            *(0.00020419, 0.02156637, 12.71, 0.89413783, 0.98753689),
            id="spin-echo-mri",
        ),
    ],
)
def test_one_row_is_hillis_single_test_analysis(areas, covariance, se, freedom, low, high):
    """Five readers of Van Dyke et al. 1993, 114 cases: the numbers that OR-DBM MRMC 2.51 prints (ddf_H_single)."""
    variance, found = total_variance([(np.var(areas, ddof=1), 5)], covariance)
    assert (math.sqrt(variance), found) == pytest.approx((se, freedom), abs=5e-3, rel=1e-4)
    assert stats.t.interval(0.95, found, np.mean(areas), math.sqrt(variance)) == pytest.approx((low, high), abs=2e-6)


def test_a_pair_is_hillis_readers_nested_in_tests():
    """Variance and degrees of freedom re-derived from the jackknife covariances of all runs (Hillis 2014, table VII a).

    Cov2 is the mean covariance between two seeds of a row, Cov3 between seeds of different rows.
    """
    generator = np.random.default_rng(8)
    shared, seeds, n = generator.normal(size=300), 4, 300
    hits = (shared + generator.normal(size=(2 * seeds, n)) + 0.3 * generator.normal(size=(2 * seeds, 1)) > -1).astype(
        int
    )
    labels = (generator.random(n) < 0.4).astype(int)
    predictions = np.where(hits, labels, 1 - labels)
    a, b = (count_scores(labels, predictions[part], "f1", 2, 1) for part in (slice(0, seeds), slice(seeds, None)))

    covariance = np.cov(np.concatenate([a.examples, b.examples])) / n
    within = ~np.eye(seeds, dtype=bool)
    cov2 = covariance[:seeds, :seeds][within].mean() + covariance[seeds:, seeds:][within].mean()
    cov3 = covariance[:seeds, seeds:].mean()
    squares = [row.by_seed.var(ddof=1) for row in (a, b)]  # MS(R) of each test
    variance = sum(squares) / seeds + cov2 - 2 * cov3
    freedom = variance**2 / sum((square / seeds) ** 2 / (seeds - 1) for square in squares)

    found = compare_rows(a, b)
    assert found.se**2 == pytest.approx(variance)
    assert found.p_value == pytest.approx(2 * stats.t.sf(abs(found.difference) / math.sqrt(variance), freedom))
    assert (found.low, found.high) == pytest.approx(
        stats.t.interval(0.95, freedom, found.difference, math.sqrt(variance))
    )


def test_seeds_alone_give_students_interval():
    """Where all examples are alike, one row's interval is Student's with seeds - 1 degrees of freedom."""
    values = [0.80, 0.82, 0.87]
    found = row_interval(seeds_only(values))
    assert (found.low, found.high) == pytest.approx(stats.t.interval(0.95, 2, np.mean(values), stats.sem(values)))
    assert found.sd == pytest.approx(np.std(values, ddof=1))
    assert found.method == "seeds and examples"


def test_seeds_that_agree_leave_the_examples():
    """Without variance over seeds the interval is the normal one over examples."""
    hits = np.tile(np.arange(400) % 5 > 0, (3, 1))
    found = row_interval(accuracy_scores(hits))
    expected = stats.norm.interval(0.95, 0.8, hits[0].std(ddof=1) / 20)
    assert (found.low, found.high) == pytest.approx(expected)


def test_students_sleep_data():
    """Seeds alone, unequal variances: the Welch test of R's example(sleep), t = -1.8608 with df = 17.776."""
    drug_1 = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
    drug_2 = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
    found = compare_rows(seeds_only(drug_1), seeds_only(drug_2))
    assert found.difference / found.se == pytest.approx(-1.8608, abs=5e-5)
    assert found.p_value == pytest.approx(0.07939, abs=5e-6)
    assert (found.low, found.high) == pytest.approx((-3.3654832, 0.2054832), abs=5e-8)


@pytest.mark.parametrize("sizes", [(3, 3), (2, 5), (10, 4)])
def test_seeds_alone_equal_scipys_welch(sizes: tuple[int, int]):
    """Any numbers of seeds: p-value and interval of scipy.stats.ttest_ind(equal_var=False)."""
    generator = np.random.default_rng(sum(sizes))
    values = [generator.normal(0.8, 0.02 * (k + 1), size) for k, size in enumerate(sizes)]
    found = compare_rows(*map(seeds_only, values))
    expected = stats.ttest_ind(*values, equal_var=False)
    assert found.p_value == pytest.approx(expected.pvalue)
    assert (found.low, found.high) == pytest.approx(tuple(expected.confidence_interval()))


def test_a_deterministic_row_has_no_seed_part():
    """Against a baseline without randomness only the other row's seeds count: a one-sample t test over seeds."""
    values = [0.81, 0.84, 0.82, 0.86]
    baseline = mean_scores(np.full((1, 1000), 0.8), WHOLE_LINE, deterministic=True)
    found = compare_rows(seeds_only(values), baseline)
    assert found.p_value == pytest.approx(stats.ttest_1samp(values, 0.8).pvalue)
    assert found.scope == "seeds and examples"


# --- tests and verdicts --------------------------------------------------------------------------------------------


def paired_hits(both: int, only_a: int, only_b: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    a = np.repeat([1, 1, 0, 0], [both, only_a, only_b, neither])
    b = np.repeat([1, 0, 1, 0], [both, only_a, only_b, neither])
    return a[np.newaxis], b[np.newaxis]


def test_mcnemar_of_agresti():
    """Approval of the prime minister (Agresti 1990, p. 350): z squared 17.36, difference .04, standard error .0095."""
    found = compare_rows(*map(accuracy_scores, paired_hits(794, 150, 86, 570)))
    assert stats.chi2.isf(found.p_value, 1) == pytest.approx(17.36, abs=5e-3)
    assert (found.difference, found.se) == pytest.approx((0.04, 0.0095), abs=6e-5)
    assert found.test == "McNemar, chi-square"
    assert found.mcnemar == (found.p_value,)


def test_mcnemar_is_exact_with_few_discordant_examples():
    """Of 8 discordant examples 1 speaks for a: 2 (1 + 8) / 2**8; from 25 on it is chi-square."""
    found = compare_rows(*map(accuracy_scores, paired_hits(50, 1, 7, 20)))
    assert found.p_value == pytest.approx(18 / 256)
    assert found.test == "McNemar, exact"
    names = [mcnemar_test(*(hits[0] > 0 for hits in paired_hits(9, 12, c, 9)))[1] for c in (12, 13)]
    assert names == ["McNemar, exact", "McNemar, chi-square"]


def test_mcnemar_of_every_pair_of_seeds():
    """The k-th seed meets the k-th; a single run, deterministic or not, meets every seed of the other row."""
    generator = np.random.default_rng(0)
    three, five, one = (accuracy_scores(generator.integers(0, 2, (seeds, 80))) for seeds in (3, 5, 1))
    baseline = accuracy_scores(generator.integers(0, 2, (1, 80)), deterministic=True)
    assert [len(compare_rows(*pair).mcnemar) for pair in ((three, five), (five, one), (baseline, five))] == [3, 5, 5]
    expected = [mcnemar_test(baseline.hits[0], hits) for hits in five.hits]
    assert mcnemar_by_seed(baseline, five) == expected
    assert mcnemar_by_seed(mean_scores(three.examples), five) == []


@pytest.mark.parametrize(
    ("seeds_a", "seeds_b", "baseline", "metric", "test", "scope"),
    [
        (3, 5, False, "test_accuracy", "Welch-Satterthwaite t over seeds and examples", "seeds and examples"),
        (3, 1, True, "f1", "Welch-Satterthwaite t over seeds and examples", "seeds and examples"),
        (1, 1, False, "test_accuracy", "McNemar, chi-square", "these trained models"),
        (1, 1, True, "test_accuracy", "McNemar, chi-square", "these trained models"),
        (1, 1, True, "f1", "paired z over examples", "these trained models"),
        (3, 1, False, "test_accuracy", "paired z over examples", "these trained models"),
    ],
)
def test_what_a_test_is_about(seeds_a: int, seeds_b: int, baseline: bool, metric: str, test: str, scope: str):
    """One seed of a random row says nothing of other seeds, whatever the other row has."""
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, 400)

    def row(seeds: int, deterministic: bool) -> Scores:
        predictions = np.where(generator.random((seeds, 400)) < 0.8, labels, 1 - labels)
        return count_scores(labels, predictions, metric, 2, 1, deterministic)

    found = compare_rows(row(seeds_a, False), row(seeds_b, baseline))
    assert (found.test, found.scope) == (test, scope)
    assert 0 < found.p_value <= 1
    assert found.low < found.difference < found.high
    back = compare_rows(row(seeds_b, baseline), row(seeds_a, False))
    assert back.scope == scope
    if scope == "these trained models":
        assert found.seeds_needed is None


def test_holms_worked_example():
    """Smallest p-value times the number of tests, the next times one less, never falling; order kept."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.50, 0.003, 0.32, 0.054, 0.0003]) == pytest.approx([0.64, 0.012, 0.64, 0.162, 0.0015])
    assert holm([]).tolist() == []


def test_verdicts():
    """5 % decides, and the sign of the difference says for whom."""
    assert verdict(0.02, 0.049) == "better"
    assert verdict(-0.02, 0.001) == "worse"
    assert verdict(0.02, 0.05) == "not separable"
    assert verdict(0.0, 1.0) == "not separable"


@pytest.mark.parametrize("seeds", [1, 2, 5])
def test_identical_rows_are_equal_but_not_known_to_be(seeds: int):
    """Same predictions: difference 0 and p = 1, with an interval of one discordant example in width, and no NaN."""
    hits = np.tile(np.arange(200) % 4 > 0, (seeds, 1)).astype(int)
    found = compare_rows(accuracy_scores(hits), accuracy_scores(hits))
    assert (found.difference, found.p_value) == (0, 1)
    assert (found.low, found.high) == pytest.approx((-1.96 / 200, 1.96 / 200), rel=1e-3)
    assert (found.seeds_needed, found.examples_needed) == (None, None)
    assert found.mcnemar == (1.0,) * seeds


def test_seeds_in_another_order_are_the_same_row():
    """A difference that is rounding alone is no difference."""
    hits = (np.random.default_rng(0).random((3, 300)) < 0.83).astype(int)
    found = compare_rows(accuracy_scores(hits), accuracy_scores(hits[::-1]))
    assert found.difference == 0
    assert found.seeds_needed is None


@pytest.mark.parametrize("seeds", [1, 3])
@pytest.mark.parametrize("metric", COUNT_METRICS)
def test_no_interval_is_of_width_zero(metric: str, seeds: int):
    """A model without a mistake on 80 texts is not known to be perfect, but it does beat one that always errs."""
    labels = np.arange(80) % 2
    right, wrong = (count_scores(labels, np.tile(codes, (seeds, 1)), metric, 2, 1) for codes in (labels, 1 - labels))
    interval = row_interval(right)
    assert interval.high == 1
    assert (0.8 if metric == "mcc" else 0.85) < interval.low < 0.98
    pair = compare_rows(right, wrong)
    assert pair.low < pair.difference
    assert pair.p_value < 1e-9
    assert math.isfinite(pair.se)


@pytest.mark.parametrize("seeds", [1, 3])
def test_values_without_any_variance(seeds: int):
    """Losses that are all alike, in one row or in two, leave an interval of one text's weight."""
    scores = mean_scores(np.full((seeds, 50), 0.3))
    interval, pair = row_interval(scores), compare_rows(scores, scores)
    assert interval.low < 0.3 < interval.high
    assert pair.low < 0 < pair.high
    assert pair.p_value == 1


def test_more_errors_never_make_an_interval_reach_less_far_down():
    """Near 100 % the lower end falls with every further error, from no error at all."""
    lows = []
    for errors in range(5):
        hits = np.ones((3, 80), dtype=int)
        hits.ravel()[np.arange(errors) * 80 % 240 + np.arange(errors) // 3] = 0
        lows.append(row_interval(accuracy_scores(hits)).low)
    assert lows == sorted(lows, reverse=True)
    assert lows[0] == pytest.approx(wilson_interval(80, 80)[0])


def test_a_class_that_no_one_predicts_does_not_spoil_a_comparison():
    """A macro average with a class of constant 0 is compared as sharply as its other classes allow."""
    generator = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], [200, 195, 5])
    rows = [
        count_scores(labels, np.where(generator.random((3, 400)) < share, labels % 2, 1 - labels % 2), metric, 3, None)
        for metric in ("macro_precision", "macro_f1")
        for share in (0.9, 0.6)
    ]
    assert compare_rows(*rows[:2]).p_value < 0.001
    assert compare_rows(*rows[2:]).p_value < 0.001


def test_rows_must_share_their_examples():
    """Rows of different test sets cannot be paired, and a row of nothing has no interval."""
    with pytest.raises(ValueError, match="rows of 10 and 12 examples"):
        compare_rows(mean_scores(np.ones((1, 10))), mean_scores(np.ones((1, 12))))
    with pytest.raises(ValueError, match="without a test example"):
        Scores(np.array([0.5]), np.empty((1, 0)))


def test_metrics_without_an_interval():
    """Their mean and spread over seeds are all there is."""
    assert mean_only([0.1]).sd is None
    interval = mean_only([0.1, 0.3])
    assert (interval.mean, interval.sd) == pytest.approx((0.2, math.sqrt(0.02)))
    assert (interval.low, interval.high, interval.se, interval.method) == (None, None, None, "")


# --- how many ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("effect", [0.5, 0.8, 1.0, 2.0])
def test_seeds_needed_without_examples_is_the_t_tests_sample_size(effect: float):
    """With equal variances and no example part it is the sample size that statsmodels solves for; 64 at d = 0.5."""
    solved = TTestIndPower().solve_power(effect, alpha=0.05, power=0.8)
    assert seeds_needed(effect, [1.0, 1.0], 0.0) == math.ceil(solved)
    assert seeds_needed(-effect, [1.0, 1.0], -1e-9) == math.ceil(solved)


def test_seeds_needed_is_found_again():
    """Studies drawn with that many seeds find the difference 8 times in 10; the examples' part is in it."""
    difference, seed_variances, example_part = 0.02, [0.01**2, 0.02**2], 0.004**2
    seeds = seeds_needed(difference, seed_variances, example_part)
    generator = np.random.default_rng(0)
    means = difference + math.sqrt(example_part) * generator.normal(size=4000)
    parts = []
    for variance in seed_variances:
        values = generator.normal(0, math.sqrt(variance), (4000, seeds))
        means = means + values.mean(axis=1) if len(parts) == 0 else means - values.mean(axis=1)
        parts.append(values.var(axis=1, ddof=1))
    found = 0
    for mean, *variances in zip(means, *parts, strict=True):
        total, freedom = total_variance([(variance, seeds) for variance in variances], example_part)
        found += abs(mean) / math.sqrt(total) > stats.t.ppf(0.975, freedom)
    assert found / 4000 == pytest.approx(0.8, abs=0.03)
    assert seeds_needed(difference, seed_variances[:1], example_part) < seeds  # against a baseline without seeds


def test_where_seeds_do_not_help_examples_do():
    """If the examples alone hide a difference no number of seeds suffices, and so many examples would."""
    assert seeds_needed(0.01, [1e-6, 1e-6], 0.005**2) is None
    needed = examples_needed(0.01, 0.005**2, 2000)
    power = stats.norm.sf(1.96 - 0.01 / (0.005 * math.sqrt(2000 / needed)))
    assert power == pytest.approx(0.8, abs=0.001)
    assert examples_needed(0.01, 0.001**2, 2000) is None
    assert examples_needed(0.0, 0.001**2, 2000) is None
    assert seeds_needed(0.0, [1.0], 0.0) is None


def test_seeds_needed_is_part_of_a_comparison():
    """A clear difference needs the smallest number, a hair's breadth of the same rows more."""
    generator = np.random.default_rng(2)
    hard = generator.normal(size=2000)

    def row(mean: float) -> Scores:
        seed = 0.05 * generator.normal(size=(3, 1))
        return accuracy_scores((mean + hard + seed + generator.normal(size=(3, 2000)) > 0).astype(int))

    low, near, high = row(1.0), row(1.05), row(2.5)
    assert compare_rows(high, low).seeds_needed == 2
    close = compare_rows(near, low)
    assert close.seeds_needed > 2
    assert close.examples_needed is None


# --- coverage ------------------------------------------------------------------------------------------------------

MEAN, SEED_SD, DIFFICULTY_SD = 1.6, 0.08, 1.2
TRUTH = stats.norm.cdf(MEAN / math.sqrt(1 + SEED_SD**2 + DIFFICULTY_SD**2))


def study(generator: np.random.Generator, rows: int, seeds: int, n: int = 600) -> list[Scores]:
    """Rows of equal expected accuracy `TRUTH`, to whose variance seeds and examples contribute alike."""
    difficulty = DIFFICULTY_SD * generator.standard_normal(n)
    found = []
    for _ in range(rows):
        latent = MEAN + difficulty + SEED_SD * generator.standard_normal((seeds, 1))
        found.append(plain_scores(latent + generator.standard_normal((seeds, n)) > 0))
    return found


def plain_scores(hits: np.ndarray) -> Scores:
    """Accuracy without McNemar's tests, which would take most of the time."""
    return Scores(hits.mean(axis=1), hits.astype(float), kind="proportion", trials=hits.shape[1])


@pytest.mark.parametrize(("seeds", "least"), [(3, 0.91), (5, 0.925), (10, 0.93)])
def test_intervals_cover_and_tests_keep_their_level(seeds: int, least: float):
    """With 3, 5 and 10 seeds a row's interval covers the truth, and equal rows differ in about 5 % of studies."""
    generator = np.random.default_rng(seeds)
    studies, covered, found = 800, 0, 0
    for _ in range(studies):
        a, b = study(generator, 2, seeds)
        interval = row_interval(a)
        covered += interval.low <= TRUTH <= interval.high
        found += compare_rows(a, b).p_value < 0.05
    # Binomial noise of 800: a standard deviation of .008. Three seeds are known to cover a little less.
    assert least <= covered / studies <= 0.975
    assert 0.03 <= found / studies <= 0.075


def test_the_residual_is_counted_once():
    """Where all variance is residual 10 seeds cover 95 %; counted in both parts it would be over 99 %."""
    generator = np.random.default_rng(0)
    studies, covered, equal = 800, 0, 0
    for _ in range(studies):
        a, b = (plain_scores(generator.random((10, 400)) < 0.8) for _ in range(2))
        interval, pair = row_interval(a), compare_rows(a, b)
        covered += interval.low <= 0.8 <= interval.high
        equal += pair.low <= 0 <= pair.high
    assert 0.925 <= covered / studies <= 0.975
    assert 0.925 <= equal / studies <= 0.975


def test_a_percentile_bootstrap_over_three_seeds_would_not_cover():
    """The reason for the t distribution: the 27 resamples of 3 seeds span far too little."""
    generator = np.random.default_rng(1)
    draws = np.array(list(itertools.product(range(3), repeat=3)))
    covered = np.zeros(2)
    for _ in range(800):
        (row,) = study(generator, 1, 3)
        resampled = np.quantile(row.by_seed[draws].mean(axis=1), [0.025, 0.975])
        interval = row_interval(row)
        covered += resampled[0] <= TRUTH <= resampled[1], interval.low <= TRUTH <= interval.high
    assert covered[0] / 800 < 0.75
    assert covered[1] / 800 > 0.9


def test_holm_keeps_the_family_wise_error():
    """Among five equal rows some pair is found in far more than 5 % of studies without Holm, in about 5 % with him."""
    generator = np.random.default_rng(2)
    found = np.zeros(2)
    for _ in range(200):
        rows = study(generator, 5, 5, n=300)
        p_values = [compare_rows(a, b).p_value for a, b in itertools.combinations(rows, 2)]
        found += min(p_values) < 0.05, min(p_values) * len(p_values) < 0.05
    assert holm([0.01, 0.5, 0.6]).min() == pytest.approx(0.03)  # the smallest is multiplied by the number of tests
    assert found[0] / 200 > 0.12
    assert found[1] / 200 <= 0.09
