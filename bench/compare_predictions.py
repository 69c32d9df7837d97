"""Every pair of rows by their kept predictions: python bench/compare_predictions.py FOLDER... DATA-SET [--to STUDY]

Each folder holds <data set>-<row>-seed-<seed>.parquet with `row` and `label` of the test split and a probability per
class, as docs/results/minilm/ does. A row with one seed counts as one without chance in it.

With --to a folder is written that `bert-ladder compare` reads as that of a finished study, its rows by the names in the
files.
"""

import argparse
import re
import sys
from collections import defaultdict
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from bert_ladder.data.frames import rows_csv
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


def write_study(scores: dict[str, Scores], pairs: pd.DataFrame, folder: Path) -> None:
    """Write comparison.csv and pairs.csv."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [{"model": row, "metric": "test_accuracy"} | asdict(row_interval(found)) for row, found in scores.items()]
    for name, frame in (("comparison", pd.DataFrame(rows)), ("pairs", pairs)):
        (folder / f"{name}.csv").write_text(rows_csv(frame), encoding="utf-8")


def main(data_set: str, folders: list[Path], to: Path | None) -> None:
    rows: dict[str, list[Path]] = defaultdict(list)
    for file in (file for folder in folders for file in sorted(folder.glob(f"{data_set}-*.parquet"))):
        rows[re.fullmatch(rf"{re.escape(data_set)}-(.+)-seed-\d+", file.stem)[1]].append(file)
    scores = {row: read_scores(files) for row, files in rows.items()}
    for row, of_row in scores.items():
        found = row_interval(of_row)
        print(f"{row}: {100 * found.mean:.2f} [{100 * found.low:.1f}, {100 * found.high:.1f}], {found.seeds} seed(s)")
    pairs = compare_pairs(scores, "accuracy")
    if to is not None:
        write_study(scores, pairs, to)
    for column in ("difference", "low", "high"):
        pairs[column] *= 100
    print(pairs[["model_a", "model_b", "difference", "low", "high", "p_holm", "verdict"]].round(4).to_string())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folders", metavar="FOLDER", nargs="+", type=Path)
    parser.add_argument("data_set", metavar="DATA-SET")
    parser.add_argument("--to", metavar="STUDY", type=Path)
    given = parser.parse_args()
    main(given.data_set, given.folders, given.to)
