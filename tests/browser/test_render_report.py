"""The study's report as its readers meet it: wide and narrow, light and dark, with a keyboard, on paper."""

import itertools
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from bert_ladder.data.frames import read_rows, rows_csv
from bert_ladder.report.report_page import ReportedStudy, ReportSources, render_report
from bert_ladder.report.sections import SummarySources
from workspace import PROJECT, Workspace

LARGEST = 10_000_000  # bytes
SECTIONS = (
    *("answer", "table", "cost", "verdicts", "words", "learning", "trust", "classes", "mistakes", "forms", "audit"),
    "how",
)
WIDTHS = (360, 820, 1200, 1440)
# What is wider than the window and does not scroll by itself.
TOO_WIDE = """() => {
  const wide = document.documentElement.clientWidth;
  const scrolls = (element) => element.closest(".scroll, pre, #contents ol, .text, .parts table, .unseen, .skip");
  return [...document.querySelectorAll("body *")].filter((element) => !scrolls(element)
    && element.getBoundingClientRect().right > wide + 1).map((element) => element.outerHTML.slice(0, 120));
}"""
# The least contrast of a text with what is behind it, WCAG 2.2's, over the page's own elements.
CONTRASTS = """() => {
  const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = (colour) => channels(colour).slice(0, 3).map((value) => value / 255)
    .map((value) => value <= .04045 ? value / 12.92 : ((value + .055) / 1.055) ** 2.4)
    .reduce((sum, value, index) => sum + value * [.2126, .7152, .0722][index], 0);
  const behind = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const colour = getComputedStyle(one).backgroundColor, parts = channels(colour);
      if (parts.length === 3 || parts[3] === 1) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const own = (element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  return [...document.querySelectorAll("main *:not(svg *), #contents *")].filter(own)
    .filter((element) => !element.closest(".self, option, script, style, noscript")).map((element) => {
      const [one, other] = [light(getComputedStyle(element).color), light(behind(element))].sort((a, b) => b - a);
      return [(one + .05) / (other + .05), element.outerHTML.slice(0, 100)];
    }).filter(([contrast]) => contrast < 4.5);
}"""
Visit = Callable[[Path], Page]
Shoot = Callable[[Page, str], None]


@pytest.fixture(scope="module")
def page_file(request: pytest.FixtureRequest) -> Path:
    """The report of the micro study, or the one that BERT_LADDER_STUDY_REPORT names."""
    if "BERT_LADDER_STUDY_REPORT" in os.environ:
        return Path(os.environ["BERT_LADDER_STUDY_REPORT"])
    finished: Workspace = request.getfixturevalue("finished")
    return finished.folder / "results/micro/report.html"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_every_section_fits_every_window(page_file: Path, visit: Visit, shoot: Shoot, width: int, scheme: str) -> None:
    """No section is blank, nothing reaches beyond the window, and every text can be told from its ground."""
    page = visit(page_file)
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    shoot(page, f"report-{width}-{scheme}-top")
    for section in SECTIONS:
        part = page.locator(f"#{section}")
        part.scroll_into_view_if_needed()
        assert len(part.inner_text()) > 40, section
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    page.evaluate("document.querySelectorAll('main details').forEach((one) => { one.open = true; })")
    assert page.evaluate(TOO_WIDE) == []
    assert page.evaluate(CONTRASTS) == []
    if "BERT_LADDER_SCREENSHOTS" in os.environ:
        page.screenshot(
            path=Path(os.environ["BERT_LADDER_SCREENSHOTS"]) / f"report-{width}-{scheme}.png", full_page=True
        )


def test_page_is_small_and_whole(page_file: Path, visit: Visit) -> None:
    """It can be sent by mail; its headings have no gaps, its links lead somewhere, and its figures have names."""
    assert page_file.stat().st_size <= LARGEST
    page = visit(page_file)
    assert page.locator("h1").count() == 1
    levels = [
        int(level[1]) for level in page.locator("h1, h2, h3").evaluate_all("all => all.map((one) => one.tagName)")
    ]
    assert all(later <= earlier + 1 for earlier, later in itertools.pairwise(levels))
    hashes = page.locator("a[href^='#']").evaluate_all("all => all.map((one) => one.hash.slice(1))")
    assert set(SECTIONS) <= set(hashes)
    assert [name for name in hashes if page.locator(f"[id='{name}']").count() != 1] == []
    twice = "() => { const all = [...document.querySelectorAll('[id]')].map((one) => one.id);"
    assert page.evaluate(f"{twice} return all.filter((one, index) => all.indexOf(one) < index); }}") == []
    for drawing in page.locator("[role=img]").all():
        assert len(drawing.get_attribute("aria-label") or "") > 20


def test_table_is_sorted_by_its_heads(page_file: Path, visit: Visit) -> None:
    """Numbers from the greatest first, then from the least; names by letters; also with the keyboard alone."""
    page = visit(page_file)
    table = page.locator("#table table.sorted").first
    head = table.get_by_role("columnheader", name="Test acc.")
    column = head.evaluate("head => head.cellIndex")

    def values() -> list[float]:
        cells = table.locator(f"tbody tr > :nth-child({column + 1})")
        return cells.evaluate_all("cells => cells.map((cell) => Number(cell.dataset.value))")

    head.locator("button").focus()
    page.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "descending"
    assert values() == sorted(values(), reverse=True)
    page.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "ascending"
    assert values() == sorted(values())
    table.get_by_role("columnheader", name="Row").locator("button").click()
    names = table.locator("tbody th").evaluate_all("cells => cells.map((cell) => cell.dataset.value)")
    assert names == sorted(names)
    assert head.get_attribute("aria-sort") is None


def test_a_verdict_tells_what_is_behind_it(page_file: Path, visit: Visit) -> None:
    """Difference, interval and p-value stand below the matrix once a cell is chosen; arrow keys choose the next."""
    page = visit(page_file)
    cells, panel = page.locator(".matrix td button"), page.locator("#verdict")
    assert page.locator(".matrix td button[tabindex='0']").count() == 1
    cells.first.click()
    expect(panel).to_contain_text(re.compile(r"points, 95 % interval .+ to .+; p [=<] .+ after Holm's correction"))
    said = panel.inner_text()
    page.keyboard.press("ArrowRight")
    expect(panel).not_to_have_text(said)
    assert page.evaluate("document.activeElement.getAttribute('aria-pressed')") == "true"


def test_mistakes_are_shown_by_and_by(page_file: Path, visit: Visit) -> None:
    """Some at first, more when asked for, and none that the filters leave out."""
    page = visit(page_file)
    if not page.locator("#controls").count():
        expect(page.locator("#mistakes")).to_contain_text("there is no mistake to show")
        return
    shown = page.locator(".entry").count()
    total = int(re.search(r"of (\d+)", page.locator("#count").inner_text())[1])
    assert 0 < shown <= total
    while page.locator("#more").is_visible():
        page.locator("#more").click()
        assert shown < page.locator(".entry").count()
        shown = page.locator(".entry").count()
    assert shown == total
    page.fill("#search", "\N{SNOWMAN} in no text")
    expect(page.locator(".entry")).to_have_count(0)


def test_paper_has_all_but_what_needs_a_screen(page_file: Path, visit: Visit, tmp_path: Path) -> None:
    """Printed, folds are open, controls and contents are gone, and afterwards the page is as it was."""
    page = visit(page_file)
    folded = page.locator("main details:not([open])").count()
    assert folded
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.locator("main details:not([open])").count() == 0
    expect(page.locator("#contents")).to_be_hidden()
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    page.pdf(path=tmp_path / "report.pdf")
    assert (tmp_path / "report.pdf").stat().st_size > 10_000
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("main details:not([open])").count() == folded


def test_without_scripts_all_but_the_mistakes_can_be_read(page_file: Path, chromium: Browser) -> None:
    """Table, verdicts and their numbers stand in the page itself."""
    context = chromium.new_context(java_script_enabled=False, offline=True)
    page = context.new_page()
    page.goto(page_file.resolve().as_uri())
    expect(page.locator("#table table.sorted").first).to_be_visible()
    assert page.locator(".matrix td button").first.get_attribute("title")
    context.close()


HOSTILE = """</script><img src=x onerror='window.pwned = 1'>"{{1}}&"""
ROWS = {
    "tfidf_logistic_regression": ("TF-IDF + logistic regression", "baseline"),
    "Nano": (HOSTILE, "bert"),
    "Nano-long": ("x" * 200, "bert"),
    "Nano-tuned": ("Nano tuned", "bert"),
}


@pytest.fixture
def hostile_report(finished: Workspace, tmp_path: Path) -> Path:
    """The report of the micro study with other names for two of its rows, and for itself."""
    results = finished.folder / "results/micro"
    renamed = {"Nano": HOSTILE, "Nano long": "x" * 200}
    for name in ("table", "comparison", "pairs"):
        (tmp_path / f"{name}.csv").write_text(rows_csv(read_rows(results / f"{name}.csv").replace(renamed)))
    folders = {name: results / "runs" / name / "seed-1" for name in ROWS}
    berts = [folder for name, folder in folders.items() if ROWS[name][1] == "bert"]
    summary = SummarySources(
        *(tmp_path / f"{name}.csv" for name in ("table", "comparison", "pairs")),
        audit=results / "data/audit.json",
        history=[folder / "history.csv" for folder in berts],
        training=[folder / "training.json" for folder in berts],
    )
    sources = ReportSources(
        summary=summary,
        near=results / "data/near_duplicates.json",
        labels=results / "data/labels.json",
        test=results / "data/test.parquet",
        metrics=[folder / "metrics.json" for folder in folders.values()],
        predictions=[folder / "predictions.parquet" for folder in folders.values()],
        train_benchmarks=[folder / "none.tsv" for folder in folders.values()],
        evaluate_benchmarks=[folder / "none.tsv" for folder in berts],
        figures=[results / "figures/coverage.svg"],
        captions=[PROJECT / "report/coverage.rst"],
        chosen=results / "chosen/model.json",
    )
    runs = [{"model": name, "seed": 1, "kind": kind} for name, kind in ROWS.values()]
    study = ReportedStudy(HOSTILE, "accuracy", runs, [HOSTILE], [HOSTILE], None, False, False, [HOSTILE])
    render_report(sources, study, tmp_path / "report.html")
    return tmp_path / "report.html"


def test_hostile_names_are_only_names(hostile_report: Path, visit: Visit) -> None:
    """They stand in headings, tables, charts and controls letter by letter, make no element, and break no window."""
    page = visit(hostile_report)
    page.set_viewport_size({"width": 360, "height": 900})
    assert HOSTILE in page.locator("#table tbody th").all_inner_texts()[1]
    assert HOSTILE in page.locator(".intervals tbody").inner_text()
    assert HOSTILE in page.locator("#how pre").inner_text()
    assert HOSTILE in page.locator("#row option").all_inner_texts()
    assert page.locator("img, iframe, object").count() == 0
    assert page.evaluate("window.pwned") is None
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    page.evaluate("document.querySelectorAll('main details').forEach((one) => { one.open = true; })")
    assert page.evaluate(TOO_WIDE) == []


def test_texts_that_are_left_out_are_nowhere(hostile_report: Path, finished: Workspace) -> None:
    """With `report: {texts: false}` the page has not one text of the data."""
    text = hostile_report.read_text(encoding="utf-8")
    lines = (finished.folder / "test.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert not [line for line in lines if line.rpartition(",")[0] in text]
