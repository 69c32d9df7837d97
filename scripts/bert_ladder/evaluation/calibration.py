"""Probabilities by a temperature (Guo et al. 2017, arXiv 1706.04599). NumPy only."""

import numpy as np
from scipy.special import softmax


def scale_probabilities(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """The softmax of a model's logits over a temperature, from its own probabilities, float64 (n, classes)."""
    return softmax(np.log(np.maximum(probabilities, np.finfo(np.float32).tiny, dtype=np.float64)) / temperature, axis=1)
