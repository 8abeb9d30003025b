"""Writes about organisations, people and keys."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from app.access import queries
from app.access.models import Account, AccountKind, ApiKey, Organisation, Role
from app.access.rules import Caller, System, check_issuing, digest_of_key, is_business_id, new_key
from app.clock import now
from app.conventions.versions import check_version, claim, hold
from app.conventions.vocabulary import labels
from app.database import Session
from app.errors import Conflict, Fault, Invalid
from app.journal.actions import changes, record


def found_organisation(session: Session, business_id: str, name: dict[str, str]) -> Organisation:
    """Create an organisation with the default code lists. Only the command line does this."""
    if not is_business_id(business_id):
        raise Invalid("invalid", "Not a business id.", [Fault("/business_id", "Its check digit is wrong.")])
    groups = [{"code": code, "label": label} for code, label in labels("child_group").items()]
    row = Organisation(
        business_id=business_id, name=name, languages=["fi", "sv"], child_groups=groups, excluded_task_classes=[]
    )
    session.add(row)
    session.flush()
    record(session, System(row.id), "organisation.created", "organisation", row.id, name=name, business_id=business_id)
    return row


def change_organisation(
    session: Session, row: Organisation, values: dict[str, Any], *, version: int, by: Caller
) -> Organisation:
    """Change facts or code lists of the organisation."""
    by.require("organisation:write")
    told = changes(row, values)
    if not told:
        check_version(row, version)
        return row
    claim(session, row, version, by)
    for name, value in values.items():
        setattr(row, name, value)
    record(session, by, "organisation.changed", "organisation", row.id, changes=told)
    session.flush()
    return row


def add_person(session: Session, values: dict[str, Any], *, by: Caller | System) -> Account:
    """Add a person or a machine client."""
    by.require("people:write")
    row = Account(organisation_id=by.organisation_id, changed_by=by.id, **values)
    session.add(row)
    session.flush()
    record(session, by, "person.added", "person", row.id, name=row.name, kind=row.kind, roles=row.roles)
    return row


def change_person(session: Session, row: Account, values: dict[str, Any], *, version: int, by: Caller) -> Account:
    """Change a person's name, roles or right to sign in; the organisation keeps an administrator who may."""
    by.require("people:write")
    # One at a time in an organisation: two administrators who demote each other must not both succeed.
    hold(session, session.get_one(Organisation, row.organisation_id))
    told = changes(row, values)
    if not told:
        check_version(row, version)
        return row
    claim(session, row, version, by)
    for name, value in values.items():
        setattr(row, name, value)
    session.flush()
    if Role.ADMINISTRATOR in row.roles and row.active:
        pass
    elif not _has_administrator(session, row.organisation_id):
        raise Conflict("last_administrator", "Make somebody else an administrator first.")
    record(session, by, "person.changed", "person", row.id, changes=told)
    return row


def _has_administrator(session: Session, organisation_id: UUID) -> bool:
    rows = session.execute(
        select(col(Account.roles)).where(col(Account.organisation_id) == organisation_id, col(Account.active).is_(True))
    )
    return any(Role.ADMINISTRATOR in roles for (roles,) in rows)


def administrator_of(session: Session, business_id: str) -> Account:
    """An administrator of an organisation who may sign in; where none is left, one is added. Only the command line
    does this: it is the way back.

    Raises NotFound where there is no such organisation.
    """
    organisation = queries.organisation_of(session, business_id)
    account = queries.administrator(session, organisation.id)
    if account is not None:
        return account
    values = {"kind": AccountKind.PERSON.value, "roles": [Role.ADMINISTRATOR.value], "active": True}
    name = queries.free_name(session, organisation.id, "Pääkäyttäjä")
    return add_person(session, {**values, "name": name}, by=System(organisation.id))


def issue_key(
    session: Session, account: Account, label: str, valid_days: int, scopes: list[str] | None, *, by: Caller | System
) -> tuple[ApiKey, str]:
    """Issue a key for an account; the key itself is returned this once."""
    by.require("api-keys:write")
    if isinstance(by, Caller):
        check_issuing(by, account.id, scopes)
    key = new_key()
    row = ApiKey(
        organisation_id=by.organisation_id,
        changed_by=by.id,
        account_id=account.id,
        label=label,
        hint=key[:9] + "…",
        digest=digest_of_key(key),
        scopes=scopes,
        expires_at=now() + timedelta(days=valid_days),
    )
    session.add(row)
    session.flush()
    record(session, by, "api_key.created", "api_key", row.id, label=label, person=account.name, scopes=scopes)
    return row, key


def revoke_key(session: Session, row: ApiKey, *, version: int, by: Caller | System) -> ApiKey:
    """Revoke a key: the next call with it is refused."""
    by.require("api-keys:write")
    if row.revoked_at is not None:
        raise Conflict("already_revoked", "The key was revoked before.")
    claim(session, row, version, by)
    row.revoked_at = now()
    session.flush()
    record(session, by, "api_key.revoked", "api_key", row.id, label=row.label)
    return row
