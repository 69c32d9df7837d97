"""Predict every text of the training, validation and test parts with one trained model."""

from pathlib import Path
from typing import Any

from bert_ladder.encoders.encoder_files import EncoderFiles
from bert_ladder.evaluation.runs import EvaluationFiles, Run, RunOutputs
from bert_ladder.runtime.devices import lease_device
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    params, paths = snakemake.params, snakemake.input
    lease = lease_device(snakemake.threads, snakemake.resources, f"{params.model}, seed {params.seed}, evaluation")
    from bert_ladder.training.evaluating import evaluate_model

    evaluate_model(
        EncoderFiles.of({"config": paths.config, "weights": paths.weights, "vocabulary": paths.vocabulary}),
        EvaluationFiles(
            training=Path(paths.training),
            train_tokens=paths.train_tokens,
            test_tokens=paths.test_tokens,
            train=paths.train,
            test=paths.test,
            split=paths.split,
            labels=paths.labels,
        ),
        Run(params.study, params.model, params.encoder, "bert", params.seed),
        RunOutputs(snakemake.output.predictions, snakemake.output.metrics),
        lease,
    )


if __name__ == "__main__":
    run_job(main, snakemake)
