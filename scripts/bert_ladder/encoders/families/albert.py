"""ALBERT (Lan et al. 2020, arXiv 1909.11942): BERT whose layers share their weights in groups."""

from typing import Any

from keras_hub.models import AlbertBackbone

from bert_ladder.encoders.families.shared import keras_hub_backbone, keras_hub_encoder, set_gelu
from bert_ladder.encoders.interface import Encoder, Family, TransformersForm
from bert_ladder.encoders.json_tokenizers import UNIGRAM, SentencePieces

SIZES = {
    "vocabulary_size": "vocab_size",
    "num_layers": "num_hidden_layers",
    "num_heads": "num_attention_heads",
    "num_groups": "num_hidden_groups",
    "hidden_dim": "hidden_size",
    "embedding_dim": "embedding_size",
    "intermediate_dim": "intermediate_size",
    "max_sequence_length": "max_position_embeddings",
    "num_segments": "type_vocab_size",
}
GROUP = "encoder.albert_layer_groups.{}.albert_layers.0"
LAYERS = {
    "embeddings.word_embeddings": "token_embedding",
    "embeddings.position_embeddings": "position_embedding",
    "embeddings.token_type_embeddings": "segment_embedding",
    "embeddings.LayerNorm": "embeddings_layer_norm",
    "encoder.embedding_hidden_mapping_in": "embedding_projection",
    f"{GROUP}.attention.query": "group_{}_inner_layer_0/self_attention_layer/query",
    f"{GROUP}.attention.key": "group_{}_inner_layer_0/self_attention_layer/key",
    f"{GROUP}.attention.value": "group_{}_inner_layer_0/self_attention_layer/value",
    f"{GROUP}.attention.dense": "group_{}_inner_layer_0/self_attention_layer/attention_output",
    f"{GROUP}.attention.LayerNorm": "group_{}_inner_layer_0/self_attention_layer_norm",
    f"{GROUP}.ffn": "group_{}_inner_layer_0/feedforward_intermediate_dense",
    f"{GROUP}.ffn_output": "group_{}_inner_layer_0/feedforward_output_dense",
    f"{GROUP}.full_layer_layer_norm": "group_{}_inner_layer_0/feedforward_layer_norm",
    "pooler": "pooled_dense",
}
SPECIAL = {"pad": "<pad>", "unknown": "<unk>", "start": "[CLS]", "end": "[SEP]", "mask": "[MASK]"}


def albert_encoder(architecture: dict[str, Any], dropout: float = 0.0) -> Encoder:
    """Build an ALBERT with random weights; it has BERT's outputs."""
    backbone = keras_hub_backbone(AlbertBackbone, {key: architecture[key] for key in SIZES}, dropout)
    layers = tuple(layer for group in backbone.transformer_layers for layer in group)
    set_gelu(layers, architecture["gelu"])
    return keras_hub_encoder(
        backbone,
        partly_used=(backbone.segment_embedding, backbone.position_embedding),
        head=None,
        layers=layers,
        pooler=backbone.pooled_dense,
        segments=backbone.num_segments,
    )


ALBERT = Family(
    name="albert",
    backbone="AlbertBackbone",
    keys=(*SIZES, "gelu"),
    tokenizer={"kind": UNIGRAM, "files": ["tokenizer.json"], "special": SPECIAL},
    build=albert_encoder,
    transformers=TransformersForm(
        model_type="albert",
        classifier="AlbertForSequenceClassification",
        scope="albert.",
        sizes=SIZES,
        activation="hidden_act",
        possible={
            "inner_group_num": (1,),
            "layer_norm_eps": (1e-12,),
            "position_embedding_type": ("absolute", None),
        },
        layers=LAYERS,
        beside=r"^(predictions|sop_classifier|classifier|qa_outputs)\.|(^|\.)embeddings\.position_ids$",
        repeated="num_groups",
    ),
    own_tokenizer=SentencePieces("spiece.model", SPECIAL, folds=True).own(),
)
