"""A worker that is killed at any moment loses nothing: `lava worker`, kill -9, a hundred times."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select, update

from app.clock import now
from app.database import Database, table_of
from app.events import actions
from app.events.models import Attempt, Delivery, Webhook
from app.journal.models import JournalEntry
from app.journal.queries import verify
from tests.county import County, a_decision
from tests.receivers import Message, Receiver, receiving, settings_for, until, work

KILLS, AT_ONCE = 100, 2
TIME_OUT = 0.15
DELIVERY, WEBHOOK, ENTRY = table_of(Delivery), table_of(Webhook), table_of(JournalEntry)

NURSERY = """
import os, signal, sys
from app import cli

signal.signal(signal.SIGCHLD, signal.SIG_IGN)
{broken}
print("ready", flush=True)
for _ in sys.stdin:
    pid = os.fork()
    if not pid:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        cli.app(["worker"])
    print(pid, flush=True)
"""
"""Loads `lava` once and forks a `lava worker` for each line that it reads: a start costs little, a kill is a kill."""

RECORDED_FIRST = """
import asyncio
from datetime import timedelta
from app.clock import now
from app.events import lanes, worker
from app.events.lanes import Outcome

async def sent_one(self, http, lane):
    call = await self._database.read(lanes.next_due, lane, self._time_out)
    if call is None:
        return False
    await self._database.write(lanes.record_outcome, lane, call, Outcome(now(), 1, 204, None, timedelta()))
    await asyncio.sleep(3)
    await worker.send(http, call, self._time_out)
    return True

worker.Worker._sent_one = sent_one
"""


@contextmanager
def nursery(url: str, broken: str = "") -> Iterator[Callable[[], int]]:
    """What starts a worker in a process of its own, and returns the process's id."""
    environment = {**os.environ, "LAVA_DATABASE_URL": url, "LAVA_OUTGOING_NETWORKS": "127.0.0.0/8"}
    environment |= {"LAVA_WEBHOOK_TIMEOUT_SECONDS": str(TIME_OUT), "LAVA_LOG_LEVEL": "error"}
    command = [sys.executable, "-c", NURSERY.format(broken=broken)]
    pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, env=environment, text=True, **pipes) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        send, receive = process.stdin, process.stdout
        assert receive.readline() == "ready\n"

        def start() -> int:
            send.write("\n")
            send.flush()
            return int(receive.readline())

        try:
            yield start
        finally:
            process.kill()


def killed(pid: int) -> None:
    """Kill a worker, and wait until it is gone."""
    os.kill(pid, signal.SIGKILL)
    while Path(f"/proc/{pid}").exists():
        time.sleep(0.002)


def a_webhook(database: Database, county: County, receiver: Receiver, url: str) -> Webhook:
    with database.transaction() as session:
        values = {"label": "a", "url": receiver.url, "types": None, "active": True}
        return actions.add(session, values, settings_for(url).outgoing_networks, by=county["integration"])


def in_time(database: Database) -> None:
    """Let the time come for whatever waits: a machine under load may have answered too late for a short time-out."""
    with database.transaction() as session:
        session.execute(update(WEBHOOK).values(not_before=None))
        waiting = update(DELIVERY).where(DELIVERY.c.state != "delivered")
        session.execute(waiting.values(state="pending", attempts=0, next_attempt_at=now(), ended_at=None))


@pytest.mark.slow
def test_a_worker_that_is_killed_a_hundred_times_loses_no_event(
    database_url: str, database: Database, county: County
) -> None:
    def slowly(_: Message) -> int:
        time.sleep(0.02)
        return 204

    interrupted = 0
    with receiving(slowly) as receiver, nursery(database_url) as start:
        webhook = a_webhook(database, county, receiver, database_url)
        for number in range(KILLS // AT_ONCE):
            in_time(database)
            with database.transaction() as session:
                for turn in range(4):
                    a_decision(session, county, f"{number}-{turn}/2026")
            before = len(receiver.got)
            workers = [start() for _ in range(AT_ONCE)]
            if random.random() < 0.8:  # in the middle of sending; else whatever they are at
                until(partial(more_than, before, receiver))
            time.sleep(random.uniform(0, 0.1))
            for pid in workers:
                killed(pid)
            with database.transaction(writes=False) as session:
                interrupted += session.get_one(Webhook, webhook.id).lease is not None
        until(lambda: all_sent(database, webhook.id, database_url))
        messages = list(receiver.got)
        rows = delivered_rows(database)

    with database.transaction(writes=False) as session:
        entries = session.execute(
            select(ENTRY.c.seq).where(ENTRY.c.organisation_id == county.id, ENTRY.c.seq > webhook.position)
        )
        expected = set(entries.scalars())
        assert not any(verify(session).values())
    told = [(message.event["data"]["sequence"], message.id, message.body) for message in messages]
    assert {seq for seq, _, _ in told} == expected, "no event is lost, and none is invented"
    assert len(expected) > 2 * KILLS
    assert len({(seq, key) for seq, key, _ in told}) == len(expected), "each keeps its id"
    assert len({body for _, _, body in told}) == len(expected), "and its bytes"
    assert {(str(key), seq) for key, seq in rows} == {(key, seq) for seq, key, _ in told}
    for message in messages:
        message.verified(webhook.secret)
    assert interrupted > KILLS // AT_ONCE // 4, "the kills fell into the middle of something"


def more_than(before: int, receiver: Receiver) -> bool:
    return len(receiver.got) > before


def all_sent(database: Database, webhook_id: UUID, url: str) -> bool:
    """Whether nothing waits any more, after a worker has done what is due."""
    in_time(database)
    work(settings_for(url, 5.0))
    with database.transaction(writes=False) as session:
        waiting = select(func.count()).select_from(DELIVERY).where(DELIVERY.c.state != "delivered")
        head = select(func.max(ENTRY.c.seq)).where(ENTRY.c.organisation_id == WEBHOOK.c.organisation_id)
        behind = select(head.scalar_subquery() - WEBHOOK.c.position).where(WEBHOOK.c.id == webhook_id)
        return (session.execute(waiting).scalar_one(), session.execute(behind).scalar_one()) == (0, 0)


def delivered_rows(database: Database) -> list[Any]:
    with database.transaction(writes=False) as session:
        return [tuple(row) for row in session.execute(select(DELIVERY.c.id, DELIVERY.c.seq))]


@pytest.mark.slow
def test_control_a_worker_that_records_before_it_sends_loses_events_when_it_is_killed(
    database_url: str, database: Database, county: County
) -> None:
    with receiving() as receiver, nursery(database_url, RECORDED_FIRST) as start:
        webhook = a_webhook(database, county, receiver, database_url)
        with database.transaction() as session:
            a_decision(session, county, "1/2026")

        def recorded_and_not_sent() -> set[int]:
            with database.transaction(writes=False) as session:
                done = set(session.scalars(select(DELIVERY.c.seq).where(DELIVERY.c.state == "delivered")))
            return done - {message.event["data"]["sequence"] for message in receiver.got}

        pid = start()
        until(recorded_and_not_sent)
        killed(pid)
        lost = recorded_and_not_sent()
        until(lambda: all_sent(database, webhook.id, database_url))
        assert recorded_and_not_sent() == lost
        assert lost


@pytest.mark.slow
def test_a_worker_that_is_told_to_stop_finishes_what_it_has_begun(
    database_url: str, database: Database, county: County
) -> None:
    command = [str(Path(sys.executable).parent / "lava"), "worker"]
    environment = {**os.environ, "LAVA_DATABASE_URL": database_url, "LAVA_OUTGOING_NETWORKS": "127.0.0.0/8"}

    def slowly(_: Message) -> int:
        time.sleep(1)
        return 204

    with receiving(slowly) as receiver:
        webhook = a_webhook(database, county, receiver, database_url)
        with database.transaction() as session:
            a_decision(session, county, "1/2026")
        process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        until(lambda: receiver.got)
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate(timeout=60)
        assert process.returncode == 0, told
        assert len(receiver.got) == 1
    lines = [json.loads(line) for line in told.splitlines()]
    assert [line["event"] for line in lines] == ["worker started", "delivery", "worker stopped"]
    assert (lines[1]["status"], lines[1]["type"], lines[1]["webhook"]) == (204, "webhook.added", str(webhook.id))
    assert "127.0.0.1" not in told, "addresses may hold keys"
    with database.transaction(writes=False) as session:
        assert session.get_one(Webhook, webhook.id).lease is None, "others may go on at once"
        first = select(DELIVERY.c.state).where(DELIVERY.c.type == "webhook.added")
        assert session.execute(first).scalar_one() == "delivered"
        assert session.execute(select(func.count()).select_from(table_of(Attempt))).scalar_one() == 1


def test_a_lease_runs_out_by_itself(database_url: str, database: Database, county: County) -> None:
    """Who was killed holds a webhook for twice the time-out, and no longer."""
    with receiving() as receiver:
        webhook = a_webhook(database, county, receiver, database_url)
        with database.transaction() as session:
            dead = session.get_one(Webhook, webhook.id)
            dead.lease, dead.leased_until = webhook.id, now() + timedelta(seconds=1)
        work(settings_for(database_url))
        assert receiver.got == []
        time.sleep(1.1)
        work(settings_for(database_url))
        assert receiver.types == ["webhook.added"]
