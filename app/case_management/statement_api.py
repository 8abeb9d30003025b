"""The route of the statement (lausunto): as JSON, HTML and PDF."""

import asyncio
import base64
import hashlib
import re
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from typing import Annotated, Any
from urllib.parse import quote
from uuid import UUID

from fastapi import Query, Request, Response
from pydantic_core import to_json
from sqlalchemy.util import await_only

from app.access.sign_in import SignedIn
from app.case_management import rendering, statement
from app.case_management.statement_page import page, word
from app.case_management.statement_schemas import StatementRead
from app.conventions.route import SessionDep
from app.conventions.route import router as router_of
from app.conventions.schemas import Language
from app.conventions.versions import etag_of_content

router = router_of("assessments", "Assessments")

_HEADERS = {
    "Content-Digest": {"description": "SHA-256 of the bytes sent (RFC 9530).", "schema": {"type": "string"}},
    "Content-Language": {"description": "The language of the statement.", "schema": {"type": "string"}},
    "Content-Disposition": {"description": "A name for the file.", "schema": {"type": "string"}},
    "ETag": {"description": "Of the bytes sent, for If-None-Match.", "schema": {"type": "string"}},
}
_DOCUMENTED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The statement.",
        "headers": _HEADERS,
        "content": {
            "text/html": {"schema": {"type": "string"}},
            "application/pdf": {"schema": {"type": "string", "format": "binary"}},
        },
    },
    409: {},
}
_lane = ThreadPoolExecutor(1, "typesetting")
"""PDFs are made one after another, so that one core stays with those who ask for something else."""


class StatementFormat(StrEnum):
    """In what form the statement comes."""

    JSON = "json"
    HTML = "html"
    PDF = "pdf"


MEDIA_TYPES = {
    "application/json": StatementFormat.JSON,
    "text/html": StatementFormat.HTML,
    "application/pdf": StatementFormat.PDF,
}


@router.get(
    "/{assessment_id}/statement",
    response_model=StatementRead,
    responses=_DOCUMENTED,
    summary="The statement (lausunto) for the agenda",
)
def read_statement(
    assessment_id: UUID,
    session: SessionDep,
    caller: SignedIn,
    request: Request,
    format: Annotated[  # noqa: A002  (the parameter's name)
        StatementFormat | None, Query(description="json, html or pdf; where absent, what Accept prefers, else json.")
    ] = None,
    lang: Annotated[
        Language | None,
        Query(description="The language of headings and labels; the case's where absent."),
    ] = None,
) -> Any:
    """Needs `assessments:read`.

    Made of the content of the newest seal alone, with the labels that were sealed with it, so that it is of exactly
    that edition whatever has changed since; `content_digest` is the seal's. The same bytes each time. Superseded
    editions have theirs too. `not_sealed` until it is approved or signed as not needed.
    """
    told = statement.statement(session, assessment_id, lang, visible_to=caller)
    form = format or preferred(request.headers.get("accept", ""))
    headers = {"Content-Language": told.language, "Content-Disposition": disposition(told, form), "Vary": "Accept"}
    if form is StatementFormat.JSON:
        content, media_type = to_json(told, by_alias=True), "application/json"
    elif form is StatementFormat.HTML:
        session.close()  # what is read is read: no connection waits for what is made of it
        content, media_type = _beside(None, rendering.as_html, page(told)), "text/html; charset=utf-8"
        headers["Content-Security-Policy"] = rendering.security_policy()
    else:
        session.close()
        content, media_type = _beside(_lane, rendering.as_pdf, page(told), told.signed_at), "application/pdf"
    headers["ETag"] = etag_of_content(content)
    digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
    headers["Content-Digest"] = f"sha-256=:{digest}:"
    return Response(content, headers=headers, media_type=media_type)


def _beside(executor: ThreadPoolExecutor | None, make: Callable[..., bytes], *of: Any) -> bytes:
    """What is made in a thread, while the event loop serves others."""
    content: bytes = await_only(asyncio.get_running_loop().run_in_executor(executor, make, *of))
    return content


def preferred(accept: str) -> StatementFormat:
    """The form that an Accept header prefers (RFC 9110, 12.5.1); JSON where it has no preference among them."""
    best, best_weight = StatementFormat.JSON, 0.0
    for part in accept.split(","):
        media_type, _, parameters = part.partition(";")
        found = MEDIA_TYPES.get(media_type.strip().lower())
        weight = re.search(r"(?:^|;)\s*q=([01](?:\.[0-9]{0,3})?)\s*(?:;|$)", parameters)
        value = float(weight.group(1)) if weight else 1.0
        if found and value > best_weight:
            best, best_weight = found, value
    return best


def disposition(told: StatementRead, form: StatementFormat) -> str:
    """Content-Disposition with a name that tells what the file is, in ASCII and whole (RFC 6266, RFC 8187)."""
    key = "" if told.decision_key == "1" else f" {told.decision_key}"
    said = f"{word('file_name', told.language)} {told.diary_number}{key} ({told.edition})"
    name = re.sub(r'[\x00-\x1f\x7f/\\:*?"<>|]', "-", said)[:120]
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    ascii_name = re.sub(r"[^A-Za-z0-9._-]+", "-", plain).strip("-.")
    return f"inline; filename=\"{ascii_name}.{form}\"; filename*=UTF-8''{quote(f'{name}.{form}', safe='')}"
