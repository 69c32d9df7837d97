"""What training, export and speed code know of an encoder, whatever its family."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import keras
from keras import ops


@dataclass(frozen=True)
class Encoder:
    """An encoder that is built.

    Attributes:
        backbone: a Keras model of a dict of inputs, int32 (batch, width) each, of which it takes `token_ids`,
            `padding_mask` (1 for a token, 0 for padding) and maybe `segment_ids`.
        layers: its transformer layers, whose output is (batch, width, hidden) each.
        token_embedding: its layer of token embeddings, which with reverse=True scores tokens.
        activation: of its feed-forward layers.
        pooler: the layer that makes the pooled output, (batch, hidden), of the first token; None without one.
        positions: the longest text, what stands before and behind it included.
        segments: how many segments of a text it tells apart.
        partly_used: embeddings of which a training may not use all rows: of segments, of positions.
        tfhub_layers: the names of its layers in TF Hub's form, in that form's order, and its own; None without a form.
    """

    backbone: keras.Model
    layers: tuple[keras.layers.Layer, ...]
    token_embedding: keras.layers.Layer
    activation: Callable[[Any], Any]
    pooler: keras.layers.Layer | None
    positions: int
    segments: int
    partly_used: tuple[keras.layers.Layer, ...]
    tfhub_layers: Mapping[str, str] | None

    @property
    def vocabulary_size(self) -> int:
        """Rows of the table of token embeddings."""
        return int(self.token_embedding.embeddings.shape[0])

    @property
    def embedding_dim(self) -> int:
        """Width of the table of token embeddings."""
        return int(self.token_embedding.embeddings.shape[1])

    def inputs(self, token_ids: Any, padding_mask: Any, segment_ids: Any = None) -> dict[str, Any]:
        """Those of these tensors that the backbone takes; all is one segment where `segment_ids` is None."""
        given = {"token_ids": token_ids, "padding_mask": padding_mask}
        if "segment_ids" in self.backbone.input:
            given["segment_ids"] = ops.zeros_like(token_ids) if segment_ids is None else segment_ids
        return {name: given[name] for name in self.backbone.input}

    def outputs(self, output: Any) -> dict[str, Any]:
        """What the backbone gave, by name: `sequence_output`, and `pooled_output` where there is a pooler."""
        return output if isinstance(output, dict) else {"sequence_output": output}

    def part(self, pooled: bool) -> keras.Model:
        """The backbone as a model named "encoder" whose outputs are named; without `pooled` the pooler is no part."""
        outputs = self.outputs(self.backbone.output)
        names = ["sequence_output", *(["pooled_output"] if pooled else [])]
        return keras.Model(self.backbone.input, {name: outputs[name] for name in names}, name="encoder")


@dataclass(frozen=True)
class Family:
    """A family of encoders.

    Attributes:
        name: as encoder.json has it.
        backbone: the class of KerasHub whose arguments `architecture` in encoder.json holds.
        keys: those of them that must be there.
        tokenizer: what encoder.json says of the tokenizer.
        build: makes an encoder with random weights of an architecture and a dropout (of the hidden states and of the
            attention weights).
    """

    name: str
    backbone: str
    keys: tuple[str, ...]
    tokenizer: Mapping[str, Any]
    build: Callable[[dict[str, Any], float], Encoder]
