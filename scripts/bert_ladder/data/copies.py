"""The published files as they lie in resources/, each beside its record, and the record of what was read of one."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bert_ladder.data.readers.published import Found
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


@dataclass(frozen=True)
class ReadingRecord:
    """The record of a reading, by which a later study is compared.

    Attributes:
        path: JSON file to write.
        place: `dataset` and `file` that were read.
        params: what Snakemake compared.
    """

    path: Path | str
    place: Mapping[str, str]
    params: Mapping[str, Any]

    def write(self, sha256: str, found: Found) -> None:
        """Write what was read, and what was found in it."""
        record = {**self.place, "sha256": sha256, "params": dict(self.params), "found": asdict(found)}
        Path(self.path).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
