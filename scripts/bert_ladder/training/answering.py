"""A trained classifier from text to probabilities."""

import json
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import pyarrow as pa

from bert_ladder.data.tokens import Tokens, batch_widths
from bert_ladder.encoders.encoder_files import EncoderFiles
from bert_ladder.encoders.normal_form import read_encoder
from bert_ladder.encoders.tokenizers import build_tokenizer
from bert_ladder.encoders.vocabulary import tokenizer_vocabulary
from bert_ladder.training.classifier import predict_batch, restore_classifier
from bert_ladder.training.predictor import Predictor

# Keras's backends, as their makers write them.
ENGINES = {"tensorflow": "TensorFlow", "jax": "JAX", "torch": "PyTorch"}


def open_classifier(files: EncoderFiles, path_training: Path | str, classes: int) -> Predictor:
    """Open a fine-tuned row.

    Args:
        files: of its encoder, with its own weights.
        path_training: its training.json.
        classes: their number.
    """
    record = json.loads(Path(path_training).read_text(encoding="utf-8"))
    length, truncation = record["training"]["length"], record["training"]["truncation"]
    encoder = read_encoder(files.config)
    vocabulary, tokenizer = tokenizer_vocabulary(encoder["tokenizer"], files), build_tokenizer(encoder, files)
    model = restore_classifier(files, record, classes, vocabulary.pad)
    widths = batch_widths(length, model.jit_compile)

    def predict(texts: Sequence[str]) -> np.ndarray:
        ids, offsets = tokenizer.tokenize(pa.array(texts, pa.string()))
        tokens = Tokens(ids, offsets, vocabulary.pad, vocabulary.start, vocabulary.end)
        width = int(widths[np.searchsorted(widths, tokens.lengths(length).max())])
        return predict_batch(model, tokens.batch(np.arange(len(texts)), length, truncation, width))

    return Predictor(predict, length, f"Keras on {ENGINES[keras.backend.backend()]}")
