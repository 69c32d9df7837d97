"""The trials of every row's search: their settings and their scores on the validation part."""

from typing import Any

from bert_ladder.report.charts import FigureFiles
from bert_ladder.report.figures.search import plot_search
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    plot_search(
        paths_trials=list(snakemake.input.trials),
        paths_outcome=list(snakemake.input.outcome),
        searches=snakemake.params.searches,
        files=FigureFiles(snakemake.output.spec, snakemake.output.figure, snakemake.output.pdf),
    )


if __name__ == "__main__":
    run_job(main, snakemake)
