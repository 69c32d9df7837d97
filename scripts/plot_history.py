"""Learning curves: loss, accuracy and calibration error by epoch on the training and the validation part."""

from typing import Any

from bert_ladder.report.figures.history import plot_history
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    plot_history(
        paths_history=list(snakemake.input.history),
        path_spec=snakemake.output.spec,
        path_figure=snakemake.output.figure,
        path_pdf=snakemake.output.pdf,
        runs=snakemake.params.runs,
        paths_training=list(snakemake.input.training),
    )


if __name__ == "__main__":
    run_job(main, snakemake)
