"""A folder as one file: the same files give the same bytes, wherever and whenever they were written.

Imported by the Snakefile, hence light: nothing here may import NumPy, pandas or TensorFlow.
"""

import os
import tarfile
from pathlib import Path
from typing import IO


def folder_files(folder: Path) -> list[Path]:
    """The files below a folder by their paths in it, sorted, without hidden ones and Hugging Face's caches."""
    found: list[Path] = []
    for root, folders, names in os.walk(folder, followlinks=False):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [
            Path(root, name).relative_to(folder)
            for name in names
            if not name.startswith((".", "cache-")) and Path(root, name).is_file()
        ]
    return sorted(found, key=lambda path: path.parts)


def pack_folder(folder: Path, stream: IO[bytes]) -> None:
    """Write the files below a folder as a tar that tells nothing of times and owners.

    Raises:
        OSError: a file cannot be read.
    """
    with tarfile.open(fileobj=stream, mode="w|", format=tarfile.GNU_FORMAT) as archive:
        for path in folder_files(folder):
            with (folder / path).open("rb") as opened:
                info = tarfile.TarInfo(path.as_posix())
                info.size = os.fstat(opened.fileno()).st_size
                archive.addfile(info, opened)
