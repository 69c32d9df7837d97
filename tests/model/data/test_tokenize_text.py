"""Token ids: those of TF Hub's preprocessing, on hostile text, on real reviews and on anything hypothesis finds."""

import hashlib
import json
import re
import runpy
import sys
import unicodedata
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import BertWordPieceTokenizer

import tokenize_text
from bert_ladder.data import wordpiece
from bert_ladder.data.wordpiece import (
    SPECIAL_TOKENS,
    WordPieceTokenizer,
    ids_dtype,
    map_in_order,
    read_texts,
    read_vocabulary,
    tokenize_frame,
    write_npy,
)
from bert_ladder.runtime.jobs import BadInput

PROJECT = Path(__file__).parents[3]
TFHUB = json.loads((PROJECT / "tests" / "fixtures" / "tfhub_preprocessing.json").read_text(encoding="utf-8"))
VOCABULARY: list[str] = TFHUB["vocabulary"]
STRINGS: dict[str, str] = TFHUB["strings"]
TOKENIZERS = {case: WordPieceTokenizer(VOCABULARY, lower_case=case == "uncased") for case in ("uncased", "cased")}

# SHA-256 of the ids (little-endian int32) that the exported preprocessing itself gives the 25,000 reviews of a split,
# with the genuine uncased vocabulary; printed by bench/tfhub_preprocessing/compare_ids.py.
IMDB_SHA256 = {
    "train": "93d4d1b877df7e8a924dff64cc95ad5c889b35363453a67b3e73e9c90dc929f9",
    "test": "e1d0bf569dd7ab51f29debe8034f3660ac0f416831da39b080f578bf7ea219ca",
}
IMDB_HUGGING_FACE_DIFFERS = {"train": 273, "test": 283}

# Why Hugging Face's BertWordPieceTokenizer gives other ids; docs/tokenization.md explains the reasons by these names.
CONTROL, SPACE, NFKC, FOLD = "control characters", "Unicode white space", "compatibility characters", "case folding"
REMOVED, LITERAL, LONG = "removed characters", "literal special tokens", "long words"
HUGGING_FACE_DIFFERS: dict[str, dict[str, set[str]]] = {
    "uncased": {
        CONTROL: {
            *("every ASCII white space", "next line", "file separators", "NUL inside", "delete", "C1 controls"),
            *("Arabic number sign", "interlinear annotation"),
        },
        SPACE: {"line and paragraph separator", "Ogham space"},
        NFKC: {
            *("titlecase digraphs", "long s", "Armenian ligature", "Hangul compatibility jamo", "ligatures"),
            *("full-width", "half-width kana", "styled letters", "super and subscripts", "fractions", "Roman numerals"),
            *("circled", "ellipsis and dots", "trademark and units", "square era name", "CJK compatibility", "Arabic"),
            *("typographic punctuation", "numbers"),
        },
        FOLD: {"sharp s", "capital sharp s", "Greek final sigma", "Cherokee", "Greek iota subscript"},
        REMOVED: {"replacement character", "private use"},
        LITERAL: {"literal special tokens", "special token in a word"},
        LONG: {
            *("word of 100 characters, 200 bytes", "word of 51 characters, 102 bytes"),
            *("word of 34 characters, 102 bytes", "word that grows past 100 bytes"),
        },
    },
    "cased": {
        CONTROL: {
            *("every ASCII white space", "next line", "file separators", "NUL inside", "delete", "C1 controls"),
            *("Arabic number sign", "interlinear annotation", "zero-width space", "Mongolian vowel separator"),
            *("soft hyphen", "bidirectional marks", "word joiner", "emoji with joiners"),
        },
        SPACE: {
            *("no-break space", "typographic spaces", "line and paragraph separator", "Ogham space", "full-width"),
        },
        REMOVED: {"replacement character", "private use"},
        LITERAL: {"literal special tokens", "special token in a word"},
        LONG: {
            *("word of 100 characters, 200 bytes", "word of 51 characters, 102 bytes"),
            *("word of 34 characters, 102 bytes", "word that grows past 100 bytes", "word that shrinks to 100 bytes"),
        },
    },
}

# Characters on which normalization, splitting or lookup do something, and what stands between chunks.
TRICKY = sorted(set("".join(STRINGS.values())) | set(" \t\n\v\f\r\x00\x85\xa0\u2028"))
tricky_text = st.text(st.sampled_from(TRICKY) | st.characters(exclude_categories=("Cs",)), max_size=40)


def ids_of_each(ids: np.ndarray, offsets: np.ndarray) -> list[list[int]]:
    return [ids[start:stop].tolist() for start, stop in pairwise(offsets)]


def differing(texts: pa.Array, tokenizer: WordPieceTokenizer) -> list[str]:
    """Texts on which the two ways of tokenizing do not agree."""
    chunked = ids_of_each(*tokenizer.tokenize(texts))
    direct = ids_of_each(*tokenizer.tokenize_directly(texts.to_pylist()))
    return [text for text, a, b in zip(texts.to_pylist(), chunked, direct, strict=True) if a != b]


def write_frame(path: Path, texts: list[str | None]) -> Path:
    pd.DataFrame({"DATA_COLUMN": pd.array(texts, dtype="str"), "LABEL_COLUMN": np.int16(0)}).to_parquet(path)
    return path


def write_vocabulary(path: Path, vocabulary: list[str]) -> Path:
    path.write_text("\n".join(vocabulary) + "\n", encoding="utf-8", newline="\n")
    return path


@pytest.fixture
def vocabulary_file(tmp_path: Path) -> Path:
    """The small vocabulary of the fixture as a file."""
    return write_vocabulary(tmp_path / "vocab.txt", VOCABULARY)


@pytest.fixture(scope="module")
def imdb(shared_data: Path) -> dict[str, pa.Array]:
    """The real reviews of both splits. Their npz is known and trusted, so its pickled strings may be read."""
    return {
        split: pa.array(np.load(shared_data / "imdb" / f"{split}.npz", allow_pickle=True)["text"], pa.large_string())
        for split in ("train", "test")
    }


@pytest.fixture(scope="module")
def genuine_vocabulary(shared_vocab: Path) -> list[str]:
    """The vocabulary of the published uncased BERTs."""
    return read_vocabulary(shared_vocab / "bert_uncased_vocab.txt")


@pytest.mark.parametrize("case", ["uncased", "cased"])
def test_hostile_strings_have_the_ids_of_the_published_preprocessing(case: str) -> None:
    """Every hostile string gets the ids that Model Garden's exported preprocessing gave it."""
    ids = ids_of_each(*TOKENIZERS[case].tokenize(pa.array(STRINGS.values())))
    wrong = {name: found for name, found in zip(STRINGS, ids, strict=True) if found != TFHUB[case][name]}
    assert wrong == {}


@pytest.mark.parametrize("case", ["uncased", "cased"])
def test_hostile_strings_have_the_ids_of_text_bert_tokenizer(case: str) -> None:
    """Tokenizing by distinct chunks changes nothing against text.BertTokenizer over whole strings."""
    assert differing(pa.array(STRINGS.values()), TOKENIZERS[case]) == []


def test_the_fixture_holds_the_hostile_strings_of_the_bench() -> None:
    """The committed fixture was made from the list that stands beside its generator."""
    listed = runpy.run_path(str(PROJECT / "bench" / "tfhub_preprocessing" / "hostile_strings.py"))["HOSTILE_STRINGS"]
    assert listed == STRINGS


@pytest.mark.parametrize("case", ["uncased", "cased"])
@settings(max_examples=150, deadline=None)
@given(texts=st.lists(tricky_text, min_size=1, max_size=8))
def test_chunked_ids_equal_direct_ids(case: str, texts: list[str]) -> None:
    """For arbitrary unicode, tokenizing by chunks gives the ids of text.BertTokenizer."""
    assert differing(pa.array(texts, pa.string()), TOKENIZERS[case]) == []


@pytest.mark.parametrize("case", ["uncased", "cased"])
def test_no_character_reaches_across_white_space(case: str) -> None:
    """Beside every kind of ASCII white space, a character of any category gives the ids it has in the whole text."""
    # Of the surrogates none can stand in a text; of letters without case, and of what is not assigned, one in 16 does.
    categories = {chr(code): unicodedata.category(chr(code)) for code in range(sys.maxunicode + 1)}
    characters = [
        c
        for c, category in categories.items()
        if category != "Cs" and (category not in {"Co", "Cn", "Lo"} or ord(c) % 16 == 0)
    ]
    assert differing(pa.array([f"a{c} {c}\t{c}b\n{c}\v{c}\f{c}\r{c}" for c in characters]), TOKENIZERS[case]) == []


def test_special_tokens_in_a_text_are_plain_text() -> None:
    """A text cannot produce the ids of [PAD], [CLS], [SEP] or [MASK]."""
    ids, _ = TOKENIZERS["uncased"].tokenize(pa.array(["".join(SPECIAL_TOKENS), " ".join(SPECIAL_TOKENS)]))
    special = {VOCABULARY.index(token) for token in SPECIAL_TOKENS} - {VOCABULARY.index("[UNK]")}
    assert special.isdisjoint(ids.tolist())


@pytest.mark.parametrize("case", ["uncased", "cased"])
def test_hugging_face_differs_where_documented(case: str) -> None:
    """Hugging Face's tokenizer differs on exactly the documented hostile strings, each for a documented reason."""
    hugging_face = BertWordPieceTokenizer(
        {wordpiece: i for i, wordpiece in enumerate(VOCABULARY)}, lowercase=case == "uncased"
    )
    found = {
        name
        for name, string in STRINGS.items()
        if hugging_face.encode(string, add_special_tokens=False).ids != TFHUB[case][name]
    }
    assert found == set.union(*HUGGING_FACE_DIFFERS[case].values())
    assert len(found) == sum(map(len, HUGGING_FACE_DIFFERS[case].values())), "one reason for each"


def test_documentation_gives_every_reason_and_count() -> None:
    """docs/tokenization.md names every reason and the number of strings and reviews that differ."""
    document = (PROJECT / "docs" / "tokenization.md").read_text(encoding="utf-8")
    for case, reasons in HUGGING_FACE_DIFFERS.items():
        assert f"{sum(map(len, reasons.values()))} of {len(STRINGS)} {case}" in document
        for name, strings in reasons.items():
            assert re.search(rf"^\| {name} \|", document, re.MULTILINE), name
            assert all(string in document for string in strings), strings
    assert f"{sum(IMDB_HUGGING_FACE_DIFFERS.values())} of the 50,000 reviews" in document


def test_a_frame_becomes_flat_ids_and_offsets(tmp_path: Path, vocabulary_file: Path) -> None:
    """Row i of the frame is ids[offsets[i]:offsets[i+1]], without special tokens, untruncated, memory-mappable."""
    texts = ["", "the film", "a" * 100, "good " * 3000, " ", "film"]
    frame = write_frame(tmp_path / "train.parquet", texts)
    tokenize_frame(frame, vocabulary_file, tmp_path / "ids.npy", tmp_path / "offsets.npy", lower_case=True)
    ids, offsets = np.load(tmp_path / "ids.npy", mmap_mode="r"), np.load(tmp_path / "offsets.npy")
    assert isinstance(ids, np.memmap)
    assert ids.dtype == np.uint16 and ids.shape == (offsets[-1],)
    assert offsets.dtype == np.int64 and offsets.shape == (len(texts) + 1,)
    assert offsets[0] == 0 and (np.diff(offsets) >= 0).all()
    the, film, good = (VOCABULARY.index(word) for word in ("the", "film", "good"))
    rows = ids_of_each(ids, offsets)
    assert rows[:2] == [[], [the, film]]
    assert rows[3:] == [[good] * 3000, [], [film]]


@pytest.mark.parametrize("texts", [[], ["", "", " \n"]])
def test_frames_without_a_word(tmp_path: Path, vocabulary_file: Path, texts: list[str]) -> None:
    """No rows, or only empty texts, give no ids and offsets of zero."""
    frame = write_frame(tmp_path / "train.parquet", texts)
    tokenize_frame(frame, vocabulary_file, tmp_path / "ids.npy", tmp_path / "offsets.npy", lower_case=True)
    assert np.load(tmp_path / "ids.npy", mmap_mode="r").shape == (0,)
    assert np.load(tmp_path / "offsets.npy").tolist() == [0] * (len(texts) + 1)


def test_ids_do_not_depend_on_threads_or_batches(
    tmp_path: Path, vocabulary_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One batch in one thread and many small batches in four threads write the same arrays."""
    texts = [f"{string} {i}" for i in range(20) for string in STRINGS.values()]
    frame = write_frame(tmp_path / "train.parquet", texts)
    results = []
    for rows, size, threads in [(10_000, 1 << 30, 1), (300, 1000, 4)]:
        monkeypatch.setattr(wordpiece, "BATCH_ROWS", rows)
        monkeypatch.setattr(wordpiece, "BATCH_BYTES", size)
        tokenize_frame(frame, vocabulary_file, tmp_path / "ids.npy", tmp_path / "offsets.npy", True, threads)
        results.append((np.load(tmp_path / "ids.npy"), np.load(tmp_path / "offsets.npy")))
    np.testing.assert_array_equal(results[0][0], results[1][0])
    np.testing.assert_array_equal(results[0][1], results[1][1])


def test_batches_keep_every_row_and_stay_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches hold at most the set rows and about the set bytes, in order, with nothing lost."""
    monkeypatch.setattr(wordpiece, "BATCH_ROWS", 50)
    monkeypatch.setattr(wordpiece, "BATCH_BYTES", 100)
    texts = [f"{i} " + "é" * (i % 17) for i in range(333)]
    batches = [batch.to_pylist() for batch in read_texts(write_frame(tmp_path / "train.parquet", texts))]
    assert [text for batch in batches for text in batch] == texts
    assert max(len(batch) for batch in batches) <= 50
    assert max(sum(len(text.encode()) for text in batch) for batch in batches) <= 100 + len(texts[16].encode()) + 4


def test_a_missing_text_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A null is reported with its row in the whole frame."""
    monkeypatch.setattr(wordpiece, "BATCH_ROWS", 2)
    frame = write_frame(tmp_path / "train.parquet", ["a", "", "b", None])
    with pytest.raises(BadInput, match=r"train\.parquet, row 3: DATA_COLUMN is null; give a text"):
        list(read_texts(frame))


@pytest.mark.parametrize(("size", "dtype"), [(30_522, np.uint16), (65_536, np.uint16), (65_537, np.int32)])
def test_the_dtype_is_the_smallest_that_fits(size: int, dtype: type) -> None:
    """Ids are uint16 up to 65,536 WordPieces and int32 above."""
    assert ids_dtype(size) == dtype


def test_large_vocabularies_keep_large_ids() -> None:
    """An id above 65,535 survives."""
    vocabulary = [*SPECIAL_TOKENS, *(f"w{i}" for i in range(70_000))]
    ids, _ = WordPieceTokenizer(vocabulary, lower_case=True).tokenize(pa.array(["w69999 w0"]))
    assert ids.dtype == np.int32
    assert ids.tolist() == [70_004, 5]


def test_main_maps_the_names_of_the_rule(
    tmp_path: Path, vocabulary_file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The rule's inputs, outputs and params reach the function, and the log counts texts and unknown tokens."""
    for variable in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "CUDA_VISIBLE_DEVICES"):
        monkeypatch.setenv(variable, "")
    snakemake = SimpleNamespace(
        input=SimpleNamespace(frame=str(write_frame(tmp_path / "a.parquet", ["The film"])), vocabulary=vocabulary_file),
        output=SimpleNamespace(ids=str(tmp_path / "ids.npy"), offsets=str(tmp_path / "offsets.npy")),
        params=SimpleNamespace(lower_case=False),
        threads=2,
    )
    with caplog.at_level("INFO"):
        tokenize_text.main(snakemake)
    # The vocabulary has the letters of "The" but not "##h" after a capital T alone, so cased "The" is cut into pieces.
    pieces = [VOCABULARY[i] for i in np.load(tmp_path / "ids.npy")]
    assert pieces == ["T", "##h", "##e", "film"]
    assert "1 texts, 4 tokens (4.0 a text), 0.000 % of them unknown" in caplog.text


def test_map_in_order_is_ordered_lazy_and_passes_errors_on() -> None:
    """Results keep the order of the items, few items are taken ahead, and an error reaches the caller."""
    taken = []

    def items() -> Iterator[int]:
        for i in range(100):
            taken.append(i)
            yield i

    results = map_in_order(lambda i: i * i, items(), threads=3)
    assert next(results) == 0
    assert len(taken) <= 4
    assert list(results) == [i * i for i in range(1, 100)]
    with pytest.raises(ZeroDivisionError):
        list(map_in_order(lambda i: 1 // i, [1, 0], threads=2))


@settings(max_examples=25, deadline=None)
@given(pieces=st.lists(st.lists(st.integers(0, 65_535), max_size=50), max_size=10))
def test_an_npy_file_written_in_pieces_is_their_concatenation(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[list[int]]
) -> None:
    """The file loads as one array, whatever the pieces' lengths."""
    path = tmp_path_factory.mktemp("npy") / "a.npy"
    length = write_npy(path, np.uint16, (np.array(piece, np.uint16) for piece in pieces))
    array = np.load(path, mmap_mode="r", allow_pickle=False)
    assert array.tolist() == [value for piece in pieces for value in piece]
    assert len(array) == length


@pytest.mark.parametrize("split", ["train", "test"])
def test_all_imdb_reviews_have_the_ids_of_the_published_preprocessing(
    tmp_path: Path, shared_vocab: Path, imdb: dict[str, pa.Array], split: str
) -> None:
    """With the genuine vocabulary, 25,000 reviews get exactly the ids that the exported preprocessing gave them."""
    frame = write_frame(tmp_path / "a.parquet", imdb[split].to_pylist())
    vocabulary = shared_vocab / "bert_uncased_vocab.txt"
    tokenize_frame(frame, vocabulary, tmp_path / "ids.npy", tmp_path / "offsets.npy", lower_case=True, threads=2)
    ids = np.load(tmp_path / "ids.npy")
    assert hashlib.sha256(ids.astype("<i4").tobytes()).hexdigest() == IMDB_SHA256[split]
    assert len(np.load(tmp_path / "offsets.npy")) == 25_001


@pytest.mark.parametrize("lower_case", [True, False])
def test_imdb_reviews_have_the_ids_of_text_bert_tokenizer(
    genuine_vocabulary: list[str], imdb: dict[str, pa.Array], lower_case: bool
) -> None:
    """A sample of 4,000 reviews gets the ids of text.BertTokenizer, uncased and cased."""
    tokenizer = WordPieceTokenizer(genuine_vocabulary, lower_case)
    for split in ("train", "test"):
        assert differing(imdb[split].take(pa.array(range(0, 25_000, 12 + lower_case))), tokenizer) == []


@pytest.mark.long
def test_hugging_face_differs_on_the_documented_number_of_reviews(
    genuine_vocabulary: list[str], imdb: dict[str, pa.Array]
) -> None:
    """Hugging Face's tokenizer gives other ids on as many of IMDB's test reviews as the documentation says."""
    ids, offsets = WordPieceTokenizer(genuine_vocabulary, lower_case=True).tokenize(imdb["test"])
    hugging_face = BertWordPieceTokenizer({wordpiece: i for i, wordpiece in enumerate(genuine_vocabulary)})
    encodings = hugging_face.encode_batch(imdb["test"].to_pylist(), add_special_tokens=False)
    found = sum(
        not np.array_equal(encoding.ids, ids[start:stop])
        for encoding, (start, stop) in zip(encodings, pairwise(offsets), strict=True)
    )
    assert found == IMDB_HUGGING_FACE_DIFFERS["test"]
