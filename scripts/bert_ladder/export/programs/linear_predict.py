"""The class of a text and the probabilities: python predict.py "a text" "another". Needs numpy only."""

import json
import sys
from collections import Counter
from pathlib import Path

import numpy as np

from bert_ladder.training.linear import word_pattern, words_of

# What a probability of 0 counts as, so that it has a logarithm.
LEAST = np.finfo(np.float32).tiny


class Classifier:
    """The model of a folder. `labels` are its classes."""

    def __init__(self, folder: Path = Path(__file__).parent) -> None:
        settings = json.loads((folder / "numpy.json").read_text(encoding="utf-8"))
        self.labels, self.temperature = settings["labels"], settings["temperature"]
        with np.load(folder / "baseline.npz", allow_pickle=False) as arrays:
            self.arrays = {name: arrays[name] for name in arrays.files}
        self.weights = np.ascontiguousarray(self.arrays["weights"].T)
        ngrams = self.arrays["ngrams"].tobytes().decode().split("\n")
        self.columns = {ngram: column for column, ngram in enumerate(ngrams)}
        self.longest = 3 if str(self.arrays["baseline"]) == "nb_svm" else 2
        self.pattern = word_pattern()

    def margins(self, text: str) -> np.ndarray:
        """The weighted sums of a text's n-grams: their presence, or with `idf` their TF-IDF of length 1."""
        words = words_of(text, self.pattern)
        ngrams = (" ".join(words[i : i + n]) for n in range(1, self.longest + 1) for i in range(len(words) - n + 1))
        counts = Counter(self.columns[ngram] for ngram in ngrams if ngram in self.columns)
        columns, values = np.array(list(counts), int), np.ones(len(counts))
        if "idf" in self.arrays:
            values = (1 + np.log(list(counts.values()))) * self.arrays["idf"][columns]
            values /= np.linalg.norm(values) or 1
        return values @ self.weights[columns] + self.arrays["intercepts"]

    def probabilities(self, texts: list[str]) -> np.ndarray:
        """Calibrated probabilities of the classes, float64 (texts, classes)."""
        scores = np.array([self.margins(text) for text in texts])
        if scores.shape[1] == 1:  # speaks for the second of two classes
            scores = np.hstack([-scores / 2, scores / 2])
        found = np.zeros((len(texts), int(self.arrays["classes"])))
        found[:, self.arrays["present"]] = softmax(scores / self.arrays["temperature"])
        return softmax(np.log(np.maximum(found, LEAST)) / self.temperature)


def softmax(scores: np.ndarray) -> np.ndarray:
    """Probabilities of scores, (texts, classes)."""
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


if __name__ == "__main__":
    texts = sys.argv[1:] or sys.exit(__doc__)
    model = Classifier()
    for text, found in zip(texts, model.probabilities(texts), strict=True):
        shown = dict(zip(model.labels, found.round(4).tolist(), strict=True))
        line = {"label": model.labels[found.argmax()], "probabilities": shown, "text": text}
        print(json.dumps(line, ensure_ascii=False))
