"""A chosen model that answers: opened from its folder, in the form that does so fastest. Engines load when needed."""

import json
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bert_ladder.data.tokens import Tokens
from bert_ladder.evaluation.calibration import decide, forced_answers, scale_probabilities
from bert_ladder.evaluation.chosen_model import (
    LINEAR_MODEL,
    NATIVE,
    ChosenModel,
    damage_told,
    model_sha256,
    native_encoder,
    other_versions,
    read_chosen,
)
from bert_ladder.evaluation.forms import PROOF
from bert_ladder.export.limits import ENGINES, processors
from bert_ladder.export.long_texts import kept_ids
from bert_ladder.runtime.jobs import BadInput, reason_of
from bert_ladder.training.predictor import Predictor

if TYPE_CHECKING:
    import pandas as pd

# Texts that are answered at once; those of a BERT are padded to the longest of them.
BERT_BATCH, LINEAR_BATCH = 64, 1024


class Classifier:
    """A chosen model that answers.

    Attributes:
        chosen: what its model.json says.
        engine: what runs it, one of ENGINES.
    """

    def __init__(self, chosen: ChosenModel, engine: str, predictor: Predictor) -> None:
        self.chosen, self.engine = chosen, engine
        self._predictor = predictor

    @property
    def labels(self) -> list[str]:
        """The names of the classes, in the order of their codes."""
        return list(self.chosen.labels)

    def probabilities(self, texts: Sequence[str]) -> np.ndarray:
        """Calibrated probabilities of each class.

        Args:
            texts: any number of texts.

        Returns:
            float64 (texts, classes), each line of sum 1.

        Raises:
            BadInput: a text is none.
        """
        texts = checked_texts(texts)
        found = np.empty((len(texts), len(self.chosen.labels)))
        batch = LINEAR_BATCH if self._predictor.length is None else BERT_BATCH
        # Texts of similar length share a batch: padding costs time and changes nothing.
        order = np.argsort([len(text) for text in texts], kind="stable")
        for start in range(0, len(texts), batch):
            rows = order[start : start + batch]
            found[rows] = self._predictor.predict([texts[row] for row in rows])
        return scale_probabilities(found, self.chosen.temperature)

    def decide(self, probabilities: np.ndarray) -> list[str | None]:
        """The label that each line of calibrated probabilities, float (n, classes), means; None: it is not answered."""
        codes = decide(probabilities, self.chosen.decision)
        return [self.chosen.labels[code] if code >= 0 else None for code in codes.tolist()]

    def forced(self, probabilities: np.ndarray) -> list[int]:
        """The codes of the answers if every text had to be answered, from calibrated probabilities, (n, classes)."""
        return forced_answers(probabilities, self.chosen.decision).tolist()

    def predict(self, texts: Sequence[str]) -> "pd.DataFrame":
        """Answer texts.

        Args:
            texts: any number of texts; a Series of pandas gives its index to the result.

        Returns:
            prediction, a label, missing where the model does not answer; probability_<label> of each class, float64.

        Raises:
            BadInput: a text is none.
        """
        import pandas as pd

        probabilities = self.probabilities(texts)
        columns = {"prediction": self.decide(probabilities)} | dict(
            zip(self.probability_columns(), probabilities.T, strict=True)
        )
        return pd.DataFrame(columns, index=texts.index if isinstance(texts, pd.Series) else None)

    def probability_columns(self) -> list[str]:
        """The names of the columns of probabilities, in the order of the classes."""
        return [f"probability_{label}" for label in self.chosen.labels]


def checked_texts(texts: Sequence[str]) -> list[str]:
    """The texts as a list.

    Raises:
        BadInput: they are a single text, or one of them is none.
    """
    if isinstance(texts, str):
        raise BadInput("found a single text where a list of texts is needed; give [text].")
    texts = list(texts)
    for number, text in enumerate(texts, start=1):
        if not isinstance(text, str):
            raise BadInput(f"text {number}: is {type(text).__name__}, {text!r:.60}; give a string.")
    return texts


def load(folder: Path | str, engine: str | None = None, threads: int | None = None) -> Classifier:
    """Open the model that a study chose.

    Args:
        folder: results/<study>/chosen.
        engine: "native", the model as it was trained, or "onnx", a BERT's form for ONNX Runtime; None: the latter
            where it was made and proven on the test split.
        threads: of ONNX Runtime; None: one per processor.

    Raises:
        BadInput: the folder is no chosen model, is damaged, lacks that form, or the installed packages do not fit.
    """
    folder = Path(folder)
    chosen = read_chosen(folder)
    if engine is not None and engine not in ENGINES:
        raise BadInput(f"the engine is {engine!r}; it is one of {', '.join(ENGINES)}.")
    why_not = refused_form(folder, chosen, "onnx")
    if engine == "onnx" and why_not:
        raise BadInput(f"{folder}: {why_not}; leave the engine out or take native.")
    engine = engine or ("native" if why_not else "onnx")
    again = {} if engine == NATIVE else {"again": "run `exports` of its study again, or take the engine native"}
    try:
        with damage_told(chosen, folder / engine, **again):
            predictor = _open(folder, chosen, engine, threads)
    except ImportError as error:
        raise BadInput(
            f"{folder / engine}: what it takes cannot be imported ({reason_of(error)}{other_versions(chosen)}); "
            "`make install` sets up packages that fit each other."
        ) from error
    return Classifier(chosen, engine, predictor)


def _open(folder: Path, chosen: ChosenModel, engine: str, threads: int | None) -> Predictor:
    if engine == "onnx":
        return open_onnx(folder / "onnx", len(chosen.labels), threads or processors())
    if chosen.on_encoder:
        return open_bert(folder, len(chosen.labels))
    from bert_ladder.training.linear import open_baseline

    return open_baseline(folder / NATIVE / LINEAR_MODEL)


def refused_form(folder: Path, chosen: ChosenModel, form: str) -> str | None:
    """Why a form of a chosen model is not to be used, as a part of a sentence; None for one that was proven."""
    if not chosen.on_encoder:
        return f"a linear model has no form {form}"
    if not (folder / form).is_dir():
        return f"there is no {form} in it"
    try:
        content = json.loads((folder / PROOF).read_text(encoding="utf-8"))
        record, of_model = content["forms"][form], content["model_sha256"]
        works, proven, reason = record["works"], record["proven"], record.get("reason")
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return f"its {PROOF} does not say how {form} did on the test split"
    if of_model != model_sha256(chosen):
        return f"{form} was made of another model than this one; run `snakemake exports` of the study again"
    if works and proven:
        return None
    return f"{form} was not proven on the test split" + (f" ({reason})" if reason else "")


def open_bert(folder: Path, classes: int) -> Predictor:
    """Open a chosen BERT as it was trained, on Keras."""
    # What TensorFlow says of the processor and of absent GPUs is nothing to mend.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    from bert_ladder.training.answering import open_classifier

    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    return open_classifier(native_encoder(folder), folder / NATIVE / "training.json", classes)


def open_onnx(folder: Path, classes: int, threads: int) -> Predictor:
    """Open the form of a chosen BERT for ONNX Runtime, without TensorFlow.

    Args:
        folder: with model.onnx, from `token_ids`, int32 (batch, width), to `logits`, float32 (batch, classes);
            tokenizer.json, without truncation and padding; onnx.json, with `length`, `truncation` and the ids `pad`,
            `start` and `end`.
        classes: their number.
        threads: of ONNX Runtime.

    Raises:
        ValueError: a file is damaged, or is of another number of classes.
    """
    import onnxruntime
    from scipy.special import softmax
    from tokenizers import Tokenizer

    record: dict[str, Any] = json.loads((folder / "onnx.json").read_text(encoding="utf-8"))
    length, truncation, pad, start, end = (record[key] for key in ("length", "truncation", "pad", "start", "end"))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads, options.log_severity_level = threads, 1, 3
    try:
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        # A text that spells a special token out is a text.
        tokenizer.encode_special_tokens = True
        session = onnxruntime.InferenceSession(folder / "model.onnx", options, providers=["CPUExecutionProvider"])
    except Exception as error:  # both have no narrower ones
        raise ValueError(reason_of(error)) from error
    (output,) = session.get_outputs()
    if output.shape[-1] not in (classes, None) and isinstance(output.shape[-1], int):
        raise ValueError(f"model.onnx is of {output.shape[-1]} classes, model.json of {classes}")

    def predict(texts: Sequence[str]) -> np.ndarray:
        encoded = kept_ids(tokenizer, texts, length, truncation)
        offsets = np.cumsum([0, *map(len, encoded)])
        tokens = Tokens(np.concatenate([np.array(ids, np.int32) for ids in encoded]), offsets, pad, start, end)
        token_ids = tokens.batch(np.arange(len(texts)), length, truncation, int(tokens.lengths(length).max()))
        (logits,) = session.run(["logits"], {"token_ids": token_ids})
        return softmax(logits, axis=1)

    return Predictor(predict, length, "ONNX Runtime")
