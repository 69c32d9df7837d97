"""A chosen BERT, or another encoder of its layers, as ONNX: in float32, and with its matrices in eight bits."""

import json
import shutil
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import QuantType, quantize_dynamic

from bert_ladder.encoders.backbones import backbone_tensors
from bert_ladder.encoders.normal_form import family_of
from bert_ladder.encoders.transformers_tensors import bert_named_tensors, published_form
from bert_ladder.evaluation.forms import why_not
from bert_ladder.export.chosen_bert import ChosenBert, open_chosen_bert
from bert_ladder.export.fast_tokenizer import fast_tokenizer
from bert_ladder.export.onnx_graph import Layout, bert_graph
from bert_ladder.export.programs import onnx_predict
from bert_ladder.runtime.jobs import BadInput
from bert_ladder.study.families import BERT, TOKENIZER_JSON

# A message of protobuf ends at 2 GiB; the nodes take far less than what is left.
LARGEST = 2**31 - 2**24
MODEL, SETTINGS, TOKENIZER, PROGRAM = "model.onnx", "onnx.json", TOKENIZER_JSON, "predict.py"
# Of the layer norms of BERT, and of families whose configuration does not name one.
EPSILON = 1e-12


def export_onnx(folder: Path | str, target: Path | str, target_int8: Path | str) -> None:
    """Write a chosen BERT as two folders with model.onnx, onnx.json, tokenizer.json and predict.py each.

    model.onnx takes `token_ids`, int32 (batch, width), and gives `logits`, float32 (batch, classes), for any batch and
    width; onnx.json holds what is around it: `length`, `truncation`, `pad`, `start`, `end` (ids), `labels`, and the
    `temperature` that logits are divided by.

    Args:
        folder: chosen/ of a study.
        target: folder to write, in float32.
        target_int8: folder to write, quantized.

    Raises:
        BadInput: see `open_chosen_bert`.
    """
    chosen = open_chosen_bert(folder, "onnx")
    target, target_int8 = Path(target), Path(target_int8)
    target.mkdir(parents=True, exist_ok=True)
    target_int8.mkdir(parents=True, exist_ok=True)
    onnx.save(classifier_graph(chosen), target / MODEL)
    quantize(target / MODEL, target_int8 / MODEL)
    write_surroundings(chosen, target)
    for name in (SETTINGS, TOKENIZER, PROGRAM):
        shutil.copyfile(target / name, target_int8 / name)


def write_surroundings(chosen: ChosenBert, target: Path) -> None:
    """Write onnx.json, tokenizer.json and predict.py."""
    settings = json.dumps(chosen.settings, indent=2, ensure_ascii=False)
    (target / SETTINGS).write_text(f"{settings}\n", encoding="utf-8")
    (file,) = chosen.files.tokenizer_files(chosen.description["tokenizer"]).values()
    if file.name == TOKENIZER_JSON:
        shutil.copyfile(file, target / TOKENIZER)
    else:
        fast_tokenizer(chosen.pieces, chosen.description["lower_case"]).save(str(target / TOKENIZER))
    shutil.copyfile(onnx_predict.__file__, target / PROGRAM)


def classifier_graph(chosen: ChosenBert) -> onnx.ModelProto:
    """The graph and the weights of a chosen BERT.

    Raises:
        BadInput: if no file of ONNX can hold them.
    """
    tensors = named_tensors(chosen)
    size = sum(array.nbytes for array in tensors.values())
    if size > LARGEST:
        raise BadInput(
            f"{chosen.files.weights}: holds {size / 1e9:.1f} GB of weights, and a file of ONNX at most "
            f"{LARGEST / 1e9:.1f}; {other_form(chosen)}."
        )
    return bert_graph(tensors, layout_of(chosen))


def other_form(chosen: ChosenBert) -> str:
    """What to take instead of ONNX."""
    possible = [form for form in ("saved_model", "huggingface") if why_not(form, chosen.model) is None]
    return f"take the form {possible[0]}" if possible else "bert-ladder predict and serve answer with it"


def named_tensors(chosen: ChosenBert) -> dict[str, np.ndarray]:
    """The weights of a chosen encoder, whatever its family, and of its head, by the names of `bert_graph`."""
    if chosen.model.family == BERT:
        tensors = backbone_tensors(chosen.encoder.backbone)
    else:
        tensors = bert_named_tensors(family_of(dict(chosen.description)), chosen.encoder)
    layers = {"logits": "logits"}
    if chosen.model.settings["pooling"] == "native":
        layers["native_dense"] = "native/dense"
    for layer, name in layers.items():
        kernel, bias = chosen.classifier.get_layer(layer).get_weights()
        tensors |= {f"{name}/kernel": kernel, f"{name}/bias": bias}
    return tensors


def layout_of(chosen: ChosenBert) -> Layout:
    """What a chosen encoder is, beside its weights."""
    architecture, family = chosen.description["architecture"], family_of(dict(chosen.description))
    possible = {} if family.transformers is None else published_form(family).possible
    return Layout(
        layers=architecture["num_layers"],
        heads=architecture["num_heads"],
        gelu=architecture.get("gelu", "tanh"),
        epsilon=possible.get("layer_norm_eps", (EPSILON,))[0],
        pad=chosen.vocabulary.pad,
        pooling=chosen.model.settings["pooling"],
        activation="tanh" if chosen.encoder.head is None else chosen.encoder.head.activation,
    )


def quantize(source: Path, target: Path) -> None:
    """Write a model with its matrices in eight bits; activations are quantized as they come.

    Weights take seven of the eight bits: without the instructions of AVX-512 VNNI sums of more overflow, and a model
    would answer otherwise on another processor.
    """
    quantize_dynamic(source, target, per_channel=True, reduce_range=True, weight_type=QuantType.QInt8)
