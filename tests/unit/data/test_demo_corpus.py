"""The embedded demo corpus: regenerable, balanced, free of duplicates, and out of reach for a bag of words."""

import gzip
import importlib.util
import sys
from collections import Counter, defaultdict
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import yaml
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression

DEMO = Path(__file__).parents[3] / "data" / "demo"
SPLITS = ("train", "test")


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("demo_generate", DEMO / "generate.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def reviews(generator: ModuleType) -> dict[str, list]:
    return generator.generate()


@pytest.fixture(scope="module")
def stored() -> dict[str, dict[str, np.ndarray]]:
    splits = {}
    for split in SPLITS:
        # The project's own file, so its pickled strings may be loaded.
        with np.load(DEMO / f"{split}.npz", allow_pickle=True) as file:
            splits[split] = {key: file[key] for key in file.files}
    return splits


@pytest.mark.parametrize("split", SPLITS)
def test_committed_arrays_are_what_the_generator_writes(generator, stored, tmp_path, split):
    """Running the generator again gives the committed arrays, value by value, and the texts without labels."""
    generator.write_splits(tmp_path)
    with np.load(tmp_path / f"{split}.npz", allow_pickle=True) as file:
        assert set(file.files) == set(stored[split]) == {"text", "label", "grade"}
        for key, values in stored[split].items():
            assert file[key].dtype == values.dtype
            np.testing.assert_array_equal(file[key], values)
    written, committed = (gzip.decompress((folder / "unlabelled.txt.gz").read_bytes()) for folder in (tmp_path, DEMO))
    assert written == committed and len(written.splitlines()) == generator.SIZES["unlabelled"]


def test_files_are_of_the_awkward_kind_and_small(stored):
    """Texts are an object array that plain loading refuses, labels are strings, and all files stay under 400 kB."""
    for split in SPLITS:
        assert stored[split]["text"].dtype == object
        assert set(stored[split]["label"]) == {"negative", "positive"}
        with np.load(DEMO / f"{split}.npz") as file, pytest.raises(ValueError, match="allow_pickle"):
            file["text"]
    assert sum(file.stat().st_size for file in DEMO.iterdir() if file.is_file()) < 400_000


def test_another_seed_gives_another_corpus(generator, reviews):
    """The seed decides the texts: another seed shares few of them."""
    other = {review.text for review in generator.generate(seed=generator.SEED + 1)["train"]}
    shared = sum(review.text in other for review in reviews["train"])
    assert shared < 0.2 * len(other)


def test_no_text_occurs_twice(generator, reviews):
    """No text is repeated, within a part or across them, whatever its case; nor what the encoders were trained on."""
    texts = [review.text.lower() for part in reviews.values() for review in part]
    assert len(set(texts)) == len(texts) == sum(generator.SIZES.values())
    others = [review.text.lower() for review in generator.generate_other(2000)]
    assert len(set(others)) == 2000 and not set(others) & set(texts)


@pytest.mark.parametrize("split", SPLITS)
def test_labels_are_balanced_everywhere(reviews, split):
    """Each label has half of a split, of every grade and of every construction, within two percent."""
    positive = defaultdict(list)
    for review in reviews[split]:
        for part in ("all", review.grade, (review.grade, review.construction)):
            positive[part].append(review.label)
    for part, labels in positive.items():
        assert abs(np.mean(labels) - 0.5) <= 0.02, part


@pytest.mark.parametrize("split", SPLITS)
def test_grades_have_the_documented_shares(generator, stored, split):
    """The stored grades occur in the shares that the generator and its README name."""
    counts = Counter(stored[split]["grade"].tolist())
    assert sum(counts.values()) == generator.SIZES[split]
    for grade, share in generator.GRADE_SHARES.items():
        assert counts[grade] == round(share * generator.SIZES[split])
    readme = (DEMO / "README.md").read_text(encoding="utf-8")
    for share in generator.GRADE_SHARES.values():
        assert f"{share:.0%}".replace("%", " %") in readme


def judgements(generator: ModuleType, text: str) -> list[int]:
    """The words of blame (0) and praise (1) of a text, in their order."""
    values = {}
    for value in (0, 1):
        values |= dict.fromkeys(generator.COMMON_WORDS[value], value)
        for topic in generator.TOPICS:
            for group in topic.groups:
                values |= dict.fromkeys(group.words[value], value)
    words = text.lower().replace(".", " ").replace(",", " ").replace(";", " ").split()
    return [values[word] for word in words if word in values]


def test_no_word_both_praises_and_blames(generator):
    """Praise and blame share no word, in any topic."""
    words = [set(), set()]
    for value in (0, 1):
        words[value].update(generator.COMMON_WORDS[value])
        for topic in generator.TOPICS:
            for group in topic.groups:
                words[value].update(group.words[value])
    assert not words[0] & words[1]


def test_plain_reviews_mean_what_they_say(generator, reviews):
    """In grade 0 all judging words agree with the label."""
    plain = [review for review in reviews["test"] if review.grade == 0]
    assert plain
    for review in plain:
        assert set(judgements(generator, review.text)) == {review.label}, review


def test_composed_reviews_cannot_be_counted(generator, reviews):
    """In grade 1 opposed claims hold one word of each kind; above it a count of words is no better than chance."""
    counted = []
    for review in reviews["train"]:
        found = judgements(generator, review.text)
        if review.grade == 1 and review.construction in ("contrast", "change", "comparison"):
            assert sorted(found) == [0, 1], review
        elif review.grade > 1:
            mean = np.mean(found)
            counted.append(0.5 if mean == 0.5 else float((mean > 0.5) == review.label))
    assert np.mean(counted) <= 0.55


def test_examples_of_each_construction_read_as_labelled(generator, reviews):
    """The rule of each cue holds: a refuted claim is turned round, and after "but" comes what counts."""
    checked = Counter()
    for review in reviews["train"]:
        if review.grade != 1:
            continue
        first, *_, last = judgements(generator, review.text)[:1] + judgements(generator, review.text)[-1:]
        words = set(review.text.lower().replace(".", "").replace(",", "").split())
        if review.construction == "expectation":
            refuted = bool(words & {"wrong", "disagree", "lie", "anything"})
            assert review.label == (1 - first if refuted else first), review
            checked["refuted" if refuted else "agreed"] += 1
        elif review.construction == "contrast" and "but" in words:
            assert review.label == last, review
            checked["but"] += 1
        elif review.construction == "negation":
            cancelled = bool(words & {"deny", "doubt", "doubted"})
            assert review.label == (first if cancelled else 1 - first), review
            checked["cancelled" if cancelled else "negated"] += 1
    assert min(checked[name] for name in ("refuted", "agreed", "but", "negated", "cancelled")) > 50


def test_texts_are_short_english_sentences(stored):
    """Every text is at most 50 words of a small vocabulary, starts with a capital letter and ends with a full stop."""
    texts = stored["train"]["text"].tolist()
    assert all(text[0].isupper() and text.endswith(".") and len(text.split()) <= 50 for text in texts)
    assert not any(mark in text for text in texts for mark in ("{", "}", "  ", "..", " ."))
    assert 200 <= len(CountVectorizer(token_pattern=r"\w+").fit(texts).vocabulary_) <= 600


def test_a_bag_of_words_stays_below_its_bound(stored):
    """A linear model on words and word pairs solves the plain reviews and stays near chance on the others."""
    vectorizer = TfidfVectorizer(ngram_range=(1, 2))
    train, test = stored["train"], stored["test"]
    model = LogisticRegression(C=1.0, max_iter=1000).fit(vectorizer.fit_transform(train["text"]), train["label"])
    right = model.predict(vectorizer.transform(test["text"])) == test["label"]
    assert right[test["grade"] == 0].mean() > 0.9
    assert right[test["grade"] == 1].mean() < 0.6
    assert right[test["grade"] > 1].mean() < 0.6
    assert 0.55 < right.mean() < 0.72


def test_encoders_beside_it_are_small_and_share_a_vocabulary():
    """One vocabulary, so that the study tokenizes once; sizes rise from rung to rung."""
    study = yaml.safe_load((DEMO.parents[1] / "config.yaml").read_text(encoding="utf-8"))
    names = [row["encoder"] for row in study["models"][:4]]
    folders = [DEMO.parents[1] / study["encoders"][name]["sources"][0]["huggingface"] for name in names]
    assert {file.name for folder in folders for file in folder.iterdir()} == {
        "config.json",
        "vocab.txt",
        "model.safetensors",
    }
    assert len({(folder / "vocab.txt").read_bytes() for folder in folders}) == 1
    weights = [(folder / "model.safetensors").stat().st_size for folder in folders]
    assert weights == sorted(weights) and sum(weights) < 200_000
