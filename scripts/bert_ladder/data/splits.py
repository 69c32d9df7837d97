"""Stratified splits: each class in proportion, drawn by a fixed seed; equal texts are never divided."""

import logging
import math
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from bert_ladder.data.frames import DATA_COLUMN, LABEL_COLUMN, PART_COLUMN, PARTS, frame_labels, plain, read_frame
from bert_ladder.runtime.jobs import BadInput

log = logging.getLogger(__name__)

MOST_TOLD = 20  # classes in a sentence


def split_frame(path_train: str | Path, path_split: str | Path, fraction: float, seed: int) -> None:
    """Write which part each row of the training frame belongs to; the test split is never touched.

    Args:
        path_train: parquet with DATA_COLUMN and LABEL_COLUMN, n rows; those of equal text come into one part.
        path_split: parquet to write, one categorical column `part` ("train", "validation"), n rows.
        fraction: share of the rows that become validation, above 0 and below 1.
        seed: seed of the draw.

    Raises:
        BadInput: the fraction is impossible, or a class is too small to be in both parts.
    """
    frame = read_frame(path_train)
    labels = frame_labels(path_train)
    drawn = distinct_texts_mask(frame, fraction, seed, lambda code: labels.get(code, str(code)))
    write_split(path_split, drawn)
    log.info("%s rows to train on, %s for validation", f"{(~drawn).sum():,}", f"{drawn.sum():,}")


def write_split(path: str | Path, is_validation: np.ndarray, left_out: np.ndarray | None = None) -> None:
    """Write the division of a frame: one categorical column `part` ("train", "validation").

    Args:
        path: parquet to write.
        is_validation: true for the rows of the validation part, bool, shape (n,).
        left_out: true for the rows of neither part, whose `part` is null, bool, shape (n,); None: there are none.
    """
    codes = is_validation.astype(np.int8)
    if left_out is not None:
        codes[left_out] = -1
    parts = pd.Categorical.from_codes(codes, dtype=pd.CategoricalDtype(list(PARTS)))
    pd.DataFrame({PART_COLUMN: parts}).to_parquet(path, index=False)


def distinct_texts_mask(frame: pd.DataFrame, fraction: float, seed: int, name_of: Callable[[int], str]) -> np.ndarray:
    """Draw the validation part, of which no text stands in the other part too.

    Args:
        frame: DATA_COLUMN and LABEL_COLUMN, n rows.
        fraction, seed, name_of: see `stratified_mask`.

    Returns:
        True for the rows drawn, bool, shape (n,).

    Raises:
        BadInput: the fraction is not between 0 and 1, or a class has too few distinct texts to be in both parts.
    """
    codes = frame[LABEL_COLUMN].to_numpy()
    return grouped_mask(codes, text_groups(frame[DATA_COLUMN]), fraction, seed, "validation_fraction", name_of)


def text_groups(texts: Iterable[str]) -> np.ndarray:
    """Group of each text, int64 from 0 without a gap in the order of the rows, shape (n,).

    Texts that are `plain` the same have one group.
    """
    return pd.factorize(np.array([plain(text) for text in texts], dtype=object))[0]


def grouped_mask(
    codes: np.ndarray, groups: np.ndarray, fraction: float, seed: int, key: str, name_of: Callable[[int], str]
) -> np.ndarray:
    """Draw a part that holds each class in proportion and divides no group.

    Args:
        codes: class of each row, integers from 0, shape (n,).
        groups: group of each row, integers from 0 without a gap, shape (n,).
        fraction, seed, key, name_of: see `stratified_mask`, whose draw it is where each row is a group.

    Returns:
        True for the rows drawn, bool, shape (n,).

    Raises:
        BadInput: the fraction is not between 0 and 1, or a class has too few groups to be in both parts.
    """
    if groups.max(initial=-1) + 1 == len(groups):
        return stratified_mask(codes, fraction, seed, key, name_of)
    _check_fraction(fraction, key)
    drawn = stratified_groups(codes, groups, fraction, seed)
    first = ~pd.DataFrame({"group": groups, "code": codes}).duplicated().to_numpy()
    _check_parts(codes[first], drawn[first], fraction, key, name_of, "distinct texts")
    return drawn


def stratified_groups(codes: np.ndarray, groups: np.ndarray, fraction: float, seed: int) -> np.ndarray:
    """Draw whole groups of rows so that each class, and so the whole, is drawn as nearly in proportion as they allow.

    Groups with the same rows of each class are drawn by chance. The largest come first, so that the smaller ones make
    good what whole groups left over or took too much. One that would be most of its class in the part drawn stays out,
    unless nothing else is left to draw.

    Args:
        codes: class of each row, integers from 0, shape (n,).
        groups: group of each row, integers from 0 without a gap, shape (n,).
        fraction: share of the rows to draw, above 0 and below 1.
        seed: seed of the draw.

    Returns:
        True for the rows drawn, bool, shape (n,).
    """
    order = np.lexsort((codes, groups))
    alike: dict[tuple[int, ...], list[int]] = {}
    for group, of_group in enumerate(np.split(codes[order], np.cumsum(np.bincount(groups))[:-1])):
        alike.setdefault(tuple(of_group.tolist()), []).append(group)
    generator = np.random.default_rng(seed)
    drawn = np.zeros(groups.max() + 1, dtype=bool)
    share = fraction * np.bincount(codes)
    owed = np.zeros(len(share))  # rows of each class that the groups so far should have given and did not
    several = sorted((members for members in alike if len(members) > 1), key=lambda members: (-len(members), members))
    large = []
    for members in several:
        rows = np.bincount(members, minlength=len(owed))
        owed += fraction * len(alike[members]) * rows
        if (rows > share / 2).any():
            large.append(members)
            continue
        number = _nearest(owed, rows, len(alike[members]))
        owed -= number * rows
        drawn[generator.permutation(alike[members])[:number]] = True
    single = np.array([len(alike.get((code,), [])) for code in range(len(share))])
    owed += fraction * single
    for code, number in enumerate(_apportioned(owed, single, share - owed).tolist()):
        owed[code] -= number
        drawn[generator.permutation(alike.get((code,), []))[:number].astype(np.int64)] = True
    for members in large:
        rows = np.bincount(members, minlength=len(owed))
        number = _nearest(owed, rows, len(alike[members]))
        owed -= number * rows
        drawn[generator.permutation(alike[members])[:number]] = True
    return drawn[groups]


def _nearest(owed: np.ndarray, rows: np.ndarray, most: int) -> int:
    """How many groups with these rows of each class come nearest to what is owed, 0 to `most`."""
    return int(np.clip(np.rint(owed @ rows / (rows @ rows)), 0, most))


def _apportioned(owed: np.ndarray, single: np.ndarray, given: np.ndarray) -> np.ndarray:
    """How many of the rows that stand alone to draw of each class: what is owed, rounded so that the sum is right too.

    Args:
        owed: rows to draw of each class, any numbers, shape (K,).
        single: rows of each class that there are, int64, shape (K,).
        given: rows that were drawn of each class before, shape (K,).
    """
    number = np.clip(np.floor(owed), 0, single).astype(np.int64)
    # No class is left out for the sum's sake.
    number[(owed >= 0.5) & (given < 0.5) & (number == 0) & (single > 0)] = 1
    left = owed - number
    for code in np.argsort(-left, kind="stable").tolist():
        if number.sum() >= np.rint(owed.sum()) or left[code] <= 0:
            break
        number[code] += number[code] < single[code]
    return number


def stratified_mask(
    codes: np.ndarray, fraction: float, seed: int, key: str, name_of: Callable[[int], str]
) -> np.ndarray:
    """Draw a part that holds each class in proportion.

    Args:
        codes: class of each row, integers, shape (n,).
        fraction: share of the rows to draw, above 0 and below 1.
        seed: seed of the draw.
        key: the study's key that asks for the part, for the error sentence.
        name_of: gives a class's name from its code.

    Returns:
        True for the rows drawn, bool, shape (n,).

    Raises:
        BadInput: the fraction is not between 0 and 1, or a class is too small to be in both parts.
    """
    _check_fraction(fraction, key)
    classes, counts = np.unique(codes, return_counts=True)
    size = int(np.ceil(fraction * len(codes)))
    drawn = np.zeros(len(codes), dtype=bool)
    if counts.min() >= 2 and len(classes) <= size <= len(codes) - len(classes):
        rows = np.arange(len(codes))
        drawn[train_test_split(rows, test_size=size, random_state=seed, stratify=codes)[1]] = True
    _check_parts(codes, drawn, fraction, key, name_of, "rows")
    return drawn


def _check_fraction(fraction: float, key: str) -> None:
    if not 0 < fraction < 1:
        raise BadInput(f"{key}: found {fraction}; give a share above 0 and below 1, such as 0.2")


def _check_parts(
    codes: np.ndarray, drawn: np.ndarray, fraction: float, key: str, name_of: Callable[[int], str], unit: str
) -> None:
    """Refuse a draw that leaves a class out of one part; the arguments are those of `stratified_mask`."""
    classes, counts = np.unique(codes, return_counts=True)
    if all(0 < drawn[codes == code].sum() < count for code, count in zip(classes, counts, strict=True)):
        return
    # So many that a share of them is one at least, whatever rounding does.
    enough = math.ceil(round(1 / min(fraction, 1 - fraction), 6))
    rarest = sorted(zip(counts.tolist(), classes.tolist(), strict=True))
    few = [(count, name_of(code)) for count, code in rarest if count < enough]
    if not few:
        raise BadInput(
            f"{key}: {len(codes):,} {unit} are too few to have each of {len(classes):,} classes in both parts at "
            f"{fraction:g}; add rows, or change the fraction"
        )
    told = [f"'{name}' ({count:,})" for count, name in few[:MOST_TOLD]]
    more = f" and {len(few) - MOST_TOLD:,} more" if len(few) > MOST_TOLD else ""
    classes_are = "the class" if len(few) == 1 else "the classes"
    raise BadInput(
        f"{key}: {classes_are} {', '.join(told)}{more}, of {len(codes):,} {unit}, "
        f"{'has' if len(few) == 1 else 'have'} too few to be in both parts at {fraction:g}; {enough} of a class are "
        "enough: add rows, change the fraction, or have such classes dropped or merged (dataset.rare_classes and "
        "min_class_texts)"
    )
