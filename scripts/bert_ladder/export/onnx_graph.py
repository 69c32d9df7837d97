"""A classifier of BERT's layers as a graph of ONNX, put together node by node from its weights.

Attention, GELU and layer normalization are written in the shapes that ONNX Runtime replaces by its own when it opens a
graph. Only operations of ONNX's own are in it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

# That of LayerNormalization; ONNX Runtime has read it, and IR 8, since 1.12.
OPSET, IR = 17, 8
# Added to the scores of padding, so that its share is 0 in float32.
HIDDEN = -10000.0


@dataclass(frozen=True)
class Layout:
    """What a classifier is, beside its weights.

    Attributes:
        layers, heads: their numbers.
        gelu: its form in the transformer layers, "erf" or "tanh".
        epsilon: of the layer normalizations.
        pad: id of padding.
        pooling: what the head reads, see `build_classifier`.
        activation: of the dense layer of a native head, by Keras's name: "tanh", "relu" or "gelu".
    """

    layers: int
    heads: int
    gelu: str
    epsilon: float
    pad: int
    pooling: str
    activation: str = "tanh"


@dataclass
class Graph:
    """A graph that is being written: whatever gives a tensor gives its name.

    Attributes:
        tensors: the model's weights by name; kernels are (inputs, outputs).
        epsilon: of its layer normalizations.
        nodes: written so far.
        constants: used so far, by name.
    """

    tensors: Mapping[str, np.ndarray]
    epsilon: float
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: dict[str, onnx.TensorProto] = field(default_factory=dict)

    def node(self, kind: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        """Write a node with one output."""
        output = output or f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [output], output, **attributes))
        return output

    def constant(self, name: str, array: Any) -> str:
        """A constant tensor, of which the graph holds one by this name."""
        if name not in self.constants:
            self.constants[name] = numpy_helper.from_array(np.asarray(array), name)
        return name

    def weight(self, name: str) -> str:
        """One of `tensors`."""
        return self.constant(name, self.tensors[name])

    def number(self, value: float) -> str:
        """A float32."""
        return self.constant(f"number_{value}", np.float32(value))

    def whole(self, *values: int) -> str:
        """An int64 array (n,): a shape, axes."""
        return self.constant("_".join(["whole", *map(str, values)]), np.array(values, np.int64))

    def dense(self, given: str, name: str, output: str | None = None) -> str:
        """A dense layer on the last axis."""
        product = self.node("MatMul", given, self.weight(f"{name}/kernel"))
        return self.node("Add", product, self.weight(f"{name}/bias"), output=output)

    def layer_norm(self, given: str, name: str) -> str:
        """Layer normalization over the last axis."""
        scale = self.weight(f"{name}/gamma"), self.weight(f"{name}/beta")
        return self.node("LayerNormalization", given, *scale, axis=-1, epsilon=self.epsilon)

    def gelu(self, given: str, form: str) -> str:
        """GELU (Hendrycks & Gimpel 2016, arXiv 1606.08415), in its form "erf" or "tanh"."""
        half, one = self.number(0.5), self.number(1.0)
        if form == "erf":
            share = self.node("Erf", self.node("Div", given, self.number(math.sqrt(2))))
            return self.node("Mul", self.node("Mul", given, self.node("Add", share, one)), half)
        cube = self.node("Mul", self.node("Pow", given, self.number(3.0)), self.number(0.044715))
        share = self.node("Tanh", self.node("Mul", self.node("Add", given, cube), self.number(math.sqrt(2 / math.pi))))
        return self.node("Mul", self.node("Mul", given, half), self.node("Add", share, one))

    def activated(self, given: str, activation: str) -> str:
        """One of the activations of native heads; Keras's "gelu" is the form "erf"."""
        if activation == "gelu":
            return self.gelu(given, "erf")
        return self.node({"tanh": "Tanh", "relu": "Relu"}[activation], given)

    def attention(self, given: str, hidden_places: str, name: str, heads: int) -> str:
        """What each place takes from all places of its text (Vaswani et al. 2017, arXiv 1706.03762).

        Args:
            given: float32 (batch, width, hidden).
            hidden_places: float32 (batch, 1, 1, width), added to the scores.
            name: of the layer among `tensors`.
            heads: their number.
        """
        hidden = self.tensors[f"{name}/self/query/bias"].size

        shape = self.whole(0, 0, heads, hidden // heads)

        def parted(part: str, order: Sequence[int]) -> str:
            found = self.dense(given, f"{name}/self/{part}")
            return self.node("Transpose", self.node("Reshape", found, shape), perm=order)

        scores = self.node("MatMul", parted("query", (0, 2, 1, 3)), parted("key", (0, 2, 3, 1)))
        scores = self.node("Div", scores, self.number(math.sqrt(hidden // heads)))
        shares = self.node("Softmax", self.node("Add", scores, hidden_places), axis=-1)
        taken = self.node("Transpose", self.node("MatMul", shares, parted("value", (0, 2, 1, 3))), perm=(0, 2, 1, 3))
        return self.dense(self.node("Reshape", taken, self.whole(0, 0, hidden)), f"{name}/output/dense")


def bert_graph(tensors: Mapping[str, np.ndarray], layout: Layout) -> onnx.ModelProto:
    """The graph of a BERT with a head, or of another encoder of the same layers.

    Args:
        tensors: float32, see `named_tensors`, and the head as "logits/kernel" and "logits/bias", with
            "native/dense/kernel" and "native/dense/bias" below it if it is a native one.
        layout: what else it is.

    Returns:
        From `token_ids`, int32 (batch, width), to `logits`, float32 (batch, classes), for any batch and width.
    """
    graph = Graph(tensors, layout.epsilon)
    is_token = graph.node("Not", graph.node("Equal", "token_ids", graph.constant("pad", np.int32(layout.pad))))
    states = embedded(graph)
    hidden_places = padding_scores(graph, is_token)
    for layer in (f"encoder/layer_{i}" for i in range(layout.layers)):
        taken = graph.attention(states, hidden_places, f"{layer}/attention", layout.heads)
        states = graph.layer_norm(graph.node("Add", taken, states), f"{layer}/attention/output/LayerNorm")
        inner = graph.gelu(graph.dense(states, f"{layer}/intermediate/dense"), layout.gelu)
        inner = graph.dense(inner, f"{layer}/output/dense")
        states = graph.layer_norm(graph.node("Add", inner, states), f"{layer}/output/LayerNorm")
    graph.dense(pooled(graph, states, is_token, layout), "logits", output="logits")
    given = helper.make_tensor_value_info("token_ids", TensorProto.INT32, ["batch", "width"])
    found = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", tensors["logits/bias"].size])
    made = helper.make_graph(graph.nodes, "classifier", [given], [found], list(graph.constants.values()))
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR)


def embedded(graph: Graph) -> str:
    """The embeddings of tokens, places and the first segment, normalized and as wide as the layers.

    Places count from 0 in all families: what RoBERTa's published table has before is no part of `tensors`.

    Returns:
        float32 (batch, width, hidden).
    """
    tensors = graph.tensors
    places = tensors["embeddings/position_embeddings"]
    if "embeddings/token_type_embeddings" in tensors:
        places = places + tensors["embeddings/token_type_embeddings"][0]
    width = graph.node("Gather", graph.node("Shape", "token_ids"), graph.whole(1), axis=0)
    start = graph.whole(0)
    of_places = graph.node("Slice", graph.constant("embeddings/places", places), start, width, start)
    of_tokens = graph.node("Gather", graph.weight("embeddings/word_embeddings"), "token_ids")
    normed = graph.layer_norm(graph.node("Add", of_tokens, of_places), "embeddings/LayerNorm")
    return graph.dense(normed, "embeddings_project") if "embeddings_project/kernel" in tensors else normed


def padding_scores(graph: Graph, is_token: str) -> str:
    """What is added to the scores of each place: 0 for a token, `HIDDEN` for padding; (batch, 1, 1, width)."""
    as_numbers = graph.node("Cast", graph.node("Unsqueeze", is_token, graph.whole(1, 2)), to=TensorProto.FLOAT)
    return graph.node("Mul", graph.node("Sub", graph.number(1.0), as_numbers), graph.number(HIDDEN))


def pooled(graph: Graph, states: str, is_token: str, layout: Layout) -> str:
    """What the classes' scores are made of: (batch, hidden)."""
    if layout.pooling != "mean":
        first = graph.node("Gather", states, graph.constant("first", np.int64(0)), axis=1)
        if layout.pooling == "pooler":
            return graph.node("Tanh", graph.dense(first, "pooler/dense"))
        return graph.activated(graph.dense(first, "native/dense"), layout.activation)
    kept = graph.node("Cast", graph.node("Unsqueeze", is_token, graph.whole(2)), to=TensorProto.FLOAT)
    sums = (graph.node("ReduceSum", one, graph.whole(1), keepdims=0) for one in (graph.node("Mul", states, kept), kept))
    return graph.node("Div", *sums)
