"""The case-management systems that are pulled from: what people change, and what the worker records.

The worker holds a system by a lease, so that several workers never pull from the same one; whoever was killed is
replaced when the lease has run out. What it records goes in short transactions that first look at the lease.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy import and_, delete, exists, insert, or_, select, update
from sqlmodel import col
from uuid_utils.compat import uuid7

from app.access.models import Account
from app.access.queries import caller_of, referred
from app.access.rules import Caller
from app.case_management import actions
from app.case_management.actions import Case, Taken
from app.case_management.ahjo import Ahjo
from app.case_management.models import CaseSystem, Notice, Product, SetAside
from app.case_management.products import CaseProduct, NotUnderstood, Record
from app.case_management.rules import CaseOutcome
from app.case_management.schemas import CaseItem
from app.clock import FINLAND, now
from app.conventions.body import faults_in_texts
from app.conventions.problems import faults_of
from app.conventions.versions import claim, set_values
from app.database import Session, table_of
from app.errors import DomainError, Fault, Invalid
from app.journal.actions import record
from app.outgoing import Network, check_url

PRODUCTS: dict[Product, CaseProduct] = {Product.AHJO: Ahjo()}
LEASE = timedelta(minutes=5)
OVERLAP = timedelta(days=1)
"""So far back a listing looks again, since what a case says of its own changes may be late."""
MOST_FAULTS = 20
LONGEST_PAUSE = timedelta(hours=1)
NOTICE_ATTEMPTS = 10

_SYSTEM, _NOTICE, _ASIDE = table_of(CaseSystem), table_of(Notice), table_of(SetAside)


class LeaseLost(Exception):
    """Somebody else pulls from the system now, or it is gone: whatever was being done is not recorded."""


# What people change


def add(session: Session, values: dict[str, Any], networks: Sequence[Network], *, by: Caller) -> CaseSystem:
    """Add a system to pull from; the first pull begins at once."""
    by.require("case-systems:write")
    _check(session, values, networks, by)
    row = CaseSystem(organisation_id=by.organisation_id, changed_by=by.id, **values)
    row.position = {"until": _start_of(row).isoformat()}
    session.add(row)
    session.flush()
    record(session, by, "case_system.added", "case_system", row.id, **_told(values))
    return row


def change(
    session: Session,
    row: CaseSystem,
    values: dict[str, Any],
    networks: Sequence[Network],
    *,
    version: int,
    by: Caller,
) -> CaseSystem:
    """Change a system; another day to begin with, or another address, begins anew.

    Raises Invalid where the credential that is kept would be sent to another address: nobody may see it in that way.
    """
    by.require("case-systems:write")
    _check(session, values, networks, by)
    if row.credential is not None and values.get("address", row.address) != row.address and "credential" not in values:
        fault = Fault("/credential", "Give it again, or null: what is kept is not sent to another address.")
        raise Invalid("invalid", "A credential goes with its address.", [fault])
    told = set_values(session, row, values, version=version, by=by)
    if not told:
        return row
    if {"pull_from", "address", "product"} & set(told):
        row.position = {"until": _start_of(row).isoformat()}
    row.lease = row.leased_until = None  # what a worker is asking for just now, by the old facts, is not recorded
    row.due_at, row.not_before, row.failures, row.last_error = now(), None, 0, None
    session.flush()
    record(session, by, "case_system.changed", "case_system", row.id, changes=_told(told))
    return row


def remove(session: Session, row: CaseSystem, *, version: int, by: Caller) -> None:
    """Pull from a system no longer. The cases that it told of stay."""
    by.require("case-systems:write")
    claim(session, row, version, by)
    for table in (_NOTICE, _ASIDE):
        session.connection().execute(delete(table).where(table.c.system_id == row.id))
    session.delete(row)
    session.flush()
    record(session, by, "case_system.removed", "case_system", row.id, source=row.source)


def pull_now(session: Session, row: CaseSystem, *, by: Caller) -> None:
    """Let a system be pulled from as soon as a worker is free, whatever it was waiting for."""
    by.require("case-systems:write")
    row.due_at, row.not_before = now(), None
    session.flush()
    record(session, by, "case_system.asked", "case_system", row.id, source=row.source)


def notice(session: Session, row: CaseSystem, external_id: str, *, by: Caller) -> None:
    """Note that a case was added or changed in its system; told twice it is fetched once, but after the last time."""
    by.require("cases:write")
    at = now()
    again = {"told_at": at, "due_at": at, "attempts": 0}
    known = (_NOTICE.c.system_id == row.id, _NOTICE.c.external_id == external_id)
    session.connection().execute(
        select(_SYSTEM.c.id).where(_SYSTEM.c.id == row.id).with_for_update()
    )  # two at once wait here for each other
    if session.connection().execute(update(_NOTICE).where(*known).values(**again)).rowcount == 0:
        new = {"id": uuid7(), "system_id": row.id, "external_id": external_id, **again}
        session.connection().execute(insert(_NOTICE).values(**new))


def _check(session: Session, values: Mapping[str, Any], networks: Sequence[Network], by: Caller) -> None:
    if "address" in values:
        check_url(values["address"], networks, "/address")
    if "person_id" in values:
        account = referred(session, Account, values["person_id"], by, "/person_id")
        assert account is not None
        if not caller_of(session, account.id).can("cases:write"):
            fault = Fault("/person_id", "It must have the role integration.")
            raise Invalid("invalid", "Name a machine client that may tell of cases.", [fault])


def _start_of(row: CaseSystem) -> datetime:
    return datetime(row.pull_from.year, row.pull_from.month, row.pull_from.day, tzinfo=FINLAND)


def _told(values: Mapping[str, Any]) -> dict[str, Any]:
    """What the journal tells: never the credential."""
    return {name: "(not told)" if name == "credential" and value else value for name, value in values.items()}


# What the worker does


@dataclass(frozen=True, slots=True)
class Turn:
    """A system that this worker may pull from, for now."""

    system_id: UUID
    lease: UUID


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be done for a system now: notices to fetch, then the listing where it is due."""

    product: Product
    address: str
    credential: str | None
    position: dict[str, Any]
    notices: list[tuple[str, datetime]]
    is_listing_due: bool


def _is_due(at: datetime) -> Any:
    told = and_(_NOTICE.c.system_id == _SYSTEM.c.id, _NOTICE.c.due_at <= at)
    return and_(
        _SYSTEM.c.active,
        or_(_SYSTEM.c.leased_until.is_(None), _SYSTEM.c.leased_until <= at),
        or_(_SYSTEM.c.not_before.is_(None), _SYSTEM.c.not_before <= at),
        or_(_SYSTEM.c.due_at <= at, exists().where(told)),
    )


def is_anything_due(session: Session) -> bool:
    """Whether there is a system to pull from; asked without a lock."""
    return session.connection().execute(select(_SYSTEM.c.id).where(_is_due(now())).limit(1)).first() is not None


def claim_turn(session: Session) -> Turn | None:
    """Take a system that is due; what another worker is taking is left to it (SKIP LOCKED)."""
    at = now()
    due = (
        select(_SYSTEM.c.id)
        .where(_is_due(at))
        .order_by(_SYSTEM.c.leased_until.asc().nulls_first(), _SYSTEM.c.id)
        .limit(1)
        .with_for_update(skip_locked=True, of=_SYSTEM)
    )
    found = session.connection().execute(due).scalar()
    if found is None:
        return None
    turn = Turn(found, uuid7())
    values = {"lease": turn.lease, "leased_until": at + LEASE}
    session.connection().execute(update(_SYSTEM).where(_SYSTEM.c.id == found).values(**values))
    return turn


def next_work(session: Session, turn: Turn) -> Work:
    """What is to be done now in this turn."""
    row = _held(session, turn)
    at = now()
    due = (
        select(_NOTICE.c.external_id, _NOTICE.c.told_at)
        .where(_NOTICE.c.system_id == row.id, _NOTICE.c.due_at <= at)
        .order_by(_NOTICE.c.due_at)
        .limit(20)
    )
    notices = [(notice.external_id, notice.told_at) for notice in session.connection().execute(due)]
    is_due = row.due_at is not None and row.due_at <= at
    product = Product(row.product)
    return Work(product, row.address, row.credential, row.position, notices, is_due)


def take_records(session: Session, turn: Turn, records: Sequence[Record], read_at: datetime) -> dict[str, int]:
    """Take in some records, each by itself; what is refused is set aside with its reason, and the rest is taken in.

    Returns how many records there were of each outcome.
    """
    row = _held(session, turn)
    by = caller_of(session, row.person_id)
    read: list[tuple[Record, list[Case], DomainError | None]] = [_read(row, entry, read_at) for entry in records]
    cases = [case for _, of_record, _ in read for case in of_record]
    taken = iter(actions.tell_all(session, row.source, cases, by=by)) if cases else iter(())
    counts: dict[str, int] = {}
    for entry, of_record, refusal in read:
        outcomes: list[Taken] = [next(taken) for _ in of_record]
        refused = refusal or next((one.refusal for one in outcomes if one.refusal is not None), None)
        if refused is not None:
            _set_aside(session, row, entry.external_id, refused, by)
        else:
            known = (_ASIDE.c.system_id == row.id, _ASIDE.c.external_id == entry.external_id)
            session.connection().execute(delete(_ASIDE).where(*known))
        came = CaseOutcome.REFUSED if refused else _together([one.outcome for one in outcomes])
        counts[came] = counts.get(came, 0) + 1
    return counts


def _read(row: CaseSystem, entry: Record, read_at: datetime) -> tuple[Record, list[Case], DomainError | None]:
    """The decisions of a record; none of them where the record is broken."""
    try:
        items = PRODUCTS[Product(row.product)].items_of(entry, read_at)
        faults = faults_in_texts(items)
        if faults:
            raise Invalid("invalid_text", "Some texts cannot be kept.", faults)
        read = [CaseItem.model_validate(item) for item in items]
    except NotUnderstood as error:
        return entry, [], Invalid("invalid", error.detail, error.faults)
    except ValidationError as error:
        return entry, [], Invalid("invalid", "Some values break the rules of the schema.", faults_of(error.errors()))
    except DomainError as error:
        return entry, [], error
    return entry, [Case(item.diary_number, item.decision_key, item) for item in read], None


def _together(outcomes: Sequence[CaseOutcome]) -> CaseOutcome:
    order = (CaseOutcome.CREATED, CaseOutcome.UPDATED, CaseOutcome.OUTDATED, CaseOutcome.UNCHANGED)
    return next(outcome for outcome in order if outcome in outcomes)


def _set_aside(session: Session, row: CaseSystem, external_id: str, refusal: DomainError, by: Caller) -> None:
    faults = [{"pointer": fault.pointer[:200], "detail": fault.detail[:300]} for fault in refusal.faults[:MOST_FAULTS]]
    values: dict[str, Any] = {"code": refusal.code, "detail": refusal.detail[:300], "faults": faults, "last_at": now()}
    known = session.scalars(
        select(SetAside).where(col(SetAside.system_id) == row.id, col(SetAside.external_id) == external_id)
    ).one_or_none()
    if known is None:
        aside = SetAside(organisation_id=row.organisation_id, system_id=row.id, external_id=external_id, **values)
        session.add(aside)
        session.flush()
        told = {"source": row.source, "external_id": external_id, "reason": refusal.code}
        record(session, by, "case_system.set_aside", "case_system", row.id, **told)
        return
    for name, value in values.items():
        setattr(known, name, value)
    session.flush()


def record_listed(
    session: Session,
    turn: Turn,
    records: Sequence[Record],
    position: dict[str, Any],
    read_at: datetime,
    *,
    until: datetime | None,
) -> None:
    """Take in a page of a listing and remember where to go on. `until` is given with the last page of a pull."""
    row = _held(session, turn)
    counts = take_records(session, turn, records, read_at)
    before: dict[str, int] = row.position.get("of_pull", {})
    total = {name: before.get(name, 0) + counts.get(name, 0) for name in {*before, *counts}}
    row.failures, row.last_error = 0, None
    if until is None:
        row.position = {**position, "of_pull": total}
    else:
        row.position = {"until": max(until - OVERLAP, _start_of(row)).isoformat()}
        row.counts, row.pulled_at = total, now()
        row.due_at = now() + timedelta(minutes=row.minutes)
        nameless = (_ASIDE.c.system_id == row.id, _ASIDE.c.external_id.startswith("("), _ASIDE.c.last_at < until)
        session.connection().execute(delete(_ASIDE).where(*nameless))  # had it no key, it cannot be seen to be mended
    session.flush()


def record_fetched(session: Session, turn: Turn, fetched: Record, told_at: datetime, read_at: datetime) -> None:
    """Take in a case that its system had told of. Its notice stays where it was told again meanwhile."""
    row = _held(session, turn)
    take_records(session, turn, [fetched], read_at)
    row.failures, row.last_error = 0, None
    session.flush()
    _forget_notice(session, row, fetched.external_id, told_at)


def record_not_fetched(session: Session, turn: Turn, external_id: str, told_at: datetime, why: str) -> None:
    """Set aside a case that its system had told of and does not give: it is not there, or not in the known form."""
    row = _held(session, turn)
    by = caller_of(session, row.person_id)
    _set_aside(session, row, external_id, Invalid("invalid", why), by)
    _forget_notice(session, row, external_id, told_at)


def _forget_notice(session: Session, row: CaseSystem, external_id: str, told_at: datetime) -> None:
    known = (_NOTICE.c.system_id == row.id, _NOTICE.c.external_id == external_id, _NOTICE.c.told_at == told_at)
    session.connection().execute(delete(_NOTICE).where(*known))


def record_notice_failed(session: Session, turn: Turn, external_id: str, told_at: datetime, why: str) -> None:
    """Put off a case that could not be fetched, and set it aside after ten attempts."""
    row = _held(session, turn)
    known = (_NOTICE.c.system_id == row.id, _NOTICE.c.external_id == external_id, _NOTICE.c.told_at == told_at)
    attempts = session.connection().execute(select(_NOTICE.c.attempts).where(*known)).scalar()
    if attempts is None:
        return  # told again meanwhile
    if attempts + 1 >= NOTICE_ATTEMPTS:
        record_not_fetched(session, turn, external_id, told_at, why)
        return
    put_off = {"attempts": attempts + 1, "due_at": now() + _pause_after(attempts + 1)}
    session.connection().execute(update(_NOTICE).where(*known).values(**put_off))


def _pause_after(failures: int) -> timedelta:
    """Five seconds, doubled with each failure, with a quarter of jitter; an hour at most."""
    jitter = 0.75 + secrets.randbelow(501) / 1000
    return min(timedelta(seconds=5 * 2 ** min(failures - 1, 10) * jitter), LONGEST_PAUSE)


def record_failure(session: Session, turn: Turn, why: str, pause: timedelta) -> None:
    """Note that the system could not be asked, and wait: as long as it asks for, else longer with each failure.

    A page that was to be followed may be gone by then, so that its window of time begins anew.
    """
    row = _held(session, turn)
    row.failures += 1
    row.last_error = why[:300]
    row.not_before = now() + min(pause or _pause_after(row.failures), LONGEST_PAUSE)
    row.position = {name: value for name, value in row.position.items() if name not in {"page", "pages", "window_end"}}
    session.flush()


def release(session: Session, turn: Turn) -> None:
    """Let others have the system."""
    mine = (_SYSTEM.c.id == turn.system_id, _SYSTEM.c.lease == turn.lease)
    session.connection().execute(update(_SYSTEM).where(*mine).values(lease=None, leased_until=None))


def _held(session: Session, turn: Turn) -> CaseSystem:
    """The system of a turn, with its lease made longer; LeaseLost where somebody else has it."""
    mine = (_SYSTEM.c.id == turn.system_id, _SYSTEM.c.lease == turn.lease, _SYSTEM.c.leased_until > now())
    held = session.connection().execute(update(_SYSTEM).where(*mine).values(leased_until=now() + LEASE))
    if held.rowcount != 1:
        raise LeaseLost
    row = session.get(CaseSystem, turn.system_id, populate_existing=True)
    if row is None or not row.active:
        raise LeaseLost
    return row
