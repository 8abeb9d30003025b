"""Running jobs one after another in a process of their own, beside the event loop."""

import asyncio
import contextlib
import multiprocessing
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy.exc import OperationalError

from app.database import Database
from app.errors import Busy
from app.jobs import actions
from app.jobs.importing import PREFIX

BEAT_SECONDS = 20
KEPT_SECONDS = 24 * 3600

log = structlog.get_logger("jobs")


def _process() -> Executor:
    return ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))


class Runner:
    """Hands jobs to a process, keeps them alive meanwhile, and tells of those whose process died."""

    def __init__(self, run: Callable[[str, UUID, Path], None], executor: Callable[[], Executor] = _process) -> None:
        """`run` is called in the process with the database's address, the job and its file."""
        self._run = run
        self._make = executor
        self._executor: Executor | None = None
        self._held: dict[UUID, Path] = {}

    async def start(self, database: Database, job_id: UUID, path: Path) -> None:
        """Hand a job over; returns at once. Called when the job is committed."""
        self._held[job_id] = path
        url = database.url.render_as_string(hide_password=False)
        pool = self._pool()
        try:
            future = pool.submit(self._run, url, job_id, path)
        except BrokenProcessPool:
            self._executor = None
            pool = self._pool()
            future = pool.submit(self._run, url, job_id, path)
        future.add_done_callback(lambda done: self._done(job_id, done, pool))

    def _pool(self) -> Executor:
        if self._executor is None:
            self._executor = self._make()
        return self._executor

    def _done(self, job_id: UUID, future: Future[None], pool: Executor) -> None:
        if not future.cancelled() and future.exception() is None:
            self._held.pop(job_id, None)
            return
        # Nobody tells of it any more, so it is ended as lost by the next beats.
        log.error("job lost", job=str(job_id), exc_info=None if future.cancelled() else future.exception())
        path = self._held.pop(job_id, None)
        if path is not None:
            path.unlink(missing_ok=True)
        broken = not future.cancelled() and isinstance(future.exception(), BrokenProcessPool)
        if broken and self._executor is pool:
            self._executor = None

    async def watch(self, database: Database) -> None:
        """Keep telling that the jobs held here go on, and end those that are lost. Runs until it is cancelled."""
        forget_uploads()
        while True:
            try:
                await database.write(actions.beat, set(self._held))
            except (Busy, OperationalError) as error:
                log.warning("telling of jobs failed", error=str(error))
            await asyncio.sleep(BEAT_SECONDS)

    async def close(self, database: Database) -> None:
        """Stop: what has not ended is told as failed, and its file is removed."""
        held, self._held = dict(self._held), {}
        if self._executor is not None:
            stop_now(self._executor)
            self._executor = None
        if held:
            await database.write(actions.lose, set(held))
        for path in held.values():
            path.unlink(missing_ok=True)


def forget_uploads() -> None:
    """Remove files that were received a day ago or earlier: whoever was to read them was killed."""
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):  # another process was faster, or it is not ours
            if time.time() - path.stat().st_mtime > KEPT_SECONDS:
                path.unlink()


def stop_now(executor: Any) -> None:
    """Stop an executor without waiting for what it does: a process is ended, a thread is waited for."""
    processes = dict(getattr(executor, "_processes", None) or {})
    executor.shutdown(wait=not isinstance(executor, ProcessPoolExecutor), cancel_futures=True)
    for process in processes.values():
        process.terminate()
