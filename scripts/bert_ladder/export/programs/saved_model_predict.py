"""The class of a text and the probabilities: python predict.py "a text" "another". Needs tensorflow and its text."""

import json
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow_text  # noqa: F401 (brings the operations of the tokenizer)


class Classifier:
    """The model of a folder. `labels` are its classes; a long text is cut as in the training."""

    def __init__(self, folder: Path = Path(__file__).parent) -> None:
        self.loaded = tf.saved_model.load(str(folder))
        self.serve = self.loaded.signatures["serving_default"]
        self.labels = [label.decode() for label in self.loaded.signatures["labels"]()["labels"].numpy()]

    def probabilities(self, texts: list[str]) -> np.ndarray:
        """Calibrated probabilities of the classes, float32 (texts, classes)."""
        return self.serve(texts=tf.constant(texts))["probabilities"].numpy()


if __name__ == "__main__":
    texts = sys.argv[1:] or sys.exit(__doc__)
    model = Classifier()
    for text, found in zip(texts, model.probabilities(texts), strict=True):
        shown = {label: round(float(p), 4) for label, p in zip(model.labels, found, strict=True)}
        line = {"label": model.labels[found.argmax()], "probabilities": shown, "text": text}
        print(json.dumps(line, ensure_ascii=False))
