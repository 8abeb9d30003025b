"""The public routes: no key, cacheable."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from app.conventions.cursors import Paging
from app.conventions.limits import count_against
from app.conventions.route import SessionDep, answer
from app.conventions.route import router as router_of
from app.conventions.schemas import Page
from app.conventions.versions import etag_of_content
from app.public_register import queries
from app.public_register.models import EntryKind
from app.public_register.schemas import PublicEntry, PublicSummary

FRESH = "public, max-age=300"


async def _limited(request: Request) -> None:
    address = request.client.host if request.client else "unknown"
    count_against(request.app.state.settings.public_rate_limit, f"public:{address}")


def public_router(collection: str, tag: str) -> APIRouter:
    """A router whose routes need no key; each address may ask so much of them."""
    made = router_of(collection, tag, prefix="/public/v1")
    made.dependencies.append(Depends(_limited))
    return made


router = public_router("assessments", "Public register")


@router.get("", response_model=Page[PublicSummary], summary="Published documents, newest first")
def list_published(
    session: SessionDep,
    page: Paging,
    organisation: Annotated[str | None, Query(max_length=9, description="Business id of one organisation.")] = None,
    kind: Annotated[EntryKind | None, Query(description="What was published.")] = None,
    diary_number: Annotated[str | None, Query(max_length=100, description="Diary number, exactly.")] = None,
) -> Response:
    """Needs no key; the answer may be cached for five minutes.

    It covers every organisation, and editions that were superseded stay, with the entry that took their place in
    `superseded_by`.
    """
    rows = queries.entries(session, page, business_id=organisation, kind=kind, diary_number=diary_number)
    response = page.page(rows)
    response.headers["Cache-Control"] = FRESH
    response.headers["ETag"] = etag_of_content(response.body)
    return response


@router.get("/{entry_id}", response_model=PublicEntry, summary="One published document")
def read_published(entry_id: UUID, session: SessionDep) -> Any:
    """Needs no key; the answer may be cached for five minutes.

    It is taken from what was sealed, and `content_digest` is the seal's. `related` lists what else was published of the
    same decision.
    """
    response = answer(queries.entry(session, entry_id))
    response.headers["Cache-Control"] = FRESH
    return response
