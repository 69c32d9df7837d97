"""The forms in which a chosen model is handed over, and which of them can express which model. Plain Python."""

from collections.abc import Callable
from dataclasses import dataclass

from bert_ladder.evaluation.chosen_model import ChosenModel
from bert_ladder.runtime.jobs import BadInput


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


def of_a_bert(model: ChosenModel) -> str | None:
    """Why a form of BERTs cannot express a model."""
    return None if model.on_encoder else "is a form of BERTs, and this is a linear model; take the form numpy"


def of_a_linear_model(model: ChosenModel) -> str | None:
    """Why a form of linear models cannot express a model."""
    return "is a form of linear models, and this is a BERT; take the form onnx" if model.on_encoder else None


def of_one_end(model: ChosenModel) -> str | None:
    """Why a form whose tokenizer is transformers' cannot express a model."""
    if model.on_encoder and model.settings["truncation"] == "head+tail":
        return "keeps one end of a long text, and this row keeps both (truncation: head+tail); take the form onnx"
    return of_a_bert(model)


def of_the_pooler(model: ChosenModel) -> str | None:
    """Why transformers' BertForSequenceClassification and its tokenizer cannot express a model."""
    if of_one_end(model) is None and model.settings["pooling"] != "pooler":
        return (
            "reads the pooler, and this row reads the mean of its tokens (pooling: mean); "
            "take the form sentence_transformers"
        )
    return of_one_end(model)


def of_the_mean(model: ChosenModel) -> str | None:
    """Why a folder of sentence-transformers cannot express a model."""
    if of_one_end(model) is None and model.settings["pooling"] != "mean":
        return (
            "reads the mean of a text's tokens, and this row reads the pooler (pooling: pooler); "
            "take the form huggingface"
        )
    return of_one_end(model)


FORMS = {
    form.folder: form
    for form in (
        Form("onnx", "ONNX, float32", ("onnxruntime", "tokenizers", "numpy"), of_a_bert),
        Form("onnx_int8", "ONNX, int8", ("onnxruntime", "tokenizers", "numpy"), of_a_bert, quantized=True),
        Form("saved_model", "SavedModel of raw texts", ("tensorflow", "tensorflow-text"), of_a_bert),
        Form("huggingface", "Hugging Face folder", ("transformers", "torch"), of_the_pooler),
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
