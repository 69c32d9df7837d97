"""What all figures share."""

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import altair as alt
import pandas as pd
import pytest

from bert_ladder.data.frames import read_rows
from bert_ladder.report.charts import FigureFiles, row_marks, row_scales, save_chart
from bert_ladder.report.placing import place_labels

ROWS = [f"row {index}" for index in range(12)]


def test_rows_look_different_without_colours():
    """No two of twelve rows share colour and shape, colour and dash, or, for who sees no colours, shape and dash."""
    marks = row_marks(ROWS)
    marks["dash"] = marks["dash"].map(tuple)
    for pair in (["colour", "shape"], ["colour", "dash"], ["shape", "dash"]):
        assert not marks.duplicated(pair).any()


def test_scales_give_every_row_its_marks():
    """Colour, shape and dash stand in the legend in table order."""
    scales, marks = row_scales(ROWS), row_marks(ROWS)
    for channel, column in {"color": "colour", "shape": "shape", "strokeDash": "dash"}.items():
        assert scales[channel].to_dict() == {"domain": ROWS, "range": marks[column].tolist()}


def test_chart_becomes_three_files_of_their_own(tmp_path: Path):
    """Specification, SVG and PDF are written, and hold all data, also those of more than 5,000 lines."""
    data = pd.DataFrame({"x": range(6000), "name": "</script><b>"})
    chart = alt.Chart(data).mark_point().encode(x="x:Q", y="name:N")
    spec, figure, pdf = (tmp_path / f"figure.{suffix}" for suffix in ("vl.json", "svg", "pdf"))
    save_chart(chart, FigureFiles(spec, figure, pdf))
    saved = json.loads(spec.read_text(encoding="utf-8"))
    assert sum(map(len, saved["datasets"].values())) == 6000
    assert '"url"' not in spec.read_text(encoding="utf-8")
    root = ElementTree.parse(figure).getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "</script><b>" in {text.text for text in root.iter("{http://www.w3.org/2000/svg}text")}
    assert pdf.read_bytes().startswith(b"%PDF")


def test_names_are_read_as_they_were(tmp_path: Path):
    """A row may be called "NA", "7" or like a formula, which the table quotes; an empty number is missing."""
    path = tmp_path / "table.csv"
    path.write_text("model,latency_ms\nNA,\n7,1.5\n'=1+1,2\n'quoted',3\n", encoding="utf-8")
    table = read_rows(path)
    assert table["model"].tolist() == ["NA", "7", "=1+1", "'quoted'"]
    assert table["latency_ms"].tolist() == pytest.approx([float("nan"), 1.5, 2, 3], nan_ok=True)


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
