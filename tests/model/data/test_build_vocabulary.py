"""Vocabularies: learned from text, or given as a file and checked."""

import json
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import tensorflow as tf
from tensorflow_text.python.ops.bert_tokenizer import BasicTokenizer

import build_vocabulary
from bert_ladder.data import wordpiece
from bert_ladder.data.vocabularies import build_from_file, build_from_text, count_frame_words, learn_vocabulary
from bert_ladder.data.wordpiece import SPECIAL_TOKENS, WordPieceTokenizer, read_vocabulary
from bert_ladder.runtime.jobs import BadInput

FIXTURE = Path(__file__).parents[2] / "fixtures" / "tfhub_preprocessing.json"
SPECIAL_LINES = "".join(f"{token}\n" for token in SPECIAL_TOKENS)


def write_frame(path: Path, texts: list[str]) -> Path:
    pd.DataFrame({"DATA_COLUMN": pd.array(texts, dtype="str"), "LABEL_COLUMN": np.int16(0)}).to_parquet(path)
    return path


def zipf_texts(words: int, texts: int, seed: int = 0) -> list[str]:
    """Texts of made-up words of two to five syllables, whose frequencies follow Zipf's law as a language's do."""
    random = np.random.default_rng(seed)
    syllables = [a + b for a in "bdfgklmnprst" for b in "aeiou"]
    lexicon = ["".join(random.choice(syllables, random.integers(2, 6))) for _ in range(words)]
    weights = 1 / np.arange(1, words + 1)
    draws = random.choice(words, (texts, 40), p=weights / weights.sum())
    return [" ".join(lexicon[i] for i in row) + "." for row in draws]


@pytest.fixture(scope="module")
def zipf_frame(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A frame of 1,500 texts with a lexicon of 4,000 words."""
    return write_frame(tmp_path_factory.mktemp("zipf") / "train.parquet", zipf_texts(4000, 1500))


@pytest.mark.parametrize("size", [300, 1000, 2500])
def test_the_learned_size_is_the_asked_size(tmp_path: Path, zipf_frame: Path, size: int) -> None:
    """The vocabulary has the asked number of WordPieces where the text allows it."""
    build_from_text([zipf_frame], tmp_path / "vocab.txt", size, lower_case=True)
    assert len(read_vocabulary(tmp_path / "vocab.txt")) == size


def test_a_learned_vocabulary_knows_its_text(tmp_path: Path, zipf_frame: Path) -> None:
    """Special tokens come first, [PAD] with id 0, nothing is given twice, and no word of the text is unknown."""
    build_from_text([zipf_frame], tmp_path / "vocab.txt", 1000, lower_case=True)
    vocabulary = read_vocabulary(tmp_path / "vocab.txt")
    assert tuple(vocabulary[:5]) == SPECIAL_TOKENS
    assert len(set(vocabulary)) == len(vocabulary)
    texts = pa.array(pd.read_parquet(zipf_frame)["DATA_COLUMN"])
    ids, offsets = WordPieceTokenizer(vocabulary, lower_case=True).tokenize(texts)
    assert vocabulary.index("[UNK]") not in ids
    assert offsets[-1] < 2 * 41 * len(texts), "frequent words are WordPieces of their own"


def test_the_same_text_gives_the_same_vocabulary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the order of the rows nor the size of the batches changes what is learned."""
    texts = zipf_texts(500, 300)
    vocabularies = []
    for name, rows, batch in [("a", texts, 10_000), ("b", texts[::-1], 70)]:
        monkeypatch.setattr(wordpiece, "BATCH_ROWS", batch)
        build_from_text([write_frame(tmp_path / f"{name}.parquet", rows)], tmp_path / name, 400, lower_case=True)
        vocabularies.append(read_vocabulary(tmp_path / name))
    assert vocabularies[0] == vocabularies[1]


def test_a_small_text_gives_what_it_has(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A text with fewer pieces than asked for gives all of them, and the log says how many."""
    frame = write_frame(tmp_path / "train.parquet", ["good film", "bad film"])
    with caplog.at_level("INFO"):
        build_from_text([frame], tmp_path / "vocab.txt", 30_000, lower_case=True)
    vocabulary = read_vocabulary(tmp_path / "vocab.txt")
    assert {"good", "bad", "film"} <= set(vocabulary)
    assert f"{len(vocabulary)} WordPieces learned, 30000 asked for" in caplog.text


def test_a_large_alphabet_leaves_room_for_words(tmp_path: Path) -> None:
    """With more characters than WordPieces asked for, the rare ones are left out, not the size exceeded."""
    texts = ["the film is good " * 20] * 50 + [chr(c) + "x" for c in range(0x3041, 0x3097)]
    build_from_text([write_frame(tmp_path / "train.parquet", texts)], tmp_path / "vocab.txt", 60, lower_case=True)
    vocabulary = read_vocabulary(tmp_path / "vocab.txt")
    assert len(vocabulary) <= 60
    assert {"the", "film", "good"} <= set(vocabulary)


@pytest.mark.parametrize(("lower_case", "words"), [(True, {"the", "cafe"}), (False, {"The", "Café"})])
def test_case_and_accents_follow_the_setting(tmp_path: Path, lower_case: bool, words: set[str]) -> None:
    """An uncased vocabulary is learned from folded text, a cased one from the text as it is."""
    frame = write_frame(tmp_path / "train.parquet", ["The Café"] * 30)
    build_from_text([frame], tmp_path / "vocab.txt", 200, lower_case)
    assert words <= set(read_vocabulary(tmp_path / "vocab.txt"))


def test_odd_characters_survive_the_file(tmp_path: Path) -> None:
    """A word may hold characters that other programs take for line ends; the file's lines are still the WordPieces."""
    frame = write_frame(tmp_path / "train.parquet", ["a\u2028b \ue000 a\u00a0b"] * 20)
    build_from_text([frame], tmp_path / "vocab.txt", 100, lower_case=False)
    vocabulary = read_vocabulary(tmp_path / "vocab.txt")
    assert {"a\u2028b", "\ue000", "a\u00a0b"} <= set(vocabulary)
    ids, _ = WordPieceTokenizer(vocabulary, lower_case=False).tokenize(pa.array(["a\u2028b"]))
    assert [vocabulary[i] for i in ids] == ["a\u2028b"]


def test_text_without_words_is_refused(tmp_path: Path) -> None:
    """Empty texts give one sentence, not a vocabulary."""
    frame = write_frame(tmp_path / "train.parquet", ["", " \n"])
    with pytest.raises(BadInput, match=r"train\.parquet, DATA_COLUMN: there is no word in any text; give training"):
        build_from_text([frame], tmp_path / "vocab.txt", 100, lower_case=True)


@pytest.mark.parametrize("lower_case", [True, False])
def test_words_are_counted_as_the_tokenizer_splits_them(tmp_path: Path, lower_case: bool) -> None:
    """Counting over distinct chunks gives the counts of the basic tokenizer over whole texts, most frequent first."""
    texts = list(json.loads(FIXTURE.read_text(encoding="utf-8"))["strings"].values()) * 3
    counts = count_frame_words([write_frame(tmp_path / "train.parquet", texts)], lower_case)
    words = BasicTokenizer(lower_case=lower_case).tokenize(tf.constant(texts)).flat_values.numpy()
    assert dict(counts) == {word.decode(): count for word, count in Counter(words.tolist()).items()}
    assert [count for _, count in counts] == sorted((count for _, count in counts), reverse=True)


def test_the_size_holds_where_no_threshold_fits() -> None:
    """When the size jumps over the asked one between two thresholds, the rarest words go and every character stays."""
    words = [(f"{a}{b}", 7) for a in "abcdefghij" for b in "klmnopqrst"]
    vocabulary = learn_vocabulary(words, 100)
    assert len(vocabulary) == 100
    assert tuple(vocabulary[:5]) == SPECIAL_TOKENS
    assert {piece for letter in "abcdefghijklmnopqrst" for piece in (letter, f"##{letter}")} <= set(vocabulary)


def test_a_given_vocabulary_keeps_its_ids(tmp_path: Path) -> None:
    """A file with a byte order mark, Windows line ends and no final newline keeps the order of its WordPieces."""
    given = tmp_path / "given.txt"
    given.write_bytes(b"\xef\xbb\xbf" + (SPECIAL_LINES + "the\n##s\ncaf\u00e9").replace("\n", "\r\n").encode())
    build_from_file(given, tmp_path / "vocab.txt", lower_case=True)
    assert (tmp_path / "vocab.txt").read_text(encoding="utf-8") == SPECIAL_LINES + "the\n##s\ncaf\u00e9\n"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (SPECIAL_LINES.encode() + b"the\n\nfilm\n", "line 7: the line is empty; give one WordPiece per line"),
        (SPECIAL_LINES.encode() + b"the\n\n", "line 7: the line is empty; give one WordPiece per line"),
        (SPECIAL_LINES.encode() + b"the\nfilm\nthe\n", "line 8: 'the' is already in line 6; keep one of them"),
        (SPECIAL_LINES.encode() + b"the\ncaf\xe9\n", "line 7: byte 0xe9 is not valid UTF-8; save the vocabulary as"),
        (SPECIAL_LINES.encode() + b"the\t17\n", r"line 6: 'the\\t17' contains white space, so no word of a text can"),
        (b"[PAD]\n[UNK]\n[CLS]\nthe\n", r"line 4: the file ends without \[SEP\], \[MASK\]; a BERT vocabulary has all"),
        (b"", r"line 0: the file ends without \[PAD\], \[UNK\], \[CLS\], \[SEP\], \[MASK\]; a BERT vocabulary has"),
    ],
    ids=["empty line", "empty last line", "duplicate", "not UTF-8", "white space", "special tokens", "empty file"],
)
def test_bad_vocabularies_get_one_sentence(tmp_path: Path, content: bytes, sentence: str) -> None:
    """The sentence names the file, the line, what was found and what to do; nothing is written."""
    given = tmp_path / "given.txt"
    given.write_bytes(content)
    with pytest.raises(BadInput, match=rf"given\.txt, {sentence}"):
        build_from_file(given, tmp_path / "vocab.txt", lower_case=True)
    assert not (tmp_path / "vocab.txt").exists()


def test_a_cased_vocabulary_for_uncased_text_is_noticed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Many capital letters beside lower_case give a warning and are no error."""
    given = tmp_path / "given.txt"
    given.write_text(SPECIAL_LINES + "The\nFilm\nfilm\n", encoding="utf-8")
    build_from_file(given, tmp_path / "vocab.txt", lower_case=False)
    assert "lower_case" not in caplog.text
    build_from_file(given, tmp_path / "vocab.txt", lower_case=True)
    assert "2 of 8 WordPieces have capital letters" in caplog.text


def test_the_genuine_vocabulary_is_accepted(tmp_path: Path, shared_vocab: Path) -> None:
    """The published uncased vocabulary passes and keeps its 30,522 ids."""
    build_from_file(shared_vocab / "bert_uncased_vocab.txt", tmp_path / "vocab.txt", lower_case=True)
    vocabulary = read_vocabulary(tmp_path / "vocab.txt")
    assert len(vocabulary) == 30_522
    assert [vocabulary.index(token) for token in SPECIAL_TOKENS] == [0, 100, 101, 102, 103]


class Files(dict):
    """Named input files, as Snakemake gives them to a script."""

    __getattr__ = dict.__getitem__


@pytest.mark.parametrize("source", ["text", "file"])
def test_main_takes_either_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    """The rule's input is texts, the training text first, or a vocabulary file."""
    for variable in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "CUDA_VISIBLE_DEVICES"):
        monkeypatch.setenv(variable, "")
    given = tmp_path / "given.txt"
    given.write_text(SPECIAL_LINES + "film\n", encoding="utf-8")
    paths = {"text": [str(write_frame(tmp_path / "train.parquet", ["a film"]))], "file": str(given)}
    snakemake = SimpleNamespace(
        input=Files({source: paths[source]}),
        output=Files(vocabulary=str(tmp_path / "vocab.txt")),
        params=Files(size=50 if source == "text" else None, lower_case=True),
        threads=1,
    )
    build_vocabulary.main(snakemake)
    assert "film" in read_vocabulary(tmp_path / "vocab.txt")
