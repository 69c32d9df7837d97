"""What a reader must know of the data before trusting a score: duplicates, leakage, balance, lengths, cut texts."""

import json
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bert_ladder.data.frames import DATA_COLUMN, LABEL_COLUMN, SplitPaths, plain, read_frame, read_labels

log = logging.getLogger(__name__)

SPLITS = ("train", "test")
ADDED_TOKENS = 2  # [CLS] and [SEP]


@dataclass(frozen=True)
class AuditedFiles:
    """What an audit reads.

    Attributes:
        frames: parquet of each split.
        records: of the reading of each split, as `ReadingRecord` writes them.
        labels: labels.json.
        offsets: token offsets, int64 (n + 1,), for each vocabulary first train's then test's.
    """

    frames: SplitPaths
    records: SplitPaths
    labels: str | Path
    offsets: Sequence[str | Path]


def audit_dataset(
    files: AuditedFiles,
    vocabularies: Sequence[dict[str, Any]],
    path_audit: str | Path,
    path_leaked: str | Path,
) -> None:
    """Write audit.json, and leaked.parquet: one column `row` (int32), the test rows whose text is a training text.

    Args:
        files: the splits.
        vocabularies: `{"vocabulary": name, "lengths": [text lengths in WordPieces]}`, in the order of the offsets.
        path_audit, path_leaked: files to write.
    """
    frames = {"train": read_frame(files.frames.train), "test": read_frame(files.frames.test)}
    names, _ = read_labels(files.labels)
    texts = {split: frame[DATA_COLUMN].map(plain) for split, frame in frames.items()}
    audit = audit_texts(frames, names, texts) | {"left_out": left_out(files.records)}
    _log_texts(audit)
    pairs = zip(files.offsets[::2], files.offsets[1::2], strict=True)
    audit["vocabularies"] = {
        entry["vocabulary"]: audit_tokens(dict(zip(SPLITS, pair, strict=True)), entry["lengths"])
        for entry, pair in zip(vocabularies, pairs, strict=True)
    }
    _log_tokens(audit["vocabularies"])
    leaked = leaked_rows(texts)
    pd.DataFrame({"row": np.flatnonzero(leaked).astype(np.int32)}).to_parquet(path_leaked, index=False)
    Path(path_audit).write_text(json.dumps(audit, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def audit_texts(frames: dict[str, pd.DataFrame], names: Sequence[str], texts: dict[str, pd.Series]) -> dict[str, Any]:
    """Count what the texts and labels of both splits show.

    Texts that are equal but for case, white space, invisible characters and the form of characters count as equal.

    Args:
        frames: "train" and "test" to their frames, columns DATA_COLUMN and LABEL_COLUMN.
        names: the label names in the order of their codes.
        texts: "train" and "test" to the texts of their frames, each `plain`.

    Returns:
        `rows`, `duplicates` (rows minus distinct texts), `characters` and `words` (distributions), `labels` (rows by
        label name), each by split; `contradictory` (distinct texts that stand under two labels or more) by split and
        over `both`; `leaked` (`texts`: distinct texts of both splits, `test_rows`: test rows whose text is a training
        text); `exact`: `duplicates` and `leaked` of texts that are equal letter by letter.
    """
    published = {split: frame[DATA_COLUMN] for split, frame in frames.items()}
    labelled = [frames[split][[LABEL_COLUMN]].assign(**{DATA_COLUMN: texts[split]}) for split in SPLITS]
    parts = (*zip(SPLITS, labelled, strict=True), ("both", pd.concat(labelled)))
    return {
        "rows": {split: len(frames[split]) for split in SPLITS},
        **_repeats(texts),
        "exact": _repeats(published),
        "contradictory": {part: _contradictory(frame) for part, frame in parts},
        "labels": {split: _balance(frames[split], names) for split in SPLITS},
        "characters": {split: describe_lengths(map(len, published[split])) for split in SPLITS},
        "words": {split: describe_lengths(len(text.split()) for text in published[split]) for split in SPLITS},
    }


def leaked_rows(texts: dict[str, pd.Series]) -> np.ndarray:
    """Which test rows have a text that is a training text too, bool, shape (n,).

    Args:
        texts: "train" and "test" to their texts.
    """
    return texts["test"].isin(set(texts["train"])).to_numpy()


def left_out(records: SplitPaths) -> dict[str, int]:
    """Empty texts that were left out of each split's file; see `AuditedFiles`.

    Where the test split was held out of the training file they count as that file's.
    """
    train, test = (json.loads(Path(path).read_text(encoding="utf-8")) for path in (records.train, records.test))
    return {"train": train["found"]["empty"], "test": 0 if test["params"]["held_out"] else test["found"]["empty"]}


def _repeats(texts: dict[str, pd.Series]) -> dict[str, Any]:
    distinct = {split: set(column) for split, column in texts.items()}
    return {
        "duplicates": {split: len(texts[split]) - len(distinct[split]) for split in SPLITS},
        "leaked": {
            "texts": len(distinct["train"] & distinct["test"]),
            "test_rows": int(leaked_rows(texts).sum()),
        },
    }


def audit_tokens(paths_offsets: dict[str, str | Path], lengths: Sequence[int]) -> dict[str, Any]:
    """Count what one vocabulary makes of the texts.

    Args:
        paths_offsets: "train" and "test" to their token offsets, int64 (n + 1,).
        lengths: text lengths in WordPieces, [CLS] and [SEP] included.

    Returns:
        `wordpieces` (distribution, without [CLS] and [SEP]) by split, and `cut`: by length, then by split, the share
        of texts that do not fit.
    """
    counts = {split: np.diff(np.load(path, mmap_mode="r")) for split, path in paths_offsets.items()}
    return {
        "wordpieces": {split: describe_lengths(count) for split, count in counts.items()},
        "cut": {
            str(length): {split: float((count + ADDED_TOKENS > length).mean()) for split, count in counts.items()}
            for length in lengths
        },
    }


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
    for split in SPLITS:
        log.info(
            "%s: %s rows, %s duplicates (%s exact), %s texts under several labels, %s empty left out, labels %s",
            split,
            f"{audit['rows'][split]:,}",
            f"{audit['duplicates'][split]:,}",
            f"{audit['exact']['duplicates'][split]:,}",
            f"{audit['contradictory'][split]:,}",
            f"{audit['left_out'][split]:,}",
            audit["labels"][split],
        )
    leaked = audit["leaked"]
    log.info(
        "%s texts in both splits (%s exact), %s test rows",
        f"{leaked['texts']:,}",
        f"{audit['exact']['leaked']['texts']:,}",
        f"{leaked['test_rows']:,}",
    )


def _log_tokens(vocabularies: dict[str, Any]) -> None:
    for vocabulary, found in vocabularies.items():
        for length, share in found["cut"].items():
            log.info("%s: %.1f %% of the training texts are cut at %s", vocabulary, 100 * share["train"], length)
