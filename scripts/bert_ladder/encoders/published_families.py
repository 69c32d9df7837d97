"""Encoders of the families beyond BERT from the folders of Hugging Face's transformers."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bert_ladder.encoders.bert_tensors import config_architecture, read_config
from bert_ladder.encoders.huggingface import GELU, read_lower_case, read_their_vocabulary, taken_tensors
from bert_ladder.encoders.interface import Encoder, Family
from bert_ladder.encoders.transformers_tensors import assign_published, check_held, encoder_tensors, published_form
from bert_ladder.encoders.vocabulary import WORDPIECE
from bert_ladder.runtime.jobs import BadInput, reason_of


@dataclass(frozen=True)
class PublishedFamily:
    """An encoder of a family as transformers keeps it.

    Attributes:
        architecture: as encoder.json will hold it.
        lower_case: whether its WordPieces are of lower-cased text; None if the source does not say.
        pieces: its WordPieces in the order of their ids; None if the source has none.
        tensors: float32 arrays by transformers' names without the encoder's scope.
    """

    architecture: dict[str, Any]
    lower_case: bool | None
    pieces: list[str] | None
    tensors: dict[str, np.ndarray]


def read_family(folder: Path, family: Family) -> PublishedFamily:
    """Read a folder of transformers' model of a family, with or without a head.

    Args:
        folder: has config.json, model.safetensors or else pytorch_model.bin, and maybe vocab.txt or tokenizer.json.
        family: that the study says it is of.

    Raises:
        BadInput: if a file is missing or damaged, or config.json describes another family, or what it cannot be.
    """
    form = published_form(family)
    path = folder / "config.json"
    config = read_config(path)
    found = config.get("model_type", form.model_type)
    if found != form.model_type:
        raise BadInput(
            f"{path}: model_type is {found!r:.40}, and that of the family {family.name} is {form.model_type!r}; write "
            "the family of the encoder into its entry."
        )
    possible = {**form.possible, form.activation: tuple(GELU)}
    for key, values in possible.items():
        if config.get(key, values[0]) not in values:
            raise BadInput(
                f"{path}: {key} is {config[key]!r:.40}, and an encoder of the family {family.name} has "
                f"{' or '.join(map(repr, values))} there; name another model."
            )
    sizes = config_architecture(config, path, form.sizes, family.name)
    try:
        architecture = sizes | {"gelu": GELU[config.get(form.activation, "gelu")]} | form.derive(config)
    except (ValueError, TypeError, AttributeError) as error:
        raise BadInput(f"{path}: describes no {family.name} ({reason_of(error)}); name another model.") from error
    tensors = taken_tensors(folder, lambda names, tensor, file: encoder_tensors(form, names, tensor, file))
    check_held(form, architecture, sum(array.size for array in tensors.values()), folder)
    if family.tokenizer["kind"] != WORDPIECE["kind"]:
        return PublishedFamily(architecture, None, None, tensors)
    return PublishedFamily(architecture, read_lower_case(folder), read_their_vocabulary(folder), tensors)


def build_published(family: Family, published: PublishedFamily, where: Path | str) -> Encoder:
    """Build a published encoder with its weights.

    Args:
        family: of the encoder.
        published: as read.
        where: its source, for messages.

    Raises:
        BadInput: naming the tensors that are missing, superfluous or misshapen.
    """
    encoder = family.build(published.architecture, 0.0)
    assign_published(family, encoder, published.tensors, where)
    return encoder
