"""All figures of a study, interactive, on one page that fetches nothing."""

import base64
import gzip
import json
import logging
from collections.abc import Sequence
from pathlib import Path

import vl_convert

from bert_ladder.report.charts import VEGALITE
from bert_ladder.report.html import render_template
from bert_ladder.report.records import read_record

log = logging.getLogger(__name__)

# Chromium opens a data: address in a frame, as Snakemake's report does, up to 2 MiB; in base64 three bytes become four.
LARGEST = 3 * 2**19 - 1024


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
            "packed": _pack(json.dumps(read_record(path), separators=(",", ":"))),
            "caption": " ".join(Path(caption).read_text(encoding="utf-8").split()),
        }
        for path, title, caption in zip(paths_spec, titles, paths_caption, strict=True)
    ]
    page = render_template("figures.html", figures=figures, study=study, runtime=_pack(_runtime()))
    Path(path_page).write_text(page, encoding="utf-8")
    size = len(page.encode())
    log.info("%d figures, %.1f MB", len(figures), size / 1e6)
    if size > LARGEST:
        log.warning("%s is too large to be shown inside Snakemake's report by Chromium; open it by itself.", path_page)


def _runtime() -> str:
    """JavaScript of Vega, Vega-Lite and Vega-Embed; defines `vegaEmbed`."""
    # Its types lack the default of the snippet, which its documentation has.
    return vl_convert.javascript_bundle(vl_version=VEGALITE)  # type: ignore[call-arg]


def _pack(text: str) -> str:
    """Text compressed by gzip, in base64: no character of it means anything to HTML."""
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()
