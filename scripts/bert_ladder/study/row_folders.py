"""Which folder holds the runs of a row: a row that is given another name keeps the one that it has.

Imported by the Snakefile, hence light: nothing here may import NumPy, pandas or TensorFlow.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bert_ladder.study.records import read_record
from bert_ladder.study.schema import StudyError

RECORD = "row.json"
# What makes a row what it is, beside its name.
IDENTITY = ("encoder", "training", "search")


def row_record(row: Mapping[str, Any]) -> dict[str, Any]:
    """What the record of a row's folder holds: the name and all that its runs are trained with, but for their seeds."""
    return {"name": row["name"], **{key: row.get(key) for key in IDENTITY}}


def kept_folders(rows: list[dict[str, Any]], runs: Path) -> dict[str, str]:
    """The rows that were renamed.

    A row has the folder whose record has its name; else that of its own name; else one of a row that is no longer in
    the study, with the same encoder and settings. Which one that is only decides what need not be trained again.

    Args:
        rows: as `resolve_row` gives them; their `path` is made of their name.
        runs: the folder with a folder per row.

    Returns:
        Name of the row -> its folder, for each row whose folder has not its own name.

    Raises:
        StudyError: the folder that a new row would have belongs to a row that was renamed.
    """
    records = {folder.name: record for folder in _folders(runs) if (record := _read(folder / RECORD))}
    names = {row["name"] for row in rows}
    by_path = {row["path"].lower(): row for row in rows}
    owned = {record["name"]: folder for folder, record in records.items() if record["name"] in names}
    kept: dict[str, str] = {}
    for row in rows:
        folder = owned.get(row["name"], row["path"] if row["path"] in records else None)
        if folder is None:
            same = [
                folder
                for folder, record in records.items()
                if record["name"] not in names
                and folder.lower() not in by_path
                and folder not in kept.values()
                and _is_same(record, row)
            ]
            folder = same[0] if same else row["path"]
        if folder != row["path"]:
            other = by_path.get(folder.lower())
            if other is not None:
                raise StudyError(
                    f"models: the row {other['name']!r} would have the folder {runs / folder}, which holds the runs "
                    f"of {row['name']!r}, a row that was renamed; choose another name for {other['name']!r}."
                )
            kept[row["name"]] = folder
    return kept


def _folders(runs: Path) -> list[Path]:
    return sorted(runs.iterdir()) if runs.is_dir() else []


def _read(path: Path) -> dict[str, Any] | None:
    """The record of a row; None for one that is not there or damaged."""
    record = read_record(path)
    return record if record is not None and isinstance(record.get("name"), str) else None


def _is_same(record: dict[str, Any], row: dict[str, Any]) -> bool:
    return all(record.get(key) == row.get(key) for key in IDENTITY)
