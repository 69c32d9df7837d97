"""The steps of trainings, counted before hours of training, and told where they were few."""

import json
import logging
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from bert_ladder.data.frames import PART_COLUMN
from bert_ladder.runtime.jobs import BadInput

log = logging.getLogger(__name__)

# Fewer in all hardly move a model, whatever the optimizer.
FEW_STEPS = 20
MORE_STEPS = "lower batch_size, raise epochs, or label more texts"


def check_budget(budget: float, steps: int, name: str) -> None:
    """Refuse a part of a training that is less than one of its steps.

    Args:
        budget: part of the steps, above 0.
        steps: of the whole training.
        name: of the training, for the sentence.

    Raises:
        BadInput: naming the least part that is a step.
    """
    if budget * steps < 1:
        raise BadInput(
            f"{name}: {budget:g} of its {steps:,} steps is less than one; set halving.smallest to "
            f"{math.ceil(1e6 / steps) / 1e6:g} or more."
        )


def steps_trained(record: Mapping[str, Any]) -> int:
    """The optimizer's steps of a training, from its training.json."""
    return record["epochs"] * math.ceil(record["n_train"] / record["training"]["batch_size"])


def tell_few_steps(path_training: Path | str, name: str) -> None:
    """Say in the log that a training had fewer steps than `FEW_STEPS`, if it had.

    Args:
        path_training: its training.json.
        name: of the training.
    """
    record = json.loads(Path(path_training).read_text(encoding="utf-8"))
    steps = steps_trained(record)
    if steps < FEW_STEPS:
        log.info(
            "%s: %d optimizer steps in all, with %s texts and batch_size %d, hardly train a model; %s.",
            *(name, steps, f"{record['n_train']:,}", record["training"]["batch_size"], MORE_STEPS),
        )


def check_halving(
    paths_split: Sequence[Path | str],
    model: str,
    smallest: float,
    trained: Sequence[dict[str, int]],
    path_checked: Path | str,
) -> None:
    """Write how many steps the trials of a search that is halved have at the least.

    Args:
        paths_split: the divisions that its trials are trained on.
        model: the row's name.
        smallest: the part of their steps after which the first of them are dropped.
        trained: `epochs` and `batch_size` of its trials.
        path_checked: JSON file to write: `steps`.

    Raises:
        BadInput: for some trial `smallest` is less than one step.
    """
    parts = [pd.read_parquet(path, columns=[PART_COLUMN])[PART_COLUMN] for path in paths_split]
    texts = min(int((part == "train").sum()) for part in parts)
    steps = {
        f"{model}, trials of {of['epochs']} epochs with batch_size {of['batch_size']}": of["epochs"]
        * math.ceil(texts / of["batch_size"])
        for of in trained
    }
    name = min(steps, key=lambda name: steps[name])
    check_budget(smallest, steps[name], name)
    Path(path_checked).write_text(json.dumps({"steps": steps[name]}) + "\n", encoding="utf-8")
    log.info("%s: %s steps at the least", model, f"{steps[name]:,}")
