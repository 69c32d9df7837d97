"""Encoders of every family are fetched, learn, are taken up again bit for bit, and answer, as a BERT is and does."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from bert_ladder.data.tokens import Tokens
from bert_ladder.encoders.conversion import fetch_encoder
from bert_ladder.encoders.encoder_files import EncoderFiles
from bert_ladder.encoders.normal_form import build_encoder, load_weights, read_encoder
from bert_ladder.encoders.tokenizers import build_tokenizer
from bert_ladder.encoders.vocabulary import tokenizer_vocabulary
from bert_ladder.runtime.jobs import BadInput
from bert_ladder.study.families import FAMILIES, WORDPIECES
from bert_ladder.study.settings import PretrainingSettings, TrainingSettings
from bert_ladder.training.fine_tuning import TrainingData, train_run
from bert_ladder.training.inputs import CheckpointPolicy, Job, PretrainingFiles
from bert_ladder.training.pretraining import Pretrained, build_masked_lm, pretrain_run
from family_fixtures import NAMES, unpack_family
from trainings import PRETRAINING, SETTINGS, Killed

WORDS = ("bating", "dernune"), ("funeled", "gistern")
# The others are long: one family with WordPieces, and the one whose backbone is this project's own.
FIRST = ("distilbert", "modernbert")
FEW = [name if name in FIRST else pytest.param(name, marks=pytest.mark.long) for name in NAMES]
MASKED = [one for one, name in zip(FEW, NAMES, strict=True) if FAMILIES[name].no_pretraining is None]
# WordPieces, and tokens of a tokenizer.json; ModernBERT's many layers take longer.
RESUMED = [
    name if name in ("distilbert", "roberta") else pytest.param(name, marks=pytest.mark.long)
    for name in NAMES
    if FAMILIES[name].no_pretraining is None
]
LEARNING = {"epochs": 3, "learning_rate": 1e-2, "pooling": "native", "length": 12}


@pytest.fixture(scope="module")
def fetched(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], EncoderFiles]:
    """An encoder of a family in normal form, fetched from the folder that transformers wrote."""
    keras.config.set_dtype_policy("float32")
    made: dict[str, EncoderFiles] = {}

    def fetch(name: str) -> EncoderFiles:
        if name not in made:
            folder = unpack_family(name, tmp_path_factory.mktemp(name))
            for file in (folder / "tokenizer").iterdir():
                file.rename(folder / "usual" / file.name)
            made[name] = fetch_family(name, folder / "usual", tmp_path_factory.mktemp(f"{name}-normal"))
        return made[name]

    return fetch


def fetch_family(name: str, source: Path, target: Path) -> EncoderFiles:
    """Bring a folder of transformers into normal form."""
    kind = FAMILIES[name].tokenizer
    files = EncoderFiles(target / "encoder.json", target / "encoder.weights.h5", (target / kind,))
    fetch_encoder(
        {"sources": [{"huggingface": str(source)}], "family": name},
        lower_case=True if kind == WORDPIECES else None,
        vocabulary=None,
        outputs={"config": files.config, "weights": files.weights, "vocabulary": files.tokenizer[0]},
        downloads=target / "downloads",
    )
    return files


def written(labels: np.ndarray) -> list[str]:
    """Texts in which one of two words tells the label."""
    random = np.random.default_rng(0)
    return [f"The {random.choice(WORDS[label])} {random.choice(['wit', 'ending', 'plot'])}." for label in labels]


def labelled(files: EncoderFiles) -> TrainingData:
    """Such texts as a training reads them."""
    labels = np.arange(96, dtype=np.int16) % 2
    description = read_encoder(files.config)
    ids, offsets = build_tokenizer(description, files).tokenize(pa.array(written(labels)))
    vocabulary = tokenizer_vocabulary(description["tokenizer"], files)
    tokens = Tokens(ids, offsets, vocabulary.pad, vocabulary.start, vocabulary.end)
    return TrainingData(tokens, labels, np.arange(96) % 4 == 0, 2, 1)


def train(files: EncoderFiles, folder: Path, every: float = 3600, **settings: Any) -> tuple[keras.Model, pd.DataFrame]:
    """Fine-tune an encoder."""
    keras.config.set_dtype_policy("float32")
    model, history, _ = train_run(
        files, labelled(files), TrainingSettings.of(SETTINGS | LEARNING | settings), Job("row", "row", 1, threads=2),
        CheckpointPolicy(folder, every),
    )  # fmt: skip
    return model, history.drop(columns="seconds")


def pretrain(files: EncoderFiles, folder: Path, every: float = 3600) -> Pretrained:
    """Pre-train an encoder on such texts, without labels."""
    keras.config.set_dtype_policy("float32")
    folder.mkdir(exist_ok=True)
    texts = written(np.arange(96) % 2)
    parts = [folder / f"train.{part}.npy" for part in ("ids", "offsets")]
    tokenizer = build_tokenizer(read_encoder(files.config), files)
    for path, array in zip(parts, tokenizer.tokenize(pa.array(texts)), strict=True):
        np.save(path, array)
    for name, split in (("train", texts), ("test", ["Nothing of the kind."])):
        pd.DataFrame({"DATA_COLUMN": split}).to_parquet(folder / f"{name}.parquet")
    return pretrain_run(
        files,
        PretrainingFiles(parts, folder / "train.parquet", folder / "test.parquet"),
        PretrainingSettings.of(PRETRAINING | {"text": [], "epochs": 2}),
        Job("mine", "mine", 1, threads=2),
        CheckpointPolicy(folder / "checkpoints", every),
    )


@pytest.mark.parametrize("name", FEW)
def test_family_learns_and_is_taken_up_again(
    fetched: Callable[[str], EncoderFiles], killed_after: Callable[[int], None], tmp_path: Path, name: str
) -> None:
    """A training that was killed inside its second epoch ends as the undisturbed one, which has learned the words."""
    files = fetched(name)
    pooling = "pooler" if FAMILIES[name].pooler else "native"
    model, history = train(files, tmp_path / "undisturbed", pooling=pooling)
    assert history["validation_accuracy"].iloc[-1] > 0.7
    killed_after(7)
    with pytest.raises(Killed):
        train(files, tmp_path / "run", every=0, pooling=pooling)
    again, resumed = train(files, tmp_path / "run", every=0, pooling=pooling)
    pd.testing.assert_frame_equal(history, resumed, check_exact=True)
    for one, other in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", NAMES)
def test_positions_end_where_the_family_s_do(fetched: Callable[[str], EncoderFiles], tmp_path: Path, name: str) -> None:
    """A longer text is refused in one sentence before anything is trained."""
    files = fetched(name)
    encoder = build_encoder(read_encoder(files.config))
    assert encoder.positions == {"modernbert": 8192}.get(name, 512)
    with pytest.raises(BadInput, match=rf"length 8193 is more than the {encoder.positions} positions of its encoder"):
        train(files, tmp_path / "run", length=8193)


@pytest.mark.parametrize("name", RESUMED)
def test_pretraining_of_a_family_is_taken_up_again(
    fetched: Callable[[str], EncoderFiles], killed_after: Callable[[int], None], tmp_path: Path, name: str
) -> None:
    """One that was killed inside its second epoch ends as the undisturbed one, bit for bit, its head included."""
    files = fetched(name)
    undisturbed = pretrain(files, tmp_path / "undisturbed")
    steps = math.ceil(undisturbed.record["tokens_per_epoch"] / PRETRAINING["length"] / PRETRAINING["batch_size"])
    killed_after(steps + 1)
    with pytest.raises(Killed):
        pretrain(files, tmp_path / "run", every=0)
    again = pretrain(files, tmp_path / "run", every=0)
    one, other = (found.history.drop(columns="seconds") for found in (undisturbed, again))
    pd.testing.assert_frame_equal(one, other, check_exact=True)
    for one, other in zip(undisturbed.model.get_weights(), again.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", MASKED)
def test_masked_language_model_of_a_family(fetched: Callable[[str], EncoderFiles], name: str) -> None:
    """Hidden tokens give a loss whose gradient reaches every layer."""
    description = read_encoder(fetched(name).config)
    encoder = build_encoder(description)
    load_weights(encoder.backbone, fetched(name).weights)
    model = build_masked_lm(encoder)
    model.compile(optimizer=keras.optimizers.Adam(3e-3), jit_compile=False)
    random = np.random.default_rng(0)
    ids = random.integers(20, 40, (32, 8)).astype(np.int32)
    # The third token is always the first one's.
    ids[:, 3] = ids[:, 1]
    positions = np.full((32, 1), 3, np.int32)
    hidden = ids.copy()
    hidden[:, 3] = tokenizer_vocabulary(description["tokenizer"], fetched(name)).mask
    targets = {"targets": ids[:, 3:4], "weights": np.ones((32, 1), np.float32)}
    before = [weight.copy() for weight in encoder.backbone.get_weights()]
    history = model.fit({"token_ids": hidden, "positions": positions}, targets, epochs=20, batch_size=32, verbose=0)
    assert history.history["masked_loss"][-1] < 0.75 * history.history["masked_loss"][0]
    # The pooler is no part of it.
    unmoved = [
        variable.path
        for variable, one, other in zip(encoder.backbone.weights, before, encoder.backbone.get_weights(), strict=True)
        if np.array_equal(one, other) and not variable.path.startswith("pooled")
    ]
    assert not unmoved


@pytest.mark.parametrize("name", NAMES)
def test_source_of_another_family_is_refused(tmp_path: Path, name: str) -> None:
    """Its config.json says so; nothing is written."""
    folder = unpack_family(name, tmp_path / "source")
    config = json.loads((folder / "usual/config.json").read_text())
    (folder / "usual/config.json").write_text(json.dumps(config | {"model_type": "bert"}))
    with pytest.raises(BadInput, match=r"model_type is 'bert'.* write the family of the encoder into its entry"):
        fetch_family(name, folder / "usual", tmp_path / "normal")
    assert not (tmp_path / "normal/encoder.json").exists()
