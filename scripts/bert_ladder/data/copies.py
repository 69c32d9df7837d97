"""The published files as they lie in resources/, each beside its record, and the record of what was read of one."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from bert_ladder.data.readers.published import Found, PublishedFile
from bert_ladder.runtime.jobs import BadInput


@dataclass(frozen=True)
class Copy:
    """A file that download_dataset brought.

    Attributes:
        path: where it lies.
        source: where it came from.
        sha256: of its content.
    """

    path: Path
    source: str
    sha256: str

    @property
    def shown(self) -> Path:
        """What to call it in messages: the user's own file where it came from one, else the copy."""
        return self.path if "://" in self.source else Path(self.source)


def checked_copy(path_data: Path | str, path_record: Path | str) -> Copy:
    """A published file that is still what was brought.

    Args:
        path_data: the copy.
        path_record: its record, as `download_dataset` writes it.

    Raises:
        BadInput: it was edited.
    """
    record = json.loads(Path(path_record).read_text(encoding="utf-8"))
    with Path(path_data).open("rb") as opened:
        found = hashlib.file_digest(opened, "sha256").hexdigest()
    if found != record["sha256"]:
        raise BadInput(
            f"{path_data}: is not what was brought from {record['source']}: its SHA-256 is {found}, it was "
            f"{record['sha256']}; delete the copy to have it brought again, and edit files of your own only"
        )
    return Copy(Path(path_data), record["source"], found)


def checked_copies(paths_data: Sequence[str], paths_record: Sequence[str]) -> list[Copy]:
    """`checked_copy` of each of the files of a split."""
    return [checked_copy(data, record) for data, record in zip(paths_data, paths_record, strict=True)]


def published_file(copies: Sequence[Copy], name: str, **options: Any) -> PublishedFile:
    """The published file of a split, or several as one.

    Args:
        copies: of its files, in their order.
        name: of the split, or of texts without labels.
        options: of `PublishedFile`.
    """
    first = PublishedFile(path=copies[0].shown, name=name, copy=copies[0].path, **options)
    if len(copies) == 1:
        return first
    parts = [replace(first, path=copy.shown, copy=copy.path) for copy in copies]
    return replace(first, path=Path(first.key("parts")), copy=None, parts=parts)


@dataclass(frozen=True)
class ReadingRecord:
    """The record of a reading, by which a later study is compared.

    Attributes:
        path: JSON file to write.
        place: `dataset` and `file` that were read; of several files a list.
        params: what Snakemake compared.
    """

    path: Path | str
    place: Mapping[str, Any]
    params: Mapping[str, Any]

    def write(self, copies: Sequence[Copy], found: Found) -> None:
        """Write what was read, and what was found in it."""
        sums = [copy.sha256 for copy in copies]
        sha256 = sums[0] if len(sums) == 1 else sums
        record = {**self.place, "sha256": sha256, "params": dict(self.params), "found": asdict(found)}
        Path(self.path).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
