"""Weights and inputs that every environment draws alike, so that only outputs need to be kept (see README.md)."""

from collections.abc import Iterator, Mapping

import numpy as np

LENGTHS = (8, 128, 512)
# The small encoder of the fixtures, by the keys of google-research/bert's bert_config.json.
SMALL = {
    "vocab_size": 200,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 128,
    "max_position_embeddings": 512,
    "type_vocab_size": 2,
    "hidden_act": "gelu",
    "initializer_range": 0.02,
    "hidden_dropout_prob": 0.1,
    "attention_probs_dropout_prob": 0.1,
}
# Standard deviation of the weights: BERT's own, and one that drives GELU where its two forms differ. The large one is
# smaller in wider encoders, whose sums have more terms.
DEVIATIONS = {"usual": {32: 0.02, 256: 0.02, 512: 0.02}, "large": {32: 0.3, 256: 0.07, 512: 0.035}}
SEEDS = {"usual": 1, "large": 6}


def small_vocabulary() -> list[str]:
    """The WordPieces of the small encoder."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    pieces = special + letters + [f"##{letter}" for letter in letters] + [".", ",", "!", "?"]
    words = [a + b for a in "bcdfghlmnprstw" for b in ("a", "e", "i", "o", "u", "ad", "en", "ip", "ow", "um")]
    return [*pieces, *words][: SMALL["vocab_size"]]


def seeded_tensors(
    shapes: Mapping[str, tuple[int, ...]], deviation: float, seed: int
) -> Iterator[tuple[str, np.ndarray]]:
    """Draw tensors one after the other, in the order of their names.

    Every tensor is normal around 0, a layer norm's gamma around 1. Values are cut to the precision of bfloat16, which
    halves a compressed fixture and leaves them float32 numbers like any other.

    Args:
        shapes: of the tensors by name.
        deviation: standard deviation.
        seed: of NumPy's RandomState, whose stream NumPy has promised never to change.

    Yields:
        Name and float32 array.
    """
    random = np.random.RandomState(seed)
    for name in sorted(shapes):
        array = random.standard_normal(shapes[name]).astype(np.float32) * np.float32(deviation)
        array += np.float32(name.endswith("gamma"))
        yield name, (array.view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)


def seeded_batches(vocabulary_size: int, seed: int = 0) -> dict[str, dict[str, np.ndarray]]:
    """Draw batches of every length: one full text, and two of which three quarters and a few WordPieces are real.

    Returns:
        Batch by name, such as "128 padded"; each has TF Hub's inputs, int32 (texts, length).
    """
    random = np.random.RandomState(seed)
    batches = {}
    for length in LENGTHS:
        for kind, real in (("unpadded", [length]), ("padded", [length * 3 // 4, 3])):
            mask = (np.arange(length) < np.array(real)[:, None]).astype(np.int32)
            types = (np.arange(length) >= np.array(real)[:, None] // 2).astype(np.int32)
            ids = random.randint(1, vocabulary_size, mask.shape).astype(np.int32)
            batches[f"{length} {kind}"] = {
                "input_word_ids": ids * mask,
                "input_mask": mask,
                "input_type_ids": types * mask,
            }
    return batches


def kept_positions(length: int, most: int) -> np.ndarray:
    """The positions of which a fixture keeps the sequence output: all of a short text, else `most` of them."""
    return np.arange(length) if length <= most else np.linspace(0, length - 1, most).astype(int)


def kept_outputs(
    outputs: Mapping[str, tuple[np.ndarray, np.ndarray]], most: int, prefix: str = ""
) -> dict[str, np.ndarray]:
    """What a fixture keeps of the outputs.

    Args:
        outputs: (pooled, sequence) of each batch.
        most: positions of each text; 8 or more, so that texts of 8 are whole.
        prefix: put before the names.

    Returns:
        "<prefix><batch> pooled" and "<prefix><batch> sequence", float32.
    """
    kept = {}
    for batch, (pooled, sequence) in outputs.items():
        kept[f"{prefix}{batch} pooled"] = pooled
        kept[f"{prefix}{batch} sequence"] = sequence[:, kept_positions(sequence.shape[1], most)]
    return kept
