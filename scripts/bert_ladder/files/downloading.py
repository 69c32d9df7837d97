"""Brings one file here: checked, resumed, never half a file under its final name."""

import hashlib
import http.client
import io
import json
import logging
import math
import os
import shutil
import socket
import ssl
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit
from urllib.request import url2pathname

import requests
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt
from tqdm import tqdm
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import ConnectionPool, HTTPConnectionPool
from urllib3.exceptions import HTTPError
from urllib3.util import Retry

log = logging.getLogger(__name__)

CHUNK = 1 << 16
LOG_SECONDS = 10.0
PASSING_STATUS = {408, 425, 429, 500, 502, 503, 504}
MAX_REDIRECTS = 10
SLOWEST = 100.0  # bytes per second
UNTRUSTED = {18, 19, 20}  # OpenSSL's codes: self-signed, signed by one that is, by an authority that is not known
MOST_DIGITS = 18  # of a number in a header; Python refuses to read thousands of them
OFFLINE = "BERT_LADDER_OFFLINE"


@dataclass(frozen=True)
class Patience:
    """How long to keep trying one location; seconds, but for `attempts`.

    An answer that comes with fewer than SLOWEST bytes per second during `read_timeout` seconds hangs.
    """

    attempts: int = 5
    first_wait: float = 1.0
    longest_wait: float = 30.0
    longest_retry_after: float = 120.0
    connect_timeout: float = 15.0
    read_timeout: float = 60.0


PATIENCE = Patience()


class Unavailable(Exception):
    """A location that cannot give the file; the message is the reason, `status` that of HTTP where it answered one."""

    def __init__(self, reason: str, status: int | None = None) -> None:
        super().__init__(reason)
        self.status = status


class WrongChecksum(Unavailable):
    """A location gave another file than the expected one; `found` is the SHA-256 of what it gave."""

    def __init__(self, found: str, expected: str) -> None:
        super().__init__(f"its SHA-256 is {found}, expected {expected}")
        self.found = found


class Interrupted(Exception):
    """An attempt that may succeed when repeated; the message is the reason, `wait` the seconds the server asks for."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


def fetch_file(
    location: str,
    target: Path,
    sha256: str | None = None,
    patience: Patience = PATIENCE,
    fault: Callable[[Path], str | None] | None = None,
) -> str:
    """Bring one file to `target`.

    A download that was cut stays beside the target as `<target>.part` and is continued by the next call where the
    server allows it and its file has not changed. The file appears under its own name only when it is whole, checked
    and safe on the disk.

    Args:
        location: a local path, or a file://, http:// or https:// address. Proxies are taken from the environment.
        target: file to write; its folder is made.
        sha256: expected SHA-256 in hexadecimal; None = not compared.
        patience: attempts, waits and time-outs.
        fault: tells what is wrong with a file that came, None if nothing is.

    Returns:
        The SHA-256 of the file.

    Raises:
        Unavailable: the location cannot give the file, or gave another one.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = _part_file(target)
    try:
        _fetch(location, target, patience)
    except Unavailable:
        # Of this location or another, what can be continued stays.
        if not _tag(target).get("validator"):
            _drop_part(target)
        raise
    try:
        found = _checked_sum(part, sha256)
        if fault is not None and (reason := fault(part)) is not None:
            raise Unavailable(reason)
    except Unavailable:
        _drop_part(target)
        raise
    part.replace(target)
    sync_folder(target.parent)
    _tag_file(target).unlink(missing_ok=True)
    return found


def is_offline() -> bool:
    """Tell whether the environment forbids the network: BERT_LADDER_OFFLINE is set to anything but nothing or 0."""
    return os.environ.get(OFFLINE, "") not in ("", "0")


def is_http(location: str) -> bool:
    """Tell whether a location is an http:// or https:// address."""
    return urlsplit(location).scheme.lower() in ("http", "https")


def local_path(location: str) -> Path:
    """Path of a location on this machine, a plain path or a file:// address.

    Raises:
        Unavailable: the address is of another machine.
    """
    if not location.lower().startswith("file:"):
        return Path(location).expanduser()
    parts = urlsplit(location)
    if parts.netloc not in ("", "localhost"):
        raise Unavailable(f"a file:// address of another machine, '{parts.netloc}'; write file:///path")
    return Path(url2pathname(parts.path))


def sha256_of(file: Path) -> str:
    """SHA-256 of a file in hexadecimal."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are safe on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _fetch(location: str, target: Path, patience: Patience) -> None:
    scheme = urlsplit(location).scheme.lower()
    if is_http(location):
        if is_offline():
            raise Unavailable(f"offline: {OFFLINE} is set")
        _download(location, target, patience)
        return
    if "://" in location and scheme != "file":
        raise Unavailable(f"{scheme}:// is not among file://, http://, https:// and plain paths")
    _copy(local_path(location), target)


def _copy(source: Path, target: Path) -> None:
    part = _part_file(target)
    # What lies there may stem from an address; its tag must not outlive it.
    _tag_file(target).unlink(missing_ok=True)
    try:
        with source.open("rb") as opened, part.open("wb") as file:
            shutil.copyfileobj(opened, file, CHUNK)
            sync(file)
    except FileNotFoundError:
        raise Unavailable("there is no such file") from None
    except IsADirectoryError:
        raise Unavailable("is a folder; name a file in it or pack it as tar.gz") from None
    except OSError as error:
        raise Unavailable(error.strerror or str(error)) from error


def _checked_sum(part: Path, expected: str | None) -> str:
    if part.stat().st_size == 0:
        raise Unavailable("the file is empty")
    found = sha256_of(part)
    if expected is not None and found != expected.lower():
        raise WrongChecksum(found, expected.lower())
    return found


# http -----------------------------------------------------------------------------------------------------------------


def _download(url: str, target: Path, patience: Patience) -> None:
    retrying = Retrying(
        stop=stop_after_attempt(patience.attempts),
        wait=lambda state: _pause(state, patience),
        retry=retry_if_exception_type(Interrupted),
        before_sleep=lambda state: log.info(
            "attempt %d of %d: %s; again in %.0f s",
            state.attempt_number,
            patience.attempts,
            _interruption(state),
            state.upcoming_sleep,
        ),
        reraise=True,
    )
    with requests.Session() as session:
        session.max_redirects = MAX_REDIRECTS
        session.hooks["response"].append(_leave_redirect)
        for scheme in ("http://", "https://"):
            session.mount(scheme, _Adapter())
        try:
            retrying(_attempt, session, url, target, patience)
        except Interrupted as reason:
            raise Unavailable(f"{reason}, {patience.attempts} attempts") from reason


def _leave_redirect(response: requests.Response, **_: Any) -> None:
    """Close a redirect's body, which requests would read to its end, if it has one, into memory."""
    if response.is_redirect:
        response.close()


def _interruption(state: RetryCallState) -> Interrupted:
    """What ended the last attempt: nothing else is retried."""
    error = state.outcome.exception() if state.outcome else None
    return error if isinstance(error, Interrupted) else Interrupted(str(error))


def _pause(state: RetryCallState, patience: Patience) -> float:
    asked = _interruption(state).wait
    backed_off = min(patience.first_wait * 2 ** (state.attempt_number - 1), patience.longest_wait)
    return backed_off if asked is None else asked


def _attempt(session: requests.Session, url: str, target: Path, patience: Patience) -> None:
    """Ask once for what is missing and append it to the part file.

    Raises:
        Interrupted: worth another attempt.
        Unavailable: not worth another attempt.
    """
    part = _part_file(target)
    # Compressed transfer would make Content-Length and ranges speak of other bytes than the file's.
    headers = {"Accept-Encoding": "identity", "User-Agent": "bert-ladder"}
    have, validator = _resumable(url, target)
    if have:
        headers |= {"Range": f"bytes={have}-", "If-Range": validator}
    timeouts = (patience.connect_timeout, patience.read_timeout)
    try:
        with session.get(url, headers=headers, stream=True, timeout=timeouts) as response:
            _check_status(response, part, patience)
            start = _start_of_body(response, part, have, validator)
            _prepare(url, response, start, target)
            _write_body(response, start, part)
    except requests.TooManyRedirects as error:
        raise Unavailable(f"more than {MAX_REDIRECTS} redirects") from error
    except requests.exceptions.InvalidSchema as error:
        raise Unavailable(f"redirects to an address that is not http or https: {_words(error)}") from error
    except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError, HTTPError) as error:
        reason = _innermost(error)
        if isinstance(reason, ssl.SSLCertVerificationError):
            # No later attempt would find another certificate.
            raise Unavailable(_words(reason)) from error
        raise Interrupted(_words(reason)) from error
    except requests.RequestException as error:
        raise Unavailable(_words(_innermost(error))) from error
    except ValueError as error:
        # What requests makes of some addresses that a server redirects to.
        raise Unavailable(f"redirects to no address ({_words(error)})") from error
    except OSError as error:
        raise Unavailable(error.strerror or str(error)) from error


def _check_status(response: requests.Response, part: Path, patience: Patience) -> None:
    status = _printable(f"HTTP {response.status_code} {response.reason or ''}")
    if response.status_code == 416:
        # The part is no beginning of the file that is there now.
        part.unlink(missing_ok=True)
        raise Interrupted(status, wait=0.0)
    if response.status_code in PASSING_STATUS:
        wait = _retry_after(response)
        if wait is not None and wait > patience.longest_retry_after:
            raise Unavailable(f"{status}, to be asked again in {wait:,.0f} s")
        raise Interrupted(status, wait)
    if response.status_code not in (200, 206):
        raise Unavailable(status, response.status_code)


def _retry_after(response: requests.Response) -> float | None:
    given = response.headers.get("Retry-After")
    try:
        return None if given is None else Retry().parse_retry_after(given)
    except (HTTPError, ValueError, OverflowError):
        # urllib3's own for what is neither seconds nor a date, Python's for thousands of digits and for far years.
        return None


def _resumable(url: str, target: Path) -> tuple[int, str]:
    """Bytes that are there already and the validator of the file they belong to; 0 where they cannot be continued."""
    tag, part = _tag(target), _part_file(target)
    usable = tag.get("url") == url and tag["validator"] and part.exists()
    return (part.stat().st_size, tag["validator"]) if usable else (0, "")


def _start_of_body(response: requests.Response, part: Path, have: int, validator: str) -> int:
    """Where in the file the body starts."""
    if response.status_code == 200:
        return 0
    given = response.headers.get("Content-Range", "")
    # If-Range makes the server answer 200 for a changed file; a server that ignores it is caught here.
    if not have or not given.startswith(f"bytes {have}-") or _validator(response) not in ("", validator):
        part.unlink(missing_ok=True)
        raise Interrupted(f"asked for the bytes from {have:,} and was given '{given}'", wait=0.0)
    return have


def _validator(response: requests.Response) -> str:
    etag = response.headers.get("ETag", "")
    # A weak tag does not promise equal bytes and may not stand in If-Range.
    return etag if etag.startswith('"') else response.headers.get("Last-Modified", "")


def _prepare(url: str, response: requests.Response, start: int, target: Path) -> None:
    part, tag = _part_file(target), _tag_file(target)
    if start:
        log.info("continued after %s bytes", f"{start:,}")
        return
    # Never a new tag beside old bytes, nor an old tag beside new ones, wherever this is killed.
    tag.unlink(missing_ok=True)
    part.write_bytes(b"")
    usable = response.headers.get("Content-Encoding", "identity") == "identity"
    text = json.dumps({"url": url, "validator": _validator(response) if usable else ""})
    tag.write_text(text, encoding="utf-8")


def _write_body(response: requests.Response, start: int, part: Path) -> None:
    total = _total_bytes(response, start)
    chunks = _reported(_body(response, start, total), start, total)
    encoding = response.headers.get("Content-Encoding", "identity")
    # Some servers call a .gz file gzip-encoded: then the bytes as sent are the file.
    if encoding != "identity" and not part.name.removesuffix(".part").endswith((".gz", ".tgz")):
        if encoding not in ("gzip", "x-gzip"):
            raise Unavailable(_printable(f"sends the file compressed by {encoding}, although asked not to"))
        chunks = _unzipped(chunks)
    with part.open("ab") as file:
        try:
            for chunk in chunks:
                file.write(chunk)
        finally:
            sync(file)


def _total_bytes(response: requests.Response, start: int) -> int | None:
    """Bytes of the whole file as they are sent, None where the server does not tell."""
    if start:
        # A server may give less than was asked for, and Content-Length is that of what it gives.
        announced = response.headers["Content-Range"].rpartition("/")[2]
    else:
        announced = response.headers.get("Content-Length", "").rpartition(", ")[2]
    if announced in ("", "*"):
        return None
    if not announced.isdecimal() or len(announced) > MOST_DIGITS:
        raise Interrupted(_printable(f"announces a length of {announced} bytes"))
    return int(announced)


def _body(response: requests.Response, start: int, total: int | None) -> Iterator[bytes]:
    """The chunks of a body as they come.

    Raises:
        Interrupted: they end too early, or never.
    """
    done = start
    while chunk := response.raw.read1(CHUNK, decode_content=False):
        yield chunk
        done += len(chunk)
    if total is not None and done != total:
        raise Interrupted(f"{done:,} of {total:,} bytes came")


def _unzipped(chunks: Iterator[bytes]) -> Iterator[bytes]:
    unpacker = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        for chunk in chunks:
            yield unpacker.decompress(chunk)
    except zlib.error as error:
        raise Unavailable(f"what came is not gzip, as the server calls it ({error})") from error
    if not unpacker.eof:
        raise Interrupted("what came is cut")


def _reported(chunks: Iterator[bytes], start: int, total: int | None) -> Iterator[bytes]:
    """Pass the chunks on; show a bar on a terminal, else a line in the log every few seconds."""
    last, done = time.monotonic(), start
    with tqdm(
        total=total, initial=start, unit="B", unit_scale=True, leave=False, disable=not sys.stderr.isatty()
    ) as bar:
        for chunk in chunks:
            yield chunk
            done += len(chunk)
            bar.update(len(chunk))
            if bar.disable and time.monotonic() - last >= LOG_SECONDS:
                last = time.monotonic()
                log.info("%s of %s bytes", f"{done:,}", "unknown" if total is None else f"{total:,}")


def _innermost(error: BaseException) -> BaseException:
    """The innermost reason of a nested network error."""
    while True:
        around = (getattr(error, "reason", None), *error.args)
        inner = next((reason for reason in around if isinstance(reason, BaseException)), None)
        if inner is None:
            return error
        error = inner


def _words(error: BaseException) -> str:
    """What a network error says, on one line."""
    match error:
        case ssl.SSLCertVerificationError():
            hint = "; name your network's own authority in REQUESTS_CA_BUNDLE" if error.verify_code in UNTRUSTED else ""
            return f"its certificate is not accepted: {_printable(error.verify_message)}{hint}"
        case ssl.SSLError():
            return f"no secure connection: {_printable(error.reason or error.strerror or '').lower().replace('_', ' ')}"
        case http.client.RemoteDisconnected():
            return "closed the connection without an answer"
        case http.client.BadStatusLine():
            return f"answers with what is not HTTP: {_printable(str(error.args[0]))}"
        case http.client.IncompleteRead():
            return "closed the connection before all had come"
        case OSError(strerror=str(words)):
            return _printable(words)
    # urllib3 puts the connection object's repr before some messages.
    text = str(error.args[0] if len(error.args) == 1 else error).rpartition(">: ")[2].rpartition("): ")[2]
    return _printable(text) or type(error).__name__


def _printable(text: str) -> str:
    """On one line, without what a terminal would obey, since servers write some of it."""
    return "".join(letter if letter.isprintable() else " " for letter in " ".join(text.split()))[:200].strip()


class _Pace(io.RawIOBase):
    """What a socket gives, as long as it does not come so slowly that the server may be said to hang.

    No single wait need time out for that; and it may be a header, or the length of a chunk, that never ends.
    """

    def __init__(self, stream: io.RawIOBase, seconds: float) -> None:
        self._stream, self._seconds, self._got = stream, seconds, 0
        self._since: float | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        got = self._stream.readinto(buffer)
        now = time.monotonic()
        # A server may think before it answers.
        self._since = self._since or now
        self._got += got
        passed = now - self._since
        if passed >= self._seconds:
            if self._got < SLOWEST * passed:
                raise Interrupted(f"only {self._got:,} bytes came in {passed:,.1f} s")
            self._since, self._got = now, 0
        return got

    def close(self) -> None:
        self._stream.close()
        super().close()


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_Pace(self.fp.detach(), sock.gettimeout() or math.inf))


class _Connection(HTTPConnection):
    response_class = _Response


class _SecureConnection(HTTPSConnection):
    response_class = _Response


class _Adapter(requests.adapters.HTTPAdapter):
    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> ConnectionPool:
        pool = super().get_connection_with_tls_context(*args, **kwargs)
        if isinstance(pool, HTTPConnectionPool):
            pool.ConnectionCls = _SecureConnection if pool.scheme == "https" else _Connection
        return pool


# files ----------------------------------------------------------------------------------------------------------------


def _part_file(target: Path) -> Path:
    return target.with_name(target.name + ".part")


def _tag_file(target: Path) -> Path:
    return target.with_name(target.name + ".part.json")


def _tag(target: Path) -> dict[str, str]:
    """Address and validator of what is in the part file; nothing where neither is known."""
    try:
        return json.loads(_tag_file(target).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _drop_part(target: Path) -> None:
    _part_file(target).unlink(missing_ok=True)
    _tag_file(target).unlink(missing_ok=True)


def sync(file: BinaryIO) -> None:
    """Have what was written to a file on the disk."""
    file.flush()
    os.fsync(file.fileno())
