"""split_frame: each class in proportion, fixed by the seed, in the rows' own order."""

from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from bert_ladder.data.frames import pack_texts, write_frame
from bert_ladder.data.splits import split_frame, stratified_mask
from bert_ladder.runtime.jobs import BadInput
from split_frame import main

NAMES = ("common", "rare")


def drawn(
    folder: Path, codes: list[int], fraction: float = 0.2, seed: int = 1, texts: list[int] | None = None
) -> pd.Series:
    """The part of each row; rows of the same number in `texts` have the same text, otherwise all differ."""
    numbers = range(len(codes)) if texts is None else texts
    data = pack_texts([f"text {number}".encode() for number in numbers], codes)
    write_frame(folder / "train.parquet", data, np.array(codes, dtype=np.int16), NAMES)
    split_frame(folder / "train.parquet", folder / "split.parquet", fraction, seed)
    frame = pd.read_parquet(folder / "split.parquet")
    assert list(frame.columns) == ["part"]
    return frame["part"]


def test_parts_are_stratified(tmp_path: Path) -> None:
    """Validation has its fraction of each class, and every row has a part."""
    codes = np.array([0] * 900 + [1] * 100)
    parts = drawn(tmp_path, codes.tolist())
    assert parts.dtype == pd.CategoricalDtype(["train", "validation"])
    assert [(parts[codes == code] == "validation").sum() for code in (0, 1)] == [180, 20]
    assert len(parts) == 1000


def test_seed_fixes_the_draw(tmp_path: Path) -> None:
    """The same seed gives the same parts, another seed others."""
    codes = [0, 1] * 100
    first, again, other = (drawn(tmp_path, codes, seed=seed).tolist() for seed in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize(
    ("codes", "fraction", "expected"),
    [
        (
            [0] * 9 + [1],
            0.2,
            r"validation_fraction: the class 'rare' \(1\), of 10 rows, has too few .* at 0\.2; 5 of a class are enough",
        ),
        ([0] * 98 + [1] * 2, 0.1, r"the class 'rare' \(2\), of 100 rows, has too few .*; 10 of a class"),
        ([0, 0, 1, 1], 0.1, r"the classes 'common' \(2\), 'rare' \(2\), of 4 rows, have too few .*; 10 of a"),
        ([0, 0, 1, 1], 0.9, r"the classes 'common' \(2\), 'rare' \(2\), of 4 rows, have too few .*; 10 of a"),
        ([0, 1] * 5, 1.0, r"validation_fraction: found 1\.0; give a share above 0 and below 1"),
        ([0, 1] * 5, 0.0, r"validation_fraction: found 0\.0; give a share"),
    ],
)
def test_too_small_classes_are_named(tmp_path: Path, codes: list[int], fraction: float, expected: str) -> None:
    """A class that cannot be in both parts is named with its count."""
    with pytest.raises(BadInput, match=expected):
        drawn(tmp_path, codes, fraction)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_equal_texts_are_in_one_part(tmp_path: Path, seed: int) -> None:
    """No text of validation was trained on, and each class still has its fraction: of copies, of contradictions, of
    one text that is a tenth of a class, of texts that stand once."""
    texts = [*np.repeat(np.arange(60), 5), *np.repeat(np.arange(60, 100), 2), *[100] * 40, *range(101, 581)]
    codes = [*np.repeat(np.arange(60) % 2, 5), *[0, 1] * 40, *[1] * 40, *np.arange(480) % 2]
    assert len(texts) == len(codes) == 900
    parts = drawn(tmp_path, codes, seed=seed, texts=texts)
    sides = {(text, part) for text, part in zip(texts, parts, strict=True)}
    assert len(sides) == len(set(texts)) == 581
    of_class = Counter(code for code, part in zip(codes, parts, strict=True) if part == "validation")
    assert [abs(of_class[code] - 0.2 * codes.count(code)) <= 0.5 for code in (0, 1)] == [True, True]
    # Copies are no reason to be in one part rather than in the other.
    repeated = sum(part == "validation" for part in parts[:300])
    assert abs(repeated - 60) <= 10
    other = drawn(tmp_path, codes, seed=seed + 1, texts=texts)
    assert parts.tolist() == drawn(tmp_path, codes, seed=seed, texts=texts).tolist() != other.tolist()


def test_texts_that_differ_in_case_alone_are_in_one_part(tmp_path: Path) -> None:
    """So are those that differ in white space and zero-width characters; each class still has its fraction."""
    texts = [form for i in range(40) for form in (f"text {i}", f"TEXT {i} ", f"te\u200bxt {i}")]
    codes = np.repeat([0, 1] * 20, 3).astype(np.int16)
    write_frame(tmp_path / "train.parquet", pack_texts([text.encode() for text in texts], codes.tolist()), codes, NAMES)
    split_frame(tmp_path / "train.parquet", tmp_path / "split.parquet", 0.2, 1)
    drawn_rows = (pd.read_parquet(tmp_path / "split.parquet")["part"] == "validation").to_numpy()
    assert (drawn_rows.reshape(40, 3) == drawn_rows[::3, np.newaxis]).all()
    assert [drawn_rows[codes == code].sum() for code in (0, 1)] == [12, 12]


def test_texts_that_stand_once_are_drawn_row_by_row(tmp_path: Path) -> None:
    """Without copies the parts are those of the stratified draw of rows."""
    codes = [0, 1, 1] * 50
    expected = stratified_mask(np.array(codes), 0.2, 1, "validation_fraction", str)
    assert (drawn(tmp_path, codes) == "validation").tolist() == expected.tolist()


def test_copies_are_no_second_text(tmp_path: Path) -> None:
    """A class whose rows are all one text cannot be in both parts, and the sentence says why."""
    with pytest.raises(
        BadInput, match=r"the class 'rare' \(1\), of 31 distinct texts, has too few to be in both parts"
    ):
        drawn(tmp_path, [0] * 30 + [1] * 10, texts=[*range(30), *[30] * 10])
    with pytest.raises(BadInput, match=r"validation_fraction: found 1\.0"):
        drawn(tmp_path, [0, 1] * 5, 1.0, texts=[0] * 10)


def test_main_maps_the_job(tmp_path: Path) -> None:
    """main passes each name of the job to its argument."""
    expected = drawn(tmp_path, [0, 1] * 50, fraction=0.35, seed=3).tolist()
    job = SimpleNamespace(
        input=SimpleNamespace(train=str(tmp_path / "train.parquet")),
        output=SimpleNamespace(split=str(tmp_path / "again.parquet")),
        params=SimpleNamespace(fraction=0.35, seed=3),
    )
    main(job)
    assert pd.read_parquet(tmp_path / "again.parquet")["part"].tolist() == expected
