"""Packs fixtures as TF Hub serves its models, the same bytes each time."""

import gzip
import tarfile
from pathlib import Path


def pack(folder: Path, archive: Path) -> None:
    """Pack the files in a folder, without times and owners.

    Args:
        folder: its files are stored by their paths inside it.
        archive: the .tar.gz to write.
    """

    def plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.mtime = member.uid = member.gid = 0
        member.uname = member.gname = ""
        member.mode = 0o644 if member.isfile() else 0o755
        return member

    with (
        archive.open("wb") as raw,
        gzip.GzipFile("", "wb", 9, raw, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as tar,
    ):
        for path in sorted(folder.rglob("*")):
            tar.add(path, path.relative_to(folder), recursive=False, filter=plain)
