"""ELECTRA (Clark et al. 2020, arXiv 2003.10555): BERT with a narrower table of embeddings and without a pooler."""

from typing import Any

import keras
from keras_hub.models import ElectraBackbone

from bert_ladder.encoders.families.shared import keras_hub_backbone, set_gelu
from bert_ladder.encoders.interface import Encoder, Family, NativeHead, TransformersForm
from bert_ladder.encoders.vocabulary import WORDPIECE

SIZES = {
    "vocabulary_size": "vocab_size",
    "num_layers": "num_hidden_layers",
    "num_heads": "num_attention_heads",
    "hidden_dim": "hidden_size",
    "embedding_dim": "embedding_size",
    "intermediate_dim": "intermediate_size",
    "max_sequence_length": "max_position_embeddings",
    "num_segments": "type_vocab_size",
}
LAYERS = {
    "embeddings.word_embeddings": "token_embedding",
    "embeddings.position_embeddings": "position_embedding",
    "embeddings.token_type_embeddings": "segment_embedding",
    "embeddings.LayerNorm": "embeddings_layer_norm",
    "embeddings_project": "embeddings_projection",
    "encoder.layer.{}.attention.self.query": "transformer_layer_{}/self_attention_layer/query",
    "encoder.layer.{}.attention.self.key": "transformer_layer_{}/self_attention_layer/key",
    "encoder.layer.{}.attention.self.value": "transformer_layer_{}/self_attention_layer/value",
    "encoder.layer.{}.attention.output.dense": "transformer_layer_{}/self_attention_layer/attention_output",
    "encoder.layer.{}.attention.output.LayerNorm": "transformer_layer_{}/self_attention_layer_norm",
    "encoder.layer.{}.intermediate.dense": "transformer_layer_{}/feedforward_intermediate_dense",
    "encoder.layer.{}.output.dense": "transformer_layer_{}/feedforward_output_dense",
    "encoder.layer.{}.output.LayerNorm": "transformer_layer_{}/feedforward_layer_norm",
}


def electra_encoder(architecture: dict[str, Any], dropout: float = 0.0) -> Encoder:
    """Build an ELECTRA with random weights; its output is the last hidden states alone."""
    # KerasHub calls one size otherwise than in its other backbones.
    sizes = {("vocab_size" if key == "vocabulary_size" else key): architecture[key] for key in SIZES}
    whole = keras_hub_backbone(ElectraBackbone, sizes, dropout)
    set_gelu(whole.transformer_layers, architecture["gelu"])
    # KerasHub adds a pooler that no ELECTRA was published with.
    backbone = keras.Model(whole.input, whole.output["sequence_output"], name="electra")
    return Encoder(
        backbone=backbone,
        layers=tuple(whole.transformer_layers),
        token_embedding=whole.token_embedding,
        activation=whole.transformer_layers[0].activation,
        pooler=None,
        positions=whole.max_sequence_length,
        segments=whole.num_segments,
        partly_used=(whole.segment_embedding, whole.position_embedding),
        tfhub_layers=None,
        head=NativeHead("classifier.dense", "classifier.out_proj", "gelu", dropout_before=True),
    )


ELECTRA = Family(
    name="electra",
    backbone="ElectraBackbone",
    keys=(*SIZES, "gelu"),
    tokenizer=WORDPIECE,
    build=electra_encoder,
    transformers=TransformersForm(
        model_type="electra",
        classifier="ElectraForSequenceClassification",
        scope="electra.",
        sizes=SIZES,
        activation="hidden_act",
        possible={
            "layer_norm_eps": (1e-12,),
            "position_embedding_type": ("absolute", None),
            "is_decoder": (False,),
            "add_cross_attention": (False,),
        },
        layers=LAYERS,
        beside=r"^((discriminator|generator)_(predictions|lm_head)|classifier|qa_outputs|sequence_summary)\."
        r"|(^|\.)embeddings\.position_ids$",
    ),
)
