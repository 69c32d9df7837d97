"""Which trials go on in a search that is halved."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from bert_ladder.training.inputs import promoted_trial
from select_promoted import main


def rung(folder: Path, accuracies: dict[str, list[float | None]], **params: Any) -> SimpleNamespace:
    """A rung whose trials have these accuracies, one per seed; None: it diverged."""
    files: dict[str, list[Path]] = {"history": [], "training": []}
    for place, (trial, of_trial) in enumerate(accuracies.items()):
        for seed, accuracy in enumerate(of_trial, start=1):
            history, training = (folder / f"{trial}-{seed}.{ending}" for ending in ("csv", "json"))
            files["history"].append(history)
            files["training"].append(training)
            settings = {"batch_size": 8 << place, "clipnorm": None, "precision": "float32"}
            record = {"trial": trial, "budget": 0.25, "training": settings}
            if accuracy is None:
                history.write_text("epoch\n")
                training.write_text(json.dumps(record | {"diverged": True}))
                continue
            measures = {"validation_accuracy": accuracy, "validation_macro_f1": 1 - accuracy, "validation_loss": 1.0}
            pd.DataFrame([{"epoch": 1} | measures]).to_csv(history, index=False)
            training.write_text(json.dumps(record | {"kept_epoch": 1, "positions": 10}))
    seeds = range(1, len(next(iter(accuracies.values()))) + 1)
    runs = [{"rung": 1, "seed": seed} for _ in accuracies for seed in seeds]
    given = {"model": "Row", "metric": "accuracy", "searched": ["batch_size", "clipnorm"], "runs": runs} | params
    return SimpleNamespace(
        input=files, output=SimpleNamespace(promoted=folder / "promoted.json"), params=SimpleNamespace(**given)
    )


def test_best_trials_take_their_places_in_order(tmp_path: Path) -> None:
    """By the mean over seeds, with values as they were tried, and with where the state of each lies."""
    job = rung(tmp_path, {"a": [0.6, 0.6], "b": [0.9, 0.1], "c": [0.8, 0.9], "d": [0.7, 0.7]}, promoted=2)
    main(job)
    first, second = (promoted_trial(job.output.promoted, place) for place in (1, 2))
    assert first.pop("score") == pytest.approx(0.85)
    assert first == {"trial": "c", "stands": 2, "values": {"batch_size": 32, "clipnorm": None}}
    assert (second["trial"], second["stands"]) == ("d", 3)
    assert isinstance(second["values"]["batch_size"], int)
    assert len(json.loads(job.output.promoted.read_text())["promoted"]) == 2


@pytest.mark.parametrize(("metric", "best"), [("accuracy", "b"), ("f1", "a")])
def test_diverged_trial_goes_on_last(tmp_path: Path, metric: str, best: str) -> None:
    """It takes a place only where there are not enough others, and is no number in the file."""
    job = rung(tmp_path, {"a": [0.6], "b": [0.7], "c": [None]}, promoted=3, metric=metric)
    main(job)
    found = [promoted_trial(job.output.promoted, place) for place in (1, 2, 3)]
    assert found[0]["trial"] == best
    assert (found[2]["trial"], found[2]["score"]) == ("c", None)


def test_ties_are_broken_as_in_a_grid(tmp_path: Path) -> None:
    """Of equal score and cost the first name."""
    job = rung(tmp_path, {"b": [0.6], "a": [0.6]}, promoted=1)
    main(job)
    assert promoted_trial(job.output.promoted, 1)["trial"] == "a"
