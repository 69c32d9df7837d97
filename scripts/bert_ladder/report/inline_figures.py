"""The study's figures as parts of a page: SVG whose colours follow the page and whose marks tell what they are."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from markupsafe import Markup

from bert_ladder.report.html import visible

# Colours of paper, ink and grid in the figures, and the names of a page's own.
COLOURS = {
    **dict.fromkeys(("white", "#fff", "#ffffff", "rgb(255, 255, 255)"), "var(--paper)"),
    **dict.fromkeys(("black", "#000", "#000000", "rgb(0, 0, 0)", "#444444", "#333"), "var(--ink)"),
    **dict.fromkeys(("#666666", "#666", "#888", "rgb(102, 102, 102)"), "var(--muted)"),
    **dict.fromkeys(("#e5e5e5", "#ddd", "#f7f7f7", "rgb(229, 229, 229)"), "var(--line)"),
}
DIGITS = re.compile(r"-?\d+\.\d{3,}")


@dataclass(frozen=True)
class Figure:
    """A figure of a page.

    Attributes:
        name: of its files.
        title: of the study's outline.
        caption: plain sentences.
        svg: the element.
        wide: its width in pixels.
        titled: whether the title stands in it already.
    """

    name: str
    title: str
    caption: str
    svg: Markup
    wide: int
    titled: bool


def read_figures(
    paths_figure: Sequence[str | Path], titles: Sequence[str], paths_caption: Sequence[str | Path]
) -> dict[str, Figure]:
    """The figures by their names.

    Args:
        paths_figure: SVG as `save_chart` writes it.
        titles, paths_caption: title and file with the caption of each, in the same order.
    """
    found = {}
    for path, title, path_caption in zip(paths_figure, titles, paths_caption, strict=True):
        name = Path(path).stem
        caption = " ".join(Path(path_caption).read_text(encoding="utf-8").replace("``", "").split())
        svg, wide = inline_svg(Path(path).read_text(encoding="utf-8"), name)
        found[name] = Figure(name, title, caption, svg, wide, f">{title}<" in svg)
    return found


def inline_svg(text: str, name: str) -> tuple[Markup, int]:
    """An SVG for the middle of a page, and its width in pixels.

    What names a mark becomes its tooltip, colours of paper and ink those of the page, and identifiers the figure's own.

    Args:
        text: SVG as `save_chart` writes it.
        name: of the figure.
    """
    root = ElementTree.fromstring(text)
    # What is written on coloured cells keeps the colour that was chosen for it.
    written = set()
    if "mark-rect role-mark" in text:
        groups = [group for group in root.iter() if "mark-text role-mark" in group.attrib.get("class", "")]
        written = {element for group in groups for element in group.iter()}
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        told = element.attrib.get("aria-label")
        is_mark = element.attrib.get("role") == "graphics-symbol"
        kept = {
            key.rpartition("}")[2]: value if element in written else _own(value, name)
            for key, value in element.attrib.items()
            if key != "role" and not key.startswith("aria-")
        }
        element.attrib.clear()
        element.attrib.update(kept)
        if is_mark and told and len(element) == 0 and element.tag == "path":
            ElementTree.SubElement(element, "title").text = visible(told)
    wide = round(float(root.attrib["width"]))
    for side in ("width", "height", "version", "class"):
        root.attrib.pop(side, None)
    # The element around it names the figure.
    root.attrib |= {"aria-hidden": "true", "focusable": "false"}
    # Written by a serializer that escapes, from what was parsed.
    return Markup(ElementTree.tostring(root, encoding="unicode")), wide


def _own(value: str, name: str) -> str:
    """A value of an attribute with the page's colours and the figure's identifiers."""
    if value in COLOURS:
        return COLOURS[value]
    value = re.sub(r"\b((?:clip|gradient)_?\d+)\b", rf"{name}-\1", value)
    return DIGITS.sub(lambda number: f"{float(number[0]):.2f}", value)
