"""What the public reads of a child budget: a document of its own, named field by field, and the reads of it."""

from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from app.access.models import Organisation
from app.access.rules import Caller
from app.budgeting.models import Phase, PublishedChildBudget
from app.budgeting.report import Asked, Dimension, child_budget
from app.conventions.cursors import PageRequest
from app.database import Session, table_of
from app.errors import Conflict, NotFound

D = Dimension
GROUPINGS = (
    (D.IMPACT_CLASS,),
    (D.AGE_GROUP,),
    (D.IMPACT_CLASS, D.AGE_GROUP),
    (D.UNIT,),
    (D.UNIT, D.AGE_GROUP),
    (D.SERVICE_CLASS,),
)
"""What is published: nothing below the sectors of the tree, and no cost centre."""


def document_of(session: Session, owner: Organisation, year: int, phase: Phase, *, by: Caller) -> dict[str, Any]:
    """The document to be published; Conflict `no_ledger` where the year has no such ledger."""
    tables = []
    told: dict[str, Any] = {}
    for grouping in GROUPINGS:
        told = child_budget(session, Asked((year,), (phase,), grouping), visible_to=by)
        if not told["headlines"]:
            raise Conflict("no_ledger", f"There is no {phase.value} of {year}. Import it first.")
        tables.append({"group_by": [d.value for d in grouping], "rows": [_row(row) for row in told["rows"]]})
    whole = told["headlines"][0]
    return {
        "organisation": owner.name,
        "rule_version": told["rule_version"],
        "population_year": told["populations"][0]["from_year"],
        "children": whole["children"],
        "whole": _row(whole),
        "coverage": whole["coverage"],
        "unclassified_cents": whole["unclassified"]["net"]["cents"],
        "sources": [{name: row[name] for name in ("source", "lines", "digest")} for row in told["ledgers"]],
        "tables": tables,
    }


def _row(row: dict[str, Any]) -> dict[str, Any]:
    said: dict[str, Any] = {}
    for name in ("unit", "service_class"):
        if name in row:
            place = row[name]
            said[name] = {"code": place["code"], "name": place["name"]} if place else None
    for name in ("impact_class", "age_group"):
        if name in row:
            said[name] = row[name]
    said["net_cents"] = row["net"]["cents"]
    for name in ("core", "extended"):
        figure = row[name]
        per_child = figure["per_child"]["cents"] if figure["per_child"] else None
        said[name] = {"cents": figure["amount"]["cents"], "share": figure["share"], "per_child_cents": per_child}
    return said


_PUBLISHED = table_of(PublishedChildBudget)
_SUMMARY = [_PUBLISHED.c[name] for name in ("id", "business_id", "year", "phase", "edition", "published_at")]


_OF_PUBLICATION = select(
    *(_PUBLISHED.c[name] for name in ("id", "year", "phase", "published_at", "published_by")),
    _PUBLISHED.c.edition.label("version"),
)


def publications(session: Session, page: PageRequest, *, visible_to: Caller) -> list[dict[str, Any]]:
    """What the organisation has published, the newest first, one more than the page holds; one query."""
    visible_to.require("child-budget:read")
    statement = (
        _OF_PUBLICATION.where(_PUBLISHED.c.organisation_id == visible_to.organisation_id)
        .order_by(_PUBLISHED.c.id.desc())
        .limit(page.limit + 1)
    )
    after = page.after_id()
    if after is not None:
        statement = statement.where(_PUBLISHED.c.id < after)
    return [dict(row) for row in session.connection().execute(statement).mappings()]


def publication(session: Session, publication_id: UUID, *, visible_to: Caller) -> dict[str, Any]:
    """One of what the organisation has published."""
    visible_to.require("child-budget:read")
    of = (_PUBLISHED.c.id == publication_id) & (_PUBLISHED.c.organisation_id == visible_to.organisation_id)
    row = session.connection().execute(_OF_PUBLICATION.where(of)).mappings().one_or_none()
    if row is None:
        raise NotFound("not_found", "There is no such thing here.")
    return dict(row)


def published(
    session: Session, page: PageRequest, *, business_id: str | None, year: int | None, phase: Phase | None
) -> list[dict[str, Any]]:
    """Published child budgets of every organisation, the newest first, one more than the page holds; one query."""
    statement = select(*_SUMMARY).order_by(_PUBLISHED.c.id.desc()).limit(page.limit + 1)
    for column, value in (
        (_PUBLISHED.c.business_id, business_id),
        (_PUBLISHED.c.year, year),
        (_PUBLISHED.c.phase, phase),
    ):
        if value is not None:
            statement = statement.where(column == value)
    after = page.after_id()
    if after is not None:
        statement = statement.where(_PUBLISHED.c.id < after)
    return [dict(row) for row in session.connection().execute(statement).mappings()]


def published_document(session: Session, publication_id: UUID) -> dict[str, Any]:
    """A published child budget."""
    row = session.scalars(
        select(PublishedChildBudget).where(col(PublishedChildBudget.id) == publication_id)
    ).one_or_none()
    if row is None:
        raise NotFound("not_found", "Nothing of this id is published.")
    names = ("id", "business_id", "year", "phase", "edition", "published_at")
    return {**{name: getattr(row, name) for name in names}, **row.document}
