"""The classifier, and predicting with it. Speaks `keras` only, so that it runs on every backend of Keras."""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

from bert_ladder.data.tokens import Tokens, batch_widths, similar_length_batches
from bert_ladder.encoders.encoder_files import EncoderFiles
from bert_ladder.encoders.interface import Encoder, NativeHead
from bert_ladder.encoders.normal_form import build_encoder, read_encoder
from bert_ladder.runtime.jobs import BadInput

PREDICTION_BATCH = 64
NO_POOLER = "the encoder has no pooler; set pooling to mean."


def pooled_outputs(encoder: Encoder, pad: int) -> tuple[Any, dict[str, Any]]:
    """What a classifier may read of an encoder, as symbols of Keras.

    Args:
        encoder: that reads the texts.
        pad: id of padding, which is masked.

    Returns:
        Token ids, int32 (batch, width), and by the name of each pooling its output, (batch, hidden): "mean", and
        "pooler" of an encoder that has one; see `build_classifier`.
    """
    token_ids, is_token, encoded = _encoded(encoder, pad)
    names = ["mean", *([] if encoder.pooler is None else ["pooler"])]
    return token_ids, {name: _pooled(encoded, is_token, name) for name in names}


def _encoded(encoder: Encoder, pad: int) -> tuple[Any, Any, dict[str, Any]]:
    """Token ids, which of them are tokens, and the encoder's outputs of them by name."""
    token_ids = keras.Input((None,), dtype="int32", name="token_ids")
    is_token = ops.not_equal(token_ids, pad)
    encoded = encoder.backbone(encoder.inputs(token_ids, ops.cast(is_token, "int32")))
    return token_ids, is_token, encoder.outputs(encoded)


def _pooled(encoded: dict[str, Any], is_token: Any, pooling: str) -> Any:
    if pooling == "pooler":
        return encoded["pooled_output"]
    return keras.layers.GlobalAveragePooling1D(dtype="float32")(encoded["sequence_output"], mask=is_token)


def build_classifier(
    encoder: Encoder, classes: int, pad: int, dropout: float = 0.0, pooling: str = "pooler"
) -> keras.Model:
    """Put a head on an encoder: dropout and one dense layer on the pooled output, on a mean, or on what a family's own
    head makes of the last hidden states.

    Args:
        encoder: whose weights become the model's.
        classes: number of classes, two or more.
        pad: id of padding, which is masked.
        dropout: before the dense layer.
        pooling: "pooler", the encoder's own dense layer on the first token; "mean" of the last hidden states over the
            text's tokens, those before and behind it included, which leaves a pooler as it is; or "native", the
            family's own classification head, see `Encoder.head`, which is new.

    Returns:
        A model from token ids, int32 (batch, width), to logits, float32 (batch, classes).

    Raises:
        BadInput: if the encoder has no pooler to read, or its family no head of its own beside the pooler.
    """
    if pooling == "pooler" and encoder.pooler is None:
        raise BadInput(
            NO_POOLER if encoder.head is None else "the encoder has no pooler; set pooling to native or mean."
        )
    if pooling == "native" and encoder.head is None:
        raise BadInput("the encoder's own head is its pooler; set pooling to pooler or mean.")
    if pooling == "mean" and encoder.pooler is not None:
        encoder.pooler.trainable = False
    token_ids, is_token, encoded = _encoded(encoder, pad)
    if pooling == "native" and encoder.head is not None:
        pooled = native_features(encoder.head, encoded["sequence_output"], is_token, dropout)
    else:
        pooled = _pooled(encoded, is_token, pooling)
    logits = keras.layers.Dense(
        classes,
        kernel_initializer=keras.initializers.TruncatedNormal(stddev=0.02),
        dtype="float32",
        name="logits",
    )(keras.layers.Dropout(dropout)(pooled))
    return keras.Model(token_ids, logits)


def native_features(head: NativeHead, states: Any, is_token: Any, dropout: float) -> Any:
    """What a family's own classification head makes of the last hidden states, below the classes' scores.

    Args:
        head: of the family.
        states: float (batch, width, hidden).
        is_token: bool (batch, width), false for padding.
        dropout: before the dense layer, where the family has one there.

    Returns:
        float32 (batch, hidden).
    """
    if head.reads == "mean":
        read = keras.layers.GlobalAveragePooling1D(dtype="float32")(states, mask=is_token)
    else:
        read = states[:, 0]
    if head.dropout_before:
        read = keras.layers.Dropout(dropout, name="native_dropout")(read)
    features = keras.layers.Dense(
        states.shape[-1],
        activation=head.activation,
        use_bias=head.bias,
        kernel_initializer=keras.initializers.TruncatedNormal(stddev=0.02),
        dtype="float32",
        name="native_dense",
    )(read)
    if head.norm is None:
        return features
    return keras.layers.LayerNormalization(epsilon=1e-5, center=False, dtype="float32", name="native_norm")(features)


def restore_classifier(files: EncoderFiles, record: Mapping[str, Any], classes: int, pad: int) -> keras.Model:
    """Rebuild a trained classifier for prediction.

    Args:
        files: of its encoder, with its own weights.
        record: its training.json.
        classes: number of classes.
        pad: id of padding.
    """
    keras.config.set_dtype_policy(record["training"]["precision"])
    encoder = build_encoder(read_encoder(files.config))
    model = build_classifier(encoder, classes, pad, pooling=record["training"]["pooling"])
    model.load_weights(files.weights)
    return model


class TokenBatches(keras.utils.PyDataset):
    """Padded batches of some texts, with their labels if there are any.

    Args:
        tokens: the texts' ids.
        labels: int array over all texts, or None to predict.
        batches: (rows, width) of each batch.
        length, truncation: see `Tokens.batch`.
    """

    def __init__(
        self,
        tokens: Tokens,
        labels: np.ndarray | None,
        batches: list[tuple[np.ndarray, int]],
        length: int,
        truncation: str,
    ):
        super().__init__()
        self.tokens, self.labels, self.batches = tokens, labels, batches
        self.length, self.truncation = length, truncation

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, index: int) -> tuple[np.ndarray, ...]:
        rows, width = self.batches[index]
        token_ids = self.tokens.batch(rows, self.length, self.truncation, width)
        return (token_ids,) if self.labels is None else (token_ids, self.labels[rows])


def prediction_batches(
    model: keras.Model, tokens: Tokens, rows: np.ndarray, length: int, truncation: str
) -> TokenBatches:
    """Batches for a forward pass: sorted by length, since padding costs time and changes nothing."""
    widths = batch_widths(length, model.jit_compile)
    batches = similar_length_batches(rows, tokens.lengths(length)[rows], PREDICTION_BATCH, widths)
    return TokenBatches(tokens, None, batches, length, truncation)


def predict_probabilities(
    model: keras.Model, tokens: Tokens, rows: np.ndarray, length: int, truncation: str
) -> np.ndarray:
    """Class probabilities of some texts.

    Returns:
        float32 array (len(rows), classes), in the order of `rows`, each line of sum 1.
    """
    dataset = prediction_batches(model, tokens, rows, length, truncation)
    logits = model.predict(dataset, verbose=0)
    order = np.concatenate([batch_rows for batch_rows, _ in dataset.batches])
    probabilities = np.empty(logits.shape, np.float32)
    probabilities[np.argsort(rows, kind="stable")] = ops.convert_to_numpy(ops.softmax(logits, axis=-1))[
        np.argsort(order, kind="stable")
    ]
    return probabilities


def predict_batch(model: keras.Model, token_ids: np.ndarray) -> np.ndarray:
    """Class probabilities, float32 (n, classes), of one padded batch, int32 (n, width)."""
    return ops.convert_to_numpy(ops.softmax(model.predict_on_batch(token_ids), axis=-1))
