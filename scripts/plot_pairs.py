"""Every row against every other: the difference of a test metric, and whether it is more than noise."""

from typing import Any

from bert_ladder.report.charts import FigureFiles
from bert_ladder.report.figures.pairs import plot_pairs
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    plot_pairs(
        path_pairs=snakemake.input.pairs,
        files=FigureFiles(snakemake.output.spec, snakemake.output.figure, snakemake.output.pdf),
    )


if __name__ == "__main__":
    run_job(main, snakemake)
