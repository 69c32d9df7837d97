"""ModernBERT (Warner et al. 2024, arXiv 2412.13663), of which Ettin (Weller et al. 2025, arXiv 2507.11412) is a ladder.

A backbone of this project's own, since KerasHub has none: rotary positions (Su et al. 2021, arXiv 2104.09864), gated
feed-forward layers (Shazeer 2020, arXiv 2002.05202), layer norms before each part, no biases, and attention that in two
of three layers looks at near tokens only.
"""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import ops
from keras_hub.layers import ReversibleEmbedding

from bert_ladder.encoders.families.shared import gelu_form
from bert_ladder.encoders.interface import Encoder, Family, NativeHead, TransformersForm
from bert_ladder.encoders.json_tokenizers import BYTE_PAIR

SIZES = {
    "vocabulary_size": "vocab_size",
    "num_layers": "num_hidden_layers",
    "num_heads": "num_attention_heads",
    "hidden_dim": "hidden_size",
    "intermediate_dim": "intermediate_size",
    "max_sequence_length": "max_position_embeddings",
}
LAYERS = {
    "embeddings.tok_embeddings": "token_embedding",
    "embeddings.norm": "embeddings_norm",
    "layers.{}.attn_norm": "layer_{}/attention_norm",
    "layers.{}.attn.Wqkv": "layer_{}/attention_inputs",
    "layers.{}.attn.Wo": "layer_{}/attention_output_dense",
    "layers.{}.mlp_norm": "layer_{}/feedforward_norm",
    "layers.{}.mlp.Wi": "layer_{}/feedforward_inputs",
    "layers.{}.mlp.Wo": "layer_{}/feedforward_output_dense",
    "final_norm": "final_norm",
}
SPECIAL = {"pad": "[PAD]", "unknown": "[UNK]", "start": "[CLS]", "end": "[SEP]", "mask": "[MASK]"}
EPSILON = 1e-5
INITIALIZER_RANGE = 0.02
# What config.json says where it does not: transformers' ModernBertConfig.
GLOBAL_EVERY, WINDOW, GLOBAL_BASE, LOCAL_BASE = 3, 128, 160_000.0, 10_000.0
# Added to the scores of tokens that are not to be looked at; 16 bits hold it.
FAR = -30_000.0


def norm(name: str, policy: Any) -> keras.layers.LayerNormalization:
    """A layer norm without a bias."""
    return keras.layers.LayerNormalization(epsilon=EPSILON, center=False, name=name, dtype=policy)


class ModernBertLayer(keras.layers.Layer):
    """Attention and a gated feed-forward layer, each on the normed sum of what came before.

    Args:
        sizes: the encoder's architecture.
        number: of the layer, from 0; the first has no norm before its attention.
        dropout: of the hidden states and of the attention weights.
    """

    def __init__(self, sizes: Mapping[str, Any], number: int, dropout: float) -> None:
        super().__init__(name=f"layer_{number}")
        self.heads, self.hidden = sizes["num_heads"], sizes["hidden_dim"]
        self.size = self.hidden // self.heads
        is_global = number % sizes["global_every"] == 0
        # Tokens so far to each side, that distance included.
        self.reach = None if is_global else sizes["window"] // 2
        base = sizes["global_base"] if is_global else sizes["local_base"]
        self.frequencies = (base ** -(np.arange(0, self.size, 2) / self.size)).astype(np.float32)
        policy = self.dtype_policy
        self.attention_norm = norm("attention_norm", policy) if number else None
        self.attention_inputs = self._dense(3 * self.hidden, "attention_inputs")
        self.attention_output_dense = self._dense(self.hidden, "attention_output_dense")
        self.feedforward_norm = norm("feedforward_norm", policy)
        self.feedforward_inputs = self._dense(2 * sizes["intermediate_dim"], "feedforward_inputs")
        self.feedforward_output_dense = self._dense(self.hidden, "feedforward_output_dense")
        self.activation = gelu_form(sizes["gelu"])
        self.weights_dropout = keras.layers.Dropout(dropout, name="weights_dropout")
        self.states_dropout = keras.layers.Dropout(dropout, name="states_dropout")

    def _dense(self, units: int, name: str) -> keras.layers.Dense:
        kernel = keras.initializers.TruncatedNormal(stddev=INITIALIZER_RANGE)
        return keras.layers.Dense(units, use_bias=False, kernel_initializer=kernel, name=name, dtype=self.dtype_policy)

    def build(self, states_shape: tuple[int | None, ...], padding_mask_shape: Any = None) -> None:
        """Make the weights."""
        for layer in (self.attention_norm, self.attention_inputs, self.attention_output_dense, self.feedforward_norm):
            if layer is not None:
                layer.build(states_shape)
        self.feedforward_inputs.build(states_shape)
        self.feedforward_output_dense.build((*states_shape[:-1], self.feedforward_inputs.units // 2))
        super().build(states_shape)

    def call(self, states: Any, padding_mask: Any, training: bool | None = None) -> Any:
        """The layer's output, (batch, width, hidden).

        Args:
            states: float (batch, width, hidden).
            padding_mask: int (batch, width), 1 for a token.
            training: whether dropout is on.
        """
        normed = states if self.attention_norm is None else self.attention_norm(states)
        attended = self.attention_output_dense(self._attend(normed, padding_mask, training))
        states = states + self.states_dropout(attended, training=training)
        value, gate = ops.split(self.feedforward_inputs(self.feedforward_norm(states)), 2, axis=-1)
        made = self.feedforward_output_dense(self.activation(value) * gate)
        return states + self.states_dropout(made, training=training)

    def _attend(self, states: Any, padding_mask: Any, training: bool | None) -> Any:
        batch, width = ops.shape(states)[0], ops.shape(states)[1]
        parted = ops.reshape(self.attention_inputs(states), (batch, width, 3, self.heads, self.size))
        # (batch, heads, width, size) each
        query, key, value = (ops.transpose(parted[:, :, part], (0, 2, 1, 3)) for part in range(3))
        positions = ops.cast(ops.arange(width), "float32")
        query, key = (self._rotated(part, positions) for part in (query, key))
        scores = ops.matmul(query, ops.swapaxes(key, -1, -2)) * self.size**-0.5
        seen = ops.cast(padding_mask, "bool")[:, None, None, :]
        if self.reach is not None:
            distance = ops.abs(positions[:, None] - positions[None, :])
            seen = ops.logical_and(seen, (distance <= self.reach)[None, None])
        hidden = ops.cast(ops.where(seen, 0.0, FAR), "float32")
        weights = ops.softmax(ops.cast(scores, "float32") + hidden, axis=-1)
        weights = self.weights_dropout(ops.cast(weights, value.dtype), training=training)
        attended = ops.transpose(ops.matmul(weights, value), (0, 2, 1, 3))
        return ops.reshape(attended, (batch, width, self.hidden))

    def _rotated(self, part: Any, positions: Any) -> Any:
        """Turn each pair of a head's halves by its position's angle, in float32."""
        angles = positions[:, None] * self.frequencies[None, :]
        angles = ops.concatenate([angles, angles], axis=-1)
        exact = ops.cast(part, "float32")
        first, second = ops.split(exact, 2, axis=-1)
        turned = exact * ops.cos(angles) + ops.concatenate([-second, first], axis=-1) * ops.sin(angles)
        return ops.cast(turned, part.dtype)


def modernbert_encoder(architecture: dict[str, Any], dropout: float = 0.0) -> Encoder:
    """Build a ModernBERT with random weights; its output is the normed last hidden states."""
    token_ids = keras.Input((None,), dtype="int32", name="token_ids")
    padding_mask = keras.Input((None,), dtype="int32", name="padding_mask")
    embedding = ReversibleEmbedding(
        architecture["vocabulary_size"],
        architecture["hidden_dim"],
        embeddings_initializer=keras.initializers.TruncatedNormal(stddev=INITIALIZER_RANGE),
        name="token_embedding",
    )
    policy = keras.config.dtype_policy()
    states = norm("embeddings_norm", policy)(embedding(token_ids))
    states = keras.layers.Dropout(dropout, name="embeddings_dropout")(states)
    layers = tuple(ModernBertLayer(architecture, number, dropout) for number in range(architecture["num_layers"]))
    for layer in layers:
        states = layer(states, padding_mask)
    states = norm("final_norm", policy)(states)
    backbone = keras.Model({"token_ids": token_ids, "padding_mask": padding_mask}, states, name="modernbert")
    return Encoder(
        backbone=backbone,
        layers=layers,
        token_embedding=embedding,
        activation=layers[0].activation,
        pooler=None,
        positions=architecture["max_sequence_length"],
        segments=1,
        partly_used=(),
        tfhub_layers=None,
        head=NativeHead(
            "head.dense",
            "classifier",
            "gelu",
            reads="mean" if architecture["classifier_pooling"] == "mean" else "first",
            bias=False,
            norm="head.norm",
        ),
    )


def derived(config: Mapping[str, Any]) -> dict[str, Any]:
    """Where attention is global, the bases of the rotary positions and what the head reads, of config.json.

    transformers has kept bases and layers in two ways: `global_rope_theta`, `local_rope_theta` and
    `global_attn_every_n_layers`, and since its version 5 `rope_parameters` and `layer_types`.
    """
    rotary = config.get("rope_parameters") or {}
    if config.get("rope_scaling") or any(one.get("rope_type", "default") != "default" for one in rotary.values()):
        raise ValueError("the rotary positions are scaled, which the backbone does not do")
    bases = {
        ours: (rotary.get(kind) or {}).get("rope_theta", config.get(earlier, default))
        for ours, kind, earlier, default in (
            ("global_base", "full_attention", "global_rope_theta", GLOBAL_BASE),
            ("local_base", "sliding_attention", "local_rope_theta", LOCAL_BASE),
        )
    }
    return {
        "global_every": global_every(config),
        "window": config.get("local_attention", WINDOW),
        **{name: float(base) for name, base in bases.items()},
        "classifier_pooling": config.get("classifier_pooling", "cls"),
    }


def global_every(config: Mapping[str, Any]) -> int:
    """The first layer and each so many further ones look at all tokens.

    Raises:
        ValueError: if the layers follow no such order.
    """
    types = config.get("layer_types")
    if types is None:
        return int(config.get("global_attn_every_n_layers", GLOBAL_EVERY))
    full = [place for place, kind in enumerate(types) if kind == "full_attention"]
    every = full[1] if len(full) > 1 else max(len(types), 1)
    if full != list(range(0, len(types), every)):
        raise ValueError("layer_types: the layers with full attention are not the first and every so many further ones")
    return every


def restored(architecture: Mapping[str, Any]) -> dict[str, Any]:
    """Of `derived`, what config.json says of it."""
    every = architecture["global_every"]
    return {
        "layer_types": [
            "sliding_attention" if number % every else "full_attention" for number in range(architecture["num_layers"])
        ],
        "rope_parameters": {
            "full_attention": {"rope_type": "default", "rope_theta": architecture["global_base"]},
            "sliding_attention": {"rope_type": "default", "rope_theta": architecture["local_base"]},
        },
        "local_attention": architecture["window"],
        "classifier_pooling": architecture["classifier_pooling"],
    }


MODERNBERT = Family(
    name="modernbert",
    backbone="ModernBERT",
    keys=(*SIZES, "gelu", "global_every", "window", "global_base", "local_base", "classifier_pooling"),
    tokenizer={"kind": BYTE_PAIR, "files": ["tokenizer.json"], "special": SPECIAL},
    build=modernbert_encoder,
    transformers=TransformersForm(
        model_type="modernbert",
        classifier="ModernBertForSequenceClassification",
        scope="model.",
        sizes=SIZES,
        activation="hidden_activation",
        possible={
            "norm_bias": (False,),
            "attention_bias": (False,),
            "mlp_bias": (False,),
            "classifier_bias": (False,),
            "norm_eps": (EPSILON,),
            "classifier_activation": ("gelu",),
            "classifier_pooling": ("cls", "mean"),
        },
        layers=LAYERS,
        # The head of its pre-training, which transformers calls as it calls the classifier's.
        beside=r"^(head|decoder|classifier)\.",
        derive=derived,
        restore=restored,
    ),
)
