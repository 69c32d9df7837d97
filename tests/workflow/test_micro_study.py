"""A study of under a minute: what it makes, and what an edit makes it do again."""

import itertools
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from workspace import MICRO, PROJECT, Workspace, planned_jobs, without_network

STUDY = ("--configfile", "study.yaml")
OF_TABLE = ("rows", "accuracy", "curves", "reliability")
TABLE = dict.fromkeys(
    (
        "render_table",
        "render_summary",
        "render_card",
        "select_model",
        *(f"plot_{name}" for name in OF_TABLE),
        "render_figures",
        "render_report",
    ),
    1,
)
BERTS = ("Nano", "Nano-long", "Nano-tuned")
OF_PREDICTIONS = ("confusion", "curves", "reliability", "coverage", "lengths")
FIGURES = ("rows", "accuracy", "pairs", "history", "search", "pretraining", "timeline", *OF_PREDICTIONS)
AFTER_EVALUATION = TABLE | {
    **dict.fromkeys(("compare_models", "plot_pairs", "plot_timeline", "render_errors", "render_runs"), 1),
    "render_classes": 1,
    **dict.fromkeys((f"plot_{figure}" for figure in OF_PREDICTIONS), 1),
}
AFTER_TRAINING = AFTER_EVALUATION | dict.fromkeys(
    ("evaluate_model", "evaluate_run", "evaluate_speed", "plot_history"), 1
)


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
        "table.csv", "table.md", "table.tex", "table.txt", "table.html", "comparison.csv", "pairs.csv",
        "summary.md", "summary.txt", "figures.html", "classes.html", "errors.html", "audit.html", "runs.html",
        "report.html",
        *(f"search/Nano-tuned/{name}" for name in ("chosen.json", "outcome.json", "trials.csv")),
        "runs/Nano/speed.json", "data/audit.json",
        "data/leaked.parquet", "runs/tfidf_logistic_regression/seed-1/baseline.npz",
        "data/train.npz", "data/train.parquet", "data/tokens/own/test.ids.npy",
        *(f"data/{name}.json" for name in ("classes", "positive", "labels")),
        "data/splits/0.2-seed-0.parquet", "encoders/nano/encoder.json",
        *(f"encoders/nano-read/{name}" for name in ("encoder.json", "pretraining.csv", "pretraining_heads.npz")),
        "data/unlabelled/more.parquet", "data/tokens/own/unlabelled/more.ids.npy",
        *(f"figures/{figure}.{ending}" for figure in FIGURES
          for ending in ("svg", "pdf", "vl.json")),
        "chosen/model.json", "chosen/README.md", "runs/Nano-long/seed-1/training.json", "runs/Nano/seed-1/history.csv",
    ):  # fmt: skip
        assert (results / name).stat().st_size > 0, name
    assert json.loads((micro.folder / "resources/micro/train.csv.json").read_text())["sha256"]


def test_study_needs_no_network(micro: Workspace) -> None:
    """The fixture's run had none: not even this machine can be reached from where it ran."""
    within = without_network()
    if not within:
        pytest.skip("network namespaces are forbidden here (unshare --map-root-user --net)")
    assert (micro.folder / "results/micro/table.csv").exists()
    with socket.create_server(("127.0.0.1", 0)) as server:
        reach = f"import socket; socket.create_connection({server.getsockname()!r}, timeout=5)"
        assert subprocess.run([sys.executable, "-c", reach]).returncode == 0
        assert subprocess.run([*within, sys.executable, "-c", reach], capture_output=True).returncode != 0


def test_table_has_a_line_per_row(micro: Workspace) -> None:
    """Baselines and BERTs stand in one table with shares from 0 to 1 and intervals around means."""
    table = pd.read_csv(micro.folder / "results/micro/table.csv")
    assert list(table["model"]) == ["TF-IDF + logistic regression", "Nano", "Nano long", "Nano tuned"]
    assert table["encoder"].fillna("").tolist() == ["", "nano", "nano-read", "nano"]
    assert table["seeds"].tolist() == [1, 1, 1, 1]
    assert (table["parameters"] > 0).all()
    for metric in ("test_accuracy", "precision", "recall", "f1"):
        assert (table[f"{metric}_low"] <= table[metric]).all()
        assert (table[metric] <= table[f"{metric}_high"]).all()
        assert table[metric].between(0, 1).all()
    assert table.set_index("model").loc["TF-IDF + logistic regression", "test_accuracy"] > 0.95


def test_foot_of_the_table_says_what_pretraining_means_for_it(micro: Workspace) -> None:
    """What was read, how often, and which positions of a row's texts it did not know."""
    foot = " ".join((micro.folder / "results/micro/table.md").read_text().split())
    assert "Pre-trained on the training texts and “more”, without labels" in foot
    assert "“nano-read” from random weights (2 epochs)" in foot
    assert "“Nano long” reads up to 16 WordPieces of a text; its encoder, pre-trained from random weights on" in foot
    assert "“Nano” reads up to" not in foot


def test_predictions_agree_with_metrics_and_frames(micro: Workspace) -> None:
    """Per-example predictions cover train, validation and test once each, and give the metrics that are reported."""
    results = micro.folder / "results/micro"
    for run in ("Nano", "Nano-long", "Nano-tuned", "tfidf_logistic_regression"):
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


def test_calm_terminal_has_a_line_per_job(finished: Workspace) -> None:
    """And one per epoch of a training; the ending stands once, on the standard output, and nothing else is printed."""
    shown, printed = ((finished.folder / f"terminal.{name}").read_text() for name in ("out", "err"))
    _profile, *lines, empty, last = printed.splitlines()
    jobs = [line for line in lines if re.match(r"\d\d:\d\d:\d\d \[\d+/\d+\] ", line)]
    assert re.fullmatch(rf"{len(jobs)} jobs in .*\.", last)
    assert empty == ""
    # Those that were too quick to be seen need not be there.
    assert all(": epoch 1/2, loss " in line for line in set(lines) - set(jobs))
    assert any(
        re.search(r"Fine-tune Nano-long with seed 1: .* s, loss [\d.]+, validation accuracy ", line) for line in jobs
    )
    assert shown.startswith("\nStudy micro: ")
    assert shown.count("Which row to take") == 1
    assert "Handed over in results/micro/chosen" in shown
    assert not list((finished.folder / "logs").rglob("*.failure"))


def test_end_of_the_run_shows_the_table(micro: Workspace) -> None:
    """A finished run ends with the table, and with which row to take, on the terminal; one for less leaves old ones."""
    (micro.folder / "results/micro/table.txt").unlink()
    done = micro.snakemake(*STUDY)
    shown = done.stdout + done.stderr
    assert (micro.folder / "results/micro/table.txt").read_text() in shown
    assert "Which row to take" in shown
    done = micro.snakemake("data", "--forcerun", "audit_dataset", *STUDY)
    assert "Finished jobid" in done.stdout + done.stderr
    assert "Which row to take" not in done.stdout + done.stderr


def test_winner_is_trained_with_the_chosen_values(micro: Workspace) -> None:
    """The choice is a file, the row's training has its values, and the table shows them with the number of trials."""
    results = micro.folder / "results/micro"
    chosen = json.loads((results / "search/Nano-tuned/outcome.json").read_text())
    assert chosen["trials"] == 2
    rate = chosen["values"]["learning_rate"]
    assert json.loads((results / "search/Nano-tuned/chosen.json").read_text()) == {"values": {"learning_rate": rate}}
    record = json.loads((results / "runs/Nano-tuned/seed-1/training.json").read_text())
    assert record["training"]["learning_rate"] == rate
    row = pd.read_csv(results / "table.csv").set_index("model").loc["Nano tuned"]
    assert (row["trials"], row["chosen"]) == (2, f"learning_rate {json.dumps(rate)}")
    # Trial and row were trained alike: the same settings, seed and code.
    trial = results / f"search/Nano-tuned/{chosen['trial']}/seed-1/history.csv"
    timeless = [
        pd.read_csv(file).drop(columns="seconds") for file in (trial, results / "runs/Nano-tuned/seed-1/history.csv")
    ]
    pd.testing.assert_frame_equal(*timeless)


def test_every_training_had_a_device_of_its_own(micro: Workspace) -> None:
    """Two devices, two trainings at a time: both were used, and never by two jobs at once."""
    results = micro.folder / "results/micro"
    records = [json.loads(file.read_text()) for file in results.rglob("training.json")]
    metrics = [json.loads((results / f"runs/{run}/seed-1/metrics.json").read_text()) for run in BERTS]
    records += [
        {key.removeprefix("evaluation_"): value for key, value in found.items() if key.startswith("evaluation_")}
        for found in metrics
    ]
    assert len(records) == 3 + 2 + 3
    assert {record["devices"] for record in records} == {"0", "1"}
    for device in ("0", "1"):
        spans = sorted((r["leased_at"], r["ended_at"]) for r in records if r["devices"] == device)
        assert all(one[1] <= other[0] + 0.01 for one, other in itertools.pairwise(spans))
    log = (micro.folder / "logs/micro/runs/Nano/seed-1/train_model.log").read_text()
    assert "Nano, seed 1 has device" in log


def test_pairs_speak_of_these_models_with_one_seed(micro: Workspace) -> None:
    """Every pair of the four rows has one test, which with one seed says nothing of others."""
    pairs = pd.read_csv(micro.folder / "results/micro/pairs.csv")
    assert len(pairs) == 6
    assert set(pairs["scope"]) == {"these trained models"}
    assert "says nothing about what another seed would give" in (micro.folder / "results/micro/summary.md").read_text()


def test_what_means_nothing_makes_nothing_again(micro: Workspace, edited: Callable, tmp_path: Path) -> None:
    """A finished study stays so when its folder moves, its scripts get another time, and rules and captions change."""
    for rules in ("report", "training"):
        edited(f"rules/{rules}.smk", lambda text: text + "\n# a comment\n")
    edited("report/table.rst", lambda text: text + "\nMore.\n")
    before = {file: file.stat() for file in (micro.folder / "scripts").rglob("*.py")}
    for file in before:
        file.touch()
    moved = micro.folder.rename(tmp_path / "elsewhere")
    try:
        assert Workspace(moved).planned(*STUDY) == {}
    finally:
        moved.rename(micro.folder)
        for file, status in before.items():
            os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_forms_that_were_made_come_into_the_report(micro: Workspace) -> None:
    """They are no inputs of a usual run; once they are there, or others, the page alone is rendered again."""
    record = micro.folder / "results/micro/chosen/forms.json"
    record.write_text("{}")
    try:
        assert micro.planned(*STUDY) == {"render_report": 1}
    finally:
        record.unlink()


def test_changed_settings_retrain_their_rows_only(micro: Workspace) -> None:
    """One training each and what follows from it, in the run in which the audit is made again for a new length."""
    study = changed()
    study["models"][0]["length"] = 12
    study["models"][1]["learning_rate"] = 0.02
    spare = {"spare": {"url": "more.csv"}}
    study["dataset"] = MICRO["dataset"] | {"unlabelled": MICRO["dataset"]["unlabelled"] | spare}
    micro.write_study(study, "other.yaml")
    done = micro.snakemake("--dry-run", "--configfile", "other.yaml")
    printed = done.stdout + done.stderr
    twice = dict.fromkeys(("build_row", "train_model", "evaluate_model", "evaluate_run", "evaluate_speed"), 2)
    twice |= {"audit_dataset": 1, "render_audit": 1}
    assert planned_jobs(printed) == AFTER_TRAINING | twice
    messages = re.findall(r"Job \d+: (Fine-tune .*)", printed)
    assert sorted(messages) == ["Fine-tune Nano with seed 1", "Fine-tune Nano-long with seed 1"]
    assert "Params have changed since last execution" in printed
    # What the study has to say when it is read.
    assert "dataset.unlabelled.spare: no row's encoder" in printed


def test_new_names_train_and_predict_nothing(micro: Workspace) -> None:
    """That of a row, searched or not, is written into what tells of it; that of a data file concerns nothing."""
    study = changed()
    for row in (study["models"][0], study["models"][2]):
        row["name"] = f"{row['name']} renamed"
    shutil.copy(micro.folder / "train.csv", micro.folder / "renamed.csv")
    study["dataset"]["train"] = {"url": "renamed.csv"}
    micro.write_study(study, "other.yaml")
    told = {"build_row": 2, "evaluate_run": 2, "plot_history": 1, "plot_search": 1}
    assert micro.planned("--configfile", "other.yaml") == AFTER_EVALUATION | told


def test_added_trial_reuses_the_others_and_their_winner(prepared_workspace: Callable[[], Workspace]) -> None:
    """A search that grows trains the new trial; its row is trained again only if another one is chosen."""
    workspace = prepared_workspace()
    target = "results/micro/runs/Nano-tuned/seed-1/model.weights.h5"

    def trained(rates: list[float]) -> list[str]:
        row = MICRO["models"][2] | {"search": {"learning_rate": rates, "metric": "loss"}}
        workspace.write_study(changed(baselines=[], models=[row]))
        done = workspace.snakemake(target, *STUDY)
        return re.findall(r"^Finished jobid: \d+ \(Rule: (train_\w+|select_\w+)\)", done.stdout + done.stderr, re.M)

    assert sorted(trained([0.01, 1e-9])) == ["select_trial", "train_model", "train_trial", "train_trial"]
    before = (workspace.folder / target).stat().st_mtime_ns
    outcome = json.loads((workspace.folder / "results/micro/search/Nano-tuned/outcome.json").read_text())
    # A rate that ruins the training cannot win.
    assert trained([0.01, 1e-9, 5.0]) == ["train_trial", "select_trial"]
    assert (workspace.folder / target).stat().st_mtime_ns == before
    others = [rate for rate in (0.01, 1e-9) if rate != outcome["values"]["learning_rate"]]
    assert trained(others) == ["select_trial", "train_model"]
    assert (workspace.folder / target).stat().st_mtime_ns > before


@pytest.mark.parametrize(
    ("file", "again"),
    [
        # A rule's own script is an input like the modules that it imports.
        ("scripts/render_table.py", TABLE),
        (
            "scripts/bert_ladder/training/classifier.py",
            AFTER_EVALUATION
            | dict.fromkeys(("train_model", "evaluate_model", "evaluate_run"), 3)
            | {"train_trial": 2, "select_trial": 1, "compare_trials": 1},
        ),
    ],
)
def test_edited_code_makes_again_what_it_makes(
    micro: Workspace, edited: Callable, file: str, again: dict[str, int]
) -> None:
    """The jobs behind a script or a module, each once, and what follows from them."""
    edited(file, lambda text: text + "\n# changed\n")
    planned = micro.planned(*STUDY)
    assert {rule: planned.get(rule) for rule in again} == again
    assert not {"train_baseline", "tokenize_text"} & planned.keys()


@pytest.mark.long
def test_same_study_elsewhere_gives_the_same_numbers(micro: Workspace, new_workspace: Callable[[], Workspace]) -> None:
    """The same seed on the same machine with the same threads: equal probabilities, to the last bit."""
    other = new_workspace()
    other.write_study(changed(baselines=[], models=MICRO["models"][:1]))
    predictions = "results/micro/runs/Nano/seed-1/predictions.parquet"
    other.snakemake(predictions, *STUDY)
    one, again = (pd.read_parquet(workspace.folder / predictions) for workspace in (micro, other))
    pd.testing.assert_frame_equal(one, again, check_exact=True)


@pytest.mark.parametrize("option", ["--dag", pytest.param("--rulegraph", marks=pytest.mark.long)])
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
    """`--list-rules` shows every rule that there is, with one sentence each."""
    lines = micro.snakemake("--list-rules", *STUDY).stdout.strip().splitlines()
    code = "\n".join(file.read_text() for file in [PROJECT / "Snakefile", *(PROJECT / "rules").glob("*.smk")])
    rules = re.findall(r"^(?:rule|checkpoint|use rule \w+ as) (\w+)", code, re.MULTILINE)
    assert sorted(line.split()[0] for line in lines) == sorted(rules)
    assert all(re.fullmatch(r"[a-z_]+ \(.+\.\)", line) for line in lines), lines


def test_report_holds_table_and_figures(micro: Workspace) -> None:
    """`--report` makes one page with the results in it."""
    micro.snakemake("--report", "results/micro/snakemake-report.html", *STUDY)
    page = (micro.folder / "results/micro/snakemake-report.html").read_text()
    for name in (
        "table.html",
        "figures.html",
        "classes.html",
        "errors.html",
        "audit.html",
        "runs.html",
        "pairs.svg",
        "train_model",
    ):
        assert name in page
    assert "Which row to take" in page


def test_light_rules_do_without_tensorflow(new_workspace: Callable[[], Workspace], tmp_path: Path) -> None:
    """Parsing, data rules and baselines never import TensorFlow, Keras or JAX: with all of them broken they run."""
    for package in ("tensorflow", "keras", "keras_hub", "tensorflow_text", "jax"):
        (tmp_path / f"{package}.py").write_text("raise RuntimeError('a light rule imported this')\n")
    workspace = new_workspace()
    workspace.write_study(MICRO)
    poison = {"PYTHONPATH": str(tmp_path)}
    workspace.snakemake("baselines", *STUDY, **poison)
    broken = workspace.snakemake("data", *STUDY, check=False, **poison)
    assert broken.returncode != 0
    assert "a light rule imported this" in broken.stdout + broken.stderr


def test_late_rules_do_without_tensorflow(micro: Workspace, tmp_path: Path) -> None:
    """Nothing after evaluate_model opens a model: comparison, table, figures and baselines run without TensorFlow."""
    for package in ("tensorflow", "keras", "keras_hub", "tensorflow_text", "jax"):
        (tmp_path / f"{package}.py").write_text("raise RuntimeError('a light rule imported this')\n")
    poison = {"PYTHONPATH": str(tmp_path)}
    # Alone: behind a checkpoint that ran Snakemake evaluates the row once more, although it is not trained again.
    micro.snakemake("results/micro/search/Nano-tuned/outcome.json", "--forcerun", "select_trial", *STUDY, **poison)
    labels = ("select_positive", "build_labels", "evaluate_run")
    searches = ("compare_trials", "plot_search")
    rules = ["train_baseline", "audit_dataset", *labels, *searches, *AFTER_EVALUATION, "plot_history"]
    micro.snakemake("--forcerun", *rules, *STUDY, **poison)
