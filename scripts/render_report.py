"""The study's report: one page to show around, complete in itself."""

from typing import Any

from bert_ladder.report.report_page import ReportedStudy, ReportSources, render_report
from bert_ladder.report.sections import SummarySources
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    paths, params = snakemake.input, snakemake.params
    summary = SummarySources(
        table=paths.table,
        comparison=paths.comparison,
        pairs=paths.pairs,
        audit=paths.audit,
        history=list(paths.history),
        training=list(paths.training),
        label_curve=list(paths.label_curve),
    )
    sources = ReportSources(
        summary=summary,
        near=paths.near,
        labels=paths.labels,
        test=paths.test,
        metrics=list(paths.metrics),
        predictions=list(paths.predictions),
        train_benchmarks=params.train_benchmarks,
        evaluate_benchmarks=params.evaluate_benchmarks,
        figures=list(paths.figures),
        captions=list(paths.captions),
        chosen=paths.chosen,
    )
    study = ReportedStudy(
        name=params.study,
        metric=params.metric,
        runs=params.runs,
        titles=params.titles,
        notes=params.notes,
        held_out=params.held_out,
        parts_differ=params.parts_differ,
        texts=params.texts,
        files=params.files,
    )
    render_report(sources, study, snakemake.output.page)


if __name__ == "__main__":
    run_job(main, snakemake)
