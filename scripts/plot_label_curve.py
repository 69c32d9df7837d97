"""A test metric of every row by its number of labels, with intervals, and the power laws that hold."""

from typing import Any

from bert_ladder.report.charts import FigureFiles
from bert_ladder.report.figures.label_curve import plot_label_curve
from bert_ladder.report.label_curve import read_label_curve
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    paths, output = snakemake.input, snakemake.output
    plot_label_curve(
        read_label_curve(paths.curve, paths.pairs, paths.laws),
        models=snakemake.params.models,
        files=FigureFiles(output.spec, output.figure, output.pdf),
    )


if __name__ == "__main__":
    run_job(main, snakemake)
