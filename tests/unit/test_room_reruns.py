"""What docs/code.md says of the rules that an edit in a room runs again."""

import re
from pathlib import Path

import pytest

from bert_ladder.runtime.code import code_files, template_files

PROJECT = Path(__file__).parents[2]
PACKAGE = PROJECT / "scripts/bert_ladder"
ROOMS = sorted(folder.name for folder in PACKAGE.iterdir() if (folder / "__init__.py").is_file())
RULES = "\n".join(file.read_text() for file in sorted((PROJECT / "rules").glob("*.smk")))
# What was downloaded or fetched stays, whatever becomes of the code.
PROTECTED = set(re.findall(r'ancient\(code_of\("(\w+)"', RULES))
FOLLOWED = set(re.findall(r'(?<!ancient\()code_of\("(\w+)"', RULES))


def documented(room: str) -> set[str]:
    """The rules that the table names for a room."""
    line = re.search(rf"^\| `{room}` \|.*\| (.*) \|$", (PROJECT / "docs/code.md").read_text(), re.M)[1]
    return set(re.findall(r"`(\w+)`", line))


@pytest.mark.parametrize("room", ROOMS)
def test_documentation_names_the_rules_that_an_edit_in_a_room_runs_again(room: str) -> None:
    """Those whose scripts import of it, but for what was fetched; no other file of the code is an input."""
    files = {rule: code_files(PROJECT / f"scripts/{rule}.py") for rule in FOLLOWED}
    concerned = {rule for rule, of_rule in files.items() if any((PACKAGE / room) in file.parents for file in of_rule
                 if file.name != "__init__.py")}  # fmt: skip
    assert documented(room) == concerned


def test_downloads_are_protected() -> None:
    """An edit never downloads or fetches again."""
    assert {"fetch_encoder", "fetch_vocabulary"} == PROTECTED
    assert (PROTECTED | {"download_dataset"}).isdisjoint(FOLLOWED)


@pytest.mark.parametrize("rule", sorted(rule for rule in FOLLOWED if rule.startswith("render_")))
def test_templates_that_a_rule_fills_are_inputs(rule: str) -> None:
    """The template that its code names, with all that this one names."""
    code = "".join(file.read_text() for file in code_files(PROJECT / f"scripts/{rule}.py"))
    filled = set(re.findall(r'render_template\(\s*"([\w.]+)"', code))
    assert set(re.findall(rf'code_of\("{rule}", "([\w.]+)"\)', RULES)) == filled


def test_templates_lead_to_all_that_they_show() -> None:
    """What a template extends, takes macros from and shows the style of counts as well."""
    folder = PROJECT / "report/templates"
    found = {file.name for file in template_files(folder / "errors.html")}
    assert found == {"errors.html", "errors.css", "errors.js", "macros.html", "page.html", "page.css"}
    every = {file for start in folder.glob("*.html") for file in template_files(start)}
    assert every == set(folder.iterdir())
