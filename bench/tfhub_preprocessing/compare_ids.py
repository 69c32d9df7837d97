"""Compare the ids of an exported TF Hub preprocessing with those of this project (see README.md).

Compared are the hostile strings, every code point, and the texts of any frames.
"""

import argparse
import hashlib
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import tensorflow as tf
import tensorflow_text  # noqa: F401 (registers the operations of the SavedModel)
from hostile_strings import HOSTILE_STRINGS

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

from bert_ladder.data.wordpiece import WordPieceTokenizer, offsets_of, read_texts, read_vocabulary

BATCH = 1000


def preprocessing_ids(tokenize: tf.Module, texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Ids and offsets of texts by the SavedModel's `tokenize` part."""
    ids, lengths = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for start in range(0, len(texts), BATCH):
        pieces = tokenize(tf.constant(texts[start : start + BATCH])).merge_dims(1, 2)
        ids.append(pieces.values.numpy())
        lengths.append(pieces.row_lengths().numpy())
    return np.concatenate(ids), offsets_of(np.concatenate(lengths))


def differing_texts(
    tokenize: tf.Module, tokenizer: WordPieceTokenizer, texts: pa.Array
) -> tuple[list[int], np.ndarray]:
    """Positions of the texts on which the two do not give the same ids, and the ids of the preprocessing."""
    truth, truth_offsets = preprocessing_ids(tokenize, texts.to_pylist())
    ids, offsets = tokenizer.tokenize(texts)
    wrong = [
        i
        for i in range(len(texts))
        if not np.array_equal(ids[offsets[i] : offsets[i + 1]], truth[truth_offsets[i] : truth_offsets[i + 1]])
    ]
    return wrong, truth


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("preprocessing", help="SavedModel written by export_preprocessing.py")
    parser.add_argument("vocabulary", help="the vocabulary it was exported with")
    parser.add_argument("frames", nargs="*", help="parquet files with a column DATA_COLUMN")
    parser.add_argument("--cased", action="store_true", help="it was exported with --cased")
    arguments = parser.parse_args()
    tokenize = tf.saved_model.load(arguments.preprocessing).tokenize
    tokenizer = WordPieceTokenizer(read_vocabulary(arguments.vocabulary), lower_case=not arguments.cased)

    names = list(HOSTILE_STRINGS)
    wrong, _ = differing_texts(tokenize, tokenizer, pa.array(HOSTILE_STRINGS.values()))
    print(f"hostile strings: {len(wrong)} of {len(names)} differ {[names[i] for i in wrong]}")
    differences = len(wrong)

    characters = [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code <= 0xDFFF]
    unequal = [
        characters[start + i]
        for start in range(0, len(characters), 10 * BATCH)
        for i in differing_texts(
            tokenize, tokenizer, pa.array([f"a{c}b {c} good{c}" for c in characters[start : start + 10 * BATCH]])
        )[0]
    ]
    print(f"code points: {len(unequal)} of {len(characters)} differ {[f'U+{ord(c):04X}' for c in unequal]}", flush=True)
    differences += len(unequal)

    for frame in arguments.frames:
        rows = differing = 0
        digest = hashlib.sha256()
        for texts in read_texts(frame):
            wrong, truth = differing_texts(tokenize, tokenizer, texts)
            digest.update(truth.astype("<i4").tobytes())
            differing += len(wrong)
            rows += len(texts)
        # The tests know this checksum for IMDB, so that they can hold all of it against the preprocessing itself.
        print(f"{frame}: {differing} of {rows} texts differ; sha256 of the preprocessing's ids {digest.hexdigest()}")
        differences += differing
    sys.exit(differences > 0)


if __name__ == "__main__":
    main()
