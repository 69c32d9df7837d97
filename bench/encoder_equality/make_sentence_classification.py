"""Write what sentence-transformers answers with small exported classifiers (see README.md).

Runs in the environment of hugging_face.in, on the folders `mean/…` that `make_text_classifiers.py` has written in the
project's.
"""

import argparse
import hashlib
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
from sentence_transformers import SentenceTransformer

PROJECT = Path(__file__).parents[2]
FIXTURE = PROJECT / "tests" / "fixtures" / "encoders" / "outputs_sentence_classification.npz"
sys.path.insert(0, str(PROJECT / "tests"))

from asked_texts import TEXTS  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+", help="exported classifiers, each in a folder of its own name")
    arrays = {}
    for folder in parser.parse_args().folders:
        # Told nothing but the folder.
        arrays[folder.name] = SentenceTransformer(str(folder), device="cpu").encode(TEXTS)
        weights = [(folder / name / "model.safetensors").read_bytes() for name in ("", "2_Dense")]
        arrays[f"{folder.name}_weights"] = np.array(hashlib.sha256(b"".join(weights)).hexdigest())
    np.savez(FIXTURE, sentence_transformers=np.array(version("sentence-transformers")), **arrays)


if __name__ == "__main__":
    main()
