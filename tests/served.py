"""A chosen model behind HTTP on a free port of loopback, in this process."""

import http.client
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from bert_ladder.export.limits import Limits
from bert_ladder.export.loading import Classifier
from bert_ladder.export.questions import Worker
from bert_ladder.export.serving import Address, allowed_hosts, build_server, listen

JSON = {"Content-Type": "application/json"}


@contextmanager
def served(open_model: Callable[[], Classifier], limits: Limits | None = None) -> Iterator[int]:
    """Serves until the end of the block, and gives the port."""
    address = Address(port=0)
    with listen(address) as listener:
        worker = Worker(open_model)
        server = build_server(worker, limits or Limits(), allowed_hosts(address))
        thread = threading.Thread(target=server.run, args=[[listener]])
        port = listener.getsockname()[1]
        thread.start()
        try:
            yield port
        finally:
            server.should_exit = True
            worker.close()
            thread.join()


def ask(
    port: int, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
) -> tuple[int, dict[str, str], Any]:
    """Send a request.

    Args:
        port: on loopback.
        method, path: of the request.
        body: bytes, or what to send as JSON; None for no body.
        headers: beside, or instead of, those of JSON.

    Returns:
        Status, headers in lower case, and what came as JSON, else its bytes.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    try:
        connection.request(method, path, content, JSON | (headers or {}))
        answer = connection.getresponse()
        found = answer.read()
        names = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, names, json.loads(found) if names["content-type"] == "application/json" else found
    finally:
        connection.close()
