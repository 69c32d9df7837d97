"""The figure of accuracy against size and cost."""

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bert_ladder.report.charts import FigureFiles
from bert_ladder.report.figures.accuracy import accuracy_chart, plot_accuracy
from bert_ladder.report.timing import front

LADDER = [
    ("nb_svm", "baseline", 4_000_000, 0.9152, 0.4),
    ("tfidf_logistic_regression", "baseline", 1_000_000, 0.9050, 0.3),
    ("BERT-Tiny", "bert", 4_385_920, 0.8065, 1.2),
    ("BERT-Small", "bert", 28_763_648, 0.8468, 8.0),
    ("BERT-Medium", "bert", 41_373_184, 0.8418, 15.0),
    ("BERT-Medium long", "bert", 41_373_184, 0.8420, 15.5),
]
WITHOUT = float("nan")


def build_table(rows: list[tuple[str, str, int, float, float]]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["model", "kind", "parameters", "test_accuracy", "latency_ms"])
    table["test_accuracy_low"] = table["test_accuracy"] - 0.005
    table["test_accuracy_high"] = table["test_accuracy"] + 0.005
    table = table.assign(throughput=1000 / table["latency_ms"], memory_mb=512.4, training_seconds=61.25)
    return table.assign(processor="A", cores=2, threads=2, other_load=0.1, throughput_spread=0.1)


def draw(folder: Path, table: pd.DataFrame) -> dict[str, Any]:
    """Specification, SVG and PDF in the folder; the specification."""
    table.to_csv(folder / "table.csv", index=False)
    paths = [folder / f"accuracy.{suffix}" for suffix in ("vl.json", "svg", "pdf")]
    plot_accuracy(folder / "table.csv", FigureFiles(*paths))
    assert paths[2].read_bytes().startswith(b"%PDF")
    return json.loads(paths[0].read_text(encoding="utf-8"))


def panel_data(spec: dict[str, Any], panel: int) -> list[dict[str, Any]]:
    names = {layer["data"]["name"] for layer in spec["hconcat"][panel]["layer"]}
    return [line for name in names for line in spec["datasets"][name]]


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(LADDER, id="ladder"),
        pytest.param(LADDER[2:3], id="one-row"),
        pytest.param(LADDER[:2], id="baselines-only"),
        pytest.param(LADDER[2:], id="no-baselines"),
        pytest.param([("NA", "bert", 1000, 1.0, 1.0), ("</script><b>", "bert", 1000, 1.0, 1.0)], id="odd-names"),
        pytest.param([(f"BERT-{index:02}", "bert", 4_000_000, 0.8, 2.0) for index in range(24)], id="crowd"),
    ],
)
def test_figure_shows_every_row(tmp_path: Path, rows: list):
    """Both panels hold every row's numbers, and the SVG opens and holds every row's name in each."""
    spec = draw(tmp_path, build_table(rows))
    for panel in (0, 1):
        shown = {(line["model"], line["accuracy"]) for line in panel_data(spec, panel) if "accuracy" in line}
        assert shown == {(model, accuracy) for model, _, _, accuracy, _ in rows}
    svg = ElementTree.parse(tmp_path / "accuracy.svg").getroot()
    texts = [text.text for text in svg.iter("{http://www.w3.org/2000/svg}text")]
    assert [texts.count(model) for model, *_ in rows] == [2] * len(rows)


def test_rows_of_one_size_stand_side_by_side():
    """Two rows with the same encoder are drawn apart, and their true size is kept for the tooltip."""
    spec = accuracy_chart(build_table(LADDER)).to_dict()
    points = [line for line in panel_data(spec, 0) if "accuracy" in line and "Medium" in line["model"]]
    assert points[0]["x"] < points[0]["parameters"] == points[1]["parameters"] < points[1]["x"]


def test_line_joins_the_front():
    """The step line goes through the rows that no other row beats, and on to the end of the axis."""
    spec = accuracy_chart(build_table(LADDER)).to_dict()
    corners = sorted((line["x"], line["level"]) for line in panel_data(spec, 1) if "level" in line)
    assert corners[:2] == [(0.3, 0.9050), (0.4, 0.9152)]
    assert corners[2][1] == 0.9152 and len(corners) == 3
    layers = spec["hconcat"][1]["layer"]
    assert [layer["mark"]["interpolate"] for layer in layers if layer["mark"]["type"] == "line"] == ["step-after"]
    assert corners[2][0] == layers[0]["encoding"]["x"]["scale"]["domain"][1]


@pytest.mark.parametrize("column", [{"other_load": 1.0}, {"throughput_spread": 0.9}, {"processor": list("AABAAA")}])
def test_no_line_ranks_times_that_cannot_be_ranked(column: dict):
    """Where a row was disturbed, or timed elsewhere, the points stand without a line, and the panel says so."""
    spec = accuracy_chart(build_table(LADDER).assign(**column)).to_dict()
    assert not [line for line in panel_data(spec, 1) if "level" in line]
    assert "cannot be ranked" in spec["hconcat"][1]["title"]["subtitle"]
    assert {line["model"] for line in panel_data(spec, 1) if "accuracy" in line} == {row[0] for row in LADDER}


def test_front_keeps_what_nothing_beats():
    """A row is off the front if another is as good in both and better in one; equal rows do not beat each other."""
    accuracy, cost = [0.8, 0.9, 0.9, 0.85, 0.9, 0.7], [1.0, 3.0, 3.0, 2.0, 4.0, 1.0]
    assert front(accuracy, cost) == [True, True, True, True, False, False]


@pytest.mark.parametrize("column", ["empty", "absent"])
def test_without_times_there_is_one_panel(tmp_path: Path, column: str):
    """Where no row's speed was measured only the panel of sizes is drawn."""
    table = build_table([(*row[:4], WITHOUT) for row in LADDER])
    if column == "absent":
        table = table.drop(columns=["latency_ms", "throughput", "memory_mb", "training_seconds"])
    assert len(draw(tmp_path, table)["hconcat"]) == 1


def test_rows_without_time_are_left_out_of_the_cost():
    """A row whose speed was not measured is in the panel of sizes only, where its tooltip says so."""
    spec = accuracy_chart(build_table([*LADDER[:3], (*LADDER[3][:4], WITHOUT)])).to_dict()
    costs = {line["model"] for line in panel_data(spec, 1) if "accuracy" in line}
    assert costs == {row[0] for row in LADDER[:3]}
    (small,) = [line for line in panel_data(spec, 0) if line.get("model") == "BERT-Small" and "accuracy" in line]
    assert small["ms per text"] == "not measured"
    assert small["training seconds"] == "61.2" and small["memory (MB)"] == "512"


def test_far_labels_have_a_line_to_their_mark():
    """In a crowd, labels that had to move away are joined with their marks."""
    crowd = [(f"BERT-{index}", "bert", 4_000_000, 0.8 + index / 1000, 2 + index / 100) for index in range(7)]
    crowd += [("far", "bert", 4_000_000, 0.9, 20.0)]
    spec = accuracy_chart(build_table(crowd)).to_dict()
    assert any("x2" in line for line in panel_data(spec, 1))
