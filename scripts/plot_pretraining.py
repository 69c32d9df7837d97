"""What pre-training learned: loss and accuracy of each task on held-out text after each epoch."""

from typing import Any

from bert_ladder.report.charts import FigureFiles
from bert_ladder.report.figures.pretraining import plot_pretraining
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    plot_pretraining(
        paths_history=list(snakemake.input.history),
        encoders=snakemake.params.encoders,
        files=FigureFiles(snakemake.output.spec, snakemake.output.figure, snakemake.output.pdf),
    )


if __name__ == "__main__":
    run_job(main, snakemake)
