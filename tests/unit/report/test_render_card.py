"""The card of the chosen model."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import yaml

from bert_ladder.evaluation.chosen_model import ChosenModel
from bert_ladder.evaluation.decision import Decision
from render_card import main

CHOSEN = ChosenModel(
    study="reviews",
    row="Tiny | *best*",
    kind="bert",
    encoder="tiny",
    seed=2,
    chosen_by="accuracy",
    why="For accuracy take “Tiny | *best*”.",
    labels=["bad", "good"],
    settings={"length": 64, "truncation": "head", "learning_rate": 3e-5, "class_weight": None},
    temperature=1.5,
    decision=Decision(positive=1),
    metrics={
        "test_accuracy": 0.8125,
        "macro_f1": 0.81,
        "n_test": 1600,
        "class_metrics": {
            "bad": {"precision": 0.8, "recall": 0.7, "f1": 0.75, "support": 800.0},
            "good": {"precision": 0.9, "recall": 0.6, "f1": 0.72, "support": 800.0},
        },
    },
    calibration={"ece": [0.09, 0.02], "brier": [0.3, 0.28], "test_loss": [0.5, 0.4], "fitted_on": 1234},
    data={"train.csv": "abc123"},
    made_with={"versions": {"numpy": "2"}, "code": "c0de", "commit": "f00", "hardware": {"device": "cpu"}},
    family="bert",
)


def card(folder: Path, chosen: ChosenModel, seeds: int = 3, licences: dict[str, str] | None = None) -> str:
    """The card of a model, as the rule writes it."""
    chosen.write(folder / "model.json")
    pd.DataFrame(
        [{"model": chosen.row, "seeds": seeds, "test_accuracy": 0.8, "test_accuracy_low": 0.78,
          "test_accuracy_high": 0.82, "majority_class": "bad", "constant_accuracy": 0.5}]
    ).to_csv(folder / "table.csv", index=False)  # fmt: skip
    audit = {"rows": {"train": 6400, "test": 1600}, "leaked": {"test_rows": 7}}
    (folder / "audit.json").write_text(json.dumps(audit))
    main(
        SimpleNamespace(
            input=SimpleNamespace(
                chosen=folder / "model.json", table=folder / "table.csv", audit=folder / "audit.json"
            ),
            output=SimpleNamespace(card=folder / "README.md"),
            params=SimpleNamespace(licences=licences or {}),
        )
    )
    return (folder / "README.md").read_text(encoding="utf-8")


def test_card_says_what_was_measured(tmp_path: Path):
    """The run's own scores, its row's interval, each class, calibration, data and origin."""
    text = card(tmp_path, CHOSEN, licences={CHOSEN.row: "Apache-2.0"})
    front = yaml.safe_load(text.split("---")[1])
    assert (front["pipeline_tag"], front["license"]) == ("text-classification", "apache-2.0")
    for words in (
        "a BERT on the encoder `tiny`", "an accuracy of 81.25 % on 1,600 test texts", "[78.00, 82.00] over 3 seeds",
        "| good    |           90.0 |        60.0 |    72.0 |          800 |", "temperature of 1.500",
        "fitted on 1,234 validation texts", "7 test texts stand in the training split too", "`abc123`", "commit `f00`",
        "learning_rate 3e-05", "It reads 64 WordPieces", "The most probable class is the answer.",
    ):  # fmt: skip
        assert words in text, words
    assert r"Tiny \| \*best\*" in text and "class_weight" not in text


def test_card_of_one_run_without_a_known_licence(tmp_path: Path):
    text = card(tmp_path, CHOSEN, seeds=1)
    assert "Its 95 % interval is [78.00, 82.00]" in text and "licence" not in text and "license" not in text


def test_card_tells_threshold_and_abstention(tmp_path: Path):
    both = Decision(1, 0.31, "a recall of 0.9 on the 9 validation texts", 0.85, 0.02)
    text = card(tmp_path, replace(CHOSEN, decision=both))
    assert "The answer is “good” from a probability of 0.3100 on, chosen for a recall of 0.9" in text
    assert "less probable than 0.8500 are not answered, so that at most 2.0%" in text
    silent = Decision(1, None, "a precision of 1, which no threshold reaches", 2.0, 0.0)
    text = card(tmp_path, replace(CHOSEN, decision=silent))
    assert "wanted was a precision of 1" in text and "No text is answered" in text


def test_card_of_a_linear_model(tmp_path: Path):
    text = card(tmp_path, replace(CHOSEN, kind="baseline", encoder="", settings={"C": 10.0}))
    assert "a linear model of n-grams" in text and "Settings: C 10.0" in text and "WordPieces" not in text


def test_frozen_encoder_says_that_it_was_not_trained(tmp_path: Path) -> None:
    """It is no BERT that was fine-tuned, and no model of n-grams; what it reads of a text is its limit too."""
    frozen = replace(CHOSEN, kind="frozen", settings=CHOSEN.settings | {"pooling": "mean", "C": 0.1})
    said = card(tmp_path, frozen, seeds=1)
    assert "logistic regression on the outputs of the encoder `tiny`, which was not trained" in said
    assert "It reads 64 WordPieces of a text (head)" in said
    assert 'pooling "mean"' in said
    assert "C 0.1" in said
