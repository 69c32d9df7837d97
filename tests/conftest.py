"""Fixtures shared by all tests."""

import os
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]


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
