"""What the jobs of a data set have left beside their outputs, and whether a study still means the same.

A job's parameters are one dict, which it writes into its record. When the study is read, the recorded dict is passed on
as long as it means the same, so that Snakemake sees no change where there is none.

Imported by the Snakefile, hence light: nothing here may import NumPy, pandas or TensorFlow.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bert_ladder.study.addresses import without_password
from bert_ladder.study.contents import Contents
from bert_ladder.study.locations import is_local
from bert_ladder.study.schema import StudyError

# How a part is read, where the file itself can tell it.
OPTIONS = ("text", "label", "format", "columns", "delimiter", "folder", "classes", "file")

# What to do with something -> whether there was any, see `bert_ladder.data.readers.published.Found`.
IF_FOUND = {
    "empty_texts": "empty",
    "missing_labels": "missing_words",
    "distinct_labels": "alike",
    "many_classes": "many",
}

# Behind one of these the ending before it tells a file's form.
PACKED = (".gz", ".bz2", ".xz", ".zst")


@dataclass(frozen=True)
class Source:
    """Where a study takes a published file from.

    Attributes:
        key: of the study, such as "dataset.train".
        locations: in order of preference.
        sha256: expected by the study, None = any.
    """

    key: str
    locations: list[str]
    sha256: str | None

    @property
    def own_file(self) -> str | None:
        """The file of this machine, if it is the only location."""
        return self.locations[0] if len(self.locations) == 1 and is_local(self.locations[0]) else None

    @property
    def addresses(self) -> list[str]:
        """The locations as a record shows them."""
        return [without_password(location) for location in self.locations]


@dataclass(frozen=True)
class DataRecords:
    """The records of a study's data set.

    Attributes:
        outputs: the folder that holds resources and results.
        study: name of the study.
        dataset: name of the data set.
        contents: checksums of the files of this machine.
    """

    outputs: Path
    study: str
    dataset: str
    contents: Contents

    def copy(self, file: str) -> Path:
        """Where a published file lies once it was brought."""
        return self.outputs / "resources" / self.dataset / file

    def download(self, file: str) -> dict[str, Any] | None:
        """The record of a published file, as long as the file is there."""
        record = read_record(self.outputs / "resources" / self.dataset / f"{file}.json")
        return record if record is not None and "sha256" in record and self.copy(file).is_file() else None

    def kept_name(self, name: str, source: Source, start: str, taken: Collection[str]) -> str:
        """What a published file is called in resources/: a file that was renamed keeps the name that it was brought by.

        Only what was brought tells, and not what was read of it: the record of a job is gone while the job runs, and a
        node of a cluster reads the study again.

        Args:
            name: that it would have.
            source: where it comes from.
            start: what a kept name must begin with.
            taken: names of other files of the study.
        """
        taken = {other.lower() for other in taken}
        free = [other for other in self._brought() if other.lower() not in taken and other.startswith(start)]
        # Its own name first. The ending may tell the form.
        candidates = [name, *(other for other in free if _ending(other) == _ending(name))]
        return next((one for one in candidates if self._has(one, source)), name)

    def _has(self, file: str, source: Source) -> bool:
        """Whether a published file was brought under a name."""
        record = self.download(file)
        return record is not None and self._is_same(record, source)

    def _brought(self) -> list[str]:
        """The names of the files in resources/ that have a record."""
        records = sorted(self.copy("").glob("*.json"))
        return [path.stem for path in records if path.with_suffix("").is_file()]

    def content(self, source: Source) -> str | None:
        """The SHA-256 that a source is known to have: its own, or that which the study promises; None if unknown."""
        return (self.contents.sha256(source.own_file) if source.own_file else None) or source.sha256

    def download_params(self, file: str, source: Source) -> dict[str, Any]:
        """What Snakemake compares of a download: the content of a file of this machine, else where it comes from."""
        record = self.download(file)
        if record is not None and "params" in record and self._is_same(record, source):
            return record["params"]
        own = self.contents.sha256(source.own_file) if source.own_file else None
        return {"sha256": own} if own else {"locations": source.addresses, "sha256": source.sha256}

    def _is_same(self, record: dict[str, Any], source: Source) -> bool:
        """Whether a source gives what was brought: by its content where that is known, else by one address."""
        content = self.content(source)
        return record["sha256"] == content if content else bool(_addresses(record) & set(source.addresses))

    def check_source(self, file: str, source: Source) -> None:
        """Refuse a study by the record of what was brought before, without waiting for a job.

        Raises:
            StudyError: the study expects another checksum of it, its mirrors differ, the copy in resources/ was edited,
                another study uses that copy of another source, or a source lies where its own copy would.
        """
        copy = self.copy(file)
        if any(is_local(location) and Path(location).resolve() == copy.resolve() for location in source.locations):
            # Snakemake deletes the output of a job before it runs.
            raise StudyError(
                f"{source.key}.url: {copy} is where the copy of this data set goes, and the file would be replaced; "
                "keep it elsewhere, or give the data set another name."
            )
        own = self.contents.sha256(source.own_file) if source.own_file else None
        if own and source.sha256 and own != source.sha256:
            raise StudyError(
                f"{source.key}.sha256: {source.own_file} has the SHA-256 {own}, the study expects {source.sha256}; "
                "correct the checksum, or name the file that it is of."
            )
        self._check_mirrors(source)
        record = self.download(file)
        if record is None:
            return
        shared = bool(_addresses(record) & set(source.addresses))
        if not self._is_same(record, source):
            if shared and not source.own_file:
                raise StudyError(
                    f"{source.key}.sha256: {self.copy(file)}, brought from {record['source']}, has the SHA-256 "
                    f"{record['sha256']}, the study expects {source.sha256}; correct the checksum, or delete the file "
                    "to have it brought again."
                )
            others = [] if shared else self._other_users(file, record)
            if others:
                raise StudyError(
                    f"dataset.name: the study {others[0]!r} has a data set {self.dataset!r} too, whose {file} is from "
                    f"{record['source']} and not from {source.addresses[0]}; give this data set another name."
                )
        elif self.contents.sha256(self.copy(file)) not in (None, record["sha256"]):
            raise StudyError(
                f"{self.copy(file)}: is no longer what was brought from {record['source']} (SHA-256 "
                f"{record['sha256']}); edit {source.addresses[0] if source.own_file else 'a file of your own'} "
                "instead, and put the copy back or delete it to have it brought again."
            )

    def _check_mirrors(self, source: Source) -> None:
        """Refuse addresses of different files of this machine: only the first would be read, without a word."""
        sums = {path: self.contents.sha256(path) for path in source.locations if is_local(path)}
        files = {path: found for path, found in sums.items() if found is not None}
        for path, found in files.items():
            first = next(iter(files))
            if found != files[first]:
                raise StudyError(
                    f"{source.key}.url: {first} and {path} are different files, and several addresses are those of one "
                    f"file, of which the first that answers is read; write parts: [{first}, {path}] instead of url to "
                    "read all of them as one split."
                )

    def _other_users(self, file: str, record: dict[str, Any]) -> list[str]:
        """The other studies that brought a published file or have read it."""
        users = {record["study"]} if "study" in record else set()
        for path in (self.outputs / "results").glob("*/data/**/*.json"):
            reading = read_record(path)
            files = [] if reading is None or reading.get("dataset") != self.dataset else reading.get("file")
            if file in (files if isinstance(files, list) else [files]):
                users.add(path.relative_to(self.outputs / "results").parts[0])
        return sorted(users - {self.study})

    def reading_params(self, part: str, sources: Mapping[str, Source], settings: dict[str, Any]) -> dict[str, Any]:
        """What Snakemake compares of the reading of a part.

        Args:
            part: a split, or the name of unlabelled texts.
            sources: of each of the published files, in their order.
            settings: how the study says to read them.
        """
        folder = self.outputs / "results" / self.study / "data"
        folder = folder if part in ("train", "test", "validation") else folder / "unlabelled"
        record = read_record(folder / f"{part}.json")
        if record is None or not {"params", "found", "sha256"} <= record.keys():
            return settings
        found = []
        for file, source in sources.items():
            brought = self.download(file)
            if brought is None or not self._is_same(brought, source):
                return settings
            found.append(brought["sha256"])
        if record["sha256"] != (found[0] if len(found) == 1 else found):
            return settings
        return record["params"] if is_same_reading(settings, record["params"], record["found"]) else settings


def is_same_reading(settings: dict[str, Any], before: dict[str, Any], found: dict[str, Any]) -> bool:
    """Whether a file is read as it was before.

    Args:
        settings: how to read it now.
        before: how it was read.
        found: what was found in it then, see `bert_ladder.data.readers.published.Found`.
    """
    # Where there was nothing of the kind it does not matter what would be done with it.
    unneeded = [key for key, what in IF_FOUND.items() if not found.get(what)]
    unread = (*OPTIONS, "max_bytes", *unneeded)
    others = [key for key in {*settings, *before} if key not in unread]
    if any(settings.get(key) != before.get(key) for key in others) or settings["max_bytes"] < found["bytes"]:
        return False
    return all(_is_same_option(key, settings, before, found) for key in OPTIONS)


def _is_same_option(key: str, settings: dict[str, Any], before: dict[str, Any], found: dict[str, Any]) -> bool:
    now = settings.get(key)
    if now == before.get(key):
        return True
    if key in ("text", "label") and not found["columns"]:
        return True  # no table
    if key == "label" and "held_out" not in settings:
        # Texts without labels: a column of that name must not be there, unless that of the texts is named.
        return settings.get("text") is not None or now not in found["columns"]
    if now is None or key == "columns":
        return False  # with names given the first line is a row
    if key == "format":
        return now in found["formats"]
    if key == "classes":
        return found["classes"] is not None and sorted(now) == found["classes"]
    return now == found.get(key)


def _ending(name: str) -> list[str]:
    """What tells a file's form in its name."""
    endings = Path(name.lower()).suffixes
    return endings[-2:] if endings[-1:] and endings[-1] in PACKED else endings[-1:]


def _addresses(record: dict[str, Any]) -> set[str]:
    return {record.get("source", ""), *record.get("params", {}).get("locations", [])} - {""}


def read_record(path: Path) -> dict[str, Any] | None:
    """A record; None for one that is not there or damaged."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None
