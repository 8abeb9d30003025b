"""Waiting for an event without holding a connection to the database or a transaction meanwhile."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from fastapi import Request, Response

from app.conventions.route import Route
from app.database import Database
from app.events import queries

LOOK_EVERY_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class NothingYet:
    """What an endpoint notes in `request.state.nothing_yet` where there is no event yet, and the caller waits."""

    organisation_id: UUID
    seq: int
    """The last entry that was looked at."""
    seconds: int
    """How long the caller waits."""


class WaitingRoute(Route):
    """A route that is asked again when the journal goes on, as often as needed until it has something to tell.

    Each time is a request's whole transaction, with its sign-in: a key that was revoked meanwhile is refused. Between
    them only the number of the journal's last entry is looked at, in a transaction of one statement.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer_now = super().get_route_handler()

        async def answer_when_there_is_something(request: Request) -> Response:
            began = time.monotonic()
            while True:
                request.state.nothing_yet = None
                response = await answer_now(request)
                waiting: NothingYet | None = request.state.nothing_yet
                if waiting is None or not await _goes_on(request, waiting, began + waiting.seconds):
                    return response
                request.state.signed_in_at = -float("inf")  # sign in again, but count one request

        return answer_when_there_is_something


async def _goes_on(request: Request, waiting: NothingYet, give_up_at: float) -> bool:
    """Wait until the journal has gone on; False where it is time to answer, or nobody waits for the answer any more."""
    state = request.app.state
    database: Database = state.database
    while (left := give_up_at - time.monotonic()) > 0 and not state.draining:
        await asyncio.sleep(min(LOOK_EVERY_SECONDS, left))
        if await request.is_disconnected():
            return False
        if await database.read(queries.head_of, waiting.organisation_id) > waiting.seq:
            return True
    return False
