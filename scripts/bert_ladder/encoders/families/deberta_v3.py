"""DeBERTa-v3 (He et al. 2023, arXiv 2111.09543): attention by content and by relative position, apart."""

from typing import Any

from keras_hub.models import DebertaV3Backbone

from bert_ladder.encoders.families.shared import keras_hub_backbone, keras_hub_encoder, set_gelu
from bert_ladder.encoders.interface import Encoder, Family, NativeHead, TransformersForm
from bert_ladder.encoders.json_tokenizers import UNIGRAM, SentencePieces

SIZES = {
    "vocabulary_size": "vocab_size",
    "num_layers": "num_hidden_layers",
    "num_heads": "num_attention_heads",
    "hidden_dim": "hidden_size",
    "intermediate_dim": "intermediate_size",
    "max_sequence_length": "max_position_embeddings",
    "bucket_size": "position_buckets",
}
LAYER, OWN_LAYER = "encoder.layer.{}", "disentangled_attention_encoder_layer_{}"
LAYERS = {
    "embeddings.word_embeddings": "token_embedding",
    "embeddings.LayerNorm": "embeddings_layer_norm",
    "encoder.rel_embeddings": "rel_embedding",
    "encoder.LayerNorm": "rel_embedding/rel_embeddings_layer_norm",
    f"{LAYER}.attention.self.query_proj": f"{OWN_LAYER}/self_attention_layer/query",
    f"{LAYER}.attention.self.key_proj": f"{OWN_LAYER}/self_attention_layer/key",
    f"{LAYER}.attention.self.value_proj": f"{OWN_LAYER}/self_attention_layer/value",
    f"{LAYER}.attention.output.dense": f"{OWN_LAYER}/self_attention_layer/attention_output",
    f"{LAYER}.attention.output.LayerNorm": f"{OWN_LAYER}/self_attention_layer_norm",
    f"{LAYER}.intermediate.dense": f"{OWN_LAYER}/feedforward_intermediate_dense",
    f"{LAYER}.output.dense": f"{OWN_LAYER}/feedforward_output_dense",
    f"{LAYER}.output.LayerNorm": f"{OWN_LAYER}/feedforward_layer_norm",
}
SPECIAL = {"pad": "[PAD]", "unknown": "[UNK]", "start": "[CLS]", "end": "[SEP]", "mask": "[MASK]"}


def deberta_encoder(architecture: dict[str, Any], dropout: float = 0.0) -> Encoder:
    """Build a DeBERTa-v3 with random weights; its output is the last hidden states alone."""
    backbone = keras_hub_backbone(DebertaV3Backbone, {key: architecture[key] for key in SIZES}, dropout)
    set_gelu(backbone.transformer_layers, architecture["gelu"])
    return keras_hub_encoder(
        backbone,
        partly_used=(backbone.relative_embeddings,),
        head=NativeHead("pooler.dense", "classifier", "gelu"),
    )


DEBERTA_V3 = Family(
    name="deberta-v3",
    backbone="DebertaV3Backbone",
    keys=(*SIZES, "gelu"),
    tokenizer={"kind": UNIGRAM, "files": ["tokenizer.json"], "special": SPECIAL},
    build=deberta_encoder,
    transformers=TransformersForm(
        model_type="deberta-v2",
        classifier="DebertaV2ForSequenceClassification",
        scope="deberta.",
        sizes=SIZES,
        activation="hidden_act",
        possible={
            "relative_attention": (True,),
            "pos_att_type": (["p2c", "c2p"], "p2c|c2p", ["c2p", "p2c"], "c2p|p2c"),
            "share_att_key": (True,),
            "norm_rel_ebd": ("layer_norm",),
            "position_biased_input": (False,),
            "type_vocab_size": (0,),
            "layer_norm_eps": (1e-7,),
            "max_relative_positions": (-1,),
            "conv_kernel_size": (0, None),
        },
        layers=LAYERS,
        beside=r"^(lm_predictions|mask_predictions|cls|pooler|classifier|qa_outputs)\."
        r"|(^|\.)embeddings\.position_(ids$|embeddings\.)",
    ),
    own_tokenizer=SentencePieces("spm.model", SPECIAL, last=("[MASK]",)).own(),
)
