"""The code behind a script: what it imports, directly and through others, found without running any of it."""

import ast
import hashlib
import re
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
# Its edit never changes what a job computes: how it waits for a device, is logged, is resumed.
LEFT_OUT = "runtime"


def code_files(file: Path, left_out: str | None = LEFT_OUT) -> list[Path]:
    """A file of Python and all that it imports of the package `bert_ladder`, but for one room; sorted.

    Imports within functions count, and the `__init__.py` of every package on the way; what one imports in `__getattr__`
    (PEP 562) counts where an attribute of that package is imported. What is imported by a name that is only known at
    run time cannot be found: `importlib` is forbidden in the package.

    Args:
        file: a script, or a module of the package.
        left_out: the room whose code does not count; None: all does.

    Raises:
        FileNotFoundError: there is no such file.
        SyntaxError: one of the files is no Python.
    """
    found, waiting = set(), [file.resolve()]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += _imported(one, PACKAGE, left_out)
    return sorted(found)


def code_version(file: str | Path) -> str:
    """SHA-256 of the content of `code_files`."""
    return hashlib.sha256(b"".join(one.read_bytes() for one in code_files(Path(file)))).hexdigest()


def template_files(file: Path) -> list[Path]:
    """A template and the files of its folder that it names in quotes, directly and through others; sorted."""
    found, waiting = set(), [file]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            named = re.findall(r"""["']([\w-]+\.\w+)["']""", one.read_text(encoding="utf-8"))
            waiting += [path for path in map(one.with_name, named) if path.is_file()]
    return sorted(found)


@cache
def _imported(file: Path, package: Path, left_out: str | None) -> frozenset[Path]:
    """The files of the package that a file imports itself."""
    tree = ast.parse(file.read_bytes())
    names = set().union(*(_names(node) for node in tree.body if not _is_lazy(node)))
    for name in sorted(names):
        package_of, _, attribute = name.rpartition(".")
        place = package.parent.joinpath(*package_of.split("."))
        is_module = place.joinpath(f"{attribute}.py").is_file() or place.joinpath(attribute).is_dir()
        if package_of and not is_module and place.joinpath("__init__.py").is_file():
            names |= _lazy_names(ast.parse(place.joinpath("__init__.py").read_bytes()))
    found = set()
    for name in names:
        parts = name.split(".")
        if parts[0] != package.name or parts[1:2] == [left_out]:
            continue
        for depth in range(1, len(parts) + 1):
            place = package.parent.joinpath(*parts[:depth])
            found |= {one for one in (place / "__init__.py", place.with_suffix(".py")) if one.is_file()}
    return frozenset(found)


def _names(tree: ast.AST) -> set[str]:
    """The dotted names that some code imports; a name of a package may be a module of it."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def _lazy_names(tree: ast.Module) -> set[str]:
    """Those that a module imports only when it is asked for an attribute that it does not have (PEP 562)."""
    return set().union(*(_names(node) for node in tree.body if _is_lazy(node)))


def _is_lazy(node: ast.stmt) -> bool:
    return isinstance(node, ast.FunctionDef) and node.name == "__getattr__"
