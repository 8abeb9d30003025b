"""Queueing a job, doing its work, and ending it."""

import gc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import update

from app.access.queries import caller_of
from app.access.rules import Caller, System
from app.clock import now
from app.database import Database, Session, table_of
from app.errors import DomainError
from app.jobs.importing import Apply, Faults, FileRefused, Import, ImportKind
from app.jobs.models import ENDED, Job, JobKind, JobState

_JOB = table_of(Job)
LOST_AFTER = timedelta(minutes=3)
"""A job that nobody has told of for so long is lost: its process died."""

log = structlog.get_logger("jobs")


def queue(
    session: Session,
    kind: ImportKind,
    *,
    dry_run: bool,
    parameters: dict[str, Any],
    file_name: str | None,
    digest: str,
    size: int,
    by: Caller | System,
) -> Job:
    """Note a job to be done; the right to its effect is asked here, and again when it is done."""
    by.require(kind.permission)
    row = Job(
        organisation_id=by.organisation_id,
        changed_by=by.id,
        kind=kind.code,
        dry_run=dry_run,
        parameters=parameters,
        file_name=file_name,
        file_digest=digest,
        file_bytes=size,
    )
    session.add(row)
    session.flush()
    return row


def work(
    database: Database,
    kinds: Mapping[JobKind, ImportKind],
    job_id: UUID,
    path: Path,
    tell: Callable[[int], None] = lambda _per_cent: None,
) -> Job:
    """Do a job from beginning to end; its file is removed. What goes wrong stands in the job; nothing is half done."""

    def told(per_cent: int) -> None:
        _tell(database, job_id, per_cent)
        tell(per_cent)

    try:
        with database.transaction() as session:
            job = session.get_one(Job, job_id)
            kind = kinds[JobKind(job.kind)]
            by = _begun(session, job)
        if by is None:
            return _read(database, job_id)
        asked = Import(
            database,
            JobKind(job.kind),
            by,
            path,
            job.dry_run,
            job.file_name,
            job.file_digest,
            job.parameters,
            job_id,
            told,
        )
        with _uncollected():
            _do(kind, asked)
        kind.after(database)
    finally:
        path.unlink(missing_ok=True)
    return _read(database, job_id)


def _read(database: Database, job_id: UUID) -> Job:
    with database.transaction(writes=False) as session:
        return session.get_one(Job, job_id)


def _begun(session: Session, job: Job) -> Caller | System | None:
    """Begin a job's work: by whom it is done; None where it was told as lost before, or they may no longer sign in."""
    if not _change(session, job.id, state=JobState.RUNNING, started_at=now()):
        return None
    try:
        return caller_of(session, job.changed_by) if job.changed_by else System(job.organisation_id)
    except DomainError as error:
        faults = Faults()
        faults.add(error.detail)
        told = {"errors": faults.told, "error_count": faults.count, "ended_at": now()}
        _change(session, job.id, state=JobState.REFUSED, result={"message": error.detail, "code": error.code}, **told)
        return None


class _Lost(Exception):
    """The job was told as lost meanwhile: nothing of it may come into force any more."""


@contextmanager
def _uncollected() -> Iterator[None]:
    """Look for no garbage meanwhile: rows are millions of tuples without cycles, and looking costs a third of it."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _do(kind: ImportKind, asked: Import) -> None:
    try:
        asked.by.require(kind.permission)
        apply = kind.prepare(asked)
        asked.faults.refuse()
        _apply(asked, apply)
    except _Lost:
        log.warning("a lost job was not done", job=str(asked.job_id))
    except FileRefused as refusal:
        _end(asked, JobState.REFUSED, {"message": refusal.detail})
    except DomainError as error:
        for fault in error.faults:
            asked.faults.add(fault.detail, column=fault.pointer.strip("/") or None)
        if not error.faults:
            asked.faults.add(error.detail)
        _end(asked, JobState.REFUSED, {"message": error.detail, "code": error.code})
    except Exception:  # whatever it was: the job ends, and the log tells
        log.exception("job failed", job=str(asked.job_id))
        _end(asked, JobState.FAILED, {"message": "This is our fault, and it is logged. Nothing was imported."})


def _apply(asked: Import, apply: Apply) -> None:
    """Make it current and end the job, in one transaction: the job never says otherwise than it is."""
    with asked.database.transaction() as session:
        if asked.dry_run:
            undone = session.begin_nested()
            result = apply(session)
            undone.rollback()
        else:
            result = apply(session)
        asked.faults.refuse()
        ended = {"state": JobState.SUCCEEDED, "result": result, "progress": 100, "ended_at": now()}
        if not _change(session, asked.job_id, **ended):
            raise _Lost


def _end(asked: Import, state: JobState, result: dict[str, Any]) -> None:
    with asked.database.transaction() as session:
        told = {"errors": asked.faults.told, "error_count": asked.faults.count}
        _change(session, asked.job_id, state=state, result=result, ended_at=now(), **told)


def _tell(database: Database, job_id: UUID, per_cent: int) -> None:
    with database.transaction() as session:
        _change(session, job_id, progress=per_cent)


def _change(session: Session, job_id: UUID | None, **values: Any) -> bool:
    """Change a job that has not ended; whether there was one. An end is final."""
    at = now()
    changed = {**values, "version": _JOB.c.version + 1, "changed_at": at, "beat_at": at}
    going_on = (_JOB.c.id == job_id) & _JOB.c.state.not_in(ENDED)
    return session.connection().execute(update(_JOB).where(going_on).values(**changed)).rowcount == 1


def beat(session: Session, job_ids: set[UUID]) -> None:
    """Tell that these jobs are still in good hands, and end those that are in nobody's."""
    if job_ids:
        session.connection().execute(update(_JOB).where(_JOB.c.id.in_(job_ids)).values(beat_at=now()))
    lost = update(_JOB).where(_JOB.c.state.not_in(ENDED), _JOB.c.beat_at < now() - LOST_AFTER)
    _lose(session, lost)


def lose(session: Session, job_ids: set[UUID]) -> None:
    """End these jobs as failed, where they have not ended: their process is going or gone."""
    if job_ids:
        _lose(session, update(_JOB).where(_JOB.c.id.in_(job_ids), _JOB.c.state.not_in(ENDED)))


def _lose(session: Session, which: Any) -> None:
    at = now()
    message = {"message": "The work was interrupted; nothing was imported. Send the file again."}
    told = {"state": JobState.FAILED, "result": message, "ended_at": at, "changed_at": at}
    session.connection().execute(which.values(**told, version=_JOB.c.version + 1))
