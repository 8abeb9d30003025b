"""Publishing in the register."""

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
    table = table_of(RegisterEntry)
    others = update(table).where(table.c.decision_id == row.decision_id, table.c.id != row.id)
    session.connection().execute(others.values(version=table.c.version + 1))
    pointing = update(table).where(table.c.superseded_by == row.id).values(superseded_by=None)
    session.connection().execute(pointing)
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
    replaces: UUID | None,
    by: Actor,
) -> RegisterEntry:
    """Put a document in the register; the entry of the object it replaces, if any, then points here."""
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
    table = table_of(RegisterEntry)
    if replaces is not None:
        before = select(table.c.id).where(table.c.object_id == replaces).scalar_subquery()
        pointing = update(table).where(table.c.id == before).values(superseded_by=row.id, version=table.c.version + 1)
        session.connection().execute(pointing)
    # An entry lists its decision's other entries: their ETags must change when one is added.
    session.connection().execute(
        update(table)
        .where(table.c.decision_id == decision_id, table.c.id != row.id)
        .values(version=table.c.version + 1)
    )
    told = {"kind": kind, "entry_id": row.id, "decision_id": decision_id}
    record(session, by, "register.published", _OBJECT_TYPES[EntryKind(kind)], object_id, **told)
    return row
