"""Routes for auditors."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Response

from app.access.sign_in import SignedIn
from app.conventions.cursors import Paging
from app.conventions.route import SessionDep, router
from app.conventions.schemas import Day, Moment, Page
from app.reports import cumulative, queries
from app.reports.schemas import CumulativeEffect, JournalEntryRead

journal = router("journal", "Journal")
reports = router("reports", "Reports")


@reports.get("/cumulative-effect", response_model=CumulativeEffect, summary="What all decisions in force do together")
def read_cumulative_effect(
    session: SessionDep,
    caller: SignedIn,
    since: Annotated[Day, Query(alias="from", description="First day of the period.", examples=["2026-01-01"])],
    until: Annotated[Day, Query(description="Last day of the period.", examples=["2026-12-31"])],
) -> Any:
    """Needs `decisions:read`, `assessments:read` and `child-budget:read`.

    A decision is in force from the day it was taken, until it is reopened or withdrawn. By age group and group of
    children: how many predicted impacts of the chosen options go which way, and the planned euros of the period's years
    by the same rules as the child budget. Decisions of task classes set aside are left out and counted. Each of several
    small cuts may be bearable; here they stand together.
    """
    return cumulative.effect(session, since, until, visible_to=caller)


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
