"""DistilBERT (Sanh et al. 2019, arXiv 1910.01108): BERT without segments and pooler, of half as many layers."""

from typing import Any

from keras_hub.models import DistilBertBackbone

from bert_ladder.encoders.families.shared import keras_hub_backbone, keras_hub_encoder, set_gelu
from bert_ladder.encoders.interface import Encoder, Family, NativeHead, TransformersForm
from bert_ladder.encoders.vocabulary import WORDPIECE

SIZES = {
    "vocabulary_size": "vocab_size",
    "num_layers": "n_layers",
    "num_heads": "n_heads",
    "hidden_dim": "dim",
    "intermediate_dim": "hidden_dim",
    "max_sequence_length": "max_position_embeddings",
}
LAYERS = {
    "embeddings.word_embeddings": "token_and_position_embedding/token_embedding",
    "embeddings.position_embeddings": "token_and_position_embedding/position_embedding",
    "embeddings.LayerNorm": "embeddings_layer_norm",
    "transformer.layer.{}.attention.q_lin": "transformer_layer_{}/self_attention_layer/query",
    "transformer.layer.{}.attention.k_lin": "transformer_layer_{}/self_attention_layer/key",
    "transformer.layer.{}.attention.v_lin": "transformer_layer_{}/self_attention_layer/value",
    "transformer.layer.{}.attention.out_lin": "transformer_layer_{}/self_attention_layer/attention_output",
    "transformer.layer.{}.sa_layer_norm": "transformer_layer_{}/self_attention_layer_norm",
    "transformer.layer.{}.ffn.lin1": "transformer_layer_{}/feedforward_intermediate_dense",
    "transformer.layer.{}.ffn.lin2": "transformer_layer_{}/feedforward_output_dense",
    "transformer.layer.{}.output_layer_norm": "transformer_layer_{}/feedforward_layer_norm",
}


def distilbert_encoder(architecture: dict[str, Any], dropout: float = 0.0) -> Encoder:
    """Build a DistilBERT with random weights; its output is the last hidden states alone."""
    backbone = keras_hub_backbone(DistilBertBackbone, {key: architecture[key] for key in SIZES}, dropout)
    set_gelu(backbone.transformer_layers, architecture["gelu"])
    embeddings = backbone.embeddings
    return keras_hub_encoder(
        backbone,
        partly_used=(embeddings.position_embedding,),
        head=NativeHead("pre_classifier", "classifier", "relu"),
    )


DISTILBERT = Family(
    name="distilbert",
    backbone="DistilBertBackbone",
    keys=(*SIZES, "gelu"),
    tokenizer=WORDPIECE,
    build=distilbert_encoder,
    transformers=TransformersForm(
        model_type="distilbert",
        classifier="DistilBertForSequenceClassification",
        scope="distilbert.",
        sizes=SIZES,
        activation="activation",
        # Sinusoids too are published as a table.
        possible={"sinusoidal_pos_embds": (False, True)},
        layers=LAYERS,
        beside=r"^(vocab_(transform|layer_norm|projector)|pre_classifier|classifier|qa_outputs)\.",
    ),
)
