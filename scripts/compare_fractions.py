"""What more labels bring: means and 95 % intervals by the number of labels, tests of pairs, and power laws."""

from typing import Any

from bert_ladder.evaluation.comparison import Protocol
from bert_ladder.evaluation.label_curve import CurveOutputs, CurveRuns, compare_fractions
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    paths, params, output = snakemake.input, snakemake.params, snakemake.output
    compare_fractions(
        CurveRuns(list(paths.predictions), params.runs, paths.labels),
        Protocol(params.metric, params.over, params.split_per_run),
        CurveOutputs(output.curve, output.pairs, output.laws),
    )


if __name__ == "__main__":
    run_job(main, snakemake)
