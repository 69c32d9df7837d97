"""Html pages from the templates in report/templates: they escape every text, and no page fetches anything."""

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from tabulate import tabulate

TEMPLATES = Path(__file__).parents[3] / "report" / "templates"
NAME = 12  # characters of a name from which on its column keeps a width


@dataclass(frozen=True)
class Table:
    """A table of a page.

    Attributes:
        headers: one per column, plain text.
        lines: a line or more of as many cells, plain text.
        align: "l" or "r" per column; what is set flush right does not wrap.
    """

    headers: Sequence[str]
    lines: Sequence[Sequence[str]]
    align: str

    @property
    def long_names(self) -> bool:
        """Whether the first column holds names that are worth room of their own."""
        return max(len(line[0]) for line in self.lines) > NAME

    @property
    def html(self) -> Markup:
        """The element `table`, all text escaped."""
        sides = [{"l": "left", "r": "right"}[side] for side in self.align]
        cells = [[visible(cell) for cell in line] for line in self.lines]
        # tabulate's html format escapes the cells itself.
        return Markup(tabulate(cells, headers=self.headers, tablefmt="html", disable_numparse=True, colalign=sides))


def render_template(name: str, **values: Any) -> str:
    """A page, or a part of one.

    Args:
        name: of a file in report/templates.
        values: what the template names; text is plain and becomes `visible` and escaped.
    """
    return _environment().get_template(name).render(values)


def visible(text: str) -> str:
    """Text that a page can hold and a reader can see: control characters as their pictures (NUL as ␀), what is no
    Unicode character (half a surrogate pair) as �.
    """
    text = re.sub(r"[\ud800-\udfff]", "\N{REPLACEMENT CHARACTER}", text)
    text = re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", lambda found: chr(0x2400 + ord(found[0])), text)
    return text.replace("\x7f", "\N{SYMBOL FOR DELETE}")


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"json": _json, "prose": _prose, "sha256": _sha256, "thousands": "{:,}".format}
    environment.globals["source"] = _source
    return environment


def _finalize(value: Any) -> Any:
    """What a template shows of a value."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _prose(text: str) -> str:
    """No line breaks between a number and its per cent sign, nor within a p-value."""
    text = re.sub(r"\bp ([=<]) (?=[.\d])", "p\N{NO-BREAK SPACE}\\1\N{NO-BREAK SPACE}", text)
    return text.replace(" %", "\N{NO-BREAK SPACE}%")


def _json(data: Any) -> Markup:
    """Data for a page's script, in an element `script`; no NaN, and strings that are `visible`."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    # Neither "</script>" nor "<!--" can stand in it.
    return Markup(text.replace("<", "\\u003c"))


def _sha256(text: str) -> str:
    """As a content security policy names an inline script."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _source(name: str) -> Markup:
    """The style or script in a file beside the templates, as it stands there, from a line of its own on."""
    return Markup("\n" + (TEMPLATES / name).read_text(encoding="utf-8"))
