"""The audit in words: numbers, sentences, and what it warns of."""

import json
import re
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bert_ladder.data.audit import audit_texts, audit_tokens
from bert_ladder.data.frames import DATA_COLUMN, LABEL_COLUMN, plain, write_labels
from bert_ladder.report.audit_page import render_audit

HOSTILE = "<img src=x onerror='window.pwned = 1'>"

NEAR = {
    "threshold": 0.7,
    "words": 3,
    "missed": 0.01005,
    "complete": True,
    "pairs": {"train": 0, "test": 0, "across": 0},
    "test_rows": 0,
    "worst": {"train": [], "test": [], "across": []},
}


def audit_of(folder: Path, train: list[str], test: list[str], train_labels: list[int], test_labels: list[int]) -> dict:
    """What the audit counts of some texts, cut at 4 and 8 WordPieces, one per word."""
    splits = {"train": (train, train_labels), "test": (test, test_labels)}
    frames = {
        split: pd.DataFrame({DATA_COLUMN: texts, LABEL_COLUMN: np.array(labels, np.int16)})
        for split, (texts, labels) in splits.items()
    }
    counts = {split: np.array([len(text.split()) for text in texts]) for split, (texts, _) in splits.items()}
    names = ["bad", HOSTILE, "odd"][: max(train_labels + test_labels) + 1]
    plain_texts = {split: frame[DATA_COLUMN].map(plain) for split, frame in frames.items()}
    audit = audit_texts(frames, names, plain_texts)
    return audit | {"left_out": {"train": 0, "test": 0}, "vocabularies": {"own": audit_tokens(counts, [4, 8])}}


def page_of(
    folder: Path, audit: dict[str, Any], positive: int | None = None, near: dict[str, Any] | None = None
) -> str:
    """The page of an audit."""
    write_labels(folder / "labels.json", list(audit["labels"]["train"]), positive)
    (folder / "audit.json").write_text(json.dumps(audit))
    (folder / "near.json").write_text(json.dumps(NEAR if near is None else near))
    render_audit(folder / "audit.json", folder / "near.json", folder / "labels.json", folder / "audit.html")
    return (folder / "audit.html").read_text(encoding="utf-8")


def lines_of(page: str, heading: str) -> list[list[str]]:
    """Cells of the table below a heading."""
    table = page.split(f"<h2>{heading}</h2>")[1].split("</table>")[0]
    lines = (re.findall(r"<td[^>]*>(.*?)</td>", line) for line in table.splitlines())
    return [[unescape(cell).strip() for cell in line] for line in lines if line]


def findings_of(page: str) -> list[str]:
    """What the page warns of."""
    return [unescape(finding).replace("\N{NO-BREAK SPACE}", " ") for finding in re.findall(r"<li>(.*?)</li>", page)]


@pytest.fixture
def clean(tmp_path: Path) -> dict[str, Any]:
    """An audit of 2,000 + 1,000 sound texts."""
    train, test = ([f"text {split} {i}" for i in range(size)] for split, size in (("a", 2000), ("b", 1000)))
    return audit_of(tmp_path, train, test, [0, 1] * 1000, [0, 1] * 500)


def test_sound_data_raise_no_finding(tmp_path: Path, clean: dict[str, Any]):
    """Nothing is made up about data in which nothing is wrong, except that all of them are cut at a length of 4."""
    page = page_of(tmp_path, clean)
    assert findings_of(page) == [
        "At a length of 4, 100.0 % of the training texts and 100.0 % of the test texts are cut (vocabulary own)."
    ]
    del clean["vocabularies"]["own"]["cut"]["4"]
    page = page_of(tmp_path, clean)
    assert findings_of(page) == []
    assert "Nothing stands out." in page


def test_tables_hold_the_numbers(tmp_path: Path):
    """Each number of the audit stands in the table under its heading."""
    train = ["a b c", "a b c", "d e", "f " * 10, "leak"]
    audit = audit_of(tmp_path, train, ["leak", "leak", "x", "y"], [0, 1, 0, 0, 1], [1, 1, 0, 0])
    audit["left_out"]["test"] = 2
    page = page_of(tmp_path, audit, positive=1)
    assert lines_of(page, "Texts") == [["Training", "5", "0"], ["Test", "4", "2"]]
    repeated = lines_of(page, "Repeated and contradictory texts")
    assert repeated == [["Training", "1", "1", "20.0 %", "1"], ["Test", "1", "1", "25.0 %", "0"]]
    assert lines_of(page, "Test texts that are training texts too") == [["1", "1", "2", "50.0 %"]]
    assert lines_of(page, "Labels") == [["bad", "3", "60.0 %", "2", "50.0 %"], [HOSTILE, "2", "40.0 %", "2", "50.0 %"]]
    lengths = lines_of(page, "Lengths")
    assert lengths[0] == ["characters", "Training", "3", "5", "7", "14", "19", "20"]
    assert [line[0] for line in lengths] == [
        *["characters"] * 2, *["words"] * 2, *["WordPieces of own"] * 2,
    ]  # fmt: skip
    assert lines_of(page, "Cut texts") == [["own", "4", "60.0 %", "0.0 %"], ["own", "8", "20.0 %", "0.0 %"]]
    assert "F1, here of the label “&lt;img" in page


def test_validation_file_has_lines_and_findings_of_its_own(tmp_path: Path):
    """A part that was drawn has none: its texts are training texts as published."""
    frames = {
        split: pd.DataFrame({DATA_COLUMN: texts, LABEL_COLUMN: np.array([0, 1] * (len(texts) // 2), np.int16)})
        for split, texts in {
            "train": ["a", "b"],
            "validation": ["a", "v", "t", "t"],
            "test": ["t", "u"],
        }.items()
    }
    cut = audit_tokens({split: np.full(len(frame), 9) for split, frame in frames.items()}, [8])
    texts = {split: frame[DATA_COLUMN] for split, frame in frames.items()}
    left_out = {"left_out": dict.fromkeys(frames, 0)}
    page = page_of(tmp_path, audit_texts(frames, ["bad", "good"], texts) | left_out | {"vocabularies": {"own": cut}})
    assert lines_of(page, "Texts") == [["Training", "2", "0"], ["Validation", "4", "0"], ["Test", "2", "0"]]
    shared = lines_of(page, "Validation texts of the other splits")
    assert shared == [["Training", "1", "1", "25.0 %"], ["Test", "1", "2", "50.0 %"]]
    assert "The validation part is a file of its own, 4 texts" in page
    assert lines_of(page, "Labels")[0] == ["bad", "1", "50.0 %", "2", "50.0 %", "1", "50.0 %"]
    assert lines_of(page, "Cut texts") == [["own", "8", "100.0 %", "100.0 %", "100.0 %"]]
    findings = "\n".join(findings_of(page))
    assert "25.0 % of the validation texts are training texts too: rows are chosen by what they remember." in findings
    assert "50.0 % of the validation texts are test texts too: rows are chosen by the test." in findings
    drawn = page_of(tmp_path, audit_of(tmp_path, ["a", "b"], ["c", "d"], [0, 1], [0, 1]))
    assert "alidation" not in "".join(findings_of(drawn)) + "".join(map(str, lines_of(drawn, "Texts")))


def test_findings_name_what_is_wrong(tmp_path: Path):
    """Small, repeated, contradictory, leaked, shifted, missing and cut: each is told in a sentence with its number."""
    train = ["a b c", "a b c", "d e", "f " * 10, "leak it now"]
    audit = audit_of(tmp_path, train, ["leak it now", "x", "z", "y"], [0, 1, 0, 0, 2], [1, 1, 0, 0])
    audit["left_out"]["test"] = 1
    findings = "\n".join(findings_of(page_of(tmp_path, audit)))
    for part in (
        "There are 4 test texts: an accuracy near 90 % is known to ±29.4 points at best.",
        "Empty texts were left out: 0 of the training file, 1 of the test file.",
        "20.0 % of the training texts repeat another.",
        "2 texts stand under several labels.",
        "25.0 % of the test texts are training texts too",
        f"“{HOSTILE}” is the label of 20.0 % of the training texts, but of 50.0 % of the test texts.",
        "No test text has the label “odd”.",
        "Half of the training texts have up to 3 words, half of the test texts up to 1.",
        "At a length of 4, 80.0 % of the training texts and 25.0 % of the test texts are cut",
    ):
        assert part in findings
    assert "the test texts repeat" not in findings


@pytest.mark.parametrize(("classes", "rare"), [(2, 0.09), (20, 0.02)])
def test_rare_label_is_told_by_the_number_of_classes(tmp_path: Path, clean: dict[str, Any], classes: int, rare: float):
    """A tenth is little of two classes; of twenty even a twentieth is as it should be."""
    names = [f"class {code}" for code in range(classes)]
    shares = [rare, *[(1 - rare) / (classes - 1)] * (classes - 1)]
    clean["labels"] = {
        split: {name: round(share * clean["rows"][split]) for name, share in zip(names, shares, strict=True)}
        for split in ("train", "test")
    }
    found = [finding for finding in findings_of(page_of(tmp_path, clean)) if "rare" in finding]
    assert found == [f"“class 0” is rare: {100 * rare:.1f} % of the test texts."]


def test_many_labels_make_few_findings(tmp_path: Path, clean: dict[str, Any]):
    """A hundred labels of which most are missing from the test split do not bury the other findings."""
    train = {f"class {code}": 20 for code in range(100)}
    test = dict.fromkeys(train, 0) | {"class 0": 500, "class 1": 500}
    page = page_of(tmp_path, clean | {"labels": {"train": train, "test": test}, "vocabularies": {}})
    findings = findings_of(page)
    assert len(findings) == 5
    assert findings[-1] == "96 more labels are rare, missing or shared out otherwise."
    assert len(lines_of(page, "Labels")) == 100


def test_nearly_equal_texts_are_told(tmp_path: Path, clean: dict[str, Any]):
    """Counts and share, threshold and misses, the most similar pairs with both texts; what was not compared is said."""
    texts = [{"split": "train", "row": 1234, "text": "good film"}, {"split": "test", "row": 5, "text": HOSTILE}]
    worst = NEAR["worst"] | {"across": [{"similarity": 0.875, "texts": texts}]}
    near = NEAR | {"pairs": {"train": 3, "test": 1, "across": 1200}, "test_rows": 20, "worst": worst}
    page = page_of(tmp_path, clean, near=near)
    assert lines_of(page, "Nearly equal texts") == [["3", "1", "1,200", "20", "2.0 %"]]
    assert lines_of(page, "The most similar of the nearly equal texts") == [
        ["Across the splits", "0.875", "Training text 1,234", "good film"],
        ["", "", "Test text 5", HOSTILE],
    ]
    assert "<img" not in page
    assert "2.0 % of the test texts are nearly equal to a training text: their score measures memory." in findings_of(
        page
    )
    said = page.replace("\N{NO-BREAK SPACE}", " ")
    assert "runs of 3 words at least 70 % stand in both" in said
    assert "just so similar 1.0 % are expected to be missed" in said
    assert "there are more than these" not in said
    assert "there are more than these" in page_of(tmp_path, clean, near=near | {"complete": False})
    assert "The most similar" not in page_of(tmp_path, clean)


def test_no_vocabulary_no_lengths_in_wordpieces(tmp_path: Path, clean: dict[str, Any]):
    """A study of linear baselines alone has neither WordPieces nor cut texts."""
    page = page_of(tmp_path, clean | {"vocabularies": {}})
    assert len(lines_of(page, "Lengths")) == 4
    assert "Cut texts" not in page


def test_hostile_names_are_text(tmp_path: Path, clean: dict[str, Any]):
    """Label and vocabulary names are escaped wherever they stand."""
    clean["vocabularies"] = {HOSTILE: clean["vocabularies"]["own"]}
    page = page_of(tmp_path, clean, positive=1)
    assert "<img" not in page
    assert "<script" not in page
    assert "default-src 'none'" in page


def test_texts_may_be_left_out(tmp_path: Path, clean: dict[str, Any]):
    """The most similar pairs are the only texts of the page."""
    text = {"split": "train", "row": 3, "text": "a secret"}
    near = NEAR | {"worst": NEAR["worst"] | {"train": [{"similarity": 0.9, "texts": [text, text]}]}}
    assert "a secret" in page_of(tmp_path, clean, near=near)
    render_audit(
        *(tmp_path / name for name in ("audit.json", "near.json", "labels.json", "audit.html")), show_texts=False
    )
    assert "a secret" not in (tmp_path / "audit.html").read_text(encoding="utf-8")
