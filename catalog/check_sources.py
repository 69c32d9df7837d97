"""Ask each source of the catalogue whether it answers, without downloading it, and print a table.

    make check-sources
    .venv/bin/python catalog/check_sources.py tiny base

Exits with 1 if a vocabulary or an encoder has no source that answers.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
import yaml
from tabulate import tabulate

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))

from bert_ladder.encoders.package_index import check_package
from bert_ladder.encoders.sources import KINDS, RemoteFile, remote_files, shown
from bert_ladder.files.downloading import Patience, Unavailable, is_offline, local_path
from bert_ladder.study.catalog import find_encoder, load_catalog
from bert_ladder.study.schema import StudyError

PROJECT = Path(__file__).parents[1]
TIMEOUTS = (10, 20)
PATIENCE = Patience(attempts=2, read_timeout=20)
AT_ONCE = 8
FAILURES = {
    requests.Timeout: "no answer in time",
    requests.TooManyRedirects: "redirects for ever",
    requests.exceptions.SSLError: "untrusted certificate",
    requests.ConnectionError: "no connection",
}


@dataclass(frozen=True)
class Answer:
    """What one address answered: whether it has the file, in words, its size in bytes where it says so, seconds."""

    there: bool
    words: str
    size: int | None
    seconds: float


def ask(address: str) -> Answer:
    """Ask for the first byte of a file and hang up."""
    start = time.monotonic()
    # Some hosts answer HEAD otherwise than GET; the body of a GET is not read unless it is asked for.
    headers = {"Range": "bytes=0-0", "Accept-Encoding": "identity", "User-Agent": "bert-ladder"}
    try:
        with requests.get(address, headers=headers, stream=True, timeout=TIMEOUTS) as response:
            seconds = time.monotonic() - start
            if response.status_code not in (200, 206):
                return Answer(False, f"HTTP {response.status_code} {response.reason}".strip(), None, seconds)
            if "html" in response.headers.get("Content-Type", ""):
                return Answer(False, "a web page", None, seconds)
            whole = response.headers.get("Content-Range", "").rpartition("/")[2]
            length = response.headers.get("Content-Length", "") if response.status_code == 200 else whole
            return Answer(True, "answers", int(length) if length.isdecimal() else None, seconds)
    except requests.RequestException as error:
        words = next((words for kind, words in FAILURES.items() if isinstance(error, kind)), type(error).__name__)
        return Answer(False, words, None, time.monotonic() - start)


def state_of(files: Sequence[RemoteFile], answers: dict[str, Answer]) -> Answer:
    """The state of a source that consists of several files: all needed ones must be there, or what stands for them."""
    there = {file.name for file in files if answers[file.address].there}
    stand_ins = {file.alternative_to for file in files if file.name in there}
    needed = [file for file in files if not file.optional and file.alternative_to is None]
    missing = [file for file in needed if file.name not in there | stand_ins]
    seconds = max(answers[file.address].seconds for file in files)
    if missing:
        words = answers[missing[0].address].words
        return Answer(False, words if len(files) == 1 else f"{missing[0].name}: {words}", None, seconds)
    sizes = [answers[file.address].size for file in files if file.name in there]
    return Answer(True, "answers", None if None in sizes else sum(sizes), seconds)


def package_state(requirement: str) -> Answer:
    """The state of a package: whether its index lists the version."""
    start = time.monotonic()
    try:
        check_package(requirement, PATIENCE)
    except Unavailable as reason:
        return Answer(False, str(reason), None, time.monotonic() - start)
    return Answer(True, "answers", None, time.monotonic() - start)


def local_state(source: dict[str, Any]) -> Answer:
    """The state of a source that is a file or a folder of this machine."""
    there = local_path(next(source[kind] for kind in KINDS if kind in source)).exists()
    return Answer(there, "is here" if there else "is not on this machine", None, 0.0)


def check(entries: dict[str, list[dict[str, Any]]]) -> tuple[list[list[str]], list[str]]:
    """Ask all sources.

    Args:
        entries: name -> sources.

    Returns:
        Rows of the table (name, source, answer, megabytes, seconds), and the names without any source that answers.
    """
    sources = [(name, source, remote_files(source)) for name, found in entries.items() for source in found]
    addresses = list(dict.fromkeys(file.address for _, _, files in sources for file in files))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = dict(zip(addresses, pool.map(ask, addresses), strict=True))
    rows, answering = [], set()
    for name, source, files in sources:
        if "package" in source:
            state = package_state(source["package"])
        else:
            state = state_of(files, answers) if files else local_state(source)
        answering |= {name} if state.there else set()
        megabytes = "" if state.size is None else f"{state.size / 1e6:.1f}"
        rows.append([name, shown(source), state.words, megabytes, f"{state.seconds:.1f}"])
    return rows, [name for name in entries if name not in answering]


def chosen(catalog: dict[str, Any], words: list[str]) -> dict[str, list[dict[str, Any]]]:
    """The sources of the named encoders and of their vocabularies; of all without names.

    Raises:
        StudyError: for a name that the catalogue does not have.
    """
    names = [find_encoder(catalog, word) for word in words] or list(catalog["encoders"])
    if None in names:
        raise StudyError(f"{words[names.index(None)]}: there is no such encoder in catalog/encoders.yaml.")
    shared = [catalog["encoders"][name].get("vocabulary") for name in names]
    entries = {name: catalog["vocabularies"][name]["sources"] for name in dict.fromkeys(shared) if name}
    return entries | {name: catalog["encoders"][name]["sources"] for name in names}


def main() -> None:
    parser = argparse.ArgumentParser(description="Ask each source of the catalogue whether it answers.")
    parser.add_argument("encoders", nargs="*", help="names or aliases; all by default")
    if is_offline():
        sys.exit("BERT_LADDER_OFFLINE is set: nothing was asked.")
    schema = yaml.safe_load((PROJECT / "schemas/encoders.schema.yaml").read_text(encoding="utf-8"))
    try:
        catalog = load_catalog(PROJECT / "catalog/encoders.yaml", schema)
        entries = chosen(catalog, parser.parse_args().encoders)
    except StudyError as error:
        sys.exit(str(error))
    rows, unreachable = check(entries)
    print(tabulate(rows, headers=["name", "source", "answer", "MB", "seconds"], disable_numparse=True))
    if unreachable:
        sys.exit(f"\nNo source answers for {', '.join(unreachable)}.")


if __name__ == "__main__":
    main()
