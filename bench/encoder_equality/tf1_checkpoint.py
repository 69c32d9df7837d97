"""Writes a checkpoint as google-research/bert published them, with TensorFlow's own Saver (see README.md)."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import tensorflow as tf


def checkpoint_shapes(config: dict) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the tensors of a published checkpoint, its pre-training heads included.

    Args:
        config: the content of its bert_config.json.
    """
    hidden, words = config["hidden_size"], config["vocab_size"]
    dense = {"bert/pooler/dense": (hidden, hidden), "cls/predictions/transform/dense": (hidden, hidden)}
    norms = ["bert/embeddings/LayerNorm", "cls/predictions/transform/LayerNorm"]
    for i in range(config["num_hidden_layers"]):
        layer = f"bert/encoder/layer_{i}"
        dense |= {f"{layer}/attention/self/{name}": (hidden, hidden) for name in ("query", "key", "value")}
        dense[f"{layer}/attention/output/dense"] = (hidden, hidden)
        dense[f"{layer}/intermediate/dense"] = (hidden, config["intermediate_size"])
        dense[f"{layer}/output/dense"] = (config["intermediate_size"], hidden)
        norms += [f"{layer}/attention/output/LayerNorm", f"{layer}/output/LayerNorm"]
    return {
        "bert/embeddings/word_embeddings": (words, hidden),
        "bert/embeddings/position_embeddings": (config["max_position_embeddings"], hidden),
        "bert/embeddings/token_type_embeddings": (config["type_vocab_size"], hidden),
        "cls/predictions/output_bias": (words,),
        "cls/seq_relationship/output_weights": (2, hidden),
        "cls/seq_relationship/output_bias": (2,),
        **{f"{name}/kernel": shape for name, shape in dense.items()},
        **{f"{name}/bias": shape[1:] for name, shape in dense.items()},
        **{f"{name}/{part}": (hidden,) for name in norms for part in ("gamma", "beta")},
    }


def index_shapes(prefix: Path | str) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the tensors in a checkpoint's index; its data file is not needed."""
    return {name: tuple(s) for name, s in tf.train.load_checkpoint(str(prefix)).get_variable_to_shape_map().items()}


def write_checkpoint(tensors: Iterable[tuple[str, np.ndarray]], prefix: Path | str) -> None:
    """Write a name-based checkpoint, <prefix>.index and <prefix>.data-00000-of-00001.

    Args:
        tensors: name and array of each.
        prefix: such as folder/bert_model.ckpt.
    """
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        for name, array in tensors:
            # The values come from outside the graph, which must stay under two gigabytes.
            zeros = v1.zeros_initializer()
            variable = v1.get_variable(name, array.shape, tf.as_dtype(array.dtype), zeros, use_resource=False)
            variable.load(array, session)
        v1.train.Saver().save(session, str(prefix), write_meta_graph=False, write_state=False)
