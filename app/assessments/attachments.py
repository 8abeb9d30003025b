"""Writes of what is attached to an assessment, and what keeps its files and rows together.

An attachment is a part of the assessment: it takes the assessment's next version, is sealed by its digest with the rest
and goes along to a new edition. It is never changed, only removed while the assessment is written. A file whose row was
sealed, or copied to a later edition, stays.
"""

import asyncio
import hashlib
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlmodel import col

from app.access.models import Organisation
from app.access.rules import Caller
from app.assessments import rules
from app.assessments.models import Assessment, Attachment
from app.attachments.models import AttachmentKind
from app.attachments.storage import Storage
from app.conventions.states import with_author
from app.conventions.versions import claim, hold
from app.database import Database, Session, table_of
from app.errors import Conflict
from app.journal.actions import record

_TABLE = table_of(Attachment)
KEPT_SECONDS = 24 * 3600
"""A file that no row names is removed when it is so old: no upload takes as long."""
_AT_ONCE = 500
_TOLD = ("kind", "title", "url", "file_name", "media_type", "bytes", "sha256", "scan")
"""What the journal tells of an attachment."""


def add(session: Session, assessment: Assessment, values: dict[str, Any], *, most: int, by: Caller) -> Attachment:
    """Attach a link, or a file that is in its place, to an assessment that is being written.

    Conflict `too_many_attachments` beyond `most` of them.
    """
    by.require("assessments:write")
    hold(session, assessment)
    rules.check_writable(assessment.state)
    there = select(func.count()).where(_TABLE.c.assessment_id == assessment.id)
    if session.connection().execute(there).scalar_one() >= most:
        raise Conflict("too_many_attachments", f"An assessment has at most {most} attachments. Remove one first.")
    row = Attachment(organisation_id=by.organisation_id, assessment_id=assessment.id, changed_by=by.id, **values)
    claim(session, assessment, None, by)
    assessment.authors = with_author(assessment.authors, by.id)
    session.add(row)
    session.flush()
    _tell(session, by, "attachment.added", assessment, row)
    return row


def remove(session: Session, assessment: Assessment, row: Attachment, *, version: int, by: Caller) -> str | None:
    """Remove an attachment from an assessment that is being written.

    Returns the key of its file where no other edition has it: to be deleted once this is committed.
    """
    by.require("assessments:write")
    hold(session, assessment)
    rules.check_writable(assessment.state)
    claim(session, row, version, by)
    claim(session, assessment, None, by)
    assessment.authors = with_author(assessment.authors, by.id)
    key = row.storage_key
    session.delete(row)
    session.flush()
    _tell(session, by, "attachment.removed", assessment, row)
    # Only finished editions are copied, and what they hold stays: no copy can come about meanwhile.
    return key if key is not None and not named(session, [key]) else None


def copy(session: Session, before: Assessment, after: Assessment, *, by: Caller) -> None:
    """Let a new edition have what the one before has; the files are shared."""
    rows = session.scalars(select(Attachment).where(col(Attachment.assessment_id) == before.id).order_by(_TABLE.c.id))
    own = {"id", "version", "created_at", "changed_at", "changed_by", "assessment_id"}
    session.add_all(
        Attachment(assessment_id=after.id, changed_by=by.id, **row.model_dump(exclude=own)) for row in rows.all()
    )
    session.flush()


def named(session: Session, keys: list[str]) -> set[str]:
    """Which of some keys a row names."""
    statement = select(_TABLE.c.storage_key).where(_TABLE.c.storage_key.in_(keys)).distinct()
    return set(session.connection().execute(statement).scalars())


async def forget_files(database: Database, storage: Storage) -> int:
    """Remove files that were received a day ago or earlier and that no row names; returns how many.

    Only the folders of this database's organisations are looked into. Runs beside the service.
    """
    owners = await database.read(_organisations)
    await asyncio.to_thread(storage.forget_received, KEPT_SECONDS)
    removed = 0
    for owner in owners:
        old = await asyncio.to_thread(_old_files, storage, owner)
        for start in range(0, len(old), _AT_ONCE):
            some = old[start : start + _AT_ONCE]
            kept = await database.read(named, some)
            for key in set(some) - kept:
                await asyncio.to_thread(storage.delete, key)
                removed += 1
    return removed


def _old_files(storage: Storage, owner: UUID) -> list[str]:
    return list(storage.older_than(owner, KEPT_SECONDS))


def _organisations(session: Session) -> list[UUID]:
    return list(session.scalars(select(col(Organisation.id))))


def faults_in_files(session: Session, storage: Storage) -> Iterator[str]:
    """What is wrong with the files of all attachments: each is read once and held to its size and digest."""
    columns = (_TABLE.c.storage_key, _TABLE.c.id, _TABLE.c.assessment_id, _TABLE.c.bytes, _TABLE.c.sha256)
    statement = select(*columns).where(_TABLE.c.kind == AttachmentKind.UPLOAD).order_by(_TABLE.c.storage_key)
    looked_at: tuple[str, int, str] | None = None
    fault = None
    for row in session.connection().execute(statement):
        file = (row.storage_key, row.bytes, row.sha256)
        if file != looked_at:
            looked_at, fault = file, _fault(storage, *file)
        if fault:
            yield f"assessment {row.assessment_id}, attachment {row.id}: {fault}"


def _fault(storage: Storage, key: str, size: int, sha256: str) -> str | None:
    try:
        with storage.open(key) as file:
            digest, read = hashlib.sha256(), 0
            while piece := file.read(1 << 20):
                digest.update(piece)
                read += len(piece)
            if (read, digest.hexdigest()) != (size, sha256):
                return f"the file {key} is altered"
    except OSError as error:
        return f"the file {key} is missing" if isinstance(error, FileNotFoundError) else f"the file {key}: {error}"
    return None


def _tell(session: Session, by: Caller, verb: str, assessment: Assessment, row: Attachment) -> None:
    told = {name: getattr(row, name) for name in _TOLD if getattr(row, name) is not None}
    of = {"decision_id": assessment.decision_id, "attachment_id": row.id}
    record(session, by, verb, "assessment", assessment.id, **of, **told)
