"""A training that is cut off and taken up again ends as the one that was never disturbed."""

import os
import signal
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest

from bert_ladder.encoders.encoder_files import EncoderFiles
from bert_ladder.encoders.families.bert import scratch_encoder
from bert_ladder.encoders.normal_form import save_encoder
from bert_ladder.runtime.jobs import BadInput
from bert_ladder.study.settings import TrainingSettings
from bert_ladder.training import fine_tuning
from bert_ladder.training.classifier import TokenBatches
from bert_ladder.training.fine_tuning import TrainingData, train_run
from bert_ladder.training.inputs import CheckpointPolicy, Job, Rung
from trainings import SETTINGS, Killed, labelled_texts

# Moments, a schedule's step, the scale of the loss, the best weights and the patience so far; and classes weighted.
RICH = {
    "optimizer": "adamw", "weight_decay": 0.01, "schedule": "cosine", "warmup_fraction": 0.2, "clipnorm": None,
    "global_clipnorm": 1.0, "precision": "mixed_float16", "length_buckets": True, "keep": "best", "patience": 2,
    "monitor": "validation_loss", "class_weights": [0.5, 2.0],
}  # fmt: skip
KINDS = {"plain": {}, "scheduled": {"schedule": "linear", "warmup_fraction": 0.5}, "rich": RICH}
STEPS = 9  # of an epoch


@pytest.fixture(scope="module")
def train(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., tuple[list[np.ndarray], pd.DataFrame]]:
    """Trains a small encoder with its checkpoints in a folder; weights and history of the training."""
    keras.config.set_dtype_policy("float32")
    folder = tmp_path_factory.mktemp("encoder")
    config, weights = folder / "encoder.json", folder / "encoder.weights.h5"
    sizes = {"layers": 1, "hidden": 16, "heads": 2, "intermediate": 32, "positions": 32, "initializer_range": 0.02}
    save_encoder(*scratch_encoder(sizes | {"seed": 0}, [str(i) for i in range(50)], True), config, weights)
    tokens, labels, is_validation = labelled_texts(192)

    def run(
        checkpoints: Path,
        seed: int = 1,
        every: float = 0,
        other_labels: bool = False,
        rung: Rung | None = None,
        **settings: Any,
    ) -> tuple:
        keras.config.set_dtype_policy("float32")
        of_classes = settings.pop("class_weights", None)
        model, history, _ = train_run(
            EncoderFiles(config, weights, ()),
            TrainingData(tokens, 1 - labels if other_labels else labels, is_validation, 2, 1, of_classes),
            TrainingSettings.of(SETTINGS | {"epochs": 3} | settings),
            Job("nano", "nano", seed, threads=2),
            CheckpointPolicy(checkpoints, every, rung),
        )
        return model.get_weights(), history.drop(columns="seconds")

    return run


@pytest.fixture(scope="module")
def undisturbed(train: Callable[..., tuple], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple]:
    """What a kind of training ends with that nothing interrupts and that saves nothing."""
    folder = tmp_path_factory.mktemp("undisturbed")

    @cache
    def run(kind: str) -> tuple:
        return train(folder / kind, every=3600, **KINDS[kind])

    return run


def assert_same(one: tuple[list[np.ndarray], pd.DataFrame], other: tuple[list[np.ndarray], pd.DataFrame]) -> None:
    """Equal to the last bit."""
    pd.testing.assert_frame_equal(one[1], other[1], check_exact=True)
    for a, b in zip(one[0], other[0], strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("kind", "saves"),
    [
        ("plain", STEPS),
        ("rich", STEPS + 3),
        *(pytest.param("plain", saves, marks=pytest.mark.long) for saves in (1, STEPS - 1, STEPS + 1, 2 * STEPS + 3)),
        *(pytest.param("rich", saves, marks=pytest.mark.long) for saves in (4, STEPS, 2 * STEPS + 3)),
        pytest.param("scheduled", STEPS + 2, marks=pytest.mark.long),
    ],
)
def test_killed_training_ends_as_the_undisturbed_one(
    train: Callable[..., tuple],
    undisturbed: Callable[[str], tuple],
    killed_after: Callable[[int], None],
    tmp_path: Path,
    kind: str,
    saves: int,
) -> None:
    """Killed inside an epoch, at its last step, between epochs: the same weights and history, bit for bit."""
    killed_after(saves)
    with pytest.raises(Killed):
        train(tmp_path / "run", **KINDS[kind])
    assert_same(train(tmp_path / "run", **KINDS[kind]), undisturbed(kind))


@pytest.mark.parametrize("kind", ["rich", pytest.param("plain", marks=pytest.mark.long)])
def test_training_in_rungs_ends_as_the_undisturbed_one(
    train: Callable[..., tuple],
    undisturbed: Callable[[str], tuple],
    killed_after: Callable[[int], None],
    tmp_path: Path,
    kind: str,
) -> None:
    """Left inside an epoch, at its end and inside another, killed in the last rung: the same weights, bit for bit."""
    whole = undisturbed(kind)
    before = None
    for budget, steps in (0.1, 3), (0.3333, STEPS), (0.6, 16):
        rung = Rung("trial", budget, tmp_path / f"{budget}.npz", before)
        _, history = train(tmp_path / f"{budget}", every=3600, rung=rung, **KINDS[kind])
        # The epochs that are done are those of the whole training; the last line is of the moment where it is left.
        done = steps // STEPS
        pd.testing.assert_frame_equal(history[:done], whole[1][:done], check_exact=True)
        assert len(history) == -(-steps // STEPS)
        assert history["validation_loss"].notna().all()
        before = rung.state
    last = Rung("trial", 1.0, tmp_path / "last.npz", before)
    killed_after(4)
    with pytest.raises(Killed):
        train(tmp_path / "run", rung=last, **KINDS[kind])
    assert_same(train(tmp_path / "run", every=3600, rung=last, **KINDS[kind]), whole)
    assert not last.state.exists()


def test_state_of_another_training_is_refused(train: Callable[..., tuple], tmp_path: Path) -> None:
    """A rung goes on from the very training that was ranked, or not at all."""
    first = Rung("trial", 0.1, tmp_path / "first.npz")
    train(tmp_path / "first", every=3600, rung=first)
    following = Rung("trial", 0.3, tmp_path / "second.npz", first.state)
    with pytest.raises(
        BadInput, match=r"first.npz: is of other settings \(learning_rate 0.003, now 0.001\); remove it"
    ):
        train(tmp_path / "second", rung=following, learning_rate=1e-3)


@pytest.mark.long
def test_killed_again_and_again(
    train: Callable[..., tuple],
    undisturbed: Callable[[str], tuple],
    killed_after: Callable[[int], None],
    tmp_path: Path,
) -> None:
    """Each attempt gets five steps further, and at most one checkpoint lies about."""
    for _ in range(4):
        killed_after(5)
        with pytest.raises(Killed):
            train(tmp_path / "run")
        assert len(list((tmp_path / "run").iterdir())) == 1
    assert_same(train(tmp_path / "run"), undisturbed("plain"))


def test_patience_is_not_renewed(
    train: Callable[..., tuple], killed_after: Callable[[int], None], tmp_path: Path
) -> None:
    """The epochs without a gain before the kill count: the training stops where it would have stopped without it."""
    # So low a rate changes no decision, on any machine: the first epoch is the best, and the third one too many.
    idle = {"epochs": 6, "learning_rate": 1e-9, "patience": 2}
    killed_after(2 * STEPS + 3)
    with pytest.raises(Killed):
        train(tmp_path / "run", **idle)
    _, history = train(tmp_path / "run", **idle)
    assert history["epoch"].tolist() == [1, 2, 3]


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.long)])
def test_training_that_is_told_to_end_saves_first(
    train: Callable[..., tuple],
    undisturbed: Callable[[str], tuple],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    number: signal.Signals,
) -> None:
    """Slurm's warning or Ctrl-C: a checkpoint, whatever the interval, and a status that means "try again"."""
    batch = TokenBatches.__getitem__
    left = iter(range(12, -1, -1))

    def told(self: Any, index: int) -> tuple:
        if next(left, None) == 0:
            os.kill(os.getpid(), number)
        return batch(self, index)

    before = signal.getsignal(number)
    monkeypatch.setattr(TokenBatches, "__getitem__", told)
    with pytest.raises(SystemExit) as ended:
        train(tmp_path / "run", every=3600)
    assert ended.value.code == os.EX_TEMPFAIL
    assert signal.getsignal(number) == before
    monkeypatch.setattr(TokenBatches, "__getitem__", batch)
    assert list((tmp_path / "run").glob("*.npz"))
    assert_same(train(tmp_path / "run", every=3600), undisturbed("plain"))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"learning_rate": 1e-3}, "other settings (learning_rate 0.003, now 0.001)"),
        pytest.param({"seed": 2}, "other seed", marks=pytest.mark.long),
        pytest.param({"other_labels": True}, "other data_sha256", marks=pytest.mark.long),
    ],
)
def test_checkpoint_of_another_training_is_refused(
    train: Callable[..., tuple],
    killed_after: Callable[[int], None],
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
    changes: dict[str, Any],
    reason: str,
) -> None:
    """With the reason, and the training begins afresh."""
    killed_after(4)
    with pytest.raises(Killed):
        train(tmp_path / "run")
    resumed = train(tmp_path / "run", **changes)
    assert reason in caplog.text
    assert "resumes at epoch" not in caplog.text
    assert_same(resumed, train(tmp_path / "fresh", every=3600, **changes))


def test_checkpoint_of_other_code_is_refused(
    train: Callable[..., tuple],
    undisturbed: Callable[[str], tuple],
    killed_after: Callable[[int], None],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
) -> None:
    """A new version of the scripts may compute something else."""
    killed_after(4)
    with pytest.raises(Killed):
        train(tmp_path / "run")
    monkeypatch.setattr(fine_tuning, "code_version", lambda modules: "another")
    assert_same(train(tmp_path / "run"), undisturbed("plain"))
    assert "other code" in caplog.text
