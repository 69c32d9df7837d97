"""The project's own order: locks, environments, imports and names."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

PROJECT = Path(__file__).parents[2]
LOCKS = sorted((PROJECT / "requirements").glob("*.txt"))
SCRIPTS = sorted((PROJECT / "scripts").glob("*.py"))
RULES = "\n".join(file.read_text() for file in sorted((PROJECT / "rules").glob("*.smk")))
SCRIPTED = dict(re.findall(r'^(?:rule|checkpoint) (\w+):.*?script:\s+"\.\./scripts/(\w+)\.py"', RULES, re.M | re.S))
HEAVY = {"tensorflow", "tensorflow_text", "tensorflow_hub", "keras", "keras_hub", "jax"}
MAY_BE_HEAVY = {
    *(
        "_encoder",
        "_fitting",
        "_normal_form",
        "_preset",
        "_pretraining",
        "_published",
        "_resuming",
        "_saved_model",
        "_tensorflow_files",
        "_tfhub",
        "_tokenizer",
    ),
    *("_training", "_vocabulary"),
}


def locked(file: Path) -> dict[str, str]:
    """Package -> version of a lock."""
    return dict(re.findall(r"^([a-z0-9._-]+)(?:\[[a-z-]+\])?==([^ \\]+)", file.read_text(), re.M))


@pytest.mark.parametrize("lock", LOCKS, ids=lambda file: file.name)
def test_locks_carry_versions_and_hashes_only(lock: Path) -> None:
    """Every package is pinned with hashes, and no address of a registry is recorded."""
    text = lock.read_text()
    assert "://" not in text
    assert "--index-url" not in text
    entries = re.split(r"^(?=[a-z0-9])", text, flags=re.M)[1:]
    assert len(entries) == len(locked(lock))
    assert all("--hash=sha256:" in entry for entry in entries)


def test_locks_agree() -> None:
    """A test runs what a user runs: the locks name the same versions."""
    cpu, cuda, test = (locked(PROJECT / f"requirements/{name}.txt") for name in ("cpu", "cuda", "test"))
    assert cpu.items() <= test.items()
    assert cpu.items() <= cuda.items()


def test_tensorflow_and_its_text_match() -> None:
    """TensorFlow Text is built against one minor version of TensorFlow; TF Hub needs an older setuptools."""
    cpu = locked(PROJECT / "requirements/cpu.txt")
    minors = {cpu[name].rsplit(".", 1)[0] for name in ("tensorflow", "tensorflow-text", "tf-keras")}
    assert len(minors) == 1
    assert int(cpu["setuptools"].split(".")[0]) < 81


@pytest.mark.parametrize("file", sorted((PROJECT / "envs").glob("*.yaml")), ids=lambda file: file.name)
def test_conda_environments_name_the_locked_versions(file: Path) -> None:
    """What conda would install is what the lock installs."""
    pins = next(entry["pip"] for entry in yaml.safe_load(file.read_text())["dependencies"] if isinstance(entry, dict))
    lock = locked(PROJECT / "requirements/cpu.txt")
    assert {pin: lock[pin.split("==")[0]] for pin in pins} == {pin: pin.split("==")[1] for pin in pins}


@pytest.mark.parametrize("rule", sorted(SCRIPTED))
def test_environment_of_a_rule_has_what_its_script_imports(rule: str) -> None:
    """Each third-party package that a script imports stands in the environment that its rule names."""
    block = re.search(rf"^(?:rule|checkpoint) {rule}:.*?(?=^(?:rule|checkpoint) |\Z)", RULES, re.M | re.S)[0]
    environment = PROJECT / "rules" / re.search(r'conda:\s+"([^"]+)"', block)[1]
    pins = next(e["pip"] for e in yaml.safe_load(environment.read_text())["dependencies"] if isinstance(e, dict))
    packages = {"google": "protobuf", "pynvml": "nvidia-ml-py", "sklearn": "scikit-learn", "yaml": "pyyaml"}
    provided = {pin.split("==")[0] for pin in pins}
    needed = {packages.get(name, name.replace("_", "-")) for name in third_party(rule)}
    assert needed - {"tokenizers", "vl-convert"} <= provided


def third_party(script: str, seen: frozenset[str] = frozenset()) -> set[str]:
    """Packages that a script imports, its sibling modules included."""
    own = {file.stem for file in SCRIPTS}
    found: set[str] = set()
    for name in imports(PROJECT / f"scripts/{script}.py", top_only=False):
        if name in own and name not in seen:
            found |= third_party(name, seen | {script})
        elif name not in own and name not in sys.stdlib_module_names:
            found.add(name)
    return found


def imports(file: Path, top_only: bool) -> set[str]:
    """Names of the packages that a module imports, at its top level only or anywhere."""
    tree = ast.parse(file.read_text())
    nodes = tree.body if top_only else ast.walk(tree)
    names = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("script", [file.stem for file in SCRIPTS])
def test_tensorflow_is_imported_in_few_files_only(script: str) -> None:
    """Tokenizing, encoders and training may import TensorFlow or Keras; nothing else, not even inside a function."""
    found = imports(PROJECT / f"scripts/{script}.py", top_only=False) & HEAVY
    assert not found or script in MAY_BE_HEAVY


def test_training_core_does_not_know_tensorflow() -> None:
    """Between tokens and predictions the code speaks Keras only, so that it runs on its other backends."""
    for module in ("_training", "_pretraining", "_fitting", "_encoder", "_tokens", "train_model", "evaluate_model"):
        assert "tensorflow" not in imports(PROJECT / f"scripts/{module}.py", top_only=False)


def test_the_study_module_is_light() -> None:
    """Every job of a cluster parses the workflow again: what it imports is paid each time."""
    code = "import sys, _study; print([m for m in ('numpy', 'pandas', 'tensorflow') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT / "scripts", capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


def test_rule_script_and_log_share_a_name() -> None:
    """Whoever knows a rule's name finds its script, its log and its test."""
    assert all(rule == script for rule, script in SCRIPTED.items())
    assert {file.stem for file in SCRIPTS if not file.stem.startswith("_")} == set(SCRIPTED)
    for rule in SCRIPTED:
        assert f"/{rule}.log" in RULES
        assert list((PROJECT / "tests").glob(f"*/test_{rule}.py")), f"{rule} has no test"


def test_shared_modules_are_inputs_of_the_rules_that_use_them() -> None:
    """An edit to a shared module must rerun the rules whose scripts import it."""
    own = {file.stem for file in SCRIPTS}
    for rule in SCRIPTED:
        block = re.search(rf"^(?:rule|checkpoint) {rule}:.*?(?=^(?:rule|checkpoint) |\Z)", RULES, re.M | re.S)[0]
        listed = set(re.findall(r'"(_\w+)"', "".join(re.findall(r"modules\((?:[^()]|\([^()]*\))*\)", block))))
        used, new = set(), {rule}
        while new:
            used |= new
            new = {name for module in new for name in imports(PROJECT / f"scripts/{module}.py", top_only=False)} & own
            new -= used
        # How a job logs, which device it gets and how it is resumed do not change what it computes.
        assert used - {rule, "_job", "_device", "_lease", "_checkpoint", "_resuming", "_stale_lock"} == listed, rule
