"""The forms of a data set between the steps: the safe npz, the frame, its classes and their names."""

import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

DATA_COLUMN = "DATA_COLUMN"
LABEL_COLUMN = "LABEL_COLUMN"
PART_COLUMN = "part"
# Columns of names that people gave: to rows, and to classes.
NAMES = ["model", "model_a", "model_b", "majority_class", "constant_class"]
PARTS = ("train", "validation")
_LABELS_KEY = b"labels"
# Unicode's Default_Ignorable_Code_Point (DerivedCoreProperties.txt): zero-width characters, joiners, directions,
# soft hyphens, selectors of variants, fillers.
_IGNORABLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_INVISIBLE = re.compile(f"[{_IGNORABLE}]")
_VISIBLE = re.compile(rf"[^\s{_IGNORABLE}]")
# What a spreadsheet would run, also behind quotes: there one more tells the name's own from that of `rows_csv`.
_FORMULA = re.compile(r"(?='*[=+\-@\t\r])")


@dataclass(frozen=True)
class SplitPaths:
    """A file for each split of a data set; `validation` where that is a file of its own."""

    train: str | Path
    test: str | Path
    validation: str | Path | None = None


@dataclass(frozen=True)
class Settled:
    """Classes of a training file that had too few texts.

    Attributes:
        rare: their labels, and their names where the file has other ones.
        merged: the label that they were given; None: their rows were left out.
        names: of the codes 0, 1, ... that the labels were before they were merged; mostly none.
    """

    rare: tuple[str, ...]
    merged: str | None
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class LabelledTexts:
    """One split as flat arrays.

    Attributes:
        text: all texts in UTF-8 one after the other, uint8, shape (B,).
        offsets: text i is `text[offsets[i]:offsets[i + 1]]`, int64, shape (n + 1,).
        label: the labels as published, int64 or fixed-width str, shape (n,).
        class_names: what the published file itself calls the classes 0, 1, ... of `label`; mostly none.
        settled: the rare classes that are none of these labels any more, where there were any.
    """

    text: np.ndarray
    offsets: np.ndarray
    label: np.ndarray
    class_names: tuple[str, ...] = ()
    settled: Settled | None = None

    def __len__(self) -> int:
        return len(self.label)

    def raw(self) -> Iterator[bytes]:
        """Each text in UTF-8, in the order of the rows."""
        flat = self.text.data
        for start, end in zip(self.offsets[:-1].tolist(), self.offsets[1:].tolist(), strict=True):
            yield bytes(flat[start:end])

    def texts(self) -> Iterator[str]:
        """Each text as a string, in the order of the rows."""
        for raw in self.raw():
            yield raw.decode()


def pack_texts(texts: Sequence[bytes], labels: Sequence[int | str], class_names: Sequence[str] = ()) -> LabelledTexts:
    """Lay UTF-8 texts out one after the other.

    Args:
        texts: n texts in UTF-8.
        labels: n labels, all int or all str.
        class_names: see `LabelledTexts`.
    """
    offsets = np.zeros(len(texts) + 1, dtype=np.int64)
    np.cumsum(np.fromiter(map(len, texts), dtype=np.int64, count=len(texts)), out=offsets[1:])
    flat = np.frombuffer(b"".join(texts), dtype=np.uint8)
    numeric = all(isinstance(value, int) for value in labels)
    kind = np.int64 if numeric else np.str_
    return LabelledTexts(flat, offsets, np.array(labels, dtype=kind), tuple(class_names))


def write_npz(path: str | Path, data: LabelledTexts) -> None:
    """Write a split so that `np.load(path, allow_pickle=False)` reads it."""
    arrays: dict[str, Any] = {"text": data.text, "offsets": data.offsets, "label": data.label}
    if data.class_names:
        arrays["class_names"] = np.array(data.class_names)
    if data.settled is not None:
        arrays["rare"] = np.array(data.settled.rare)
        if data.settled.merged is not None:
            arrays["merged"] = np.array(data.settled.merged)
        if data.settled.names:
            arrays["names"] = np.array(data.settled.names)
    np.savez_compressed(path, **arrays)


def read_npz(path: str | Path) -> LabelledTexts:
    """Read what `write_npz` wrote; nothing in the file can run code."""
    with np.load(path, allow_pickle=False) as arrays:
        names = arrays["class_names"].tolist() if "class_names" in arrays else []
        merged = str(arrays["merged"]) if "merged" in arrays else None
        before = tuple(arrays["names"].tolist()) if "names" in arrays else ()
        settled = Settled(tuple(arrays["rare"].tolist()), merged, before) if "rare" in arrays else None
        return LabelledTexts(arrays["text"], arrays["offsets"], arrays["label"], tuple(names), settled)


def write_frame(path: str | Path, data: LabelledTexts, codes: np.ndarray, labels: Sequence[str]) -> None:
    """Write a split as parquet: DATA_COLUMN (string) and LABEL_COLUMN (int16), row i = row i of `data`.

    Args:
        path: the parquet file.
        data: the texts, shape (n,).
        codes: indices into the labels, int16, shape (n,).
        labels: the published labels, kept in the schema's metadata so that an error can name a class.
    """
    # The flat layout is Arrow's own: the column is made without a Python string per row.
    buffers = [None, pa.py_buffer(data.offsets), pa.py_buffer(data.text)]
    column = pa.Array.from_buffers(pa.large_string(), len(data), buffers)
    table = pa.table({DATA_COLUMN: column, LABEL_COLUMN: pa.array(codes, type=pa.int16())})
    table = table.replace_schema_metadata({_LABELS_KEY: json.dumps(list(labels))})
    pq.write_table(table, path, compression="zstd")


def write_texts(path: str | Path, texts: Sequence[bytes]) -> None:
    """Write texts without labels as parquet: DATA_COLUMN (string), row i = text i, in UTF-8."""
    column = pa.array(texts, pa.large_binary()).cast(pa.large_string())
    pq.write_table(pa.table({DATA_COLUMN: column}), path, compression="zstd")


def frame_labels(path: str | Path) -> dict[int, str]:
    """Published label of each class code that `write_frame` put into the metadata; empty for another's parquet."""
    metadata = pq.read_schema(path).metadata or {}
    return dict(enumerate(json.loads(metadata.get(_LABELS_KEY, b"[]"))))


def read_frame(path: str | Path) -> pd.DataFrame:
    """Read a split: DATA_COLUMN (str) and LABEL_COLUMN (int16)."""
    return pd.read_parquet(path, columns=[DATA_COLUMN, LABEL_COLUMN])


def frame_texts(path: str | Path) -> pd.Series:
    """Read the texts of a split, or those without labels: the column DATA_COLUMN."""
    return pd.read_parquet(path, columns=[DATA_COLUMN])[DATA_COLUMN]


def plain(text: str) -> str:
    """A text without what a copy of it may have changed: case, white space, invisible characters and their form (NFKC).

    That is Unicode's NFKC_Casefold with white space made single. Texts for which it is the same count as equal.
    """
    if text.isascii():
        return " ".join(text.lower().split())
    folded = unicodedata.normalize("NFKC", _INVISIBLE.sub("", text)).casefold()
    return " ".join(unicodedata.normalize("NFKC", folded).split())


def is_blank(text: str) -> bool:
    """Whether a text is empty, or only white space and characters that show nothing."""
    return _VISIBLE.search(text) is None


def shortened(values: Sequence[str], shown: int = 20) -> str:
    """The first of some values, quoted, for a sentence."""
    more = f" and {len(values) - shown:,} more" if len(values) > shown else ""
    return ", ".join(map(repr, values[:shown])) + more


def write_classes(
    path: str | Path, labels: Sequence[str], names: Sequence[str] = (), settled: Settled | None = None
) -> None:
    """Write classes.json: the published labels in the order of their codes, and their names in the published file.

    Where there were rare classes it holds what became of them too.
    """
    rare = {"settled": asdict(settled)} if settled is not None else {}
    _write_json(path, {"labels": list(labels)} | ({"names": list(names)} if names else {}) | rare)


def read_classes(path: str | Path) -> list[str]:
    """Read classes.json: the published labels in the order of their codes."""
    return json.loads(Path(path).read_text(encoding="utf-8"))["labels"]


def read_class_names(path: str | Path) -> list[str]:
    """Read from classes.json what the published file calls the classes: the labels where it has no other names."""
    content = json.loads(Path(path).read_text(encoding="utf-8"))
    return content.get("names", content["labels"])


def read_settled(path: str | Path) -> Settled | None:
    """Read from classes.json what became of rare classes; None where there were none."""
    content = json.loads(Path(path).read_text(encoding="utf-8"))
    settled = content.get("settled")
    return Settled(tuple(settled["rare"]), settled["merged"], tuple(settled["names"])) if settled is not None else None


def write_positive(path: str | Path, positive: int | None, given: str | None) -> None:
    """Write positive.json: the positive class's code, or null, and the label that the study gave, or null."""
    _write_json(path, {"positive": positive, "given": given})


def read_positive(path: str | Path) -> int | None:
    """Read positive.json: the positive class's code, or None."""
    return json.loads(Path(path).read_text(encoding="utf-8"))["positive"]


def write_labels(path: str | Path, names: Sequence[str], positive: int | None) -> None:
    """Write labels.json: the names in the order of their codes and the positive class's code, or null."""
    _write_json(path, {"names": list(names), "positive": positive})


def read_labels(path: str | Path) -> tuple[list[str], int | None]:
    """Read labels.json: the names in the order of their codes and the positive class's code, or None."""
    content = json.loads(Path(path).read_text(encoding="utf-8"))
    return content["names"], content["positive"]


def _write_json(path: str | Path, content: dict[str, Any]) -> None:
    Path(path).write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def rows_csv(table: pd.DataFrame) -> str:
    """A table for `read_rows`, as CSV at full precision; a name that a spreadsheet would run gets a leading quote."""
    safe = table.copy()
    for column in safe.columns.intersection(NAMES):
        safe[column] = [f"'{text}" if _FORMULA.match(text) else text for text in safe[column]]
    return safe.to_csv(index=False)


def read_rows(path: str | Path) -> pd.DataFrame:
    """Read table.csv, comparison.csv or another table with names of rows and classes in the columns `NAMES`.

    Only an empty field is missing (of a name: an empty text), since a row may be called "NA". The quote that `rows_csv`
    puts before a name is taken off again.
    """
    kinds = dict.fromkeys(NAMES, str)
    # Without the line's end a carriage return in a name would be one.
    table = pd.read_csv(path, dtype=kinds, keep_default_na=False, na_values=[""], lineterminator="\n")
    for column in table.columns.intersection(NAMES):
        quoted = table[column].fillna("")
        table[column] = [text[1:] if text[:1] == "'" and _FORMULA.match(text) else text for text in quoted]
    return table
