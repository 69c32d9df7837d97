"""What trainings read, as files."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest

from bert_ladder.data.frames import write_classes
from bert_ladder.encoders.families.bert import scratch_encoder
from bert_ladder.encoders.normal_form import save_encoder
from trainings import NANO

VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghij"]
SCRATCH = NANO | {"positions": 16, "initializer_range": 0.1}


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Any]:
    """What a training reads: 60 texts of three classes."""
    keras.config.set_dtype_policy("float32")
    encoder, backbone = scratch_encoder(SCRATCH, VOCABULARY, True)
    save_encoder(encoder, backbone, tmp_path / "encoder.json", tmp_path / "encoder.weights.h5")
    (tmp_path / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n")
    random = np.random.default_rng(0)
    lengths = random.integers(1, 15, 60)
    np.save(tmp_path / "ids.npy", random.integers(5, 15, lengths.sum()).astype(np.uint16))
    np.save(tmp_path / "offsets.npy", np.concatenate([[0], np.cumsum(lengths)]))
    pd.DataFrame({"LABEL_COLUMN": np.arange(60) % 3}).astype("int16").to_parquet(tmp_path / "train.parquet")
    parts = pd.Categorical(np.where(np.arange(60) % 4, "train", "validation"), categories=["train", "validation"])
    pd.DataFrame({"part": parts}).to_parquet(tmp_path / "split.parquet")
    write_classes(tmp_path / "classes.json", ["a", "b", "c"])
    return {
        "config": tmp_path / "encoder.json",
        "weights": tmp_path / "encoder.weights.h5",
        "vocabulary": tmp_path / "vocab.txt",
        "tokens": [tmp_path / "ids.npy", tmp_path / "offsets.npy"],
        "frame": tmp_path / "train.parquet",
        "split": tmp_path / "split.parquet",
        "classes": tmp_path / "classes.json",
    }
