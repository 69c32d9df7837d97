"""Encoders, texts and settings of trainings that take seconds."""

import numpy as np

from bert_ladder.data.tokens import Tokens

# The smallest BERT with several heads.
NANO = {
    "layers": 1, "hidden": 16, "heads": 2, "intermediate": 32, "positions": 32, "initializer_range": 0.02, "seed": 0,
}  # fmt: skip
SETTINGS = {
    "length": 16, "truncation": "head", "epochs": 2, "batch_size": 16, "length_buckets": False, "optimizer": "adam",
    "learning_rate": 3e-3, "epsilon": 1e-8, "clipnorm": 1.0, "global_clipnorm": None, "weight_decay": 0.0,
    "momentum": 0.0, "schedule": "constant", "warmup_fraction": 0.0, "dropout": 0.1, "encoder_dropout": 0.1,
    "pooling": "pooler", "precision": "float32", "xla": False, "validation_fraction": 0.2, "class_weight": None,
    "keep": "last", "monitor": "validation_accuracy", "patience": None,
}  # fmt: skip
PRETRAINING = {
    "from": "start", "text": ["more"], "seed": 1, "validation_fraction": 0.1, "masked_fraction": 0.15,
    "whole_words": True, "next_sentence": False, "bag_of_words": False, "length": 18, "epochs": 3, "batch_size": 16,
    "gradient_accumulation": 1, "optimizer": "adamw", "learning_rate": 3e-3, "epsilon": 1e-6, "clipnorm": None,
    "global_clipnorm": 1.0, "weight_decay": 0.01, "momentum": 0.0, "schedule": "linear", "warmup_fraction": 0.1,
    "encoder_dropout": 0.1, "precision": "float32", "xla": False,
}  # fmt: skip


def labelled_texts(count: int) -> tuple[Tokens, np.ndarray, np.ndarray]:
    """Texts of random length in which one WordPiece tells the label, their labels, and every fourth for validation."""
    random = np.random.default_rng(0)
    lengths = random.integers(1, 40, count)
    labels = (np.arange(count) // 3 % 2).astype(np.int16)
    ids = random.integers(10, 50, lengths.sum()).astype(np.uint16)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    ids[offsets[:-1]] = 5 + labels
    return Tokens(ids, offsets, pad=0, cls=2, sep=3), labels, np.arange(count) % 4 == 0


class Killed(BaseException):
    """Stands for SIGKILL, after which nothing of the process runs."""
