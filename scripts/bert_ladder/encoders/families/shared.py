"""What families of encoders that KerasHub builds have in common."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import keras

from bert_ladder.encoders.interface import Encoder, NativeHead
from bert_ladder.runtime.jobs import BadInput


def gelu_form(form: str) -> Any:
    """One of the two forms of GELU (Hendrycks & Gimpel 2016, arXiv 1606.08415), "tanh" or "erf".

    Raises:
        BadInput: for another.
    """
    if form not in ("tanh", "erf"):
        raise BadInput(f"the encoder's architecture: gelu is {form!r:.40}; it is 'tanh' or 'erf'.")
    return {"tanh": _tanh_gelu, "erf": keras.activations.gelu}[form]


def _tanh_gelu(x: Any) -> Any:
    return keras.activations.gelu(x, approximate=True)


def set_gelu(layers: Iterable[keras.layers.Layer], form: str) -> None:
    """Give KerasHub's transformer layers a form of GELU; each has one of them built in.

    Raises:
        BadInput: see `gelu_form`.
    """
    for layer in layers:
        # A layer hands its activation on to its dense layer.
        layer.activation = layer._feedforward_intermediate_dense.activation = gelu_form(form)


def keras_hub_backbone(kind: Callable[..., Any], arguments: Mapping[str, Any], dropout: float) -> Any:
    """Build one of KerasHub's backbones with random weights.

    Args:
        kind: its class.
        arguments: of it, sizes of the encoder.
        dropout: of the hidden states and of the attention weights.
    """
    # cuDNN's kernels refuse the mask of padding, which has one line for all positions: on a GPU, JAX would log a
    # traceback for each layer before it takes XLA's.
    keras.config.disable_flash_attention()
    return kind(**arguments, dropout=dropout)


def keras_hub_encoder(
    backbone: Any, partly_used: tuple[keras.layers.Layer, ...], head: NativeHead | None, **others: Any
) -> Encoder:
    """An encoder of one of KerasHub's backbones that have no form on TF Hub.

    Args:
        backbone: as KerasHub builds it.
        partly_used: see `Encoder`.
        head: see `Encoder`.
        **others: attributes of `Encoder` that are otherwise than in a family without segments and pooler.
    """
    attributes: dict[str, Any] = {
        "backbone": backbone,
        "layers": tuple(backbone.transformer_layers),
        "token_embedding": backbone.token_embedding,
        "pooler": None,
        "positions": backbone.max_sequence_length,
        "segments": 1,
    } | others
    layers = attributes["layers"]
    return Encoder(activation=layers[0].activation, partly_used=partly_used, tfhub_layers=None, head=head, **attributes)
