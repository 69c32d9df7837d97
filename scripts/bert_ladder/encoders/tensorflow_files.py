"""BERTs as TensorFlow keeps them: google-research's checkpoints and TF Hub's SavedModels.

Only tensors and descriptions are read: no graph is loaded and nothing of a SavedModel is run.
"""

import math
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.framework.node_def_pb2 import NodeDef
from tensorflow.core.protobuf.meta_graph_pb2 import MetaGraphDef
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel
from tensorflow.core.protobuf.trackable_object_graph_pb2 import TrackableObjectGraph

from bert_ladder.data.wordpiece import read_vocabulary
from bert_ladder.encoders.bert_tensors import (
    MAX_LAYERS,
    PublishedEncoder,
    config_architecture,
    find_encoder,
    listed,
    read_config,
    spelled,
    tensor_shapes,
)
from bert_ladder.runtime.jobs import BadInput, reason_of

INPUTS = {"input_word_ids", "input_mask", "input_type_ids"}
# What TensorFlow's reader raises for a missing or damaged part.
UNREADABLE = (tf.errors.OpError, ValueError, RuntimeError, IndexError)
OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
LOWER_CASE_KEY = "do_lower_case/.ATTRIBUTES/VARIABLE_VALUE"
# How Model Garden, and so TF Hub's encoders, name what google-research's checkpoints hold.
TF_HUB_SPELLING = {
    "embeddings/word_embeddings": "word_embeddings/embeddings",
    "embeddings/position_embeddings": "position_embedding/embeddings",
    "embeddings/token_type_embeddings": "type_embeddings/embeddings",
    "embeddings/LayerNorm": "embeddings/layer_norm",
    "encoder/": "transformer/",
    "attention/self": "self_attention",
    "attention/output/dense": "self_attention/attention_output",
    "attention/output/LayerNorm": "self_attention_layer_norm",
    "intermediate/dense": "intermediate",
    "output/dense": "output",
    "output/LayerNorm": "output_layer_norm",
    "pooler/dense": "pooler_transform",
}
# The constant of GELU's tanh form: Hendrycks & Gimpel 2016 (arXiv 1606.08415).
TANH_COEFFICIENT = 0.044715


def read_checkpoint(folder: Path) -> PublishedEncoder:
    """Read a checkpoint as google-research/bert publishes them.

    Args:
        folder: has bert_config.json, bert_model.ckpt.index, bert_model.ckpt.data-* and, if the vocabulary shall be
            known, vocab.txt. A checkpoint of another name is taken if it is the only one.

    Returns:
        The encoder. That "gelu" is the tanh form is how google-research's code computes it; whether the WordPieces are
        of lower-cased text is recorded nowhere.

    Raises:
        BadInput: if a file is missing or damaged, or holds another model than a BERT.
    """
    path = folder / "bert_config.json"
    config = read_config(path)
    if config.get("hidden_act", "gelu") != "gelu":
        raise BadInput(f"{path}: hidden_act is {config['hidden_act']!r}, and a BERT has 'gelu'; name another encoder.")
    architecture = config_architecture(config, path)
    prefix = checkpoint_prefix(folder)
    reader = open_checkpoint(prefix)
    word_embeddings = "embeddings/word_embeddings"
    names = find_encoder(sorted(reader.get_variable_to_shape_map()), word_embeddings, prefix)
    vocabulary = folder / "vocab.txt"
    return PublishedEncoder(
        architecture=architecture | {"gelu": "tanh"},
        lower_case=None,
        vocabulary=read_vocabulary(vocabulary) if vocabulary.is_file() else None,
        tensors={name: read_tensor(reader, full_name, prefix) for name, full_name in names.items()},
    )


def checkpoint_prefix(folder: Path) -> Path:
    """The path of a folder's checkpoint without .index and .data-*.

    Raises:
        BadInput: if there is none or more than one.
    """
    found = sorted(file.with_suffix("") for file in folder.glob("*.index"))
    if folder / "bert_model.ckpt" in found:
        return folder / "bert_model.ckpt"
    if len(found) != 1:
        names = ", ".join(file.name for file in found) or "no *.index"
        raise BadInput(f"{folder}: has {names}; a folder with one checkpoint, bert_model.ckpt.*, is needed.")
    return found[0]


def open_checkpoint(prefix: Path) -> Any:
    """Open a checkpoint with TensorFlow's own reader, whose class has no public name.

    Raises:
        BadInput: if a part of it is missing or damaged.
    """
    if not list(prefix.parent.glob(f"{prefix.name}.data-*")):
        raise BadInput(f"{prefix}.index: its data file, {prefix.name}.data-00000-of-00001, is missing; bring it too.")
    try:
        return tf.train.load_checkpoint(str(prefix))
    except UNREADABLE as error:
        raise damaged(prefix, error) from error


def read_tensor(reader: Any, name: str, prefix: Path) -> np.ndarray:
    """Read one tensor as float32.

    Raises:
        BadInput: if the checkpoint is damaged there, or it holds no floating-point numbers.
    """
    array = read_value(reader, name, prefix)
    if not np.issubdtype(array.dtype, np.floating):
        raise BadInput(f"{prefix}: {name} holds {array.dtype}, not floating-point numbers; fetch it again.")
    return array.astype(np.float32, copy=False)


def read_value(reader: Any, name: str, prefix: Path) -> Any:
    """Read one tensor as it is.

    Raises:
        BadInput: if the checkpoint is damaged there.
    """
    try:
        return reader.get_tensor(name)
    except UNREADABLE as error:
        raise damaged(prefix, error) from error


def damaged(prefix: Path, error: Exception) -> BadInput:
    """One sentence for what TensorFlow says about a checkpoint."""
    return BadInput(f"{prefix}: the checkpoint is damaged or incomplete ({reason_of(error, 160)}); fetch it again.")


def read_saved_model(folder: Path, preprocessing: Path | None) -> PublishedEncoder:
    """Read a BERT encoder in TF Hub's form.

    Its interface is `input_word_ids`, `input_mask`, `input_type_ids`; sizes are those of its variables.

    Args:
        folder: the SavedModel.
        preprocessing: the SavedModel of the preprocessing that belongs to it; asked for the vocabulary and for
            lower-casing where the encoder itself carries none.

    Raises:
        BadInput: if it is damaged or holds another model than a BERT.
    """
    description = read_description(folder)
    wanted = ", ".join(sorted(INPUTS))
    signatures = {name: set(signature.inputs) for name, signature in description.signature_def.items()}
    if INPUTS not in signatures.values():
        inputs = ", ".join(sorted(set().union(*signatures.values()))) or "none"
        raise BadInput(f"{folder}: is no BERT encoder: its inputs are {inputs}, not {wanted}; name another model.")
    prefix = folder / "variables" / "variables"
    reader = open_checkpoint(prefix)
    variables = read_variables(reader, prefix, folder)
    architecture = saved_architecture(variables, folder) | {"gelu": gelu_form(description, folder)}
    canonical = {spelled(name, TF_HUB_SPELLING): name for name in tensor_shapes(architecture)}
    tensors = {canonical.get(name, name): without_heads(name, array) for name, array in variables.items()}
    has_own = reader.has_tensor(LOWER_CASE_KEY)
    lower_case = bool(read_value(reader, LOWER_CASE_KEY, prefix)) if has_own else None
    assets = [file.filename for file in description.asset_file_def]
    vocabulary = read_asset(folder, assets[0]) if len(assets) == 1 else None
    if preprocessing is not None and (lower_case is None or vocabulary is None):
        their_lower_case, their_vocabulary = preprocessing_tokenization(preprocessing)
        lower_case = their_lower_case if lower_case is None else lower_case
        vocabulary = their_vocabulary if vocabulary is None else vocabulary
    return PublishedEncoder(architecture, lower_case, vocabulary, tensors)


def read_description(folder: Path) -> MetaGraphDef:
    """Read the description of a SavedModel's serving graph.

    Raises:
        BadInput: if there is none or it is damaged.
    """
    path = folder / "saved_model.pb"
    saved = SavedModel()
    try:
        saved.ParseFromString(path.read_bytes())
    except FileNotFoundError as error:
        raise BadInput(f"{folder}: is no SavedModel, saved_model.pb is missing; bring the whole model.") from error
    except DecodeError as error:
        raise BadInput(f"{path}: is damaged; fetch the model again.") from error
    serving = [graph for graph in saved.meta_graphs if "serve" in graph.meta_info_def.tags]
    if not serving:
        raise BadInput(f"{path}: holds no graph to serve; fetch the model again or name another one.")
    return serving[0]


def read_variables(reader: Any, prefix: Path, folder: Path) -> dict[str, np.ndarray]:
    """Read the variables of a SavedModel's encoder by the names that TF Hub shows for them, without ":0".

    Raises:
        BadInput: if it holds no BERT encoder or a variable of it more than once.
    """
    graph = TrackableObjectGraph()
    if reader.has_tensor(OBJECT_GRAPH):
        graph.ParseFromString(read_value(reader, OBJECT_GRAPH, prefix))
    attributes = [attribute for node in graph.nodes for attribute in node.attributes]
    named = [attribute for attribute in attributes if attribute.checkpoint_key != LOWER_CASE_KEY]
    keys = [(attribute.full_name.removesuffix(":0"), attribute.checkpoint_key) for attribute in named]
    names = find_encoder([name for name, _ in keys], "word_embeddings/embeddings", folder)
    times = Counter(name for name, _ in keys)
    doubles = [name for name in names.values() if times[name] > 1]
    if doubles:
        raise BadInput(f"{folder}: holds more than one {listed(doubles)}; name a source with one encoder.")
    key_of = dict(keys)
    return {name: read_tensor(reader, key_of[full_name], prefix) for name, full_name in names.items()}


def saved_architecture(variables: dict[str, np.ndarray], folder: Path) -> dict[str, int]:
    """The sizes of a BERT from the shapes of its variables.

    Raises:
        BadInput: naming the variables that should tell a size and do not.
    """
    dimensions = {
        "word_embeddings/embeddings": 2,
        "position_embedding/embeddings": 2,
        "type_embeddings/embeddings": 2,
        "transformer/layer_0/self_attention/query/kernel": 3,
        "transformer/layer_0/intermediate/kernel": 2,
    }
    untold = [name for name, count in dimensions.items() if np.ndim(variables.get(name, 0.0)) != count]
    if untold:
        raise BadInput(
            f"{folder}: is no BERT encoder: {listed(untold)} are missing or have another number of dimensions; "
            "name a source of a BERT encoder."
        )
    words, positions, segments, query, intermediate = (variables[name].shape for name in dimensions)
    layers = [int(found[1]) for name in variables if (found := re.match(r"transformer/layer_(\d+)/", name))]
    if max(layers) >= MAX_LAYERS:
        raise BadInput(f"{folder}: has a layer {max(layers):,}, more than {MAX_LAYERS:,}; name another source.")
    return {
        "vocabulary_size": words[0],
        "num_layers": max(layers) + 1,
        "num_heads": query[1],
        "hidden_dim": words[1],
        "intermediate_dim": intermediate[1],
        "max_sequence_length": positions[0],
        "num_segments": segments[0],
    }


def without_heads(name: str, array: np.ndarray) -> np.ndarray:
    """Join the dimensions for heads and for the width of a head, which google-research's checkpoints do not part."""
    if "/self_attention/" not in name or array.ndim != (2 if name.endswith("/bias") else 3):
        # The bias of the attention's output and everything outside attention know no heads.
        return array
    if name.endswith("/bias"):
        return array.reshape(-1)
    return array.reshape((-1, array.shape[2]) if "/attention_output/" in name else (array.shape[0], -1))


def gelu_form(description: MetaGraphDef, folder: Path) -> str:
    """Which form of GELU a SavedModel computes: "erf" if it uses the error function, "tanh" if its constant is there.

    Raises:
        BadInput: if neither is there.
    """
    nodes = graph_nodes(description)
    if any(node.op in ("Erf", "Erfc") for node in nodes):
        return "erf"
    if any(is_tanh_coefficient(node) for node in nodes):
        return "tanh"
    raise BadInput(f"{folder}: is no BERT encoder: no form of GELU is in its graph; name another model.")


def graph_nodes(description: MetaGraphDef) -> list[NodeDef]:
    """All operations of a graph and of its functions."""
    functions = [node for function in description.graph_def.library.function for node in function.node_def]
    return [*description.graph_def.node, *functions]


def is_tanh_coefficient(node: NodeDef) -> bool:
    """Whether an operation is the constant that only the tanh form of GELU has."""
    value = node.attr["value"].tensor
    if node.op != "Const" or value.dtype not in (tf.float32.as_datatype_enum, tf.float16.as_datatype_enum):
        return False
    if value.tensor_shape.dim:
        return False
    return math.isclose(tf.make_ndarray(value).item(), TANH_COEFFICIENT, rel_tol=1e-3)


def preprocessing_tokenization(folder: Path) -> tuple[bool, list[str]]:
    """Whether a SavedModel of TF Hub's BERT preprocessing lower-cases, and its vocabulary.

    Raises:
        BadInput: if it is damaged or no preprocessing for BERT.
    """
    description = read_description(folder)
    operations = {node.op for node in graph_nodes(description)}
    assets = [file.filename for file in description.asset_file_def]
    if "WordpieceTokenizeWithOffsets" not in operations or len(assets) != 1:
        raise BadInput(
            f"{folder}: is no preprocessing for BERT: it does not cut text into WordPieces of one vocabulary; "
            "name the preprocessing model that belongs to the encoder."
        )
    return "CaseFoldUTF8" in operations, read_asset(folder, assets[0])


def read_asset(folder: Path, filename: str) -> list[str]:
    """Read the vocabulary that is a SavedModel's asset.

    Raises:
        BadInput: if the file is missing or no vocabulary.
    """
    # Only its name counts: a description must not lead out of the model's own folder.
    path = folder / "assets" / Path(filename).name
    if not path.is_file():
        raise BadInput(f"{path}: the model's vocabulary is missing; bring the whole model.")
    return read_vocabulary(path)
