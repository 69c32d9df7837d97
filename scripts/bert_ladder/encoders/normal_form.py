"""An encoder in normal form: encoder.json, encoder.weights.h5 and the files of its tokenizer."""

import json
from pathlib import Path
from typing import Any

import h5py
import keras

from bert_ladder.encoders.families.albert import ALBERT
from bert_ladder.encoders.families.bert import BERT
from bert_ladder.encoders.families.deberta_v3 import DEBERTA_V3
from bert_ladder.encoders.families.distilbert import DISTILBERT
from bert_ladder.encoders.families.electra import ELECTRA
from bert_ladder.encoders.families.modernbert import MODERNBERT
from bert_ladder.encoders.families.roberta import ROBERTA, XLM_ROBERTA
from bert_ladder.encoders.interface import Encoder, Family
from bert_ladder.runtime.jobs import BadInput

FAMILIES = {
    family.name: family for family in (BERT, DISTILBERT, ROBERTA, XLM_ROBERTA, MODERNBERT, ELECTRA, ALBERT, DEBERTA_V3)
}
# What h5py and Keras raise for a file that is damaged or another's.
UNREADABLE = (ValueError, TypeError, OSError, KeyError, RuntimeError, MemoryError)


def read_encoder(config: Path | str) -> dict[str, Any]:
    """Read an encoder.json.

    Returns:
        Its content: `family`; `architecture` (the arguments of the family's backbone); `tokenizer` (`kind`, `files`,
        and `special`, the special tokens by their roles); `lower_case`, `parameters`, `source`. One without family and
        tokenizer is a BERT.

    Raises:
        BadInput: if it is no JSON, lacks a key, or is of a family or a kind of tokenizer that is not known.
    """
    try:
        encoder = json.loads(Path(config).read_text(encoding="utf-8"))
        architecture = encoder["architecture"]
        encoder["lower_case"]
        encoder = whole_description(encoder)
        family, tokenizer = family_of(encoder), encoder["tokenizer"]
        missing = [key for key in family.keys if key not in architecture]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise BadInput(
            f"{config}: {error!r}; an encoder's configuration is JSON with 'architecture' and 'lower_case'."
        ) from error
    except BadInput as error:
        raise BadInput(f"{config}: {error}") from error
    if missing:
        raise BadInput(f"{config}: 'architecture' lacks {', '.join(missing)}; add the arguments of {family.backbone}.")
    if tokenizer != family.tokenizer:
        expected = dict(family.tokenizer)
        raise BadInput(f"{config}: 'tokenizer' is {tokenizer!r:.80}; that of the family {family.name} is {expected}.")
    return encoder


def whole_description(encoder: dict[str, Any]) -> dict[str, Any]:
    """What encoder.json holds, with the family and its tokenizer in place."""
    family = family_of(encoder)
    return {"family": family.name, "tokenizer": dict(family.tokenizer)} | encoder


def family_of(encoder: dict[str, Any]) -> Family:
    """The family of an encoder.

    Args:
        encoder: what encoder.json holds; one without `family` is a BERT.

    Raises:
        BadInput: if it is not known.
    """
    name = encoder.get("family", BERT.name)
    if not isinstance(name, str) or name not in FAMILIES:
        raise BadInput(f"'family' is {name!r:.40}; it is one of {', '.join(FAMILIES)}.")
    return FAMILIES[name]


def build_encoder(encoder: dict[str, Any], dropout: float = 0.0) -> Encoder:
    """Build an encoder with random weights.

    Args:
        encoder: what encoder.json holds.
        dropout: of the hidden states and of the attention weights.
    """
    return family_of(encoder).build(encoder["architecture"], dropout)


def load_weights(model: keras.Model, weights: Path | str) -> None:
    """Load an encoder.weights.h5 into a backbone of the same architecture, or a classifier's weights into that.

    Raises:
        BadInput: if the file is damaged or of another architecture.
    """
    try:
        if held_bytes(weights) > Path(weights).stat().st_size:
            raise ValueError("its arrays are larger than the file")
        model.load_weights(weights)
    except UNREADABLE as error:
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise BadInput(f"{weights}: {reason}; it does not hold the weights that encoder.json describes.") from error


def held_bytes(weights: Path | str) -> int:
    """The size that the arrays of an HDF5 file have by its own word; Keras takes memory for it without looking."""
    sizes: list[int] = []
    with h5py.File(weights) as file:
        file.visititems(lambda _, item: sizes.append(item.nbytes) if isinstance(item, h5py.Dataset) else None)
    return sum(sizes)


def save_encoder(encoder: dict[str, Any], backbone: keras.Model, config: Path | str, weights: Path | str) -> None:
    """Write encoder.json, with family, tokenizer and number of parameters, and encoder.weights.h5."""
    encoder = whole_description(encoder) | {"parameters": backbone.count_params()}
    backbone.save_weights(weights)
    Path(config).write_text(json.dumps(encoder, indent=2) + "\n", encoding="utf-8")
