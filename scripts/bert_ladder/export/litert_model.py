"""A chosen BERT for LiteRT, which runs on telephones and small machines."""

import json
import logging
from pathlib import Path

import keras
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from bert_ladder.export.chosen_bert import open_chosen_bert
from bert_ladder.export.fast_tokenizer import fast_tokenizer

# No module: this project does not have what it imports.
PROGRAM = '''\
"""The class of a text and the probabilities: python predict.py "a text" "more". Needs ai-edge-litert and tokenizers."""

import json
import os
import sys
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

try:
    from ai_edge_litert.interpreter import Interpreter
except ImportError:  # TensorFlow brings the same interpreter
    import tensorflow as tf

    Interpreter = tf.lite.Interpreter


class Classifier:
    """The model of a folder. `labels` are its classes; a long text is cut as in the training."""

    def __init__(self, folder: Path = Path(__file__).parent) -> None:
        self.settings = json.loads((folder / "litert.json").read_text(encoding="utf-8"))
        self.labels = self.settings["labels"]
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.interpreter = Interpreter(str(folder / "model.tflite"), num_threads=len(os.sched_getaffinity(0)))
        (self.given,), (self.found,) = self.interpreter.get_input_details(), self.interpreter.get_output_details()

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
        self.interpreter.resize_tensor_input(self.given["index"], batch.shape)
        self.interpreter.allocate_tensors()
        self.interpreter.set_tensor(self.given["index"], batch)
        self.interpreter.invoke()
        logits = self.interpreter.get_tensor(self.found["index"])
        powers = np.exp((logits - logits.max(axis=1, keepdims=True)) / self.settings["temperature"], dtype=np.float64)
        return powers / powers.sum(axis=1, keepdims=True)


if __name__ == "__main__":
    texts = sys.argv[1:] or sys.exit(__doc__)
    model = Classifier()
    for text, found in zip(texts, model.probabilities(texts), strict=True):
        shown = dict(zip(model.labels, found.round(4).tolist(), strict=True))
        line = {"label": model.labels[found.argmax()], "probabilities": shown, "text": text}
        print(json.dumps(line, ensure_ascii=False))
'''


def export_litert(folder: Path | str, target: Path | str) -> None:
    """Write a chosen BERT as model.tflite, litert.json, tokenizer.json and predict.py.

    model.tflite takes `token_ids`, int32 (batch, width), and gives logits, float32 (batch, classes), for any batch and
    width, of which its interpreter must be told; litert.json is what `export_onnx` writes as onnx.json.

    Args:
        folder: chosen/ of a study.
        target: folder to write.

    Raises:
        BadInput: see `open_chosen_bert`.
    """
    chosen = open_chosen_bert(folder, "litert")
    model, target = converted(chosen.classifier), Path(target)
    target.mkdir(parents=True, exist_ok=True)
    (target / "model.tflite").write_bytes(model)
    settings = json.dumps(chosen.settings, indent=2, ensure_ascii=False)
    (target / "litert.json").write_text(f"{settings}\n", encoding="utf-8")
    fast_tokenizer(chosen.pieces, chosen.description["lower_case"]).save(str(target / "tokenizer.json"))
    (target / "predict.py").write_text(PROGRAM, encoding="utf-8")


def converted(classifier: keras.Model) -> bytes:
    """A classifier in LiteRT's form."""
    logging.getLogger("absl").setLevel(logging.ERROR)  # what it says is about its own arguments
    serve = tf.function(lambda token_ids: classifier(token_ids, training=False))
    concrete = serve.get_concrete_function(tf.TensorSpec((None, None), tf.int32, name="token_ids"))
    # With variables the weights would stay outside of the file.
    frozen = convert_variables_to_constants_v2(concrete)
    return tf.lite.TFLiteConverter.from_concrete_functions([frozen]).convert()
