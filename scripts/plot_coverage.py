"""Risk against coverage on the test split: how often each row is wrong if it answers only what it is surest of."""

from typing import Any

from bert_ladder.report.charts import FigureFiles
from bert_ladder.report.figures.coverage import plot_coverage
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    plot_coverage(
        paths_predictions=list(snakemake.input.predictions),
        runs=snakemake.params.runs,
        files=FigureFiles(snakemake.output.spec, snakemake.output.figure, snakemake.output.pdf),
    )


if __name__ == "__main__":
    run_job(main, snakemake)
