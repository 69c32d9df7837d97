"""A study of under a minute: what it makes, and what an edit makes it do again."""

import itertools
import json
import os
import re
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from workspace import MICRO, PROJECT, Workspace, without_network

STUDY = ("--configfile", "study.yaml")
TABLE = dict.fromkeys(("render_table", "render_summary", "plot_rows", "plot_accuracy", "render_figures"), 1)
BERTS = ("Nano", "Nano-long", "Nano-tuned")
OF_PREDICTIONS = ("confusion", "curves", "reliability", "lengths")
FIGURES = ("rows", "accuracy", "pairs", "history", "search", "pretraining", "timeline", *OF_PREDICTIONS)
AFTER_EVALUATION = TABLE | {
    **dict.fromkeys(("compare_models", "plot_pairs", "plot_timeline", "render_errors", "render_runs"), 1),
    **dict.fromkeys((f"plot_{figure}" for figure in OF_PREDICTIONS), 1),
}
AFTER_TRAINING = AFTER_EVALUATION | {"evaluate_model": 1, "evaluate_speed": 1, "plot_history": 1}


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
        "summary.md", "summary.txt", "figures.html", "errors.html", "audit.html", "runs.html",
        *(f"search/Nano-tuned/{name}" for name in ("chosen.json", "outcome.json", "trials.csv")),
        "runs/Nano/speed.json", "data/audit.json",
        "data/leaked.parquet", "runs/tfidf_logistic_regression/seed-1/baseline.npz",
        "data/train.npz", "data/train.parquet", "data/labels.json", "data/tokens/own/test.ids.npy",
        "data/splits/0.2-seed-0.parquet", "encoders/nano/encoder.json",
        *(f"encoders/nano-read/{name}" for name in ("encoder.json", "pretraining.csv", "pretraining_heads.npz")),
        "data/unlabelled/more.parquet", "data/tokens/own/unlabelled/more.ids.npy",
        *(f"figures/{figure}.{ending}" for figure in FIGURES
          for ending in ("svg", "pdf", "vl.json")),
        "runs/Nano-long/seed-1/training.json", "runs/Nano/seed-1/history.csv",
    ):  # fmt: skip
        assert (results / name).stat().st_size > 0, name
    assert json.loads((micro.folder / "resources/micro/train.csv.json").read_text())["sha256"]


def test_second_pretraining_takes_the_heads_of_the_first(micro: Workspace) -> None:
    """An encoder that was pre-trained here hands on its heads; one with random weights has none."""
    again = {"pretrain": MICRO["encoders"]["nano-read"]["pretrain"] | {"from": "nano-read", "length": 16}}
    study = changed(encoders=MICRO["encoders"] | {"again": again})
    study["models"][1]["encoder"] = "again"
    micro.write_study(study, "other.yaml")
    done = micro.snakemake("--dry-run", "--forcerun", "pretrain_encoder", "--configfile", "other.yaml")
    inputs = re.findall(r"rule pretrain_encoder:\n +input: (.*)", done.stdout + done.stderr)
    assert sorted("results/micro/encoders/nano-read/pretraining_heads.npz" in line for line in inputs) == [False, True]


def test_encoders_that_no_row_takes_are_not_made(micro: Workspace) -> None:
    """Not even by the targets that are about encoders: a study laid over others would pre-train all of theirs."""
    spare = {"pretrain": MICRO["encoders"]["nano-read"]["pretrain"] | {"seed": 5}}
    micro.write_study(changed(encoders=MICRO["encoders"] | {"spare": spare}), "other.yaml")
    for target in ("encoders", "exports"):
        planned = micro.planned("--forceall", target, "--configfile", "other.yaml")
        assert (planned["build_encoder"], planned["pretrain_encoder"]) == (1, 1)
    own = "results/micro/encoders/spare/encoder.json"
    assert micro.planned("--nolock", own, "--configfile", "other.yaml") == {"pretrain_encoder": 1}


def test_what_nothing_reads_or_trains_is_told_at_the_start(micro: Workspace) -> None:
    """Texts without labels that were forgotten, and a head that reads what a pre-training left at random."""

    def told(study: dict[str, Any]) -> list[bool]:
        micro.write_study(study, "other.yaml")
        done = micro.snakemake("--dry-run", "--configfile", "other.yaml")
        sentences = ("dataset.unlabelled.spare: no row's encoder", "“Nano long” reads its encoder's pooled output")
        return [sentence in done.stdout + done.stderr for sentence in sentences]

    assert told(changed()) == [False, False]
    words_only = MICRO["encoders"]["nano-read"]["pretrain"] | {"bag_of_words": False}
    study = changed(encoders=MICRO["encoders"] | {"nano-read": {"pretrain": words_only}})
    assert told(study) == [False, True]
    study["models"][1]["pooling"] = "mean"
    study["dataset"]["unlabelled"]["spare"] = {"url": "more.csv"}
    assert told(study) == [True, False]


def test_unlabelled_texts_that_nothing_uses_are_left_alone(micro: Workspace) -> None:
    """They are not downloaded either; those that a vocabulary is learned from are made."""
    dataset = MICRO["dataset"] | {
        "name": "other",
        "unlabelled": {"more": {"url": "more.txt"}, "big": {"url": "more.csv"}},
    }
    models = [{"name": "Nano", "encoder": "nano"}]
    for texts, corpora, downloads in ([], 0, 2), (["big"], 1, 3):
        study = changed(
            study="other", dataset=dataset, models=models, vocabularies={"own": {"size": 120, "text": texts}}
        )
        micro.write_study(study, "other.yaml")
        planned = micro.planned("--nolock", "data", "--configfile", "other.yaml")
        assert (planned.get("build_corpus", 0), planned["download_dataset"]) == (corpora, downloads)


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


def test_end_of_the_run_shows_the_table(micro: Workspace) -> None:
    """A finished run ends with the table, and with which row to take, on the terminal; one for less leaves old ones."""
    (micro.folder / "results/micro/table.txt").unlink()
    done = micro.snakemake(*STUDY)
    shown = done.stdout + done.stderr
    assert (micro.folder / "results/micro/table.txt").read_text() in shown
    assert "For accuracy take “" in shown
    done = micro.snakemake("data", "--forcerun", "audit_dataset", *STUDY)
    assert "Finished jobid" in done.stdout + done.stderr
    assert "For accuracy take “" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("changes", "differ"),
    [
        pytest.param({}, False, marks=pytest.mark.long),
        # The baselines keep to the fifth of `training`.
        ({"models": [MICRO["models"][0] | {"validation_fraction": 0.1}]}, True),
        ({"split_seed": "per_run", "seeds": [1, 2]}, False),
        pytest.param(
            {"split_seed": "per_run", "seeds": [1, 2], "models": [MICRO["models"][0] | {"seeds": [3, 4]}]},
            True,
            marks=pytest.mark.long,
        ),
    ],
)
def test_summary_knows_whether_all_rows_have_the_same_validation_part(
    micro: Workspace, changes: dict[str, Any], differ: bool
) -> None:
    """A choice between rows on different texts is less fair, and the summary has to say so."""
    micro.write_study(changed(**changes), "other.yaml")
    list_jobs = [sys.executable, PROJECT / "bench/jobs_elsewhere/list_jobs.py", "other.yaml", "--jobs", "jobs.json"]
    subprocess.run([*list_jobs, "--rules", "render_summary"], cwd=micro.folder, check=True)
    [job] = json.loads((micro.folder / "jobs.json").read_text())
    assert job["params"]["parts_differ"] == differ


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


def test_changed_and_added_rows_train_only_themselves(micro: Workspace) -> None:
    """One row's setting touches one training and what follows from it; a new row reuses what the others have."""
    study = changed()
    study["models"][1]["learning_rate"] = 0.02
    study["models"].append({"name": "Nano wide", "encoder": "nano", "batch_size": 8})
    micro.write_study(study, "other.yaml")
    done = micro.snakemake("--dry-run", "--configfile", "other.yaml")
    printed = done.stdout + done.stderr
    rows = re.findall(r"^rule train_\w+:\n(?: .*\n)*? +wildcards: .*model=([\w-]+)", printed, re.M)
    assert sorted(rows) == ["Nano-long", "Nano-wide"]
    rules = Counter(re.findall(r"^(?:local)?(?:rule|checkpoint) (\w+):", printed, re.M))
    assert rules == AFTER_TRAINING | {"train_model": 2, "evaluate_model": 2, "evaluate_speed": 2, "all": 1}


def test_added_seed_trains_each_row_once_more(micro: Workspace) -> None:
    """Another seed reuses the runs of the first."""
    micro.write_study(changed(seeds=[1, 2]), "other.yaml")
    expected = {"train_model": 3} | AFTER_TRAINING | {"evaluate_model": 3}
    del expected["evaluate_speed"]
    assert micro.planned("--configfile", "other.yaml") == expected


def test_row_with_seeds_of_its_own(micro: Workspace) -> None:
    """A row that names more seeds than the study trains those and nothing else."""
    study = changed()
    study["models"][0]["seeds"] = [1, 2, 3]
    micro.write_study(study, "other.yaml")
    expected = {"train_model": 2} | AFTER_TRAINING | {"evaluate_model": 2}
    del expected["evaluate_speed"]
    assert micro.planned("--configfile", "other.yaml") == expected


def test_split_per_run_splits_for_every_seed(micro: Workspace) -> None:
    """The split's seed is its own, unless the study lets it go with the run's: then baselines have seeds as well."""
    micro.write_study(changed(split_seed="per_run", seeds=[0, 1]), "other.yaml")
    planned = micro.planned("--configfile", "other.yaml")
    assert planned["split_frame"] == 1  # that of seed 0 is there: it is the study's own
    assert planned["train_baseline"] == 2
    micro.write_study(changed(split_seed=5), "other.yaml")
    assert micro.planned("--configfile", "other.yaml")["train_model"] == 3


def test_added_trial_reuses_the_others_and_their_winner(prepared_workspace: Callable[[], Workspace]) -> None:
    """A search that grows trains the new trial; its row is trained again only if another one is chosen."""
    workspace = prepared_workspace()
    target = "results/micro/runs/Nano-tuned/seed-1/model.weights.h5"

    def trained(rates: list[float]) -> list[str]:
        row = MICRO["models"][2] | {"search": {"learning_rate": rates, "metric": "loss"}}
        workspace.write_study(changed(baselines=[], models=[row]))
        done = workspace.snakemake(target, *STUDY)
        return re.findall(r"^(?:local)?(?:rule|checkpoint) (train_\w+|select_\w+):", done.stdout + done.stderr, re.M)

    assert sorted(trained([0.01, 1e-9])) == ["select_trial", "train_model", "train_trial", "train_trial"]
    before = (workspace.folder / target).stat().st_mtime_ns
    outcome = json.loads((workspace.folder / "results/micro/search/Nano-tuned/outcome.json").read_text())
    # A rate that ruins the training cannot win.
    assert trained([0.01, 1e-9, 5.0]) == ["train_trial", "select_trial"]
    assert (workspace.folder / target).stat().st_mtime_ns == before
    assert workspace.planned("--until", "train_model", *STUDY) == {}
    others = [rate for rate in (0.01, 1e-9) if rate != outcome["values"]["learning_rate"]]
    assert trained(others) == ["select_trial", "train_model"]
    assert (workspace.folder / target).stat().st_mtime_ns > before


@pytest.mark.parametrize(
    ("files", "again"),
    [
        (["scripts/render_table.py"], TABLE),
        (
            ["scripts/plot_history.py", "scripts/render_summary.py", "scripts/render_errors.py"],
            {"plot_history": 1, "render_figures": 1, "render_summary": 1, "render_errors": 1},
        ),
        (["scripts/bert_ladder/evaluation/inference.py"], {"compare_models": 1, "plot_pairs": 1} | TABLE),
        (["report/table.rst", "rules/report.smk", "rules/training.smk"], {}),
    ],
)
def test_edited_presentation_retrains_nothing(
    micro: Workspace, edited: Callable, files: list[str], again: dict[str, int]
) -> None:
    """Table code, plots, captions and comments in rules are no reason to train."""
    for file in files:
        line = "# a comment" if file.endswith((".py", ".smk")) else "More."
        edited(file, lambda text, line=line: f"{text}\n{line}\n")
    assert micro.planned(*STUDY) == again


@pytest.mark.parametrize(
    "module",
    [
        "encoders/normal_form",
        *(pytest.param(module, marks=pytest.mark.long) for module in ("training/classifier", "data/tokens")),
    ],
)
def test_edited_training_code_retrains(micro: Workspace, edited: Callable, module: str) -> None:
    """A change in a module that trainings import is noticed, though Snakemake itself looks at scripts only."""
    edited(f"scripts/bert_ladder/{module}.py", lambda text: text + "\n# changed\n")
    planned = micro.planned(*STUDY)
    assert (planned["train_model"], planned["train_trial"]) == (3, 2)


def test_edited_audit_retrains_nothing(micro: Workspace, edited: Callable) -> None:
    """What the audit reports does not change what is trained."""
    edited("scripts/audit_dataset.py", lambda text: text + "\n# changed\n")
    expected = {"audit_dataset": 1, "render_audit": 1, "compare_models": 1, "plot_pairs": 1} | TABLE
    assert micro.planned(*STUDY) == expected


def test_edited_length_retrains_in_the_run_that_audits_it(micro: Workspace) -> None:
    """The audit is made again for the new length, and no job that awaits its own turn is forgotten over that."""
    study = changed()
    study["models"][0]["length"] = 12
    study["models"][1]["learning_rate"] = 0.02
    micro.write_study(study, "other.yaml")
    planned = micro.planned("--configfile", "other.yaml")
    assert (planned["audit_dataset"], planned["train_model"]) == (1, 2)


def test_edited_data_is_noticed(micro: Workspace, edited: Callable) -> None:
    """A local data file that changed goes through the whole chain again."""
    edited("train.csv", lambda text: text.replace("lovely", "splendid"))
    planned = micro.planned(*STUDY)
    assert planned["download_dataset"] == 1
    assert planned["train_model"] == 3


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
    micro.snakemake("--report", "results/micro/report.html", *STUDY)
    page = (micro.folder / "results/micro/report.html").read_text()
    for name in ("table.html", "figures.html", "errors.html", "audit.html", "runs.html", "pairs.svg", "train_model"):
        assert name in page
    assert "For accuracy take" in page


def test_light_rules_do_without_tensorflow(new_workspace: Callable[[], Workspace], tmp_path: Path) -> None:
    """Parsing, data rules and baselines never import TensorFlow, Keras or JAX: with all of them broken they run."""
    for package in ("tensorflow", "keras", "keras_hub", "tensorflow_text", "jax"):
        (tmp_path / f"{package}.py").write_text("raise RuntimeError('a light rule imported this')\n")
    workspace = new_workspace()
    workspace.write_study(MICRO)
    poison = {"PYTHONPATH": str(tmp_path)}
    workspace.snakemake("--dry-run", *STUDY, **poison)
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
    micro.snakemake("results/micro/search/Nano-tuned/trials.csv", "--forcerun", "select_trial", *STUDY, **poison)
    rules = ["train_baseline", "audit_dataset", *AFTER_EVALUATION, "plot_history", "plot_search"]
    micro.snakemake("--forcerun", *rules, *STUDY, **poison)


def test_every_job_has_a_file_that_the_study_asks_for(micro: Workspace) -> None:
    """Snakemake deletes a failed job's outputs, and would not make them again for the sake of its successors alone."""
    done = micro.snakemake(*STUDY, "--dry-run", "--forceall")
    blocks = re.findall(
        r"^(?:local)?(?:rule|checkpoint) (\w+):\n((?: +.*\n)+)", done.stdout + done.stderr, re.MULTILINE
    )

    def listed(kind: str, lines: str) -> set[str]:
        return set(re.search(rf"^ +{kind}: (.*)", lines, re.MULTILINE)[1].split(", "))

    wanted = next(listed("input", lines) for rule, lines in blocks if rule == "all")
    jobs = [(rule, listed("output", lines)) for rule, lines in blocks if rule != "all"]
    assert len(blocks) == int(re.search(r"^total +(\d+)$", done.stdout + done.stderr, re.MULTILINE)[1])
    assert [rule for rule, outputs in jobs if not outputs & wanted] == []


def test_a_change_whose_training_failed_is_not_forgotten(micro: Workspace, tmp_path: Path) -> None:
    """The outputs are gone; the old predictions and the old table must not stand for the new settings."""
    outputs = [file for name in ("model.weights.h5", "history.csv", "training.json")
               for file in (micro.folder / "results/micro/runs/Nano/seed-1").glob(name)]  # fmt: skip
    for file in outputs:
        file.rename(tmp_path / file.name)
    try:
        assert micro.planned(*STUDY) == {"train_model": 1} | AFTER_TRAINING
    finally:
        for file in outputs:
            (tmp_path / file.name).rename(file)
    assert micro.planned(*STUDY) == {}
