"""The tensors of transformers' models in the backbones of the families: which belong where, and in which shape."""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from bert_ladder.encoders.bert_tensors import check_tensors, find_encoder, listed
from bert_ladder.encoders.interface import Encoder, Family, TransformersForm
from bert_ladder.runtime.jobs import BadInput

# What transformers calls the variables of a layer; all others are its "weight".
BIASES = ("bias", "beta")
# Of the layer that gives attention back its hidden size, whose kernel is (heads, hidden / heads, hidden).
MERGES_HEADS = "attention_output"
POSITIONS = "position_embedding"
# google-research/bert's names of the layers that KerasHub's backbones share with BERT.
OF_TRANSFORMER = {
    "self_attention_layer/query": "attention/self/query",
    "self_attention_layer/key": "attention/self/key",
    "self_attention_layer/value": "attention/self/value",
    "self_attention_layer/attention_output": "attention/output/dense",
    "self_attention_layer_norm": "attention/output/LayerNorm",
    "feedforward_intermediate_dense": "intermediate/dense",
    "feedforward_output_dense": "output/dense",
    "feedforward_layer_norm": "output/LayerNorm",
}
OF_EMBEDDINGS = {
    "token_embedding": "embeddings/word_embeddings",
    POSITIONS: "embeddings/position_embeddings",
    "segment_embedding": "embeddings/token_type_embeddings",
    "embeddings_layer_norm": "embeddings/LayerNorm",
    "embeddings_projection": "embeddings_project",
}


@dataclass(frozen=True)
class Placed:
    """A variable of a backbone and its tensor as transformers has it.

    Attributes:
        variable: of the backbone.
        path: of it in the backbone, without the names of the models around that.
        shape: of the published tensor.
    """

    variable: keras.Variable
    path: str
    shape: tuple[int, ...]

    @property
    def is_kernel(self) -> bool:
        """Whether transformers keeps it transposed, (outputs, inputs)."""
        return self.path.endswith("/kernel")

    @property
    def is_positions(self) -> bool:
        """Whether it is the table of positions."""
        return f"/{POSITIONS}/" in f"/{self.path}"


def published_form(family: Family) -> TransformersForm:
    """How transformers publishes a family that is read by its table of names.

    Raises:
        BadInput: for BERT, which is read otherwise.
    """
    if family.transformers is None:
        raise BadInput(f"the family {family.name} has no table of transformers' names; name another.")
    return family.transformers


def placed_tensors(form: TransformersForm, backbone: keras.Model) -> dict[str, Placed]:
    """Where each tensor of a published model belongs, by transformers' name without the encoder's scope."""
    placed = {}
    for variable in backbone.trainable_variables:
        path = _own_path(form, variable.path)
        placed[_published_name(form, path)] = Placed(variable, path, _published_shape(form, path, variable))
    return placed


def _own_path(form: TransformersForm, path: str) -> str:
    """A variable's path in the backbone, without the names of the models around it."""
    layers = "|".join(re.escape(layer).replace(r"\{\}", r"\d+") for layer in form.layers.values())
    found = re.search(rf"(?:^|/)((?:{layers})/\w+)$", path)
    if found is None:
        raise BadInput(f"{path}: is no variable of a {form.model_type}; write its layer into the family's table.")
    return found[1]


def _published_name(form: TransformersForm, path: str) -> str:
    layer, _, kind = path.rpartition("/")
    number = re.search(r"(?<=_)\d+", layer)
    pattern = layer if number is None else f"{layer[: number.start()]}{{}}{layer[number.end() :]}"
    theirs = next(theirs for theirs, ours in form.layers.items() if ours in (pattern, layer))
    name = theirs.replace("{}", number[0] if number else "")
    return f"{name}.{'bias' if kind in BIASES else 'weight'}"


def _published_shape(form: TransformersForm, path: str, variable: keras.Variable) -> tuple[int, ...]:
    shape = tuple(variable.shape)
    if path.endswith("/kernel"):
        # Kernels of query, key and value are (hidden, heads, hidden / heads).
        inputs = shape[:-1] if MERGES_HEADS in path else shape[:1]
        return (math.prod(shape[len(inputs) :]), math.prod(inputs))
    if path.endswith("/bias"):
        return (math.prod(shape),)
    if f"/{POSITIONS}/" in f"/{path}":
        return (shape[0] + form.unused_positions, *shape[1:])
    return shape


def encoder_tensors(
    form: TransformersForm, names: Iterable[str], tensor: Callable[[str], np.ndarray], path: Path | str
) -> dict[str, np.ndarray]:
    """The tensors of an encoder among those of a published model.

    Args:
        form: of its family.
        names: of all that the file holds.
        tensor: gives the array of a name.
        path: the file, for messages.

    Returns:
        float32 arrays by transformers' names without the encoder's scope.

    Raises:
        BadInput: if there is no such encoder, or a tensor holds no floating-point numbers.
    """
    word_embeddings = f"{next(iter(form.layers))}.weight"
    found = {}
    for name, full_name in find_encoder(names, word_embeddings, path, re.compile(form.beside), form.model_type).items():
        array = tensor(full_name)
        # safetensors gives bfloat16 in a type of its own, which NumPy counts among the unknown ones.
        if array.dtype.kind != "f" and array.dtype.name != "bfloat16":
            raise BadInput(f"{path}: {listed([full_name])} holds {array.dtype} numbers; fetch the file again.")
        found[name] = array.astype(np.float32, copy=False)
    return found


def check_held(form: TransformersForm, architecture: Mapping[str, Any], held: int, where: Path | str) -> None:
    """Refuse sizes that the numbers of a file cannot fill: a configuration alone must not fill the memory.

    Args:
        form: of the encoder's family.
        architecture: its sizes.
        held: how many numbers there are, or bytes.
        where: the file, for the message.

    Raises:
        BadInput: if there are fewer than even an encoder without biases and norms has.
    """
    hidden = architecture["hidden_dim"]
    embedded = architecture.get("embedding_dim", hidden)
    has_positions = any(ours.endswith(POSITIONS) for ours in form.layers.values())
    tables = architecture["vocabulary_size"] + has_positions * architecture["max_sequence_length"]
    layer = 4 * hidden * hidden + 2 * hidden * architecture["intermediate_dim"]
    described = tables * embedded + architecture[form.repeated] * layer
    # Twice: what is merely missing is named when the tensors are compared.
    if described > 2 * held:
        raise BadInput(
            f"{where}: holds {held:,} numbers, and the encoder's configuration describes {described:,} and more; bring "
            "the two that belong together."
        )


def assign_published(family: Family, encoder: Encoder, tensors: Mapping[str, np.ndarray], where: Path | str) -> None:
    """Copy published tensors into an encoder.

    Args:
        family: of the encoder.
        encoder: of the architecture that the tensors are of.
        tensors: float32 arrays by transformers' names without the encoder's scope.
        where: their source, for the message.

    Raises:
        BadInput: naming the missing, the superfluous and the misshapen ones; nothing is copied then.
    """
    form = published_form(family)
    placed = placed_tensors(form, encoder.backbone)
    shapes = {name: one.shape for name, one in placed.items()}
    if form.added is not None:
        shapes[form.added] = (1, encoder.embedding_dim)
    check_tensors(tensors, shapes, where, form.model_type)
    for name, one in placed.items():
        array = tensors[name].T if one.is_kernel else tensors[name]
        if one.is_positions:
            array = array[form.unused_positions :]
            array = array if form.added is None else array + tensors[form.added]
        one.variable.assign(np.reshape(array, one.variable.shape))


def published_tensors(family: Family, encoder: Encoder) -> dict[str, np.ndarray]:
    """Copy an encoder's tensors out as transformers keeps them, float32, by names without the encoder's scope."""
    form = published_form(family)
    found = {}
    for name, one in placed_tensors(form, encoder.backbone).items():
        array = ops.convert_to_numpy(one.variable).astype(np.float32, copy=False)
        if one.is_kernel:
            array = array.reshape(one.shape[::-1]).T
        elif one.is_positions:
            array = np.pad(array, ((form.unused_positions, 0), (0, 0)))
        found[name] = np.ascontiguousarray(array.reshape(one.shape))
    if form.added is not None:
        found[form.added] = np.zeros((1, encoder.embedding_dim), np.float32)
    return found


def bert_named_tensors(family: Family, encoder: Encoder) -> dict[str, np.ndarray]:
    """Copy the tensors of an encoder that has BERT's layers out as `backbone_tensors` does those of a BERT.

    Args:
        family: of the encoder, one with `FamilyFacts.bert_layers`.
        encoder: to copy.

    Returns:
        float32 by the names of google-research/bert's checkpoints, kernels (inputs, outputs); positions from the first
        that a token has, and "embeddings_project" where the embeddings are narrower than the layers.
    """
    found = {}
    for one in placed_tensors(published_form(family), encoder.backbone).values():
        array = ops.convert_to_numpy(one.variable).astype(np.float32, copy=False)
        if one.is_kernel:
            array = array.reshape(one.shape[::-1])
        elif not one.is_positions:
            array = array.reshape(one.shape)
        found[_bert_name(one.path)] = array
    return found


def _bert_name(path: str) -> str:
    layer, _, kind = path.rpartition("/")
    inner = re.fullmatch(r"transformer_layer_(\d+)/(.+)", layer)
    if inner is not None:
        return f"encoder/layer_{inner[1]}/{OF_TRANSFORMER[inner[2]]}/{kind}"
    name = OF_EMBEDDINGS[layer.rpartition("/")[2]]
    return name if kind == "embeddings" else f"{name}/{kind}"
