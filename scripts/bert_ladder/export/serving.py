"""A chosen model behind HTTP: a page to try texts, and JSON for programs. For one machine, not the internet."""

import asyncio
import errno
import logging
import re
import socket
import traceback
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bert_ladder.export.connections import timed_connection
from bert_ladder.export.limits import Limits
from bert_ladder.export.loading import Classifier
from bert_ladder.export.questions import Refused, Unwanted, Worker, described, read_question
from bert_ladder.runtime.jobs import BadInput, is_out_of_memory, reason_of

log = logging.getLogger(__name__)

PAGE = Path(__file__).with_name("page")
FILES = {"/": "text/html", "/page.css": "text/css", "/page.js": "text/javascript", "/icon.svg": "image/svg+xml"}
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
# Name or address, and port, as a browser sends them.
HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::[0-9]{1,5})?", re.ASCII | re.IGNORECASE)
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
# Fewer than the files that a process may usually have open.
CONNECTIONS = 512
# How long requests that are being answered may still take after Ctrl-C.
GRACE = 2
# What is still read of a body that is too large, so that its sender reads why instead of finding the line cut.
DRAINED = 2**26
ENDING = "the server is being ended."


@dataclass(frozen=True)
class Address:
    """Where to listen, and who may ask.

    Attributes:
        host: a name or an address of this machine.
        port: 0 for a free one.
        allowed: further names by which the server may be asked.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    allowed: Sequence[str] = ()


def serve(open_model: Callable[[], Classifier], address: Address, limits: Limits) -> None:
    """Answer until Ctrl-C.

    Args:
        open_model: opens the model, once the port is known to be free.
        address: where to listen.
        limits: of each request.

    Raises:
        BadInput: the address is not usable, or the model is not.
    """
    hosts = allowed_hosts(address)
    worker = None
    with listen(address) as listener:
        try:
            worker = Worker(open_model)
            print(f"{introduction(worker.model)} on {url_of(listener, address)} (Ctrl-C ends it)", flush=True)
            build_server(worker, limits, hosts).run([listener])
        except KeyboardInterrupt:
            pass
        finally:
            if worker is not None:
                worker.close()


def introduction(model: Classifier) -> str:
    """What is served."""
    return f"{model.chosen.row} of the study {model.chosen.study}"


def allowed_hosts(address: Address) -> frozenset[str]:
    """What a Host header may name, in lower case: else a page elsewhere could ask by a name that leads here.

    Raises:
        BadInput: others than this machine can ask, and no name is given by which they may.
    """
    given = [f"[{name}]" if ":" in name and not name.startswith("[") else name for name in address.allowed]
    for name in given:
        found = HOST.fullmatch(name)
        if found is None or found[1] != name:
            raise BadInput(f"--allow-host: found {name!r}; give a name or an address without port, such as my-machine.")
    if not is_loopback(address.host) and not given:
        raise BadInput(
            f"--host {address.host}: other machines can ask there; name with --allow-host what they call this one "
            "(a name or an address, as it stands in the browser)."
        )
    own = [f"[{address.host}]" if ":" in address.host else address.host] if is_loopback(address.host) else []
    return frozenset(name.lower() for name in [*LOOPBACK, *own, *given])


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def listen(address: Address) -> socket.socket:
    """Open a port.

    Raises:
        BadInput: it is taken, not allowed, or not of this machine.
    """
    host, port = address.host, address.port
    if not 0 <= port < 2**16:
        raise BadInput(f"--port: found {port}; give one up to 65535, or 0 for a free one.")
    try:
        family, *_, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server(where[:2], family=family, backlog=CONNECTIONS)
    except (OSError, UnicodeError) as error:
        number = getattr(error, "errno", None)
        if number == errno.EADDRINUSE:
            raise BadInput(f"--port: {port} is in use; give another, or 0 for a free one.") from error
        if number == errno.EACCES:
            raise BadInput(f"--port: {port} may not be opened; give one above 1023, or 0 for a free one.") from error
        raise BadInput(
            f"--host: {host} is no address of this machine ({reason_of(error)}); leave it out for 127.0.0.1."
        ) from error


def url_of(listener: socket.socket, address: Address) -> str:
    """Where the page is, by a name that a Host header may have."""
    host, port = listener.getsockname()[:2]
    name = host if is_loopback(address.host) else address.allowed[0]
    return f"http://{f'[{name}]' if ':' in name and not name.startswith('[') else name}:{port}/"


class Server(uvicorn.Server):
    """A server that says nothing of what it is asked, and lets nobody wait for the model once it is to end."""

    def __init__(self, app: ASGIApp, worker: Worker, limits: Limits) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                loop="asyncio",
                http=timed_connection(limits.seconds),
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="critical",
                access_log=False,
                proxy_headers=False,
                server_header=False,
                limit_concurrency=CONNECTIONS,
                timeout_graceful_shutdown=GRACE,
            )
        )
        self._worker = worker

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer what is answered already, refuse the rest, and close."""
        self._worker.give_up()
        await super().shutdown(sockets)


def build_server(worker: Worker, limits: Limits, hosts: frozenset[str]) -> Server:
    """The server of a model, see `build_app`."""
    return Server(build_app(worker, limits, hosts), worker, limits)


def build_app(worker: Worker, limits: Limits, hosts: frozenset[str]) -> ASGIApp:
    """The application.

    Args:
        worker: that asks the model.
        limits: of each request.
        hosts: what a Host header may name, in lower case.
    """
    about = described(worker.model, limits)

    async def predict(request: Request) -> Response:
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise Refused(415, "the Content-Type is not application/json; send JSON, and say so in that header.")
        question = read_question(await read_body(request, limits), limits)
        if worker.closed:
            raise Refused(503, ENDING)
        if worker.waiting >= limits.waiting:
            raise Refused(503, "too many requests wait for an answer; ask again in a while.")
        future, gone = worker.ask(question, limits.seconds)
        answered: asyncio.Future[Any] = asyncio.wrap_future(future)
        # The body has been read: what comes next from who asked is that they left.
        left: asyncio.Future[Any] = asyncio.ensure_future(request.receive())
        try:
            await asyncio.wait({answered, left}, timeout=limits.seconds, return_when=asyncio.FIRST_COMPLETED)
            if answered.done() and not answered.cancelled():
                return JSONResponse({"answers": answered.result()})
            if left.done():
                raise ClientDisconnect
            raise Unwanted
        except Unwanted:
            late = f"there was no answer within {limits.seconds:g} s; send fewer or shorter texts, or ask again."
            raise Refused(503, ENDING if worker.closed else late) from None
        finally:
            gone.set()
            answered.cancel()
            left.cancel()

    async def model(request: Request) -> Response:
        return JSONResponse(about)

    async def health(request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    routes = [
        Route("/predict", predict, methods=["POST"]),
        Route("/model", model),
        Route("/health", health),
        *(Route(path, file_endpoint(path), name=path) for path in FILES),
    ]
    handlers = {Refused: refused, HTTPException: refused_by_route, Exception: failed}
    app = Starlette(routes=routes, exception_handlers=handlers)
    app.router.redirect_slashes = False
    return Guard(app, hosts)


async def read_body(request: Request, limits: Limits) -> bytes:
    """The body of a request.

    Raises:
        Refused: it is too large, or too slow.
    """
    body = bytearray()
    size = 0
    try:
        async with asyncio.timeout(limits.seconds):
            async for chunk in request.stream():
                size += len(chunk)
                if size <= limits.bytes:
                    body += chunk
                elif size > DRAINED:
                    break
    except TimeoutError:
        raise Refused(408, f"the body was not there within {limits.seconds:g} s; send it faster.") from None
    if size > limits.bytes:
        raise Refused(413, f"the body has more than the {limits.bytes:,} bytes that are allowed; send fewer texts.")
    return bytes(body)


def file_endpoint(path: str) -> Callable[[Request], Awaitable[Response]]:
    """Answers with a file of the page."""
    content = (PAGE / (path.strip("/") or "index.html")).read_bytes()

    async def endpoint(request: Request) -> Response:
        return Response(content, media_type=FILES[path])

    return endpoint


def refused(request: Request, error: Exception) -> Response:
    """Says why a request is not answered."""
    assert isinstance(error, Refused)
    return refusal(error.status, error.sentence)


def refused_by_route(request: Request, error: Exception) -> Response:
    """Says what there is instead of a path, or a method."""
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "")
        methods = ", ".join(sorted(allowed.replace(" ", "").split(",")))
        return refusal(405, f"{request.url.path} takes {methods}.", {"Allow": methods})
    return refusal(404, "there is no such path; there are the page /, POST /predict, GET /model and GET /health.")


def failed(request: Request, error: Exception) -> Response:
    """Says that it is not the request's fault."""
    if is_out_of_memory(error):
        return refusal(503, "there is not enough memory for this; send fewer or shorter texts.")
    return refusal(500, "the model failed; the terminal of the server says where.")


def refusal(status: int, sentence: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """A sentence as JSON."""
    more = {"Retry-After": "5"} if status == 503 else {}
    return JSONResponse({"error": sentence}, status, headers=more | (headers or {}))


class Guard:
    """Refuses foreign hosts, adds the headers that keep a browser careful, and lets no exception out.

    What a library says in an exception may hold a text: only its type and place are logged.
    """

    def __init__(self, app: ASGIApp, hosts: frozenset[str]) -> None:
        self.app, self.hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        if not self.is_allowed(Headers(scope=scope).getlist("host")):
            response = refusal(
                421, "the Host header names another server; ask by an address of this one, or see --allow-host."
            )
            await response(scope, receive, send_guarded)
            return
        try:
            await self.app(scope, receive, send_guarded)
        except ClientDisconnect:
            pass
        except Exception as error:
            log.error("a request failed: %s", place_of(error))

    def is_allowed(self, hosts: Sequence[str]) -> bool:
        """Whether the Host headers of a request name this server."""
        found = HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
        return found is not None and found[1].lower() in self.hosts


def place_of(error: BaseException) -> str:
    """Type and place of an exception, without what it says."""
    frames: list[Any] = traceback.extract_tb(error.__traceback__)
    where = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{where}"
