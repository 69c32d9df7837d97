"""The browser of mistakes: which texts it shows, what it says of them, and what hostile text can do to it."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bert_ladder.data.frames import DATA_COLUMN, LABEL_COLUMN, write_labels
from bert_ladder.evaluation.predictions import predictions_frame
from bert_ladder.report.entries import CHARACTERS
from bert_ladder.report.errors_page import render_errors
from bert_ladder.report.mistakes import ENTRIES, choose_entries, read_row_predictions
from bert_ladder.runtime.jobs import BadInput

HOSTILE = "</script><script>window.pwned = 1</script><!-- <img src=x onerror='window.pwned = 1'>"
LARGEST = 3 * 2**19  # bytes that Chromium opens inside Snakemake's report


def write_study(
    folder: Path, labels: list[int], rows: dict[str, list[Any]], texts: list[str] | None = None, classes: int = 2
) -> dict[str, Any]:
    """The files of a study whose rows have the given probabilities of each text's class 1, one list per seed.

    A probability may also be a whole line of probabilities, one per class.
    """
    texts = texts or [f"text {i}" for i in range(len(labels))]
    frame = pd.DataFrame({DATA_COLUMN: texts, LABEL_COLUMN: np.array(labels, np.int16)})
    frame.to_parquet(folder / "test.parquet")
    write_labels(folder / "labels.json", [f"class {code}" for code in range(classes)], 1 if classes == 2 else None)
    paths, runs = [], []
    for model, seeds in rows.items():
        for seed, values in enumerate(seeds):
            lines = [value if np.ndim(value) else [1 - value, value] for value in values]
            order = np.arange(len(labels))
            test = predictions_frame("test", order, np.array(labels), np.array(lines, np.float32))
            # Out of order, and with other parts, as runs have them.
            parts = [test[::-1], predictions_frame("train", [0], [0], np.eye(classes)[[1]])]
            paths.append(folder / f"{len(paths)}.parquet")
            pd.concat(parts, ignore_index=True).to_parquet(paths[-1])
            runs.append({"model": model, "seed": seed, "kind": "bert"})
    return {"paths_predictions": paths, "runs": runs}


def render(folder: Path, study: dict[str, Any]) -> str:
    """The page of a study."""
    render_errors(
        **study, path_test=folder / "test.parquet", path_labels=folder / "labels.json", path_page=folder / "p"
    )
    return (folder / "p").read_text(encoding="utf-8")


def data_of(page: str) -> dict[str, Any]:
    """What the page's script reads."""
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)[1])


def simulate(rows: int, texts: int, seeds: int, classes: int = 2) -> tuple[list[int], dict[str, Any]]:
    """Labels and predictions of rows, each a little better than the one before."""
    generator = np.random.default_rng(0)
    labels = generator.integers(0, classes, texts)
    known = np.eye(classes)[labels]
    found = {}
    for row in range(rows):
        scores = generator.normal(size=(seeds, texts, classes)) + known * (0.5 + 0.2 * row)
        odds = np.exp(scores)
        found[f"row {row}"] = list(odds / odds.sum(axis=2, keepdims=True))
    return labels.tolist(), found


def test_entry_tells_label_predictions_and_seeds(tmp_path: Path):
    """Each row's prediction is the class of the highest mean probability over its seeds, with the seeds that agree."""
    rows = {"one": [[0.9, 0.2]], "three": [[0.9, 0.2], [0.9, 0.3], [0.0, 0.7]]}
    data = data_of(render(tmp_path, write_study(tmp_path, [0, 0], rows, ["bad film", "fine"])))
    assert data["models"] == ["one", "three"]
    assert data["seeds"] == [1, 3]
    assert data["labels"] == ["class 0", "class 1"]
    [entry] = data["entries"]
    assert {key: entry[key] for key in ("row", "text", "length", "label")} == {
        "row": 0, "text": "bad film", "length": 8, "label": 0,
    }  # fmt: skip
    assert entry["rows"] == [[1, 0.9, 0], [1, 0.6, 1]]
    assert entry["mistake"]
    assert not entry["disagreement"]


def test_surest_mistakes_come_first_and_every_row_has_its_share(tmp_path: Path):
    """A row that is unsure of everything still shows its surest mistakes beside those of a row that is always sure."""
    generator = np.random.default_rng(1)
    sure, unsure = 1 - generator.random(400) / 100, 0.5 + generator.random(400) / 100
    # The one is wrong on the first 400 texts, the other on the last 400.
    rows = {"sure": [[*sure, *[0.1] * 400]], "unsure": [[*[0.1] * 400, *unsure]]}
    entries = data_of(render(tmp_path, write_study(tmp_path, [0] * 800, rows)))["entries"]
    mistakes = [entry["row"] for entry in entries if entry["mistake"]]
    assert mistakes[:2] == [np.argmax(sure), 400 + np.argmax(unsure)]
    top = {*np.argsort(-sure, kind="stable")[:40], *(400 + np.argsort(-unsure, kind="stable")[:40])}
    assert top <= set(mistakes)


def test_disagreements_are_where_all_seeds_of_a_row_oppose_another(tmp_path: Path):
    """A text that one row always gets right and another never comes before one on which a row's seeds are divided."""
    rows = {"a": [[0.9, 0.9, 0.9], [0.8, 0.9, 0.4]], "b": [[0.1, 0.8, 0.1], [0.1, 0.9, 0.1]]}
    study = write_study(tmp_path, [1, 0, 1], rows)
    predictions = read_row_predictions(study["paths_predictions"], study["runs"], np.array([1, 0, 1]))
    chosen = choose_entries(predictions)
    assert list(chosen) == [1, 0, 2]  # all rows are wrong on 1, "b" is on 0 and 2
    assert "disagreement" not in chosen[1]
    entries = data_of(render(tmp_path, study))["entries"]
    assert [entry["row"] for entry in entries if entry["disagreement"]] == [0, 2]


@pytest.mark.parametrize(("rows", "texts", "seeds", "classes"), [(1, 700, 1, 2), (12, 900, 3, 2), (4, 600, 10, 20)])
def test_no_more_than_the_limit(tmp_path: Path, rows: int, texts: int, seeds: int, classes: int):
    """However many mistakes, rows, seeds and classes there are, the page has 200 texts, none twice, some per row."""
    labels, predicted = simulate(rows, texts, seeds, classes)
    study = write_study(tmp_path, labels, predicted, classes=classes)
    page = render(tmp_path, study)
    wrong = read_row_predictions(study["paths_predictions"], study["runs"], np.array(labels)).wrong.sum(axis=1)
    entries = data_of(page)["entries"]
    assert len(entries) == ENTRIES == 200
    assert len({entry["row"] for entry in entries}) == 200
    for row in range(rows):
        assert sum(entry["rows"][row][0] != entry["label"] for entry in entries) >= min(wrong[row], 100 // rows)
    assert any(entry["disagreement"] for entry in entries) == (rows > 1)
    assert len(page.encode()) < LARGEST


def test_summary_counts_all_mistakes(tmp_path: Path):
    """The table above the texts speaks of the whole test split, not of the texts shown."""
    rows = {"bad": [[0.95] * 300 + [0.6] * 100 + [0.1] * 600], "NA": [[0.1] * 1000]}
    page = render(tmp_path, write_study(tmp_path, [0] * 1000, rows))
    assert "Of the 1,000 test texts, at least one row gets 400 wrong." in page
    lines = [re.findall(r"<td[^>]*>(.*?) *</td>", line) for line in page.split("<tbody>")[1].splitlines()]
    cells = [[cell.strip() for cell in line] for line in lines if line]
    assert cells == [["bad", "1", "400", "40.00 %", "300", "200"], ["NA", "1", "0", "0.00 %", "0", "0"]]


def test_no_mistakes_at_all(tmp_path: Path):
    """Where nothing is wrong the page says so and offers no controls."""
    page = render(tmp_path, write_study(tmp_path, [0, 1], {"a": [[0.1, 0.9]], "b": [[0.2, 0.8]]}))
    assert "Every row gets all 2 test texts right" in page
    assert "<select" not in page


def test_same_files_same_page(tmp_path: Path):
    """The page is a function of its inputs, ties included."""
    labels, predicted = simulate(3, 400, 2)
    predicted = {model: [np.round(values, 1) for values in seeds] for model, seeds in predicted.items()}
    study = write_study(tmp_path, labels, predicted)
    assert render(tmp_path, study) == render(tmp_path, study)


def test_predictions_of_another_test_split_are_refused(tmp_path: Path):
    """Predictions left over from other data are told by the file's name."""
    study = write_study(tmp_path, [0, 1, 1], {"a": [[0.9, 0.9, 0.9]]})
    pd.read_parquet(tmp_path / "test.parquet")[:2].to_parquet(tmp_path / "test.parquet")
    with pytest.raises(BadInput, match=r"0\.parquet: its 3 test labels differ from the 2"):
        render(tmp_path, study)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (HOSTILE, HOSTILE),
        ("a\x00b\x1b[31m\x7f", "a␀b␛[31m␡"),
        ("\N{RIGHT-TO-LEFT OVERRIDE}שלום", "\N{RIGHT-TO-LEFT OVERRIDE}שלום"),
        ("👩‍👩‍👧‍👦 line\nbreak\ttab", "👩‍👩‍👧‍👦 line\nbreak\ttab"),
        ("x" * 1_000_000, "x" * CHARACTERS),
        ("", ""),
    ],
    ids=["html", "control", "rtl", "emoji", "long", "empty"],
)
def test_any_text_arrives_whole_and_harmless(tmp_path: Path, text: str, shown: str):
    """Text reaches the page's data as it is but for control characters, cut at 600, and ends no element."""
    page = render(tmp_path, write_study(tmp_path, [0], {"a": [[0.9]]}, [text]))
    [entry] = data_of(page)["entries"]
    assert entry["text"] == shown
    assert entry["length"] == len(text)
    assert page.count("</script>") == 2
    assert "<!--" not in page
    assert len(page) < 20_000


def test_hostile_names_are_text(tmp_path: Path):
    """Names of rows and labels are escaped in the table and in the data; half a surrogate pair becomes a sign."""
    study = write_study(tmp_path, [0], {HOSTILE: [[0.9]]})
    names = {"names": [HOSTILE, "half \ud800"], "positive": 1}
    (tmp_path / "labels.json").write_text(json.dumps(names))
    page = render(tmp_path, study)
    assert data_of(page)["models"] == [HOSTILE]
    assert data_of(page)["labels"] == [HOSTILE, "half \N{REPLACEMENT CHARACTER}"]
    assert page.count("</script>") == 2
    assert "&lt;img src=x" in page
    assert "<img" not in page


def test_texts_may_be_left_out(tmp_path: Path):
    """Of a page for people who may not read them; labels and probabilities stay."""
    study = write_study(tmp_path, [0, 1], {"one": [[0.9, 0.2]]}, texts=["a secret", "another secret"])
    page = render(tmp_path, study | {"show_texts": False})
    assert "secret" not in page and "left out" in page
    assert [entry["rows"][0][0] for entry in data_of(page)["entries"]] == [1, 0]
