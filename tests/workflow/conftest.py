"""Studies that run for real, once per test session."""

import shutil
from collections.abc import Callable

import pytest

from workspace import MICRO, PARTS, PROJECT, Workspace, write_reviews


@pytest.fixture(scope="session")
def new_workspace(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Workspace]:
    """Makes fresh copies of the workflow, each with the micro study's data."""

    def make() -> Workspace:
        folder = tmp_path_factory.mktemp("workflow")
        for part in PARTS:
            source = PROJECT / part
            if source.is_dir():
                shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, folder / part)
        write_reviews(folder / "train.csv", 240, seed=1000)
        write_reviews(folder / "test.csv", 80, seed=5000)
        return Workspace(folder)

    return make


@pytest.fixture(scope="session")
def micro(new_workspace: Callable[[], Workspace]) -> Workspace:
    """A workspace in which the micro study has run."""
    workspace = new_workspace()
    workspace.write_study(MICRO)
    workspace.snakemake("--configfile", "study.yaml")
    return workspace


@pytest.fixture(scope="session")
def demo(new_workspace: Callable[[], Workspace]) -> Workspace:
    """A workspace in which the embedded default study has run."""
    workspace = new_workspace()
    workspace.snakemake()
    return workspace
