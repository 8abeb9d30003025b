"""Writes about ledgers: account ranges, removing a ledger; asking what classifications would do; publishing."""

from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlmodel import col

from app.access.queries import organisation
from app.access.rules import Caller
from app.budgeting import queries, sums
from app.budgeting.models import AccountRanges, Ledger, LedgerState, Phase, PublishedChildBudget
from app.budgeting.publication import document_of
from app.budgeting.report import Asked, child_budget
from app.budgeting.rules import check_ranges
from app.clock import now
from app.conventions.schemas import money
from app.conventions.versions import check_version, claim, etag_of
from app.database import Session, table_of
from app.errors import Conflict, NotFound, Stale
from app.journal.actions import changes, record
from app.services import actions as services
from app.services.restating import one_at_a_time

_LEDGER = table_of(Ledger)


def set_account_ranges(session: Session, items: list[dict[str, Any]], *, version: int, by: Caller) -> AccountRanges:
    """Say how costs, income and internal items are told apart; for the files that are imported from now on."""
    by.require("budget-lines:write")
    check_ranges(items)
    one_at_a_time(session, by.organisation_id)
    row = queries.ranges_row(session, visible_to=by)
    if row is None:
        if version != 0:
            raise Stale("stale", f"Nothing was told yet; the version is {etag_of(0)}.")
        row = AccountRanges(organisation_id=by.organisation_id, changed_by=by.id, items=items)
        session.add(row)
        told: dict[str, Any] = {"items": {"from": [], "to": items}}
    else:
        told = changes(row, {"items": items})
        if not told:
            check_version(row, version)
            return row
        claim(session, row, version, by)
        row.items = items
    session.flush()
    record(session, by, "account_ranges.changed", "organisation", by.organisation_id, changes=told)
    return row


def remove_ledger(session: Session, row: Ledger, *, by: Caller) -> None:
    """Take a ledger out of force, as one imported by mistake. Its lines are removed in the background."""
    by.require("budget-lines:write")
    one_at_a_time(session, by.organisation_id)
    here = (_LEDGER.c.number == row.number) & (_LEDGER.c.state == LedgerState.CURRENT)
    done = session.connection().execute(update(_LEDGER).where(here).values(state=LedgerState.REPLACED))
    if done.rowcount != 1:
        raise Conflict("wrong_state", "The ledger is not in force.")
    sums.bump(session, by.organisation_id)
    told = {name: getattr(row, name) for name in ("year", "phase", "source", "lines", "cents", "digest")}
    record(session, by, "budget_lines.removed", "ledger", row.id, **told)


def preview(
    session: Session,
    items: list[dict[str, Any]],
    *,
    end_earlier: bool,
    years: list[int],
    phases: list[Phase],
    by: Caller,
) -> dict[str, Any]:
    """What classifications would do to the figures: they are made, the figures are read, and all is undone."""
    by.require("services:write")
    asked = Asked(tuple(dict.fromkeys(years)), tuple(dict.fromkeys(phases)))
    before = child_budget(session, asked, visible_to=by)["headlines"]
    undone = session.begin_nested()
    done = services.add_classifications(session, items, by=by, end_earlier=end_earlier)
    after = child_budget(session, asked, visible_to=by)["headlines"]
    undone.rollback()
    difference = [
        {
            "year": now_row["year"],
            "phase": now_row["phase"],
            **{name: _less(now_row[name]["amount"], then_row[name]["amount"]) for name in ("core", "extended")},
            "unclassified": _less(now_row["unclassified"]["net"], then_row["unclassified"]["net"]),
        }
        for then_row, now_row in zip(before, after, strict=True)
    ]
    told = {name: done[name] for name in ("added", "ended", "removed")}
    return {**told, "before": before, "after": after, "difference": difference}


def _less(after: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    return money(after["cents"] - before["cents"])


def publish(session: Session, year: int, phase: Phase, *, by: Caller) -> PublishedChildBudget:
    """Publish a year's child budget as it is now; publishing it again takes the place of what was published."""
    by.require("child-budget:publish")
    one_at_a_time(session, by.organisation_id)
    owner = organisation(session, visible_to=by)
    document = document_of(session, owner, year, phase, by=by)
    statement = select(PublishedChildBudget).where(
        col(PublishedChildBudget.organisation_id) == by.organisation_id,
        col(PublishedChildBudget.year) == year,
        col(PublishedChildBudget.phase) == phase,
    )
    row = session.scalars(statement).one_or_none()
    if row is None:
        row = PublishedChildBudget(
            organisation_id=by.organisation_id, business_id=owner.business_id, year=year, phase=phase, document=document
        )
        session.add(row)
    else:
        row.edition, row.document, row.published_at = row.edition + 1, document, now()
    row.published_by = by.id
    session.flush()
    told = {"year": year, "phase": phase, "edition": row.edition, "rule_version": document["rule_version"]}
    record(session, by, "child_budget.published", "child_budget", row.id, **told)
    return row


def take_back(session: Session, publication_id: UUID, *, version: int, by: Caller) -> None:
    """Take a published child budget back."""
    by.require("child-budget:publish")
    row = session.get(PublishedChildBudget, publication_id)
    if row is None or row.organisation_id != by.organisation_id:
        raise NotFound("not_found", "There is no such thing here.")
    if row.edition != version:
        raise Stale("stale", f"It was published again; its version is now {row.edition}.")
    session.delete(row)
    session.flush()
    told = {"year": row.year, "phase": row.phase, "edition": row.edition}
    record(session, by, "child_budget.withdrawn", "child_budget", row.id, **told)
