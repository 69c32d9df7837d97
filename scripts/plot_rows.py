"""A test metric of every row with its 95 % interval, and of every seed."""

from typing import Any

from bert_ladder.report.charts import FigureFiles
from bert_ladder.report.figures.rows import plot_rows
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    plot_rows(
        path_table=snakemake.input.table,
        paths_metrics=list(snakemake.input.metrics),
        metric=snakemake.params.metric,
        files=FigureFiles(snakemake.output.spec, snakemake.output.figure, snakemake.output.pdf),
    )


if __name__ == "__main__":
    run_job(main, snakemake)
