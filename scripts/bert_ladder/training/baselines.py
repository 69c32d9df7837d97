"""Linear baselines: TF-IDF with logistic regression, and NB-SVM. Tuned on the validation part only."""

import json
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from bert_ladder.data.class_weights import class_weights
from bert_ladder.data.frames import DATA_COLUMN, LABEL_COLUMN, PART_COLUMN, PARTS, read_classes, read_frame
from bert_ladder.evaluation.calibration import fit_temperature
from bert_ladder.evaluation.predictions import predictions_frame
from bert_ladder.evaluation.runs import RunOutputs, write_run
from bert_ladder.runtime.jobs import BadInput
from bert_ladder.training.linear import LinearClassifier, LinearModel, build_vectorizer, save_linear_model

log = logging.getLogger(__name__)

REGULARIZATION = {"tfidf_logistic_regression": (1.0, 10.0, 100.0), "nb_svm": (0.01, 0.1, 1.0)}
INTERPOLATION = (0.25, 0.5, 0.75, 1.0)
SMOOTHING = 1.0

# A classifier and its hyper-parameters.
Candidate = tuple[LinearClassifier, dict[str, float]]


def fit_tfidf_logistic_regression(
    train: csr_matrix,
    labels: np.ndarray,
    score: Callable[[LinearClassifier], float],
    seed: int,
    weights: np.ndarray | None = None,
) -> Candidate:
    """Logistic regression (multinomial for more than two classes) with the best C.

    Args:
        train: TF-IDF features, shape (n, features).
        labels: codes 0 … classes - 1, each present, shape (n,).
        score: accuracy of a classifier on the validation part.
        seed: of the solver.
        weights: what the loss of each text is multiplied by, shape (n,); None: nothing is.

    Returns:
        The classifier and the chosen hyper-parameters: C.
    """

    def candidates() -> Iterator[Candidate]:
        for c in REGULARIZATION["tfidf_logistic_regression"]:
            fitted = LogisticRegression(C=c, max_iter=1000, random_state=seed).fit(train, labels, weights)
            yield LinearClassifier(fitted.coef_.astype(np.float32), fitted.intercept_), {"C": c}

    return best_candidate(candidates(), score)


def fit_nb_svm(
    train: csr_matrix,
    labels: np.ndarray,
    score: Callable[[LinearClassifier], float],
    seed: int,
    weights: np.ndarray | None = None,
) -> Candidate:
    """Linear SVM on features scaled by their naive-Bayes log-count ratios (Wang & Manning 2012), one class vs. rest.

    The weights are interpolated between their mean magnitude, which is naive Bayes, and the SVM's
    own, as the paper has it; with beta = 1 they are the SVM's alone. Only the SVM heeds the weights of texts: the
    ratios compare shares within the class and within the rest, which do not grow with the number of its texts.

    Args:
        train: presence of n-grams, 0 or 1, shape (n, features).
        labels: codes 0 … classes - 1, each present, shape (n,).
        score: accuracy of a classifier on the validation part.
        seed: of the solver.
        weights: what the loss of each text is multiplied by, shape (n,); None: nothing is.

    Returns:
        The classifier, its temperature being 1, and the chosen hyper-parameters: C and beta.
    """
    classes = int(labels.max()) + 1
    targets = [labels == code for code in ([1] if classes == 2 else range(classes))]
    ratios = [log_count_ratios(train, target) for target in targets]

    def candidates() -> Iterator[Candidate]:
        for c in REGULARIZATION["nb_svm"]:
            svms = [
                # Tighter tolerances cost minutes at a large C and change no decision that matters.
                LinearSVC(C=c, tol=1e-2, dual=True, max_iter=1000, random_state=seed).fit(
                    scale(train, ratio), target, weights
                )
                for ratio, target in zip(ratios, targets, strict=True)
            ]
            intercepts = np.array([svm.intercept_[0] for svm in svms])
            for beta in INTERPOLATION:
                interpolated = [
                    ((1 - beta) * np.abs(svm.coef_[0]).mean() + beta * svm.coef_[0]).astype(np.float32) * ratio
                    for svm, ratio in zip(svms, ratios, strict=True)
                ]
                yield LinearClassifier(np.stack(interpolated), intercepts), {"C": c, "beta": beta}

    return best_candidate(candidates(), score)


def best_candidate(candidates: Iterable[Candidate], score: Callable[[LinearClassifier], float]) -> Candidate:
    """The candidate with the highest score, of several the first; no other is kept in memory.

    Args:
        candidates: classifiers and their hyper-parameters.
        score: accuracy of a classifier on the validation part.
    """

    def scored() -> Iterator[tuple[float, Candidate]]:
        for classifier, chosen in candidates:
            accuracy = score(classifier)
            values = ", ".join(f"{name} {value:g}" for name, value in chosen.items())
            log.info("%s: validation accuracy %.4f", values, accuracy)
            yield accuracy, (classifier, chosen)

    return max(scored(), key=lambda found: found[0])[1]


def log_count_ratios(features: csr_matrix, target: np.ndarray) -> np.ndarray:
    """How much likelier each n-gram is inside the class than outside, as a logarithm, float32, shape (features,).

    Args:
        features: presence of n-grams, shape (n, features).
        target: true for the texts of the class, shape (n,).
    """
    inside, outside = (
        SMOOTHING + np.asarray(features[part].sum(axis=0), dtype=np.float64).ravel() for part in (target, ~target)
    )
    return np.log((inside / inside.sum()) / (outside / outside.sum())).astype(np.float32)


def scale(features: csr_matrix, factors: np.ndarray) -> csr_matrix:
    """Multiply the columns of 0/1 features, whose positions are shared, not copied, by `factors`."""
    return csr_matrix((factors[features.indices], features.indices, features.indptr), shape=features.shape)


def fit_baseline(
    baseline: str,
    texts: Mapping[str, Sequence[str]],
    labels: Mapping[str, np.ndarray],
    classes: int,
    seed: int,
    weights: np.ndarray | None = None,
) -> tuple[LinearModel, dict[str, np.ndarray], dict[str, Any]]:
    """Fit on the training part, tune on the validation part, predict all parts.

    Args:
        baseline: "tfidf_logistic_regression" or "nb_svm".
        texts: "train", "validation" and "test" to their texts.
        labels: "train" and "validation" to class codes, shape (n,).
        classes: number of classes; one that has no training text gets the probability 0.
        seed: of the solvers.
        weights: what the loss of a training text is multiplied by, by the code of its class, shape (classes,); None:
            nothing is. Neither the tuning nor the temperature is weighted.

    Returns:
        The model, probabilities of each part, float32, shape (n, classes), and `parameters` (weights),
        `training_seconds` (n-grams and tuning included) and `hyperparameters` (a JSON object as a string).

    Raises:
        ValueError: no training text holds a word.
    """
    start = time.perf_counter()
    vectorizer = build_vectorizer(baseline)
    features = {"train": vectorizer.fit_transform(texts["train"])}
    features["validation"] = vectorizer.transform(texts["validation"])
    log.info("%s: %s n-grams in %s texts", baseline, f"{features['train'].shape[1]:,}", f"{len(texts['train']):,}")

    present, codes = np.unique(labels["train"], return_inverse=True)

    def validation_accuracy(candidate: LinearClassifier) -> float:
        decisions = present[candidate.scores(features["validation"]).argmax(axis=1)]
        return float((decisions == labels["validation"]).mean())

    fit = fit_nb_svm if baseline == "nb_svm" else fit_tfidf_logistic_regression
    of_texts = None if weights is None else weights[labels["train"]]
    classifier, chosen = fit(features["train"], codes, validation_accuracy, seed, of_texts)
    if baseline == "nb_svm":
        known = np.isin(labels["validation"], present)
        scores = classifier.scores(features["validation"][known])
        temperature = fit_temperature(scores, np.searchsorted(present, labels["validation"][known]))
        classifier = LinearClassifier(classifier.weights, classifier.intercepts, temperature)
        chosen["temperature"] = temperature
    seconds = time.perf_counter() - start

    features["test"] = vectorizer.transform(texts["test"])
    model = LinearModel(vectorizer, classifier, present, classes)
    return (
        model,
        {split: model.predict(matrix) for split, matrix in features.items()},
        {"parameters": classifier.parameters, "training_seconds": seconds, "hyperparameters": json.dumps(chosen)},
    )


@dataclass(frozen=True)
class BaselineFiles:
    """The data of a baseline.

    Attributes:
        train, test, split: parquet files of the splits and of the division of the training split into two parts.
        classes: classes.json.
    """

    train: Path | str
    test: Path | str
    split: Path | str
    classes: Path | str


def train_baseline(
    files: BaselineFiles,
    baseline: str,
    seed: int,
    class_weight: str | Mapping[str, float] | None,
    outputs: RunOutputs,
    path_model: Path | str,
) -> None:
    """Write predictions.parquet, evaluation.json and the model of one baseline.

    Args:
        files: what to learn and to predict.
        baseline: "tfidf_logistic_regression" or "nb_svm".
        seed: of the solvers.
        class_weight: see `class_weights`.
        outputs: files to write.
        path_model: file to write, see `save_linear_model`.

    Raises:
        BadInput: no training text holds a word; a weight of a label that the data do not have.
    """
    train, test = read_frame(files.train), read_frame(files.test)
    part = pd.read_parquet(files.split)[PART_COLUMN].to_numpy()
    frames = {split: train[part == split] for split in PARTS} | {"test": test.reset_index(drop=True)}
    texts = {split: frame[DATA_COLUMN].tolist() for split, frame in frames.items()}
    labels = {split: frame[LABEL_COLUMN].to_numpy() for split, frame in frames.items()}
    published = read_classes(files.classes)
    weights = class_weights(class_weight, labels["train"], published)
    try:
        fitted, probabilities, record = fit_baseline(baseline, texts, labels, len(published), seed, weights)
    except ValueError as error:
        if "empty vocabulary" not in str(error):
            raise
        raise BadInput(
            f"{files.train}: none of the {len(texts['train']):,} texts of the training part holds a word; "
            "check that the study's `text` names the column with the texts"
        ) from error
    predictions = pd.concat(
        [
            predictions_frame(split, frames[split].index.to_numpy(), labels[split], probabilities[split])
            for split in frames
        ],
        ignore_index=True,
    )
    write_run(
        outputs,
        predictions,
        {
            "parameters": record["parameters"],
            "training_seconds": record["training_seconds"],
            "device": "cpu",
            "hyperparameters": record["hyperparameters"],
            **({} if weights is None else {"class_weights": weights.tolist()}),
        },
    )
    save_linear_model(path_model, baseline, fitted)
    log.info("%s: %.0f s", baseline, record["training_seconds"])
