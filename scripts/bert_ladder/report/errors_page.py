"""A page to browse mistakes on the test split: the surest ones of every row, and where the rows disagree."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bert_ladder.report.entries import browsed_errors
from bert_ladder.report.html import render_template

log = logging.getLogger(__name__)


def render_errors(
    paths_predictions: Sequence[str | Path],
    path_test: str | Path,
    path_labels: str | Path,
    path_page: str | Path,
    runs: Sequence[dict[str, Any]],
    show_texts: bool = True,
) -> None:
    """Write the page.

    Args:
        paths_predictions, path_test, path_labels, runs, show_texts: see `browsed_errors`.
        path_page: html file to write.

    Raises:
        BadInput: a run did not predict the texts of this test split.
    """
    found = browsed_errors(paths_predictions, path_test, path_labels, runs, show_texts)
    Path(path_page).write_text(render_template("errors.html", **found), encoding="utf-8")
    log.info("%d of %s texts that some row gets wrong", len(found["data"]["entries"]), f"{found['some_wrong']:,}")
