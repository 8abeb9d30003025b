"""Reading the journal: for verification here, for auditors in `reports`."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlmodel import col

from app.database import Database, Session, table_of
from app.journal.models import JournalDetails, JournalEntry
from app.journal.rules import Link, faults_in

CHUNK = 2000
_PROTECTED = ("journal_entry_append_only", "journal_details_erase_only", "seal_append_only")
TRIGGERS = {
    "sqlite": {f"{name}_{event}" for name in _PROTECTED for event in ("update", "delete", "insert")},
    "postgresql": {*_PROTECTED, *(f"{name}_truncate" for name in _PROTECTED), "journal_details_erase_only_delete"},
}


def organisations(session: Session) -> list[UUID]:
    """Every organisation that has a journal."""
    return list(session.scalars(select(col(JournalEntry.organisation_id)).distinct()))


def links(session: Session, organisation_id: UUID) -> Iterator[Link]:
    """One organisation's entries in order, a chunk at a time."""
    entry, details = table_of(JournalEntry), table_of(JournalDetails)
    beside = (details.c.organisation_id == entry.c.organisation_id) & (details.c.seq == entry.c.seq)
    statement = (
        select(entry, details.c.salt, details.c.details, details.c.erased_at)
        .outerjoin(details, beside)
        .where(entry.c.organisation_id == organisation_id)
        .order_by(entry.c.seq)
        .limit(CHUNK)
    )
    last = None
    while True:
        rows = session.execute(statement if last is None else statement.where(entry.c.seq > last)).mappings().all()
        for row in rows:
            yield Link(**row)
        if len(rows) < CHUNK:
            return
        last = rows[-1]["seq"]


def verify(session: Session, checkpoint: dict[str, tuple[int, str]] | None = None) -> dict[UUID, list[str]]:
    """The faults of every organisation's chain; `checkpoint` maps an organisation's id to (sequence, hash)."""
    checkpoint = checkpoint or {}
    known = {*organisations(session), *map(UUID, checkpoint)}
    return {key: faults_in(links(session, key), checkpoint=checkpoint.get(str(key))) for key in sorted(known)}


def heads(session: Session) -> dict[str, tuple[int, str]]:
    """The last entry of every organisation, to be kept outside the database as a checkpoint."""
    found: dict[str, tuple[int, str]] = {}
    for key in organisations(session):
        last = session.execute(
            select(col(JournalEntry.seq), col(JournalEntry.hash))
            .where(col(JournalEntry.organisation_id) == key)
            .order_by(col(JournalEntry.seq).desc())
            .limit(1)
        ).one()
        found[str(key)] = (last.seq, last.hash)
    return found


def entries(
    session: Session,
    organisation_id: UUID,
    *,
    after: int = 0,
    limit: int = 50,
    object_id: UUID | None = None,
    verb: str | None = None,
    actor_id: UUID | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[Any]:
    """Entries after a sequence number, in order, with their words as JSON text (null where erased)."""
    entry, details = table_of(JournalEntry), table_of(JournalDetails)
    statement = (
        select(entry, details.c.details, details.c.erased_at)
        .join(details, (details.c.organisation_id == entry.c.organisation_id) & (details.c.seq == entry.c.seq))
        .where(entry.c.organisation_id == organisation_id, entry.c.seq > after)
        .order_by(entry.c.seq)
        .limit(limit)
    )
    for column, value in (("object_id", object_id), ("verb", verb), ("actor_id", actor_id)):
        if value is not None:
            statement = statement.where(entry.c[column] == value)
    if since is not None:
        statement = statement.where(entry.c.at >= since)
    if until is not None:
        statement = statement.where(entry.c.at < until)
    return list(session.execute(statement).mappings())


def missing_triggers(database: Database) -> set[str]:
    """Which of the triggers that protect the journal and the seals are absent: a table rebuild drops them silently."""
    statement = (
        "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        if database.is_sqlite
        else "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled IN ('O', 'A')"
    )
    with database.transaction(writes=False) as session:
        present = {str(name) for (name,) in session.execute(text(statement))}
    return TRIGGERS["sqlite" if database.is_sqlite else "postgresql"] - present
