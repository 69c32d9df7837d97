"""The learning curves."""

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bert_ladder.report.figures.history import (
    BEST,
    KEPT,
    LAST,
    MEAN,
    SEED,
    best_epochs,
    history_chart,
    long_history,
    mean_history,
)
from bert_ladder.report.records import read_histories
from plot_history import main

RUNS = [
    {"model": model, "seed": seed, "kind": "bert"} for model in ("BERT-Tiny", "<b> & \"2\\'", "NA") for seed in (1, 2)
]


def write_histories(folder: Path, runs: list[dict], lengths: list[int]) -> tuple[list[Path], list[Path]]:
    """history.csv and training.json of every run: the validation loss is least at epoch 2, whose weights are kept."""
    histories, trainings = [], []
    for index, (run, epochs) in enumerate(zip(runs, lengths, strict=True)):
        epoch = pd.Series(range(1, epochs + 1))
        history = pd.DataFrame({"epoch": epoch, "loss": 9.0, "accuracy": 0.1, "learning_rate": 3e-5, "seconds": 9.5})
        for part, (loss, accuracy) in {
            "train": (0.7 / epoch, 0.8),
            "validation": ((epoch - 2) ** 2 / 10 + 0.4, 0.7),
        }.items():
            history[f"{part}_loss"] = loss + 0.01 * run["seed"]
            history[f"{part}_accuracy"], history[f"{part}_f1"], history[f"{part}_ece"] = accuracy, 0.5, 0.02 * epoch
        for paths, name in ((histories, f"{index}.csv"), (trainings, f"{index}.json")):
            paths.append(folder / name)
        history.to_csv(histories[-1], index=False)
        trainings[-1].write_text(json.dumps({"kept_epoch": min(2, epochs)}), encoding="utf-8")
    return histories, trainings


def history_of(folder: Path, runs: list[dict], lengths: list[int]) -> pd.DataFrame:
    """The histories of some runs in long form."""
    return long_history(read_histories(*write_histories(folder, runs, lengths), runs))


def drawn(spec: dict[str, Any]) -> pd.DataFrame:
    ((_, data),) = spec["datasets"].items()
    return pd.DataFrame(data)


def test_histories_in_long_form(tmp_path: Path):
    """Each run, epoch and part has a line with what was measured after the epoch, not the running means."""
    history = history_of(tmp_path, RUNS, [3] * 6)
    assert len(history) == len(RUNS) * 3 * 2
    line = history.query("model == 'NA' and seed == 2 and epoch == 2").set_index("part")
    assert line.loc["training", ["loss", "accuracy", "ece"]].tolist() == pytest.approx([0.37, 0.8, 0.04])
    assert line.loc["validation", ["loss", "accuracy", "ece"]].tolist() == pytest.approx([0.42, 0.7, 0.04])
    assert set(history.loc[history["kept"], "epoch"]) == {2}


def test_means_over_epochs_of_all_seeds(tmp_path: Path):
    """Where early stopping ended a seed before the others, the row's mean ends with it; other rows go on."""
    history = history_of(tmp_path, RUNS, [3, 5, 4, 4, 1, 6])
    means = mean_history(history)
    assert means.groupby("model")["epoch"].max().to_dict() == {"BERT-Tiny": 3, RUNS[2]["model"]: 4, "NA": 1}
    line = means.query("model == 'BERT-Tiny' and epoch == 3 and part == 'training'")
    assert line["loss"].tolist() == pytest.approx([0.7 / 3 + 0.015])


def test_best_epoch_is_of_the_mean_validation_loss(tmp_path: Path):
    """The best epoch has the least mean validation loss; a row whose loss is no number has none."""
    history = history_of(tmp_path, RUNS, [3, 5, 4, 4, 1, 6])
    best = best_epochs(mean_history(history))
    assert best.set_index("model")["epoch"].to_dict() == {"BERT-Tiny": 2, RUNS[2]["model"]: 2, "NA": 1}
    history.loc[history["model"] == "NA", "loss"] = np.nan
    assert set(best_epochs(mean_history(history))["model"]) == {"BERT-Tiny", RUNS[2]["model"]}
    history_chart(history).to_dict()


def test_every_run_is_drawn(tmp_path: Path):
    """The data hold every seed's curves, the means, the end of each curve, the kept epochs and the best one."""
    data = drawn(history_chart(history_of(tmp_path, RUNS, [3, 5, 4, 4, 1, 6])).to_dict())
    assert data["role"].value_counts().to_dict() == {SEED: 2 * 23, MEAN: 2 * 8, LAST: 2 * 6, KEPT: 6, BEST: 3}
    kept = data[data["role"] == KEPT]
    assert set(kept["part"]) == {"validation"} and kept["epoch"].tolist() == [2, 2, 2, 2, 1, 2]


def test_one_seed_is_drawn_once(tmp_path: Path):
    """A row with one seed has one curve per part, and the figure speaks of no mean over seeds."""
    spec = history_chart(history_of(tmp_path, RUNS[:1], [4])).to_dict()
    assert set(drawn(spec)["role"]) == {MEAN, LAST, KEPT, BEST}
    assert "mean" not in json.dumps(spec["title"])


@pytest.mark.parametrize("epochs", [1, 3, 30])
def test_files_from_files(tmp_path: Path, epochs: int):
    """Named as the rule names them, files become figures; the SVG names every row once and marks every curve's end."""
    histories, trainings = write_histories(tmp_path, RUNS, [epochs] * 6)
    spec, figure, pdf = (tmp_path / f"history.{suffix}" for suffix in ("vl.json", "svg", "pdf"))
    main(
        SimpleNamespace(
            input=SimpleNamespace(history=histories, training=trainings),
            output=SimpleNamespace(spec=spec, figure=figure, pdf=pdf),
            params=SimpleNamespace(runs=RUNS),
        )
    )
    assert set(drawn(json.loads(spec.read_text(encoding="utf-8")))["epoch"]) == set(range(1, epochs + 1))
    assert pdf.read_bytes().startswith(b"%PDF")
    svg = ElementTree.parse(figure).getroot()
    texts = [text.text for text in svg.iter("{http://www.w3.org/2000/svg}text")]
    assert [texts.count(model) for model in ("BERT-Tiny", RUNS[2]["model"], "NA")] == [1, 1, 1]
    assert {"training", "validation", "Loss", "Accuracy", "ECE"} <= set(texts)
    marks = [mark for mark in svg.iter() if mark.get("aria-roledescription") == "point"]
    ends, rings = 2 * len(RUNS), len(RUNS)
    assert len(marks) == 3 * (ends + rings)
