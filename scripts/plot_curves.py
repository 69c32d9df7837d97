"""ROC and precision-recall curves on the test split."""

from typing import Any

from bert_ladder.report.charts import FigureFiles
from bert_ladder.report.figures.curves import plot_curves
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    plot_curves(
        paths_predictions=list(snakemake.input.predictions),
        path_labels=snakemake.input.labels,
        path_table=snakemake.input.table,
        runs=snakemake.params.runs,
        files=FigureFiles(snakemake.output.spec, snakemake.output.figure, snakemake.output.pdf),
    )


if __name__ == "__main__":
    run_job(main, snakemake)
