"""How often the intervals and tests of evaluation/inference.py are right, over simulated studies with a known truth.

    OPENBLAS_NUM_THREADS=1 .venv/bin/python bench/interval_coverage.py [--studies 2000] [--jobs 1]

A model trained with seed s is right on test example i if

    mean + seed_sd * a(s) + difficulty_sd * d(i) + e(s, i) > 0,    a, d, e standard normal,

so that its expected accuracy over seeds and examples is known in closed form (a probit). Rows share a part of the
difficulty of the examples, and nothing of their seeds. In the last setting one seed in ten fails and gives every
example the same label, as fine-tuning does now and then. Beside the intervals of this project stand Student's and the
percentile bootstrap over seeds alone, and the multi-bootstrap of Sellam et al. (2022) over seeds and examples.

Prints markdown tables. A share p of N studies has a standard error of sqrt(p (1 - p) / N): 0.5 points at 95 % of 2,000.
"""

import argparse
import gc
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import combinations, product
from pathlib import Path

import numpy as np
from scipy import stats

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))

from bert_ladder.evaluation.inference import (
    LEVEL,
    Scores,
    compare_rows,
    count_metric,
    count_scores,
    holm,
    row_interval,
    total_variance,
)

DIFFERENCE = 0.02  # expected accuracy of the first row - that of the other
FAILED_ACCURACY = 0.5
SHARED_DIFFICULTY = 0.8  # correlation between two rows
RESAMPLES = 1000
BATCH = 100  # studies that share their resamples
TAILS = [LEVEL / 2, 1 - LEVEL / 2]
METHODS = ("here", "t over seeds", "bootstrap of seeds", "multi-bootstrap")
FAMILY = 5


@dataclass(frozen=True)
class Setting:
    """Where the randomness of a study comes from.

    Attributes:
        seed_sd, difficulty_sd: on the probit scale, where the noise of one seed on one example has 1.
        failing: share of seeds that fail.
    """

    seed_sd: float
    difficulty_sd: float
    failing: float = 0.0

    def truth(self, accuracy: float) -> float:
        """Expected accuracy of a row whose seeds, unless they fail, have this one."""
        return (1 - self.failing) * accuracy + self.failing * FAILED_ACCURACY

    def rows(self, generator: np.random.Generator, seeds: int, n: int, accuracies: list[float]) -> list[Scores]:
        """Scores of one study's rows on n shared examples."""
        shared = generator.standard_normal(n, dtype=np.float32)
        labels = generator.integers(0, 2, n)
        rows = []
        for accuracy in accuracies:
            own = generator.standard_normal(n, dtype=np.float32)
            difficulty = np.sqrt(SHARED_DIFFICULTY) * shared + np.sqrt(1 - SHARED_DIFFICULTY) * own
            mean = stats.norm.ppf(accuracy) * np.sqrt(1 + self.seed_sd**2 + self.difficulty_sd**2)
            latent = generator.standard_normal((seeds, n), dtype=np.float32)
            latent += mean + self.seed_sd * generator.standard_normal((seeds, 1)) + self.difficulty_sd * difficulty
            hits = np.where(generator.random((seeds, 1)) < self.failing, labels == 1, latent > 0)
            rows.append(count_scores(labels, np.where(hits, labels, 1 - labels), "test_accuracy", 2, 1))
        return rows


SETTINGS = {
    "seeds": Setting(0.155, 1.5),
    "examples": Setting(0.008, 1.5),
    "both": Setting(0.062, 1.5),
    "seed x example": Setting(0.009, 0.3),
    "both, 1 in 10 fails": Setting(0.062, 1.5, failing=0.1),
}
FAMILIES = ("both", "both, 1 in 10 fails")


class Resamples:
    """Bootstrap weights, each line a resample: of the examples, and of the seeds of each row by itself."""

    def __init__(self, generator: np.random.Generator, rows: int, seeds: int, n: int):
        self.examples = generator.multinomial(n, np.full(n, 1 / n), RESAMPLES).astype(np.float32) / np.float32(n)
        self.seeds = generator.multinomial(seeds, np.full(seeds, 1 / seeds), (rows, RESAMPLES)) / seeds

    def of_seeds(self, rows: list[Scores]) -> np.ndarray:
        """Resampled means of every row over seeds alone, shape (rows, resamples)."""
        return np.einsum("rbs,rs->rb", self.seeds, np.stack([row.by_seed for row in rows]))

    def of_both(self, rows: list[Scores]) -> np.ndarray:
        """Resampled means of every row over seeds and examples, shape (rows, resamples)."""
        examples = np.concatenate([row.examples for row in rows]).astype(np.float32)
        by_seed = (self.examples @ examples.T).reshape(RESAMPLES, *self.seeds.shape[::2])
        return np.einsum("rbs,brs->rb", self.seeds, by_seed)


def student(mean: float, rows: Sequence[Scores]) -> tuple[float, float]:
    """Student's (of two rows Welch's) interval over seeds alone."""
    variance, freedom = total_variance([(row.seed_variance, row.seeds) for row in rows], 0.0)
    half = stats.t.ppf(TAILS[1], freedom) * np.sqrt(variance)
    return mean - half, mean + half


def quantiles(resampled: np.ndarray) -> tuple[float, float]:
    """Percentile interval."""
    return tuple(np.quantile(resampled, TAILS))


def simulate(name: str, seeds: int, n: int, accuracy: float, studies: int, entropy: list[int]) -> dict[str, np.ndarray]:
    """Shares over studies, each of shape (methods,): `row` and `difference` covered, `found` where there is nothing.

    The mean half-widths `row_half` and `difference_half` come with them. A test of here, and Student's, finds a
    difference where the interval leaves 0 out.
    """
    setting, generator = SETTINGS[name], np.random.default_rng(entropy)
    truth, other = setting.truth(accuracy), setting.truth(accuracy - DIFFERENCE)
    intervals = {"row": [], "difference": [], "nothing": []}
    for study in range(studies):
        if study % BATCH == 0:
            resamples = Resamples(generator, 3, seeds, n)
        rows = setting.rows(generator, seeds, n, [accuracy, accuracy, accuracy - DIFFERENCE])
        of_seeds, of_both = resamples.of_seeds(rows), resamples.of_both(rows)
        here, first = row_interval(rows[0]), rows[0]
        intervals["row"].append(
            [(here.low, here.high), student(first.mean, [first]), quantiles(of_seeds[0]), quantiles(of_both[0])]
        )
        for kind, k in (("difference", 2), ("nothing", 1)):
            here = compare_rows(first, rows[k])
            intervals[kind].append(
                [
                    (here.low, here.high),
                    student(here.difference, (first, rows[k])),
                    quantiles(of_seeds[0] - of_seeds[k]),
                    quantiles(of_both[0] - of_both[k]),
                ]
            )
    row, difference, nothing = map(np.array, intervals.values())
    return {
        "row": covered(row, truth),
        "row_half": np.diff(row, axis=2).mean(axis=(0, 2)) / 2,
        "difference": covered(difference, truth - other),
        "difference_half": np.diff(difference, axis=2).mean(axis=(0, 2)) / 2,
        "found": 1 - covered(nothing, 0.0),
    }


def covered(intervals: np.ndarray, truth: float) -> np.ndarray:
    """Share of intervals, shape (studies, methods, 2), that hold the truth, by method."""
    return ((intervals[..., 0] <= truth) & (truth <= intervals[..., 1])).mean(axis=0)


def simulate_family(
    name: str, seeds: int, n: int, accuracy: float, studies: int, entropy: list[int]
) -> tuple[float, float]:
    """Share of studies of `FAMILY` equal rows in which some pair is found different, without and with Holm."""
    setting, generator = SETTINGS[name], np.random.default_rng(entropy)
    found = np.zeros(2)
    gc.freeze()  # statsmodels collects garbage at every call of Holm
    for _ in range(studies):
        rows = setting.rows(generator, seeds, n, [accuracy] * FAMILY)
        p_values = [compare_rows(a, b).p_value for a, b in combinations(rows, 2)]
        found += min(p_values) < LEVEL, holm(p_values).min() < LEVEL
    return tuple(found / studies)


ONE_RUN = {
    "2 classes, equal, accuracy 85 %": ([0.5, 0.5], 0.85),
    "2 classes, 1 in 10 positive, accuracy 97 %": ([0.9, 0.1], 0.97),
    "5 classes, 40 to 5 %, accuracy 97 %": ([0.4, 0.3, 0.15, 0.1, 0.05], 0.97),
}
ONE_RUN_METRICS = ("test_accuracy", "f1", "mcc")


def simulate_one_run(name: str, n: int, studies: int, entropy: list[int]) -> dict[str, tuple[float, float]]:
    """Coverage of one run's intervals: here, and of a percentile bootstrap over examples; by metric.

    F1 is of class 1 of two, or the macro average of more.
    """
    shares, accuracy = ONE_RUN[name]
    classes = len(shares)
    positive = 1 if classes == 2 else None
    averaged = list(range(classes)) if positive is None else [positive]
    cells = np.full((classes, classes), (1 - accuracy) / (classes - 1))
    np.fill_diagonal(cells, accuracy)
    cells *= np.array(shares)[:, np.newaxis]
    generator = np.random.default_rng(entropy)

    def metric_of(counts: np.ndarray, metric: str) -> np.ndarray:
        confusion = counts.reshape(-1, classes, classes).astype(np.float64)
        hits = np.diagonal(confusion, axis1=1, axis2=2)
        return count_metric(metric, hits, confusion.sum(axis=2), confusion.sum(axis=1), averaged)

    intervals = {metric: [] for metric in ONE_RUN_METRICS}
    for _ in range(studies):
        counts = generator.multinomial(n, cells.ravel())
        labels, predictions = np.divmod(np.repeat(np.arange(classes**2), counts), classes)
        resampled = generator.multinomial(n, counts / n, RESAMPLES)
        for metric, found in intervals.items():
            here = row_interval(count_scores(labels, predictions[np.newaxis], metric, classes, positive))
            found.append([(here.low, here.high), tuple(np.quantile(metric_of(resampled, metric), TAILS))])
    # The metric of a test set without end.
    return {
        metric: tuple(covered(np.array(found), metric_of(cells * 1e9, metric).item()))
        for metric, found in intervals.items()
    }


def percent(shares: Iterable[float]) -> list[str]:
    """Shares as percentages with one decimal."""
    return [f"{100 * share:.1f}" for share in shares]


def table(head: list[str], lines: list[list[str]], text_columns: int) -> str:
    """Markdown table."""
    rule = ["---"] * text_columns + ["---:"] * (len(head) - text_columns)
    return "\n".join("| " + " | ".join(line) + " |" for line in [head, rule, *lines]) + "\n"


def main() -> None:
    """Simulate every setting and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=2000, help="simulated studies a line (default 2000)")
    parser.add_argument("--jobs", type=int, default=1, help="processes (default 1); the numbers do not depend on it")
    parser.add_argument("--seeds", type=int, nargs="+", default=[2, 3, 5, 10], help="seeds a row (default 2 3 5 10)")
    parser.add_argument("--examples", type=int, default=2000, help="test examples (default 2000)")
    parser.add_argument("--accuracy", type=float, default=0.85, help="expected accuracy of a row (default 0.85)")
    arguments = parser.parse_args()
    started = time.perf_counter()

    studies, n, accuracy = arguments.studies, arguments.examples, arguments.accuracy
    cells = list(product(SETTINGS, arguments.seeds))
    families = list(product(FAMILIES, arguments.seeds))
    one_runs = list(product(ONE_RUN, (100, 500, 2000)))
    with ProcessPoolExecutor(arguments.jobs) as pool:
        submitted = [
            [pool.submit(simulate, *cell, n, accuracy, studies, [1, k]) for k, cell in enumerate(cells)],
            [pool.submit(simulate_family, *cell, n, accuracy, studies, [2, k]) for k, cell in enumerate(families)],
            [pool.submit(simulate_one_run, *cell, studies, [3, k]) for k, cell in enumerate(one_runs)],
        ]
        results = []
        for futures in submitted:
            results.append([])
            for future in futures:
                results[-1].append(future.result())
                print(f"{time.perf_counter() - started:.0f} s", file=sys.stderr, flush=True)

    print(f"One row: % of {studies:,} studies covered by a 95 % interval, and mean half-width in points.\n")
    head = ["variance from", "seeds", *METHODS, "half-width here", "multi-bootstrap's"]
    lines = [
        [name, str(seeds), *percent(result["row"]), *percent(result["row_half"][[0, 3]])]
        for (name, seeds), result in zip(cells, results[0], strict=True)
    ]
    print(table(head, lines, 1))

    print("Two rows: % of studies in which the interval covers a difference of 2 points (1.8 where seeds fail),")
    print("mean half-width in points, and % of studies in which two equal rows are found different.\n")
    head = ["variance from", "seeds", *METHODS, "half-width here", *(f"found: {method}" for method in METHODS)]
    lines = [
        [
            name,
            str(seeds),
            *percent(result["difference"]),
            *percent(result["difference_half"][:1]),
            *percent(result["found"]),
        ]
        for (name, seeds), result in zip(cells, results[0], strict=True)
    ]
    print(table(head, lines, 1))

    print(f"{FAMILY} equal rows: % of studies in which some pair is found different.\n")
    lines = [[name, str(seeds), *percent(result)] for (name, seeds), result in zip(families, results[1], strict=True)]
    print(table(["variance from", "seeds", "without Holm", "with Holm"], lines, 1))

    print("One run: % of test sets covered by a 95 % interval, here / percentile bootstrap over examples.\n")
    lines = [
        [name, f"{size:,}", *(" / ".join(percent(result[metric])) for metric in ONE_RUN_METRICS)]
        for (name, size), result in zip(one_runs, results[2], strict=True)
    ]
    print(table(["test set", "examples", "accuracy", "F1", "MCC"], lines, 1))
    print(f"{time.perf_counter() - started:.0f} s, {arguments.jobs} process(es)", file=sys.stderr)


if __name__ == "__main__":
    main()
