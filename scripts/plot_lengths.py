"""Test accuracy by the length of the text."""

from typing import Any

from bert_ladder.report.charts import FigureFiles
from bert_ladder.report.figures.lengths import plot_lengths
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    plot_lengths(
        paths_predictions=list(snakemake.input.predictions),
        path_test=snakemake.input.test,
        runs=snakemake.params.runs,
        files=FigureFiles(snakemake.output.spec, snakemake.output.figure, snakemake.output.pdf),
    )


if __name__ == "__main__":
    run_job(main, snakemake)
