"""Fractions of the labelled texts for a label curve: nested, each class in proportion, the same for every row."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bert_ladder.data.frames import LABEL_COLUMN, PART_COLUMN, frame_labels, read_frame
from bert_ladder.data.splits import distinct_texts_mask, write_split
from bert_ladder.runtime.jobs import BadInput

log = logging.getLogger(__name__)

KEY = "label_curve.fractions"


@dataclass(frozen=True)
class LabelledFiles:
    """The labelled texts.

    Attributes:
        frame: parquet with DATA_COLUMN and LABEL_COLUMN, n rows.
        given: parquet of their division, where the validation part is a file of its own; None: it is to be drawn.
    """

    frame: str | Path
    given: str | Path | None = None


@dataclass(frozen=True)
class PartDraw:
    """What is drawn.

    Attributes:
        part: fraction of the labelled texts, above 0 and below 1.
        seed: of that draw; one seed's smaller fractions lie within its larger ones.
        division: `fraction` of the texts drawn that become validation, and `seed` of that; empty where it is given.
    """

    part: float
    seed: int
    division: Mapping[str, Any] = field(default_factory=dict)


def split_labels(files: LabelledFiles, draw: PartDraw, path_split: str | Path) -> None:
    """Write which part each row belongs to: those drawn are divided as all are by `split_frame`, the rest is left out.

    A validation part that is a file of its own is drawn from too, by the same fraction.

    Args:
        files: what to draw from.
        draw: how much of it.
        path_split: parquet to write, one categorical column `part` ("train", "validation", null for what is left out).

    Raises:
        BadInput: the fraction leaves a class without a text in one of the two parts.
    """
    frame, names = read_frame(files.frame), frame_labels(files.frame)
    if files.given is None:
        kept, is_validation = _drawn(frame, draw, names)
    else:
        is_validation = (pd.read_parquet(files.given)[PART_COLUMN] == "validation").to_numpy()
        kept = _of_given(frame[LABEL_COLUMN].to_numpy(), is_validation, draw, names)
    write_split(path_split, is_validation, ~kept)
    log.info(
        "%s of %s labels: %s rows to train on, %s for validation",
        *(f"{number:,}" for number in (kept.sum(), len(kept), (kept & ~is_validation).sum())),
        f"{(kept & is_validation).sum():,}",
    )


def _drawn(frame: pd.DataFrame, draw: PartDraw, names: dict[int, str]) -> tuple[np.ndarray, np.ndarray]:
    """Which rows are drawn, and which of them become validation, bool, shape (n,) each."""
    codes = frame[LABEL_COLUMN].to_numpy()
    kept = nested_mask(codes, draw.part, draw.seed)
    _check_classes(codes, kept, draw.part, names)
    is_validation = np.zeros(len(codes), dtype=bool)
    chosen = frame[kept].reset_index(drop=True)
    try:
        is_validation[kept] = distinct_texts_mask(chosen, **draw.division, name_of=_named(names))
    except BadInput as error:
        raise BadInput(f"{KEY}: at {draw.part:g} of the labels, {error}") from error
    return kept, is_validation


def _of_given(codes: np.ndarray, is_validation: np.ndarray, draw: PartDraw, names: dict[int, str]) -> np.ndarray:
    """Which rows are drawn of two parts that are given, bool, shape (n,)."""
    kept = nested_mask(2 * codes.astype(np.int64) + is_validation, draw.part, draw.seed)
    for part in (~is_validation, is_validation):
        _check_classes(codes[part], kept[part], draw.part, names)
    return kept


def nested_mask(strata: np.ndarray, part: float, seed: int) -> np.ndarray:
    """Draw a fraction of the rows of each stratum, rounded; with one seed the smaller fractions lie in the larger ones.

    Args:
        strata: of each row, integers, shape (n,).
        part: fraction to draw, above 0 and at most 1.
        seed: of the draw.

    Returns:
        True for the rows drawn, bool, shape (n,).
    """
    order = np.random.default_rng(seed).permutation(len(strata))
    # The place of each row among those of its stratum, in the order of the draw.
    place = pd.Series(strata[order]).groupby(strata[order]).cumcount().to_numpy()
    sizes = pd.Series(strata[order]).groupby(strata[order]).transform("size").to_numpy()
    drawn = np.empty(len(strata), dtype=bool)
    drawn[order] = place + 0.5 < part * sizes
    return drawn


def _named(names: dict[int, str]) -> Callable[[int], str]:
    """What a class is called; a code that has no name by its number."""
    return lambda code: names.get(code, str(code))


def _check_classes(codes: np.ndarray, kept: np.ndarray, part: float, names: dict[int, str]) -> None:
    """Refuse a draw without a text of some class that there is."""
    lost = sorted(set(codes.tolist()) - set(codes[kept].tolist()))
    if lost:
        count, code = min(((codes == code).sum(), code) for code in lost)
        raise BadInput(
            f"{KEY}: {part:g} of the labels leave no text of the class '{_named(names)(code)}', which has "
            f"{count:,} in all; give a larger smallest fraction, or have such classes dropped or merged "
            "(dataset.rare_classes and min_class_texts)"
        )
