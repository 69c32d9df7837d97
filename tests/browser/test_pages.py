"""Pages whose texts and names come from strangers: in a real browser none of them runs, and all can be read."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Page, expect

from bert_ladder.data.frames import DATA_COLUMN, LABEL_COLUMN, write_labels
from bert_ladder.evaluation.predictions import predictions_frame
from bert_ladder.report.errors_page import render_errors

HOSTILE = [
    "<script>window.pwned = 1</script>",
    "<img src=x onerror='window.pwned = 1'>",
    "</script><script>window.pwned = 1</script><!--",
    "<svg onload=window.pwned=1><iframe src='javascript:parent.pwned=1'></iframe>",
    "{{constructor.constructor('window.pwned = 1')()}} ${window.pwned = 1}",
]
ODD = [
    "\N{RIGHT-TO-LEFT OVERRIDE}" + "שלום عليكم " * 30,
    "\x00\x1b[31m\x7f",
    "👩‍👩‍👧‍👦" * 300,
    "w" * 1_000_000,
    "a" + "\N{COMBINING ZIGZAG ABOVE}" * 400,
    " \n\t",
]


@pytest.fixture
def errors_page(tmp_path: Path) -> Path:
    """A browser of mistakes in which all that is shown is hostile or odd."""
    texts, names = HOSTILE + ODD, [HOSTILE[1], HOSTILE[2]]
    labels = np.arange(len(texts)) % 2
    frame = pd.DataFrame({DATA_COLUMN: texts, LABEL_COLUMN: labels.astype(np.int16)})
    frame.to_parquet(tmp_path / "test.parquet")
    write_labels(tmp_path / "labels.json", names, 1)
    runs, paths = [], []
    for model, wrong in ((HOSTILE[0], 0.9), (HOSTILE[1], 0.6), ("x" * 300, 0.2)):
        of_wrong = np.full(len(texts), wrong)
        probabilities = np.stack([of_wrong, of_wrong], axis=1)
        probabilities[np.arange(len(texts)), labels] = 1 - wrong
        paths.append(tmp_path / f"{len(paths)}.parquet")
        predictions_frame("test", np.arange(len(texts)), labels, probabilities).to_parquet(paths[-1])
        runs.append({"model": model, "seed": 1, "kind": "bert"})
    render_errors(paths, tmp_path / "test.parquet", tmp_path / "labels.json", tmp_path / "errors.html", runs)
    return tmp_path / "errors.html"


def test_hostile_text_is_only_text(
    errors_page: Path, visit: Callable[[Path], Page], shoot: Callable[[Page, str], None]
):
    """No script, image or frame comes to life, and each text, row and label stands there letter by letter."""
    page = visit(errors_page)
    expect(page.locator("#count")).to_have_text(f"Showing {len(HOSTILE + ODD)} of {len(HOSTILE + ODD)} texts")
    texts = page.locator(".entry .text").all_inner_texts()
    for hostile in HOSTILE:
        assert hostile in texts
    assert "␀␛[31m␡" in texts
    assert "(no visible characters)" in texts
    assert page.locator(".entry").first.locator("tbody td:nth-child(2)").all_inner_texts() == [*HOSTILE[:2], "x" * 300]
    assert page.locator("#label option").all_inner_texts() == ["all", HOSTILE[1], HOSTILE[2]]
    page.select_option("#row", label=HOSTILE[1])
    page.fill("#search", HOSTILE[0])
    expect(page.locator("#count")).to_contain_text("Showing 2 of")
    page.click("#clear")
    assert page.evaluate("window.pwned") is None
    assert page.locator("img, svg, iframe, .entry script").count() == 0
    shoot(page, "hostile-errors")


def test_odd_text_keeps_the_layout(errors_page: Path, visit: Callable[[Path], Page]):
    """A word of a million letters, towers of accents and reversed text stay inside their boxes and the window."""
    page = visit(errors_page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for box in page.locator(".entry").all():
        assert box.evaluate("box => box.getBoundingClientRect().height < 700 && box.scrollWidth <= box.clientWidth")
    long = page.locator(".entry").filter(has_text="the first 600 of 1,000,000 characters")
    assert long.locator(".text").inner_text() == "w" * 600 + "…"


def test_a_page_that_fetches_or_fails_is_noticed(
    tmp_path: Path, visit: Callable[[Path], Page], problems: list[str]
) -> None:
    """The other tests of this folder would fail on a request, a console error or an exception, inside a frame too."""
    (tmp_path / "other.css").write_text("")
    inner = "<script>console.error('inner'); throw new Error('inner')</script>"
    (tmp_path / "bad.html").write_text(
        f"""<link rel=stylesheet href=other.css><img src=http://127.0.0.1:9/image><iframe srcdoc="{inner}"></iframe>"""
    )
    visit(tmp_path / "bad.html").wait_for_load_state()
    noticed = "\n".join(problems)
    problems.clear()
    for part in ("other.css", "fetched http://127.0.0.1:9/image", "error: inner", "uncaught: "):
        assert part in noticed
