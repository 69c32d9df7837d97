"""What the targets data and baselines end with on the terminal."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from bert_ladder.data.audit import audit_texts
from bert_ladder.data.frames import DATA_COLUMN, LABEL_COLUMN, plain
from bert_ladder.evaluation.predictions import predictions_frame
from bert_ladder.evaluation.run_metrics import classification_metrics
from bert_ladder.report.endings import SCORES, audit_lines, baseline_lines

SCRIPTS = Path(__file__).parents[3] / "scripts"


def test_audit_is_told_in_a_few_lines(tmp_path: Path) -> None:
    """Rows, classes, repeated, leaked and empty texts, lengths and cuts of a real audit, and where there is more."""
    train = pd.DataFrame({DATA_COLUMN: ["a b", "A b ", "c", "e"], LABEL_COLUMN: [0, 1, 0, 0]})
    test = pd.DataFrame({DATA_COLUMN: ["c", "d"], LABEL_COLUMN: [0, 1]})
    frames = {"train": train, "test": test}
    audit = audit_texts(
        frames, ["x", "y\nz"], {split: frame[DATA_COLUMN].map(plain) for split, frame in frames.items()}
    )
    audit["left_out"] = {"train": 3, "test": 0}
    (tmp_path / "near_duplicates.json").write_text(json.dumps({"test_rows": 7}))
    audit["vocabularies"] = {"own": {"cut": {"16": {"train": 0.25, "test": 0.5}}}}
    (tmp_path / "audit.json").write_text(json.dumps(audit))
    said = "\n".join(audit_lines(tmp_path / "audit.json"))
    for line in (
        "Texts: 4 train, 2 test, of 2 classes.",
        "Labels of the train texts: x 75.0 %, y\nz 25.0 %.",
        "1 train, 0 test; texts under several labels: 1.",
        "Test texts that are training texts too: 1 (1 letter by letter); nearly equal to one: 7.",
        "Empty texts left out: 3 train, 0 test.",
        "longest 2.",
        "Cut at 16 WordPieces (own): 25.0 % of train, 50.0 % of test.",
    ):
        assert line in said
    assert said.endswith(f"More: {tmp_path / 'audit.json'}.")


def metrics(hits: float, positive: int | None = 1) -> dict:
    """A run that is right in a share of its texts."""
    labels = np.array([0] * 6 + [1] * 4)
    wrong = np.arange(10) >= round(10 * hits)
    answers = np.where(wrong, 1 - labels, labels)
    parts = [
        predictions_frame(split, np.arange(10), labels, np.eye(2)[answers]) for split in ("train", "validation", "test")
    ]
    return classification_metrics(pd.concat(parts, ignore_index=True), positive, ["neg", "pos"])


def test_baselines_end_with_their_scores() -> None:
    """Means over seeds on the validation part and the test split, and beside them what one answer reaches."""
    table, _, foot = baseline_lines({"NB-SVM": [metrics(0.9), metrics(0.7)], "Other": [metrics(1.0)]})
    header, _, first, second = table.splitlines()
    assert re.split(r" {2,}", header.strip()) == ["Model", *SCORES.values()]
    assert first.split()[:3] == ["NB-SVM", "80.00", "80.00"]
    assert second.split()[1:] == ["100.00"] * 7
    foot = " ".join(foot.split())
    assert "of the positive class" in foot
    assert "10 validation and 10 test texts" in foot
    assert "Always answering “neg”, the most frequent class of the test texts, has an accuracy of 60.00." in foot
    assert "macro averages" in baseline_lines({"NB-SVM": [metrics(0.9, None)]})[-1]


def test_endings_are_light() -> None:
    """The Snakefile imports them, in every job of a cluster too."""
    code = (
        "import sys, bert_ladder.report.endings; sys.exit(bool({'numpy', 'pandas', 'tensorflow'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=SCRIPTS).returncode == 0
