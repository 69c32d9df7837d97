"""The families of encoders, as far as a study must know them before anything of an encoder is read.

Imported by the Snakefile, hence light: nothing here may import NumPy, pandas or TensorFlow. What is built and read of a
family stands in `bert_ladder.encoders.families`.
"""

from dataclasses import dataclass

BERT = "bert"
WORDPIECES, TOKENIZER_JSON = "vocab.txt", "tokenizer.json"
NO_MASKED_TOKENS = "which was not pre-trained by telling hidden tokens; start from another family"


@dataclass(frozen=True)
class FamilyFacts:
    """What a study knows of a family.

    Attributes:
        title: as people write it.
        tokenizer: the file of its tokenizer in normal form.
        pooler: whether it has a pooler, which is then its own classification head too.
        tfhub: whether TF Hub has a form of its encoders.
        bert_layers: whether it is built of BERT's own layers, as forms that are written node by node need it.
        unused_positions: rows of the published table of positions that no token of a text has.
        no_pretraining: why it cannot be pre-trained by masked language modelling; None where it can.
    """

    title: str
    tokenizer: str
    pooler: bool
    tfhub: bool = False
    bert_layers: bool = False
    unused_positions: int = 0
    no_pretraining: str | None = None


FAMILIES = {
    BERT: FamilyFacts("BERT", WORDPIECES, pooler=True, tfhub=True, bert_layers=True),
    "distilbert": FamilyFacts("DistilBERT", WORDPIECES, pooler=False, bert_layers=True),
    "roberta": FamilyFacts("RoBERTa", TOKENIZER_JSON, pooler=False, bert_layers=True, unused_positions=2),
    "xlm-roberta": FamilyFacts("XLM-RoBERTa", TOKENIZER_JSON, pooler=False, bert_layers=True, unused_positions=2),
    "modernbert": FamilyFacts("ModernBERT", TOKENIZER_JSON, pooler=False),
    "electra": FamilyFacts("ELECTRA", WORDPIECES, pooler=False, bert_layers=True, no_pretraining=NO_MASKED_TOKENS),
    "albert": FamilyFacts("ALBERT", TOKENIZER_JSON, pooler=True),
    "deberta-v3": FamilyFacts("DeBERTa-v3", TOKENIZER_JSON, pooler=False, no_pretraining=NO_MASKED_TOKENS),
}
