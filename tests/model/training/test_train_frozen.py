"""Logistic regression on a frozen encoder, from files to files."""

import json
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pandas as pd
import pytest

from bert_ladder.data.frames import write_classes
from bert_ladder.encoders.encoder_files import EncoderFiles
from bert_ladder.encoders.families.bert import scratch_encoder
from bert_ladder.encoders.normal_form import save_encoder
from bert_ladder.runtime.jobs import BadInput
from bert_ladder.training.answering import open_classifier
from bert_ladder.training.features import FeatureFiles, Lease, Reading, build_features
from bert_ladder.training.frozen import REGULARIZATION, fit_head
from train_frozen import main
from trainings import NANO

VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghij"]
SCRATCH = NANO | {"initializer_range": 0.3}
LABELS = ["first", "other", "second"]


def write_split(folder: Path, split: str, rows: int, seed: int) -> list[str]:
    """A frame of texts of letters of which one, a, b or c, tells the label, and their tokens."""
    random = np.random.default_rng(seed)
    labels = np.arange(rows) % 3
    texts = [" ".join(random.permutation(["abc"[label], *random.choice(list("defghij"), 5)])) for label in labels]
    frame = pd.DataFrame({"DATA_COLUMN": texts, "LABEL_COLUMN": labels})
    frame.astype({"LABEL_COLUMN": "int16"}).to_parquet(folder / f"{split}.parquet")
    ids = np.array([VOCABULARY.index(word) for text in texts for word in text.split()], np.uint16)
    np.save(folder / f"{split}.ids.npy", ids)
    np.save(folder / f"{split}.offsets.npy", np.arange(0, len(ids) + 1, 6))
    return texts


@pytest.fixture
def job(tmp_path: Path) -> SimpleNamespace:
    """A job whose encoder has read 240 training and 90 test texts."""
    keras.config.set_dtype_policy("float32")
    encoder, backbone = scratch_encoder(SCRATCH, VOCABULARY, True)
    files = EncoderFiles(tmp_path / "encoder.json", tmp_path / "encoder.weights.h5", (tmp_path / "vocab.txt",))
    save_encoder(encoder, backbone, files.config, files.weights)
    files.tokenizer[0].write_text("\n".join(VOCABULARY) + "\n")
    for seed, (split, rows) in enumerate({"train": 240, "test": 90}.items()):
        write_split(tmp_path, split, rows, seed)
        tokens = [tmp_path / f"{split}.{part}.npy" for part in ("ids", "offsets")]
        features = FeatureFiles(tmp_path / f"{split}.npy", tmp_path / f"{split}.json")
        build_features(files, tokens, Reading(16, "head"), split, features, Lease())
    parts = ["validation" if row % 4 == 0 else "train" for row in range(240)]
    pd.DataFrame({"part": pd.Categorical(parts)}).to_parquet(tmp_path / "split.parquet")
    write_classes(tmp_path / "classes.json", LABELS)
    return SimpleNamespace(
        threads=1,
        input={
            "config": tmp_path / "encoder.json",
            "weights": tmp_path / "encoder.weights.h5",
            "vocabulary": tmp_path / "vocab.txt",
            "train_features": tmp_path / "train.npy",
            "test_features": tmp_path / "test.npy",
            "train_record": tmp_path / "train.json",
            "train": tmp_path / "train.parquet",
            "test": tmp_path / "test.parquet",
            "split": tmp_path / "split.parquet",
            "classes": tmp_path / "classes.json",
        },
        output=SimpleNamespace(
            weights=tmp_path / "model.weights.h5",
            training=tmp_path / "training.json",
            predictions=tmp_path / "predictions.parquet",
            record=tmp_path / "evaluation.json",
        ),
        params=SimpleNamespace(
            settings={"length": 16, "truncation": "head", "pooling": "mean", "class_weight": None}, seed=3
        ),
        wildcards=SimpleNamespace(model="Nano-frozen"),
    )


def of_part(job: SimpleNamespace, part: str) -> pd.DataFrame:
    predictions = pd.read_parquet(job.output.predictions)
    return predictions[predictions["split"] == part]


@pytest.mark.parametrize("pooling", ["mean", "pooler"])
def test_the_model_answers_from_text_as_it_predicted(job: SimpleNamespace, pooling: str) -> None:
    """The kept weights, opened as a fine-tuned row is, give what was said of the test texts; and it has learned."""
    job.params.settings["pooling"] = pooling
    main(job)
    test = of_part(job, "test")
    probabilities = test.filter(like="probability").to_numpy()
    assert (test["label"] == test["prediction"]).mean() > 0.9
    encoder = EncoderFiles.of(job.input | {"weights": job.output.weights})
    predictor = open_classifier(encoder, job.output.training, 3)
    texts = pd.read_parquet(job.input["test"])["DATA_COLUMN"].tolist()
    np.testing.assert_allclose(predictor.predict(texts), probabilities, atol=1e-4)
    assert predictor.length == 16


def test_records_of_a_run(job: SimpleNamespace) -> None:
    """All parts are predicted; the seconds of the encoder count; parameters are the encoder's and the head's."""
    job.params.settings["class_weight"] = {"first": 3.0}
    record = json.loads(Path(job.input["train_record"]).read_text())
    Path(job.input["train_record"]).write_text(json.dumps(record | {"seconds": 500.0, "device": "gpu:0"}))
    main(job)
    predictions = pd.read_parquet(job.output.predictions)
    assert predictions["split"].value_counts().to_dict() == {"train": 180, "validation": 60, "test": 90}
    evaluation = json.loads(job.output.record.read_text())
    assert 500 < evaluation["training_seconds"] < 560
    assert evaluation["device"] == "gpu:0"
    assert evaluation["class_weights"] == [3.0, 1.0, 1.0]
    assert json.loads(evaluation["hyperparameters"])["C"] in REGULARIZATION
    training = json.loads(job.output.training.read_text())
    encoder = json.loads(Path(job.input["config"]).read_text())["parameters"]
    assert training["parameters"] == evaluation["parameters"] == encoder + 16 * 3 + 3
    assert training["seed"] == 3
    assert training["training"]["dropout"] == training["training"]["encoder_dropout"] == 0


def test_a_pooling_that_the_encoder_has_not(job: SimpleNamespace) -> None:
    """In one sentence, before anything is fitted; what was read stays."""
    record = json.loads(Path(job.input["train_record"]).read_text())
    Path(job.input["train_record"]).write_text(json.dumps(record | {"poolings": ["mean"]}))
    job.params.settings["pooling"] = "pooler"
    with pytest.raises(BadInput, match="Nano-frozen, seed 3: the encoder has no pooler; set pooling to mean"):
        main(job)


def blobs(classes: int, rows: int, seed: int, spread: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Points around a centre per class, on very different scales, one column being constant."""
    random = np.random.default_rng(seed)
    labels = np.arange(rows) % classes
    centres = np.random.default_rng(0).normal(size=(classes, 6))
    points = (centres[labels] + spread * random.normal(size=(rows, 6))) * np.array([1e-3, 1, 1e3, 1, 5, 1]) + 7
    points[:, 3] = 2.5
    return points.astype(np.float32), labels


@pytest.mark.parametrize("classes", [2, 4])
def test_scales_of_features_do_not_matter(classes: int) -> None:
    """The standardization is folded into the head, so that it takes the features as they are."""
    (train, labels), (validation, others) = blobs(classes, 300, 1), blobs(classes, 200, 2)
    parts, codes = {"train": train, "validation": validation}, {"train": labels, "validation": others}
    head, chosen = fit_head(parts, codes, classes, None)
    scale = np.array([1e3, 1, 1e-3, 1, 0.2, 1], np.float32)
    rescaled, _ = fit_head({part: points * scale for part, points in parts.items()}, codes, classes, None)
    probabilities = head.probabilities(validation)
    assert head.kernel.shape == (6, classes)
    assert (probabilities.argmax(axis=1) == others).mean() > 0.7
    np.testing.assert_allclose(probabilities, rescaled.probabilities(validation * scale), atol=2e-3)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    assert chosen["C"] in REGULARIZATION


def test_a_class_without_training_texts_is_never_answered() -> None:
    """Nor does it disturb the others."""
    points, labels = blobs(3, 300, 1)
    kept = labels != 1
    head, _ = fit_head({"train": points[kept], "validation": points}, {"train": labels[kept], "validation": labels},
                       3, None)  # fmt: skip
    probabilities = head.probabilities(points)
    assert (probabilities[:, 1] == 0).all()
    assert (probabilities[kept].argmax(axis=1) == labels[kept]).mean() > 0.8


def test_regularization_is_chosen_on_the_validation_part() -> None:
    """Where the training labels are noise the strongest is best, of equal scores the first."""
    random = np.random.default_rng(0)
    train, labels = random.normal(size=(80, 40)).astype(np.float32), np.repeat([0, 1], [70, 10])
    codes = {"train": random.permutation(labels), "validation": np.zeros(200, int)}
    parts = {"train": train, "validation": random.normal(size=(200, 40)).astype(np.float32)}
    assert fit_head(parts, codes, 2, None)[1] == {"C": min(REGULARIZATION)}


def test_weights_of_classes_shift_the_answers() -> None:
    """A heavier class is answered more often."""
    points, labels = blobs(2, 400, 1, spread=3.0)
    parts, codes = {"train": points, "validation": points}, {"train": labels, "validation": labels}
    plain, heavy = (fit_head(parts, codes, 2, weights)[0] for weights in (None, np.array([1.0, 5.0])))
    assert heavy.probabilities(points)[:, 1].mean() > plain.probabilities(points)[:, 1].mean() + 0.1
