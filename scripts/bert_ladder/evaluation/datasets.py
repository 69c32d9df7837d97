"""Several data sets: how the rows that finished studies share do over all of them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from bert_ladder.data.frames import read_rows
from bert_ladder.evaluation.comparison import COMPARED
from bert_ladder.evaluation.inference import LEVEL, holm, verdict
from bert_ladder.runtime.jobs import BadInput

OPPOSITE = {"better": "worse", "worse": "better", "not separable": "not separable"}


@dataclass(frozen=True)
class FinishedStudy:
    """What a finished study says of its rows.

    Attributes:
        name: of its folder.
        metric: "accuracy" or "f1", by which its rows were compared.
        scores: by row, `mean`, `low` and `high` of the metric on the test split.
        pairs: its pairs.csv.
    """

    name: str
    metric: str
    scores: pd.DataFrame
    pairs: pd.DataFrame


@dataclass(frozen=True)
class OverDatasets:
    """Rows over several data sets.

    Attributes:
        metric: "accuracy" or "f1".
        studies: names of the studies, a data set each.
        left_out: rows that not every study has, and the studies that have them.
        rows: a line per row and study, `model`, `study`, `mean`, `low`, `high` and `rank` (1 is best; ties share
            theirs).
        pairs: a line per pair of rows, `model_a`, `model_b`, `difference` (the mean over the studies) with `low` and
            `high`, `p_value`, `p_holm`, `verdict`, in how many studies alone `model_a` is `better`, `worse` and
            `not_separable`, and which these are, joined by "; ": `better_on`, `worse_on`, `not_separable_on`.
    """

    metric: str
    studies: list[str]
    left_out: dict[str, list[str]]
    rows: pd.DataFrame
    pairs: pd.DataFrame

    @property
    def mean_ranks(self) -> pd.Series:
        """Of each row, the best first."""
        return self.rows.groupby("model", sort=False)["rank"].mean().sort_values(kind="stable")


def read_finished(folder: Path) -> FinishedStudy:
    """Read the numbers of a study.

    Args:
        folder: results/<study>.

    Raises:
        BadInput: no finished study lies there.
    """
    for name in ("comparison.csv", "pairs.csv"):
        if not (folder / name).is_file():
            raise BadInput(
                f"{folder}: has no {name}, so no finished study lies there; give folders as results/my-study."
            )
    comparison, pairs = read_rows(folder / "comparison.csv"), read_rows(folder / "pairs.csv")
    if pairs.empty:
        raise BadInput(f"{folder}: the study has one row only, so that there is nothing to compare.")
    metric = str(pairs["metric"].iloc[0])
    scores = comparison[comparison["metric"] == COMPARED[metric]].set_index("model")[["mean", "low", "high"]]
    return FinishedStudy(folder.resolve().name, metric, scores, pairs)


def compare_datasets(studies: Sequence[FinishedStudy]) -> OverDatasets:
    """Lay studies side by side.

    A pair's difference is the mean of those of the studies, with Student's interval over the studies, as a sample of
    the data sets that there might be: of K, K - 1 degrees of freedom. Its variance is never taken for smaller than
    what the studies themselves leave uncertain, the mean of their squared standard errors over K. Ranks as in Demšar
    2006, "Statistical Comparisons of Classifiers over Multiple Data Sets", JMLR 7:1, section 3.2.2.

    Raises:
        BadInput: fewer than two studies, two of one name or by different metrics, or fewer than two rows in common.
    """
    names = [study.name for study in studies]
    if len(studies) < 2:
        raise BadInput("one study is not several; give the folders of two or more.")
    if len(set(names)) < len(names):
        raise BadInput(f"{', '.join(names)}: two of these have one name; give each study once.")
    if len({study.metric for study in studies}) > 1:
        metrics = ", ".join(f"{study.name} by {study.metric}" for study in studies)
        raise BadInput(
            f"The studies compare their rows by different metrics ({metrics}); set `comparison:` alike in all."
        )
    every = list(dict.fromkeys(row for study in studies for row in study.scores.index))
    common = [row for row in every if all(row in study.scores.index for study in studies)]
    if len(common) < 2:
        found = "; ".join(f"{study.name}: {', '.join(study.scores.index)}" for study in studies)
        raise BadInput(f"The studies share fewer than two rows by name ({found}); name equal rows alike in all.")
    return OverDatasets(
        metric=studies[0].metric,
        studies=names,
        left_out={
            row: [study.name for study in studies if row in study.scores.index] for row in every if row not in common
        },
        rows=pd.concat([_ranked(study, common) for study in studies], ignore_index=True),
        pairs=_pairs(studies, common),
    )


def _ranked(study: FinishedStudy, rows: list[str]) -> pd.DataFrame:
    scores = study.scores.loc[rows].rename_axis("model").reset_index()
    scores.insert(1, "study", study.name)
    return scores.assign(rank=scores["mean"].rank(ascending=False, method="average"))


def _pairs(studies: Sequence[FinishedStudy], rows: list[str]) -> pd.DataFrame:
    lines = []
    for a, b in combinations(rows, 2):
        found = [_of_pair(study, a, b) for study in studies]
        said = {
            name.replace(" ", "_"): [
                study.name for study, one in zip(studies, found, strict=True) if one["verdict"] == name
            ]
            for name in OPPOSITE
        }
        lines.append(
            {"model_a": a, "model_b": b}
            | _mean_difference(found)
            | {name: len(where) for name, where in said.items()}
            | {f"{name}_on": "; ".join(where) for name, where in said.items()}
        )
    pairs = pd.DataFrame(lines)
    pairs.insert(6, "p_holm", holm(pairs["p_value"].tolist()))
    told = [verdict(difference, p) for difference, p in zip(pairs["difference"], pairs["p_holm"], strict=True)]
    pairs.insert(7, "verdict", told)
    return pairs


def _of_pair(study: FinishedStudy, a: str, b: str) -> dict[str, Any]:
    """`difference` (a - b), `se` and `verdict` of a pair in one study, whichever of the two stands first there."""
    pairs = study.pairs
    turned = pairs[(pairs["model_a"] == b) & (pairs["model_b"] == a)]
    if len(turned):
        line = turned.iloc[0]
        return {"difference": -line["difference"], "se": line["se"], "verdict": OPPOSITE[line["verdict"]]}
    line = pairs[(pairs["model_a"] == a) & (pairs["model_b"] == b)].iloc[0]
    return {"difference": line["difference"], "se": line["se"], "verdict": line["verdict"]}


def _mean_difference(found: Sequence[dict[str, Any]]) -> dict[str, float]:
    differences = np.array([one["difference"] for one in found])
    errors = np.array([one["se"] for one in found])
    count = len(found)
    variance = max(differences.var(ddof=1), float(np.mean(errors**2))) / count
    mean, error = float(differences.mean()), math.sqrt(variance)
    if error == 0:
        # Nothing is left uncertain: two rows that answer alike on every data set, or always differ by as much.
        return {"difference": mean, "low": mean, "high": mean, "p_value": float(mean == 0)}
    half = float(stats.t.ppf(1 - LEVEL / 2, count - 1)) * error
    p_value = 2 * float(stats.t.sf(abs(mean) / error, count - 1))
    return {"difference": mean, "low": mean - half, "high": mean + half, "p_value": p_value}
