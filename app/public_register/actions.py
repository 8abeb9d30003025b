"""Publishing in the register."""

from itertools import pairwise
from uuid import UUID

from sqlalchemy import select, update

from app.clock import now
from app.database import Session, table_of
from app.errors import NotFound
from app.journal.actions import Actor, record
from app.public_register.models import EntryKind, RegisterEntry
from app.public_register.schemas import PublicAssessment, PublicFollowUp

_OBJECT_TYPES = {
    EntryKind.ASSESSMENT: "assessment",
    EntryKind.NOT_NEEDED: "assessment",
    EntryKind.FOLLOW_UP: "follow_up",
}
"""What kind of thing an entry is of, in the journal: a signed 'not needed' is an assessment too."""


def withdraw(session: Session, entry_id: UUID, reason: str, *, by: Actor) -> None:
    """Take an entry out of the register, as when something in it must not be public after all.

    The assessment or follow-up stays what it is, sealed and marked as published; the journal tells why its entry went.
    """
    row = session.get(RegisterEntry, entry_id)
    if row is None or row.organisation_id != by.organisation_id:
        raise NotFound("not_found", "The organisation has published no such entry.")
    _point_on(session, row.decision_id, without=row.id)
    session.delete(row)
    session.flush()
    told = {"kind": row.kind, "entry_id": entry_id, "decision_id": row.decision_id, "reason": reason}
    record(session, by, "register.withdrawn", _OBJECT_TYPES[EntryKind(row.kind)], row.object_id, **told)


def withdraw_all_of(session: Session, decision_id: UUID, reason: str, *, by: Actor) -> None:
    """Take every entry of a decision out of the register, as when the matter is made secret."""
    table = table_of(RegisterEntry)
    published = select(table.c.id).where(table.c.decision_id == decision_id).order_by(table.c.id)
    for entry_id in session.scalars(published).all():
        withdraw(session, entry_id, reason, by=by)


def publish(
    session: Session,
    *,
    kind: str,
    object_id: UUID,
    decision_id: UUID,
    document: PublicAssessment | PublicFollowUp,
    by: Actor,
) -> RegisterEntry:
    """Put a document in the register; the entry of the edition before it, if one is public, then points here."""
    row = RegisterEntry(
        organisation_id=by.organisation_id,
        kind=kind,
        object_id=object_id,
        decision_id=decision_id,
        business_id=document.organisation.business_id,
        diary_number=document.diary_number,
        title=document.model_dump(mode="json")["title"],
        document=document.model_dump(mode="json"),
        published_at=now(),
    )
    session.add(row)
    session.flush()
    _point_on(session, decision_id)
    told = {"kind": kind, "entry_id": row.id, "decision_id": decision_id}
    record(session, by, "register.published", _OBJECT_TYPES[EntryKind(kind)], object_id, **told)
    return row


def _point_on(session: Session, decision_id: UUID, without: UUID | None = None) -> None:
    """Let each published edition point at the next one that is public, whichever came first.

    An entry lists its decision's other entries, so the ETags of all change when one is added or goes.
    """
    table = table_of(RegisterEntry)
    statement = select(table.c.id, table.c.kind, table.c.document).where(table.c.decision_id == decision_id)
    rows = [row for row in session.connection().execute(statement) if row.id != without]
    editions = sorted((row for row in rows if row.kind != EntryKind.FOLLOW_UP), key=lambda row: row.document["edition"])
    following = {before.id: after.id for before, after in pairwise(editions)}
    for row in rows:
        pointing = update(table).where(table.c.id == row.id)
        told = pointing.values(superseded_by=following.get(row.id), version=table.c.version + 1)
        session.connection().execute(told)
