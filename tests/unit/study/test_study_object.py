"""The study as the rules ask it: runs, files, targets, resources and sentences, without Snakemake."""

import json
import re
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from bert_ladder.study.catalog import load_catalog
from bert_ladder.study.notes import explain_kills
from bert_ladder.study.outline import FIGURES
from bert_ladder.study.resolution import resolve_study
from bert_ladder.study.resources import Machine, memory_limits
from bert_ladder.study.runs import described, files_of
from bert_ladder.study.schema import StudyError
from bert_ladder.study.study import Places, Study, read_study
from workspace import MICRO, PROJECT

SCHEMA, ENCODERS_SCHEMA = (
    yaml.safe_load((PROJECT / f"schemas/{name}.schema.yaml").read_text()) for name in ("config", "encoders")
)
SCHEMA["$defs"] |= ENCODERS_SCHEMA["$defs"]
CATALOG = load_catalog(PROJECT / "catalog/encoders.yaml", ENCODERS_SCHEMA)
TRAINING = SCHEMA["$defs"]["training"]["properties"]
READ = MICRO["encoders"]["nano-read"]["pretrain"]
# For each training key a value that MICRO does not have, and what else it takes.
OTHER_VALUES: dict[str, Any] = {
    "length": 12,
    "truncation": "tail",
    "epochs": 3,
    "batch_size": 8,
    "length_buckets": True,
    "optimizer": "adamax",
    "learning_rate": 0.02,
    "epsilon": 1e-6,
    "clipnorm": None,
    "global_clipnorm": 1.0,
    "weight_decay": 0.1,
    "momentum": 0.9,
    "schedule": "cosine",
    "warmup_fraction": 0.2,
    "dropout": 0.3,
    "encoder_dropout": 0.3,
    "pooling": "mean",
    "precision": "mixed_bfloat16",
    "xla": True,
    "validation_fraction": 0.3,
    "class_weight": "balanced",
    "keep": "best",
    "monitor": "validation_loss",
    "patience": 2,
}
NEEDED = {"global_clipnorm": {"clipnorm": None}, "momentum": {"optimizer": "sgd"}}


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Study]:
    """Reads MICRO with top-level keys replaced."""
    for name in ("train.csv", "test.csv", "more.txt", "more.csv"):
        (tmp_path / name).touch()

    def read_changed(**changes: Any) -> Study:
        return Study(resolve_study(deepcopy(MICRO) | changes, SCHEMA, CATALOG, [tmp_path], tmp_path), CATALOG, tmp_path)

    return read_changed


def rows(**changes: Any) -> list[dict[str, Any]]:
    """The rows of MICRO, the second with more keys."""
    first, second, *others = deepcopy(MICRO["models"])
    return [first, second | changes, *others]


def test_reading_a_study(tmp_path: Path) -> None:
    """A path may be relative to the study file; what is wrong is told with its key; a key given twice is refused."""
    for name in ("train.csv", "test.csv", "more.txt"):
        (tmp_path / name).touch()
    file = tmp_path / "study.yaml"
    file.write_text(yaml.safe_dump(MICRO))
    places = Places(PROJECT, (file,))
    study = read_study(deepcopy(MICRO), places)
    assert (study.name, study.metric) == ("micro", "accuracy")
    assert study.dataset.source("train.csv").own_file == str(tmp_path / "train.csv")
    with pytest.raises(StudyError, match="unknown key 'model'"):
        read_study(deepcopy(MICRO) | {"model": []}, places)
    file.write_text("study: a\nstudy: b\n")
    with pytest.raises(StudyError, match="the key 'study' is given twice"):
        read_study(deepcopy(MICRO), places)


def overlay(folder: Path, content: str, *before: str) -> str:
    """What is said of a file that changes another study, read behind some files that are no whole study either."""
    file = folder / "over.yaml"
    file.write_text(content)
    files = tuple(folder / name for name in before)
    for other in files:
        other.write_text("seeds: [1]\n")
    with pytest.raises(StudyError) as refused:
        read_study(yaml.safe_load(content), Places(PROJECT, (*files, file)))
    return str(refused.value).replace(f"{folder}/", "")


def test_an_overlay_alone_names_the_command_with_both_files(tmp_path: Path) -> None:
    """Which keys lack, and the command that its own comments give, or one to fill in."""
    said = overlay(tmp_path, "models: [{name: a, encoder: tiny}]\n")
    assert said.startswith("over.yaml: the keys 'study' and 'dataset' are missing; add them, or, if this is to change")
    assert said.endswith("behind one and the same option: --configfile STUDY.yaml over.yaml")
    said = overlay(tmp_path, "# snakemake --configfile a.yaml b.yaml over.yaml\nstudy: a\nmodels: []\n", "c.yaml")
    assert "c.yaml and over.yaml: the key 'dataset' is missing; add it" in said
    assert said.endswith("--configfile a.yaml b.yaml over.yaml")
    # A misspelt key is the likelier reason.
    assert "did you mean 'dataset'" in overlay(tmp_path, "study: a\ndatasets: {}\nmodels: []\n")


@pytest.mark.parametrize("file", sorted((PROJECT / "studies").glob("*.yaml")), ids=lambda file: file.name)
def test_the_studies_that_change_others_say_how(file: Path) -> None:
    """Each of this project's own has its command in its comments."""
    content = yaml.safe_load(file.read_text())
    if not {"study", "dataset", "models"} <= set(content):
        with pytest.raises(StudyError, match=rf"--configfile studies/(imdb|my-study)\.yaml .*{re.escape(file.name)}$"):
            read_study(content, Places(PROJECT, (file,)))


# === Rows, runs and what is trained ===


def test_runs_of_a_study(read: Callable[..., Study]) -> None:
    """One run per row and seed, one per baseline, one per trial of a search; each with a folder of its own."""
    runs = read(seeds=[1, 2]).runs
    assert runs.models == ["tfidf_logistic_regression", "Nano", "Nano-long", "Nano-tuned"]
    assert [(run.model, run.seed) for run in runs.baselines] == [("tfidf_logistic_regression", 1)]
    assert [(run.model, run.seed) for run in runs.berts] == [(model, s) for model in runs.models[1:] for s in (1, 2)]
    assert [(run.model, run.seed) for run in runs.trials] == [("Nano-tuned", 1)] * 2
    folders = [run.folder for run in runs.all + runs.trials]
    assert len(set(folders)) == len(folders) == 9
    assert files_of(runs.baselines, "metrics.json") == ["<results>/runs/tfidf_logistic_regression/seed-1/metrics.json"]
    assert described(runs.all[:2]) == [
        {"model": "TF-IDF + logistic regression", "seed": 1, "kind": "baseline"},
        {"model": "Nano", "seed": 1, "kind": "bert"},
    ]


FROZEN = [
    {"name": "Nano frozen", "frozen": {"encoder": "nano-read", "pooling": "mean"}},
    {"frozen": {"encoder": "nano-read", "pooling": "pooler", "length": 16}, "class_weight": "balanced"},
    {"name": "Short", "frozen": {"encoder": "nano-read", "pooling": "mean", "length": 8, "truncation": "tail"}},
]


def test_frozen_encoder_is_a_row_like_any_other(read: Callable[..., Study]) -> None:
    """With an encoder, what `training` says where it says nothing itself, one run as all baselines, and no trials."""
    study = read(baselines=["nb_svm", *FROZEN], seeds=[1, 2])
    runs = study.runs
    assert runs.models[:4] == ["nb_svm", "Nano-frozen", "nano-read-frozen", "Short"]
    assert [(run.name, run.seed, run.kind) for run in runs.baselines] == [
        ("NB-SVM", 1, "baseline"),
        ("Nano frozen", 1, "frozen"),
        ("nano-read, frozen", 1, "frozen"),
        ("Short", 1, "frozen"),
    ]
    assert runs.measured("Nano-frozen", 1) == {
        "study": "micro", "model": "Nano frozen", "encoder": "nano-read", "kind": "frozen", "seed": 1
    }  # fmt: skip
    assert runs.frozen_settings("nano-read-frozen") == {
        "length": 16, "pooling": "pooler", "truncation": "head", "class_weight": "balanced"
    }  # fmt: skip
    assert study.outline.rows[1] == {"model": "Nano frozen", "path": "Nano-frozen", "encoder": "nano-read"}
    assert runs.of_kind("baseline") == ["nb_svm"]
    assert read(baselines=FROZEN, split_seed="per_run", seeds=[1, 2]).runs.baselines[1].seed == 2


@pytest.mark.parametrize(("encoder", "pooling"), [("nano", "pooler"), ("modernbert", "mean")])
def test_frozen_encoder_without_a_pooling_reads_what_was_trained(
    read: Callable[..., Study], encoder: str, pooling: str
) -> None:
    """The pooler, where its family has one; else the mean, since a family's own head would be new."""
    study = read(baselines=[{"name": "Frozen", "frozen": {"encoder": encoder}}], training={"length": 16})
    assert study.runs.frozen_settings("Frozen")["pooling"] == pooling


def test_an_encoder_reads_once_for_all_frozen_rows_that_read_alike(read: Callable[..., Study]) -> None:
    """Whatever their pooling and their seed; to another length, or from another end, it reads again."""
    study = read(baselines=FROZEN, split_seed="per_run", seeds=[1, 2])
    first, second, third = (study.inputs.features(model) for model in study.runs.frozen)
    assert first == second
    assert not set(first.values()) & set(third.values())
    assert len(study.inputs.feature_records) == 4
    assert set(study.inputs.feature_records) <= set(study.targets.training)
    assert sorted(study.runs.readings.values(), key=str) == [
        {"length": 16, "truncation": "head"}, {"length": 8, "truncation": "tail"}
    ]  # fmt: skip
    wanted = {tuple(study.runs.poolings("nano-read", reading)) for reading in study.runs.readings}
    assert wanted == {("mean", "pooler"), ("mean",)}
    splits = [study.inputs.frozen("Short", seed)["split"] for seed in (1, 2)]
    assert splits == [f"<results>/data/splits/0.2-seed-{seed}.parquet" for seed in (1, 2)]
    assert len(study.outline.predicted) == len(study.outline.evaluations) == 4 + len(study.runs.berts)


def test_frozen_encoder_needs_what_an_encoder_needs(read: Callable[..., Study]) -> None:
    """Itself, its pre-training's texts and its vocabulary's tokens, for the baselines alone too; and the audit."""
    models = [{"name": "Nano", "encoder": "nano"}]
    alone = read(models=models)
    study = read(models=models, baselines=FROZEN)
    assert alone.encoders.used == ["nano"]
    assert study.encoders.used == ["nano", "nano-read"]
    corpus = "<results>/data/unlabelled/more.parquet"
    assert corpus not in alone.targets.data
    assert corpus in study.targets.data
    assert corpus in study.targets.baselines
    assert study.inputs.audited == [{"vocabulary": "own", "lengths": [8, 16]}]
    assert study.inputs.speed("Short")["weights"] == "<results>/runs/Short/seed-1/model.weights.h5"
    assert study.inputs.asked_tokens("Short") == {"tokens": study.inputs.tokens("Short", "test")}


def test_poolings_of_frozen_encoders_are_spoken_of(read: Callable[..., Study]) -> None:
    """A published encoder that was made for its mean, read by its pooler."""
    said = read(baselines=[{"frozen": {"encoder": "minilm"}}]).notes.warnings
    assert [line for line in said if line.startswith("“minilm, frozen”: all-MiniLM-L6-v2 was made to be read by")]


def test_reading_takes_less_memory_than_training(read: Callable[..., Study]) -> None:
    """More for longer texts and larger encoders, and time for either."""
    study = read(baselines=[{"frozen": {"encoder": name}} for name in ("tiny", "base")])
    tiny, base = (study.runs.encoder(f"{name}-frozen") for name in ("tiny", "base"))
    memory = study.resources.reading_memory_mb
    assert 2000 < memory(tiny, 128) < memory(base, 128) < 4000
    assert memory(tiny, 512) > memory(tiny, 128)
    assert study.resources.reading_minutes(base, 1) == 1374
    assert study.resources.reading_minutes(tiny, 1) < 180


def test_added_rows_and_seeds_leave_the_others_alone(read: Callable[..., Study]) -> None:
    """A new row, a new seed of the study or of a row: all that was there is trained as it was, from the same files."""

    def trained(study: Study) -> dict[str, tuple[Any, ...]]:
        return {
            run.folder: (study.runs.training(run.model), study.inputs.training(run.model, run.seed))
            for run in study.runs.berts
        }

    before = trained(read())
    wide = {"name": "Nano wide", "encoder": "nano", "batch_size": 8}
    for changes, added in (
        ({"models": [*MICRO["models"], wide]}, {"Nano-wide/seed-1"}),
        ({"seeds": [1, 2]}, {f"{model}/seed-2" for model in ("Nano", "Nano-long", "Nano-tuned")}),
        ({"models": rows(seeds=[1, 2, 3])}, {"Nano-long/seed-2", "Nano-long/seed-3"}),
    ):
        after = trained(read(**changes))
        assert before.items() <= after.items()
        assert {folder.removeprefix("<results>/runs/") for folder in after.keys() - before.keys()} == added


def test_there_is_another_value_for_each_training_key() -> None:
    """A key that is added to the schema is added to the next test too."""
    assert OTHER_VALUES.keys() == TRAINING.keys()


@pytest.mark.parametrize("key", TRAINING)
def test_each_training_key_reaches_its_row_alone(read: Callable[..., Study], key: str) -> None:
    """A row's key changes the params or the inputs of its training, and those of no other row."""
    before = read(models=rows(**NEEDED.get(key, {})))
    after = read(models=rows(**NEEDED.get(key, {}), **{key: OTHER_VALUES[key]}))
    for model in before.runs.rows:
        # As Snakemake compares params: as they are written down.
        is_same = repr(before.runs.training(model)) == repr(after.runs.training(model))
        assert is_same == (model != "Nano-long"), model
    assert after.runs.training("Nano-long")[key] == OTHER_VALUES[key]


def test_params_are_plain(read: Callable[..., Study]) -> None:
    """Snakemake leaves all but Python's own types out of its comparison: a setting among others would be forgotten."""
    study = read()
    params = [
        *map(study.runs.training, study.runs.rows),
        *(study.runs.trial_params(model) for model in study.runs.searches),
        *(study.classes.names, study.classes.positive, study.runs.measured("Nano", 1)),
        *(study.encoders.pretraining(name) for name in study.encoders.pretrained),
        *map(study.dataset.download_params, study.dataset.published),
        *map(study.dataset.reading_params, ("train", "test", *study.dataset.unlabelled)),
        *map(study.runs.record, study.runs.rows),
        *(study.inputs.audited, study.outline.rows, study.outline.searches, study.notes.table),
        *(study.outline.timed_names, described(study.runs.all)),
    ]
    assert json.loads(json.dumps(params)) == params


def test_searches(read: Callable[..., Study]) -> None:
    """A row's trials, with what each was trained with and where its files are."""
    study = read()
    [first, second] = study.runs.trials_of("Nano-tuned")
    assert study.runs.trial_params("Nano-tuned") == [
        {"trial": first.trial, "seed": 1},
        {"trial": second.trial, "seed": 1},
    ]
    assert study.runs.search("Nano-tuned")["trials"] == {
        first.trial: {"learning_rate": 0.01},
        second.trial: {"learning_rate": 1.0e-9},
    }
    assert "learning_rate" not in study.runs.training("Nano-tuned")
    assert study.inputs.trials("Nano-tuned", "history.csv") == [
        f"<results>/search/Nano-tuned/{trial}/seed-1/history.csv" for trial in study.runs.trial_names
    ]
    assert study.runs.trials_of("Nano") == []


HALVED = {
    "name": "Halved",
    "encoder": "nano",
    "search": {"learning_rate": [0.1, 0.01, 0.001, 1e-4], "seeds": [1, 2], "halving": {"factor": 2, "smallest": 0.25}},
}


def test_halved_search_has_its_jobs_before_it_runs(read: Callable[..., Study]) -> None:
    """Trials in the first rung, places in later ones, each with a folder of its own; each place may be any trial's."""
    study = read(seeds=[1, 2], models=[*MICRO["models"], HALVED])
    runs, inputs = study.runs, study.inputs
    assert runs.grids == ["Nano-tuned"]
    assert runs.halved == {
        "Halved": [{"budget": 0.25, "trials": 4}, {"budget": 0.5, "trials": 2}, {"budget": 1.0, "trials": 1}]
    }
    trials = list(runs.search("Halved")["trials"])
    assert [run.trial for run in runs.rung("Halved", 1)] == [trial for trial in trials for _ in (1, 2)]
    assert [run.folder for run in runs.rung("Halved", 2)] == [
        f"<results>/search/Halved/rung-2/place-{place}/seed-{seed}" for place in (1, 2) for seed in (1, 2)
    ]
    assert [run.trial for run in runs.rung("Halved", 3)] == ["place-1", "place-1"]
    assert len({run.folder for run in runs.trials}) == len(runs.trials) == 2 + 2 * (4 + 2 + 1)
    assert (runs.budget("Halved", 2), runs.promoted("Halved", 1), runs.promoted("Halved", 2)) == (0.5, 2, 1)
    assert runs.rung_params("Halved", 3) == [{"rung": 3, "seed": 1}, {"rung": 3, "seed": 2}]
    assert len(runs.trial_params("Halved")) == len(inputs.choice("Halved")["history"]) == 14
    given = inputs.promoted("Halved", 2, 2)
    assert given["promoted"] == "<results>/search/Halved/rung-1/promoted.json"
    assert given["states"] == [f"<results>/search/Halved/rung-1/{trial}/seed-2/state.npz" for trial in trials]
    assert given.items() >= inputs.training("Halved", 2).items()
    assert len(inputs.choice("Halved", 2)["training"]) == 4
    assert {f"<results>/search/Halved/rung-{rung}/promoted.json" for rung in (1, 2)} < set(study.targets.training)
    assert "<results>/search/Halved/rung-3/promoted.json" not in study.targets.training
    assert "<results>/search/Halved/steps.json" in study.targets.training
    assert inputs.searched_splits("Halved") == ["<results>/data/splits/0.2-seed-0.parquet"]
    assert runs.trial_lengths("Halved") == [{"epochs": 1, "batch_size": 16}]
    assert study.outline.timed_names[-1] == "Halved, rung 3, trial place-1, seed 2"


def test_halving_is_all_that_differs(read: Callable[..., Study]) -> None:
    """A search without it is given what it was given before there was any; the row that is trained is the same."""
    search = {key: value for key, value in HALVED["search"].items() if key != "halving"}
    halved, whole = (read(models=[HALVED | {"search": found}]).runs for found in (HALVED["search"], search))
    assert halved.search("Halved") == whole.search("Halved") | {"rungs": halved.halved["Halved"]}
    assert whole.search("Halved").keys() == {"metric", "seeds", "keys", "trials"}
    assert halved.training("Halved") == whole.training("Halved")
    assert whole.halved == {}
    other = read(models=[HALVED | {"search": search | {"halving": {"factor": 4, "smallest": 0.25}}}]).runs
    assert (other.budget("Halved", 1), other.promoted("Halved", 1)) == (0.25, 1)


# === Classes ===


def given_to_jobs(study: Study) -> tuple[Any, ...]:
    """What trainings, trials and the choice of trials get from the study: params and inputs."""
    runs = study.runs
    return (
        {run.folder: (runs.training(run.model), study.inputs.training(run.model, run.seed)) for run in runs.berts},
        {run.folder: study.inputs.training(run.model, run.seed, run.trial) for run in runs.trials},
        {model: study.inputs.choice(model) for model in runs.searches},
        *(study.inputs.speed(model) for model in runs.models),
        *(study.encoders.pretraining_start(name) for name in study.encoders.pretrained),
    )


def needs_positive(study: Study) -> set[str]:
    """Trainings, trials and choices that take the positive class."""
    trained, tried, chosen = given_to_jobs(study)[:3]
    files = {folder: inputs for folder, (_, inputs) in trained.items()} | tried | chosen
    return {name.removeprefix("<results>/") for name, inputs in files.items() if "positive" in inputs}


@pytest.mark.parametrize(
    "changes",
    [{"label_names": {"good": "fine"}}, {"positive": "bad"}, {"positive": None}],
    ids=["names", "other", "none"],
)
def test_names_and_positive_class_reach_no_training(read: Callable[..., Study], changes: dict[str, Any]) -> None:
    """They are params of two light jobs and of no other."""
    dataset = {key: value for key, value in (MICRO["dataset"] | changes).items() if value is not None}
    before, after = read(), read(dataset=dataset)
    assert given_to_jobs(before) == given_to_jobs(after)
    assert needs_positive(after) == set()
    told = (before.classes.names, before.classes.positive), (after.classes.names, after.classes.positive)
    assert told[0] != told[1]


@pytest.mark.parametrize(
    ("settings", "needed"),
    [
        ({"keep": "best"}, {"runs/Nano-long/seed-1"}),
        ({"patience": 1}, {"runs/Nano-long/seed-1"}),
        ({}, set()),
        ({"keep": "best", "monitor": "validation_loss"}, set()),
    ],
)
def test_training_that_monitors_f1_takes_the_positive_class(
    read: Callable[..., Study], settings: dict[str, Any], needed: set[str]
) -> None:
    """Where it ends the training or chooses its weights; where nothing looks at it, it is left out."""
    assert needs_positive(read(models=rows(**{"monitor": "validation_f1"} | settings))) == needed


def test_search_takes_the_positive_class_where_it_needs_it(read: Callable[..., Study]) -> None:
    """To choose by F1, or in those of its trials that monitor F1."""
    row = MICRO["models"][2]
    by_f1 = read(models=[row | {"search": row["search"] | {"metric": "f1"}}])
    assert needs_positive(by_f1) == {"Nano-tuned"}
    some = read(models=[row | {"monitor": "validation_f1", "search": {"keep": ["last", "best"]}}])
    [trial] = [name for name, values in some.runs.search("Nano-tuned")["trials"].items() if values["keep"] == "best"]
    assert needs_positive(some) == {"runs/Nano-tuned/seed-1", f"search/Nano-tuned/{trial}/seed-1"}


@pytest.mark.parametrize(
    ("positive", "names", "label"),
    [
        (None, {}, None),
        ("neg", {}, "neg"),
        ("fine", {"pos": "fine"}, "pos"),
        # What is published comes before what is shown.
        ("a", {"a": "b", "b": "a"}, "a"),
        (0, {0: "no"}, "0"),
        ("no", {0: "no"}, "0"),
        (False, {True: "yes"}, "false"),
        ("yes", {True: "yes"}, "true"),
    ],
)
def test_positive_class_is_a_published_label(
    read: Callable[..., Study], positive: Any, names: dict[Any, str], label: str | None
) -> None:
    """By whatever name the study calls it, in the words of YAML."""
    dataset = MICRO["dataset"] | {"positive": positive, "label_names": names}
    assert read(dataset={key: value for key, value in dataset.items() if value is not None}).classes.positive == label


@pytest.mark.parametrize(
    ("labels", "recorded", "positive", "passed_on"),
    [
        (["bad", "good"], None, "good", None),
        (["bad", "good"], "good", None, "good"),
        (["bad", "good"], "good", "fine", "good"),
        (["bad", "good"], None, "bad", "bad"),
        (["bad", "good"], "good", "bad", "bad"),
        (["bad", "good"], "bad", None, None),
        (["bad", "good"], "good", "ugly", "ugly"),
        # Other data than it was recorded of.
        (["bad", "ugly"], "good", None, None),
        (["a", "b", "c"], None, None, None),
        (["a", "b", "c"], None, "c", "c"),
    ],
)
def test_positive_class_is_passed_on_as_recorded_while_it_means_the_same(
    read: Callable[..., Study], tmp_path: Path, labels: list[str], recorded: Any, positive: Any, passed_on: str | None
) -> None:
    """Written out at its default, or left out again, it makes no job; another class does, and one that is not there."""
    folder = tmp_path / "results/micro/data"
    folder.mkdir(parents=True)
    (folder / "classes.json").write_text(json.dumps({"labels": labels}))
    (folder / "positive.json").write_text(json.dumps({"positive": 1, "given": recorded}))
    dataset = MICRO["dataset"] | {"positive": positive, "label_names": {"good": "fine"}}
    dataset = {key: value for key, value in dataset.items() if value is not None}
    assert read(dataset=dataset).classes.positive == passed_on


@pytest.mark.parametrize("damage", ["", "[]", '{"given": []}', '{"positive": 1}', "\xff"])
def test_damaged_record_of_the_positive_class_is_no_record(
    read: Callable[..., Study], tmp_path: Path, damage: str
) -> None:
    """The study's own word counts."""
    folder = tmp_path / "results/micro/data"
    folder.mkdir(parents=True)
    (folder / "classes.json").write_text('{"labels": ["bad", "good"]}')
    (folder / "positive.json").write_text(damage, encoding="latin-1")
    assert read().classes.positive == "good"


# === Class weights ===


@pytest.mark.parametrize(
    ("given", "names", "published"),
    [
        ("balanced", {}, "balanced"),
        ({"good": 3, "bad": 0.5}, {}, {"bad": 0.5, "good": 3.0}),
        ({"fine": 3}, {"good": "fine"}, {"good": 3.0}),
        ({1: 2, False: 4}, {}, {"1": 2.0, "false": 4.0}),
    ],
)
def test_weights_are_of_published_labels(
    read: Callable[..., Study], given: Any, names: dict[str, str], published: Any
) -> None:
    """By whatever name, and in whatever order, the study has them: in rows, in trials and in baselines."""
    dataset = MICRO["dataset"] | {"label_names": names}
    search = {"name": "Tuned", "encoder": "nano", "search": {"class_weight": [None, given]}}
    baselines = [{"baseline": "nb_svm", "class_weight": given}]
    study = read(dataset=dataset, models=[*rows(class_weight=given)[:2], search], baselines=baselines)
    assert study.runs.training("Nano-long")["class_weight"] == published
    assert study.runs.training("Nano")["class_weight"] is None
    assert study.runs.baseline("nb_svm") == {
        "baseline": "nb_svm", "name": "NB-SVM", "path": "nb_svm", "class_weight": published
    }  # fmt: skip
    tried = study.runs.search("Tuned")["trials"].values()
    assert [values["class_weight"] for values in tried] == [None, published]
    # A search tells itself what it chose.
    assert set(study.outline.class_weights) == {"NB-SVM", "Nano long"}
    labels = sorted(published) if isinstance(published, dict) else None
    assert study.runs.weighted == (dict.fromkeys(("Nano long", "Tuned", "NB-SVM"), labels) if labels else {})
    assert ("<results>/data/weighted.json" in study.targets.data) == bool(labels)


def test_weights_retrain_their_row_only(read: Callable[..., Study]) -> None:
    """The order of their labels, and what these are called, retrain nothing."""
    weighted = read(models=rows(class_weight={"good": 3, "bad": 0.5}))
    changed = read(models=rows(class_weight={"good": 4, "bad": 0.5}))
    same = read(
        dataset=MICRO["dataset"] | {"label_names": {"good": "fine"}},
        models=rows(class_weight={"bad": 0.5, "fine": 3.0}),
    )
    before, after = given_to_jobs(weighted)[0], given_to_jobs(changed)[0]
    assert {folder for folder in before if before[folder] != after[folder]} == {"<results>/runs/Nano-long/seed-1"}
    assert repr(given_to_jobs(same)) == repr(given_to_jobs(weighted))
    assert same.outline.class_weights == {"Nano long": "0.5 for bad, 3 for fine"}


def test_baselines_have_the_weights_of_training_or_their_own(read: Callable[..., Study]) -> None:
    """One kind may stand there twice, under another name."""
    baselines = ["nb_svm", {"baseline": "nb_svm", "name": "NB-SVM, plain", "class_weight": None}]
    study = read(baselines=baselines, training=MICRO["training"] | {"class_weight": "balanced"})
    runs = study.runs
    assert runs.baseline_names == ["nb_svm", "NB-SVM-plain"]
    assert [runs.baseline(name)["class_weight"] for name in runs.baseline_names] == ["balanced", None]
    assert [runs.baseline(name)["baseline"] for name in runs.baseline_names] == ["nb_svm", "nb_svm"]
    assert [run.name for run in runs.baselines] == ["NB-SVM", "NB-SVM, plain"]
    assert runs.measured("NB-SVM-plain", 1)["model"] == "NB-SVM, plain"
    assert {row["model"]: row.get("class_weight") for row in study.outline.rows[:2]} == {
        "NB-SVM": "balanced", "NB-SVM, plain": None
    }  # fmt: skip


def test_run_is_called_in_its_metrics_as_in_the_study(read: Callable[..., Study]) -> None:
    """Study, row, encoder, kind and seed are said where metrics are made, not where a model is trained."""
    runs = read().runs
    assert runs.measured("Nano-long", 1) == {
        "study": "micro", "model": "Nano long", "encoder": "nano-read", "kind": "bert", "seed": 1
    }  # fmt: skip
    assert runs.measured("tfidf_logistic_regression", 1) == {
        "study": "micro", "model": "TF-IDF + logistic regression", "encoder": "", "kind": "baseline", "seed": 1
    }  # fmt: skip


# === Splits ===


def test_every_fraction_has_a_file_of_its_own(read: Callable[..., Study]) -> None:
    """Fractions that agree to many digits are two, and a usual one is named as it is written."""
    nano = MICRO["models"][0]
    fractions = {"a": 0.2, "b": 0.1234561, "c": 0.1234562, "d": 0.99999999, "e": 1.0e-05}
    rows = [nano | {"name": name, "validation_fraction": fraction} for name, fraction in fractions.items()]
    splits = read(models=rows).splits
    files = [splits.file(name, 1) for name in fractions]
    assert files[0] == "<results>/data/splits/0.2-seed-0.parquet"
    read_back = [float(file.removeprefix("<results>/data/splits/").partition("-seed")[0]) for file in files]
    assert read_back == list(fractions.values())
    assert set(map(float, splits.fractions)) >= set(fractions.values())


def test_split_has_a_seed_of_its_own_or_that_of_the_run(read: Callable[..., Study]) -> None:
    """Where it goes with the run's seed, the baselines have every seed as well."""
    study = read()
    assert study.splits.files(study.runs.all) == ["<results>/data/splits/0.2-seed-0.parquet"]
    assert read(split_seed=5).splits.file("Nano", 1) == "<results>/data/splits/0.2-seed-5.parquet"
    per_run = read(split_seed="per_run", seeds=[0, 1])
    assert per_run.splits.files(per_run.runs.all) == [f"<results>/data/splits/0.2-seed-{s}.parquet" for s in (0, 1)]
    assert [run.seed for run in per_run.runs.baselines] == [0, 1]
    assert per_run.splits.seeds == [0, 1]
    assert per_run.notes.table[-1].startswith("Each seed draws its own split")


@pytest.mark.parametrize(
    ("changes", "differ"),
    [
        ({}, False),
        # The baselines keep to the fifth of `training`.
        ({"models": [MICRO["models"][0] | {"validation_fraction": 0.1}]}, True),
        ({"split_seed": "per_run", "seeds": [1, 2]}, False),
        ({"split_seed": "per_run", "seeds": [1, 2], "models": [MICRO["models"][0] | {"seeds": [3, 4]}]}, True),
    ],
)
def test_study_knows_whether_all_rows_have_the_same_validation_part(
    read: Callable[..., Study], changes: dict[str, Any], differ: bool
) -> None:
    """A choice between rows on different texts is less fair, and the summary has to say so."""
    assert read(**changes).splits.differ == differ


# === Encoders ===


def test_second_pretraining_takes_the_heads_of_the_first(read: Callable[..., Study]) -> None:
    """An encoder that was pre-trained here hands on its heads; one with random weights has none."""
    again = {"pretrain": READ | {"from": "nano-read", "length": 16}}
    study = read(encoders=MICRO["encoders"] | {"again": again}, models=rows(encoder="again"))
    assert "heads" not in study.encoders.pretraining_start("nano-read")
    assert study.encoders.pretraining_start("again") == study.encoders.files("nano-read") | {
        "heads": "<results>/encoders/nano-read/pretraining_heads.npz"
    }
    assert study.encoders.used == ["nano", "nano-read", "again"]
    assert study.encoders.pretraining_tokens("again") == [
        f"<results>/data/tokens/own/{texts}.{part}.npy"
        for texts in ("train", "unlabelled/more")
        for part in ("ids", "offsets")
    ]
    assert study.encoders.size("again") == study.encoders.size("nano")


def test_encoders_that_no_row_takes_are_not_asked_for(read: Callable[..., Study]) -> None:
    """Not even by the targets that are about encoders; by its path each can be made."""
    study = read(encoders=MICRO["encoders"] | {"spare": {"pretrain": READ | {"seed": 5}}})
    assert not [file for file in study.targets.encoders + study.inputs.exported if "spare" in file]
    assert "spare" in study.encoders.pretrained
    assert study.encoders.used_pretrained == ["nano-read"]


def test_fetched_encoders_that_are_here_are_no_outputs(read: Callable[..., Study], tmp_path: Path) -> None:
    """Any encoder of the catalogue can be fetched, until its folder lies in resources/ of the study."""
    name = "bert_uncased_L-2_H-128_A-2"
    study = read(models=[{"name": "Tiny", "encoder": "tiny"}])
    assert name in study.encoders.to_fetch
    vocabulary = study.encoders.vocabulary(name)
    assert vocabulary in study.encoders.vocabularies_to_fetch
    assert study.encoders.fetched_lower_case(name)
    folder = tmp_path / "resources/encoders" / name
    folder.mkdir(parents=True)
    for file in ("encoder.json", "encoder.weights.h5", "vocab.txt"):
        (folder / file).touch()
    assert name not in study.encoders.to_fetch
    assert study.encoders.files(name)["config"] == f"resources/encoders/{name}/encoder.json"


def test_exports(read: Callable[..., Study]) -> None:
    """Encoders in use as they are, and each run's with its weights and labels."""
    study = read()
    assert study.inputs.exported == [
        "encoders/nano",
        "encoders/nano-read",
        *(f"runs/{model}/seed-1" for model in ("Nano", "Nano-long", "Nano-tuned")),
    ]
    assert study.inputs.export("encoders/nano") == study.encoders.files("nano")
    exported = study.inputs.export("runs/Nano-long/seed-1")
    assert exported["config"] == "<results>/encoders/nano-read/encoder.json"
    assert exported["weights"] == "<results>/runs/Nano-long/seed-1/model.weights.h5"


def test_what_the_forms_of_the_chosen_row_are_compared_with(read: Callable[..., Study]) -> None:
    """Its run by its folder, and the test texts as its encoder has them; a linear model has no tokens."""
    inputs = read().inputs
    assert inputs.chosen_run("Nano long", 1) == {
        "predictions": "<results>/runs/Nano-long/seed-1/predictions.parquet",
        "metrics": "<results>/runs/Nano-long/seed-1/metrics.json",
    }
    assert inputs.asked_tokens("Nano long") == {"tokens": inputs.tokens("Nano-long", "test")}
    assert inputs.asked_tokens("TF-IDF + logistic regression") == {}


def test_what_is_timed(read: Callable[..., Study]) -> None:
    """The first seed of each row and baseline."""
    study = read(seeds=[3, 1], split_seed="per_run")
    assert study.inputs.speed("tfidf_logistic_regression") == {
        "baseline": "<results>/runs/tfidf_logistic_regression/seed-3/baseline.npz"
    }
    assert study.inputs.speed("Nano")["weights"] == "<results>/runs/Nano/seed-3/model.weights.h5"


# === Targets ===


def test_unlabelled_texts_that_nothing_uses_are_left_alone(read: Callable[..., Study]) -> None:
    """They are not downloaded either; those that a vocabulary is learned from are made."""
    dataset = MICRO["dataset"] | {"unlabelled": {"more": {"url": "more.txt"}, "big": {"url": "more.csv"}}}
    for texts, corpora, downloads in ([], 0, 2), (["big"], 1, 3):
        study = read(dataset=dataset, models=MICRO["models"][:1], vocabularies={"own": {"size": 120, "text": texts}})
        asked = study.targets.data
        assert sum("data/unlabelled/" in file for file in asked) == corpora
        assert sum(file.startswith("<dataset>/") for file in asked) == downloads


def test_validation_file_takes_the_place_of_the_drawn_part(read: Callable[..., Study], tmp_path: Path) -> None:
    """Rows and baselines are trained on one frame and one division; what reads the training texts alone goes on so."""
    (tmp_path / "other").mkdir()
    (tmp_path / "other/train.csv").touch()
    dataset = MICRO["dataset"] | {"validation": {"url": "other/train.csv", "format": "csv"}}
    study, before = read(dataset=dataset, split_seed=3), read()
    assert study.dataset.splits == ["train", "test", "validation"]
    assert study.dataset.files_of("validation") == ["<dataset>/validation-train.csv"]
    assert [study.dataset.files_of(split) for split in ("train", "test", "more")] == [
        before.dataset.files_of(split) for split in ("train", "test", "more")
    ]
    assert study.dataset.source("validation-train.csv").key == "dataset.validation"
    assert study.dataset.reading("validation") == before.dataset.reading("train") | {"format": "csv"}
    assert study.splits.files(study.runs.all) == ["<results>/data/splits/given.parquet"]
    assert not study.splits.differ
    assert study.splits.fractions == []
    files = study.inputs.training("Nano", 1)
    assert files["frame"] == "<results>/data/train_validation.parquet"
    assert files["tokens"][0] == "<results>/data/tokens/own/train_validation.ids.npy"
    assert study.encoders.pretraining_tokens("nano-read") == before.encoders.pretraining_tokens("nano-read")
    assert study.encoders.vocabulary_source("own") == before.encoders.vocabulary_source("own")
    assert {"<dataset>/validation-train.csv.json", "<results>/data/validation.npz"} <= set(study.targets.baselines)
    assert "validation part were read" in before.notes.pretrainings()[0]
    assert "validation part were read" not in study.notes.pretrainings()[0]


def test_training_without_a_validation_file_reads_what_it_read(read: Callable[..., Study]) -> None:
    """Its parameters and its inputs."""
    study = read()
    assert study.runs.training("Nano")["validation_fraction"] == 0.2
    assert study.inputs.training("Nano", 1)["frame"] == "<results>/data/train.parquet"
    assert study.inputs.training("Nano", 1)["tokens"][0] == "<results>/data/tokens/own/train.ids.npy"
    assert study.inputs.validation == {}


def test_validation_file_in_the_archive_of_the_others(read: Callable[..., Study]) -> None:
    """Is brought once."""
    archive = {"url": "https://example.org/all.zip"}
    dataset = {"name": "micro", **dict.fromkeys(("train", "test", "validation"), archive)}
    study = read(dataset=dataset, models=MICRO["models"][:1], encoders={"nano": MICRO["encoders"]["nano"]})
    assert list(study.dataset.published) == ["all.zip"]
    assert study.dataset.files_of("validation") == ["<dataset>/all.zip"]


def test_lengths_of_the_audit(read: Callable[..., Study]) -> None:
    """Each vocabulary is audited at the lengths of its rows and their trials."""
    searched = {"name": "Nano tuned", "encoder": "nano", "search": {"length": [8, 10]}}
    study = read(models=[*rows(length=12)[:2], searched])
    assert study.inputs.audited == [{"vocabulary": "own", "lengths": [8, 10, 12, 16]}]
    assert study.inputs.audited_offsets == [f"<results>/data/tokens/own/{s}.offsets.npy" for s in ("train", "test")]


def test_one_file_may_hold_both_splits(read: Callable[..., Study]) -> None:
    """A test split that is held out comes from the training file, which is downloaded once."""
    dataset = {key: value for key, value in MICRO["dataset"].items() if key != "test"}
    study = read(dataset=dataset, models=MICRO["models"][:1])
    assert list(study.dataset.published) == ["train.csv", "more.txt"]
    assert study.dataset.files_of("test") == study.dataset.files_of("train") == ["<dataset>/train.csv"]
    assert study.dataset.held_out == {"fraction": 0.2, "seed": 0}
    assert read().dataset.held_out is None


def test_two_files_of_one_name_are_refused(read: Callable[..., Study]) -> None:
    """When the study is read, in one sentence."""
    addresses = {name: {"url": f"https://example.org/{name}/x.csv"} for name in ("train", "test")}
    texts = {f"{name}-x": {"url": f"https://example.org/{name}/x.csv"} for name in "ab"}
    clash = {"unlabelled": texts | {"c": {"url": "https://example.org/test-x.csv"}}}
    with pytest.raises(StudyError, match="would both be kept as"):
        read(dataset={"name": "micro"} | addresses | clash)


# === Resources ===


def test_larger_trainings_get_more_memory_and_time(read: Callable[..., Study]) -> None:
    """By the size of the encoder, the batch and the length, of a search by its largest trial; retries get more time."""
    tiny = {"name": "Tiny", "encoder": "tiny"}
    searched = {"name": "Searched", "encoder": "nano", "search": {"batch_size": [8, 4096]}}
    resources = read(models=[*rows(batch_size=4096), tiny, searched]).resources
    memory = {model: resources.training_memory_mb(model) for model in ("Nano", "Nano-long", "Tiny", "Searched")}
    assert memory["Nano"] < memory["Tiny"]
    assert memory["Nano"] < memory["Nano-long"] == memory["Searched"]
    assert resources.training_minutes("Nano", 1) == 60
    assert resources.training_minutes("Nano", 2) == 120
    assert resources.training_minutes("Tiny", 1) > 60
    assert resources.training_minutes("Tiny", 1000) == 1440
    assert resources.pretraining_memory_mb("nano-read", 100) == resources.pretraining_memory_mb("nano-read", 0) + 300


@pytest.mark.parametrize(
    ("devices", "cores", "memory", "at_once"),
    [
        (0, 4, 10**12, 4),
        (0, 64, 10**12, 5),  # trainings of the study
        (0, 4, 4.5e9, 2),
        (0, 4, 10**6, 1),
        (1, 4, 10**12, 1),
        (2, 1, 10**6, 2),
    ],
)
def test_trainings_at_once(read: Callable[..., Study], devices: int, cores: int, memory: float, at_once: int) -> None:
    """As many as there are devices; on a CPU as there are cores and trainings and as fit into memory."""
    machine = Machine(cores, on_cluster=False, devices=devices)
    assert read().resources.trainings_at_once(machine, int(memory)) == at_once


@pytest.mark.parametrize(
    ("machine", "at_once", "training", "pretraining", "alone"),
    [
        (Machine(4, on_cluster=False, devices=0), 4, 1, 4, 4),
        (Machine(4, on_cluster=False, devices=0), 2, 2, 4, 4),
        (Machine(4, on_cluster=False, devices=1), 1, 4, 4, 4),
        (Machine(4, on_cluster=False, devices=2), 2, 2, 2, 4),
        (Machine(2, on_cluster=False, devices=0), 3, 1, 2, 2),
        (Machine(4, on_cluster=False, devices=0), 0, 4, 4, 4),
        (Machine(64, on_cluster=True, devices=0), 1, 4, 4, 4),
    ],
)
def test_cores_are_shared_out_among_the_trainings_at_once(
    machine: Machine, at_once: int, training: int, pretraining: int, alone: int
) -> None:
    """On a CPU no core is idle; what everything waits for, and what is timed, has all of them."""
    assert machine.training_threads(at_once) == training
    assert machine.pretraining_threads(at_once) == pretraining
    assert machine.all_threads == alone


@pytest.mark.parametrize(
    ("groups", "files", "limits"),
    [
        ("0::/\n", {"memory.max": "4000000\n"}, [4000000]),
        ("0::/a/b\n", {"a/memory.max": "5000000\n", "a/b/memory.max": "max\n"}, [5000000]),
        ("0::/a/b\n", {"a/memory.max": "5\n", "a/b/memory.max": "7\n"}, [7, 5]),
        # The host's path, seen from within a container.
        ("0::/../../docker/x\n", {"memory.max": "6000000\n"}, [6000000]),
        ("4:memory:/docker/x\n3:cpu,cpuacct:/y\n", {"memory/memory.limit_in_bytes": "7000000\n"}, [7000000]),
        ("3:cpu:/y\n", {"memory.max": "1\n"}, []),
        ("0::/\n", {}, []),
    ],
)
def test_memory_limits_of_a_container(tmp_path: Path, groups: str, files: dict[str, str], limits: list[int]) -> None:
    """Those of version 2 and 1 of control groups, the process's own and those around it."""
    (tmp_path / "cgroup").write_text(groups)
    for name, text in files.items():
        file = tmp_path / "fs" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    assert memory_limits(tmp_path / "cgroup", tmp_path / "fs") == limits


def test_no_control_groups_no_limit(tmp_path: Path) -> None:
    """Such as on other systems."""
    assert memory_limits(tmp_path / "absent", tmp_path) == []


# === Sentences ===


def test_what_nothing_reads_or_trains_is_told_at_the_start(read: Callable[..., Study]) -> None:
    """Texts without labels that were forgotten, and a head that reads what a pre-training left at random."""

    def told(**changes: Any) -> list[str]:
        return [sentence.split(" reads its")[0].split(":")[0] for sentence in read(**changes).notes.warnings]

    assert told() == []
    spare = MICRO["dataset"] | {"unlabelled": MICRO["dataset"]["unlabelled"] | {"spare": {"url": "more.csv"}}}
    assert told(dataset=spare) == ["dataset.unlabelled.spare"]
    words_only = MICRO["encoders"] | {"nano-read": {"pretrain": READ | {"bag_of_words": False}}}
    assert told(encoders=words_only) == ["“Nano long”"]
    assert told(encoders=words_only, models=rows(pooling="mean")) == []
    assert told(encoders=words_only, dataset=spare) == ["dataset.unlabelled.spare", "“Nano long”"]


def test_foot_of_the_table(read: Callable[..., Study]) -> None:
    """What pre-training means for the rows: what was read, from which start, and which positions were never seen."""
    pretrained, positions = read().notes.table
    assert pretrained.startswith("Pre-trained on the training texts and “more”, without labels")
    assert "“nano-read” from random weights (2 epochs)" in pretrained
    assert positions.startswith("“Nano long” reads up to 16 WordPieces of a text; its encoder")
    assert read(models=rows(length=12)).notes.table == [pretrained]
    assert read(models=MICRO["models"][:1]).notes.table == []


def test_kills_are_explained() -> None:
    """A job that was killed could not say so itself; one that failed with a sentence needs no other."""
    killed = "Command 'python /x/.snakemake/scripts/tmp1.train_model.py' died with <Signals.SIGKILL: 9>."
    aborted = "Command 'python /x/.snakemake/scripts/tmp2.tokenize_text.py' returned non-zero exit status 134."
    failed = "Command 'python /x/.snakemake/scripts/tmp3.build_npz.py' returned non-zero exit status 1."
    sentences = explain_kills([killed, failed, f"{aborted}\n{killed}"])
    assert list(sentences) == ["tokenize_text", "train_model"]
    assert all("was killed before it could say why" in sentence for sentence in sentences.values())
    assert explain_kills([failed]) == {}


def test_jobs_in_words(read: Callable[..., Study]) -> None:
    """A job that failed is known by its row's name, not its folder."""
    runs = read().runs
    assert runs.in_words("build_npz", {"split": "train"}) == "build_npz"
    assert runs.in_words("train_model", {"model": "Nano-long", "seed": "1"}) == "train_model of “Nano long”, seed 1"
    baseline = {"model": "tfidf_logistic_regression", "seed": "1"}
    assert "“TF-IDF + logistic regression”" in runs.in_words("train_baseline", baseline)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--report", "x.html"], True),
        (["--report=x.html"], True),
        (["--report-after-run", "--report", "x.html"], False),
        (["--cores", "2"], False),
    ],
)
def test_a_report_needs_results(read: Callable[..., Study], tmp_path: Path, arguments: list[str], told: bool) -> None:
    """Asked for before the run it is refused with what to do."""
    study = read()
    study.outputs = tmp_path
    page = tmp_path / "results" / study.name / "table.html"
    said = study.unmade_report(arguments)
    assert (said is not None) is told
    if said:
        assert f"{page} is not there: type the command without --report first." in said
    page.parent.mkdir(parents=True)
    page.write_text("")
    assert study.unmade_report(arguments) is None


@pytest.mark.parametrize(
    "asked",
    [
        "results/micro/label_curve.csv",
        "./results/micro/label_curve.html",
        "results/micro/label_curve_laws.csv",
        "results/micro/figures/label_curve.vl.json",
    ],
)
def test_a_curve_that_is_asked_for_needs_fractions(read: Callable[..., Study], asked: str) -> None:
    """Without any its files are refused with what to do, before any job; others of such a name are not."""
    study = read()
    study.outputs = Path()
    said = study.absent_curve(["--cores", "2", asked])
    assert said and said.startswith(f"{asked}: the study has no label curve; lay studies/label-curve.yaml over it")
    with_curve = read(label_curve={"fractions": [0.5, 1]})
    with_curve.outputs = Path()
    assert with_curve.absent_curve([asked]) is None
    assert study.absent_curve(["--configfile", "studies/label_curve.yaml", "results/other/label_curve.csv"]) is None


def test_results_are_shown_as_far_as_they_are_made(read: Callable[..., Study], tmp_path: Path) -> None:
    """The table and the summary of this study, from where its outputs lie."""
    study = read()
    assert study.results() == []
    (tmp_path / "results/micro").mkdir(parents=True)
    (tmp_path / "results/micro/table.txt").write_text("a table")
    assert study.results() == ["a table"]


# === The label curve ===


def test_label_curve_trains_named_rows_and_baselines_on_fractions(read: Callable[..., Study]) -> None:
    """Over the row's seeds, and over those of the study for a linear model; all labels are the runs of the table."""
    study = read(seeds=[1, 2], label_curve={"fractions": [1, 0.5, 0.1], "rows": ["Nano tuned"]}, baselines=["nb_svm"])
    runs = study.runs
    assert [(run.model, run.seed) for run in runs.partial] == [
        (f"{row}/labels-{fraction}", seed)
        for row in ("nb_svm", "Nano-tuned")
        for fraction in (0.1, 0.5)
        for seed in (1, 2)
    ]
    assert [run for run in runs.curve if run.fraction == 1] == [
        run for run in runs.all if run.model in ("nb_svm", "Nano-tuned")
    ]
    part = "Nano-tuned/labels-0.5"
    assert (runs.training(part), runs.encoder(part)) == (runs.training("Nano-tuned"), runs.encoder("Nano-tuned"))
    assert runs.in_words("train_model", {"model": part, "seed": "2"}) == (
        "train_model of “Nano tuned, 50 % of the labels”, seed 2"
    )
    folder = "<results>/data/splits/labels-0.5-seed-2"
    assert study.inputs.training(part, 2)["split"] == f"{folder}/0.2-seed-0.parquet"
    assert study.inputs.training(part, 2) | {"split": ""} == study.inputs.training("Nano-tuned", 2) | {"split": ""}
    made = {*study.targets.data, *study.targets.training, *study.targets.evaluation}
    assert f"{folder}/0.2-seed-0.parquet" in made
    assert "<results>/runs/nb_svm/labels-0.1/seed-2/evaluation.json" in made


def test_rows_of_the_table_are_those_without_a_label_curve(read: Callable[..., Study]) -> None:
    """Nothing of the study itself depends on the curve; without one there is none of its files."""
    plain, curve = read(), read(label_curve={"rows": ["Nano"]})
    assert (plain.runs.all, plain.runs.partial) == (curve.runs.all, [])
    assert plain.outline.rows == curve.outline.rows
    assert plain.targets.label_curve == []
    assert curve.targets.label_curve[0] == "<results>/label_curve.csv"


def test_fractions_share_splits_where_rows_are_validated_alike(read: Callable[..., Study]) -> None:
    """The same labels for every row; a row with a validation part of its own divides them itself."""
    models = rows(validation_fraction=0.3)
    study = read(
        models=models, label_curve={"fractions": [0.5, 1], "rows": ["Nano", "Nano long"]}, split_seed="per_run"
    )
    folder = "<results>/data/splits/labels-0.5-seed-1"
    assert study.splits.files(study.runs.partial) == [f"{folder}/0.2-seed-1.parquet", f"{folder}/0.3-seed-1.parquet"]
    assert study.splits.divisions["0.3-seed-1"] == {"fraction": 0.3, "seed": 1}


# === The report ===


def test_figures_of_a_study(read: Callable[..., Study]) -> None:
    """Searches, pre-trainings and a label curve are drawn where there are any."""
    assert list(read(label_curve={}).outline.figures) == list(FIGURES)
    plain = read(models=MICRO["models"][:1]).outline.figures
    assert FIGURES.keys() - plain.keys() == {"search", "pretraining", "label_curve"}


def test_timeline_names_each_job_that_is_drawn(read: Callable[..., Study]) -> None:
    """As many names as records, in their order."""
    study = read()
    outline = study.outline
    assert len(outline.timed) == len(outline.timed_names) == 1 + 3 + 2
    assert outline.timed_names[:2] == ["nano-read, pre-training", "Nano, training, seed 1"]
    assert outline.timed_names[-1] == f"Nano tuned, trial {study.runs.trials[-1].trial}, seed 1"
    assert outline.evaluations == [f"{run.name}, evaluation, seed 1" for run in study.runs.berts]


def test_a_study_of_baselines_alone(read: Callable[..., Study]) -> None:
    """It needs no row that is fine-tuned."""
    study = read(models=[], baselines=["nb_svm"], label_curve={})
    assert [run.model for run in study.runs.all] == ["nb_svm"]
    assert study.runs.berts == [] and len(study.runs.curve) > 1
    assert study.targets.evaluation and study.targets.encoders == []


def test_rows_of_the_table(read: Callable[..., Study]) -> None:
    """Baselines stand first and have no encoder."""
    found = read(models=rows(reference={"test_accuracy": 0.9})).outline.rows
    assert [row["path"] for row in found] == ["tfidf_logistic_regression", "Nano", "Nano-long", "Nano-tuned"]
    assert [row["encoder"] for row in found] == ["", "nano", "nano-read", "nano"]
    assert found[2]["reference"] == {"test_accuracy": 0.9}


def test_paths_that_python_opens_obey_the_outputs_folder(read: Callable[..., Study], tmp_path: Path) -> None:
    """Checkpoints and benchmarks lie beside the results."""
    study = read()
    assert study.checkpoints("runs", "Nano", "1") == str(tmp_path / "checkpoints/micro/runs/Nano/1")
    assert study.benchmarks("train_model", study.runs.berts[:1]) == [
        str(tmp_path / "benchmarks/micro/runs/Nano/seed-1/train_model.tsv")
    ]


def test_folder_below_resources_is_read_in_the_outputs_folder(read: Callable[..., Study], tmp_path: Path) -> None:
    """An encoder that only its folder knows is found there, and named without it, as rules name it."""
    folder = tmp_path / "resources/encoders/brought"
    folder.mkdir(parents=True)
    (folder / "encoder.json").write_text(json.dumps({"lower_case": False}))
    (folder / "encoder.weights.h5").touch()
    (folder / "vocab.txt").write_text("[PAD]\n")
    study = read(models=[{"name": "Brought", "encoder": "brought"}])
    [vocabulary] = [name for name in study.encoders.vocabularies if name.startswith("vocab-")]
    assert study.encoders.vocabulary_source(vocabulary) == {"file": "resources/encoders/brought/vocab.txt"}
    assert not study.encoders.lower_case("brought")
    assert "brought" not in study.encoders.to_fetch


def test_another_pooling_than_the_publishers_is_warned_of(read: Callable[..., Study]) -> None:
    """An encoder that was made for the mean, or for [CLS], and a row that reads something else."""

    def warnings(**changes: Any) -> list[str]:
        return read(models=[{"name": "E5", "encoder": "e5-small"} | changes]).notes.other_poolings()

    assert warnings() == [
        "“E5”: e5-small-v2 was made to be read by the mean of the last hidden states; let the row have pooling: mean."
    ]
    assert warnings(pooling="mean") == []
    assert warnings(encoder="tiny") == []
    assert warnings(encoder="bge-small") == []
    assert warnings(encoder="bge-small", pooling="mean") == [
        "“E5”: bge-small-en-v1.5 was made to be read by [CLS]; let the row have pooling: pooler."
    ]
    assert warnings(search={"pooling": ["pooler", "mean"]}) == []


def test_a_prefix_that_nothing_adds_is_told_once_an_encoder(read: Callable[..., Study]) -> None:
    """E5 knows texts behind "query: "; BGE's prefix is one of queries of a search and concerns no row."""
    encoders = {"E5": "e5-small", "E5 again": "e5-small", "BGE": "bge-small", "Tiny": "tiny"}
    study = read(models=[{"name": name, "encoder": encoder} for name, encoder in encoders.items()])
    told = [
        "e5-small-v2 was trained with “query: ” before every text, which nothing adds here: fine-tuning works without "
        "it, or write it before each text of the data files."
    ]
    assert study.notes.missing_prefixes() == told
    assert set(told) <= set(study.notes.warnings)
    prefixes = {name: entry.get("prefix") for name, entry in CATALOG["encoders"].items() if "prefix" in entry}
    assert prefixes == dict.fromkeys(["e5-small-v2", "e5-base-v2", "e5-large-v2"], "query: ")
    assert CATALOG["encoders"]["bge-small-en-v1.5"]["query_prefix"].startswith("Represent this sentence")


def test_every_encoder_of_the_catalogue_can_be_asked_for(read: Callable[..., Study]) -> None:
    """By its path, whether or not a row takes it, and with sizes that memory is reckoned from."""
    encoders = read().encoders
    for name in CATALOG["encoders"]:
        has_case = encoders.fetched[name]["family"] in ("bert", "distilbert", "electra")
        assert isinstance(encoders.fetched_lower_case(name), bool) == has_case
    large = read(models=[{"name": "GTE", "encoder": "gte-large"}])
    assert large.encoders.size("gte-large") == {
        "layers": 24,
        "hidden": 1024,
        "heads": 16,
        "parameters": 335141888,
        "positions": 512,
    }


def test_rows_read_the_head_of_their_family(read: Callable[..., Study]) -> None:
    """BERT's is its pooler, by that name; what a family does not have is refused before anything is fetched."""
    rows = [{"name": name, "encoder": name} for name in ("roberta", "distilbert", "base")]
    study = read(models=rows)
    assert [row["training"]["pooling"] for row in study.runs.rows.values()] == ["native", "native", "pooler"]
    assert study.encoders.vocabulary_file("roberta-base") == "resources/encoders/roberta-base/tokenizer.json"
    assert [name for name in study.inputs.exported if name.startswith("encoders/")] == ["encoders/bert_base_uncased"]
    for change, told in (
        ({"pooling": "pooler"}, r"pooling: found 'pooler', and RoBERTa has none; allowed are native"),
        ({"length": 514}, r"length: found 514; the encoder 'roberta-base' has 512 positions"),
    ):
        with pytest.raises(StudyError, match=told):
            read(models=[rows[0] | change])


@pytest.mark.parametrize(
    ("family", "source", "positions"),
    [
        ({"family": "roberta"}, "huggingface", 512),
        ({"family": "distilbert"}, "huggingface", 514),
        ({}, "huggingface", 514),
        ({}, "folder", 64),
    ],
)
def test_positions_of_an_encoder_s_folder_are_known(
    read: Callable[..., Study], tmp_path: Path, family: dict[str, str], source: str, positions: int
) -> None:
    """A length beyond them is refused before anything is fetched; where they cannot be read, by the training."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/config.json").write_text('{"max_position_embeddings": 514}')
    (tmp_path / "mine/encoder.json").write_text('{"architecture": {"max_sequence_length": 64}}')

    def row(length: int, *others: dict[str, str]) -> Study:
        sources = [{source: str(tmp_path / "mine")}, *others]
        models = [{"name": "Mine", "encoder": "mine", "length": length}]
        return read(encoders={"mine": family | {"sources": sources}}, models=models)

    row(positions)
    with pytest.raises(StudyError, match=rf"length: found {positions + 1}; the encoder 'mine' has {positions} positi"):
        row(positions + 1)
    row(positions + 1, {"huggingface": "owner/name"})
    for broken in ("", "[]", '{"max_position_embeddings": null, "architecture": 1}'):
        for name in ("config", "encoder"):
            (tmp_path / f"mine/{name}.json").write_text(broken)
        row(positions + 1)


@pytest.mark.parametrize(
    ("start", "told"),
    [
        ({"from": "distilbert", "bag_of_words": True}, r"bag_of_words: it trains a pooler, and DistilBERT has none"),
        ({"from": "electra-small"}, r"'electra-small-discriminator' is of ELECTRA, which was not pre-trained by"),
    ],
)
def test_pre_training_that_a_family_does_not_have_is_refused(
    read: Callable[..., Study], start: dict[str, Any], told: str
) -> None:
    """A pooler's tasks without a pooler, and masked tokens where the family was trained otherwise."""
    with pytest.raises(StudyError, match=told):
        read(encoders={"mine": {"pretrain": start}}, models=[{"name": "Mine", "encoder": "mine"}])
