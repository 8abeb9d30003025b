"""Writes about webhooks. What is sent, and when, is the worker's: lanes.py."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, select, update

from app.access.rules import Caller
from app.clock import now
from app.conventions.versions import claim, set_values
from app.database import Session, table_of
from app.errors import Conflict
from app.events import queries
from app.events.models import Attempt, Delivery, DeliveryState, DisabledReason, Webhook
from app.events.rules import SECRET_LIVES_ON, check_types, new_secret, shown
from app.journal.actions import record
from app.outgoing import Network, check_url

_WEBHOOK, _DELIVERY, _ATTEMPT = table_of(Webhook), table_of(Delivery), table_of(Attempt)


def add(session: Session, values: dict[str, Any], networks: Sequence[Network], *, by: Caller) -> Webhook:
    """Add a webhook with a new secret. It is sent what happens from now on, this very addition first.

    Raises Invalid where its address may not be called or a type is unknown.
    """
    _may_change(by)
    checked = _checked(values, networks)
    row = Webhook(
        organisation_id=by.organisation_id,
        changed_by=by.id,
        secret=new_secret(),
        position=queries.head_of(session, by.organisation_id),
        **checked,
    )
    session.add(row)
    session.flush()
    told = {"label": row.label, "url": shown(row.url), "types": row.types, "active": row.active}
    record(session, by, "webhook.added", "webhook", row.id, **told)
    return row


def change(
    session: Session, row: Webhook, values: dict[str, Any], networks: Sequence[Network], *, version: int, by: Caller
) -> Webhook:
    """Change a webhook, or switch it on or off. At a new address, or switched on, what waits is sent at once."""
    _may_change(by)
    told = set_values(session, row, _checked(values, networks, row), version=version, by=by)
    if not told:
        return row
    if "url" in told:
        told["url"] = {name: shown(url) for name, url in told["url"].items()}
    if "url" in told or "active" in told:
        _send_at_once(session, row)
    record(session, by, "webhook.changed", "webhook", row.id, changes=told)
    return row


def _may_change(by: Caller) -> None:
    """Whoever has events sent to an address could read them."""
    by.require("webhooks:write")
    by.require("events:read")


def _checked(values: dict[str, Any], networks: Sequence[Network], row: Webhook | None = None) -> dict[str, Any]:
    """The values to be set, held to what needs more than a schema."""
    checked = dict(values)
    if "url" in checked:
        check_url(checked["url"], networks, "/url")
    if checked.get("types") is not None:
        checked["types"] = check_types(checked["types"], "/types")
    if "active" in checked and (row is None or checked["active"] != row.active):
        checked["disabled_reason"] = None if checked["active"] else DisabledReason.BY_PERSON.value
    return checked


def _look_again(session: Session, row: Webhook) -> None:
    """Wait for its receiver no longer: somebody says that it is there."""
    session.connection().execute(update(_WEBHOOK).where(_WEBHOOK.c.id == row.id).values(not_before=None))


def _send_at_once(session: Session, row: Webhook) -> None:
    """Send everything that waits at once, in order, and from the beginning of the schedule."""
    _look_again(session, row)
    waiting = (_DELIVERY.c.webhook_id == row.id, _DELIVERY.c.state == DeliveryState.PENDING)
    session.connection().execute(update(_DELIVERY).where(*waiting).values(attempts=0, next_attempt_at=now()))


def remove(session: Session, row: Webhook, *, version: int, by: Caller) -> None:
    """Remove a webhook with everything that was to be sent to it, and its log."""
    by.require("webhooks:write")
    claim(session, row, version, by)  # the worker changes this row before it adds anything
    of_webhook = select(_DELIVERY.c.id).where(_DELIVERY.c.webhook_id == row.id)
    session.connection().execute(delete(_ATTEMPT).where(_ATTEMPT.c.delivery_id.in_(of_webhook)))
    session.connection().execute(delete(_DELIVERY).where(_DELIVERY.c.webhook_id == row.id))
    session.delete(row)
    session.flush()
    record(session, by, "webhook.removed", "webhook", row.id, label=row.label, url=shown(row.url))


def rotate(session: Session, row: Webhook, *, version: int, by: Caller) -> Webhook:
    """Give a webhook a new secret. The one before is signed with beside it for a day; one before that no longer."""
    by.require("webhooks:write")
    claim(session, row, version, by)
    row.previous_secret, row.previous_secret_until = row.secret, now() + SECRET_LIVES_ON
    row.secret = new_secret()
    session.flush()
    record(session, by, "webhook.secret_rotated", "webhook", row.id, previous_until=row.previous_secret_until)
    return row


def test(session: Session, row: Webhook, *, by: Caller) -> None:
    """Send a test: an event of its own type, which goes to this webhook whatever its types, and at once.

    Raises Conflict `webhook_disabled` where it is switched off.
    """
    by.require("webhooks:write")
    if not row.active:
        raise Conflict("webhook_disabled", "Switch it on first: change `active` to true.")
    _look_again(session, row)
    record(session, by, "webhook.tested", "webhook", row.id, label=row.label)


def replay(session: Session, webhook: Webhook, delivery: Delivery | None, *, by: Caller) -> int:
    """Send one event again, whatever became of it, or everything that is dead; returns how many.

    The `webhook-id` stays: a receiver that had it before knows it again.
    """
    by.require("webhooks:write")
    at = now()
    again = update(_DELIVERY).where(_DELIVERY.c.webhook_id == webhook.id)
    which = _DELIVERY.c.state == DeliveryState.DEAD if delivery is None else _DELIVERY.c.id == delivery.id
    values = {"state": DeliveryState.PENDING, "attempts": 0, "next_attempt_at": at, "ended_at": None}
    count = session.connection().execute(again.where(which).values(**values)).rowcount
    if count:
        _look_again(session, webhook)
        told = {"delivery_id": delivery.id} if delivery else {}
        record(session, by, "webhook.replayed", "webhook", webhook.id, deliveries=count, **told)
    return count


KEPT_FOR = timedelta(days=30)
"""How long what was delivered is kept, with its attempts. What is dead stays until it is sent again or removed."""
MOST_FORGOTTEN = 1000


def forget_delivered(session: Session) -> int:
    """Forget some of what was delivered long ago; returns how many."""
    old = (
        select(_DELIVERY.c.id)
        .where(_DELIVERY.c.state == DeliveryState.DELIVERED, _DELIVERY.c.ended_at < now() - KEPT_FOR)
        .limit(MOST_FORGOTTEN)
    )
    ids = list(session.connection().execute(old).scalars())
    if ids:
        session.connection().execute(delete(_ATTEMPT).where(_ATTEMPT.c.delivery_id.in_(ids)))
        session.connection().execute(delete(_DELIVERY).where(_DELIVERY.c.id.in_(ids)))
    return len(ids)
