"""What training, export and speed code know of an encoder, whatever its family."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
from keras import ops


@dataclass(frozen=True)
class NativeHead:
    """The classification head that a family's own code puts on an encoder without a pooler, below the classes' scores.

    Attributes:
        dense: what transformers calls its dense layer.
        scores: what transformers calls the layer of the classes' scores.
        activation: of the dense layer, by Keras's name.
        dropout_before: whether there is dropout before the dense layer, beside that behind it.
        reads: "first", the first token's last hidden state, or "mean", that of all tokens of the text.
        bias: whether the dense layer has one.
        norm: what transformers calls the layer norm behind the activation, which has no bias; None without one.
    """

    dense: str
    scores: str
    activation: str
    dropout_before: bool = False
    reads: str = "first"
    bias: bool = True
    norm: str | None = None


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
        head: its family's own classification head; None where that reads the pooler.
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
    head: NativeHead | None = None

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
class TransformersForm:
    """How Hugging Face's transformers publishes a family.

    Attributes:
        model_type: as config.json has it.
        classifier: transformers' class of the encoder with a classification head.
        scope: what stands before the encoder's names in that class.
        sizes: what config.json calls the sizes in `architecture`.
        activation: what config.json calls the activation of the feed-forward layers, a form of GELU.
        possible: values of other keys of config.json that the backbone can be; a configuration that does not name a key
            means the first.
        layers: transformers' name of each layer with weights -> its name in the backbone; "{}" stands for the number of
            a transformer layer.
        beside: regular expression of the tensors of published models that are no part of the encoder: heads, buffers.
        repeated: which of `architecture` counts what "{}" stands for.
        unused_positions: rows before that of the first position in the published table of positions.
        added: a published table whose one row is added to every position, where the backbone has no such table.
        derive: gives what else `architecture` holds, of config.json.
        restore: gives what else config.json holds, of `architecture`.
    """

    model_type: str
    classifier: str
    scope: str
    sizes: Mapping[str, str]
    activation: str
    possible: Mapping[str, tuple[Any, ...]]
    layers: Mapping[str, str]
    beside: str
    repeated: str = "num_layers"
    unused_positions: int = 0
    added: str | None = None
    derive: Callable[[Mapping[str, Any]], dict[str, Any]] = lambda config: {}
    restore: Callable[[Mapping[str, Any]], dict[str, Any]] = lambda architecture: {}


@dataclass(frozen=True)
class OwnTokenizer:
    """A family's tokenizer as its publisher keeps it beside tokenizer.json, or without one.

    Attributes:
        files: their names.
        build: makes a tokenizer of the package `tokenizers` of the files.
    """

    files: tuple[str, ...]
    build: Callable[[Sequence[Path]], Any]


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
        transformers: how transformers publishes it; None of BERT, which has readers of its own for all of its forms.
        own_tokenizer: its tokenizer in other files than tokenizer.json; None without WordPieces' vocab.txt or others.
    """

    name: str
    backbone: str
    keys: tuple[str, ...]
    tokenizer: Mapping[str, Any]
    build: Callable[[dict[str, Any], float], Encoder]
    transformers: TransformersForm | None = None
    own_tokenizer: OwnTokenizer | None = None
