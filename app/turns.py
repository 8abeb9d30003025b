"""Taking turns at the database's connections.

A pool that is asked for more connections than it has would wait inside the event loop, and hold up everybody. So
whoever needs a connection waits here first, in the order they came, and writers wait apart: they leave connections to
the reads.
"""

import asyncio
import time

from app.errors import Busy


class Turns:
    """Who may hold a connection now: at most `connections` at once, of which at most `writers` write."""

    def __init__(self, connections: int, writers: int) -> None:
        self._all = asyncio.Semaphore(connections)
        self._writing = asyncio.Semaphore(writers)

    async def take(self, *, writes: bool, give_up_at: float) -> None:
        """Wait for a turn; Busy where it has not come by `give_up_at` on the monotonic clock."""
        if writes:
            await _acquire(self._writing, give_up_at)
        try:
            await _acquire(self._all, give_up_at)
        except BaseException:
            if writes:
                self._writing.release()
            raise

    def give_back(self, *, writes: bool) -> None:
        """Let the next one have the turn."""
        self._all.release()
        if writes:
            self._writing.release()


async def _acquire(turns: asyncio.Semaphore, give_up_at: float) -> None:
    if not turns.locked():
        await turns.acquire()  # at once: nobody is waiting
        return
    try:
        async with asyncio.timeout(give_up_at - time.monotonic()):
            await turns.acquire()
    except TimeoutError as error:
        raise Busy("database_busy", "Many requests wait for the database. Send the request again.") from error
