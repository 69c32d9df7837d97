"""audit_near_duplicates: which texts are nearly equal, and how many of them it finds."""

import itertools
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from audit_near_duplicates import main
from bert_ladder.data import near_duplicates
from bert_ladder.data.frames import SplitPaths, pack_texts, write_frame
from bert_ladder.data.near_duplicates import (
    THRESHOLD,
    audit_near_duplicates,
    excerpts_of,
    missed_share,
    shingles_of,
    similar_pairs,
    sketch_texts,
)
from bert_ladder.data.readers.forms import read_examples
from bert_ladder.data.readers.published import PublishedFile


def audited(folder: Path, train: list[str], test: list[str], threads: int = 1) -> dict[str, Any]:
    """near_duplicates.json of some texts."""
    for split, texts in (("train", train), ("test", test)):
        codes = np.zeros(len(texts), np.int16)
        write_frame(
            folder / f"{split}.parquet", pack_texts([text.encode() for text in texts], codes.tolist()), codes, ["a"]
        )
    audit_near_duplicates(SplitPaths(folder / "train.parquet", folder / "test.parquet"), folder / "near.json", threads)
    return json.loads((folder / "near.json").read_text())


def sentence(seed: int, words: int = 30) -> str:
    """Random words."""
    return " ".join(f"w{number}" for number in np.random.default_rng(seed).integers(5_000, size=words))


def edited(text: str, places: list[int]) -> str:
    """A text with other words in some places."""
    words = text.split()
    for place in places:
        words[place] = f"other{place}"
    return " ".join(words)


def test_pairs_are_counted_by_split(tmp_path: Path) -> None:
    """Within train, within test and across; equal texts are no pair, and a test row that has one is not concerned."""
    base = [sentence(seed) for seed in range(6)]
    train = [base[0], edited(base[0], [0]), base[1], base[2], base[3], base[3].upper()]
    test = [
        edited(base[1], [29]),
        base[4],
        edited(base[4], [0, 29]),
        base[2],
        edited(base[2], [0]),
        edited(base[2], [0]),
    ]
    found = audited(tmp_path, train, test)
    # The text that stands in both splits and the one like it: within test, and across.
    assert found["pairs"] == {"train": 1, "test": 2, "across": 2}
    assert found["test_rows"] == 3
    assert found["complete"]
    [first, second] = found["worst"]["across"]
    assert [text["row"] for text in first["texts"]] == [2, 0]
    assert [text["row"] for text in second["texts"]] == [3, 4]
    assert first["similarity"] == second["similarity"] == pytest.approx(27 / 29)
    assert [text["split"] for text in found["worst"]["test"][0]["texts"]] == ["test", "test"]


def test_similarity_is_that_of_the_shingles() -> None:
    """All pairs that are by their sets of shingles as similar as the threshold, and no others."""
    texts = []
    for seed in range(40):
        text = sentence(seed)
        texts += [text, *(edited(text, list(range(count))) for count in (1, 3, 5, 10))]
    expected = {}
    for (one, a), (other, b) in itertools.combinations(enumerate(set(shingles_of(text)) for text in texts), 2):
        similarity = len(a & b) / len(a | b)
        if similarity >= THRESHOLD:
            expected[one, other] = pytest.approx(similarity)
    pairs, complete = similar_pairs(*sketch_texts(texts, 1))
    found = {(pair.one, pair.other): pair.similarity for pair in pairs.itertuples()}
    assert found.items() <= expected.items()
    assert len(expected) == 40 * 4
    # The threshold is at the edge of what is found for sure.
    assert len(found) >= 0.95 * len(expected)
    assert complete


def test_share_of_missed_pairs_is_that_of_the_formula() -> None:
    """Of pairs of one similarity as many are missed as is said."""
    texts = [text for seed in range(3_000) for text in (sentence(seed, 62), edited(sentence(seed, 62), [6, 30, 50]))]
    shingles, keys = sketch_texts(texts, 1)
    similarity = 51 / 69
    brought_together = (keys[::2] == keys[1::2]).any(axis=1).mean()
    missed = missed_share(similarity)
    assert 1 - brought_together == pytest.approx(missed, abs=4 * (missed / 3_000) ** 0.5)
    # Some texts have a word twice, hardly any a shingle.
    assert abs(np.diff(shingles.indptr).mean() - 60) < 0.1


def test_result_is_the_same_every_time(tmp_path: Path) -> None:
    """With any number of processes; and texts are cut into chunks without being mixed up."""
    texts = [edited(sentence(seed // 2), [seed % 2]) for seed in range(4_200)]
    once = audited(tmp_path, texts[:4_000], texts[4_000:])
    assert once == audited(tmp_path, texts[:4_000], texts[4_000:], threads=2)
    assert once["pairs"] == {"train": 2_000, "test": 100, "across": 0}


@pytest.mark.parametrize(
    ("text", "shingles"),
    [
        ("a b c d", ["a b c", "b c d"]),
        ("a, b! c", ["a b c"]),
        ("a b", ["a b"]),
        ("", [""]),
        ("!? \N{GRINNING FACE}", ["!? \N{GRINNING FACE}"]),
        ("\u65e5\u672c\u8a9e\u3067", ["\u65e5 \u672c \u8a9e", "\u672c \u8a9e \u3067"]),
    ],
)
def test_shingles(text: str, shingles: list[str]) -> None:
    """Three words, punctuation aside; a short text is one; a Chinese or Japanese character is a word."""
    assert shingles_of(text) == shingles


def test_short_texts_are_compared_whole(tmp_path: Path) -> None:
    """Two words are nearly equal to the same two words with other punctuation, and to nothing else."""
    found = audited(tmp_path, ["good film", "bad film", "x y z"], ["good film!", "fine film", "!"])
    assert found["pairs"] == {"train": 0, "test": 0, "across": 1}
    assert [text["text"] for text in found["worst"]["across"][0]["texts"]] == ["good film", "good film!"]


def test_too_many_alike_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A template that many texts share is not compared with itself throughout; test rows are found all the same."""
    texts = [f"{sentence(1, 40)} number {i}" for i in range(600)]
    found = audited(tmp_path, texts[:500], texts[500:])
    assert not found["complete"]
    assert 500 < found["pairs"]["train"] < 500 * 499 / 2
    assert found["test_rows"] == 100
    monkeypatch.setattr(near_duplicates, "MOST_CANDIDATES", 300)
    found = audited(tmp_path, texts[:500], texts[500:])
    assert not found["complete"]
    assert sum(found["pairs"].values()) == 300


def test_excerpts_show_the_difference() -> None:
    """Of long texts the part where they part, the rest as an ellipsis."""
    one, other = excerpts_of("x" * 500 + "one" + "y" * 500, "x" * 500 + "two")
    assert one.startswith("\u2026" + "x" * 40 + "one")
    assert one.endswith("y\u2026")
    assert other == "\u2026" + "x" * 40 + "two"
    assert excerpts_of("ab", "ac") == ("ab", "ac")


def test_no_pair_is_no_error(tmp_path: Path) -> None:
    """Data in which nothing is alike."""
    found = audited(tmp_path, [sentence(1), sentence(2)], [sentence(3)])
    assert found["pairs"] == {"train": 0, "test": 0, "across": 0}
    assert found["worst"] == {"train": [], "test": [], "across": []}
    assert found["test_rows"] == 0


def test_main_maps_the_job(tmp_path: Path) -> None:
    """main passes each name of the job to its argument."""
    expected = audited(tmp_path, [sentence(1), sentence(2)], [edited(sentence(2), [0])])
    job = SimpleNamespace(
        input=SimpleNamespace(train=str(tmp_path / "train.parquet"), test=str(tmp_path / "test.parquet")),
        output=SimpleNamespace(near=str(tmp_path / "again.json")),
        threads=1,
    )
    main(job)
    assert json.loads((tmp_path / "again.json").read_text()) == expected
    assert expected["test_rows"] == 1


@pytest.mark.long
def test_imdb(tmp_path: Path, shared_data: Path) -> None:
    """IMDB has few reviews that are nearly equal, and one test review that is nearly a training review."""
    texts = {}
    for split in ("train", "test"):
        raw, _, _ = read_examples(PublishedFile(shared_data / "imdb" / f"{split}.npz", split, 10**10))
        texts[split] = [text.decode() for text in raw]
    found = audited(tmp_path, texts["train"], texts["test"], threads=2)
    assert found["pairs"] == {"train": 23, "test": 17, "across": 1}
    assert found["test_rows"] == 1
    assert found["complete"]
