"""The numbers of a finished study, and the few questions that its words and figures ask of them."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from bert_ladder.report.timing import unranked

# A line of pairs.csv, by column.
Pair = dict[Hashable, Any]
OPPOSITE = {"better": "worse", "worse": "better", "not separable": "not separable"}


@dataclass(frozen=True)
class Metric:
    """A metric that rows can be compared by.

    Attributes:
        test: its column in table.csv, of the test split.
        constant: the column of what the best answer that is the same for every text reaches there.
        validation: the same of the validation part.
        name: in words.
    """

    test: str
    constant: str
    validation: str
    name: str


# As `comparison.metric` of a study names them.
METRICS = {
    "accuracy": Metric("test_accuracy", "constant_accuracy", "validation_accuracy", "accuracy"),
    "f1": Metric("f1", "constant_f1", "validation_f1", "F1"),
}


class Results:
    """The numbers of a study, and the few questions that the words are made of.

    Args:
        table: table.csv.
        comparison: comparison.csv.
        pairs: pairs.csv.
        metric: "accuracy" or "f1", by which the pairs were compared.
    """

    def __init__(self, table: pd.DataFrame, comparison: pd.DataFrame, pairs: pd.DataFrame, metric: str):
        self.metric = METRICS[metric]
        self.table = table.set_index("model")
        self.unranked = unranked(table)
        self.comparison = comparison
        self.pairs = pairs
        self.berts = self.table.index[self.table["kind"] == "bert"].tolist()
        self.baselines = self.table.index[self.table["kind"] == "baseline"].tolist()
        self.frozen = self.table.index[self.table["kind"] == "frozen"].tolist()

    @cached_property
    def pairs_both_ways(self) -> pd.DataFrame:
        """Each pair twice, see `both_ways`."""
        return both_ways(self.pairs)

    @property
    def tuned(self) -> list[str]:
        """Rows whose settings were chosen on the validation part: all baselines, and rows with a search."""
        searched = self.table["chosen"].notna() if "chosen" in self.table else False
        return self.table.index[(self.table["kind"] != "bert") | searched].tolist()

    @property
    def weighted(self) -> list[str]:
        """Rows that were trained with class weights of the study."""
        return self.table.index[self.table["class_weight"].notna()].tolist() if "class_weight" in self.table else []

    def of(self, metric: str) -> pd.DataFrame:
        """The comparison's lines of one metric, by row."""
        return self.comparison[self.comparison["metric"] == metric].set_index("model")

    def best(self, rows: Sequence[str]) -> str:
        """The row with the highest mean on the validation part; of several the cheapest, or smallest."""
        means = self.of(self.metric.validation)["mean"][list(rows)]
        return self.cheapest(means.index[means == means.max()].tolist())

    def cheapest(self, rows: Sequence[str]) -> str:
        """The row that answers one text in the least time; where times cannot be ranked that of fewest parameters."""
        cost = "parameters" if self.unranked else "latency_ms"
        return str(self.table[cost][list(rows)].idxmin())

    def within_one_error(self, best: str) -> list[str]:
        """Rows whose validation mean is no more than one standard error below the best's (Breiman et al. 1984)."""
        found = self.of(self.metric.validation)
        limit = found["mean"][best] - found["se"][best]
        return found.index[found["mean"] >= limit].tolist()

    @property
    def constant(self) -> float:
        """What the best answer that is the same for every test text reaches."""
        return float(self.table[self.metric.constant].iloc[0])

    @property
    def validation_texts(self) -> int:
        """The texts of the smallest validation part."""
        return int(self.table["n_validation"].min())

    def beats_constant(self, row: str) -> bool:
        """Whether a row's 95 % interval lies above what one answer for every text reaches."""
        return bool(self.table[f"{self.metric.test}_low"][row] > self.constant)

    def tied(self, best: str) -> list[str]:
        """Rows that nothing tells from the best: as good on the validation part, or not separable on the test split."""
        means = self.of(self.metric.validation)["mean"]
        close = self.not_separable(best)
        return [row for row in self.table.index if row in close or (row != best and means[row] == means[best])]

    def not_separable(self, best: str) -> list[str]:
        """Rows that the test split does not tell from a row."""
        return self._with_verdict(best, "not separable")

    def above(self, best: str) -> list[str]:
        """Rows that are better than a row on the test split."""
        return self._with_verdict(best, "better")

    def below(self, best: str) -> list[str]:
        """Rows that are worse than a row on the test split."""
        return self._with_verdict(best, "worse")

    def _with_verdict(self, other: str, verdict: str) -> list[str]:
        rows = [row for row in self.table.index if row != other]
        return [row for row in rows if self.pair(row, other)["verdict"] == verdict]

    def pair(self, a: str, b: str) -> Pair:
        """The comparison of row a with row b, a first."""
        pairs = self.pairs_both_ways
        return pairs[(pairs["model_a"] == a) & (pairs["model_b"] == b)].iloc[0].to_dict()

    def measured(self, row: str) -> str:
        """A row's test metric with its interval, in words."""
        low, value, high = (self.table[f"{self.metric.test}{end}"][row] for end in ("_low", "", "_high"))
        return f"{100 * value:.2f} % [{100 * low:.2f}, {100 * high:.2f}]"


def both_ways(pairs: pd.DataFrame) -> pd.DataFrame:
    """Each pair twice, the second time as b against a: the difference changes its sign, the verdict its side.

    Args:
        pairs: pairs.csv.
    """
    swapped = {f"{name}_{one}": f"{name}_{other}" for name in ("model", "seeds") for one, other in ("ab", "ba")}
    mirror = pairs.rename(columns=swapped | {"low": "high", "high": "low"})
    mirror = mirror.assign(
        difference=-mirror["difference"],
        low=-mirror["low"],
        high=-mirror["high"],
        verdict=mirror["verdict"].map(OPPOSITE),
    )
    return pd.concat([pairs, mirror], ignore_index=True)
