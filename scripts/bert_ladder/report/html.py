"""What the html pages of the report share: their look, escapes, tables, and a skeleton that fetches nothing."""

import base64
import hashlib
import html
import json
import re
from collections.abc import Sequence
from typing import Any

from tabulate import tabulate

NAME = 12  # characters of a name from which on its column keeps a width
STYLE = """
:root { color-scheme: light; }
body { font: 14px/1.5 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; margin: 1.5rem; color: #1a1a1a;
  background: #fff; overflow-wrap: break-word; }
h1 { font-size: 1.35rem; line-height: 1.3; margin: 0 0 .5rem; }
h2 { font-size: 1.05rem; line-height: 1.3; margin: 2rem 0 .35rem; }
p, ul { max-width: 46rem; margin: .35rem 0 .75rem; }
ul { padding-left: 1.2rem; }
table { border-collapse: collapse; margin: .5rem 0 1rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding-bottom: .5rem; }
th, td { padding: .25rem 1.4rem .25rem 0; border-bottom: 1px solid #ddd; text-align: left; vertical-align: top; }
th { border-bottom: 2px solid #1a1a1a; vertical-align: bottom; }
td { overflow-wrap: anywhere; min-width: 4rem; }
td[style] { white-space: nowrap; min-width: 0; }
.names td:first-child { min-width: 11rem; }
th:last-child, td:last-child { padding-right: 0; }
.wide { overflow-x: auto; }
.note { border-left: 4px solid #D55E00; background: #fdf3ec; padding: .5rem .8rem; }
.note strong { color: #a34700; }
.note ul { margin: .25rem 0; }
.quiet { color: #555; }
code { font: .92em/1.5 ui-monospace, "DejaVu Sans Mono", monospace; }
"""


def visible(text: str) -> str:
    """Text that a page can hold and a reader can see: control characters as their pictures (NUL as ␀), what is no
    Unicode character (half a surrogate pair) as �.
    """
    text = re.sub(r"[\ud800-\udfff]", "\N{REPLACEMENT CHARACTER}", text)
    text = re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", lambda found: chr(0x2400 + ord(found[0])), text)
    return text.replace("\x7f", "\N{SYMBOL FOR DELETE}")


def escape(text: str) -> str:
    """Text for html, inside an element or a quoted attribute."""
    return html.escape(visible(text))


def escape_prose(text: str) -> str:
    """As `escape`, and no line breaks between a number and its per cent sign."""
    return escape(text).replace(" %", "\N{NO-BREAK SPACE}%")


def json_block(identifier: str, data: Any) -> str:
    """Data for a page's script, which reads `document.getElementById(identifier).textContent`.

    Args:
        identifier: id of the element.
        data: what JSON can hold, its strings `visible`; no NaN.
    """
    # Neither "</script>" nor "<!--" can stand in it.
    content = json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")
    return f'<script type="application/json" id="{identifier}">{content}</script>'


def html_table(headers: Sequence[str], lines: Sequence[Sequence[str]], align: str) -> str:
    """A table, all text escaped; it scrolls by itself where it is too wide.

    Args:
        headers: one per column.
        lines: a line or more of as many cells.
        align: "l" or "r" per column; what is set flush right does not wrap.
    """
    sides = [{"l": "left", "r": "right"}[side] for side in align]
    cells = [[visible(cell) for cell in line] for line in lines]
    # tabulate's html format escapes the cells itself.
    table = tabulate(cells, headers=headers, tablefmt="html", disable_numparse=True, colalign=sides)
    # A long name may break anywhere, but not as soon as other columns could use the room.
    names = " names" if max(len(line[0]) for line in cells) > NAME else ""
    return f'<div class="wide{names}">{table}</div>'


def html_page(title: str, body: str, style: str = "", script: str = "") -> str:
    """A whole page. Its policy lets nothing be fetched and no script run but the one given.

    Args:
        title: plain text.
        body: html.
        style: css after `STYLE`.
        script: JavaScript to run at the end of the page.
    """
    checksum = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    allowed = f"'sha256-{checksum}'" if script else "'none'"
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src {allowed}"
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{escape(title)}</title>
<style>{STYLE}{style}</style>
</head>
<body>
<h1>{escape(title)}</h1>
{body}
{f"<script>{script}</script>" if script else ""}
</body>
</html>
"""
