"""Predict every text of the training, validation and test parts with one trained model."""

from pathlib import Path
from typing import Any

from bert_ladder.encoders.encoder_files import EncoderFiles
from bert_ladder.evaluation.runs import EvaluationFiles, RunOutputs
from bert_ladder.runtime.devices import lease_device
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    paths, run = snakemake.input, snakemake.wildcards
    # By the folder: what a row is called does not change what it predicts.
    name = f"{run.model}, seed {run.seed}"
    lease = lease_device(snakemake.threads, snakemake.resources, f"{name}, evaluation")
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
            classes=paths.classes,
        ),
        name,
        RunOutputs(snakemake.output.predictions, snakemake.output.record),
        lease,
    )


if __name__ == "__main__":
    run_job(main, snakemake)
