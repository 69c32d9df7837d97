"""A headless Chromium with no way out, and what it complains of."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
WINDOW = {"width": 1400, "height": 900}
HARMLESS = ("data:", "blob:", "about:")


# Not of the session: while Playwright is open, its event loop would stand in the way of other tests' own.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The system's Chromium; a CI must have one, elsewhere its tests are skipped."""
    path = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if path is None:
        reason = "no Chromium found: install it (Debian: apt install chromium fonts-dejavu-core)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path)
        yield browser
        browser.close()


@pytest.fixture
def problems() -> list[str]:
    """What the pages of a test did that they should not."""
    return []


@pytest.fixture
def visit(chromium: Browser, problems: list[str]) -> Iterator[Callable[[Path], Page]]:
    """Opens a file in a window of its own; anything that is fetched beside it, and any error, fails the test."""
    opened: list[str] = []
    context = chromium.new_context(viewport=WINDOW, offline=True)

    def judge_request(url: str) -> None:
        if not url.startswith(HARMLESS) and url.split("#")[0] not in opened:
            problems.append(f"fetched {url[:200]}")

    context.on("request", lambda request: judge_request(request.url))
    context.on("console", lambda line: problems.append(f"{line.type}: {line.text}") if line.type == "error" else None)
    context.on("weberror", lambda error: problems.append(f"uncaught: {error.error}"))

    def open_file(path: Path) -> Page:
        opened.append(path.resolve().as_uri())
        page = context.new_page()
        page.on("websocket", lambda socket: problems.append(f"connected to {socket.url}"))
        page.goto(opened[-1])
        return page

    yield open_file
    context.close()
    assert problems == []


@pytest.fixture
def shoot(tmp_path: Path) -> Callable[[Page, str], None]:
    """Takes a screenshot, into the folder named by BERT_LADDER_SCREENSHOTS where it is set."""
    folder = Path(os.environ.get("BERT_LADDER_SCREENSHOTS", tmp_path))

    def take(page: Page, name: str) -> None:
        page.screenshot(path=folder / f"{name}.png")

    return take
