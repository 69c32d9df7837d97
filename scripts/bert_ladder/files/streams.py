"""What the readers of files need of a stream."""

from pathlib import Path
from typing import Protocol


class ByteStream(Protocol):
    """Gives its bytes in order: an open file, a member of an archive, what a packed file unpacks to."""

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes, all that are left for -1; none at the end."""
        ...


def is_web_page(file: Path) -> bool:
    """Tell whether a file is HTML: what many servers send, with status 200, for a file that they do not have."""
    with file.open("rb") as opened:
        start = opened.read(512)
    return start.removeprefix(b"\xef\xbb\xbf").lstrip().lower().startswith((b"<!doctype html", b"<html"))
