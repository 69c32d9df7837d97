"""The confusion matrices."""

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bert_ladder.data.frames import write_labels
from bert_ladder.evaluation.predictions import predictions_frame
from bert_ladder.report.figures.confusion import MAX_CLASSES, confusion_chart, most_frequent
from plot_confusion import main

NAMES = ["</script><b>", "NA", 'a "quoted\\"']


def cells_of(spec: dict[str, Any]) -> dict[tuple[str, str, str], tuple[int, int]]:
    """Count and texts of the true class by row, true and predicted class."""
    return {
        (line["model"], line["true"], predicted): (count, line["texts"])
        for line in spec["datasets"][spec["data"]["name"]]
        for predicted, count in zip(line["predicted"], line["count"], strict=True)
    }


def test_perfect_row_has_a_diagonal():
    """A row without mistakes has all texts of a class on the diagonal."""
    cells = cells_of(confusion_chart({"perfect": np.diag([4, 5, 6])}, {"perfect": 1}, NAMES).to_dict())
    assert len(cells) == 9
    for (_, true, predicted), (count, texts) in cells.items():
        assert count == (texts if true == predicted else 0)


def test_absent_class_has_an_empty_line():
    """A class without test texts keeps its place on both axes and has no cells of its own."""
    spec = confusion_chart({"row": np.array([[3, 1, 0], [0, 0, 0], [0, 2, 2]])}, {"row": 1}, NAMES).to_dict()
    assert {true for _, true, _ in cells_of(spec)} == {NAMES[0], NAMES[2]}
    encoding = spec["spec"]["layer"][0]["encoding"]
    assert encoding["x"]["scale"]["domain"] == encoding["y"]["scale"]["domain"] == NAMES


def test_most_frequent_classes_of_many():
    """Of more classes than fit, the most frequent stay in their order, and the others are added up in a last column."""
    counts = np.array([[1, 0, 1, 0], [2, 5, 0, 1], [0, 0, 0, 0], [0, 3, 1, 4]])
    kept, true, predicted = most_frequent(counts, ["a", "b", "c", "d"], 2)
    assert (true, predicted) == (["b", "d"], ["b", "d", "(2 others)"])
    assert kept.tolist() == [[5, 1, 2], [3, 4, 1]]
    assert kept.sum(axis=1).tolist() == counts.sum(axis=1)[[1, 3]].tolist()


@pytest.mark.parametrize(("classes", "said"), [(MAX_CLASSES, False), (MAX_CLASSES + 1, True)])
def test_title_says_what_is_left_out(classes: int, said: bool):
    """All of up to 20 classes are shown; with more the title says how many."""
    counts = np.random.default_rng(0).integers(1, 50, (classes, classes))
    spec = confusion_chart({"row": counts}, {"row": 1}, [f"class {code}" for code in range(classes)]).to_dict()
    assert ("20 most frequent of 21" in json.dumps(spec["title"])) == said
    assert len({true for _, true, _ in cells_of(spec)}) == MAX_CLASSES


def test_file_stays_small():
    """Ten rows of 20 classes without an empty cell stay below 300 kB."""
    rows = {f"BERT-{row}": np.full((20, 20), 12345) for row in range(10)}
    chart = confusion_chart(rows, dict.fromkeys(rows, 3), [f"a class name {code}" for code in range(20)])
    assert len(json.dumps(chart.to_dict(), indent=2)) < 300_000


@pytest.mark.parametrize("names", [NAMES[:2], NAMES])
def test_seeds_are_summed(tmp_path: Path, names: list[str]):
    """The counts of a row are those of all its seeds on the test split alone, and the SVG names rows and classes."""
    runs = [{"model": model, "seed": seed} for model in ("<i>1", "7") for seed in (1, 2)]
    labels = np.arange(20) % len(names)
    paths = []
    for index in range(len(runs)):
        wrong = (labels + (np.arange(20) < index)) % len(names)  # as many mistakes as the run's number
        parts = [
            predictions_frame("test", np.arange(20), labels, np.eye(len(names))[wrong]),
            predictions_frame("train", np.arange(20), labels, np.eye(len(names))[labels]),
        ]
        paths.append(tmp_path / f"{index}.parquet")
        pd.concat(parts, ignore_index=True).to_parquet(paths[-1])
    write_labels(tmp_path / "labels.json", names, None)
    spec, figure, pdf = (tmp_path / f"confusion.{suffix}" for suffix in ("vl.json", "svg", "pdf"))
    main(
        SimpleNamespace(
            input=SimpleNamespace(predictions=paths, labels=tmp_path / "labels.json"),
            output=SimpleNamespace(spec=spec, figure=figure, pdf=pdf),
            params=SimpleNamespace(runs=runs),
        )
    )
    cells = cells_of(json.loads(spec.read_text(encoding="utf-8")))
    for model, mistakes in (("<i>1", 0 + 1), ("7", 2 + 3)):
        of_row = {key: count for key, (count, _) in cells.items() if key[0] == model}
        assert sum(of_row.values()) == 2 * 20
        assert sum(count for (_, true, predicted), count in of_row.items() if true != predicted) == mistakes
    texts = [text.text for text in ElementTree.parse(figure).getroot().iter("{http://www.w3.org/2000/svg}text")]
    assert texts.count("<i>1") == texts.count("7") == 1
    assert set(names) <= set(texts)
    assert pdf.read_bytes().startswith(b"%PDF")
