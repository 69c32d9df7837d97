"""Texts per second of the workflow's tokenizer beside the tokenizers it could have used, in one interleaved run.

    .venv/bin/python bench/bench_tokenizers.py VOCABULARY FRAME.parquet [--threads 2] [--rounds 5]

Every round runs every tokenizer once over the same texts, so that a slow moment of the machine hits all of them. Only
the workflow's path reads the parquet file and writes its .npy files; the others get the texts in memory and throw their
ids away. Building the tokenizers is not timed.
"""

import argparse
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))

BATCH = 1000


def contenders(arguments: argparse.Namespace, texts: list[str]) -> dict[str, Callable[[], None]]:
    """One function a tokenizer, each tokenizing all texts once."""
    # Imported here because TensorFlow and the tokenizers library read the number of threads when they are loaded.
    import tensorflow as tf
    import tensorflow_text as text
    from tokenizers import BertWordPieceTokenizer

    from bert_ladder.data.wordpiece import (
        WordPieceTokenizer,
        ids_dtype,
        map_in_order,
        read_texts,
        read_vocabulary,
        write_npy,
    )

    vocabulary = read_vocabulary(arguments.vocabulary)
    lower_case = not arguments.cased
    batches = [tf.constant(texts[start : start + BATCH]) for start in range(0, len(texts), BATCH)]
    signature = [tf.TensorSpec([None], tf.string)]

    def graph(tokenize: Callable) -> Callable[[], None]:
        function = tf.function(lambda batch: tokenize(batch).flat_values, input_signature=signature)

        def run() -> None:
            for _ in map_in_order(function, batches, arguments.threads):
                pass

        return run

    workflow_tokenizer = WordPieceTokenizer(vocabulary, lower_case)

    def run_workflow() -> None:
        with tempfile.TemporaryDirectory() as folder:
            results = map_in_order(workflow_tokenizer.tokenize, read_texts(arguments.frame), arguments.threads)
            write_npy(f"{folder}/ids.npy", ids_dtype(len(vocabulary)), (ids for ids, _ in results))

    exact = text.BertTokenizer(
        tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(vocabulary, tf.range(len(vocabulary), dtype=tf.int64)), -1
        ),
        lower_case=lower_case,
    )
    fast = text.FastBertTokenizer(vocabulary, lower_case_nfd_strip_accents=lower_case, support_detokenization=False)
    hugging_face = BertWordPieceTokenizer(
        {wordpiece: i for i, wordpiece in enumerate(vocabulary)}, lowercase=lower_case
    )

    def run_hugging_face() -> None:
        for start in range(0, len(texts), BATCH):
            hugging_face.encode_batch(texts[start : start + BATCH], add_special_tokens=False)

    functions = {
        "this workflow (parquet to npy)": run_workflow,
        "TF Text FastBertTokenizer": graph(fast.tokenize),
        "Hugging Face BertWordPieceTokenizer": run_hugging_face,
        "TF Text BertTokenizer": graph(exact.tokenize),
    }
    if arguments.preprocessing:
        preprocessing = tf.saved_model.load(arguments.preprocessing)
        functions["TF Hub preprocessing SavedModel"] = graph(preprocessing.tokenize)
    return functions


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("vocabulary", help="one WordPiece per line")
    parser.add_argument("frame", help="parquet file with a column DATA_COLUMN")
    parser.add_argument("--cased", action="store_true", help="the vocabulary is cased")
    parser.add_argument("--preprocessing", help="SavedModel written by tfhub_preprocessing/export_preprocessing.py")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    for variable in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "RAYON_NUM_THREADS"):
        os.environ[variable] = str(arguments.threads)
    os.environ["TOKENIZERS_PARALLELISM"] = str(arguments.threads > 1).lower()

    texts = pq.read_table(arguments.frame, columns=["DATA_COLUMN"])["DATA_COLUMN"].to_pylist()
    functions = contenders(arguments, texts)
    seconds: dict[str, list[float]] = {name: [] for name in functions}
    for round_number in range(arguments.rounds + 1):
        for name, function in functions.items():
            started = time.perf_counter()
            function()
            # The first round traces the graphs and warms the caches.
            if round_number:
                seconds[name].append(time.perf_counter() - started)

    print(
        f"{len(texts):,} texts, {arguments.threads} threads, {os.cpu_count()} cores ({platform.machine()}), "
        f"{arguments.rounds} rounds, pyarrow {pa.__version__}\n"
    )
    print("| tokenizer | texts/s, median | slowest round | fastest round |")
    print("|---|---:|---:|---:|")
    for name, values in seconds.items():
        rates = [len(texts) / value for value in values]
        print(f"| {name} | {statistics.median(rates):,.0f} | {min(rates):,.0f} | {max(rates):,.0f} |")


if __name__ == "__main__":
    main()
