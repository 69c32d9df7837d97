"""An encoder in normal form: encoder.json, encoder.weights.h5 and vocab.txt."""

import json
import math
from pathlib import Path
from typing import Any

import h5py
import keras
from keras import ops
from keras_hub.layers import SinePositionEncoding
from keras_hub.models import BertBackbone

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
# What h5py and Keras raise for a file that is damaged or another's.
UNREADABLE = (ValueError, TypeError, OSError, KeyError, RuntimeError, MemoryError)
# Devlin et al. 2019: truncated normal with this standard deviation.
BERT_INITIALIZER_RANGE = 0.02


def read_encoder(config: Path | str) -> dict[str, Any]:
    """Read an encoder.json.

    Returns:
        Its content: `architecture` (the arguments of KerasHub's BertBackbone), `lower_case`, `parameters`, `source`.

    Raises:
        BadInput: if it is no JSON or lacks a key.
    """
    try:
        encoder = json.loads(Path(config).read_text(encoding="utf-8"))
        missing = [key for key in ARCHITECTURE if key not in encoder["architecture"]]
        encoder["lower_case"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise BadInput(
            f"{config}: {error!r}; an encoder's configuration is JSON with 'architecture' and 'lower_case'."
        ) from error
    if missing:
        raise BadInput(f"{config}: 'architecture' lacks {', '.join(missing)}; add the arguments of BertBackbone.")
    return encoder


def build_backbone(architecture: dict[str, Any], dropout: float = 0.0) -> BertBackbone:
    """Build a BERT encoder (Devlin et al. 2019, arXiv 1810.04805) with random weights.

    Args:
        architecture: the arguments of KerasHub's BertBackbone, and which form of GELU (Hendrycks & Gimpel 2016, arXiv
            1606.08415) it has: `gelu` is "tanh", as in BERT's own code and if it is not there, or "erf", the exact
            form, as in Hugging Face's "gelu". They are up to 4.7e-4 apart.
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
    return backbone


def load_weights(backbone: BertBackbone, weights: Path | str) -> None:
    """Load an encoder.weights.h5 into a backbone of the same architecture.

    Raises:
        BadInput: if the file is damaged or of another architecture.
    """
    try:
        if held_bytes(weights) > Path(weights).stat().st_size:
            raise ValueError("its arrays are larger than the file")
        backbone.load_weights(weights)
    except UNREADABLE as error:
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise BadInput(f"{weights}: {reason}; it does not hold the weights that encoder.json describes.") from error


def held_bytes(weights: Path | str) -> int:
    """The size that the arrays of an HDF5 file have by its own word; Keras takes memory for it without looking."""
    sizes = []
    with h5py.File(weights) as file:
        file.visititems(lambda _, item: sizes.append(item.nbytes) if isinstance(item, h5py.Dataset) else None)
    return sum(sizes)


def scratch_encoder(scratch: dict[str, int], vocabulary: list[str], lower_case: bool) -> tuple[dict, BertBackbone]:
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
    encoder = {
        "architecture": {
            "vocabulary_size": len(vocabulary),
            "num_layers": scratch["layers"],
            "num_heads": scratch["heads"],
            "hidden_dim": scratch["hidden"],
            "intermediate_dim": scratch["intermediate"],
            "max_sequence_length": scratch["positions"],
            "num_segments": 2,
        },
        "lower_case": lower_case,
        "source": {"kind": "scratch", "seed": scratch["seed"], "initializer_range": scratch["initializer_range"]},
    }
    backbone = build_backbone(encoder["architecture"])
    for variable in backbone.trainable_variables:
        # KerasHub's BERT has its range built in; a kernel drawn with another range is the same kernel, scaled.
        if variable.path.endswith("/kernel"):
            variable.assign(variable * (scratch["initializer_range"] / BERT_INITIALIZER_RANGE))
        elif variable.path.startswith("position_embedding/"):
            sinusoids = SinePositionEncoding(dtype="float32")(ops.zeros((1, *variable.shape)))[0]
            # The mean square of a sinusoid is a half.
            variable.assign(math.sqrt(2) * BERT_INITIALIZER_RANGE * sinusoids)
    return encoder, backbone


def save_encoder(encoder: dict, backbone: BertBackbone, config: Path | str, weights: Path | str) -> None:
    """Write encoder.json, with the number of parameters, and encoder.weights.h5."""
    encoder = encoder | {"parameters": backbone.count_params()}
    backbone.save_weights(weights)
    Path(config).write_text(json.dumps(encoder, indent=2) + "\n", encoding="utf-8")
