"""How fast a trained row answers on the CPU, from text to probabilities, and how much memory that takes."""

import itertools
import json
import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

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

    from bert_ladder.data.tokens import INPUT_TOKENS, Tokens, fixed_widths
    from bert_ladder.data.wordpiece import WordPieceTokenizer, read_vocabulary
    from bert_ladder.encoders.normal_form import read_encoder
    from bert_ladder.training.classifier import predict_batch, restore_classifier

    record = json.loads(Path(paths["training"]).read_text(encoding="utf-8"))
    length, truncation = record["training"]["length"], record["training"]["truncation"]
    wordpieces = read_vocabulary(paths["vocabulary"])
    tokenizer = WordPieceTokenizer(wordpieces, read_encoder(paths["config"])["lower_case"])
    special = [wordpieces.index(token) for token in INPUT_TOKENS]
    model = restore_classifier(paths["config"], paths["weights"], record, classes, special[0])
    widths = fixed_widths(length)

    def predict(texts: Sequence[str]) -> np.ndarray:
        tokens = Tokens(*tokenizer.tokenize(pa.array(texts, pa.string())), *special)
        width = int(widths[np.searchsorted(widths, tokens.lengths(length).max())])
        return predict_batch(model, tokens.batch(np.arange(len(texts)), length, truncation, width))

    return predict, length
