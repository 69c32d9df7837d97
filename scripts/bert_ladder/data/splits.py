"""The stratified draw that split_frame and a held-out test split share."""

from collections.abc import Callable

import numpy as np
from sklearn.model_selection import train_test_split

from bert_ladder.runtime.jobs import BadInput


def stratified_mask(
    codes: np.ndarray, fraction: float, seed: int, key: str, name_of: Callable[[int], str], unit: str = "rows"
) -> np.ndarray:
    """Draw a part that holds each class in proportion.

    Args:
        codes: class of each row, integers, shape (n,).
        fraction: share of the rows to draw, above 0 and below 1.
        seed: seed of the draw.
        key: the study's key that asks for the part, for the error sentence.
        name_of: gives a class's name from its code.
        unit: what a row is called in the error sentence.

    Returns:
        True for the rows drawn, bool, shape (n,).

    Raises:
        BadInput: the fraction is not between 0 and 1, or a class is too small to be in both parts.
    """
    if not 0 < fraction < 1:
        raise BadInput(f"{key}: found {fraction}; give a share above 0 and below 1, such as 0.2")
    classes, counts = np.unique(codes, return_counts=True)
    size = int(np.ceil(fraction * len(codes)))
    drawn = np.zeros(len(codes), dtype=bool)
    if counts.min() >= 2 and len(classes) <= size <= len(codes) - len(classes):
        rows = np.arange(len(codes))
        drawn[train_test_split(rows, test_size=size, random_state=seed, stratify=codes)[1]] = True
    # Rarest first, so that the sentence names the class that is most in the way.
    for code, count in sorted(zip(classes.tolist(), counts.tolist(), strict=True), key=lambda pair: pair[1]):
        if not 0 < drawn[codes == code].sum() < count:
            raise BadInput(
                f"{key}, class '{name_of(code)}': {count:,} of {len(codes):,} {unit}, too few to be in both parts "
                f"at {fraction:g}; add rows of that class, leave it out, or change the fraction"
            )
    return drawn
