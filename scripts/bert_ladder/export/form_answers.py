"""What a form answers to every text of the test split."""

import json
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bert_ladder.data.frames import DATA_COLUMN, LABEL_COLUMN, read_frame
from bert_ladder.data.tokens import Tokens
from bert_ladder.encoders.vocabulary import WORDPIECE, tokenizer_vocabulary
from bert_ladder.evaluation.chosen_model import ChosenModel, native_encoder, read_chosen
from bert_ladder.evaluation.forms import FORMS, check_form
from bert_ladder.evaluation.predictions import predictions_frame
from bert_ladder.export.asking import Answers, ask_form, other_ids
from bert_ladder.runtime.jobs import BadInput

log = logging.getLogger(__name__)

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
