"""A server on this machine that answers as each test tells it."""

import contextlib
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from _download import Patience

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

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: dict[str, list[Answer]] = {}
        self.seen: list[tuple[str, dict[str, str]]] = []

    def url(self, path: str, *answers: Answer) -> str:
        self.answers[path] = list(answers)
        return f"http://127.0.0.1:{self.server_port}{path}"

    def ranges(self) -> list[str | None]:
        return [headers.get("Range") for _, headers in self.seen]


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
