"""What a run is evaluated on, and the two files that every run leaves."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from bert_ladder.runtime.jobs import BadInput


@dataclass(frozen=True)
class EvaluationFiles:
    """What a trained classifier predicts.

    Attributes:
        training: training.json of the classifier.
        train_tokens, test_tokens: ids and offsets of the two splits.
        train, test, split: parquet files of the splits and of the division of the training split into two parts.
        classes: classes.json.
    """

    training: Path
    train_tokens: Sequence[Path | str]
    test_tokens: Sequence[Path | str]
    train: Path | str
    test: Path | str
    split: Path | str
    classes: Path | str


@dataclass(frozen=True)
class RunOutputs:
    """Files to write: predictions.parquet and evaluation.json."""

    predictions: Path | str
    record: Path | str


def write_run(outputs: RunOutputs, predictions: pd.DataFrame, record: Mapping[str, Any]) -> None:
    """Write a run's predictions and its record.

    Args:
        outputs: files to write.
        predictions: as `predictions_frame` gives them for each part.
        record: what only the run knows and its metrics.json holds: `parameters`, `training_seconds`, `device` and more.
    """
    predictions.to_parquet(outputs.predictions, index=False)
    Path(outputs.record).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def refuse_mixed_policies(name: str, policies: Mapping[str, str]) -> None:
    """Refuse to compare runs that were computed in several precisions, as `precision: auto` gives on several machines.

    Args:
        name: the row's.
        policies: by the name of each run the dtype policy of Keras that it was trained with.

    Raises:
        BadInput: there are several.
    """
    if len(set(policies.values())) > 1:
        told = ", ".join(
            f"{policy} ({', '.join(run for run, of in policies.items() if of == policy)})"
            for policy in sorted(set(policies.values()))
        )
        raise BadInput(
            f"{name}: its runs were trained in {told}, since `precision: auto` goes by the processor or GPU of each; "
            "set precision to one of them, or train all on machines of one kind."
        )
