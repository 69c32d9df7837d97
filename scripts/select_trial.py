"""Choose the best trial of a row's search by its score on the validation part."""

from typing import Any

from bert_ladder.evaluation.selection import Search, SearchFiles, SearchOutputs, select_trial
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    params, paths, output = snakemake.params, dict(snakemake.input.items()), snakemake.output
    select_trial(
        SearchFiles(list(paths["history"]), list(paths["training"]), paths.get("positive")),
        Search(params.model, params.metric, params.searched, params.runs),
        SearchOutputs(output.chosen, output.outcome),
    )


if __name__ == "__main__":
    run_job(main, snakemake)
