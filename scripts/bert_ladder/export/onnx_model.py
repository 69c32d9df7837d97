"""A chosen BERT as ONNX: in float32, and with its matrices in eight bits."""

import json
import os
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import keras
import numpy as np
import onnx
import onnxruntime
import tensorflow as tf
import tf2onnx
from onnxruntime.quantization import QuantType, quantize_dynamic

from bert_ladder.export.chosen_bert import ChosenBert, open_chosen_bert
from bert_ladder.export.fast_tokenizer import fast_tokenizer
from bert_ladder.export.programs import onnx_predict

# That of LayerNormalization and the last that tf2onnx writes in every case; ONNX Runtime has read it since 1.12.
OPSET = 17
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
    write_graph(chosen.classifier, target / MODEL)
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


def write_graph(classifier: keras.Model, file: Path) -> None:
    """Write a classifier's graph and weights as one file."""
    # tf2onnx would copy graph and weights before each of its some fifty passes, to go on where one of them fails:
    # MiniLM took 86 seconds instead of 50.
    os.environ["TF2ONNX_CATCH_ERRORS"] = "FALSE"
    serve = tf.function(lambda token_ids: {"logits": classifier(token_ids, training=False)})
    tf2onnx.convert.from_function(
        serve,
        input_signature=[tf.TensorSpec((None, None), tf.int32, name="token_ids")],
        opset=OPSET,
        output_path=str(file),
        custom_op_handlers={"Erfc": (write_erfc, [])},
    )


def write_erfc(graph: Any, node: Any, name: str, arguments: Any) -> None:
    """Write TensorFlow's Erfc, which its exact GELU consists of and ONNX lacks, as 1 - Erf."""
    users = graph.find_output_consumers(node.output[0])
    node.type, node.domain = "Erf", ""
    one = graph.make_const(tf2onnx.utils.make_name("one"), np.array(1, np.float32))
    (kind,), (shape,) = node.output_dtypes, node.output_shapes
    difference = graph.make_node("Sub", [one.output[0], node.output[0]], dtypes=[kind], shapes=[shape])
    graph.replace_all_inputs(node.output[0], difference.output[0], ops=users)


def quantize(source: Path, target: Path) -> None:
    """Write a model with its matrices in eight bits; activations are quantized as they come.

    Weights take seven of the eight bits: without the instructions of AVX-512 VNNI sums of more overflow, and a model
    would answer otherwise on another processor.
    """
    with TemporaryDirectory(prefix=f".{target.parent.name}-", dir=target.parent.parent) as scratch:
        folded = Path(scratch, MODEL)
        options = onnxruntime.SessionOptions()
        options.optimized_model_filepath = str(folded)
        # Constants folded, so that every matrix is one; nothing that only this runtime knows.
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
        graph = onnx.load(folded)
        for node in graph.graph.node:
            # The quantizer takes a Gemm for a product only where its factors are 1, even that of the absent summand.
            factors = [one for one in node.attribute if node.op_type == "Gemm" and len(node.input) == 2]
            for factor in (one for one in factors if one.name == "beta"):
                factor.f = 1.0
        quantize_dynamic(graph, target, per_channel=True, reduce_range=True, weight_type=QuantType.QInt8)
