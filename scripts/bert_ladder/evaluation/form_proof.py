"""The proof of a form: what it answered to every test text, beside the run that it was made from."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bert_ladder.evaluation.calibration import scale_probabilities
from bert_ladder.evaluation.chosen_model import ChosenModel, model_sha256, read_chosen
from bert_ladder.evaluation.forms import FORMS
from bert_ladder.evaluation.inference import compare_rows, count_scores, holm, row_interval, verdict
from bert_ladder.evaluation.predictions import class_probabilities, read_predictions
from bert_ladder.runtime.jobs import BadInput

log = logging.getLogger(__name__)

# What float32 may differ by in a probability where the ids are equal.
LARGEST_DIFFERENCE = 1e-4
# The share of texts that may have other ids.
MOST_OTHER_IDS = 0.001
# A form whose whole interval lies below this loss of accuracy fails.
LARGEST_LOSS = 0.005


@dataclass(frozen=True)
class Source:
    """The run that the forms were made from.

    Attributes:
        predictions: predictions.parquet.
        metrics: metrics.json.
    """

    predictions: Path | str
    metrics: Path | str


def compare_forms(
    folder: Path | str,
    run: Source,
    evaluated: Mapping[str, tuple[Path | str, Path | str]],
    path_record: Path | str,
) -> dict[str, Any]:
    """Write forms.json: how each form did on the test split, beside the run that it was made from.

    Args:
        folder: chosen/ of a study.
        run: that the forms were made from.
        evaluated: of each form what `evaluate_form` wrote, answers and record.
        path_record: forms.json, to write.

    Returns:
        What it holds: `model_sha256`, of the model that the forms are of; `source`, with `row`, `seed`, `texts`,
        `accuracy`, `low` and `high`; and `forms`, by their names what `judge_form` says.

    Raises:
        BadInput: if a form has answered other texts than the run.
    """
    model = read_chosen(folder)
    exact = is_exact(model, json.loads(Path(run.metrics).read_text(encoding="utf-8")))
    (source,) = read_predictions([run.predictions], "test")
    scores = accuracy_scores(source, len(model.labels))
    interval = row_interval(scores)
    found = {}
    for form, (answers, record) in evaluated.items():
        known = json.loads(Path(record).read_text(encoding="utf-8"))
        found[form] = judge_form(exact and not FORMS[form].quantized, model, source, pd.read_parquet(answers), known)
    tested = [form for form, line in found.items() if line["p_value"] is not None]
    for form, p in zip(tested, holm([found[form]["p_value"] for form in tested]), strict=True):
        found[form]["verdict"] = verdict(found[form]["difference"], float(p))
    content = {
        "model_sha256": model_sha256(model),
        "source": {
            "row": model.row,
            "seed": model.seed,
            "texts": len(source),
            "accuracy": interval.mean,
            "low": interval.low,
            "high": interval.high,
        },
        "forms": found,
    }
    Path(path_record).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    for form, line in found.items():
        log.info("%s: %s", FORMS[form].title, "proven" if line["proven"] else f"not proven: {line['reason']}")
    return content


def accuracy_scores(predictions: pd.DataFrame, classes: int) -> Any:
    """The accuracy of one set of predictions, as `compare_rows` takes it."""
    labels, decisions = predictions["label"].to_numpy(), predictions["prediction"].to_numpy()
    return count_scores(labels, decisions[np.newaxis], "test_accuracy", classes, None, deterministic=True)


def judge_form(
    exact: bool, model: ChosenModel, source: pd.DataFrame, answers: pd.DataFrame, record: Mapping[str, Any]
) -> dict[str, Any]:
    """How a form did beside its source.

    Args:
        exact: whether each probability is held to `LARGEST_DIFFERENCE`.
        model: what was chosen.
        source: the test part of the run's predictions, before the temperature.
        answers, record: what `evaluate_form` wrote.

    Returns:
        `works`, `reason`, `proven`; `accuracy` with `low` and `high`; `difference` to the source with `difference_low`,
        `difference_high`, `p_value`, `test` and `verdict` (this one for the form alone, after no correction);
        `equal_answers`, a share; `largest_difference` of a probability where the ids are equal; `other_ids`, a count,
        and `other_ids_rows`; `texts`; `ms_per_text`, `texts_per_second`, `memory_mb` and `megabytes`. What was not
        measured is None.

    Raises:
        BadInput: if these are not the texts of the source.
    """
    line: dict[str, Any] = dict.fromkeys(
        ("accuracy", "low", "high", "difference", "difference_low", "difference_high", "p_value", "test", "verdict",
         "equal_answers", "largest_difference", "other_ids", "ms_per_text", "texts_per_second", "memory_mb")
    )  # fmt: skip
    line = {"works": False, "reason": None, "proven": False} | line | {"other_ids_rows": [], "texts": len(answers)}
    line |= {key: value for key, value in record.items() if key != "form"}
    if answers.empty:
        return line
    if not np.array_equal(answers[["row", "label"]], source[["row", "label"]]):
        raise BadInput(f"{record['form']}: its {len(answers):,} texts are not the run's; type the same command again.")
    expected = scale_probabilities(class_probabilities(source), model.temperature)
    apart = abs(class_probabilities(answers) - expected).max(axis=1)
    others = answers["other_ids"].to_numpy()
    own, theirs = (accuracy_scores(frame, len(model.labels)) for frame in (answers, source))
    interval, compared = row_interval(own), compare_rows(own, theirs)
    line |= {
        "accuracy": interval.mean,
        "low": interval.low,
        "high": interval.high,
        "difference": compared.difference,
        "difference_low": compared.low,
        "difference_high": compared.high,
        "p_value": compared.p_value,
        "test": compared.test,
        "verdict": verdict(compared.difference, compared.p_value),
        "equal_answers": float((answers["prediction"] == source["prediction"]).mean()),
        "largest_difference": float(apart[~others].max(initial=0)),
        "other_ids": int(others.sum()),
        "other_ids_rows": answers.loc[others, "row"].tolist(),
    }
    line["reason"] = failing(line, exact)
    line["proven"] = line["reason"] is None
    return line


def is_exact(model: ChosenModel, metrics: Mapping[str, Any]) -> bool:
    """Whether the run was predicted with such arithmetic that float32 on a CPU must give the same.

    Not in 16 bits, and not on a GPU, whose matrices are multiplied with fewer bits of their factors.

    Args:
        model: what was chosen.
        metrics: of the run.
    """
    return model.settings.get("precision", "float32") == "float32" and not metrics.get("evaluation_devices")


def failing(line: Mapping[str, Any], exact: bool) -> str | None:
    """Why a form that has answered is not proven, in a sentence; None if it is.

    Args:
        line: of `judge_form`.
        exact: whether each probability is held to `LARGEST_DIFFERENCE`.
    """
    if exact and line["largest_difference"] > LARGEST_DIFFERENCE:
        return f"a probability differs by {line['largest_difference']:.2g}, more than {LARGEST_DIFFERENCE:g}"
    if line["other_ids"] > MOST_OTHER_IDS * line["texts"]:
        return (
            f"{line['other_ids']:,} of {line['texts']:,} texts have other token ids than in the training, more than "
            f"{100 * MOST_OTHER_IDS:g} %"
        )
    if line["difference_high"] < -LARGEST_LOSS:
        return (
            f"it loses {-100 * line['difference']:.1f} points of accuracy, and the whole interval lies below "
            f"{-100 * LARGEST_LOSS:g}"
        )
    return None
