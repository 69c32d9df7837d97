"""Where the files that a study names are."""

import re
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from bert_ladder.study.schema import StudyError


def is_local(location: str) -> bool:
    """Whether a location is a plain path of this machine."""
    return "://" not in location


def plain_path(url: str, key: str) -> str:
    """Turn file:// into a path, so that an edit to the file is noticed.

    Raises:
        StudyError: for an address that cannot be downloaded.
    """
    try:
        scheme = urlsplit(url).scheme if "://" in url else ""
    except ValueError as error:
        raise StudyError(f"{key}: found {url!r}, which is no address ({error}); correct it.") from error
    if scheme.lower() not in ("", "file", "http", "https"):
        raise StudyError(f"{key}: found {url!r}; allowed is a path, file://, http:// or https://.")
    return unquote(urlsplit(url).path) if scheme.lower() == "file" else url


def look_up(path: str, roots: list[Path], key: str) -> str | None:
    """The first place under `roots` where a relative path of the study exists.

    Raises:
        StudyError: for a path that Snakemake would take for a pattern.
    """
    if set(path) & set("{}<>"):
        raise StudyError(f"{key}: found {path!r}; a path with any of {{}}<> cannot be used, rename the file.")
    candidates = (root / Path(path).expanduser() for root in roots)
    return next((str(candidate) for candidate in candidates if candidate.exists()), None)


def existing(path: str, roots: list[Path], key: str) -> str:
    """`look_up`, for a path that has to exist.

    Raises:
        StudyError: if it does not.
    """
    found = look_up(path, roots, key)
    if found is None:
        looked = ", ".join(dict.fromkeys(str(root.absolute()) for root in roots))
        raise StudyError(f"{key}: there is no file or folder {path!r} in {looked}; name one that exists.")
    return found


def files_below(path: str) -> list[str]:
    """A file itself, or all files of a folder, sorted."""
    if not Path(path).is_dir():
        return [path]
    return sorted(str(file) for file in Path(path).rglob("*") if file.is_file())


def safe_name(name: str) -> str:
    """Make a row's name fit for a path: what is no letter, digit, dot, dash or underscore becomes a dash."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")


def safe_file_name(location: str, split: str) -> str:
    """A file name for a location: its last part made safe, the ending kept; the split's name where nothing is left."""
    last = PurePosixPath(location if is_local(location) else urlsplit(location).path)
    endings = "".join(last.suffixes[-2:])
    return f"{safe_name(last.name.removesuffix(endings)) or split}{re.sub(r'[^A-Za-z0-9.]', '', endings)}"
