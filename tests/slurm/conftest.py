"""The Slurm cluster that these tests start for themselves."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from slurm.cluster import missing_programs, running_cluster


@contextlib.contextmanager
def _new_cluster() -> Iterator[dict[str, str]]:
    if not os.environ.get("BERT_LADDER_SLURM"):
        pytest.skip("a test cluster is started where it is asked for: BERT_LADDER_SLURM=1, on loopback")
    missing = missing_programs()
    if missing:
        pytest.skip(f"Slurm is not installed ({', '.join(missing)}); Debian: apt install slurm-wlm munge")
    folder = Path(tempfile.mkdtemp(prefix="slurm-", dir="/tmp"))
    try:
        with running_cluster(folder) as environment:
            yield environment
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def cluster() -> Iterator[dict[str, str]]:
    """The environment of a running cluster."""
    with _new_cluster() as environment:
        yield environment


@pytest.fixture
def mortal_cluster() -> Iterator[dict[str, str]]:
    """The environment of a cluster of the test's own, whose nodes it may kill."""
    with _new_cluster() as environment:
        yield environment
