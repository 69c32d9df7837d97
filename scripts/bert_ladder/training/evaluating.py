"""The predictions of a trained classifier on every part of the data."""

import json
import logging
import time
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import pandas as pd

from bert_ladder.data.frames import LABEL_COLUMN, PART_COLUMN, PARTS, read_classes
from bert_ladder.data.tokens import Tokens
from bert_ladder.encoders.encoder_files import EncoderFiles
from bert_ladder.encoders.normal_form import read_encoder
from bert_ladder.encoders.vocabulary import tokenizer_vocabulary
from bert_ladder.evaluation.predictions import predictions_frame
from bert_ladder.evaluation.runs import EvaluationFiles, RunOutputs, write_run
from bert_ladder.runtime.leases import Lease
from bert_ladder.training.classifier import predict_probabilities, restore_classifier

log = logging.getLogger(__name__)


def evaluate_model(encoder: EncoderFiles, files: EvaluationFiles, name: str, outputs: RunOutputs, lease: Lease) -> None:
    """Predict every text of the training, validation and test parts with one trained model.

    Args:
        encoder: of the row, with the weights of the trained classifier.
        files: what to predict, and the record of the training.
        name: what progress lines are about.
        outputs: files to write.
        lease: the devices, for the record.
    """
    record = json.loads(files.training.read_text(encoding="utf-8"))
    vocabulary = tokenizer_vocabulary(read_encoder(encoder.config)["tokenizer"], encoder)
    model = restore_classifier(encoder, record, len(read_classes(files.classes)), vocabulary.pad)
    tokens = {"train": vocabulary.open_tokens(*files.train_tokens), "test": vocabulary.open_tokens(*files.test_tokens)}
    ready_at = time.time()
    predictions = predict_parts(model, tokens, files, record["training"], name)
    evaluation = {
        "parameters": record["parameters"],
        "training_seconds": record["training_seconds"],
        "device": record["device"],
        "dtype_policy": record["training"]["precision"],
        **{f"evaluation_{key}": value for key, value in lease.record().items()},
        "evaluation_ready_at": round(ready_at, 3),
    }
    write_run(outputs, predictions, evaluation)


def predict_parts(
    model: keras.Model, tokens: Mapping[str, Tokens], files: EvaluationFiles, training: Mapping[str, Any], name: str
) -> pd.DataFrame:
    """The predictions of all parts, as `predictions_frame` gives them for one.

    Args:
        model: the classifier.
        tokens: of the splits "train" and "test".
        files: the frames of the splits, and the division of the training split.
        training: the settings that the classifier was trained with.
        name: what progress lines are about.
    """
    labels = {
        split: pd.read_parquet(path, columns=[LABEL_COLUMN])[LABEL_COLUMN].to_numpy()
        for split, path in (("train", files.train), ("test", files.test))
    }
    division = pd.read_parquet(files.split)[PART_COLUMN].to_numpy()
    parts = [(part, "train", np.flatnonzero(division == part)) for part in PARTS]
    frames = []
    for part, split, examples in [*parts, ("test", "test", np.arange(len(labels["test"])))]:
        log.info("%s: predicting %s %s texts", name, f"{len(examples):,}", part)
        probabilities = predict_probabilities(
            model, tokens[split], examples, training["length"], training["truncation"]
        )
        frames.append(predictions_frame(part, examples, labels[split][examples], probabilities))
    return pd.concat(frames, ignore_index=True)
