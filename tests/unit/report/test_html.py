"""The pages' templates: escapes, and a policy that lets nothing run or be fetched but what the page holds."""

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from jinja2.exceptions import UndefinedError

from bert_ladder.report.html import TEMPLATES, Table, render_template

HOSTILE = "<img src=x onerror='window.pwned = 1'>\x00\ud800"
SHOWN = HOSTILE.replace("\x00", "␀").replace("\ud800", "\N{REPLACEMENT CHARACTER}")
COUNTS = Table(["Row", "Texts wrong"], [[HOSTILE, "1"]], "lr")
ERRORS = {
    "total": 2,
    "some_wrong": 1,
    "several_rows": False,
    "several_seeds": True,
    "limit": 200,
    "counts": COUNTS,
    "data": {"models": ["</script><!--"]},
}


class Page(HTMLParser):
    """The texts, tags and attributes of a page."""

    def __init__(self, text: str):
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data.strip())

    @property
    def policy(self) -> str:
        """Its content security policy."""
        return next(attributes["content"] or "" for _, attributes in self.tags if "http-equiv" in attributes)


def test_text_is_shown_as_it_is() -> None:
    """In prose, in cells and in a title text makes no element, and all of its characters can be seen."""
    page = Page(render_template("table.html", title=HOSTILE, tables=[COUNTS], notes=[f"5 % {HOSTILE}"]))
    assert page.texts.count(SHOWN) == 3
    assert f"5\N{NO-BREAK SPACE}% {SHOWN}" in page.texts
    assert "img" not in [tag for tag, _ in page.tags]


def test_policy_names_the_script_of_the_page() -> None:
    """The one script that runs is known by its checksum; a page without a script allows none."""
    text = render_template("errors.html", **ERRORS)
    page = Page(text)
    assert [attributes.get("type") for tag, attributes in page.tags if tag == "script"] == ["application/json", None]
    script = re.findall(r"<script>(.*?)</script>", text, re.S)[0]
    checksum = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert page.policy.endswith(f"script-src 'sha256-{checksum}'")
    assert page.policy.startswith("default-src 'none'; ")
    without = Page(render_template("errors.html", **ERRORS | {"some_wrong": 0}))
    assert without.policy.endswith("script-src 'none'")
    assert "script" not in [tag for tag, _ in without.tags]


def test_templates_are_found_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They belong to the workflow, not to the folder in which a study runs."""
    monkeypatch.chdir(tmp_path)
    assert "<h3>a</h3>" in render_template("summary.html", title="t", sections=[("a", ["b"])])


def test_a_forgotten_value_is_an_error() -> None:
    """Nothing that a template names is left blank."""
    with pytest.raises(UndefinedError, match="limit"):
        render_template("errors.html", **{name: value for name, value in ERRORS.items() if name != "limit"})


@pytest.mark.parametrize("file", sorted(TEMPLATES.iterdir()), ids=lambda file: file.name)
def test_nothing_is_fetched(file: Path) -> None:
    """No template, style or script names an address, or turns off the escapes."""
    text = file.read_text(encoding="utf-8")
    assert not re.search(r"https?:|\bsrc=|\burl\(|@import|<link|\bfetch\(|XMLHttpRequest|\|\s*safe\b|autoescape", text)
