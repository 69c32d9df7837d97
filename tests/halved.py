"""Jobs of a search that is halved, as the rules call them."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import train_rung
from trainings import SETTINGS

TRIED = {"learning_rate": 0.003}
# Of 6 steps in each epoch.
SETTING = {key: value for key, value in SETTINGS.items() if key not in TRIED} | {"batch_size": 8}


def job(files: dict[str, Any], folder: Path, **params: Any) -> SimpleNamespace:
    """A job that trains a trial, or a rung of it, in a folder of its own."""
    folder.mkdir()
    names = {"history": "history.csv", "training": "training.json", "state": "state.npz"}
    given = {"model": "Row", "seed": 3, "checkpoints": folder / "checkpoints", "training": SETTING} | params
    return SimpleNamespace(
        threads=1,
        resources={"gpu": 1},
        input=files,
        output=SimpleNamespace(**{key: folder / name for key, name in names.items()}),
        log=[folder / "job.log"],
        params=SimpleNamespace(**given),
    )


def first_rung(files: dict[str, Any], folder: Path, budget: float, **params: Any) -> SimpleNamespace:
    """A trial that was trained up to a budget."""
    trial = job(files, folder, **{"trial": "x", "tried": TRIED, "budget": budget} | params)
    train_rung.main(trial)
    return trial
