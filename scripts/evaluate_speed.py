"""How fast a trained row answers on the CPU, from text to probabilities, and how much memory that takes."""

import itertools
import json
import logging
import resource
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from _data import DATA_COLUMN, read_frame
from _device import set_up_device
from _job import run_job

log = logging.getLogger(__name__)

Predict = Callable[[Sequence[str]], np.ndarray]
BATCH = 32
TEXTS = 200  # different texts to time
WARM_UP = 8
SECONDS = 1.0  # for each of the two measurements
FEWEST = 5


def measure_speed(predict: Predict, texts: Sequence[str], seconds: float) -> dict[str, float]:
    """Time a model on single texts and on batches of 32.

    Args:
        predict: gives class probabilities of some texts.
        texts: to time with, in this order, again from the start where the time allows.
        seconds: to spend on each of the two; at least 5 calls are timed.

    Returns:
        `latency_ms` (median of single texts, milliseconds), `latency_p95_ms` and `throughput` (texts per second: the
        batch over the median time of a batch).
    """
    single = time_calls(predict, [[text] for text in texts], seconds)
    cycled = itertools.islice(itertools.cycle(texts), max(len(texts), BATCH))
    batches = [batch for batch in batched(cycled, BATCH) if len(batch) == BATCH]
    whole = time_calls(predict, batches, seconds)
    return {
        "latency_ms": float(1000 * np.median(single)),
        "latency_p95_ms": float(1000 * np.percentile(single, 95)),
        "throughput": float(BATCH / np.median(whole)),
    }


def batched(items: Any, size: int) -> list[list[Any]]:
    """Lists of `size` items, the last one maybe shorter."""
    iterator = iter(items)
    return list(iter(lambda: list(itertools.islice(iterator, size)), []))


def time_calls(predict: Predict, inputs: Sequence[Sequence[str]], seconds: float) -> list[float]:
    """Seconds of each call.

    Some inputs of all lengths are called before, so that no graph is traced for a new width while the clock runs.
    """
    by_length = sorted(inputs, key=lambda texts: max(map(len, texts)))
    for index in np.linspace(0, len(by_length) - 1, WARM_UP).round().astype(int):
        predict(by_length[index])
    taken: list[float] = []
    end = time.perf_counter() + seconds
    for texts in itertools.cycle(inputs):
        start = time.perf_counter()
        predict(texts)
        stop = time.perf_counter()
        taken.append(stop - start)
        if stop > end and len(taken) >= FEWEST:
            break
    return taken


def bert_predictor(paths: dict[str, Any], classes: int) -> tuple[Predict, int]:
    """A trained BERT from text to probabilities, and its longest input in WordPieces.

    Args:
        paths: `config` and `vocabulary` of its encoder, `weights`, `training`.
        classes: number of classes.
    """
    import pyarrow as pa

    from _encoder import read_encoder
    from _tokenizer import WordPieceTokenizer, read_vocabulary
    from _tokens import SPECIAL_TOKENS, Tokens, fixed_widths
    from _training import predict_batch, restore_classifier

    record = json.loads(Path(paths["training"]).read_text(encoding="utf-8"))
    length, truncation = record["training"]["length"], record["training"]["truncation"]
    wordpieces = read_vocabulary(paths["vocabulary"])
    tokenizer = WordPieceTokenizer(wordpieces, read_encoder(paths["config"])["lower_case"])
    special = [wordpieces.index(token) for token in SPECIAL_TOKENS]
    model = restore_classifier(paths["config"], paths["weights"], record, classes, special[0])
    widths = fixed_widths(length)

    def predict(texts: Sequence[str]) -> np.ndarray:
        tokens = Tokens(*tokenizer.tokenize(pa.array(texts, pa.string())), *special)
        width = int(widths[np.searchsorted(widths, tokens.lengths(length).max())])
        return predict_batch(model, tokens.batch(np.arange(len(texts)), length, truncation, width))

    return predict, length


def main(snakemake: Any) -> None:
    set_up_device(snakemake.threads)
    paths = dict(snakemake.input.items())
    names = json.loads(Path(paths["labels"]).read_text(encoding="utf-8"))["names"]
    texts = read_frame(paths["test"])[DATA_COLUMN]
    texts = texts.iloc[np.random.default_rng(0).permutation(len(texts))[:TEXTS]].tolist()
    if "baseline" in paths:
        from _linear import load_linear_model

        predict, length = load_linear_model(paths["baseline"]).probabilities, None
    else:
        predict, length = bert_predictor(paths, len(names))
    speed = measure_speed(predict, texts, SECONDS) | {
        "memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "threads": snakemake.threads,
        "length": length,
        "texts": len(texts),
    }
    Path(snakemake.output.speed).write_text(json.dumps(speed, indent=2) + "\n", encoding="utf-8")
    log.info(
        "%s: %.1f ms for one text, %.0f texts/s in batches of %d, with %d threads",
        snakemake.params.model,
        speed["latency_ms"],
        speed["throughput"],
        BATCH,
        snakemake.threads,
    )


if __name__ == "__main__":
    run_job(main, snakemake)
