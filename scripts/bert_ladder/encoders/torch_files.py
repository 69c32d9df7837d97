"""Reads the tensors of a pytorch_model.bin without PyTorch and without running what its pickle asks for.

PyTorch saves a state dict as a pickle in which each tensor is a call of `torch._utils._rebuild_tensor_v2` on a storage,
and each storage a reference to raw bytes. Since PyTorch 1.6 pickle and storages are members of an uncompressed zip;
before that several pickles followed each other and then, after its length, each storage.
The layout is that of PyTorch's torch/serialization.py.
"""

import io
import math
import pickletools
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from bert_ladder.files.unpickling import Forbidden, Interpreter
from bert_ladder.runtime.jobs import BadInput, reason_of

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
LEGACY_PROTOCOL = 1001
# A state dict is pickled in some kilobytes; its storages come after it or lie beside it.
MAX_PICKLE_BYTES = 64_000_000
# More than any state dict has names.
MAX_ITEMS = 1_000_000
DTYPES = {
    "FloatStorage": "<f4",
    "DoubleStorage": "<f8",
    "HalfStorage": "<f2",
    # NumPy has no bfloat16, which is the upper half of a float32.
    "BFloat16Storage": "<u2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "?",
}


class _Damaged(Exception):
    """A file that is not as PyTorch writes it."""


class _StorageType(NamedTuple):
    name: str


class _Storage(NamedTuple):
    type: str
    key: str
    numel: int


class _Tensor(NamedTuple):
    storage: _Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]


class _Function(NamedTuple):
    """A function that the pickle calls; what it would make is made here."""

    name: str


class _StateDicts(Interpreter):
    """All that torch.save writes for a state dict."""

    names: Mapping[str, _Function | _StorageType] = {
        "collections OrderedDict": _Function("OrderedDict"),
        **{f"torch._utils {name}": _Function(name) for name in ("_rebuild_tensor_v2", "_rebuild_parameter")},
        **{f"torch {name}": _StorageType(name) for name in DTYPES},
    }
    dictionaries = True

    def __init__(self) -> None:
        self._left = MAX_ITEMS

    def call(self, function: Any, arguments: Any) -> Any:
        if not isinstance(function, _Function) or not isinstance(arguments, tuple):
            raise _Damaged("a call of what is no function")
        if function.name == "OrderedDict":
            return self._dictionary(*arguments)
        if function.name == "_rebuild_parameter":
            return arguments[0]
        storage, offset, size, stride = arguments[:4]
        if not isinstance(storage, _Storage) or type(size) is not tuple or type(stride) is not tuple:
            raise _Damaged("a tensor without a storage or a shape")
        return _Tensor(storage, offset, size, stride)

    def _dictionary(self, items: Any = ()) -> dict[str, Any]:
        """What Python 2 gives an OrderedDict at once, a list of [key, value]; Python 3 adds items later."""
        self._left -= len(items)
        # The same list may be given again and again.
        if self._left < 0 or not all(type(one) is list and len(one) == 2 and type(one[0]) is str for one in items):
            raise _Damaged("a dictionary of too many items, or of what are no keys with a value")
        return dict(items)

    def fill(self, target: Any, state: Any) -> None:
        # The attributes that PyTorch gives a state dict are not kept.
        if not isinstance(target, dict):
            raise _Damaged("a state for a plain value")

    def refer(self, reference: Any) -> _Storage:
        if not isinstance(reference, tuple) or len(reference) not in (5, 6) or reference[0] != "storage":
            raise _Damaged("a reference that is no storage")
        _, kind, key, _, numel, *part = reference
        # The older format adds which part of a storage is meant: None, as no state dict of today has parts.
        if part not in ([], [None]):
            raise _Damaged("a reference that is no whole storage")
        if not isinstance(kind, _StorageType) or type(key) is not str or type(numel) is not int:
            raise _Damaged("a storage of unknown type")
        return _Storage(kind.name, key, numel)

    def python_2_string(self, raw: bytes) -> str:
        return raw.decode()


def read_torch_file(path: Path) -> dict[str, np.ndarray]:
    """Read a state dict that torch.save wrote, in today's zip format or in the format before PyTorch 1.6.

    Nothing that the file names is imported or called: the few names of a state dict stand for this module's own.

    Args:
        path: the file.

    Returns:
        The tensors by their names, read-only: bfloat16 as float32, every other type as it was saved.

    Raises:
        BadInput: if the file is damaged, holds no state dict, or its pickle names anything else.
    """
    try:
        with path.open("rb") as file:
            if zipfile.is_zipfile(file):
                return _read_zip(file)
            file.seek(0)
            return _read_legacy(file)
    except Forbidden as error:
        name = error.name.replace(" ", ".")[:80]
        raise BadInput(
            f"{path}: its pickle names {name}, which a state dict of tensors does not need and which could run code; "
            "nothing of it was run: bring model.safetensors instead."
        ) from error
    except (
        # zipfile seeks to whatever place a damaged directory names.
        *(_Damaged, zipfile.BadZipFile, struct.error, UnicodeError, OverflowError, OSError),
        *(KeyError, IndexError, TypeError, ValueError, AttributeError, EOFError, RuntimeError, MemoryError),
    ) as error:
        raise BadInput(
            f"{path}: is damaged or no state dict of PyTorch ({reason_of(error, 120)}); fetch it again."
        ) from error


def _read_zip(file: BinaryIO) -> dict[str, np.ndarray]:
    with zipfile.ZipFile(file) as archive:
        members = {member.filename: member for member in archive.infolist()}
        # The folder in the archive is named after the file it was saved as.
        top = next((name.removesuffix("data.pkl") for name in members if name.endswith("/data.pkl")), None)
        if top is None:
            raise _Damaged("a zip without data.pkl")
        if any(member.compress_type != zipfile.ZIP_STORED for member in members.values()):
            raise _Damaged("compressed members, which PyTorch does not write")
        if f"{top}byteorder" in members and archive.read(f"{top}byteorder") != b"little":
            raise _Damaged("saved on a big-endian machine")
        tensors = _unpickled_tensors(io.BytesIO(archive.read(f"{top}data.pkl")))
        storages = {}
        for storage in _storages(tensors):
            content = archive.read(f"{top}data/{storage.key}")
            storages[storage.key] = _values(storage, content, storage.numel)
    return {name: _view(tensor, storages[tensor.storage.key]) for name, tensor in tensors.items()}


def _read_legacy(file: BinaryIO) -> dict[str, np.ndarray]:
    if _unpickle(file) != LEGACY_MAGIC or _unpickle(file) != LEGACY_PROTOCOL:
        raise _Damaged("it begins like nothing that PyTorch writes")
    if not _unpickle(file)["little_endian"]:
        raise _Damaged("saved on a big-endian machine")
    tensors = _unpickled_tensors(file)
    announced = {storage.key: storage for storage in _storages(tensors)}
    storages = {}
    for key in _unpickle(file):
        storage = announced[key]
        (numel,) = struct.unpack("<q", file.read(8))
        if not 0 <= numel <= storage.numel:
            raise _Damaged(f"storage {key} is longer than announced")
        storages[key] = _values(storage, file.read(numel * np.dtype(DTYPES[storage.type]).itemsize), numel)
    return {name: _view(tensor, storages[tensor.storage.key]) for name, tensor in tensors.items()}


def _unpickle(file: BinaryIO) -> Any:
    """Unpickle what begins here and leave the file where it ends."""
    begin = file.tell()
    head = io.BytesIO(file.read(MAX_PICKLE_BYTES))
    value = _StateDicts().run(pickletools.genops(head))
    file.seek(begin + head.tell())
    return value


def _unpickled_tensors(file: BinaryIO) -> dict[str, _Tensor]:
    value = _unpickle(file)
    if not isinstance(value, dict) or not value:
        raise _Damaged("it holds no named tensors")
    strange = next((n for n, tensor in value.items() if type(n) is not str or not isinstance(tensor, _Tensor)), None)
    if strange is not None:
        raise _Damaged(f"{str(strange)[:40]!r} is no tensor")
    return value


def _storages(tensors: dict[str, _Tensor]) -> set[_Storage]:
    """The storages of some tensors, each once."""
    storages = {tensor.storage for tensor in tensors.values()}
    if len({storage.key for storage in storages}) < len(storages):
        raise _Damaged("a storage of two types")
    return storages


def _values(storage: _Storage, content: bytes, numel: int) -> np.ndarray:
    dtype = np.dtype(DTYPES[storage.type])
    if len(content) != numel * dtype.itemsize:
        raise _Damaged(f"storage {storage.key[:40]} holds {len(content):,} bytes instead of {numel * dtype.itemsize:,}")
    return np.frombuffer(content, dtype)


def _view(tensor: _Tensor, storage: np.ndarray) -> np.ndarray:
    numbers = [tensor.offset, *tensor.size, *tensor.stride]
    if len(tensor.size) != len(tensor.stride) or any(type(n) is not int or n < 0 for n in numbers) or 0 in tensor.size:
        raise _Damaged("a tensor of impossible shape")
    last = tensor.offset + sum((n - 1) * step for n, step in zip(tensor.size, tensor.stride, strict=True))
    # More values than the storage holds would be the same ones over and over.
    if last >= len(storage) or math.prod(tensor.size) > len(storage):
        raise _Damaged("a tensor beyond its storage")
    strides = [step * storage.itemsize for step in tensor.stride]
    view = np.lib.stride_tricks.as_strided(storage[tensor.offset :], tensor.size, strides, writeable=False)
    if tensor.storage.type == "BFloat16Storage":
        return (view.astype("<u4") << 16).view("<f4")
    return view
