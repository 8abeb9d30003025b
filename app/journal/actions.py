"""Recording what happened: noted while the request works, appended at its commit.

Appending last keeps the journal's lock short, and taking the organisations in order keeps two transactions from
waiting for each other.
"""

import secrets
from collections.abc import Iterator
from typing import Any, Protocol
from uuid import UUID

import rfc8785
from pydantic_core import to_jsonable_python
from sqlalchemy import bindparam, event, insert, select
from sqlalchemy.orm import Session as SqlalchemySession
from sqlalchemy.orm import SessionTransaction

from app.clock import now
from app.database import Session, lock_for_transaction, table_of
from app.errors import Fault, Invalid, NotFound
from app.journal.models import JournalDetails, JournalEntry
from app.journal.rules import GENESIS, digest_of_details, hash_of_entry
from app.journal.verbs import VERBS
from app.texts import fault_in_text

_PENDING = "journal"
NOT_TOLD = "(left out: it may not be kept)"

_HEAD = (
    select(table_of(JournalEntry).c.seq, table_of(JournalEntry).c.hash)
    .where(table_of(JournalEntry).c.organisation_id == bindparam("organisation_id"))
    .order_by(table_of(JournalEntry).c.seq.desc())
    .limit(1)
)
_INSERT_ENTRY = insert(table_of(JournalEntry))
_INSERT_DETAILS = insert(table_of(JournalDetails))


class Actor(Protocol):
    """Who did it: a signed-in caller, or the command line."""

    @property
    def id(self) -> UUID | None: ...
    @property
    def name(self) -> str: ...
    @property
    def organisation_id(self) -> UUID: ...


def record(session: Session, by: Actor, verb: str, object_type: str, object_id: UUID, **details: Any) -> None:
    """Note that `by` did `verb` to an object; it is appended to the journal in the same transaction.

    `details` tell it in readable words: for a change, `changes={"field": {"from": …, "to": …}}`. The actor's name goes
    among them, where it can be erased. An unknown verb is a programming error. Raises Invalid, and so undoes the whole
    change, where a text may not be kept: the last gate, also for what comes from no request.
    """
    if verb not in VERBS:
        raise KeyError(verb)
    said = to_jsonable_python({"actor": by.name, **details})
    faults = list(_faults(said, ""))
    if faults:
        raise Invalid("invalid_text", "Some texts cannot be kept.", faults)
    words = rfc8785.dumps(said).decode()
    entry = {"verb": verb, "actor_id": by.id, "object_type": object_type, "object_id": object_id}
    session.info.setdefault(_PENDING, []).append((by.organisation_id, entry, words))


def _faults(said: Any, pointer: str) -> Iterator[Fault]:
    if isinstance(said, str):
        fault = fault_in_text(said)
        if fault:
            yield Fault(pointer, fault)
    elif isinstance(said, dict):
        for name, value in said.items():
            yield from _faults(name, pointer)
            yield from _faults(value, f"{pointer}/{name}")
    elif isinstance(said, list):
        for index, value in enumerate(said):
            yield from _faults(value, f"{pointer}/{index}")


def changes(row: Any, values: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What would change in `row` if `values` were set: each field that differs, from what to what."""
    before = {name: getattr(row, name) for name in values}
    return {
        name: {"from": _tellable(before[name]), "to": value} for name, value in values.items() if before[name] != value
    }


def _tellable(before: Any) -> Any:
    """What stood there before; not what may no longer be kept, or it could not be removed."""
    return NOT_TOLD if any(_faults(to_jsonable_python(before), "")) else before


def append_pending(session: SqlalchemySession) -> None:
    """Append what was noted, under the journal's lock of each organisation. Runs at commit."""
    if not isinstance(session, Session) or session.in_nested_transaction():
        return  # a SAVEPOINT's release is no commit
    pending = session.info.pop(_PENDING, None)
    if not pending:
        return
    session.flush()
    connection = session.connection()
    entries: list[dict[str, Any]] = []
    details: list[dict[str, Any]] = []
    for organisation_id in sorted({organisation_id for organisation_id, _, _ in pending}):
        lock_for_transaction(session, _lock_key(organisation_id))
        head = connection.execute(_HEAD, {"organisation_id": organisation_id}).one_or_none()
        seq, previous = (head.seq, head.hash) if head else (0, GENESIS)
        at = now()  # under the lock, so that times do not run backwards along the sequence
        for _, entry, words in (item for item in pending if item[0] == organisation_id):
            seq += 1
            salt = secrets.token_hex(16)
            digest = digest_of_details(salt, words)
            said = {**entry, "organisation_id": organisation_id, "seq": seq, "at": at, "details_digest": digest}
            previous = hash_of_entry(previous, **said)
            entries.append({**said, "hash": previous})
            details.append(
                {"organisation_id": organisation_id, "seq": seq, "salt": salt, "details": words, "erased_at": None}
            )
    connection.execute(_INSERT_ENTRY, entries)
    connection.execute(_INSERT_DETAILS, details)


def _remember_length(session: SqlalchemySession, transaction: SessionTransaction) -> None:
    if transaction.nested:
        session.info[transaction] = len(session.info.get(_PENDING, ()))


def _forget_pending(session: SqlalchemySession, undone: SessionTransaction) -> None:
    """What a rolled-back transaction or SAVEPOINT noted did not happen; what was noted before it did.

    A flush that fails is a transaction of its own here, and what is around it is rolled back without being told again.
    """
    around = undone
    while around.parent is not None and not around.nested:
        around = around.parent
    del session.info.get(_PENDING, [])[session.info.get(around, 0) :]


event.listen(Session, "before_commit", append_pending)
event.listen(Session, "after_transaction_create", _remember_length)
event.listen(Session, "after_soft_rollback", _forget_pending)


def erase(session: Session, by: Actor, seq: int, reason: str) -> None:
    """Erase the words of one entry, such as a name that must go, and journal that it was done. The chain still holds.

    Raises NotFound where the organisation has no such entry, its words are erased already, or it tells of an erasure.
    """
    row = session.get(JournalDetails, (by.organisation_id, seq))
    entry = session.get(JournalEntry, (by.organisation_id, seq))
    if row is None or entry is None or row.erased_at is not None or entry.verb == "journal.erased":
        raise NotFound("not_found", f"Entry {seq} has no details to erase.")
    at = now()
    row.salt, row.details, row.erased_at = None, None, at
    told = {"entry": seq, "reason": reason, "erased_at": at.isoformat()}
    record(session, by, "journal.erased", entry.object_type, entry.object_id, **told)


def _lock_key(organisation_id: UUID) -> int:
    """A signed 64-bit key for PostgreSQL's advisory lock."""
    return int.from_bytes(organisation_id.bytes[-8:], "big", signed=True)
