"""What a text of each class weighs in a training, as a study says it or by how rare the class is."""

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from sklearn.utils.class_weight import compute_class_weight

from bert_ladder.data.frames import read_classes, shortened
from bert_ladder.data.named_labels import label_hint
from bert_ladder.runtime.jobs import BadInput

log = logging.getLogger(__name__)


def class_weights(
    class_weight: str | Mapping[str, float] | None, codes: np.ndarray, labels: Sequence[str]
) -> np.ndarray | None:
    """The weight of each class.

    Args:
        class_weight: "balanced", n / (classes x texts of the class), which sums to n over the texts; or the weight of
            some labels as published, that of the others being 1; or None.
        codes: classes of the texts that are trained on, integers, shape (n,).
        labels: the published labels in the order of their codes.

    Returns:
        float64, shape (classes,), 1 for a class without a text; None where nothing is weighted.

    Raises:
        BadInput: a label that the data do not have.
    """
    if class_weight is None:
        return None
    weights = np.ones(len(labels))
    if isinstance(class_weight, str):
        present = np.unique(codes)
        weights[present] = compute_class_weight(class_weight, classes=present, y=codes)
        return weights
    _check_labels(class_weight, labels, "class_weight")
    return np.array([class_weight.get(label, 1.0) for label in labels])


def check_weights(path_classes: str | Path, weighted: Mapping[str, Sequence[str]], path_checked: str | Path) -> None:
    """Write which labels have a weight of their own, by row.

    Args:
        path_classes: classes.json.
        weighted: the labels as published, by the name of the row or baseline that weighs them.
        path_checked: JSON file to write.

    Raises:
        BadInput: a label that the data do not have.
    """
    labels = read_classes(path_classes)
    for name, of_row in weighted.items():
        _check_labels(of_row, labels, f"class_weight of '{name}'")
    Path(path_checked).write_text(json.dumps(weighted, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    log.info("Weighted labels: %s", shortened(sorted({label for of_row in weighted.values() for label in of_row})))


def _check_labels(named: Sequence[str] | Mapping[str, float], labels: Sequence[str], key: str) -> None:
    for label in named:
        if label not in labels:
            hint = label_hint(label, labels)
            raise BadInput(f"{key}: '{label}' is no label of the data; the labels are {shortened(labels)}{hint}")
