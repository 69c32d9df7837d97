"""The learning curves."""

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pandas as pd
import pytest

from plot_history import plot_history, read_histories


def write_histories(folder: Path, runs: list[dict], epochs: int) -> list[Path]:
    paths = []
    for index, run in enumerate(runs):
        epoch = pd.Series(range(1, epochs + 1))
        history = pd.DataFrame({"epoch": epoch, "loss": 0.7 / epoch, "accuracy": 1 - 0.4 / epoch})
        history["validation_loss"], history["validation_accuracy"] = 0.6 + 0.01 * run["seed"], 0.7
        history["learning_rate"], history["seconds"] = 3e-5, 9.5
        paths.append(folder / f"{index}.csv")
        history.to_csv(paths[-1], index=False)
    return paths


RUNS = [{"model": model, "seed": seed} for model in ("BERT-Tiny", "<b> & 2", "7") for seed in (1, 2)]


def test_histories_in_long_form(tmp_path: Path):
    """Each run, epoch and part has one line, with the part's own loss and accuracy."""
    history = read_histories(write_histories(tmp_path, RUNS, epochs=3), RUNS)
    assert len(history) == len(RUNS) * 3 * 2
    line = history.query("model == 'BERT-Tiny' and seed == 2 and epoch == 2").set_index("part")
    assert line.loc["training", ["loss", "accuracy"]].tolist() == pytest.approx([0.35, 0.8])
    assert line.loc["validation", ["loss", "accuracy"]].tolist() == pytest.approx([0.62, 0.7])


@pytest.mark.parametrize("epochs", [1, 3, 30])
def test_figure_shows_every_run_and_epoch(tmp_path: Path, epochs: int):
    """The specification holds every number, every epoch has a mark, and the SVG opens and names every row."""
    paths = write_histories(tmp_path, RUNS, epochs)
    plot_history(paths, tmp_path / "history.vl.json", tmp_path / "history.svg", RUNS)
    spec = json.loads((tmp_path / "history.vl.json").read_text())
    data = [line for values in spec["datasets"].values() for line in values]
    assert {(line["model"], line["seed"]) for line in data} == {(run["model"], run["seed"]) for run in RUNS}
    assert {line["epoch"] for line in data} == set(range(1, epochs + 1))
    svg = ElementTree.parse(tmp_path / "history.svg").getroot()
    texts = {text.text for text in svg.iter("{http://www.w3.org/2000/svg}text")}
    assert {"BERT-Tiny", "<b> & 2", "7", "training", "validation"} <= texts
    symbols = [group for group in svg.iter() if group.get("aria-roledescription") == "point"]
    assert len(symbols) == len(RUNS) * epochs * 2 * 2
