"""RoBERTa (Liu et al. 2019, arXiv 1907.11692) and XLM-RoBERTa (Conneau et al. 2020, arXiv 1911.02116).

They are one architecture: BERT without segments and pooler, whose positions begin behind two rows that nothing uses, so
that a table of 514 serves 512 tokens. They differ in their tokenizers.
"""

from collections.abc import Mapping
from typing import Any

from keras_hub.models import RobertaBackbone

from bert_ladder.encoders.families.shared import keras_hub_backbone, keras_hub_encoder, set_gelu
from bert_ladder.encoders.interface import Encoder, Family, NativeHead, TransformersForm
from bert_ladder.encoders.json_tokenizers import BYTE_PAIR, UNIGRAM, SentencePieces, byte_pair_files

SIZES = {
    "vocabulary_size": "vocab_size",
    "num_layers": "num_hidden_layers",
    "num_heads": "num_attention_heads",
    "hidden_dim": "hidden_size",
    "intermediate_dim": "intermediate_size",
    "max_sequence_length": "max_position_embeddings",
}
# Of <pad>, and of what stands before it in fairseq's vocabularies.
UNUSED_POSITIONS = 2
LAYERS = {
    "embeddings.word_embeddings": "embeddings/token_embedding",
    "embeddings.position_embeddings": "embeddings/position_embedding",
    "embeddings.LayerNorm": "embeddings_layer_norm",
    "encoder.layer.{}.attention.self.query": "transformer_layer_{}/self_attention_layer/query",
    "encoder.layer.{}.attention.self.key": "transformer_layer_{}/self_attention_layer/key",
    "encoder.layer.{}.attention.self.value": "transformer_layer_{}/self_attention_layer/value",
    "encoder.layer.{}.attention.output.dense": "transformer_layer_{}/self_attention_layer/attention_output",
    "encoder.layer.{}.attention.output.LayerNorm": "transformer_layer_{}/self_attention_layer_norm",
    "encoder.layer.{}.intermediate.dense": "transformer_layer_{}/feedforward_intermediate_dense",
    "encoder.layer.{}.output.dense": "transformer_layer_{}/feedforward_output_dense",
    "encoder.layer.{}.output.LayerNorm": "transformer_layer_{}/feedforward_layer_norm",
}
SPECIAL = {"pad": "<pad>", "unknown": "<unk>", "start": "<s>", "end": "</s>", "mask": "<mask>"}


def roberta_encoder(architecture: dict[str, Any], dropout: float = 0.0) -> Encoder:
    """Build a RoBERTa with random weights; its output is the last hidden states alone."""
    backbone = keras_hub_backbone(RobertaBackbone, {key: architecture[key] for key in SIZES}, dropout)
    set_gelu(backbone.transformer_layers, architecture["gelu"])
    return keras_hub_encoder(
        backbone,
        partly_used=(backbone.embeddings.position_embedding,),
        head=NativeHead("classifier.dense", "classifier.out_proj", "tanh", dropout_before=True),
    )


def usable_positions(config: Mapping[str, Any]) -> dict[str, Any]:
    """How many tokens the published table of positions serves."""
    return {"max_sequence_length": config["max_position_embeddings"] - UNUSED_POSITIONS}


def _transformers(model_type: str, classifier: str) -> TransformersForm:
    return TransformersForm(
        model_type=model_type,
        classifier=classifier,
        scope="roberta.",
        sizes=SIZES,
        activation="hidden_act",
        possible={
            "layer_norm_eps": (1e-5,),
            "type_vocab_size": (1,),
            "pad_token_id": (1,),
            "position_embedding_type": ("absolute", None),
            "is_decoder": (False,),
            "add_cross_attention": (False,),
        },
        layers=LAYERS,
        # The pooler of RobertaModel, which no published head reads.
        beside=r"(^|\.)(lm_head|classifier|qa_outputs|pooler)\.|(^|\.)embeddings\.position_ids$",
        unused_positions=UNUSED_POSITIONS,
        added="embeddings.token_type_embeddings.weight",
        derive=usable_positions,
        restore=lambda architecture: {"bos_token_id": 0, "eos_token_id": 2},
    )


ROBERTA = Family(
    name="roberta",
    backbone="RobertaBackbone",
    keys=(*SIZES, "gelu"),
    tokenizer={"kind": BYTE_PAIR, "files": ["tokenizer.json"], "special": SPECIAL},
    build=roberta_encoder,
    transformers=_transformers("roberta", "RobertaForSequenceClassification"),
    own_tokenizer=byte_pair_files(SPECIAL),
)
XLM_ROBERTA = Family(
    name="xlm-roberta",
    backbone="RobertaBackbone",
    keys=(*SIZES, "gelu"),
    tokenizer={"kind": UNIGRAM, "files": ["tokenizer.json"], "special": SPECIAL},
    build=roberta_encoder,
    transformers=_transformers("xlm-roberta", "XLMRobertaForSequenceClassification"),
    # fairseq puts four special tokens first where the model has three, so that every piece is one further.
    own_tokenizer=SentencePieces(
        "sentencepiece.bpe.model", SPECIAL, left_out=3, first=("<s>", "<pad>", "</s>", "<unk>"), last=("<mask>",)
    ).own(),
)
