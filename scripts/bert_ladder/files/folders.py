"""Brings a folder of this machine here as one file."""

from pathlib import Path

from bert_ladder.files.downloading import Unavailable, WrongChecksum, sha256_of, sync, sync_folder
from bert_ladder.study.folders import folder_files, pack_folder


def fetch_folder(folder: Path, target: Path, sha256: str | None = None) -> str:
    """Bring all files below a folder to `target`, as the tar that `pack_folder` writes.

    Args:
        folder: on this machine.
        target: file to write; its folder is made. It appears under its own name only when it is whole.
        sha256: expected SHA-256 in hexadecimal; None = not compared.

    Returns:
        The SHA-256 of the file.

    Raises:
        Unavailable: the folder has no files, cannot be read, or is another one.
    """
    if not folder_files(folder):
        raise Unavailable("is a folder without files")
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    try:
        with part.open("wb") as opened:
            pack_folder(folder, opened)
            sync(opened)
        found = sha256_of(part)
        if sha256 is not None and found != sha256.lower():
            raise WrongChecksum(found, sha256.lower())
    except OSError as error:
        part.unlink(missing_ok=True)
        raise Unavailable(error.strerror or str(error)) from error
    except Unavailable:
        part.unlink(missing_ok=True)
        raise
    part.replace(target)
    sync_folder(target.parent)
    return found
