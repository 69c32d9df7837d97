"""A form beside the run that it was made from: what is proven, and what is said of what is not."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bert_ladder.evaluation.calibration import scale_probabilities
from bert_ladder.evaluation.chosen_model import ChosenModel, model_sha256, read_chosen
from bert_ladder.evaluation.form_proof import is_exact, judge_form
from bert_ladder.evaluation.predictions import predictions_frame
from bert_ladder.report.forms_table import write_forms
from bert_ladder.runtime.jobs import BadInput
from chosen_models import chosen_record, linear_chosen
from compare_forms import main

TEXTS, TEMPERATURE = 2000, 1.5
RECORD = {"form": "onnx", "works": True, "reason": None, "megabytes": 1.5, "ms_per_text": 2.0}
RECORD |= {"texts_per_second": 900.0, "memory_mb": 80.0}
random = np.random.default_rng(0)
LABELS = random.integers(0, 3, TEXTS)
LOGITS = random.normal(size=(TEXTS, 3)) + 2 * np.eye(3)[LABELS]
PROBABILITIES = scale_probabilities(np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True), 1)
SOURCE = predictions_frame("test", np.arange(TEXTS), LABELS, PROBABILITIES)
MODEL = chosen_record("bert", temperature=TEMPERATURE)


def answers(wrong: int = 0, off: float = 0.0, others: int = 0) -> pd.DataFrame:
    """What a form answers that has another class for some texts and other probabilities for the last one.

    Args:
        wrong: number of right answers that become wrong ones.
        off: what the last text's probabilities differ by.
        others: number of texts with other ids, from the end.
    """
    found = scale_probabilities(PROBABILITIES, TEMPERATURE)
    right = np.flatnonzero(found.argmax(axis=1) == LABELS)[:wrong]
    found[right] = np.roll(found[right], 1, axis=1)
    found[-1] += np.array([off, -off, 0]) * (1 if found[-1, 0] < found[-1, 1] else -1)
    frame = predictions_frame("test", np.arange(TEXTS), LABELS, found)
    return frame.assign(other_ids=np.arange(TEXTS) >= TEXTS - others)


def judged(frame: pd.DataFrame, model: ChosenModel = MODEL, exact: bool = True) -> dict[str, Any]:
    """The line of a form."""
    return judge_form(exact, model, SOURCE, frame, RECORD)


def test_equal_form_is_proven() -> None:
    """With all of its numbers; its probabilities are held to those behind the temperature."""
    line = judged(answers())
    assert (line["proven"], line["works"], line["reason"]) == (True, True, None)
    assert (line["difference"], line["equal_answers"], line["other_ids"], line["texts"]) == (0, 1, 0, TEXTS)
    assert line["verdict"] == "not separable"
    assert line["accuracy"] == (SOURCE["prediction"] == SOURCE["label"]).mean()
    assert line["low"] < line["accuracy"] < line["high"]
    assert line["largest_difference"] < 1e-6
    assert line["megabytes"] == 1.5
    assert not judged(answers(), replace(MODEL, temperature=1.0))["proven"]


def test_probability_that_differs() -> None:
    """It fails, but not where the ids are others, or where rounded numbers are allowed."""
    line = judged(answers(off=2e-3))
    assert (line["proven"], line["reason"]) == (False, "a probability differs by 0.002, more than 0.0001")
    assert judged(answers(off=5e-5))["proven"]
    other = judged(answers(off=2e-3, others=1))
    assert (other["proven"], other["other_ids"], other["other_ids_rows"]) == (True, 1, [TEXTS - 1])
    assert judged(answers(off=2e-3), exact=False)["proven"]


def test_run_with_fewer_bits_binds_no_form() -> None:
    """One in 16 bits, or on a GPU; a linear model, and a BERT on the CPU, give their own probabilities again."""
    half = replace(MODEL, settings={"precision": "mixed_bfloat16"})
    assert is_exact(MODEL, {"evaluation_devices": ""})
    assert is_exact(chosen_record("baseline"), {})
    assert not is_exact(half, {"evaluation_devices": ""})
    assert not is_exact(MODEL, {"evaluation_devices": "0"})


def test_texts_with_other_ids() -> None:
    """One in a thousand may be, no more."""
    assert judged(answers(others=2))["proven"]
    line = judged(answers(others=3))
    assert (line["proven"], line["other_ids_rows"]) == (False, [1997, 1998, 1999])
    assert line["reason"] == "3 of 2,000 texts have other token ids than in the training, more than 0.1 %"


def test_loss_of_accuracy() -> None:
    """A form fails when its whole interval lies below half a point; the test is McNemar's."""
    assert judged(answers(wrong=10), exact=False)["proven"]
    line = judged(answers(wrong=60), exact=False)
    assert not line["proven"]
    assert line["reason"] == "it loses 3.0 points of accuracy, and the whole interval lies below -0.5"
    assert line["difference"] == pytest.approx(-0.03)
    assert line["difference_low"] < -0.03 < line["difference_high"] < -0.005
    assert (line["verdict"], line["test"]) == ("worse", "McNemar, chi-square")
    assert line["equal_answers"] == pytest.approx(0.97)


def test_other_texts_are_refused() -> None:
    """A stale file is no proof."""
    with pytest.raises(BadInput, match="its 1,999 texts are not the run's"):
        judged(answers().iloc[1:])


def test_row_that_no_form_expresses(tmp_path: Path) -> None:
    """The table is empty, and a sentence says what answers instead."""
    source = {"row": "Mean", "seed": 1, "texts": 3, "accuracy": 0.5, "low": 0.4, "high": 0.6}
    write_forms({"source": source, "forms": {}}, tmp_path / "f.csv", tmp_path / "f.md")
    assert pd.read_csv(tmp_path / "f.csv").empty
    assert "No form expresses this row" in (tmp_path / "f.md").read_text()


def test_forms_are_written_for_programs_and_people(tmp_path: Path) -> None:
    """One that has answered, and one that has not."""
    folder = linear_chosen(tmp_path / "chosen", temperature=TEMPERATURE)
    SOURCE.to_parquet(tmp_path / "predictions.parquet")
    (tmp_path / "metrics.json").write_text("{}")
    paths: dict[str, list[Path]] = {"answers": [], "records": []}
    absent = {"form": "huggingface", "works": True, "reason": "not run here: torch is not installed", "megabytes": 9.0}
    for form, frame, record in (("onnx_int8", answers(wrong=10), RECORD), ("huggingface", answers().iloc[:0], absent)):
        (tmp_path / form).mkdir()
        paths["answers"].append(tmp_path / form / "answers.parquet")
        paths["records"].append(tmp_path / form / "evaluation.json")
        frame.to_parquet(paths["answers"][-1])
        paths["records"][-1].write_text(json.dumps(record))
    output = SimpleNamespace(record=tmp_path / "f.json", csv=tmp_path / "f.csv", markdown=tmp_path / "f.md")
    main(
        SimpleNamespace(
            input=SimpleNamespace(
                record=folder / "model.json",
                predictions=tmp_path / "predictions.parquet",
                metrics=tmp_path / "metrics.json",
                **paths,
            ),
            output=output,
        )
    )
    content = json.loads(output.record.read_text())
    assert content["source"]["texts"] == TEXTS
    assert content["model_sha256"] == model_sha256(read_chosen(folder))
    int8, huggingface = content["forms"]["onnx_int8"], content["forms"]["huggingface"]
    assert (int8["works"], int8["proven"], int8["verdict"]) == (True, True, "worse")
    assert (huggingface["works"], huggingface["proven"], huggingface["accuracy"]) == (True, False, None)
    table = pd.read_csv(output.csv)
    assert table["form"].tolist() == ["onnx_int8", "huggingface"]
    assert table["proven"].tolist() == [True, False]
    text = output.markdown.read_text()
    assert "answered the 2,000 test texts" in text
    assert "| ONNX, int8" in text
    assert "-0.50 [-0.8, -0.2], worse" in text
    assert "- Hugging Face folder: not run here: torch is not installed." in text
