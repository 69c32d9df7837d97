"""What may be asked at once of a model that is served. Plain Python."""

from dataclasses import dataclass


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
