"""Unpacks archives of strangers: nothing outside the folder, no links, no bombs, all of it or nothing."""

import gzip
import os
import re
import shutil
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from bert_ladder.files.archives import CHUNK, DEFLATED, Kind, Member, Refused, shown, tar_members, zip_members
from bert_ladder.files.downloading import sync_folder
from bert_ladder.files.streams import ByteStream, is_web_page
from bert_ladder.runtime.jobs import BadInput, reason_of

MAX_BYTES = 8_000_000_000
MAX_MEMBERS = 10_000
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
    except Refused as reason:
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
    except Refused as reason:
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
                raise Refused(f"holds more than {MAX_MEMBERS:,} files and folders")
            path = _checked_path(member, files, folders)
            target = None if folder is None else folder / path
            if member.kind is Kind.FOLDER:
                if target is not None:
                    target.mkdir(parents=True, exist_ok=True)
                continue
            for size in _copied(_opened(member), target):
                left -= size
                if left < 0:
                    raise Refused(f"holds more than {max_bytes:,} bytes, the most that is unpacked")
    except DAMAGED as error:
        raise Refused(f"is cut or damaged ({reason_of(error)})") from error
    if not files:
        raise Refused("holds no files")


def _checked_path(member: Member, files: set[PurePosixPath], folders: set[PurePosixPath]) -> PurePosixPath:
    """Path of a member below the folder, noted among those that are there already."""
    name, is_file = member.name, member.kind is not Kind.FOLDER
    if member.kind in (Kind.LINK, Kind.OTHER):
        raise Refused(f"its member {shown(name)} is {member.kind.value}")
    if name.startswith("/") or re.match(r"[A-Za-z]:", name):
        raise Refused(f"its member {shown(name)} has an absolute path")
    if "\\" in name or not name.isprintable():
        raise Refused(f"the name of its member {shown(name)} holds a backslash or an unprintable character")
    path = PurePosixPath(name)
    if ".." in path.parts:
        raise Refused(f"its member {shown(name)} climbs out of the folder")
    parents = set(path.parents)
    # "a" and "./a" are one path; a file may not be met again, neither as a file nor as a folder.
    taken = path in files or (is_file and path in folders) or not files.isdisjoint(parents)
    if taken or (is_file and not path.parts):
        raise Refused(f"its member {shown(name)} is there twice or under another member's name")
    folders |= parents
    (files if is_file else folders).add(path)
    return path


def _opened(member: Member) -> ByteStream:
    try:
        return member.open()
    except OSError as error:
        # zipfile seeks to whatever place a damaged directory names.
        raise Refused(f"is cut or damaged ({reason_of(error)})") from error


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


def _members(archive: Path, max_bytes: int) -> Iterator[Member]:
    with archive.open("rb") as file:
        start = file.read(512)
        file.seek(0)
        try:
            if start[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
                yield from zip_members(file, _check_entry)
            elif start[:2] == b"\x1f\x8b":
                with gzip.open(file) as unzipped:
                    yield from tar_members(unzipped, max_bytes)
            elif start[257:262] == b"ustar":
                yield from tar_members(file, max_bytes)
            else:
                what = "a web page, not an archive" if is_web_page(archive) else "is neither zip, tar nor tar.gz"
                raise Refused(what)
        except (OSError, IndexError) as error:
            # zipfile seeks to whatever place a damaged directory names, and takes the last letter of an empty name.
            raise Refused(f"is cut or damaged ({reason_of(error)})") from error


def _check_entry(info: zipfile.ZipInfo) -> None:
    if info.flag_bits & 1:
        raise Refused(f"its member {shown(info.filename)} is encrypted")
    if info.compress_type not in DEFLATED:
        raise Refused(f"its member {shown(info.filename)} is compressed by another method than deflate")
