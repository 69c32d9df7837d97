"""What a study says, section by section, from the files of its numbers."""

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
from bert_ladder.report.label_curve import labels_section, read_label_curve
from bert_ladder.report.markup import single_spaced
from bert_ladder.report.records import read_histories, read_record
from bert_ladder.report.results import Results
from bert_ladder.report.words import Section


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


def read_results(sources: SummarySources, metric: str) -> Results:
    """The numbers of the study.

    Args:
        sources: the files that they stand in.
        metric: "accuracy" or "f1", by which the pairs were compared.
    """
    table, comparison, pairs = map(read_rows, (sources.table, sources.comparison, sources.pairs))
    return Results(table, comparison, pairs, metric)


def study_sections(
    results: Results, sources: SummarySources, runs: Sequence[dict[str, Any]], parts_differ: bool
) -> list[Section]:
    """All that the study says, in order.

    Args:
        results: from `read_results`.
        sources: the files that the numbers stand in.
        runs: `model` and `seed` of every BERT run, in the order of the histories.
        parts_differ: whether the rows were validated on different parts.
    """
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
        scope_section(results, records),
    ]
    return [(heading, [single_spaced(line) for line in lines]) for heading, lines in filter(None, found)]
