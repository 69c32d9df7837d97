"""A server on this machine that answers as each test tells it."""

import contextlib
import socket
import ssl
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from bert_ladder.files.downloading import Patience

CONTENT = bytes(range(256)) * 2000
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

    def __init__(self, certificate: Path | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.scheme = "https" if certificate else "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.socket = context.wrap_socket(self.socket, server_side=True)
        self.answers: dict[str, list[Answer]] = {}
        self.seen: list[tuple[str, dict[str, str]]] = []

    def url(self, path: str, *answers: Answer) -> str:
        self.answers[path] = list(answers)
        return f"{self.scheme}://127.0.0.1:{self.server_port}{path}"

    def handle_error(self, *_: object) -> None:
        pass  # what a client that hung up leaves behind

    def ranges(self) -> list[str | None]:
        return [headers.get("Range") for _, headers in self.seen]


@contextlib.contextmanager
def serving(server: Server) -> Iterator[Server]:
    """A server at work until the end of the block."""
    with server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def new_certificate(file: Path, name: str = "IP:127.0.0.1", days: int = 1) -> Path:
    """Write a certificate that is signed by itself, with its key; one of -1 days has expired."""
    key, request = file.with_suffix(".key"), file.with_suffix(".csr")
    new = ["req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=test", "-addext", f"subjectAltName={name}"]
    sign = ["x509", "-req", "-signkey", key, "-days", str(days), "-copy_extensions", "copy"]
    for command in ([*new, "-keyout", key, "-out", request], [*sign, "-in", request, "-out", file]):
        subprocess.run(["openssl", *command], check=True, capture_output=True)
    file.write_text(file.read_text() + key.read_text())
    return file


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


def bare(content: bytes) -> Answer:
    """Send these very bytes, which need not be HTTP, and close the connection."""

    def answer(handler: Handler) -> None:
        handler.wfile.write(content)
        handler.close_connection = True

    return answer


def dripping(start: bytes) -> Answer:
    """Send these bytes, then one now and then, for longer than anybody waits."""

    def answer(handler: Handler) -> None:
        handler.close_connection = True
        handler.wfile.write(start)
        for _ in range(100):
            handler.wfile.write(b"1")
            time.sleep(0.05)

    return answer


def reset_after(count: int, **headers: str) -> Answer:
    """Announce the whole body, send its beginning, reset the connection."""

    def answer(handler: Handler) -> None:
        cut_after(count, **headers)(handler)
        # The kernel resets a connection that lingers for no time.
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        handler.connection.close()

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
