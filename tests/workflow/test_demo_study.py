"""The embedded default study, run once as a user runs it."""

import json
from pathlib import Path

import pandas as pd
import pytest

from workspace import Workspace

LINEAR = ["TF-IDF + logistic regression", "NB-SVM"]


@pytest.fixture(scope="module")
def table(demo: Workspace) -> pd.DataFrame:
    """The study's table, by row name."""
    return pd.read_csv(demo.folder / "results/demo/table.csv").set_index("model")


def test_ladder_has_four_rungs_and_both_baselines(table: pd.DataFrame) -> None:
    """The rungs rise in size, the baselines stand above them."""
    assert list(table.index[:2]) == LINEAR
    rungs = table.drop(index=LINEAR)
    assert len(rungs) >= 4
    assert rungs["parameters"].is_monotonic_increasing


def test_every_rung_is_well_above_chance(table: pd.DataFrame) -> None:
    """No model of the default study fails to learn: even the lower end of its interval is far from one half."""
    assert (table.drop(index=LINEAR)["test_accuracy_low"] > 0.65).all()


def test_best_bert_beats_the_linear_models_clearly(table: pd.DataFrame) -> None:
    """Word order decides: the best BERT is at least 5 points above the best bag of n-grams, intervals apart."""
    rungs, linear = table.drop(index=LINEAR), table.loc[LINEAR]
    assert rungs["test_accuracy"].max() >= linear["test_accuracy"].max() + 0.05
    assert rungs["test_accuracy_low"].max() > linear["test_accuracy_high"].max()


def test_memory_stays_below_four_gigabytes(demo: Workspace) -> None:
    """Two of the largest trainings at a time fit into 4 GB together."""
    peaks = [
        pd.read_csv(file, sep="\t")["max_rss"].max() for file in (demo.folder / "benchmarks").rglob("train_model.tsv")
    ]
    assert len(peaks) == 4
    assert sum(sorted(peaks)[-2:]) < 4000


def test_records_tell_what_ran(demo: Workspace) -> None:
    """Each training says with which versions, threads, data and speed it ran."""
    runs = sorted((demo.folder / "results/demo/runs").glob("L-*/seed-1/training.json"))
    records = [json.loads(run.read_text()) for run in runs]
    assert len(records) == 4
    assert len({record["data_sha256"] for record in records}) == 1
    for record in records:
        assert record["threads"] == 1
        assert record["examples_per_second"] > 0
        assert record["versions"]["tensorflow"]


def test_training_log_shows_progress_in_plain_lines(demo: Workspace) -> None:
    """A log file has one line per epoch with loss and accuracy, and no terminal tricks."""
    log = (demo.folder / "logs/demo/runs/L-2-H-64/seed-1/train_model.log").read_text()
    assert log.count("validation accuracy") == 12
    assert "epoch 12/12" in log
    assert "\r" not in log
    assert "\x1b" not in log


def test_nothing_is_left_to_do(demo: Workspace) -> None:
    """A second `snakemake` finds the study finished."""
    assert demo.planned() == {}


def test_readme_shows_this_study(demo: Workspace) -> None:
    """The README's table has the rows of the default study."""
    readme = Path(__file__).parents[2].joinpath("README.md").read_text()
    for name in pd.read_csv(demo.folder / "results/demo/table.csv")["model"]:
        assert f"| {name} " in readme
