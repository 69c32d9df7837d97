"""What the study's report is made of: its answer, its verdicts, its charts, its tables."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bert_ladder.report.answer import answer
from bert_ladder.report.drawings import interval_chart, log_ticks, percent_ticks, scatter, scatter_labels, short_number
from bert_ladder.report.html import TEMPLATES
from bert_ladder.report.inline_figures import inline_svg
from bert_ladder.report.report_page import forms_table
from bert_ladder.report.row_settings import differing_settings, shared_settings
from bert_ladder.report.verdicts import pairs_table, verdict_matrix
from finished_studies import ROWS, VERDICTS, study

WORSE = dict.fromkeys(VERDICTS, "worse")


def runs_of(rows: dict = ROWS, seeds: int = 3) -> pd.DataFrame:
    """metrics.json of every run, as far as charts read it."""
    return pd.DataFrame(
        {"model": name, "seed": seed, "test_accuracy": row[4] + 0.001 * seed}
        for name, row in rows.items()
        for seed in range(seeds)
    )


def numbers(verdicts: dict = VERDICTS, rows: dict = ROWS, **columns: object):
    """A finished study with what the report reads beside."""
    found = study(rows, verdicts, training_seconds=12.0, **columns)
    found.pairs["test"] = "McNemar, exact"
    return found


def test_answer_is_three_sentences_with_numbers() -> None:
    """Which row, how good and how sure; what to take for cost; whether it beats a linear model."""
    said = answer(numbers(WORSE))
    assert said.heading == "Take “Large”"
    assert said.sentences == [
        "“Large” has the highest accuracy on the validation part and reaches 89.00 % [88.00, 90.00] on test, better "
        "than each of the other 2 rows.",
        "For cost take “Small”: 2 ms per text on the CPU instead of 9 ms, for -1.00 points [-2.00, +0.00], worse than "
        "the best.",
        "Of the linear models “Linear” does best with 81.00 % [80.00, 82.00]; “Large” is better than it (+8.00 points "
        "[+7.00, +9.00]).",
    ]
    assert [fact.value for fact in said.facts] == ["89.00 %", "2 of 2", "9 ms", "9,000"]


def test_answer_names_no_row_that_nothing_tells() -> None:
    """Among ties the leader is called that; where nothing can be concluded only that is said, and no row stressed."""
    tied = answer(numbers())
    assert tied.heading == "No single row is shown to be the best: “Large” leads"
    assert "where “Small” is not separable from it" in tied.sentences[0]
    rows = ROWS | dict.fromkeys(("Small 2", "Small 3", "Small 4"), ROWS["Small"])
    names = list(rows)
    open_pairs = {(a, b): "not separable" for i, a in enumerate(names) for b in names[i + 1 :]}
    assert "none of the other 5 rows is separable from it" in answer(numbers(open_pairs, rows)).sentences[0]
    some = open_pairs | {("Linear", "Large"): "worse"}
    assert "4 other rows are not separable from it" in answer(numbers(some, rows)).sentences[0]
    nothing = answer(numbers(WORSE, constant_accuracy=0.885))
    assert nothing.heading == "Nothing can be concluded yet"
    assert not nothing.settled
    assert nothing.cheap is None


def test_answer_without_baselines_times_or_other_rows() -> None:
    """What is not known is said to be open, and one row is compared with none."""
    berts = {name: row for name, row in ROWS.items() if row[0] == "bert"}
    said = answer(numbers({("Small", "Large"): "worse"}, berts)).sentences
    assert said[-1].startswith("There is no linear baseline in this study")
    assert "cannot be ranked" in answer(numbers(WORSE, other_load=1.1)).sentences[1]
    alone = answer(numbers({}, {"Large": ROWS["Large"]}))
    assert alone.heading == "“Large” is the study's only row"
    assert "Shown to be better than" not in [fact.what for fact in alone.facts]


def test_verdicts_stand_both_ways_with_what_is_behind() -> None:
    """The same pair from the other side has the other sign; the words have interval, both p-values, test and scope."""
    matrix = verdict_matrix(numbers())
    assert [name for name, _ in matrix] == list(ROWS)
    cells = {(name, column): cell for name, line in matrix for column, cell in zip(ROWS, line, strict=True)}
    assert cells["Linear", "Linear"] is None
    assert (cells["Linear", "Large"].sign, cells["Linear", "Large"].points) == ("▼", "-8.0")
    assert (cells["Large", "Linear"].sign, cells["Large", "Linear"].points) == ("▲", "+8.0")
    assert cells["Large", "Linear"].words == (
        "“Large” is better than “Linear”: +8.00 points, 95 % interval +7.00 to +9.00; p = .002 after Holm's correction "
        "over all pairs, p = .001 alone. Test: McNemar, exact; it speaks of seeds and examples."
    )
    table = pairs_table(numbers().pairs)
    assert table.lines[-1] == ["Small", "Large", "not separable", "-1.00", "-2.00, +0.00", "p = .001", "p = .300", "11",
                               "\N{EN DASH}"]  # fmt: skip


def test_intervals_stand_highest_first_within_the_chart() -> None:
    """Places are percent of the width; a row with several runs shows each of them."""
    rows, ticks = interval_chart(numbers(), runs_of(), "Large", "Small")
    assert [row.name for row in rows] == ["Large", "Small", "Linear"]
    assert [row.role for row in rows] == ["best", "cheap", ""]
    assert [len(row.seeds) for row in rows] == [3, 3, 0]
    for row in rows:
        assert 0 <= row.low < row.at < row.high <= 100
    assert all(0 <= tick.at <= 100 for tick in ticks)


@pytest.mark.parametrize(("start", "end"), [(0.0, 1.0), (0.78, 0.79), (0.5, 0.93), (0.9985, 1.0), (0.4, 0.4101)])
def test_ticks_are_few_and_round(start: float, end: float) -> None:
    """At least one, no more than seven, each label as exact as its place."""
    ticks = percent_ticks(start, end)
    assert 1 <= len(ticks) <= 7
    for value, label in ticks:
        assert start - 1e-9 <= value <= end + 1e-9
        assert float(label.removesuffix(" %")) == pytest.approx(100 * value)


def test_costs_have_round_ticks_and_short_numbers() -> None:
    """On an axis of any width."""
    for low, high in ((0.1, 0.2), (3.0, 40.0), (1e3, 3e8)):
        assert all(low <= tick <= high for tick in log_ticks(low, high))
    assert [short_number(value) for value in (0.123, 4, 31_000, 4_400_000, 1.1e9)] == [
        "0.12",
        "4",
        "31k",
        "4.4M",
        "1.1B",
    ]


def test_front_is_drawn_only_where_times_can_be_ranked() -> None:
    """Sizes always can; a row without a time stands in no chart of times."""
    chart = scatter(numbers(), "latency_ms", "Large", None)
    assert [point.label for point in chart.points] == list(ROWS)
    assert chart.steps.startswith("M")
    disturbed = numbers(other_load=1.1)
    assert scatter(disturbed, "latency_ms", "Large", None).steps == ""
    assert scatter(disturbed, "parameters", "Large", None).steps
    assert scatter(numbers(latency_ms=np.nan), "latency_ms", "Large", None) is None
    some = scatter(numbers(latency_ms=[np.nan, 2.0, 9.0]), "latency_ms", "Large", None)
    assert [point.label for point in some.points] == ["Small", "Large"]


def test_many_rows_have_numbers() -> None:
    """Names would cover one another; the rows that the answer names keep theirs."""
    rows = [f"row {number}" for number in range(12)]
    labels = scatter_labels(rows, ["row 3", None], many=True)
    assert [labels[row] for row in rows[:5]] == ["1", "2", "3", "row 3", "5"]
    assert scatter_labels(rows, [], many=False)["row 8"] == "row 8"
    assert scatter_labels(["x" * 40], [], many=False)["x" * 40] == "x" * 25 + "…"


def test_names_that_would_cover_one_another_are_numbers() -> None:
    """Rows that stand apart are named; a cluster of them is numbered, but for the rows that the answer names."""
    assert not scatter(numbers(), "latency_ms", "Large", None).numbered
    rows = {f"a rather long name {i}": ("bert", 4_000 + i, 0.85, 0.01, 0.85, 2.0 + i / 10) for i in range(12)}
    names = list(rows)
    verdicts = {(a, b): "not separable" for i, a in enumerate(names) for b in names[i + 1 :]}
    chart = scatter(numbers(verdicts, rows), "latency_ms", names[4], None)
    assert chart.numbered
    assert [point.label for point in chart.points][3:6] == ["4", names[4], "6"]


def test_figure_takes_the_colours_of_its_page() -> None:
    """Paper and ink are the page's, identifiers the figure's own, and a mark's words its tooltip, escaped."""
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" class="marks" width="442" height="170" viewBox="0 0 442 170">'
        '<rect width="442" height="170" fill="white"/><defs><clipPath id="clip1"><path d="M0,0"/></clipPath></defs>'
        '<g clip-path="url(#clip1)"><path role="graphics-symbol" aria-label="a &lt;b&gt;" fill="#0072B2" '
        'd="M1.23456,2"/></g><text fill="#000">&lt;script&gt;</text></svg>'
    )
    markup, wide = inline_svg(svg, "rows")
    assert wide == 442
    assert 'fill="var(--paper)"' in markup
    assert 'fill="var(--ink)"' in markup
    assert 'id="rows-clip1"' in markup
    assert "url(#rows-clip1)" in markup
    assert "<title>a &lt;b&gt;</title>" in markup
    assert "&lt;script&gt;" in markup
    assert "M1.23,2" in markup
    assert "xmlns" not in markup
    assert "role=" not in markup


def test_settings_are_told_once_or_by_row() -> None:
    """What all rows share stands apart from what tells them from one another."""
    records = {
        "Small": {"training": {"epochs": 2, "optimizer": "adam", "patience": None}},
        "Large": {"training": {"epochs": 4, "optimizer": "adam", "patience": None, "pooling": "mean"}},
    }
    assert shared_settings(records).lines == [["optimizer", "adam"]]
    differing = differing_settings(records)
    assert differing.headers == ["Row", "epochs", "pooling"]
    assert differing.lines == [["Small", "2", "\N{EN DASH}"], ["Large", "4", "mean"]]
    assert differing_settings({"Small": records["Small"]}) is None
    assert shared_settings({}) is None


def test_forms_stand_below_the_run() -> None:
    """A form that could not be asked has no numbers, and its reason is told."""
    line = {"proven": True, "reason": None, "megabytes": 1.0, "accuracy": 0.9, "low": 0.89, "high": 0.91,
            "difference": 0.0, "difference_low": -0.001, "difference_high": 0.001, "verdict": "not separable",
            "equal_answers": 1.0, "largest_difference": 1e-7, "other_ids": 0, "ms_per_text": 2.0,
            "texts_per_second": 500.0}  # fmt: skip
    content = {
        "source": {"accuracy": 0.9, "low": 0.89, "high": 0.91},
        "forms": {"onnx": line, "numpy": line | {"proven": False, "reason": "it is gone", "accuracy": None}},
    }
    found = forms_table(content)
    assert found["forms"].lines[0][0] == "the run itself"
    assert len(found["forms"].lines) == 3
    assert {len(cells) for cells in found["forms"].lines} == {len(found["forms"].headers)}
    assert found["unproven"] == ["it is gone"]


def test_every_colour_has_its_dark_and_its_paper() -> None:
    """A custom property that is used is set for light, dark and print alike; none is a colour of its own elsewhere."""
    css = (TEMPLATES / "report.css").read_text(encoding="utf-8")
    used = set(re.findall(r"var\((--[\w-]+)\)", css)) - {"--mark", "--wide", "--measure"}
    light, dark, paper = (set(re.findall(r"(--[\w-]+):", block)) for block in re.findall(r":root \{([^}]*)\}", css))
    assert used <= light
    assert light - {"--measure"} == dark == paper
    rest = re.sub(r":root \{[^}]*\}", "", css)
    assert not re.findall(r"#[0-9a-fA-F]{3,6}\b(?=[;\s])(?![^{]*\{)", rest)


def test_record_of_the_forms_is_known_by_its_content(tmp_path: Path) -> None:
    """The rule's parameter changes when forms are made, and with what they say."""
    from bert_ladder.study.study import Study

    folder = tmp_path / "results/demo/chosen"
    folder.mkdir(parents=True)
    given = type("Given", (), {"outputs": tmp_path, "name": "demo"})()
    assert Study.forms.fget(given) is None
    (folder / "forms.json").write_text(json.dumps({"forms": {}}))
    first = Study.forms.fget(given)
    (folder / "forms.json").write_text(json.dumps({"forms": {"onnx": {}}}))
    assert first != Study.forms.fget(given)
