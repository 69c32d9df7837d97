"""The forms in which a chosen model is handed over, and which of them can express which model. Plain Python."""

from collections.abc import Callable
from dataclasses import dataclass

from bert_ladder.evaluation.chosen_model import ChosenModel
from bert_ladder.runtime.jobs import BadInput
from bert_ladder.study.families import BERT, FAMILIES, WORDPIECES

# Parameters of what is converted for LiteRT: BERT-Base, of 109 million, took 11.5 GB (docs/forms.md).
LARGEST_CONVERTED = 50_000_000


@dataclass(frozen=True)
class Form:
    """A form.

    Attributes:
        folder: below the chosen model's.
        title: what people call it.
        needs: packages of the Python index that its predict.py needs.
        quantized: its numbers are rounded on purpose, so that it is held to its accuracy and not to each probability.
        refuses: why it cannot express a model, in words behind its title; None of one that it can.
    """

    folder: str
    title: str
    needs: tuple[str, ...]
    refuses: Callable[[ChosenModel], str | None]
    quantized: bool = False


def of_an_encoder(model: ChosenModel) -> str | None:
    """Why a form of fine-tuned encoders cannot express a model."""
    return None if model.on_encoder else "is a form of BERTs, and this is a linear model; take the form numpy"


def of_bert_layers(model: ChosenModel) -> str | None:
    """Why a form that is written of BERT's own layers, node by node, cannot express a model."""
    if not model.on_encoder or FAMILIES[model.family].bert_layers:
        return of_an_encoder(model)
    return f"is written of BERT's own layers, and those of this encoder are others; {_instead(model)}"


def of_bert_itself(model: ChosenModel) -> str | None:
    """Why a form that takes a BERT alone cannot express a model."""
    if not model.on_encoder or model.family == BERT:
        return of_an_encoder(model)
    return f"is a form of BERTs, and this encoder is of another family; {_instead(model)}"


def of_word_pieces(model: ChosenModel) -> str | None:
    """Why a form with TensorFlow Text's WordPieces in it cannot express a model."""
    if not model.on_encoder or FAMILIES[model.family].tokenizer == WORDPIECES:
        return of_an_encoder(model)
    return f"divides texts into WordPieces, and this encoder takes other tokens; {_instead(model)}"


def of_a_linear_model(model: ChosenModel) -> str | None:
    """Why a form of linear models cannot express a model."""
    return f"is a form of linear models, and this is a BERT; {_instead(model)}" if model.on_encoder else None


def of_a_small_bert(model: ChosenModel) -> str | None:
    """Why LiteRT's converter cannot take a model."""
    parameters = model.metrics.get("parameters", 0)
    if of_bert_itself(model) is None and parameters > LARGEST_CONVERTED:
        return (
            f"is converted in a hundred bytes of memory for each parameter, and this BERT has {parameters:,}, "
            f"more than {LARGEST_CONVERTED:,}; take the form onnx"
        )
    return of_bert_itself(model)


def of_one_end(model: ChosenModel) -> str | None:
    """Why a form whose tokenizer is transformers' cannot express a model."""
    if model.on_encoder and model.settings["truncation"] == "head+tail":
        return f"keeps one end of a long text, and this row keeps both (truncation: head+tail); {_instead(model)}"
    return of_an_encoder(model)


def of_its_head(model: ChosenModel) -> str | None:
    """Why transformers' classifier of the model's family and its tokenizer cannot express a model."""
    if of_one_end(model) is None and model.settings["pooling"] == "mean":
        head = "reads the pooler" if model.family == BERT else "has the family's own head"
        other = "take the form sentence_transformers" if model.family == BERT else _instead(model)
        return f"{head}, and this row reads the mean of its tokens (pooling: mean); {other}"
    return of_one_end(model)


def of_the_mean(model: ChosenModel) -> str | None:
    """Why a folder of sentence-transformers cannot express a model."""
    if of_bert_itself(model) is not None:
        return of_bert_itself(model)
    if of_one_end(model) is None and model.settings["pooling"] != "mean":
        return (
            "reads the mean of a text's tokens, and this row reads the pooler (pooling: pooler); "
            "take the form huggingface"
        )
    return of_one_end(model)


def _instead(model: ChosenModel) -> str:
    """The form to take, or what there is without one."""
    if FAMILIES[model.family].bert_layers:
        return "take the form onnx"
    if model.settings["pooling"] != "mean" and model.settings["truncation"] != "head+tail":
        return "take the form huggingface"
    return "bert-ladder predict and serve answer with it"


FORMS = {
    form.folder: form
    for form in (
        Form("onnx", "ONNX, float32", ("onnxruntime", "tokenizers", "numpy"), of_bert_layers),
        Form("onnx_int8", "ONNX, int8", ("onnxruntime", "tokenizers", "numpy"), of_bert_layers, quantized=True),
        Form("saved_model", "SavedModel of raw texts", ("tensorflow", "tensorflow-text"), of_word_pieces),
        Form("litert", "LiteRT", ("ai-edge-litert", "tokenizers", "numpy"), of_a_small_bert),
        Form("huggingface", "Hugging Face folder", ("transformers", "torch"), of_its_head),
        Form("sentence_transformers", "sentence-transformers folder", ("sentence-transformers", "torch"), of_the_mean),
        Form("numpy", "NumPy file", ("numpy",), of_a_linear_model),
    )
}

# What is said of all of them, in the folder of the chosen model; programs read the first.
PROOF = "forms.json"
FORM_RECORDS = (PROOF, "forms.csv", "forms.md")


def why_not(form: str, model: ChosenModel) -> str | None:
    """Why a form cannot express a model, in a sentence; None where it can.

    Args:
        form: one of `FORMS`.
        model: the chosen model.
    """
    reason = FORMS[form].refuses(model)
    return reason and f"{FORMS[form].title} {reason}."


def possible_forms(model: ChosenModel) -> list[str]:
    """The forms that can express a model."""
    return [form for form in FORMS if why_not(form, model) is None]


def check_form(form: str, model: ChosenModel) -> None:
    """Refuse a form that cannot express a model.

    Raises:
        BadInput: with the sentence of `why_not`.
    """
    reason = why_not(form, model)
    if reason:
        raise BadInput(f"{model.row}: {reason}")
