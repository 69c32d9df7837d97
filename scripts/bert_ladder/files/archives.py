"""Unpacks archives of strangers: nothing outside the folder, no links, no bombs, all of it or nothing."""

import gzip
import io
import os
import re
import shutil
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from bert_ladder.files.downloading import sync_folder
from bert_ladder.files.streams import ByteStream, is_web_page
from bert_ladder.runtime.jobs import BadInput, reason_of

CHUNK = 1 << 20
MAX_BYTES = 8_000_000_000
MAX_MEMBERS = 10_000
# What may lie between two members of a tar: names and other properties, which its reader keeps in memory.
MAX_HEADER_BYTES = 1 << 20
DAMAGED = (
    zipfile.BadZipFile,
    tarfile.TarError,
    gzip.BadGzipFile,
    zlib.error,
    struct.error,
    EOFError,
    ValueError,
    NotImplementedError,
)


class _Refused(Exception):
    """An archive that is not unpacked; the message is the reason."""


@dataclass(frozen=True)
class _Member:
    """A file or folder in an archive, by the name it has there; `data` is None for a folder."""

    name: str
    data: ByteStream | None


def unpack_archive(archive: Path, folder: Path, max_bytes: int = MAX_BYTES) -> None:
    """Unpack a zip, tar or tar.gz; which of them, its bytes tell.

    Args:
        archive: the file.
        folder: where to; it must be absent or empty. It appears when everything is unpacked, and not at all after an
            error.
        max_bytes: most bytes that are unpacked, counted as they come, whatever the archive announces.

    Raises:
        BadInput: the archive is damaged, too large, or holds anything but files and folders with plain relative names.
    """
    scratch = folder.with_name(f"{folder.name}.unpacking")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    try:
        _unpack(archive, scratch, max_bytes)
        scratch.replace(folder)
    except _Refused as reason:
        raise BadInput(f"{archive}: {reason}; bring a whole archive of plain files") from reason
    except OSError as error:
        raise BadInput(f"{archive}: cannot be unpacked into {folder}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    sync_folder(folder.parent)


def archive_fault(archive: Path, max_bytes: int = MAX_BYTES) -> str | None:
    """Read an archive to its end and tell why `unpack_archive` would refuse it; None where it would not."""
    try:
        _unpack(archive, None, max_bytes)
    except _Refused as reason:
        return str(reason)
    return None


def _unpack(archive: Path, folder: Path | None, max_bytes: int) -> None:
    """Read every member to its end, and write it unless `folder` is None."""
    files: set[PurePosixPath] = set()
    folders: set[PurePosixPath] = set()
    left = max_bytes
    try:
        for count, member in enumerate(_members(archive, max_bytes)):
            if count == MAX_MEMBERS:
                raise _Refused(f"holds more than {MAX_MEMBERS:,} files and folders")
            path = _checked_path(member, files, folders)
            target = None if folder is None else folder / path
            if member.data is None:
                if target is not None:
                    target.mkdir(parents=True, exist_ok=True)
                continue
            for size in _copied(member.data, target):
                left -= size
                if left < 0:
                    raise _Refused(f"holds more than {max_bytes:,} bytes, the most that is unpacked")
    except DAMAGED as error:
        raise _Refused(f"is cut or damaged ({reason_of(error)})") from error
    if not files:
        raise _Refused("holds no files")


def _checked_path(member: _Member, files: set[PurePosixPath], folders: set[PurePosixPath]) -> PurePosixPath:
    """Path of a member below the folder, noted among those that are there already."""
    name = member.name
    if name.startswith("/") or re.match(r"[A-Za-z]:", name):
        raise _Refused(f"its member {_shown(name)} has an absolute path")
    if "\\" in name or not name.isprintable():
        raise _Refused(f"the name of its member {_shown(name)} holds a backslash or an unprintable character")
    path = PurePosixPath(name)
    if ".." in path.parts:
        raise _Refused(f"its member {_shown(name)} climbs out of the folder")
    parents = set(path.parents)
    # "a" and "./a" are one path; a file may not be met again, neither as a file nor as a folder.
    taken = path in files or (member.data is not None and path in folders) or not files.isdisjoint(parents)
    if taken or (member.data is not None and not path.parts):
        raise _Refused(f"its member {_shown(name)} is there twice or under another member's name")
    folders |= parents
    (folders if member.data is None else files).add(path)
    return path


def _copied(data: ByteStream, target: Path | None) -> Iterator[int]:
    """Copy in chunks, to nowhere if `target` is None; give the size of each before it is written."""
    if target is None:
        while chunk := data.read(CHUNK):
            yield len(chunk)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("xb") as file:
        while chunk := data.read(CHUNK):
            yield len(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())


def _members(archive: Path, max_bytes: int) -> Iterator[_Member]:
    with archive.open("rb") as file:
        start = file.read(512)
        file.seek(0)
        try:
            if start[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
                yield from _zip_members(file)
            elif start[:2] == b"\x1f\x8b":
                with gzip.open(file) as unzipped:
                    yield from _tar_members(unzipped, max_bytes)
            elif start[257:262] == b"ustar":
                yield from _tar_members(file, max_bytes)
            else:
                what = "a web page, not an archive" if is_web_page(archive) else "is neither zip, tar nor tar.gz"
                raise _Refused(what)
        except (OSError, IndexError) as error:
            # zipfile seeks to whatever place a damaged directory names, and takes the last letter of an empty name.
            raise _Refused(f"is cut or damaged ({reason_of(error)})") from error


def _zip_members(file: BinaryIO) -> Iterator[_Member]:
    with zipfile.ZipFile(file) as opened:
        for info in opened.infolist():
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise _not_plain(info.filename, stat.S_ISLNK(kind))
            if info.flag_bits & 1:
                raise _Refused(f"its member {_shown(info.filename)} is encrypted")
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise _Refused(f"its member {_shown(info.filename)} is compressed by another method than deflate")
            if info.is_dir():
                yield _Member(info.filename, None)
                continue
            with opened.open(info) as data:
                yield _Member(info.filename, data)


def _tar_members(file: ByteStream, max_bytes: int) -> Iterator[_Member]:
    too_large = f"holds more than {max_bytes:,} bytes, the most that is unpacked"
    header = (MAX_HEADER_BYTES, f"has a header of more than {MAX_HEADER_BYTES:,} bytes")
    gauge = _Gauge(file)
    gauge.allow(*header)
    # A stream: what is read is what is counted, and nothing is looked for further on.
    with tarfile.open(fileobj=gauge, mode="r|") as opened:
        while (info := opened.next()) is not None:
            if not info.isfile() and not info.isdir():
                raise _not_plain(info.name, info.issym() or info.islnk())
            gauge.allow(max_bytes + MAX_HEADER_BYTES, too_large)
            yield _Member(info.name, None if info.isdir() else opened.extractfile(info))
            gauge.allow(*header)
        gauge.allow(max_bytes, too_large)
        # To the end: only there does gzip keep its checksum.
        while gauge.read(CHUNK):
            pass
    if any(gauge.tail):
        raise _Refused("is cut or damaged (a tar without its end)")


def _not_plain(name: str, is_link: bool) -> _Refused:
    return _Refused(f"its member {_shown(name)} is {'a link' if is_link else 'neither a file nor a folder'}")


class _Gauge(io.RawIOBase):
    """A stream that refuses to give more than is allowed at the time, and remembers its last 512 bytes."""

    def __init__(self, stream: ByteStream) -> None:
        self.stream, self.left, self.reason, self.tail = stream, 0, "", b"\1"

    def allow(self, count: int, reason: str) -> None:
        """Let `count` more bytes pass; `reason` is why no more."""
        self.left, self.reason = count, reason

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self.stream.read(len(buffer))
        self.left -= len(data)
        if self.left < 0:
            raise _Refused(self.reason)
        buffer[: len(data)] = data
        self.tail = (self.tail + data)[-512:]
        return len(data)


def _shown(name: str) -> str:
    return repr(name if len(name) <= 80 else f"{name[:80]}...")
