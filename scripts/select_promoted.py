"""Choose the trials that go on from a rung of a search that is halved, by their score on the validation part."""

from typing import Any

from bert_ladder.evaluation.selection import Search, SearchFiles, select_promoted
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    params, paths = snakemake.params, dict(snakemake.input.items())
    select_promoted(
        SearchFiles(list(paths["history"]), list(paths["training"]), paths.get("positive")),
        Search(params.model, params.metric, params.searched, params.runs),
        params.promoted,
        path_promoted=snakemake.output.promoted,
    )


if __name__ == "__main__":
    run_job(main, snakemake)
