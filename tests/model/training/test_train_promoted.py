"""The trials of a search that is halved, from rung to rung, from files to files as the rules call them."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

import train_promoted
import train_trial
from bert_ladder.runtime.jobs import BadInput
from bert_ladder.training import fine_tuning
from halved import SETTING, TRIED, first_rung, job


def promoted(before: SimpleNamespace, folder: Path, budget: float, **params: Any) -> SimpleNamespace:
    """The same trial in the second of two places of the next rung."""
    ranking = folder.with_suffix(".json")
    others = {"trial": "y", "stands": 0, "values": {"learning_rate": 1.0}}
    this = {"trial": "x", "stands": 1, "values": before.params.tried}
    ranking.write_text(json.dumps({"promoted": [others, this]}))
    files = before.input | {"promoted": ranking, "states": [folder / "none", before.output.state]}
    following = job(files, folder, place=2, budget=budget, training=before.params.training, **params)
    train_promoted.main(following)
    return following


def result(trial: SimpleNamespace) -> tuple[pd.DataFrame, dict[str, Any]]:
    """History and record."""
    return pd.read_csv(trial.output.history), json.loads(Path(trial.output.training).read_text())


def test_promoted_trial_ends_as_one_that_was_never_left(files: dict[str, Any], tmp_path: Path) -> None:
    """The place is filled by the trial that took it, from its own state; each rung says whose it is and how far."""
    first = first_rung(files, tmp_path / "first", 0.25)
    history, record = result(first)
    assert (record["trial"], record["budget"], record["kept_epoch"]) == ("x", 0.25, 1)
    assert len(history) == 1
    last = promoted(first, tmp_path / "last", 1.0)
    history, record = result(last)
    assert (record["trial"], record["budget"], record["training"]) == ("x", 1.0, SETTING | TRIED)
    whole = job(files, tmp_path / "whole", tried=TRIED)
    train_trial.main(whole)
    other, recorded = result(whole)
    pd.testing.assert_frame_equal(history.drop(columns="seconds"), other.drop(columns="seconds"), check_exact=True)
    for key in ("positions", "kept_epoch", "epochs", "data_sha256", "encoder_sha256"):
        assert record[key] == recorded[key]
    assert 0.2 < result(first)[1]["positions"] / recorded["positions"] < 0.3
    assert not Path(last.params.checkpoints).exists()


@pytest.mark.parametrize(
    "settings",
    [{"learning_rate": 1e30, "optimizer": "sgd"}, {"learning_rate": 1e-9, "patience": 1, "keep": "best"}],
    ids=["diverged", "lost patience"],
)
def test_trial_that_has_ended_goes_on_with_its_result(
    files: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any]
) -> None:
    """What diverged, or stopped early, before its budget was used up is not trained again."""
    training = SETTING | {"epochs": 8, "monitor": "validation_accuracy"}
    first = first_rung(files, tmp_path / "first", 0.75, tried=settings, training=training)
    monkeypatch.setattr(fine_tuning, "train_run", None)
    last = promoted(first, tmp_path / "last", 1.0)
    again = promoted(last_as_before(last, first), tmp_path / "again", 1.0)
    for trial in (last, again):
        pd.testing.assert_frame_equal(result(first)[0], result(trial)[0], check_exact=True)
        one, other = (
            {key: value for key, value in result(found)[1].items() if key in ("diverged", "epochs", "kept_epoch")}
            for found in (first, trial)
        )
        assert one == other
        assert one.get("diverged") or one["epochs"] < 6


def last_as_before(last: SimpleNamespace, first: SimpleNamespace) -> SimpleNamespace:
    """A job as the one that the next rung goes on from."""
    return SimpleNamespace(input=first.input, params=first.params, output=last.output)


def test_damaged_state_is_refused(files: dict[str, Any], tmp_path: Path) -> None:
    """In one sentence with the file."""
    before = job(files, tmp_path / "first", tried=TRIED)
    before.output.state.write_bytes(b"PK")
    with pytest.raises(BadInput, match=r"state.npz: is not whole .*; remove it, so that it is made again"):
        promoted(before, tmp_path / "last", 1.0)
