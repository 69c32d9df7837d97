"""The proof of a form: it answers every test text, by other code than made it, beside the run that it was made from."""

import json
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bert_ladder.data.frames import DATA_COLUMN, LABEL_COLUMN, read_frame
from bert_ladder.data.tokens import Tokens
from bert_ladder.encoders.vocabulary import WORDPIECE, tokenizer_vocabulary
from bert_ladder.evaluation.calibration import scale_probabilities
from bert_ladder.evaluation.chosen_model import ChosenModel, native_encoder, read_chosen
from bert_ladder.evaluation.inference import compare_rows, count_scores, holm, row_interval, verdict
from bert_ladder.evaluation.predictions import class_probabilities, predictions_frame, read_predictions
from bert_ladder.export.asking import Answers, ask_form, other_ids
from bert_ladder.export.forms import FORMS, check_form
from bert_ladder.runtime.jobs import BadInput

log = logging.getLogger(__name__)

# What float32 may differ by in a probability where the ids are equal.
LARGEST_DIFFERENCE = 1e-4
# The share of texts that may have other ids.
MOST_OTHER_IDS = 0.001
# A form whose whole interval lies below this loss of accuracy fails.
LARGEST_LOSS = 0.005
NOT_INSTALLED = re.compile(r"No module named '(\w+)")


@dataclass(frozen=True)
class Asked:
    """What a form is asked.

    Attributes:
        test: the test split as parquet.
        tokens: its ids and offsets in the vocabulary of the run's encoder; nothing for a linear model.
    """

    test: Path | str
    tokens: Sequence[Path | str] = ()


def evaluate_form(
    folder: Path | str, form: str, asked: Asked, path_answers: Path | str, path_record: Path | str
) -> None:
    """Let a form answer every text of the test split.

    Args:
        folder: chosen/ of a study, which holds the form.
        form: one of `FORMS`.
        asked: the test split.
        path_answers: parquet file to write, see `predictions_frame`, with `other_ids`, bool; without lines if the form
            did not answer.
        path_record: JSON file to write: `form`, `works`, `reason` (why it did not answer, or null), `megabytes`, and
            of one that did `ms_per_text`, `texts_per_second` and `memory_mb`.

    Raises:
        BadInput: if the folder is no chosen model, or the form cannot express it.
    """
    model = read_chosen(folder)
    check_form(form, model)
    frame = read_frame(asked.test)
    texts, labels = frame[DATA_COLUMN].tolist(), frame[LABEL_COLUMN].to_numpy()
    files = [file for file in Path(folder, form).rglob("*") if file.is_file()]
    record: dict[str, Any] = {
        "form": form,
        "works": True,
        "reason": None,
        "megabytes": sum(file.stat().st_size for file in files) / 1e6,
    }
    rows = np.arange(len(texts))
    probabilities, others = np.empty((len(texts), len(model.labels))), rows[:0]
    try:
        answers = answers_of(Path(folder, form), texts, model)
    except BadInput as error:
        missing = NOT_INSTALLED.search(str(error))
        record["works"] = missing is not None
        record["reason"] = f"not run here: {missing[1]} is not installed" if missing else str(error)
        rows = rows[:0]
    else:
        record |= {
            "ms_per_text": answers.ms_per_text,
            "texts_per_second": answers.texts_per_second,
            "memory_mb": answers.memory_mb,
        }
        probabilities = answers.probabilities
        if answers.ids is not None and asked.tokens:
            tokens = open_tokens(folder, asked.tokens)
            others = other_ids(answers.ids, tokens, model.settings["length"], model.settings["truncation"])
    written = predictions_frame("test", rows, labels[rows], probabilities[rows])
    written.assign(other_ids=np.isin(rows, others)).to_parquet(path_answers, index=False)
    Path(path_record).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    log.info("%s: %s", FORMS[form].title, record["reason"] or f"has answered {len(texts):,} test texts")


def answers_of(folder: Path, texts: Sequence[str], model: ChosenModel) -> Answers:
    """Ask a form, and look whether it answers at all.

    Raises:
        BadInput: if it fails, has other classes, or gives no probabilities.
    """
    answers = ask_form(folder, texts)
    found = answers.probabilities
    if list(answers.labels) != list(model.labels):
        raise BadInput(f"{folder}: its classes are {answers.labels}, and the model's {list(model.labels)}.")
    if found.shape != (len(texts), len(model.labels)) or not np.isfinite(found).all():
        raise BadInput(f"{folder}: does not answer each text with one probability per class.")
    return answers


def open_tokens(folder: Path | str, paths: Sequence[Path | str]) -> Tokens:
    """Open the tokens of the test split in the vocabulary of a chosen BERT.

    Args:
        folder: chosen/ of a study.
        paths: of ids and offsets.
    """
    files = native_encoder(folder)
    tokenizer = json.loads(files.config.read_text(encoding="utf-8")).get("tokenizer", WORDPIECE)
    ids, offsets = paths
    return tokenizer_vocabulary(tokenizer, files).open_tokens(ids, offsets)


def compare_forms(
    folder: Path | str,
    path_predictions: Path | str,
    evaluated: Mapping[str, tuple[Path | str, Path | str]],
    path_record: Path | str,
) -> dict[str, Any]:
    """Write forms.json: how each form did on the test split, beside the run that it was made from.

    Args:
        folder: chosen/ of a study.
        path_predictions: predictions.parquet of the run.
        evaluated: of each form what `evaluate_form` wrote, answers and record.
        path_record: forms.json, to write.

    Returns:
        What it holds: `source`, with `row`, `seed`, `texts`, `accuracy`, `low` and `high`; and `forms`, by their names
        what `judge_form` says.

    Raises:
        BadInput: if a form has answered other texts than the run.
    """
    model = read_chosen(folder)
    (source,) = read_predictions([path_predictions], "test")
    scores = accuracy_scores(source, len(model.labels))
    interval = row_interval(scores)
    found = {}
    for form, (answers, record) in evaluated.items():
        known = json.loads(Path(record).read_text(encoding="utf-8"))
        found[form] = judge_form(FORMS[form].quantized, model, source, pd.read_parquet(answers), known)
    tested = [form for form, line in found.items() if line["p_value"] is not None]
    for form, p in zip(tested, holm([found[form]["p_value"] for form in tested]), strict=True):
        found[form]["verdict"] = verdict(found[form]["difference"], float(p))
    content = {
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
    quantized: bool, model: ChosenModel, source: pd.DataFrame, answers: pd.DataFrame, record: Mapping[str, Any]
) -> dict[str, Any]:
    """How a form did beside its source.

    Args:
        quantized: whether its numbers are rounded on purpose.
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
    line["reason"] = failing(line, exact=not quantized and is_exact(model))
    line["proven"] = line["reason"] is None
    return line


def is_exact(model: ChosenModel) -> bool:
    """Whether the run was predicted with such arithmetic that float32 on a CPU must give the same.

    Not in 16 bits, and not on a GPU, whose matrices are multiplied with fewer bits of their factors.
    """
    return model.settings.get("precision", "float32") == "float32" and not model.metrics.get("evaluation_devices")


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
