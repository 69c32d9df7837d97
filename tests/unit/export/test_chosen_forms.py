"""Which form can express which model, as docs/forms.md has it."""

import itertools
import re
from dataclasses import replace
from pathlib import Path

import pytest

from bert_ladder.evaluation.chosen_model import ChosenModel
from bert_ladder.evaluation.forms import FORMS, check_form, possible_forms, why_not
from bert_ladder.runtime.jobs import BadInput
from bert_ladder.study.families import BERT, FAMILIES, TOKENIZER_JSON, WORDPIECES
from chosen_models import chosen_record

DOCUMENT = (Path(__file__).parents[3] / "docs/forms.md").read_text()
POOLINGS, TRUNCATIONS = ("pooler", "mean"), ("head", "tail", "head+tail")


# By their tokenizer, and whether their layers are BERT's.
BEYOND = {
    kind: [name for name, family in FAMILIES.items() if (family.tokenizer, family.bert_layers) == kind and name != BERT]
    for kind in ((WORDPIECES, True), (TOKENIZER_JSON, True), (TOKENIZER_JSON, False))
}


def bert(pooling: str, truncation: str, family: str = BERT) -> ChosenModel:
    """A chosen BERT, or another encoder, of these settings."""
    model = chosen_record("bert", family=family)
    return replace(model, settings={**model.settings, "pooling": pooling, "truncation": truncation})


MODELS = {
    **{f"`{p}`, `{t}`": bert(p, t) for p, t in itertools.product(POOLINGS, TRUNCATIONS)},
    **{
        f"{', '.join(FAMILIES[name].title for name in names)}: `{p}`, `{t}`": bert(p, t, names[0])
        for names in BEYOND.values()
        for p, t in itertools.product(("native", "mean"), TRUNCATIONS)
    },
    "a linear model": chosen_record("baseline"),
}


def test_documented_table_is_the_functions() -> None:
    """Every cell: works, or the number of its sentence."""
    sentences = list(dict.fromkeys(filter(None, (why_not(form, model) for model in MODELS.values() for form in FORMS))))
    numbers = {sentence: str(number) for number, sentence in enumerate(sentences, start=1)}
    table = [["", *(form.title for form in FORMS.values())], ["---"] * (len(FORMS) + 1)]
    for name, model in MODELS.items():
        reasons = (why_not(form, model) for form in FORMS)
        table.append([name, *("works" if reason is None else numbers[reason] for reason in reasons)])
    lines = [f"| {' | '.join(cells)} |".replace("|  |", "| |") for cells in table]
    assert "\n".join(lines) in DOCUMENT
    assert "\n".join(f"{number}. {sentence}" for sentence, number in numbers.items()) in DOCUMENT


def test_large_model_is_not_converted_for_litert() -> None:
    """BERT-Medium is, BERT-Base is not, and the sentence says how large it is."""
    medium, base = (replace(bert("pooler", "head"), metrics={"parameters": n}) for n in (41_373_186, 109_483_778))
    assert why_not("litert", medium) is None
    assert why_not("litert", base) == (
        "LiteRT is converted in a hundred bytes of memory for each parameter, and this BERT has 109,483,778, more than "
        "50,000,000; take the form onnx."
    )
    assert possible_forms(base) == ["onnx", "onnx_int8", "saved_model", "huggingface"]


@pytest.mark.parametrize("name", MODELS)
def test_forms_that_can_express_a_model(name: str) -> None:
    """None is left without one, and what cannot be expressed is refused with its sentence."""
    model = MODELS[name]
    possible = possible_forms(model)
    is_kept = model.settings.get("pooling") != "mean" and model.settings.get("truncation") != "head+tail"
    assert possible or (model.family in BEYOND[TOKENIZER_JSON, False] and not is_kept)
    for form in FORMS:
        reason = why_not(form, model)
        assert (reason is None) == (form in possible)
        if reason is None:
            check_form(form, model)
        else:
            with pytest.raises(BadInput, match=re.escape(f"{model.row}: {reason}")):
                check_form(form, model)


@pytest.mark.parametrize("name", [name for name, model in MODELS.items() if model.kind == "bert"])
def test_a_frozen_encoder_has_the_forms_of_one_that_was_trained(name: str) -> None:
    """It has the same files, and no other sentence where a form cannot express it."""
    frozen = replace(MODELS[name], kind="frozen")
    assert [why_not(form, frozen) for form in FORMS] == [why_not(form, MODELS[name]) for form in FORMS]
