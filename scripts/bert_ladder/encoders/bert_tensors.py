"""The tensors of a BERT by the names of its authors' checkpoints, whatever a publisher calls them."""

import json
import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bert_ladder.runtime.jobs import BadInput

log = logging.getLogger(__name__)

TOLD = 5
# What transformers calls the file of a model's weights, today and before.
WEIGHTS = ("model.safetensors", "pytorch_model.bin")
# More than any BERT has; a size out of a stranger's file must not keep the job busy for hours.
MAX_LAYERS = 1000
# The keys of google-research/bert's bert_config.json, which transformers' config.json shares.
CONFIG_KEYS = {
    "vocabulary_size": "vocab_size",
    "num_layers": "num_hidden_layers",
    "num_heads": "num_attention_heads",
    "hidden_dim": "hidden_size",
    "intermediate_dim": "intermediate_size",
    "max_sequence_length": "max_position_embeddings",
    "num_segments": "type_vocab_size",
}
# Heads, optimizers' slots and counters that published models keep in the encoder's own scope, or that have none.
NOT_OF_THE_ENCODER = re.compile(
    r"(^|[/.])(cls|predictions)[/.]|^(classifier|qa_outputs)\.|^output_(weights|bias)$|/(adam|lamb)_[mv]$"
    r"|^(global_step|save_counter|beta[12]_power)$|(^|\.)embeddings\.(position|token_type)_ids$"
)


@dataclass
class PublishedEncoder:
    """An encoder as its publisher gives it.

    Attributes:
        architecture: the arguments of KerasHub's BertBackbone, `gelu`, "tanh" or "erf", and `pooler`, false, of an
            encoder without one.
        lower_case: whether its WordPieces are of lower-cased text; None if the source does not say.
        vocabulary: its WordPieces in the order of their ids; None if the source has none.
        tensors: float32 arrays by name, in the shapes of `tensor_shapes`.
    """

    architecture: dict[str, Any]
    lower_case: bool | None
    vocabulary: list[str] | None
    tensors: dict[str, np.ndarray]


def tensor_shapes(architecture: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Names and shapes of an encoder's tensors.

    Names are those of google-research/bert's checkpoints without the leading "bert/"; kernels are (inputs, outputs).

    Args:
        architecture: the arguments of KerasHub's BertBackbone; `pooler` is false if it has none.
    """
    hidden, intermediate = architecture["hidden_dim"], architecture["intermediate_dim"]
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings/word_embeddings": (architecture["vocabulary_size"], hidden),
        "embeddings/position_embeddings": (architecture["max_sequence_length"], hidden),
        "embeddings/token_type_embeddings": (architecture["num_segments"], hidden),
    }
    dense = {"pooler/dense": (hidden, hidden)} if architecture.get("pooler", True) else {}
    norms = ["embeddings/LayerNorm"]
    for layer in (f"encoder/layer_{i}" for i in range(architecture["num_layers"])):
        dense |= {f"{layer}/attention/self/{part}": (hidden, hidden) for part in ("query", "key", "value")}
        dense[f"{layer}/attention/output/dense"] = (hidden, hidden)
        dense[f"{layer}/intermediate/dense"] = (hidden, intermediate)
        dense[f"{layer}/output/dense"] = (intermediate, hidden)
        norms += [f"{layer}/attention/output/LayerNorm", f"{layer}/output/LayerNorm"]
    for name, shape in dense.items():
        shapes |= {f"{name}/kernel": shape, f"{name}/bias": shape[1:]}
    for name in norms:
        shapes |= {f"{name}/gamma": (hidden,), f"{name}/beta": (hidden,)}
    return shapes


def spelled(name: str, spelling: Mapping[str, str]) -> str:
    """Write a tensor's name another way: each part in `spelling`, in its order, becomes what stands there."""
    for ours, theirs in spelling.items():
        name = name.replace(ours, theirs)
    return name


def find_encoder(
    names: Iterable[str],
    word_embeddings: str,
    where: Path | str,
    beside: re.Pattern[str] = NOT_OF_THE_ENCODER,
    family: str = "BERT",
) -> dict[str, str]:
    """Find an encoder's tensors among all that a published model holds.

    The encoder is where the word embeddings are: "bert/" in google-research's checkpoints, "bert." in transformers'
    models with a head, nothing in others. What lies beside it (heads, an optimizer's state, counters) is told in the
    log and left out.

    Args:
        names: of the model's tensors.
        word_embeddings: how this publisher calls the word embeddings.
        where: the source, for messages.
        beside: finds the names of tensors that are no part of an encoder.
        family: of the encoder, for messages.

    Returns:
        Name without the scope -> name.

    Raises:
        BadInput: if there are no word embeddings, or several.
    """
    names = list(names)
    kept = [name for name in names if not beside.search(name)]
    found = [name for name in kept if re.search(rf"(^|[/.]){re.escape(word_embeddings)}$", name)]
    if not found:
        raise BadInput(
            f"{where}: is no {family}: none of its {len(names)} tensors is {word_embeddings}, it holds "
            f"{listed(kept or names) or 'nothing'}; name a source of a {family} encoder."
        )
    if len(found) > 1:
        raise BadInput(f"{where}: holds several encoders, {listed(found)}; name a source with one encoder.")
    scope = found[0].removesuffix(word_embeddings)
    encoder = {name.removeprefix(scope): name for name in kept if name.startswith(scope)}
    taken = set(encoder.values())
    left_out = [name for name in names if name not in taken]
    if left_out:
        log.info("%s: beside the encoder, left out: %s", where, listed(left_out))
    return encoder


def read_config(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        BadInput: if the file is missing or holds something else.
    """
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BadInput(f"{path}: is missing; bring it along with the weights.") from error
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path}: is no JSON ({error}); fetch it again.") from error
    if not isinstance(config, dict):
        raise BadInput(f"{path}: holds no JSON object; fetch it again.")
    return config


def config_architecture(
    config: Mapping[str, Any], path: Path | str, keys: Mapping[str, str] = CONFIG_KEYS, family: str = "BERT"
) -> dict[str, Any]:
    """The architecture that a configuration describes, without `gelu`.

    Args:
        config: as read.
        path: its file, for messages.
        keys: what it calls the backbone's arguments; BERT's of bert_config.json and of transformers' config.json.
        family: of the encoder, for messages.

    Raises:
        BadInput: if a size is missing or impossible.
    """
    architecture: dict[str, Any] = {ours: config.get(theirs) for ours, theirs in keys.items()}
    wrong = [
        f"{theirs} ({config[theirs]!r:.40})" if theirs in config else f"{theirs} (missing)"
        for ours, theirs in keys.items()
        if type(architecture[ours]) is not int or architecture[ours] < 1
    ]
    if wrong:
        raise BadInput(
            f"{path}: describes no {family}: {', '.join(wrong)}; each of them is a positive number of the encoder's "
            "size."
        )
    if architecture["num_layers"] > MAX_LAYERS:
        raise BadInput(
            f"{path}: {keys['num_layers']} is {architecture['num_layers']:,}, more than {MAX_LAYERS:,}; "
            "name another source."
        )
    if architecture["hidden_dim"] % architecture["num_heads"]:
        raise BadInput(
            f"{path}: {keys['hidden_dim']} {architecture['hidden_dim']} cannot be shared by {keys['num_heads']} "
            f"{architecture['num_heads']}; fetch the configuration that belongs to the weights."
        )
    return architecture


def check_tensors(
    tensors: Mapping[str, np.ndarray], shapes: Mapping[str, tuple[int, ...]], where: Path | str, family: str = "BERT"
) -> None:
    """Compare tensors with the names and shapes that an encoder of a family has.

    Raises:
        BadInput: naming the missing, the extra and the misshapen ones.
    """
    missing = [name for name in shapes if name not in tensors]
    extra = [name for name in tensors if name not in shapes]
    misshapen = [
        f"{name} ({tensors[name].shape} instead of {tuple(shape)})"
        for name, shape in shapes.items()
        if name in tensors and tensors[name].shape != tuple(shape)
    ]
    found = [
        f"{kind}: {listed(names)}"
        for kind, names in (("missing", missing), ("extra", extra), ("misshapen", misshapen))
        if names
    ]
    if found:
        raise BadInput(
            f"{where}: does not hold the tensors of the {family} it describes, {'; '.join(found)}; "
            f"fetch it again or name an encoder with {family}'s own architecture."
        )


def check_vocabulary(architecture: Mapping[str, Any], vocabulary: list[str], where: Path | str) -> None:
    """Check that every row of the embedding table has its WordPiece.

    Args:
        architecture: has `vocabulary_size`, the rows of the table.
        vocabulary: the WordPieces.
        where: the source, for the message.

    Raises:
        BadInput: if their numbers differ.
    """
    rows = architecture["vocabulary_size"]
    if rows != len(vocabulary):
        raise BadInput(
            f"{where}: the embedding table has {rows:,} rows and the vocabulary {len(vocabulary):,} WordPieces; "
            "bring the vocabulary that the encoder was trained with."
        )


def listed(names: list[str]) -> str:
    """The first few names, and how many more there are."""
    more = f" and {len(names) - TOLD} more" if len(names) > TOLD else ""
    return ", ".join(names[:TOLD]) + more
