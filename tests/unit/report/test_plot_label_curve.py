"""The figure of the label curve."""

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from bert_ladder.data.frames import rows_csv
from bert_ladder.report.charts import row_scales
from bert_ladder.report.figures.label_curve import law_points
from bert_ladder.report.label_curve import read_label_curve
from plot_label_curve import main

MODELS = ["first", "</script><b>", "NA"]


@pytest.fixture
def tables(tmp_path: Path) -> dict[str, Path]:
    """The files of a curve of two rows, of which one has a power law."""
    curve = [
        {"model": model, "kind": "bert", "fraction": number / 1000, "labels": number, "metric": "accuracy"}
        | {"mean": 0.8, "low": 0.75, "high": 0.85, "seeds": 3}
        for model in MODELS[1:]
        for number in (100, 200, 500, 1000)
    ]
    laws = [
        {"model": model, "labels": 1000, "times": 2, "scale": 1.0, "exponent": 0.5, "floor": 0.1, "refused": refused}
        for model, refused in zip(MODELS[1:], ("", "missed"), strict=True)
    ]
    paths = {name: tmp_path / f"{name}.csv" for name in ("curve", "pairs", "laws")}
    for name, lines in (("curve", curve), ("pairs", [{"model_a": "a"}]), ("laws", laws)):
        paths[name].write_text(rows_csv(pd.DataFrame(lines)))
    return paths


def test_laws_that_may_be_said_go_on_to_twice_the_labels(tables: dict[str, Path]) -> None:
    """From the row's first point; one that missed is not drawn."""
    found = law_points(read_label_curve(**tables))
    assert set(found["model"]) == {MODELS[1]}
    assert (found["labels"].min(), found["labels"].max()) == (pytest.approx(100), pytest.approx(2000))
    assert found["mean"].iloc[0] == pytest.approx(1 - 100**-0.5 - 0.1)


def test_a_row_looks_as_in_every_other_figure() -> None:
    """Rows that the curve leaves out keep their marks."""
    some, every = (row_scales(MODELS, shown)["color"].to_dict() for shown in (MODELS[1:], None))
    assert some["range"] == every["range"][1:]
    assert some["domain"] == MODELS[1:]


def test_figure_from_files(tmp_path: Path, tables: dict[str, Path]) -> None:
    """A line per row, with its name as it is."""
    spec, figure, pdf = (tmp_path / f"label_curve.{suffix}" for suffix in ("vl.json", "svg", "pdf"))
    main(
        SimpleNamespace(
            input=SimpleNamespace(**tables),
            output=SimpleNamespace(spec=spec, figure=figure, pdf=pdf),
            params=SimpleNamespace(models=MODELS),
        )
    )
    sizes = sorted(len(lines) for lines in json.loads(spec.read_text(encoding="utf-8"))["datasets"].values())
    assert sizes == [8, 40]
    texts = [text for text in ElementTree.parse(figure).getroot().itertext() if text.strip()]
    assert {"</script><b>", "NA", "Test accuracy by number of labels"} <= set(texts)
    assert pdf.read_bytes().startswith(b"%PDF")
