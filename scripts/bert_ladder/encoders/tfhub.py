"""TF Hub resolves a handle and unpacks the model; the bytes come from our own downloads."""

import os
import tarfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO
from urllib.request import Request

import tensorflow as tf
from tensorflow_hub.compressed_module_resolver import HttpCompressedFileResolver

from bert_ladder.runtime.jobs import BadInput, reason_of


def resolve_handle(handle: str, folder: Path, open_archive: Callable[[str], BinaryIO]) -> Path:
    """Have TF Hub resolve a handle into a folder that nobody has used before.

    TF Hub takes any folder in its cache that is not empty for the whole model; a fresh cache can hold no half of one.

    Args:
        handle: an http:// or https:// handle.
        folder: the cache to use, absent or empty.
        open_archive: gives the open tar or tar.gz for the address that TF Hub asks for.

    Returns:
        The folder of the SavedModel, below `folder`.

    Raises:
        BadInput: TF Hub cannot unpack what the handle leads to.
    """
    with ExitStack() as opened, _cache(folder):
        resolver = _Resolver(lambda address: opened.enter_context(open_archive(address)))
        try:
            return Path(resolver(handle))
        except (ValueError, OSError, EOFError, tarfile.TarError, tf.errors.OpError) as error:
            raise BadInput(f"{handle}: TF Hub cannot unpack it ({reason_of(error)}); name another source") from error


class _Resolver(HttpCompressedFileResolver):
    """TF Hub's own resolver of http handles, but for who fetches the archive."""

    def __init__(self, open_archive: Callable[[str], BinaryIO]) -> None:
        super().__init__()
        self._open_archive = open_archive

    def _call_urlopen(self, request: Request | str) -> BinaryIO:
        return self._open_archive(request if isinstance(request, str) else request.full_url)


@contextmanager
def _cache(folder: Path) -> Iterator[None]:
    before = os.environ.get("TFHUB_CACHE_DIR")
    os.environ["TFHUB_CACHE_DIR"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["TFHUB_CACHE_DIR"]
        else:
            os.environ["TFHUB_CACHE_DIR"] = before
