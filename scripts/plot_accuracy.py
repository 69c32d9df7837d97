"""Test accuracy with its 95 % interval against what a row costs: its parameters and its time per text."""

from typing import Any

from bert_ladder.report.charts import FigureFiles
from bert_ladder.report.figures.accuracy import plot_accuracy
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    plot_accuracy(
        path_table=snakemake.input.table,
        files=FigureFiles(snakemake.output.spec, snakemake.output.figure, snakemake.output.pdf),
    )


if __name__ == "__main__":
    run_job(main, snakemake)
