"""What is said of a label curve, and its page."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd

from bert_ladder.data.frames import rows_csv
from bert_ladder.report.label_curve import LabelCurve, crossing_lines, labels_section, law_lines, pair_lines
from bert_ladder.report.label_curve_page import label_curve_page
from render_label_curve import main

LABELS = (500, 1000, 2000, 10_000)


def pairs(a: str, b: str, *verdicts: str) -> pd.DataFrame:
    """The tests of two rows at LABELS, with differences of the verdict's sign."""
    signs = {"better": 0.05, "worse": -0.05, "not separable": 0.001, "not separable, below": -0.001}
    return pd.DataFrame(
        {"model_a": a, "model_b": b, "labels": number, "difference": signs[verdict], "low": signs[verdict] - 0.01}
        | {"high": signs[verdict] + 0.01, "p_holm": 0.01, "verdict": verdict.partition(",")[0]}
        for number, verdict in zip(LABELS, verdicts, strict=True)
    )


def laws(**changes: Any) -> pd.DataFrame:
    """The line of one power law that foretold the largest fraction."""
    line = {"model": "<Mini>", "labels": 10_000, "times": 2, "measured": 0.121, "scale": 1.5, "exponent": 0.3}
    line |= {"floor": 0.02, "error": 0.12, "error_low": 0.11, "error_high": 0.13, "gain": 0.012, "gain_low": 0.004}
    return pd.DataFrame([line | {"gain_high": 0.02, "refused": None} | changes])


def curve() -> pd.DataFrame:
    """The points of one row."""
    return pd.DataFrame(
        {"model": "<Mini>", "fraction": number / 10_000, "labels": number, "metric": "accuracy", "mean": 0.8}
        | {"low": 0.79, "high": 0.81, "seeds": 3}
        for number in LABELS
    )


def test_twice_the_labels_are_said_with_their_interval() -> None:
    """In points of the metric, with what was foretold and measured."""
    [line] = law_lines(LabelCurve(curve(), pairs("a", "b", *["better"] * 4), laws()))
    assert "Twice the labels would give “<Mini>” +1.20 points of accuracy [+0.40, +2.00]" in line
    assert "12.00 % [11.00, 13.00] at 10,000 labels, where 12.10 % was measured" in line


def test_nothing_is_said_where_the_law_missed_or_was_not_fitted() -> None:
    """And why not."""
    nothing = {"gain": None, "error": None}
    for changes, words in (
        ({"refused": "missed", "measured": 0.2}, "“<Mini>” is not said: the power law"),
        ({"refused": "few seeds"} | nothing, "a power law takes three seeds or more"),
        ({"refused": "few fractions"} | nothing, "a power law takes four fractions or more"),
    ):
        [line] = law_lines(LabelCurve(curve(), pairs("a", "b", *["better"] * 4), laws(**changes)))
        assert words in line
        assert "points" not in line


def test_rows_cross_only_where_tests_show_it_on_both_sides() -> None:
    """Means that cross alone are told as such."""
    both = pairs("a", "b", "worse", "worse", "not separable", "better")
    [line] = crossing_lines(both)
    assert "“a” is worse than “b” with 1,000 labels" in line
    assert "and better with 10,000" in line
    [told] = pair_lines(both)
    assert "better than “b” with 10,000 labels; worse than “b” with 500, 1,000 labels; not separable" in told
    assert "no crossing is shown" not in told
    means_only = pairs("a", "b", "not separable, below", "not separable", "better", "better")
    assert crossing_lines(means_only) == []
    assert "no crossing is shown, though the means cross" in pair_lines(means_only)[0]
    assert pair_lines(pairs("a", "b", *["worse"] * 4)) == [
        "“a” is worse than “b” at every number of labels, 500 to 10,000."
    ]


def test_a_study_without_a_curve_has_no_section() -> None:
    assert labels_section(None) is None


def test_page_from_files(tmp_path: Path) -> None:
    """All points, laws and pairs, names as they are."""
    tables = {"curve": curve(), "pairs": pairs("<Mini>", "NA", *["better"] * 4), "laws": laws()}
    for name, table in tables.items():
        (tmp_path / f"{name}.csv").write_text(rows_csv(table))
    inputs = SimpleNamespace(**{name: tmp_path / f"{name}.csv" for name in tables})
    main(SimpleNamespace(input=inputs, output=SimpleNamespace(page=tmp_path / "page.html")))
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "&lt;Mini&gt;" in page and "<Mini>" not in page
    assert "80.00 [79.00, 81.00] (3)" in page
    assert "1.5 n^-0.30 + 0.0200" in page
    assert "+1.20 points" in page and "better than “NA”" in page


def test_page_of_one_row() -> None:
    """With nothing to be compared with, it has no empty list of pairs."""
    page = label_curve_page(LabelCurve(curve(), pairs("a", "b", *["better"] * 4)[:0], laws()))
    assert "80.00 [79.00, 81.00] (3)" in page
    assert "Which row at which number of labels" not in page
