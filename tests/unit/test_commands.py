"""Every command of the documentation does what it says: no target is read as a study file, or the other way round."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from snakemake.cli import parse_args
from snakemake.utils import update_config

from bert_ladder.study.study import Places, read_study
from workspace import Workspace

PROJECT = Path(__file__).parents[2]
WRITTEN = [
    *(PROJECT / name for name in ("README.md", "config.yaml", "Makefile")),
    *sorted(PROJECT.glob("docs/**/*.md")),
    *sorted(PROJECT.glob("bench/**/*.md")),
    *sorted(PROJECT.glob("studies/*.yaml")),
    *sorted(PROJECT.glob("profiles/*/config.yaml")),
]
# What a reader replaces by a file of his own.
PLACEHOLDERS = {"studies/my-study.yaml", "STUDY.yaml", "FIRST.yaml", "SECOND.yaml", "FILE.yaml", "local.yaml"}
# A command, or the option alone, up to the end of its code or line.
COMMAND = re.compile(
    r"(?:\.venv/bin/snakemake|(?<=`)snakemake|^snakemake|^\t@?\$\(SNAKEMAKE\)) ((?:\\\n|[^`\n#])+)", re.M
)
OPTION = re.compile(r"--configfile[= ][^`\n#]*")
FIRST_PAGES = ("README.md", "studies/template.yaml")
TARGETS = set(re.findall(r"^rule (\w+):", (PROJECT / "Snakefile").read_text(), re.M))


def commands() -> list[tuple[str, str]]:
    """The file and the arguments of every command that is written down."""
    found = (
        (str(file.relative_to(PROJECT)), " ".join(words.replace("\\\n", " ").split()))
        for file in WRITTEN
        for words in COMMAND.findall(file.read_text())
    )
    return list(dict.fromkeys(found))


def test_commands_are_found() -> None:
    """The pattern finds them in prose, in blocks, in comments and in the Makefile."""
    places = {file for file, _ in commands()}
    assert {
        "README.md",
        "Makefile",
        "docs/clusters.md",
        "studies/template.yaml",
        "profiles/slurm/config.yaml",
    } <= places


@pytest.mark.parametrize(("file", "command"), commands())
def test_command_means_what_it_says(file: str, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Snakemake's own parser takes study files for study files and targets for targets."""
    monkeypatch.chdir(PROJECT)
    words = shlex.split(command.replace("$(CORES)", "2").replace("…", ""))
    _, parsed = parse_args(words)
    for study in map(str, parsed.configfile):
        assert study in PLACEHOLDERS or (study.endswith(".yaml") and (PROJECT / study).is_file()), study
    for target in parsed.targets:
        assert target in TARGETS or target.startswith(("results/", "resources/", "bert/results/")), target
    named = [word for word in words if word.endswith(".yaml") and not word.startswith("--configfile")]
    assert sorted(map(str, parsed.configfile)) == sorted([*named, *re.findall(r"--configfile=(\S+)", command)])


def study_files(command: str) -> tuple[str, ...]:
    """The study files that a command names, the default study where it names none."""
    _, parsed = parse_args(shlex.split(command.replace("$(CORES)", "2").replace("…", "")))
    return tuple(map(str, parsed.configfile)) or ("config.yaml",)


@pytest.mark.parametrize("files", sorted({study_files(command) for _, command in commands()}), ids=" ".join)
def test_studies_of_commands_can_be_run(
    files: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Laid over each other in this order they are one whole study; a reader's own file is the template."""
    template = (PROJECT / "studies/template.yaml").read_text().replace("my-data.csv", str(tmp_path / "my-data.csv"))
    (tmp_path / "my-data.csv").write_text("text,label\na,b\n")
    (tmp_path / "template.yaml").write_text(template)
    paths = [tmp_path / "template.yaml" if file in PLACEHOLDERS - {"local.yaml"} else PROJECT / file for file in files]
    paths = [path for path in paths if path.name != "local.yaml"]  # where the reader's machine has the data
    monkeypatch.chdir(PROJECT)
    config: dict = {}
    for path in paths:
        update_config(config, yaml.safe_load(path.read_text()))
    assert read_study(config, Places(Path(), tuple(paths))).targets.training


# Not that which needs conda.
@pytest.mark.long
@pytest.mark.parametrize(
    "command", sorted({words for file, words in commands() if file in FIRST_PAGES and "--sdm" not in words})
)
def test_commands_of_the_first_pages_run(command: str, new_workspace: Callable[[], Workspace]) -> None:
    """As a dry run, the template with a file of one's own; a report is refused before there are results."""
    workspace = new_workspace()
    template = (workspace.folder / "studies/template.yaml").read_text()
    (workspace.folder / "studies/my-study.yaml").write_text(template.replace("my-data.csv", "train.csv"))
    done = workspace.run(*shlex.split(command), "-n", check=False)
    assert done.returncode == (1 if "--report" in command else 0), done.stderr[-2000:]


@pytest.mark.parametrize("file", WRITTEN, ids=lambda file: str(file.relative_to(PROJECT)))
def test_one_study_file_stands_behind_an_equals_sign(file: Path) -> None:
    """Behind a blank the reader's next target would be taken for a study file; several can only stand so."""
    for option in OPTION.findall(file.read_text()):
        files = re.match(r"--configfile ((?:\S+\.yaml ?)+)", option)
        assert not files or len(files[1].split()) > 1, option
