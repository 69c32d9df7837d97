"""The study's report: one page that holds all a reader is to see, and fetches nothing."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from bert_ladder.data.frames import read_labels, read_rows
from bert_ladder.evaluation.chosen_model import model_sha256, read_chosen
from bert_ladder.report.answer import answer
from bert_ladder.report.audit_sections import findings_of, read_audit
from bert_ladder.report.class_measures import by_row, overview, read_class_measures
from bert_ladder.report.drawings import COSTS, interval_chart, scatter
from bert_ladder.report.entries import browsed_errors
from bert_ladder.report.forms_table import form_cells, with_interval
from bert_ladder.report.html import Table, render_template
from bert_ladder.report.inline_figures import read_figures
from bert_ladder.report.records import read_record
from bert_ladder.report.results import Results
from bert_ladder.report.row_settings import differing_settings, machines, shared_settings
from bert_ladder.report.run_records import described_runs, differences, installed_versions, read_runs
from bert_ladder.report.sections import SummarySources, read_results, study_sections
from bert_ladder.report.sortable import measures_table, originals_table, scores_table
from bert_ladder.report.table_notes import foot_lines, held_out_lines
from bert_ladder.report.timing import unranked
from bert_ladder.report.verdicts import pairs_table, verdict_matrix

log = logging.getLogger(__name__)

FORMS = "forms.json"


@dataclass(frozen=True)
class ReportSources:
    """The files that the report is made of.

    Attributes:
        summary: those that its words are made of.
        near: near_duplicates.json.
        labels: labels.json.
        test: parquet of the test split.
        metrics, predictions: metrics.json and predictions.parquet of every run.
        train_benchmarks: Snakemake's benchmark of the training job of every run; it may be missing.
        evaluate_benchmarks: the same of the evaluation job of every BERT run.
        figures: SVG of every figure of the study.
        captions: a file with the caption of each, in the same order.
        chosen: model.json of the chosen model; forms.json beside it is read where it is there.
    """

    summary: SummarySources
    near: str | Path
    labels: str | Path
    test: str | Path
    metrics: Sequence[str | Path]
    predictions: Sequence[str | Path]
    train_benchmarks: Sequence[str | Path]
    evaluate_benchmarks: Sequence[str | Path]
    figures: Sequence[str | Path]
    captions: Sequence[str | Path]
    chosen: str | Path


@dataclass(frozen=True)
class ReportedStudy:
    """What the report must know of its study.

    Attributes:
        name: of the study.
        metric: "accuracy" or "f1", by which the rows were compared.
        runs: `model`, `seed` and `kind` of every run, in the order of the files.
        titles: of the figures, in the order of the files.
        notes: lines for the foot of the table.
        held_out: `fraction` and `seed` of the test split where it was held out of the training file.
        parts_differ: whether the rows were validated on different parts.
        texts: whether the page may hold texts of the data.
        files: the study files, as the command line names them; empty for the embedded study.
    """

    name: str
    metric: str
    runs: Sequence[dict[str, Any]]
    titles: Sequence[str]
    notes: Sequence[str]
    held_out: dict[str, Any] | None
    parts_differ: bool
    texts: bool
    files: Sequence[str]


def render_report(sources: ReportSources, study: ReportedStudy, path_page: str | Path) -> None:
    """Write the page.

    Args:
        sources: the files that it is made of.
        study: what they are of.
        path_page: html file to write.

    Raises:
        BadInput: a run did not predict the texts of this test split.
    """
    berts = [run for run in study.runs if run["kind"] == "bert"]
    results = read_results(sources.summary, study.metric)
    page = render_template(
        "report.html",
        study=study.name,
        metric=results.metric.name,
        command=" ".join(["", *([f"--configfile={' '.join(study.files)}"] if study.files else [])]),
        figures=read_figures(sources.figures, study.titles, sources.captions),
        sections=study_sections(results, sources.summary, berts, study.parts_differ),
        errors=browsed_errors(sources.predictions, sources.test, sources.labels, study.runs, study.texts),
        **answered(results, pd.DataFrame(map(read_record, sources.metrics))),
        **tabled(sources, study),
        **classes_and_data(sources, study),
        **chosen_forms(sources.chosen),
        **how_it_ran(sources, study.runs),
    )
    Path(path_page).write_text(page, encoding="utf-8")
    log.info("%d figures, %.1f MB", len(sources.figures), len(page.encode()) / 1e6)


def answered(results: Results, runs: pd.DataFrame) -> dict[str, Any]:
    """The answer, its pictures, and the verdicts behind it.

    Args:
        results: the numbers of the study.
        runs: one line per run, as in metrics.json.
    """
    said = answer(results)
    marked = said.best if said.settled else "", said.cheap
    intervals, ticks = interval_chart(results, runs, *marked)
    costs = [scatter(results, cost, *marked) for cost in COSTS]
    return {
        "answer": said,
        "intervals": intervals,
        "ticks": ticks,
        "costs": [cost for cost in costs if cost],
        "numbered": results.table.index.tolist() if any(cost.numbered for cost in costs if cost) else [],
        "unranked": results.unranked,
        "matrix": verdict_matrix(results) if len(results.pairs) else [],
        "pairs": pairs_table(results.pairs) if len(results.pairs) else None,
    }


def tabled(sources: ReportSources, study: ReportedStudy) -> dict[str, Any]:
    """The table with its notes, and what it says of calibration.

    Args:
        sources, study: see `render_report`.
    """
    table = read_rows(sources.summary.table).fillna({"encoder": ""})
    audit = read_record(sources.summary.audit)
    names, positive = read_labels(sources.labels)
    notes = [*held_out_lines(audit, study.held_out), *study.notes]
    calibration = [
        [row["model"], f"{100 * row['ece']:.2f}", f"{100 * row['calibrated_ece']:.2f}", f"{row['brier']:.4f}"]
        for row in table.to_dict("records")
    ]
    return {
        "scores": scores_table(table),
        "measures": measures_table(table),
        "originals": originals_table(table),
        "notes": foot_lines(table, names, positive, audit, notes),
        "texts": audit["rows"],
        "classes": len(names),
        "calibration": Table(["Row", "ECE, %", "ECE calibrated, %", "Brier"], calibration, "lrrr"),
        "ranked": unranked(table) is None,
    }


def classes_and_data(sources: ReportSources, study: ReportedStudy) -> dict[str, Any]:
    """How well each class is told, and what the audit found.

    Args:
        sources, study: see `render_report`.
    """
    measures = read_class_measures(sources.metrics, [run["model"] for run in study.runs])
    audit = read_audit(sources.summary.audit, sources.near, sources.labels, study.texts)
    return {"by_class": overview(by_row(measures)), "audit": audit, "findings": findings_of(audit)}


def chosen_forms(path_chosen: str | Path) -> dict[str, Any]:
    """The chosen model, and the table of its forms where they have been made of this very model.

    Args:
        path_chosen: model.json; forms.json stands beside it, or not.
    """
    model, path = read_chosen(Path(path_chosen).parent), Path(path_chosen).with_name(FORMS)
    content = read_record(path) if path.is_file() else None
    if content is None or content["model_sha256"] != model_sha256(model):
        return {"chosen": model, "forms": None, "unproven": [], "stale": content is not None}
    return {"chosen": model, "stale": False, **forms_table(content)}


def forms_table(content: Mapping[str, Any]) -> dict[str, Any]:
    """What a page shows of the forms.

    Args:
        content: what forms.json holds.
    """
    source = content["source"]
    measured = with_interval(source["accuracy"], source["low"], source["high"])
    lines = [
        {"Form": "the run itself", "Test accuracy": measured},
        *(form_cells(form, line) for form, line in content["forms"].items()),
    ]
    headers = list(dict.fromkeys(header for line in reversed(lines) for header in line))
    cells = [[line.get(header, "") for header in headers] for line in lines]
    reasons = [line["reason"] for line in content["forms"].values() if line["reason"]]
    return {"forms": Table(headers, cells, "l" + "r" * (len(headers) - 1)), "unproven": reasons}


def how_it_ran(sources: ReportSources, runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Settings, machines, times and versions.

    Args:
        sources: the files of the report.
        runs: of the study, see `ReportedStudy`.
    """
    described = read_runs(
        sources.summary.training, sources.metrics, sources.train_benchmarks, sources.evaluate_benchmarks, runs
    )
    records = {run.model: run.record for run in described if run.record}
    timed = [dict(row) for _, row in read_rows(sources.summary.table).iterrows()]
    return {
        "shared": shared_settings(records),
        "differing": differing_settings(records),
        "machines": machines([run.record for run in described if run.record], timed),
        "runs": described_runs(described, differences(described), installed_versions()),
    }
