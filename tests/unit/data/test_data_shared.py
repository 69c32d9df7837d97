"""_data: the safe npz, the frame and the label names keep what is put into them."""

import unicodedata
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bert_ladder.data.frames import (
    DATA_COLUMN,
    LABEL_COLUMN,
    frame_labels,
    is_blank,
    pack_texts,
    plain,
    read_classes,
    read_frame,
    read_labels,
    read_npz,
    read_positive,
    read_rows,
    rows_csv,
    write_classes,
    write_frame,
    write_labels,
    write_npz,
    write_positive,
)

# What the schema allows as a row's name, and more often than by chance what begins as a formula or a quote.
NAMES = st.from_regex(r"['=+\-@]{0,3}\S(.{0,20}\S)?", fullmatch=True)
TEXTS = st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=20)


def test_columns_are_called_by_their_names() -> None:
    """The frame's columns bear the names that the workflow's readers expect."""
    assert (DATA_COLUMN, LABEL_COLUMN) == ("DATA_COLUMN", "LABEL_COLUMN")


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=TEXTS, numeric=st.booleans())
def test_npz_and_frame_round_trip(tmp_path: Path, texts: list[str], numeric: bool) -> None:
    """Any text that UTF-8 can carry comes back from the npz and from the frame, in its row."""
    labels = [i % 3 if numeric else f"näme {i % 3}" for i in range(len(texts))]
    write_npz(tmp_path / "a.npz", pack_texts([text.encode() for text in texts], labels))
    data = read_npz(tmp_path / "a.npz")
    assert list(data.texts()) == texts
    assert data.label.tolist() == labels
    assert (data.text.dtype, data.offsets.dtype, len(data)) == (np.uint8, np.int64, len(texts))
    codes = np.arange(len(texts), dtype=np.int16) % 3
    write_frame(tmp_path / "a.parquet", data, codes, ["a", "b", "c"])
    frame = read_frame(tmp_path / "a.parquet")
    assert frame[DATA_COLUMN].tolist() == texts
    assert frame[LABEL_COLUMN].tolist() == codes.tolist()
    assert frame[LABEL_COLUMN].dtype == np.int16
    assert pd.api.types.is_string_dtype(frame[DATA_COLUMN])


def test_npz_needs_no_pickle(tmp_path: Path) -> None:
    """The npz loads where pickles are forbidden, and its size is that of its texts, not of the longest one."""
    texts = [b"short"] * 1000 + [b"long" * 25_000]
    write_npz(tmp_path / "a.npz", pack_texts(texts, [0] * 1001))
    with np.load(tmp_path / "a.npz", allow_pickle=False) as arrays:
        assert set(arrays.files) == {"text", "offsets", "label"}
        assert arrays["text"].nbytes == 105_000


def test_frame_carries_its_labels(tmp_path: Path) -> None:
    """They can be read back for messages; a parquet from elsewhere has none."""
    write_frame(tmp_path / "a.parquet", pack_texts([b"x"], ["é"]), np.zeros(1, np.int16), ["é", "b"])
    assert frame_labels(tmp_path / "a.parquet") == {0: "é", 1: "b"}
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "b.parquet")
    assert frame_labels(tmp_path / "b.parquet") == {}


def test_labels_round_trip(tmp_path: Path) -> None:
    """What names the classes comes back from each of its files."""
    for names, positive in ((["négatif", "positif"], 1), (["a", "b", "c"], None)):
        write_labels(tmp_path / "labels.json", names, positive)
        assert read_labels(tmp_path / "labels.json") == (names, positive)
        write_classes(tmp_path / "classes.json", names)
        assert read_classes(tmp_path / "classes.json") == names
        write_positive(tmp_path / "positive.json", positive, None)
        assert read_positive(tmp_path / "positive.json") == positive


@pytest.mark.parametrize("column", ["model", "model_a", "model_b"])
def test_names_of_rows_are_no_formulas_in_any_table(column: str, tmp_path: Path) -> None:
    """Whatever a row is called, a spreadsheet shows it, and a program reads it as it was."""
    names = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "NA", "'quoted", "plain", 'a,b\n"c"']
    table = pd.DataFrame({column: names, "value": [-0.1] * len(names)})
    file = tmp_path / "table.csv"
    file.write_text(rows_csv(table), encoding="utf-8")
    pd.testing.assert_frame_equal(read_rows(file), table)
    shown = pd.read_csv(file, keep_default_na=False)
    assert not shown[column].str.startswith(("=", "+", "-", "@", "\t", "\r")).any()
    assert (shown["value"] == -0.1).all()


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.lists(NAMES, min_size=1, max_size=20))
@example(names=["'=1", "=1", "''=1", "'", "''", "'-", "'plain"])
def test_every_name_comes_back(tmp_path: Path, names: list[str]) -> None:
    """Names that begin with the quote that keeps a spreadsheet from running them are told from those that got it."""
    table = pd.DataFrame({"model": names, "value": np.arange(len(names)) / 7})
    (tmp_path / "table.csv").write_text(rows_csv(table), encoding="utf-8")
    pd.testing.assert_frame_equal(read_rows(tmp_path / "table.csv"), table, check_dtype=False)


INVISIBLE = "\u200b\u200d\ufeff\u00ad\u2060\ufe0f"


@settings(deadline=None)
@given(st.text())
def test_plain_text_is_plain(text: str) -> None:
    """Once is enough; case and invisible characters make no difference; a blank text has nothing left."""
    assert plain(plain(text)) == plain(text)
    assert plain(INVISIBLE.join(["", *text, ""])) == plain(text)
    assert (plain(text) == "") == is_blank(text)
    assert plain(f" {text}\u3000\n") == plain(text)


@given(st.text(st.characters(max_codepoint=127)))
def test_plain_ascii_is_as_plain_as_any(text: str) -> None:
    """The short way gives what the long one would."""
    assert plain(text) == " ".join(unicodedata.normalize("NFKC", text).casefold().split())


@pytest.mark.parametrize(
    ("text", "copy"),
    [("Good film", "GOOD  film\n"), ("stra\u00dfe", "STRASSE"), ("\uff23\uff24", "cd"), ("e\u0301", "\u00e9")],
)
def test_copies_are_plain_the_same(text: str, copy: str) -> None:
    """Case, white space, full width, decomposed letters."""
    assert plain(text) == plain(copy)
    assert plain(text) != plain(copy + "x")
