"""Routes of what is attached to an assessment."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from starlette.background import BackgroundTask

from app.access.sign_in import SignedIn
from app.assessments import attachments, queries
from app.assessments.parts_schemas import AttachmentLink, AttachmentRead, PartList
from app.attachments.downloads import Download
from app.attachments.models import AttachmentKind
from app.attachments.storage import Storage
from app.attachments.uploads import AttachmentRoute, FileToAttach, download_operation, upload_operation
from app.conventions.route import SessionDep, answer
from app.conventions.route import router as router_of
from app.conventions.schemas import values_of
from app.conventions.versions import ExpectedVersion
from app.errors import NotFound

router = router_of("assessments/{assessment_id}/attachments", "Attachments")
uploads = APIRouter(
    prefix="/api/v1/assessments/{assessment_id}/attachments", tags=["Attachments"], route_class=AttachmentRoute
)


@router.get("", response_model=PartList[AttachmentRead], summary="List attachments")
def list_attachments(assessment_id: UUID, session: SessionDep, caller: SignedIn) -> Any:
    """Needs `assessments:read`. All at once, in the order added; reading the assessment gives them too."""
    assessment = queries.get(session, assessment_id, visible_to=caller)
    return {"items": queries.attachments(session, assessment.id)}


@router.post("", response_model=AttachmentRead, status_code=201, summary="Attach a link")
def add_attachment_link(
    assessment_id: UUID, session: SessionDep, caller: SignedIn, request: Request, body: AttachmentLink
) -> Any:
    """Needs `assessments:write`. The caller becomes an author, and the assessment's ETag changes.

    What the link leads to is not fetched: give its digest where it is known. `wrong_state` unless the assessment is
    being drafted or was returned; `too_many_attachments` when it has as many as it may have.
    """
    assessment = queries.get(session, assessment_id, visible_to=caller)
    values = {"kind": AttachmentKind.LINK.value, **values_of(body)}
    most = request.app.state.settings.max_attachments
    return AttachmentRead.model_validate(attachments.add(session, assessment, values, most=most, by=caller))


@uploads.post(
    "/upload",
    response_model=AttachmentRead,
    status_code=201,
    summary="Attach a file",
    openapi_extra=upload_operation("assessments:write"),
)
def upload_attachment(
    assessment_id: UUID, session: SessionDep, caller: SignedIn, request: Request, file: FileToAttach
) -> Response:
    """Needs `assessments:write`. The body is the file itself, with its media type; the caller becomes an author.

    Its content tells what it is. `file_refused` where that is of no type that is let in, is not what is declared or
    what its name ends with, or holds macros or scripts; `file_infected` where the virus scanner says so, and
    `scan_failed` where it does not answer; `digest_mismatch` where it is not what Content-Digest says. `wrong_state`
    unless the assessment is being drafted or was returned; `too_many_attachments` when it has as many as it may have.
    """
    assessment = queries.get(session, assessment_id, visible_to=caller)
    most = request.app.state.settings.max_attachments
    row = attachments.add(session, assessment, file.values(), most=most, by=caller)
    file.upload.claimed = True
    response = answer(AttachmentRead.model_validate(row), 201)
    response.headers["Location"] = f"{request.url.path.rpartition('/')[0]}/{row.id}"
    return response


@router.get("/{attachment_id}", response_model=AttachmentRead, summary="One attachment")
def read_attachment(assessment_id: UUID, attachment_id: UUID, session: SessionDep, caller: SignedIn) -> Any:
    """Needs `assessments:read`. What it is; the file itself is below it, at `content`."""
    assessment = queries.get(session, assessment_id, visible_to=caller)
    return AttachmentRead.model_validate(queries.attachment(session, assessment, attachment_id))


@router.get(
    "/{attachment_id}/content",
    response_class=Response,
    summary="The file of an attachment",
    openapi_extra=download_operation(),
)
def read_attachment_content(
    assessment_id: UUID, attachment_id: UUID, session: SessionDep, caller: SignedIn, request: Request
) -> Response:
    """Needs `assessments:read`. Always a download, as a whole; its ETag is its SHA-256.

    `not_found` for a link, which is where its `url` says; `file_missing` where the file is not in its place.
    """
    assessment = queries.get(session, assessment_id, visible_to=caller)
    row = queries.attachment(session, assessment, attachment_id)
    if row.storage_key is None:
        raise NotFound("not_found", "This attachment is a link. What it leads to is at its url.")
    return Download(request.app.state.attachments, row.storage_key, row.model_dump())


@router.delete("/{attachment_id}", status_code=204, summary="Remove an attachment")
def remove_attachment(
    assessment_id: UUID,
    attachment_id: UUID,
    session: SessionDep,
    caller: SignedIn,
    request: Request,
    version: ExpectedVersion,
) -> Response:
    """Needs `assessments:write`. The caller becomes an author, and the assessment's ETag changes.

    The file goes too, unless an earlier edition has it; the journal keeps its digest. `wrong_state` unless the
    assessment is being drafted or was returned. If-Match is the ETag of the attachment.
    """
    assessment = queries.get(session, assessment_id, visible_to=caller)
    row = queries.attachment(session, assessment, attachment_id)
    key = attachments.remove(session, assessment, row, version=version, by=caller)
    storage: Storage = request.app.state.attachments
    return Response(status_code=204, background=BackgroundTask(storage.delete, key) if key else None)
