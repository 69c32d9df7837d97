"""What the runs say together: means and 95 % intervals of every row's metrics, and a test of every pair of rows."""

from typing import Any

from bert_ladder.evaluation.comparison import compare_models
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    compare_models(
        paths_metrics=list(snakemake.input.metrics),
        paths_predictions=list(snakemake.input.predictions),
        path_labels=snakemake.input.labels,
        path_leaked=snakemake.input.leaked,
        path_comparison=snakemake.output.comparison,
        path_pairs=snakemake.output.pairs,
        metric=snakemake.params.metric,
        over=snakemake.params.over,
        split_per_run=snakemake.params.split_per_run,
    )


if __name__ == "__main__":
    run_job(main, snakemake)
