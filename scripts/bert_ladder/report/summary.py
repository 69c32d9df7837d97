"""What the study says, in plain words: which row to take, what is not separable, and whether more epochs would help.

Every claim of a difference rests on one test of pairs.csv after Holm's correction; rows are chosen on the validation
part and reported on the test split.
"""

import logging
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bert_ladder.report.html import render_template
from bert_ladder.report.markup import TEXT_WIDTH, escape_markdown
from bert_ladder.report.sections import SummarySources, read_results, study_sections
from bert_ladder.report.words import Section

log = logging.getLogger(__name__)


def render_summary(
    sources: SummarySources,
    runs: Sequence[dict[str, Any]],
    parts_differ: bool,
    study: str,
    metric: str,
    paths_out: dict[str, str | Path],
) -> None:
    """Write the summary in its three forms.

    Args:
        sources: the files that the numbers stand in.
        runs: `model` and `seed` of every BERT run, in the order of the histories.
        parts_differ: whether the rows were validated on different parts.
        study: name of the study.
        metric: "accuracy" or "f1", by which the pairs were compared.
        paths_out: "markdown", "html" (a fragment) and "text" (in short, for a terminal) to the files to write.
    """
    sections = study_sections(read_results(sources, metric), sources, runs, parts_differ)
    title = f"Study {study}: what it says"
    forms = {
        "markdown": render_markdown(title, sections),
        "html": render_html(title, sections),
        "text": render_text([*sections[:2], sections[-1]]),
    }
    for form, content in forms.items():
        Path(paths_out[form]).write_text(content, encoding="utf-8")
    log.info("%s: %d sections", study, len(sections))


def render_markdown(title: str, sections: Sequence[Section]) -> str:
    """Headings and lists."""
    parts = [f"# {escape_markdown(title)}"]
    for heading, lines in sections:
        parts += [f"## {escape_markdown(heading)}", "\n".join(f"- {escape_markdown(line)}" for line in lines)]
    return "\n\n".join(parts) + "\n"


def render_html(title: str, sections: Sequence[Section]) -> str:
    """A fragment for the report's first page: no page of its own, no script."""
    return render_template("summary.html", title=title, sections=sections)


def render_text(sections: Sequence[Section]) -> str:
    """For a terminal of 120 columns."""
    parts = []
    for heading, lines in sections:
        parts += [
            heading,
            *(textwrap.fill(line, TEXT_WIDTH, initial_indent="- ", subsequent_indent="  ") for line in lines),
        ]
    return "\n".join(parts) + "\n"
