"""A study of under a minute: what it makes, and what an edit makes it do again."""

import json
import os
import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from workspace import MICRO, Workspace

STUDY = ("--configfile", "study.yaml")
AFTER_TRAINING = {"evaluate_model": 1, "plot_history": 1, "compare_models": 1, "render_table": 1, "plot_accuracy": 1}


@pytest.fixture
def edited(micro: Workspace) -> Iterator[Callable[[str, Callable[[str], str]], None]]:
    """Edits files of the workspace and puts them back."""
    before: dict[Path, tuple[bytes, os.stat_result]] = {}

    def edit(name: str, change: Callable[[str], str]) -> None:
        file = micro.folder / name
        before.setdefault(file, (file.read_bytes(), file.stat()))
        text = file.read_text()
        assert change(text) != text
        file.write_text(change(text))

    yield edit
    for file, (content, status) in before.items():
        file.write_bytes(content)
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))


def changed(**changes: Any) -> dict[str, Any]:
    """MICRO with top-level keys replaced."""
    return deepcopy(MICRO) | changes


def test_every_promised_file_is_made(micro: Workspace) -> None:
    """Each step leaves its file where the documentation says."""
    results = micro.folder / "results/micro"
    for name in (
        "table.csv", "table.md", "table.tex", "table.txt", "table.html", "comparison.csv", "data/audit.json",
        "data/train.npz", "data/train.parquet", "data/labels.json", "data/tokens/own/test.ids.npy",
        "data/splits/0.2-seed-0.parquet", "encoders/nano/encoder.json", "figures/accuracy.svg",
        "figures/history.vl.json", "runs/Nano-long/seed-1/training.json", "runs/Nano/seed-1/history.csv",
    ):  # fmt: skip
        assert (results / name).stat().st_size > 0, name
    assert json.loads((micro.folder / "resources/micro/train.csv.json").read_text())["sha256"]


def test_table_has_a_line_per_row(micro: Workspace) -> None:
    """Baselines and BERTs stand in one table with shares from 0 to 1 and intervals around means."""
    table = pd.read_csv(micro.folder / "results/micro/table.csv")
    assert list(table["model"]) == ["TF-IDF + logistic regression", "Nano", "Nano long"]
    assert table["encoder"].fillna("").tolist() == ["", "nano", "nano"]
    assert table["seeds"].tolist() == [1, 1, 1]
    assert (table["parameters"] > 0).all()
    for metric in ("test_accuracy", "precision", "recall", "f1"):
        assert (table[f"{metric}_low"] <= table[metric]).all()
        assert (table[metric] <= table[f"{metric}_high"]).all()
        assert table[metric].between(0, 1).all()
    assert table.set_index("model").loc["TF-IDF + logistic regression", "test_accuracy"] > 0.95


def test_predictions_agree_with_metrics_and_frames(micro: Workspace) -> None:
    """Per-example predictions cover train, validation and test once each, and give the metrics that are reported."""
    results = micro.folder / "results/micro"
    for run in ("Nano", "Nano-long", "tfidf_logistic_regression"):
        folder = results / "runs" / run / "seed-1"
        predictions = pd.read_parquet(folder / "predictions.parquet")
        metrics = json.loads((folder / "metrics.json").read_text())
        assert predictions["split"].value_counts().to_dict() == {"train": 192, "validation": 48, "test": 80}
        test = predictions[predictions["split"] == "test"]
        labels = pd.read_parquet(results / "data/test.parquet")["LABEL_COLUMN"]
        assert test.sort_values("row")["label"].tolist() == labels.tolist()
        assert (test["label"] == test["prediction"]).mean() == pytest.approx(metrics["test_accuracy"])
        probabilities = predictions[["probability_0", "probability_1"]]
        assert (probabilities.sum(axis=1) - 1).abs().max() < 1e-5
        known = predictions[predictions["split"] != "test"]
        assert sorted(known["row"]) == list(range(240))


def test_end_of_the_run_shows_the_table(micro: Workspace) -> None:
    """A finished run ends with the table on the terminal."""
    (micro.folder / "results/micro/table.txt").unlink()
    done = micro.snakemake(*STUDY)
    shown = done.stdout + done.stderr
    assert (micro.folder / "results/micro/table.txt").read_text() in shown


def test_second_run_does_nothing(micro: Workspace) -> None:
    """What is made is not made again."""
    assert micro.planned(*STUDY) == {}


def test_results_survive_a_move(micro: Workspace, tmp_path: Path) -> None:
    """A finished study in a folder that was moved is still finished."""
    moved = micro.folder.rename(tmp_path / "elsewhere")
    try:
        assert Workspace(moved).planned(*STUDY) == {}
    finally:
        moved.rename(micro.folder)


def test_changed_learning_rate_retrains_that_row_only(micro: Workspace) -> None:
    """One row's setting touches one training and what follows from it."""
    study = changed()
    study["models"][1]["learning_rate"] = 0.02
    micro.write_study(study, "other.yaml")
    assert micro.planned("--configfile", "other.yaml") == {"train_model": 1} | AFTER_TRAINING


def test_added_row_trains_only_itself(micro: Workspace) -> None:
    """A new row reuses data, tokens, encoder and the other rows."""
    study = changed()
    study["models"].append({"name": "Nano wide", "encoder": "nano", "batch_size": 8})
    micro.write_study(study, "other.yaml")
    assert micro.planned("--configfile", "other.yaml") == {"train_model": 1} | AFTER_TRAINING


def test_added_seed_trains_each_row_once_more(micro: Workspace) -> None:
    """Another seed reuses the runs of the first."""
    micro.write_study(changed(seeds=[1, 2]), "other.yaml")
    expected = {"train_model": 2} | AFTER_TRAINING | {"evaluate_model": 2}
    assert micro.planned("--configfile", "other.yaml") == expected


@pytest.mark.parametrize(
    ("file", "again"),
    [
        ("scripts/render_table.py", {"render_table": 1, "plot_accuracy": 1}),
        ("scripts/plot_history.py", {"plot_history": 1}),
        ("report/table.rst", {}),
        ("rules/report.smk", {}),
        ("rules/training.smk", {}),
    ],
)
def test_edited_presentation_retrains_nothing(
    micro: Workspace, edited: Callable, file: str, again: dict[str, int]
) -> None:
    """Table code, plots, captions and comments in rules are no reason to train."""
    edited(file, lambda text: text + "\n# a comment\n" if file.endswith((".py", ".smk")) else text + "\nMore.\n")
    assert micro.planned(*STUDY) == again


@pytest.mark.parametrize("module", ["_training", "_tokens", "_encoder"])
def test_edited_training_code_retrains(micro: Workspace, edited: Callable, module: str) -> None:
    """A change in a module that trainings import is noticed, though Snakemake itself looks at scripts only."""
    edited(f"scripts/{module}.py", lambda text: text + "\n# changed\n")
    assert micro.planned(*STUDY)["train_model"] == 2


def test_edited_audit_retrains_nothing(micro: Workspace, edited: Callable) -> None:
    """The audit stands before the trainings, but what it reports does not change them."""
    edited("scripts/audit_dataset.py", lambda text: text + "\n# changed\n")
    assert micro.planned(*STUDY) == {"audit_dataset": 1, "render_table": 1, "plot_accuracy": 1}


def test_edited_data_is_noticed(micro: Workspace, edited: Callable) -> None:
    """A local data file that changed goes through the whole chain again."""
    edited("train.csv", lambda text: text.replace("lovely", "splendid"))
    planned = micro.planned(*STUDY)
    assert planned["download_dataset"] == 1
    assert planned["train_model"] == 2


def test_same_study_elsewhere_gives_the_same_numbers(micro: Workspace, new_workspace: Callable[[], Workspace]) -> None:
    """The same seed on the same machine with the same threads: equal probabilities, to the last bit."""
    other = new_workspace()
    other.write_study(changed(baselines=[], models=MICRO["models"][:1]))
    other.snakemake(*STUDY)
    one, again = (
        pd.read_parquet(w.folder / "results/micro/runs/Nano/seed-1/predictions.parquet") for w in (micro, other)
    )
    pd.testing.assert_frame_equal(one, again, check_exact=True)


@pytest.mark.parametrize("option", ["--dag", "--rulegraph"])
def test_pictures_are_clean_mermaid(micro: Workspace, option: str) -> None:
    """The pictures can be piped into a file: nothing but mermaid on standard output."""
    picture = micro.snakemake(option, "mermaid-js", *STUDY).stdout
    assert picture.startswith("---")
    assert "flowchart" in picture
    assert "train_model" in picture


def test_lint_finds_nothing(micro: Workspace) -> None:
    """Snakemake's linter is content."""
    done = micro.snakemake("--lint", *STUDY)
    assert "good condition" in done.stdout + done.stderr


def test_list_rules_explains_each_rule(micro: Workspace) -> None:
    """`--list-rules` shows one sentence per rule."""
    lines = micro.snakemake("--list-rules", *STUDY).stdout.strip().splitlines()
    assert len(lines) >= 17
    assert all(re.fullmatch(r"[a-z_]+ \(.+\.\)", line) for line in lines), lines


def test_report_holds_table_and_figures(micro: Workspace) -> None:
    """`--report` makes one page with the results in it."""
    micro.snakemake("--report", "results/micro/report.html", *STUDY)
    page = (micro.folder / "results/micro/report.html").read_text()
    for name in ("table.html", "accuracy.vl.json", "history.vl.json", "train_model"):
        assert name in page


def test_light_rules_do_without_tensorflow(new_workspace: Callable[[], Workspace], tmp_path: Path) -> None:
    """Parsing, data rules and baselines never import TensorFlow, Keras or JAX: with all of them broken they run."""
    for package in ("tensorflow", "keras", "keras_hub", "tensorflow_text", "jax"):
        (tmp_path / f"{package}.py").write_text("raise RuntimeError('a light rule imported this')\n")
    workspace = new_workspace()
    workspace.write_study(MICRO)
    poison = {"PYTHONPATH": str(tmp_path)}
    workspace.snakemake("--dry-run", *STUDY, **poison)
    workspace.snakemake("results/micro/data/splits/0.2-seed-0.parquet", *STUDY, **poison)
    broken = workspace.snakemake("data", *STUDY, check=False, **poison)
    assert broken.returncode != 0
    assert "a light rule imported this" in broken.stdout + broken.stderr


def test_late_rules_do_without_tensorflow(micro: Workspace, tmp_path: Path) -> None:
    """Nothing after evaluate_model opens a model: comparison, table, figures and baselines run without TensorFlow."""
    for package in ("tensorflow", "keras", "keras_hub", "tensorflow_text", "jax"):
        (tmp_path / f"{package}.py").write_text("raise RuntimeError('a light rule imported this')\n")
    rules = ["train_baseline", "compare_models", "render_table", "plot_accuracy", "plot_history", "audit_dataset"]
    micro.snakemake("--forcerun", *rules, *STUDY, PYTHONPATH=str(tmp_path))
