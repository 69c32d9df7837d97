"""A chosen BERT as ONNX: in float32, and with its matrices in eight bits."""

import json
import shutil
from pathlib import Path

import onnx
from onnxruntime.quantization import QuantType, quantize_dynamic

from bert_ladder.encoders.backbones import backbone_tensors
from bert_ladder.export.chosen_bert import ChosenBert, open_chosen_bert
from bert_ladder.export.fast_tokenizer import fast_tokenizer
from bert_ladder.export.onnx_graph import bert_graph
from bert_ladder.export.programs import onnx_predict
from bert_ladder.runtime.jobs import BadInput

# A message of protobuf ends at 2 GiB; the nodes take far less than what is left.
LARGEST = 2**31 - 2**24
MODEL, SETTINGS, TOKENIZER, PROGRAM = "model.onnx", "onnx.json", "tokenizer.json", "predict.py"


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
    fast_tokenizer(chosen.pieces, chosen.description["lower_case"]).save(str(target / TOKENIZER))
    shutil.copyfile(onnx_predict.__file__, target / PROGRAM)


def classifier_graph(chosen: ChosenBert) -> onnx.ModelProto:
    """The graph and the weights of a chosen BERT.

    Raises:
        BadInput: if no file of ONNX can hold them.
    """
    kernel, bias = chosen.classifier.get_layer("logits").get_weights()
    tensors = backbone_tensors(chosen.encoder.backbone) | {"logits/kernel": kernel, "logits/bias": bias}
    size = sum(array.nbytes for array in tensors.values())
    if size > LARGEST:
        raise BadInput(
            f"{chosen.files.weights}: holds {size / 1e9:.1f} GB of weights, and a file of ONNX at most "
            f"{LARGEST / 1e9:.1f}; take the form saved_model."
        )
    pooling = chosen.model.settings["pooling"]
    return bert_graph(tensors, chosen.description["architecture"], chosen.vocabulary.pad, pooling)


def quantize(source: Path, target: Path) -> None:
    """Write a model with its matrices in eight bits; activations are quantized as they come.

    Weights take seven of the eight bits: without the instructions of AVX-512 VNNI sums of more overflow, and a model
    would answer otherwise on another processor.
    """
    quantize_dynamic(source, target, per_channel=True, reduce_range=True, weight_type=QuantType.QInt8)
