"""What more labels bring: every row's metric by the number of labels, tests of pairs, and power laws."""

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bert_ladder.data.frames import read_labels, rows_csv
from bert_ladder.evaluation.comparison import COMPARED, Protocol
from bert_ladder.evaluation.inference import Scores, compare_rows, count_scores, holm, row_interval, verdict
from bert_ladder.evaluation.power_law import TIMES, PowerLaw, power_law
from bert_ladder.runtime.jobs import BadInput

log = logging.getLogger(__name__)

LEAST_POINTS, LEAST_SEEDS = 4, 3
# Of test texts that a run answers wrongly. Below it the errors drawn around those measured are hardly above none, and
# their interval would have next to no width.
LEAST_ERRORS = 10
PAIRS = ["model_a", "model_b", "fraction", "labels", "difference", "low", "high", "se", "p_value", "p_holm", "test"]
PAIRS += ["scope", "verdict"]
# Why no law is said.
FEW_POINTS, FEW_SEEDS, FEW_ERRORS, MISSED = "few fractions", "few seeds", "few errors", "missed"


@dataclass(frozen=True)
class CurveRuns:
    """The runs of a label curve.

    Attributes:
        predictions: predictions.parquet of every run.
        runs: `model` (name shown), `seed`, `kind` and `fraction` of each, in the same order.
        labels: labels.json.
    """

    predictions: Sequence[str | Path]
    runs: Sequence[dict[str, Any]]
    labels: str | Path


@dataclass(frozen=True)
class CurveOutputs:
    """Files to write: label_curve.csv, label_curve_pairs.csv and label_curve_laws.csv."""

    curve: str | Path
    pairs: str | Path
    laws: str | Path


@dataclass(frozen=True)
class Point:
    """A row on a fraction of the labels.

    Attributes:
        fraction: of the labelled texts.
        labels: texts of the training and the validation part.
        scores: on the test split.
    """

    fraction: float
    labels: int
    scores: Scores


def compare_fractions(files: CurveRuns, protocol: Protocol, outputs: CurveOutputs) -> None:
    """Write a line per row and fraction; a line per pair of rows and fraction; and a line per row with its power law.

    Args:
        files: the runs.
        protocol: how rows are compared.
        outputs: files to write.

    Raises:
        BadInput: two runs did not predict the same test examples.
    """
    names, positive = read_labels(files.labels)
    curves = _read_curves(files, protocol, len(names), positive)
    kinds = {run["model"]: run["kind"] for run in files.runs}
    lines = [
        {"model": model, "kind": kinds[model], "fraction": point.fraction, "labels": point.labels}
        | {"metric": protocol.metric}
        | asdict(row_interval(point.scores))
        for model, points in curves.items()
        for point in points
    ]
    pairs = compare_curves(curves)
    laws = pd.DataFrame([{"model": model} | law_line(points) for model, points in curves.items()])
    for path, frame in ((outputs.curve, pd.DataFrame(lines)), (outputs.pairs, pairs), (outputs.laws, laws)):
        Path(path).write_text(rows_csv(frame), encoding="utf-8")
    log.info("%d rows, %d points, %d power laws", len(curves), len(lines), (laws["refused"] == "").sum())


def _read_curves(files: CurveRuns, protocol: Protocol, classes: int, positive: int | None) -> dict[str, list[Point]]:
    """The points of each row by their number of labels, rows in the order of the runs."""
    runs = pd.DataFrame(list(files.runs)).assign(path=list(map(str, files.predictions)))
    first: np.ndarray | None = None
    curves: dict[str, list[Point]] = {}
    for _, of_point in runs.groupby(["model", "fraction"], sort=False):
        model, fraction = str(of_point["model"].iloc[0]), float(of_point["fraction"].iloc[0])
        decisions, numbers = [], []
        for path in of_point["path"]:
            frame = pd.read_parquet(path, columns=["split", "row", "label", "prediction"])
            test = frame[frame["split"] == "test"].sort_values("row")
            labels = test["label"].to_numpy()
            first = labels if first is None else first
            if not np.array_equal(labels, first):
                raise BadInput(
                    f"{path}: its {len(labels):,} test labels differ from the {len(first):,} of "
                    f"{files.predictions[0]}; delete the older of the two and run again"
                )
            decisions.append(test["prediction"].to_numpy())
            numbers.append(len(frame) - len(test))
        drawn_once = fraction == 1 and of_point["kind"].iloc[0] != "bert" and not protocol.split_per_run
        scores = count_scores(
            *(labels, np.stack(decisions), COMPARED[protocol.metric], classes, positive),
            deterministic=protocol.over == "examples" or drawn_once,
        )
        curves.setdefault(model, []).append(Point(fraction, round(np.mean(numbers)), scores))
    return {model: sorted(points, key=lambda point: point.labels) for model, points in curves.items()}


def compare_curves(curves: dict[str, list[Point]]) -> pd.DataFrame:
    """A test of every pair of rows at every fraction that both have, with Holm's correction over all of them.

    Args:
        curves: the points of each row.

    Returns:
        One line per test, see `PAIRS`.
    """
    lines = []
    for a, b in combinations(curves, 2):
        others = {point.fraction: point for point in curves[b]}
        for point in (one for one in curves[a] if one.fraction in others):
            found = asdict(compare_rows(point.scores, others[point.fraction].scores))
            place = {"model_a": a, "model_b": b, "fraction": point.fraction, "labels": point.labels}
            lines.append(place | {key: value for key, value in found.items() if key in PAIRS})
    pairs = pd.DataFrame(lines, columns=PAIRS)
    pairs["p_holm"] = holm(pairs["p_value"].astype(float).tolist())
    pairs["verdict"] = [
        verdict(difference, p) for difference, p in zip(pairs["difference"], pairs["p_holm"], strict=True)
    ]
    return pairs


def law_line(points: Sequence[Point]) -> dict[str, Any]:
    """The power law through all points of a row but its largest, and whether it foretells that one.

    Args:
        points: of the row, by their number of labels.

    Returns:
        `labels` and `measured` (the error) of the largest point; `scale`, `exponent` and `floor`; `error` foretold at
        that point and `gain` by `TIMES` as many labels, each with `_low` and `_high`; `refused`: empty, or why nothing
        is said: "few fractions", "few seeds", "few errors" or "missed".
    """
    *fitted, largest = points
    line: dict[str, Any] = {"labels": largest.labels, "times": TIMES, "measured": 1 - largest.scores.mean}
    keys = ["scale", "exponent", "floor", "error", "error_low", "error_high", "gain", "gain_low", "gain_high"]
    refused = _refused(points)
    if refused:
        return line | dict.fromkeys(keys) | {"refused": refused}
    law = power_law([point.labels for point in fitted], [point.scores for point in fitted], largest.labels)
    missed = not law.error.holds(line["measured"])
    return line | dict(zip(keys, _numbers(law), strict=True)) | {"refused": MISSED if missed else ""}


def _refused(points: Sequence[Point]) -> str:
    if len(points) < LEAST_POINTS:
        return FEW_POINTS
    if min(point.scores.seeds for point in points[:-1]) < LEAST_SEEDS:
        return FEW_SEEDS
    fewest = min((1 - point.scores.mean) * point.scores.n for point in points)
    return FEW_ERRORS if fewest < LEAST_ERRORS else ""


def _numbers(law: PowerLaw) -> list[float]:
    of_law = [law.scale, law.exponent, law.floor]
    return of_law + [number for one in (law.error, law.gain) for number in (one.value, one.low, one.high)]
