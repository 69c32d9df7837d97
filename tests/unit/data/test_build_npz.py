"""build_npz: every published form to one safe npz, and one sentence for every bad file."""

import csv
import gzip
import hashlib
import io
import json
import lzma
import pickle
import pickletools
import struct
import subprocess
import sys
import tarfile
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from bert_ladder.data.frames import is_blank, read_npz
from bert_ladder.data.ingestion import HeldOut, build_npz, held_out_mask
from bert_ladder.data.readers.published import PublishedFile
from bert_ladder.data.splits import stratified_mask
from bert_ladder.files.unpickling import Exact, unpickle_strings
from bert_ladder.runtime.jobs import BadInput
from build_npz import main
from damage import damaged

SCRIPTS = Path(__file__).parents[3] / "scripts"
TEXTS = ["plain", "naïve — 日本語 😀", "x", 'two\nlines, a comma and a "quote"', "\ttab", "NA", "null", "nan", " 1.0 "]
LABELS = [1, 0, 1, 0, 1, 0, 1, 0, 1]
MAX_BYTES = 4 * 2**30


def built(
    path: Path,
    split: str = "train",
    source: dict | None = None,
    held_out: dict | None = None,
    max_bytes: int = MAX_BYTES,
    **options: Any,
) -> tuple[list[str], list[Any]]:
    """Texts and labels that build_npz makes of a file."""
    target = path.parent / "built.npz"
    file = PublishedFile(path, split, max_bytes, **(source or {}), **options)
    build_npz(file, target, HeldOut(**held_out) if held_out else None)
    data = read_npz(target)
    return list(data.texts()), data.label.tolist()


def write_csv(path: Path, texts: list[str], labels: list[Any], delimiter: str = ",") -> None:
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "wt", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerows([("text", "label"), *zip(texts, labels, strict=True)])


def write_jsonl(path: Path, texts: list[str], labels: list[Any]) -> None:
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "wt", encoding="utf-8") as file:
        for text, label in zip(texts, labels, strict=True):
            file.write(json.dumps({"text": text, "label": label}) + "\n")


def write_any(path: Path, texts: list[str], labels: list[Any]) -> None:
    """Write texts and labels in the form that the file's name tells."""
    form = path.name.partition(".")[2].removesuffix(".gz")
    if form in ("csv.xz", "csv.zip"):
        write_csv(path.with_name("whole.csv"), texts, labels)
        content = path.with_name("whole.csv").read_bytes()
        path.write_bytes(lzma.compress(content)) if form == "csv.xz" else write_archive(path, {"a.csv": content})
    elif form == "json":
        rows = [{"text": text, "label": label} for text, label in zip(texts, labels, strict=True)]
        path.write_text(json.dumps(rows), encoding="utf-8")
    elif form in ("arrow", "feather"):
        table = pa.table({"text": texts, "label": labels})
        with pa.OSFile(str(path), "wb") as sink:
            new = pa.ipc.new_stream if form == "arrow" else pa.ipc.new_file
            with new(sink, table.schema) as writer:
                writer.write_table(table, max_chunksize=3)
    elif form == "npz":
        np.savez(path, text=np.array(texts, dtype=object), label=np.array(labels))
    elif form in ("csv", "tsv"):
        write_csv(path, texts, labels, "," if form == "csv" else "\t")
    elif form == "jsonl":
        write_jsonl(path, texts, labels)
    else:
        pq.write_table(pa.table({"text": texts, "label": labels}), path)


def write_archive(path: Path, files: dict[str, bytes]) -> None:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return
    with tarfile.open(path, "w" if path.suffix == ".tar" else "w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


IMDB = {
    "aclImdb/README": b"about",
    "aclImdb/imdb.vocab": b"the\na\n",
    "aclImdb/train/urls_pos.txt": b"http://example.org\n",
    "aclImdb/train/labeledBow.feat": b"9 0:9\n",
    "aclImdb/train/unsup/0_0.txt": b"unlabelled",
    "aclImdb/train/unsup/1_0.txt": b"unlabelled too",
    "aclImdb/train/pos/10_9.txt": b"good ten",
    "aclImdb/train/pos/2_7.txt": "good two \u2013".encode(),
    "aclImdb/train/neg/1_1.txt": b"bad one",
    "aclImdb/train/neg/0_3.txt": b"bad zero",
    "aclImdb/test/neg/0_2.txt": b"bad test",
    "aclImdb/test/pos/0_10.txt": b"good test",
    "__MACOSX/aclImdb/train/neg/._0_3.txt": b"\x00\x05",
    "aclImdb/train/neg/.DS_Store": b"\xff",
}
IMDB_TRAIN = (["bad zero", "bad one", "good two \u2013", "good ten"], ["neg", "neg", "pos", "pos"])


# Forms ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["a.npz", "a.csv", "a.csv.gz", "a.tsv", "a.tsv.gz", "a.jsonl", "a.jsonl.gz", "a.parquet"],
)
@pytest.mark.parametrize("kind", ["int", "bool", "str"])
def test_every_form_keeps_texts_labels_and_order(tmp_path: Path, name: str, kind: str) -> None:
    """Each form gives the same rows in the same order, whatever the type of its labels."""
    labels = {"int": LABELS, "bool": [bool(x) for x in LABELS], "str": ["pos" if x else "neg" for x in LABELS]}[kind]
    expected = [str(value).lower() for value in labels] if kind == "bool" else labels
    write_any(tmp_path / name, TEXTS, labels)
    assert built(tmp_path / name) == (TEXTS, expected)


@pytest.mark.parametrize(
    "array",
    [
        np.array(["é", "y", "x"]),
        np.array(["é", "y", "x"]).astype(">U3"),
        np.array([["é"], ["y"], ["x"]]),
        np.array(["é".encode(), b"y", b"x"]),
        np.array(["é", "y", "x"], dtype=object),
        np.array(["é".encode(), b"y", b"x"], dtype=object),
        np.array([np.str_("é"), np.bytes_(b"y"), "x"], dtype=object),
        np.array([["é"], ["y"], ["x"]], dtype=object),
    ],
    ids=["U", "big-endian", "column", "S", "object-str", "object-bytes", "object-scalars", "object-column"],
)
def test_npz_arrays_in_the_wild(tmp_path: Path, array: np.ndarray) -> None:
    """Unicode, byte and object arrays of strings are all read."""
    np.savez_compressed(tmp_path / "a.npz", text=array, label=np.array([0, 1, 1], dtype=np.uint8))
    assert built(tmp_path / "a.npz") == (["é", "y", "x"], [0, 1, 1])


@pytest.mark.parametrize(
    ("protocol", "core"),
    [*((protocol, b"numpy._core") for protocol in range(6)), *((p, b"numpy.core") for p in range(4))],
)
def test_pickles_of_every_protocol(protocol: int, core: bytes) -> None:
    """Object arrays pickled by NumPy 1 and 2 in any protocol give their strings, shared ones included."""
    twice = "shared " * 50
    values = ["é", twice, twice, b"bytes \xff", 3, 2.5, True, None, np.str_("ü"), np.int64(7), np.bool_(True)]
    raw = pickle.dumps(np.array(values, dtype=object), protocol=protocol)
    # NumPy 1 writes protocol 3 at most; from 4 on a name's length stands before it.
    raw = raw.replace(b"numpy._core", core)
    stream = Exact(io.BytesIO(raw), len(raw))
    assert unpickle_strings(stream, len(values), "here") == values


def test_python_2_strings_are_bytes() -> None:
    """A pickle by Python 2 holds byte strings, which are checked as UTF-8 like any others."""
    state = b"(I1\n(I2\ntcnumpy\ndtype\n(S'O8'\nI0\nI1\ntRI00\n(lp1\nS'abc'\naU\x03\xc3\xa9!atb."
    raw = b"\x80\x02cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR" + state
    stream = Exact(io.BytesIO(raw), len(raw))
    assert unpickle_strings(stream, 2, "here") == [b"abc", "é!".encode()]


def test_parquet_of_pandas_with_categories(tmp_path: Path) -> None:
    """A data frame with a categorical label and an index column is read."""
    frame = pd.DataFrame({"review": ["a", "b", "a"], "label": pd.Categorical(["x", "y", "x"])}, index=[3, 1, 2])
    frame.to_parquet(tmp_path / "a.parquet")
    assert built(tmp_path / "a.parquet") == (["a", "b", "a"], ["x", "y", "x"])


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_csv_of_a_spreadsheet(tmp_path: Path, ending: str) -> None:
    """A byte-order mark, either line ending, blank lines and an unnamed row column do not disturb."""
    lines = [",opinion,sentiment", '0,"one, ""two""",good', "", "1,three,bad", ""]
    (tmp_path / "a.csv").write_bytes("\ufeff".encode() + ending.join(lines).encode())
    assert built(tmp_path / "a.csv") == (['one, "two"', "three"], ["good", "bad"])


@pytest.mark.parametrize(
    ("content", "texts"),
    [
        ('text\tlabel\n"Hello" he said\t1\nsay "no"\t0\n', ['"Hello" he said', 'say "no"']),
        ('text\tlabel\n"a ""b"" c"\t1\n"d"\t0\n', ['a "b" c', "d"]),
        ('text\tlabel\n"a\tb"\t1\n"c\nd"\t0\n', ["a\tb", "c\nd"]),
        ('text\tlabel\n"open\t1\nclose"\t0\n', ['"open', 'close"']),
    ],
    ids=["plain quotes", "quoted", "quoted separators", "plain quotes over lines"],
)
def test_tsv_with_and_without_quoting(tmp_path: Path, content: str, texts: list[str]) -> None:
    """Quotes are plain characters in a tsv file whose lines show that it never quotes."""
    (tmp_path / "a.tsv").write_text(content)
    assert built(tmp_path / "a.tsv") == (texts, [1, 0])


@pytest.mark.parametrize("name", ["a.tar.gz", "a.tgz", "a.tar", "a.zip"])
@pytest.mark.parametrize(
    "source",
    [{}, {"folder": "aclImdb/train"}, {"folder": "./aclImdb/train/", "classes": ["neg", "pos"]}],
    ids=["found", "folder", "classes"],
)
def test_archive_of_class_folders(tmp_path: Path, name: str, source: dict) -> None:
    """The archive of IMDB's layout gives its labelled reviews only, in the order of classes and numbers."""
    write_archive(tmp_path / name, IMDB)
    assert built(tmp_path / name, source=source) == IMDB_TRAIN


def test_archive_rows_do_not_depend_on_packing(tmp_path: Path) -> None:
    """The same folders packed in another order give the same rows."""
    write_archive(tmp_path / "a.tar.gz", dict(reversed(IMDB.items())))
    assert built(tmp_path / "a.tar.gz", source={"folder": "aclImdb/train"}) == IMDB_TRAIN


def test_archive_gives_the_split_of_its_name(tmp_path: Path) -> None:
    """With no folder set, the folder that is called like the split is read."""
    write_archive(tmp_path / "a.zip", IMDB)
    assert built(tmp_path / "a.zip", split="test") == (["bad test", "good test"], ["neg", "pos"])


def test_archive_classes_select(tmp_path: Path) -> None:
    """An unlabelled folder is a class when the study says so, and only then."""
    write_archive(tmp_path / "a.tar.gz", IMDB)
    texts, labels = built(tmp_path / "a.tar.gz", source={"folder": "aclImdb/train", "classes": ["neg", "unsup"]})
    assert labels == ["neg", "neg", "unsup", "unsup"]
    assert texts[2:] == ["unlabelled", "unlabelled too"]


def test_archive_at_its_root(tmp_path: Path) -> None:
    """Class folders at the root, files without a suffix and names with dots (20 Newsgroups) are read."""
    write_archive(tmp_path / "a.tar", {"./alt.atheism/49960": b"a", "./sci.space/59870": b"b", "./sci.space/101": b"c"})
    assert built(tmp_path / "a.tar") == (["a", "c", "b"], ["alt.atheism", "sci.space", "sci.space"])


def test_archive_is_not_followed_out(tmp_path: Path) -> None:
    """Links in an archive are not followed."""
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for name in ("neg/1.txt", "pos/1.txt"):
            info = tarfile.TarInfo(name)
            info.size = 1
            archive.addfile(info, io.BytesIO(b"x"))
        link = tarfile.TarInfo("pos/2.txt")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
        archive.addfile(link)
    assert built(tmp_path / "a.tar") == (["x", "x"], ["neg", "pos"])


def test_format_of_the_study_overrides_the_name(tmp_path: Path) -> None:
    """A file whose name tells nothing is read as the study says, gzipped or not."""
    for packed in (False, True):
        content = b"text,label\na,1\nb,0\n"
        (tmp_path / "download").write_bytes(gzip.compress(content) if packed else content)
        assert built(tmp_path / "download", source={"format": "csv"}) == (["a", "b"], [1, 0])


# Columns and labels ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "columns",
    [
        {"text": TEXTS, "label": LABELS, "rating": [7] * 9},
        {"Review": TEXTS, "Sentiment": LABELS, "id": list(range(9))},
        {"x": TEXTS, "y": LABELS},
        {"x_train": TEXTS, "y_train": LABELS, "x_test": TEXTS, "y_test": LABELS},
        {"utterances": TEXTS, "intent": LABELS},
        {"headline": TEXTS, "class": LABELS, "length": [1] * 9},
    ],
    ids=lambda columns: "-".join(columns),
)
def test_columns_are_found(tmp_path: Path, columns: dict[str, list]) -> None:
    """Well-known names, or the only string column and the only other one, need no setting."""
    np.savez(tmp_path / "a.npz", **{name: np.array(values) for name, values in columns.items()})
    assert built(tmp_path / "a.npz") == (TEXTS, LABELS)


def test_columns_of_the_study_win(tmp_path: Path) -> None:
    """The study's names are taken although others are well known."""
    frame = pd.DataFrame({"text": ["a", "b"], "label": [0, 1], "title": ["c", "d"], "topic": [2, 3]})
    frame.to_csv(tmp_path / "a.csv", index=False)
    assert built(tmp_path / "a.csv", text="title", label="topic") == (["c", "d"], [2, 3])
    assert built(tmp_path / "a.csv", text="label", label="text") == (["0", "1"], ["a", "b"])


def test_duplicate_ids_are_no_keys(tmp_path: Path) -> None:
    """Rows of one id, or of none, are rows: a column of ids is passed over."""
    (tmp_path / "a.csv").write_text("id,text,label\n7,a,1\n7,a,0\n,b,0\n")
    assert built(tmp_path / "a.csv") == (["a", "a", "b"], [1, 0, 0])


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["1.0", "2.00"], [1, 2]),
        (["-1", "10"], [-1, 10]),
        (["True", "false"], ["true", "false"]),
        (["01", "1"], ["01", "1"]),
        (["1", "two"], ["1", "two"]),
        (["99999999999999999999", "1"], ["99999999999999999999", "1"]),
    ],
)
def test_labels_of_a_text_file(tmp_path: Path, given: list[str], expected: list[Any]) -> None:
    """Numbers and booleans are known as such where all labels are, and nothing else is touched."""
    write_csv(tmp_path / "a.csv", ["a", "b"], given)
    assert built(tmp_path / "a.csv") == (["a", "b"], expected)


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.array([1.0, 2.0]), [1, 2]),
        (np.array([True, False]), ["true", "false"]),
        (np.array([b"caf\xc3\xa9", b"x"]), ["café", "x"]),
        (np.array(["pos", "neg"], dtype=object), ["pos", "neg"]),
        (np.array([2**63 - 1, 0], dtype=np.uint64), [2**63 - 1, 0]),
        (np.array(["10", "9"]), ["10", "9"]),
    ],
    ids=["float", "bool", "bytes", "object", "uint64", "digits"],
)
def test_labels_of_an_array(tmp_path: Path, array: np.ndarray, expected: list[Any]) -> None:
    """Whole floats are numbers, booleans are "true" and "false", bytes are text."""
    np.savez(tmp_path / "a.npz", text=np.array(["a", "b"]), label=array)
    assert built(tmp_path / "a.npz") == (["a", "b"], expected)


def test_label_dtype_of_the_safe_npz(tmp_path: Path) -> None:
    """Numbers are stored as int64, names as fixed-width strings, and no object array stays."""
    for labels, kind in ((LABELS, "i"), (["p", "negative"], "U")):
        texts = TEXTS[: len(labels)]
        write_any(tmp_path / "a.npz", texts, labels)
        built(tmp_path / "a.npz")
        with np.load(tmp_path / "built.npz", allow_pickle=False) as arrays:
            assert {name: arrays[name].dtype.str for name in ("text", "offsets")} == {"text": "|u1", "offsets": "<i8"}
            assert arrays["label"].dtype.kind == kind


# Hostile pickles ------------------------------------------------------------------------------------------------------


class _Runs:
    """Pickles to a call of `open(path, "w")`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return open, (str(self.path), "w")


def write_pickled(path: Path, raw: bytes, rows: int = 1) -> None:
    """Write an npz whose text array is an object array with `raw` as its pickle."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|O", "fortran_order": False, "shape": (rows,)})
    label = io.BytesIO()
    np.save(label, np.zeros(rows, dtype=np.int64))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("text.npy", header.getvalue() + raw)
        archive.writestr("label.npy", label.getvalue())


@pytest.mark.parametrize("protocol", range(6))
def test_pickle_never_runs(tmp_path: Path, protocol: int) -> None:
    """A pickle whose loading would create a file is refused and creates none."""
    trap = tmp_path / "created"
    array = np.array([_Runs(trap), "x"], dtype=object)
    np.load(io.BytesIO(_npy_bytes(array, protocol)), allow_pickle=True)
    assert trap.exists()
    trap.unlink()
    write_pickled(tmp_path / "a.npz", pickle.dumps(array, protocol=protocol), rows=2)
    with pytest.raises(BadInput, match=r"a\.npz, array 'text': holds pickled data .*the name '.*open'.*nothing of it"):
        built(tmp_path / "a.npz")
    assert not trap.exists()


def _npy_bytes(array: np.ndarray, protocol: int) -> bytes:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|O", "fortran_order": False, "shape": array.shape})
    return header.getvalue() + pickle.dumps(array, protocol=protocol)


ARRAY = b"cnumpy.core.multiarray\n_reconstruct\n"
NDARRAY = b"cnumpy\nndarray\n"
DTYPE = b"cnumpy\ndtype\n"
ENCODE = b"c_codecs\nencode\n"
SCALAR = b"cnumpy.core.multiarray\nscalar\n"
LONG = struct.Struct("<q")
OBJECT = DTYPE + b"(U\x02O8I0\nI1\ntR"
DOUBLED = b"Nq\x00" + b"h\x00h\x00\x86q\x00" * 60  # 2 ** 60 items when written out
HUGE = b"\x8b" + struct.pack("<i", 10_000) + b"\x01" * 10_000
SHELL = ARRAY + b"(" + NDARRAY + b"(I0\ntU\x01btR"


@pytest.mark.parametrize(
    "raw",
    [
        b"cos\nsystem\n(U\x04truetR.",
        b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93\x8c\x011\x85R.",
        b"(U\x04trueios\nsystem\n.",
        b"(cos\nsystem\nU\x04trueo.",
        b"\x80\x02" + NDARRAY + b"(I1000000000000\nt\x81.",
        b"\x80\x02" + NDARRAY + b"(I1000000000000\ntR.",
        b"\x80\x02" + ARRAY + b"(" + NDARRAY + b"(I1000000000000\ntU\x02f8tR.",
        b"\x80\x02" + DTYPE + b"(U\x0cV10000000000tR.",
        b"\x80\x02" + DTYPE + b"(U\x0aU999999999tR.",
        b"\x80\x02" + SCALAR + b"(" + DTYPE + b"(U\x0aU999999999tRU\x01atR.",
        b"\x80\x02" + SCALAR + b"(" + OBJECT + b"U\x01atR.",
        b"\x80\x02" + ENCODE + b"(X\x01\x00\x00\x00aU\x04zliptR.",
        b"\x80\x04\x8e" + LONG.pack(2**40) + b"x.",
        b"\x80\x04\x8d" + LONG.pack(2**62) + b"x.",
        b"\x80\x05\x96" + LONG.pack(2**40) + b"x.",
        b"\x80\x04\x95" + LONG.pack(2**62) + b"N.",
        b"\x80\x02Nr\xff\xff\xff\x7f.",
        b"\x80\x02h\x05.",
        b"\x80\x02P5\n.",
        b"\x80\x02\x82\x01.",
        b"\x80\x02}U\x01aNs.",
        b"(" * 100_000 + b"t" * 100_000 + b".",
        b"\x80\x02" + SHELL + b"(I1\n(I5\nt" + OBJECT + b"I00\n(lNatb.",
        b"\x80\x02" + SHELL + b"(I1\n(I1\nt" + OBJECT + b"I00\n(l(lNaatb.",
        b"\x80\x02" + SHELL + b"(I1\n(I1\nt" + DTYPE + b"(U\x02f8tRI00\nU\x08aaaaaaaatb.",
        b"\x80\x02" + SHELL + b"(I1\n(I999999999\nX\x04\x00\x00\x00aaaat" + OBJECT + b"I00\n(lNatb.",
        b"\x80\x02" + SHELL + b"(I1\n(" + HUGE * 50 + b"t" + OBJECT + b"I00\n(lNatb.",
        b"\x80\x02" + SHELL + b"(I1\n" + DOUBLED + OBJECT + b"I00\n(lNatb.",
        b"\x80\x04" + DOUBLED + b"\x8c\x01a\x93.",
        b"\x80\x02" + DTYPE + DOUBLED + b"R.",
        b"\x80\x02" + SHELL + b"}U\x0b__setstate__Nsb.",
        b"\x80\x02" + NDARRAY + b"}b.",
        b"I" + b"9" * 100_000 + b"\n.",
        b"U\x01a.",
        b"",
        b".",
        b"a.",
        b"\xff\xfe\xfd",
        b"t.",
        b"R.",
    ],
)
def test_hostile_pickles_are_refused(tmp_path: Path, raw: bytes) -> None:
    """Forbidden names, forbidden calls, absurd sizes and broken stacks all end in one sentence."""
    write_pickled(tmp_path / "a.npz", raw)
    with pytest.raises(BadInput, match="array 'text'") as caught:
        built(tmp_path / "a.npz")
    assert len(str(caught.value)) < 700


def test_hostile_pickle_reserves_no_memory(tmp_path: Path) -> None:
    """A few bytes that announce terabytes, or a far memo index, do not make the job grow."""
    far_memo = b"\x80\x02" + SHELL + b"r\xff\xff\xff\x7f(I1\n(I1\nt" + OBJECT + b"I00\n(lU\x01aatb."
    write_pickled(tmp_path / "a.npz", far_memo)
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_DATA, (2**31, 2**31));"
        "from pathlib import Path; from bert_ladder.data.ingestion import build_npz;"
        "from bert_ladder.data.readers.published import PublishedFile;"
        "build_npz(PublishedFile(Path(sys.argv[1]), 'train', 10**9), sys.argv[2])"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path / "a.npz", tmp_path / "b.npz"], cwd=SCRIPTS, check=True)
    assert list(read_npz(tmp_path / "b.npz").texts()) == ["a"]


def test_copies_of_a_remembered_string_are_bounded(tmp_path: Path) -> None:
    """A pickle cannot grow by encoding one long remembered string again and again."""
    long = b"X" + struct.pack("<I", 100_000) + b"a" * 100_000 + b"q\x01"
    again = ENCODE + b"q\x02(h\x01U\x06latin1tR" + b"0h\x02(h\x01U\x06latin1tR" * 50
    write_pickled(tmp_path / "a.npz", b"\x80\x02" + long + again.replace(b"tR0", b"tR") + b".")
    with pytest.raises(BadInput, match="more text than the file has bytes"):
        built(tmp_path / "a.npz")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 400), value=st.integers(0, 255))
def test_flipped_bytes_never_crash(tmp_path: Path, place: int, value: int) -> None:
    """A pickle with any one byte changed is read or refused in one sentence; nothing else happens."""
    raw = bytearray(pickle.dumps(np.array(["one", b"two", None, 3, np.str_("four")], dtype=object), protocol=2))
    raw[place % len(raw)] = value
    stream = Exact(io.BytesIO(raw), len(raw))
    try:
        assert len(unpickle_strings(stream, 5, "here")) == 5
    except BadInput as error:
        assert str(error).startswith("here")


def test_the_pickles_above_are_what_numpy_writes() -> None:
    """The opcodes that are admitted suffice for NumPy's own object arrays (guards the tests' own premise)."""
    raw = pickle.dumps(np.array(["a"], dtype=object), protocol=4)
    assert {"STACK_GLOBAL", "REDUCE", "BUILD"} <= {opcode.name for opcode, _, _ in pickletools.genops(raw)}


# Bad files ------------------------------------------------------------------------------------------------------------


def _npz(**arrays: Any) -> Callable[[Path], None]:
    return lambda path: np.savez(path, **{name: np.asarray(values) for name, values in arrays.items()})


def _raw(content: bytes | str) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(content.encode() if isinstance(content, str) else content) and None


def _objects(*values: Any) -> np.ndarray:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _cut_npz(path: Path) -> None:
    np.savez(path, text=np.array(TEXTS), label=np.array(LABELS))
    path.write_bytes(path.read_bytes()[:-300])


def _flipped_npz(path: Path) -> None:
    np.savez(path, text=np.array(["aaaaaaaa"] * 100), label=np.zeros(100, int))
    content = bytearray(path.read_bytes())
    content[content.index(b"a\0\0\0a\0\0\0")] = ord("b")
    path.write_bytes(content)


def _absurd_npz(path: Path, descr: str = "<U5", rows: int = 10**15) -> None:
    member = io.BytesIO()
    np.lib.format.write_array_header_1_0(member, {"descr": descr, "fortran_order": False, "shape": (rows,)})
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("text.npy", member.getvalue() + b"abc")
        archive.writestr("label.npy", member.getvalue() + b"abc")


def _bomb_npz(path: Path) -> None:
    header = io.BytesIO()
    rows = 2_000_000
    np.lib.format.write_array_header_1_0(header, {"descr": "|S1", "fortran_order": False, "shape": (rows,)})
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("text.npy", header.getvalue() + b"a" * rows)
        archive.writestr("label.npy", header.getvalue() + b"a" * rows)


def _npz_packed(path: Path, method: int) -> None:
    member = io.BytesIO()
    np.save(member, np.array(["a"]))
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("text.npy", member.getvalue())


def _encrypted_npz(path: Path) -> None:
    _npz(text=["a", "b"], label=[0, 1])(path)
    content = bytearray(path.read_bytes())
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + flags] |= 1
    path.write_bytes(content)


def _broken_header_npz(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("text.npy", b"\x93NUMPY\x01\x00\x10\x00__import__('os')")


def _surrogate_npz(path: Path) -> None:
    _npz(text=["ab", "c\ud800"], label=[0, 1])(path)


def _bad_code_point_npz(path: Path) -> None:
    array = np.array(["aa", "bb"])
    array.view(np.uint32)[2] = 0x110000
    np.savez(path, text=array, label=[0, 1])


def _zip_with_name(name: bytes, as_written: str) -> Callable[[Path], None]:
    """A zip of class folders with a member whose name zipfile would not write."""

    def write(path: Path) -> None:
        write_archive(path, CLASS_FOLDERS | {as_written: b"c"})
        path.write_bytes(path.read_bytes().replace(as_written.encode(), name))

    return write


def _parquet_with_name(name: bytes) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        _parquet(text=["a", "b"], label=[0, 1])(path)
        path.write_bytes(path.read_bytes().replace(b"text", name))

    return write


def _parquet_twice(path: Path) -> None:
    columns = [pa.array(["a"]), pa.array(["b"]), pa.array([1])]
    pq.write_table(pa.Table.from_arrays(columns, names=["text", "text", "label"]), path)


def _parquet(**columns: Any) -> Callable[[Path], None]:
    return lambda path: pq.write_table(pa.table(columns), path)


def _invalid_parquet(path: Path) -> None:
    text = pa.Array.from_buffers(
        pa.string(), 2, [None, pa.py_buffer(np.array([0, 1, 3], np.int32)), pa.py_buffer(b"a\xff!")]
    )
    pq.write_table(pa.table({"text": text, "label": [0, 1]}), path)


def _long_header_tar(path: Path) -> None:
    with tarfile.open(path, "w:gz", format=tarfile.PAX_FORMAT) as archive:
        info = tarfile.TarInfo("neg/1.txt")
        info.pax_headers = {"comment": "x" * 5_000_000}
        archive.addfile(info)


def _tar(files: dict[str, bytes]) -> Callable[[Path], None]:
    return lambda path: write_archive(path, files)


def _cut_tar(path: Path) -> None:
    write_archive(path, {f"{label}/{i}.txt": bytes(range(256)) * 9 for label in ("a", "b") for i in range(9)})
    path.write_bytes(path.read_bytes()[: -path.stat().st_size // 2])


CLASS_FOLDERS = {"neg/1.txt": b"a", "pos/1.txt": b"b"}
BAD_FILES: dict[str, tuple[str, Callable[[Path], None], dict[str, Any], str]] = {
    "unknown suffix": ("a.xlsx", _raw("x"), {}, r"its name does not tell its format; set dataset\.train\.format to"),
    "unknown format": (
        "a.csv",
        _raw("x"),
        {"source": {"format": "xls"}},
        r"train\.format: found 'xls'; give one of csv",
    ),
    "empty file": ("a.csv", _raw(""), {}, r"a\.csv: is empty; fetch it again"),
    "web page": ("a.npz", _raw("\n<!DOCTYPE html><p>Sign in"), {}, "is a web page, not npz; give the address"),
    "not an npz": ("a.npz", _raw("hello"), {}, r"a\.npz: cannot be read \(File is not a zip file\)"),
    "cut npz": ("a.npz", _cut_npz, {}, r"a\.npz: cannot be read"),
    "damaged npz": ("a.npz", _flipped_npz, {}, r"a\.npz: cannot be read \(Bad CRC-32"),
    "npz without arrays": (
        "a.npz",
        lambda p: write_archive(p.with_suffix(".zip"), {"x": b""}) or p.with_suffix(".zip").rename(p),
        {},
        "holds no arrays",
    ),
    "absurd shape": ("a.npz", _absurd_npz, {}, r"promises 1,000,000,000,000,000 rows of <U5, but 3 bytes follow"),
    "no width": ("a.npz", lambda p: _absurd_npz(p, "|S0"), {}, r"array 'text': its header promises"),
    "absurd objects": ("a.npz", lambda p: _absurd_npz(p, "|O"), {}, r"promises .* rows of object, but 3 bytes follow"),
    "bomb npz": ("a.npz", _bomb_npz, {"max_bytes": 1000}, "holds more than 1,000 uncompressed bytes"),
    "odd packing": (
        "a.npz",
        lambda p: _npz_packed(p, zipfile.ZIP_BZIP2),
        {},
        "text.npy: is packed by method 12; pack it",
    ),
    "encrypted": ("a.npz", _encrypted_npz, {}, "is encrypted; give a file without a password"),
    "broken header": ("a.npz", _broken_header_npz, {}, r"array 'text': its header cannot be read"),
    "structured": (
        "a.npz",
        _npz(text=np.zeros(2, "U2,i4"), label=[0, 1]),
        {"text": "text"},
        "one text per row is needed",
    ),
    "matrix": ("a.npz", _npz(text=[["a", "b"]] * 2, label=[0, 1]), {"text": "text"}, r"has shape \(2, 2\)"),
    "token ids": ("a.npz", _npz(x=[1, 2], y=[0, 1]), {"text": "x"}, "array 'x': holds int64, not texts; name another"),
    "lists of ids": ("a.npz", _npz(x=_objects([1, 2], [3]), y=[0, 1]), {}, "array 'x', row 1: holds list, not a plain"),
    "dates as labels": (
        "a.npz",
        _npz(text=["a"], label=np.array(["2020"], "M8[Y]")),
        {},
        "not labels; name another array",
    ),
    "lengths differ": ("a.npz", _npz(text=["a", "b"], label=[0]), {}, "'text' has 2 rows and 'label' 1; give a label"),
    "no such key": (
        "a.npz",
        _npz(a=["x"], b=[1]),
        {"text": "c"},
        r"has no 'c' \(dataset.text\); it has the arrays 'a' \(1 <U1\), 'b' \(1 int64\): name",
    ),
    "no such label": ("a.npz", _npz(a=["x"], b=[1]), {"label": "c"}, r"has no 'c' \(dataset.label\)"),
    "same column": ("a.npz", _npz(a=["x"], b=[1]), {"text": "a", "label": "a"}, "both are 'a'"),
    "ambiguous text": (
        "a.csv",
        _raw("text,review,label\na,b,1\n"),
        {},
        "'text' and 'review' could both hold the texts, it has the columns 'text', 'review', 'label'; set dataset.text",
    ),
    "ambiguous label": (
        "a.csv",
        _raw("text,stars,topic\na,b,1\n"),
        {},
        "'stars' and 'topic' could both hold the labels, it has the columns 'text', 'stars', 'topic'; set dataset",
    ),
    "no text column": (
        "a.parquet",
        _parquet(a=[1], b=[2]),
        {},
        r"cannot tell which column holds the texts, it has the columns 'a' \(int64\)",
    ),
    "column twice": ("a.csv", _raw("text,text,label\na,b,1\n"), {}, "header: the column 'text' stands there twice"),
    "column twice in parquet": ("a.parquet", _parquet_twice, {}, "header: the column 'text' stands there twice"),
    "many columns": (
        "a.parquet",
        _parquet(**{f"c{i}": ["x"] for i in range(1000)}),
        {},
        r"it has the columns 'c0' \(string\), [^;]{,900} and 970 more; set dataset.text",
    ),
    "many arrays": (
        "a.npz",
        _npz(**{f"c{i}": ["x"] for i in range(100)}),
        {},
        r"it has the arrays 'c0' \(1 <U1\), [^;]{,900} and 70 more; set dataset.text",
    ),
    "unprintable names": (
        "a.csv",
        _raw('"one\nword",\x1b[2J,c\na,b,1\n'),
        {},
        r"the columns 'one\\nword', '\\x1b\[2J', 'c'; set dataset.text",
    ),
    "name that is no UTF-8 in parquet": ("a.parquet", _parquet_with_name(b"te\xfft"), {}, "a.parquet: cannot be read"),
    "name that is no UTF-8 in zip": ("a.zip", _zip_with_name(b"\xff\xfe/1", "\u00e9/1"), {}, "a.zip: cannot be read"),
    "no name in zip": ("a.zip", _zip_with_name(b"\0/1", "c/1"), {}, "a.zip: cannot be read"),
    "header only": ("a.csv", _raw("text,label\n"), {}, r"a\.csv: has no rows"),
    "no rows in npz": ("a.npz", _npz(text=np.array([], "U1"), label=np.array([], int)), {}, r"a\.npz: has no rows"),
    "no rows in parquet": (
        "a.parquet",
        _parquet(text=pa.array([], pa.string()), label=pa.array([], pa.int64())),
        {},
        r"a\.parquet: has no rows; give a file with labelled texts",
    ),
    "ragged row": (
        "a.csv",
        _raw('text,label\n"x\ny",1\nb,c,0\n'),
        {},
        "line 4: 3 fields where the header has 2; a separator inside a text. Put quotes",
    ),
    "open quote": ("a.csv", _raw('text,label\na,1\n"b,0\n'), {}, "line 3: not a csv record .unexpected end of data"),
    "stray quote": ("a.csv", _raw('text,label\n"a" b,1\n'), {}, "line 2: not a csv record"),
    "open header": ("a.csv", _raw('"text,label\n'), {}, "line 1: not a csv record"),
    "ragged tsv": ("a.tsv", _raw("text\tlabel\na\tb\t1\n"), {}, "line 2: 3 fields where the header has 2"),
    "latin-1 csv": (
        "a.csv",
        _raw("text,label\na,1\ncafé,0\n".encode("latin-1")),
        {},
        r"line 3: the text is not valid UTF-8 \(byte 0xe9 at character 3\); save the file as UTF-8",
    ),
    "latin-1 label": (
        "a.csv",
        _raw("text,label\na,é\n".encode("latin-1")),
        {},
        r"line 2: the label is not valid UTF-8 \(byte 0xe9",
    ),
    "utf-16 without its mark": (
        "a.csv",
        _raw("text,label\na,1\n".encode("utf-16-be")),
        {},
        "is UTF-16; save it as UTF",
    ),
    "utf-32": ("a.jsonl", _raw('{"text": "a", "label": 1}\n'.encode("utf-32-le")), {}, "is UTF-32; save it as UTF-8"),
    "cp1251 csv": ("a.csv", _raw("text,label\n\u0430,1\n".encode("cp1251")), {}, "line 2: the text is not valid UTF-8"),
    "NUL label in csv": ("a.csv", _raw("text,label\na,x\0\n"), {}, "line 2: .* holds a NUL character; rename"),
    "cut gz": ("a.csv.gz", _raw(gzip.compress(b"text,label\n" + b"a,1\nb,0\n" * 5000)[:-20]), {}, "cannot be read"),
    "bomb gz": (
        "a.csv.gz",
        _raw(gzip.compress(b"text,label\n" + b"a" * 10**6)),
        {"max_bytes": 10**5},
        "more than 100,000 uncompressed",
    ),
    "missing label": ("a.csv", _raw("text,label\na,1\nb,\n"), {}, "line 3: the label is missing; fill it in or drop"),
    "nan label csv": (
        "a.csv",
        _raw("text,label\na,1\nb,NaN\n"),
        {},
        "line 3: the label is 'NaN', which mostly stands for a missing one",
    ),
    "fraction label": (
        "a.csv",
        _raw("text,label\na,1\nb,0.5\n"),
        {},
        "line 3: the label is 0.5; labels are whole numbers",
    ),
    "nan label": ("a.npz", _npz(text=["a", "b"], label=[1, np.nan]), {}, r"a\.npz, row 2: the label is missing"),
    "half label": ("a.npz", _npz(text=["a", "b"], label=[1, 2.5]), {}, r"row 2: the label is a number, 2\.5"),
    "infinite label": ("a.npz", _npz(text=["a", "b"], label=[1, np.inf]), {}, r"row 2: the label is a number, inf"),
    "huge label": (
        "a.npz",
        _npz(text=["a", "b"], label=_objects(1, 10**5000)),
        {},
        "row 2: the label is a whole number of",
    ),
    "mixed labels": (
        "a.jsonl",
        _raw('{"text": "a", "label": 1}\n{"text": "b", "label": "x"}\n'),
        {},
        "line 2: the label is 'x', but that of line 1 is 1; use labels of one type",
    ),
    "true among numbers": (
        "a.jsonl",
        _raw('{"text": "a", "label": 1}\n{"text": "b", "label": true}\n'),
        {},
        "line 2: the label is True, but",
    ),
    "label is text": (
        "a.csv",
        _raw("text,label\na," + "b" * 300 + "\n"),
        {},
        r"line 2: the label has 300 characters, .* \(dataset.label\)",
    ),
    "NUL label": (
        "a.jsonl",
        _raw('{"text": "a", "label": "x\\u0000"}\n'),
        {},
        "holds a NUL character; rename the label",
    ),
    "object label": ("a.jsonl", _raw('{"text": "a", "label": {"b": 1}}\n'), {}, "line 1: the label is an object"),
    "missing text": (
        "a.jsonl",
        _raw('{"text": "a", "label": 1}\n\n{"text": null, "label": 0}\n'),
        {},
        "line 3: the text is missing; fill it in or drop the row",
    ),
    "NaN text": ("a.npz", _npz(text=_objects("a", float("nan")), label=[0, 1]), {}, "row 2: the text is missing"),
    "None text": ("a.npz", _npz(text=_objects("a", None), label=[0, 1]), {}, "row 2: the text is missing"),
    "number as text": (
        "a.npz",
        _npz(text=_objects("a", 7), label=[0, 1]),
        {},
        "row 2: the text is a number, 7; name the column",
    ),
    "null in parquet": (
        "a.parquet",
        _parquet(text=["a", None], label=[0, 1]),
        {},
        r"a\.parquet, row 2: the text is missing",
    ),
    "null label": (
        "a.parquet",
        _parquet(text=["a", "b"], label=[0, None]),
        {},
        r"a\.parquet, row 2: the label is missing",
    ),
    "invalid parquet text": (
        "a.parquet",
        _invalid_parquet,
        {},
        r"row 2: the text is not valid UTF-8 \(byte 0xff at byte 0\)",
    ),
    "not parquet": ("a.parquet", _raw("PAR2"), {}, r"a\.parquet: cannot be read"),
    "bomb parquet": (
        "a.parquet",
        _parquet(text=["a" * 5000, "b"], label=[0, 1]),
        {"max_bytes": 100},
        "more than 100 uncompressed bytes",
    ),
    "surrogate": (
        "a.npz",
        _surrogate_npz,
        {},
        r"row 2: the text is not valid UTF-8 \(half a surrogate pair, U\+D800, at character 1\)",
    ),
    "surrogate json": (
        "a.jsonl",
        _raw('{"text": "\\ud83d", "label": 1}\n'),
        {},
        r"line 1: .*half a surrogate pair, U\+D83D",
    ),
    "surrogate csv": (
        "a.csv",
        _raw(b"text,label\na\xed\xa0\xbd,1\n"),
        {},
        r"line 2: the text is not valid UTF-8 \(byte 0xed at character 1\)",
    ),
    "beyond Unicode": (
        "a.npz",
        _bad_code_point_npz,
        {},
        "row 2: the text is not valid UTF-8 \\(byte 0xf4 at byte 0\\)",
    ),
    "invalid bytes": (
        "a.npz",
        _npz(text=[b"ok", b"a\xff"], label=[0, 1]),
        {},
        r"row 2: the text is not valid UTF-8 \(byte 0xff at byte 1\)",
    ),
    "not json": (
        "a.jsonl",
        _raw('{"text": "a", "label": 1}\n{"text": \n'),
        {},
        r"line 2: not JSON .* write one object per line",
    ),
    "deep json": ("a.jsonl", _raw("[" * 200_000 + "\n"), {}, "row 1: is no object but"),
    "json list": ("a.jsonl", _raw("[1, 2]\n"), {}, "row 1: is no object but '1, 2]'; write one object per line"),
    "json key missing": (
        "a.jsonl",
        _raw('{"text": "a", "label": 1}\n{"text": "b"}\n'),
        {},
        "line 2: has no 'label'; give every line the same keys",
    ),
    "blank jsonl": ("a.jsonl", _raw("\n\n"), {}, "has no rows; give a file with one JSON object per line"),
    "not a tar": ("a.tar.gz", _raw(gzip.compress(b"hello")), {}, r"a\.tar\.gz: cannot be read"),
    "cut tar": ("a.tar.gz", _cut_tar, {}, r"a\.tar\.gz: cannot be read"),
    "bomb tar": (
        "a.tgz",
        _tar({"a/1.txt": b"x" * 10**6, "b/1.txt": b""}),
        {"max_bytes": 10**5},
        "more than 100,000 uncompressed",
    ),
    "bomb in a header of tar": (
        "a.tgz",
        _long_header_tar,
        {},
        r"a\.tgz: cannot be read \(has a header of more than 1,048,576 bytes\)",
    ),
    "bomb zip": (
        "a.zip",
        _tar({"a/1.txt": b"x" * 10**6, "b/1.txt": b""}),
        {"max_bytes": 10**5},
        "more than 100,000 uncompressed",
    ),
    "no class folders": (
        "a.zip",
        _tar({"data.html": b"text,label"}),
        {},
        "no folder holds two class folders, and no file is a csv, tsv, json, jsonl or parquet; set `folder`",
    ),
    "two candidates": (
        "a.zip",
        _tar({f"{x}/{k}": v for x in "ab" for k, v in CLASS_FOLDERS.items()}),
        {},
        "class folders lie in 'a', 'b'; set `folder`",
    ),
    "wrong folder": (
        "a.zip",
        _tar(CLASS_FOLDERS),
        {"source": {"folder": "train"}},
        "the folder 'train' has no class folders",
    ),
    "absent class": (
        "a.zip",
        _tar(CLASS_FOLDERS),
        {"source": {"folder": "", "classes": ["neg", "neutral"]}},
        r"neutral' \(dataset classes\) holds no texts; class folders with texts are 'neg', 'pos'",
    ),
    "invalid file": (
        "a.tar",
        _tar(CLASS_FOLDERS | {"pos/2.txt": b"\xff"}),
        {},
        r"a\.tar, pos/2\.txt: the text is not valid UTF-8",
    ),
    "held out too few": (
        "a.csv",
        _raw("text,label\na,0\nb,0\nc,0\nd,1\n"),
        {"held_out": {"fraction": 0.5, "seed": 1}},
        "held-out test split: the class '1' .1., of 4 rows, has too few to be in both parts",
    ),
    "held out all": (
        "a.csv",
        _raw("text,label\na,0\nb,1\n"),
        {"held_out": {"fraction": 1.0, "seed": 1}},
        r"held-out test split: found 1\.0; give a share above 0 and below 1",
    ),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_bad_files_get_one_sentence(tmp_path: Path, case: str) -> None:
    """Each bad file is refused with one line that says what was found where, and what to do."""
    name, write, options, expected = BAD_FILES[case]
    write(tmp_path / name)
    with pytest.raises(BadInput, match=expected) as caught:
        built(tmp_path / name, **options)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "built.npz").exists()


@pytest.mark.parametrize("name", ["a.npz", "a.csv", "a.csv.gz", "a.jsonl", "a.parquet"])
def test_rows_have_a_limit(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Empty texts add no bytes, and packed files can hold billions of them: rows are counted before texts are seen."""
    write_any(tmp_path / name, [""] * 101, [i % 2 for i in range(101)])
    monkeypatch.setattr("bert_ladder.data.readers.published.MAX_ROWS", 100)
    with pytest.raises(BadInput, match=r"/a\..*: holds more than 100 rows, the most that is read; give a smaller file"):
        built(tmp_path / name)
    write_any(tmp_path / name, ["a"] * 101, [i % 2 for i in range(101)])
    monkeypatch.setattr("bert_ladder.data.readers.published.MAX_ROWS", 101)
    assert len(built(tmp_path / name)[0]) == 101


def test_pickle_has_no_more_instructions_than_its_rows_need(tmp_path: Path) -> None:
    """A gigabyte of harmless instructions packs into a megabyte: it is not worked through."""
    write_pickled(tmp_path / "a.npz", b"N" * 1_000_000 + b".", rows=1)
    with pytest.raises(BadInput, match=r"array 'text': .* has more instructions than its rows need"):
        built(tmp_path / "a.npz")


def test_text_that_is_stored_once_for_many_rows_takes_its_room_once(tmp_path: Path) -> None:
    """A dictionary in parquet is a bomb: some hundred kilobytes that stand for gigabytes."""
    text = pa.DictionaryArray.from_arrays(pa.array(np.zeros(50_000, np.int32)), pa.array(["x" * 100_000]))
    pq.write_table(pa.table({"text": text, "label": np.zeros(50_000, int)}), tmp_path / "a.parquet")
    pool = pa.default_memory_pool()
    before = pool.max_memory()
    with pytest.raises(BadInput, match="more than 1,000,000,000 uncompressed bytes"):
        built(tmp_path / "a.parquet", max_bytes=10**9)
    assert pool.max_memory() - before < 10**8


def test_dictionaries_of_parquet_may_change_within_a_file(tmp_path: Path) -> None:
    """Rows keep their texts when row groups and pages bring other dictionaries, or none."""
    texts = [f"{i % 700} {'x' * (i % 30)}" for i in range(10_000)]
    labels = [f"label {i % 3}" for i in range(10_000)]
    for layout in ({"row_group_size": 777}, {"dictionary_pagesize_limit": 1000}, {"use_dictionary": False}):
        pq.write_table(pa.table({"text": texts, "label": labels}), tmp_path / "a.parquet", **layout)
        assert built(tmp_path / "a.parquet") == (texts, labels)


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl"])
def test_a_million_columns_are_read(tmp_path: Path, name: str) -> None:
    """Time and memory grow with the columns, not with their square."""
    if name == "a.jsonl":
        row = {"text": "a", "label": 1} | {f"c{i}": 0 for i in range(10**6)}
        (tmp_path / name).write_text(json.dumps(row))
    else:
        extra = ["", *(f"c{i}" for i in range(10**6))]
        lines = ["text,label" + ",".join(extra), "a,1" + "," * 10**6]
        (tmp_path / name).write_text("\n".join(lines).replace(",", "," if name == "a.csv" else "\t"))
    assert built(tmp_path / name) == (["a"], [1])


# Damaged files --------------------------------------------------------------------------------------------------------


FORMS = [
    *("a.csv", "a.tsv", "a.csv.gz", "a.csv.xz", "a.jsonl", "a.json", "a.parquet", "a.arrow", "a.feather", "a.npz"),
    *("a.tar", "a.tar.gz", "a.zip", "a.csv.zip"),
]
IN_A_FOLDER = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
# Whatever UTF-8 can carry, and often what separates and quotes.
ANY_TEXT = st.text(st.one_of(st.sampled_from('",\t\r\n\0\ufeff '), st.characters(exclude_categories=["Cs"]))).filter(
    lambda text: not is_blank(text)
)

STRANGE_TEXTS = [
    *("x" * 1_000_000, "\u202e\u05e2\u05d1\u05e8\u05d9\u05ea"),
    "\U0001f468\u200d\U0001f469\u200d\U0001f467" * 100,
]


def write_form(path: Path, texts: list[str], labels: list[Any]) -> None:
    """Write texts in the form that the name tells, an archive with a folder per label."""
    if path.suffix in (".tar", ".gz", ".zip") and ".csv" not in path.name:
        rows = enumerate(zip(texts, labels, strict=True))
        write_archive(path, {f"{label}/{row}.txt": text.encode() for row, (text, label) in rows})
    else:
        write_any(path, texts, labels)


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.csv.gz", "a.jsonl", "a.parquet", "a.npz"])
@settings(IN_A_FOLDER, max_examples=40)
@given(texts=st.lists(ANY_TEXT, min_size=1, max_size=8))
def test_any_text_comes_through_every_form(tmp_path: Path, name: str, texts: list[str]) -> None:
    """White space, quotes, separators, NULs, emoji, any script: each keeps its row and its characters."""
    # A quoted text with a tab and a line break may look like two lines of a tsv file that never quotes.
    assume(name != "a.tsv" or not any("\t" in text and set(text) & set("\r\n") for text in texts))
    labels = [i % 2 for i in range(len(texts))]
    write_any(tmp_path / name, texts, labels)
    assert built(tmp_path / name) == (texts, labels)


@pytest.mark.parametrize("text", STRANGE_TEXTS)
@pytest.mark.parametrize("name", FORMS)
def test_strange_texts_are_texts(tmp_path: Path, name: str, text: str) -> None:
    """A million characters, right to left, joined emoji: none is changed or refused."""
    write_form(tmp_path / name, [text, "plain", text, "plain"], ["b", "a", "b", "a"])
    assert Counter(zip(*built(tmp_path / name), strict=True)) == {(text, "b"): 2, ("plain", "a"): 2}


@pytest.mark.parametrize("name", FORMS)
@settings(IN_A_FOLDER, max_examples=60)
@given(data=st.data())
def test_damage_is_read_or_told_in_one_sentence(tmp_path: Path, name: str, data: st.DataObject) -> None:
    """Whatever happened to a file, it is read or refused by its name; it never ends in another error."""
    whole, path = tmp_path / f"whole.{name.partition('.')[2]}", tmp_path / name
    if not whole.exists():
        write_form(whole, TEXTS, [f"label {label}" for label in LABELS])
    path.write_bytes(data.draw(damaged(whole.read_bytes())))
    try:
        texts, labels = built(path)
        assert len(texts) == len(labels) > 0
    except BadInput as error:
        assert str(error).startswith((f"{path}: ", f"{path}, "))
        assert "\n" not in str(error)


@pytest.mark.parametrize("name", FORMS)
def test_cut_at_every_byte(tmp_path: Path, name: str) -> None:
    """A file that ends early is refused, or where its form cannot know that, its whole lines are read and no others."""
    texts, labels = ["one", "two words", 'a "quote"'], ["a", "b", "a"]
    write_form(tmp_path / name, texts, labels)
    rows = Counter(zip(*built(tmp_path / name), strict=True))
    content, plain = (tmp_path / name).read_bytes(), name in ("a.csv", "a.tsv", "a.jsonl", "a.tar")
    for length in range(len(content.rstrip(b"\0") if name == "a.tar" else content)):
        (tmp_path / name).write_bytes(content[:length])
        try:
            found = Counter(zip(*built(tmp_path / name), strict=True))
        except BadInput:
            continue
        assert plain, length
        assert found <= rows, length


# Empty texts ----------------------------------------------------------------------------------------------------------

BLANK = ["", " \t ", "\u00a0\u3000", "\u200b\ufeff\u2060", " \u200d\u00ad"]


@pytest.mark.parametrize("text", BLANK)
@pytest.mark.parametrize("name", FORMS)
def test_empty_texts_are_refused_or_dropped(tmp_path: Path, name: str, text: str) -> None:
    """In every form alike; what is left keeps its order."""
    write_form(tmp_path / name, ["one", text, "two", text], ["a", "a", "b", "b"])
    with pytest.raises(
        BadInput, match=r": the text is empty, as are those of .*; fill it in or drop the row, or set d"
    ):
        built(tmp_path / name)
    assert built(tmp_path / name, empty_texts="drop") == (["one", "two"], ["a", "b"])


@pytest.mark.parametrize("name", ["a.jsonl", "a.parquet", "a.npz"])
def test_missing_texts_are_empty_ones(tmp_path: Path, name: str) -> None:
    """A null is dropped as an empty text is."""
    texts, labels = ["one", None, " ", "two"], [0, 0, 1, 1]
    write_any(tmp_path / name, texts, labels)
    with pytest.raises(BadInput, match=r"(row|line) 2: the text is missing, as are those of (row|line) 3; fill it in"):
        built(tmp_path / name)
    assert built(tmp_path / name, empty_texts="drop") == (["one", "two"], [0, 1])


def test_empty_rows_are_named_and_counted(tmp_path: Path) -> None:
    """The first ones as the file has them, and how many more; dropped ones are counted where the columns are kept."""
    write_csv(tmp_path / "a.csv", [*["", " "] * 5, "one", "two"], [0, 1] * 6)
    lines = "line 3, line 4, line 5, line 6, line 7"
    with pytest.raises(BadInput, match=rf"a\.csv, line 2: the text is empty, as are those of {lines} and 4 more; fill"):
        built(tmp_path / "a.csv")
    file = PublishedFile(tmp_path / "a.csv", "train", MAX_BYTES, empty_texts="drop")
    build_npz(file, tmp_path / "a.npz")
    assert file.found.empty == 10


def test_rows_behind_dropped_ones_are_named_as_in_the_file(tmp_path: Path) -> None:
    """A label that is wrong is told by the line that a person finds it in."""
    write_csv(tmp_path / "a.csv", ["", "one", "", "two"], ["x", "x", "", ""])
    with pytest.raises(BadInput, match=r"a\.csv, line 5: the label is missing"):
        built(tmp_path / "a.csv", empty_texts="drop")


def test_only_empty_texts_are_refused(tmp_path: Path) -> None:
    """Dropping them all would leave nothing."""
    write_csv(tmp_path / "a.csv", ["", " ", ""], [0, 1, 0])
    with pytest.raises(BadInput, match=r"a\.csv: all 3 texts are missing or empty; name the column of the texts \(da"):
        built(tmp_path / "a.csv", empty_texts="drop")


def test_empty_texts_are_dropped_before_a_test_split_is_held_out(tmp_path: Path) -> None:
    """They count in neither split, and a fifth of the others is held out."""
    write_csv(tmp_path / "a.csv", [*[""] * 20, *(f"text {i}" for i in range(100))], [0, 1] * 60)
    held_out = {"fraction": 0.2, "seed": 1}
    train, test = (
        built(tmp_path / "a.csv", split=split, held_out=held_out, empty_texts="drop") for split in ("train", "test")
    )
    assert (len(train[0]), len(test[0])) == (80, 20)


# Held-out test split --------------------------------------------------------------------------------------------------


def test_held_out_split_is_whole_stratified_and_fixed(tmp_path: Path) -> None:
    """Both halves together are the file in its order, each class in proportion, the same at every call."""
    texts = [f"text {i}" for i in range(200)]
    labels = ["rare" if i % 10 == 0 else "common" for i in range(200)]
    write_csv(tmp_path / "a.csv", texts, labels)
    held_out = {"fraction": 0.2, "seed": 7}
    train, test = (built(tmp_path / "a.csv", split=split, held_out=held_out) for split in ("train", "test"))
    assert Counter(test[1]) == {"rare": 4, "common": 36}
    assert sorted(train[0] + test[0]) == sorted(texts)
    for part in (train, test):
        order = [texts.index(text) for text in part[0]]
        assert order == sorted(order)
        assert part[1] == [labels[row] for row in order]
    assert built(tmp_path / "a.csv", split="test", held_out=held_out) == test
    assert built(tmp_path / "a.csv", split="test", held_out=held_out | {"seed": 8}) != test


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([b"a", b"b", b"c", b"d", b"e", b"f"]), st.integers(0, 1)), max_size=40))
def test_equal_texts_are_never_divided(rows: list[tuple[bytes, int]]) -> None:
    """However often a text occurs, and under whatever labels, all its rows fall on one side."""
    rows += [(b"%d" % i, i % 2) for i in range(12)]
    texts, labels = [text for text, _ in rows], [label for _, label in rows]
    held = held_out_mask(texts, labels, HeldOut(fraction=0.4, seed=1))
    sides = {}
    for text, side in zip(texts, held.tolist(), strict=True):
        assert sides.setdefault(text, side) == side


@pytest.mark.parametrize(
    ("repeated", "labels"),
    [
        (["same"] * 40, [0, 1] * 20),
        (["same"] * 40, [0] * 40),
        ([f"copy {i % 3}" for i in range(60)], [0] * 60),
        ([f"copy {i // 4}" for i in range(80)], [i // 4 % 2 for i in range(80)]),
    ],
    ids=["of both labels", "of one label", "three texts", "four times each"],
)
@pytest.mark.parametrize("fraction", [0.2, 0.3])
def test_repeated_texts_leave_the_shares_as_asked(repeated: list[str], labels: list[int], fraction: float) -> None:
    """The test split and each label have their share of rows; no repeated text is most of a label's test rows."""
    texts = [text.encode() for text in repeated + [f"text {i}" for i in range(120)]]
    labels = labels + [0, 1] * 60
    held = held_out_mask(texts, labels, HeldOut(fraction=fraction, seed=1))
    assert abs(held.sum() - fraction * len(texts)) <= 1
    for label in (0, 1):
        rows = np.array(labels) == label
        assert abs(held[rows].sum() - fraction * rows.sum()) <= 1
        drawn = Counter(text for text, of in zip(texts, held & rows, strict=True) if of)
        assert max(drawn.values()) <= fraction * rows.sum() / 2


def test_many_small_classes_give_their_share_together() -> None:
    """One text that stands twice does not change how many rows are drawn of 150 classes of six."""
    texts = [b"twice", b"twice", *(b"%d" % i for i in range(898))]
    held = held_out_mask(texts, [i % 150 for i in range(900)], HeldOut(fraction=0.2, seed=1))
    assert held.sum() == 180
    assert set(np.bincount(np.arange(900)[held] % 150)) == {1, 2}


def test_a_text_that_is_most_of_its_class_may_have_to_be_drawn() -> None:
    """Where a class has nothing smaller, a text of many rows is better than none."""
    texts = [*(b"copy %d" % (i % 3) for i in range(60)), *(b"%d" % i for i in range(60))]
    held = held_out_mask(texts, [0] * 60 + [1] * 60, HeldOut(fraction=0.2, seed=1))
    assert (held[:60].sum(), held[60:].sum()) == (20, 12)


def test_held_out_rows_of_distinct_texts_are_those_of_the_stratified_draw() -> None:
    """Without repeated texts the held-out rows are, for ever, those of the draw of rows."""
    codes = [0, 1, 1] * 50
    expected = stratified_mask(np.array(codes), 0.2, 1, "any", str)
    texts = [b"text %d" % i for i in range(150)]
    assert held_out_mask(texts, codes, HeldOut(fraction=0.2, seed=1)).tolist() == expected.tolist()


def test_texts_that_differ_in_case_alone_are_held_out_together() -> None:
    """As are those that differ in white space and zero-width characters."""
    forms = [[f"text {i}", f"TEXT {i} ", f"te\u200bxt {i}"] for i in range(40)]
    held = held_out_mask(
        [text.encode() for of in forms for text in of], [*np.repeat([0, 1] * 20, 3)], HeldOut(fraction=0.2, seed=1)
    )
    assert set(held.reshape(40, 3).sum(axis=1)) == {0, 3}
    assert held.sum() == 24


def test_held_out_archive_is_read_whole(tmp_path: Path) -> None:
    """Without a test split the folder called like the split has no privilege."""
    write_archive(tmp_path / "a.zip", IMDB)
    with pytest.raises(BadInput, match="class folders lie in 'aclImdb/test', 'aclImdb/train'"):
        built(tmp_path / "a.zip", held_out={"fraction": 0.5, "seed": 1})


def test_main_maps_the_job(tmp_path: Path) -> None:
    """main passes each name of the job to its argument."""
    write_any(tmp_path / "a.jsonl", TEXTS, LABELS)
    job = SimpleNamespace(
        input=SimpleNamespace(data=[str(tmp_path / "a.jsonl")], record=[str(tmp_path / "a.jsonl.json")]),
        output=SimpleNamespace(npz=str(tmp_path / "train.npz"), record=str(tmp_path / "train.json")),
        params=SimpleNamespace(
            split="train",
            settings={
                **{"format": "jsonl", "text": "text", "label": None, "max_bytes": 10**6},
                **{"held_out": None, "rare_classes": None},
            },
            compared={"text": None},
            place={"dataset": "micro", "file": "a.jsonl"},
        ),
    )
    sha256 = hashlib.sha256((tmp_path / "a.jsonl").read_bytes()).hexdigest()
    (tmp_path / "a.jsonl.json").write_text(json.dumps({"source": "there/a.jsonl", "sha256": sha256}))
    main(job)
    record = json.loads((tmp_path / "train.json").read_text())
    assert {key: record[key] for key in ("dataset", "file", "sha256", "params")} == {
        "dataset": "micro", "file": "a.jsonl", "sha256": sha256, "params": {"text": None}
    }  # fmt: skip
    assert list(read_npz(tmp_path / "train.npz").texts()) == TEXTS


def test_large_files_of_no_class_are_passed_over(tmp_path: Path) -> None:
    """What lies between two texts may be longer than any header."""
    files = {
        "0": bytes(3_000_000),
        "neg/1.txt": b"a",
        "neg/2.pdf": bytes(2_000_000),
        "pos/1.txt": b"b",
        "z": b"c" * 10**6,
    }
    for name in ("a.tar", "a.tar.gz"):
        write_archive(tmp_path / name, files)
        assert built(tmp_path / name) == (["a", "b"], ["neg", "pos"])


def test_tar_cut_between_two_texts_is_refused(tmp_path: Path) -> None:
    """Each text that is left is whole, but some are missing."""
    path = tmp_path / "a.tar"
    write_archive(path, {"neg/1.txt": b"a", "pos/1.txt": b"b", "pos/2.txt": b"c"})
    path.write_bytes(path.read_bytes()[: 4 * 512])
    with pytest.raises(BadInput, match=r"a\.tar: cannot be read \(is cut or damaged \(a tar without its end\)\)"):
        built(path)


# Real data ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "rows", "first", "labels"),
    [
        ("ag_news/test.npz", 7600, "Unions representing workers", {"Business", "Sci/Tech", "Sports", "World"}),
        ("trec/test.npz", 500, "How far is it", {0, 1, 2, 3, 4, 5}),
        ("sst2/validation.tsv.gz", 6735, "", {0, 1}),
    ],
)
def test_real_data(tmp_path: Path, shared_data: Path, name: str, rows: int, first: str, labels: set) -> None:
    """Byte arrays, unicode arrays and gzipped tsv as met in practice need no setting."""
    build_npz(PublishedFile(shared_data / name, "test", MAX_BYTES), tmp_path / "a.npz")
    data = read_npz(tmp_path / "a.npz")
    assert len(data) == rows
    assert next(data.texts()).startswith(first)
    assert set(data.label.tolist()) == labels
