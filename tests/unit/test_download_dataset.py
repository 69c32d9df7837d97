"""download_dataset: mirrors, checksums, retries, resumption, and never half a file."""

import contextlib
import gzip
import hashlib
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest

from _job import BadInput
from download_dataset import Patience, download_dataset, main, without_password

SCRIPTS = Path(__file__).parents[2] / "scripts"
CONTENT = bytes(range(256)) * 2000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
ETAG = '"version-1"'
QUICK = Patience(attempts=4, first_wait=0.01, longest_wait=0.02, connect_timeout=2, read_timeout=2)

Answer = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.seen.append((self.path, dict(self.headers)))
        answers = self.server.answers[self.path]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            answer(self)

    def log_message(self, *_: object) -> None:
        pass

    def send(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in ({"Content_Length": str(len(body))} | headers).items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: dict[str, list[Answer]] = {}
        self.seen: list[tuple[str, dict[str, str]]] = []

    def url(self, path: str, *answers: Answer) -> str:
        self.answers[path] = list(answers)
        return f"http://127.0.0.1:{self.server_port}{path}"

    def ranges(self) -> list[str | None]:
        return [headers.get("Range") for _, headers in self.seen]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server on this machine that answers as each test tells it."""
    monkeypatch.setenv("NO_PROXY", "*")
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def whole(body: bytes = CONTENT, **headers: str) -> Answer:
    return lambda handler: handler.send(200, body, **headers)


def status(code: int, **headers: str) -> Answer:
    return lambda handler: handler.send(code, b"", **headers)


def cut_after(count: int, body: bytes = CONTENT, **headers: str) -> Answer:
    """Announce the whole body, send its beginning, close the connection."""

    def answer(handler: Handler) -> None:
        handler.send(200, body[:count], Content_Length=str(len(body)), **headers)
        handler.close_connection = True

    return answer


def with_ranges(body: bytes = CONTENT, etag: str = ETAG) -> Answer:
    """A server that resumes where If-Range names the file it has."""

    def answer(handler: Handler) -> None:
        wanted = handler.headers.get("Range")
        if wanted is None or handler.headers.get("If-Range") != etag:
            handler.send(200, body, ETag=etag)
            return
        start = int(wanted.removeprefix("bytes=").rstrip("-"))
        place = f"bytes {start}-{len(body) - 1}/{len(body)}"
        handler.send(206, body[start:], ETag=etag, Content_Range=place)

    return answer


def fetch(folder: Path, *locations: str, sha256: str | None = SHA256, patience: Patience = QUICK) -> dict:
    """Download to `folder`/data.bin and return the record."""
    download_dataset(locations, folder / "data.bin", folder / "data.bin.json", sha256, patience)
    return json.loads((folder / "data.bin.json").read_text())


def assert_whole(folder: Path) -> None:
    assert (folder / "data.bin").read_bytes() == CONTENT
    assert sorted(path.name for path in folder.iterdir()) == ["data.bin", "data.bin.json"]


def assert_nothing(folder: Path) -> None:
    assert not (folder / "data.bin").exists()
    assert not (folder / "data.bin.json").exists()


def test_fetches_and_records(tmp_path: Path, server: Server) -> None:
    """A verified download leaves the file, its record and nothing else."""
    url = server.url("/data.bin", whole())
    record = fetch(tmp_path, url)
    assert_whole(tmp_path)
    assert {key: record[key] for key in ("source", "sha256", "bytes", "verified")} == {
        "source": url,
        "sha256": SHA256,
        "bytes": len(CONTENT),
        "verified": True,
    }
    assert record["retrieved"].endswith("+00:00")


def test_records_checksum_when_none_is_given(tmp_path: Path, server: Server) -> None:
    """Without an expected checksum the found one is recorded as not verified."""
    record = fetch(tmp_path, server.url("/data.bin", whole()), sha256=None)
    assert (record["sha256"], record["verified"]) == (SHA256, False)


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


def test_main_prefers_the_local_input(tmp_path: Path) -> None:
    """The file that Snakemake passes as input is taken, and an empty list leaves the locations."""
    there = tmp_path / "there.bin"
    there.write_bytes(CONTENT)
    for local, locations in (([str(there)], ["not-here"]), (str(there), ["not-here"]), ([], [str(there)])):
        out = tmp_path / "out"
        job = SimpleNamespace(
            input={"local": local},
            output=SimpleNamespace(data=str(out / "data.bin"), record=str(out / "data.bin.json")),
            params=SimpleNamespace(locations=locations, sha256=None),
        )
        main(job)
        assert_whole(out)
        (out / "data.bin").unlink()


def test_next_mirror_after_a_missing_file(tmp_path: Path, server: Server) -> None:
    """A 404 is not repeated; the next mirror is asked."""
    record = fetch(tmp_path, server.url("/gone", status(404)), server.url("/data.bin", whole()))
    assert [path for path, _ in server.seen] == ["/gone", "/data.bin"]
    assert record["source"].endswith("/data.bin")


def test_next_mirror_after_a_wrong_checksum(tmp_path: Path, server: Server) -> None:
    """A mirror with other bytes is passed over, and nothing of it stays."""
    fetch(tmp_path, server.url("/old", with_ranges(b"other bytes")), server.url("/data.bin", whole()))
    assert_whole(tmp_path)


def test_wrong_checksum_names_both(tmp_path: Path, server: Server) -> None:
    """When no mirror has the right bytes the sentence gives the expected and the found checksum."""
    with pytest.raises(BadInput) as caught:
        fetch(tmp_path, server.url("/old", whole(b"other bytes")))
    assert SHA256 in str(caught.value)
    assert hashlib.sha256(b"other bytes").hexdigest() in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_sentence_lists_every_location(tmp_path: Path, server: Server) -> None:
    """When all locations fail each is named with its reason, and the way out is said."""
    (tmp_path / "folder").mkdir()
    locations = [
        str(tmp_path / "absent.csv"),
        str(tmp_path / "folder"),
        "file://elsewhere/data.csv",
        "ftp://example.org/data.csv",
        server.url("/gone", status(404)),
        server.url("/closed", status(403)),
    ]
    with pytest.raises(BadInput) as caught:
        fetch(tmp_path / "out", *locations)
    message = str(caught.value)
    for location, reason in zip(
        locations,
        ["no such file", "is a folder", "another machine", "ftp:// is not", "HTTP 404", "HTTP 403"],
        strict=True,
    ):
        assert location in message
        assert reason in message
    assert "dataset.<split>.url" in message
    assert "\n" not in message
    assert_nothing(tmp_path / "out")


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


def test_unsatisfiable_range_starts_again(tmp_path: Path, server: Server) -> None:
    """After 416 the part is given up and the file fetched from its start."""
    fetch(tmp_path, server.url("/data.bin", cut_after(200_000, ETag=ETAG), status(416), whole()))
    assert server.ranges() == [None, "bytes=200000-", None]
    assert_whole(tmp_path)


def test_truncated_body_is_never_accepted(tmp_path: Path, server: Server) -> None:
    """A server that always sends too little makes the location fail, checksum or not."""
    with pytest.raises(BadInput, match="4 attempts"):
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

    with pytest.raises(BadInput, match="4 attempts"):
        fetch(tmp_path, server.url("/data.bin", answer), sha256=None)
    assert_nothing(tmp_path)


def test_part_of_another_address_is_not_continued(tmp_path: Path, server: Server) -> None:
    """What one mirror began no other mirror continues."""
    with pytest.raises(BadInput):
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


def test_retry_after_has_a_limit(tmp_path: Path, server: Server) -> None:
    """A server that asks for an hour is left for the next mirror at once."""
    later = formatdate(time.time() + 3600, usegmt=True)
    for asked in ("3600", later):
        fetch(tmp_path, server.url("/busy", status(503, Retry_After=asked)), server.url("/data.bin", whole()))
    assert [path for path, _ in server.seen] == ["/busy", "/data.bin"] * 2


def test_unreadable_retry_after_is_ignored(tmp_path: Path, server: Server) -> None:
    """A Retry-After that is neither seconds nor a date leaves the usual back-off."""
    fetch(tmp_path, server.url("/data.bin", status(503, Retry_After="soon"), whole()))
    assert_whole(tmp_path)


def test_refused_connection_is_named(tmp_path: Path, server: Server) -> None:
    """Where nothing listens the reason says so without the library's object names."""
    server.server_close()
    url = f"http://127.0.0.1:{server.server_port}/data.bin"
    with pytest.raises(BadInput, match="Connection refused") as caught:
        fetch(tmp_path, url)
    assert "object at 0x" not in str(caught.value)


def test_silent_server_times_out(tmp_path: Path, server: Server) -> None:
    """A server that accepts and then says nothing does not hold the job for ever."""
    stop = threading.Event()
    url = server.url("/data.bin", lambda handler: stop.wait(5))
    with pytest.raises(BadInput, match="timed out"):
        fetch(tmp_path, url, patience=Patience(attempts=1, read_timeout=0.2))
    stop.set()


def test_redirects_are_followed(tmp_path: Path, server: Server) -> None:
    """A redirect to another http address leads to the file; the record keeps the address of the study."""
    target = server.url("/data.bin", whole())
    record = fetch(tmp_path, server.url("/moved", status(302, Location=target)))
    assert_whole(tmp_path)
    assert record["source"].endswith("/moved")


def test_redirect_to_a_file_is_refused(tmp_path: Path, server: Server) -> None:
    """A server cannot make the job read a file of this machine."""
    secret = tmp_path / "secret"
    secret.write_bytes(CONTENT)
    with pytest.raises(BadInput, match="not http or https"):
        fetch(tmp_path / "out", server.url("/moved", status(302, Location=secret.as_uri())))
    assert_nothing(tmp_path / "out")


def test_redirect_loop_ends(tmp_path: Path, server: Server) -> None:
    """A redirect that leads back to itself is given up."""
    with pytest.raises(BadInput, match="more than 10 redirects"):
        fetch(tmp_path, server.url("/moved", status(302, Location="/moved")))


def test_encoded_transfer_gives_the_file(tmp_path: Path, server: Server) -> None:
    """A server that compresses although asked not to: the file arrives as it is on the server."""
    fetch(tmp_path, server.url("/data.bin", whole(gzip.compress(CONTENT), Content_Encoding="gzip")))
    assert_whole(tmp_path)


def test_gz_file_called_encoded_stays_gz(tmp_path: Path, server: Server) -> None:
    """A .gz file that its server calls gzip-encoded is kept as it is."""
    packed = gzip.compress(CONTENT)
    url = server.url("/data.csv.gz", whole(packed, Content_Encoding="gzip"))
    download_dataset([url], tmp_path / "data.csv.gz", tmp_path / "record.json", None, QUICK)
    assert (tmp_path / "data.csv.gz").read_bytes() == packed


def test_empty_body_is_refused(tmp_path: Path, server: Server) -> None:
    """A file of no bytes is no data set."""
    with pytest.raises(BadInput, match="the file is empty"):
        fetch(tmp_path, server.url("/data.bin", whole(b"")), sha256=None)


def test_proxy_of_the_environment_is_used(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a proxy set the request goes to it, absolute address and all."""
    server.url("http://data.invalid/data.bin", whole())
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.server_port}")
    fetch(tmp_path, "http://data.invalid/data.bin")
    assert_whole(tmp_path)


def test_password_is_never_shown(tmp_path: Path, server: Server, caplog: pytest.LogCaptureFixture) -> None:
    """User name and password reach the server, but neither the log nor the record nor the sentence."""
    url = server.url("/data.bin", whole()).replace("http://", "http://user:word@")
    with caplog.at_level("INFO"):
        record = fetch(tmp_path, url)
    assert server.seen[0][1]["Authorization"].startswith("Basic ")
    assert "word" not in json.dumps(record) + caplog.text
    assert without_password("https://u:p@example.org/a@b") == "https://example.org/a@b"
    assert without_password("folder/a@b.csv") == "folder/a@b.csv"


def test_plain_lines_in_a_log(
    tmp_path: Path,
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture,
) -> None:
    """Where standard error is no terminal, progress comes as lines and without control characters."""
    monkeypatch.setattr("download_dataset.LOG_SECONDS", 0.0)
    with caplog.at_level("INFO"):
        fetch(tmp_path, server.url("/data.bin", whole()))
    assert f"65,536 of {len(CONTENT):,} bytes" in caplog.text
    assert "\r" not in capfd.readouterr().err


def test_local_copy_drops_the_part_of_an_address(tmp_path: Path, server: Server) -> None:
    """A part that was begun from an address is not mistaken for one after a copy from a path failed."""
    out = tmp_path / "out"
    url = server.url("/data.bin", cut_after(200_000, ETag=ETAG), status(404), with_ranges())
    with pytest.raises(BadInput):
        fetch(out, url)
    other = tmp_path / "other.bin"
    other.write_bytes(b"x" * 300_000)
    fetch(out, str(other), url)
    assert_whole(out)


def test_killed_download_leaves_no_file_and_is_continued(tmp_path: Path, server: Server) -> None:
    """SIGKILL in the middle leaves only the part, and the next run fetches only what is missing."""
    sent, resume = threading.Event(), with_ranges()

    def slow(handler: Handler) -> None:
        handler.send(200, CONTENT[:300_000], Content_Length=str(len(CONTENT)), ETag=ETAG)
        sent.set()
        time.sleep(5)

    url = server.url("/data.bin", slow, resume)
    code = "import sys; from download_dataset import download_dataset as d; d(sys.argv[1:2], *sys.argv[2:])"
    paths = [str(tmp_path / "data.bin"), str(tmp_path / "data.bin.json")]
    with subprocess.Popen([sys.executable, "-c", code, url, *paths], cwd=SCRIPTS) as job:
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
