"""Linear baselines: TF-IDF with logistic regression, and NB-SVM. Tuned on the validation part only."""

from typing import Any

from bert_ladder.runtime.jobs import run_job
from bert_ladder.training.baselines import train_baseline


def main(snakemake: Any) -> None:
    train_baseline(
        path_train=snakemake.input.train,
        path_test=snakemake.input.test,
        path_labels=snakemake.input.labels,
        path_split=snakemake.input.split,
        path_predictions=snakemake.output.predictions,
        path_metrics=snakemake.output.metrics,
        path_model=snakemake.output.model,
        baseline=snakemake.params.baseline,
        model=snakemake.params.model,
        study=snakemake.params.study,
        seed=snakemake.params.seed,
    )


if __name__ == "__main__":
    run_job(main, snakemake)
