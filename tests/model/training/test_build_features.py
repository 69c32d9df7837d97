"""What an encoder that is not trained makes of texts, from files to files."""

import json
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from bert_ladder.data.tokens import Tokens
from bert_ladder.encoders.families.bert import scratch_encoder
from bert_ladder.encoders.normal_form import save_encoder
from bert_ladder.runtime.jobs import BadInput
from build_features import main
from trainings import NANO

VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghij"]
SCRATCH = NANO | {"initializer_range": 0.3}
TEXTS = 150


def written_encoder(folder: Path) -> keras.Model:
    """An encoder of random weights in normal form, and its backbone."""
    keras.config.set_dtype_policy("float32")
    encoder, backbone = scratch_encoder(SCRATCH, VOCABULARY, True)
    save_encoder(encoder, backbone, folder / "encoder.json", folder / "encoder.weights.h5")
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n")
    return backbone


def written_tokens(folder: Path, name: str, lengths: np.ndarray) -> Tokens:
    """Tokens of texts of some lengths."""
    ids = np.random.default_rng(0).integers(5, 15, lengths.sum()).astype(np.uint16)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    np.save(folder / f"{name}.ids.npy", ids)
    np.save(folder / f"{name}.offsets.npy", offsets)
    return Tokens(ids, offsets, pad=0, cls=2, sep=3)


@pytest.fixture
def job(tmp_path: Path) -> SimpleNamespace:
    """A job on texts of which some are longer than the encoder is to read."""
    tokens = written_tokens(tmp_path, "train", np.random.default_rng(1).integers(0, 40, TEXTS))
    return SimpleNamespace(
        threads=1,
        resources={"gpu": 1},
        backbone=written_encoder(tmp_path),
        texts=tokens,
        input=SimpleNamespace(
            config=tmp_path / "encoder.json",
            vocabulary=tmp_path / "vocab.txt",
            weights=tmp_path / "encoder.weights.h5",
            tokens=[tmp_path / "train.ids.npy", tmp_path / "train.offsets.npy"],
        ),
        output=SimpleNamespace(features=tmp_path / "train.npy", record=tmp_path / "train.json"),
        params=SimpleNamespace(reading={"length": 24, "truncation": "tail"}, poolings=["pooler"]),
        wildcards=SimpleNamespace(encoder="nano", reading="0123456789", texts="train"),
    )


def alone(job: SimpleNamespace, row: int) -> tuple[np.ndarray, np.ndarray]:
    """The mean of the last hidden states and the pooler's output of one text that is read without any other."""
    width = int(job.texts.lengths(24)[row])
    token_ids = job.texts.batch(np.array([row]), 24, "tail", width)
    inputs = {"token_ids": token_ids, "segment_ids": 0 * token_ids, "padding_mask": 0 * token_ids + 1}
    found = job.backbone.predict_on_batch(inputs)
    return found["sequence_output"][0].mean(axis=0), found["pooled_output"][0]


def test_every_text_has_both_poolings_in_its_place(job: SimpleNamespace) -> None:
    """As if it were read alone, whatever batch it shares and however far that is padded."""
    main(job)
    features = np.load(job.output.features)
    record = json.loads(Path(job.output.record).read_text())
    assert (features.shape, features.dtype) == ((TEXTS, 2, 16), np.float32)
    assert record["poolings"] == ["mean", "pooler"]
    assert (record["texts"], record["hidden"]) == (TEXTS, 16)
    assert record["seconds"] > 0
    assert record["evaluation_ended_at"] >= record["evaluation_ready_at"]
    for row in range(0, TEXTS, 7):
        np.testing.assert_allclose(features[row], np.stack(alone(job, row)), atol=2e-5)


def test_texts_beyond_the_positions_are_refused(job: SimpleNamespace) -> None:
    """Which only the encoder's files may tell, before anything is read."""
    job.params.reading["length"] = 33
    with pytest.raises(BadInput, match=r"nano, frozen, train texts: length 33 is beyond the encoder's 32 positions"):
        main(job)
    assert not job.output.features.exists()


def test_an_encoder_without_a_pooler(job: SimpleNamespace) -> None:
    """Gives the mean alone; who wants its pooler is refused before anything is read."""
    config = json.loads(Path(job.input.config).read_text())
    config["architecture"]["pooler"] = False
    Path(job.input.config).write_text(json.dumps(config))
    with pytest.raises(BadInput, match="nano, frozen, train texts: the encoder has no pooler; set pooling to mean"):
        main(job)
    assert not job.output.features.exists()
    job.params.poolings = ["mean"]
    main(job)
    assert np.load(job.output.features).shape == (TEXTS, 1, 16)
    assert json.loads(Path(job.output.record).read_text())["poolings"] == ["mean"]


def test_weights_of_another_encoder_are_refused(job: SimpleNamespace) -> None:
    """Instead of reading with random ones."""
    Path(job.input.weights).write_bytes(b"no weights")
    with pytest.raises(BadInput, match=r"does not hold the weights that encoder\.json describes"):
        main(job)
