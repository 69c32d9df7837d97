"""What a reader must know of the data before trusting a score: duplicates, leakage, balance, lengths, cut texts."""

import json
import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bert_ladder.data.frames import DATA_COLUMN, LABEL_COLUMN, SplitPaths, read_frame, read_labels

log = logging.getLogger(__name__)

ADDED_TOKENS = 2  # [CLS] and [SEP]


def audit_dataset(
    paths_frames: SplitPaths,
    path_labels: str | Path,
    paths_offsets: Sequence[str | Path],
    vocabularies: Sequence[dict[str, Any]],
    path_audit: str | Path,
    path_leaked: str | Path,
) -> None:
    """Write audit.json, and leaked.parquet: one column `row` (int32), the test rows whose text is a training text.

    Args:
        paths_frames: parquet of each split.
        path_labels: labels.json.
        paths_offsets: token offsets, int64 (n + 1,), for each vocabulary first train's then test's; behind the training
            texts are those of a validation file.
        vocabularies: `{"vocabulary": name, "lengths": [text lengths in WordPieces]}`, in the order of the offsets.
        path_audit, path_leaked: files to write.
    """
    paths = {"train": paths_frames.train, "validation": paths_frames.validation, "test": paths_frames.test}
    frames = {split: read_frame(path) for split, path in paths.items() if path is not None}
    names, _ = read_labels(path_labels)
    audit = audit_texts(frames, names)
    _log_texts(audit)
    pairs = zip(paths_offsets[::2], paths_offsets[1::2], strict=True)
    audit["vocabularies"] = {
        entry["vocabulary"]: audit_tokens(_token_counts(*pair, frames), entry["lengths"])
        for entry, pair in zip(vocabularies, pairs, strict=True)
    }
    _log_tokens(audit["vocabularies"])
    leaked = leaked_rows(frames)
    pd.DataFrame({"row": np.flatnonzero(leaked).astype(np.int32)}).to_parquet(path_leaked, index=False)
    Path(path_audit).write_text(json.dumps(audit, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def audit_texts(frames: dict[str, pd.DataFrame], names: Sequence[str]) -> dict[str, Any]:
    """Count what the texts and labels of both splits show.

    Args:
        frames: "train" and "test", and "validation" where that is a file of its own, to their frames, columns
            DATA_COLUMN and LABEL_COLUMN.
        names: the label names in the order of their codes.

    Returns:
        `rows`, `duplicates` (rows minus distinct texts), `empty` (texts of white space only), `characters` and
        `words` (distributions), `labels` (rows by label name), each by split; `contradictory` (distinct texts that
        stand under two labels or more) by split and over all of them (`both`); `leaked` (`texts`: distinct texts of
        both train and test, `test_rows`: test rows whose text is a training text). Of a validation file also
        `in_validation`, by "train" and "test": `texts`, distinct texts that it shares with that split, and
        `validation_rows` with them.
    """
    texts = {split: frame[DATA_COLUMN] for split, frame in frames.items()}
    distinct = {split: set(column) for split, column in texts.items()}
    shared = distinct["train"] & distinct["test"]
    both = pd.concat(frames.values(), ignore_index=True)
    found = {
        "rows": {split: len(frame) for split, frame in frames.items()},
        "duplicates": {split: len(frame) - len(distinct[split]) for split, frame in frames.items()},
        "contradictory": {split: _contradictory(frame) for split, frame in (*frames.items(), ("both", both))},
        "leaked": {"texts": len(shared), "test_rows": int(leaked_rows(frames).sum())},
        "labels": {split: _balance(frame, names) for split, frame in frames.items()},
        "empty": {split: sum(not text.strip() for text in column) for split, column in texts.items()},
        "characters": {split: describe_lengths(map(len, column)) for split, column in texts.items()},
        "words": {split: describe_lengths(len(text.split()) for text in column) for split, column in texts.items()},
    }
    if "validation" in frames:
        found["in_validation"] = {
            split: {
                "texts": len(distinct["validation"] & distinct[split]),
                "validation_rows": int(texts["validation"].isin(distinct[split]).sum()),
            }
            for split in ("train", "test")
        }
    return found


def leaked_rows(frames: dict[str, pd.DataFrame]) -> np.ndarray:
    """Which test rows have a text that is a training text too, bool, shape (n,); see `audit_texts`."""
    return frames["test"][DATA_COLUMN].isin(set(frames["train"][DATA_COLUMN])).to_numpy()


def audit_tokens(counts: dict[str, np.ndarray], lengths: Sequence[int]) -> dict[str, Any]:
    """Count what one vocabulary makes of the texts.

    Args:
        counts: WordPieces of each text, by split, int64 (n,).
        lengths: text lengths in WordPieces, [CLS] and [SEP] included.

    Returns:
        `wordpieces` (distribution, without [CLS] and [SEP]) by split, and `cut`: by length, then by split, the share
        of texts that do not fit.
    """
    return {
        "wordpieces": {split: describe_lengths(count) for split, count in counts.items()},
        "cut": {
            str(length): {split: float((count + ADDED_TOKENS > length).mean()) for split, count in counts.items()}
            for length in lengths
        },
    }


def _token_counts(
    path_train: str | Path, path_test: str | Path, frames: dict[str, pd.DataFrame]
) -> dict[str, np.ndarray]:
    """WordPieces of each text, by split, from the offsets of the training texts, with those of a validation file."""
    trained, tested = (np.diff(np.load(path, mmap_mode="r")) for path in (path_train, path_test))
    parts = {"train": trained[: len(frames["train"])], "validation": trained[len(frames["train"]) :], "test": tested}
    return {split: parts[split] for split in frames}


def describe_lengths(lengths: Any) -> dict[str, float]:
    """Minimum, median, mean, 90th and 99th percentile and maximum of the lengths, an iterable of n > 0 integers."""
    values = np.fromiter(lengths, dtype=np.int64)
    median, p90, p99 = np.percentile(values, [50, 90, 99]).tolist()
    return {
        "min": int(values.min()),
        "median": median,
        "mean": float(values.mean()),
        "p90": p90,
        "p99": p99,
        "max": int(values.max()),
    }


def _contradictory(frame: pd.DataFrame) -> int:
    labels_of_text = Counter(text for text, _ in set(zip(frame[DATA_COLUMN], frame[LABEL_COLUMN], strict=True)))
    return sum(count > 1 for count in labels_of_text.values())


def _balance(frame: pd.DataFrame, names: Sequence[str]) -> dict[str, int]:
    counts = np.bincount(frame[LABEL_COLUMN], minlength=len(names))
    return dict(zip(names, counts.tolist(), strict=True))


def _log_texts(audit: dict[str, Any]) -> None:
    for split in audit["rows"]:
        log.info(
            "%s: %s rows, %s exact duplicates, %s texts under several labels, %s empty, labels %s",
            split,
            f"{audit['rows'][split]:,}",
            f"{audit['duplicates'][split]:,}",
            f"{audit['contradictory'][split]:,}",
            f"{audit['empty'][split]:,}",
            audit["labels"][split],
        )
    leaked = audit["leaked"]
    log.info("%s texts in both train and test (%s test rows)", f"{leaked['texts']:,}", f"{leaked['test_rows']:,}")
    for split, shared in audit.get("in_validation", {}).items():
        log.info("%s validation rows have a text of %s", f"{shared['validation_rows']:,}", split)


def _log_tokens(vocabularies: dict[str, Any]) -> None:
    for vocabulary, found in vocabularies.items():
        for length, share in found["cut"].items():
            log.info("%s: %.1f %% of the training texts are cut at %s", vocabulary, 100 * share["train"], length)
