"""Where the wall clock of a study went: waiting for a device, start-up, work, and devices that stood idle."""

from typing import Any

from bert_ladder.report.charts import FigureFiles
from bert_ladder.report.figures.timeline import plot_timeline
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    plot_timeline(
        paths_training=list(snakemake.input.training),
        paths_metrics=list(snakemake.input.metrics),
        trainings=snakemake.params.trainings,
        evaluations=snakemake.params.evaluations,
        files=FigureFiles(snakemake.output.spec, snakemake.output.figure, snakemake.output.pdf),
    )


if __name__ == "__main__":
    run_job(main, snakemake)
