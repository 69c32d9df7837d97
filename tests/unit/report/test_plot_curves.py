"""The ROC and precision-recall curves."""

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from bert_ladder.data.frames import write_labels
from bert_ladder.evaluation.predictions import predictions_frame
from bert_ladder.report.figures.curves import (
    FALSE_POSITIVE_RATES,
    PR,
    RECALLS,
    ROC,
    class_shares,
    curves_chart,
    precision_heights,
    roc_heights,
    row_curves,
)
from plot_curves import main


def seed_part(seed: int, classes: int, texts: int = 400, labels: np.ndarray | None = None) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    if labels is None:
        labels = np.arange(texts) % classes
    scores = generator.normal(size=(len(labels), classes)) + 1.5 * np.eye(classes)[labels]
    scores = np.exp(scores)
    return predictions_frame("test", np.arange(len(labels)), labels, scores / scores.sum(axis=1, keepdims=True))


def draw(folder: Path, parts: list[pd.DataFrame], runs: list[dict], names: list[str], positive: int | None):
    """The specification and the texts of the SVG."""
    paths = [folder / f"{index}.parquet" for index in range(len(parts))]
    for path, part in zip(paths, parts, strict=True):
        part.to_parquet(path)
    write_labels(folder / "labels.json", names, positive)
    models = list(dict.fromkeys(run["model"] for run in runs))
    table = pd.DataFrame({"model": models, "roc_auc": np.linspace(0.12344, 0.5, len(models)), "pr_auc": 0.75})
    table.to_csv(folder / "table.csv", index=False)
    spec, figure, pdf = (folder / f"curves.{suffix}" for suffix in ("vl.json", "svg", "pdf"))
    main(
        SimpleNamespace(
            input=SimpleNamespace(predictions=paths, labels=folder / "labels.json", table=folder / "table.csv"),
            output=SimpleNamespace(spec=spec, figure=figure, pdf=pdf),
            params=SimpleNamespace(runs=runs),
        )
    )
    assert pdf.read_bytes().startswith(b"%PDF")
    svg = ElementTree.parse(figure).getroot()
    return spec.read_text(encoding="utf-8"), [text for text in svg.itertext() if text.strip()]


def lines_of(spec: dict[str, Any]) -> list[list[dict[str, Any]]]:
    """The lines of data of the ROC panel and of the other."""
    return [spec["datasets"][panel["layer"][-1]["data"]["name"]] for panel in spec["hconcat"]]


def test_perfect_model():
    """A model that ranks every positive text first finds all at no false positive, at full precision at any recall."""
    target = np.arange(50) % 2 == 1
    for curve in (roc_heights, precision_heights):
        heights = curve(target, target * 0.9)
        assert heights.tolist() == [1.0] * len(heights)
    ((_, roc), (_, pr)) = row_curves(
        [predictions_frame("test", np.arange(50), target, np.eye(2)[target * 1])], [1]
    ).iterrows()
    assert (roc["x"][:2], roc["y"][:2]) == ([0, 0], [0, 1])  # straight up from the corner
    assert set(pr["y"]) == {1.0}


def test_constant_probabilities():
    """A model that says the same of every text has the diagonal and the class's share as precision."""
    target = np.arange(40) % 4 == 0
    assert roc_heights(target, np.full(40, 0.5)) == pytest.approx(FALSE_POSITIVE_RATES)
    assert precision_heights(target, np.full(40, 0.5)) == pytest.approx(np.full(len(RECALLS), 0.25))


def test_surest_mistake_comes_first():
    """Where the surest text is a negative one, the curves begin with that mistake: nothing is made of no prediction."""
    target, score = np.array([False, True, True, False]), np.array([0.9, 0.8, 0.7, 0.1])
    heights = precision_heights(target, score)
    assert heights[0] == pytest.approx(1 / 2) and heights[-1] == pytest.approx(2 / 3)
    heights = roc_heights(target, score)
    assert heights[0] == 0 and heights[-1] == 1


def test_curves_have_the_areas_of_scikit_learn():
    """The thinned curves enclose nearly as much as all their points."""
    part = seed_part(1, 2, texts=2000)
    target, score = part["label"].to_numpy() == 1, part["probability_1"].to_numpy()
    area = np.trapezoid(roc_heights(target, score), FALSE_POSITIVE_RATES)
    assert area == pytest.approx(roc_auc_score(target, score), abs=0.01)
    area = np.trapezoid(precision_heights(target, score), RECALLS)
    assert area == pytest.approx(average_precision_score(target, score), abs=0.01)
    assert len(FALSE_POSITIVE_RATES) == len(RECALLS) <= 200


def test_mean_and_band_over_seeds():
    """The line is the mean of the seeds' curves at each place, the band their least and greatest."""
    parts = [seed_part(seed, 2) for seed in (1, 2, 3)]
    alone = pd.concat([row_curves([part], [1]) for part in parts])
    together = row_curves(parts, [1])
    assert len(together) == 2
    for _, line in together.iterrows():
        heights = np.array(alone.loc[alone["curve"] == line["curve"], "y"].tolist())
        assert line["y"] == pytest.approx(heights.mean(axis=0), abs=2e-4)
        assert line["low"] == heights.min(axis=0).tolist() and line["high"] == heights.max(axis=0).tolist()
        assert line["seeds"] == 3


def test_classes_are_averaged():
    """Of more than two classes a curve is the mean; an absent class is left out."""
    part = seed_part(1, 4, labels=np.arange(300) % 3)
    shares = class_shares(part["label"], range(4))
    assert shares == pytest.approx({0: 1 / 3, 1: 1 / 3, 2: 1 / 3})
    curves = row_curves([part], list(shares)).set_index("curve")
    singles = [row_curves([part], [code]).set_index("curve") for code in range(3)]
    for curve in (ROC, PR):
        mean = np.mean([single.loc[curve, "y"] for single in singles], axis=0)
        assert curves.loc[curve, "y"] == pytest.approx(mean, abs=2e-4)


@pytest.mark.parametrize(("positive", "shown"), [(0, 0), (1, 1), (None, 1)])
def test_positive_class_of_two(tmp_path: Path, positive: int | None, shown: int):
    """With two classes the curves are of the positive class, of the second where none is named, and say so."""
    part = seed_part(1, 2, labels=(np.arange(300) % 3 == 0).astype(int))
    spec, texts = draw(tmp_path, [part], [{"model": "NA", "seed": 1}], ["no </b>", "yes"], positive)
    expected = row_curves([part], [shown])["y"].tolist()
    assert [line["y"] for (line,) in lines_of(json.loads(spec))] == expected
    assert any(("no </b>", "yes")[shown] in text for text in texts if "Positive class" in text)


def test_rows_and_classes_in_the_figure(tmp_path: Path):
    """Every row has two curves, in table order, and one name in the legend; the title counts the classes."""
    runs = [{"model": model, "seed": seed} for model in ("</script><b>", "7", 'a "quoted\\"') for seed in (1, 2)]
    parts = [seed_part(seed, 3, labels=np.arange(100) % 2) for seed in range(6)]
    spec, texts = draw(tmp_path, parts, runs, ["a", "b", "c"], None)
    roc, pr = lines_of(json.loads(spec))
    for lines in (roc, pr):
        assert [line["model"] for line in lines] == ["</script><b>", "7", 'a "quoted\\"']
    # The areas of the table.
    assert [line["area"] for line in roc] == [0.1234, 0.3117, 0.5] and {line["area"] for line in pr} == {0.75}
    assert all(texts.count(run["model"]) == 1 for run in runs)
    assert any("2 of the 3 classes" in text for text in texts)


def test_test_split_of_one_class(tmp_path: Path):
    """Where all test texts are of one class there is no curve, and the figure says so."""
    part = seed_part(1, 2, labels=np.ones(30, int))
    spec, texts = draw(tmp_path, [part], [{"model": "row", "seed": 1}], ["no", "yes"], 1)
    assert "hconcat" not in json.loads(spec)
    assert any("one class" in text for text in texts)


def test_file_stays_small():
    """Ten rows stay below 300 kB, however many texts and seeds they have."""
    curves = row_curves([seed_part(seed, 2, texts=5000) for seed in (1, 2)], [1])
    rows = pd.concat([curves.assign(model=f"BERT {row}", area=0.9) for row in range(10)])
    spec = curves_chart(rows, 0.5, "Positive class: yes.").to_dict()
    assert len(json.dumps(spec, indent=2)) < 300_000
