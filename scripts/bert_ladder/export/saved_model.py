"""An encoder as a SavedModel with the interface that TF Hub's BERT encoders have."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import keras
import numpy as np
import tensorflow as tf
from keras_hub.models import BertBackbone

from bert_ladder.encoders.normal_form import build_backbone, load_weights, read_encoder
from bert_ladder.training.classifier import build_classifier

# Of the hidden states and of the attention weights while training: Devlin et al. 2019, and what TF Hub's encoders do.
DROPOUT = 0.1
# TF Hub's names of layers and KerasHub's, in TF Hub's order.
EMBEDDINGS = {
    "word_embeddings": "token_embedding",
    "position_embedding": "position_embedding",
    "type_embeddings": "segment_embedding",
    "embeddings/layer_norm": "embeddings_layer_norm",
}
TRANSFORMER_LAYER = {
    "self_attention/query": "self_attention_layer/query",
    "self_attention/key": "self_attention_layer/key",
    "self_attention/value": "self_attention_layer/value",
    "self_attention/attention_output": "self_attention_layer/attention_output",
    "self_attention_layer_norm": "self_attention_layer_norm",
    "intermediate": "feedforward_intermediate_dense",
    "output": "feedforward_output_dense",
    "output_layer_norm": "feedforward_layer_norm",
}
POOLER = {"pooler_transform": "pooled_dense"}
INPUTS = {"input_word_ids": "token_ids", "input_mask": "padding_mask", "input_type_ids": "segment_ids"}


def export_encoder(
    config: Path | str,
    weights: Path | str,
    vocabulary: Path | str,
    target: Path | str,
    exported: str,
    label_names: list[str] | None = None,
    pooling: str = "pooler",
) -> None:
    """Write an encoder as a SavedModel, complete or not at all.

    Beside the SavedModel's own files `target` gets, in the folder that loaders leave alone:
    assets.extra/export.json: what encoder.json says, what was exported, and by which TensorFlow;
    assets.extra/head.npz, of a classifier only: `kernel`, float32 (hidden_dim, classes), `bias`, float32 (classes),
    `names`, str (classes), and `pooling`, str; its logits are pooled_output @ kernel + bias, with the mean of
    sequence_output over the text's tokens for pooled_output where pooling is "mean".

    Args:
        config: an encoder.json.
        weights: the encoder.weights.h5; or, with `label_names`, the model.weights.h5 of a classifier on that encoder.
        vocabulary: the vocab.txt.
        target: the folder to write, which must not exist.
        exported: what is exported, for the record.
        label_names: of the classifier's classes.
        pooling: what its head reads, see `build_classifier`.

    Raises:
        BadInput: if the weights are not those of such an encoder or classifier.
    """
    encoder = read_encoder(config)
    # A SavedModel's precision is fixed; a classifier trained in bfloat16 has float32 weights too.
    keras.config.set_dtype_policy("float32")
    head = None
    if label_names is None:
        backbone = build_backbone(encoder["architecture"], DROPOUT)
        load_weights(backbone, weights)
    else:
        model, backbone = build_classifier(encoder["architecture"], len(label_names), pad=0, encoder_dropout=DROPOUT)
        load_weights(model, weights)
        kernel, bias = model.get_layer("logits").get_weights()
        head = {"kernel": kernel, "bias": bias, "names": np.array(label_names, np.str_), "pooling": pooling}
    record = encoder | {"exported": exported, "tensorflow": tf.__version__}

    target = Path(target)
    with TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as scratch:
        folder = Path(scratch, "export")
        write_saved_model(backbone, vocabulary, encoder["lower_case"], folder)
        extra = folder / "assets.extra"
        extra.mkdir()
        (extra / "export.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
        if head is not None:
            np.savez(extra / "head.npz", **head)
        folder.rename(target)


def write_saved_model(backbone: BertBackbone, vocabulary: Path | str, lower_case: bool, folder: Path | str) -> None:
    """Write a SavedModel that hub.load and hub.KerasLayer accept (tensorflow.org/hub/reusable_saved_models).

    It is called with a dict of input_word_ids, input_mask and input_type_ids, int32 (batch, width) each, and gives
    pooled_output and default, which are the same, float32 (batch, hidden_dim), sequence_output, float32 (batch, width,
    hidden_dim), and encoder_outputs, a list of each transformer layer's sequence output. With training=True the
    backbone's dropout is on, with other masks in each call: as in TF Hub's encoders their seeds are the process's own.
    Its attributes are those of TF Hub's encoders: variables, trainable_variables, regularization_losses, vocab_file
    and do_lower_case. The signature serving_default takes and gives the same by name, the layers as encoder_outputs_0
    and so on.

    Args:
        backbone: the encoder, built on TensorFlow, with the dropout that training=True applies.
        vocabulary: its vocab.txt, which becomes an asset.
        lower_case: whether its WordPieces are of lower-cased text.
        folder: where to write.
    """
    layers = [layer.output for layer in backbone.transformer_layers]
    model = keras.Model(backbone.input, backbone.output | {"encoder_outputs": layers})
    weights = tfhub_variables(backbone)
    values = [weights[variable.path] for variable in model.trainable_variables]
    seeds = model.non_trainable_variables

    def call(inputs, training=False):
        outputs, _ = model.stateless_call(
            values,
            [draw_seed() if training else tf.zeros_like(seed) for seed in seeds],
            {ours: inputs[theirs] for theirs, ours in INPUTS.items()},
            training=training,
        )
        return outputs | {"default": outputs["pooled_output"]}

    def serve(input_word_ids, input_mask, input_type_ids):
        outputs = call({"input_word_ids": input_word_ids, "input_mask": input_mask, "input_type_ids": input_type_ids})
        layers = {f"encoder_outputs_{i}": layer for i, layer in enumerate(outputs.pop("encoder_outputs"))}
        return outputs | layers

    specs = {name: tf.TensorSpec([None, None], tf.int32, name) for name in INPUTS}
    call = tf.function(call)
    for training in (True, False):
        call.get_concrete_function(specs, training=training)
    encoder = tf.train.Checkpoint()
    # Not by decoration: what is called is an attribute of the object, as hub.KerasLayer looks for it.
    encoder.__call__ = call
    encoder.vocab_file = tf.saved_model.Asset(str(vocabulary))
    encoder.do_lower_case = tf.Variable(lower_case, trainable=False, name="do_lower_case")
    encoder.trainable_variables = list(weights.values())
    encoder.variables = [*weights.values(), encoder.do_lower_case]
    encoder.regularization_losses = []
    signature = tf.function(serve).get_concrete_function(**specs)
    tf.saved_model.save(encoder, str(folder), signatures=signature)


def tfhub_variables(backbone: BertBackbone) -> dict[str, tf.Variable]:
    """Copies of an encoder's weights with TF Hub's names and in TF Hub's order, by their paths in KerasHub.

    Keras's own variables have short names in a SavedModel (`kernel`), and readers go by TF Hub's.
    """
    names = dict(EMBEDDINGS)
    for i in range(backbone.num_layers):
        names |= {
            f"transformer/layer_{i}/{name}": f"transformer_layer_{i}/{k}" for name, k in TRANSFORMER_LAYER.items()
        }
    names |= POOLER
    weights = {variable.path: keras.ops.convert_to_numpy(variable.value) for variable in backbone.trainable_variables}
    return {
        f"{layer}/{kind}": tf.Variable(weights[f"{layer}/{kind}"], name=f"{name}/{kind}")
        for name, layer in names.items()
        for kind in ("embeddings", "gamma", "beta", "kernel", "bias")
        if f"{layer}/{kind}" in weights
    }


def draw_seed() -> tf.Tensor:
    """A seed for one dropout, int64 (2,), drawn at each call."""
    # The public function wants a seed for the graph where deterministic kernels are asked for: each process that loads
    # the model would then draw the same masks.
    return tf.raw_ops.RandomUniformInt(shape=[2], minval=tf.int64.min, maxval=tf.int64.max)
