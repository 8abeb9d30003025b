"""Reading the journal: for verification here, for auditors in `reports`."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from app.database import Session, table_of
from app.journal.models import JournalDetails, JournalEntry
from app.journal.rules import Link, faults_in

CHUNK = 2000


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


def verify(
    session: Session, checkpoint: dict[str, tuple[int, str]] | None = None, *, expected: Iterable[UUID] = ()
) -> dict[UUID, list[str]]:
    """The faults of every organisation's chain; `checkpoint` maps an organisation's id to (sequence, hash).

    `expected` are organisations that must have a journal: every one has, from the entry that it was created.
    """
    checkpoint = checkpoint or {}
    told, needed = set(organisations(session)), set(expected)
    worded = session.scalars(select(col(JournalDetails.organisation_id)).distinct())
    verdicts = {}
    for key in sorted({*told, *needed, *worded, *map(UUID, checkpoint)}):
        try:
            faults = faults_in(links(session, key), checkpoint=checkpoint.get(str(key)))
            faults += _words_of_no_entry(session, key)
        except (ValueError, TypeError, ArithmeticError) as error:  # SQLite keeps anything in any column
            faults = [f"it cannot be read to its end: {error}"]
        if key in needed and key not in told:
            faults.append("the organisation has no journal, not even of its creation")
        verdicts[key] = faults
    return verdicts


def _words_of_no_entry(session: Session, organisation_id: UUID) -> list[str]:
    entry, details = table_of(JournalEntry), table_of(JournalDetails)
    beside = (details.c.organisation_id == entry.c.organisation_id) & (details.c.seq == entry.c.seq)
    statement = (
        select(details.c.seq)
        .outerjoin(entry, beside)
        .where(details.c.organisation_id == organisation_id, entry.c.seq.is_(None))
        .order_by(details.c.seq)
    )
    return [f"entry {seq}: its details are there, but it is not" for seq in session.scalars(statement)]


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
