"""Reads of events and webhooks, limited to the caller's organisation."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import and_, case, func, or_, select

from app.access.queries import listed, owned
from app.access.rules import Caller
from app.assessments.models import Assessment
from app.conventions.cursors import PageRequest
from app.database import Session, table_of
from app.decisions.models import Decision
from app.errors import NotFound
from app.events.models import Attempt, Delivery, DeliveryState, DisabledReason, Webhook
from app.events.rules import START, Place, bad_cursor, cursor_of
from app.events.schemas import AttemptRead, DeliveryRead, DeliveryWhole, WebhookRead, WebhookState
from app.follow_up.models import FollowUp
from app.journal.models import JournalEntry

MOST_SCANNED = 10_000
"""So many entries of the journal are looked through for one page: where types are rare, a page may be empty."""
_ENTRY, _DECISION = table_of(JournalEntry), table_of(Decision)
_ASSESSMENT, _FOLLOW_UP = table_of(Assessment), table_of(FollowUp)


@dataclass(frozen=True, slots=True)
class Entries:
    """A part of the journal: the entries asked for, and how far it was looked through."""

    found: Sequence[Mapping[str, Any]]
    until: Place
    more: bool
    """Whether the journal goes on after `until`."""

    @property
    def cursor(self) -> str:
        """The name of the place to go on from."""
        return cursor_of(self.until.seq, self.until.hash)


def entries_after(
    session: Session, organisation_id: UUID, place: Place, *, types: Sequence[str] | None, limit: int
) -> Entries:
    """The next entries of these verbs (all without any), each with the decision that it belongs to; one query.

    The entry at `place` is read along, and must be the one that it was; so is the last one looked at, from which the
    next page goes on. Raises Invalid `bad_cursor` where the place is not there.
    """
    of_organisation = _ENTRY.c.organisation_id == organisation_id
    head = select(_ENTRY.c.seq).where(of_organisation).order_by(_ENTRY.c.seq.desc()).limit(1).scalar_subquery()
    last = (
        select(_ENTRY.c.seq)
        .where(of_organisation, _ENTRY.c.seq <= place.seq + MOST_SCANNED)
        .order_by(_ENTRY.c.seq.desc())
        .limit(1)
        .scalar_subquery()
    )
    asked = or_(_ENTRY.c.verb.in_(types), _ENTRY.c.seq == place.seq, _ENTRY.c.seq == last) if types else True
    statement = (
        _with_decision(head)
        .where(of_organisation, _ENTRY.c.seq >= place.seq, _ENTRY.c.seq <= last, asked)
        .order_by(_ENTRY.c.seq)
        .limit(limit + 3)  # besides a page: the place, the last one looked at, and one that tells that more follow
    )
    rows: Sequence[Any] = session.connection().execute(statement).mappings().all()
    if place != START:
        if not rows or rows[0]["seq"] != place.seq or not rows[0]["hash"].startswith(place.hash):
            raise bad_cursor("It is no place in this journal. Was the database restored? Begin at the start.")
        rows = rows[1:]
    found = [row for row in rows if not types or row["verb"] in types]
    if len(found) > limit:
        found = found[:limit]
        return Entries(found, Place(found[-1]["seq"], found[-1]["hash"]), more=True)
    if not rows:
        return Entries([], place, more=False)
    return Entries(found, Place(rows[-1]["seq"], rows[-1]["hash"]), more=rows[-1]["seq"] < rows[-1]["head"])


def _with_decision(head: Any) -> Any:
    """Entries with the decision that each belongs to: itself, or its assessment's or follow-up's."""
    entry = _ENTRY.c
    decision_id = case(
        (entry.object_type == "decision", entry.object_id),
        else_=func.coalesce(_ASSESSMENT.c.decision_id, _FOLLOW_UP.c.decision_id),
    )
    columns = (entry.seq, entry.at, entry.verb, entry.object_type, entry.object_id, entry.hash, head.label("head"))
    of_decision = (_DECISION.c.source, _DECISION.c.diary_number, _DECISION.c.decision_key)
    return (
        select(*columns, _DECISION.c.id.label("decision_id"), *of_decision)
        .select_from(_ENTRY)
        .outerjoin(_ASSESSMENT, and_(entry.object_type == "assessment", _ASSESSMENT.c.id == entry.object_id))
        .outerjoin(_FOLLOW_UP, and_(entry.object_type == "follow_up", _FOLLOW_UP.c.id == entry.object_id))
        .outerjoin(_DECISION, _DECISION.c.id == decision_id)
    )


def head_of(session: Session, organisation_id: UUID) -> int:
    """The number of the journal's last entry; 0 where there is none."""
    last = select(func.max(_ENTRY.c.seq)).where(_ENTRY.c.organisation_id == organisation_id)
    return session.connection().execute(last).scalar() or 0


def feed(session: Session, place: Place, *, types: Sequence[str], limit: int, visible_to: Caller) -> Entries:
    """A page of the caller's organisation's events; one query."""
    visible_to.require("events:read")
    return entries_after(session, visible_to.organisation_id, place, types=types, limit=limit)


# Webhooks

_WEBHOOK, _DELIVERY, _ATTEMPT = table_of(Webhook), table_of(Delivery), table_of(Attempt)
_NOT_SHOWN = frozenset({column.name for column in _WEBHOOK.c} - set(WebhookRead.model_fields))
_MOST_ATTEMPTS = 100


def webhooks(session: Session, page: PageRequest, *, visible_to: Caller) -> list[Mapping[str, Any]]:
    """The organisation's webhooks, without their secrets."""
    visible_to.require("webhooks:read")
    return listed(session, Webhook, page, visible_to, leave_out=_NOT_SHOWN)


def webhook(session: Session, webhook_id: UUID, *, visible_to: Caller) -> Webhook:
    """A webhook of the caller's organisation."""
    visible_to.require("webhooks:read")
    return owned(session, Webhook, webhook_id, visible_to)


def state_of(session: Session, row: Webhook) -> WebhookState:
    """How a webhook is doing; two queries."""
    of_webhook = _DELIVERY.c.webhook_id == row.id
    counted = select(_DELIVERY.c.state, func.count(), func.max(_DELIVERY.c.ended_at)).where(of_webhook)
    found = {state: (count, last) for state, count, last in session.execute(counted.group_by(_DELIVERY.c.state))}
    head = head_of(session, row.organisation_id)
    return WebhookState(
        active=row.active,
        disabled_reason=DisabledReason(row.disabled_reason) if row.disabled_reason else None,
        pending=found.get(DeliveryState.PENDING, (0, None))[0],
        dead=found.get(DeliveryState.DEAD, (0, None))[0],
        delivered_at=found.get(DeliveryState.DELIVERED, (0, None))[1],
        failures=row.failures,
        not_before=row.not_before,
        behind=max(0, head - row.position),
    )


def deliveries(
    session: Session, page: PageRequest, row: Webhook, state: DeliveryState | None
) -> list[Mapping[str, Any]]:
    """What is and was sent to a webhook, newest first, one more than the page holds; one query."""
    statement = (
        select(*(_DELIVERY.c[name] for name in DeliveryRead.model_fields))
        .where(_DELIVERY.c.webhook_id == row.id)
        .order_by(_DELIVERY.c.id.desc())
        .limit(page.limit + 1)
    )
    if state is not None:
        statement = statement.where(_DELIVERY.c.state == state)
    after = page.after_id()
    if after is not None:
        statement = statement.where(_DELIVERY.c.id < after)
    return [dict(found) for found in session.connection().execute(statement).mappings()]


def delivery(session: Session, row: Webhook, delivery_id: UUID) -> Delivery:
    """One event that is sent to a webhook; NotFound where it is not this webhook's."""
    found = session.get(Delivery, delivery_id)
    if found is None or found.webhook_id != row.id:
        raise NotFound("not_found", "There is no such thing here.")
    return found


def with_attempts(session: Session, found: Delivery) -> DeliveryWhole:
    """An event that is sent to a webhook, with the log of its attempts."""
    attempts = (
        select(*(_ATTEMPT.c[name] for name in AttemptRead.model_fields))
        .where(_ATTEMPT.c.delivery_id == found.id)
        .order_by(_ATTEMPT.c.id.desc())
        .limit(_MOST_ATTEMPTS)
    )
    log = [dict(row) for row in session.connection().execute(attempts).mappings()]
    own = {name: getattr(found, name) for name in DeliveryRead.model_fields}
    return DeliveryWhole.model_validate({**own, "event": json.loads(found.payload), "log": log})
