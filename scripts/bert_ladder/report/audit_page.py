"""A page with the data audit in words: what was counted, what it means for a score, and when to worry."""

import logging
from collections.abc import Sequence
from pathlib import Path

from bert_ladder.report.audit_sections import Section, findings_of, read_audit
from bert_ladder.report.html import render_template

log = logging.getLogger(__name__)


def render_audit(
    path_audit: str | Path,
    path_near: str | Path,
    path_labels: str | Path,
    path_page: str | Path,
    show_texts: bool = True,
) -> None:
    """Write the page.

    Args:
        path_audit, path_near, path_labels, show_texts: see `read_audit`.
        path_page: html file to write.
    """
    sections = read_audit(path_audit, path_near, path_labels, show_texts)
    Path(path_page).write_text(audit_page(sections), encoding="utf-8")
    log.info("%d findings", len(findings_of(sections)))


def audit_page(sections: Sequence[Section]) -> str:
    """The html page: what stands out, then every part."""
    return render_template("audit.html", findings=findings_of(sections), sections=sections)
