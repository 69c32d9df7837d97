"""split_labels: fractions of the labels that lie within each other, each class in proportion, never an empty class."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bert_ladder.data.frames import pack_texts, write_frame
from bert_ladder.data.label_parts import LabelledFiles, PartDraw, nested_mask, split_labels
from bert_ladder.data.splits import split_frame, write_split
from bert_ladder.runtime.jobs import BadInput
from split_labels import main

CODES = [0] * 300 + [1] * 100
FIFTH = {"fraction": 0.2, "seed": 0}


def frame_of(folder: Path, codes: list[int]) -> Path:
    """A frame of rows with texts of their own."""
    data = pack_texts([f"text {number}".encode() for number in range(len(codes))], codes)
    write_frame(folder / "train.parquet", data, np.array(codes, dtype=np.int16), ("common", "rare"))
    return folder / "train.parquet"


def drawn(folder: Path, part: float, seed: int = 1, division: dict[str, Any] | None = None) -> pd.Series:
    """The part of each row of CODES, null for what is left out."""
    files = LabelledFiles(frame_of(folder, CODES))
    split_labels(files, PartDraw(part, seed, division or FIFTH), folder / "split.parquet")
    return pd.read_parquet(folder / "split.parquet")["part"]


def test_fractions_of_a_seed_lie_within_each_other_and_are_stratified(tmp_path: Path) -> None:
    """Whichever others there are; validation is drawn from the fraction; both parts hold each class in proportion."""
    codes, before = np.array(CODES), np.zeros(len(CODES), dtype=bool)
    for part in (0.1, 0.25, 0.5):
        parts = drawn(tmp_path, part)
        known = parts.notna().to_numpy()
        assert [known[codes == code].sum() for code in (0, 1)] == [300 * part, 100 * part]
        assert [(parts[codes == code] == "validation").sum() for code in (0, 1)] == [60 * part, 20 * part]
        assert not (before & ~known).any()
        before = known


def test_rows_with_other_validation_parts_know_the_same_labels(tmp_path: Path) -> None:
    """What is drawn depends on the fraction and the seed alone."""
    one, other = (drawn(tmp_path, 0.2, division={"fraction": f, "seed": s}) for f, s in ((0.2, 0), (0.5, 7)))
    assert one.notna().equals(other.notna())
    assert not one.equals(other)
    assert not one.notna().equals(drawn(tmp_path, 0.2, seed=2).notna())


def test_all_labels_are_drawn_by_a_fraction_of_one() -> None:
    """Where the runs of the table stand in the curve, nothing is left out."""
    assert nested_mask(np.array(CODES), 1.0, seed=3).all()


def test_a_validation_file_is_drawn_from_as_well(tmp_path: Path) -> None:
    """The same fraction of both parts, so that the axis counts both; no text changes its part."""
    is_validation = np.arange(len(CODES)) % 4 == 3
    write_split(tmp_path / "given.parquet", is_validation)
    split_labels(
        LabelledFiles(frame_of(tmp_path, CODES), tmp_path / "given.parquet"),
        PartDraw(0.2, 1),
        tmp_path / "split.parquet",
    )
    parts = pd.read_parquet(tmp_path / "split.parquet")["part"]
    assert parts.value_counts().to_dict() == {"train": 60, "validation": 20}
    assert (parts[is_validation].dropna() == "validation").all()


@pytest.mark.parametrize(
    ("codes", "part", "sentence"),
    [
        (
            [0] * 300 + [1] * 9,
            0.05,
            r"label_curve\.fractions: 0\.05 of the labels leave no text of the class 'rare', which has 9",
        ),
        (
            [0] * 300 + [1] * 20,
            0.05,
            r"label_curve\.fractions: at 0\.05 of the labels, validation_fraction: the class 'rare' \(1\)",
        ),
    ],
)
def test_a_fraction_that_leaves_a_class_empty_is_refused(
    tmp_path: Path, codes: list[int], part: float, sentence: str
) -> None:
    """In one sentence with the key, the fraction and the class, for either part."""
    with pytest.raises(BadInput, match=sentence) as refused:
        split_labels(LabelledFiles(frame_of(tmp_path, codes)), PartDraw(part, 1, FIFTH), tmp_path / "split.parquet")
    assert "\n" not in str(refused.value)


def test_main_takes_what_the_rule_gives(tmp_path: Path) -> None:
    """The script writes what the function does."""
    frame = frame_of(tmp_path, CODES)
    main(
        SimpleNamespace(
            input={"frame": frame},
            params=SimpleNamespace(part=0.5, seed=1, division=FIFTH),
            output=SimpleNamespace(split=tmp_path / "script.parquet"),
        )
    )
    assert pd.read_parquet(tmp_path / "script.parquet")["part"].equals(drawn(tmp_path, 0.5))


def test_whole_split_is_untouched_by_the_third_part(tmp_path: Path) -> None:
    """A division of all texts is written as ever: every row has a part."""
    split_frame(frame_of(tmp_path, CODES), tmp_path / "split.parquet", 0.2, 1)
    assert pd.read_parquet(tmp_path / "split.parquet")["part"].notna().all()
