"""All figures of a study, interactive, on one page that fetches nothing."""

import base64
import gzip
import html
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import vl_convert

from bert_ladder.report.charts import VEGALITE

log = logging.getLogger(__name__)

# Chromium opens a data: address in a frame, as Snakemake's report does, up to 2 MiB; in base64 three bytes become four.
LARGEST = 3 * 2**19 - 1024
STYLE = """
body { font: 14px/1.5 system-ui, sans-serif; margin: 0; color: #1a1a1a; background: #fff; }
nav { padding: 1rem 1.5rem 0; }
nav ol { margin: 0; padding: 0; list-style: none; display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; }
nav a { color: #0072B2; text-decoration: none; }
nav a:hover, nav a:focus { text-decoration: underline; }
main { padding: 0 1.5rem 2rem; }
h1 { font-size: 1.3rem; margin: 1rem 0 0; }
h2 { font-size: 1.05rem; margin: 0 0 .6rem; }
section { border-top: 1px solid #ddd; margin-top: 1.5rem; padding-top: 1.2rem; scroll-margin-top: .5rem; }
.chart { overflow-x: auto; min-height: 1.5rem; }
.chart.waiting { min-height: 24rem; color: #666; }
.chart.vega-embed { display: block; padding-right: 38px; }
.caption { max-width: 46rem; color: #444; margin: .8rem 0 0; }
@media (min-width: 1440px) {
  body { display: grid; grid-template-columns: 15rem 1fr; }
  nav { position: sticky; top: 0; align-self: start; }
  nav ol { display: block; overflow-wrap: anywhere; }
  nav li { margin: 0 0 .5rem; line-height: 1.3; }
}
@media print { nav, .vega-embed details { display: none; } section { break-inside: avoid; } }
"""
# The strings of the data never meet the HTML parser: specifications are packed, and Vega writes names as text.
SCRIPT = """
"use strict";
const options = {
  actions: {export: {svg: true, png: true}, source: false, compiled: false, editor: false},
  renderer: "svg",
};

async function unpack(id) {
  const packed = atob(document.getElementById(id).textContent);
  const bytes = Uint8Array.from(packed, (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).text();
}

let runtime;
function loadRuntime() {
  runtime ??= unpack("runtime").then((code) => {
    const script = document.createElement("script");
    script.textContent = code;
    document.head.append(script);
  });
  return runtime;
}

async function draw(box) {
  observer.unobserve(box);
  if (box.dataset.drawn) return;
  box.dataset.drawn = "yes";
  try {
    const [spec] = await Promise.all([unpack(box.dataset.spec), loadRuntime()]);
    await vegaEmbed(box, JSON.parse(spec), {...options, downloadFileName: box.dataset.name});
  } catch (error) {
    box.textContent = `This browser could not draw the chart (${error.message}); its SVG lies beside this page.`;
  }
  box.classList.remove("waiting");
}

const boxes = [...document.querySelectorAll(".chart")];
const observer = new IntersectionObserver(
  (entries) => entries.filter((entry) => entry.isIntersecting).forEach((entry) => draw(entry.target)),
  {rootMargin: "400px"},
);
boxes.forEach((box) => observer.observe(box));
addEventListener("beforeprint", () => boxes.forEach(draw));
"""
# Nothing but what stands in the page is loaded, whatever a specification asks for; Vega compiles its expressions.
POLICY = "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; img-src data: blob:"


def render_figures(
    paths_spec: Sequence[str | Path],
    titles: Sequence[str],
    paths_caption: Sequence[str | Path],
    path_page: str | Path,
    study: str,
) -> None:
    """Write the page.

    Args:
        paths_spec: Vega-Lite specification of every figure, in the order of the page.
        titles, paths_caption: title and file with the caption (plain sentences) of every figure, in the same order.
        path_page: HTML file to write.
        study: name of the study.
    """
    figures = [
        {
            "name": Path(path).name.removesuffix(".json").removesuffix(".vl"),
            "title": title,
            "spec": json.loads(Path(path).read_text(encoding="utf-8")),
            "caption": " ".join(Path(caption).read_text(encoding="utf-8").split()),
        }
        for path, title, caption in zip(paths_spec, titles, paths_caption, strict=True)
    ]
    page = render_page(figures, study)
    Path(path_page).write_text(page, encoding="utf-8")
    size = len(page.encode())
    log.info("%d figures, %.1f MB", len(figures), size / 1e6)
    if size > LARGEST:
        log.warning("%s is too large to be shown inside report.html by Chromium; open it by itself.", path_page)


def render_page(figures: Sequence[dict[str, Any]], study: str) -> str:
    """A page of its own; each chart is drawn when it scrolls into view, and can be saved as SVG or PNG.

    Args:
        figures: `name` (of a file saved from the page), `title`, `spec` and `caption` of every figure.
        study: name of the study.
    """
    entries, sections = [], []
    for number, figure in enumerate(figures, start=1):
        title = html.escape(figure["title"])
        entries.append(f'<li><a href="#figure-{number}">{title}</a></li>')
        sections.append(f"""<section id="figure-{number}" aria-labelledby="title-{number}">
<h2 id="title-{number}">{title}</h2>
<div class="chart waiting" data-spec="spec-{number}" data-name="{html.escape(figure["name"])}">Drawing the chart …</div>
<p class="caption">{html.escape(figure["caption"])}</p>
<script type="application/gzip" id="spec-{number}">{_pack(json.dumps(figure["spec"], separators=(",", ":")))}</script>
</section>""")
    heading = html.escape(f"Figures of the study {study}")
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<title>{heading}</title><style>{STYLE}</style>
</head>
<body>
<nav aria-label="Figures"><ol>{"".join(entries)}</ol></nav>
<main>
<h1>{heading}</h1>
<noscript><p>The charts need JavaScript; the same figures lie beside this page as SVG and PDF.</p></noscript>
{"".join(sections)}
</main>
<script type="application/gzip" id="runtime">{_pack(_runtime())}</script>
<script>{SCRIPT}</script>
</body>
</html>
"""


def _runtime() -> str:
    """JavaScript of Vega, Vega-Lite and Vega-Embed; defines `vegaEmbed`."""
    return vl_convert.javascript_bundle(vl_version=VEGALITE)


def _pack(text: str) -> str:
    """Text compressed by gzip, in base64: no character of it means anything to HTML."""
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()
