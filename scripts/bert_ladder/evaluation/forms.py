"""The forms in which a chosen model is handed over, and which of them can express which model. Plain Python."""

from collections.abc import Callable
from dataclasses import dataclass

from bert_ladder.evaluation.chosen_model import ChosenModel
from bert_ladder.runtime.jobs import BadInput
from bert_ladder.study.families import BERT, FAMILIES, WORDPIECES


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
    return None if model.kind == "bert" else "is a form of BERTs, and this is a linear model; take the form numpy"


def of_bert_itself(model: ChosenModel) -> str | None:
    """Why a form that is written of BERT's own layers cannot express a model."""
    if model.kind != "bert" or model.family == BERT:
        return of_an_encoder(model)
    return f"is written of BERT's own layers, and this encoder is of another family; {_instead(model)}"


def of_word_pieces(model: ChosenModel) -> str | None:
    """Why a form with TensorFlow Text's WordPieces in it cannot express a model."""
    if model.kind != "bert" or FAMILIES[model.family].tokenizer == WORDPIECES:
        return of_an_encoder(model)
    return f"divides texts into WordPieces, and this encoder takes other tokens; {_instead(model)}"


def of_a_linear_model(model: ChosenModel) -> str | None:
    """Why a form of linear models cannot express a model."""
    if model.kind == "baseline":
        return None
    return f"is a form of linear models, and this is a BERT; {_instead(model)}"


def of_transformers(model: ChosenModel) -> str | None:
    """Why transformers' classifier of the model's family and its tokenizer cannot express a model."""
    if model.kind != "bert":
        return of_an_encoder(model)
    if model.settings["pooling"] == "mean":
        return (
            f"has the family's own head, and this row reads the mean of its tokens (pooling: mean); {_instead(model)}"
        )
    if model.settings["truncation"] == "head+tail":
        return f"keeps one end of a long text, and this row keeps both (truncation: head+tail); {_instead(model)}"
    return None


def _instead(model: ChosenModel) -> str:
    """The form to take, or what there is without one."""
    if model.family == BERT:
        return "take the form onnx"
    if FAMILIES[model.family].tokenizer == WORDPIECES:
        return "take the form saved_model"
    if model.settings["pooling"] != "mean" and model.settings["truncation"] != "head+tail":
        return "take the form huggingface"
    return "bert-ladder predict and serve answer with it"


FORMS = {
    form.folder: form
    for form in (
        Form("onnx", "ONNX, float32", ("onnxruntime", "tokenizers", "numpy"), of_bert_itself),
        Form("onnx_int8", "ONNX, int8", ("onnxruntime", "tokenizers", "numpy"), of_bert_itself, quantized=True),
        Form("saved_model", "SavedModel of raw texts", ("tensorflow", "tensorflow-text"), of_word_pieces),
        Form("huggingface", "Hugging Face folder", ("transformers", "torch"), of_transformers),
        Form("numpy", "NumPy file", ("numpy",), of_a_linear_model),
    )
}


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
