"""A study that is killed again and again, whole and job by job, ends as if nothing had happened."""

import sys
from pathlib import Path

import pandas as pd
import pytest

from workspace import PROJECT, Workspace

sys.path.insert(0, str(PROJECT / "bench"))

from kill_study import differences, kill_study


@pytest.mark.long
def test_study_killed_again_and_again_ends_the_same(finished: Workspace, tmp_path: Path) -> None:
    """The short form of the long run that the documentation reports: kills at random moments."""
    kills = 20
    killer, found = kill_study(tmp_path / "kills", kills=kills, seed=0, undisturbed=finished)
    assert found == []
    assert killer.kills.total() >= kills
    assert sum(number > 0 for number in killer.killed.values()) >= kills // 2


@pytest.mark.parametrize("name", ["table.csv", "runs/A/seed-1/predictions.parquet"])
def test_a_difference_is_found(tmp_path: Path, name: str) -> None:
    """One value that is another, or a file that is missing, would be told; what a clock has measured would not."""
    frames = {"one": [0.5, 3.1], "other": [0.5, 3.2], "changed": [0.25, 3.1]}
    for part, (value, seconds) in frames.items():
        file = tmp_path / part / name
        file.parent.mkdir(parents=True)
        frame = pd.DataFrame({"value": [value], "training_seconds": [seconds]})
        frame.to_csv(file) if name.endswith(".csv") else frame.to_parquet(file)
    assert differences(tmp_path / "one", tmp_path / "other") == []
    assert differences(tmp_path / "one", tmp_path / "changed") == [f"{name} has other values"]
    (tmp_path / "other" / name).unlink()
    assert differences(tmp_path / "one", tmp_path / "other") == [f"{name} is in one of them only"]
