"""Chosen models of every setting that a form must express, and what they answer themselves."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from asked_texts import TEMPERATURE, TEXTS
from bert_ladder.evaluation.calibration import scale_probabilities
from bert_ladder.evaluation.chosen_model import NATIVE, RECORD, native_encoder, read_chosen
from bert_ladder.training.answering import open_classifier
from chosen_models import bert_chosen


@pytest.fixture(scope="session")
def chosen(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Gives the folder of a chosen BERT with a pooling, a truncation and a GELU; each is made once."""
    made: dict[tuple, Path] = {}

    def make(pooling: str = "pooler", truncation: str = "head", gelu: str = "tanh") -> Path:
        key = pooling, truncation, gelu
        if key not in made:
            folder = bert_chosen(tmp_path_factory.mktemp("chosen") / "chosen", temperature=TEMPERATURE)
            record = json.loads((folder / RECORD).read_text())
            record["settings"] |= {"pooling": pooling, "truncation": truncation}
            (folder / RECORD).write_text(json.dumps(record))
            training = {"training": record["settings"]}
            (folder / NATIVE / "training.json").write_text(json.dumps(training))
            encoder = json.loads((folder / NATIVE / "encoder.json").read_text())
            encoder["architecture"]["gelu"] = gelu
            (folder / NATIVE / "encoder.json").write_text(json.dumps(encoder))
            made[key] = folder
        return made[key]

    return make


@pytest.fixture(scope="session")
def own_answers() -> Callable[[Path], np.ndarray]:
    """Gives the calibrated probabilities of `TEXTS` that a chosen BERT's own files answer, float64 (texts, classes)."""

    def answer(folder: Path) -> np.ndarray:
        model = read_chosen(folder)
        predictor = open_classifier(native_encoder(folder), folder / NATIVE / "training.json", len(model.labels))
        return scale_probabilities(predictor.predict(TEXTS), model.temperature)

    return answer
