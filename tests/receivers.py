"""Receivers of webhooks on this machine, each as bad as it is told to be, and a worker that ends when all is done."""

import asyncio
import contextlib
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from typing import Any

from standardwebhooks.webhooks import Webhook as Verifier

from app import outgoing
from app.database import Database
from app.events.worker import Worker
from app.settings import Settings
from tests.conftest import SETTINGS
from tests.county import Api

WEBHOOKS = "/api/v1/webhooks"
Answer = int | str | tuple[int, dict[str, str]]
"""A status, one with headers, or a way not to answer: `stall`, `reset`, `drip` or `endless`."""


@dataclass
class Message:
    """A call that came."""

    body: str
    headers: dict[str, str]
    path: str

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def event(self) -> Any:
        return json.loads(self.body)

    def verified(self, secret: str) -> Any:
        """The body, where the public library finds a signature right."""
        return Verifier(secret).verify(self.body, self.headers)


@dataclass
class Receiver:
    """A receiver, what it answers, and what it was sent."""

    port: int
    answer: Callable[[Message], Answer] = lambda _: 204
    got: list[Message] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/lava"

    @property
    def types(self) -> list[str]:
        return [message.event["type"] for message in self.got]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_: Any) -> None:
        """A caller that hangs up is what is tested."""


@contextmanager
def receiving(answer: Answer | Callable[[Message], Answer] = 204) -> Iterator[Receiver]:
    """A receiver that always answers the same, or what it is told to for each message."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            size = int(self.headers["content-length"])
            body = self.rfile.read(size).decode()
            if len(body.encode()) < size:
                return  # the caller was killed in the middle of it: that is no message
            message = Message(body, {name.lower(): value for name, value in self.headers.items()}, self.path)
            receiver.got.append(message)
            self.close_connection = True
            said = receiver.answer(message)
            if said == "stall":
                receiver.closing.wait(60)
            elif said == "reset":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
            elif said == "drip":
                for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 600:
                    self.connection.sendall(bytes([byte]))
                    if receiver.closing.wait(0.1):
                        return
            elif said == "garbage":
                self.connection.sendall(b"\x16\x03\x01 this is not HTTP\r\n\r\n")
            else:
                status, headers = said if isinstance(said, tuple) else (said, {})
                self._say(200 if status == "endless" else int(status), headers)
                while status == "endless" and not receiver.closing.is_set():
                    self.connection.sendall(b"x" * 65536)

        def _say(self, status: int, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with _Server(("127.0.0.1", 0), Handler) as server:
        receiver = Receiver(server.server_address[1])
        receiver.answer = answer if callable(answer) else lambda _: answer
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield receiver
        finally:
            receiver.closing.set()
            server.shutdown()
            thread.join(10)


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return int(unused.getsockname()[1])


def settings_for(url: str, time_out: float = 2.0) -> Settings:
    """Settings of a worker that may call this machine."""
    own = {"database_url": url, "outgoing_networks": [ip_network("127.0.0.0/8")], "worker": True, "port": 0}
    return SETTINGS.model_copy(update={**own, "webhook_timeout_seconds": time_out})


def work(settings: Settings) -> None:
    """Do everything that is due now, by a worker that ends then."""

    async def until_nothing_is_due() -> None:
        database = Database(settings.database_url, connections=4, on_loop=True)
        worker = Worker(database, settings)
        try:
            async with outgoing.client(settings) as http:
                while claimed := await worker._claimed():
                    await asyncio.gather(*(worker._serve(http, lane) for lane in claimed))
        finally:
            await database.close()

    asyncio.run(until_nothing_is_due())


@contextmanager
def working(settings: Settings, workers: int = 1) -> Iterator[None]:
    """Workers that run meanwhile, each with a loop and connections of its own."""
    running: list[tuple[asyncio.AbstractEventLoop, Worker]] = []
    started = threading.Barrier(workers + 1)

    async def run() -> None:
        database = Database(settings.database_url, connections=4, on_loop=True)
        worker = Worker(database, settings)
        running.append((asyncio.get_running_loop(), worker))
        started.wait(10)
        try:
            await worker.run()
        finally:
            await database.close()

    threads = [threading.Thread(target=asyncio.run, args=(run(),), daemon=True) for _ in range(workers)]
    for thread in threads:
        thread.start()
    started.wait(10)
    try:
        yield
    finally:
        for loop, worker in running:
            with contextlib.suppress(RuntimeError):  # it has ended by itself
                loop.call_soon_threadsafe(worker.stop)
        for thread in threads:
            thread.join(20)
        assert not any(thread.is_alive() for thread in threads)


def until(what: Callable[[], Any], seconds: float = 60) -> Any:
    """What is asked for, once it is there."""
    give_up = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < give_up, "it does not come"
        time.sleep(0.05)
    return found


def added(api: Api, receiver: Receiver | str, types: list[str] | None = None, role: str = "integration") -> Any:
    """A webhook just added, with its secret and its address in the API."""
    url = receiver if isinstance(receiver, str) else receiver.url
    answer = api.send(role, "POST", WEBHOOKS, {"label": "Asianhallinta", "url": url, "types": types})
    assert answer.status_code == 201, answer.text
    return {**answer.json(), "path": f"{WEBHOOKS}/{answer.json()['id']}"}
