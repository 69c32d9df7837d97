"""audit_dataset: what it counts."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from audit_dataset import main
from bert_ladder.data.audit import AuditedFiles, audit_dataset, describe_lengths, left_out
from bert_ladder.data.frames import SplitPaths, pack_texts, write_frame, write_labels
from bert_ladder.data.ingestion import build_npz
from bert_ladder.data.label_encoding import build_frame
from bert_ladder.data.readers.published import PublishedFile

TRAIN = [("a a a", 0), ("a a a", 0), ("b\u00a0b", 1), ("b\u00a0b", 0), ("ü", 1), ("y", 1), ("c", 0)]
TEST = [("c", 1), ("c", 1), ("ü", 1), ("new", 0), ("b\u00a0b", 0), ("x", 0)]
LENGTHS = {"train": [1, 2, 3, 4, 5, 6, 127], "test": [126, 127, 5, 5, 5, 0]}


def audited(folder: Path, train: list, test: list, names: tuple[str, ...] = ("neg", "pos")) -> dict[str, Any]:
    """The audit of these rows, without vocabularies."""
    _write(folder, train, test, names)
    frames = SplitPaths(folder / "train.parquet", folder / "test.parquet")
    files = AuditedFiles(frames, write_records(folder), folder / "labels.json", [])
    audit_dataset(files, [], folder / "audit.json", folder / "leaked.parquet")
    return json.loads((folder / "audit.json").read_text())


def write_records(folder: Path, empty: tuple[int, int] = (0, 0), held_out: dict | None = None) -> SplitPaths:
    """Records of both splits' readings, of which so many rows were left out."""
    for split, count in zip(("train", "test"), empty, strict=True):
        record = {"params": {"held_out": held_out}, "found": {"empty": count, "rare": {}}}
        (folder / f"{split}.json").write_text(json.dumps(record))
    return SplitPaths(folder / "train.json", folder / "test.json")


def _write(folder: Path, train: list, test: list, names: tuple[str, ...]) -> None:
    for split, rows in (("train", train), ("test", test)):
        codes = np.array([code for _, code in rows], dtype=np.int16)
        data = pack_texts([text.encode() for text, _ in rows], codes.tolist())
        write_frame(folder / f"{split}.parquet", data, codes, names)
    write_labels(folder / "labels.json", names, None)


def test_counts(tmp_path: Path) -> None:
    """Rows, duplicates, contradictions, leakage, balance and empty texts are those that can be counted by hand."""
    audit = audited(tmp_path, TRAIN, TEST)
    assert audit["rows"] == {"train": 7, "test": 6}
    assert audit["duplicates"] == {"train": 2, "test": 1}
    assert audit["contradictory"] == {"train": 1, "test": 0, "both": 2}
    assert audit["leaked"] == {"texts": 3, "test_rows": 4}
    assert audit["labels"] == {"train": {"neg": 4, "pos": 3}, "test": {"neg": 3, "pos": 3}}
    assert audit["left_out"] == {"train": 0, "test": 0}
    assert audit["characters"]["train"] == {"min": 1, "median": 3.0, "mean": 19 / 7, "p90": 5.0, "p99": 5.0, "max": 5}
    assert audit["words"]["train"]["max"] == 3
    assert audit["words"]["train"]["min"] == 1


def test_leaked_rows_are_named(tmp_path: Path) -> None:
    """The rows of the test split whose text is a training text, so that a score can leave them out."""
    audited(tmp_path, TRAIN, TEST)
    leaked = pd.read_parquet(tmp_path / "leaked.parquet")
    assert leaked["row"].tolist() == [0, 1, 2, 4]
    assert leaked["row"].dtype == "int32"


def test_texts_are_equal_whatever_a_copy_changed(tmp_path: Path) -> None:
    """Case, white space, invisible characters and full width make no other text; exact figures stand beside."""
    train = [("Good film, ﬁne", 0), ("good  FILM, fine ", 1), ("bad\u200b film", 1), ("\uff23", 0), ("stra\u00dfe", 1)]
    test = [("bad film\ufeff", 1), ("c", 0), ("STRASSE", 1), ("new", 0), ("new", 0)]
    audit = audited(tmp_path, train, test)
    assert audit["duplicates"] == {"train": 1, "test": 1}
    assert audit["leaked"] == {"texts": 3, "test_rows": 3}
    assert audit["contradictory"] == {"train": 1, "test": 0, "both": 1}
    assert audit["exact"] == {"duplicates": {"train": 0, "test": 1}, "leaked": {"texts": 0, "test_rows": 0}}
    assert pd.read_parquet(tmp_path / "leaked.parquet")["row"].tolist() == [0, 1, 2]


def test_texts_that_were_left_out_are_counted_once(tmp_path: Path) -> None:
    """A test split that is held out has the training file's record too."""
    assert left_out(write_records(tmp_path, (3, 2))) == {"train": 3, "test": 2}
    held_out = {"fraction": 0.2, "seed": 0}
    assert left_out(write_records(tmp_path, (3, 3), held_out)) == {"train": 3, "test": 0}


def test_validation_file_is_counted_as_a_split_of_its_own(tmp_path: Path) -> None:
    """With what it shares with the others; its WordPieces stand behind those of the training texts."""
    rows = [("a a a", 1), ("new", 0), ("new", 0), ("own", 1)]
    _write(tmp_path, TRAIN, TEST, ("neg", "pos"))
    codes = np.array([code for _, code in rows], dtype=np.int16)
    data = pack_texts([text.encode() for text, _ in rows], codes.tolist())
    write_frame(tmp_path / "validation.parquet", data, codes, ("neg", "pos"))
    behind = [*LENGTHS["train"], 9, 9, 9, 200]
    for name, lengths in (("train_validation", behind), ("test", LENGTHS["test"])):
        np.save(tmp_path / f"{name}.npy", np.cumsum([0, *lengths]))
    paths = {split: tmp_path / f"{split}.parquet" for split in ("train", "test", "validation")}
    offsets = [tmp_path / "train_validation.npy", tmp_path / "test.npy"]
    outputs = {"audit": tmp_path / "audit.json", "leaked": tmp_path / "leaked.parquet"}
    read = write_records(tmp_path, (1, 0))
    (tmp_path / "validation.json").write_text(
        json.dumps({"params": {"held_out": None}, "found": {"empty": 2, "rare": {}}})
    )
    records = [read.train, read.test, tmp_path / "validation.json"]
    job = SimpleNamespace(
        input=SimpleNamespace(**paths, records=records, labels=tmp_path / "labels.json", offsets=offsets),
        params=SimpleNamespace(vocabularies=[{"vocabulary": "own", "lengths": [128]}]),
        output=SimpleNamespace(**outputs),
    )
    main(job)
    audit = json.loads(outputs["audit"].read_text())
    assert audit["rows"] == {"train": 7, "validation": 4, "test": 6}
    assert audit["left_out"] == {"train": 1, "validation": 2, "test": 0}
    assert audit["duplicates"]["validation"] == 1
    assert audit["labels"]["validation"] == {"neg": 2, "pos": 2}
    assert audit["contradictory"] == {"train": 1, "validation": 0, "test": 0, "both": 3}
    assert audit["in_validation"] == {
        "train": {"texts": 1, "validation_rows": 1},
        "test": {"texts": 1, "validation_rows": 2},
    }
    assert audit["vocabularies"]["own"]["cut"]["128"] == {"train": 1 / 7, "validation": 0.25, "test": 1 / 6}
    assert audit["leaked"] == {"texts": 3, "test_rows": 4}
    assert pd.read_parquet(outputs["leaked"])["row"].tolist() == [0, 1, 2, 4]


def test_lengths_are_described() -> None:
    """Percentiles interpolate, and a single length describes itself."""
    described = describe_lengths(range(101))
    assert described == {"min": 0, "median": 50.0, "mean": 50.0, "p90": 90.0, "p99": 99.0, "max": 100}
    assert set(describe_lengths([4]).values()) == {4}


def test_cut_texts_count_the_special_tokens(tmp_path: Path) -> None:
    """A text of 126 WordPieces fits into 128 with [CLS] and [SEP], one of 127 does not; each vocabulary has its own."""
    _write(tmp_path, TRAIN, TEST, ("neg", "pos"))
    offsets = []
    for name, factor in (("one", 1), ("two", 2)):
        for split, lengths in LENGTHS.items():
            offsets.append(str(tmp_path / f"{name}.{split}.offsets.npy"))
            np.save(offsets[-1], np.cumsum([0, *(factor * length for length in lengths)]))
    write_records(tmp_path)
    job = SimpleNamespace(
        input=SimpleNamespace(
            train=str(tmp_path / "train.parquet"),
            test=str(tmp_path / "test.parquet"),
            labels=str(tmp_path / "labels.json"),
            records=[str(tmp_path / "train.json"), str(tmp_path / "test.json")],
            offsets=offsets,
        ),
        output=SimpleNamespace(audit=str(tmp_path / "audit.json"), leaked=str(tmp_path / "leaked.parquet")),
        params=SimpleNamespace(
            vocabularies=[{"vocabulary": "one", "lengths": [7, 128]}, {"vocabulary": "two", "lengths": [128]}]
        ),
    )
    main(job)
    found = json.loads((tmp_path / "audit.json").read_text())["vocabularies"]
    assert found["one"]["cut"]["128"] == {"train": 1 / 7, "test": 1 / 6}
    assert found["one"]["cut"]["7"] == {"train": 2 / 7, "test": 2 / 6}
    assert found["two"]["cut"] == {"128": {"train": 1 / 7, "test": 2 / 6}}
    assert found["one"]["wordpieces"]["train"]["max"] == 127
    assert found["two"]["wordpieces"]["test"]["max"] == 254


def test_imdb(tmp_path: Path, shared_data: Path) -> None:
    """IMDB's original split: 96 duplicates in train, 199 in test, 123 texts in both, balanced labels."""
    for split in ("train", "test"):
        build_npz(PublishedFile(shared_data / "imdb" / f"{split}.npz", split, 10**10), tmp_path / f"{split}.npz")
    npz = SplitPaths(tmp_path / "train.npz", tmp_path / "test.npz")
    frames = SplitPaths(tmp_path / "train.parquet", tmp_path / "test.parquet")
    build_frame(npz, frames, tmp_path / "classes.json")
    write_labels(tmp_path / "labels.json", ["negative", "positive"], 1)
    files = AuditedFiles(frames, write_records(tmp_path), tmp_path / "labels.json", [])
    audit_dataset(files, [], tmp_path / "audit.json", tmp_path / "leaked.parquet")
    audit = json.loads((tmp_path / "audit.json").read_text())
    for found in (audit["exact"], audit):
        assert found["duplicates"] == {"train": 96, "test": 199}
        assert found["leaked"] == {"texts": 123, "test_rows": 123}
    assert audit["labels"]["test"] == {"negative": 12_500, "positive": 12_500}
    assert npz.train.stat().st_size < 15_000_000
