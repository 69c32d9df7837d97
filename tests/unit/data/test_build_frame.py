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
    pack_texts,
    read_frame,
    read_labels,
    write_npz,
)
from bert_ladder.data.label_encoding import build_frame
from bert_ladder.runtime.jobs import BadInput
from build_frame import main


def frames(folder: Path, train: list[Any], test: list[Any], **options: Any) -> tuple[list[int], list[int], tuple]:
    """Codes of both frames and the content of labels.json for these published labels."""
    for split, labels in (("train", train), ("test", test)):
        texts = [f"{split} {row}".encode() for row in range(len(labels))]
        write_npz(folder / f"{split}.npz", pack_texts(texts, labels))
    outputs = [folder / name for name in ("train.parquet", "test.parquet", "labels.json")]
    splits = SplitPaths(folder / "train.npz", folder / "test.npz")
    build_frame(splits, SplitPaths(*outputs[:2]), outputs[2], **options)
    read = [read_frame(path) for path in outputs[:2]]
    for split, frame in zip(("train", "test"), read, strict=True):
        assert frame[DATA_COLUMN].tolist() == [f"{split} {row}" for row in range(len(frame))]
        assert frame[LABEL_COLUMN].dtype == np.int16
    return read[0][LABEL_COLUMN].tolist(), read[1][LABEL_COLUMN].tolist(), read_labels(outputs[2])


@pytest.mark.parametrize(
    ("train", "test", "expected"),
    [
        ([1, 0, 1], [0, 1], ([1, 0, 1], [0, 1], (["0", "1"], 1))),
        (["pos", "neg"], ["pos", "neg"], ([1, 0], [1, 0], (["neg", "pos"], 1))),
        ([10, 9, -1], [9, -1], ([2, 1, 0], [1, 0], (["-1", "9", "10"], None))),
        (["10", "9", "a"], ["9", "a"], ([0, 1, 2], [1, 2], (["10", "9", "a"], None))),
        (["true", "false"], ["true", "false"], ([1, 0], [1, 0], (["false", "true"], 1))),
        (["1", "x"], ["x", 1], ([0, 1], [1, 0], (["1", "x"], 1))),
    ],
    ids=["numbers", "names", "numeric order", "text order", "booleans", "number beside text"],
)
def test_codes_follow_sorted_labels(tmp_path: Path, train: list, test: list, expected: tuple) -> None:
    """Numbers sort by value, names by letters; the positive class of two is the last, of more there is none."""
    assert frames(tmp_path, train, test) == expected


@pytest.mark.parametrize(
    ("positive", "index"), [("neg", 0), ("pos", 1), ("negative", 0), (None, 1)], ids=["neg", "pos", "shown", "default"]
)
def test_positive_class_is_the_studys(tmp_path: Path, positive: str | None, index: int) -> None:
    """The positive class is named by its published or by its display name."""
    options = {"positive": positive, "label_names": {"neg": "negative"}}
    assert frames(tmp_path, ["pos", "neg"], ["pos", "neg"], **options)[2] == (["negative", "pos"], index)


@pytest.mark.parametrize(("labels", "positive"), [([0, 1], 0), (["false", "true"], False)])
def test_positive_class_of_numbers_and_booleans(tmp_path: Path, labels: list, positive: int | bool) -> None:
    """YAML's own numbers and booleans name labels of these kinds."""
    assert frames(tmp_path, labels, labels, positive=positive)[2][1] == 0


def test_display_names_keep_the_published_order(tmp_path: Path) -> None:
    """Naming 0 and 1 does not turn them round, whatever the letters of their names."""
    options = {"label_names": {"0": "unfavourable", "1": "favourable"}}
    assert frames(tmp_path, [1, 0], [1, 0], **options) == ([1, 0], [1, 0], (["unfavourable", "favourable"], 1))


@pytest.mark.parametrize(
    ("train", "test", "options", "expected"),
    [
        (["a", "b"], ["a", "c", "d"], {}, r"test split, row 2: label 'c' is not .* \('a', 'b'\), nor .* 1 other"),
        ([0, 1], [0, -1], {}, "test split, row 2: label '-1' is not among the training labels"),
        (
            ["a", "b"],
            ["a"],
            {"positive": "c"},
            "dataset.positive: 'c' is no label of the data; the labels are 'a', 'b'",
        ),
        (["a", "b", "c"], ["a"], {"positive": "c"}, "dataset.positive: found 'c', but there are 3 classes"),
        (
            ["a", "b"],
            ["a"],
            {"label_names": {"x": "y"}},
            "label_names: 'x' is no label of the data; the labels are 'a'",
        ),
        (["a", "b"], ["a"], {"label_names": {"a": "b"}}, "label_names: two labels are called 'b'; give each"),
        (list(range(40_000)), [0], {}, "dataset.label: 40,000 different labels; name the column"),
    ],
)
def test_bad_labels_get_one_sentence(tmp_path: Path, train: list, test: list, options: dict, expected: str) -> None:
    """An unknown label is named with its row, a wrong setting with its key and what is there."""
    with pytest.raises(BadInput, match=expected) as caught:
        frames(tmp_path, train, test, **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("train", "test", "expected"),
    [
        ({"a": 0, "b": 0}, {"c": 0, "d": 0}, "dataset.train: all 2 rows have the label 'no'; give a split"),
        ({"a": 0, "b": 1}, {"c": 1, "d": 1}, "dataset.test: all 2 rows have the label 'yes'; give a split"),
        ({"a": 0, "b": 1}, {"a": 0, "b": 1}, "dataset.test: all 2 texts are training texts too"),
        ({"a": 0, "b": 1, "c": 1}, {"b": 1, "a": 0}, "dataset.test: all 2 texts are training texts too"),
    ],
    ids=["train of one class", "test of one class", "test is train", "test within train"],
)
def test_useless_splits_are_refused(tmp_path: Path, train: dict, test: dict, expected: str) -> None:
    """One class, or a test split that was trained on: one sentence, before anything is written."""
    names = ["no", "yes"]
    for split, rows in (("train", train), ("test", test)):
        labels = [names[label] for label in rows.values()]
        write_npz(tmp_path / f"{split}.npz", pack_texts([text.encode() for text in rows], labels))
    outputs = [tmp_path / name for name in ("train.parquet", "test.parquet", "labels.json")]
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
        output=SimpleNamespace(**paths, labels=str(tmp_path / "labels.json")),
        params=SimpleNamespace(positive=0, label_names={"0": "no"}),
    )
    main(job)
    assert read_labels(tmp_path / "labels.json") == (["no", "1"], 0)
    assert read_frame(paths["test"])[LABEL_COLUMN].tolist() == [0, 1]
