"""The linear models behind the baselines: words, weights, and how they are kept in a file that can run no code."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix
from scipy.special import softmax
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

from bert_ladder.training.predictor import Predictor

# Scripts written without spaces (Thai, Lao, Myanmar, Khmer, kana, Chinese characters), and all beyond the first plane.
UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00010000-\U0010ffff"
)


@dataclass(frozen=True)
class LinearClassifier:
    """Class probabilities from one weighted sum per class.

    Attributes:
        weights: float32, shape (margins, features); one margin for two classes, else one per class.
        intercepts: shape (margins,).
        temperature: what margins are divided by before the softmax.
    """

    weights: np.ndarray
    intercepts: np.ndarray
    temperature: float = 1.0

    @property
    def parameters(self) -> int:
        return self.weights.size + self.intercepts.size

    def scores(self, features: csr_matrix) -> np.ndarray:
        """Unscaled log-odds of each class, shape (n, classes), for features of shape (n, features)."""
        return class_scores(features @ self.weights.T + self.intercepts)

    def probabilities(self, features: csr_matrix) -> np.ndarray:
        """Class probabilities, shape (n, classes), for features of shape (n, features)."""
        return softmax(self.scores(features) / self.temperature, axis=1)


@dataclass(frozen=True)
class LinearModel:
    """A fitted baseline: n-grams and a classifier over the classes that it has seen.

    Attributes:
        vectorizer: gives features of shape (n, n-grams) for n texts.
        classifier: over the classes of `present`.
        present: codes of the classes that have training texts, rising.
        classes: number of classes.
    """

    vectorizer: CountVectorizer
    classifier: LinearClassifier
    present: np.ndarray
    classes: int

    def predict(self, features: csr_matrix) -> np.ndarray:
        """Class probabilities, float32, shape (n, classes); 0 for a class without a training text."""
        probabilities = np.zeros((features.shape[0], self.classes), dtype=np.float32)
        probabilities[:, self.present] = self.classifier.probabilities(features)
        return probabilities

    def probabilities(self, texts: Sequence[str]) -> np.ndarray:
        """Class probabilities of texts, float32, shape (n, classes)."""
        return self.predict(self.vectorizer.transform(texts))


def class_scores(margins: np.ndarray) -> np.ndarray:
    """Scores (n, classes) from margins (n, 1), which speak for the second of two classes, or (n, classes)."""
    return np.hstack([-margins / 2, margins / 2]) if margins.shape[1] == 1 else margins


def word_pattern() -> re.Pattern[str]:
    """Matches a word, a punctuation mark or symbol, or one character of a script that is written without spaces.

    What is neither white space nor punctuation belongs to a word, so that vowel signs and joiners, which Python's
    own word class leaves out, do not cut the words of Indic and Arabic scripts.
    """
    # One plane and no class escapes: `re` looks such a set up in a table, a hundred times as fast as a list of ranges.
    plane = [chr(code) for code in range(0x10000)]
    blank = "".join(re.escape(char) for char in plane if char.isspace() or unicodedata.category(char) == "Cc")
    marks = "".join(re.escape(char) for char in plane if unicodedata.category(char)[0] in "PS")
    return re.compile(f"[^{blank}{marks}{UNSPACED}]+|[^{blank}]")


def words_of(text: str, pattern: re.Pattern[str]) -> list[str]:
    """Lower-cased words and punctuation marks of a text, composed and decomposed accents being the same."""
    return pattern.findall(unicodedata.normalize("NFC", text).lower())


def build_vectorizer(baseline: str, vocabulary: list[str] | None = None) -> CountVectorizer:
    """What turns texts into n-grams: presence of 1- to 3-grams for "nb_svm", else TF-IDF of 1- and 2-grams.

    Args:
        baseline: "tfidf_logistic_regression" or "nb_svm".
        vocabulary: the n-grams in the order of their columns; those of the texts that it is fitted to by default.
    """
    settings: dict[str, Any] = {
        "tokenizer": partial(words_of, pattern=word_pattern()),
        "vocabulary": vocabulary,
        "analyzer": "word",
        "token_pattern": None,
        "lowercase": False,
        "dtype": np.float32,
    }
    if baseline == "nb_svm":
        return CountVectorizer(ngram_range=(1, 3), binary=True, **settings)
    return TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, **settings)


def save_linear_model(path: str | Path, baseline: str, model: LinearModel) -> None:
    """Write a fitted baseline as plain arrays, which `np.load` reads without pickle.

    `ngrams` are in UTF-8, one per line (no word holds a line break), in the order of the columns of `weights`.
    """
    ngrams = "\n".join(model.vectorizer.get_feature_names_out())
    idf = {"idf": model.vectorizer.idf_} if isinstance(model.vectorizer, TfidfVectorizer) else {}
    np.savez(
        path,
        baseline=np.array(baseline),
        ngrams=np.frombuffer(ngrams.encode(), np.uint8),
        weights=model.classifier.weights,
        intercepts=model.classifier.intercepts,
        temperature=model.classifier.temperature,
        present=model.present,
        classes=model.classes,
        **idf,
    )


def load_linear_model(path: str | Path) -> LinearModel:
    """Read what `save_linear_model` wrote."""
    with np.load(path, allow_pickle=False) as arrays:
        vectorizer = build_vectorizer(str(arrays["baseline"]), arrays["ngrams"].tobytes().decode().split("\n"))
        if "idf" in arrays:
            vectorizer.idf_ = arrays["idf"]
        classifier = LinearClassifier(arrays["weights"], arrays["intercepts"], float(arrays["temperature"]))
        return LinearModel(vectorizer, classifier, arrays["present"], int(arrays["classes"]))


def open_baseline(path: str | Path) -> Predictor:
    """Open a fitted baseline; it takes texts of any length."""
    return Predictor(load_linear_model(path).probabilities, None, "SciPy")
