"""What `make install` puts into the environment: the command, and the package for programs of one's own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
FINDING = "import site, sys; site.addsitedir(sys.argv[1]); sys.path += sys.argv[2:]; import bert_ladder; "


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with nothing in it but that: `bin` and `site`."""
    folder = tmp_path_factory.mktemp("venv")
    (folder / "bin").mkdir()
    (folder / "site").mkdir()
    # It is asked for the folder of packages only.
    (folder / "bin/python").write_text(f"#!/bin/sh\necho {folder / 'site'}\n")
    (folder / "bin/python").chmod(0o755)
    (folder / "bin/uv").touch()
    environment = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL")}
    command = ["make", "--silent", f"VENV={folder}", f"{folder}/bin/bert-ladder"]
    subprocess.run(command, cwd=PROJECT, env=environment, check=True)
    return folder


def found(*arguments: str | Path, what: str = "print(bert_ladder.__path__[0])") -> str:
    """What a program finds that has no path of this project."""
    command = [sys.executable, "-I", "-c", FINDING + what, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd="/")
    return done.stdout.strip()


def test_package_is_found_from_any_folder(installed: Path) -> None:
    """With its modules and what one asks of it by name."""
    assert found(installed / "site") == str(PROJECT / "scripts/bert_ladder")
    what = "from bert_ladder.export import load; print(load.__module__)"
    assert found(installed / "site", what=what) == "bert_ladder.export.loading"


def test_copy_of_the_workflow_runs_its_own_code(installed: Path, tmp_path: Path) -> None:
    """Snakemake puts a script's folder last on the path; whatever lies there comes before what was installed."""
    (tmp_path / "bert_ladder").mkdir()
    (tmp_path / "bert_ladder/__init__.py").touch()
    assert found(installed / "site", tmp_path) == str(tmp_path / "bert_ladder")


def test_command_is_a_program_of_the_environment(installed: Path) -> None:
    """Its interpreter is the environment's own, so that it works from any folder."""
    command = installed / "bin/bert-ladder"
    assert command.read_text().startswith(f"#!{installed / 'bin/python'}\n")
    assert os.access(command, os.X_OK)
    done = subprocess.run(
        [sys.executable, command, "--version"], capture_output=True, text=True, cwd="/",
        env=os.environ | {"PYTHONPATH": str(PROJECT / "scripts")}, check=True,
    )  # fmt: skip
    assert done.stdout.startswith("bert-ladder ")


def test_snakemake_finds_what_shows_a_run(installed: Path) -> None:
    """`--logger=bert-ladder` is known to every Snakemake of the environment."""
    what = "import pkgutil; print(any(one.name.endswith('plugin_bert_ladder') for one in pkgutil.iter_modules()))"
    assert found(installed / "site", what=what) == "True"
