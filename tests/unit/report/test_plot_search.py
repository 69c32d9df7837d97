"""The figure of the searches."""

import itertools
import json
import random
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bert_ladder.report.charts import FigureFiles
from bert_ladder.report.figures.search import is_grid, plot_search, read_trials, search_chart


def write_search(folder: Path, values: list[dict[str, Any]], metric: str = "accuracy") -> tuple[Path, Path]:
    """trials.csv and chosen.json of a search whose trial at index i scores 0.8 + i / 1000 by the metric."""
    trials = pd.DataFrame(values)
    trials.insert(0, "trial", [f"{index:010}" for index in range(len(trials))])
    score = 0.8 + trials.index / 1000
    trials = trials.assign(score=score, score_sd=None)
    trials = trials.assign(validation_accuracy=score, validation_f1=score, validation_loss=score, cost=1.0, seeds=1)
    trials["rank"] = trials["score"].rank(ascending=metric == "loss").astype(int)
    trials["chosen"] = trials["rank"] == 1
    folder.mkdir(parents=True, exist_ok=True)
    trials.to_csv(folder / "trials.csv", index=False)
    (folder / "chosen.json").write_text(json.dumps({"metric": metric}), encoding="utf-8")
    return folder / "trials.csv", folder / "chosen.json"


def grid(**lists: list) -> list[dict[str, Any]]:
    return [dict(zip(lists, values, strict=True)) for values in itertools.product(*lists.values())]


def draws(count: int) -> list[dict[str, Any]]:
    generator = random.Random(0)
    return [
        {
            "learning_rate": float(f"{10 ** generator.uniform(-5, -3):.4g}"),
            "dropout": round(generator.uniform(0.1, 0.3), 4),
            "optimizer": generator.choice(["adam", "adamax"]),
        }
        for _ in range(count)
    ]


def chart_of(folder: Path, values: list[dict[str, Any]], metric: str = "accuracy") -> dict[str, Any]:
    path, _ = write_search(folder, values, metric)
    keys = list(values[0])
    return search_chart(read_trials(path, keys), "a row", keys, metric).to_dict()


def lines_of(spec: dict[str, Any], panel: int) -> list[dict[str, Any]]:
    # Altair moves data that parts share up to the whole.
    part = spec["concat"][panel]
    data = part["layer"][0].get("data") or part.get("data") or spec["data"]
    return spec["datasets"][data["name"]]


def marks_of(panel: dict[str, Any]) -> list[str]:
    return [layer["mark"]["type"] for layer in panel["layer"]]


def test_grid_is_heat_maps_by_the_keys_with_most_values(tmp_path: Path):
    """The axes are the two keys with most values, the third makes a panel each, and every trial stands in one cell."""
    values = grid(optimizer=["adam", "adamax"], batch_size=[16, 32, 64], learning_rate=[3e-5, 1e-4, 5e-5])
    spec = chart_of(tmp_path, values)
    encoding = spec["concat"][0]["layer"][0]["encoding"]
    assert (encoding["x"]["field"], encoding["y"]["field"]) == ("batch_size", "learning_rate")
    assert encoding["x"]["sort"] == ["16", "32", "64"] and encoding["y"]["sort"] == ["3e-5", "5e-5", "1e-4"]
    assert [panel["title"]["text"] for panel in spec["concat"]] == ["optimizer adam", "optimizer adamax"]
    lines = [line for panel in (0, 1) for line in lines_of(spec, panel)]
    assert sorted(line["score"] for line in lines) == pytest.approx([0.8 + index / 1000 for index in range(18)])
    assert sum(line["chosen"] for line in lines) == 1


def test_chosen_trial_is_framed(tmp_path: Path):
    """Of each heat map's cells only the chosen trial's gets a frame."""
    spec = chart_of(tmp_path, grid(batch_size=[16, 32], optimizer=["adam", "adamax"]))
    frame = spec["concat"][0]["layer"][-1]
    assert frame["mark"]["filled"] is False and frame["transform"] == [{"filter": "datum.chosen"}]
    assert [line["score"] for line in lines_of(spec, 0) if line["chosen"]] == [pytest.approx(0.803)]


def test_draws_are_scatters_by_key(tmp_path: Path):
    """Values from ranges are drawn key by key, on a log scale where they span more than a factor of ten."""
    spec = chart_of(tmp_path, draws(20))
    fields = [panel["layer"][0]["encoding"]["x"] for panel in spec["concat"]]
    assert [x["field"] for x in fields] == ["learning_rate", "dropout", "optimizer"]
    assert fields[0]["scale"]["type"] == "log" and "log scale" in fields[0]["title"]
    assert "type" not in fields[1]["scale"] and fields[2]["type"] == "nominal"
    assert all(marks_of(panel) == ["point", "point"] and len(lines_of(spec, 0)) == 20 for panel in spec["concat"])


@pytest.mark.parametrize(
    ("values", "marks"),
    [
        pytest.param(grid(learning_rate=[1e-5, 3e-5, 1e-3]), ["line", "point", "point"], id="numbers"),
        pytest.param(grid(optimizer=["adam", "sgd"]), ["point", "point"], id="names"),
        pytest.param(grid(batch_size=[16]), ["line", "point", "point"], id="one-trial"),
    ],
)
def test_one_key_is_one_panel(tmp_path: Path, values: list, marks: list[str]):
    """One searched key is drawn against the score; numbers are joined by a line."""
    spec = chart_of(tmp_path, values)
    assert [marks_of(panel) for panel in spec["concat"]] == [marks]


def test_key_that_does_not_vary_is_left_out(tmp_path: Path):
    """A key with one value takes no panel and no axis."""
    spec = chart_of(tmp_path, grid(batch_size=[16], learning_rate=[1e-5, 1e-4]))
    assert [panel["layer"][0]["encoding"]["x"]["field"] for panel in spec["concat"]] == ["learning_rate"]


@pytest.mark.parametrize(("metric", "named"), [("accuracy", "accuracy"), ("f1", "F1"), ("loss", "loss")])
def test_metric_is_named_and_better_is_darker(tmp_path: Path, metric: str, named: str):
    """The title names the metric, and the chosen trial has the darkest cell, also where less is better."""
    spec = chart_of(tmp_path, grid(batch_size=[16, 32], optimizer=["adam", "adamax"]), metric)
    assert f"Validation {named}" in spec["title"]["subtitle"]
    scale = spec["concat"][0]["layer"][0]["encoding"]["color"]["scale"]
    (chosen,) = [line["score"] for line in lines_of(spec, 0) if line["chosen"]]
    darkest = min(zip(scale["range"], scale["domain"], strict=True), key=lambda end: int(end[0][1:3], 16))
    assert darkest[1] == pytest.approx(chosen)


def test_null_and_true_are_settings(tmp_path: Path):
    """A setting of null stands last beside numbers; a switch has its two names."""
    spec = chart_of(tmp_path, grid(clipnorm=[None, 0.5, 1.0], xla=[True, False]))
    encoding = spec["concat"][0]["layer"][0]["encoding"]
    assert encoding["x"]["sort"] == ["0.5", "1.0", "none"]
    assert encoding["y"]["sort"] == ["True", "False"]


def test_halved_search_shows_every_trial_from_part_to_part(tmp_path: Path):
    """A panel more: a line per trial as far as it was trained; the subtitle says what the other panels show."""
    values = grid(batch_size=[16, 32], optimizer=["adam", "adamax"])
    path, _ = write_search(tmp_path, values)
    scores = {"score_at_0.1": [0.5, 0.6, 0.7, None], "score_at_0.3": [None, None, 0.8, None]}
    pd.read_csv(path, dtype={"trial": str}).assign(budget=[0.1, 0.1, 0.3, 0.1], **scores).to_csv(path, index=False)
    keys = list(values[0])
    spec = search_chart(read_trials(path, keys), "a row", keys, "accuracy").to_dict()
    assert "Each at the last part of its steps that it was trained for." in spec["title"]["subtitle"]
    *_, rungs = spec["concat"]
    axis = rungs["layer"][0]["encoding"]["x"]
    assert (axis["axis"]["values"], axis["scale"]["type"]) == ([0.1, 0.3], "log")
    points = [(line["part"], line["score_there"]) for line in lines_of(spec, len(spec["concat"]) - 1)]
    assert sorted(points) == [(0.1, 0.5), (0.1, 0.6), (0.1, 0.7), (0.3, 0.8)]


def test_what_reads_well_as_a_grid():
    """Full and mostly filled grids are heat maps; sparse ones, and those of very many values, are not."""
    full = pd.DataFrame(grid(a=[1, 2, 3], b=[1, 2, 3]))
    assert is_grid(full, ["a", "b"]) and is_grid(full.iloc[:7], ["a", "b"])
    sparse = pd.DataFrame(grid(a=list(range(5)), b=list(range(5)))).iloc[::3]
    assert not is_grid(sparse, ["a", "b"])
    assert not is_grid(pd.DataFrame(grid(a=list(range(13)), b=[1, 2])), ["a", "b"])


def test_files_name_every_row(tmp_path: Path):
    """The three files are written; the SVG opens and names each row, its keys and its scores."""
    searches = {"NA": grid(batch_size=[16, 32], optimizer=["adam", "adamax"]), "</script><b>": draws(5)}
    files = [write_search(tmp_path / str(index), values) for index, values in enumerate(searches.values())]
    spec, figure, pdf = (tmp_path / f"search.{suffix}" for suffix in ("vl.json", "svg", "pdf"))
    described = [{"model": model, "keys": list(values[0])} for model, values in searches.items()]
    out = FigureFiles(spec, figure, pdf)
    plot_search([trials for trials, _ in files], [chosen for _, chosen in files], described, out)
    assert len(json.loads(spec.read_text(encoding="utf-8"))["vconcat"]) == 2
    assert pdf.read_bytes().startswith(b"%PDF")
    texts = {text.text for text in ElementTree.parse(figure).getroot().iter("{http://www.w3.org/2000/svg}text")}
    assert {*searches, "batch_size", "optimizer", "80.30%", "learning_rate (log scale)"} <= texts
