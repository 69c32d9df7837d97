"""Calibrated probabilities, and the answers that they become."""

import numpy as np
from scipy.special import softmax

from bert_ladder.evaluation.chosen_model import Decision


def scale_probabilities(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Divide the logarithms of probabilities by a temperature before the softmax (Guo et al. 2017, arXiv 1706.04599).

    Args:
        probabilities: float (n, classes), each line of sum 1.
        temperature: above 1 makes them less extreme, 1 leaves them as they are.

    Returns:
        float64 (n, classes).
    """
    with np.errstate(divide="ignore"):
        logarithms = np.log(np.asarray(probabilities, dtype=np.float64))
    return softmax(logarithms / temperature, axis=1)


def decide(probabilities: np.ndarray, decision: Decision) -> np.ndarray:
    """Answers from calibrated probabilities.

    Args:
        probabilities: float (n, classes).
        decision: how they become an answer.

    Returns:
        Class codes, int (n,); -1 for a text that is not answered.
    """
    codes = probabilities.argmax(axis=1)
    if decision.threshold is not None and decision.positive is not None:
        is_positive = probabilities[:, decision.positive] >= decision.threshold
        codes = np.where(is_positive, decision.positive, 1 - decision.positive)
    if decision.least_confidence is not None:
        confidence = probabilities[np.arange(len(codes)), codes]
        codes = np.where(confidence < decision.least_confidence, -1, codes)
    return codes
