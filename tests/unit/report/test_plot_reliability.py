"""The reliability diagrams."""

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from bert_ladder.evaluation.metrics import expected_calibration_error
from bert_ladder.evaluation.predictions import predictions_frame
from bert_ladder.report.figures.reliability import confidence_and_hit, reliability_chart, row_bins
from plot_reliability import main


def seed_part(seed: int, classes: int = 2, texts: int = 500) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, classes, texts)
    scores = np.exp(generator.normal(size=(texts, classes)) + 1.5 * np.eye(classes)[labels])
    return predictions_frame("test", np.arange(texts), labels, scores / scores.sum(axis=1, keepdims=True))


def error_of(part: pd.DataFrame) -> float:
    """The expected calibration error of one seed, as its metrics have it."""
    return expected_calibration_error(*confidence_and_hit(part))


@pytest.mark.parametrize("classes", [2, 6])
def test_bins_add_up_to_the_error(classes: int):
    """The bins hold every prediction once, and their gaps weighted by share are the calibration error."""
    part = seed_part(1, classes)
    bins = row_bins([part])
    assert bins["count"].sum() == len(part) and bins["share"].sum() == pytest.approx(1)
    assert (bins["low"] < bins["confidence"]).all() and (bins["confidence"] <= bins["high"]).all()
    gaps = (bins["confidence"] - bins["accuracy"]).abs()
    assert (gaps * bins["share"]).sum() == pytest.approx(error_of(part))
    right = (part["label"] == part["prediction"]).sum()
    assert (bins["accuracy"] * bins["count"]).sum() == pytest.approx(right)


def test_seeds_are_pooled():
    """The bins are of all seeds together."""
    assert row_bins([seed_part(seed) for seed in (1, 2, 3)])["count"].sum() == 1500


@pytest.mark.parametrize(
    ("probability", "right", "error"),
    [
        pytest.param(1.0, 40, 0.0, id="sure-and-right"),
        pytest.param(1.0, 10, 0.75, id="sure-and-wrong"),
        pytest.param(0.5, 20, 0.0, id="a-guess"),
    ],
)
def test_constant_probabilities(probability: float, right: int, error: float):
    """A row that is always as sure has one bin, also at the ends of the scale, and can be drawn."""
    labels = (np.arange(40) >= right).astype(int)
    part = predictions_frame("test", np.arange(40), labels, np.tile([probability, 1 - probability], (40, 1)))
    (line,) = row_bins([part]).to_dict("records")
    assert (line["confidence"], line["accuracy"], line["share"]) == (probability, right / 40, 1)
    assert error_of(part) == pytest.approx(error)
    spec = reliability_chart(row_bins([part]).assign(model="row"), {"row": (error_of(part), 0.01)}).to_dict()
    for layer in spec["spec"]["layer"][:3]:
        low, high = layer["encoding"]["x"]["scale"]["domain"]
        assert low < high == 1 and low <= right / 40


@pytest.mark.parametrize("classes", [2, 6])
def test_files_from_files(tmp_path: Path, classes: int):
    """Named as the rule names them, test predictions become a panel per row with its name and the table's error."""
    runs = [{"model": model, "seed": seed} for model in ("</script><b>", "NA", 'a "quoted\\"') for seed in (1, 2)]
    errors = {"</script><b>": 0.1234, "NA": 0.0, 'a "quoted\\"': 0.98765}
    table = pd.DataFrame({"model": errors.keys(), "ece": errors.values(), "calibrated_ece": 0.0567})
    table.to_csv(tmp_path / "table.csv", index=False)
    paths = []
    for seed in range(len(runs)):
        train = seed_part(99, classes).assign(split=pd.Categorical(["train"] * 500, ["train", "validation", "test"]))
        paths.append(tmp_path / f"{seed}.parquet")
        pd.concat([train, seed_part(seed, classes)], ignore_index=True).to_parquet(paths[-1])
    spec, figure, pdf = (tmp_path / f"reliability.{suffix}" for suffix in ("vl.json", "svg", "pdf"))
    main(
        SimpleNamespace(
            input=SimpleNamespace(predictions=paths, table=tmp_path / "table.csv"),
            output=SimpleNamespace(spec=spec, figure=figure, pdf=pdf),
            params=SimpleNamespace(runs=runs),
        )
    )
    saved = json.loads(spec.read_text(encoding="utf-8"))
    bins = pd.DataFrame(next(iter(saved["datasets"].values()))).query("kind == 'bin'")
    assert bins.groupby("model")["count"].sum().tolist() == [1000] * 3
    svg = ElementTree.parse(figure).getroot()
    texts = [text for text in svg.itertext() if text.strip()]
    for row in range(3):
        assert texts.count(runs[2 * row]["model"]) == 1
    assert {"ECE 12.34% → 5.67%", "ECE 0.00% → 5.67%", "ECE 98.77% → 5.67%"} <= set(texts)
    assert pdf.read_bytes().startswith(b"%PDF")
