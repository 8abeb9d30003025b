"""A lean HTTP/1.1 load generator: raw sockets on one event loop, each connection asking again once it is answered.

A general client would be slower than the servers measured here.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

Request = Callable[[], bytes]
"""Makes the next request, as it goes over the wire."""

PATIENCE_SECONDS = 30.0


@dataclass
class Window:
    """What one window of load gave."""

    seconds: float
    milliseconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        """Good answers a second."""
        return len(self.milliseconds) / self.seconds

    def percentile(self, share: float) -> float:
        """The time that this share of the answers took at most, in milliseconds."""
        ordered = sorted(self.milliseconds)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("nan")


class _Connection(asyncio.Protocol):
    """One keep-alive connection with one request under way at a time."""

    def __init__(self, request: Request, expect: bytes, until: float, window: Window) -> None:
        self.request = request
        self.expect = expect
        self.until = until
        self.window = window
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._received = b""
        self._whole = 0  # how long the answer under way is, once its head is there
        self._sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but ancestry
        self._ask()

    def _ask(self) -> None:
        self._sent_at = time.perf_counter()
        self._transport.write(self.request())

    def data_received(self, data: bytes) -> None:
        self._received = self._received + data if self._received else data
        if not self._whole:
            head = self._received.find(b"\r\n\r\n")
            if head < 0:
                return
            self._whole = head + 4 + _length(self._received[:head].lower())
        if len(self._received) < self._whole:
            return
        answered_at = time.perf_counter()
        if self._received[9:12] == self.expect:
            self.window.milliseconds.append((answered_at - self._sent_at) * 1000)
        else:
            self.window.errors.append(self._received[:2000].decode("utf-8", "replace"))
        self._received, self._whole = b"", 0
        if answered_at < self.until and len(self.window.errors) < 100:
            self._ask()
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if time.perf_counter() < self.until and len(self.window.errors) < 100:
            self.window.errors.append(f"the connection was lost: {exc}")
        if not self.done.done():
            self.done.set_result(None)


def _length(head: bytes) -> int:
    """The length of the body that a head announces; 0 where it announces none."""
    _, name, rest = head.partition(b"\r\ncontent-length:")
    return int(rest.partition(b"\r\n")[0]) if name else 0


async def under_load(port: int, request: Request, *, expect: int, connections: int, seconds: float) -> Window:
    """Load a server on the loopback interface for some seconds; what is under way then is waited for and counted."""
    loop = asyncio.get_running_loop()
    window = Window(seconds)
    started = time.perf_counter()
    made = []
    for _ in range(connections):
        _, connection = await loop.create_connection(
            lambda: _Connection(request, str(expect).encode(), started + seconds, window), "127.0.0.1", port
        )
        made.append(connection)
    async with asyncio.timeout(seconds + PATIENCE_SECONDS):
        await asyncio.gather(*(connection.done for connection in made))
    window.seconds = time.perf_counter() - started
    return window
