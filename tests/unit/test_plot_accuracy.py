"""The figure of accuracy against size."""

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pandas as pd
import pytest

from plot_accuracy import place_labels, plot_accuracy


def write_table(path: Path, rows: list[tuple[str, str, int, float]]) -> Path:
    table = pd.DataFrame(rows, columns=["model", "kind", "parameters", "test_accuracy"])
    table["test_accuracy_low"] = table["test_accuracy"] - 0.005
    table["test_accuracy_high"] = table["test_accuracy"] + 0.005
    table.to_csv(path, index=False)
    return path


LADDER = [
    ("nb_svm", "baseline", 4_000_000, 0.9152),
    ("tfidf_logistic_regression", "baseline", 1_000_000, 0.9050),
    ("BERT-Tiny", "bert", 4_385_920, 0.8065),
    ("BERT-Small", "bert", 28_763_648, 0.8468),
    ("BERT-Medium", "bert", 41_373_184, 0.8418),
    ("BERT-Medium long", "bert", 41_373_184, 0.8420),
]


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(LADDER, id="ladder"),
        pytest.param(LADDER[2:3], id="one-row"),
        pytest.param(LADDER[:2], id="baselines-only"),
        pytest.param(LADDER[2:], id="no-baselines"),
        pytest.param([("NA", "bert", 1000, 1.0), ("<b> & 2", "bert", 1000, 1.0)], id="odd-names"),
        pytest.param([(f"BERT-{index:02}", "bert", 4_000_000, 0.8) for index in range(24)], id="crowd"),
    ],
)
def test_figure_shows_every_row(tmp_path: Path, rows: list):
    """The specification holds every row's numbers, and the SVG opens and holds every row's name."""
    table = write_table(tmp_path / "table.csv", rows)
    plot_accuracy(table, tmp_path / "accuracy.vl.json", tmp_path / "accuracy.svg")
    spec = json.loads((tmp_path / "accuracy.vl.json").read_text())
    data = [line for values in spec["datasets"].values() for line in values]
    drawn = {(line["model"], line["accuracy"]) for line in data if "accuracy" in line}
    assert drawn == {(model, accuracy) for model, _, _, accuracy in rows}
    svg = ElementTree.parse(tmp_path / "accuracy.svg").getroot()
    texts = {text.text for text in svg.iter("{http://www.w3.org/2000/svg}text")}
    assert {model for model, *_ in rows} <= texts


def test_rows_of_one_size_stand_side_by_side(tmp_path: Path):
    """Two rows with the same encoder are drawn apart, and their true size is kept for the tooltip."""
    table = write_table(tmp_path / "table.csv", LADDER)
    plot_accuracy(table, tmp_path / "accuracy.vl.json", tmp_path / "accuracy.svg")
    spec = json.loads((tmp_path / "accuracy.vl.json").read_text())
    data = [line for values in spec["datasets"].values() for line in values if "Medium" in line["model"]]
    points = [line for line in data if "accuracy" in line]
    assert points[0]["x"] < points[0]["parameters"] == points[1]["parameters"] < points[1]["x"]


def test_labels_do_not_overlap():
    """Marks in a cluster get labels that cover neither one another nor a mark, inside the plot."""
    marks = [(300 + 18 * column, 150 + 9 * column, 310 + 18 * column, 190 + 9 * column) for column in range(4)]
    marks += [(0, 10, 10, 30), (590, 370, 600, 390)]
    centres = place_labels([("BERT-Small", mark) for mark in marks], (600, 400), taken=[(0, 250, 600, 254)])
    boxes = [(x - 35, y - 7, x + 35, y + 7) for x, y in centres]
    for index, one in enumerate(boxes):
        for other in [*boxes[:index], *marks, (0, 250, 600, 254)]:
            assert one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
        assert one[0] >= 0 and one[1] >= 0 and one[2] <= 600 and one[3] <= 400
