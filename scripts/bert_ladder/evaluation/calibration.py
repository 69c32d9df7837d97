"""Probabilities by a temperature (Guo et al. 2017, arXiv 1706.04599). NumPy only."""

import numpy as np
from scipy.special import softmax


def scale_probabilities(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """The softmax of a model's logits over a temperature, from its own probabilities, float64 (n, classes)."""
    with np.errstate(divide="ignore"):
        return softmax(np.log(np.asarray(probabilities, np.float64)) / temperature, axis=1)
