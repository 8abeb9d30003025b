"""The worker: sends to webhooks what is due. Several may run, in `lava serve` and in `lava worker`, on any machine."""

import asyncio
import contextlib
import time

import httpx
import structlog
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from app import outgoing
from app.database import Database
from app.errors import Busy
from app.events import actions, lanes
from app.events.lanes import Lane, LeaseLost
from app.events.sending import send
from app.settings import Settings

MOST_LANES = 8
"""So many webhooks are served at once: a slow receiver holds up itself only."""
TURN_SECONDS = 10.0
"""After so long a webhook that still has something to send lets others go first."""
IDLE_SECONDS = 0.5
CLOSING_SECONDS = 5.0
FORGET_EVERY_SECONDS = 3600.0

log = structlog.get_logger("worker")


class Worker:
    """Claims webhooks that have something to send, and serves each in a lane of its own."""

    def __init__(self, database: Database, settings: Settings) -> None:
        """A worker on an asynchronous database (`on_loop`)."""
        self._database = database
        self._public_url = settings.public_url
        self._settings = settings
        self._time_out = settings.webhook_timeout_seconds
        self._stopping = asyncio.Event()
        self._lanes: set[asyncio.Task[None]] = set()
        self._forgot_at = time.monotonic()

    def stop(self) -> None:
        """Begin no further attempt."""
        self._stopping.set()

    async def run(self) -> None:
        """Work until told to stop. Attempts under way are finished first, for some seconds; the rest is done again."""
        async with outgoing.client(self._settings) as http:
            while not self._stopping.is_set():
                claimed = await self._claimed()
                for lane in claimed:
                    task = asyncio.create_task(self._serve(http, lane))
                    self._lanes.add(task)
                    task.add_done_callback(self._lanes.discard)
                await self._rest(0.01 if claimed else min(IDLE_SECONDS, self._time_out))
            if self._lanes:
                _, late = await asyncio.wait(self._lanes, timeout=CLOSING_SECONDS)
                for task in late:
                    task.cancel()
                await asyncio.gather(*late, return_exceptions=True)

    async def _rest(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    async def _claimed(self) -> list[Lane]:
        """Webhooks with something to send, as many as there are free lanes; none while the database is away."""
        free = MOST_LANES - len(self._lanes)
        try:
            await self._forget()
            if not free or not await self._database.read(lanes.is_anything_due):
                return []
            return await self._database.write(lanes.claim, free, 2 * self._time_out)
        except (Busy, OperationalError, PoolTimeoutError) as error:
            log.warning("the worker waits for the database", error=str(error))
        except Exception:  # whatever it was: a worker that ended would be missed by nobody
            log.exception("the worker cannot look for work")
        await self._rest(1)
        return []

    async def _forget(self) -> None:
        if time.monotonic() - self._forgot_at > FORGET_EVERY_SECONDS:
            while await self._database.write(actions.forget_delivered):
                pass
            self._forgot_at = time.monotonic()

    async def _serve(self, http: httpx.AsyncClient, lane: Lane) -> None:
        """A turn: send what is due, in order, then what the journal has besides. Where it fails, the lease runs out."""
        try:
            until = time.monotonic() + TURN_SECONDS
            while time.monotonic() < until and not self._stopping.is_set():
                if not await self._sent_one(http, lane) and not await self._fanned_out(lane):
                    break
            await self._database.write(lanes.release, lane)
        except LeaseLost:
            log.warning("a lease was lost", webhook=str(lane.webhook_id))
        except (Busy, OperationalError, PoolTimeoutError) as error:
            log.warning("a turn was broken off", webhook=str(lane.webhook_id), error=str(error))
        except Exception:  # whatever it was: the others go on, and this one is tried again when its lease is over
            log.exception("a turn failed", webhook=str(lane.webhook_id))

    async def _sent_one(self, http: httpx.AsyncClient, lane: Lane) -> bool:
        call = await self._database.read(lanes.next_due, lane, self._time_out)
        if call is None:
            return False
        outcome = await send(http, call, self._time_out)
        await self._database.write(lanes.record_outcome, lane, call, outcome)
        log.info(
            "delivery",
            webhook=str(call.webhook_id),
            delivery=str(call.delivery_id),
            organisation=str(call.organisation_id),
            seq=call.seq,
            type=call.type,
            attempt=call.attempts + 1,
            status=outcome.status,
            error=outcome.error,
            milliseconds=outcome.milliseconds,
        )
        return True

    async def _fanned_out(self, lane: Lane) -> bool:
        return await self._database.write(lanes.fan_out, lane, self._public_url) is not None
