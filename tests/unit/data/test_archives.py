"""What lies in an archive beside its texts is none of them, and one without data is told by what it holds."""

import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bert_ladder.data.readers.forms import read_examples
from bert_ladder.data.readers.published import PublishedFile
from bert_ladder.runtime.jobs import BadInput

TEXTS = {f"d/{label}/{number}.txt": f"{label} {number}".encode() for label in ("neg", "pos") for number in (1, 2)}
ROWS = [("neg 1", "neg"), ("neg 2", "neg"), ("pos 1", "pos"), ("pos 2", "pos")]


def zipped(files: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return target.getvalue()


def tarred(files: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return target.getvalue()


@pytest.fixture(params=["zip", "tar"])
def read(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[..., list[Any]]:
    """Packs files and reads the archive; its rows, or its texts where it has no labels."""

    def run(files: dict[str, bytes], **options: Any) -> list[Any]:
        path = tmp_path / f"a.{request.param}"
        path.write_bytes((zipped if request.param == "zip" else tarred)(files))
        texts, labels, _ = read_examples(PublishedFile(path, "train", 10**8, **options))
        plain = [raw.decode() for raw in texts]
        return list(zip(plain, labels, strict=True)) if labels else plain

    return run


@pytest.mark.parametrize("options", [{}, {"folder": "d"}], ids=["found", "folder"])
@pytest.mark.parametrize(
    "name",
    ["d/.ipynb_checkpoints/1-checkpoint.txt", "d/.git/HEAD", ".git/a/1", "d/__MACOSX/1.txt", "__MACOSX/d/x/1.txt"],
)
def test_hidden_folders_are_no_classes(read: Callable[..., list], name: str, options: dict[str, Any]) -> None:
    """Whatever the files in them are called, and where two of them lie in one folder."""
    assert read(TEXTS | {name: b"x", name.replace("/a/", "/b/"): b"y"}, **options) == ROWS


def test_a_hidden_folder_is_read_where_the_study_names_it(read: Callable[..., list]) -> None:
    """Its class folders are not hidden themselves."""
    assert read({f".cache/{name}": content for name, content in TEXTS.items()}, folder=".cache/d") == ROWS


@pytest.mark.parametrize("name", ["d/pos/README", "d/neg/LICENSE", "d/pos/readme.txt", "d/docs/COPYING", "x/README"])
def test_what_tells_of_the_data_is_no_text(read: Callable[..., list], name: str) -> None:
    """Where the texts have a suffix; a folder of nothing else is no class, and no second folder of classes."""
    assert read(TEXTS | {name: b"about", "y/LICENSE": b"terms"}) == ROWS


def test_names_without_a_suffix_may_be_anything(read: Callable[..., list]) -> None:
    """Where no text has one, and notice.txt may be a text anywhere."""
    assert len(read({"neg/1": b"a", "pos/2": b"b", "pos/README": b"c"})) == 3
    assert len(read({"neg/1.txt": b"a", "pos/2.txt": b"b", "pos/notice.txt": b"c"})) == 3


def test_texts_without_labels_leave_out_the_same(read: Callable[..., list]) -> None:
    """Hidden folders and what tells of the data."""
    files = {"a/1.txt": b"one", "2.txt": b"two", "README": b"about", ".ipynb_checkpoints/1.txt": b"old"}
    assert sorted(read(files, labelled=False)) == ["one", "two"]


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({}, "is empty, or holds hidden files only; fetch it again"),
        ({"__MACOSX/._a": b""}, "is empty, or holds hidden files only"),
        ({"x/report.xlsx": b"PK"}, "holds 'x/report.xlsx', which is a spreadsheet; save it as CSV"),
        ({"a.docx": b""}, "holds 'a.docx', which is a document"),
        ({"b.zip": zipped({"c.zip": b""})}, "holds 'b.zip', which is packed itself; unpack it and give what it holds"),
        ({"b.tar.gz": b""}, "holds 'b.tar.gz', which is packed itself"),
    ],
)
@pytest.mark.parametrize("labelled", [True, False])
def test_an_archive_without_data_is_told_by_what_it_holds(
    read: Callable[..., list], files: dict[str, bytes], says: str, labelled: bool
) -> None:
    """With or without labels."""
    with pytest.raises(BadInput) as error:
        read(files, labelled=labelled)
    assert says in str(error.value)


@pytest.mark.parametrize(
    ("files", "says"),
    [
        (
            {"reviews.txt": b"a"},
            "holds 'reviews.txt' alone, not a folder of texts for each class; if it is a table, set ",
        ),
        (
            {"report.PDF": b"", "README": b"", "notes.txt": b""},
            "holds 'report.PDF', which is a document; save its table",
        ),
        ({"d/pos/1.txt": b"a", "d/pos/2.txt": b"b"}, "has one class folder only, 'd/pos'; a data set needs two"),
        (
            {"pos/1.txt": b"a", "pos/2.txt": b"b", "pos/3.txt": b"c", "unsup/1.txt": b"d", "about.pdf": b""},
            "has one class folder only, 'pos'; a data set needs two, side by side",
        ),
    ],
)
def test_texts_that_are_no_data_set_are_told(read: Callable[..., list], files: dict[str, bytes], says: str) -> None:
    """What is missing is said, not which folder to name."""
    with pytest.raises(BadInput) as error:
        read(files)
    assert says in str(error.value)
