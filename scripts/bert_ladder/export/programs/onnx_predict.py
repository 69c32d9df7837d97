"""The class of a text and the probabilities: python predict.py "a text" "another". Needs onnxruntime and tokenizers."""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer


class Classifier:
    """The model of a folder. `labels` are its classes; a long text is cut as in the training."""

    def __init__(self, folder: Path = Path(__file__).parent) -> None:
        self.settings = json.loads((folder / "onnx.json").read_text(encoding="utf-8"))
        self.labels = self.settings["labels"]
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.encode_special_tokens = True  # a text that spells one out is a text
        self.session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])

    def token_ids(self, text: str) -> list[int]:
        """The ids of a text; of one that is too long its head, its tail, or both in the ratio 128 : 382."""
        ids, room = self.tokenizer.encode(text, add_special_tokens=False).ids, self.settings["length"] - 2
        if len(ids) > room:
            head = {"head": room, "tail": 0, "head+tail": round(room * 128 / 510)}[self.settings["truncation"]]
            ids = ids[:head] + ids[len(ids) - (room - head) :]
        return [self.settings["start"], *ids, self.settings["end"]]

    def probabilities(self, texts: list[str]) -> np.ndarray:
        """Calibrated probabilities of the classes, float64 (texts, classes)."""
        rows = [self.token_ids(text) for text in texts]
        batch = np.full((len(rows), max(map(len, rows))), self.settings["pad"], np.int32)
        for line, row in zip(batch, rows, strict=True):
            line[: len(row)] = row
        (logits,) = self.session.run(["logits"], {"token_ids": batch})
        powers = np.exp((logits - logits.max(axis=1, keepdims=True)) / self.settings["temperature"], dtype=np.float64)
        return powers / powers.sum(axis=1, keepdims=True)


if __name__ == "__main__":
    texts = sys.argv[1:] or sys.exit(__doc__)
    model = Classifier()
    for text, found in zip(texts, model.probabilities(texts), strict=True):
        shown = dict(zip(model.labels, found.round(4).tolist(), strict=True))
        line = {"label": model.labels[found.argmax()], "probabilities": shown, "text": text}
        print(json.dumps(line, ensure_ascii=False))
