"""What every reader of a published form takes and gives, and what their messages share."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bert_ladder.runtime.jobs import BadInput

# A row without a character costs memory too, and packed files can hold any number of them.
MAX_ROWS = 20_000_000
ONE_PER_TEXT = "several labels per text are not supported"
MOST_LISTED = 30  # of the names in a message
OF_ALL_SPLITS = ("text", "label", "empty_texts", "missing_labels", "distinct_labels", "many_classes")


@dataclass
class Found:
    """What a reader found by itself, so that an option that says the same later is known to change nothing.

    Attributes:
        bytes: the smallest `max_bytes` that lets the file pass.
        formats: the values of `format` by which it is read like this.
        columns: all columns or keys of a table; none where the file is no table.
        text, label: the chosen ones.
        delimiter: what separates the fields of a csv or tsv.
        folder, classes: in an archive of class folders, the folder that holds them and those that were read.
        file: in an archive of data files, the one that was read.
        empty: rows whose text is missing or blank and that were left out.
        missing_words: rows whose label is a word that mostly stands for a missing one.
        alike: whether some labels differ only in how they are written.
        many: whether there are too many labels for so few rows.
        rare: rows of each rare class that was left out or merged, by its label.
    """

    bytes: int = 0
    formats: list[str] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)
    text: str | None = None
    label: str | None = None
    delimiter: str | None = None
    folder: str | None = None
    classes: list[str] | None = None
    file: str | None = None
    empty: int = 0
    missing_words: int = 0
    alike: bool = False
    many: bool = False
    rare: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class PublishedFile:
    """A data file in the form it was published in, and how the study says to read it.

    Attributes:
        path: what messages name: csv, tsv, json, jsonl (these also compressed), parquet, arrow, npz, or a tar or zip
            that holds one of them or a folder of text files per class; without labels also txt, a text per line, and
            an archive of text files.
        name: the split that is read, "train" or "test", or the name of texts without labels.
        max_bytes: a file that holds more uncompressed bytes is refused.
        text, label: the columns or keys that the study names; None = found by name. Without labels to read, `label` is
            one that must not be there. An inner key is named with its outer one and a dot.
        format: one of FORMATS; None = told by the file's first bytes and its name.
        columns: names of the columns of a csv or tsv without a header.
        delimiter: what separates the fields of a csv or tsv; None = found.
        folder: in an archive, the folder that holds the class folders, or the texts without labels; None = found.
        classes: in an archive, the class folders to read; None = all.
        file: in an archive, the data file to read; None = the only one, or that which is called as the split.
        labelled: whether there are labels to read.
        empty_texts: what to do with labelled rows whose text is missing or blank, "refuse" or "drop".
        missing_labels: what to do with labels that are words for a missing one, such as NA, "refuse" or "keep".
        distinct_labels: labels that differ only in how they are written are different classes.
        many_classes: what to do with more labels than so few rows can have classes, "refuse" or "keep".
        undivided: the file is not divided into splits: in an archive no folder is looked for that is named as one.
        copy: the file to read where that is a copy of `path`.
        parts: the files of which this is one after the other, with the same options and `found`; none where it is one.
        found: filled in by the readers.
    """

    path: Path
    name: str
    max_bytes: int
    text: str | None = None
    label: str | None = None
    format: str | None = None
    columns: Sequence[str] | None = None
    delimiter: str | None = None
    folder: str | None = None
    classes: Sequence[str] | None = None
    file: str | None = None
    labelled: bool = True
    empty_texts: str = "refuse"
    missing_labels: str = "refuse"
    distinct_labels: bool = False
    many_classes: str = "refuse"
    undivided: bool = False
    copy: Path | None = None
    parts: Sequence["PublishedFile"] = ()
    found: Found = field(default_factory=Found, compare=False)

    @property
    def content(self) -> Path:
        """The file to read."""
        return self.path if self.copy is None else self.copy

    def as_training(self) -> "PublishedFile":
        """The file as that of the training split, of which another one is a part."""
        parts = [part.as_training() for part in self.parts]
        return replace(self, name="train", undivided=True, parts=parts)

    def key(self, name: str) -> str:
        """The study's key `name` that says how to read the file."""
        if not self.labelled:
            return f"dataset.unlabelled.{self.name}.{name}"
        return f"dataset.{name}" if name in OF_ALL_SPLITS else f"dataset.{self.name}.{name}"

    def check_bytes(self, count: int) -> None:
        """Refuse more than `max_bytes`.

        Raises:
            BadInput: `count` is more.
        """
        if count > self.max_bytes:
            raise BadInput(
                f"{self.path}: holds more than {self.max_bytes:,} uncompressed bytes, the most that is read; "
                "give a smaller file, or one you trust in parts"
            )
        self.found.bytes = max(self.found.bytes, count)

    def check_rows(self, rows: int) -> None:
        """Refuse more than MAX_ROWS.

        Raises:
            BadInput: there are more.
        """
        if rows > MAX_ROWS:
            raise BadInput(
                f"{self.path}: holds more than {MAX_ROWS:,} rows, the most that is read; give a smaller file"
            )


@dataclass(frozen=True)
class PublishedExamples:
    """The examples of a published file.

    Attributes:
        rows: text and label of each as read, neither checked yet; the text alone where there are no labels.
        where: what to call row i (counted from 0) in a message.
        textual: labels come as text even where they are numbers (csv, folder names).
        class_names: what the file itself calls the classes 0, 1, ... that its labels are; none where it does not.
    """

    rows: Iterable[tuple[Any, ...]]
    where: Callable[[int], str]
    textual: bool = False
    class_names: Sequence[str] = ()


Reader = Callable[[PublishedFile], PublishedExamples]


def fault(error: UnicodeDecodeError | UnicodeEncodeError) -> str:
    """What is not UTF-8, and where."""
    if isinstance(error, UnicodeDecodeError):
        return f"byte 0x{error.object[error.start]:02x} at byte {error.start}"
    code = ord(error.object[error.start])
    # Readers of text files decode with surrogateescape, which turns a stray byte 0xNN into U+DCNN.
    found = f"byte 0x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"half a surrogate pair, U+{code:04X},"
    return f"{found} at character {error.start}"


def is_missing(value: Any) -> bool:
    """Tell whether a value is none: None or NaN."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def shown(value: Any) -> str:
    """A value that is no text or label, by its kind and its beginning."""
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 64:
        return f"a whole number of {value.bit_length()} bits"
    kind = {bool: "true or false", int: "a number", float: "a number", dict: "an object", list: "a list"}
    return f"{kind.get(type(value), type(value).__name__)}, {repr(value)[:60]}"


def quoted(names: Iterable[str]) -> str:
    """The first names in quotes, and how many more there are."""
    return listed([repr(name[:60]) for name in names])


def listed(items: Sequence[str]) -> str:
    """The first items, and how many more there are."""
    more = f" and {len(items) - MOST_LISTED:,} more" if len(items) > MOST_LISTED else ""
    return ", ".join(items[:MOST_LISTED]) + more


def only(names: Sequence[str]) -> str | None:
    """The name if there is just one."""
    return names[0] if len(names) == 1 else None
