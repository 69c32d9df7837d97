"""split_frame: each class in proportion, fixed by the seed, in the rows' own order."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from bert_ladder.data.frames import pack_texts, write_frame
from bert_ladder.data.splits import split_frame
from bert_ladder.runtime.jobs import BadInput
from split_frame import main

NAMES = ("common", "rare")


def drawn(folder: Path, codes: list[int], fraction: float = 0.2, seed: int = 1) -> pd.Series:
    """The part of each row."""
    data = pack_texts([b"x"] * len(codes), codes)
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
        ([0] * 9 + [1], 0.2, "validation_fraction, class 'rare': 1 of 10 rows, too few to be in both parts at 0.2"),
        ([0] * 98 + [1] * 2, 0.1, "class 'rare': 2 of 100 rows, too few"),
        ([0, 0, 1, 1], 0.1, "class 'common': 2 of 4 rows, too few"),
        ([0, 0, 1, 1], 0.9, "class 'common': 2 of 4 rows, too few"),
        ([0, 1] * 5, 1.0, r"validation_fraction: found 1\.0; give a share above 0 and below 1"),
        ([0, 1] * 5, 0.0, r"validation_fraction: found 0\.0; give a share"),
    ],
)
def test_too_small_classes_are_named(tmp_path: Path, codes: list[int], fraction: float, expected: str) -> None:
    """A class that cannot be in both parts is named with its count."""
    with pytest.raises(BadInput, match=expected):
        drawn(tmp_path, codes, fraction)


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
