"""check_weights: what a text of each class weighs, and labels that there are not."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from bert_ladder.data.class_weights import class_weights
from bert_ladder.data.frames import write_classes
from bert_ladder.runtime.jobs import BadInput
from check_weights import main

CODES = np.array([0, 0, 0, 0, 0, 0, 1, 1, 3], np.int16)
LABELS = ["a", "b", "c", "d"]


def test_balanced_classes_weigh_the_same() -> None:
    """Each class with texts has an equal share of the weight, which is as much as there are texts."""
    weights = class_weights("balanced", CODES, LABELS)
    np.testing.assert_allclose(weights, [9 / (3 * 6), 9 / (3 * 2), 1, 9 / (3 * 1)])
    np.testing.assert_allclose(np.bincount(CODES, weights[CODES]), [3, 3, 0, 3])


def test_given_weights_are_those_of_their_labels() -> None:
    """A label that is not named weighs 1; without weights there are none."""
    assert class_weights({"d": 10.0, "a": 0.5}, CODES, LABELS).tolist() == [0.5, 1, 1, 10]
    assert class_weights(None, CODES, LABELS) is None


def test_unknown_label_is_refused_in_one_sentence(tmp_path: Path) -> None:
    """By the job that looks it up before anything is trained, which names the row, and by the training."""
    expected = r"class_weight: 'e' is no label of the data; the labels are 'a', 'b', 'c', 'd'$"
    with pytest.raises(BadInput, match=expected):
        class_weights({"e": 2.0}, CODES, LABELS)
    write_classes(tmp_path / "classes.json", LABELS)
    job = SimpleNamespace(
        input=SimpleNamespace(classes=tmp_path / "classes.json"),
        params=SimpleNamespace(weighted={"Tiny": ["a", "d"], "NB-SVM": ["b"]}),
        output=SimpleNamespace(weighted=tmp_path / "weighted.json"),
    )
    main(job)
    assert json.loads(job.output.weighted.read_text()) == job.params.weighted
    job.params.weighted = {"Tiny": ["a"], "NB-SVM": ["e"]}
    with pytest.raises(BadInput, match="class_weight of 'NB-SVM': 'e' is no label of the data"):
        main(job)
