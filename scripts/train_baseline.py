"""Linear baselines: TF-IDF with logistic regression, and NB-SVM. Tuned on the validation part only."""

from typing import Any

from bert_ladder.evaluation.runs import RunOutputs
from bert_ladder.runtime.jobs import run_job
from bert_ladder.training.baselines import BaselineFiles, train_baseline


def main(snakemake: Any) -> None:
    paths, params, output = snakemake.input, snakemake.params, snakemake.output
    train_baseline(
        BaselineFiles(paths.train, paths.test, paths.split, paths.classes),
        params.baseline,
        params.seed,
        params.class_weight,
        RunOutputs(output.predictions, output.record),
        path_model=output.model,
    )


if __name__ == "__main__":
    run_job(main, snakemake)
