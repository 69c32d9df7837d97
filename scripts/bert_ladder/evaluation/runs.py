"""One run, a row with a seed: what it predicts, and the two files that every run leaves."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd


@dataclass(frozen=True)
class Run:
    """Which run it is; in this order the first values of its metrics.json.

    Attributes:
        study: name of the study.
        model: name of the table's row.
        encoder: of the row; empty for a baseline.
        kind: "bert" or "baseline".
        seed: of the run.
    """

    study: str
    model: str
    encoder: str
    kind: str
    seed: int


@dataclass(frozen=True)
class EvaluationFiles:
    """What a trained classifier predicts.

    Attributes:
        training: training.json of the classifier.
        train_tokens, test_tokens: ids and offsets of the two splits.
        train, test, split: parquet files of the splits and of the division of the training split into two parts.
        labels: labels.json.
    """

    training: Path
    train_tokens: Sequence[Path | str]
    test_tokens: Sequence[Path | str]
    train: Path | str
    test: Path | str
    split: Path | str
    labels: Path | str


@dataclass(frozen=True)
class RunOutputs:
    """Files to write: predictions.parquet and metrics.json."""

    predictions: Path | str
    metrics: Path | str


def write_run(outputs: RunOutputs, run: Run, predictions: pd.DataFrame, metrics: dict[str, Any]) -> None:
    """Write a run's predictions, as `predictions_frame` gives them for each part, and its metrics."""
    predictions.to_parquet(outputs.predictions, index=False)
    text = json.dumps(asdict(run) | metrics, indent=2) + "\n"
    Path(outputs.metrics).write_text(text, encoding="utf-8")
