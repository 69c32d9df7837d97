"""Which trial a search chooses."""

import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bert_ladder.data.frames import write_positive
from bert_ladder.evaluation.selection import (
    Search,
    SearchFiles,
    SearchOutputs,
    compare_trials,
    score_rungs,
    score_trials,
    select_trial,
    told_rungs,
)
from bert_ladder.runtime.jobs import BadInput


def runs(*lines: tuple[str, int, float, float, float, int]) -> pd.DataFrame:
    """One line per run: trial, seed, accuracy, F1, loss, cost; the trial's name is its learning rate too."""
    columns = ["trial", "seed", "validation_accuracy", "validation_f1", "validation_loss", "cost"]
    frame = pd.DataFrame(lines, columns=columns)
    return frame.assign(learning_rate=frame["trial"])


def chosen(trials: pd.DataFrame) -> str:
    assert trials["chosen"].sum() == 1
    return trials.loc[trials["chosen"], "trial"].item()


MEASURED = runs(("a", 1, 0.8, 0.9, 0.5, 10), ("b", 1, 0.9, 0.7, 0.6, 10), ("c", 1, 0.7, 0.8, 0.4, 10))


@pytest.mark.parametrize(("metric", "best"), [("accuracy", "b"), ("f1", "a"), ("loss", "c")])
def test_best_by_the_chosen_measure(metric: str, best: str) -> None:
    """Most accuracy, most F1, least loss."""
    trials = score_trials(MEASURED, metric, ["learning_rate"])
    assert chosen(trials) == best
    assert sorted(trials["rank"]) == [1, 2, 3]


def test_score_is_the_mean_over_seeds() -> None:
    """A lucky seed does not win against a better mean; the spread is told."""
    measured = runs(
        ("lucky", 1, 0.95, 0, 0, 1),
        ("lucky", 2, 0.65, 0, 0, 1),
        ("steady", 1, 0.85, 0, 0, 1),
        ("steady", 2, 0.83, 0, 0, 1),
    )
    trials = score_trials(measured, "accuracy", ["learning_rate"]).set_index("trial")
    assert trials.loc["steady", "chosen"]
    assert trials.loc["lucky", "score"] == pytest.approx(0.80)
    assert trials.loc["lucky", "score_sd"] == pytest.approx(0.2121, abs=1e-4)
    assert (trials["seeds"] == 2).all()


def test_ties_go_to_the_cheaper_then_to_the_name() -> None:
    """Of equal scores the fewer token positions win; of equal cost the first name, in whatever order they come."""
    tied = [("b", 1, 0.9, 0, 0, 20), ("c", 1, 0.9, 0, 0, 10), ("a", 1, 0.9, 0, 0, 20)]
    assert chosen(score_trials(runs(*tied), "accuracy", ["learning_rate"])) == "c"
    for order in (tied, tied[::-1]):
        equal = [(*line[:5], 7) for line in order]
        assert chosen(score_trials(runs(*equal), "accuracy", ["learning_rate"])) == "a"


def test_diverged_trials_come_last() -> None:
    """A trial one of whose seeds diverged is not judged by the others, whatever the measure."""
    nothing = float("nan")
    measured = runs(
        *[("half", 1, 0.99, 0.99, 0.01, 1), ("half", 2, nothing, nothing, nothing, nothing)],
        *[("whole", 1, 0.6, 0.6, 0.9, 9), ("whole", 2, 0.6, 0.6, 0.9, 9)],
    )
    for metric in ("accuracy", "f1", "loss"):
        assert chosen(score_trials(measured, metric, ["learning_rate"])) == "whole"


def test_search_of_diverged_trials_is_refused(tmp_path: Path) -> None:
    """Where nothing was trained nothing can be chosen."""
    (tmp_path / "training.json").write_text(
        json.dumps({"training": {"learning_rate": 9.0, "precision": "float32"}, "diverged": True})
    )
    (tmp_path / "history.csv").write_text("epoch\n")
    with pytest.raises(BadInput, match="Tuned: all 1 trials of its search diverged; search among lower"):
        select_trial(
            SearchFiles([tmp_path / "history.csv"], [tmp_path / "training.json"]),
            Search("Tuned", "accuracy", ["learning_rate"], [{"trial": "x", "seed": 1}]),
            SearchOutputs(tmp_path / "chosen.json", tmp_path / "outcome.json"),
        )
    assert not (tmp_path / "chosen.json").exists()


def write_run(
    folder: Path, settings: dict[str, Any], accuracies: list[float], kept: int, **f1: list[float]
) -> tuple[Path, Path]:
    folder.mkdir()
    history = pd.DataFrame({"epoch": range(1, len(accuracies) + 1), "validation_accuracy": accuracies})
    history.assign(validation_loss=1.0, **{"validation_macro_f1": 0.5} | f1).to_csv(folder / "history.csv", index=False)
    record = {"training": {"precision": "float32"} | settings, "kept_epoch": kept, "positions": 100}
    (folder / "training.json").write_text(json.dumps(record))
    return folder / "history.csv", folder / "training.json"


def test_choice_is_a_file_with_the_values_as_they_were(tmp_path: Path) -> None:
    """The measure is that of the kept epoch; null, integers and words come back as they were tried."""
    files = [
        write_run(tmp_path / "x", {"clipnorm": None, "batch_size": 16, "optimizer": "adam"}, [0.9, 0.6], kept=1),
        write_run(tmp_path / "y", {"clipnorm": 1.0, "batch_size": 32, "optimizer": "sgd"}, [0.5, 0.8], kept=2),
    ]
    histories, trainings = zip(*files, strict=True)
    found = SearchFiles(histories, trainings)
    runs = [{"trial": "x", "seed": 1}, {"trial": "y", "seed": 1}]
    search = Search("Tuned", "accuracy", ["clipnorm", "batch_size", "optimizer"], runs)
    select_trial(found, search, SearchOutputs(tmp_path / "chosen.json", tmp_path / "outcome.json"))
    compare_trials(found, search, tmp_path / "trials.csv")
    outcome = json.loads((tmp_path / "outcome.json").read_text())
    assert outcome["values"] == {"clipnorm": None, "batch_size": 16, "optimizer": "adam"}
    # What the row's training takes does not change with the number of trials.
    assert json.loads((tmp_path / "chosen.json").read_text()) == {"values": outcome["values"]}
    assert isinstance(outcome["values"]["batch_size"], int)
    assert (outcome["trial"], outcome["trials"], outcome["score"], outcome["seeds"]) == ("x", 2, 0.9, 1)
    trials = pd.read_csv(tmp_path / "trials.csv")
    assert list(trials.columns) == [
        "trial", "clipnorm", "batch_size", "optimizer", "score", "score_sd", "validation_accuracy", "validation_f1",
        "validation_loss", "cost", "seeds", "rank", "chosen",
    ]  # fmt: skip


def test_trials_in_several_precisions_are_refused(tmp_path: Path) -> None:
    """Unless that is what is searched: then only the seeds of a trial have to agree."""
    policies = {"x": "float32", "y": "mixed_bfloat16"}
    files = [
        write_run(tmp_path / trial, {"batch_size": 8, "precision": policy}, [0.7], kept=1)
        for trial, policy in policies.items()
    ]
    found = SearchFiles(*zip(*files, strict=True))
    for keys, runs, told in (
        (["batch_size"], [("x", 1), ("y", 1)], r"float32 \(x, seed 1\), mixed_bfloat16 \(y, seed 1\)"),
        (["precision"], [("x", 1), ("x", 2)], r"float32 \(x, seed 1\), mixed_bfloat16 \(x, seed 2\)"),
        (["precision"], [("x", 1), ("y", 1)], None),
    ):
        search = Search("Tuned", "accuracy", keys, [{"trial": trial, "seed": seed} for trial, seed in runs])
        with (
            nullcontext() if told is None else pytest.raises(BadInput, match=f"Tuned: its runs were trained in {told}")
        ):
            compare_trials(found, search, tmp_path / "trials.csv")


@pytest.mark.parametrize(
    ("positive", "best", "scores"), [(0, "x", [0.9, 0.2]), (1, "y", [0.1, 0.8]), (None, "y", [0.5, 0.6])]
)
def test_choice_by_f1_is_by_that_of_the_positive_class(
    tmp_path: Path, positive: int | None, best: str, scores: list[float]
) -> None:
    """Of the kept epoch; without a positive class by the macro average. The table of trials shows the same."""
    f1 = {
        "x": {"validation_f1_0": [0.9], "validation_f1_1": [0.1], "validation_macro_f1": [0.5]},
        "y": {"validation_f1_0": [0.2], "validation_f1_1": [0.8], "validation_macro_f1": [0.6]},
    }
    files = [write_run(tmp_path / trial, {"batch_size": 8}, [0.7], kept=1, **of_it) for trial, of_it in f1.items()]
    histories, trainings = zip(*files, strict=True)
    write_positive(tmp_path / "positive.json", positive, None)
    found = SearchFiles(histories, trainings, tmp_path / "positive.json")
    search = Search("Tuned", "f1", ["batch_size"], [{"trial": trial, "seed": 1} for trial in f1])
    select_trial(found, search, SearchOutputs(tmp_path / "chosen.json", tmp_path / "outcome.json"))
    compare_trials(found, search, tmp_path / "trials.csv")
    assert json.loads((tmp_path / "outcome.json").read_text())["trial"] == best
    assert pd.read_csv(tmp_path / "trials.csv")["validation_f1"].tolist() == scores


def in_rungs(*lines: tuple[str, float, float]) -> pd.DataFrame:
    """One line per run: trial, budget, accuracy; a trial costs what it was trained."""
    measured = runs(*((trial, 1, accuracy, 0.5, 0.5, int(100 * budget)) for trial, budget, accuracy in lines))
    return measured.assign(budget=[budget for _, budget, _ in lines])


def test_who_got_further_is_better_in_a_halved_search() -> None:
    """Whatever the scores: one of half of the steps says nothing of one of all. Within a rung the better score wins."""
    lines = [("a", 0.25, 0.6), ("b", 0.25, 0.9), ("c", 0.25, 0.7), ("d", 0.25, 0.8)]
    lines += [("b", 0.5, 0.7), ("d", 0.5, 0.75), ("d", 1.0, 0.65)]
    trials = score_rungs(in_rungs(*lines), "accuracy", ["learning_rate"])
    assert trials["trial"].tolist() == ["a", "b", "c", "d"]
    assert trials["rank"].tolist() == [4, 2, 3, 1]
    assert trials["budget"].tolist() == [0.25, 0.5, 0.25, 1.0]
    assert trials["score"].tolist() == [0.6, 0.7, 0.7, 0.65]
    assert trials["cost"].tolist() == [25, 50, 25, 100]
    assert trials["score_at_0.25"].tolist() == [0.6, 0.9, 0.7, 0.8]
    assert trials["score_at_0.5"].isna().tolist() == [True, False, True, False]
    assert chosen(trials) == "d"
    assert told_rungs(trials, {trial: {"learning_rate": trial} for trial in "abcd"}) == [
        {"budget": 0.25, "trials": 4, "dropped": [{"learning_rate": "c"}, {"learning_rate": "a"}]},
        {"budget": 0.5, "trials": 2, "dropped": [{"learning_rate": "b"}]},
        {"budget": 1.0, "trials": 1, "dropped": []},
    ]


def test_trial_that_diverges_late_makes_room_for_the_next() -> None:
    """What got furthest is of no use if it is lost: the best of those before is chosen."""
    lines = [("a", 0.5, 0.6), ("b", 0.5, 0.9), ("c", 0.5, 0.7), ("b", 1.0, float("nan"))]
    trials = score_rungs(in_rungs(*lines), "accuracy", ["learning_rate"])
    assert chosen(trials) == "c"
    assert trials["rank"].tolist() == [2, 3, 1]


def test_class_weights_may_be_searched(tmp_path: Path) -> None:
    """A trial without any, one with a word and one with numbers: the winner's are handed on as they were."""
    files = SearchFiles([tmp_path / f"{i}.csv" for i in range(3)], [tmp_path / f"{i}.json" for i in range(3)])
    tried = [None, "balanced", {"fraud": 10.0}]
    for (history, training), weights in zip(zip(files.history, files.training, strict=True), tried, strict=True):
        accuracy = 0.9 if isinstance(weights, dict) else 0.5
        measures = {"validation_accuracy": accuracy, "validation_macro_f1": 0.5, "validation_loss": 0.5}
        pd.DataFrame([{"epoch": 1} | measures]).to_csv(history, index=False)
        record = {"training": {"class_weight": weights, "precision": "float32"}, "kept_epoch": 1, "positions": 10}
        training.write_text(json.dumps(record))
    search = Search("Tuned", "accuracy", ["class_weight"], [{"trial": name, "seed": 1} for name in "abc"])
    select_trial(files, search, SearchOutputs(tmp_path / "chosen.json", tmp_path / "outcome.json"))
    assert json.loads((tmp_path / "chosen.json").read_text()) == {"values": {"class_weight": {"fraud": 10.0}}}
    compare_trials(files, search, tmp_path / "trials.csv")
    trials = pd.read_csv(tmp_path / "trials.csv")
    assert trials["chosen"].tolist() == [False, False, True]
    assert trials["class_weight"].nunique() == 2
