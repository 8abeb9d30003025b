"""Nobody waits inside the event loop: turns at the connections, two servers on one file, a lock held on PostgreSQL."""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager

import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import text
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.util import greenlet_spawn

from app import database as database_module
from app.database import Database, Session, begin
from app.demo.server import serving
from app.errors import Busy
from app.settings import Settings
from app.turns import Turns
from tests.county import County

PATH = "/api/v1/decisions"
EACH = 24


def settings(database_url: str, connections: int = 16) -> Settings:
    return Settings(port=0, database_url=database_url, database_connections=connections, rate_limit="1000000/minute")


# Turns


def test_writers_leave_connections_to_reads_and_come_in_order() -> None:
    async def play() -> None:
        turns = Turns(connections=2, writers=1)
        came: list[int] = []

        async def write(number: int) -> None:
            await turns.take(writes=True, give_up_at=time.monotonic() + 5)
            came.append(number)
            await asyncio.sleep(0)
            turns.give_back(writes=True)

        await turns.take(writes=True, give_up_at=time.monotonic() + 5)
        waiting = [asyncio.create_task(write(number)) for number in range(10)]
        await asyncio.sleep(0)
        await turns.take(writes=False, give_up_at=time.monotonic() + 5)  # at once, though ten writers wait
        with pytest.raises(Busy):
            await turns.take(writes=False, give_up_at=time.monotonic() + 0.05)
        turns.give_back(writes=False)
        turns.give_back(writes=True)
        await asyncio.gather(*waiting)
        assert came == list(range(10))

    asyncio.run(play())


def test_who_gives_up_waiting_leaves_no_turn_behind() -> None:
    async def play() -> None:
        turns = Turns(connections=1, writers=1)
        await turns.take(writes=False, give_up_at=time.monotonic() + 5)
        for _ in range(3):
            with pytest.raises(Busy):
                await turns.take(writes=True, give_up_at=time.monotonic() + 0.02)
        cancelled = asyncio.create_task(turns.take(writes=True, give_up_at=time.monotonic() + 5))
        await asyncio.sleep(0.01)
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        turns.give_back(writes=False)
        await turns.take(writes=True, give_up_at=time.monotonic() + 0.02)

    asyncio.run(play())


# Two servers


def test_two_servers_on_one_database_take_every_write_and_hold_up_no_loop(database_url: str, county: County) -> None:
    change = text("UPDATE organisation SET version = version + 1")

    async def write(database: Database) -> None:
        async with database.request_transaction(writes=True) as session:
            await greenlet_spawn(session.execute, change)
            await asyncio.sleep(0.001)  # a request does other things too

    async def play() -> tuple[int, float]:
        servers = [Database(database_url, connections=4, on_loop=True) for _ in range(2)]
        writes = [asyncio.create_task(write(servers[number % 2])) for number in range(2 * EACH)]
        longest = 0.0
        while not all(done.done() for done in writes):
            started = time.monotonic()
            async with servers[0].request_transaction(writes=False, one_statement=True) as session:
                await greenlet_spawn(session.execute, text("SELECT 1"))
            longest = max(longest, time.monotonic() - started)
            await asyncio.sleep(0.001)
        await asyncio.gather(*writes)
        async with servers[1].request_transaction(writes=False) as session:
            version = (await greenlet_spawn(session.execute, text("SELECT version FROM organisation"))).scalar_one()
        for server in servers:
            await server.close()
        return version, longest

    version, longest = asyncio.run(play())
    assert version == 1 + 2 * EACH
    assert longest < 2.0


# A lock that somebody else holds


@contextmanager
def held(database: Database) -> Iterator[None]:
    """Another process holds what every write needs."""
    with database.writing.connect() as other:
        begin(other)
        if not database.is_sqlite:
            other.execute(text("LOCK TABLE journal_entry IN EXCLUSIVE MODE"))
        yield
        other.rollback()


@pytest.mark.slow
def test_more_writers_than_connections_stall_no_read_and_are_told_to_come_again(
    database_url: str, database: Database, county: County, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "WRITE_WAIT_SECONDS", 2.0)
    sent = {"Authorization": f"Bearer {county.keys['preparer']}"}
    reads: list[float] = []
    with (
        serving(settings(database_url, connections=4)) as running,
        httpx.Client(base_url=running.address, headers=sent, timeout=60) as client,
        ThreadPoolExecutor(EACH) as pool,
    ):

        def write(number: int) -> tuple[int, str | None]:
            answer = client.post(PATH, json={"diary_number": f"{number}/2026", "title": {"fi": "Asia"}})
            return answer.status_code, answer.headers.get("retry-after")

        assert client.get(PATH).status_code == 200
        with held(database):
            writes = [pool.submit(write, number) for number in range(EACH)]
            until = time.monotonic() + 1.5
            while time.monotonic() < until:
                for path in (PATH, "/healthz", "/readyz"):
                    started = time.monotonic()
                    assert client.get(path).status_code == 200
                    reads.append(time.monotonic() - started)
            assert {done.result(60) for done in writes} == {(503, "1")}
        assert write(EACH) == (201, None)
        assert len(client.get(PATH).json()["items"]) == 1
    assert statistics.median(reads) < 0.2, f"median {statistics.median(reads):.3f} s of {len(reads)} reads"
    assert max(reads) < 1.0, f"the slowest read took {max(reads):.3f} s"


def test_a_pool_that_is_empty_all_the_same_says_busy(client: TestClient, the_app: FastAPI) -> None:
    """Belt and braces: were a connection lost to the turns, the answer is still 503 and no fault."""

    @asynccontextmanager
    async def none_left(**_: bool) -> AsyncIterator[Session]:
        raise PoolTimeoutError("QueuePool limit of size 1 overflow 0 reached")
        yield

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(the_app.state.database, "request_transaction", none_left)
        answer = client.get("/public/v1/assessments")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json()["type"] == "urn:lava:problem:database_busy"
