"""What a study says of the classes: their names and the positive one.

Imported by the Snakefile, hence light: nothing here may import NumPy, pandas or TensorFlow.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Classes:
    """Names and positive class of a resolved study.

    Attributes:
        settings: `dataset` of the study.
        folder: that holds classes.json and positive.json once they are made.
    """

    settings: dict[str, Any]
    folder: Path

    @property
    def names(self) -> dict[str, str]:
        """Published label -> the name to show, where the study gives one."""
        return self.settings["label_names"]

    @property
    def positive(self) -> str | None:
        """Published label of the positive class, None for the last; what was recorded, as long as it means the same."""
        given = self._given()
        try:
            classes = json.loads((self.folder / "classes.json").read_text(encoding="utf-8"))
            labels, names = classes["labels"], classes.get("names", [])
            recorded = json.loads((self.folder / "positive.json").read_text(encoding="utf-8"))["given"]
            is_same = positive_code(labels, recorded, names) == positive_code(labels, given, names)
            return recorded if is_same else given
        except (OSError, ValueError, LookupError, TypeError):
            # Not made yet, or damaged, or a label that the data do not have: the rule will say so.
            return given

    @property
    def named(self) -> dict[str, Any]:
        """The labels that the study names, to be looked up before anything is trained."""
        return {"positive": self._given(), "named": list(self.names)}

    def _given(self) -> str | None:
        """The study's positive class by its published label; it may be named by its display name too."""
        positive = self.settings.get("positive")
        return None if positive is None else published_label(positive, self.names)


def label_text(label: Any) -> str:
    """A label of a study as build_npz writes it: booleans in lower case, as YAML and JSON have them, 1.0 as 1."""
    if isinstance(label, float) and label.is_integer():
        return str(int(label))
    return str(label).lower() if isinstance(label, bool) else str(label)


def published_label(given: Any, names: Mapping[str, str]) -> str:
    """A label that a study names by its published form, or by the name to show.

    Args:
        given: as YAML reads it.
        names: published label -> the name to show.
    """
    label = label_text(given)
    if label in names:
        return label
    return next((published for published, name in names.items() if str(name) == label), label)


def weights_in_words(weights: str | Mapping[str, float], names: Mapping[str, str]) -> str:
    """A `class_weight` for people, labels by the names to show; a number comes first, which no spreadsheet runs."""
    if isinstance(weights, str):
        return weights
    return ", ".join(f"{weight:g} for {names.get(label, label)}" for label, weight in weights.items())


def positive_code(labels: Sequence[str], positive: str | None, names: Sequence[str] = ()) -> int | None:
    """Code of the positive class: by its label, or its name in the published file, or the last of two.

    Returns:
        The code; None where there are more than two.

    Raises:
        ValueError: a label that is not there.
    """
    if positive is not None:
        return labels.index(positive) if positive in labels else names.index(positive)
    return len(labels) - 1 if len(labels) <= 2 else None
