"""Test accuracy by the length of the text."""

from typing import Any

from bert_ladder.report.figures.lengths import plot_lengths
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    plot_lengths(
        paths_predictions=list(snakemake.input.predictions),
        path_test=snakemake.input.test,
        path_spec=snakemake.output.spec,
        path_figure=snakemake.output.figure,
        path_pdf=snakemake.output.pdf,
        runs=snakemake.params.runs,
    )


if __name__ == "__main__":
    run_job(main, snakemake)
