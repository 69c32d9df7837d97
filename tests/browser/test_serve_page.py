"""The page of `bert-ladder serve` in a real browser: answers, reasons, refusals, by mouse and by keyboard."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from bert_ladder.evaluation.chosen_model import Decision
from bert_ladder.export import load
from bert_ladder.export.limits import Limits
from chosen_models import linear_chosen
from served import served

HOSTILE = "<img src=x onerror='window.pwned = 1'>"
LABELS = ("bad", HOSTILE)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a model is served that abstains below 90 %; the name of one of its classes is hostile."""
    decision = Decision(positive=1, least_confidence=0.9)
    folder = linear_chosen(tmp_path_factory.mktemp("chosen") / "linear", LABELS, decision=decision)
    with served(lambda: load(folder), Limits(characters=2000)) as port:
        yield f"http://127.0.0.1:{port}/"


@pytest.fixture
def open_page(chromium: Browser, address: str, problems: list[str]) -> Iterator[Callable[..., Page]]:
    """Opens the page in a window of its own; a request elsewhere and any error fail the test."""
    contexts = []

    def open_one(width: int = 1000, scheme: str = "light") -> Page:
        context = chromium.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
        contexts.append(context)
        context.on("request", lambda one: None if one.url.startswith(address) else problems.append(one.url))
        context.on("console", lambda one: problems.append(one.text) if one.type == "error" else None)
        context.on("weberror", lambda one: problems.append(str(one.error)))
        page = context.new_page()
        page.goto(address)
        expect(page.locator("#row")).to_have_text("NB-SVM")
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert problems == []


def test_answer_and_its_reasons(open_page: Callable[..., Page]) -> None:
    """Bars of all classes, the most probable first; the words that matter are marked where they stand."""
    page = open_page()
    expect(page.locator("#about")).to_contain_text("An answer of less than 90.0 % is not given.")
    page.get_by_label("Text").fill("An awful film,\nAWFUL and <b> dull </b>.")
    page.get_by_role("button", name="Classify").click()
    expect(page.get_by_role("status")).to_have_text("Answer: bad")
    rows = page.locator("#bars tr")
    assert rows.locator("th").all_inner_texts() == list(LABELS)
    assert rows.first.locator(".share").inner_text() == "98.2 %"
    widths = [bar.bounding_box()["width"] for bar in page.locator(".bar").all()]
    assert widths[0] > 20 * widths[1] > 0
    expect(page.locator("#because")).to_be_hidden()
    page.get_by_role("button", name="Explain").click()
    expect(page.locator("#because-title")).to_have_text("Words without which bad would be less probable")
    assert page.locator("#marked").inner_text() == "An awful film,\nAWFUL and <b> dull </b>."
    assert page.locator("mark").all_inner_texts() == ["awful", "AWFUL", "dull"]
    assert page.locator("#words li").first.inner_text().startswith("awful \N{MINUS SIGN}")
    page.get_by_label("Text").press("a")
    expect(page.locator("#reason")).to_have_text("The text has changed since this answer.")


def test_abstaining_is_shown(open_page: Callable[..., Page]) -> None:
    """With what it lacks; the name of a class stays text."""
    page = open_page()
    page.get_by_label("Text").fill("bright dull lovely passable")
    page.get_by_role("button", name="Explain").click()
    expect(page.get_by_role("status")).to_have_text("Not answered: not sure enough")
    expect(page.locator("#reason")).to_have_text(f"{HOSTILE} has 88.1 %, and 90.0 % is needed.")
    assert page.evaluate("window.pwned") is None
    assert page.locator("main img").count() == 0


def test_keyboard_alone(open_page: Callable[..., Page]) -> None:
    """The text has the focus, Ctrl + Enter asks, and Tab leads to both buttons."""
    page = open_page()
    page.keyboard.type("lovely, bright")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("status")).to_have_text(f"Answer: {HOSTILE}")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Classify")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("mark")).to_have_text(["lovely", "bright"])


def test_many_classes(open_page: Callable[..., Page]) -> None:
    """The ten most probable, and all of them on demand; a model of which no answer is sure enough says so."""
    page = open_page()
    labels = [f"class {code}" for code in range(30)]
    probabilities = {label: (code + 1) / 465 for code, label in enumerate(labels)}
    answer = {"label": None, "forced_label": "class 29", "probabilities": probabilities}
    decision = {"positive": None, "threshold": None, "least_confidence": 2.0}
    about = {"row": "BERT", "study": "many", "labels": labels, "decision": decision}
    page.route("**/model", lambda route: route.fulfill(json=about))
    page.route("**/predict", lambda route: route.fulfill(json={"answers": [answer]}))
    page.reload()
    expect(page.locator("#about")).to_have_text("Chosen by the study many; 30 classes.")
    page.get_by_label("Text").fill("any")
    page.get_by_role("button", name="Classify").click()
    expect(page.locator("#reason")).to_have_text("No answer of this model is sure enough to be given.")
    expect(page.locator("#bars tr:visible th")).to_have_text(labels[:-11:-1])
    page.get_by_role("button", name="Show all 30 classes").click()
    expect(page.locator("#bars tr:visible th")).to_have_text(labels[::-1])


def test_refusals_are_told(open_page: Callable[..., Page], problems: list[str]) -> None:
    """No text, one that is too long, a server that has gone; the next answer takes the sentence away."""
    page = open_page()
    alert = page.get_by_role("alert")
    page.get_by_role("button", name="Classify").click()
    expect(alert).to_have_text("There is no text yet.")
    page.get_by_label("Text").fill("a" * 2001)
    page.get_by_role("button", name="Classify").click()
    expect(alert).to_contain_text("has 2,001 characters, and 2,000 are allowed")
    page.route("**/predict", lambda route: route.abort())
    page.get_by_label("Text").fill("dull, awful")
    page.get_by_role("button", name="Explain").click()
    expect(alert).to_have_text("The server does not answer; it may have been ended.")
    expect(page.locator("#result")).to_be_hidden()
    page.unroute("**/predict")
    page.get_by_role("button", name="Explain").click()
    expect(page.get_by_role("status")).to_have_text("Answer: bad")
    expect(alert).to_be_hidden()
    # Chromium tells of both by itself.
    assert len(problems) == 2
    problems.clear()


@pytest.mark.parametrize(("width", "scheme"), [(1000, "light"), (1000, "dark"), (360, "light")])
def test_look(open_page: Callable[..., Page], shoot: Callable[[Page, str], None], width: int, scheme: str) -> None:
    """Nothing is wider than the window, and what is written stands out from what lies behind it."""
    page = open_page(width, scheme)
    page.get_by_label("Text").fill("An awful film, AWFUL and dull. " + "w" * 300)
    page.get_by_role("button", name="Explain").click()
    expect(page.locator("mark").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    ink, back = page.evaluate(
        "[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]"
    )
    assert (ink, back) == {
        "light": ("rgb(26, 26, 26)", "rgb(255, 255, 255)"),
        "dark": ("rgb(232, 232, 232)", "rgb(22, 24, 27)"),
    }[scheme]
    for button in page.get_by_role("button").all():
        assert button.bounding_box()["height"] >= 44
    shoot(page, f"serve-{scheme}-{width}")
