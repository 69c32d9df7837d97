"""How fast a trained row answers: what is timed, and what stands in the file."""

import itertools
import json
import platform
import time
from collections import namedtuple
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pandas as pd
import pytest

from bert_ladder.data.frames import read_classes, write_classes
from bert_ladder.encoders.encoder_files import EncoderFiles
from bert_ladder.encoders.families.bert import bert_encoder, scratch_encoder
from bert_ladder.encoders.normal_form import save_encoder
from bert_ladder.training import speed
from bert_ladder.training.answering import open_classifier
from bert_ladder.training.classifier import build_classifier
from bert_ladder.training.linear import LinearClassifier, LinearModel, build_vectorizer, save_linear_model
from bert_ladder.training.speed import measure_speed, processor_name
from evaluate_speed import main
from trainings import NANO

VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad", "film"]
SCRATCH = NANO | {"positions": 16}
TEXTS = ["good film", "bad film " * 20, "", "film"] * 3


def test_times_are_those_of_the_calls() -> None:
    """Single texts take what a call takes, a batch of 32 what its texts take; the first calls are not timed."""
    seen: list[int] = []

    def predict(texts: list[str]) -> np.ndarray:
        # The first call is slow, as one that traces a graph.
        time.sleep(0.3 if not seen else 0.004 + 0.001 * len(texts))
        seen.append(len(texts))
        return np.zeros((len(texts), 2))

    speed = measure_speed(predict, [str(i) for i in range(10)], seconds=0.2)
    assert set(seen) == {1, 32}
    assert 5 <= speed["latency_ms"] <= speed["latency_p95_ms"]
    assert speed["latency_ms"] < 100
    assert 32 / 0.4 < speed["throughput"] <= 32 / 0.036


def test_few_texts_fill_a_batch() -> None:
    """A test split of one text can be timed in batches too."""
    sizes = set()
    measure_speed(lambda texts: sizes.add(len(texts)), ["only"], seconds=0.0)
    assert sizes == {1, 32}


def test_spread_is_that_of_the_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """The interquartile range, of single texts in milliseconds and of batches as a share of their median."""
    seconds = {1: [0.001, 0.002, 0.003, 0.004, 0.005], 32: [0.1, 0.1, 0.2, 0.3, 0.4]}
    monkeypatch.setattr(speed, "time_calls", lambda _, inputs, seconds_each: seconds[len(inputs[0])])
    found = measure_speed(lambda texts: np.zeros((len(texts), 2)), ["a", "b"], 1.0)
    assert found["latency_iqr_ms"] == pytest.approx(2)
    assert found["throughput_spread"] == pytest.approx(1.0)


def test_load_is_the_work_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the cores did, without idling, waiting and this process, for each second that passed."""
    clock, own = iter([10.0, 14.0]), iter([1.0, 5.0])
    fields = ("user", "system", "idle", "iowait", "steal", "guest")
    Times = namedtuple("Times", fields)
    busy = iter([Times(100, 10, 50, 5, 0, 1), Times(106, 11, 51, 9, 1, 3)])
    monkeypatch.setattr(speed.psutil, "cpu_times", lambda: next(busy))
    monkeypatch.setattr(
        speed, "time", SimpleNamespace(perf_counter=lambda: next(clock), process_time=lambda: next(own))
    )
    watch = speed.MachineWatch()
    assert watch.record()["other_load"] == pytest.approx((6 + 1 + 1 - 4) / 4)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("processor\t: 0\nmodel name\t: A 9 @ 2: GHz\nmodel name\t: B\n", "A 9 @ 2: GHz"),
        ("Hardware: x\n", ""),
        (None, ""),
    ],
)
def test_processor_is_named_where_the_kernel_knows(tmp_path: Path, content: str | None, expected: str) -> None:
    """Its model, or else the architecture."""
    if content is not None:
        (tmp_path / "cpuinfo").write_text(content)
    assert processor_name(tmp_path / "cpuinfo") == (expected or platform.machine())


@pytest.fixture
def job(tmp_path: Path) -> SimpleNamespace:
    """A job without its model."""
    frame = pd.DataFrame({"DATA_COLUMN": TEXTS, "LABEL_COLUMN": np.arange(len(TEXTS)) % 3})
    frame.astype({"LABEL_COLUMN": "int16"}).to_parquet(tmp_path / "test.parquet")
    write_classes(tmp_path / "classes.json", ["a", "b", "c"])
    return SimpleNamespace(
        threads=2,
        input={"test": tmp_path / "test.parquet", "classes": tmp_path / "classes.json"},
        output=SimpleNamespace(speed=tmp_path / "speed.json"),
        params=SimpleNamespace(model="Nano"),
    )


def check(job: SimpleNamespace, length: int | None) -> None:
    speed = json.loads(job.output.speed.read_text())
    assert speed["latency_p95_ms"] >= speed["latency_ms"] > 0
    assert speed["throughput"] > 0
    assert speed["memory_mb"] > 50
    assert (speed["threads"], speed["length"], speed["texts"]) == (2, length, len(TEXTS))
    assert speed["host"] and speed["processor"]
    assert speed["cores"] >= 1
    assert speed["engine"] == ("SciPy" if length is None else "Keras on TensorFlow")
    assert min(speed[key] for key in ("load_average", "other_load", "latency_iqr_ms", "throughput_spread")) >= 0


@pytest.fixture
def bert(tmp_path: Path) -> dict[str, Path]:
    """A classifier of three classes with random weights, as a run leaves it."""
    keras.config.set_dtype_policy("float32")
    encoder, backbone = scratch_encoder(SCRATCH, VOCABULARY, True)
    save_encoder(encoder, backbone, tmp_path / "encoder.json", tmp_path / "encoder.weights.h5")
    (tmp_path / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n")
    model = build_classifier(bert_encoder(encoder["architecture"]), 3, pad=0)
    model.save_weights(tmp_path / "model.weights.h5")
    settings = {"precision": "float32", "length": 12, "truncation": "head", "pooling": "pooler"}
    (tmp_path / "training.json").write_text(json.dumps({"training": settings}))
    files = {"config": "encoder.json", "vocabulary": "vocab.txt", "weights": "model.weights.h5"}
    return {key: tmp_path / name for key, name in (files | {"training": "training.json"}).items()}


def test_bert_is_timed_from_text(job: SimpleNamespace, bert: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """From the files of a run to speed.json, and no GPU is touched."""
    monkeypatch.setattr(speed, "SECONDS", 0.1)
    job.input |= bert
    main(job)
    check(job, 12)


def test_timed_bert_gives_probabilities(job: SimpleNamespace, bert: dict[str, Path]) -> None:
    """What is timed is the whole way: a text alone has the probabilities that it has in a batch."""
    row = open_classifier(EncoderFiles.of(bert), bert["training"], len(read_classes(job.input["classes"])))
    together = row.predict(TEXTS[:4])
    assert together.shape == (4, 3)
    np.testing.assert_allclose(together.sum(axis=1), 1, atol=1e-6)
    for text, expected in itertools.islice(zip(TEXTS, together, strict=False), 4):
        np.testing.assert_allclose(row.predict([text])[0], expected, atol=1e-5)
    assert row.length == 12


def test_baseline_is_timed_too(job: SimpleNamespace, tmp_path: Path) -> None:
    """A linear model has no length; its file is enough."""
    vectorizer = build_vectorizer("nb_svm")
    features = vectorizer.fit_transform(TEXTS)
    classifier = LinearClassifier(np.ones((3, features.shape[1]), np.float32), np.zeros(3))
    save_linear_model(tmp_path / "b.npz", "nb_svm", LinearModel(vectorizer, classifier, np.arange(3), 3))
    job.input["baseline"] = tmp_path / "b.npz"
    main(job)
    check(job, None)
