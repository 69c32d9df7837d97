"""The rooms of the package: a forbidden import in any of them is found."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
LAYERS = "A room imports only from rooms below it"
CLOSURE = "No import escapes the computed closure"
STUDY = "The study is plain Python"
LIGHT = "Light rooms reach no engine"
TOKENIZER = "Only what works on tokens imports the tokenizer"
PLANTED = [
    ("commands", "import importlib", CLOSURE),
    ("report", "import bert_ladder.commands", LAYERS),
    ("report", "import importlib", CLOSURE),
    ("report", "from keras_hub.models import BertBackbone", LIGHT),
    ("report", "from bert_ladder.encoders.tensorflow_files import read_checkpoint", LIGHT),
    ("export", "import bert_ladder.report", LAYERS),
    ("training", "from importlib import import_module", CLOSURE),
    ("training", "import bert_ladder.export", LAYERS),
    ("evaluation", "from bert_ladder import training", LAYERS),
    ("evaluation", "import keras", LIGHT),
    ("encoders", "from bert_ladder.evaluation import metrics", LAYERS),
    ("data", "import bert_ladder.encoders.sources", LAYERS),
    ("data", "import tensorflow", LIGHT),
    ("data", "from bert_ladder.data.wordpiece import read_vocabulary", TOKENIZER),
    ("files", "from bert_ladder.data.frames import plain", LAYERS),
    ("files", "import runpy", CLOSURE),
    ("study", "import bert_ladder.files.archives", LAYERS),
    ("study", "import numpy", STUDY),
    ("runtime", "import bert_ladder.study", LAYERS),
    ("runtime", "import snakemake", "The package knows no Snakemake"),
]


def linted(folder: Path) -> subprocess.CompletedProcess:
    """Check the package that lies in a folder."""
    environment = os.environ | {"PYTHONPATH": str(folder), "COLUMNS": "200"}
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package and its contracts in a folder of their own."""
    folder = tmp_path_factory.mktemp("rooms")
    shutil.copyfile(PROJECT / "pyproject.toml", folder / "pyproject.toml")
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PROJECT / "scripts/bert_ladder", folder / "bert_ladder", ignore=ignored)
    return folder


def test_rooms_are_in_order(copied: Path) -> None:
    """No contract is broken today."""
    done = linted(copied)
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout


@pytest.mark.parametrize(("room", "planted", "contract"), PLANTED)
def test_planted_import_is_found(copied: Path, room: str, planted: str, contract: str) -> None:
    """Within a function too, where it would be found only when it runs."""
    file = copied / f"bert_ladder/{room}/planted.py"
    file.write_text(f"def later():\n    {planted}\n")
    try:
        done = linted(copied)
    finally:
        file.unlink()
    assert done.returncode == 1, done.stdout
    assert f"{contract} BROKEN" in done.stdout


def test_every_room_has_a_planted_import() -> None:
    """A new room brings its own."""
    rooms = {folder.parent.name for folder in (PROJECT / "scripts/bert_ladder").glob("*/__init__.py")}
    assert {room for room, _, _ in PLANTED} == rooms


def test_room_init_files_run_nothing() -> None:
    """What a room holds is in its modules; an `__init__.py` would be run by each of its importers.

    But for attributes that are imported when somebody asks for them (PEP 562).
    """
    for file in (PROJECT / "scripts/bert_ladder").rglob("__init__.py"):
        held = {
            getattr(node, "module", None) or getattr(node, "name", None)
            for node in ast.parse(file.read_text()).body
            if not isinstance(node, ast.Expr)
        }
        assert held <= {"typing", "__getattr__"}, file
