"""Compare this project's encoder with the outputs that foreign_outputs.py wrote (see README.md).

Runs in the project's environment; exits with 1 if an output is more than 1e-5 away.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from keras import ops
from seeded import seeded_batches

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

from bert_ladder.encoders.backbones import assign
from bert_ladder.encoders.families.bert import build_backbone
from bert_ladder.encoders.readers import read_published

TOLERANCE = 1e-5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=("savedmodel", "checkpoint", "huggingface"))
    parser.add_argument("folder", type=Path, help="where the published files are, unpacked")
    parser.add_argument("outputs", help=".npz file that foreign_outputs.py wrote")
    arguments = parser.parse_args()
    published = read_published(arguments.kind, arguments.folder)
    backbone = build_backbone(published.architecture)
    assign(backbone, published.tensors, arguments.folder)
    expected = np.load(arguments.outputs)
    largest = 0.0
    for name, batch in seeded_batches(backbone.vocabulary_size).items():
        ids, mask, types = (batch[f"input_{key}"] for key in ("word_ids", "mask", "type_ids"))
        outputs = backbone({"token_ids": ids, "padding_mask": mask, "segment_ids": types})
        for kind in ("pooled", "sequence"):
            ours = ops.convert_to_numpy(outputs[f"{kind}_output"])
            deviation = float(np.abs(ours - expected[f"{name} {kind}"]).max())
            print(f"{name:13} {kind:8} {ours.shape!s:15} largest deviation {deviation:.1e}")
            largest = max(largest, deviation)
    sys.exit(largest > TOLERANCE)


if __name__ == "__main__":
    main()
