"""BERT's tensors in KerasHub's BertBackbone: built, loaded, copied in and out."""

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops
from keras_hub.models import BertBackbone

from bert_ladder.encoders.bert_tensors import check_tensors, spelled, tensor_shapes
from bert_ladder.encoders.families.bert import ARCHITECTURE, build_backbone
from bert_ladder.encoders.normal_form import load_weights
from bert_ladder.runtime.jobs import BadInput

KERAS_HUB_SPELLING = {
    "embeddings/word_embeddings": "token_embedding/embeddings",
    "embeddings/position_embeddings": "position_embedding/embeddings",
    "embeddings/token_type_embeddings": "segment_embedding/embeddings",
    "embeddings/LayerNorm": "embeddings_layer_norm",
    "encoder/layer_": "transformer_layer_",
    "attention/self": "self_attention_layer",
    "attention/output/dense": "self_attention_layer/attention_output",
    "attention/output/LayerNorm": "self_attention_layer_norm",
    "intermediate/dense": "feedforward_intermediate_dense",
    "output/dense": "feedforward_output_dense",
    "output/LayerNorm": "feedforward_layer_norm",
    "pooler/dense": "pooled_dense",
}
# encoder.json and KerasHub call BertBackbone's arguments by their own names.
OWN_KEYS = {key: key for key in ARCHITECTURE}


def load_encoder(architecture: dict[str, Any], weights: Path | str) -> BertBackbone:
    """Build an encoder, unless it could not lie in the file of its weights, and load them.

    Raises:
        BadInput: if the file is damaged or of another architecture.
    """
    parameters = sum(math.prod(shape) for shape in tensor_shapes(architecture).values())
    size = Path(weights).stat().st_size
    # A parameter takes at least a byte, and a configuration alone must not fill the memory.
    if parameters > size:
        raise BadInput(
            f"{weights}: holds {size:,} bytes, and the encoder's configuration describes {parameters:,} parameters; "
            "bring the two that belong together."
        )
    backbone = build_backbone(architecture)
    load_weights(backbone, weights)
    return backbone


def backbone_variables(backbone: BertBackbone) -> dict[str, keras.Variable]:
    """The variables of an encoder by the names of google-research/bert's checkpoints without "bert/".

    KerasHub parts the heads: kernels of query, key and value are (hidden, heads, hidden / heads), that of the
    attention's output (heads, hidden / heads, hidden); `backbone_shapes` gives the shapes without heads.
    """
    by_path = {_path_below_backbone(variable.path): variable for variable in backbone.weights}
    return {name: by_path[spelled(name, KERAS_HUB_SPELLING)] for name in backbone_shapes(backbone)}


def _path_below_backbone(path: str) -> str:
    """A variable's path without the names of the models around its layer."""
    return re.sub(r"^.*?(transformer_layer_\d+/.+|[^/]+/[^/]+)$", r"\1", path)


def backbone_shapes(backbone: BertBackbone) -> dict[str, tuple[int, ...]]:
    """Names and shapes of an encoder's tensors as google-research/bert's checkpoints have them."""
    sizes = {key: getattr(backbone, key) for key in ARCHITECTURE}
    return tensor_shapes(sizes | {"pooler": getattr(backbone, "has_pooler", True)})


def backbone_tensors(backbone: BertBackbone) -> dict[str, np.ndarray]:
    """Copy an encoder's tensors out, float32 by name, in the shapes of google-research/bert's checkpoints."""
    shapes = backbone_shapes(backbone)
    return {
        name: ops.convert_to_numpy(variable).astype(np.float32, copy=False).reshape(shapes[name])
        for name, variable in backbone_variables(backbone).items()
    }


def assign(backbone: BertBackbone, tensors: Mapping[str, np.ndarray], where: Path | str) -> None:
    """Copy published tensors into an encoder.

    Args:
        backbone: of the architecture that the tensors are of.
        tensors: float32 arrays as in `PublishedEncoder`.
        where: their source, for the message.

    Raises:
        BadInput: naming the missing, the extra and the misshapen ones; nothing is copied then.
    """
    check_tensors(tensors, backbone_shapes(backbone), where)
    for name, variable in backbone_variables(backbone).items():
        variable.assign(np.reshape(tensors[name], variable.shape))
