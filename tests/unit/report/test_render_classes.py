"""The page of the classes: means over seeds, hardest first, readable with many."""

import json
import re
from html import unescape
from pathlib import Path
from types import SimpleNamespace

import pytest

from bert_ladder.report.classes_page import render_classes
from render_classes import main

HOSTILE = "<img src=x onerror='window.pwned = 1'>"
Measures = tuple[float, float, float, int]


def write_runs(folder: Path, *runs: tuple[str, dict[str, Measures]]) -> tuple[list[Path], list[dict[str, str]]]:
    """metrics.json of some runs, each a row and by class its precision, recall, F1 and test texts."""
    paths = []
    for index, (_, classes) in enumerate(runs):
        measures = {
            name: dict(zip(("precision", "recall", "f1", "support"), map(float, values), strict=True))
            for name, values in classes.items()
        }
        paths.append(folder / f"{index}.json")
        paths[-1].write_text(json.dumps({"class_metrics": json.dumps(measures)}))
    return paths, [{"model": model} for model, _ in runs]


def page_of(folder: Path, *runs: tuple[str, dict[str, Measures]]) -> str:
    """The page of some runs."""
    render_classes(*write_runs(folder, *runs), {"Weighted": "10 for <b>"}, folder / "classes.html")
    return (folder / "classes.html").read_text(encoding="utf-8")


def tables_of(page: str) -> list[list[list[str]]]:
    """The cells of each table, headers included."""
    tables = [table.split("</table>")[0].splitlines() for table in page.split("<table>")[1:]]
    cells = [[re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", line) for line in table] for table in tables]
    return [[[unescape(cell).strip() for cell in line] for line in table if line] for table in cells]


SEEDS = [
    ("Tiny", {"a": (0.9, 0.8, 0.84, 10), "b": (0.5, 0.6, 0.54, 1200), "c": (0, 0, 0, 0)}),
    ("Tiny", {"a": (0.7, 0.6, 0.64, 10), "b": (0.7, 0.8, 0.74, 1200), "c": (0, 0, 0, 0)}),
    ("NA", {"a": (1, 0.5, 2 / 3, 10), "b": (0.3, 0.2, 0.24, 1200), "c": (0, 0, 0, 0)}),
]


def test_means_over_seeds_hardest_first(tmp_path: Path) -> None:
    """F1 of every row side by side, then all measures row by row; a class without test texts has none, at the end."""
    overview, tiny, other = tables_of(page_of(tmp_path, *SEEDS))
    assert overview == [
        ["Class", "Test texts", "Tiny", "NA"],
        ["b", "1,200", "64.0", "24.0"],
        ["a", "10", "74.0", "66.7"],
        ["c", "0", "–", "–"],  # noqa: RUF001
    ]
    assert tiny == [
        ["Class", "Test texts", "Precision", "Recall", "F1"],
        ["b", "1,200", "60.0", "70.0", "64.0"],
        ["a", "10", "80.0", "70.0", "74.0"],
        ["c", "0", "–", "–", "–"],  # noqa: RUF001
    ]
    assert other[2] == ["a", "10", "100.0", "50.0", "66.7"]


def test_weights_of_a_row_are_told(tmp_path: Path) -> None:
    """With its table, and of no other row."""
    classes = {"a": (0.5, 0.5, 0.5, 4), "b": (1, 1, 1, 4)}
    page = page_of(tmp_path, ("Weighted", classes), ("Plain", classes))
    assert page.count("Trained with class weights") == 1
    assert "Trained with class weights (10 for &lt;b&gt;); the measures are not weighted." in page


def test_many_classes_are_folded(tmp_path: Path) -> None:
    """With 150 classes the rows' tables are folded but for the first, and none of their lines is lost."""
    classes = {f"class {index}": (0.5, 0.5, index / 150, 40) for index in range(149, -1, -1)}
    page = page_of(tmp_path, *((f"row {index}", classes) for index in range(5)))
    assert re.findall("<details[^>]*>", page) == ["<details open>", *["<details>"] * 4]
    tables = tables_of(page)
    assert [len(table) for table in tables] == [151] * 6
    assert [line[0] for line in tables[0][1:]] == [f"class {index}" for index in range(150)]


@pytest.mark.parametrize("name", [HOSTILE, "'=1", "NA", "1"])
def test_any_name_is_text(tmp_path: Path, name: str) -> None:
    """Names of rows and classes are shown as they are."""
    page = page_of(tmp_path, (name, {name: (0.5, 0.5, 0.5, 4), "other": (1, 1, 1, 4)}))
    assert "<img" not in page
    assert tables_of(page)[0][1][0] == name
    assert tables_of(page)[0][0][2] == name
    assert name in unescape(re.search("<summary>(.*)</summary>", page)[1])


def test_main_maps_the_job(tmp_path: Path) -> None:
    """main passes each name of the job to its argument."""
    paths, runs = write_runs(tmp_path, *SEEDS)
    job = SimpleNamespace(
        input=SimpleNamespace(metrics=paths),
        params=SimpleNamespace(runs=runs, class_weights={}),
        output=SimpleNamespace(page=tmp_path / "classes.html"),
    )
    main(job)
    assert len(tables_of((tmp_path / "classes.html").read_text())) == 3
