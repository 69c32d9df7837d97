"""A chosen encoder of a family beyond BERT as transformers' classifier of it: its tensors and its config.json."""

from typing import Any

import numpy as np

from bert_ladder.encoders.normal_form import family_of
from bert_ladder.encoders.transformers_tensors import published_form, published_tensors
from bert_ladder.export.chosen_bert import ChosenBert

# What transformers calls the two forms of GELU.
ACTIVATIONS = {"erf": "gelu", "tanh": "gelu_new"}
# The layer of the classes' scores where the family's own head is the pooler.
SCORES = "classifier"


def classifier_tensors(chosen: ChosenBert) -> dict[str, np.ndarray]:
    """The weights of encoder and head by transformers' names, float32; its kernels are (outputs, inputs).

    Kernel and bias of the classes' scores are divided by the temperature, so that their softmax is calibrated.
    """
    family, head = family_of(dict(chosen.description)), chosen.encoder.head
    scope = published_form(family).scope
    found = {f"{scope}{name}": array for name, array in published_tensors(family, chosen.encoder).items()}
    if head is not None:
        kernel, *bias = chosen.classifier.get_layer("native_dense").get_weights()
        found |= {f"{head.dense}.weight": kernel.T} | {f"{head.dense}.bias": array for array in bias}
        if head.norm is not None:
            (found[f"{head.norm}.weight"],) = chosen.classifier.get_layer("native_norm").get_weights()
    kernel, bias = (array / chosen.model.temperature for array in chosen.classifier.get_layer("logits").get_weights())
    scores = SCORES if head is None else head.scores
    found |= {f"{scores}.weight": kernel.T, f"{scores}.bias": bias}
    return {name: array.astype(np.float32, copy=False) for name, array in found.items()}


def classifier_configuration(chosen: ChosenBert) -> dict[str, Any]:
    """config.json but for what those of all families have."""
    form = published_form(family_of(dict(chosen.description)))
    architecture = chosen.description["architecture"]
    start, end = chosen.vocabulary.start, chosen.vocabulary.end
    sizes = {theirs: architecture[ours] for ours, theirs in form.sizes.items()}
    if "max_position_embeddings" in sizes:
        sizes["max_position_embeddings"] += form.unused_positions
    return {
        "architectures": [form.classifier],
        "model_type": form.model_type,
        **sizes,
        form.activation: ACTIVATIONS[architecture["gelu"]],
        **{key: values[0] for key, values in form.possible.items()},
        **form.restore(architecture),
        **{"bos_token_id": start, "cls_token_id": start, "eos_token_id": end, "sep_token_id": end},
    }
