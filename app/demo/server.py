"""Running the service: for `lava serve`, and inside the demo and the tour."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import uvicorn

from app.demo.budget import fill_child_budget
from app.demo.client import Client
from app.demo.county import content, fill_services
from app.demo.play import Player
from app.main import create_app
from app.settings import Settings


class _Server(uvicorn.Server):
    """A server that tells the service as soon as it stops: who waits for an event then gets an answer."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        app: Any = self.config.app
        app.state.draining = True
        await super().shutdown(sockets)


def _configured(settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=20,
    )


def serve(settings: Settings) -> None:
    """Serve until told to stop; requests under way are finished first."""
    _Server(_configured(settings)).run()


class Running:
    """A server in a thread of this process."""

    def __init__(self, server: uvicorn.Server, thread: threading.Thread, address: str) -> None:
        self._server = server
        self._thread = thread
        self.address = address
        self._clients: list[httpx.Client] = []

    def wait(self) -> None:
        """Wait until the user has had enough."""
        try:
            while self._thread.is_alive():
                self._thread.join(0.5)
        except KeyboardInterrupt:
            pass

    def stop(self) -> None:
        """Stop the server and its clients, and wait for it."""
        for http in self._clients:
            http.close()
        self._server.should_exit = True
        self._thread.join(30)

    def client(self, keys: dict[str, str]) -> Client:
        """A client of this server."""
        http = httpx.Client(base_url=self.address, timeout=30)
        self._clients.append(http)
        return Client(http, keys)


def bound(settings: Settings) -> socket.socket:
    """A socket on the settings' port, or a free one where that is 0. OSError where it cannot be had."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.host, settings.port))
        listening.listen(2048)  # from here on nobody else can take it
    except OSError:
        listening.close()
        raise
    return listening


@contextmanager
def serving(settings: Settings, listening: socket.socket | None = None) -> Iterator[Running]:
    """Serve in a thread, on a socket that is bound already or on one bound now."""
    listening = listening or bound(settings)
    port = listening.getsockname()[1]
    server = _Server(_configured(settings))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    give_up = time.monotonic() + 30
    while not server.started:
        if not thread.is_alive() or time.monotonic() > give_up:
            raise RuntimeError("The server did not start.")
        time.sleep(0.02)
    running = Running(server, thread, f"http://{settings.host}:{port}")
    try:
        yield running
    finally:
        running.stop()
        listening.close()


def demo_stories(running: Running, keys: dict[str, str]) -> None:
    """Fill the demo county and play every story it carries."""
    client = running.client(keys)
    services = fill_services(client)
    fill_child_budget(client, services)
    for story in content()["stories"]:
        Player(client, services, story).play()
