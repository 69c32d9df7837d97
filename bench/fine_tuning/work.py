"""What both sides of compare_speed.py are given, and what they tell. NumPy only: it runs in both environments."""

import itertools
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

PAD, CLS, SEP = 0, 101, 102  # of the uncased vocabulary of BERT
SIZES = {  # layers, hidden size, heads; feed-forward size is four times the hidden one
    "Tiny": (2, 128, 2),
    "Mini": (4, 256, 4),
    "Small": (4, 512, 8),
    "MiniLM-L6": (6, 384, 12),
}


def read_settings() -> dict[str, Any]:
    """The settings that compare_speed.py has given this process."""
    return json.loads(sys.argv[1])


def read_texts(folder: str, length: int) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Each text's ids with [CLS] and [SEP], cut at `length`; labels; and which texts are for validation."""
    ids, offsets = np.load(f"{folder}/train.ids.npy"), np.load(f"{folder}/train.offsets.npy")
    texts = [
        np.concatenate([[CLS], ids[start:stop][: length - 2], [SEP]]).astype(np.int64)
        for start, stop in itertools.pairwise(offsets)
    ]
    return texts, np.load(f"{folder}/labels.npy").astype(np.int64), np.load(f"{folder}/is_validation.npy")


def product_rate(product: Callable[[np.ndarray, np.ndarray], Any], repeats: int = 5) -> float:
    """Operations per second of the fastest of some products of two square matrices.

    Args:
        product: gives a function without arguments that waits for the product of the two in the wanted precision.
        repeats: products timed.
    """
    size = 2048
    random = np.random.default_rng(0)
    run = product(*(random.standard_normal((size, size), np.float32) for _ in range(2)))
    seconds = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return 2 * size**3 / min(seconds)


class Clock:
    """When the parts of a training ended, in seconds from the start of its process."""

    def __init__(self) -> None:
        self.begin = float(os.environ["BENCH_START"])
        self.ends: dict[str, float] = {}
        self.steps: list[float] = []
        self.processor: list[float] = []

    def end(self, part: str) -> None:
        """A part has ended."""
        self.ends[part] = time.time() - self.begin

    def step(self) -> None:
        """A training step has ended."""
        self.steps.append(time.time() - self.begin)
        self.processor.append(time.process_time())

    def tell(self, **more: Any) -> None:
        """Print everything as one line of JSON, the last one of the output."""
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            json.dumps({"ends": self.ends, "steps": self.steps, "processor": self.processor, "peak_mb": memory, **more})
        )
