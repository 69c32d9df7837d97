"""The figure of a metric by row and seed."""

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bert_ladder.report.charts import FigureFiles
from bert_ladder.report.figures.rows import EXAMPLES, SEEDS, THESE_SEEDS, plot_rows, rows_chart

# Name, kind, parameters, accuracy, seeds.
LADDER = [
    ("tfidf_logistic_regression", "baseline", 1_000_000, 0.9050, 1),
    ("nb_svm", "baseline", 4_000_000, 0.9152, 1),
    ("BERT-Tiny", "bert", 4_385_920, 0.8065, 3),
    ("BERT-Small", "bert", 28_763_648, 0.8468, 10),
    ("=1+1", "bert", 41_373_184, 0.8418, 1),
]


def study(rows: list[tuple[str, str, int, float, int]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Table and runs of a study; F1 is half the accuracy, and the best baseline by accuracy is not the best by F1."""
    generator = np.random.default_rng(0)
    lines, runs = [], []
    for name, kind, parameters, accuracy, seeds in rows:
        values = accuracy + generator.normal(0, 0.003, seeds) * (seeds > 1)
        f1 = values / 2 + (0.05 if name == "tfidf_logistic_regression" else 0)
        line = {"model": name, "kind": kind, "parameters": parameters, "seeds": seeds}
        line["interval"] = "seeds and examples" if seeds > 1 else "wilson"
        for metric, found in {"test_accuracy": values, "f1": f1}.items():
            line |= {metric: found.mean(), f"{metric}_low": found.mean() - 0.01, f"{metric}_high": found.mean() + 0.01}
        lines.append(line)
        runs += [
            {"model": name, "kind": kind, "seed": seed, "test_accuracy": value, "f1": half}
            for seed, (value, half) in enumerate(zip(values, f1, strict=True), start=1)
        ]
    return pd.DataFrame(lines), pd.DataFrame(runs)


def drawn(spec: dict[str, Any], mark: str) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """The layers with a mark, each with its lines of data."""
    layers = [layer for layer in spec["layer"] if layer["mark"]["type"] == mark]
    return [(layer, spec["datasets"][layer.get("data", spec.get("data"))["name"]]) for layer in layers]


@pytest.mark.parametrize(("metric", "column"), [("accuracy", "test_accuracy"), ("f1", "f1")])
def test_every_row_and_seed_is_drawn(metric: str, column: str):
    """Each row's mean and interval and each single run stand in the figure, rows in table order."""
    table, runs = study(LADDER)
    spec = rows_chart(table, runs, metric).to_dict()
    (means, rows), (_, seeds) = drawn(spec, "point")
    assert means["encoding"]["y"]["sort"] == [name for name, *_ in LADDER]
    assert [row["value"] for row in rows] == pytest.approx(table[column])
    assert [(row["low"], row["high"]) for row in rows] == list(
        zip(table[f"{column}_low"], table[f"{column}_high"], strict=True)
    )
    assert [(run["model"], run["seed"], run["value"]) for run in seeds] == list(
        runs[["model", "seed", column]].itertuples(index=False, name=None)
    )
    low, high = means["encoding"]["x"]["scale"]["domain"]
    assert low < table[f"{column}_low"].min() and high > table[f"{column}_high"].max()


def test_interval_of_one_seed_looks_different():
    """A row with one seed is dashed, and the legend says that its interval is over examples only."""
    spec = rows_chart(*study(LADDER), "accuracy").to_dict()
    layer, rows = next((layer, rows) for layer, rows in drawn(spec, "rule") if "strokeDash" in layer["encoding"])
    dashes = layer["encoding"]["strokeDash"]["scale"]
    assert dict(zip(dashes["domain"], dashes["range"], strict=True)) == {SEEDS: [1, 0], EXAMPLES: [4, 3]}
    assert {row["model"] for row in rows if row["interval"] == EXAMPLES} == {LADDER[0][0], "nb_svm", "=1+1"}
    assert "legend" in layer["encoding"]["strokeDash"] and "examples only" in EXAMPLES


def test_several_seeds_compared_over_examples_speak_of_no_others():
    """What an interval is over comes from the table, not from the number of seeds."""
    table, runs = study(LADDER)
    spec = rows_chart(table.assign(interval="wilson"), runs, "accuracy").to_dict()
    layer, rows = next((layer, rows) for layer, rows in drawn(spec, "rule") if "strokeDash" in layer["encoding"])
    scale = layer["encoding"]["strokeDash"]["scale"]
    assert SEEDS not in scale["domain"] and set(map(tuple, scale["range"])) == {(4, 3)}
    assert {row["model"]: row["interval"] for row in rows}["BERT-Tiny"] == THESE_SEEDS
    assert "over seeds" not in json.dumps(spec)


@pytest.mark.parametrize(("metric", "best"), [("accuracy", "nb_svm"), ("f1", "tfidf_logistic_regression")])
def test_band_is_the_best_baseline(metric: str, best: str):
    """The band spans the interval of the baseline that is best by the metric of the figure, and is named."""
    spec = rows_chart(*study(LADDER), metric).to_dict()
    ((_, band),) = drawn(spec, "rect")
    assert [row["model"] for row in band] == [best]
    assert best in " ".join(spec["title"]["subtitle"])


def test_no_baseline_no_band():
    """Without a baseline there is no band, and nothing speaks of one."""
    spec = rows_chart(*study(LADDER[2:]), "accuracy").to_dict()
    assert not drawn(spec, "rect")
    assert "baseline" not in json.dumps(spec["title"])


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(LADDER, id="ladder"),
        pytest.param(LADDER[2:3], id="one-row"),
        pytest.param([("NA", "bert", 1000, 1.0, 1)], id="one-seed"),
        pytest.param([(f"</script><b>{index}", "bert", 1000, 0.5, 2) for index in range(12)], id="twelve-hostile"),
    ],
)
def test_files_name_every_row(tmp_path: Path, rows: list):
    """The three files are written from files, and the SVG names every row once, also one that the table quotes."""
    table, runs = study(rows)
    table["model"] = table["model"].str.replace(r"^=", "'=", regex=True)
    table.to_csv(tmp_path / "table.csv", index=False)
    paths = []
    for index, run in enumerate(runs.to_dict("records")):
        paths.append(tmp_path / f"{index}.json")
        paths[-1].write_text(json.dumps(run), encoding="utf-8")
    spec, figure, pdf = (tmp_path / f"rows.{suffix}" for suffix in ("vl.json", "svg", "pdf"))
    plot_rows(tmp_path / "table.csv", paths, "accuracy", FigureFiles(spec, figure, pdf))
    assert json.loads(spec.read_text(encoding="utf-8"))["layer"]
    assert pdf.read_bytes().startswith(b"%PDF")
    texts = [text.text for text in ElementTree.parse(figure).getroot().iter("{http://www.w3.org/2000/svg}text")]
    assert [texts.count(name) for name, *_ in rows] == [1] * len(rows)
