"""Confusion matrices on the test split: of every true class, the share that each row predicts as each class."""

from typing import Any

from bert_ladder.report.charts import FigureFiles
from bert_ladder.report.figures.confusion import plot_confusion
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    plot_confusion(
        paths_predictions=list(snakemake.input.predictions),
        path_labels=snakemake.input.labels,
        runs=snakemake.params.runs,
        files=FigureFiles(snakemake.output.spec, snakemake.output.figure, snakemake.output.pdf),
    )


if __name__ == "__main__":
    run_job(main, snakemake)
