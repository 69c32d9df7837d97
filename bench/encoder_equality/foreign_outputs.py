"""Write the outputs that a publisher's own code gives for an encoder (see README.md).

Runs in the environment of model_garden.in for a SavedModel of TF Hub or a checkpoint of google-research/bert, in that
of hugging_face.in for a model of transformers.
"""

import argparse
from importlib import import_module
from pathlib import Path

import numpy as np


def saved_model_outputs(folder: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Outputs of a SavedModel, run by TensorFlow."""
    model_garden = import_module("make_model_garden")
    encoder = model_garden.tf.saved_model.load(str(folder))
    words = next(v.shape[0] for v in encoder.variables if "word_embeddings/embeddings" in v.name)
    return model_garden.called(encoder, words)


def checkpoint_outputs(folder: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Outputs of Model Garden's BertEncoder for a checkpoint."""
    prefix, config = folder / "bert_model.ckpt", folder / "bert_config.json"
    return import_module("make_model_garden").checkpoint_outputs(prefix, config)


def hugging_face_outputs(folder: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Outputs of transformers' BertModel."""
    hugging_face = import_module("make_hugging_face")
    return hugging_face.called(hugging_face.BertModel.from_pretrained(folder).eval())


OUTPUTS = {"savedmodel": saved_model_outputs, "checkpoint": checkpoint_outputs, "huggingface": hugging_face_outputs}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=OUTPUTS)
    parser.add_argument("folder", type=Path, help="where the published files are, unpacked")
    parser.add_argument("outputs", help=".npz file to write")
    arguments = parser.parse_args()
    arrays = {}
    for batch, (pooled, sequence) in OUTPUTS[arguments.kind](arguments.folder).items():
        arrays |= {f"{batch} pooled": pooled, f"{batch} sequence": sequence}
    np.savez(arguments.outputs, **arrays)


if __name__ == "__main__":
    main()
