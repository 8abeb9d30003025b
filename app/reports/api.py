"""Routes for auditors."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Response

from app.access.sign_in import SignedIn
from app.conventions.cursors import Paging
from app.conventions.route import SessionDep, router
from app.conventions.schemas import Moment, Page
from app.reports import queries
from app.reports.schemas import JournalEntryRead

journal = router("journal", "Journal")


@journal.get("", response_model=Page[JournalEntryRead], summary="The audit trail, oldest first")
def list_journal(
    session: SessionDep,
    caller: SignedIn,
    page: Paging,
    object_id: Annotated[UUID | None, Query(description="What happened to one thing.")] = None,
    verb: Annotated[str | None, Query(max_length=60, description="One kind of happening.")] = None,
    actor_id: Annotated[UUID | None, Query(description="What one person or machine did.")] = None,
    since: Annotated[Moment | None, Query(description="From this moment on; with a time zone.")] = None,
    until: Annotated[Moment | None, Query(description="Before this moment; with a time zone.")] = None,
) -> Response:
    """Needs `journal:read`.

    Entries are chained by their hashes and never change; where the words of one were erased, `details` is null and its
    place remains.
    """
    rows = queries.audit_trail(
        session,
        page,
        visible_to=caller,
        object_id=object_id,
        verb=verb,
        actor_id=actor_id,
        since=since,
        until=until,
    )
    return page.page(rows, key="seq")
