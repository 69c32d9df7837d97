"""Choose the best trial of a row's search by its score on the validation part."""

from typing import Any

from bert_ladder.evaluation.selection import select_trial
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    select_trial(
        paths_history=list(snakemake.input.history),
        paths_training=list(snakemake.input.training),
        path_chosen=snakemake.output.chosen,
        path_outcome=snakemake.output.outcome,
        path_trials=snakemake.output.trials,
        model=snakemake.params.model,
        metric=snakemake.params.metric,
        keys=snakemake.params.searched,
        runs=snakemake.params.runs,
    )


if __name__ == "__main__":
    run_job(main, snakemake)
