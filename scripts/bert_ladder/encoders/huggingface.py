"""A BERT as Hugging Face's transformers saves it: config.json, model.safetensors or pytorch_model.bin, vocab.txt.

An ONNX file does too, which needs no config.json.
"""

import logging
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from bert_ladder.data.wordpiece import SPECIAL_TOKENS, read_vocabulary
from bert_ladder.encoders.bert_tensors import (
    WEIGHTS,
    PublishedEncoder,
    config_architecture,
    find_encoder,
    listed,
    read_config,
    tensor_shapes,
)
from bert_ladder.encoders.onnx_files import OnnxBert
from bert_ladder.encoders.torch_files import read_torch_file
from bert_ladder.runtime.jobs import BadInput

log = logging.getLogger(__name__)

# JSON can carry half a surrogate pair, which no UTF-8 file can.
SURROGATE = re.compile("[\ud800-\udfff]")

WORD_EMBEDDINGS = "embeddings.word_embeddings.weight"
# Which form of GELU (Hendrycks & Gimpel 2016, arXiv 1606.08415) transformers means by its names of it.
GELU = {
    "gelu": "erf",
    "gelu_python": "erf",
    "gelu_new": "tanh",
    "gelu_fast": "tanh",
    "gelu_accurate": "tanh",
    "gelu_pytorch_tanh": "tanh",
    "gelu_python_tanh": "tanh",
}
# What BertBackbone can be; a configuration that does not name a key means the first value.
POSSIBLE = {
    "model_type": ("bert",),
    "hidden_act": tuple(GELU),
    "layer_norm_eps": (1e-12,),
    "position_embedding_type": ("absolute", None),
    "is_decoder": (False,),
    "add_cross_attention": (False,),
}


def read_huggingface(folder: Path) -> PublishedEncoder:
    """Read a folder of transformers' BertModel, with or without a head.

    The vocabulary and `tokenizer_config.json` may be missing. Weights in other floating-point types become float32.

    Args:
        folder: has config.json and model.safetensors, else pytorch_model.bin; or one ONNX file.

    Returns:
        The encoder. transformers' "gelu" is the erf form, which it means by that name whoever trained the weights.

    Raises:
        BadInput: if a file is missing or damaged, or config.json describes another model than a BERT.
    """
    path = folder / "config.json"
    graph = None if any((folder / name).is_file() for name in WEIGHTS) else find_onnx(folder)
    config = graph.config() if graph is not None and not path.is_file() else read_config(path)
    for key, values in POSSIBLE.items():
        if config.get(key, values[0]) not in values:
            raise BadInput(
                f"{path}: {key} is {config[key]!r}, and a BERT encoder has {' or '.join(map(repr, values))} there; "
                "name another model."
            )
    architecture = config_architecture(config, path) | {"gelu": GELU[config.get("hidden_act", "gelu")]}
    return PublishedEncoder(
        architecture=architecture,
        lower_case=read_lower_case(folder),
        vocabulary=read_their_vocabulary(folder),
        tensors=canonical_tensors(graph.names(), graph.tensor, architecture, graph.path)
        if graph is not None
        else read_weights(folder, architecture),
    )


def find_onnx(folder: Path) -> OnnxBert | None:
    """The encoder in the only ONNX file of a folder; None if there is none.

    Raises:
        BadInput: if there are several, or it is damaged.
    """
    found = sorted(folder.glob("*.onnx"))
    if len(found) > 1:
        raise BadInput(f"{folder}: holds {listed([path.name for path in found])}; keep the one that is meant.")
    return OnnxBert(found[0]) if found else None


def read_lower_case(folder: Path) -> bool | None:
    """Whether tokenizer_config.json lower-cases; None if it does not say.

    Raises:
        BadInput: if it says neither true nor false.
    """
    path = folder / "tokenizer_config.json"
    if not path.is_file():
        return None
    config = read_config(path)
    lower_case = config.get("do_lower_case")
    if lower_case is not None and not isinstance(lower_case, bool):
        raise BadInput(f"{path}: do_lower_case is {lower_case!r}; write true or false.")
    accents = config.get("strip_accents")
    if not config.get("tokenize_chinese_chars", True) or accents not in (None, lower_case):
        log.warning("%s: asks for accents or Chinese characters to be treated otherwise than TF Hub's BERT does", path)
    return lower_case


def read_their_vocabulary(folder: Path) -> list[str] | None:
    """The WordPieces of vocab.txt, else of tokenizer.json, all that transformers 5 writes; None if there is neither.

    Raises:
        BadInput: if they are not those of a BERT.
    """
    path = folder / "vocab.txt"
    if path.is_file():
        return read_vocabulary(path)
    path = folder / "tokenizer.json"
    if not path.is_file():
        return None
    model = read_config(path).get("model")
    ids = model.get("vocab") if isinstance(model, dict) and model.get("type") == "WordPiece" else None
    if (
        not isinstance(ids, dict)
        or not all(type(number) is int for number in ids.values())
        or set(ids.values()) != set(range(len(ids)))
        or not set(SPECIAL_TOKENS) <= set(ids)
        or any(not piece or set(piece) & set(" \t\n\v\f\r") or SURROGATE.search(piece) for piece in ids)
    ):
        raise BadInput(f"{path}: holds no WordPieces with an id each and BERT's special tokens; bring vocab.txt.")
    return sorted(ids, key=ids.__getitem__)


def read_weights(folder: Path, architecture: dict[str, Any]) -> dict[str, np.ndarray]:
    """Read model.safetensors, else pytorch_model.bin.

    Args:
        folder: has one of them.
        architecture: of the encoder; tells which names to expect.

    Returns:
        float32 arrays by the names of `tensor_shapes`, kernels transposed; what is none of them keeps its name.

    Raises:
        BadInput: if there is neither, or it is damaged or no BERT's.
    """
    return taken_tensors(folder, lambda names, tensor, path: canonical_tensors(names, tensor, architecture, path))


def taken_tensors(
    folder: Path,
    take: Callable[[Iterable[str], Callable[[str], np.ndarray], Path], dict[str, np.ndarray]],
) -> dict[str, np.ndarray]:
    """Open model.safetensors, else pytorch_model.bin, and take tensors out.

    Args:
        folder: has one of them.
        take: is given the names of all tensors, what gives the array of a name, and the file.

    Returns:
        What `take` gives.

    Raises:
        BadInput: if there is neither, or it is damaged.
    """
    path = folder / "model.safetensors"
    if path.is_file():
        try:
            with safe_open(path, framework="np") as file:
                return take(file.keys(), file.get_tensor, path)
        except (SafetensorError, OSError) as error:
            raise BadInput(f"{path}: is damaged ({error}); fetch it again.") from error
    path = folder / "pytorch_model.bin"
    if path.is_file():
        tensors = read_torch_file(path)
        return take(tensors, tensors.pop, path)
    raise BadInput(
        f"{folder}: has neither model.safetensors nor pytorch_model.bin nor an ONNX file; bring one of them."
    )


def canonical_tensors(
    names: Iterable[str], tensor: Callable[[str], np.ndarray], architecture: dict[str, Any], path: Path
) -> dict[str, np.ndarray]:
    """Give transformers' tensors the names and shapes of google-research's checkpoints.

    Args:
        names: of all that the file holds.
        tensor: gives the array of a name.
        architecture: of the encoder.
        path: the file, for messages.

    Raises:
        BadInput: if a tensor is there twice, by an old and a new name, or holds no floating-point numbers.
    """
    canonical = {theirs: name for name in tensor_shapes(architecture) for theirs in transformers_names(name)}
    tensors: dict[str, np.ndarray] = {}
    for theirs, full_name in find_encoder(names, WORD_EMBEDDINGS, path).items():
        name = canonical.get(theirs, full_name)
        array = tensor(full_name)
        # safetensors gives bfloat16 in a type of its own, which NumPy counts among the unknown ones.
        if name in tensors or (array.dtype.kind != "f" and array.dtype.name != "bfloat16"):
            held = f"holds {array.dtype} numbers" if name not in tensors else "is there by another name too"
            raise BadInput(f"{path}: {listed([full_name])} {held}; fetch the file again.")
        array = array.astype(np.float32, copy=False)
        tensors[name] = array.T if name.endswith("/kernel") else array
    return tensors


def transformers_names(name: str) -> tuple[str, ...]:
    """What transformers calls a tensor; layer norms have an older and a newer name."""
    dotted = re.sub(r"layer_(\d+)", r"layer.\1", name).replace("/", ".")
    if dotted.endswith("_embeddings"):
        return (f"{dotted}.weight",)
    scope, _, kind = dotted.rpartition(".")
    kinds = {"kernel": ("weight",), "gamma": ("weight", "gamma"), "beta": ("bias", "beta")}
    return tuple(f"{scope}.{their}" for their in kinds.get(kind, (kind,)))
