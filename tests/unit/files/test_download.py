"""The transfer of one file: checksums, retries, resumption, and never half a file."""

import gzip
import hashlib
import itertools
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from email.utils import formatdate
from pathlib import Path
from types import SimpleNamespace

import pytest

from bert_ladder.files import downloading
from bert_ladder.files.downloading import Patience, Unavailable, fetch_file
from bert_ladder.study.addresses import without_password
from servers import (
    CONTENT,
    ETAG,
    QUICK,
    Answer,
    Handler,
    Server,
    bare,
    cut_after,
    new_certificate,
    reset_after,
    serving,
    status,
    whole,
    with_ranges,
)

SCRIPTS = Path(__file__).parents[3] / "scripts"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def fetch(folder: Path, location: str, sha256: str | None = SHA256, patience: Patience = QUICK) -> str:
    """Bring a file to `folder`/data.bin."""
    return fetch_file(location, folder / "data.bin", sha256, patience)


def assert_whole(folder: Path) -> None:
    assert (folder / "data.bin").read_bytes() == CONTENT
    assert [path.name for path in folder.iterdir()] == ["data.bin"]


def assert_nothing(folder: Path) -> None:
    assert not (folder / "data.bin").exists()


@pytest.mark.parametrize("form", ["path", "relative", "uri"])
def test_takes_local_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    """A plain path, a relative one and a file:// address with escapes all name a file of this machine."""
    there = tmp_path / "a folder" / "näme.bin"
    there.parent.mkdir()
    there.write_bytes(CONTENT)
    monkeypatch.chdir(tmp_path)
    location = {"path": str(there), "relative": "a folder/näme.bin", "uri": there.as_uri()}[form]
    fetch(tmp_path / "out", location, sha256=SHA256.upper())
    assert_whole(tmp_path / "out")


def test_resumes_after_a_cut(tmp_path: Path, server: Server) -> None:
    """A body that ends early is continued where it ended, not fetched again."""
    fetch(tmp_path, server.url("/data.bin", cut_after(200_000, ETag=ETAG), with_ranges()))
    assert_whole(tmp_path)
    assert server.ranges() == [None, "bytes=200000-"]
    assert server.seen[1][1]["If-Range"] == ETAG


def test_resumes_by_date_under_a_weak_etag(tmp_path: Path, server: Server) -> None:
    """A weak tag promises no equal bytes, so the date of the file is what If-Range carries."""
    date = formatdate(1_000_000_000, usegmt=True)
    cut = cut_after(200_000, ETag='W/"1"', Last_Modified=date)
    fetch(tmp_path, server.url("/data.bin", cut, with_ranges(etag=date)))
    assert server.ranges() == [None, "bytes=200000-"]
    assert_whole(tmp_path)


def test_starts_again_without_a_validator(tmp_path: Path, server: Server) -> None:
    """Where the server tells nothing by which a changed file could be known, nothing is spliced."""
    fetch(tmp_path, server.url("/data.bin", cut_after(200_000), whole()))
    assert server.ranges() == [None, None]
    assert_whole(tmp_path)


def test_starts_again_on_a_server_without_ranges(tmp_path: Path, server: Server) -> None:
    """An answer of 200 to a range request replaces the part."""
    fetch(tmp_path, server.url("/data.bin", cut_after(200_000, ETag=ETAG), whole(ETag=ETAG)))
    assert server.ranges() == [None, "bytes=200000-"]
    assert_whole(tmp_path)


def test_changed_file_is_never_spliced(tmp_path: Path, server: Server) -> None:
    """A file that changed between two attempts arrives whole in its new form, even with no checksum to tell."""
    old = b"o" * len(CONTENT)
    changed = with_ranges(CONTENT, etag='"version-2"')
    fetch(tmp_path, server.url("/data.bin", cut_after(200_000, old, ETag=ETAG), changed), sha256=None)
    assert_whole(tmp_path)


def test_server_that_ignores_if_range_is_caught(tmp_path: Path, server: Server) -> None:
    """A range of a changed file, sent all the same, is recognised by its tag and dropped."""
    old = b"o" * len(CONTENT)
    place = f"bytes 200000-{len(CONTENT) - 1}/{len(CONTENT)}"
    wrong = lambda handler: handler.send(206, CONTENT[200_000:], ETag='"version-2"', Content_Range=place)  # noqa: E731
    fetch(tmp_path, server.url("/data.bin", cut_after(200_000, old, ETag=ETAG), wrong, whole()), sha256=None)
    assert_whole(tmp_path)


@pytest.mark.parametrize("place", ["bytes 0-9/512000", "", "bytes */512000"])
def test_wrong_range_is_dropped(tmp_path: Path, server: Server, place: str) -> None:
    """A range other than the one asked for is not appended."""
    wrong = lambda handler: handler.send(206, b"0123456789", ETag=ETAG, Content_Range=place)  # noqa: E731
    fetch(tmp_path, server.url("/data.bin", cut_after(200_000, ETag=ETAG), wrong, whole()), sha256=None)
    assert_whole(tmp_path)


def test_part_of_a_range_is_not_the_file(tmp_path: Path, server: Server) -> None:
    """A server may give less than the rest that was asked for; the rest of the rest is asked for next."""
    place = f"bytes 200000-299999/{len(CONTENT)}"
    less = lambda handler: handler.send(206, CONTENT[200_000:300_000], ETag=ETAG, Content_Range=place)  # noqa: E731
    fetch(tmp_path, server.url("/data.bin", cut_after(200_000, ETag=ETAG), less, with_ranges()), sha256=None)
    assert server.ranges() == [None, "bytes=200000-", "bytes=300000-"]
    assert_whole(tmp_path)


def test_unsatisfiable_range_starts_again(tmp_path: Path, server: Server) -> None:
    """After 416 the part is given up and the file fetched from its start."""
    fetch(tmp_path, server.url("/data.bin", cut_after(200_000, ETag=ETAG), status(416), whole()))
    assert server.ranges() == [None, "bytes=200000-", None]
    assert_whole(tmp_path)


def test_truncated_body_is_never_accepted(tmp_path: Path, server: Server) -> None:
    """A server that always sends too little makes the location fail, checksum or not."""
    with pytest.raises(Unavailable, match="4 attempts"):
        fetch(tmp_path, server.url("/data.bin", cut_after(1000)), sha256=None)
    assert_nothing(tmp_path)


def test_truncated_chunks_are_never_accepted(tmp_path: Path, server: Server) -> None:
    """A chunked body without its last chunk is as cut as one that is shorter than announced."""

    def answer(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        handler.wfile.write(b"a\r\n0123456789\r\n")
        handler.close_connection = True

    with pytest.raises(Unavailable, match="4 attempts"):
        fetch(tmp_path, server.url("/data.bin", answer), sha256=None)
    assert_nothing(tmp_path)


@pytest.mark.parametrize("cut", [cut_after(1000), reset_after(1000)], ids=["closed", "reset"])
def test_only_what_can_be_continued_is_kept(tmp_path: Path, server: Server, cut: Answer) -> None:
    """Without a validator the beginning of a file is of no use to the next call."""
    with pytest.raises(Unavailable):
        fetch(tmp_path, server.url("/data.bin", cut))
    assert list(tmp_path.iterdir()) == []


def test_part_outlives_the_failure_of_another_address(tmp_path: Path, server: Server) -> None:
    """A mirror that is gone costs nothing of what the first began."""
    first = server.url("/data.bin", cut_after(200_000, ETag=ETAG), status(404), with_ranges())
    for url in (first, server.url("/gone", status(404))):
        with pytest.raises(Unavailable):
            fetch(tmp_path, url)
    fetch(tmp_path, first)
    assert server.ranges()[-1] == "bytes=200000-"
    assert_whole(tmp_path)


def test_local_file_that_cannot_be_read_leaves_nothing(tmp_path: Path) -> None:
    """A copy that failed in the middle cannot be continued."""
    unreadable = Path("/proc/self/mem")
    with pytest.raises(Unavailable, match="Input/output error"):
        fetch(tmp_path, str(unreadable))
    assert list(tmp_path.iterdir()) == []


def test_part_of_another_address_is_not_continued(tmp_path: Path, server: Server) -> None:
    """What one mirror began no other mirror continues."""
    with pytest.raises(Unavailable):
        fetch(tmp_path, server.url("/a", cut_after(200_000, b"a" * len(CONTENT), ETag=ETAG), status(404)))
    fetch(tmp_path, server.url("/b", with_ranges()), sha256=None)
    assert_whole(tmp_path)
    assert server.ranges()[-1] is None


@pytest.mark.parametrize("code", [408, 425, 429, 500, 502, 503, 504])
def test_passing_trouble_is_waited_out(tmp_path: Path, server: Server, code: int) -> None:
    """Statuses that pass are tried again."""
    fetch(tmp_path, server.url("/data.bin", status(code), status(code), whole()))
    assert_whole(tmp_path)


def test_retry_after_is_honoured(tmp_path: Path, server: Server) -> None:
    """A server that asks for a second gets it, though the back-off alone would be shorter."""
    start = time.monotonic()
    fetch(tmp_path, server.url("/data.bin", status(429, Retry_After="1"), whole()))
    assert time.monotonic() - start >= 1


@pytest.mark.parametrize(
    "after", ["soon", "", "-5", "1.5", "nan", "9" * 5000, "Mon, 99 Foo", "Fri, 31 Dec 99999999999 23:59:59 GMT"]
)
def test_unreadable_retry_after_is_ignored(tmp_path: Path, server: Server, after: str) -> None:
    """A Retry-After that is neither seconds nor a date leaves the usual back-off."""
    fetch(tmp_path, server.url("/data.bin", status(503, Retry_After=after), whole()))
    assert_whole(tmp_path)


def test_refused_connection_is_named(tmp_path: Path, server: Server) -> None:
    """Where nothing listens the reason says so without the library's object names."""
    server.server_close()
    url = f"http://127.0.0.1:{server.server_port}/data.bin"
    with pytest.raises(Unavailable, match="Connection refused") as caught:
        fetch(tmp_path, url)
    assert "object at 0x" not in str(caught.value)


def test_silent_server_times_out(tmp_path: Path, server: Server) -> None:
    """A server that accepts and then says nothing does not hold the job for ever."""
    stop = threading.Event()
    url = server.url("/data.bin", lambda handler: stop.wait(5))
    with pytest.raises(Unavailable, match="timed out"):
        fetch(tmp_path, url, patience=Patience(attempts=1, read_timeout=0.2))
    stop.set()


def test_redirects_are_followed(tmp_path: Path, server: Server) -> None:
    """A redirect to another http address leads to the file."""
    target = server.url("/data.bin", whole())
    fetch(tmp_path, server.url("/moved", status(302, Location=target)))
    assert_whole(tmp_path)


def test_redirect_to_a_file_is_refused(tmp_path: Path, server: Server) -> None:
    """A server cannot make the job read a file of this machine."""
    secret = tmp_path / "secret"
    secret.write_bytes(CONTENT)
    with pytest.raises(Unavailable, match="not http or https"):
        fetch(tmp_path / "out", server.url("/moved", status(302, Location=secret.as_uri())))
    assert_nothing(tmp_path / "out")


def test_redirect_loop_ends(tmp_path: Path, server: Server) -> None:
    """A redirect that leads back to itself is given up."""
    with pytest.raises(Unavailable, match="more than 10 redirects"):
        fetch(tmp_path, server.url("/moved", status(302, Location="/moved")))
    assert len(server.seen) == 11


@pytest.mark.parametrize("location", ["http://\xff/", "http://[::1/", "http://a:99999999/", "http://..a/", "data:,a"])
def test_redirect_to_nonsense_is_one_sentence(tmp_path: Path, server: Server, location: str) -> None:
    """Whatever a server calls an address."""
    with pytest.raises(Unavailable) as caught:
        fetch(tmp_path, server.url("/moved", status(302, Location=location)))
    assert "\n" not in str(caught.value)


def test_body_of_a_redirect_is_not_read(tmp_path: Path, server: Server) -> None:
    """It may have no end, and nobody wants it."""
    target, sent = server.url("/data.bin", whole()), []

    def endless(handler: Handler) -> None:
        handler.send(302, Location=target, Content_Length=str(10**12))
        while len(sent) < 1000:
            handler.wfile.write(CONTENT)
            sent.append(len(CONTENT))

    fetch(tmp_path, server.url("/moved", endless))
    assert_whole(tmp_path)
    assert len(sent) < 1000


@pytest.mark.parametrize("length", ["-5", "many", "9" * 30, "9" * 5000])
def test_absurd_length_is_refused(tmp_path: Path, server: Server, length: str) -> None:
    """What nobody can hold the body against is not trusted."""
    with pytest.raises(Unavailable, match="announces a length of"):
        fetch(tmp_path, server.url("/data.bin", whole(Content_Length=length)), sha256=None)
    assert_nothing(tmp_path)


def test_reason_cannot_write_to_the_terminal(tmp_path: Path, server: Server) -> None:
    """What a server says of itself is shown, but for what a terminal would obey."""
    with pytest.raises(Unavailable, match=r"^HTTP 403  \[2JGone$"):
        fetch(tmp_path, server.url("/data.bin", bare(b"HTTP/1.1 403 \x1b[2JGone\r\nContent-Length: 0\r\n\r\n")))


def test_encoded_transfer_gives_the_file(tmp_path: Path, server: Server) -> None:
    """A server that compresses although asked not to: the file arrives as it is on the server."""
    fetch(tmp_path, server.url("/data.bin", whole(gzip.compress(CONTENT), Content_Encoding="gzip")))
    assert_whole(tmp_path)


@pytest.mark.parametrize("length", ["Content-Length: 1000", "Connection: close"])
def test_cut_encoded_transfer_is_never_accepted(tmp_path: Path, server: Server, length: str) -> None:
    """Its beginning can be unpacked as well, and no length tells."""
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n{length}\r\n\r\n".encode()
    with pytest.raises(Unavailable, match="what came is cut, 4 attempts"):
        fetch(tmp_path, server.url("/data.bin", bare(head + gzip.compress(CONTENT)[:1000])), sha256=None)
    assert_nothing(tmp_path)


@pytest.mark.parametrize(("encoding", "reason"), [("br", "compressed by br, although"), ("gzip", "is not gzip")])
def test_unreadable_encoding_is_refused(tmp_path: Path, server: Server, encoding: str, reason: str) -> None:
    """What cannot be unpacked is not taken for the file."""
    with pytest.raises(Unavailable, match=reason):
        fetch(tmp_path, server.url("/data.bin", whole(Content_Encoding=encoding)), sha256=None)
    assert_nothing(tmp_path)


def test_gz_file_called_encoded_stays_gz(tmp_path: Path, server: Server) -> None:
    """A .gz file that its server calls gzip-encoded is kept as it is."""
    packed = gzip.compress(CONTENT)
    url = server.url("/data.csv.gz", whole(packed, Content_Encoding="gzip"))
    fetch_file(url, tmp_path / "data.csv.gz", None, QUICK)
    assert (tmp_path / "data.csv.gz").read_bytes() == packed


def test_empty_body_is_refused(tmp_path: Path, server: Server) -> None:
    """A file of no bytes is no data set."""
    with pytest.raises(Unavailable, match="the file is empty"):
        fetch(tmp_path, server.url("/data.bin", whole(b"")), sha256=None)


def test_proxy_of_the_environment_is_used(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a proxy set the request goes to it, absolute address and all."""
    server.url("http://data.invalid/data.bin", whole())
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.server_port}")
    fetch(tmp_path, "http://data.invalid/data.bin")
    assert_whole(tmp_path)


def test_plain_lines_in_a_log(
    tmp_path: Path,
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture,
) -> None:
    """Where standard error is no terminal, progress comes as lines and without control characters."""
    monkeypatch.setattr("bert_ladder.files.downloading.LOG_SECONDS", 0.0)
    with caplog.at_level("INFO"):
        fetch(tmp_path, server.url("/data.bin", whole()))
    assert re.search(rf"[0-9,]+ of {len(CONTENT):,} bytes", caplog.text)
    assert "\r" not in capfd.readouterr().err


def test_killed_download_leaves_no_file_and_is_continued(tmp_path: Path, server: Server) -> None:
    """SIGKILL in the middle leaves only the part, and the next run fetches only what is missing."""
    sent, resume = threading.Event(), with_ranges()

    def slow(handler: Handler) -> None:
        handler.send(200, CONTENT[:300_000], Content_Length=str(len(CONTENT)), ETag=ETAG)
        sent.set()
        time.sleep(5)

    url = server.url("/data.bin", slow, resume)
    code = (
        "import sys; from pathlib import Path; from bert_ladder.files.downloading import fetch_file; "
        "fetch_file(sys.argv[1], Path(sys.argv[2]))"
    )
    with subprocess.Popen([sys.executable, "-c", code, url, tmp_path / "data.bin"], cwd=SCRIPTS) as job:
        assert sent.wait(20)
        part = tmp_path / "data.bin.part"
        deadline = time.monotonic() + 10
        while not (part.exists() and part.stat().st_size >= 65_536) and time.monotonic() < deadline:
            time.sleep(0.02)
        job.send_signal(signal.SIGKILL)
    assert_nothing(tmp_path)
    have = part.stat().st_size
    assert have >= 65_536
    fetch(tmp_path, url)
    assert_whole(tmp_path)
    assert server.ranges() == [None, f"bytes={have}-"]


def test_gives_the_checksum(tmp_path: Path, server: Server) -> None:
    """The SHA-256 of what came is told, expected or not."""
    assert fetch(tmp_path, server.url("/data.bin", whole()), sha256=None) == SHA256


@pytest.mark.parametrize("code", [403, 404, 410])
def test_status_is_told(tmp_path: Path, server: Server, code: int) -> None:
    """A caller can tell a file that is not there from a server that fails."""
    with pytest.raises(Unavailable, match=f"HTTP {code}") as caught:
        fetch(tmp_path, server.url("/data.bin", status(code)))
    assert caught.value.status == code
    with pytest.raises(Unavailable, match="HTTP 500") as caught:
        fetch(tmp_path, server.url("/data.bin", status(500)))
    assert caught.value.status is None


def test_faulty_file_never_gets_its_name(tmp_path: Path, server: Server) -> None:
    """A file that the caller finds fault with is dropped, part and all, before it has its name."""

    def fault(file: Path) -> str:
        assert file.read_bytes() == CONTENT
        assert_nothing(tmp_path)
        return "no such thing"

    with pytest.raises(Unavailable, match=r"^no such thing$"):
        fetch_file(server.url("/data.bin", whole()), tmp_path / "data.bin", SHA256, QUICK, fault)
    assert list(tmp_path.iterdir()) == []


def test_trickling_server_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: Server) -> None:
    """A server that sends a byte now and then never times out in any single wait, and hangs all the same.

    By the clock of this test, hours pass from one byte to the next; no wait for the server is as long as its patience.
    """

    def trickle(handler: Handler) -> None:
        handler.close_connection = True
        handler.send(200, b"", Content_Length="1000000")
        for _ in range(100_000):
            handler.wfile.write(b"x")

    hours = itertools.count(1, 36_000.0)
    monkeypatch.setattr(downloading, "time", SimpleNamespace(monotonic=lambda: next(hours)))
    patience = Patience(attempts=1, read_timeout=60)
    with pytest.raises(Unavailable, match=r"only [\d,]+ bytes came in [\d,]+\.0 s"):
        fetch(tmp_path, server.url("/data.bin", trickle), patience=patience)
    assert_nothing(tmp_path)


needs_openssl = pytest.mark.skipif(not shutil.which("openssl"), reason="openssl, to make certificates, is missing")


@needs_openssl
@pytest.mark.parametrize(
    ("name", "days", "trusted", "reason"),
    [
        ("IP:127.0.0.1", 1, False, "self-signed certificate; name your network's own authority in REQUESTS_CA_BUNDLE$"),
        ("IP:127.0.0.1", -1, True, "certificate has expired$"),
        ("DNS:example.org", 1, True, r"mismatch, certificate is not valid for '127\.0\.0\.1'\.$"),
    ],
    ids=["self-signed", "expired", "wrong host"],
)
def test_bad_certificate_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, days: int, trusted: bool, reason: str
) -> None:
    """At once, in one sentence, before anything is asked for."""
    certificate = new_certificate(tmp_path / "certificate.pem", name, days)
    monkeypatch.setenv("NO_PROXY", "*")
    if trusted:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    with serving(Server(certificate)) as server:
        with pytest.raises(Unavailable, match=f"^its certificate is not accepted: .*{reason}"):
            fetch(tmp_path / "out", server.url("/data.bin", whole()))
        assert server.seen == []
    assert list((tmp_path / "out").iterdir()) == []


@needs_openssl
def test_authority_of_the_environment_is_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the sentence about a certificate says."""
    certificate = new_certificate(tmp_path / "certificate.pem")
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    with serving(Server(certificate)) as server:
        fetch(tmp_path / "out", server.url("/data.bin", whole()))
    assert_whole(tmp_path / "out")


def test_server_without_tls_behind_https(tmp_path: Path, server: Server) -> None:
    """The sentence says what failed."""
    url = server.url("/data.bin", whole()).replace("http://", "https://")
    with pytest.raises(Unavailable, match=r"^no secure connection: wrong version number, 4 attempts$"):
        fetch(tmp_path, url)


def test_offline_touches_no_socket(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the switch set an address is refused at once, and a file of this machine is still taken."""
    url = server.url("/data.bin", whole())
    monkeypatch.setenv("BERT_LADDER_OFFLINE", "1")
    monkeypatch.setattr(socket, "create_connection", lambda *_, **__: pytest.fail("a socket was opened"))
    with pytest.raises(Unavailable, match=r"^offline: BERT_LADDER_OFFLINE is set$"):
        fetch(tmp_path, url)
    assert server.seen == []
    (tmp_path / "there").write_bytes(CONTENT)
    fetch(tmp_path / "out", str(tmp_path / "there"))
    assert_whole(tmp_path / "out")


@pytest.mark.parametrize("value", ["", "0"])
def test_offline_switch_off(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """Empty and 0 leave the network on."""
    monkeypatch.setenv("BERT_LADDER_OFFLINE", value)
    fetch(tmp_path, server.url("/data.bin", whole()))
    assert_whole(tmp_path)


def test_https_proxy_of_the_environment_is_used(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An https address is asked for through a tunnel of the proxy."""
    asked = []
    monkeypatch.setattr(
        Handler, "do_CONNECT", lambda handler: (asked.append(handler.path), handler.send(403)), raising=False
    )
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{server.server_port}")
    with pytest.raises(Unavailable, match="403"):
        fetch(tmp_path, "https://data.invalid/data.bin", patience=Patience(attempts=1))
    assert asked == ["data.invalid:443"]


def test_without_password() -> None:
    """Only what stands before the host is taken away."""
    assert without_password("https://u:p@example.org/a@b") == "https://example.org/a@b"
    assert without_password("folder/a@b.csv") == "folder/a@b.csv"
