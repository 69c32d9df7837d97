"""Reading a study: what is refused, in which words, and what a resolved study holds."""

import re
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from snakemake.utils import update_config

from bert_ladder.study.catalog import load_catalog
from bert_ladder.study.dataset import published_files
from bert_ladder.study.locations import safe_name
from bert_ladder.study.resolution import resolve_study
from bert_ladder.study.rows import row_settings
from bert_ladder.study.schema import StudyError, check_unique_keys, with_defaults
from damage import damaged

PROJECT = Path(__file__).parents[3]
SCHEMA, ENCODERS_SCHEMA = (
    yaml.safe_load((PROJECT / f"schemas/{name}.schema.yaml").read_text()) for name in ("config", "encoders")
)
SCHEMA["$defs"] |= ENCODERS_SCHEMA["$defs"]
CATALOG = load_catalog(PROJECT / "catalog/encoders.yaml", ENCODERS_SCHEMA)

STUDY = {
    "study": "small",
    "dataset": {"name": "reviews", "train": {"url": "https://example.org/train.csv"}},
    "vocabularies": {"own": {"size": 500}},
    "encoders": {"nano": {"scratch": {"layers": 1, "hidden": 32}, "vocabulary": "own"}},
    "models": [{"name": "Nano", "encoder": "nano"}],
}


def changed(path: str, value: object) -> dict:
    """STUDY with the value at a dotted path replaced, or added."""
    study = deepcopy(STUDY)
    *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    place = study
    for part in parents:
        place = place.setdefault(part, {}) if isinstance(place, dict) else place[part]
    if isinstance(place, list):
        place.insert(last, value)
    else:
        place[last] = value
    return study


def without(path: str) -> dict:
    """STUDY with the key at a dotted path removed."""
    study = deepcopy(STUDY)
    *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    place = study
    for part in parents:
        place = place[part]
    del place[last]
    return study


BAD_STUDIES = {
    "choice of no row": (
        changed("choose", "Tiny"),
        r"choose: found 'Tiny'; allowed are accuracy, cost and the name of a row",
    ),
    "threshold in a word": (
        changed("decision", {"threshold": "f2"}),
        r"decision\.threshold: found 'f2'; allowed are f1",
    ),
    "threshold for two ends": (
        changed("decision", {"threshold": {"recall": 0.9, "precision": 0.9}}),
        r"decision\.threshold: found .*; allowed is exactly one of costs, precision, recall",
    ),
    "threshold for a missing cost": (
        changed("decision", {"threshold": {"costs": {"false_positive": 1}}}),
        r"decision\.threshold\.costs: the key 'false_negative' is missing",
    ),
    "errors in percent": (
        changed("decision", {"most_errors": 2}),
        r"decision\.most_errors: found 2; allowed is less than 1",
    ),
    "no study name": (without("study"), "the study: the key 'study' is missing"),
    "no models": (without("models"), "the key 'models' is missing"),
    "no data set": (without("dataset"), "the key 'dataset' is missing"),
    "no training split": (without("dataset.train"), "dataset: the key 'train' is missing"),
    "no url": (
        changed("dataset.train", {"sha256": "0" * 64}),
        "dataset.train: found .*; allowed is exactly one of 'url' or 'parts'",
    ),
    "yes as a column": (changed("dataset.label", True), "dataset.label: found True .*YAML reads yes, no, on and off"),
    "number as a column": (changed("dataset.label", 7), "dataset.label: found 7 .*write it in quotes"),
    "unknown key at the top": (changed("model", []), "unknown key 'model'; allowed are .* did you mean 'models'?"),
    "unknown training key": (changed("training.epoch", 3), "training: unknown key 'epoch'; .* did you mean 'epochs'?"),
    "unknown key in a row": (
        changed("models.0.learningrate", 1e-3),
        r"models\[0\] \(row 'Nano'\): unknown key 'learningrate'; .* did you mean 'learning_rate'?",
    ),
    "key of the data set in a split": (
        changed("dataset.train.label", "y"),
        r"dataset.train: unknown key 'label'; .*; it is a key of dataset, indented less\.",
    ),
    "path without a key": (
        changed("dataset.train", "my.csv"),
        r"dataset.train: found 'my.csv' \(write \{url: my.csv\}\); allowed is object",
    ),
    "unknown data set key": (changed("dataset.labels", "y"), "dataset: unknown key 'labels'; .* did you mean 'label'?"),
    "unknown key, nothing near": (changed("dataset.zzz", 1), "dataset: unknown key 'zzz'; allowed are [^;]*$"),
    "epochs as text": (changed("training.epochs", "three"), "training.epochs: found 'three'; allowed is integer"),
    "epochs as a float": (changed("training.epochs", 1.5), "training.epochs: found 1.5; allowed is integer"),
    "epochs as a boolean": (changed("training.epochs", True), "training.epochs: found True; allowed is integer"),
    "no epochs": (changed("training.epochs", 0), "training.epochs: found 0; allowed is at least 1"),
    "learning rate that YAML reads as text": (
        changed("training.learning_rate", "3e-5"),
        r"training.learning_rate: found '3e-5' \(YAML reads it as text: write 3.0e-5\); allowed is number",
    ),
    "search over a key that does not exist": (
        changed("models.0.search", {"learnin_rate": [1e-3]}),
        r"models\[0\] \(row 'Nano'\).search: unknown key 'learnin_rate'; .* did you mean 'learning_rate'?",
    ),
    "search over an empty list": (changed("models.0.search", {"epochs": []}), "search.epochs: the list is empty"),
    "search value that is not allowed": (
        changed("models.0.search", {"epochs": [1, 0]}),
        r"models\[0\] \(row 'Nano'\).search.epochs: found 0; allowed is at least 1",
    ),
    "search value that YAML reads as text": (
        changed("models.0.search", {"learning_rate": ["3e-5"]}),
        r"search.learning_rate: found '3e-5' \(YAML reads it as text: write 3.0e-5\)",
    ),
    **{
        f"halving {name}": (changed("models.0.search", {"epochs": [1, 2, 3]} | search), sentence)
        for name, search, sentence in (
            ("by one", {"halving": {"factor": 1, "smallest": 0.1}}, "found 1; allowed is at least 2"),
            ("by a half", {"halving": {"factor": 2.5, "smallest": 0.1}}, "halving.factor .* allowed is integer"),
            ("from nothing", {"halving": {"factor": 2, "smallest": 0}}, "found 0; allowed is more than 0"),
            ("from the whole", {"halving": {"factor": 2, "smallest": 1}}, "found 1; allowed is less than 1"),
            ("without a budget", {"halving": {"factor": 2}}, "halving .*: the key 'smallest' is missing"),
            ("with another key", {"halving": {"factr": 2}}, "unknown key 'factr'; .* did you mean 'factor'?"),
            ("as a word", {"halving": True}, "search.halving .*: found True; allowed is object"),
            ("of one", {"epochs": [1], "halving": {"factor": 2, "smallest": 0.1}}, "halving: the search has one trial"),
            ("of few", {"halving": {"factor": 4, "smallest": 0.1}}, "halving.factor: found 4, and the search has 3"),
        )
    },
    "search by a measure that there is not": (
        changed("models.0.search", {"epochs": [1], "metric": "f2"}),
        r"search.metric \(row 'Nano'\): found 'f2'; allowed are accuracy, f1, loss",
    ),
    "key both set and searched": (
        changed("models.0", {"name": "Both", "encoder": "nano", "epochs": 2, "search": {"epochs": [1, 2]}}),
        r"\(row 'Both'\).search.epochs: the row sets epochs itself too; remove one of the two",
    ),
    "trial too long for its encoder": (
        changed("models.0.search", {"length": [128, 1024]}),
        "length: found 1024; the encoder 'nano' has 512 positions",
    ),
    "two clippings in a trial": (
        changed("models.0.search", {"global_clipnorm": [None, 1.0]}),
        "clipnorm 1.0 and global_clipnorm 1.0 are both",
    ),
    "comparison by a metric that there is not": (
        changed("comparison.metric", "f11"),
        "comparison.metric: found 'f11'; allowed are accuracy, f1; did you mean 'f1'",
    ),
    "spread asked of one seed": (
        changed("comparison.over", "seeds"),
        "comparison.over: found 'seeds', but the row 'Nano' has the one seed 1, which shows no spread; give two",
    ),
    "row without a seed": (
        changed("models.0.seeds", []),
        r"seeds \(row 'Nano'\): found \[\]; allowed is at least 1 item",
    ),
    "split seed in other words": (changed("split_seed", "each"), "split_seed: found 'each'"),
    "no patience": (changed("training.patience", 0), "training.patience: found 0; allowed is at least 1"),
    "negative learning rate": (changed("training.learning_rate", -0.1), "found -0.1; allowed is more than 0"),
    "zero learning rate": (changed("training.learning_rate", 0), "training.learning_rate: found 0; .* more than 0"),
    "learning rate not a number": (changed("training.learning_rate", float("nan")), "found nan; a finite number"),
    "infinite epsilon": (changed("training.epsilon", float("inf")), "training.epsilon: found inf; a finite number"),
    "unknown optimizer": (
        changed("training.optimizer", "adamm"),
        "training.optimizer: found 'adamm'; allowed are adam, adamw, adamax, sgd; did you mean 'adam'?",
    ),
    "unknown precision": (changed("training.precision", "float16"), "found 'float16'; allowed are float32, mixed_bf"),
    "unknown truncation": (changed("training.truncation", "middle"), "found 'middle'; allowed are head, tail, head"),
    "unknown schedule": (changed("training.schedule", "cosin"), "did you mean 'cosine'?"),
    "all texts for validation": (changed("training.validation_fraction", 1.0), "found 1.0; allowed is less than 1"),
    "no text for validation": (changed("training.validation_fraction", 0.0), "found 0.0; allowed is more than 0"),
    "dropout of one": (changed("training.dropout", 1), "training.dropout: found 1; allowed is less than 1"),
    "length without room for a WordPiece": (changed("training.length", 2), "found 2; allowed is at least 3"),
    "length beyond the positions": (
        changed("training.length", 1000),
        r"\(row 'Nano'\).length: found 1000; the encoder 'nano' has 512 positions",
    ),
    "batch size zero": (changed("training.batch_size", 0), "training.batch_size: found 0; allowed is at least 1"),
    "two clip norms": (
        changed("training.global_clipnorm", 1.0),
        r"\(row 'Nano'\): clipnorm 1.0 and global_clipnorm 1.0 are both set; set one of them to null",
    ),
    "momentum without sgd": (changed("training.momentum", 0.9), "momentum is for sgd only; found optimizer 'adam'"),
    "seeds as a number": (changed("seeds", 3), "seeds: found 3; allowed is array"),
    "no seeds": (changed("seeds", []), r"seeds: found \[\]; allowed is at least 1 item"),
    "a seed twice": (changed("seeds", [1, 2, 1]), "seeds: 1 is named twice"),
    "a negative seed": (changed("seeds", [-1]), r"seeds\[0\]: found -1; allowed is at least 0"),
    "no rows": (changed("models", []), r"models: found \[\]; allowed is at least 1 item, or none beside"),
    "rows as a mapping": (changed("models", {"Nano": "nano"}), "models: found .* allowed is array"),
    "a row without an encoder": (without("models.0.encoder"), r"\(row 'Nano'\): the key 'encoder' is missing"),
    "a row without a name": (without("models.0.name"), r"models\[0\] .*: the key 'name' is missing"),
    "an empty row name": (changed("models.0.name", " "), "found ' '; allowed is what matches"),
    "a row name without a letter": (changed("models.0.name", "…"), "the name '…' holds no Latin letter or digit"),
    "a row name twice": (
        changed("models.1", {"name": "Nano", "encoder": "nano"}),
        r"the names 'Nano' and 'Nano' would share one folder",
    ),
    "row names that differ in case": (changed("models.1", {"name": "NANO", "encoder": "nano"}), "'Nano' and 'NANO'"),
    "row names that collide as paths": (
        changed("models", [{"name": "a b", "encoder": "nano"}, {"name": "a/b", "encoder": "nano"}]),
        r"the names 'a b' and 'a/b' would share one folder \(a-b\)",
    ),
    "a row named like a baseline": (changed("models.0.name", "NB_SVM"), "'NB_SVM' is that of a baseline"),
    "an unknown encoder": (
        changed("models.0.encoder", "nanno"),
        "'nanno' is neither an entry of `encoders` .* did you mean 'nano'?",
    ),
    "an encoder name that climbs": (changed("models.0.encoder", "../x"), "found '../x'; allowed is what matches"),
    "a study name that climbs": (changed("study", "../x"), "study: found '../x'; allowed is what matches"),
    "an unknown vocabulary": (
        changed("encoders.nano.vocabulary", "owm"),
        "encoders.nano.vocabulary: found 'owm'; allowed are the entries of `vocabularies`: own; did you mean 'own'?",
    ),
    "an encoder of two kinds": (
        changed("encoders.nano.folder", "."),
        "encoders.nano: found .* exactly one of 'scratch' with 'vocabulary' or 'folder' or 'sources' or 'pretrain'",
    ),
    "heads that do not divide the hidden size": (
        changed("encoders.nano.scratch.heads", 3),
        "encoders.nano.scratch: hidden 32 is no multiple of heads 3",
    ),
    "a pre-training from nowhere": (
        changed("encoders.more", {"pretrain": {"from": "nanno"}}),
        r"encoders.more.pretrain.from: 'nanno' is neither an entry of `encoders` \(more, nano\).* did you mean 'nano'?",
    ),
    "a pre-training from itself": (
        changed("encoders.more", {"pretrain": {"from": "more"}}),
        "encoders.more.pretrain.from: more starts from more; start one of them from another encoder",
    ),
    "pre-trainings in a circle": (
        changed("encoders", {"a": {"pretrain": {"from": "b"}}, "b": {"pretrain": {"from": "a"}}}),
        "encoders.a.pretrain.from: a starts from b starts from a; start one of them from another encoder",
    ),
    "pre-training on text that is not there": (
        changed("encoders.more", {"pretrain": {"from": "nano", "text": ["unsup"]}}),
        "encoders.more.pretrain.text: found 'unsup'; allowed are the entries of `dataset.unlabelled`: none yet",
    ),
    "pre-training of longer sequences than there are positions": (
        changed("encoders.more", {"pretrain": {"from": "tiny", "length": 600}}),
        "encoders.more.pretrain.length: found 600; the encoder 'bert_uncased_L-2_H-128_A-2' has 512 positions",
    ),
    "a pre-training with two limits of the gradients": (
        changed("encoders.more", {"pretrain": {"from": "nano", "clipnorm": 1.0}}),
        "encoders.more.pretrain: clipnorm 1.0 and global_clipnorm 1.0 are both set; set one of them to null",
    ),
    "two segments in six WordPieces": (
        changed("encoders.more", {"pretrain": {"from": "nano", "next_sentence": True, "length": 6}}),
        r"encoders.more.pretrain.length: found 6; two segments \(next_sentence\) take 7 or more",
    ),
    "a pre-training with momentum and without sgd": (
        changed("encoders.more", {"pretrain": {"from": "nano", "momentum": 0.9}}),
        "encoders.more.pretrain: momentum is for sgd only; found optimizer 'adamw'",
    ),
    "a pre-trained encoder with a vocabulary of its own": (
        changed("encoders.more", {"pretrain": {"from": "nano"}, "vocabulary": "own"}),
        "encoders.more.vocabulary: a pre-trained encoder has that of the one it starts from; remove it",
    ),
    "a start without a vocabulary": (
        changed("encoders.more", {"pretrain": {"from": {"scratch": {"layers": 1, "hidden": 32}}}}),
        "encoders.more.pretrain.from: the key 'vocabulary' is missing",
    ),
    "a start whose vocabulary is not there": (
        changed("encoders.more.pretrain.from", {"scratch": {"layers": 1, "hidden": 32}, "vocabulary": "onw"}),
        "encoders.more.pretrain.from.vocabulary: found 'onw'; .* did you mean 'own'?",
    ),
    "unlabelled texts with the name of a split": (
        changed("dataset.unlabelled.Test", {"url": "http://h/a.txt"}),
        "dataset.unlabelled: the name 'Test' is that of a split; choose another",
    ),
    "unlabelled texts that are not there": (
        changed("dataset.unlabelled.more", {"url": "missing.txt"}),
        "dataset.unlabelled.more.url: there is no file or folder 'missing.txt'",
    ),
    "a vocabulary of a file and of text": (
        changed("vocabularies.given", {"file": "README.md", "text": ["more"]})
        | {"dataset": STUDY["dataset"] | {"unlabelled": {"more": {"url": "http://h/a.txt"}}}},
        "vocabularies.given: a vocabulary from a file is not learned; remove the key 'text'",
    ),
    "an encoder without layers": (changed("encoders.nano.scratch.layers", 0), "found 0; allowed is at least 1"),
    "a folder that is not there": (
        changed("encoders.nano", {"folder": "nowhere"}),
        "encoders.nano.folder: there is no file or folder 'nowhere'",
    ),
    "a folder that is no encoder": (
        changed("encoders.nano", {"folder": "schemas"}),
        "schemas lacks encoder.json, encoder.weights.h5, vocab.txt; it is no encoder",
    ),
    "a vocabulary of two kinds": (
        changed("vocabularies.own.file", "x"),
        "vocabularies.own: found .* exactly one of 'size' or 'file'",
    ),
    "a vocabulary file that is not there": (
        changed("vocabularies.own", {"file": "vocab.txt"}),
        "vocabularies.own.file: there is no file or folder 'vocab.txt'",
    ),
    "a vocabulary too small": (changed("vocabularies.own.size", 5), "found 5; allowed is at least 50"),
    "a data file that is not there": (
        changed("dataset.train.url", "reviews.csv"),
        "dataset.train.url: there is no file or folder 'reviews.csv'",
    ),
    "a checksum too short": (changed("dataset.train.sha256", "abc"), "dataset.train.sha256: found 'abc'; allowed is"),
    "an unknown format": (changed("dataset.train.format", "xls"), "found 'xls'; allowed are csv, tsv, json"),
    "an unknown baseline": (
        changed("baselines", ["nb_svn"]),
        r"baselines\[0\]: found 'nb_svn'; .* did you mean 'nb_svm'",
    ),
    "an encoder of a folder with a vocabulary": (
        changed("encoders.nano", {"folder": "schemas", "vocabulary": "own"}),
        "encoders.nano: an encoder from a folder has its own vocabulary; remove",
    ),
    "an address that is no download": (
        changed("dataset.train.url", "s3://bucket/train.csv"),
        "dataset.train.url: found 's3://bucket/train.csv'; allowed is a path, file://, http:// or https://",
    ),
    "an address that is none": (
        changed("dataset.train.url", "https://[example.org/train.csv"),
        r"dataset.train.url: found 'https://\[example.org/train.csv', which is no address \(Invalid IPv6 URL\)",
    ),
    "a file address that is not there": (changed("dataset.train.url", "file:///nowhere/x.csv"), "'/nowhere/x.csv' in"),
    "a path that Snakemake would read as a pattern": (
        changed("dataset.train.url", "a{b}.csv"),
        "cannot be used, rename",
    ),
    "a validation file and a share to draw": (
        changed("dataset.validation", {"url": "v.csv"}) | {"training": {"validation_fraction": 0.1}},
        "training.validation_fraction: the validation texts are a file of their own .* remove one of the two",
    ),
    "a validation file and a share to draw in a row": (
        changed("models.0", {"name": "Own", "encoder": "nano", "validation_fraction": 0.1})
        | {"dataset": STUDY["dataset"] | {"validation": {"url": "v.csv"}}},
        r"models\[0\] \(row 'Own'\).validation_fraction: the validation texts are a file of their own",
    ),
    "a validation file and a part for each seed": (
        changed("dataset.validation", {"url": "v.csv"}) | {"split_seed": "per_run"},
        "split_seed: per_run: the validation texts are a file of their own",
    ),
    "a validation file that is not there": (
        changed("dataset.validation", {"url": "v.csv"}),
        "dataset.validation.url: there is no file or folder 'v.csv'",
    ),
    "unlabelled texts called as a split": (
        changed("dataset.unlabelled", {"Validation": {"url": "https://example.org/v.txt"}}),
        "dataset.unlabelled: the name 'Validation' is that of a split",
    ),
    "weights in a word that there is not": (
        changed("training.class_weight", "balance"),
        "training.class_weight: found 'balance'; allowed is what matches .balanced",
    ),
    "a class without weight": (
        changed("models.0", {"name": "W", "encoder": "nano", "class_weight": {"a": 0}}),
        r"models\[0\].class_weight.a \(row 'W'\): found 0; allowed is more than 0",
    ),
    "no class weighted": (changed("training.class_weight", {}), "training.class_weight: "),
    "a label weighted twice": (
        changed("training.class_weight", {1: 2, "one": 3})
        | {"dataset": STUDY["dataset"] | {"label_names": {1: "one"}}},
        "training.class_weight: the label '1' is weighted twice; keep one of the two",
    ),
    "weights drawn from a range": (
        changed("models.0.search", {"class_weight": {"low": 1, "high": 2}, "trials": 3}),
        "search.class_weight: found a range, but class_weight is no number; give a list",
    ),
    "a baseline of no kind": (
        changed("baselines", [{"name": "x"}]),
        r"baselines\[0\]: found {'name': 'x'}; allowed is exactly one of 'baseline' or 'frozen'",
    ),
    "a baseline of two kinds": (
        changed("baselines", [{"baseline": "nb_svm", "frozen": {"encoder": "tiny"}}]),
        r"baselines\[0\]: found .*; allowed is exactly one of 'baseline' or 'frozen'",
    ),
    "a frozen encoder that there is not": (
        changed("baselines", [{"frozen": {"encoder": "tiney"}}]),
        r"baselines \('tiney, frozen'\).frozen.encoder: 'tiney' is neither an entry of `encoders` .* mean 'tiny'",
    ),
    "a frozen encoder without a name": (
        changed("baselines", [{"frozen": {"pooling": "mean"}}]),
        r"baselines\[0\].frozen: the key 'encoder' is missing",
    ),
    "a misspelt pooling of a frozen encoder": (
        changed("baselines", [{"frozen": {"encoder": "tiny", "pooling": "means"}}]),
        r"baselines\[0\].frozen.pooling: found 'means'; allowed are pooler, mean; did you mean 'mean'",
    ),
    "the pooler of a frozen family without one": (
        changed("baselines", [{"frozen": {"encoder": "modernbert", "pooling": "pooler"}}]),
        r"baselines \('modernbert, frozen'\).frozen.pooling: found 'pooler', and ModernBERT has none; write mean",
    ),
    "a misspelt key of a frozen encoder": (
        changed("baselines", [{"frozen": {"encoder": "tiny", "poling": "mean"}}]),
        r"baselines\[0\].frozen: unknown key 'poling'; allowed are .* did you mean 'pooling'",
    ),
    "a misspelt kind of baseline": (
        changed("baselines", [{"frozn": {"encoder": "tiny"}}]),
        r"baselines\[0\]: unknown key 'frozn'; allowed are .* did you mean 'frozen'",
    ),
    "one frozen encoder twice": (
        changed("baselines", [{"frozen": {"encoder": "tiny", "pooling": p}} for p in ("mean", "pooler")]),
        r"baselines: two share the name 'tiny, frozen'; give one of them another \(`name`\)",
    ),
    "a text beyond a frozen encoder's positions": (
        changed("encoders.own", {"vocabulary": "own", "scratch": {"layers": 1, "hidden": 32, "positions": 32}})
        | {"baselines": [{"frozen": {"encoder": "own", "length": 64}}]},
        r"baselines \('own, frozen'\).frozen.length: found 64; the encoder 'own' has 32 positions",
    ),
    "a frozen encoder chosen by another name": (
        changed("choose", "tiny frozen") | {"baselines": [{"frozen": {"encoder": "tiny"}}]},
        r"choose: found 'tiny frozen'; .* did you mean 'tiny, frozen'",
    ),
    "two baselines of one name": (
        changed("baselines", ["nb_svm", {"baseline": "nb_svm", "class_weight": "balanced"}]),
        r"baselines: two share the name 'NB-SVM'; give one of them another \(`name`\)",
    ),
    "a baseline called as another kind": (
        changed("baselines", [{"baseline": "tfidf_logistic_regression", "name": "NB-SVM"}]),
        "baselines: the name 'NB-SVM' is that of a kind of baseline",
    ),
    "a row called as a baseline": (
        changed("models.0.name", "Plain") | {"baselines": [{"baseline": "nb_svm", "name": "plain"}]},
        "models: the name 'Plain' is that of a baseline",
    ),
    "a label curve of a row that there is not": (
        changed("label_curve", {"rows": ["nano"]}),
        r"label_curve\.rows: found 'nano'; allowed are .*; did you mean 'Nano'",
    ),
    "a label curve of no row": (changed("label_curve", {}) | {"baselines": []}, r"label_curve\.rows: names no row"),
    "a fraction above one": (
        changed("label_curve", {"fractions": [0.5, 1.5]}),
        r"label_curve\.fractions\[1\]: found 1\.5; allowed is at most 1",
    ),
    "a fraction of nothing": (
        changed("label_curve", {"fractions": [0, 1]}),
        r"label_curve\.fractions\[0\]: found 0; allowed is more than 0",
    ),
    "a fraction twice": (
        changed("label_curve", {"fractions": [0.5, 1, 1.0]}),
        r"label_curve\.fractions: 1 is named twice; name it once",
    ),
    "a label curve of one point": (
        changed("label_curve", {"fractions": [0.5]}),
        r"label_curve\.fractions: found \[0\.5\]; allowed is at least 2 items",
    ),
    "a reference above one": (changed("models.0.reference", {"f1": 83.0}), "found 83.0; allowed is at most 1"),
}


@pytest.mark.parametrize(("study", "sentence"), BAD_STUDIES.values(), ids=BAD_STUDIES.keys())
def test_bad_study_is_refused_in_one_sentence(study: dict, sentence: str) -> None:
    """A study that cannot run names the key, what was found and what is allowed, in one line."""
    with pytest.raises(StudyError, match=sentence) as refused:
        resolve_study(study, SCHEMA, CATALOG, [PROJECT])
    assert "\n" not in str(refused.value)


def read_study(file: Path) -> dict:
    """Read a study's file as the workflow does."""
    check_unique_keys(file)
    return resolve_study(yaml.safe_load(file.read_text(encoding="utf-8")), SCHEMA, CATALOG, [PROJECT])


def read_catalog(file: Path) -> dict:
    """Read a catalogue of encoders as the workflow does."""
    return load_catalog(file, ENCODERS_SCHEMA)


SMALL_CATALOG = {name: dict(list(CATALOG[name].items())[:1]) for name in ("vocabularies", "encoders")}


@pytest.mark.parametrize(("read", "content"), [(read_study, STUDY), (read_catalog, SMALL_CATALOG)])
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_yaml_is_read_or_refused_in_one_sentence(
    tmp_path: Path, read: Callable[[Path], dict], content: dict, data: st.DataObject
) -> None:
    """Whatever happened to a file, it never ends in another error."""
    file = tmp_path / "study.yaml"
    file.write_bytes(data.draw(damaged(yaml.safe_dump(content).encode())))
    try:
        read(file)
    except StudyError as error:
        assert "\n" not in str(error)


NAMES = st.one_of(st.text(st.sampled_from("./\\~ \n\t\0{}%:$-_aB9\u00e9\u2026"), max_size=8), st.text(max_size=20))

PLACES = ["study", "dataset.name", "models", "encoders", "vocabularies", "dataset.train.url"]


@settings(max_examples=300, deadline=None)
@example(name="a\n", place="study")
@example(name="..", place="dataset.name")
@example(name="../../up", place="models")
@example(name="a/../../..", place="dataset.train.url")
@given(name=NAMES, place=st.sampled_from(PLACES))
def test_no_name_climbs_out_of_its_folder(name: str, place: str) -> None:
    """Whatever a study, data set, row, encoder, vocabulary or file is called, it is a plain part of a path."""
    new = {
        "models": [{"name": name, "encoder": "nano"}],
        "encoders": STUDY["encoders"] | {name: STUDY["encoders"]["nano"]},
        "vocabularies": STUDY["vocabularies"] | {name: {"size": 500}},
        "dataset.train.url": f"https://example.org/{name}",
    }
    study = changed(place, new.get(place, name))
    try:
        resolved = resolve_study(study, SCHEMA, CATALOG, [PROJECT])
    except StudyError:
        return
    parts = [resolved["study"], resolved["dataset"]["name"], *resolved["encoders"], *resolved["vocabularies"]]
    parts += [*published_files(resolved["dataset"]), *(row["path"] for row in resolved["models"])]
    for part in parts:
        assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", part), part


ALIASES = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 12)
)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (ALIASES, r"study\.yaml: has more than 100,000 values when its aliases"),
        ("a: &a [*a]\n", r"study\.yaml: has more than 100,000 values when its aliases"),
        ("a: " + "[" * 3000, r"study\.yaml: is no YAML"),
        ("study: a\ndataset: {name\n", r"study\.yaml, line 3: is no YAML"),
        ("a: 2020-13-45\n", r"study\.yaml: is no YAML \(month must be"),
        ("? [1, 2]\n: 3\n", r"study\.yaml, line 1: is no YAML \(found unhashable key\)"),
        (b"study: \xff\n", r"study\.yaml: is no YAML \(.utf-8. codec can't decode byte 0xff"),
        ("study: \0\n", r"study\.yaml: is no YAML .*special characters are not allowed"),
    ],
    ids=["aliases", "itself", "deep", "cut", "date", "key", "bytes", "NUL"],
)
def test_hostile_yaml_is_refused(tmp_path: Path, content: str | bytes, sentence: str) -> None:
    """Aliases that stand for billions of values, nesting without end, and what is no text."""
    file = tmp_path / "study.yaml"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(StudyError, match=sentence):
        check_unique_keys(file)


def test_yaml_runs_nothing(tmp_path: Path) -> None:
    """A tag that calls a function is an error."""
    trap = tmp_path / "created"
    (tmp_path / "study.yaml").write_text(f"study: !!python/object/apply:os.mkdir ['{trap}']\n")
    with pytest.raises(StudyError, match=r"line 1: is no YAML \(could not determine a constructor"):
        read_study(tmp_path / "study.yaml")
    assert not trap.exists()


@pytest.mark.parametrize("study", [None, [], "text", 3])
def test_study_that_is_no_mapping_is_refused(study: object) -> None:
    """An empty or strange YAML file gives a sentence, not a crash."""
    with pytest.raises(StudyError, match=r"the study: found .* allowed is object"):
        resolve_study(study, SCHEMA, CATALOG, [PROJECT])


def test_schema_is_valid_and_documents_every_key() -> None:
    """The schema is a JSON Schema, closed to unknown keys, and says what each key means."""
    Draft202012Validator.check_schema(SCHEMA)
    for block in (SCHEMA, SCHEMA["properties"]["dataset"], SCHEMA["$defs"]["training"]):
        assert block["additionalProperties"] is False
        assert all("description" in entry for entry in block["properties"].values())


def test_every_training_key_has_one_default_and_may_stand_in_a_row() -> None:
    """Training settings are the same set in the schema's definition, its defaults and a row."""
    keys = set(SCHEMA["$defs"]["training"]["properties"])
    assert set(SCHEMA["properties"]["training"]["properties"]) == keys
    assert keys <= set(SCHEMA["$defs"]["model"]["properties"])
    assert not any("default" in entry for entry in SCHEMA["$defs"]["model"]["properties"].values())


def test_row_settings_win_over_the_study_and_the_study_over_the_defaults() -> None:
    """There is one level of defaults: the schema, then `training`, then the row."""
    study = changed("training.epochs", 3)
    study["models"].append({"name": "Other", "encoder": "nano", "epochs": 7})
    rows = resolve_study(study, SCHEMA, CATALOG, [PROJECT])["models"]
    assert [row["training"]["epochs"] for row in rows] == [3, 7]
    assert rows[1]["training"] == rows[0]["training"] | {"epochs": 7}
    assert rows[0]["training"]["learning_rate"] == 3e-5


def test_resolving_leaves_the_study_as_it_was() -> None:
    """The configuration that Snakemake holds is not changed behind its back."""
    study = deepcopy(STUDY)
    resolve_study(study, SCHEMA, CATALOG, [PROJECT])
    assert study == STUDY


def test_defaults_reach_items_of_mappings() -> None:
    """A vocabulary without `lower_case` is an uncased one; a scratch encoder has 512 positions and H/64 heads."""
    study = with_defaults(STUDY, SCHEMA, SCHEMA)
    assert study["vocabularies"]["own"]["lower_case"] is True
    resolved = resolve_study(changed("encoders.nano.scratch.hidden", 256), SCHEMA, CATALOG, [PROJECT])
    assert resolved["encoders"]["nano"]["scratch"] == {
        "layers": 1, "hidden": 256, "heads": 4, "intermediate": 1024, "positions": 512, "seed": 0,
        "initializer_range": 0.02,
    }  # fmt: skip


def test_key_given_twice_is_refused(tmp_path: Path) -> None:
    """YAML would keep the second of two equal keys in silence; the sentence names line and key."""
    file = tmp_path / "twice.yaml"
    file.write_text("study: x\nencoders:\n  a: {folder: p}\n  a: {folder: q}\n")
    with pytest.raises(StudyError, match=r"twice\.yaml, line 4: the key 'a' is given twice"):
        check_unique_keys(file)


@pytest.mark.parametrize("file", sorted((PROJECT / "studies").glob("*.yaml")), ids=lambda path: path.name)
def test_shipped_studies_have_unique_keys(file: Path) -> None:
    """Merge keys and anchors are not mistaken for a key given twice."""
    check_unique_keys(file)


def test_imdb_study_is_the_original_protocol() -> None:
    """Four small rows: 128 WordPieces, one epoch, Adam 3e-5, batch 32, 80/20; and Base with a grid of eight trials."""
    study = yaml.safe_load((PROJECT / "studies/imdb.yaml").read_text())
    scratch = yaml.safe_load((PROJECT / "studies/imdb-scratch.yaml").read_text())
    resolved = resolve_study(study | scratch, SCHEMA, CATALOG, [PROJECT])
    protocol = {
        "length": 128, "epochs": 1, "batch_size": 32, "optimizer": "adam", "learning_rate": 3e-5, "epsilon": 1e-8,
        "clipnorm": 1.0, "global_clipnorm": None, "weight_decay": 0.0, "schedule": "constant", "warmup_fraction": 0.0,
        "validation_fraction": 0.2, "length_buckets": False, "dropout": 0.1, "encoder_dropout": 0.1,
        "precision": "float32",
    }  # fmt: skip
    *small, base = resolved["models"]
    for row in small:
        assert row["training"].items() >= protocol.items()
    assert [row["name"] for row in small] == ["BERT-Tiny", "BERT-Mini", "BERT-Small", "BERT-Medium"]
    assert small[2]["reference"]["test_accuracy"] == 0.84680
    searched = {"learning_rate", "optimizer", "batch_size"}
    protocol = {key: value for key, value in protocol.items() if key not in searched} | {"validation_fraction": 0.35}
    assert base["training"].items() >= protocol.items()
    assert set(base["search"]["keys"]) == searched
    assert {"batch_size": 16, "optimizer": "adamax", "learning_rate": 5e-5} in base["search"]["trials"].values()
    assert len(base["search"]["trials"]) == 8
    assert all(len(row["seeds"]) >= 3 for row in resolved["models"])


def test_pretrained_imdb_study_starts_every_rung_from_random_weights() -> None:
    """Laid over the IMDB study it needs no published weights; the unlabelled reviews come from the same archive."""
    study = yaml.safe_load((PROJECT / "studies/imdb.yaml").read_text())
    overlay = yaml.safe_load((PROJECT / "studies/imdb-pretrained.yaml").read_text())
    study |= overlay | {"dataset": study["dataset"] | overlay["dataset"]}
    resolved = resolve_study(study, SCHEMA, CATALOG, [PROJECT])
    assert len(published_files(resolved["dataset"])) == 1
    for row in resolved["models"]:
        start = resolved["encoders"][resolved["encoders"][row["encoder"]]["pretrain"]["from"]]["scratch"]
        assert row["encoder"] == f"bert_uncased_L-{start['layers']}_H-{start['hidden']}_A-{start['heads']}"


def laid_over(*names: str) -> dict[str, Any]:
    """Studies of the project, each laid over those before it, as Snakemake does."""
    study: dict[str, Any] = {}
    for name in names:
        update_config(study, yaml.safe_load((PROJECT / f"studies/{name}.yaml").read_text()))
    return resolve_study(study, SCHEMA, CATALOG, [PROJECT])


def test_tiny_study_compares_what_pretraining_and_recipe_bring() -> None:
    """One row under the protocol, the same from random weights, and one with the recipe of the study for all sizes."""
    protocol, untrained, recommended = laid_over("imdb", "imdb-pretrained", "imdb-tiny")["models"]
    assert protocol["training"] == untrained["training"]
    assert len({protocol["encoder"], untrained["encoder"], recommended["encoder"]}) == 3
    best = laid_over("imdb", "imdb-pretrained", "imdb-best")["models"]
    assert len(best) == 6
    assert recommended["training"] == best[-1]["training"]
    assert recommended["search"] == best[-1]["search"]


def test_ladder_study_has_every_rung_under_the_protocol_and_with_the_recipe() -> None:
    """Its recipe is that of the study for published weights; a rung's two encoders are two stages of one."""
    resolved = laid_over("imdb", "imdb-pretrained", "imdb-ladder")
    rows = {row["name"]: row for row in resolved["models"]}
    best = {row["name"]: row for row in laid_over("imdb", "imdb-best")["models"]}
    original = {row["name"]: row for row in laid_over("imdb")["models"]}
    assert [row for name, row in rows.items() if name in original] == list(original.values())[:4]
    for name in ("BERT-Tiny", "BERT-Mini", "BERT-Small", "BERT-Medium", "BERT-Base"):
        assert rows[name]["training"] == original["BERT-Tiny"]["training"]
        recommended = rows[f"{name} recommended"]
        assert recommended["training"] | {"learning_rate": 0} == best[name]["training"] | {"learning_rate": 0}
        assert resolved["encoders"][recommended["encoder"]]["pretrain"]["from"] == rows[name]["encoder"]
    assert len(rows) == 11


def test_epochs_study_trains_the_small_rows_longer() -> None:
    """Laid over the IMDB study it asks what more epochs do, one row stopping by itself."""
    study = {}
    for name in ("imdb", "imdb-scratch", "imdb-epochs"):
        study |= yaml.safe_load((PROJECT / f"studies/{name}.yaml").read_text())
    rows = resolve_study(study, SCHEMA, CATALOG, [PROJECT])["models"]
    assert all(row["training"]["epochs"] > 1 for row in rows)
    assert rows[-1]["training"]["patience"] == 1


def test_pretrained_encoders_know_what_they_start_from() -> None:
    """By name or with random weights, from one that is pre-trained itself, or one of the catalogue."""
    unlabelled = {"more": {"url": "http://h/more.txt"}}
    study = STUDY | {
        "dataset": STUDY["dataset"] | {"unlabelled": unlabelled},
        "encoders": {
            "b": {"pretrain": {"from": "a", "text": ["more"], "epochs": 1.0}},
            "a": {"pretrain": {"from": {"scratch": {"layers": 1, "hidden": 64}, "vocabulary": "own"}}},
            "c": {"pretrain": {"from": "tiny"}},
        },
        "models": [{"name": "B", "encoder": "b"}, {"name": "C", "encoder": "c"}],
    }
    encoders = resolve_study(study, SCHEMA, CATALOG, [PROJECT])["encoders"]
    assert encoders["b"]["pretrain"]["from"] == "a" and encoders["a"]["pretrain"]["from"] == "a-untrained"
    assert encoders["a-untrained"]["scratch"]["intermediate"] == 256
    assert [encoders[name]["vocabulary"] for name in ("a", "b", "a-untrained")] == ["own"] * 3
    assert encoders["c"]["pretrain"]["from"] == "bert_uncased_L-2_H-128_A-2"
    assert encoders["c"]["vocabulary"] == encoders["bert_uncased_L-2_H-128_A-2"]["vocabulary"]
    assert encoders["b"]["pretrain"]["masked_fraction"] == 0.15 and repr(encoders["b"]["pretrain"]["epochs"]) == "1"
    assert list(encoders["b"]["pretrain"]) == sorted(encoders["b"]["pretrain"])


def test_unlabelled_texts_are_downloads_of_their_own() -> None:
    """Unless they lie in the archive of the splits; names that clash are told apart."""
    archive = {"train": {"url": "http://h/a.zip"}, "unlabelled": {"unsup": {"url": "http://h/a.zip", "folder": "u"}}}
    assert list(published_files(archive)) == ["a.zip"]
    clash = {"train": {"url": "http://h/a.csv"}, "unlabelled": {"more": {"url": "http://g/A.csv"}}}
    assert list(published_files(clash)) == ["a.csv", "more-A.csv"]
    later = clash["unlabelled"] | {"posts": {"url": "http://g/b.csv"}, "later": {"url": "http://h/b.csv"}}
    assert list(published_files(clash | {"unlabelled": later})) == ["a.csv", "more-A.csv", "b.csv", "later-b.csv"]
    third = clash["unlabelled"] | {"other": {"url": "http://g/more-A.csv"}}
    with pytest.raises(StudyError, match=r"would both be kept as more-A\.csv; rename one"):
        published_files(clash | {"unlabelled": third})


def test_one_archive_for_both_splits_is_one_download() -> None:
    """Splits with the same address share a file; files of one name at two addresses do not clash."""
    both = {"train": {"url": "http://h/a.tar.gz"}, "test": {"url": "http://h/a.tar.gz"}}
    assert list(published_files(both)) == ["a.tar.gz"]
    assert list(published_files({"train": {"url": "http://h/one.csv?x=1"}})) == ["one.csv"]
    two = {"train": {"url": "http://h/train/data.csv"}, "test": {"url": "http://h/test/data.csv"}}
    assert list(published_files(two)) == ["train-data.csv", "test-data.csv"]


def test_checksum_of_either_split_holds_for_their_common_file() -> None:
    """A checksum given once is never lost, and its case does not matter."""
    address, digest = "http://h/a.csv", "AB" * 32
    for dataset in (
        {"train": {"url": address, "sha256": digest}, "test": {"url": address}},
        {"train": {"url": address}, "test": {"url": address, "sha256": digest}},
    ):
        assert published_files(dataset)["a.csv"]["sha256"] == digest.lower()


def test_file_names_keep_their_ending() -> None:
    """The ending tells the format, so it survives names of any script, queries and double endings."""
    for address, name in (
        ("数据.csv", "train.csv"), ("http://h/reviews.tsv.gz?raw=1", "reviews.tsv.gz"), ("a b.npz", "a-b.npz"),
        ("http://h/aclImdb_v1.tar.gz", "aclImdb_v1.tar.gz"), ("http://h/", "train"),
    ):  # fmt: skip
        assert list(published_files({"train": {"url": address}})) == [name]


def test_whole_floats_are_integers() -> None:
    """YAML's 32.0 where a whole number is needed becomes 32."""
    study = changed("training.batch_size", 32.0) | {"seeds": [1.0]}
    resolved = resolve_study(study, SCHEMA, CATALOG, [PROJECT])
    assert repr(resolved["models"][0]["training"]["batch_size"]) == "32"
    assert repr(resolved["seeds"]) == "[1]"


def test_whole_numbers_are_floats_where_the_schema_has_numbers() -> None:
    """`learning_rate: 1` and `momentum: 0` reach Keras, which refuses integers, as floats, from wherever they come."""
    values = {"learning_rate": 1, "momentum": 0, "weight_decay": 0, "clipnorm": 2, "dropout": 0, "epochs": 1}
    study = changed("training", values)
    study["encoders"]["further"] = {"pretrain": {"from": "nano", "learning_rate": 1}}
    search = {"trials": 3, "learning_rate": [1, 1e-3], "dropout": {"low": 0, "high": 1e-9}}
    study["models"] += [
        {"name": "Own", "encoder": "further", "learning_rate": 2, "reference": {"f1": 1}},
        {"name": "Searched", "encoder": "nano", "search": search},
    ]
    resolved = resolve_study(study, SCHEMA, CATALOG, [PROJECT])
    plain, own, searched = resolved["models"]
    settings = [settings for row in (plain, own, searched) for settings in row_settings(row)]
    assert {type(found[key]) for found in settings for key in values.keys() - {"epochs"}} == {float}
    assert {type(found["epochs"]) for found in settings} == {int}
    assert plain["training"]["global_clipnorm"] is None
    assert repr(own["training"]["learning_rate"]) == "2.0"
    assert repr(resolved["encoders"]["further"]["pretrain"]["learning_rate"]) == "1.0"
    with pytest.raises(StudyError, match=r"training\.clipnorm: found 10+\.\.\.; a finite number is needed"):
        resolve_study(changed("training.clipnorm", 10**400), SCHEMA, CATALOG, [PROJECT])


def test_order_of_keys_means_nothing() -> None:
    """A row's settings come in one order, so that a key moved or a default written down retrains nothing."""
    one = changed("training", {"epochs": 2, "dropout": 0.2})
    other = changed("training", {"dropout": 0.2, "xla": False, "epochs": 2})
    settings = [
        list(resolve_study(s, SCHEMA, CATALOG, [PROJECT])["models"][0]["training"].items()) for s in (one, other)
    ]
    assert settings[0] == settings[1]


def test_safe_names_stay_in_their_folder() -> None:
    """Nothing in a row's name can climb out of results/ or hide."""
    assert safe_name("../../etc") == "etc"
    assert safe_name("BERT-Base tuned (2 of 3)") == "BERT-Base-tuned-2-of-3"
    assert safe_name(".hidden") == "hidden"


def test_rows_have_seeds_of_their_own_or_those_of_the_study() -> None:
    """`seeds` in a row wins; a search is done with the first of them unless it names its own."""
    study = deepcopy(STUDY) | {"seeds": [4, 5]}
    study["models"] += [
        {"name": "Own", "encoder": "nano", "seeds": [7, 8], "search": {"epochs": [1, 2]}},
        {"name": "Searched", "encoder": "nano", "search": {"epochs": [1, 2], "seeds": [1, 2], "metric": "loss"}},
    ]
    plain, own, searched = resolve_study(study, SCHEMA, CATALOG, [Path()])["models"]
    assert (plain["seeds"], own["seeds"], searched["seeds"]) == ([4, 5], [7, 8], [4, 5])
    assert (own["search"]["seeds"], own["search"]["metric"]) == ([7], "accuracy")
    assert (searched["search"]["seeds"], searched["search"]["metric"]) == ([1, 2], "loss")
    assert "search" not in plain


def test_searched_keys_leave_the_row_settings() -> None:
    """What a search decides is in its trials alone; everything else of the row is the same for all of them."""
    study = changed("models.0.search", {"epochs": [1, 2.0], "learning_rate": [1e-3, 1]})
    row = resolve_study(study, SCHEMA, CATALOG, [Path()])["models"][0]
    assert not {"epochs", "learning_rate"} & set(row["training"])
    assert row["training"]["batch_size"] == 32
    settings = row_settings(row)
    assert len(settings) == 4
    assert all(set(found) == set(SCHEMA["$defs"]["training"]["properties"]) for found in settings)
    assert all(isinstance(found["epochs"], int) for found in settings)
