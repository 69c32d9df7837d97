"""Reliability diagrams on the test split: how sure each row is of its predictions, and how often they are right."""

from typing import Any

from bert_ladder.report.charts import FigureFiles
from bert_ladder.report.figures.reliability import plot_reliability
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    plot_reliability(
        paths_predictions=list(snakemake.input.predictions),
        path_table=snakemake.input.table,
        runs=snakemake.params.runs,
        files=FigureFiles(snakemake.output.spec, snakemake.output.figure, snakemake.output.pdf),
    )


if __name__ == "__main__":
    run_job(main, snakemake)
