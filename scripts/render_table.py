"""The study's table as csv, markdown, LaTeX, terminal text and HTML."""

from typing import Any

from bert_ladder.report.table import TableSources, render_table
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    render_table(
        TableSources(
            comparison=snakemake.input.comparison,
            metrics=list(snakemake.input.metrics),
            audit=snakemake.input.audit,
            labels=snakemake.input.labels,
            speed=list(snakemake.input.speed),
            outcome=list(snakemake.input.outcome),
        ),
        rows=snakemake.params.rows,
        study=snakemake.params.study,
        notes=snakemake.params.notes,
        held_out=snakemake.params.held_out,
        paths_out={form: snakemake.output[form] for form in ("csv", "markdown", "latex", "text", "html")},
    )


if __name__ == "__main__":
    run_job(main, snakemake)
