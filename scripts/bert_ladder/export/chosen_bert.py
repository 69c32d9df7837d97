"""A chosen BERT opened for export: the Keras model in float32, and what surrounds it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from bert_ladder.encoders.encoder_files import EncoderFiles
from bert_ladder.encoders.interface import Encoder
from bert_ladder.encoders.normal_form import build_encoder, load_weights, read_encoder
from bert_ladder.encoders.vocabulary import Vocabulary, read_pieces, tokenizer_vocabulary
from bert_ladder.evaluation.chosen_model import NATIVE, ChosenModel, damage_told, native_encoder, read_chosen
from bert_ladder.evaluation.forms import check_form
from bert_ladder.training.classifier import build_classifier


@dataclass(frozen=True)
class ChosenBert:
    """A chosen BERT.

    Attributes:
        model: what model.json says.
        classifier: from token ids, int32 (batch, width), to logits, float32 (batch, classes).
        encoder: the part of it below the head.
        description: what encoder.json says.
        vocabulary: the special tokens among `pieces`.
        pieces: the WordPieces in the order of their ids.
        files: of the encoder.
    """

    model: ChosenModel
    classifier: keras.Model
    encoder: Encoder
    description: Mapping[str, Any]
    vocabulary: Vocabulary
    pieces: list[str]
    files: EncoderFiles

    @property
    def settings(self) -> dict[str, Any]:
        """What a program must know beside the weights: see docs/forms.md."""
        return {
            "length": self.model.settings["length"],
            "truncation": self.model.settings["truncation"],
            "pad": self.vocabulary.pad,
            "start": self.vocabulary.start,
            "end": self.vocabulary.end,
            "labels": list(self.model.labels),
            "temperature": self.model.temperature,
        }


def open_chosen_bert(folder: Path | str, form: str) -> ChosenBert:
    """Open a chosen BERT to write it in a form.

    Args:
        folder: chosen/ of a study.
        form: one of `FORMS`.

    Raises:
        BadInput: if the folder is no chosen model, the form cannot express it, its files are damaged, or its weights do
            not belong to its encoder and its classes.
    """
    model = read_chosen(folder)
    check_form(form, model)
    with damage_told(model, Path(folder, NATIVE)):
        files = native_encoder(folder)
        description = read_encoder(files.config)
        vocabulary = tokenizer_vocabulary(description["tokenizer"], files)
        (file,) = files.tokenizer_files(description["tokenizer"]).values()
        # A form has float32 weights, and one trained in 16 bits has them too.
        keras.config.set_dtype_policy("float32")
        encoder = build_encoder(description)
        classifier = build_classifier(encoder, len(model.labels), vocabulary.pad, pooling=model.settings["pooling"])
        load_weights(classifier, files.weights)
        return ChosenBert(model, classifier, encoder, description, vocabulary, read_pieces(file), files)
