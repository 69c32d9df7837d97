"""Files of Python packages from the index that pip is configured with. Nothing of a package is run or installed."""

import logging
import math
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from bert_ladder.files.downloading import OFFLINE, Patience, Unavailable, is_offline, sync_folder
from bert_ladder.runtime.jobs import BadInput

log = logging.getLogger(__name__)

REQUIREMENT = re.compile(r"([A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?)==([A-Za-z0-9][A-Za-z0-9.!+_-]*)", re.ASCII)
# What pip is told by, and what tells uv the same.
UV = {
    "PIP_INDEX_URL": ("UV_DEFAULT_INDEX", "UV_INDEX_URL"),
    "PIP_EXTRA_INDEX_URL": ("UV_INDEX", "UV_EXTRA_INDEX_URL"),
}
# pip's words. They are not translated.
VERSIONS = re.compile(r"\(from versions: (.*)\)")
BROKEN = re.compile(r"^WARNING: .*?connection broken by '\w+\((.*)\)'", re.MULTILINE)
HASHES = re.compile(r"Expected sha256 (?P<expected>\w+)\s+Got\s+(?P<found>\w+)")


def package_folder(requirement: str, downloads: Path) -> Path:
    """The folder that keeps the file of a package.

    Args:
        requirement: name==version.
        downloads: where downloads are kept.

    Raises:
        BadInput: the requirement has another form.
    """
    return downloads / "-".join(_name_and_version(requirement))


def brought_file(requirement: str, downloads: Path) -> Path | None:
    """The file of a package that lies in its folder, because it was fetched before or brought; None if there is none.

    Raises:
        BadInput: there are several, or the requirement has another form than name==version.
    """
    folder = package_folder(requirement, downloads)
    found = [path for path in sorted(folder.glob("*")) if path.is_file() and not path.name.startswith(".")]
    if len(found) > 1:
        raise BadInput(f"{folder}: holds {' and '.join(path.name for path in found)}; keep the one that is meant")
    return found[0] if found else None


def download_package(requirement: str, downloads: Path, patience: Patience) -> Path:
    """Let pip bring the wheel of a package; pip compares it with the checksum that the index names.

    pip knows the user's indexes, mirrors, proxies, certificates and passwords. It runs nothing of a wheel; of a source
    distribution it would run the build, so that these are not asked for.

    Args:
        requirement: name==version.
        downloads: where downloads are kept.
        patience: attempts, and the time-out of reading.

    Returns:
        The wheel, in the package's folder.

    Raises:
        Unavailable: no index gives it.
        BadInput: the requirement has another form.
    """
    folder = package_folder(requirement, downloads)
    if is_offline():
        raise Unavailable(f"offline: {OFFLINE} is set")
    scratch = downloads / ".package.part"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    try:
        _pip("download", requirement, *_wheels_only(), f"--dest={scratch}", patience=patience)
        [wheel] = scratch.glob("*.whl")
        folder.mkdir(exist_ok=True)
        _sync(wheel)
        target = wheel.replace(folder / wheel.name)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    sync_folder(folder)
    return target


def check_package(requirement: str, patience: Patience) -> None:
    """Ask the index whether it has a package, without its file.

    Raises:
        Unavailable: it has not, or does not answer.
        BadInput: the requirement has another form than name==version.
    """
    name, version = _name_and_version(requirement)
    output = _pip("index", "versions", name, patience=patience)
    versions = re.search(r"^Available versions: (.*)$", output, re.MULTILINE)
    if versions is None or version not in versions[1].split(", "):
        raise Unavailable(_no_version(versions[1] if versions else "none"))


def _name_and_version(requirement: str) -> tuple[str, str]:
    match = REQUIREMENT.fullmatch(requirement)
    if match is None:
        raise BadInput(f"'{requirement}' names no version of a package; write name==version")
    return match[1], match[2]


def _wheels_only() -> tuple[str, ...]:
    # Only files of it are read, so that neither what it needs nor for which Python it is matters.
    return "--no-deps", "--only-binary=:all:", "--ignore-requires-python", "--progress-bar=off"


def _pip(*command: str, patience: Patience) -> str:
    """What pip says.

    Raises:
        Unavailable: it failed; the reason in few words.
    """
    options = [
        *("--no-input", "--no-color", "--no-cache-dir", "--disable-pip-version-check"),
        *(f"--timeout={math.ceil(patience.read_timeout)}", f"--retries={patience.attempts - 1}"),
    ]
    # -P: a file pip.py in the folder of the study is not pip.
    line = [sys.executable, "-P", "-m", "pip", *command, *options]
    done = subprocess.run(line, env=_environment(), capture_output=True, text=True, errors="replace", check=False)
    for said in (done.stdout + done.stderr).splitlines():
        log.debug("pip: %s", said)
    if done.returncode:
        raise Unavailable(_reason(done.stderr))
    return done.stdout


def _environment() -> dict[str, str]:
    """The environment, with the indexes that uv is configured with where it does not configure pip's."""
    given = dict(os.environ)
    for pip_key, uv_keys in UV.items():
        value = next((given[key] for key in uv_keys if given.get(key)), "")
        if value and not given.get(pip_key):
            # uv takes name=address too.
            given[pip_key] = " ".join(re.sub(r"^[\w.-]+=(?=\w+:)", "", address) for address in value.split())
    return given


def _reason(errors: str) -> str:
    """Why pip failed, on one line, of what it wrote."""
    if "No module named pip" in errors:
        return f"there is no pip beside {sys.executable} to fetch it with; install pip there, or bring the file"
    if hashes := HASHES.search(errors):
        return f"its SHA-256 is {hashes['found']}, the index says {hashes['expected']}"
    broken = BROKEN.findall(errors)
    versions = VERSIONS.search(errors)
    if broken and (versions is None or versions[1] == "none"):
        # The repr of the connection stands before the reason.
        words = broken[-1].rpartition(">: ")[2].rpartition("): ")[2] or broken[-1]
        return f"the package index does not answer ({words.strip(chr(39))})"
    if versions:
        return _no_version(versions[1])
    said = [line.removeprefix("ERROR: ") for line in errors.splitlines() if line.startswith("ERROR: ")]
    return "pip: " + (said[0] if said else " ".join(errors.split())[-200:] or "failed without a word")


def _no_version(versions: str) -> str:
    if versions == "none":
        return "the package index has no wheel of it"
    return f"the package index has no wheel of this version; it has {versions}"


def _sync(file: Path) -> None:
    with file.open("rb") as opened:
        os.fsync(opened.fileno())
