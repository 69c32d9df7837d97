"""A study on a disk that is full, or may only be read, and the same command once that is mended."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from workspace import MICRO, NOWHERE, PATIENCE, Workspace

COMMAND = f"{sys.executable} -m snakemake --cores 2 baselines --configfile study.yaml"
# In a mount namespace of its own: nothing outside sees the small disk, which goes with the last process.
SCRIPT = """
set -u
mkdir -p results
mount -t tmpfs -o size={size} none results || exit 77
{spoil}
{command} > first.txt 2>&1
echo $? > first.status
mount -o remount,rw,size=100m results
{command} > second.txt 2>&1
echo $? > second.status
cp -r results kept
"""


@pytest.fixture(scope="module")
def on_small_disk(new_workspace: Callable[[], Workspace]) -> Callable[[str, str], Path]:
    """Runs the study twice with results/ on a disk of its own, mended in between; the folder with what was printed."""

    def run(size: str, spoil: str) -> Path:
        workspace = new_workspace()
        workspace.write_study(MICRO)
        done = subprocess.run(
            [
                "unshare",
                "--map-root-user",
                "--mount",
                "sh",
                "-c",
                SCRIPT.format(size=size, spoil=spoil, command=COMMAND),
            ],
            cwd=workspace.folder,
            env=NOWHERE | {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "HOME": str(workspace.folder)},
            stdin=subprocess.DEVNULL,
            timeout=PATIENCE,
        )
        if not (workspace.folder / "first.status").exists():
            pytest.skip(f"mount namespaces are forbidden here (unshare --map-root-user --mount: {done.returncode})")
        return workspace.folder

    if not shutil.which("unshare"):
        pytest.skip("unshare is not installed")
    return run


@pytest.mark.parametrize(
    ("size", "spoil", "sentence"),
    [
        ("48k", ":", "No space left on device"),
        pytest.param("100m", "mount -o remount,ro results", "Read-only file system", marks=pytest.mark.long),
    ],
)
def test_disk_trouble_is_told_and_nothing_is_lost(
    on_small_disk: Callable[[str, str], Path], size: str, spoil: str, sentence: str
) -> None:
    """One sentence without a traceback of ours, and the mended disk gets the results."""
    folder = on_small_disk(size, spoil)
    first = (folder / "first.txt").read_text()
    assert (folder / "first.status").read_text().strip() != "0"
    assert sentence in first
    assert 'scripts/bert_ladder/runtime/jobs.py", line' not in first
    assert (folder / "second.status").read_text().strip() == "0", (folder / "second.txt").read_text()[-3000:]
    (predictions,) = (folder / "kept/micro/runs").glob("*/*/predictions.parquet")
    assert pd.read_parquet(predictions)["label"].notna().all()
