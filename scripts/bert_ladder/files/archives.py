"""The members of archives of strangers, one by one, with no word of theirs taken for a size."""

import io
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import IO, Any

from bert_ladder.files.streams import ByteStream

CHUNK = 1 << 20
# What may lie between two members of a tar: names and other properties, which its reader keeps in memory.
MAX_HEADER_BYTES = 1 << 20
# Other methods expand without a bound that could be checked while streaming.
DEFLATED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class Refused(Exception):
    """An archive that is not read; the message is the reason."""


class Kind(Enum):
    """What a member of an archive is. A sparse file may claim any size."""

    FILE = "a file"
    SPARSE_FILE = "a sparse file"
    FOLDER = "a folder"
    LINK = "a link"
    OTHER = "neither a file nor a folder"


@dataclass(frozen=True)
class Member:
    """A member of an archive, by the name it has there; `open` gives its content until the next one is asked for."""

    name: str
    kind: Kind
    size: int
    open: Callable[[], ByteStream]


def zip_members(file: IO[bytes], check: Callable[[zipfile.ZipInfo], None]) -> Iterator[Member]:
    """The members of a zip in the order of its directory.

    Args:
        file: the zip.
        check: refuses what is encrypted, or packed by a method that is none of DEFLATED, by an exception.
    """
    with zipfile.ZipFile(file) as opened:
        for info in opened.infolist():
            kind = _zip_kind(info)
            if kind is not Kind.FOLDER:
                check(info)
            yield Member(info.filename, kind, info.file_size, partial(opened.open, info))


def _zip_kind(info: zipfile.ZipInfo) -> Kind:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return Kind.LINK if stat.S_ISLNK(kind) else Kind.OTHER
    return Kind.FOLDER if info.is_dir() else Kind.FILE


def tar_members(stream: ByteStream, max_bytes: int) -> Iterator[Member]:
    """The members of a tar in the order in which they come; to its end, where gzip keeps its checksum.

    Nothing is looked for further on, and of what has passed nothing is remembered.

    Args:
        stream: the tar, unpacked.
        max_bytes: most bytes of one member and its header.

    Raises:
        Refused: a header or a member is too large, or the tar is cut.
    """
    too_large = f"holds more than {max_bytes:,} bytes, the most that is unpacked"
    header = f"has a header of more than {MAX_HEADER_BYTES:,} bytes"
    gauge = _Gauge(stream)
    gauge.allow(MAX_HEADER_BYTES, header)
    with tarfile.open(fileobj=gauge, mode="r|") as opened:
        while (info := opened.next()) is not None:
            # typeshed leaves out where a TarFile remembers all that it has seen.
            opened.members.clear()  # type: ignore[attr-defined]
            gauge.allow(max_bytes + MAX_HEADER_BYTES, too_large)
            yield Member(info.name, _tar_kind(info), info.size, partial(_tar_content, opened, info))
            # What was not read of this member is passed over before the next header.
            gauge.allow(MAX_HEADER_BYTES + max(0, opened.offset - gauge.given), header)
        gauge.allow(max_bytes, too_large)
        while gauge.read(CHUNK):
            pass
    if any(gauge.tail):
        raise Refused("is cut or damaged (a tar without its end)")


def _tar_kind(info: tarfile.TarInfo) -> Kind:
    if info.isfile():
        return Kind.SPARSE_FILE if info.issparse() else Kind.FILE
    if info.isdir():
        return Kind.FOLDER
    return Kind.LINK if info.issym() or info.islnk() else Kind.OTHER


def _tar_content(opened: tarfile.TarFile, info: tarfile.TarInfo) -> ByteStream:
    content = opened.extractfile(info)
    if content is None:
        raise Refused(f"its member {shown(info.name)} has no content")
    return content


class _Gauge(io.RawIOBase):
    """A stream that refuses to give more bytes than is allowed at the time; it counts them and keeps the last 512."""

    def __init__(self, stream: ByteStream) -> None:
        self.stream, self.left, self.reason, self.tail = stream, 0, "", b"\1"
        self.given = 0

    def allow(self, count: int, reason: str) -> None:
        """Let `count` more bytes pass; `reason` is why no more."""
        self.left, self.reason = count, reason

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self.stream.read(len(buffer))
        self.left -= len(data)
        if self.left < 0:
            raise Refused(self.reason)
        self.given += len(data)
        buffer[: len(data)] = data
        self.tail = (self.tail + data)[-512:]
        return len(data)


def shown(name: str) -> str:
    """A member's name in a message."""
    return repr(name if len(name) <= 80 else f"{name[:80]}...")
