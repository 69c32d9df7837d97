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

ADDED_TOKENS = 2  # [CLS] and [SEP]


@dataclass(frozen=True)
class AuditedFiles:
    """What an audit reads.

    Attributes:
        frames: parquet of each split.
        records: of the reading of each split, as `ReadingRecord` writes them.
        labels: labels.json.
        offsets: token offsets, int64 (n + 1,), for each vocabulary first train's then test's; behind the training texts
            are those of a validation file.
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
    frames = {split: read_frame(path) for split, path in _by_split(files.frames).items()}
    names, _ = read_labels(files.labels)
    texts = {split: frame[DATA_COLUMN].map(plain) for split, frame in frames.items()}
    audit = audit_texts(frames, names, texts) | {"left_out": left_out(files.records)} | rare_classes(files.records)
    _log_texts(audit)
    pairs = zip(files.offsets[::2], files.offsets[1::2], strict=True)
    audit["vocabularies"] = {
        entry["vocabulary"]: audit_tokens(_token_counts(*pair, frames), entry["lengths"])
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
        frames: "train" and "test", and "validation" where that is a file of its own, to their frames, columns
            DATA_COLUMN and LABEL_COLUMN.
        names: the label names in the order of their codes.
        texts: the same splits to the texts of their frames, each `plain`.

    Returns:
        `rows`, `duplicates` (rows minus distinct texts), `characters` and `words` (distributions), `labels` (rows by
        label name), each by split; `contradictory` (distinct texts that stand under two labels or more) by split and
        over all of them (`both`); `leaked` (`texts`: distinct texts of both train and test, `test_rows`: test rows
        whose text is a training text); `exact`: `duplicates` and `leaked` of texts that are equal letter by letter. Of
        a validation file also `in_validation`, by "train" and "test": `texts`, distinct texts that it shares with that
        split, and `validation_rows` with them.
    """
    published = {split: frame[DATA_COLUMN] for split, frame in frames.items()}
    labelled = {split: frame[[LABEL_COLUMN]].assign(**{DATA_COLUMN: texts[split]}) for split, frame in frames.items()}
    parts = labelled | {"both": pd.concat(labelled.values())}
    found = {
        "rows": {split: len(frame) for split, frame in frames.items()},
        **_repeats(texts),
        "exact": _repeats(published),
        "contradictory": {part: _contradictory(frame) for part, frame in parts.items()},
        "labels": {split: _balance(frame, names) for split, frame in frames.items()},
        "characters": {split: describe_lengths(map(len, column)) for split, column in published.items()},
        "words": {split: describe_lengths(len(text.split()) for text in column) for split, column in published.items()},
    }
    if "validation" in frames:
        found["in_validation"] = {
            split: {
                "texts": len(set(texts["validation"]) & set(texts[split])),
                "validation_rows": int(texts["validation"].isin(set(texts[split])).sum()),
            }
            for split in ("train", "test")
        }
    return found


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
    read = {split: json.loads(Path(path).read_text(encoding="utf-8")) for split, path in _by_split(records).items()}
    held_out = read["test"]["params"]["held_out"] is not None
    return {split: 0 if split == "test" and held_out else record["found"]["empty"] for split, record in read.items()}


def rare_classes(records: SplitPaths) -> dict[str, Any]:
    """`rare_classes` of the training file, where there were any.

    These are `rows`, by label, `at_least`, the distinct texts that a class needs, and `merged`, the label that all were
    given, or null where their rows were left out.
    """
    record = json.loads(Path(records.train).read_text(encoding="utf-8"))
    rows, rare = record["found"]["rare"], record["params"].get("rare_classes")
    if not rows:
        return {}
    merged = rare["merged"] if rare["kind"] == "merge" else None
    return {"rare_classes": {"rows": rows, "at_least": rare["at_least"], "merged": merged}}


def _by_split(paths: SplitPaths) -> dict[str, str | Path]:
    """The files there are, in the order in which splits are told."""
    by_split = {"train": paths.train, "validation": paths.validation, "test": paths.test}
    return {split: path for split, path in by_split.items() if path is not None}


def _repeats(texts: dict[str, pd.Series]) -> dict[str, Any]:
    distinct = {split: set(column) for split, column in texts.items()}
    return {
        "duplicates": {split: len(column) - len(distinct[split]) for split, column in texts.items()},
        "leaked": {
            "texts": len(distinct["train"] & distinct["test"]),
            "test_rows": int(leaked_rows(texts).sum()),
        },
    }


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
        "%s texts in both train and test (%s exact), %s test rows",
        f"{leaked['texts']:,}",
        f"{audit['exact']['leaked']['texts']:,}",
        f"{leaked['test_rows']:,}",
    )
    for split, shared in audit.get("in_validation", {}).items():
        log.info("%s validation rows have a text of %s", f"{shared['validation_rows']:,}", split)


def _log_tokens(vocabularies: dict[str, Any]) -> None:
    for vocabulary, found in vocabularies.items():
        for length, share in found["cut"].items():
            log.info("%s: %.1f %% of the training texts are cut at %s", vocabulary, 100 * share["train"], length)
