"""What a model is run with, and what may be asked at once of one that is served. Plain Python."""

import os
from dataclasses import dataclass

ENGINES = ("native", "onnx")


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0))


@dataclass(frozen=True)
class Limits:
    """Of one request.

    Attributes:
        texts: the most of them.
        characters: the most of each of them.
        bytes: the most of the body.
        seconds: until the headers of a request are there, as long again for its body, and again until it is answered.
        waiting: the most requests that are not yet answered.
    """

    texts: int = 256
    characters: int = 50_000
    bytes: int = 4 * 2**20
    seconds: float = 60.0
    waiting: int = 256
