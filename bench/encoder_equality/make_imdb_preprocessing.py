"""Write the checksums of what TF Hub's preprocessing feeds an encoder for 1,000 IMDB reviews (see README.md).

Runs in the environment of model_garden.in, with the SavedModel that bench/tfhub_preprocessing/export_preprocessing.py
writes for the genuine uncased vocabulary.
"""

import argparse
import hashlib
import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow_text  # noqa: F401 (registers the operations of the SavedModel)

FIXTURE = Path(__file__).parents[2] / "tests" / "fixtures" / "encoders" / "imdb_preprocessing.json"
# The reviews are sorted by label: every 50th of 25,000 gives 250 of each class.
STEP = 50


def checksums(outputs: dict[str, tf.Tensor]) -> dict[str, str]:
    """SHA-256 of each output as little-endian int32, row after row."""
    return {
        name: hashlib.sha256(value.numpy().astype("<i4").tobytes()).hexdigest()
        for name, value in sorted(outputs.items())
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("preprocessing", help="SavedModel of TF Hub's preprocessing")
    parser.add_argument("imdb", type=Path, help="folder of train.npz and test.npz, whose texts are pickled: trust them")
    arguments = parser.parse_args()
    preprocess = tf.saved_model.load(arguments.preprocessing)
    fixture = {
        "made_with": {p: version(p) for p in ("tf-models-official", "tensorflow", "tensorflow-text")},
        "step": STEP,
    }
    for split in ("train", "test"):
        texts = tf.constant(list(np.load(arguments.imdb / f"{split}.npz", allow_pickle=True)["text"][::STEP]))
        long = preprocess.bert_pack_inputs([preprocess.tokenize(texts)], seq_length=tf.constant(512))
        fixture[split] = {"128": checksums(preprocess(texts)), "512": checksums(long)}
    FIXTURE.write_text(json.dumps(fixture, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
