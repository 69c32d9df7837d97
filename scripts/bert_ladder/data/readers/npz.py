"""Reads npz; pickled strings are read by `files.unpickling`, which calls nothing."""

import io
import itertools
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import IO, Any, cast

import numpy as np
from numpy.lib import format as npy

from bert_ladder.data.readers.columns import SAMPLE, Columns, choose_columns
from bert_ladder.data.readers.names import known_names, plain_name
from bert_ladder.data.readers.published import ONE_PER_TEXT, Found, PublishedExamples, PublishedFile, is_missing, listed
from bert_ladder.data.readers.records import has_own_test
from bert_ladder.files.archives import DEFLATED
from bert_ladder.files.streams import ByteStream
from bert_ladder.files.unpickling import Exact, unpickle_strings
from bert_ladder.runtime.jobs import BadInput, reason_of

MAX_SAMPLE_BYTES = 1 << 22


@dataclass(frozen=True)
class _Member:
    """One array of an npz file: its entry in the zip directory and what its header says."""

    info: zipfile.ZipInfo
    dtype: np.dtype
    shape: tuple[int, ...]
    header_bytes: int

    @property
    def rows(self) -> int:
        return self.shape[0] if self.shape else 0

    @property
    def is_column(self) -> bool:
        return len(self.shape) == 1 or (len(self.shape) == 2 and self.shape[1] == 1)


def read_npz(file: PublishedFile) -> PublishedExamples:
    """Read two arrays.

    Raises:
        BadInput: an array is not to be found or holds no plain values, or the file is damaged or too large.
    """
    with zipfile.ZipFile(file.content) as archive:
        members = _npz_members(file, archive)
    listing = "the arrays " + listed(
        [f"{name[:60]!r} ({'x'.join(map(str, member.shape))} {member.dtype})" for name, member in members.items()]
    )
    # An object array may hold anything, so it is a candidate for text; its rows are checked one by one.
    strings = [name for name, member in members.items() if member.dtype.kind in "USO" and member.is_column]

    def sample(name: str) -> list[Any]:
        with zipfile.ZipFile(file.content) as archive:
            return _sample(file, archive, name, members[name])

    text, *labels = choose_columns(file, Columns(list(members), strings, listing, sample=sample))
    # A text array that the study names is known to be one of several.
    tests = [name for name in members if name != text and _is_test(name)]
    if tests and file.undivided and file.text is None:
        raise has_own_test(file, tests[0])
    for key, name in zip(("text", "label"), (text, *labels), strict=False):
        _check_member(file, key, name, members[name])
    if labels and members[text].rows != members[labels[0]].rows:
        raise BadInput(
            f"{file.path}: '{text}' has {members[text].rows:,} rows and '{labels[0]}' {members[labels[0]].rows:,}; "
            "give a label for each text"
        )

    def rows() -> Iterator[tuple[Any, ...]]:
        with zipfile.ZipFile(file.content) as archive:
            # Labels first and whole, texts one block at a time: a fixed-width array may be 1.4 GB.
            columns = [list(_values(file, archive, "label", label, members[label])) for label in labels]
            yield from zip(_values(file, archive, "text", text, members[text]), *columns, strict=True)

    return PublishedExamples(rows(), lambda row: f"row {row + 1}")


def _is_test(name: str) -> bool:
    """Whether a name is one of texts of the test split alone."""
    of_test, of_train = (set[str]().union(*known_names("text", split)) for split in ("test", "train"))
    return plain_name(name) in of_test - of_train


def _npz_members(file: PublishedFile, archive: zipfile.ZipFile) -> dict[str, _Member]:
    members: dict[str, _Member] = {}
    for info in archive.infolist():
        if not info.filename.endswith(".npy"):
            continue
        name = info.filename.removesuffix(".npy")
        check_zip_entry(file, info)
        if name in members:
            raise BadInput(f"{file.path}: the array '{name}' is there twice; write the file again with numpy.savez")
        with archive.open(info) as stream:
            members[name] = _Member(info, *_npy_header(file, name, stream))
    if not members:
        raise BadInput(f"{file.path}: holds no arrays (.npy members); write it with numpy.savez")
    return members


def _npy_header(file: PublishedFile, name: str, stream: IO[bytes]) -> tuple[np.dtype, tuple[int, ...], int]:
    try:
        version = npy.read_magic(stream)
        read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}[version]
        shape, _, dtype = read(stream)
    except (ValueError, KeyError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise BadInput(
            f"{file.path}, array '{name}': its header cannot be read ({reason_of(error)}); "
            "write the file again with numpy.savez"
        ) from error
    return dtype, shape, stream.tell()


def check_zip_entry(file: PublishedFile, info: zipfile.ZipInfo) -> None:
    """Refuse what cannot be unpacked safely.

    Raises:
        BadInput: it is encrypted, or packed by another method than deflate.
    """
    if info.flag_bits & 1:
        raise BadInput(f"{file.path}, {info.filename}: is encrypted; give a file without a password")
    if info.compress_type not in DEFLATED:
        raise BadInput(f"{file.path}, {info.filename}: is packed by method {info.compress_type}; pack it with deflate")


def _check_member(file: PublishedFile, key: str, name: str, member: _Member) -> None:
    where = f"{file.path}, array '{name}'"
    if key == "label" and len(member.shape) == 2 and member.shape[1] > 1:
        raise BadInput(
            f"{where}: has shape {member.shape}, one column per class, and {ONE_PER_TEXT}; write the class of each text"
            f" (numpy.argmax of each row), or name another array ({file.key(key)})"
        )
    if not member.is_column or member.dtype.names or member.dtype.subdtype:
        raise BadInput(
            f"{where}: has shape {member.shape} and type {member.dtype}; one {key} per row is needed: "
            f"name another array ({file.key(key)})"
        )
    allowed = "USO" if key == "text" else "USOiubf"
    if member.dtype.kind not in allowed:
        raise BadInput(f"{where}: holds {member.dtype}, not {key}s; name another array ({file.key(key)})")
    file.check_bytes(member.info.file_size)
    promised = member.rows * member.dtype.itemsize
    found = member.info.file_size - member.header_bytes
    # An object array takes at least a byte of pickle per row; a width of 0 would promise any number of rows.
    absurd = member.rows > found if member.dtype.kind == "O" else promised != found or member.dtype.itemsize == 0
    if absurd:
        raise BadInput(
            f"{where}: its header promises {member.rows:,} rows of {member.dtype}, but {found:,} bytes follow; "
            "the file is damaged: fetch it again"
        )
    file.check_rows(member.rows)


def _sample(file: PublishedFile, archive: zipfile.ZipFile, name: str, member: _Member) -> list[Any]:
    """The first values of a column; none of one that is not sound, or cannot be had without much work."""
    values = min(member.rows, SAMPLE)
    size = member.info.file_size if member.dtype.kind == "O" else values * member.dtype.itemsize
    # A pickle has no first values: it is read as a whole or not.
    if size > MAX_SAMPLE_BYTES or (member.dtype.kind == "O" and member.rows > SAMPLE):
        return []
    try:
        _check_member(replace(file, found=Found()), "label", name, member)
        found = list(itertools.islice(_values(file, archive, "label", name, member), values))
    except BadInput:
        return []
    shown = [value.decode(errors="replace") if isinstance(value, bytes) else value for value in found]
    return [value for value in shown if not is_missing(value)]


def _values(file: PublishedFile, archive: zipfile.ZipFile, key: str, name: str, member: _Member) -> Iterator[Any]:
    with archive.open(member.info) as packed:
        stream = io.BufferedReader(cast(io.RawIOBase, packed), 1 << 18)
        stream.read(member.header_bytes)
        if member.dtype.kind == "O":
            source = Exact(stream, member.info.file_size - member.header_bytes)
            try:
                yield from unpickle_strings(source, member.rows, f"{file.path}, array '{name}'")
            except BadInput as error:
                if not str(error).endswith("not a plain string"):
                    raise
                several = f"; {ONE_PER_TEXT}" if key == "label" else ""
                raise BadInput(f"{error}{several}; write one {key}, not a list or an object, in each row") from error
            while stream.read(1 << 18):  # to the end, where the zip checksum is compared
                pass
        else:
            yield from _fixed_width(stream, member, f"{file.path}, array '{name}'")


def _fixed_width(stream: ByteStream, member: _Member, where: str) -> Iterator[Any]:
    width = member.dtype.itemsize
    per_block = max(1, (1 << 22) // width)
    for start in range(0, member.rows, per_block):
        count = min(per_block, member.rows - start)
        block = stream.read(count * width)
        if len(block) < count * width:
            raise BadInput(f"{where}: ends after row {start + len(block) // width:,}; it is damaged: fetch it again")
        yield from np.frombuffer(block, dtype=member.dtype).tolist()
