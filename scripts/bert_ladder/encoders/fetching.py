"""Fetches from sources in order until one serves."""

import hashlib
import logging
import shutil
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from bert_ladder.encoders.sources import FetchedSource, download_folders, fetch_source, shown, what_to_bring
from bert_ladder.files.downloading import OFFLINE, PATIENCE, Patience, Unavailable, is_offline
from bert_ladder.runtime.jobs import BadInput

log = logging.getLogger(__name__)

DOWNLOADS = Path("resources/downloads")
VOCABULARIES_AT_HAND = ("resources/vocabularies/*/vocab.txt", "resources/encoders/*/vocab.txt")


def take_first(
    sources: list[dict[str, Any]],
    take: Callable[[dict[str, Any], FetchedSource], None],
    name: str,
    downloads: Path,
    patience: Patience = PATIENCE,
) -> None:
    """Fetch sources, the preferred one first, until one is taken; the log says why the others were not.

    Args:
        sources: entries of `sources:` of an encoder or a vocabulary.
        take: does what is wanted with what a source gave; refuses by raising BadInput.
        name: of what is fetched.
        downloads: folder in which downloads are kept, and files that a user brought are looked for.
        patience: how long to try each source.

    Raises:
        BadInput: if no source serves; the sentence gives the reason of each and says which file to bring.
    """
    reasons = []
    scratch = downloads / "unpacked"
    for source, folder in zip(sources, download_folders(sources, downloads), strict=True):
        address = shown(source)
        log.info("from %s", address)
        try:
            # No long wait for one address while there are others.
            attempts = patience.attempts if source is sources[-1] else min(2, patience.attempts)
            take(source, fetch_source(source, folder, scratch, replace(patience, attempts=attempts)))
            return
        except (Unavailable, BadInput) as reason:
            log.warning("%s: %s", address, reason)
            reasons.append(f"{address}: {reason}")
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    head = f"{name}: no source serves:"
    if is_offline():
        head = f"{name} is not on this machine, and BERT_LADDER_OFFLINE forbids to fetch it;"
        reasons = [reason for reason in reasons if OFFLINE not in reason]
    raise BadInput("\n  ".join([head, *reasons]) + "\n" + what_to_bring(sources, downloads))


def read_catalog(catalog: str | Path) -> dict[str, Any]:
    """Read catalog/encoders.yaml: `encoders` and `vocabularies` by name."""
    return yaml.safe_load(Path(catalog).read_text(encoding="utf-8"))


def fetch_known_vocabulary(catalog: str | Path, name: str, output: Path, downloads: Path) -> None:
    """Write a vocabulary of the catalogue, see `fetch_vocabulary`; one that is here already saves the network.

    Args:
        catalog: catalog/encoders.yaml.
        name: the vocabulary's name there.
        output: file to write, one WordPiece per line.
        downloads: folder in which downloads are kept, and files that a user brought are looked for.

    Raises:
        BadInput: see `fetch_vocabulary`.
    """
    fetch_vocabulary(read_catalog(catalog)["vocabularies"][name], output, vocabularies_at_hand(), downloads)


def fetch_vocabulary(
    vocabulary: dict[str, Any], output: Path, at_hand: Iterable[Path], downloads: Path, patience: Patience = PATIENCE
) -> None:
    """Write a vocabulary that agrees with its checksum.

    Args:
        vocabulary: an entry of `vocabularies` of the catalogue.
        output: file to write, one WordPiece per line.
        at_hand: vocabulary files that are here already; the right one saves the network.
        downloads: folder in which downloads are kept, and files that a user brought are looked for.
        patience: how long to try each source.

    Raises:
        BadInput: if no source gives it; the sentence gives the reason of each and says which file to bring.
    """
    expected = vocabulary["sha256"].lower()
    for file in at_hand:
        if sha256(vocabulary_lines(file)) == expected:
            _write_whole(output, vocabulary_lines(file))
            log.info("taken from %s", file)
            return

    def take(source: dict[str, Any], fetched: FetchedSource) -> None:
        place = {"file": "", "huggingface": "vocab.txt"}.get(fetched.kind, "assets/vocab.txt")
        file = fetched.folder / place
        if not file.is_file():
            raise BadInput(f"there is no {place} in it: it carries no vocabulary")
        found = sha256(vocabulary_lines(file))
        if found != expected:
            raise BadInput(f"the vocabulary's SHA-256 is {found}, expected {expected}")
        _write_whole(output, vocabulary_lines(file))

    take_first(vocabulary["sources"], take, output.parent.name, downloads, patience)


def _write_whole(output: Path, content: bytes) -> None:
    part = output.with_name(f"{output.name}.part")
    part.write_bytes(content)
    part.replace(output)


def vocabulary_lines(file: Path) -> bytes:
    """The WordPieces, one per line, whether or not the file ends with a newline."""
    return file.read_bytes().rstrip(b"\n") + b"\n"


def sha256(content: bytes) -> str:
    """In hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def vocabularies_at_hand() -> list[Path]:
    """The vocabularies that were fetched or brought before."""
    return [file for pattern in VOCABULARIES_AT_HAND for file in sorted(Path().glob(pattern))]
