"""BERT (Devlin et al. 2019, arXiv 1810.04805) as a family of encoders."""

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops
from keras_hub.layers import SinePositionEncoding
from keras_hub.models import BertBackbone

from bert_ladder.encoders.interface import Encoder, Family
from bert_ladder.encoders.vocabulary import WORDPIECE
from bert_ladder.runtime.jobs import BadInput

ARCHITECTURE = (
    "vocabulary_size",
    "num_layers",
    "num_heads",
    "hidden_dim",
    "intermediate_dim",
    "max_sequence_length",
    "num_segments",
)
# Devlin et al. 2019: truncated normal with this standard deviation.
BERT_INITIALIZER_RANGE = 0.02
# TF Hub's names of layers and KerasHub's, in TF Hub's order.
TFHUB_EMBEDDINGS = {
    "word_embeddings": "token_embedding",
    "position_embedding": "position_embedding",
    "type_embeddings": "segment_embedding",
    "embeddings/layer_norm": "embeddings_layer_norm",
}
TFHUB_LAYER = {
    "self_attention/query": "self_attention_layer/query",
    "self_attention/key": "self_attention_layer/key",
    "self_attention/value": "self_attention_layer/value",
    "self_attention/attention_output": "self_attention_layer/attention_output",
    "self_attention_layer_norm": "self_attention_layer_norm",
    "intermediate": "feedforward_intermediate_dense",
    "output": "feedforward_output_dense",
    "output_layer_norm": "feedforward_layer_norm",
}
TFHUB_POOLER = {"pooler_transform": "pooled_dense"}


def build_backbone(architecture: dict[str, Any], dropout: float = 0.0) -> BertBackbone:
    """Build a BERT encoder with random weights.

    Args:
        architecture: the arguments of KerasHub's BertBackbone, and which form of GELU (Hendrycks & Gimpel 2016, arXiv
            1606.08415) it has: `gelu` is "tanh", as in BERT's own code and if it is not there, or "erf", the exact
            form, as in Hugging Face's "gelu". They are up to 4.7e-4 apart. Where `pooler` is false, that of KerasHub's
            class is random and never trained, which `has_pooler` of the backbone says.
        dropout: of the hidden states and of the attention weights.

    Returns:
        A model from {token_ids, segment_ids, padding_mask}, int32 (batch, width) each, to
        {sequence_output: (batch, width, hidden_dim), pooled_output: (batch, hidden_dim)}.

    Raises:
        BadInput: for another `gelu`.
    """
    gelu = architecture.get("gelu", "tanh")
    if gelu not in ("tanh", "erf"):
        raise BadInput(f"the encoder's architecture: gelu is {gelu!r}; it is 'tanh' or 'erf'.")
    # cuDNN's kernels refuse BERT's mask, which has one line for all positions: on a GPU, JAX would log a traceback for
    # each layer before it takes XLA's.
    keras.config.disable_flash_attention()
    backbone = BertBackbone(**{key: architecture[key] for key in ARCHITECTURE}, dropout=dropout)
    if gelu == "erf":
        for layer in backbone.transformer_layers:
            # KerasHub's BERT has the tanh form built in, and a layer hands its activation on to its dense layer.
            layer.activation = layer._feedforward_intermediate_dense.activation = keras.activations.gelu
    backbone.has_pooler = architecture.get("pooler", True)
    backbone.pooled_dense.trainable = backbone.has_pooler
    if keras.backend.backend() == "tensorflow":
        # Where another engine computes, TensorFlow need not be installed.
        from bert_ladder.encoders.lean_layers import lean

        for layer in backbone.transformer_layers:
            lean(layer, gelu)
    return backbone


def bert_encoder(architecture: dict[str, Any], dropout: float = 0.0) -> Encoder:
    """A BERT with random weights, see `build_backbone`."""
    backbone = build_backbone(architecture, dropout)
    return Encoder(
        backbone=backbone,
        layers=tuple(backbone.transformer_layers),
        token_embedding=backbone.token_embedding,
        activation=backbone.transformer_layers[0].activation,
        pooler=backbone.pooled_dense if backbone.has_pooler else None,
        positions=backbone.max_sequence_length,
        segments=backbone.num_segments,
        partly_used=tuple(backbone.get_layer(name) for name in ("segment_embedding", "position_embedding")),
        tfhub_layers=tfhub_layers(backbone.num_layers) if backbone.has_pooler else None,
    )


def tfhub_layers(count: int) -> dict[str, str]:
    """TF Hub's names of the layers of a BERT and KerasHub's, in TF Hub's order.

    Args:
        count: number of transformer layers.
    """
    names = dict(TFHUB_EMBEDDINGS)
    for i in range(count):
        names |= {f"transformer/layer_{i}/{name}": f"transformer_layer_{i}/{own}" for name, own in TFHUB_LAYER.items()}
    return names | TFHUB_POOLER


def scratch_encoder(
    scratch: dict[str, Any], vocabulary: Sequence[str], lower_case: bool
) -> tuple[dict[str, Any], BertBackbone]:
    """Build an encoder with random weights, but for its positions.

    Their embeddings, trained like all others, start from the sinusoids of Vaswani et al. 2017 (arXiv 1706.03762), as
    large as BERT's random ones. What stands beside a token is then there to be found: BERT-Tiny learned to use the
    neighbours of a hidden token in a third of the steps (docs/pretraining.md).

    Args:
        scratch: layers, hidden, heads, intermediate, positions, seed, and initializer_range, the standard deviation
            of the kernels (truncated normal); embeddings keep BERT's 0.02.
        vocabulary: its WordPieces.
        lower_case: whether they are of lower-cased text.

    Returns:
        What encoder.json will hold, and the backbone.
    """
    keras.utils.set_random_seed(scratch["seed"])
    architecture = {
        "vocabulary_size": len(vocabulary),
        "num_layers": scratch["layers"],
        "num_heads": scratch["heads"],
        "hidden_dim": scratch["hidden"],
        "intermediate_dim": scratch["intermediate"],
        "max_sequence_length": scratch["positions"],
        "num_segments": 2,
    }
    encoder = {
        "architecture": architecture,
        "lower_case": lower_case,
        "source": {"kind": "scratch", "seed": scratch["seed"], "initializer_range": scratch["initializer_range"]},
    }
    backbone = build_backbone(architecture)
    for variable in backbone.trainable_variables:
        # KerasHub's BERT has its range built in; a kernel drawn with another range is the same kernel, scaled.
        if variable.path.endswith("/kernel"):
            variable.assign(variable * (scratch["initializer_range"] / BERT_INITIALIZER_RANGE))
        elif variable.path.startswith("position_embedding/"):
            sinusoids = SinePositionEncoding(dtype="float32")(ops.zeros((1, *variable.shape)))[0]
            # The mean square of a sinusoid is a half.
            variable.assign(math.sqrt(2) * BERT_INITIALIZER_RANGE * sinusoids)
    return encoder, backbone


BERT = Family(name="bert", backbone="BertBackbone", keys=ARCHITECTURE, tokenizer=WORDPIECE, build=bert_encoder)
