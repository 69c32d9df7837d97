"""One evaluation from files to files, as the rule calls it."""

import json
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pandas as pd
import pytest

from bert_ladder.data.frames import write_classes
from bert_ladder.encoders.families.bert import bert_encoder, scratch_encoder
from bert_ladder.encoders.normal_form import save_encoder
from bert_ladder.training.classifier import build_classifier
from evaluate_model import main
from trainings import NANO

VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghij"]
SCRATCH = NANO | {"positions": 16}


@pytest.fixture
def job(tmp_path: Path) -> SimpleNamespace:
    """A job on 30 training and 12 test texts of three classes, with a model of random weights."""
    keras.config.set_dtype_policy("float32")
    encoder, backbone = scratch_encoder(SCRATCH, VOCABULARY, True)
    save_encoder(encoder, backbone, tmp_path / "encoder.json", tmp_path / "encoder.weights.h5")
    (tmp_path / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n")
    model = build_classifier(bert_encoder(encoder["architecture"]), 3, pad=0)
    model.save_weights(tmp_path / "model.weights.h5")
    random = np.random.default_rng(0)
    for split, rows in (("train", 30), ("test", 12)):
        lengths = random.integers(0, 20, rows)
        np.save(tmp_path / f"{split}.ids.npy", random.integers(5, 15, lengths.sum()).astype(np.uint16))
        np.save(tmp_path / f"{split}.offsets.npy", np.concatenate([[0], np.cumsum(lengths)]))
        frame = pd.DataFrame({"DATA_COLUMN": [f"text {i}" for i in range(rows)], "LABEL_COLUMN": np.arange(rows) % 3})
        frame.astype({"LABEL_COLUMN": "int16"}).to_parquet(tmp_path / f"{split}.parquet")
    parts = ["validation" if row % 5 == 0 else "train" for row in range(30)]
    pd.DataFrame({"part": pd.Categorical(parts)}).to_parquet(tmp_path / "split.parquet")
    write_classes(tmp_path / "classes.json", ["a", "b", "c"])
    settings = {"precision": "float32", "length": 12, "truncation": "head", "pooling": "pooler"}
    record = {"training": settings, "parameters": model.count_params(), "training_seconds": 1.5, "device": "cpu:0"}
    (tmp_path / "training.json").write_text(json.dumps(record))
    return SimpleNamespace(
        threads=1,
        resources={"gpu": 1},
        input=SimpleNamespace(
            config=tmp_path / "encoder.json",
            vocabulary=tmp_path / "vocab.txt",
            weights=tmp_path / "model.weights.h5",
            training=tmp_path / "training.json",
            train_tokens=[tmp_path / "train.ids.npy", tmp_path / "train.offsets.npy"],
            test_tokens=[tmp_path / "test.ids.npy", tmp_path / "test.offsets.npy"],
            train=tmp_path / "train.parquet",
            test=tmp_path / "test.parquet",
            classes=tmp_path / "classes.json",
            split=tmp_path / "split.parquet",
        ),
        output=SimpleNamespace(predictions=tmp_path / "predictions.parquet", record=tmp_path / "evaluation.json"),
        wildcards=SimpleNamespace(model="Nano", seed="4"),
    )


def test_every_text_is_predicted(job: SimpleNamespace) -> None:
    """Of every part, with probabilities over all classes; beside them stands what only this job knows."""
    main(job)
    predictions = pd.read_parquet(job.output.predictions)
    assert list(predictions) == [
        "split", "row", "label", "prediction", "probability_0", "probability_1", "probability_2",
    ]  # fmt: skip
    assert predictions["split"].value_counts().to_dict() == {"train": 24, "validation": 6, "test": 12}
    np.testing.assert_allclose(predictions.filter(like="probability").sum(axis=1), 1, atol=1e-6)
    np.testing.assert_array_equal(
        predictions.filter(like="probability").to_numpy().argmax(1), predictions["prediction"]
    )
    record = json.loads(Path(job.output.record).read_text())
    training = json.loads(Path(job.input.training).read_text())
    assert record | {key: training[key] for key in ("parameters", "training_seconds", "device")} == record
    assert record["evaluation_ready_at"] > 0
    assert all(not isinstance(value, dict | list) for value in record.values())
