"""Predict every text of the training, validation and test parts with one trained model."""

import json
import logging
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bert_ladder.data.frames import LABEL_COLUMN, read_labels
from bert_ladder.data.tokens import load_tokens
from bert_ladder.evaluation.metrics import classification_metrics, predictions_frame
from bert_ladder.runtime.devices import lease_device
from bert_ladder.runtime.jobs import run_job

log = logging.getLogger(__name__)


def main(snakemake: Any) -> None:
    name = f"{snakemake.params.model}, seed {snakemake.params.seed}, evaluation"
    lease = lease_device(snakemake.threads, snakemake.resources, name)
    from bert_ladder.training.classifier import predict_probabilities, restore_classifier

    names, positive = read_labels(snakemake.input.labels)
    record = json.loads(Path(snakemake.input.training).read_text(encoding="utf-8"))
    train_tokens = load_tokens(*snakemake.input.train_tokens, snakemake.input.vocabulary)
    test_tokens = load_tokens(*snakemake.input.test_tokens, snakemake.input.vocabulary)
    train_labels = pd.read_parquet(snakemake.input.train, columns=[LABEL_COLUMN])[LABEL_COLUMN].to_numpy()
    test_labels = pd.read_parquet(snakemake.input.test, columns=[LABEL_COLUMN])[LABEL_COLUMN].to_numpy()
    part = pd.read_parquet(snakemake.input.split)["part"].to_numpy()
    model = restore_classifier(snakemake.input.config, snakemake.input.weights, record, len(names), train_tokens.pad)
    ready_at = time.time()

    frames = []
    for split, tokens, known, rows in (
        ("train", train_tokens, train_labels, np.flatnonzero(part == "train")),
        ("validation", train_tokens, train_labels, np.flatnonzero(part == "validation")),
        ("test", test_tokens, test_labels, np.arange(len(test_labels))),
    ):
        log.info("%s: predicting %s %s texts", snakemake.params.model, f"{len(rows):,}", split)
        probabilities = predict_probabilities(
            model, tokens, rows, record["training"]["length"], record["training"]["truncation"]
        )
        frames.append(predictions_frame(split, rows, known[rows], probabilities))
    predictions = pd.concat(frames, ignore_index=True)

    metrics = {
        "study": snakemake.params.study,
        "model": snakemake.params.model,
        "encoder": snakemake.params.encoder,
        "kind": "bert",
        "seed": snakemake.params.seed,
        "parameters": record["parameters"],
        **classification_metrics(predictions, positive, names),
        "training_seconds": record["training_seconds"],
        "device": record["device"],
        **{f"evaluation_{key}": value for key, value in lease.record().items()},
        "evaluation_ready_at": round(ready_at, 3),
    }
    predictions.to_parquet(snakemake.output.predictions, index=False)
    Path(snakemake.output.metrics).write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
    log.info("%s: test accuracy %.4f", snakemake.params.model, metrics["test_accuracy"])


if __name__ == "__main__":
    run_job(main, snakemake)
