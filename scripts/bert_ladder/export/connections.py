"""Connections of the server that end when whoever asks is too slow: uvicorn waits for them without an end."""

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

LATE = b'{"error":"the request was not there in time; send it faster."}'
TOO_LATE = (
    b"HTTP/1.1 408 Request Timeout\r\nContent-Type: application/json\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n%s" % (len(LATE), LATE)
)
# Body and answer have the limit of a request each; a third is left for reading the answer.
PARTS = 3


def timed_connection(seconds: float) -> type[H11Protocol]:
    """A connection that ends by itself.

    Args:
        seconds: until a request's headers are there, however its bytes drip, and as long again for its body, for its
            answer and for reading that.
    """

    class Connection(H11Protocol):
        timer: asyncio.TimerHandle | None = None
        timed: object = None  # what is being answered; None while a request is awaited

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self.time()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self.time()

        def on_response_complete(self) -> None:
            super().on_response_complete()
            self.time()

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            if self.timer is not None:
                self.timer.cancel()

        def time(self) -> None:
            """Start the time anew where something else is waited for than before."""
            cycle: Any = self.cycle
            awaited = None if cycle is None or cycle.response_complete else cycle
            if self.timer is not None:
                if awaited is self.timed:
                    return
                self.timer.cancel()
            self.timed = awaited
            self.timer = self.loop.call_later(seconds if awaited is None else PARTS * seconds, self.end)

        def end(self) -> None:
            """Close, and say why to whoever has begun a request."""
            if self.timed is not None:  # what is left to send may never be read
                self.transport.abort()
                return
            if self.conn.our_state is h11.IDLE and self.conn.trailing_data[0]:
                self.transport.write(TOO_LATE)
            self.transport.close()

    return Connection
