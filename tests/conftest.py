"""Fixtures shared by all tests."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from servers import Server, serving
from workspace import MICRO, PROJECT, Workspace, copy_workflow, without_network

# Of the embedded default study.
SEEDS = "seeds: [1, 2, 3]"


def _beside_project(folder: str, variable: str) -> Path:
    path = Path(os.environ.get(variable, PROJECT.parent / "shared" / folder))
    if not path.is_dir():
        pytest.skip(f"{path} is not there: real data are not part of the project (set {variable} to their folder)")
    return path


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real data sets, which lie beside the project and are never part of it."""
    return _beside_project("data", "BERT_LADDER_DATA")


@pytest.fixture(scope="session")
def shared_vocab() -> Path:
    """The genuine vocabulary of the uncased BERTs, which lies beside the project."""
    return _beside_project("vocab", "BERT_LADDER_VOCAB")


@pytest.fixture(scope="session")
def shared_checkpoints() -> Path:
    """The genuine configurations and indexes of two published checkpoints, without their weights."""
    return _beside_project("checkpoints", "BERT_LADDER_CHECKPOINTS")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server on this machine that answers as each test tells it."""
    monkeypatch.setenv("NO_PROXY", "*")
    with serving(Server()) as running:
        yield running


@pytest.fixture(scope="session")
def new_workspace(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Workspace]:
    """Makes fresh copies of the workflow, each with the micro study's data."""

    def make() -> Workspace:
        return copy_workflow(tmp_path_factory.mktemp("workflow"))

    return make


def _made_once(name: str, make: Callable[[], Workspace], tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace that one process of the tests makes and all of them read."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    folder = shared / name
    with FileLock(shared / f"{name}.lock"):
        if not folder.exists():
            make().folder.rename(folder)
    return Workspace(folder)


@pytest.fixture(scope="session")
def prepared_workspace(
    new_workspace: Callable[[], Workspace], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[], Workspace]:
    """Makes copies of a workspace in which all was run that the micro study does before it trains."""

    def prepare() -> Workspace:
        workspace = new_workspace()
        workspace.write_study(MICRO)
        targets = ("data", "results/micro/encoders/nano/encoder.json")
        workspace.snakemake(*targets, "--configfile", "study.yaml", within=without_network())
        return workspace

    def copy() -> Workspace:
        prepared = _made_once("prepared", prepare, tmp_path_factory)
        return _copied(prepared, tmp_path_factory)

    return copy


def _copied(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A copy in which Snakemake finds everything as it was, times of files and records of jobs included."""
    return Workspace(shutil.copytree(workspace.folder, tmp_path_factory.mktemp("workflow") / "copy", symlinks=True))


@pytest.fixture(scope="session")
def finished(prepared_workspace: Callable[[], Workspace], tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace in which the micro study has run, on two devices by name and, where allowed, without any network.

    What it printed lies in terminal.out and terminal.err. It is the same for all processes of the tests, so that the
    study runs once: to be read, and otherwise left alone.
    """

    def finish() -> Workspace:
        workspace = prepared_workspace()
        leases = str(workspace.folder / "leases")
        devices = {"CUDA_VISIBLE_DEVICES": "0,1", "BERT_LADDER_LEASES": leases}
        done = workspace.snakemake(
            "--logger=bert-ladder", "--configfile", "study.yaml", within=without_network(), **devices
        )
        (workspace.folder / "terminal.out").write_text(done.stdout)
        (workspace.folder / "terminal.err").write_text(done.stderr)
        return workspace

    return _made_once("micro", finish, tmp_path_factory)


@pytest.fixture(scope="session")
def micro(finished: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A copy of `finished`, for one process of the tests to do with what it likes."""
    return _copied(finished, tmp_path_factory)


@pytest.fixture(scope="session")
def demo(new_workspace: Callable[[], Workspace]) -> Workspace:
    """A workspace in which the embedded default study has run with its first two seeds only."""
    workspace = new_workspace()
    file = workspace.folder / "config.yaml"
    assert SEEDS in file.read_text()
    file.write_text(file.read_text().replace(SEEDS, "seeds: [1, 2]"))
    done = workspace.snakemake()
    (workspace.folder / "terminal.out").write_text(done.stdout)
    return workspace


@pytest.fixture(scope="session")
def whole_demo(demo: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A copy of `demo` in which the study has then run as it stands."""
    workspace = _copied(demo, tmp_path_factory)
    file = workspace.folder / "config.yaml"
    file.write_text(file.read_text().replace("seeds: [1, 2]", SEEDS))
    workspace.snakemake()
    return workspace
