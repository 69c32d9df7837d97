"""With which settings the rows of a study were trained: what all share, and in what they differ."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from bert_ladder.report.html import Table

ABSENT = "\N{EN DASH}"


def shared_settings(records: Mapping[str, dict[str, Any]]) -> Table | None:
    """The settings that are the same in all rows; None without rows.

    Args:
        records: a training.json of each row by its name.
    """
    if not records:
        return None
    first, *others = (record["training"] for record in records.values())
    lines = [
        [name, setting(value)]
        for name, value in first.items()
        if value is not None and all(other.get(name) == value for other in others)
    ]
    return Table(["Setting", "Value"], lines, "ll") if lines else None


def differing_settings(records: Mapping[str, dict[str, Any]]) -> Table | None:
    """A line per row with the settings in which rows differ; None where they do not.

    Args:
        records: see `shared_settings`.
    """
    trainings = {name: record["training"] for name, record in records.items()}
    names = dict.fromkeys(name for training in trainings.values() for name in training)
    differing = [name for name in names if len({setting(training.get(name)) for training in trainings.values()}) > 1]
    if not differing:
        return None
    lines = [[row, *(setting(training.get(name)) for name in differing)] for row, training in trainings.items()]
    return Table(["Row", *differing], lines, "l" + "r" * len(differing))


def setting(value: Any) -> str:
    """A value as the study file writes it; a dash where there is none."""
    if value is None:
        return ABSENT
    if isinstance(value, float):
        return f"{value:.6g}"
    return value if isinstance(value, str) else json.dumps(value)


def machines(records: Sequence[dict[str, Any]], timed: Sequence[dict[str, Any]]) -> list[str]:
    """On what the rows were trained and timed, a sentence for each.

    Args:
        records: training.json of every BERT run.
        timed: the lines of table.csv.
    """
    lines = []
    devices = dict.fromkeys(_device(str(record["device"])) for record in records)
    if devices:
        lines.append(f"Trained on {', '.join(devices)}.")
    found = {
        f"{row['processor']}, {row['cores']:.0f} cores, {row['threads']:.0f} threads"
        for row in timed
        if isinstance(row.get("processor"), str)
    }
    lines += [f"Answers timed on {machine}." for machine in sorted(found)]
    return lines


def _device(name: str) -> str:
    return "the CPU" if name.lower().startswith("cpu") else name
