"""build_validation: a validation file of its own, coded as the training split, behind it in one frame."""

from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from bert_ladder.data.frames import (
    DATA_COLUMN,
    LABEL_COLUMN,
    SplitPaths,
    frame_labels,
    pack_texts,
    read_frame,
    write_npz,
)
from bert_ladder.data.label_encoding import build_frame
from bert_ladder.runtime.jobs import BadInput
from build_validation import main

TRAIN = [("a", "yes"), ("b", "no"), ("c", "yes")]
TEST = [("t", "yes"), ("u", "no")]


def build(folder: Path, validation: list[tuple[str, str]]) -> SimpleNamespace:
    """The rule's outputs for these texts and published labels."""
    for split, rows in (("train", TRAIN), ("test", TEST), ("validation", validation)):
        labels = [label for _, label in rows]
        write_npz(folder / f"{split}.npz", pack_texts([text.encode() for text, _ in rows], labels))
    frames = SplitPaths(folder / "train.parquet", folder / "test.parquet")
    build_frame(SplitPaths(folder / "train.npz", folder / "test.npz"), frames, folder / "classes.json")
    paths = {
        "npz": folder / "validation.npz",
        "train": frames.train,
        "test": frames.test,
        "classes": folder / "classes.json",
    }
    output = {name: folder / f"{name}.out.parquet" for name in ("validation", "joined", "split")}
    job = SimpleNamespace(input=SimpleNamespace(**paths), output=SimpleNamespace(**output))
    main(job)
    return job.output


def test_validation_texts_stand_behind_the_training_texts(tmp_path: Path) -> None:
    """Rows keep their places; labels have the training split's codes, and the division says which row is which."""
    output = build(tmp_path, [("x", "no"), ("y", "yes"), ("b", "no")])
    own, joined = read_frame(output.validation), read_frame(output.joined)
    assert own[DATA_COLUMN].tolist() == ["x", "y", "b"]
    assert own[LABEL_COLUMN].tolist() == [0, 1, 0]
    assert joined[DATA_COLUMN].tolist() == ["a", "b", "c", "x", "y", "b"]
    assert joined[LABEL_COLUMN].tolist() == [1, 0, 1, 0, 1, 0]
    assert joined.dtypes.to_dict() == read_frame(tmp_path / "train.parquet").dtypes.to_dict()
    assert frame_labels(output.joined) == {0: "no", 1: "yes"}
    part = pd.read_parquet(output.split)["part"]
    assert part.tolist() == ["train"] * 3 + ["validation"] * 3
    assert part.cat.categories.tolist() == ["train", "validation"]


@pytest.mark.parametrize(
    ("validation", "sentence"),
    [
        (
            [("x", "no"), ("y", "maybe")],
            r"dataset.validation, row 2 .*: the label 'maybe' is not among .* 'no', 'yes' \(one row\)",
        ),
        ([("x", "no"), ("y", "no")], "dataset.validation: all 2 rows have the label 'no'"),
        ([("b", "no"), ("a", "yes")], "dataset.validation: all 2 texts are training texts too"),
        ([("u", "no"), ("t", "yes")], "dataset.validation: all 2 texts are test texts, so rows would be chosen by"),
        ([("u", "no"), ("t", "yes"), ("x", "no")], "dataset.validation: all test texts are among its texts"),
    ],
    ids=["unknown label", "one class", "training texts", "test texts", "test texts and more"],
)
def test_useless_validation_file_is_refused(tmp_path: Path, validation: list, sentence: str) -> None:
    """Before anything is trained, in one sentence."""
    with pytest.raises(BadInput, match=sentence) as refused:
        build(tmp_path, validation)
    assert "\n" not in str(refused.value)
