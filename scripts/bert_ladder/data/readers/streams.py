"""Published files as streams, compressed or not, that end where a file would become too large."""

import bz2
import codecs
import gzip
import io
import lzma
import re
from pathlib import Path
from typing import IO, Any, cast

import pyarrow as pa

from bert_ladder.data.readers.published import PublishedFile
from bert_ladder.runtime.jobs import BadInput

# By their first bytes; what they give is bounded as it comes.
COMPRESSIONS = {
    "gzip": re.compile(rb"\x1f\x8b"),
    "bzip2": re.compile(rb"BZh[1-9](1AY&SY|\x17\x72\x45\x38\x50\x90)"),
    "xz": re.compile(rb"\xfd7zXZ\0"),
    "zstd": re.compile(rb"\x28\xb5\x2f\xfd"),
}
COMPRESSED_ENDINGS = {"gz": "gzip", "bz2": "bzip2", "xz": "xz", "zst": "zstd"}


class _Limited(io.RawIOBase):
    """A stream that refuses to give more bytes than agreed, however far the compressed file would expand."""

    def __init__(self, file: PublishedFile, stream: IO[bytes]) -> None:
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


def compression_of(path: Path) -> str | None:
    """What a file is compressed by; None where it is not."""
    with path.open("rb") as opened:
        return compression_by(opened.read(10))


def compression_by(start: bytes) -> str | None:
    """What a file that begins like this is compressed by."""
    return next((name for name, magic in COMPRESSIONS.items() if magic.match(start)), None)


def first_bytes(path: Path, count: int) -> bytes:
    """The first bytes of a file, unpacked where they are compressed."""
    with _unpacked(path) as stream:
        return stream.read(count)


def open_bytes(file: PublishedFile) -> io.BufferedReader:
    """Open a file for its bytes, unpacked where they are compressed."""
    return io.BufferedReader(_Limited(file, _unpacked(file.content)), 1 << 18)


def _unpacked(path: Path) -> IO[bytes]:
    match compression_of(path):
        case "gzip":
            return cast(IO[bytes], gzip.GzipFile(path))
        case "bzip2":
            return cast(IO[bytes], bz2.BZ2File(path))
        case "xz":
            return cast(IO[bytes], lzma.LZMAFile(path))
        case "zstd":
            return cast(IO[bytes], pa.input_stream(str(path), compression="zstd"))
        case _:
            return path.open("rb")


def open_text(file: PublishedFile) -> io.TextIOWrapper:
    """Open a file for its text, which is UTF-8, or UTF-16 that says so by its first bytes.

    Raises:
        BadInput: it is UTF-16 or UTF-32 in another form.
    """
    stream = open_bytes(file)
    start = stream.peek(4)[:4]
    wide = "UTF-32" if start in (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE) or start.count(b"\0") > 2 else "UTF-16"
    if start[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) and wide == "UTF-16":
        return io.TextIOWrapper(stream, encoding="utf-16", errors="surrogatepass", newline="")
    if b"\0" in start[:2]:
        raise BadInput(f"{file.path}: is {wide}; save it as UTF-8")
    # A byte that is not UTF-8 becomes a lone surrogate, which the check of its row then reports.
    return io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")
