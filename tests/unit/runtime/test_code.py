"""The code behind a script, found without running any."""

from pathlib import Path

import pytest

from bert_ladder.runtime import code
from bert_ladder.runtime.code import code_files, code_version


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of three rooms and a script; from `data.frames` every file can be reached."""
    files = {
        "script.py": "import json\nfrom bert_ladder.data.frames import read\n",
        "bert_ladder/__init__.py": "",
        "bert_ladder/data/__init__.py": "",
        "bert_ladder/data/frames.py": "def read():\n    from bert_ladder.files import archives, unpickling\n",
        "bert_ladder/data/audit.py": "",
        "bert_ladder/files/__init__.py": "",
        "bert_ladder/files/archives.py": "import bert_ladder.runtime.jobs\nimport bert_ladder.data.frames\n",
        "bert_ladder/files/unpickling.py": "raise SystemExit('run')\n",
        "bert_ladder/runtime/__init__.py": "",
        "bert_ladder/runtime/jobs.py": "from bert_ladder.runtime.locks import enter\n",
        "bert_ladder/runtime/locks.py": "",
    }
    for name, text in files.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    monkeypatch.setattr(code, "PACKAGE", tmp_path / "bert_ladder")
    return tmp_path


def names(package: Path, left_out: str | None = code.LEFT_OUT) -> list[str]:
    """The code behind the script, by its place in the folder."""
    return [str(file.relative_to(package)) for file in code_files(package / "script.py", left_out)]


DATA = ["bert_ladder/__init__.py", "bert_ladder/data/__init__.py", "bert_ladder/data/frames.py"]
FILES = [f"bert_ladder/files/{name}.py" for name in ("__init__", "archives", "unpickling")]
RUNTIME = [f"bert_ladder/runtime/{name}.py" for name in ("__init__", "jobs", "locks")]


def test_closure_of_a_script(package: Path) -> None:
    """Imports in functions, modules named after `from` and each `__init__.py` count; the room `runtime` does not."""
    assert names(package) == [*DATA, *FILES, "script.py"]


def test_closure_with_every_room(package: Path) -> None:
    """Whoever asks for all of it has the room `runtime` too."""
    assert names(package, None) == [*DATA, *FILES, *RUNTIME, "script.py"]


def test_lazy_attributes_count_where_they_are_imported(package: Path) -> None:
    """What an `__init__.py` imports in `__getattr__` runs for whoever asks for the attribute, and for nobody else."""
    (package / "bert_ladder/data/__init__.py").write_text(
        "def __getattr__(name):\n    from bert_ladder.data.audit import load\n    return load\n"
    )
    code._imported.cache_clear()
    assert "bert_ladder/data/audit.py" not in names(package)
    (package / "script.py").write_text("from bert_ladder.data import load\n")
    code._imported.cache_clear()
    assert names(package) == [
        "bert_ladder/__init__.py",
        "bert_ladder/data/__init__.py",
        "bert_ladder/data/audit.py",
        "script.py",
    ]


def test_code_within_an_init_file_counts(package: Path) -> None:
    """An `__init__.py` runs when a module of its package is imported, and what it imports is imported then."""
    (package / "bert_ladder/data/__init__.py").write_text("import bert_ladder.data.audit\n")
    code._imported.cache_clear()
    assert "bert_ladder/data/audit.py" in names(package)


def test_names_of_no_module_are_left_alone(package: Path) -> None:
    """Other packages, functions and modules that are not there add nothing."""
    (package / "script.py").write_text("import numpy\nimport bert_ladderx.data\nfrom bert_ladder import nothing\n")
    assert names(package) == ["bert_ladder/__init__.py", "script.py"]


def test_unknown_file(package: Path) -> None:
    """A script that is not there is an error, not an empty closure."""
    with pytest.raises(FileNotFoundError, match="absent"):
        code_files(package / "absent.py")


def test_broken_file(package: Path) -> None:
    """A file that is no Python cannot hide what it imports."""
    (package / "script.py").write_text("import (\n")
    with pytest.raises(SyntaxError):
        code_files(package / "script.py")


@pytest.mark.parametrize(
    ("edited", "changes"),
    [
        ("script.py", True),
        ("bert_ladder/files/unpickling.py", True),
        ("bert_ladder/data/__init__.py", True),
        ("bert_ladder/data/audit.py", False),
        ("bert_ladder/runtime/jobs.py", False),
    ],
)
def test_version_follows_what_counts(package: Path, edited: str, changes: bool) -> None:
    """It changes with every file of the closure and with no other."""
    before = code_version(package / "script.py")
    with (package / edited).open("a") as file:
        file.write("\n# another line\n")
    assert (code_version(package / "script.py") != before) is changes
