"""The tokenizers of the families without WordPieces: from the files of their publishers to one tokenizer.json."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError
from sentencepiece import sentencepiece_model_pb2
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

from bert_ladder.data.json_vocabulary import json_pieces, kind_of, read_json
from bert_ladder.encoders.interface import Family, OwnTokenizer
from bert_ladder.runtime.jobs import BadInput, reason_of

BYTE_PAIR, UNIGRAM = "byte_pair", "unigram"
# What `tokenizers` calls these kinds of models.
MODELS = {BYTE_PAIR: "BPE", UNIGRAM: "Unigram"}
# Its classes are made when it is imported.
PROTOBUF: Any = sentencepiece_model_pb2
# Tables of embeddings are made larger than the vocabulary, up to a multiple of this.
MULTIPLE = 128


def read_tokenizer(folder: Path, family: Family, rows: int) -> bytes:
    """Read the tokenizer of a published encoder: its tokenizer.json, else the files of the family's own form.

    Args:
        folder: of the encoder.
        family: of it.
        rows: of its table of token embeddings.

    Returns:
        The content of a tokenizer.json that neither cuts nor pads.

    Raises:
        BadInput: if there is none, it is of another kind, lacks a special token, or does not fit the table.
    """
    path = folder / "tokenizer.json"
    content = read_json(path) if path.is_file() else json.loads(_own_tokenizer(folder, family).to_str())
    check_tokenizer(content, family, rows, path)
    content |= {"truncation": None, "padding": None}
    return json.dumps(content, ensure_ascii=False).encode()


def check_tokenizer(content: dict, family: Family, rows: int, path: Path | str) -> list[str]:
    """Refuse a tokenizer that is not the family's, or not the encoder's.

    Args:
        content: of a tokenizer.json.
        family: of the encoder.
        rows: of its table of token embeddings.
        path: the file, for messages.

    Returns:
        The tokens in the order of their ids.

    Raises:
        BadInput: see `read_tokenizer`.
    """
    wanted, found = MODELS[family.tokenizer["kind"]], kind_of(content)
    if found != wanted:
        raise BadInput(
            f"{path}: is a tokenizer of the kind {found:.40}, and that of the family {family.name} is {wanted}; bring "
            "the tokenizer that the encoder was trained with."
        )
    pieces = json_pieces(content)
    missing = [token for token in family.tokenizer["special"].values() if token not in pieces]
    if missing:
        raise BadInput(
            f"{path}: lacks {', '.join(missing)}, which a tokenizer of the family {family.name} has; bring the one "
            "that the encoder was trained with."
        )
    if not len(pieces) <= rows < len(pieces) + MULTIPLE:
        raise BadInput(
            f"{path}: has {len(pieces):,} tokens, and the embedding table {rows:,} rows; bring the tokenizer that the "
            "encoder was trained with."
        )
    return pieces


def _own_tokenizer(folder: Path, family: Family) -> Tokenizer:
    own = family.own_tokenizer
    files = () if own is None else own.files
    missing = [name for name in files if not (folder / name).is_file()]
    if own is None or missing:
        forms = " or ".join(["tokenizer.json", *([" and ".join(files)] if files else [])])
        raise BadInput(f"{folder}: carries no tokenizer; bring {forms}.")
    return own.build([folder / name for name in files])


def with_ends(tokenizer: Tokenizer, special: Mapping[str, str], pieces: Sequence[str]) -> Tokenizer:
    """Let a tokenizer put what a family has before and behind a text.

    Args:
        tokenizer: to change.
        special: the family's special tokens by their roles.
        pieces: the tokens in the order of their ids.
    """
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{special['start']} $A {special['end']}",
        special_tokens=[(special[role], pieces.index(special[role])) for role in ("start", "end")],
    )
    return tokenizer


def byte_pair_files(special: Mapping[str, str]) -> OwnTokenizer:
    """GPT-2's byte pairs (Radford et al. 2019) in its two files.

    Words are divided before with the blank in front of each kept, the first word of a text has none.

    Args:
        special: the family's special tokens by their roles.
    """

    def build(files: Sequence[Path]) -> Tokenizer:
        vocab_file, merges_file = files
        try:
            vocab = json.loads(vocab_file.read_text(encoding="utf-8"))
            lines = merges_file.read_text(encoding="utf-8").split("\n")
            pairs = [line.split(" ") for line in lines if line and not line.startswith("#version")]
            tokenizer = Tokenizer(models.BPE(vocab, [(first, second) for first, second in pairs]))
        except Exception as error:  # the package raises nothing more special
            raise BadInput(
                f"{vocab_file.parent}: {vocab_file.name} and {merges_file.name} make no byte pairs "
                f"({reason_of(error)}); bring both of the same encoder."
            ) from error
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        missing = [token for token in special.values() if token not in vocab]
        if missing:
            raise BadInput(f"{vocab_file}: lacks {', '.join(missing)}; bring the vocabulary of the encoder.")
        return with_ends(tokenizer, special, json_pieces(json.loads(tokenizer.to_str())))

    return OwnTokenizer(("vocab.json", "merges.txt"), build)


@dataclass(frozen=True)
class SentencePieces:
    """How a family takes the pieces of a SentencePiece model (Kudo & Richardson 2018, arXiv 1808.06226).

    Attributes:
        file: of the model.
        special: the family's special tokens by their roles.
        left_out: how many of the model's first pieces the family does not take.
        first: tokens that it has in their place.
        last: tokens behind the model's pieces.
        folds: whether quotes are made plain, accents taken off and letters made small before, as in ALBERT.
    """

    file: str
    special: Mapping[str, str]
    left_out: int = 0
    first: tuple[str, ...] = ()
    last: tuple[str, ...] = ()
    folds: bool = False

    def own(self) -> OwnTokenizer:
        """The form of the family's publisher."""
        return OwnTokenizer((self.file,), lambda files: self.build(files[0]))

    def build(self, path: Path) -> Tokenizer:
        """Build the tokenizer.

        Raises:
            BadInput: if the file is no unigram model of SentencePiece with the family's special tokens.
        """
        model = PROTOBUF.ModelProto()
        try:
            model.ParseFromString(path.read_bytes())
        except DecodeError as error:
            raise BadInput(f"{path}: is no model of SentencePiece ({reason_of(error)}); fetch it again.") from error
        kinds = PROTOBUF.TrainerSpec
        if not model.pieces or model.trainer_spec.model_type != kinds.UNIGRAM:
            raise BadInput(f"{path}: is no unigram model of SentencePiece; bring the one of the encoder.")
        vocab = [(token, 0.0) for token in self.first]
        vocab += [(piece.piece, piece.score) for piece in model.pieces[self.left_out :]]
        vocab += [(token, 0.0) for token in self.last]
        pieces = [piece for piece, _ in vocab]
        missing = [token for token in self.special.values() if token not in pieces]
        if missing:
            raise BadInput(f"{path}: lacks {', '.join(missing)}; bring the model of the encoder.")
        unknown = pieces.index(self.special["unknown"])
        tokenizer = Tokenizer(models.Unigram(vocab, unknown, model.trainer_spec.byte_fallback))
        spec = model.normalizer_spec
        tokenizer.normalizer = normalizers.Sequence(
            [
                *(folding() if self.folds else []),
                *([normalizers.Precompiled(spec.precompiled_charsmap)] if spec.precompiled_charsmap else []),
                *([normalizers.Strip(), normalizers.Replace(Regex(" {2,}"), " ")] * spec.remove_extra_whitespaces),
            ]
        )
        prefix = "always" if spec.add_dummy_prefix else "never"
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=prefix)
        return with_ends(tokenizer, self.special, pieces)


def folding() -> list[normalizers.Normalizer]:
    """What ALBERT's own code does to a text before its pieces are looked up."""
    return [
        normalizers.Replace("``", '"'),
        normalizers.Replace("''", '"'),
        normalizers.NFKD(),
        normalizers.StripAccents(),
        normalizers.Lowercase(),
    ]
