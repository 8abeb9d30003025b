"""The background workers: what is sent to webhooks, and what is pulled from case-management systems.

They run in `lava serve` unless the setting `worker` says no, and in `lava worker`; any number of them, on any machine.
"""

import asyncio
import signal
from typing import Protocol

import structlog

from app.case_management.pulling import Puller
from app.database import Database
from app.events.worker import Worker
from app.settings import Settings

log = structlog.get_logger("worker")


class Works(Protocol):
    """Works until it is told to stop, and then ends what it has begun."""

    async def run(self) -> None: ...
    def stop(self) -> None: ...


def workers(database: Database, settings: Settings) -> list[Works]:
    """One of each kind, on an asynchronous database (`on_loop`)."""
    return [Worker(database, settings), Puller(database, settings)]


def run(settings: Settings) -> None:
    """Be a worker of each kind until SIGTERM or SIGINT."""
    asyncio.run(_run(settings))


async def _run(settings: Settings) -> None:
    database = Database(settings.database_url, connections=settings.database_connections, on_loop=True)
    working = workers(database, settings)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, _stop, working)
    log.info("worker started")
    try:
        await asyncio.gather(*(worker.run() for worker in working))
    finally:
        await database.close()
    log.info("worker stopped")


def _stop(working: list[Works]) -> None:
    for worker in working:
        worker.stop()
