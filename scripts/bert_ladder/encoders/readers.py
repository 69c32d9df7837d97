"""Reads an encoder from the files of its publisher, or from a folder in normal form."""

from pathlib import Path
from typing import Any

import keras

from bert_ladder.encoders.backbones import OWN_KEYS, load_encoder
from bert_ladder.encoders.bert_tensors import (
    PublishedEncoder,
    check_tensors,
    check_vocabulary,
    config_architecture,
    tensor_shapes,
)
from bert_ladder.encoders.huggingface import read_huggingface
from bert_ladder.encoders.keras_hub import read_preset
from bert_ladder.encoders.normal_form import family_of, load_weights, read_encoder
from bert_ladder.encoders.tensorflow_files import read_checkpoint, read_saved_model
from bert_ladder.encoders.transformers_tensors import check_held
from bert_ladder.encoders.vocabulary import WORDPIECE
from bert_ladder.runtime.jobs import BadInput
from bert_ladder.study.families import FAMILIES


def read_published(kind: str, folder: Path, preprocessing: Path | None = None) -> PublishedEncoder:
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
    if not any(name.startswith("pooler/") for name in published.tensors):
        # Of a model for masked tokens, or one exported for its last states alone.
        published.architecture["pooler"] = False
    check_tensors(published.tensors, tensor_shapes(published.architecture), folder)
    if published.vocabulary is not None:
        check_vocabulary(published.architecture, published.vocabulary, folder)
    return published


def folder_encoder(
    config: Path | str, weights: Path | str, vocabulary: list[str]
) -> tuple[dict[str, Any], keras.Model]:
    """Take an encoder from a folder in normal form.

    Args:
        config: encoder.json.
        weights: encoder.weights.h5.
        vocabulary: the tokens in the order of their ids.

    Returns:
        What encoder.json will hold, and the backbone with its weights.

    Raises:
        BadInput: if the three files do not belong together.
    """
    encoder = read_encoder(config)
    architecture, family = encoder["architecture"], family_of(encoder)
    has_case = encoder["tokenizer"]["kind"] == WORDPIECE["kind"]
    if not isinstance(architecture, dict) or isinstance(encoder["lower_case"], bool) != has_case:
        raise BadInput(
            f"{config}: 'architecture' holds the arguments of {family.backbone}, and 'lower_case' is true or false "
            "(null where there are no WordPieces); "
            "correct it or bring it again."
        )
    keys = OWN_KEYS if family.transformers is None else {key: key for key in family.transformers.sizes}
    title = FAMILIES[family.name].title if family.name in FAMILIES else family.name
    rows = config_architecture(architecture, config, keys, title)["vocabulary_size"]
    if has_case and rows != len(vocabulary):
        raise BadInput(
            f"{config}: the embedding table has {rows} rows and vocab.txt {len(vocabulary)} WordPieces; "
            "bring the vocabulary that the encoder was trained with."
        )
    if family.transformers is None:
        backbone = load_encoder(architecture, weights)
    else:
        check_held(family.transformers, architecture, Path(weights).stat().st_size, weights)
        backbone = family.build(architecture, 0.0).backbone
        load_weights(backbone, weights)
    return encoder | {"source": {"kind": "folder", "of": encoder.get("source")}}, backbone
