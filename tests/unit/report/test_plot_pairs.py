"""The matrix of rows against rows."""

import itertools
import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bert_ladder.report.charts import FigureFiles
from bert_ladder.report.figures.pairs import NONE, pairs_chart, plot_pairs
from bert_ladder.report.results import both_ways

COLUMNS = ["model_a", "model_b", "metric", "difference", "low", "high", "p_value", "p_holm", "test", "scope"]
COLUMNS += ["verdict", "seeds_a", "seeds_b", "seeds_needed", "examples_needed", "mcnemar"]
ROWS = {"nb_svm": 0.9152, "NA": 0.8065, "</script><b>": 0.8468, "BERT-Medium": 0.8448}
MODELS, SEEDS = "these trained models", "seeds and examples"


def build_pairs(rows: dict[str, float], scopes: tuple[str, ...] = (SEEDS,)) -> pd.DataFrame:
    lines = []
    for (a, b), scope in zip(itertools.combinations(rows, 2), itertools.cycle(scopes), strict=False):
        difference = rows[a] - rows[b]
        verdict = "not separable" if abs(difference) < 0.01 else "better" if difference > 0 else "worse"
        needed = 12 if verdict == "not separable" else None
        numbers = [difference, difference - 0.003, difference + 0.005, 0.01, 0.03]
        lines.append([a, b, "accuracy", *numbers, "permutation test", scope, verdict, 1, 3, needed, None, "0.01; 0.2"])
    return pd.DataFrame(lines, columns=COLUMNS)


def cells_of(spec: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    (name,) = spec["datasets"]
    return {(cell["model_a"], cell["model_b"]): cell for cell in spec["datasets"][name]}


def test_both_triangles_are_filled():
    """Every row meets every other twice, with mirrored difference, interval, verdict and seeds."""
    cells = both_ways(build_pairs(ROWS)).set_index(["model_a", "model_b"])
    assert sorted(cells.index) == sorted(itertools.permutations(ROWS, 2))
    one, other = cells.loc[("nb_svm", "NA")], cells.loc[("NA", "nb_svm")]
    assert (one["verdict"], other["verdict"]) == ("better", "worse")
    assert other["difference"] == -one["difference"]
    assert (other["low"], other["high"]) == (-one["high"], -one["low"])
    assert (other["seeds_a"], other["seeds_b"]) == (one["seeds_b"], one["seeds_a"])
    assert cells.loc[("BERT-Medium", "</script><b>"), "verdict"] == "not separable"


def test_cells_say_points_and_verdict():
    """Cells show points with a verdict in words, in table order, and colours centred on no difference."""
    spec = pairs_chart(build_pairs(ROWS)).to_dict()
    cells = cells_of(spec)
    assert cells["nb_svm", "NA"]["difference"] == pytest.approx(10.87)
    assert cells["nb_svm", "NA"]["shown"] == "better" and cells["NA", "nb_svm"]["shown"] == "worse"
    assert cells["BERT-Medium", "</script><b>"]["shown"] == "n.s."
    assert (cells["nb_svm", "NA"]["seeds_needed"], cells["BERT-Medium", "</script><b>"]["seeds_needed"]) == (NONE, "12")
    encoding = spec["layer"][0]["encoding"]
    assert encoding["x"]["sort"] == encoding["y"]["sort"] == list(ROWS)
    low, middle, high = encoding["color"]["scale"]["domain"]
    assert -low == high == pytest.approx(10.87) and middle == 0


@pytest.mark.parametrize(
    ("scopes", "marked", "said"),
    [
        pytest.param((SEEDS,), set(), False, id="seeds"),
        pytest.param((MODELS,), set(), True, id="models"),
        pytest.param((MODELS, SEEDS), {MODELS}, True, id="both"),
    ],
)
def test_scope_is_said(scopes: tuple[str, ...], marked: set[str], said: bool):
    """Verdicts about trained models only are said to be: once if all are, else by a mark in their cells."""
    spec = pairs_chart(build_pairs(ROWS, scopes)).to_dict()
    assert {cell["scope"] for cell in cells_of(spec).values() if cell["shown"].endswith("*")} == marked
    assert ("trained models" in json.dumps(spec["title"])) == said


def test_tooltip_tells_how_the_verdict_came():
    """Pointing at a cell shows the interval, both p-values, the test, its scope, and the seeds or examples needed."""
    tooltip = pairs_chart(build_pairs(ROWS)).to_dict()["layer"][0]["encoding"]["tooltip"]
    fields = {entry["field"] for entry in tooltip}
    assert fields >= {"low", "high", "p_value", "p_holm", "test", "scope", "seeds_needed", "examples_needed", "seeds"}


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(ROWS, id="four"),
        pytest.param({"same": 0.5, "same too": 0.5}, id="two-equal"),
        pytest.param({f"row {index}": 0.8 + index / 100 for index in range(12)}, id="twelve"),
    ],
)
def test_files_name_every_row(tmp_path: Path, rows: dict[str, float]):
    """The three files are written, and the SVG names each row at the left and at the top."""
    build_pairs(rows).to_csv(tmp_path / "pairs.csv", index=False)
    spec, figure, pdf = (tmp_path / f"pairs.{suffix}" for suffix in ("vl.json", "svg", "pdf"))
    plot_pairs(tmp_path / "pairs.csv", FigureFiles(spec, figure, pdf))
    assert set(cells_of(json.loads(spec.read_text(encoding="utf-8")))) == set(itertools.permutations(rows, 2))
    assert pdf.read_bytes().startswith(b"%PDF")
    texts = [text.text for text in ElementTree.parse(figure).getroot().iter("{http://www.w3.org/2000/svg}text")]
    assert [texts.count(name) for name in rows] == [2] * len(rows)


def test_one_row_has_nothing_to_compare(tmp_path: Path):
    """With one row the figure says that there is nothing to compare."""
    build_pairs({"alone": 0.5}).to_csv(tmp_path / "pairs.csv", index=False)
    files = FigureFiles(*(tmp_path / f"pairs.{suffix}" for suffix in ("vl.json", "svg", "pdf")))
    plot_pairs(tmp_path / "pairs.csv", files)
    assert "nothing to compare" in (tmp_path / "pairs.svg").read_text(encoding="utf-8")
