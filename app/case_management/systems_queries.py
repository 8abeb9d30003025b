"""Reads of the case-management systems that are pulled from, limited to the caller's organisation."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from app.access.queries import listed, owned
from app.access.rules import Caller
from app.case_management.models import CaseSystem, Notice, SetAside
from app.case_management.systems_schemas import CaseSystemRead, SetAsideRead
from app.conventions.cursors import PageRequest
from app.database import Session, table_of

_NOTICE, _ASIDE = table_of(Notice).c, table_of(SetAside).c
_STATE = ("pulled_at", "due_at", "not_before", "failures", "last_error", "counts")


def case_system(session: Session, system_id: UUID, *, visible_to: Caller) -> CaseSystem:
    """A system of the caller's organisation."""
    visible_to.require("case-systems:read")
    return owned(session, CaseSystem, system_id, visible_to)


def case_systems(session: Session, page: PageRequest, *, visible_to: Caller) -> list[Mapping[str, Any]]:
    """The organisation's systems, newest first; one query."""
    visible_to.require("case-systems:read")
    shown = set(CaseSystemRead.model_fields)
    rows = listed(session, CaseSystem, page, visible_to)
    found = ({**row, "has_credential": row["credential"] is not None} for row in rows)
    return [{name: value for name, value in row.items() if name in shown} for row in found]


def state(session: Session, system_id: UUID, *, visible_to: Caller) -> dict[str, Any]:
    """How pulling from a system goes; three queries."""
    row = case_system(session, system_id, visible_to=visible_to)
    waiting = select(func.count()).where(_NOTICE.system_id == row.id)
    aside = select(func.count()).where(_ASIDE.system_id == row.id)
    connection = session.connection()
    return {
        **{name: getattr(row, name) for name in _STATE},
        "noticed": connection.execute(waiting).scalar_one(),
        "set_aside": connection.execute(aside).scalar_one(),
    }


def set_aside(session: Session, page: PageRequest, system_id: UUID, *, visible_to: Caller) -> list[Mapping[str, Any]]:
    """The records of a system that were set aside, newest first; two queries."""
    row = case_system(session, system_id, visible_to=visible_to)
    columns = [_ASIDE[name] for name in SetAsideRead.model_fields]
    statement = select(*columns).where(_ASIDE.system_id == row.id).order_by(_ASIDE.id.desc()).limit(page.limit + 1)
    after = page.after_id()
    if after is not None:
        statement = statement.where(_ASIDE.id < after)
    return [dict(found) for found in session.connection().execute(statement).mappings()]
