"""The published child budget: no key, cacheable."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Response

from app.budgeting import publication
from app.budgeting.models import Phase
from app.budgeting.schemas import PublicBudget, PublicBudgetSummary
from app.conventions.cursors import Paging
from app.conventions.route import SessionDep, answer
from app.conventions.schemas import Page, QueryYear
from app.public_register.api import FRESH, public_router

router = public_router("child-budget", "Child budget")


@router.get("", response_model=Page[PublicBudgetSummary], summary="Published child budgets, newest first")
def list_published_budgets(
    session: SessionDep,
    page: Paging,
    organisation: Annotated[str | None, Query(max_length=9, description="Business id of one organisation.")] = None,
    year: Annotated[QueryYear | None, Query(description="Only of this year.")] = None,
    phase: Annotated[Phase | None, Query(description="Only of this phase.")] = None,
) -> Response:
    """Needs no key; the answer may be cached for five minutes. It covers every organisation that has published."""
    rows = publication.published(session, page, business_id=organisation, year=year, phase=phase)
    response = page.page(rows)
    response.headers["Cache-Control"] = FRESH
    return response


@router.get("/{publication_id}", response_model=PublicBudget, summary="A published child budget")
def read_published_budget(publication_id: UUID, session: SessionDep) -> Any:
    """Needs no key; the answer may be cached for five minutes.

    Its figures are those of the day it was published, with the rule version and the files they come from.
    """
    told = publication.published_document(session, publication_id)
    response = answer(PublicBudget.model_validate(told))
    response.headers["Cache-Control"] = FRESH
    response.headers["ETag"] = f'"{told["edition"]}"'
    return response
