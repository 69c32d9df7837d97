"""The embedded default study: with its first two seeds, and as a user runs it."""

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from workspace import PATIENCE, Workspace

LINEAR = ["TF-IDF + logistic regression", "NB-SVM"]


@pytest.fixture(scope="module", params=["demo", pytest.param("whole_demo", marks=pytest.mark.long)])
def study(request: pytest.FixtureRequest) -> Workspace:
    """The study with two seeds, and as it stands, with three."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def table(study: Workspace) -> pd.DataFrame:
    """The study's table, by row name."""
    return read_table(study)


def read_table(workspace: Workspace) -> pd.DataFrame:
    return pd.read_csv(workspace.folder / "results/demo/table.csv").set_index("model")


def trained(workspace: Workspace) -> list[Path]:
    """The folders of the runs of BERTs."""
    return sorted(file.parent for file in workspace.folder.glob("results/demo/runs/*/seed-*/training.json"))


def test_ladder_has_five_rows_and_both_baselines(study: Workspace, table: pd.DataFrame) -> None:
    """Four rungs that rise in size, and a tuned row; the baselines stand above them."""
    assert list(table.index[:2]) == LINEAR
    berts = table.drop(index=LINEAR)
    assert len(berts) == 5
    assert set(berts["seeds"]) == {len(trained(study)) / 5}
    assert berts["parameters"][:4].is_monotonic_increasing
    assert berts["trials"].notna().tolist() == [False] * 4 + [True]


def test_largest_rung_is_above_the_smallest(table: pd.DataFrame) -> None:
    """By more than their seeds differ, and more than ten points above both bags of n-grams, on any processor."""
    rungs, linear = table.drop(index=LINEAR)[:4], table.loc[LINEAR]
    first, *_, last = rungs["test_accuracy"]
    assert last > first + 0.03
    assert last > linear["test_accuracy"].max() + 0.1


def test_seeds_of_a_row_agree(study: Workspace, table: pd.DataFrame) -> None:
    """Within three points, as all begin with the same weights."""
    accuracies = {name: [] for name in table.drop(index=LINEAR).index}
    for run in trained(study):
        record = json.loads((run / "metrics.json").read_text())
        accuracies[record["model"]].append(record["test_accuracy"])
    assert {len(found) for found in accuracies.values()} == {len(trained(study)) / 5}
    assert {name: max(found) - min(found) for name, found in accuracies.items() if max(found) - min(found) > 0.03} == {}


def test_berts_beat_the_linear_models_clearly(study: Workspace, table: pd.DataFrame) -> None:
    """Word order decides: the tests find the largest rung better than both bags of n-grams."""
    largest = table.drop(index=LINEAR).index[3]
    pairs = against_linear(study)
    against = pairs[pairs["model_b"] == largest]
    assert against["verdict"].tolist() == ["worse", "worse"]


def against_linear(workspace: Workspace) -> pd.DataFrame:
    """The pairs of a baseline and a BERT."""
    pairs = pd.read_csv(workspace.folder / "results/demo/pairs.csv")
    return pairs[pairs["model_a"].isin(LINEAR) & ~pairs["model_b"].isin(LINEAR)]


@pytest.mark.long
def test_three_seeds_separate_the_rungs(whole_demo: Workspace) -> None:
    """Neighbouring rungs, and each from the linear models; the tuned row is not told from the rung of its size."""
    names = read_table(whole_demo).drop(index=LINEAR).index
    pairs = pd.read_csv(whole_demo.folder / "results/demo/pairs.csv").set_index(["model_a", "model_b"])
    assert set(pairs["scope"]) == {"seeds and examples"}
    assert set(against_linear(whole_demo)["verdict"]) == {"worse"}
    for smaller, larger in itertools.pairwise(names[:4]):
        assert pairs.loc[(smaller, larger), "verdict"] == "worse", (smaller, larger)
    assert pairs.loc[(names[4].removesuffix(" tuned"), names[4]), "verdict"] == "not separable"


def test_search_is_a_grid_of_four(study: Workspace, table: pd.DataFrame) -> None:
    """Two keys with two values each, and the winner's values in the table."""
    trials = pd.read_csv(study.folder / "results/demo/search/L-1-H-8-tuned/trials.csv")
    assert len(trials) == 4
    assert trials["score"].max() == trials.loc[trials["chosen"], "score"].item()
    assert "learning_rate" in table["chosen"].iloc[-1]


def test_words_answer_the_questions(study: Workspace) -> None:
    """The summary says what to take, what beats the linear model, what each size brings, and what the epochs did."""
    words = (study.folder / "results/demo/summary.md").read_text()
    for said in ("For accuracy ", "For cost ", "Better than it:", "From rung to rung", "in the last epoch"):
        assert said in words


def test_run_ends_with_what_comes_next(demo: Workspace) -> None:
    """The report, the line that asks the chosen model, and how to study one's own texts."""
    *_, end = (demo.folder / "terminal.out").read_text().partition("Report: results/demo/report.html")
    assert ".venv/bin/bert-ladder predict results/demo/chosen --text" in end
    own = end.partition("Your own texts: ")[2]
    assert "studies/template.yaml" in own and own.rstrip().endswith(".venv/bin/bert-ladder run studies/my-study.yaml")


def test_memory_stays_below_four_gigabytes(study: Workspace) -> None:
    """Two of the largest trainings at a time fit into 4 GB together."""
    peaks = [
        pd.read_csv(file, sep="\t")["max_rss"].max() for file in (study.folder / "benchmarks").rglob("train_model.tsv")
    ]
    assert len(peaks) == len(trained(study))
    assert sum(sorted(peaks)[-2:]) < 4000


def test_records_tell_what_ran(study: Workspace) -> None:
    """Each training says with which versions, threads, data and speed it ran."""
    records = [json.loads((run / "training.json").read_text()) for run in trained(study)]
    assert len({record["data_sha256"] for record in records}) == 1
    for record in records:
        assert record["threads"] == 1
        assert record["examples_per_second"] > 0
        assert record["versions"]["tensorflow"]


def test_training_log_shows_progress_in_plain_lines(study: Workspace) -> None:
    """A log file has one line per epoch with loss and accuracy, and no terminal tricks."""
    log = (study.folder / "logs/demo/runs/L-1-H-4/seed-1/train_model.log").read_text()
    assert log.count("validation accuracy") == 3
    assert "epoch 3/3" in log
    assert "\r" not in log
    assert "\x1b" not in log


def test_own_texts_are_learned_from(study: Workspace) -> None:
    """The tuned row's encoder was pre-trained further, on the training texts and those without labels."""
    record = json.loads((study.folder / "results/demo/encoders/demo_L-1_H-8_in-domain/pretraining.json").read_text())
    assert set(record["data_sha256"]) == {"train", "more"}


@pytest.mark.long
def test_nothing_is_left_to_do(whole_demo: Workspace) -> None:
    """A second `snakemake` finds the study finished."""
    assert whole_demo.planned() == {}


def test_documentation_shows_this_study(table: pd.DataFrame) -> None:
    """The table in the documentation has the rows of the default study."""
    page = Path(__file__).parents[2].joinpath("docs/results/demo.md").read_text()
    for name in table.index:
        assert f"| {name} " in page


def test_best_rung_is_handed_over(study: Workspace, table: pd.DataFrame) -> None:
    """A BERT, as word order decides; the run of its row with the best score on the validation part, and its card."""
    folder = study.folder / "results/demo/chosen"
    chosen = json.loads((folder / "model.json").read_text())
    comparison = pd.read_csv(study.folder / "results/demo/comparison.csv")
    means = comparison[comparison["metric"] == "validation_accuracy"].set_index("model")["mean"]
    assert means[chosen["row"]] == means.max() and chosen["kind"] == table.loc[chosen["row"], "kind"] == "bert"
    runs = [json.loads(file.read_text()) for file in study.folder.glob("results/demo/runs/*/seed-*/metrics.json")]
    of_row = {run["seed"]: run["validation_accuracy"] for run in runs if run["model"] == chosen["row"]}
    assert of_row[chosen["seed"]] == max(of_row.values())
    assert f"“{chosen['row']}”" in (folder / "README.md").read_text()


def test_forms_of_the_chosen_model_are_proven_and_answer(demo: Workspace, tmp_path: Path) -> None:
    """On all test texts, each in a process of its own; the command then asks ONNX Runtime, with the same answers."""
    demo.snakemake("exports")
    folder = demo.folder / "results/demo/chosen"
    record = json.loads((folder / "forms.json").read_text())
    for form in ("onnx", "saved_model"):
        found = record["forms"][form]
        assert found["proven"] and found["texts"] == 2000, found
        assert found["equal_answers"] > 0.999 and found["largest_difference"] <= 1e-4
    assert record["forms"]["onnx_int8"]["works"] and record["forms"]["huggingface"]["works"]
    assert set(record["forms"]) == set(pd.read_csv(folder / "forms.csv")["form"])

    test = pd.read_parquet(demo.folder / "results/demo/data/test.parquet").head(200)
    test[["DATA_COLUMN"]].rename(columns={"DATA_COLUMN": "text"}).to_csv(tmp_path / "new.csv", index=False)
    answers = {}
    for engine in ("native", "onnx"):
        answered = tmp_path / f"{engine}.csv"
        command = ["-m", "bert_ladder.commands.main", "predict", folder, tmp_path / "new.csv", "-o", answered]
        subprocess.run(
            [sys.executable, *map(str, command), "--engine", engine],
            env=os.environ | {"PYTHONPATH": str(demo.folder / "scripts")},
            cwd=tmp_path,
            check=True,
            timeout=PATIENCE,
        )
        answers[engine] = pd.read_csv(answered)
    assert (answers["native"]["prediction"] == answers["onnx"]["prediction"]).mean() > 0.99
    columns = [name for name in answers["native"] if name.startswith("probability_")]
    assert np.abs(answers["native"][columns] - answers["onnx"][columns]).max(axis=None) < 1e-3
