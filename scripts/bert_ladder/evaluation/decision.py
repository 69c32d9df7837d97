"""How probabilities become an answer. Plain Python."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Decision:
    """How probabilities become an answer; without threshold and abstention it is the most probable class.

    Attributes:
        positive: code of the class that `threshold` is of; None for more than two classes.
        threshold: from this probability of the positive class on it is the answer; None: it is where it is more
            probable than the other.
        threshold_for: what the threshold was chosen for, in words; None without one.
        least_confidence: texts whose answer is less probable than this are not answered; None: all are.
        most_errors: the share of wrong answers that `least_confidence` was to keep to; None without one.
    """

    positive: int | None = None
    threshold: float | None = None
    threshold_for: str | None = None
    least_confidence: float | None = None
    most_errors: float | None = None
