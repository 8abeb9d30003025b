"""Reads about organisations, people and keys, limited to the caller's organisation."""

from collections.abc import Mapping
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from app.access.models import Account, ApiKey, Organisation
from app.access.rules import Caller, permissions_of
from app.conventions.cursors import PageRequest
from app.database import Row, Session, table_of
from app.errors import Fault, Invalid, NotFound, Refused

Table = TypeVar("Table", bound=Row)


def owned(session: Session, table: type[Table], row_id: UUID, caller: Caller) -> Table:
    """A row of the caller's organisation; NotFound where there is none, or it is another's."""
    row = session.get(table, row_id)
    if row is None or row.organisation_id != caller.organisation_id:
        raise NotFound("not_found", "There is no such thing here.")
    return row


def referred(session: Session, table: type[Table], row_id: UUID | None, caller: Caller, pointer: str) -> Table | None:
    """The row of the caller's organisation that a body refers to, None where it refers to none; one query at most.

    Raises Invalid at the pointer where there is no such row.
    """
    if row_id is None:
        return None
    row = session.get(table, row_id)
    if row is None or row.organisation_id != caller.organisation_id:
        fault = Fault(pointer, f"There is no such {str(table.__tablename__).replace('_', ' ')} here.")
        raise Invalid("invalid", "Something that is referred to is not there.", [fault])
    return row


def listed(
    session: Session,
    table: type[Row],
    page: PageRequest,
    caller: Caller,
    *conditions: Any,
    leave_out: frozenset[str] = frozenset({"organisation_id"}),
) -> list[Mapping[str, Any]]:
    """Rows of the caller's organisation, newest first, one more than the page holds; one query."""
    columns = table_of(table).c
    statement = (
        select(*(column for column in columns if column.name not in leave_out))
        .where(columns.organisation_id == caller.organisation_id, *conditions)
        .order_by(columns.id.desc())
        .limit(page.limit + 1)
    )
    after = page.after_id()
    if after is not None:
        statement = statement.where(columns.id < after)
    return [dict(row) for row in session.connection().execute(statement).mappings()]


def organisation(session: Session, *, visible_to: Caller) -> Organisation:
    """The caller's organisation."""
    visible_to.require("organisation:read")
    row = session.get(Organisation, visible_to.organisation_id)
    if row is None:
        raise NotFound("not_found", "There is no such thing here.")
    return row


def person(session: Session, person_id: UUID, *, visible_to: Caller) -> Account:
    """A person or a machine client of the caller's organisation."""
    visible_to.require("people:read")
    return owned(session, Account, person_id, visible_to)


def key_holder(session: Session, person_id: UUID, *, visible_to: Caller) -> Account:
    """The person or machine client that a key is to be issued for; Invalid where there is none."""
    visible_to.require("people:read")
    row = referred(session, Account, person_id, visible_to, "/person_id")
    assert row is not None
    return row


def caller_of(session: Session, account_id: UUID) -> Caller:
    """The account as a caller, for work that goes on after its request; with the roles it has now.

    Raises Refused where it may no longer sign in.
    """
    row = session.get_one(Account, account_id)
    if not row.active:
        raise Refused("not_allowed", "Whoever asked for this may no longer sign in.")
    return Caller(row.id, row.name, row.organisation_id, tuple(row.roles), permissions_of(tuple(row.roles)))


def organisation_of(session: Session, business_id: str) -> Organisation:
    """The organisation of a business id, for the command line."""
    row = session.scalars(select(Organisation).where(col(Organisation.business_id) == business_id)).one_or_none()
    if row is None:
        raise NotFound("not_found", f"There is no organisation {business_id}.")
    return row


def administrator(session: Session, organisation_id: UUID) -> Account | None:
    """The first administrator of an organisation who may sign in."""
    statement = (
        select(Account)
        .where(col(Account.organisation_id) == organisation_id, col(Account.active).is_(True))
        .order_by(col(Account.id))
    )
    return next((account for account in session.scalars(statement) if "administrator" in account.roles), None)


def free_name(session: Session, organisation_id: UUID, name: str) -> str:
    """A name that nobody in the organisation has: this one, or this one with a number."""
    taken = set(session.scalars(select(col(Account.name)).where(col(Account.organisation_id) == organisation_id)))
    numbered = (f"{name} {number}" for number in range(2, len(taken) + 3))
    return next(wanted for wanted in (name, *numbered) if wanted not in taken)


def people(session: Session, page: PageRequest, *, visible_to: Caller) -> list[Mapping[str, Any]]:
    """The organisation's people and machine clients."""
    visible_to.require("people:read")
    return listed(session, Account, page, visible_to)


def api_key(session: Session, key_id: UUID, *, visible_to: Caller) -> ApiKey:
    """A key of the caller's organisation, without the key itself."""
    visible_to.require("api-keys:read")
    return owned(session, ApiKey, key_id, visible_to)


def api_keys(session: Session, page: PageRequest, *, visible_to: Caller) -> list[Mapping[str, Any]]:
    """The organisation's keys, without the keys themselves."""
    visible_to.require("api-keys:read")
    return listed(session, ApiKey, page, visible_to, leave_out=frozenset({"organisation_id", "digest"}))
