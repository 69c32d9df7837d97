"""build_frame: labels become indices into their sorted names, rows keep their places."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bert_ladder.data.frames import (
    DATA_COLUMN,
    LABEL_COLUMN,
    SplitPaths,
    frame_labels,
    pack_texts,
    read_class_names,
    read_classes,
    read_frame,
    write_npz,
)
from bert_ladder.data.label_encoding import build_frame
from bert_ladder.runtime.jobs import BadInput
from build_frame import main


def frames(folder: Path, train: list[Any], test: list[Any]) -> tuple[list[int], list[int], list[str]]:
    """Codes of both frames and the content of classes.json for these published labels."""
    for split, labels in (("train", train), ("test", test)):
        texts = [f"{split} {row}".encode() for row in range(len(labels))]
        write_npz(folder / f"{split}.npz", pack_texts(texts, labels))
    outputs = [folder / name for name in ("train.parquet", "test.parquet", "classes.json")]
    splits = SplitPaths(folder / "train.npz", folder / "test.npz")
    build_frame(splits, SplitPaths(*outputs[:2]), outputs[2])
    read = [read_frame(path) for path in outputs[:2]]
    for split, frame in zip(("train", "test"), read, strict=True):
        assert frame[DATA_COLUMN].tolist() == [f"{split} {row}" for row in range(len(frame))]
        assert frame[LABEL_COLUMN].dtype == np.int16
    assert list(frame_labels(outputs[0]).values()) == read_classes(outputs[2])
    return read[0][LABEL_COLUMN].tolist(), read[1][LABEL_COLUMN].tolist(), read_classes(outputs[2])


@pytest.mark.parametrize(
    ("train", "test", "expected"),
    [
        ([1, 0, 1], [0, 1], ([1, 0, 1], [0, 1], ["0", "1"])),
        (["pos", "neg"], ["pos", "neg"], ([1, 0], [1, 0], ["neg", "pos"])),
        ([10, 9, -1], [9, -1], ([2, 1, 0], [1, 0], ["-1", "9", "10"])),
        (["10", "9", "a"], ["9", "a"], ([0, 1, 2], [1, 2], ["10", "9", "a"])),
        (["true", "false"], ["true", "false"], ([1, 0], [1, 0], ["false", "true"])),
        (["1", "x"], ["x", 1], ([0, 1], [1, 0], ["1", "x"])),
    ],
    ids=["numbers", "names", "numeric order", "text order", "booleans", "number beside text"],
)
def test_codes_follow_sorted_labels(tmp_path: Path, train: list, test: list, expected: tuple) -> None:
    """Numbers sort by value, names by letters."""
    assert frames(tmp_path, train, test) == expected


@pytest.mark.parametrize(
    ("train", "test", "expected"),
    [
        (
            ["a", "b"],
            ["a", "c", "d"],
            r"dataset.test, row 2 .*: the label 'c' is not .* 'a', 'b', nor is 'd' \(2 rows in all\)",
        ),
        ([0, 1], [0, -1], "dataset.test, row 2 .*: the label '-1' is not among the training labels"),
        (list(range(40_000)), [0], "dataset.label: 40,000 different labels; name the column"),
    ],
)
def test_bad_labels_get_one_sentence(tmp_path: Path, train: list, test: list, expected: str) -> None:
    """An unknown label is named with its row."""
    with pytest.raises(BadInput, match=expected) as caught:
        frames(tmp_path, train, test)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("train", "test", "expected"),
    [
        ({"a": 0, "b": 0}, {"c": 0, "d": 0}, "dataset.train: all 2 rows have the label 'no'; give a split"),
        ({"a": 0, "b": 1}, {"c": 1, "d": 1}, "dataset.test: all 2 rows have the label 'yes'; give a split"),
        ({"a": 0, "b": 1}, {"a": 0, "b": 1}, "dataset.test: all 2 texts are training texts too"),
        ({"a": 0, "b": 1, "c": 1}, {"b": 1, "a": 0}, "dataset.test: all 2 texts are training texts too"),
        ({"a b": 0, "c": 1}, {"A  b\u200b": 0, " c": 1}, r"all 2 texts are training texts too \(but for case, white"),
    ],
    ids=["train of one class", "test of one class", "test is train", "test within train", "test is train but for case"],
)
def test_useless_splits_are_refused(tmp_path: Path, train: dict, test: dict, expected: str) -> None:
    """One class, or a test split that was trained on: one sentence, before anything is written."""
    names = ["no", "yes"]
    for split, rows in (("train", train), ("test", test)):
        labels = [names[label] for label in rows.values()]
        write_npz(tmp_path / f"{split}.npz", pack_texts([text.encode() for text in rows], labels))
    outputs = [tmp_path / name for name in ("train.parquet", "test.parquet", "classes.json")]
    splits = SplitPaths(tmp_path / "train.npz", tmp_path / "test.npz")
    with pytest.raises(BadInput, match=expected):
        build_frame(splits, SplitPaths(*outputs[:2]), outputs[2])
    assert not any(output.exists() for output in outputs)


def test_main_maps_the_job(tmp_path: Path) -> None:
    """main passes each name of the job to its argument."""
    for split, texts in (("train", [b"x", b"y"]), ("test", [b"z", b"x"])):
        write_npz(tmp_path / f"{split}.npz", pack_texts(texts, [0, 1]))
    paths = {name: str(tmp_path / f"{name}.parquet") for name in ("train", "test")}
    job = SimpleNamespace(
        input=SimpleNamespace(train=str(tmp_path / "train.npz"), test=str(tmp_path / "test.npz")),
        params=SimpleNamespace(named={"positive": None, "named": []}),
        output=SimpleNamespace(**paths, classes=str(tmp_path / "classes.json")),
    )
    main(job)
    assert read_classes(tmp_path / "classes.json") == ["0", "1"]
    assert read_frame(paths["test"])[LABEL_COLUMN].tolist() == [0, 1]


def test_names_of_the_published_file_go_with_the_classes(tmp_path: Path) -> None:
    """Those of the labels that there are; two files that differ are refused."""
    files = SplitPaths(tmp_path / "train.npz", tmp_path / "test.npz")
    outputs = SplitPaths(tmp_path / "train.parquet", tmp_path / "test.parquet")
    names = ["zero", "one", "two"]
    write_npz(files.train, pack_texts([b"a", b"b"], [0, 2], names))
    write_npz(files.test, pack_texts([b"c", b"d"], [2, 0]))
    build_frame(files, outputs, tmp_path / "classes.json")
    assert read_classes(tmp_path / "classes.json") == ["0", "2"]
    assert read_class_names(tmp_path / "classes.json") == ["zero", "two"]
    write_npz(files.test, pack_texts([b"c", b"d"], [2, 0], ["two", "one", "zero"]))
    with pytest.raises(
        BadInput, match=r"dataset\.test: calls the label 0 'two', and the training file calls it 'zero'"
    ):
        build_frame(files, outputs, tmp_path / "classes.json")
    write_npz(files.train, pack_texts([b"a", b"b"], [0, 2]))
    build_frame(files, outputs, tmp_path / "classes.json")
    assert read_class_names(tmp_path / "classes.json") == ["0", "2"]
