"""The test texts that rows get wrong: each row's surest mistakes, and where the rows disagree."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bert_ladder.evaluation.predictions import class_probabilities, read_test_parts

ENTRIES = 200  # texts that are chosen


@dataclass(frozen=True)
class RowPredictions:
    """What every row says of the n test texts; R rows in table order.

    Attributes:
        models: the rows' shown names.
        seeds: runs of each row, int, shape (R,).
        labels: known codes, shape (n,).
        predicted: code of the highest mean probability over the seeds, of several the first, shape (R, n).
        probability: that mean probability, shape (R, n).
        known: mean probability of the known class, shape (R, n).
        right: how many seeds are right, int, shape (R, n).
    """

    models: list[str]
    seeds: np.ndarray
    labels: np.ndarray
    predicted: np.ndarray
    probability: np.ndarray
    known: np.ndarray
    right: np.ndarray

    @property
    def wrong(self) -> np.ndarray:
        """Whether a row's prediction is wrong, bool, shape (R, n)."""
        return self.predicted != self.labels


def read_row_predictions(
    paths: Sequence[str | Path], runs: Sequence[dict[str, Any]], labels: np.ndarray
) -> RowPredictions:
    """Take the runs of each row together.

    Args:
        paths: predictions.parquet of every run.
        runs: `model` of every run, in the same order.
        labels: the test split's codes, shape (n,).

    Raises:
        BadInput: a run did not predict the texts of this test split.
    """
    parts = read_test_parts(paths, runs, labels=labels)
    rows = [_row_arrays(of_row, labels) for of_row in parts.values()]
    predicted, probability, known, right = (np.stack(values) for values in zip(*rows, strict=True))
    seeds = np.array([len(of_row) for of_row in parts.values()])
    return RowPredictions(list(parts), seeds, labels, predicted, probability, known, right)


def _row_arrays(
    parts: Sequence[pd.DataFrame], labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Of one row: `predicted`, `probability`, `known` and `right` of `RowPredictions`, each of shape (n,)."""
    texts = np.arange(len(labels))
    mean = np.sum([class_probabilities(part) for part in parts], axis=0) / len(parts)
    predicted = mean.argmax(axis=1)
    right = np.sum([part["prediction"].to_numpy() == labels for part in parts], axis=0)
    return predicted, mean[texts, predicted], mean[texts, labels], right


def rank_mistakes(rows: RowPredictions) -> list[int]:
    """Texts that some row gets wrong: each row's surest mistake first, then each row's second, and so on.

    Every row has its turn because one may be surer of everything than another; within a turn the surest comes first.

    Returns:
        Indices of test texts, each once.
    """
    candidates = []
    for row, wrong in enumerate(rows.wrong):
        texts = np.flatnonzero(wrong)
        sure = rows.probability[row, texts]
        order = np.argsort(-sure, kind="stable")[:ENTRIES]
        candidates += [(turn, -sure[place], row, texts[place]) for turn, place in enumerate(order)]
    return list(dict.fromkeys(int(text) for *_, text in sorted(candidates)))


def rank_disagreements(rows: RowPredictions) -> list[int]:
    """Texts that some row gets right and another wrong, where the rows differ most first.

    The order is by the widest distance between two rows' shares of right seeds, then by how evenly the rows are
    divided (the variance of the shares), then by the distance of the known class's probabilities.

    Returns:
        Indices of test texts, each once.
    """
    shares = rows.right / rows.seeds[:, np.newaxis]
    # Rounded, so that the order of the rows does not decide between equals.
    variance = np.var(shares, axis=0).round(9)
    texts = np.flatnonzero(rows.wrong.any(axis=0) & ~rows.wrong.all(axis=0))
    order = np.lexsort([-np.ptp(rows.known, axis=0)[texts], -variance[texts], -np.ptp(shares, axis=0)[texts].round(9)])
    return texts[order][:ENTRIES].tolist()


def choose_entries(rows: RowPredictions) -> dict[int, set[str]]:
    """Take in turns from the surest mistakes and the disagreements until there are `ENTRIES` texts.

    Returns:
        Index of a test text to why it was chosen, "mistake", "disagreement" or both: the surest mistakes first, then
        disagreements, each as ranked.
    """
    ranked = {"mistake": rank_mistakes(rows), "disagreement": rank_disagreements(rows)}
    chosen: dict[int, set[str]] = {}
    for kind, text in _in_turns(ranked):
        if text not in chosen and len(chosen) == ENTRIES:
            break
        chosen.setdefault(text, set()).add(kind)
    place = {kind: {text: rank for rank, text in enumerate(texts)} for kind, texts in ranked.items()}
    mistakes = [text for text in place["mistake"] if "mistake" in chosen.get(text, ())]
    others = [text for text in place["disagreement"] if text in chosen and "mistake" not in chosen[text]]
    return {text: chosen[text] for text in mistakes + others}


def _in_turns(ranked: dict[str, list[int]]) -> Iterator[tuple[str, int]]:
    for rank in range(max(map(len, ranked.values()))):
        yield from ((kind, texts[rank]) for kind, texts in ranked.items() if rank < len(texts))
