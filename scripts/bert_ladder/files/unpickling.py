"""Reads pickles without running anything in them.

Their instructions are followed here, one by one, on a stack of plain values. A name in a pickle is only ever compared
with a short list; nothing is imported, called or given attributes, and no memory is reserved on the file's word alone.
"""

import itertools
import math
import pickletools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import numpy as np

from bert_ladder.runtime.jobs import BadInput, reason_of


class Exact:
    """What pickletools needs of a stream, unable to read past the end or to reserve memory for more than is left."""

    def __init__(self, stream: BinaryIO, left: int) -> None:
        self.stream, self.left = stream, left

    def read(self, count: int) -> bytes:
        if count > self.left:
            raise ValueError(f"{count:,} bytes announced, {self.left:,} left")
        self.left -= count
        return self.stream.read(count)

    def readline(self) -> bytes:
        line = self.stream.readline(self.left)
        self.left -= len(line)
        return line


class Forbidden(ValueError):
    """A pickle names what its reader does not know; `name` is the module and the name in it."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the name {name[:80]!r}")
        self.name = name


_CONSTANTS = {
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
    *("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8"),
}
_FIXED = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_PYTHON_2_STRINGS = {"STRING", "BINSTRING", "SHORT_BINSTRING"}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_DICTIONARIES = {"EMPTY_DICT", "DICT", "SETITEM", "SETITEMS"}
_MARK = object()


class Interpreter:
    """Follows the instructions of one pickle; what its names, calls and states mean, a subclass says.

    Attributes:
        names: what each name ("module name") that may stand in the pickle becomes on the stack.
        dictionaries: whether it may hold dictionaries, whose keys are texts.
    """

    names: Mapping[str, Any] = {}
    dictionaries = False

    def call(self, function: Any, arguments: Any) -> Any:
        """What stands for a call of `function`, a value of `names` if the pickle is sound."""
        raise ValueError("a call")

    def fill(self, target: Any, state: Any) -> None:
        """Give a state to what a call made."""
        raise ValueError("a state for a plain value")

    def refer(self, reference: Any) -> Any:
        """What stands for something outside the pickle."""
        raise ValueError("a reference to what is outside")

    def python_2_string(self, raw: bytes) -> Any:
        """What stands for a string of Python 2."""
        return raw

    def run(self, operations: Iterable[tuple[Any, Any, Any]]) -> Any:
        """Follow instructions to the end of the pickle.

        Args:
            operations: as pickletools.genops gives them.

        Returns:
            The pickled value.

        Raises:
            Forbidden: it names something else than `names`.
            ValueError, IndexError, KeyError, TypeError, AttributeError: it is damaged or holds something else.
        """
        stack: list[Any] = []
        memo: dict[int, Any] = {}
        for opcode, argument, _ in operations:
            name = opcode.name
            if name in _CONSTANTS:
                stack.append(argument)
            elif name in _FIXED:
                stack.append(_FIXED[name])
            elif name in _PYTHON_2_STRINGS:
                stack.append(self.python_2_string(argument.encode("latin-1")))
            elif name == "MEMOIZE":
                memo[len(memo)] = stack[-1]
            elif name in ("PUT", "BINPUT", "LONG_BINPUT"):
                memo[argument] = stack[-1]
            elif name in ("GET", "BINGET", "LONG_BINGET"):
                stack.append(memo[argument])
            elif name == "MARK":
                stack.append(_MARK)
            elif name == "EMPTY_LIST":
                stack.append([])
            elif name == "LIST":
                stack.append(_since_mark(stack))
            elif name == "TUPLE":
                stack.append(tuple(_since_mark(stack)))
            elif name in _TUPLES:
                stack[-_TUPLES[name] :] = [tuple(stack[-_TUPLES[name] :])]
            elif name in ("APPEND", "APPENDS"):
                values = [stack.pop()] if name == "APPEND" else _since_mark(stack)
                if type(stack[-1]) is not list:
                    raise ValueError("values appended to what is no list")
                stack[-1].extend(values)
            elif name in _DICTIONARIES and self.dictionaries:
                _grow_dictionary(stack, name)
            elif name == "GLOBAL":
                stack.append(self._allowed(argument))
            elif name == "STACK_GLOBAL":
                attribute, module = stack.pop(), stack.pop()
                if not isinstance(module, str) or not isinstance(attribute, str):
                    raise ValueError("a name that is no text")
                stack.append(self._allowed(f"{module} {attribute}"))
            elif name == "REDUCE":
                arguments, function = stack.pop(), stack.pop()
                stack.append(self.call(function, arguments))
            elif name == "BUILD":
                state = stack.pop()
                self.fill(stack[-1], state)
            elif name in ("PERSID", "BINPERSID"):
                stack.append(self.refer(argument if name == "PERSID" else stack.pop()))
            elif name == "STOP":
                return stack.pop()
            elif name not in ("PROTO", "FRAME"):
                raise ValueError(f"the instruction {name}")
        raise ValueError("it does not end, or has more instructions than its rows need")

    def _allowed(self, name: str) -> Any:
        if name not in self.names:
            raise Forbidden(name)
        return self.names[name]


def _since_mark(stack: list[Any]) -> list[Any]:
    values = []
    while (value := stack.pop()) is not _MARK:
        values.append(value)
    return values[::-1]


def _grow_dictionary(stack: list[Any], instruction: str) -> None:
    """Put a dictionary on the stack, or items into the one that lies there."""
    if instruction == "EMPTY_DICT":
        stack.append({})
        return
    items = [stack.pop(), stack.pop()][::-1] if instruction == "SETITEM" else _since_mark(stack)
    if instruction == "DICT":
        stack.append({})
    keys, values = items[::2], items[1::2]
    # Python follows tuples in tuples to their end to hash them, however deep that is.
    if type(stack[-1]) is not dict or not all(type(key) is str for key in keys):
        raise ValueError("items of what is no dictionary, or a key that is no text")
    stack[-1].update(zip(keys, values, strict=True))


# Arrays of strings ----------------------------------------------------------------------------------------------------

# A NumPy scalar in protocol 0 takes about 20.
_INSTRUCTIONS_PER_ROW = 32


@dataclass
class _Name:
    """A name that the pickle may hold; it is never looked up, only compared."""

    role: str


@dataclass
class _DType:
    code: str
    order: str = "<"


@dataclass
class _ObjectArray:
    items: list[Any] = field(default_factory=list)


class _ObjectArrays(Interpreter):
    """All that NumPy 1 and 2 write to pickle an object array, and Python 3 to write bytes in protocol 2."""

    names: Mapping[str, _Name] = {
        **{f"{core}.multiarray _reconstruct": _Name("reconstruct") for core in ("numpy.core", "numpy._core")},
        **{f"{core}.multiarray scalar": _Name("scalar") for core in ("numpy.core", "numpy._core")},
        "numpy ndarray": _Name("ndarray"),
        "numpy dtype": _Name("dtype"),
        "_codecs encode": _Name("encode"),
    }

    def __init__(self, room: int) -> None:
        """Read a pickle of `room` bytes."""
        self._room = room

    def call(self, function: Any, arguments: Any) -> Any:
        value = _rebuilt(function, arguments)
        # Each copy of a remembered string costs the file a few bytes: no more may come out than went in.
        self._room -= len(value) if isinstance(value, str | bytes) else 0
        if self._room < 0:
            raise ValueError("more text than the file has bytes")
        return value

    def fill(self, target: Any, state: Any) -> None:
        _fill(target, state)


def unpickle_strings(stream: Any, count: int, where: str) -> list[Any]:
    """Read a pickled one-dimensional object array of plain values without running anything in it.

    Args:
        stream: has `read(n)`, `readline()` and `left`, the bytes up to its end.
        count: rows that the array must have.
        where: what to call the array in a message.

    Returns:
        The rows: str, bytes, int, float, bool or None.

    Raises:
        BadInput: the pickle is damaged or holds anything else.
    """
    try:
        # What is packed as a megabyte of zeros must not keep the job busy for hours.
        most = 1000 + _INSTRUCTIONS_PER_ROW * count
        array_read = _ObjectArrays(stream.left).run(itertools.islice(pickletools.genops(stream), most))
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, RecursionError, UnicodeError) as error:
        raise BadInput(
            f"{where}: holds pickled data that is damaged or no plain strings ({reason_of(error)}); "
            "nothing of it was run: write the array again as text, such as numpy.array(texts, dtype=str)"
        ) from error
    if not isinstance(array_read, _ObjectArray) or len(array_read.items) != count:
        raise BadInput(f"{where}: does not hold the {count:,} rows its header promises; it is damaged: fetch it again")
    for row, value in enumerate(array_read.items):
        if not isinstance(value, str | bytes | int | float | None):
            raise BadInput(f"{where}, row {row + 1}: holds {type(value).__name__.strip('_')}, not a plain string")
    return array_read.items


def _rebuilt(function: _Name, arguments: tuple[Any, ...]) -> Any:
    if function.role == "reconstruct" and arguments[0] == _Name("ndarray"):
        return _ObjectArray()
    if function.role == "dtype" and re.fullmatch(r"O\d?|[biufSU]\d{1,9}", _text(arguments[0]), re.ASCII):
        return _DType(_text(arguments[0]))
    if function.role == "scalar" and isinstance(arguments[0], _DType) and isinstance(arguments[1], bytes):
        kind = arguments[0]
        if kind.code in ("S0", "U0") and not arguments[1]:
            return b"" if kind.code == "S0" else ""
        # frombuffer reserves nothing: the bytes are there already, or it fails.
        return np.frombuffer(arguments[1], dtype=np.dtype(kind.order + kind.code), count=1)[0].item()
    if function.role == "encode" and isinstance(arguments[0], str) and _text(arguments[1]) in ("latin1", "latin-1"):
        return arguments[0].encode("latin-1")
    raise ValueError(f"a call of {function.role}")


def _fill(target: Any, state: tuple[Any, ...]) -> None:
    if isinstance(target, _DType):
        target.order = "<" if _text(state[1]) not in "<>|=" else _text(state[1])
    elif isinstance(target, _ObjectArray):
        _, shape, kind, _, items = state
        if not isinstance(kind, _DType) or not kind.code.startswith("O") or type(items) is not list:
            raise ValueError("an array of something other than objects")
        # Checked one by one: a product of strings or of huge numbers could fill the memory.
        if not isinstance(shape, tuple) or len(shape) > 2 or not all(type(n) is int and n < 2**63 for n in shape):
            raise ValueError("an array of impossible shape")
        if math.prod(shape) != len(items):
            raise ValueError(f"{len(items):,} values for the shape {shape}")
        target.items = items
    else:
        raise ValueError("a state for a plain value")


def _text(value: str | bytes) -> str:
    return value.decode("ascii") if isinstance(value, bytes) else value
