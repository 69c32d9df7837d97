"""Reads an encoder as its publisher gives it, and puts its tensors into KerasHub's BertBackbone."""

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops
from keras_hub.models import BertBackbone

from bert_ladder.data.wordpiece import read_vocabulary
from bert_ladder.encoders.bert_tensors import (
    Published,
    check_tensors,
    check_vocabulary,
    config_architecture,
    read_config,
    spelled,
    tensor_shapes,
)
from bert_ladder.encoders.families.bert import ARCHITECTURE, build_backbone
from bert_ladder.encoders.huggingface import read_huggingface
from bert_ladder.encoders.normal_form import load_weights, read_encoder
from bert_ladder.encoders.tensorflow_files import read_checkpoint, read_saved_model
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


def folder_encoder(config: Path | str, weights: Path | str, vocabulary: list[str]) -> tuple[dict, BertBackbone]:
    """Take an encoder from a folder in normal form.

    Returns:
        What encoder.json will hold, and the backbone with its weights.

    Raises:
        BadInput: if the three files do not belong together.
    """
    encoder = read_encoder(config)
    architecture = encoder["architecture"]
    if not isinstance(architecture, dict) or not isinstance(encoder["lower_case"], bool):
        raise BadInput(
            f"{config}: 'architecture' holds the arguments of BertBackbone, and 'lower_case' is true or false; "
            "correct it or bring it again."
        )
    rows = config_architecture(architecture, config, OWN_KEYS)["vocabulary_size"]
    if rows != len(vocabulary):
        raise BadInput(
            f"{config}: the embedding table has {rows} rows and vocab.txt {len(vocabulary)} WordPieces; "
            "bring the vocabulary that the encoder was trained with."
        )
    backbone = load_encoder(architecture, weights)
    return encoder | {"source": {"kind": "folder", "of": encoder.get("source")}}, backbone


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


def read_preset(folder: Path) -> Published:
    """Read a KerasHub preset. Its BERTs use the tanh form of GELU.

    Only its sizes and files are read: KerasHub itself builds whatever classes the configurations name.

    Args:
        folder: as save_to_preset writes it; a preset without a tokenizer has no vocabulary.

    Raises:
        BadInput: if it is damaged or not of a BertBackbone.
    """
    config = preset_config(folder / "config.json", "BertBackbone")
    sizes = config_architecture(config, folder / "config.json", OWN_KEYS)
    architecture = sizes | {"gelu": "tanh"}
    weights = folder / "model.weights.h5"
    if not weights.is_file():
        raise BadInput(f"{weights}: is missing; bring it along with the configuration.")
    lower_case = vocabulary = None
    path = folder / "tokenizer.json"
    if path.is_file():
        lower_case = preset_config(path, "BertTokenizer").get("lowercase")
        if not isinstance(lower_case, bool):
            raise BadInput(f"{path}: lowercase is {lower_case!r:.40}; write true or false.")
        vocabulary = preset_vocabulary(folder)
    return Published(architecture, lower_case, vocabulary, backbone_tensors(load_encoder(architecture, weights)))


def preset_config(path: Path, name: str) -> dict[str, Any]:
    """The arguments of a preset's object, which must be of the class `name`.

    Raises:
        BadInput: if it is of another class or has none.
    """
    config = read_config(path)
    found = config.get("class_name")
    if found != name:
        raise BadInput(f"{path}: is of {found!r:.40}, not of a {name}; name a preset of BERT.")
    if not isinstance(config.get("config"), dict):
        raise BadInput(f"{path}: holds no 'config'; fetch it again.")
    return config["config"]


def preset_vocabulary(folder: Path) -> list[str]:
    """The WordPieces of a preset's tokenizer.

    Raises:
        BadInput: if they are missing or none.
    """
    path = folder / "assets" / "tokenizer" / "vocabulary.txt"
    if not path.is_file():
        raise BadInput(f"{path}: is missing; bring the whole preset.")
    return read_vocabulary(path)


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
