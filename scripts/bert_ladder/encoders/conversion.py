"""A published encoder, checked against what is expected of it and written in normal form."""

import logging
import math
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras

from bert_ladder.data.json_vocabulary import read_json
from bert_ladder.data.wordpiece import read_vocabulary
from bert_ladder.encoders.backbones import assign
from bert_ladder.encoders.bert_tensors import check_vocabulary, listed, tensor_shapes
from bert_ladder.encoders.families.bert import BERT, build_backbone
from bert_ladder.encoders.fetching import fetch_vocabulary, read_catalog, sha256, take_first, vocabularies_at_hand
from bert_ladder.encoders.interface import Family
from bert_ladder.encoders.json_tokenizers import check_tokenizer, read_tokenizer
from bert_ladder.encoders.normal_form import family_of, save_encoder
from bert_ladder.encoders.published_families import build_published, read_family
from bert_ladder.encoders.readers import folder_encoder, read_published
from bert_ladder.encoders.sources import FetchedSource, shown
from bert_ladder.encoders.vocabulary import WORDPIECE, read_pieces
from bert_ladder.files.downloading import PATIENCE, Patience
from bert_ladder.runtime.jobs import BadInput

log = logging.getLogger(__name__)

# Share of the WordPieces. A few are left in some vocabularies of lower-cased text, eight in LEGAL-BERT's; of a cased
# one they are a large part.
MOST_CAPITALS = 0.01


@dataclass(frozen=True)
class Converted:
    """An encoder in normal form before it is written.

    Attributes:
        description: what encoder.json will hold.
        backbone: with its weights.
        tokenizer: the content of its tokenizer's file.
    """

    description: dict[str, Any]
    backbone: keras.Model
    tokenizer: bytes


def fetch_known_encoder(
    catalog: str | Path,
    definition: dict[str, Any] | str,
    lower_case: bool | None,
    vocabulary: Path | str | None,
    outputs: dict[str, Path],
    downloads: Path,
) -> None:
    """Write an encoder that the study defines or the catalogue knows, in normal form.

    Args:
        catalog: catalog/encoders.yaml.
        definition: as for `fetch_encoder`, or the name of an encoder of the catalogue.
        lower_case: what the study takes its WordPieces for; None of another tokenizer.
        vocabulary: what its vocabulary must equal: a file, or the name of a vocabulary, which the catalogue may know.
        outputs: files to write: config, weights and vocabulary.
        downloads: folder in which downloads are kept, and files that a user brought are looked for.

    Raises:
        BadInput: see `fetch_encoder`.
    """
    known = read_catalog(catalog)
    found = known["encoders"][definition] if isinstance(definition, str) else definition
    expected = vocabulary if isinstance(vocabulary, Path) else known["vocabularies"].get(vocabulary)
    fetch_encoder(found, lower_case, expected, outputs, downloads)


def fetch_encoder(
    definition: dict[str, Any],
    lower_case: bool | None,
    vocabulary: Path | dict[str, Any] | None,
    outputs: dict[str, Path],
    downloads: Path,
    patience: Patience = PATIENCE,
) -> None:
    """Write an encoder in normal form; its files appear under their names only when all of them are whole.

    Args:
        definition: `sources`, optionally `family` (BERT without it), `gelu` (which form the weights are for, whatever
            the source says) and `size` (what the encoder must turn out to be: layers, hidden, heads, positions,
            parameters).
        lower_case: what the study takes its WordPieces for; None of another tokenizer.
        vocabulary: what its vocabulary must equal, and what serves where the source carries none: a file, or an entry
            of `vocabularies` of the catalogue; None for whatever the source carries.
        outputs: files to write: config, weights and vocabulary.
        downloads: folder in which downloads are kept, and files that a user brought are looked for.
        patience: how long to try each source.

    Raises:
        BadInput: if no source gives it; the sentence gives the reason of each and says which file to bring.
    """

    def take(source: dict[str, Any], fetched: FetchedSource) -> None:
        expected = ExpectedVocabulary(vocabulary, downloads, patience)
        converted = normal_form(fetched, definition, lower_case, expected)
        found_at = {"kind": fetched.kind, "address": shown(source), "files": fetched.files}
        # A folder in normal form says where it is from in its turn.
        encoder = converted.description | {"source": converted.description.get("source", {}) | found_at}
        # On the same file system as the files themselves, so that they can be renamed into place.
        unfinished = outputs["config"].parent / "unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        whole = {key: unfinished / file.name for key, file in outputs.items()}
        save_encoder(encoder, converted.backbone, whole["config"], whole["weights"])
        whole["vocabulary"].write_bytes(converted.tokenizer)
        for key in ("weights", "vocabulary", "config"):
            whole[key].replace(outputs[key])
        unfinished.rmdir()
        log.info("%s parameters", f"{converted.backbone.count_params():,}")

    take_first(definition["sources"], take, outputs["config"].parent.name, downloads, patience)


@dataclass(frozen=True)
class ExpectedVocabulary:
    """The vocabulary that an encoder's must equal: a file, an entry of the catalogue, or none."""

    vocabulary: Path | dict[str, Any] | None
    downloads: Path
    patience: Patience

    def pieces(self) -> list[str]:
        """Its WordPieces, fetched if need be.

        Raises:
            BadInput: if there is none, or it cannot be fetched.
        """
        if self.vocabulary is None:
            raise BadInput("it carries no vocabulary; add `preprocessing` to the source or `vocabulary` to the encoder")
        if isinstance(self.vocabulary, Path):
            return read_vocabulary(self.vocabulary)
        file = self.downloads / "vocabulary" / "vocab.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        fetch_vocabulary(self.vocabulary, file, vocabularies_at_hand(), file.parent, self.patience)
        return read_vocabulary(file)

    def check(self, pieces: list[str]) -> None:
        """Refuse other WordPieces.

        Raises:
            BadInput: if they differ.
        """
        if isinstance(self.vocabulary, Path):
            given = read_vocabulary(self.vocabulary)
            if pieces != given:
                pairs = enumerate(zip(pieces, given, strict=False), start=1)
                line = next((line for line, (one, other) in pairs if one != other), None)
                place = f"{len(pieces)} WordPieces for {len(given)}" if line is None else f"line {line} differs"
                raise BadInput(f"its vocabulary is not the one that the study names ({place})")
        elif self.vocabulary is not None:
            found = sha256("".join(f"{piece}\n" for piece in pieces).encode())
            if found != self.vocabulary["sha256"].lower():
                raise BadInput(f"its vocabulary's SHA-256 is {found}, expected {self.vocabulary['sha256'].lower()}")


def normal_form(
    fetched: FetchedSource, definition: dict[str, Any], lower_case: bool | None, expected: ExpectedVocabulary
) -> Converted:
    """Read what a source gave.

    Args:
        fetched: published files.
        definition: as for `fetch_encoder`.
        lower_case: what the study takes its WordPieces for; None of another tokenizer.
        expected: what its vocabulary must equal.

    Raises:
        BadInput: if it is of another family, damaged, or not the encoder that is expected.
    """
    family = family_of(definition)
    if fetched.kind == "folder":
        return _from_folder(fetched.folder, family, definition, lower_case, expected)
    if family is not BERT:
        return _from_transformers(fetched, family, definition, lower_case, expected)
    published = read_published(fetched.kind, fetched.folder, fetched.preprocessing)
    pieces = published.vocabulary or expected.pieces()
    architecture = _with_gelu(published.architecture, definition)
    _check_size(architecture, _parameters(architecture), definition)
    check_vocabulary(architecture, pieces, where="vocab.txt")
    expected.check(pieces)
    _check_case(pieces, published.lower_case, bool(lower_case))
    backbone = build_backbone(architecture)
    assign(backbone, published.tensors, where=fetched.folder.name)
    return Converted({"architecture": architecture, "lower_case": lower_case}, backbone, _lines(pieces))


def _from_folder(
    folder: Path, family: Family, definition: dict[str, Any], lower_case: bool | None, expected: ExpectedVocabulary
) -> Converted:
    """An encoder in normal form."""
    (name,) = family.tokenizer["files"]
    if family.tokenizer["kind"] != WORDPIECE["kind"]:
        encoder, backbone = folder_encoder(
            folder / "encoder.json", folder / "encoder.weights.h5", read_pieces(folder / name)
        )
        check_tokenizer(read_json(folder / name), family, encoder["architecture"]["vocabulary_size"], folder / name)
        return Converted(encoder, backbone, (folder / name).read_bytes())
    pieces = read_vocabulary(folder / name)
    encoder, backbone = folder_encoder(folder / "encoder.json", folder / "encoder.weights.h5", pieces)
    _check_size(encoder["architecture"], backbone.count_params(), definition)
    expected.check(pieces)
    _check_case(pieces, encoder["lower_case"], bool(lower_case))
    return Converted(encoder, backbone, _lines(pieces))


def _from_transformers(
    fetched: FetchedSource,
    family: Family,
    definition: dict[str, Any],
    lower_case: bool | None,
    expected: ExpectedVocabulary,
) -> Converted:
    """An encoder of a family beyond BERT."""
    if fetched.kind != "huggingface":
        raise BadInput(
            f"encoders of the family {family.name} are read from folders of transformers alone; name a source of the "
            "kind huggingface or package"
        )
    published = read_family(fetched.folder, family)
    architecture = _with_gelu(published.architecture, definition)
    description = {"family": family.name, "architecture": architecture, "lower_case": lower_case}
    if family.tokenizer["kind"] == WORDPIECE["kind"]:
        pieces = published.pieces or expected.pieces()
        check_vocabulary(architecture, pieces, where="vocab.txt")
        expected.check(pieces)
        _check_case(pieces, published.lower_case, bool(lower_case))
        tokenizer = _lines(pieces)
    else:
        tokenizer = read_tokenizer(fetched.folder, family, architecture["vocabulary_size"])
    encoder = build_published(family, replace(published, architecture=architecture), fetched.folder.name)
    _check_size(architecture, encoder.backbone.count_params(), definition)
    return Converted(description, encoder.backbone, tokenizer)


def _with_gelu(architecture: dict[str, Any], definition: dict[str, Any]) -> dict[str, Any]:
    return architecture | ({"gelu": definition["gelu"]} if definition.get("gelu") else {})


def _lines(pieces: list[str]) -> bytes:
    return "".join(f"{piece}\n" for piece in pieces).encode()


def _parameters(architecture: dict[str, Any]) -> int:
    """Of the whole BERT, also where a source leaves its pooler out."""
    return sum(math.prod(shape) for shape in tensor_shapes({**architecture, "pooler": True}).values())


def _check_size(architecture: dict[str, Any], parameters: int, definition: dict[str, Any]) -> None:
    names = {"layers": "num_layers", "hidden": "hidden_dim", "heads": "num_heads", "positions": "max_sequence_length"}
    found = {key: architecture[name] for key, name in names.items()} | {"parameters": parameters}
    for key, expected in definition.get("size", {}).items():
        if found[key] != expected:
            raise BadInput(f"it has {found[key]:,} {key} where the catalogue says {expected:,}: another encoder")


def _check_case(pieces: list[str], said: bool | None, lower_case: bool) -> None:
    """Refuse a vocabulary that is not for text as the study's tokens are made of."""
    if said is not None and said != lower_case:
        raise BadInput(f"its vocabulary is for lower_case: {str(said).lower()}; write that into the encoder's entry")
    if said is None and not lower_case and not any(piece != piece.lower() for piece in pieces if piece[0] != "["):
        log.warning("its vocabulary has no capital letter: is lower_case: false right?")
    capitals = [piece for piece in pieces if piece != piece.lower() and not piece.startswith("[")]
    if lower_case and len(capitals) > MOST_CAPITALS * len(pieces):
        raise BadInput(
            f"its vocabulary has capital letters ({capitals[0]!r}), which lower-cased text never matches; "
            "write lower_case: false into the encoder's entry"
        )
    if lower_case and capitals:
        log.warning("its vocabulary has capital letters that lower-cased text never matches: %s", listed(capitals))
