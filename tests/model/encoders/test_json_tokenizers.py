"""Tokenizers of families without WordPieces: the ids of transformers and of sentencepiece, and planted mistakes."""

import json
import shutil
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import sentencepiece
from keras_hub.tokenizers import BytePairTokenizer

from bert_ladder.data.json_tokenizer import JsonTokenizer
from bert_ladder.data.wordpiece import tokenize_frame
from bert_ladder.encoders.interface import Family
from bert_ladder.encoders.json_tokenizers import SentencePieces, read_tokenizer
from bert_ladder.encoders.normal_form import FAMILIES
from bert_ladder.encoders.vocabulary import json_vocabulary
from bert_ladder.runtime.jobs import BadInput
from bert_ladder.study.families import FAMILIES as FACTS
from bert_ladder.study.families import TOKENIZER_JSON
from family_fixtures import NAMES, unpack_family

NAMED = [name for name in NAMES if FACTS[name].tokenizer == TOKENIZER_JSON]
MODELS = {"xlm-roberta": "sentencepiece.bpe.model", "albert": "spiece.model", "deberta-v3": "spm.model"}


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Every fixture unpacked; tests change copies only."""
    return {name: unpack_family(name, tmp_path_factory.mktemp(name)) for name in NAMED}


def rows_of(root: Path) -> int:
    """Rows of the embedding table of a fixture."""
    return json.loads((root / "usual/config.json").read_text())["vocab_size"]


def forms(root: Path, family: Family) -> list[tuple[str, ...]]:
    """The files of each form in which a fixture has its tokenizer."""
    found = [("tokenizer.json",), *([family.own_tokenizer.files] if family.own_tokenizer else [])]
    return [files for files in found if all((root / "tokenizer" / file).is_file() for file in files)]


def ids_of(content: bytes, texts: list[str], folder: Path) -> list[list[int]]:
    """The ids of texts by a tokenizer.json."""
    (folder / "tokenizer.json").write_bytes(content)
    ids, offsets = JsonTokenizer(folder / "tokenizer.json").tokenize(pa.array(texts, pa.string()))
    return [ids[start:end].tolist() for start, end in pairwise(offsets)]


@pytest.mark.parametrize("name", NAMED)
def test_ids_are_those_of_the_publisher_s_code(roots: dict[str, Path], tmp_path: Path, name: str) -> None:
    """Of transformers' tokenizer, or of sentencepiece with the family's offsets: from each form that was published."""
    family, root = FAMILIES[name], roots[name]
    expected = json.loads((root / "token_ids.json").read_text())
    assert forms(root, family)
    for files in forms(root, family):
        folder = tmp_path / "-".join(files)
        folder.mkdir()
        for file in files:
            shutil.copy(root / "tokenizer" / file, folder)
        content = read_tokenizer(folder, family, rows_of(root))
        (tmp_path / "normal").mkdir(exist_ok=True)
        ours = ids_of(content, list(expected), tmp_path / "normal")
        pieces = JsonTokenizer(tmp_path / "normal/tokenizer.json").pieces
        vocabulary = json_vocabulary(pieces, family.tokenizer)
        assert [[vocabulary.start, *ids, vocabulary.end] for ids in ours] == list(expected.values())
        assert vocabulary.special[[vocabulary.pad, vocabulary.mask]].all()


def test_byte_pairs_are_those_of_another_implementation(roots: dict[str, Path], tmp_path: Path) -> None:
    """KerasHub's byte pairs are TensorFlow Text's regular expressions and a table."""
    root = roots["roberta"]
    # KerasHub drops a blank at the end of a text, and takes the opening quote in " 'twice" for that of a contraction.
    asked = json.loads((root / "token_ids.json").read_text())
    texts = [text.rstrip() for text in asked if text and " 't" not in text]
    folder = root / "tokenizer"
    theirs = BytePairTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"))
    ours = ids_of((folder / "tokenizer.json").read_bytes(), texts, tmp_path)
    for text, ids in zip(texts, ours, strict=True):
        assert ids == np.asarray(theirs(text)).tolist()


def no_prefix(content: dict[str, Any]) -> None:
    """No blank before the first word, or one too many."""
    if "add_prefix_space" in (content["pre_tokenizer"] or {}):
        content["pre_tokenizer"]["add_prefix_space"] = not content["pre_tokenizer"]["add_prefix_space"]
    else:
        content["pre_tokenizer"]["prepend_scheme"] = "never"


def no_normalizer(content: dict[str, Any]) -> None:
    """Texts as they are."""
    content["normalizer"] = None


def one_further(content: dict[str, Any]) -> None:
    """Every id one further than it is, as where fairseq's offset is forgotten."""
    vocab = content["model"]["vocab"]
    if isinstance(vocab, list):
        vocab.insert(5, ["<extra>", -99.0])
    else:
        content["model"]["vocab"] = {piece: (number + 1) % len(vocab) for piece, number in vocab.items()}


@pytest.mark.parametrize("spoil", [no_prefix, no_normalizer, one_further])
@pytest.mark.parametrize("name", NAMED)
def test_planted_mistakes_are_found(
    roots: dict[str, Path], tmp_path: Path, name: str, spoil: Callable[[dict[str, Any]], None]
) -> None:
    """The ids of the texts tell each of them."""
    family, root = FAMILIES[name], roots[name]
    expected = json.loads((root / "token_ids.json").read_text())
    content = json.loads(read_tokenizer(root / "tokenizer", family, rows_of(root)))
    if spoil is no_normalizer and content["normalizer"] is None:
        # Byte pairs without one: a mistake is to have one.
        content["normalizer"] = {"type": "NFC"}
    else:
        spoil(content)
    ours = ids_of(json.dumps(content).encode(), list(expected), tmp_path)
    assert ours != [ids[1:-1] for ids in expected.values()]


@pytest.mark.parametrize("name", MODELS)
def test_pieces_are_those_of_sentencepiece(roots: dict[str, Path], tmp_path: Path, name: str) -> None:
    """On many texts of the pieces' own letters, blanks of all kinds and signs that no piece has."""
    family, root = FAMILIES[name], roots[name]
    model = sentencepiece.SentencePieceProcessor(str(root / "tokenizer" / MODELS[name]))
    random = np.random.default_rng(0)
    signs = [*"abdefgilmnoprstu", *"      ", *"ABDEG.,!'-", "é", "ﬁ", "½", "\u00a0", "\t", "\u3000", "漢", "😀"]
    texts = ["".join(random.choice(signs, random.integers(1, 60))) for _ in range(300)]
    if name == "albert":
        texts = [text.lower().replace("é", "e").replace("''", "'") for text in texts]
    ours = ids_of(read_tokenizer(root / "tokenizer", family, rows_of(root)), texts, tmp_path)
    id_of = (lambda piece: piece + 1 if piece else 3) if name == "xlm-roberta" else int
    for text, ids in zip(texts, ours, strict=True):
        theirs = [id_of(piece) for piece in model.encode(text)]
        assert ids == theirs, text


def test_offset_of_fairseq_is_needed(roots: dict[str, Path], tmp_path: Path) -> None:
    """Without it every piece has the id of the one before."""
    root = roots["xlm-roberta"]
    rules = SentencePieces("sentencepiece.bpe.model", {"unknown": "<unk>", "start": "<s>", "end": "</s>"})
    plain = rules.build(root / "tokenizer/sentencepiece.bpe.model").to_str().encode()
    expected = [ids[1:-1] for ids in json.loads((root / "token_ids.json").read_text()).values()]
    texts = list(json.loads((root / "token_ids.json").read_text()))
    shifted = [[number + 1 if number else 3 for number in ids] for ids in ids_of(plain, texts, tmp_path)]
    assert ids_of(plain, texts, tmp_path) != expected and shifted == expected


def test_text_that_spells_a_special_token_is_a_text(roots: dict[str, Path], tmp_path: Path) -> None:
    """Byte pairs of "<mask>" are no mask."""
    root = roots["roberta"]
    content = read_tokenizer(root / "tokenizer", FAMILIES["roberta"], rows_of(root))
    ((first, *more),) = ids_of(content, ["<mask>"], tmp_path)
    assert more and first != JsonTokenizer(tmp_path / "tokenizer.json").pieces.index("<mask>")


@pytest.mark.parametrize("name", NAMED)
def test_tokenizers_that_are_not_the_encoder_s_are_refused(roots: dict[str, Path], tmp_path: Path, name: str) -> None:
    """Of another kind, without a special token, of another size, damaged, or none: a sentence each."""
    family, root = FAMILIES[name], roots[name]
    rows = rows_of(root)
    content = json.loads(read_tokenizer(root / "tokenizer", family, rows))
    file = tmp_path / "tokenizer.json"

    def refused(told: str, table: int = rows) -> None:
        with pytest.raises(BadInput, match=told) as caught:
            read_tokenizer(tmp_path, family, table)
        assert "\n" not in str(caught.value)

    refused("carries no tokenizer; bring tokenizer.json")
    file.write_text(json.dumps(content | {"model": {"type": "WordPiece", "vocab": {"a": 0}}}))
    refused(rf"is a tokenizer of the kind WordPiece, and that of the family {name} is")
    file.write_text(json.dumps(content))
    refused(r"has \d+ tokens, and the embedding table 20 rows", table=20)
    refused(r"has \d+ tokens, and the embedding table 9,000 rows", table=9000)
    spelled = json.dumps(content).replace(family.tokenizer["special"]["mask"], "nothing of the kind")
    file.write_text(spelled)
    refused(r"lacks .*, which a tokenizer of the family")
    file.write_text(json.dumps(content)[:-100])
    refused(r"tokenizer\.json: is no tokenizer\.json")


def test_frames_are_tokenized_with_it(roots: dict[str, Path], tmp_path: Path) -> None:
    """As with WordPieces: the same whatever the number of threads, in the smallest type."""
    root = roots["albert"]
    (tmp_path / "tokenizer.json").write_bytes(read_tokenizer(root / "tokenizer", FAMILIES["albert"], rows_of(root)))
    expected = json.loads((root / "token_ids.json").read_text())
    pd.DataFrame({"DATA_COLUMN": list(expected)}).to_parquet(tmp_path / "texts.parquet")
    for threads in (1, 3):
        paths = tmp_path / f"{threads}.ids.npy", tmp_path / f"{threads}.offsets.npy"
        tokenize_frame(tmp_path / "texts.parquet", tmp_path / "tokenizer.json", *paths, None, threads)
        ids, offsets = map(np.load, paths)
        assert ids.dtype == np.uint16
        for place, theirs in enumerate(expected.values()):
            assert ids[offsets[place] : offsets[place + 1]].tolist() == theirs[1:-1]
