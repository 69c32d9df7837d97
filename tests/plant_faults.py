"""Does a test catch it? Plants the faults of planted_faults.yaml, each in a copy of the project, and runs its tests.

    python tests/plant_faults.py [name ...]

Without a name all of them. Ends with status 1 if a fault was not caught or no longer applies.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import yaml

PROJECT = Path(__file__).parents[1]
FAULTS_FILE = PROJECT / "tests" / "planted_faults.yaml"
TESTS_FAILED = 1  # pytest's status; 2 to 5 say that the tests did not run


@dataclass(frozen=True)
class Fault:
    """An edit of the code that some tests must catch.

    Attributes:
        name: what it is called.
        file: path in the project.
        old, new: the text that is replaced, which stands in the file exactly once, and what replaces it.
        tests: node ids of the tests, each of which must fail.
        breaks: what a user would suffer from it.
    """

    name: str
    file: str
    old: str
    new: str
    tests: list[str]
    breaks: str


def read_faults(file: Path = FAULTS_FILE) -> list[Fault]:
    """The faults in the order of the file."""
    return [Fault(**fault) for fault in yaml.safe_load(file.read_text(encoding="utf-8"))]


def plant(fault: Fault, project: Path) -> None:
    """Replace the old text by the new one.

    Raises:
        ValueError: the old text does not stand in the file exactly once.
    """
    file = project / fault.file
    text = file.read_text(encoding="utf-8")
    if text.count(fault.old) != 1:
        raise ValueError(f"{fault.file} has {fault.old!r} {text.count(fault.old)} times")
    file.write_text(text.replace(fault.old, fault.new), encoding="utf-8")


def copy_project(folder: Path) -> None:
    """Copy what git knows or would add: no results, environments or caches."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=PROJECT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        if (PROJECT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(PROJECT / name, folder / name)


def run_tests(tests: list[str], fault: Fault | None = None) -> int:
    """Run tests in a copy of the project, with a fault planted where one is given; pytest's status.

    Raises:
        ValueError: see `plant`.
    """
    with tempfile.TemporaryDirectory(prefix="planted-") as folder:
        copy_project(Path(folder))
        if fault:
            plant(fault, Path(folder))
        command = [sys.executable, "-m", "pytest", "-q", "--exitfirst", "-p", "no:cacheprovider"]
        command += [f"--basetemp={folder}/basetemp", *tests]
        return subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True).returncode


def outcome(fault: Fault) -> str:
    """Plant a fault and say what became of it: "caught", or why it was not."""
    try:
        missed = [test for test in fault.tests if run_tests([test], fault) != TESTS_FAILED]
    except ValueError as error:
        return f"DOES NOT APPLY: {error}"
    return f"NOT CAUGHT by {', '.join(missed)}: {fault.breaks}" if missed else "caught"


def main() -> int:
    faults = {fault.name: fault for fault in read_faults()}
    parser = argparse.ArgumentParser(description="Plants faults in copies of the project; their tests must fail.")
    parser.add_argument("names", nargs="*", metavar="name", help=f"all if none is given: {', '.join(faults)}")
    names = parser.parse_args().names or list(faults)
    if unknown := [name for name in names if name not in faults]:
        parser.error(f"no fault is called {unknown[0]!r}; there are: {', '.join(faults)}")
    tests = list(dict.fromkeys(test for name in names for test in faults[name].tests))
    # Else a test that fails by itself would seem to catch its fault.
    if run_tests(tests):
        print(f"Without any fault one of these fails: {' '.join(tests)}")
        return 1
    outcomes = []
    for name in names:
        outcomes.append(outcome(faults[name]))
        print(f"{name}: {outcomes[-1]}", flush=True)
    return int(any(found != "caught" for found in outcomes))


if __name__ == "__main__":
    sys.exit(main())
