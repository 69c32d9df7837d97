"""A chosen BERT as a SavedModel that takes raw texts."""

import logging
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_text

from bert_ladder.data.tokens import HEAD_SHARE
from bert_ladder.export.chosen_bert import ChosenBert, open_chosen_bert
from bert_ladder.export.programs import saved_model_predict


def export_text_model(folder: Path | str, target: Path | str) -> None:
    """Write a chosen BERT as a SavedModel with its tokenizer inside, and predict.py beside it.

    The signature `serving_default` takes `texts`, string (batch,), and gives `label`, string (batch,), and
    `probabilities`, float32 (batch, classes), calibrated; the signature `labels` gives `labels`, string (classes,).
    It loads where TensorFlow and TensorFlow Text are, whose operations CaseFoldUTF8, NormalizeUTF8,
    RegexSplitWithOffsets and WordpieceTokenizeWithOffsets it has: those that TensorFlow Serving brings.

    Args:
        folder: chosen/ of a study.
        target: folder to write.

    Raises:
        BadInput: see `open_chosen_bert`.
    """
    chosen = open_chosen_bert(folder, "saved_model")
    for name in ("absl", "tensorflow"):  # what they say of saving is about their own temporary names
        logging.getLogger(name).setLevel(logging.ERROR)
    saved = tf.Module()
    saved.weights = [weight.value for weight in chosen.classifier.weights]
    saved.table, tokenize = tokenizer_of(chosen)
    classes = tf.constant(chosen.settings["labels"])

    def serve(texts: tf.Tensor) -> dict[str, tf.Tensor]:
        logits = chosen.classifier(with_special_tokens(cut(tokenize(texts), chosen.settings), chosen.settings))
        probabilities = tf.nn.softmax(logits / np.float32(chosen.model.temperature))
        return {"label": tf.gather(classes, tf.argmax(probabilities, axis=1)), "probabilities": probabilities}

    serving = tf.function(serve).get_concrete_function(tf.TensorSpec([None], tf.string, "texts"))
    labels = tf.function(lambda: {"labels": tf.identity(classes)}).get_concrete_function()
    signatures = {"serving_default": serving, "labels": labels}
    tf.saved_model.save(saved, str(target), signatures=signatures)
    shutil.copyfile(saved_model_predict.__file__, Path(target, "predict.py"))


def tokenizer_of(chosen: ChosenBert) -> tuple[tf.lookup.StaticHashTable, Any]:
    """The tokenizer of TF Hub's preprocessing: its table, whose file becomes an asset, and a function.

    The function takes strings (batch,) and gives ids without special tokens, int64, ragged (batch, None).
    """
    (file,) = chosen.files.tokenizer_files(chosen.description["tokenizer"]).values()
    lines = tf.lookup.TextFileInitializer(
        str(file), tf.string, tf.lookup.TextFileIndex.WHOLE_LINE, tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER
    )
    table = tf.lookup.StaticHashTable(lines, default_value=-1)
    tokenizer = tensorflow_text.BertTokenizer(table, lower_case=chosen.description["lower_case"])
    return table, lambda texts: tokenizer.tokenize(texts).merge_dims(-2, -1)


def cut(ids: tf.RaggedTensor, settings: Mapping[str, Any]) -> tf.RaggedTensor:
    """Cut what is longer than the model reads, as `Tokens.batch` does.

    Args:
        ids: ragged (batch, None).
        settings: `length` and `truncation`, see `ChosenBert.settings`.
    """
    room = settings["length"] - 2
    head = {"head": room, "tail": 0, "head+tail": round(room * HEAD_SHARE)}[settings["truncation"]]
    lengths = tf.gather(ids.row_lengths(), ids.value_rowids())
    places = tf.range(tf.size(ids.values, tf.int64)) - tf.gather(ids.row_starts(), ids.value_rowids())
    kept = (lengths <= room) | (places < head) | (places >= lengths - (room - head))
    return tf.ragged.boolean_mask(ids, ids.with_values(kept))


def with_special_tokens(ids: tf.RaggedTensor, settings: Mapping[str, Any]) -> tf.Tensor:
    """Put [CLS] before and [SEP] behind each text and pad to the longest: int32 (batch, width).

    Args:
        ids: ragged (batch, None).
        settings: `start`, `end` and `pad`, see `ChosenBert.settings`.
    """
    start, end = (tf.fill([ids.nrows(), 1], tf.constant(settings[name], tf.int64)) for name in ("start", "end"))
    return tf.cast(tf.concat([start, ids, end], axis=1).to_tensor(settings["pad"]), tf.int32)
