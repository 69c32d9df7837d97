"""The steps of a search that is halved, counted before it begins."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from bert_ladder.runtime.jobs import BadInput
from check_halving import main


def check(folder: Path, smallest: float, trained: list[dict[str, int]]) -> int:
    """The fewest steps, of divisions with 90 and 60 texts to train on."""
    splits = []
    for texts in (90, 60):
        parts = np.where(np.arange(100) < texts, "train", "validation")
        splits.append(folder / f"{texts}.parquet")
        pd.DataFrame({"part": pd.Categorical(parts, categories=["train", "validation"])}).to_parquet(splits[-1])
    params = SimpleNamespace(model="Row", smallest=smallest, trained=trained)
    output = SimpleNamespace(checked=folder / "steps.json")
    main(SimpleNamespace(input=SimpleNamespace(split=splits), params=params, output=output))
    return json.loads(output.checked.read_text())["steps"]


def test_fewest_steps_count(tmp_path: Path) -> None:
    """Of the shortest training on the smallest part; one step is enough."""
    trained = [{"epochs": 2, "batch_size": 16}, {"epochs": 1, "batch_size": 8}]
    assert check(tmp_path, 0.125, trained) == 8


def test_less_than_one_step_is_refused(tmp_path: Path) -> None:
    """With the trials that it is of, and the least that would do."""
    trained = [{"epochs": 2, "batch_size": 16}, {"epochs": 2, "batch_size": 32}]
    sentence = r"Row, trials of 2 epochs with batch_size 32: 0.1 of its 4 steps is less than one; set halving.smallest "
    with pytest.raises(BadInput, match=sentence + r"to 0.25 or more."):
        check(tmp_path, 0.1, trained)
    assert not (tmp_path / "steps.json").exists()
