"""An encoder as a SavedModel with the interface that TF Hub's BERT encoders have."""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from bert_ladder.encoders.encoder_files import EncoderFiles
from bert_ladder.encoders.interface import Encoder
from bert_ladder.encoders.lean_layers import plain
from bert_ladder.encoders.normal_form import build_encoder, load_weights, read_encoder
from bert_ladder.encoders.vocabulary import tokenizer_vocabulary
from bert_ladder.runtime.jobs import BadInput
from bert_ladder.training.classifier import build_classifier

# Of the hidden states and of the attention weights while training: Devlin et al. 2019, and what TF Hub's encoders do.
DROPOUT = 0.1
INPUTS = {"input_word_ids": "token_ids", "input_mask": "padding_mask", "input_type_ids": "segment_ids"}


@dataclass(frozen=True)
class Head:
    """What a run put on its encoder.

    Attributes:
        label_names: of its classes, in the order of their codes.
        pooling: what it reads, see `build_classifier`.
    """

    label_names: Sequence[str]
    pooling: str

    @classmethod
    def read(cls, path_labels: Path | str, path_training: Path | str) -> "Head":
        """From a run's labels.json and training.json."""
        labels, record = (json.loads(Path(path).read_text(encoding="utf-8")) for path in (path_labels, path_training))
        return cls(labels["names"], record["training"]["pooling"])


def export_encoder(files: EncoderFiles, target: Path | str, exported: str, head: Head | None = None) -> None:
    """Write an encoder as a SavedModel, complete or not at all.

    Beside the SavedModel's own files `target` gets, in the folder that loaders leave alone:
    assets.extra/export.json: what encoder.json says, what was exported, and by which TensorFlow;
    assets.extra/head.npz, of a classifier only: `kernel`, float32 (hidden_dim, classes), `bias`, float32 (classes),
    `names`, str (classes), and `pooling`, str; its logits are pooled_output @ kernel + bias, with the mean of
    sequence_output over the text's tokens for pooled_output where pooling is "mean".

    Args:
        files: of the encoder; or, with `head`, with the weights of a classifier on it.
        target: the folder to write, which must not exist.
        exported: what is exported, for the record.
        head: of the classifier.

    Raises:
        BadInput: if the weights are not those of such an encoder or classifier, or TF Hub has no such encoders.
    """
    for name in ("absl", "tensorflow"):  # what they say of saving is about their own temporary names
        logging.getLogger(name).setLevel(logging.WARNING)
    description = read_encoder(files.config)
    # A SavedModel's precision is fixed; a classifier trained in bfloat16 has float32 weights too.
    keras.config.set_dtype_policy("float32")
    encoder = build_encoder(description, DROPOUT)
    arrays = {}
    if head is None:
        load_weights(encoder.backbone, files.weights)
    else:
        pad = tokenizer_vocabulary(description["tokenizer"], files).pad
        model = build_classifier(encoder, len(head.label_names), pad)
        load_weights(model, files.weights)
        kernel, bias = model.get_layer("logits").get_weights()
        arrays = {"kernel": kernel, "bias": bias, "names": np.array(head.label_names, np.str_), "pooling": head.pooling}
    record = description | {"exported": exported, "tensorflow": tf.__version__}

    target = Path(target)
    with TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as scratch:
        folder = Path(scratch, "export")
        (vocabulary,) = files.tokenizer_files(description["tokenizer"]).values()
        write_saved_model(encoder, vocabulary, description["lower_case"], folder)
        extra = folder / "assets.extra"
        extra.mkdir()
        (extra / "export.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
        if arrays:
            np.savez(extra / "head.npz", **arrays)
        folder.rename(target)


def write_saved_model(encoder: Encoder, vocabulary: Path | str, lower_case: bool, folder: Path | str) -> None:
    """Write a SavedModel that hub.load and hub.KerasLayer accept (tensorflow.org/hub/reusable_saved_models).

    It is called with a dict of input_word_ids, input_mask and input_type_ids, int32 (batch, width) each, and gives
    pooled_output and default, which are the same, float32 (batch, hidden_dim), sequence_output, float32 (batch, width,
    hidden_dim), and encoder_outputs, a list of each transformer layer's sequence output. With training=True the
    backbone's dropout is on, with other masks in each call: as in TF Hub's encoders their seeds are the process's own.
    Its attributes are those of TF Hub's encoders: variables, trainable_variables, regularization_losses, vocab_file
    and do_lower_case. The signature serving_default takes and gives the same by name, the layers as encoder_outputs_0
    and so on.

    Args:
        encoder: built on TensorFlow, with the dropout that training=True applies.
        vocabulary: the file of its WordPieces, which becomes an asset.
        lower_case: whether its WordPieces are of lower-cased text.
        folder: where to write.

    Raises:
        BadInput: if TF Hub has no such encoders.
    """
    backbone, weights = encoder.backbone, tfhub_variables(encoder)
    for layer in encoder.layers:
        plain(layer)
    layers = [layer.output for layer in encoder.layers]
    model = keras.Model(backbone.input, encoder.outputs(backbone.output) | {"encoder_outputs": layers})
    values = [weights[variable.path] for variable in model.trainable_variables]
    seeds = model.non_trainable_variables

    def call(inputs: dict[str, tf.Tensor], training: bool = False) -> dict[str, Any]:
        outputs, _ = model.stateless_call(
            values,
            [draw_seed() if training else tf.zeros_like(seed) for seed in seeds],
            {ours: inputs[theirs] for theirs, ours in INPUTS.items()},
            training=training,
        )
        return outputs | {"default": outputs["pooled_output"]}

    def serve(input_word_ids: tf.Tensor, input_mask: tf.Tensor, input_type_ids: tf.Tensor) -> dict[str, Any]:
        outputs = traced({"input_word_ids": input_word_ids, "input_mask": input_mask, "input_type_ids": input_type_ids})
        layers = {f"encoder_outputs_{i}": layer for i, layer in enumerate(outputs.pop("encoder_outputs"))}
        return outputs | layers

    specs = {name: tf.TensorSpec([None, None], tf.int32, name) for name in INPUTS}
    traced = tf.function(call)
    for training in (True, False):
        traced.get_concrete_function(specs, training=training)
    saved = tf.train.Checkpoint()
    # Not by decoration: what is called is an attribute of the object, as hub.KerasLayer looks for it.
    saved.__call__ = traced
    saved.vocab_file = tf.saved_model.Asset(str(vocabulary))
    saved.do_lower_case = tf.Variable(lower_case, trainable=False, name="do_lower_case")
    saved.trainable_variables = list(weights.values())
    saved.variables = [*weights.values(), saved.do_lower_case]
    saved.regularization_losses = []
    signature = tf.function(serve).get_concrete_function(**specs)
    tf.saved_model.save(saved, str(folder), signatures=signature)


def tfhub_variables(encoder: Encoder) -> dict[str, tf.Variable]:
    """Copies of an encoder's weights with TF Hub's names and in TF Hub's order, by their paths in KerasHub.

    Keras's own variables have short names in a SavedModel (`kernel`), and readers go by TF Hub's.

    Raises:
        BadInput: if TF Hub has no such encoders.
    """
    if encoder.tfhub_layers is None:
        raise BadInput("the encoder is of a family without a form on TF Hub; export an encoder of another.")
    variables = encoder.backbone.trainable_variables
    weights = {variable.path: keras.ops.convert_to_numpy(variable.value) for variable in variables}
    return {
        f"{layer}/{kind}": tf.Variable(weights[f"{layer}/{kind}"], name=f"{name}/{kind}")
        for name, layer in encoder.tfhub_layers.items()
        for kind in ("embeddings", "gamma", "beta", "kernel", "bias")
        if f"{layer}/{kind}" in weights
    }


def draw_seed() -> tf.Tensor:
    """A seed for one dropout, int64 (2,), drawn at each call."""
    # The public function wants a seed for the graph where deterministic kernels are asked for: each process that loads
    # the model would then draw the same masks.
    return tf.raw_ops.RandomUniformInt(shape=[2], minval=tf.int64.min, maxval=tf.int64.max)
