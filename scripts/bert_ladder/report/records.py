"""What the runs wrote of themselves."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd


def read_record(path: str | Path) -> Any:
    """The content of a training.json, metrics.json or another JSON file."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def read_histories(
    paths_history: Sequence[str | Path], paths_training: Sequence[str | Path], runs: Sequence[dict[str, Any]]
) -> pd.DataFrame:
    """The histories of all BERT runs one below the other.

    Args:
        paths_history, paths_training: history.csv and training.json of every run.
        runs: `model` (name shown) and `seed` of every run, in the same order.

    Returns:
        One line per run and epoch: the columns of history.csv, model (str), seed, kept (bool: whether the run kept the
        weights of this epoch).
    """
    frames = []
    for path_history, path_training, run in zip(paths_history, paths_training, runs, strict=True):
        history, kept = pd.read_csv(path_history), read_record(path_training)["kept_epoch"]
        frames.append(history.assign(model=str(run["model"]), seed=run["seed"], kept=history["epoch"] == kept))
    return pd.concat(frames, ignore_index=True)
