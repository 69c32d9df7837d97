"""Texts without labels: every form they come in, and what is refused before anything is learned from them."""

import gzip
import io
import json
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bert_ladder.data.frames import frame_texts, write_classes
from bert_ladder.data.readers.published import PublishedFile
from bert_ladder.data.unlabelled_texts import build_corpus
from bert_ladder.runtime.jobs import BadInput

TEXTS = ["A fine film.", "Öde 😀", "no,  commas here", "last"]


def packed(form: str, files: dict[str, str]) -> bytes:
    """An archive of text files."""
    stream = io.BytesIO()
    if form == "zip":
        with zipfile.ZipFile(stream, "w") as archive:
            for name, text in files.items():
                archive.writestr(name, text)
    else:
        with tarfile.open(fileobj=stream, mode="w:gz") as archive:
            for name, text in files.items():
                info = tarfile.TarInfo(name)
                info.size = len(text.encode())
                archive.addfile(info, io.BytesIO(text.encode()))
    return stream.getvalue()


def npz(**arrays: np.ndarray) -> bytes:
    """An npz, with pickles where an array needs them."""
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    return stream.getvalue()


def parquet(**columns: list) -> bytes:
    """A parquet file."""
    return pd.DataFrame(columns).to_parquet()


FORMS = {
    "a.txt": "\n\n".join([*TEXTS, ""]).encode(),
    "a.txt.gz": gzip.compress("\r\n".join(TEXTS).encode()),
    "a.csv": pd.DataFrame({"id": range(4), "review": TEXTS}).to_csv(index=False).encode(),
    "a.jsonl": "".join(json.dumps({"text": text, "stars": 3}) + "\n" for text in TEXTS).encode(),
    "a.parquet": parquet(body=TEXTS, n=[1, 2, 3, 4]),
    "a.npz": npz(text=np.array(TEXTS, object)),
    "a.zip": packed("zip", {f"unsup/{i}.txt": text for i, text in enumerate(TEXTS)}),
    "a.tar.gz": packed("tar", {f"./x/unsup/{i + 8}_0.txt": TEXTS[i] for i in (3, 0, 2, 1)}),
}


@pytest.fixture
def build(tmp_path: Path) -> Callable[..., list[str]]:
    """Writes a file and builds the corpus from it; its texts."""

    def run(
        name: str, content: bytes, test: list[str] | None = None, label: str | None = None, **source: Any
    ) -> list[str]:
        (tmp_path / name).write_bytes(content)
        pd.DataFrame({"DATA_COLUMN": test or ["a test text"]}).to_parquet(tmp_path / "test.parquet")
        write_classes(tmp_path / "classes.json", ["neg", "pos"])
        corpus = tmp_path / "corpus.parquet"
        test_texts = source.pop("test_texts", "refuse")
        file = PublishedFile(tmp_path / name, "reviews", 10**9, label=label, labelled=False, **source)
        build_corpus(file, tmp_path / "test.parquet", tmp_path / "classes.json", corpus, test_texts)
        return frame_texts(corpus).tolist()

    return run


@pytest.mark.parametrize("name", FORMS)
def test_every_form_gives_its_texts_in_order(build: Callable[..., list[str]], name: str) -> None:
    """Whatever else stands in the file beside them."""
    assert build(name, FORMS[name]) == TEXTS


def test_only_the_texts_of_the_named_folder_are_read(build: Callable[..., list[str]]) -> None:
    """An archive holds more than texts without labels."""
    files = {
        "a/unsup/2.txt": "two",
        "a/unsup/10.txt": "ten",
        "a/pos/1.txt": "no",
        "a/README": "no",
        "a/unsup/x.feat": "no",
    }
    assert build("a.zip", packed("zip", files), folder="a/unsup/") == ["two", "ten"]
    with pytest.raises(BadInput, match=r"a.zip: 'unsup' \(dataset.unlabelled.reviews.folder\) has no text files; "):
        build("a.zip", packed("zip", files), folder="unsup")


def test_blank_texts_are_left_out(build: Callable[..., list[str]]) -> None:
    """There is nothing to learn from them."""
    assert build("a.parquet", parquet(text=["one", " \n", "", "two"])) == ["one", "two"]


def test_a_blank_test_text_makes_no_test_texts_of_blank_rows(build: Callable[..., list[str]]) -> None:
    """They are blank, and nothing is refused."""
    assert build("a.parquet", parquet(text=["one", " ", "two"]), test=["", "a test text"]) == ["one", "two"]


@pytest.mark.parametrize(
    ("name", "content"), [("a.txt", b""), ("a.txt", b"\n \n"), ("a.csv", b"text\n"), ("a.parquet", parquet(text=[" "]))]
)
def test_a_file_without_text_is_refused(build: Callable[..., list[str]], name: str, content: bytes) -> None:
    """In one sentence that names it."""
    with pytest.raises(BadInput, match=rf"{name}: (is empty|has no rows|all 1 texts are blank); "):
        build(name, content)


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.parquet", "a.npz"])
def test_a_file_with_a_column_of_labels_is_refused(build: Callable[..., list[str]], name: str) -> None:
    """Until the study names the column of the texts."""
    frame = pd.DataFrame({"text": TEXTS, "label": [0, 1, 0, 1]})
    content = {
        "a.csv": frame.to_csv(index=False).encode(),
        "a.jsonl": frame.to_json(orient="records", lines=True).encode(),
        "a.parquet": frame.to_parquet(),
        "a.npz": npz(text=np.array(TEXTS), label=np.arange(4)),
    }[name]
    with pytest.raises(BadInput, match=f"{name}: has a column 'label' of labels.*set dataset.unlabelled.reviews.text"):
        build(name, content)
    assert build(name, content, text="text") == TEXTS


def test_the_studys_own_column_of_labels_is_one_too(build: Callable[..., list[str]]) -> None:
    """Whatever it is called."""
    content = pd.DataFrame({"review": TEXTS, "stars": [1, 2, 3, 4]}).to_csv(index=False).encode()
    assert build("a.csv", content) == TEXTS
    with pytest.raises(BadInput, match="a column 'stars' of labels"):
        build("a.csv", content, label="stars")
    assert build("a.csv", FORMS["a.csv"], label="stars") == TEXTS


def test_labels_taken_for_texts_are_refused(build: Callable[..., list[str]]) -> None:
    """The names of the labels in whatever case; one such text among others is a text."""
    with pytest.raises(BadInput, match=r"2 of 3 texts are the name of a label, such as 'Pos'; name the column"):
        build("a.csv", b"opinion\nPos\nneg\nfine\n", text="opinion")
    assert build("a.csv", b"opinion\nPos\nnot bad\nfine\n", text="opinion") == ["Pos", "not bad", "fine"]


def test_test_texts_are_refused_with_both_rows(build: Callable[..., list[str]]) -> None:
    """Whatever their case and white space; or dropped, if the study says so."""
    content = b"first\nA  TEST text\nsecond\na test text\n"
    with pytest.raises(BadInput) as error:
        build("a.txt", content, test=["other", "a test text"])
    assert "a.txt, line 2: the text is that of row 2 of the test split, as are 1 more; nothing" in str(error.value)
    assert "set dataset.unlabelled.reviews.test_texts to drop" in str(error.value)
    assert build("a.txt", content, test=["other", "a test text"], test_texts="drop") == ["first", "second"]
    with pytest.raises(BadInput, match="row 1 of the test split; nothing may"):
        build("a.txt", "ﬁne café\n".encode(), test=["Fine cafe\u0301"])
    with pytest.raises(BadInput, match="all texts are test texts; give other texts"):
        build("a.txt", b"a test text\n", test_texts="drop")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"good\nbad \xff\n", "a.txt, line 2: the text is not valid UTF-8 (byte 0xff at character 4)"),
        (b"<!doctype html><p>", "a.txt: is a web page, not txt"),
    ],
)
def test_what_is_no_text_is_refused(build: Callable[..., list[str]], content: bytes, says: str) -> None:
    """The sentence names file and line."""
    with pytest.raises(BadInput) as error:
        build("a.txt", content)
    assert says in str(error.value)


def test_an_unknown_form_is_refused_with_the_key_to_set(build: Callable[..., list[str]]) -> None:
    """Texts without labels may also come a text per line."""
    with pytest.raises(BadInput, match=r"set dataset.unlabelled.reviews.format to one of .*txt"):
        build("a.xyz", b"one\n")
    assert build("a.xyz", b"one\ntwo\n", format="txt") == ["one", "two"]
