"""Routes of the event feed."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BeforeValidator

from app.access.sign_in import SignedIn
from app.conventions.route import SessionDep, one_statement
from app.conventions.schemas import digits
from app.events import queries
from app.events.rules import check_types, event, place_of
from app.events.schemas import CURSOR, EventPage
from app.events.waiting import NothingYet, WaitingRoute

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
