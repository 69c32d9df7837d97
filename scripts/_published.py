"""Reads an encoder as its publisher gives it, and puts its tensors into KerasHub's BertBackbone."""

import re
from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np
from keras import ops
from keras_hub.models import BertBackbone, BertTokenizer

from _bert_tensors import Published, check_tensors, check_vocabulary, read_config, spelled, tensor_shapes
from _encoder import ARCHITECTURE
from _huggingface import read_huggingface
from _job import BadInput
from _tensorflow_files import read_checkpoint, read_saved_model

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


def read_published(kind: str, folder: Path, preprocessing: Path | None = None) -> Published:
    """Read an encoder from its publisher's files.

    Args:
        kind: "savedmodel" (TF Hub's form), "checkpoint" (google-research/bert's), "huggingface" (transformers') or
            "keras" (a preset of KerasHub).
        folder: where the files are.
        preprocessing: for a SavedModel, the SavedModel of its preprocessing.

    Returns:
        The encoder, its tensors checked against its architecture, and its vocabulary, if it has one, against the
        embedding table.

    Raises:
        BadInput: if a file is missing or damaged, or what it holds is no BERT.
    """
    if kind == "savedmodel":
        published = read_saved_model(folder, preprocessing)
    else:
        readers = {"checkpoint": read_checkpoint, "huggingface": read_huggingface, "keras": read_preset}
        published = readers[kind](folder)
    check_tensors(published.tensors, tensor_shapes(published.architecture), folder)
    if published.vocabulary is not None:
        check_vocabulary(published.architecture, published.vocabulary, folder)
    return published


def read_preset(folder: Path) -> Published:
    """Read a KerasHub preset with KerasHub itself. Its BERTs use the tanh form of GELU.

    Args:
        folder: as save_to_preset writes it; a preset without a tokenizer has no vocabulary.

    Raises:
        BadInput: if it is damaged or not of a BertBackbone.
    """
    path = folder / "config.json"
    config = read_config(path)
    # Looked at before Keras builds whatever class the file names.
    if config.get("class_name") != "BertBackbone":
        raise BadInput(f"{path}: is of {config.get('class_name')!r}, not of a BertBackbone; name a preset of BERT.")
    try:
        backbone = BertBackbone.from_preset(str(folder), dtype="float32")
        has_tokenizer = (folder / "tokenizer.json").is_file()
        tokenizer = BertTokenizer.from_preset(str(folder)) if has_tokenizer else None
    except (ValueError, TypeError, KeyError, OSError) as error:
        reason = " ".join(str(error).split())[:160]
        raise BadInput(f"{folder}: KerasHub cannot read this preset ({reason}); fetch it again.") from error
    return Published(
        architecture={key: getattr(backbone, key) for key in ARCHITECTURE} | {"gelu": "tanh"},
        lower_case=tokenizer.lowercase if tokenizer else None,
        vocabulary=tokenizer.get_vocabulary() if tokenizer else None,
        tensors=backbone_tensors(backbone),
    )


def backbone_variables(backbone: BertBackbone) -> dict[str, keras.Variable]:
    """The variables of an encoder by the names of google-research/bert's checkpoints without "bert/".

    KerasHub parts the heads: kernels of query, key and value are (hidden, heads, hidden / heads), that of the
    attention's output (heads, hidden / heads, hidden); `backbone_shapes` gives the shapes without heads.
    """
    by_path = {re.search(r"(?:transformer_layer_\d+/.+|[^/]+/[^/]+)$", v.path)[0]: v for v in backbone.weights}
    return {name: by_path[spelled(name, KERAS_HUB_SPELLING)] for name in backbone_shapes(backbone)}


def backbone_shapes(backbone: BertBackbone) -> dict[str, tuple[int, ...]]:
    """Names and shapes of an encoder's tensors as google-research/bert's checkpoints have them."""
    return tensor_shapes({key: getattr(backbone, key) for key in ARCHITECTURE})


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
        tensors: float32 arrays as in `Published`.
        where: their source, for the message.

    Raises:
        BadInput: naming the missing, the extra and the misshapen ones; nothing is copied then.
    """
    check_tensors(tensors, backbone_shapes(backbone), where)
    for name, variable in backbone_variables(backbone).items():
        variable.assign(np.reshape(tensors[name], variable.shape))
