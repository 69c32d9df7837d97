"""How the runs were made: what each took, and with which versions, devices and data."""

from typing import Any

from bert_ladder.report.runs_page import render_runs
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    render_runs(
        paths_training=list(snakemake.input.training),
        paths_metrics=list(snakemake.input.metrics),
        paths_train_benchmarks=snakemake.params.train_benchmarks,
        paths_evaluate_benchmarks=snakemake.params.evaluate_benchmarks,
        path_page=snakemake.output.page,
        runs=snakemake.params.runs,
    )


if __name__ == "__main__":
    run_job(main, snakemake)
