"""Routes of the event feed and of webhooks."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Body, Query, Request, Response
from pydantic import BeforeValidator

from app.access.sign_in import SignedIn
from app.conventions.cursors import Paging
from app.conventions.merge_patch import patched
from app.conventions.route import SessionDep, answer, one_statement, router
from app.conventions.schemas import Page, digits, values_of
from app.conventions.versions import ExpectedVersion
from app.events import actions, queries
from app.events.models import DeliveryState, Webhook
from app.events.rules import check_types, event, place_of
from app.events.schemas import (
    CURSOR,
    DeliveryRead,
    DeliveryWhole,
    EventPage,
    Replayed,
    WebhookFacts,
    WebhookMade,
    WebhookPatch,
    WebhookRead,
    WebhookState,
)
from app.events.waiting import NothingYet, WaitingRoute
from app.outgoing import Network
from app.settings import Settings

MERGE_PATCH = Body(media_type="application/merge-patch+json")

webhooks = router("webhooks", "Webhooks")
events = APIRouter(prefix="/api/v1/events", tags=["Events"], route_class=WaitingRoute)


@events.get("", response_model=EventPage, summary="What has happened, in order, from any point on")
@one_statement
def read_events(
    request: Request,
    session: SessionDep,
    caller: SignedIn,
    after: Annotated[
        str | None,
        Query(
            max_length=100,
            pattern="^[A-Za-z0-9_-]+$",
            description="`cursor` of the answer before; from the start without it.",
            examples=[CURSOR],
        ),
    ] = None,
    types: Annotated[
        list[str] | None,
        Query(max_length=100, description="Only events of these types; may be given several times. All without it."),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=100, description="Events a page."), BeforeValidator(digits)] = 50,
    wait: Annotated[
        int,
        Query(ge=0, le=30, description="Seconds to wait where there is none."),
        BeforeValidator(digits),
    ] = 0,
) -> Any:
    """Needs `events:read`.

    Events are CloudEvents 1.0, read from the journal: who keeps the cursor and goes on from it misses none, and who
    starts without one reads everything again. `cursor` moves on even where nothing of the types asked for has happened,
    so a page may be empty although `more` is true. With `wait` the answer comes when something happens, and empty when
    the time is over or the service stops. An event tells ids, addresses and the diary number; texts are read at its
    addresses. `bad_cursor` where the cursor is no place in this journal, as after a restore: begin at the start then,
    and know what was done already by the events' ids.
    """
    asked = check_types(types or [], "types")
    found = queries.feed(session, place_of(after), types=asked, limit=limit, visible_to=caller)
    if wait and not found.found and not found.more:
        request.state.nothing_yet = NothingYet(caller.organisation_id, found.until.seq, wait)
    public_url = request.app.state.settings.public_url
    items = [event(caller.organisation_id, row, public_url) for row in found.found]
    return {"items": items, "cursor": found.cursor, "more": found.more}


@webhooks.get("", response_model=Page[WebhookRead], summary="Webhooks, newest first, without their secrets")
def list_webhooks(session: SessionDep, caller: SignedIn, page: Paging) -> Response:
    """Needs `webhooks:read`. Those that are switched off are listed too."""
    return page.page(queries.webhooks(session, page, visible_to=caller))


@webhooks.post("", response_model=WebhookMade, status_code=201, summary="Add a webhook; its secret is shown this once")
def add_webhook(request: Request, session: SessionDep, caller: SignedIn, body: WebhookFacts) -> Response:
    """Needs `webhooks:write` and `events:read`.

    From now on each event of its types is sent by POST to its address, with the headers of Standard Webhooks: at least
    once, with the same `webhook-id` at every attempt. The first one is its own `webhook.added`, where it is of its
    types. `forbidden_address` where the address is not https, or leads inside. Sent again with the same Idempotency-Key
    it answers `answer_not_kept`: rotate its secret.
    """
    row = actions.add(session, values_of(body), _networks(request), by=caller)
    return _with_secret(row, 201)


@webhooks.get("/{webhook_id}", response_model=WebhookRead, summary="A webhook, without its secret")
def read_webhook(webhook_id: UUID, session: SessionDep, caller: SignedIn) -> Any:
    """Needs `webhooks:read`. How it is doing stands in its state."""
    return WebhookRead.model_validate(queries.webhook(session, webhook_id, visible_to=caller))


@webhooks.patch("/{webhook_id}", response_model=WebhookRead, summary="Change a webhook, switch it on or off")
def change_webhook(
    request: Request,
    webhook_id: UUID,
    session: SessionDep,
    caller: SignedIn,
    version: ExpectedVersion,
    patch: Annotated[WebhookPatch, MERGE_PATCH],
) -> Any:
    """Needs `webhooks:write` and `events:read`.

    Switched on again, also after its receiver answered 410, it is sent everything that happened meanwhile; to leave
    that out, remove it and add another. What was not sent yet goes to the new address.
    """
    row = queries.webhook(session, webhook_id, visible_to=caller)
    values = patched(WebhookFacts, row, patch)
    return WebhookRead.model_validate(
        actions.change(session, row, values, _networks(request), version=version, by=caller)
    )


@webhooks.delete("/{webhook_id}", status_code=204, summary="Remove a webhook, and what is to be sent to it")
def remove_webhook(webhook_id: UUID, session: SessionDep, caller: SignedIn, version: ExpectedVersion) -> None:
    """Needs `webhooks:write`. Its log goes with it; the journal tells that there was one."""
    row = queries.webhook(session, webhook_id, visible_to=caller)
    actions.remove(session, row, version=version, by=caller)


@webhooks.post("/{webhook_id}/secret", response_model=WebhookMade, summary="Replace the secret; it is shown this once")
def rotate_secret(webhook_id: UUID, session: SessionDep, caller: SignedIn, version: ExpectedVersion) -> Response:
    """Needs `webhooks:write`.

    For 24 hours both secrets sign every message, so that the receiver can change its own in between. Replaced twice,
    the first of the three signs no longer.
    """
    row = queries.webhook(session, webhook_id, visible_to=caller)
    return _with_secret(actions.rotate(session, row, version=version, by=caller), 200)


@webhooks.post("/{webhook_id}/test", response_model=WebhookState, summary="Send a test")
def test_webhook(webhook_id: UUID, session: SessionDep, caller: SignedIn) -> Any:
    """Needs `webhooks:write`.

    An event `webhook.tested` is sent to it at once, whatever its types; what became of it stands among its deliveries.
    `webhook_disabled` where it is switched off.
    """
    row = queries.webhook(session, webhook_id, visible_to=caller)
    actions.test(session, row, by=caller)
    session.refresh(row)
    return queries.state_of(session, row)


@webhooks.get("/{webhook_id}/state", response_model=WebhookState, summary="How a webhook is doing")
def read_webhook_state(webhook_id: UUID, session: SessionDep, caller: SignedIn) -> Any:
    """Needs `webhooks:read`. Look here when events do not come: what waits, what is dead, and why nothing is sent."""
    return queries.state_of(session, queries.webhook(session, webhook_id, visible_to=caller))


@webhooks.get(
    "/{webhook_id}/deliveries", response_model=Page[DeliveryRead], summary="What is and was sent, newest first"
)
def list_deliveries(
    webhook_id: UUID,
    session: SessionDep,
    caller: SignedIn,
    page: Paging,
    state: Annotated[DeliveryState | None, Query(description="Only those in this state, such as `dead`.")] = None,
) -> Response:
    """Needs `webhooks:read`. What was delivered is kept for 30 days; what is dead, until it is sent again."""
    row = queries.webhook(session, webhook_id, visible_to=caller)
    return page.page(queries.deliveries(session, page, row, state))


@webhooks.get(
    "/{webhook_id}/deliveries/{delivery_id}", response_model=DeliveryWhole, summary="What was sent, and each attempt"
)
def read_delivery(webhook_id: UUID, delivery_id: UUID, session: SessionDep, caller: SignedIn) -> Any:
    """Needs `webhooks:read`. The log says in plain words why an attempt failed; what a receiver answers is not kept."""
    row = queries.webhook(session, webhook_id, visible_to=caller)
    return queries.with_attempts(session, queries.delivery(session, row, delivery_id))


@webhooks.post("/{webhook_id}/deliveries/{delivery_id}/replay", response_model=Replayed, summary="Send one event again")
def replay_delivery(webhook_id: UUID, delivery_id: UUID, session: SessionDep, caller: SignedIn) -> Any:
    """Needs `webhooks:write`. At once, and from the beginning of the schedule; its `webhook-id` stays."""
    row = queries.webhook(session, webhook_id, visible_to=caller)
    found = queries.delivery(session, row, delivery_id)
    return Replayed(deliveries=actions.replay(session, row, found, by=caller))


@webhooks.post("/{webhook_id}/replay", response_model=Replayed, summary="Send everything that is dead again")
def replay_dead_deliveries(webhook_id: UUID, session: SessionDep, caller: SignedIn) -> Any:
    """Needs `webhooks:write`. In order, and from the beginning of the schedule; each `webhook-id` stays."""
    row = queries.webhook(session, webhook_id, visible_to=caller)
    return Replayed(deliveries=actions.replay(session, row, None, by=caller))


def _networks(request: Request) -> list[Network]:
    settings: Settings = request.app.state.settings
    return settings.outgoing_networks


def _with_secret(row: Webhook, status: int) -> Response:
    """The answer that shows a secret: nobody keeps it."""
    made = {name: getattr(row, name) for name in WebhookMade.model_fields}
    response = answer(WebhookMade.model_validate(made), status, WebhookMade.collection)
    response.headers["Cache-Control"] = "no-store"
    return response
