"""Reads of the register. No caller: everything here is public."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import select

from app.conventions.cursors import PageRequest
from app.database import Session, table_of
from app.errors import NotFound
from app.public_register.models import EntryKind, RegisterEntry
from app.public_register.schemas import PublicSummary

_ENTRY = table_of(RegisterEntry)
_SUMMARY = [_ENTRY.c[name] for name in PublicSummary.model_fields]


def entries(
    session: Session, page: PageRequest, *, business_id: str | None, kind: EntryKind | None, diary_number: str | None
) -> list[Mapping[str, Any]]:
    """Published documents, newest first; one query."""
    statement = select(*_SUMMARY).order_by(_ENTRY.c.id.desc()).limit(page.limit + 1)
    for column, value in (("business_id", business_id), ("kind", kind), ("diary_number", diary_number)):
        if value is not None:
            statement = statement.where(_ENTRY.c[column] == value)
    after = page.after_id()
    if after is not None:
        statement = statement.where(_ENTRY.c.id < after)
    return [dict(row) for row in session.connection().execute(statement).mappings()]


def entry(session: Session, entry_id: UUID) -> dict[str, Any]:
    """One published document, with the other entries of its decision."""
    connection = session.connection()
    statement = select(*_SUMMARY, _ENTRY.c.document, _ENTRY.c.decision_id).where(_ENTRY.c.id == entry_id)
    row = connection.execute(statement).mappings().one_or_none()
    if row is None:
        raise NotFound("not_found", "Nothing is published here.")
    found = dict(row)
    others = (
        select(*_SUMMARY)
        .where(_ENTRY.c.decision_id == found.pop("decision_id"), _ENTRY.c.id != entry_id)
        .order_by(_ENTRY.c.id)
    )
    return {**found, "related": [dict(other) for other in connection.execute(others).mappings()]}
