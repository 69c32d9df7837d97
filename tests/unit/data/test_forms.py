"""What a published file is, is told by its bytes; packed files are read as what they hold."""

import bz2
import gzip
import io
import json
import lzma
import pickle
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bert_ladder.data.frames import read_npz
from bert_ladder.data.ingestion import build_npz
from bert_ladder.data.readers.forms import read_examples
from bert_ladder.data.readers.published import PublishedFile
from bert_ladder.files.folders import fetch_folder
from bert_ladder.runtime.jobs import BadInput

ROWS = [("a first text, with a comma", "pos"), ("the second one", "neg"), ("naïve — 日本語", "pos")]
FRAME = pd.DataFrame(ROWS, columns=["text", "label"])
CSV = FRAME.to_csv(index=False).encode()
XLSX = {"[Content_Types].xml": b"", "xl/workbook.xml": b""}


def zipped(files: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return target.getvalue()


def tarred(files: dict[str, bytes], mode: str = "w:gz") -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return target.getvalue()


def arrays() -> bytes:
    target = io.BytesIO()
    np.savez(target, text=FRAME["text"].to_numpy(str), label=FRAME["label"].to_numpy(str))
    return target.getvalue()


def stream() -> bytes:
    sink, table = pa.BufferOutputStream(), pa.table(FRAME)
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=2)
    return sink.getvalue().to_pybytes()


def feather() -> bytes:
    target = io.BytesIO()
    FRAME.to_feather(target)
    return target.getvalue()


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., list[tuple[str, Any]]]:
    """Writes a file and reads it; its rows."""

    def run(name: str, content: bytes, split: str = "train", **options: Any) -> list[tuple[str, Any]]:
        (tmp_path / name).write_bytes(content)
        options = {"max_bytes": 10**8} | options
        texts, labels, _ = read_examples(PublishedFile(tmp_path / name, split, **options))
        names = [label.decode() if isinstance(label, bytes) else label for label in labels]
        return list(zip([raw.decode() for raw in texts], names, strict=True))

    return run


PACKED = {
    "gzip": gzip.compress(CSV),
    "bzip2": bz2.compress(CSV),
    "xz": lzma.compress(CSV),
    "zstd": pa.compress(CSV, codec="zstd", asbytes=True),
    "zip": zipped({"data/reviews.csv": CSV}),
    "zip of gzip": zipped({"reviews.csv.gz": gzip.compress(CSV)}),
    "tar": tarred({"./data/reviews.csv": CSV}, "w:"),
    "tar.gz": tarred({"reviews.csv": CSV}),
    "zip with a parquet": zipped({"a/0.parquet": FRAME.to_parquet()}),
    "gzipped parquet": gzip.compress(FRAME.to_parquet()),
    "gzipped zip": gzip.compress(zipped({"reviews.csv": CSV})),
    "parquet": FRAME.to_parquet(),
    "npz": arrays(),
    "arrow": stream(),
    "feather": feather(),
    "array": FRAME.to_json(orient="records").encode(),
    "lines": FRAME.to_json(orient="records", lines=True).encode(),
}


@pytest.mark.parametrize("form", PACKED)
def test_bytes_tell_what_a_file_is(read: Callable[..., list], form: str) -> None:
    """Whatever its name ends in."""
    assert read("a.csv", PACKED[form]) == ROWS


@pytest.mark.parametrize(
    ("name", "form"),
    [
        *(("a.csv.bz2", "bzip2"), ("a.csv.xz", "xz"), ("a.csv.zst", "zstd"), ("a.zip", "zip"), ("a.tgz", "tar.gz")),
        *(("a", "parquet"), ("a.bin", "arrow"), ("a.feather", "feather"), ("a.json", "array"), ("a.json", "lines")),
        *(("a", "zip"), ("a.pq", "parquet"), ("a.parquet.gz", "gzipped parquet"), ("a.txt", "lines")),
        *(("a.ndjson", "lines"), ("a.ndjson.gz", "lines")),
    ],
)
def test_names_tell_or_need_not(read: Callable[..., list], name: str, form: str) -> None:
    """Forms with marks of their own need no name; a csv does, behind what packs it too."""
    assert read(name, PACKED[form]) == ROWS


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (zipped(XLSX), "is a spreadsheet; save it as CSV"),
        (zipped({"mimetype": b"application/vnd.oasis.opendocument.spreadsheet"}), "is a spreadsheet; save it as CSV"),
        (zipped({"Index/Document.iwa": b""}), "is a spreadsheet; save it as CSV"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504), "is a spreadsheet; save it as CSV"),
        (zipped({"[Content_Types].xml": b"", "word/document.xml": b""}), "is a document; save its table as CSV"),
        (b"%PDF-1.7\n", "is a document; save its table as CSV"),
        (pickle.dumps(FRAME), "is a pickle, which could run any code and is never opened; write its texts"),
        (b"SQLite format 3\0" + bytes(84), "is an SQLite database; export the table"),
        (b"\x89HDF\r\n\x1a\n" + bytes(84), "is an HDF5 file; write its texts and labels as parquet or csv"),
        (b"<?xml version='1.0'?><a/>", "is XML; write its texts and labels as csv or jsonl"),
        (b"7z\xbc\xaf\x27\x1c" + bytes(84), "is a 7z archive; unpack it"),
        (zipped({"a.xlsx": zipped(XLSX)}), "a.csv: holds 'a.xlsx', which is a spreadsheet; save it"),
        (gzip.compress(b"<?xml version='1.0'?><a/>"), "is XML"),
    ],
    ids=range(13),
)
@pytest.mark.parametrize("options", [{}, {"format": "csv"}], ids=["by itself", "format"])
def test_other_forms_are_told_with_what_to_do(
    read: Callable[..., list], content: bytes, says: str, options: dict
) -> None:
    """Whatever the name or the study says."""
    if options and "holds" in says:
        says = "a.csv/a.xlsx: is a spreadsheet"
    with pytest.raises(BadInput) as error:
        read("a.csv", content, **options)
    assert says in str(error.value)
    assert "a.csv" in str(error.value)


def test_a_format_that_the_bytes_deny_is_refused(read: Callable[..., list]) -> None:
    """The study and the file must agree where the file can tell."""
    with pytest.raises(BadInput, match=r"a.dat: is parquet, not csv; correct dataset.train.format or leave it out"):
        read("a.dat", FRAME.to_parquet(), format="csv")


# Archives -------------------------------------------------------------------------------------------------------------

KAGGLE = {"train.csv": CSV, "test.csv": CSV, "sample_submission.csv": b"id,label\n", "__MACOSX/._train.csv": b"\0"}


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_the_file_of_the_splits_name_is_read(read: Callable[..., list], pack: Callable[..., bytes]) -> None:
    """Of several; without a test split the study has to say which."""
    assert read("a.zip", pack(KAGGLE)) == ROWS
    with pytest.raises(
        BadInput, match=r"a.zip: holds several data files, 'sample_submission.csv', 'test.csv', 'train.csv'"
    ):
        read("a.zip", pack(KAGGLE), undivided=True)
    assert read("a.zip", pack(KAGGLE | {"x/b.tsv": b"text\tlabel\na\tb\n"}), file="x/b.tsv") == [("a", "b")]
    with pytest.raises(BadInput, match=r"has no file 'c.csv' \(dataset.train.file\); it has 'train.csv', 'test.csv'"):
        read("a.zip", pack(KAGGLE), file="c.csv")


def test_files_beside_the_data_do_not_disturb(read: Callable[..., list]) -> None:
    """What is hidden, of a system, or a few words about the data."""
    others = {
        "README.md": b"",
        "docs/about.txt": b"",
        "licence/LICENSE": b"",
        ".hidden.csv": b"",
        "__MACOSX/._a.csv": b"",
    }
    assert read("a.zip", zipped(others | {"data/a.csv": CSV})) == ROWS


def test_class_folders_with_a_table_beside_them_are_class_folders(read: Callable[..., list]) -> None:
    """Many texts in folders are the data; so are few if the study names their folder."""
    texts = {f"{label}/{number}.txt": b"a text" for label in ("neg", "pos") for number in range(5)}
    assert {label for _, label in read("a.zip", zipped(texts | {"meta.csv": b"id,size\n"}))} == {"neg", "pos"}
    few = {"x/neg/1.txt": b"bad", "x/pos/1.txt": b"good", "meta.csv": b"id,size\n"}
    assert read("a.zip", zipped(few), folder="x") == [("bad", "neg"), ("good", "pos")]


def test_a_file_without_an_ending_is_read_by_the_format(read: Callable[..., list]) -> None:
    """If it is alone."""
    assert read("a.zip", zipped({"collection": b"text\tlabel\na\tb\n"}), format="tsv") == [("a", "b")]


def test_a_message_names_the_file_and_what_lies_in_it(read: Callable[..., list]) -> None:
    """With the line there."""
    with pytest.raises(BadInput, match=r"a\.zip/bad\.csv, line 3: 1 field where the header has 2"):
        read("a.zip", zipped({"bad.csv": b"text,label\na,b\nonly\n"}))
    with pytest.raises(BadInput, match=r"a\.zip, x/bad\.csv, line 2: the text is not valid UTF-8"):
        read("a.zip", zipped({"x/bad.csv": b"text,label\n\xff,b\n"}))


@pytest.mark.parametrize("name", ["a.csv.bz2", "a.csv.xz", "a.csv.zst", "a.zip", "a.tgz", "a.parquet.gz"])
def test_what_is_unpacked_is_counted(read: Callable[..., list], name: str) -> None:
    """A small file may hold any number of bytes."""
    content = b"text,label\n" + b"a" * 10**6
    bombs = {
        "a.csv.bz2": bz2.compress(content),
        "a.csv.xz": lzma.compress(content),
        "a.csv.zst": pa.compress(content, codec="zstd", asbytes=True),
        "a.zip": zipped({"a.csv": content}),
        "a.tgz": tarred({"a.csv": content}),
        "a.parquet.gz": gzip.compress(b"PAR1\x15" + content),
    }
    with pytest.raises(BadInput, match=r"a\..*(100,000|1,048,576)"):
        read(name, bombs[name], max_bytes=10**5)


def test_packing_has_an_end(read: Callable[..., list]) -> None:
    """Zips in zips are not followed for ever."""
    content = zipped({"a.csv": CSV})
    for _ in range(4):
        content = zipped({"a.csv": content})
    with pytest.raises(BadInput, match="is packed more than 2 times; unpack it"):
        read("a.zip", content)


SHARDS = [f"train-{number:05}-of-00003.parquet" for number in range(3)]


def shards(names: list[str], **changes: bytes) -> dict[str, bytes]:
    """The rows of ROWS, one in each file."""
    return {name: FRAME.iloc[[row % 3]].to_parquet() for row, name in enumerate(names)} | changes


@pytest.mark.parametrize("pack", [zipped, tarred])
@pytest.mark.parametrize(
    "files",
    [
        shards(SHARDS),
        shards(["data/" + name for name in SHARDS] + ["data/test-00000-of-00001.parquet"]),
        shards([f"train/{number:04}.parquet" for number in range(3)] + ["test/0000.parquet"]),
        shards([f"part-{number:05}-c000.snappy.parquet" for number in range(3)]),
        shards([f"train/{name}" for name in SHARDS], **{"train/state.json": b"{}", "dataset_dict.json": b"{}"}),
    ],
    ids=["shards", "of splits", "folders", "parts", "described"],
)
def test_files_of_one_table_are_read_together(read: Callable[..., list], pack: Any, files: dict[str, bytes]) -> None:
    """In the order of their numbers, those of the split alone."""
    assert read("a.zip", pack(dict(reversed(files.items())))) == ROWS


def test_a_table_without_a_part_is_refused(read: Callable[..., list]) -> None:
    """And so is one whose parts differ, and files of years are no parts; each message names the file."""
    files = shards(SHARDS)
    del files[SHARDS[1]]
    with pytest.raises(BadInput, match=r"has 2 of the 3 parts of 'train-00000-of-00003\.parquet'; bring all of them"):
        read("a.zip", zipped(files))
    other = pd.DataFrame({"review": ["a"], "stars": [1]}).to_parquet()
    says = (
        "{}: has other columns than the parts before it, '{}' for the texts with '{}' for the labels and not 'text' for"
    )
    with pytest.raises(BadInput, match=says.format(SHARDS[2], "review", "stars")):
        read("a.zip", zipped(shards(SHARDS) | {SHARDS[2]: other}))
    capital = FRAME.rename(columns={"text": "Text"}).to_parquet()
    with pytest.raises(BadInput, match=says.format(SHARDS[1], "Text", "label")):
        read("a.zip", zipped(shards(SHARDS) | {SHARDS[1]: capital}))
    missing = pd.DataFrame({"text": ["a", None], "label": ["b", "c"]}).to_parquet()
    with pytest.raises(BadInput, match=rf"a\.zip, {SHARDS[1]}, row 2: the text is missing"):
        read("a.zip", zipped(shards(SHARDS) | {SHARDS[1]: missing}))
    with pytest.raises(BadInput, match=r"holds several data files, '2019\.csv', '2020\.csv'"):
        read("a.zip", zipped({"2019.csv": CSV, "2020.csv": CSV}))
    assert len(read("a.zip", zipped(shards(["a/0000.parquet", "b/0000.parquet", "b/0001.parquet"])), folder="b")) == 2


def test_no_unpacked_file_stays(read: Callable[..., list], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither after a reading nor after a refusal."""
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))
    assert read("a.zip", PACKED["zip"]) == ROWS
    with pytest.raises(BadInput):
        read("a.zip", zipped({"bad.csv": b"text,label\nonly\n"}))
    assert list((tmp_path / "scratch").iterdir()) == []


# Both splits in one file ----------------------------------------------------------------------------------------------


def both_splits(form: str) -> bytes:
    if form == "json":
        return json.dumps({split: [{"text": f"{split} text", "label": 1}] for split in ("train", "test")}).encode()
    target = io.BytesIO()
    np.savez(target, x_train=["train text"], y_train=[1], x_test=["test text"], y_test=[1])
    return target.getvalue()


@pytest.mark.parametrize("form", ["json", "npz"])
def test_a_test_part_of_its_own_is_not_passed_over(read: Callable[..., list], form: str) -> None:
    """Where a test split would be held out of the training part; each split is read where the study has both."""
    with pytest.raises(
        BadInput, match=r"holds a test part of its own \('(x_)?test'\), .*; give the same file as datase"
    ):
        read("a", both_splits(form), undivided=True)
    for split in ("train", "test"):
        assert read("a", both_splits(form), split) == [(f"{split} text", 1)]


def test_an_array_that_the_study_names_is_read_alone(read: Callable[..., list]) -> None:
    """Whatever else is there, as a file of an archive is that the study names."""
    assert read("a.npz", both_splits("npz"), undivided=True, text="x_train") == [("train text", 1)]


# Arrays that hold several labels --------------------------------------------------------------------------------------


def npz(**columns: Any) -> bytes:
    target = io.BytesIO()
    np.savez(target, **columns)
    return target.getvalue()


def objects(*values: Any) -> np.ndarray:
    array = np.empty(len(values), object)
    array[:] = values
    return array


@pytest.mark.parametrize("kind", [int, bool, str, object])
def test_a_column_per_class_is_told_in_npz(read: Callable[..., list], kind: type) -> None:
    """As in other forms, whatever the type."""
    flags = {name: np.array([[1, 0, 0], [0, 1, 1]][name == "b"]).astype(kind) for name in "abc"}
    content = npz(text=["one", "two", "three"], **flags)
    with pytest.raises(
        BadInput, match=r"'a', 'b', 'c' hold only 0 and 1, one column per class, and several labels per"
    ):
        read("a.npz", content)
    assert [label for _, label in read("a.npz", content, label="b")] == list(flags["b"])


def test_a_matrix_of_labels_and_lists_are_told_in_npz(read: Callable[..., list]) -> None:
    """With what to do."""
    says = r"array 'y': has shape \(2, 3\), one column per class, and several labels .*; write the class of each text"
    with pytest.raises(BadInput, match=says):
        read("a.npz", npz(x=["one", "two"], y=np.eye(3, dtype=int)[:2]))
    says = r"array 'y', row 2: holds list, not a plain string; several labels .*; write one label, not a list"
    with pytest.raises(BadInput, match=says):
        read("a.npz", npz(x=["one", "two"], y=objects("a", ["a", "b"])))
    with pytest.raises(
        BadInput, match="row 2: holds list, not a plain string; write one text, not a list or an object"
    ):
        read("a.npz", npz(x=objects("one", ["two"]), y=[0, 1]))


def test_only_small_arrays_are_looked_into(
    read: Callable[..., list], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No more than the first rows, no long pickle; nothing of it counts as read or is refused."""
    monkeypatch.setattr("bert_ladder.data.readers.npz.SAMPLE", 2)
    flags = {"a": objects(1, 0, 1), "b": objects(0, 1, 0)}
    with pytest.raises(BadInput, match="cannot tell which column holds the labels"):
        read("a.npz", npz(text=["one", "two", "three"], **flags))
    path = tmp_path / "b.npz"
    path.write_bytes(npz(text=["1", "2", "3"], stars=[0, 1, 0], other=["x" * 900] * 3, bad=objects(1, {})))
    file = PublishedFile(path, "train", 10**8)
    assert read_examples(file)[1] == [0, 1, 0]
    assert file.found.bytes < 1000


# JSON -----------------------------------------------------------------------------------------------------------------

OBJECTS = FRAME.to_dict("records")


@pytest.mark.parametrize("orient", ["records", "columns", "index", "split", "table"])
@pytest.mark.parametrize("indent", [None, 2])
def test_json_as_pandas_writes_it(read: Callable[..., list], orient: Any, indent: int | None) -> None:
    """In whatever way round, on one line or many."""
    assert read("a.json", FRAME.to_json(orient=orient, indent=indent, force_ascii=False).encode()) == ROWS


@pytest.mark.parametrize(
    "document",
    [
        {"data": OBJECTS},
        {"version": "1.0", "data": OBJECTS, "splits": ["train"]},
        {"train": OBJECTS, "test": OBJECTS[:1]},
        {"text": FRAME["text"].tolist(), "label": FRAME["label"].tolist()},
        {"id-1": OBJECTS[0], "id-2": OBJECTS[1], "id-3": OBJECTS[2]},
    ],
    ids=["data", "version", "splits", "columns", "by id"],
)
@pytest.mark.parametrize("indent", [None, 1])
def test_rows_inside_one_object(read: Callable[..., list], document: dict, indent: int | None) -> None:
    """They are found where there is one place for them."""
    assert read("a.json", json.dumps(document, indent=indent).encode()) == ROWS


def test_a_long_array_is_read_object_by_object(read: Callable[..., list]) -> None:
    """Objects that lie across the pieces that are read, and white space, change nothing."""
    rows = [{"text": f"{i} " + 'x\\" ]}é' * (i % 5000), "label": i % 2} for i in range(300)]
    for written in (json.dumps(rows), json.dumps(rows, indent=3, ensure_ascii=False), "\n \ufeff" + json.dumps(rows)):
        assert read("a.json", written.encode()) == [(row["text"], row["label"]) for row in rows]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b'[{"text": "a", "label": 1}, 7]', "row 2: is no object but '7]'; write one object per line"),
        (b'[{"text": "a", "label": 1} {"text": "b"}]', "row 2: not JSON (a comma is missing before '{')"),
        (b'[{"text": "a", "label": 1}', "a.json: ends within its array; it is cut: fetch it again"),
        (b'[{"text": "a", "label": 1}] x', "row 2: not JSON (something follows the array)"),
        (b'[{"text": "a", "label": tru}]', "row 1: not JSON"),
        (
            b'[{"text": "a", "label": 1%s}]' % (b"0" * 5000),
            "row 1: holds a number of more than 4,300 digits; write it in",
        ),
        (
            b'{"text": "a", "label": 1%s}' % (b"0" * 5000),
            "line 1: holds a number of more than 4,300 digits; write it in",
        ),
        (b'[["a", 1]]', "row 1: is no object but '[\"a\", 1]]'"),
        (b"[]", "a.json: has no rows"),
        (b"{}", "a.json: has no rows"),
        (b'{"train": [["a", "b"]]}', "a.json: is one object with the keys 'train', in which no rows can be told"),
        (b'{"a": [{"text": "a"}], "b": [{"text": "b"}]}', "is one object with the keys 'a', 'b', in which no rows"),
        (b'{\n "text": "a"\n}\n{\n "text": "b"\n}', "line 4: not JSON (Extra data"),
        (b'{"text": "a", "label": 1}\n{"text": "b", "label": 1\n', "line 2: not JSON"),
    ],
)
def test_bad_json_is_told(read: Callable[..., list], content: bytes, says: str) -> None:
    """With the row or line."""
    with pytest.raises(BadInput) as error:
        read("a.json", content)
    assert says in str(error.value)


def test_a_document_is_bounded(read: Callable[..., list], monkeypatch: pytest.MonkeyPatch) -> None:
    """One value is held in memory as a whole; an array of many is not."""
    monkeypatch.setattr("bert_ladder.data.readers.json_files.MAX_CHARACTERS", 100_000)
    monkeypatch.setattr("bert_ladder.data.readers.json_files._CHUNK", 1000)
    many = [{"text": "x" * 100, "label": 1}] * 2000
    assert len(read("a.json", json.dumps(many).encode())) == 2000
    for document in ({"data": many}, [{"text": "x" * 200_000, "label": 1}]):
        for indent in (None, 1):
            with pytest.raises(BadInput, match="has a JSON value of more than 100,000 characters"):
                read("a.json", json.dumps(document, indent=indent).encode())


# Encodings ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.json"])
def test_marked_encodings_are_read(read: Callable[..., list], name: str, encoding: str) -> None:
    """As a spreadsheet saves them."""
    text = CSV.decode() if name == "a.csv" else FRAME.to_json(orient="records", lines=name == "a.jsonl")
    assert read(name, text.encode(encoding)) == ROWS


def test_a_header_in_another_encoding_is_told(read: Callable[..., list]) -> None:
    """Before a column is looked for that cannot be found."""
    with pytest.raises(BadInput, match="line 1: is not valid UTF-8; save the file as UTF-8"):
        read("a.csv", "texte,catégorie\na,b\n".encode("latin-1"), label="catégorie")


# Arrow ----------------------------------------------------------------------------------------------------------------


def test_arrow_texts_are_checked_before_they_are_read(read: Callable[..., list]) -> None:
    """Offsets of a file that was written by a stranger may point anywhere."""
    good = stream()
    offsets = np.array([0, 26, 40], np.int64).tobytes()
    for place in (good.find(offsets), good.find(np.array([0, 26, 40], np.int32).tobytes())):
        if place >= 0:
            bad = bytearray(good)
            bad[place + 4 : place + 8] = b"\xff\xff\xff\x7f"
            with pytest.raises(BadInput, match=r"a\.arrow: cannot be read"):
                read("a.arrow", bytes(bad))
            return
    pytest.fail("the offsets were not found")


@pytest.mark.parametrize("codec", ["lz4", "zstd"])
def test_arrow_bombs_are_counted(read: Callable[..., list], codec: str) -> None:
    """Compressed buffers count by what they hold."""
    table, sink = pa.table({"text": ["a" * 1_000_000] * 4, "label": ["a", "b"] * 2}), pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression=codec)) as writer:
        writer.write_table(table, max_chunksize=1)
    with pytest.raises(BadInput, match="holds more than 2,000,000 uncompressed bytes"):
        read("a.feather", sink.getvalue().to_pybytes(), max_bytes=2_000_000)


# Names of classes -----------------------------------------------------------------------------------------------------


def hugging_face(labels: list[int], names: Any, kind: str = "ClassLabel") -> pa.Table:
    """A table as Hugging Face's datasets write it."""
    features = {"text": {"dtype": "string", "_type": "Value"}, "label": {"names": names, "_type": kind}}
    table = pa.table({"text": [f"text {row}" for row in range(len(labels))], "label": labels})
    return table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})


@pytest.mark.parametrize("form", ["parquet", "arrow"])
def test_names_of_classes_are_read(tmp_path: Path, form: str) -> None:
    """The codes stay, whatever order the names would have."""
    table = hugging_face([0, 1, 1, 0], ["unacceptable", "acceptable"])
    with (tmp_path / f"a.{form}").open("wb") as opened:
        if form == "parquet":
            pq.write_table(table, opened)
        else:
            with pa.ipc.new_stream(opened, table.schema) as writer:
                writer.write_table(table)
    build_npz(PublishedFile(tmp_path / f"a.{form}", "train", 10**8), tmp_path / "a.npz")
    data = read_npz(tmp_path / "a.npz")
    assert data.label.tolist() == [0, 1, 1, 0]
    assert data.class_names == ("unacceptable", "acceptable")


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        ([0, -1], "row 2: the label is -1, which stands for no label; drop such rows"),
        ([0, 7], "row 2: the label is 7, but the file names 2 classes; drop such rows"),
    ],
)
def test_codes_without_a_name_are_refused(read: Callable[..., list], labels: list[int], says: str) -> None:
    """-1 is how such data sets write that there is none."""
    target = io.BytesIO()
    pq.write_table(hugging_face(labels, ["a", "b"]), target)
    with pytest.raises(BadInput, match=says):
        read("a.parquet", target.getvalue())
    with pytest.raises(BadInput, match=r"leave `dataset.test` out"):
        read("a.parquet", target.getvalue(), split="test")


@pytest.mark.parametrize(
    ("names", "kind"), [(["a", "a"], "ClassLabel"), ([1, 2], "ClassLabel"), (None, "ClassLabel"), (["a", "b"], "Value")]
)
def test_names_that_are_none_are_passed_over(read: Callable[..., list], names: Any, kind: str) -> None:
    """Metadata of a stranger break nothing."""
    target = io.BytesIO()
    pq.write_table(hugging_face([0, 1], names, kind), target)
    assert [label for _, label in read("a.parquet", target.getvalue())] == [0, 1]


def test_a_data_set_saved_to_disk(tmp_path: Path) -> None:
    """As Hugging Face's datasets do it: streams of Arrow in a folder per split, described in JSON."""
    folder = tmp_path / "saved"
    for split, labels in (("train", [0, 1, 1]), ("test", [1, 0])):
        (folder / split).mkdir(parents=True)
        for name in ("state.json", "dataset_info.json"):
            (folder / split / name).write_text("{}")
        table = hugging_face(labels, ["neg", "pos"])
        path = folder / split / "data-00000-of-00001.arrow"
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
    (folder / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    fetch_folder(folder, tmp_path / "copy")
    for split, labels in (("train", [0, 1, 1]), ("test", [1, 0])):
        build_npz(PublishedFile(folder, split, 10**8, copy=tmp_path / "copy"), tmp_path / "a.npz")
        data = read_npz(tmp_path / "a.npz")
        assert data.label.tolist() == labels
        assert data.class_names == ("neg", "pos")
    with pytest.raises(BadInput, match=r"several data files, .*test/data-00000.*; set dataset\.train\.file"):
        read_examples(PublishedFile(folder, "train", 10**8, copy=tmp_path / "copy", undivided=True))


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_folder_of_class_folders(tmp_path: Path, split: str) -> None:
    """The same as when it is packed."""
    for part in ("train", "test"):
        for label in ("neg", "pos"):
            (tmp_path / "films" / part / label).mkdir(parents=True)
            (tmp_path / "films" / part / label / "1.txt").write_text(f"{part} {label}")
    fetch_folder(tmp_path / "films", tmp_path / "copy")
    texts, labels, _ = read_examples(PublishedFile(tmp_path / "films", split, 10**8, copy=tmp_path / "copy"))
    assert list(zip(texts, labels, strict=True)) == [(f"{split} {label}".encode(), label) for label in ("neg", "pos")]


# Texts that are not there ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["jsonl", "json", "parquet"])
def test_a_key_inside_what_is_null_is_missing(read: Callable[..., list], form: str) -> None:
    """As the text itself would be, in every form; a key that is not there at all is another fault."""
    rows = [{"review": {"in": {"body": body}} if body else None, "label": n} for n, body in enumerate(["a", "", "b"])]
    rows.append({"review": {"in": None}, "label": 3})
    target = io.BytesIO()
    if form == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), target)
    else:
        target.write(("\n".join(map(json.dumps, rows)) if form == "jsonl" else json.dumps(rows)).encode())
    options = {"text": "review.in.body", "label": "label"}
    with pytest.raises(BadInput, match=r"2: the text is missing, as are those of (row|line) 4; .*empty_texts to drop"):
        read("a", target.getvalue(), **options)
    assert read("a", target.getvalue(), **options, empty_texts="drop") == [("a", 0), ("b", 2)]
    with pytest.raises(BadInput, match=r"line 2: has no 'review.in.body'; give every line the same keys"):
        read("a", b'{"review": {"in": {"body": "a"}}, "label": 1}\n{"review": {}, "label": 1}', **options)


def test_classes_that_went_with_their_texts_are_told(
    read: Callable[..., list], caplog: pytest.LogCaptureFixture
) -> None:
    """A class of which some text is left is not."""
    with caplog.at_level("WARNING"):
        assert len(read("a.csv", b"text,label\na,x\n,x\nb,y\n,zzz\n, zzz\n,7\n,\n", empty_texts="drop")) == 2
    assert "train: no text is left of the classes '7', 'zzz': all were empty" in caplog.text


def test_words_for_a_missing_text_are_told(read: Callable[..., list], caplog: pytest.LogCaptureFixture) -> None:
    """They stay texts; one of a kind may be one."""
    words = ["nan"] * 20 + ["\\N"] * 2 + ["None", "NULL", "none", "none", "nan "]
    content = pd.DataFrame({"text": words, "label": 1}).to_json(orient="records").encode()
    with caplog.at_level("WARNING"):
        assert [text for text, _ in read("a.json", content)] == words
    told = [record.getMessage() for record in caplog.records]
    assert [line.partition(", a word")[0] for line in told] == [
        r"train: 2 texts are '\N'",
        "train: 20 texts are 'nan'",
    ]


def test_empty_texts_of_an_archive_are_told_as_such(read: Callable[..., list]) -> None:
    """There is no column to name."""
    with pytest.raises(
        BadInput, match="all 2 texts are missing or empty; give an archive whose text files hold someth"
    ):
        read("a.zip", zipped({"neg/1.txt": b"", "pos/1.txt": b" "}))
