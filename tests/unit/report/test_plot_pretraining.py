"""The curves of pre-training."""

import json
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from bert_ladder.report.charts import FigureFiles
from bert_ladder.report.figures.pretraining import plot_pretraining, pretraining_chart
from plot_pretraining import main


def history(epochs: int, loss: float) -> pd.DataFrame:
    """A pretraining.csv."""
    epoch = pd.Series(range(1, epochs + 1))
    measured = {"validation_loss": loss / epoch, "validation_accuracy": 0.1 * epoch}
    return pd.DataFrame(
        {"epoch": epoch, "loss": 9.0, "accuracy": 0.0, "learning_rate": 1e-4, **measured, "seconds": 1.0}
    )


@pytest.mark.parametrize("epochs", [(3, 2), (1, 1), (12, 40)])
def test_figure_shows_what_was_held_out(tmp_path: Path, epochs: tuple[int, int]) -> None:
    """A point for every encoder, epoch and measure; not the running means of training."""
    files = [tmp_path / "a.csv", tmp_path / "b.csv"]
    for file, number in zip(files, epochs, strict=True):
        history(number, loss=6.0).to_csv(file, index=False)
    outputs = {name: tmp_path / f"figure.{name}" for name in ("spec", "figure", "pdf")}
    main(
        SimpleNamespace(
            input=SimpleNamespace(history=files),
            output=SimpleNamespace(**outputs),
            params=SimpleNamespace(encoders=["tiny", '<b> & "mini"']),
        )
    )
    ((_, data),) = json.loads(outputs["spec"].read_text())["datasets"].items()
    drawn = pd.DataFrame(data)
    assert drawn.groupby("encoder").size().to_dict() == dict(zip(["tiny", '<b> & "mini"'], epochs, strict=True))
    assert drawn["validation_loss"].max() == 6.0 and "loss" not in drawn
    assert "&lt;b&gt; &amp; " in outputs["figure"].read_text()
    assert outputs["pdf"].read_bytes().startswith(b"%PDF")


def test_every_encoder_has_its_mark_in_the_order_of_the_study() -> None:
    """Colour and shape tell them apart."""
    both = pd.concat([history(2, 6.0).assign(encoder="z"), history(2, 5.0).assign(encoder="a")])
    spec = pretraining_chart(both).to_dict()
    assert len(spec["concat"]) == 2
    points = spec["concat"][0]["layer"][1]["encoding"]
    assert points["color"]["scale"]["domain"] == points["shape"]["scale"]["domain"] == ["z", "a"]
    assert len(set(points["color"]["scale"]["range"])) == len(set(points["shape"]["scale"]["range"])) == 2


def test_tasks_of_some_encoders_have_panels_of_their_own(tmp_path: Path) -> None:
    """With the curves of those that have them."""
    history(2, 6.0).to_csv(tmp_path / "a.csv", index=False)
    history(3, 6.0).assign(validation_bag_loss=7.5).to_csv(tmp_path / "b.csv", index=False)
    outputs = [tmp_path / f"figure.{form}" for form in ("vl.json", "svg", "pdf")]
    plot_pretraining([tmp_path / "a.csv", tmp_path / "b.csv"], ["a", "b"], FigureFiles(*outputs))
    spec = json.loads(outputs[0].read_text())
    measures = [panel["layer"][0]["encoding"]["y"]["field"] for panel in spec["concat"]]
    assert measures == ["validation_loss", "validation_accuracy", "validation_bag_loss"]
    ((_, data),) = spec["datasets"].items()
    drawn = pd.DataFrame(data)
    assert drawn.groupby("encoder")["validation_bag_loss"].count().to_dict() == {"a": 0, "b": 3}
