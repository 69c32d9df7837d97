"""What the runs say together: means and 95 % intervals of every row's metrics, and a test of every pair of rows."""

from typing import Any

from bert_ladder.evaluation.comparison import ComparedRuns, Protocol, compare_models
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    paths, params = snakemake.input, snakemake.params
    compare_models(
        ComparedRuns(list(paths.metrics), list(paths.predictions), paths.labels, paths.leaked),
        Protocol(params.metric, params.over, params.split_per_run),
        path_comparison=snakemake.output.comparison,
        path_pairs=snakemake.output.pairs,
    )


if __name__ == "__main__":
    run_job(main, snakemake)
