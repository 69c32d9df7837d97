"""What the study says, in plain words: which row to take, what is not separable, and whether more epochs would help.

Every claim of a difference rests on one test of pairs.csv after Holm's correction; rows are chosen on the validation
part and reported on the test split.
"""

import logging
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bert_ladder.data.frames import read_rows
from bert_ladder.report.epochs import epochs_section
from bert_ladder.report.findings import (
    baseline_section,
    choice_section,
    frozen_section,
    leak_section,
    open_section,
    scope_section,
    search_section,
    size_section,
)
from bert_ladder.report.html import render_template
from bert_ladder.report.label_curve import labels_section, read_label_curve
from bert_ladder.report.markup import TEXT_WIDTH, escape_markdown, single_spaced
from bert_ladder.report.records import read_histories, read_record
from bert_ladder.report.results import Results
from bert_ladder.report.words import Section

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SummarySources:
    """The files that the summary is made of.

    Attributes:
        table: table.csv.
        comparison: comparison.csv.
        pairs: pairs.csv.
        audit: audit.json.
        history: history.csv of every BERT run.
        training: training.json of every BERT run, in the same order.
        label_curve: label_curve.csv, label_curve_pairs.csv and label_curve_laws.csv; nothing where there is no curve.
    """

    table: str | Path
    comparison: str | Path
    pairs: str | Path
    audit: str | Path
    history: Sequence[str | Path]
    training: Sequence[str | Path]
    label_curve: Sequence[str | Path] = ()


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
    table, comparison, pairs = map(read_rows, (sources.table, sources.comparison, sources.pairs))
    results = Results(table, comparison, pairs, metric)
    # A record has the name that its row had at the time.
    records = [read_record(path) | {"model": run["model"]} for path, run in zip(sources.training, runs, strict=True)]
    found = [
        choice_section(results, parts_differ),
        baseline_section(results),
        frozen_section(results),
        size_section(results),
        open_section(results),
        epochs_section(read_histories(sources.history, sources.training, runs), records),
        search_section(results),
        labels_section(read_label_curve(*sources.label_curve) if sources.label_curve else None),
        leak_section(results, read_record(sources.audit)["leaked"]["test_rows"]),
        scope_section(results),
    ]
    sections = [(heading, [single_spaced(line) for line in lines]) for heading, lines in filter(None, found)]
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
