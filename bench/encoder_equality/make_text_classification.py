"""Write what transformers' pipeline answers with small exported classifiers (see README.md).

Runs in the environment of hugging_face.in, on the folders that `make_text_classifiers.py` has written in the project's.
"""

import argparse
import hashlib
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
from transformers import pipeline

PROJECT = Path(__file__).parents[2]
FIXTURE = PROJECT / "tests" / "fixtures" / "encoders" / "outputs_text_classification.npz"
sys.path.insert(0, str(PROJECT / "tests"))

from asked_texts import TEXTS  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+", help="exported classifiers, each in a folder of its own name")
    arrays = {}
    for folder in parser.parse_args().folders:
        classify = pipeline("text-classification", model=str(folder), top_k=None, device="cpu")
        labels = [classify.model.config.id2label[code] for code in range(classify.model.config.num_labels)]
        # Cut as the folder says, with nothing said here about its length.
        answers = [{one["label"]: one["score"] for one in found} for found in classify(TEXTS, truncation=True)]
        arrays[folder.name] = np.array([[answer[label] for label in labels] for answer in answers])
        weights = (folder / "model.safetensors").read_bytes()
        arrays[f"{folder.name}_weights"] = np.array(hashlib.sha256(weights).hexdigest())
    np.savez(FIXTURE, transformers=np.array(version("transformers")), **arrays)


if __name__ == "__main__":
    main()
