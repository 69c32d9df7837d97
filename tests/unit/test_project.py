"""The project's own order: locks, environments, imports and names."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from bert_ladder.runtime.code import code_files

PROJECT = Path(__file__).parents[2]
LOCKS = sorted((PROJECT / "requirements").glob("*.txt"))
SCRIPTS = sorted((PROJECT / "scripts").glob("*.py"))
RULES = "\n".join(file.read_text() for file in sorted((PROJECT / "rules").glob("*.smk")))


def block_of(rule: str) -> str:
    """A rule as it stands in its file; that of a figure with what it shares with the others."""
    block = written(rule)
    if block.startswith("use rule"):
        block += re.search(r"^    log:.*", written("plot_accuracy"), re.M | re.S)[0]
    return re.sub(r"\{(?:wildcards\.)?figure\}", rule.removeprefix("plot_"), block)


def written(rule: str) -> str:
    """A rule as it stands in its file."""
    head = rf"^(?:rule|checkpoint|use rule \w+ as) {re.escape(rule)}(?: with)?:"
    return re.search(rf"{head}.*?(?=^(?:rule|checkpoint|use rule) |\Z)", RULES, re.M | re.S)[0]


SCRIPTED = {
    rule: scripts[0]
    for rule in re.findall(r"^(?:rule|checkpoint|use rule plot_accuracy as) (\w+)(?: with)?:", RULES, re.M)
    if (scripts := re.findall(r'script:\s+"\.\./scripts/(\w+)\.py"', block_of(rule)))
}
HEAVY = {"tensorflow", "tensorflow_text", "tensorflow_hub", "keras", "keras_hub", "jax"}


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
    environment = PROJECT / "rules" / re.search(r'conda:\s+"([^"]+)"', block_of(rule))[1]
    pins = next(e["pip"] for e in yaml.safe_load(environment.read_text())["dependencies"] if isinstance(e, dict))
    packages = {"google": "protobuf", "pynvml": "nvidia-ml-py", "sklearn": "scikit-learn", "yaml": "pyyaml"}
    provided = {pin.split("==")[0] for pin in pins}
    needed = {packages.get(name, name.replace("_", "-")) for name in third_party(script_of(rule))}
    assert needed - {"tokenizers", "vl-convert"} <= provided


def script_of(rule: str) -> Path:
    """The script of a rule."""
    return PROJECT / f"scripts/{rule}.py"


def third_party(script: Path) -> set[str]:
    """Packages that a script imports, with all that it imports of the project's own."""
    found = set().union(*(imports(file) for file in code_files(script, None)))
    return found - sys.stdlib_module_names - {"bert_ladder"}


def imports(file: Path) -> set[str]:
    """Names of the packages that a module imports, within functions too."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module.split(".")[0])
    return names


def environment_of(rule: str) -> str:
    """The name of the environment that a rule runs in."""
    return re.search(r'conda:\s+"\.\./envs/(\w+)\.yaml"', block_of(rule))[1]


@pytest.mark.parametrize("rule", sorted(SCRIPTED))
def test_light_rules_reach_no_tensorflow(rule: str) -> None:
    """What data rules, baselines, comparison and report import leads to no engine, not even inside a function."""
    assert bool(third_party(script_of(rule)) & HEAVY) <= (environment_of(rule) == "tensorflow")


@pytest.mark.parametrize("planted", ["import tensorflow", "from bert_ladder.data.wordpiece import read_vocabulary"])
def test_planted_engine_is_found_in_every_light_script(planted: str, tmp_path: Path) -> None:
    """Named in the script, or reached through the package."""
    light = [rule for rule in sorted(SCRIPTED) if environment_of(rule) != "tensorflow"]
    assert light
    for rule in light:
        script = tmp_path / f"{rule}.py"
        script.write_text(f"{script_of(rule).read_text()}\n\ndef later():\n    {planted}\n")
        assert third_party(script) & HEAVY, rule


def test_training_core_does_not_know_tensorflow() -> None:
    """Between tokens and predictions the code speaks Keras only, so that it runs on its other backends.

    But for TensorFlow's own layers and optimizer, which are imported within functions, where it is the backend.
    """
    own = {"lean_layers.py", "fused_adam.py"}
    for rule in ("train_model", "train_trial", "pretrain_encoder", "evaluate_model"):
        files = code_files(script_of(rule), None)
        assert {file.name for file in files if "tensorflow" in imports(file)} <= own
        at_top = [node for file in files for node in ast.parse(file.read_text()).body]
        modules = {node.module for node in at_top if isinstance(node, ast.ImportFrom)}
        assert not {module for module in modules if f"{module.rpartition('.')[2]}.py" in own}


def test_the_study_module_is_light() -> None:
    """Every job of a cluster parses the workflow again: what it imports is paid each time."""
    heavy = "[name for name in ('numpy', 'pandas', 'tensorflow') if name in sys.modules]"
    code = f"import sys, bert_ladder.study.study; print({heavy})"
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT / "scripts", capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


def test_rule_script_and_log_share_a_name() -> None:
    """Whoever knows a rule's name finds its script, its log and its test."""
    assert all(rule == script for rule, script in SCRIPTED.items())
    assert {file.stem for file in SCRIPTS} == set(SCRIPTED)
    for rule in SCRIPTED:
        assert f"/{rule}.log" in block_of(rule)
        assert list((PROJECT / "tests").rglob(f"test_{rule}.py")), f"{rule} has no test"


def test_code_behind_a_rule_is_its_input() -> None:
    """An edit to a script, or to what it imports, must rerun its rule, and no other rule's code stands there."""
    for rule in SCRIPTED:
        # What was downloaded is never downloaded again because of an edit.
        expected = [] if rule == "download_dataset" else [rule]
        assert re.findall(r'code_of\("(\w+)"', block_of(rule)) == expected


def test_every_rule_on_a_gpu_asks_for_it_by_gres_too() -> None:
    """A cluster that knows no --gpus gets none with one of these rules left out, those that take another's body too."""
    blocks = dict(re.findall(r"^\s*rule (\w+):\n(.*?)(?=^\S|\Z)", RULES, re.M | re.S))
    on_gpu = {name for name, body in blocks.items() if re.search(r"^\s+gpu=1,", body, re.M)}
    on_gpu |= {new for old, new in re.findall(r"use rule (\w+) as (\w+) with", RULES) if old in on_gpu}
    assert {"train_model", "pretrain_encoder_with_json"} < on_gpu
    asked = yaml.safe_load((PROJECT / "profiles/slurm-gres/config.yaml").read_text())["set-resources"]
    assert sorted(asked) == sorted(f"{name}:{resource}" for name in on_gpu for resource in ("gpu=0", "gres=gpu:1"))


def test_one_version_everywhere() -> None:
    """The package, its citation and the newest entry of the changelog name the same."""
    version = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["version"]
    assert yaml.safe_load((PROJECT / "CITATION.cff").read_text())["version"] == version
    released = re.findall(r"^## \[(\d[^]]*)\]", (PROJECT / "CHANGELOG.md").read_text(), re.M)
    assert released[0] == version


def test_catalogue_of_workflows_finds_what_it_looks_for() -> None:
    """A Snakefile and a description of the configuration, where standardised workflows have them, and their flags."""
    shown = yaml.safe_load((PROJECT / ".snakemake-workflow-catalog.yml").read_text())["usage"]
    assert shown["software-stack-deployment"] and shown["mandatory-flags"]["flags"].startswith("--configfile=")
    assert (PROJECT / "workflow/Snakefile").is_file()
    described = set(re.findall(r"`(\w+)`", (PROJECT / "config/README.md").read_text()))
    keys = yaml.safe_load((PROJECT / "schemas/config.schema.yaml").read_text())["properties"]
    assert set(keys) - {"split_seed", "report"} <= described
