"""Snakemake's report as a reader meets it: every page, every entry, every rule, without a network."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Frame, Locator, Page, expect

from workspace import Workspace

LARGEST = 20_000_000  # bytes, to be sent by mail
# Whether something was painted: an svg with marks, or a canvas that is not blank.
PAINTED = """element => {
  const {width, height} = element.getBoundingClientRect();
  if (!(width > 0 && height > 0)) return false;
  if (element.tagName !== "CANVAS") return element.querySelector("path, rect, text, circle, line") !== null;
  const pixels = element.getContext("2d").getImageData(0, 0, element.width, element.height).data;
  return pixels.some((value) => value !== pixels[0]);
}"""
# Whether all that the right side shows can be scrolled to; what is centred and too large may not be.
REACHABLE = """() => {
  const side = [...document.querySelectorAll(".h-screen.overflow-auto")].at(-1);
  side.scrollTo(0, 0);
  const [outer, inner] = [side.getBoundingClientRect(), side.firstElementChild.getBoundingClientRect()];
  return inner.top >= outer.top && inner.left >= outer.left;
}"""
Visit = Callable[[Path], Page]
Shoot = Callable[[Page, str], None]


@pytest.fixture(scope="module")
def report(request: pytest.FixtureRequest) -> Path:
    """The report of the micro study, or the one that BERT_LADDER_REPORT names."""
    if "BERT_LADDER_REPORT" in os.environ:
        return Path(os.environ["BERT_LADDER_REPORT"])
    micro: Workspace = request.getfixturevalue("micro")
    micro.snakemake("--report", "results/micro/snakemake-report.html", "--configfile", "study.yaml")
    return micro.folder / "results/micro/snakemake-report.html"


def choose(page: Page, entry: str) -> None:
    """Click an entry of the left menu, from its first page."""
    page.locator("nav ol a").first.click()
    page.locator("nav li a").get_by_text(entry, exact=True).click()


def open_folders(page: Page) -> list[tuple[str, str]]:
    """All categories with their subcategories."""
    folders = page.evaluate("Object.entries(categories).map(([name, within]) => [name, Object.keys(within)])")
    return [(name, inner) for name, within in folders for inner in within]


def open_folder(page: Page, category: str, subcategory: str) -> Locator:
    """Show a list of entries; its lines."""
    single = page.evaluate("isSingleCategory()")
    choose(page, "Results" if single else category)
    if not page.evaluate("(category) => isSingleSubcategory(category)", category):
        page.locator("nav li a").get_by_text(subcategory, exact=True).click()
    lines = page.locator("nav table tbody tr")
    expect(lines.first).to_be_visible()
    return lines


def safe(*names: str) -> str:
    """A file name."""
    return re.sub(r"[^A-Za-z0-9]+", "-", "-".join(names)).strip("-").lower()


def expect_painted(picture: Locator) -> None:
    """Wait until a chart has been drawn."""
    picture.scroll_into_view_if_needed()
    handle = picture.element_handle()
    handle.owner_frame().wait_for_function(PAINTED, arg=handle)


def expect_within_reach(page: Page) -> None:
    """Nothing is shown beyond the window's upper and left edge, where no scroll bar leads."""
    assert page.evaluate(REACHABLE)


def expect_figures(page: Page, frame: Frame, shoot: Shoot) -> None:
    """Every chart of the page of figures is drawn when it scrolls into view."""
    charts = frame.locator(".chart")
    assert charts.count() > 0
    for index in range(charts.count()):
        charts.nth(index).scroll_into_view_if_needed()
        expect_painted(charts.nth(index).locator("svg.marks, canvas.marks").first)
        shoot(page, f"figure-{index + 1}")


def expect_errors(page: Page, frame: Frame, shoot: Shoot) -> None:
    """The lists and the search of the browser of mistakes change what is shown, and the count says how."""
    if not frame.locator("#controls").count():
        assert "there is no mistake to show" in frame.locator("body").inner_text()
        return

    def shown() -> int:
        count = int(re.match(r"Showing (\d+) of", frame.locator("#count").inner_text())[1])
        assert frame.locator(".entry").count() == count
        return count

    total = shown()
    assert 0 < total <= 200
    first = frame.locator(".entry").first
    expect(first.locator("tbody tr")).to_have_count(frame.locator("#row option").count() - 1)
    for name in ("row", "kind", "label"):
        options = frame.locator(f"#{name} option").count()
        counts = []
        for index in range(1, options):
            frame.select_option(f"#{name}", index=index)
            counts.append(shown())
        assert all(count <= total for count in counts)
        assert sum(counts) == total if name == "label" else sum(counts) >= total
        frame.click("#clear")
        assert shown() == total
    words = first.locator(".text").inner_text()[:20]
    frame.fill("#search", words.upper())
    assert 0 < shown() <= total
    frame.fill("#search", "\N{SNOWMAN} in no text")
    assert shown() == 0
    frame.click("#clear")
    frame.locator(".entry").first.scroll_into_view_if_needed()
    shoot(page, "errors-entries")


SPECIAL = {"figures.html": expect_figures, "errors.html": expect_errors}


def expect_shown(page: Page, path: str, shoot: Shoot) -> None:
    """What an entry's eye button opened is there: a picture with a size, or a page with words."""
    if page.evaluate("(path) => results[path].mime_type", path).startswith("image/"):
        picture = page.locator(".p-3 > img")
        page.wait_for_function("image => image.complete && image.naturalWidth > 0", arg=picture.element_handle())
        expect_within_reach(page)
        shoot(page, f"entry-{safe(path)}")
        return
    frame = page.locator("iframe").element_handle().content_frame()
    frame.wait_for_load_state()
    # Chromium leaves a frame empty whose address is longer than 2 MiB.
    assert frame.locator("body").inner_text().strip(), f"{path} opens empty"
    sideways = frame.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert sideways <= 0, f"{path} is {sideways} pixels wider than its frame"
    shoot(page, f"entry-{safe(path)}")
    if Path(path).name in SPECIAL:
        SPECIAL[Path(path).name](page, frame, shoot)


def test_report_is_small_enough_to_send(report: Path):
    """One file, of at most 20 MB."""
    assert report.stat().st_size <= LARGEST


def test_first_page_says_what_this_is(report: Path, visit: Visit, shoot: Shoot):
    """The report opens with its introduction: the study's name and how to read the rest."""
    page = visit(report)
    opening = page.locator(".prose").first
    expect(opening).to_contain_text("Study")
    expect(opening).to_contain_text("interval")
    expect(page.locator("#loading-screen")).to_be_hidden()
    expect_within_reach(page)
    shoot(page, "first-page")


@pytest.mark.parametrize(("entry", "charts"), [("Workflow", 1), ("Statistics", 2)])
def test_general_charts_are_drawn(report: Path, visit: Visit, shoot: Shoot, entry: str, charts: int):
    """The graph of the rules, and the run times of the jobs."""
    page = visit(report)
    choose(page, entry)
    pictures = page.locator("canvas.marks, svg.marks")
    expect(pictures).to_have_count(charts)
    for index in range(charts):
        expect_painted(pictures.nth(index))
    expect_within_reach(page)
    shoot(page, entry.lower())


def test_about_shows_the_licences(report: Path, visit: Visit, shoot: Shoot):
    """Each package inside the report is named with its licence."""
    page = visit(report)
    choose(page, "About")
    packages = page.locator("nav li a").filter(has_text=re.compile(r"\d+\.\d+"))
    assert packages.count() == page.evaluate("Object.keys(packages).length")
    for index in range(packages.count()):
        packages.nth(index).click()
        expect(page.locator("pre")).not_to_be_empty()
        expect_within_reach(page)
    shoot(page, "about")


def test_every_entry_opens_inside_the_report(report: Path, visit: Visit, shoot: Shoot):
    """Each result can be seen where it is listed: none is blank, none only offered for download."""
    page = visit(report)
    seen, downloads = set(), []
    for category, subcategory in open_folders(page):
        lines = open_folder(page, category, subcategory)
        shoot(page, f"category-{safe(category, subcategory)}")
        for index in range(lines.count()):
            eye = lines.nth(index).locator("td").last.locator("a").first
            if eye.get_attribute("download") is not None:
                downloads.append(eye.get_attribute("download"))
                continue
            eye.click()
            path = page.evaluate("app.state.resultPath")
            expect_shown(page, path, shoot)
            seen.add(path)
    assert downloads == []
    assert seen == set(page.evaluate("Object.keys(results)"))


def test_every_entry_is_explained(report: Path, visit: Visit, shoot: Shoot):
    """Each result has a caption in whole sentences and leads to the rule that made it."""
    page = visit(report)
    for category, subcategory in open_folders(page):
        for index in range(open_folder(page, category, subcategory).count()):
            lines = open_folder(page, category, subcategory)
            lines.nth(index).locator("td").last.locator("a").last.click()
            path = page.evaluate("app.state.resultPath")
            caption = page.locator("nav .prose")
            expect(caption).to_contain_text(re.compile(r"\w+.*\.\s*$", re.S))
            shoot(page, f"about-{safe(path)}")
            rule = page.evaluate("(path) => results[path].job_properties.rule", path)
            page.locator("nav li").filter(has=page.get_by_text(rule, exact=True)).locator("a").last.click()
            assert page.evaluate("app.state.ruleinfo") == rule


def test_every_rule_is_shown(report: Path, visit: Visit, shoot: Shoot):
    """Each rule of the workflow has its page with what it makes."""
    page = visit(report)
    rules = page.evaluate("Object.keys(rules)")
    assert {"train_model", "render_table"} <= set(rules)
    for rule in rules:
        page.evaluate("(rule) => app.setView({navbarMode: 'ruleinfo', ruleinfo: rule})", rule)
        expect(page.locator("nav li").get_by_text("Output", exact=True)).to_be_visible()
        shoot(page, f"rule-{safe(rule)}")
