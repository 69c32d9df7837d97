"""The names of the classes and the positive one, as the study has them; nothing that trains reads the names."""

import logging
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from bert_ladder.data.frames import (
    read_class_names,
    read_classes,
    read_positive,
    read_settled,
    shortened,
    write_labels,
    write_positive,
)
from bert_ladder.data.named_labels import check_label_names, check_positive
from bert_ladder.runtime.jobs import BadInput
from bert_ladder.study.classes import positive_code

log = logging.getLogger(__name__)


def select_positive(path_classes: str | Path, path_positive: str | Path, positive: str | None) -> None:
    """Write positive.json: the class that precision, recall and F1 are of.

    Args:
        path_classes: classes.json.
        path_positive: file to write.
        positive: published label of the positive class of a two-class task, or its name in the published file; None:
            the last.

    Raises:
        BadInput: a label that the data do not have, or one of more than two.
    """
    labels, names = read_classes(path_classes), read_class_names(path_classes)
    check_positive(positive, labels, names, read_settled(path_classes))
    code = positive_code(labels, positive, names)
    write_positive(path_positive, code, positive)
    log.info("Positive class: %s", "none, macro averages" if code is None else labels[code])


def build_labels(
    path_classes: str | Path, path_positive: str | Path, path_labels: str | Path, label_names: Mapping[str, str]
) -> None:
    """Write labels.json: the names of the classes in the order of their codes, and the code of the positive one.

    Args:
        path_classes, path_positive: classes.json and positive.json.
        path_labels: file to write.
        label_names: display name of a published label; a label that is not there keeps its own, which is that of
            the published file if it has one.

    Raises:
        BadInput: a name for a label that the data do not have, or two labels of one name.
    """
    labels, own = read_classes(path_classes), read_class_names(path_classes)
    check_label_names(label_names, labels, own, read_settled(path_classes))
    names = [str(label_names.get(label, label_names.get(name, name))) for label, name in zip(labels, own, strict=True)]
    for name, count in Counter(names).items():
        if count > 1:
            raise BadInput(f"dataset.label_names: two labels are called '{name}'; give each a name of its own")
    write_labels(path_labels, names, read_positive(path_positive))
    log.info("Classes: %s", shortened(names))
