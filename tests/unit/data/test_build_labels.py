"""build_labels: the names of the classes, and which of them is positive."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from bert_ladder.data.frames import read_labels, write_classes, write_positive
from bert_ladder.runtime.jobs import BadInput
from build_labels import main


def labels_of(folder: Path, classes: list[str], names: dict[str, str]) -> tuple[list[str], int | None]:
    """The content of labels.json."""
    write_classes(folder / "classes.json", classes)
    write_positive(folder / "positive.json", 0, classes[0])
    files = SimpleNamespace(**{name: folder / f"{name}.json" for name in ("classes", "positive", "labels")})
    main(SimpleNamespace(input=files, output=files, params=SimpleNamespace(label_names=names)))
    return read_labels(files.labels)


def test_names_keep_the_order_of_the_codes(tmp_path: Path) -> None:
    """Naming one or both does not turn them round, whatever the letters of their names."""
    named = {"neg": "unfavourable", "pos": "favourable"}
    assert labels_of(tmp_path, ["neg", "pos"], named) == (["unfavourable", "favourable"], 0)
    assert labels_of(tmp_path, ["neg", "pos"], {"neg": "x"}) == (["x", "pos"], 0)
    assert labels_of(tmp_path, ["neg", "pos"], {}) == (["neg", "pos"], 0)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ({"x": "y"}, "label_names: 'x' is no label of the data; the labels are 'a', 'b'"),
        ({"a": "b"}, "label_names: two labels are called 'b'; give each"),
    ],
)
def test_wrong_names_get_one_sentence(tmp_path: Path, names: dict[str, str], expected: str) -> None:
    """With their key and what is there."""
    with pytest.raises(BadInput, match=expected) as caught:
        labels_of(tmp_path, ["a", "b"], names)
    assert "\n" not in str(caught.value)


def test_names_of_the_published_file_are_shown(tmp_path: Path) -> None:
    """Unless the study has others, for the label or for its name."""
    write_positive(tmp_path / "positive.json", 0, None)
    files = SimpleNamespace(**{name: tmp_path / f"{name}.json" for name in ("classes", "positive", "labels")})
    for given, expected in (
        ({}, ["neg", "pos"]),
        ({"0": "bad"}, ["bad", "pos"]),
        ({"pos": "good", "0": "bad"}, ["bad", "good"]),
    ):
        write_classes(files.classes, ["0", "1"], ["neg", "pos"])
        main(SimpleNamespace(input=files, output=files, params=SimpleNamespace(label_names=given)))
        assert read_labels(files.labels) == (expected, 0)
