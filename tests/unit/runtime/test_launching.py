"""How a study is given to Snakemake."""

import subprocess
import sys
from pathlib import Path

import pytest

from bert_ladder.runtime.jobs import BadInput
from bert_ladder.runtime.launching import snakemake_command

SCRIPTS = Path(__file__).parents[3] / "scripts"


@pytest.fixture(autouse=True)
def studies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Two study files of the folder in which the command is typed."""
    monkeypatch.chdir(tmp_path)
    files = [Path("a.yaml"), Path("b.yaml")]
    for file in files:
        file.touch()
    return files


def command(studies: list[Path], *options: str, cores: str | None = None, dry: bool = False) -> list[str]:
    """Without what starts Snakemake."""
    python, *words = snakemake_command(Path("/project"), studies, options, cores, dry)
    assert python == sys.executable
    assert words[:5] == ["-m", "snakemake", "--snakefile", "/project/Snakefile", "--logger=bert-ladder"]
    return words[5:]


def test_study_files_stand_last(studies: list[Path]) -> None:
    """In their order, so that no target is read as one of them; with all cores, unless others are wanted."""
    files = ["--configfile", "a.yaml", "b.yaml"]
    assert command(studies) == ["--cores", "all", *files]
    assert command(studies, "data", cores="2", dry=True) == ["--cores", "2", "--dry-run", "data", *files]


@pytest.mark.parametrize(
    "option", ["--workflow-profile", "--profile=x", "-c", "--cores=3", "--jobs", "-j", "--executor"]
)
def test_where_jobs_run_is_said_once(studies: list[Path], option: str) -> None:
    """On a cluster the cores of this machine are no limit."""
    assert command(studies, option, "1") == [option, "1", "--configfile", "a.yaml", "b.yaml"]


def test_missing_study_is_told(tmp_path: Path) -> None:
    """With the folder that its path is relative to."""
    with pytest.raises(BadInput, match=r"c\.yaml: there is no such file; paths are relative to this folder, /"):
        command([Path("c.yaml")])


def test_status_is_that_of_what_was_started() -> None:
    """The process becomes it: signals and status need no passing on."""
    started = "[sys.executable, '-c', 'raise SystemExit(7)']"
    code = f"import sys; from bert_ladder.runtime.launching import launch; launch({started})"
    assert subprocess.run([sys.executable, "-c", code], cwd=SCRIPTS).returncode == 7
