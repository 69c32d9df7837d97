"""Logistic regression on the outputs of an encoder that is not trained, kept as a classifier on that encoder."""

import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from bert_ladder.data.class_weights import class_weights
from bert_ladder.data.frames import LABEL_COLUMN, PART_COLUMN, PARTS, read_classes
from bert_ladder.encoders.encoder_files import EncoderFiles
from bert_ladder.encoders.normal_form import build_encoder, load_weights, read_encoder
from bert_ladder.encoders.vocabulary import tokenizer_vocabulary
from bert_ladder.evaluation.predictions import predictions_frame
from bert_ladder.evaluation.runs import RunOutputs, write_run
from bert_ladder.runtime.jobs import BadInput
from bert_ladder.training.baselines import Candidate, best_candidate
from bert_ladder.training.classifier import NO_POOLER, build_classifier
from bert_ladder.training.fitting import engine
from bert_ladder.training.linear import LinearClassifier, class_scores

log = logging.getLogger(__name__)

REGULARIZATION = (0.0001, 0.001, 0.01, 0.1, 1.0, 10.0)
# Nothing is dropped; forms of a model say so.
NO_DROPOUT = {"dropout": 0.0, "encoder_dropout": 0.0}
# The logit of a class without a training text, whose probability is 0 in float32.
NEVER = -1e4


@dataclass(frozen=True)
class Head:
    """A linear classifier as a dense layer: kernel, float32 (hidden, classes), and bias, float32 (classes,)."""

    kernel: np.ndarray
    bias: np.ndarray

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        """Class probabilities, float32 (n, classes), of features, float32 (n, hidden)."""
        return softmax(features @ self.kernel + self.bias, axis=1)


@dataclass(frozen=True)
class FrozenFiles:
    """What a classifier on a frozen encoder learns from and predicts.

    Attributes:
        train_features, test_features: outputs of the encoder, see `FeatureFiles`.
        train_record: the record of the former.
        train, test, split: parquet files of the splits and of the division of the training split into two parts.
        classes: classes.json.
    """

    train_features: Path | str
    test_features: Path | str
    train_record: Path | str
    train: Path | str
    test: Path | str
    split: Path | str
    classes: Path | str

    @classmethod
    def of(cls, paths: Mapping[str, Any]) -> "FrozenFiles":
        """From the inputs of a rule, by their names."""
        return cls(**{key: paths[key] for key in cls.__dataclass_fields__})


@dataclass(frozen=True)
class FrozenOutputs:
    """Files to write: model.weights.h5 and training.json, as of a row that is fine-tuned, and those of every run."""

    weights: Path | str
    training: Path | str
    run: RunOutputs


def train_frozen(
    encoder: EncoderFiles, files: FrozenFiles, settings: Mapping[str, Any], seed: int, name: str, outputs: FrozenOutputs
) -> None:
    """Fit logistic regression on an encoder's outputs, tune C on the validation part, predict and keep the model.

    Args:
        encoder: that has read the texts.
        files: its outputs, and the labels.
        settings: `length`, `pooling`, `truncation` and `class_weight`, see `class_weights`.
        seed: of the run; the fit has no chance in it, but the division may.
        name: what the log is about.
        outputs: files to write. `training_seconds` counts the encoding of the texts that are trained and validated on,
            which others may share, and the fit with its tuning.

    Raises:
        BadInput: if the encoder has no such pooling; for a weight of a label that the data do not have.
    """
    reading = json.loads(Path(files.train_record).read_text(encoding="utf-8"))
    if settings["pooling"] not in reading["poolings"]:
        raise BadInput(f"{name}: {NO_POOLER}")
    pooling = reading["poolings"].index(settings["pooling"])
    labels = {split: _labels(path) for split, path in (("train", files.train), ("test", files.test))}
    division = pd.read_parquet(files.split)[PART_COLUMN].to_numpy()
    rows = {part: np.flatnonzero(division == part) for part in PARTS}
    outputs_of_train = np.load(files.train_features, mmap_mode="r")
    features = {part: outputs_of_train[chosen, pooling] for part, chosen in rows.items()}
    codes = {part: labels["train"][chosen] for part, chosen in rows.items()}
    published = read_classes(files.classes)
    weights = class_weights(settings["class_weight"], codes["train"], published)
    start = time.perf_counter()
    head, chosen = fit_head(features, codes, len(published), weights)
    seconds = time.perf_counter() - start + reading["seconds"]

    features["test"] = np.load(files.test_features, mmap_mode="r")[:, pooling]
    rows["test"], codes["test"] = np.arange(len(labels["test"])), labels["test"]
    predictions = [
        predictions_frame(part, rows[part], codes[part], head.probabilities(features[part])) for part in rows
    ]
    model = frozen_classifier(encoder, head, settings["pooling"])
    model.save_weights(outputs.weights)
    of_training = {key: settings[key] for key in ("length", "truncation", "pooling", "class_weight")}
    training = {
        "model": name,
        "seed": seed,
        "training": of_training | chosen | NO_DROPOUT | {"precision": "float32"},
        "parameters": model.count_params(),
        **engine(),
    }
    Path(outputs.training).write_text(json.dumps(training, indent=2) + "\n", encoding="utf-8")
    evaluation = {
        "parameters": model.count_params(),
        "training_seconds": round(seconds, 3),
        "device": reading["device"],
        "hyperparameters": json.dumps(chosen),
        **({} if weights is None else {"class_weights": weights.tolist()}),
    }
    write_run(outputs.run, pd.concat(predictions, ignore_index=True), evaluation)
    log.info("%s: %.0f s, %.0f of them the encoder's", name, seconds, reading["seconds"])


def fit_head(
    features: Mapping[str, np.ndarray], labels: Mapping[str, np.ndarray], classes: int, weights: np.ndarray | None
) -> tuple[Head, dict[str, float]]:
    """Logistic regression (multinomial for more than two classes) with the best C, on standardized features.

    Args:
        features: "train" and "validation" to float32 (n, hidden).
        labels: the same to class codes, shape (n,).
        classes: number of classes; one that has no training text gets the probability 0.
        weights: what the loss of a training text is multiplied by, by the code of its class, shape (classes,); None:
            nothing is. The tuning is not weighted.

    Returns:
        The head for features as they are, the standardization being folded into it, and the chosen C.
    """
    scaler = StandardScaler().fit(features["train"].astype(np.float64))
    scaled = scaler.transform(features["train"].astype(np.float64))
    present, codes = np.unique(labels["train"], return_inverse=True)
    of_texts = None if weights is None else weights[labels["train"]]

    def candidates() -> Iterator[Candidate]:
        for c in REGULARIZATION:
            fitted = LogisticRegression(C=c, max_iter=1000).fit(scaled, codes, of_texts)
            folded = fitted.coef_ / scaler.scale_
            intercepts = fitted.intercept_ - folded @ scaler.mean_
            yield LinearClassifier(folded.astype(np.float32), intercepts), {"C": c}

    classifier, chosen = best_candidate(candidates(), _accuracy(features["validation"], labels["validation"], present))
    # What the scores are linear in, by column: two classes have one margin between them.
    weights_and_intercepts = np.vstack([classifier.weights.T, classifier.intercepts])
    of_present = class_scores(weights_and_intercepts)
    kernel, bias = np.zeros((len(of_present) - 1, classes), np.float32), np.full(classes, NEVER, np.float32)
    kernel[:, present], bias[present] = of_present[:-1], of_present[-1]
    return Head(kernel, bias), chosen


def frozen_classifier(encoder: EncoderFiles, head: Head, pooling: str) -> keras.Model:
    """The encoder with its own weights and a head, as a row that is fine-tuned has them; see `build_classifier`."""
    keras.config.set_dtype_policy("float32")
    description = read_encoder(encoder.config)
    built = build_encoder(description)
    load_weights(built.backbone, encoder.weights)
    pad = tokenizer_vocabulary(description["tokenizer"], encoder).pad
    model = build_classifier(built, len(head.bias), pad, pooling=pooling)
    model.get_layer("logits").set_weights([head.kernel, head.bias])
    return model


def _accuracy(features: np.ndarray, labels: np.ndarray, present: np.ndarray) -> Callable[[LinearClassifier], float]:
    """Scores a classifier over the classes of `present`."""

    def accuracy(classifier: LinearClassifier) -> float:
        scores = class_scores(features @ classifier.weights.T + classifier.intercepts)
        return float((present[scores.argmax(axis=1)] == labels).mean())

    return accuracy


def _labels(path: Path | str) -> np.ndarray:
    return pd.read_parquet(path, columns=[LABEL_COLUMN])[LABEL_COLUMN].to_numpy()
