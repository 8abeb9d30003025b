"""The worker's other half: pulls cases from the systems that only answer. Several may run, on any machine."""

import asyncio
import contextlib
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx
import structlog
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from app import outgoing
from app.case_management import systems
from app.case_management.products import CaseProduct, NotUnderstood
from app.case_management.systems import PRODUCTS, LeaseLost, Turn, Work
from app.clock import now
from app.database import Database
from app.errors import Busy, DomainError
from app.settings import Settings

IDLE_SECONDS = 0.5
PAUSE_SECONDS = 0.1
"""Between two requests to one system: ten a second at most."""
TURN_SECONDS = 30.0
TIME_OUT_SECONDS = 30.0
MOST_BYTES = 20 * 1024 * 1024

log = structlog.get_logger("pulling")


class NotReached(Exception):
    """The system gave no answer to work with: why, and how long it asks to be left alone."""

    def __init__(self, why: str, pause: timedelta = timedelta()) -> None:
        super().__init__(why)
        self.why = why
        self.pause = pause


class NotThere(Exception):
    """The system answered that it has no such case."""


class _Asking:
    """Asks one system for JSON, never anybody else, and not faster than it should be asked."""

    def __init__(self, http: httpx.AsyncClient, work: Work, rest: Callable[[float], Awaitable[None]]) -> None:
        self._http, self._rest = http, rest
        self._base = work.address.rstrip("/") + "/"
        self._headers = {"Accept": "application/json"}
        if work.credential:
            self._headers["Authorization"] = f"Bearer {work.credential}"
        self._has_asked = False

    async def __call__(self, path: str, parameters: Mapping[str, str] | None = None) -> Any:
        try:
            url = urljoin(self._base, path)
            is_theirs = urlsplit(url)[:2] == urlsplit(self._base)[:2]
        except ValueError as error:
            raise NotUnderstood("A link of the answer is no address.") from error
        if not is_theirs:
            raise NotUnderstood("A link of the answer leads to another host.")
        if self._has_asked:
            await self._rest(PAUSE_SECONDS)
        self._has_asked = True
        try:
            async with asyncio.timeout(TIME_OUT_SECONDS):
                return await self._answer(url, parameters)
        except (TimeoutError, httpx.TimeoutException) as error:
            raise NotReached("The system did not answer in time.") from error
        except outgoing.Forbidden as error:
            raise NotReached(str(error)) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise NotReached(f"The system could not be reached: {type(error).__name__}.") from error

    async def _answer(self, url: str, parameters: Mapping[str, str] | None) -> Any:
        async with self._http.stream("GET", url, params=parameters, headers=self._headers) as answer:
            status = answer.status_code
            if status == 404:
                raise NotThere
            if status in {401, 403}:
                raise NotReached(f"The system refuses the credential ({status}).")
            if status != 200:
                asked = outgoing.retry_after(status, answer.headers.get("retry-after"), now())
                raise NotReached(f"The system answered {status}.", asked)
            body = bytearray()
            async for chunk in answer.aiter_bytes():
                body += chunk
                if len(body) > MOST_BYTES:
                    raise NotUnderstood(f"The answer has more than {MOST_BYTES} bytes.")
        try:
            return json.loads(body.decode("utf-8"))
        except (ValueError, RecursionError) as error:
            raise NotUnderstood("The answer is not JSON.") from error


class Puller:
    """Takes a turn at one system after another: what was told of first, then the listing."""

    def __init__(self, database: Database, settings: Settings) -> None:
        """A puller on an asynchronous database (`on_loop`)."""
        self._database = database
        self._settings = settings
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Begin no further request."""
        self._stopping.set()

    async def run(self) -> None:
        """Work until told to stop."""
        async with outgoing.client(self._settings) as http:
            while not self._stopping.is_set():
                if not await self.turn(http):
                    await self._rest(IDLE_SECONDS)

    async def turn(self, http: httpx.AsyncClient) -> bool:
        """One turn at one system; returns whether there was any that was due."""
        try:
            if not await self._database.read(systems.is_anything_due):
                return False
            turn = await self._database.write(systems.claim_turn)
            if turn is None:
                return False
            await self._pull(http, turn)
        except LeaseLost:
            log.warning("a lease was lost")
        except (Busy, OperationalError, PoolTimeoutError) as error:
            log.warning("pulling waits for the database", error=str(error))
            await self._rest(1)
        except Exception:  # whatever it was: the next system has its turn, and this one when its lease is over
            log.exception("a turn failed")
            await self._rest(1)
        return True

    async def _pull(self, http: httpx.AsyncClient, turn: Turn) -> None:
        began = time.monotonic()
        try:
            while time.monotonic() - began < TURN_SECONDS and not self._stopping.is_set():
                work = await self._database.write(systems.next_work, turn)
                if not await self._step(http, turn, work):
                    break
        except NotReached as failure:
            await self._failed(turn, failure.why, failure.pause)
        except (NotUnderstood, DomainError) as failure:
            await self._failed(turn, failure.detail, timedelta())
        except (LeaseLost, OperationalError, PoolTimeoutError):
            raise
        except Exception as failure:  # whatever it was: it is told of where people look, and tried again later
            log.exception("pulling went wrong")
            await self._failed(turn, f"Something went wrong here: {type(failure).__name__}.", timedelta())
        await self._database.write(systems.release, turn)

    async def _failed(self, turn: Turn, why: str, pause: timedelta) -> None:
        log.warning("pulling failed", system=str(turn.system_id), error=why)
        await self._database.write(systems.record_failure, turn, why, pause)

    async def _step(self, http: httpx.AsyncClient, turn: Turn, work: Work) -> bool:
        """Fetch what was told of, or a page of the listing; returns whether there was anything."""
        ask, product = _Asking(http, work, self._rest), PRODUCTS[work.product]
        for external_id, told_at in work.notices:
            await self._fetch(ask, product, turn, external_id, told_at)
        if work.is_listing_due:
            read_at = now()
            until = datetime.fromisoformat(work.position["run_until"]) if "run_until" in work.position else read_at
            try:
                listed = await product.list_cases(ask, work.position, until)
            except NotThere as error:
                raise NotReached("The system has no such listing (404).") from error
            position = {**listed.position, "run_until": until.isoformat()}
            last = until if listed.is_last else None
            await self._database.write(systems.record_listed, turn, listed.records, position, read_at, until=last)
        return bool(work.notices) or work.is_listing_due

    async def _fetch(
        self, ask: "_Asking", product: CaseProduct, turn: Turn, external_id: str, told_at: datetime
    ) -> None:
        read_at = now()
        try:
            fetched = await product.fetch_case(ask, external_id)
        except NotReached as failure:
            await self._database.write(systems.record_notice_failed, turn, external_id, told_at, failure.why)
            raise
        except NotThere:
            why = "The system told of it, and does not have it."
            await self._database.write(systems.record_not_fetched, turn, external_id, told_at, why)
        except NotUnderstood as error:
            await self._database.write(systems.record_not_fetched, turn, external_id, told_at, error.detail)
        else:
            await self._database.write(systems.record_fetched, turn, fetched, told_at, read_at)

    async def _rest(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)
