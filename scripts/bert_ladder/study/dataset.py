"""A study's data set: its published files, what they are called here, and how a part is read out of them.

Imported by the Snakefile, hence light: nothing here may import NumPy, pandas or TensorFlow.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bert_ladder.study.locations import safe_file_name
from bert_ladder.study.records import IF_FOUND, OPTIONS, DataRecords, Source
from bert_ladder.study.schema import StudyError


@dataclass(frozen=True)
class Dataset:
    """`dataset` of a resolved study; a part is a split ("train", "test", "validation") or a name of unlabelled texts.

    Attributes:
        settings: of the study.
        records: what was brought and read before.
    """

    settings: dict[str, Any]
    records: DataRecords

    @property
    def name(self) -> str:
        return self.settings["name"]

    @property
    def published(self) -> dict[str, dict[str, Any]]:
        """`published_files` of the data set, by the names that they have here."""
        return {self._kept[name]: file for name, file in published_files(self.settings).items()}

    @property
    def splits(self) -> list[str]:
        """The labelled parts, each read from a file, or two of them from one."""
        return ["train", "test", *(["validation"] if "validation" in self.settings else [])]

    @property
    def unlabelled(self) -> dict[str, dict[str, Any]]:
        """The sources of texts without labels, by name."""
        return self.settings["unlabelled"]

    @property
    def texts(self) -> list[str]:
        """All that can be tokenized, as it is called below <results>/data/."""
        joined = ["train_validation"] if "validation" in self.settings else []
        return ["train", "test", *joined, *(f"unlabelled/{name}" for name in self.unlabelled)]

    def files_of(self, part: str) -> list[str]:
        """The downloaded files that hold a part, one after the other."""
        return [f"<dataset>/{name}" for name in self._names(part)]

    def records_of(self, part: str) -> list[str]:
        """The records of `files_of`."""
        return [f"{file}.json" for file in self.files_of(part)]

    def source(self, file: str) -> Source:
        """Where a published file comes from."""
        names = {part: self._names(part) for part in published_sources(self.settings)}
        part = next(part for part, found in names.items() if file in found)
        key = f"dataset.{part}" if part in self.splits else f"dataset.unlabelled.{part}"
        key += f".parts[{names[part].index(file)}]" if len(names[part]) > 1 else ""
        return Source(key, **self.published[file])

    @cached_property
    def _kept(self) -> dict[str, str]:
        """The files that lie here under an earlier name; once for all, since jobs write records meanwhile."""
        files = published_files(self.settings)
        taken, kept = set(files), dict(zip(files, files, strict=True))
        for part in published_sources(self.settings):
            names = published_names(self.settings, part)
            for name in (one for one in names if kept[one] == one):
                # The order of several files counts, and their numbers are all that tells Snakemake of it.
                own = safe_file_name(files[name]["locations"][0], part)
                start = name.removesuffix(own) if len(names) > 1 else ""
                kept[name] = self.records.kept_name(name, Source(part, **files[name]), start, taken)
                taken.add(kept[name])
        return kept

    def _names(self, part: str) -> list[str]:
        """`published_names` as they are here."""
        return [self._kept[name] for name in published_names(self.settings, part)]

    def check_sources(self) -> None:
        """Refuse what cannot come true, by the records of what was brought; see `DataRecords.check_source`."""
        for file in self.published:
            self.records.check_source(file, self.source(file))

    def download(self, file: str) -> dict[str, Any]:
        """What the download of a published file needs, and leaves in its record."""
        return {"study": self.records.study} | self.published[file]

    def download_params(self, file: str) -> dict[str, Any]:
        """What changes with the content of a published file."""
        return self.records.download_params(file, self.source(file))

    def reading(self, part: str) -> dict[str, Any]:
        """How to read a part out of its published file."""
        source = published_sources(self.settings)[part]
        of_table = {key: self.settings.get(key) for key in ("text", "label")}
        own = {key: source[key] for key in (*OPTIONS, "test_texts") if key in source}
        held_out = None if part == "validation" else self.held_out
        is_training_file = part == "train" or held_out is not None
        of_split = {
            "held_out": held_out,
            "rare_classes": self.rare_classes if is_training_file else None,
            **{key: self.settings[key] for key in IF_FOUND},
        }
        if part in self.unlabelled:
            of_table["text"] = None  # each of the texts without labels names its own
            of_split = {}
        return of_table | own | of_split | {"max_bytes": self.settings["max_bytes"]}

    def reading_params(self, part: str) -> dict[str, Any]:
        """What changes with that which is read."""
        sources = {file: self.source(file) for file in self._names(part)}
        return self.records.reading_params(part, sources, self.reading(part))

    def place(self, part: str) -> dict[str, Any]:
        """The published file that holds a part, or several in a list, for the record of its reading."""
        names = self._names(part)
        return {"dataset": self.name, "file": names[0] if len(names) == 1 else names}

    @property
    def rare_classes(self) -> dict[str, Any] | None:
        """What to do with classes of few texts; None: they stay."""
        kind = self.settings["rare_classes"]
        if kind == "refuse":
            return None
        merged = self.settings["merged_class"] if kind == "merge" else ""
        return {"kind": kind, "at_least": self.settings["min_class_texts"], "merged": merged}

    @property
    def held_out(self) -> dict[str, Any] | None:
        """The share and seed of the test split where the data set has none of its own."""
        if "test" in self.settings:
            return None
        return {"fraction": self.settings["test_fraction"], "seed": self.settings["test_seed"]}


def locations(source: dict[str, Any]) -> list[str]:
    """The addresses of a published file, in order of preference."""
    return [source["url"]] if isinstance(source["url"], str) else source["url"]


def source_files(source: dict[str, Any]) -> list[dict[str, Any]]:
    """The files of a split, or of texts without labels: each with its `url`, and `sha256` where that is known."""
    if "parts" not in source:
        return [source]
    return [part if isinstance(part, dict) else {"url": part} for part in source["parts"]]


def published_files(dataset: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The files to download, by their names under resources/<dataset>/.

    What has the same addresses (one archive, or one file to hold a test split out of) is one file.

    Raises:
        StudyError: two files would have one name.
    """
    files: dict[str, dict[str, Any]] = {}
    for part, source in published_sources(dataset).items():
        for name, one in zip(published_names(dataset, part), source_files(source), strict=True):
            file = files.setdefault(name, {"locations": locations(one), "sha256": None})
            if file["locations"] != locations(one):
                raise StudyError(
                    f"dataset: {file['locations'][0]} and {locations(one)[0]} would both be kept as {name}; rename one."
                )
            file["sha256"] = file["sha256"] or one.get("sha256", "").lower() or None
    return files


def published_sources(dataset: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Where each split and each of the unlabelled texts is."""
    splits = {split: dataset.get(split, dataset["train"]) for split in ("train", "test")}
    # The last, since a validation file that is added must not rename files that are there.
    validation = {"validation": dataset["validation"]} if "validation" in dataset else {}
    return splits | dataset.get("unlabelled", {}) | validation


def published_names(dataset: dict[str, Any], part: str) -> list[str]:
    """Names under resources/<dataset>/ of the files that hold a split, or unlabelled texts."""
    addresses = {
        name: [locations(file) for file in source_files(one)] for name, one in published_sources(dataset).items()
    }
    first = next(name for name, found in addresses.items() if found == addresses[part])
    if "parts" in published_sources(dataset)[part]:
        # Numbered, since files of several folders may share a name.
        names = [safe_file_name(found[0], first) for found in addresses[part]]
        return [f"{first}-{number}-{name}" for number, name in enumerate(names, 1)]
    name = safe_file_name(addresses[first][0][0], first)
    # The splits, and texts without labels that stand before: ones that are added must not rename files that are there.
    before = list(addresses)[: max(2, list(addresses).index(first))]
    others = {
        safe_file_name(addresses[other][0][0], other).lower()
        for other in before
        if addresses[other] != addresses[first]
    }
    return [f"{first}-{name}" if first == "validation" or name.lower() in others else name]
