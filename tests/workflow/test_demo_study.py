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


def test_ladder_has_five_rows_and_both_baselines(table: pd.DataFrame) -> None:
    """Four rungs that rise in size, a tuned row, three seeds each; the baselines stand above them."""
    assert list(table.index[:2]) == LINEAR
    berts = table.drop(index=LINEAR)
    assert len(berts) == 5
    assert (berts["seeds"] == 3).all()
    assert berts["parameters"][:4].is_monotonic_increasing
    assert berts["trials"].notna().tolist() == [False] * 4 + [True]


def test_every_rung_is_well_above_chance(table: pd.DataFrame) -> None:
    """No rung of the default study fails to learn: its mean is far from one half, and its interval ends above it."""
    rungs = table.drop(index=LINEAR)[:4]
    assert (rungs["test_accuracy"] > 0.65).all()
    assert (rungs["test_accuracy_low"] > 0.5).all()


def test_berts_beat_the_linear_models_clearly(demo: Workspace, table: pd.DataFrame) -> None:
    """Word order decides: the best BERT is 5 points above both bags of n-grams, and for some the tests say so."""
    rungs, linear = table.drop(index=LINEAR), table.loc[LINEAR]
    assert rungs["test_accuracy"].max() >= linear["test_accuracy"].max() + 0.05
    pairs = pd.read_csv(demo.folder / "results/demo/pairs.csv")
    against = pairs[pairs["model_a"].isin(LINEAR) & ~pairs["model_b"].isin(LINEAR)]
    assert set(against["scope"]) == {"seeds and examples"}
    assert "better" not in set(against["verdict"])
    assert (against[against["verdict"] == "worse"].groupby("model_b").size() == 2).any()


def test_search_is_a_grid_of_four(demo: Workspace, table: pd.DataFrame) -> None:
    """Two keys with two values each, and the winner's values in the table."""
    trials = pd.read_csv(demo.folder / "results/demo/search/L-1-H-16-tuned/trials.csv")
    assert len(trials) == 4
    assert trials["score"].max() == trials.loc[trials["chosen"], "score"].item()
    assert "learning_rate" in table["chosen"].iloc[-1]


def test_words_answer_the_questions(demo: Workspace) -> None:
    """The summary says what to take, what beats the linear model, what each size brings, and what the epochs did."""
    words = (demo.folder / "results/demo/summary.md").read_text()
    for said in ("For accuracy take", "For cost take", "Better than it:", "From rung to rung", "in the last epoch"):
        assert said in words


def test_memory_stays_below_four_gigabytes(demo: Workspace) -> None:
    """Two of the largest trainings at a time fit into 4 GB together."""
    peaks = [
        pd.read_csv(file, sep="\t")["max_rss"].max() for file in (demo.folder / "benchmarks").rglob("train_model.tsv")
    ]
    assert len(peaks) == 15
    assert sum(sorted(peaks)[-2:]) < 4000


def test_records_tell_what_ran(demo: Workspace) -> None:
    """Each training says with which versions, threads, data and speed it ran."""
    runs = sorted((demo.folder / "results/demo/runs").glob("L-*/seed-1/training.json"))
    records = [json.loads(run.read_text()) for run in runs]
    assert len(records) == 5
    assert len({record["data_sha256"] for record in records}) == 1
    for record in records:
        assert record["threads"] == 1
        assert record["examples_per_second"] > 0
        assert record["versions"]["tensorflow"]


def test_training_log_shows_progress_in_plain_lines(demo: Workspace) -> None:
    """A log file has one line per epoch with loss and accuracy, and no terminal tricks."""
    log = (demo.folder / "logs/demo/runs/L-2-H-64/seed-1/train_model.log").read_text()
    assert log.count("validation accuracy") == 4
    assert "epoch 4/4" in log
    assert "\r" not in log
    assert "\x1b" not in log


def test_nothing_is_left_to_do(demo: Workspace) -> None:
    """A second `snakemake` finds the study finished."""
    assert demo.planned() == {}


def test_documentation_shows_this_study(demo: Workspace) -> None:
    """The table in the documentation has the rows of the default study."""
    page = Path(__file__).parents[2].joinpath("docs/results/demo.md").read_text()
    for name in pd.read_csv(demo.folder / "results/demo/table.csv")["model"]:
        assert f"| {name} " in page
