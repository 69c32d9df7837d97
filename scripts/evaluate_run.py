"""The metrics of one run, from its predictions."""

from typing import Any

from bert_ladder.evaluation.run_metrics import EvaluatedRun, Run, evaluate_run
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    paths = snakemake.input
    evaluate_run(
        EvaluatedRun(paths.predictions, paths.record, paths.labels),
        Run(**snakemake.params.run),
        path_metrics=snakemake.output.metrics,
    )


if __name__ == "__main__":
    run_job(main, snakemake)
