"""select_positive: the class that precision, recall and F1 are of."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from bert_ladder.data.frames import write_classes
from bert_ladder.runtime.jobs import BadInput
from select_positive import main


def positive_of(folder: Path, classes: list[str], positive: str | None) -> int | None:
    """The code in positive.json, which has what was given beside it."""
    write_classes(folder / "classes.json", classes)
    files = SimpleNamespace(classes=folder / "classes.json", positive=folder / "positive.json")
    main(SimpleNamespace(input=files, output=files, params=SimpleNamespace(positive=positive)))
    found = json.loads(files.positive.read_text())
    assert found["given"] == positive
    return found["positive"]


@pytest.mark.parametrize(
    ("classes", "positive", "code"),
    [(["neg", "pos"], "neg", 0), (["neg", "pos"], "pos", 1), (["neg", "pos"], None, 1), (["a", "b", "c"], None, None)],
    ids=["first", "last", "default", "of three"],
)
def test_positive_class_is_the_studys(tmp_path: Path, classes: list[str], positive: str | None, code: int) -> None:
    """By its published label; the last of two where the study has none, and none of more."""
    assert positive_of(tmp_path, classes, positive) == code


@pytest.mark.parametrize(
    ("classes", "expected"),
    [
        (["a", "b"], "dataset.positive: 'c' is no label of the data; the labels are 'a', 'b'"),
        (["a", "b", "c"], "dataset.positive: found 'c', but there are 3 classes"),
    ],
)
def test_wrong_class_gets_one_sentence(tmp_path: Path, classes: list[str], expected: str) -> None:
    """With the key and what is there."""
    with pytest.raises(BadInput, match=expected) as caught:
        positive_of(tmp_path, classes, "c")
    assert "\n" not in str(caught.value)


def test_positive_class_by_its_name_in_the_file(tmp_path: Path) -> None:
    """Where the published file has names for its codes."""
    write_classes(tmp_path / "classes.json", ["0", "1"], ["unacceptable", "acceptable"])
    files = SimpleNamespace(classes=tmp_path / "classes.json", positive=tmp_path / "positive.json")
    for positive, code in (("unacceptable", 0), ("1", 1), (None, 1)):
        main(SimpleNamespace(input=files, output=files, params=SimpleNamespace(positive=positive)))
        assert json.loads(files.positive.read_text())["positive"] == code
