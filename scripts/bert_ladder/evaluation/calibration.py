"""From a model's probabilities to answers: a temperature, a threshold and abstention, chosen on the validation part."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.special import log_softmax, softmax

from bert_ladder.evaluation.decision import Decision

# What a probability of 0 counts as, so that it has a logarithm: float32's smallest normal number.
LEAST = float(np.finfo(np.float32).tiny)
NOT_ANSWERED = -1
# Above every probability: no text is answered.
NONE_ANSWERED = 2.0


def fit_temperature(scores: np.ndarray, labels: np.ndarray) -> float:
    """The temperature with the least cross-entropy on held-out texts (Guo et al. 2017); it changes no decision.

    Args:
        scores: shape (n, classes).
        labels: codes, shape (n,).
    """
    from scipy.optimize import minimize_scalar  # who only asks a chosen model does not wait for it

    true = np.arange(len(labels)), labels
    found = minimize_scalar(
        lambda log_t: -log_softmax(scores / np.exp(log_t), axis=1)[true].mean(), bounds=(-7, 7), method="bounded"
    )
    return float(np.exp(found.x))


def temperature_of(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """The temperature of a model's probabilities, fitted on its validation part; see `scale_probabilities`.

    Where every text is answered rightly no temperature is the best, the lowest would always be better: it is 1.

    Args:
        probabilities: shape (n, classes), each line of sum 1.
        labels: codes, shape (n,).
    """
    if (probabilities.argmax(axis=1) == labels).all():
        return 1.0
    return fit_temperature(log_probabilities(probabilities), labels)


def scale_probabilities(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Probabilities at a temperature (Guo et al. 2017, equation 9), float64, shape (n, classes).

    The logarithms of a softmax are its logits but for a constant of each text, which the second softmax takes out.

    Args:
        probabilities: of the model itself, shape (n, classes).
        temperature: above 1 it makes the model less sure, below 1 more; no most probable class changes.
    """
    return softmax(log_probabilities(probabilities) / temperature, axis=1)


def log_probabilities(probabilities: np.ndarray) -> np.ndarray:
    """Logarithms, float64; see `LEAST`."""
    return np.log(np.maximum(np.asarray(probabilities, np.float64), LEAST))


def decide(probabilities: np.ndarray, decision: Decision) -> np.ndarray:
    """The answers to some texts.

    Args:
        probabilities: calibrated, shape (n, classes).
        decision: how they become answers.

    Returns:
        Codes, shape (n,); `NOT_ANSWERED` where the model abstains.
    """
    answers = forced_answers(probabilities, decision)
    if decision.least_confidence is None:
        return answers
    confidence = probabilities[np.arange(len(answers)), answers]
    return np.where(confidence >= decision.least_confidence, answers, NOT_ANSWERED)


def forced_answers(probabilities: np.ndarray, decision: Decision) -> np.ndarray:
    """The answers where none may be withheld, codes of shape (n,)."""
    if decision.threshold is None or decision.positive is None:
        return probabilities.argmax(axis=1)
    return np.where(probabilities[:, decision.positive] >= decision.threshold, decision.positive, 1 - decision.positive)


def fit_decision(
    probabilities: np.ndarray, labels: np.ndarray, positive: int | None, wanted: Mapping[str, Any]
) -> Decision:
    """Choose a threshold and when to abstain, on validation texts.

    Args:
        probabilities: calibrated, of the validation part, shape (n, classes).
        labels: codes, shape (n,).
        positive: code of the class that a threshold is of; None for more than two classes.
        wanted: `threshold` and `most_errors` of a study's `decision`, None where nothing is wanted.
    """
    decision = Decision(positive=positive)
    if wanted["threshold"] is not None and positive is not None:
        threshold, reached = choose_threshold(probabilities[:, positive], labels == positive, wanted["threshold"])
        decision = Decision(positive, threshold, reached)
    if wanted["most_errors"] is None:
        return decision
    answers = forced_answers(probabilities, decision)
    confidence = probabilities[np.arange(len(answers)), answers]
    least = choose_confidence(confidence, answers == labels, wanted["most_errors"])
    return Decision(decision.positive, decision.threshold, decision.threshold_for, least, wanted["most_errors"])


def choose_threshold(
    scores: np.ndarray, targets: np.ndarray, wanted: str | float | Mapping[str, Any]
) -> tuple[float | None, str]:
    """The threshold of the positive class's probability that serves a purpose best on some texts.

    It is put half-way to the next lower score, so that it does not hang on the last digit of one.

    Args:
        scores: probabilities of the positive class, shape (n,).
        targets: whether the label is the positive class, bool, shape (n,).
        wanted: "f1"; or `recall` or `precision`, the least that is wanted, of which the thresholds that keep to it
            give the highest of the other; or `costs`, with what a `false_positive` and a `false_negative` cost; or the
            threshold itself.

    Returns:
        The threshold, and what it was chosen for and reaches, in words; None where no threshold reaches it.
    """
    from sklearn.metrics import precision_recall_curve  # who only asks a chosen model does not wait for it

    if isinstance(wanted, float):
        return wanted, "what the study says"
    precision, recall, limits = precision_recall_curve(targets, scores)
    # Its last point, a precision of 1 at a recall of 0, answers no text with the positive class.
    limits = np.append(limits, NONE_ANSWERED)
    allowed = recall > 0
    if isinstance(wanted, str):  # "f1"
        value, purpose = 2 * precision * recall / np.maximum(precision + recall, LEAST), "the highest F1"
    elif "recall" in wanted:
        value, purpose = precision, f"a recall of {wanted['recall']:g}"
        allowed &= recall >= wanted["recall"]
    elif "precision" in wanted:
        value, purpose = recall, f"a precision of {wanted['precision']:g}"
        allowed &= precision >= wanted["precision"]
    else:
        costs = wanted["costs"]
        found = recall * targets.sum()
        false = len(scores) - np.searchsorted(np.sort(scores), limits) - found
        value = -(costs["false_positive"] * false + costs["false_negative"] * (targets.sum() - found))
        purpose = "costs of {false_positive:g} per false and {false_negative:g} per missed positive".format(**costs)
        allowed = np.ones(len(limits), bool)
    if not allowed.any():
        return None, f"{purpose}, which no threshold reaches on the {len(targets):,} validation texts"
    best = int(np.flatnonzero(allowed)[np.argmax(value[allowed])])
    lower = limits[best - 1] if best else 0.0
    return float((limits[best] + lower) / 2), (
        f"{purpose} on the {len(targets):,} validation texts, where it has a precision of {precision[best]:.3f} and a "
        f"recall of {recall[best]:.3f}"
    )


def choose_confidence(confidence: np.ndarray, right: np.ndarray, most_errors: float) -> float:
    """The confidence from which on the most texts are answered with no larger share of errors than allowed.

    Args:
        confidence: probability of each answer, shape (n,).
        right: whether it is right, bool, shape (n,).
        most_errors: share of the answered texts whose answer may be wrong.

    Returns:
        The least confidence of an answer; `NONE_ANSWERED` where even the surest answers err more.
    """
    _, risk, least = risk_by_coverage(confidence, right)
    kept = np.flatnonzero(risk <= most_errors)
    return float(least[kept[-1]]) if len(kept) else NONE_ANSWERED


def risk_by_coverage(confidence: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How often answers are wrong if only the surest are given (El-Yaniv & Wiener 2010), by the share answered.

    Args:
        confidence: probability of each answer, shape (n,).
        right: whether it is right, bool, shape (n,).

    Returns:
        `coverage` (share answered, rising), `risk` (share of wrong ones among them) and the least confidence answered,
        a value for each distinct confidence.
    """
    order = np.argsort(-confidence, kind="stable")
    falling = confidence[order]
    wrong = np.cumsum(~right[order])
    ends = np.flatnonzero(np.append(falling[:-1] != falling[1:], True))
    return (ends + 1) / len(order), wrong[ends] / (ends + 1), falling[ends]
