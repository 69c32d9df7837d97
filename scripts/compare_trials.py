"""All trials of a row's search with their measures on the validation part, ranked."""

from typing import Any

from bert_ladder.evaluation.selection import Search, SearchFiles, compare_trials
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    params, paths = snakemake.params, snakemake.input
    compare_trials(
        SearchFiles(list(paths.history), list(paths.training), paths.positive),
        Search(params.model, params.metric, params.searched, params.runs),
        path_trials=snakemake.output.trials,
    )


if __name__ == "__main__":
    run_job(main, snakemake)
