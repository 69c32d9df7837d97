"""The study's table as csv, markdown, LaTeX, terminal text and HTML."""

from typing import Any

from bert_ladder.report.table import render_table
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    render_table(
        path_comparison=snakemake.input.comparison,
        paths_metrics=list(snakemake.input.metrics),
        path_audit=snakemake.input.audit,
        path_labels=snakemake.input.labels,
        paths_speed=list(snakemake.input.speed),
        paths_outcome=list(snakemake.input.outcome),
        paths_out={form: snakemake.output[form] for form in ("csv", "markdown", "latex", "text", "html")},
        rows=snakemake.params.rows,
        study=snakemake.params.study,
        notes=snakemake.params.notes,
    )


if __name__ == "__main__":
    run_job(main, snakemake)
