"""Strong ETags from the row's version, and changes that name the version they change (RFC 9110, RFC 6585)."""

import hashlib
import re
from datetime import datetime
from typing import Annotated, Any, Protocol
from uuid import UUID

from fastapi import Depends, Header
from sqlalchemy import update
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.orm.attributes import instance_state as object_state
from sqlalchemy.orm.attributes import set_committed_value
from sqlmodel import col

from app.clock import now
from app.database import Session
from app.errors import Malformed, NotFound, Stale, VersionRequired
from app.journal.actions import Actor, changes

Changes = dict[str, dict[str, Any]]

_TAG = re.compile(r'^\s*"(\d{1,9})"\s*$')


def etag_of(version: int) -> str:
    """The entity tag of a version."""
    return f'"{version}"'


def etag_of_content(content: bytes | memoryview) -> str:
    """The entity tag of an answer that has no version, such as a list."""
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'


async def _expected_version(
    if_match: Annotated[
        str | None,
        Header(description='The ETag of what is changed, as it was last read: `"3"`.', examples=['"1"']),
    ] = None,
) -> int:
    if if_match is None:
        raise VersionRequired("version_required", "Read it first, and send its ETag in If-Match.")
    match = _TAG.match(if_match)
    if match is None:
        raise Malformed("bad_if_match", 'If-Match must be one strong ETag as it was given, such as "3".')
    return int(match[1])


ExpectedVersion = Annotated[int, Depends(_expected_version)]
"""The version that the caller has read; 428 without If-Match."""


class Versioned(Protocol):
    """A row that has a version."""

    id: UUID
    version: int
    changed_at: datetime
    changed_by: UUID | None


def claim(session: Session, row: Versioned, expected: int | None, by: Actor) -> None:
    """Take the next version of a row in one statement, or raise Stale; the row is locked from here to the commit.

    `expected` is the version the caller read. None takes the version that this transaction read, for work on a part of
    the row that has a version of its own: `hold` the row before it is read for that. NotFound where it is gone.
    """
    table = type(row)
    seen = row.version if expected is None else expected
    taken = {"version": seen + 1, "changed_at": now(), "changed_by": by.id}
    statement = update(table).where(col(table.id) == row.id, col(table.version) == seen).values(**taken)
    done = session.connection().execute(statement)
    if done.rowcount != 1 or row.version != seen:
        _read_anew(session, row)
        raise _stale(row)
    for name, value in taken.items():
        set_committed_value(row, name, value)


def hold(session: Session, row: Versioned) -> None:
    """Lock a row to the end of the transaction and read it anew, so that what is checked next stays so.

    For changes that name no version of it, such as adding a part: those at the same time then wait for each other
    instead of finding it changed. SQLite's writers are alone already. NotFound where it is gone.
    """
    if session.connection().dialect.name == "postgresql":
        _read_anew(session, row, with_for_update={"key_share": True})


def _read_anew(session: Session, row: Versioned, **options: Any) -> None:
    try:
        session.refresh(row, **options)
    except InvalidRequestError as error:
        if not object_state(row).persistent:
            raise
        raise NotFound("not_found", "It was removed meanwhile.") from error


def check_version(row: Versioned, expected: int | None) -> None:
    """Raise Stale where a row is not what the caller read: for a change that turns out to change nothing.

    None is satisfied with whatever version is there, as in `claim`.
    """
    if expected not in {None, row.version}:
        raise _stale(row)


def set_values(session: Session, row: Versioned, values: dict[str, Any], *, version: int, by: Actor) -> Changes:
    """Set what differs in a row, taking its next version; returns each field that changed, from what to what.

    Where nothing differs nothing is written, so that the version stays and there is nothing to tell in the journal; a
    stale version is refused all the same.
    """
    told = changes(row, values)
    if not told:
        check_version(row, version)
        return told
    claim(session, row, version, by)
    for name in told:
        setattr(row, name, values[name])
    session.flush()
    return told


def _stale(row: Versioned) -> Stale:
    return Stale(
        "stale",
        f"It was changed at {row.changed_at.isoformat(timespec='seconds')} by {row.changed_by}; "
        f"its version is now {row.version}. Read it again and repeat the change.",
    )
