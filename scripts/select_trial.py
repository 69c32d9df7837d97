"""Choose the best trial of a row's search by its score on the validation part."""

from typing import Any

from bert_ladder.evaluation.selection import Search, SearchOutputs, select_trial
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    params, output = snakemake.params, snakemake.output
    select_trial(
        paths_history=list(snakemake.input.history),
        paths_training=list(snakemake.input.training),
        search=Search(params.model, params.metric, params.searched, params.runs),
        outputs=SearchOutputs(output.chosen, output.outcome, output.trials),
    )


if __name__ == "__main__":
    run_job(main, snakemake)
