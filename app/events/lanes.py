"""What is due for which webhook, and what became of it: the worker's side of the database.

A worker takes a webhook for a turn, by a lease that runs out when the worker dies; until then nobody else sends to it,
so that its events go out one after another. Nothing here waits for a receiver: each function is part of a short
transaction, and first changes the webhook's row, which is the lock of everything that belongs to it.
"""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import CursorResult, and_, exists, insert, or_, select, update
from uuid_utils.compat import uuid7

from app.access.rules import System
from app.clock import now
from app.database import Session, table_of
from app.events import queries
from app.events.models import Attempt, Delivery, DeliveryState, DisabledReason, Webhook
from app.events.rules import (
    AN_OUTAGE,
    GONE,
    TESTED,
    Place,
    delay_after,
    event,
    is_away,
    is_delivered,
    pause_after,
)
from app.journal.actions import record
from app.journal.models import JournalEntry

_WEBHOOK, _DELIVERY, _ATTEMPT = table_of(Webhook), table_of(Delivery), table_of(Attempt)
_ENTRY = table_of(JournalEntry)
A_PAGE = 100
"""So many entries of the journal are turned into deliveries in one transaction."""


class LeaseLost(Exception):
    """Somebody else has the webhook now, or it is gone: whatever was being done is not recorded."""


@dataclass(frozen=True, slots=True)
class Lane:
    """A webhook that this worker may send to, for now."""

    webhook_id: UUID
    lease: UUID
    seconds: float
    """How long the lease holds from each time that something is recorded."""


@dataclass(frozen=True, slots=True)
class Call:
    """One delivery that is due, with what is needed to make it."""

    delivery_id: UUID
    organisation_id: UUID
    webhook_id: UUID
    seq: int
    type: str
    payload: str
    attempts: int
    url: str
    secrets: list[str]
    failures: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an attempt."""

    at: datetime
    milliseconds: int
    status: int | None
    error: str | None
    wait: timedelta
    """How long the receiver asks to be left alone."""


def _is_due(at: datetime) -> Any:
    """Webhooks that have something to send now, or entries of the journal that nobody has looked at for them yet."""
    pending = and_(
        _DELIVERY.c.webhook_id == _WEBHOOK.c.id,
        _DELIVERY.c.state == DeliveryState.PENDING,
        _DELIVERY.c.next_attempt_at <= at,
    )
    unread = and_(_ENTRY.c.organisation_id == _WEBHOOK.c.organisation_id, _ENTRY.c.seq > _WEBHOOK.c.position)
    return and_(
        _WEBHOOK.c.active,
        or_(_WEBHOOK.c.leased_until.is_(None), _WEBHOOK.c.leased_until <= at),
        or_(_WEBHOOK.c.not_before.is_(None), _WEBHOOK.c.not_before <= at),
        or_(exists().where(pending), exists().where(unread)),
    )


def is_anything_due(session: Session) -> bool:
    """Whether there is something to do; asked without any lock, so that an idle worker disturbs nobody."""
    return session.connection().execute(select(_WEBHOOK.c.id).where(_is_due(now())).limit(1)).first() is not None


def claim(session: Session, most: int, seconds: float) -> list[Lane]:
    """Take some webhooks that have something to do, those that waited longest first.

    What another worker is taking at this moment is left to it (SKIP LOCKED; SQLite has one writer at a time anyway).
    """
    at = now()
    due = (
        select(_WEBHOOK.c.id)
        .where(_is_due(at))
        .order_by(_WEBHOOK.c.leased_until.asc().nulls_first(), _WEBHOOK.c.id)
        .limit(most)
        .with_for_update(skip_locked=True, of=_WEBHOOK)
    )
    ids = list(session.connection().execute(due).scalars())
    lease = uuid7()
    if ids:
        values = {"lease": lease, "leased_until": at + timedelta(seconds=seconds)}
        session.connection().execute(update(_WEBHOOK).where(_WEBHOOK.c.id.in_(ids)).values(**values))
    return [Lane(webhook_id, lease, seconds) for webhook_id in ids]


def _hold(session: Session, lane: Lane, **values: Any) -> None:
    """Change the webhook's row and hold it to the end of the transaction; LeaseLost where it is not ours any more."""
    leased_until = now() + timedelta(seconds=lane.seconds)
    ours = update(_WEBHOOK).where(_WEBHOOK.c.id == lane.webhook_id, _WEBHOOK.c.lease == lane.lease)
    done: CursorResult[Any] = session.connection().execute(ours.values(**{"leased_until": leased_until, **values}))
    if done.rowcount != 1:
        raise LeaseLost


def release(session: Session, lane: Lane) -> None:
    """Give the webhook back; others that waited longer come first then."""
    ours = update(_WEBHOOK).where(_WEBHOOK.c.id == lane.webhook_id, _WEBHOOK.c.lease == lane.lease)
    session.connection().execute(ours.values(lease=None, leased_until=now()))


def fan_out(session: Session, lane: Lane, public_url: str) -> int | None:
    """Turn the next entries of the journal into deliveries, and pass over the others, in one transaction.

    Returns how many deliveries were made; None where the journal was read to its end.
    """
    _hold(session, lane)
    read = (_WEBHOOK.c.organisation_id, _WEBHOOK.c.position, _WEBHOOK.c.types, _WEBHOOK.c.active)
    row = session.connection().execute(select(*read).where(_WEBHOOK.c.id == lane.webhook_id)).one()
    if not row.active:
        return None
    types = [*row.types, TESTED] if row.types is not None else None
    entries = queries.entries_after(session, row.organisation_id, Place(row.position, ""), types=types, limit=A_PAGE)
    if entries.until.seq == row.position:
        return None
    at = now()
    made = [
        {
            "id": uuid7(),
            "organisation_id": row.organisation_id,
            "webhook_id": lane.webhook_id,
            "seq": entry["seq"],
            "type": entry["verb"],
            "payload": to_json(event(row.organisation_id, entry, public_url)).decode(),
            "state": DeliveryState.PENDING,
            "attempts": 0,
            "next_attempt_at": at,
            "created_at": at,
            "ended_at": None,
        }
        for entry in entries.found
        if entry["verb"] != TESTED or entry["object_id"] == lane.webhook_id
    ]
    if made:
        session.connection().execute(insert(_DELIVERY), made)
    _hold(session, lane, position=entries.until.seq)
    return len(made)


def next_due(session: Session, lane: Lane, time_out: float) -> Call | None:
    """The next delivery to be attempted: the oldest event, but first what was tried least; one query.

    So an event that a receiver chokes on lets the others by. None where none is due, or where the lease would not hold
    for as long as an attempt may take.
    """
    at = now()
    columns = (_DELIVERY.c.organisation_id, _DELIVERY.c.webhook_id, _DELIVERY.c.seq, _DELIVERY.c.type)
    of_webhook = (_WEBHOOK.c.url, _WEBHOOK.c.failures, _WEBHOOK.c.secret, _WEBHOOK.c.previous_secret)
    statement = (
        select(
            _DELIVERY.c.id.label("delivery_id"),
            *columns,
            _DELIVERY.c.payload,
            _DELIVERY.c.attempts,
            *of_webhook,
            _WEBHOOK.c.previous_secret_until,
        )
        .join(_WEBHOOK, _WEBHOOK.c.id == _DELIVERY.c.webhook_id)
        .where(
            _WEBHOOK.c.id == lane.webhook_id,
            _WEBHOOK.c.lease == lane.lease,
            _WEBHOOK.c.leased_until >= at + timedelta(seconds=time_out),
            _WEBHOOK.c.active,
            or_(_WEBHOOK.c.not_before.is_(None), _WEBHOOK.c.not_before <= at),
            _DELIVERY.c.state == DeliveryState.PENDING,
            _DELIVERY.c.next_attempt_at <= at,
        )
        .order_by(_DELIVERY.c.attempts, _DELIVERY.c.seq)
        .limit(1)
    )
    row = session.connection().execute(statement).mappings().first()
    if row is None:
        return None
    found = dict(row)
    live = list(_live(found.pop("secret"), found.pop("previous_secret"), found.pop("previous_secret_until"), at))
    return Call(**found, secrets=live)


def _live(secret: str, previous: str | None, until: datetime | None, at: datetime) -> Iterator[str]:
    yield secret
    if previous is not None and until is not None and until > at:
        yield previous


def record_outcome(session: Session, lane: Lane, call: Call, outcome: Outcome) -> None:
    """Record an attempt, and what follows from it; LeaseLost where that is somebody else's now."""
    at, attempts = now(), call.attempts + 1
    delivered, chance = is_delivered(outcome.status), secrets.randbelow(1000) / 1000
    delay = delay_after(attempts, chance)
    next_attempt_at = at + max(delay, outcome.wait) if delay is not None else None
    if delivered:
        values: dict[str, Any] = {"state": DeliveryState.DELIVERED, "next_attempt_at": None, "ended_at": at}
        _hold(session, lane, failures=0, not_before=None)
        if call.failures >= AN_OUTAGE:
            _try_all_at_once(session, call.webhook_id, at)
    elif outcome.status == GONE:  # no fault of the event's: it waits until the webhook is switched on again
        values = {"next_attempt_at": at, "attempts": call.attempts}
        _hold(session, lane)
        _disable(session, call)
    else:
        values = {"next_attempt_at": next_attempt_at}
        if next_attempt_at is None:
            values |= {"state": DeliveryState.DEAD, "ended_at": at}
        failures = call.failures + 1 if is_away(outcome.status) else 0
        pause = max(pause_after(failures, chance), outcome.wait) if failures else None
        _hold(session, lane, failures=failures, not_before=at + pause if pause else None)
    connection = session.connection()
    values = {"attempts": attempts, **values}
    connection.execute(update(_DELIVERY).where(_DELIVERY.c.id == call.delivery_id).values(**values))
    said = {"at": outcome.at, "milliseconds": outcome.milliseconds, "status": outcome.status, "error": outcome.error}
    connection.execute(insert(_ATTEMPT).values(id=uuid7(), delivery_id=call.delivery_id, **said))


def _try_all_at_once(session: Session, webhook_id: UUID, at: datetime) -> None:
    """The receiver is there again: what waits for it waits no longer."""
    waiting = (_DELIVERY.c.webhook_id == webhook_id, _DELIVERY.c.state == DeliveryState.PENDING)
    session.connection().execute(
        update(_DELIVERY).where(*waiting, _DELIVERY.c.next_attempt_at > at).values(next_attempt_at=at)
    )


def _disable(session: Session, call: Call) -> None:
    """Switch a webhook off that wants no more: a change that people see, so its version grows."""
    webhook = session.get_one(Webhook, call.webhook_id)
    webhook.active, webhook.disabled_reason = False, DisabledReason.GONE.value
    webhook.version += 1
    webhook.changed_at, webhook.changed_by = now(), None
    session.flush()
    by = System(call.organisation_id, "lava (worker)")
    record(session, by, "webhook.disabled", "webhook", webhook.id, label=webhook.label, because="410")
