"""What the readers of files need of a stream."""

from typing import Protocol


class ByteStream(Protocol):
    """Gives its bytes in order: an open file, a member of an archive, what a packed file unpacks to."""

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes, all that are left for -1; none at the end."""
        ...
