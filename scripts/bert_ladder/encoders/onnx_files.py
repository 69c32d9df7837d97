"""Reads the weights of a BERT out of an ONNX file, as PyTorch exports one.

PyTorch's exporter keeps the names of parameters, but folds the transpose of a dense layer's kernel into it and gives
the result a name without meaning (`onnx::MatMul_470`). The bias that is added to the product keeps its name, so that
the graph tells whose kernel each is. What a config.json would say is read off the graph: sizes from the tensors, heads
from the shape into which queries are cut, the form of GELU from the operator.
"""

import math
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import numpy_helper

from bert_ladder.runtime.jobs import BadInput

# transformers' BERTs; ONNX files hold float32, in which PyTorch writes 1e-12 as 9.999999960041972e-13.
LAYER_NORM_EPSILON = 1e-12
QUERY = "encoder.layer.0.attention.self.query"


class OnnxBert:
    """The graph of a BERT.

    Args:
        path: an ONNX file that carries its weights itself; the attribute `path` is the same.

    Raises:
        BadInput: if it is no ONNX, or its weights lie in another file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            graph = onnx.load(path, load_external_data=False).graph
        except (DecodeError, OSError) as error:
            raise BadInput(f"{path}: is no ONNX file ({error}); fetch it again.") from error
        if any(tensor.external_data for tensor in graph.initializer):
            raise BadInput(f"{path}: keeps its weights in another file; bring a model.safetensors instead.")
        self._nodes = list(graph.node)
        self._makers = {output: node for node in self._nodes for output in node.output}
        self._tensors = {tensor.name: tensor for tensor in graph.initializer}
        for node in self._nodes:
            if node.op_type == "Constant":
                values = [attribute.t for attribute in node.attribute if attribute.name == "value"]
                self._tensors |= dict(zip(node.output, values, strict=False))
        self._names = {tensor.name: tensor.name for tensor in graph.initializer} | self._kernels()

    def _kernels(self) -> dict[str, str]:
        """Name of a dense layer's weight -> name of the tensor that is its transpose."""
        found = {}
        for node in self._nodes:
            biases = [name for name in node.input if name.endswith(".bias") and name in self._tensors]
            made = [self._makers[name] for name in node.input if name in self._makers]
            if node.op_type == "Add" and biases and made and made[0].op_type == "MatMul":
                weight = biases[0].removesuffix("bias") + "weight"
                if weight not in self._tensors and made[0].input[1] in self._tensors:
                    found[weight] = made[0].input[1]
        return found

    def names(self) -> Iterable[str]:
        """What transformers calls its tensors, and the names of those that are not a model's own."""
        return self._names

    def tensor(self, name: str) -> np.ndarray:
        """A tensor in the shape that transformers gives it."""
        array = numpy_helper.to_array(self._tensors[self._names[name]])
        return array if self._names[name] == name else array.T

    def config(self) -> dict[str, Any]:
        """What transformers' config.json would say of it.

        Raises:
            BadInput: if the graph does not tell.
        """
        shapes = {name: tuple(self._tensors[own].dims) for name, own in self._names.items()}
        sizes = {
            "vocab_size": self._size(shapes, r"embeddings\.word_embeddings\.weight", 0),
            "hidden_size": self._size(shapes, r"embeddings\.word_embeddings\.weight", 1),
            "max_position_embeddings": self._size(shapes, r"embeddings\.position_embeddings\.weight", 0),
            "type_vocab_size": self._size(shapes, r"embeddings\.token_type_embeddings\.weight", 0),
            "intermediate_size": self._size(shapes, r"encoder\.layer\.0\.intermediate\.dense\.bias", 0),
        }
        layers = {int(match[1]) for name in shapes if (match := re.search(r"(?:^|\.)encoder\.layer\.(\d+)\.", name))}
        return sizes | {
            "model_type": "bert",
            "num_hidden_layers": len(layers),
            "num_attention_heads": self._heads(sizes["hidden_size"]),
            "hidden_act": self._gelu(),
            "layer_norm_eps": self._epsilon(),
        }

    def _size(self, shapes: dict[str, tuple[int, ...]], name: str, axis: int) -> int:
        found = [shape for own, shape in shapes.items() if re.search(rf"(?:^|\.){name}$", own)]
        if len(found) != 1:
            raise self._untold(f"{len(found)} tensors are {name.replace(chr(92), '')}")
        return found[0][axis]

    def _heads(self, hidden: int) -> int:
        """The queries of the first layer are cut into (batch, width, heads, hidden / heads)."""
        bias = next((name for name in self._tensors if name.endswith(f"{QUERY}.bias")), None)
        cut = self._after(self._after(bias, "Add"), "Reshape")
        heads, size = self._last_two(cut.input[1]) if cut is not None else (-1, -1)
        # One of the two may be left to what the other leaves.
        if heads < 1 <= size:
            heads = hidden // size
        if heads < 1 or hidden % heads or size not in (-1, hidden // heads):
            raise self._untold("into how many heads its queries are cut")
        return heads

    def _after(self, before: Any, operator: str) -> Any:
        """The first node of a kind that takes a tensor, or what a node gives."""
        outputs = {before} if isinstance(before, str) else set(before.output) if before is not None else set()
        return next((node for node in self._nodes if node.op_type == operator and outputs & set(node.input)), None)

    def _last_two(self, shape: str) -> tuple[int, int]:
        """The last two numbers of a shape that is known, or put together of numbers that are; -1 for an unknown one."""
        maker = self._makers.get(shape)
        parts = maker.input[-2:] if maker is not None and maker.op_type == "Concat" else [shape]
        known = [self._numbers(part) if part in self._tensors else [-1] for part in parts]
        numbers = [-1, -1, *(number for part in known for number in part)]
        return numbers[-2], numbers[-1]

    def _numbers(self, name: str) -> list[int]:
        return [int(number) for number in numpy_helper.to_array(self._tensors[name]).ravel()]

    def _gelu(self) -> str:
        """PyTorch writes the exact form with Erf or as Gelu, the other with a Tanh of each layer or as Gelu."""
        for node in self._nodes:
            if node.op_type == "Gelu":
                form = next((one.s.decode() for one in node.attribute if one.name == "approximate"), "none")
                return "gelu_pytorch_tanh" if form == "tanh" else "gelu"
        operators = [node.op_type for node in self._nodes]
        if "Erf" in operators:
            return "gelu"
        # One is the pooler's.
        if operators.count("Tanh") > 1:
            return "gelu_new"
        raise self._untold("which activation it has; a BERT has GELU")

    def _epsilon(self) -> float:
        """Attribute of LayerNormalization; in older graphs what is added to the variance before its root."""
        found = set()
        for node in self._nodes:
            if node.op_type == "LayerNormalization":
                found |= {one.f for one in node.attribute if one.name == "epsilon"} or {1e-5}
            elif node.op_type == "Sqrt" and (added := self._makers.get(node.input[0])) is not None:
                constants = [self._tensors[name] for name in added.input if name in self._tensors]
                found |= {float(numpy_helper.to_array(one)) for one in constants if added.op_type == "Add"}
        if len(found) != 1:
            raise self._untold("one epsilon of its layer norms")
        [epsilon] = found
        return LAYER_NORM_EPSILON if math.isclose(epsilon, LAYER_NORM_EPSILON, rel_tol=1e-6) else epsilon

    def _untold(self, what: str) -> BadInput:
        return BadInput(f"{self.path}: its graph does not tell {what}; bring config.json and model.safetensors.")
