"""Every pair of rows by their kept predictions: python bench/compare_predictions.py FOLDER... DATA-SET

Each folder holds <data set>-<row>-seed-<seed>.parquet with `row` and `label` of the test split and a probability per
class, as docs/results/minilm/ does. A row with one seed counts as one without chance in it.
"""

import re
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from bert_ladder.evaluation.comparison import compare_pairs
from bert_ladder.evaluation.inference import Scores, count_scores, row_interval


def read_scores(files: list[Path]) -> Scores:
    """The accuracies of a row's runs on the test split."""
    runs = [pd.read_parquet(file).sort_values("row") for file in sorted(files)]
    probabilities = np.stack([run.filter(like="probability_").to_numpy() for run in runs])
    labels = runs[0]["label"].to_numpy()
    assert all(np.array_equal(run["label"], labels) for run in runs)
    decisions = probabilities.argmax(axis=2)
    return count_scores(labels, decisions, "test_accuracy", probabilities.shape[2], None, deterministic=len(runs) == 1)


def main(data_set: str, folders: list[Path]) -> None:
    rows: dict[str, list[Path]] = defaultdict(list)
    for file in (file for folder in folders for file in sorted(folder.glob(f"{data_set}-*.parquet"))):
        rows[re.fullmatch(rf"{re.escape(data_set)}-(.+)-seed-\d+", file.stem)[1]].append(file)
    scores = {row: read_scores(files) for row, files in rows.items()}
    for row, of_row in scores.items():
        found = row_interval(of_row)
        print(f"{row}: {100 * found.mean:.2f} [{100 * found.low:.1f}, {100 * found.high:.1f}], {found.seeds} seed(s)")
    pairs = compare_pairs(scores, "accuracy")
    for column in ("difference", "low", "high"):
        pairs[column] *= 100
    print(pairs[["model_a", "model_b", "difference", "low", "high", "p_holm", "verdict"]].round(4).to_string())


if __name__ == "__main__":
    main(sys.argv[-1], list(map(Path, sys.argv[1:-1])))
