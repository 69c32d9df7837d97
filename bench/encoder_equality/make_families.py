"""Write the tests' fixtures of the families beyond BERT: small models, vocabularies, what transformers makes of both.

Runs in the environment of hugging_face.in (see README.md). A family a file, `family_<name>.tar.gz`:
usual/ and large/, a classifier of transformers with random weights, saved by its own code in bfloat16;
tokenizer/, a vocabulary learned here in the family's algorithm, in the files of its publisher;
outputs.npz, the last hidden states and the classes' logits of each model;
token_ids.json, the ids that transformers' tokenizer gives to texts, special tokens included.
"""

import argparse
import io
import json
import tempfile
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import sentencepiece
import torch
import transformers
from packing import pack
from seeded import kept_positions, small_vocabulary
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

FIXTURES = Path(__file__).parents[2] / "tests" / "fixtures" / "encoders"
# 300: a window of 128 to move in, and more than one bucket of DeBERTa's.
LENGTHS = (8, 128, 300)
CLASSES = 3
KEPT = 24
SCALES = ("usual", "large")
USUAL, LARGE = 0.02, 0.3
SEED = 7
HEADS = {"hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1}
LEARNED_FROM = [
    f"{subject} {verb} {thing}{end}"
    for subject in ("The plot", "This café", "Nobody", "An old actor", "Zoë's film", "It", "My 2nd try")
    for verb in ("was not", "really loved", "has hardly any", "isn't", "will be", "re-tells", "understands")
    for thing in ("a naïve story", "the ending", "wit", "10 good scenes", "anything new", "its own façade")
    for end in (".", "!", " -- twice...", ", I think?")
]
# Words enough for pieces of all lengths: syllables, those at the front more often.
SYLLABLES = [first + rest for first in "bdfglmnprst" for rest in ("a", "ern", "ing", "o", "une", "ist", "ed")]


def made_up(sentences: int = 3000) -> list[str]:
    """Sentences of words that are made of syllables."""
    random = np.random.RandomState(1)

    def word() -> str:
        chosen = (random.random_sample(random.randint(1, 4)) ** 2 * len(SYLLABLES)).astype(int)
        return "".join(SYLLABLES[one] for one in chosen)

    return [" ".join(word() for _ in range(random.randint(3, 9))) + "." for _ in range(sentences)]


ASKED = [
    "The plot was not a naïve story.",
    " leading and trailing blanks ",
    "It   isn't\tanything\nnew",
    "",
    "Zoë's CAFÉ, re-tells 10 good scenes!!",
    "unknown 漢字 and \U0001f600 and ½ﬁ",
    "``quoted'' text, the wit -- 'twice'",
    "Mrs. O'Neil's they'll we've I'd",
    "bating dernune, funeled gistern!",
    "e\u0301 combining, non\u00a0breaking\u2003space",
]


@dataclass(frozen=True)
class Family:
    """How a family is made.

    Attributes:
        classifier: transformers' class.
        configuration: of it, but for the vocabulary's size and special ids.
        tokenizer: writes a vocabulary into a folder and gives transformers' tokenizer for it.
        rows: of the embedding table beyond the vocabulary's.
        large: standard deviation of the large weights.
    """

    classifier: type
    configuration: Any
    tokenizer: Callable[[Path], Any]
    rows: int = 0
    large: float = LARGE


def word_pieces(folder: Path) -> Any:
    """BERT's WordPieces."""
    file = folder / "vocab.txt"
    file.write_text("".join(f"{piece}\n" for piece in small_vocabulary()), encoding="utf-8")
    return transformers.BertTokenizer(str(file), do_lower_case=True)


def byte_pairs(folder: Path) -> Any:
    """RoBERTa's byte pairs: GPT-2's, with the special tokens of fairseq."""
    learner = Tokenizer(models.BPE())
    learner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    learner.train_from_iterator(
        LEARNED_FROM, trainers.BpeTrainer(vocab_size=400, special_tokens=special, initial_alphabet=alphabet)
    )
    # As published, <mask> comes last.
    learned = sorted(learner.get_vocab(), key=learner.token_to_id)
    ordered = [piece for piece in learned if piece != "<mask>"] + ["<mask>"]
    vocab = {piece: number for number, piece in enumerate(ordered)}
    merges = json.loads(learner.to_str())["model"]["merges"]
    (folder / "vocab.json").write_text(json.dumps(vocab, ensure_ascii=False), encoding="utf-8")
    lines = "".join(f"{first} {second}\n" for first, second in merges)
    (folder / "merges.txt").write_text(f"#version: 0.2\n{lines}", encoding="utf-8")
    return transformers.RobertaTokenizer(vocab=vocab, merges=[tuple(pair) for pair in merges])


def modern_byte_pairs(folder: Path) -> Any:
    """ModernBERT's byte pairs: composed first, with BERT's special tokens behind the others."""
    learner = Tokenizer(models.BPE())
    learner.normalizer = normalizers.NFC()
    learner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    learner.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    learner.train_from_iterator(LEARNED_FROM, trainers.BpeTrainer(vocab_size=400, initial_alphabet=alphabet))
    learner.add_special_tokens(
        [
            AddedToken(token, special=True, lstrip=token == "[MASK]")
            for token in ("[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]")
        ]
    )
    learner.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        special_tokens=[(token, learner.token_to_id(token)) for token in ("[CLS]", "[SEP]")],
    )
    names = {"unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "pad": "[PAD]", "mask": "[MASK]"}
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=learner, **{f"{role}_token": token for role, token in names.items()}
    )


def sentence_pieces(
    folder: Path, name: str, prepare: Callable[[str], str] = str, **options: Any
) -> sentencepiece.SentencePieceProcessor:
    """Learn a unigram model and write it."""
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([prepare(text) for text in LEARNED_FROM + made_up()]), model_writer=written,
        vocab_size=300, model_type="unigram", num_threads=1, minloglevel=2, **options,
    )  # fmt: skip
    (folder / name).write_bytes(written.getvalue())
    return sentencepiece.SentencePieceProcessor(model_proto=written.getvalue())


@dataclass(frozen=True)
class Pieces:
    """A tokenizer by sentencepiece itself, with the ids of a family.

    Attributes:
        found: the model.
        start, end: ids before and behind a text.
        size: of the vocabulary, with what is in no model.
        id_of: a family's id of a piece's.
        prepare: what a family does to a text before.
    """

    found: sentencepiece.SentencePieceProcessor
    start: int
    end: int
    size: int
    id_of: Callable[[int], int] = int
    prepare: Callable[[str], str] = str

    def __len__(self) -> int:
        return self.size

    def __call__(self, text: str) -> dict[str, list[int]]:
        return {"input_ids": [self.start, *map(self.id_of, self.found.encode(self.prepare(text))), self.end]}


def fairseq_pieces(folder: Path) -> Pieces:
    """XLM-RoBERTa's: fairseq puts <pad> among the first four, so that each piece is one further than in the model."""
    found = sentence_pieces(folder, "sentencepiece.bpe.model", unk_id=0, bos_id=1, eos_id=2, pad_id=-1)
    return Pieces(found, 0, 2, len(found) + 2, id_of=lambda piece: piece + 1 if piece else 3)


def albert_pieces(folder: Path) -> Pieces:
    """ALBERT's: quotes made plain, accents off, lower case; special tokens stand in the model itself."""

    def prepare(text: str) -> str:
        text = unicodedata.normalize("NFKD", text.replace("``", '"').replace("''", '"'))
        return "".join(one for one in text if not unicodedata.combining(one)).lower()

    found = sentence_pieces(
        folder, "spiece.model", prepare, pad_id=0, unk_id=1, bos_id=-1, eos_id=-1,
        control_symbols="[CLS],[SEP],[MASK]",
    )  # fmt: skip

    ids = [found.piece_to_id(piece) for piece in ("[CLS]", "[SEP]")]
    return Pieces(found, *ids, len(found), prepare=prepare)


def deberta_pieces(folder: Path) -> Pieces:
    """DeBERTa-v3's: BERT's special tokens in the model, [MASK] behind it."""
    found = sentence_pieces(
        folder, "spm.model", pad_id=0, pad_piece="[PAD]", bos_id=1, bos_piece="[CLS]", eos_id=2, eos_piece="[SEP]",
        unk_id=3, unk_piece="[UNK]",
    )  # fmt: skip
    return Pieces(found, 1, 2, len(found) + 1)


FAMILIES = {
    "distilbert": Family(
        transformers.DistilBertForSequenceClassification,
        lambda size: transformers.DistilBertConfig(
            vocab_size=size, dim=32, n_layers=2, n_heads=2, hidden_dim=64, num_labels=CLASSES, pad_token_id=0
        ),
        word_pieces,
    ),
    "roberta": Family(
        transformers.RobertaForSequenceClassification,
        lambda size: transformers.RobertaConfig(
            vocab_size=size,
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=64,
            max_position_embeddings=514,
            type_vocab_size=1,
            layer_norm_eps=1e-5,
            num_labels=CLASSES,
        ),
        byte_pairs,
    ),
    "xlm-roberta": Family(
        transformers.XLMRobertaForSequenceClassification,
        lambda size: transformers.XLMRobertaConfig(
            vocab_size=size,
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=64,
            max_position_embeddings=514,
            type_vocab_size=1,
            layer_norm_eps=1e-5,
            num_labels=CLASSES,
        ),
        fairseq_pieces,
    ),
    "modernbert": Family(
        transformers.ModernBertForSequenceClassification,
        lambda size: transformers.ModernBertConfig(
            vocab_size=size,
            hidden_size=32,
            num_hidden_layers=7,
            num_attention_heads=2,
            intermediate_size=48,
            max_position_embeddings=8192,
            num_labels=CLASSES,
            pad_token_id=size - 10,
            classifier_pooling="mean",
            bos_token_id=None,
            eos_token_id=None,
            cls_token_id=None,
            sep_token_id=None,
        ),
        modern_byte_pairs,
        rows=8,
        large=0.25,
    ),
    "electra": Family(
        transformers.ElectraForSequenceClassification,
        lambda size: transformers.ElectraConfig(
            vocab_size=size,
            embedding_size=24,
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=64,
            num_labels=CLASSES,
        ),
        word_pieces,
    ),
    "albert": Family(
        transformers.AlbertForSequenceClassification,
        lambda size: transformers.AlbertConfig(
            vocab_size=size,
            embedding_size=24,
            hidden_size=32,
            num_hidden_layers=4,
            num_hidden_groups=2,
            num_attention_heads=2,
            intermediate_size=64,
            num_labels=CLASSES,
            hidden_act="gelu_new",
        ),
        albert_pieces,
    ),
    "deberta-v3": Family(
        transformers.DebertaV2ForSequenceClassification,
        lambda size: transformers.DebertaV2Config(
            vocab_size=size,
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=64,
            max_position_embeddings=512,
            type_vocab_size=0,
            relative_attention=True,
            max_relative_positions=-1,
            position_buckets=256,
            norm_rel_ebd="layer_norm",
            share_att_key=True,
            pos_att_type=["p2c", "c2p"],
            position_biased_input=False,
            layer_norm_eps=1e-7,
            num_labels=CLASSES,
            pooler_hidden_size=32,
        ),
        deberta_pieces,
    ),
}


def draw(family: Family, size: int, deviation: float) -> Any:
    """A classifier with random weights: normal around 0, of layer norms around 1, with the precision of bfloat16."""
    torch.manual_seed(SEED)
    model = family.classifier(family.configuration(size)).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            is_norm = any(part in name.lower() for part in ("norm",)) and name.endswith("weight")
            parameter.normal_(float(is_norm), deviation)
            parameter.copy_(parameter.bfloat16().float())
    return model


def batches(size: int, pad: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Ids and mask of each batch, drawn by NumPy's RandomState: one full text, and two with padding."""
    random = np.random.RandomState(0)
    found = {}
    for length in LENGTHS:
        for kind, real in (("unpadded", [length]), ("padded", [length * 3 // 4, 3])):
            mask = (np.arange(length) < np.array(real)[:, None]).astype(np.int32)
            ids = random.randint(0, size - 1, mask.shape).astype(np.int32)
            ids += ids >= pad  # any token but padding
            found[f"{length} {kind}"] = (np.where(mask, ids, pad).astype(np.int32), mask)
    return found


def outputs(model: Any, pad: int, size: int) -> dict[str, np.ndarray]:
    """The inputs, the last hidden states at some positions, and the logits, of every batch."""
    kept = {}
    base = getattr(model, model.base_model_prefix)
    for name, (ids, mask) in batches(size, pad).items():
        given = {"input_ids": torch.tensor(ids), "attention_mask": torch.tensor(mask)}
        with torch.no_grad():
            states = base(**given).last_hidden_state.numpy()
            logits = model(**given).logits.numpy()
        kept[f"{name} ids"], kept[f"{name} mask"] = ids.astype(np.uint16), mask.astype(bool)
        kept[f"{name} sequence"] = states[:, kept_positions(states.shape[1], KEPT)]
        kept[f"{name} logits"] = logits
    return kept


def make(name: str) -> None:
    """Write the fixture of a family."""
    family = FAMILIES[name]
    with tempfile.TemporaryDirectory() as work:
        root = Path(work)
        (root / "tokenizer").mkdir()
        tokenizer = family.tokenizer(root / "tokenizer")
        size = len(tokenizer) + family.rows
        ids = {text: [int(one) for one in tokenizer(text)["input_ids"]] for text in ASKED}
        (root / "token_ids.json").write_text(json.dumps(ids, ensure_ascii=False, indent=1), encoding="utf-8")
        if hasattr(tokenizer, "save_pretrained"):
            tokenizer.save_pretrained(root / "tokenizer")
        kept = {}
        for scale in SCALES:
            model = draw(family, size, USUAL if scale == "usual" else family.large)
            pad = model.config.pad_token_id
            kept |= {f"{scale} {key}": array for key, array in outputs(model, pad, size).items()}
            model.bfloat16().save_pretrained(root / scale)
        np.savez_compressed(root / "outputs.npz", **kept)
        pack(root, FIXTURES / f"family_{name}.tar.gz")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("families", nargs="*", default=list(FAMILIES), help="all by default")
    for name in parser.parse_args().families:
        make(name)


if __name__ == "__main__":
    main()
