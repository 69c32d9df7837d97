"""A trained row as whoever asks it sees it, be it a classifier on an encoder or a linear model."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

Predict = Callable[[Sequence[str]], np.ndarray]


@dataclass(frozen=True)
class Predictor:
    """A trained row.

    Attributes:
        predict: gives class probabilities, float32 (n, classes), of n texts.
        length: the longest input in tokens; None without a limit.
        engine: what computes, in words.
    """

    predict: Predict
    length: int | None
    engine: str
