"""Learning curves: loss, accuracy and calibration error by epoch on the training and the validation part."""

from typing import Any

from bert_ladder.report.charts import FigureFiles
from bert_ladder.report.figures.history import plot_history
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    plot_history(
        paths_history=list(snakemake.input.history),
        paths_training=list(snakemake.input.training),
        runs=snakemake.params.runs,
        files=FigureFiles(snakemake.output.spec, snakemake.output.figure, snakemake.output.pdf),
    )


if __name__ == "__main__":
    run_job(main, snakemake)
