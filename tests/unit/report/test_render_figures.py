"""The page of all figures."""

import base64
import gzip
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import altair as alt
import pandas as pd
import pytest

from bert_ladder.report import figures_page
from bert_ladder.report.charts import FigureFiles, save_chart

HOSTILE = "</script><img src=x onerror=alert(1)>"


class Page(HTMLParser):
    """What the page's parser sees: tags, links, and the text of elements by id."""

    def __init__(self, text: str):
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.texts: dict[str, str] = {}
        self.current = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list):
        self.tags.append((tag, dict(attrs)))
        self.current = dict(attrs).get("id") or dict(attrs).get("class") or tag

    def handle_data(self, data: str):
        self.texts[self.current] = self.texts.get(self.current, "") + data


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A page of two figures whose names, title and caption try to break out."""
    folder = tmp_path_factory.mktemp("page")
    specs, captions = [], []
    for name in ("rows", "accuracy"):
        specs.append(folder / f"{name}.vl.json")
        captions.append(folder / f"{name}.rst")
        chart = alt.Chart(pd.DataFrame({"model": [HOSTILE], "x": [1]})).mark_point().encode(x="x:Q", y="model:N")
        save_chart(chart, FigureFiles(specs[-1], folder / f"{name}.svg", folder / f"{name}.pdf"))
        captions[-1].write_text(f"What {name}\nshows & {HOSTILE}.\n", encoding="utf-8")
    figures_page.render_figures(specs, ["Rows", HOSTILE], captions, folder / "figures.html", HOSTILE)
    return (folder / "figures.html").read_text(encoding="utf-8")


def unpack(text: str) -> str:
    return gzip.decompress(base64.b64decode(text)).decode()


def test_page_has_every_figure(page: str):
    """Each figure has an entry in the contents, a section with title and caption, and its own specification."""
    parsed = Page(page)
    links = [attributes["href"] for tag, attributes in parsed.tags if tag == "a"]
    sections = [attributes["id"] for tag, attributes in parsed.tags if tag == "section"]
    assert links == [f"#{name}" for name in sections] == ["#figure-1", "#figure-2"]
    assert parsed.texts["title-1"].strip() == "Rows" and parsed.texts["title-2"].strip() == HOSTILE
    assert f"What rows shows & {HOSTILE}." in parsed.texts["caption"]
    for number in (1, 2):
        spec = json.loads(unpack(parsed.texts[f"spec-{number}"].strip()))
        ((line,),) = spec["datasets"].values()
        assert line["model"] == HOSTILE
    charts = [attributes for tag, attributes in parsed.tags if attributes.get("class", "").startswith("chart")]
    assert [chart["data-name"] for chart in charts] == ["rows", "accuracy"]


def test_names_stay_text(page: str):
    """Hostile names make no element and no script: the page has the scripts that it was written with."""
    tags = [tag for tag, _ in Page(page).tags]
    assert "img" not in tags
    assert tags.count("script") == 4


def test_page_fetches_nothing_and_has_one_runtime(page: str):
    """The page links to nothing outside, forbids to fetch, holds one runtime, and is small enough for a report."""
    parsed = Page(page)
    assert not any({"src", "data"} & set(attributes) for _, attributes in parsed.tags)
    assert "link" not in [tag for tag, _ in parsed.tags]
    assert not re.search(r"https?://", page)
    policy = next(attributes["content"] for _, attributes in parsed.tags if "http-equiv" in attributes)
    assert "default-src 'none'" in policy
    assert "vegaEmbed=" in unpack(parsed.texts["runtime"].strip())
    assert len(page.encode()) < figures_page.LARGEST


def test_charts_wait_until_they_are_seen(page: str):
    """Charts are drawn when they come into view; the menu saves pictures and opens no editor."""
    assert "IntersectionObserver" in page
    assert "export: {svg: true, png: true}, source: false, compiled: false, editor: false" in page


def test_large_page_is_warned_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture):
    """A page that a browser would not open inside the report is written, with a warning."""
    monkeypatch.setattr(figures_page, "_runtime", lambda: "")
    monkeypatch.setattr(figures_page, "LARGEST", 1000)
    (tmp_path / "rows.vl.json").write_text("{}", encoding="utf-8")
    (tmp_path / "rows.rst").write_text("Shown.", encoding="utf-8")
    path = tmp_path / "figures.html"
    figures_page.render_figures([tmp_path / "rows.vl.json"], ["Rows"], [tmp_path / "rows.rst"], path, "demo")
    assert path.stat().st_size > 1000
    assert "too large" in caplog.text
