"""Published files as streams, gzipped or not, that end where a file would become too large."""

import gzip
import io
from typing import Any

from bert_ladder.data.readers.published import PublishedFile
from bert_ladder.runtime.jobs import BadInput


class _Limited(io.RawIOBase):
    """A stream that refuses to give more bytes than agreed, however far the compressed file would expand."""

    def __init__(self, file: PublishedFile, stream: io.BufferedIOBase) -> None:
        self.file, self.stream, self.given = file, stream, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self.stream.read(len(buffer))
        self.given += len(data)
        self.file.check_bytes(self.given)
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self.stream.close()
        super().close()


def open_bytes(file: PublishedFile) -> io.BufferedReader:
    """Open a file for its bytes, unpacked where they are gzip's."""
    with file.content.open("rb") as opened:
        zipped = opened.read(2) == b"\x1f\x8b"
    stream: io.BufferedIOBase = gzip.GzipFile(file.content) if zipped else file.content.open("rb")
    return io.BufferedReader(_Limited(file, stream), 1 << 18)


def open_text(file: PublishedFile) -> io.TextIOWrapper:
    """Open a file for its text.

    Raises:
        BadInput: it is UTF-16.
    """
    stream = open_bytes(file)
    start = stream.peek(2)[:2]
    if start in (b"\xff\xfe", b"\xfe\xff") or b"\0" in start:
        raise BadInput(f"{file.path}: is UTF-16; save it as UTF-8")
    # A byte that is not UTF-8 becomes a lone surrogate, which the check of its row then reports.
    return io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")
