"""Routes of an assessment's parts: the same five for each kind, with schemas of their own."""

from typing import Annotated, Any, NamedTuple
from uuid import UUID

from fastapi import APIRouter, Body
from pydantic import BaseModel

from app.access.sign_in import SignedIn
from app.assessments import parts, queries
from app.assessments import parts_schemas as schemas
from app.conventions.merge_patch import patched
from app.conventions.route import SessionDep
from app.conventions.route import router as router_of
from app.conventions.schemas import values_of
from app.conventions.versions import ExpectedVersion

router = router_of("assessments/{assessment_id}", "Parts of an assessment")


class PartRoutes(NamedTuple):
    """What the routes of one kind of part need to know."""

    kind: str
    one: str
    facts: type[BaseModel]
    patch: type[BaseModel]
    read: type[BaseModel]
    adding: str
    removing: str


KINDS = (
    PartRoutes(
        "impacts",
        "impact",
        schemas.ImpactFacts,
        schemas.ImpactPatch,
        schemas.ImpactRead,
        adding="`invalid` where the option, the evidence or a child group that it names is not there.",
        removing="Its evidence stays.",
    ),
    PartRoutes(
        "evidence",
        "evidence",
        schemas.EvidenceFacts,
        schemas.EvidencePatch,
        schemas.EvidenceRead,
        adding="Impacts refer to it by its id.",
        removing="`in_use` while impacts rest on it.",
    ),
    PartRoutes(
        "hearings",
        "hearing",
        schemas.HearingFacts,
        schemas.HearingPatch,
        schemas.HearingRead,
        adding="Submission needs a hearing of children, or a survey of children that is fit for use.",
        removing="Without a hearing of children, submission may answer `children_not_heard`.",
    ),
    PartRoutes(
        "recommendations",
        "recommendation",
        schemas.RecommendationFacts,
        schemas.RecommendationPatch,
        schemas.RecommendationRead,
        adding="With the approval it goes to the decision's clearance, where the body's answer refers to it.",
        removing="Without any, submission answers `incomplete`.",
    ),
)

_WRITING = (
    "Needs `assessments:write`. The caller becomes an author, who may not approve or publish it; the assessment's ETag "
    "changes too. `wrong_state` unless the assessment is being drafted or was returned."
)


def add_routes(to: APIRouter, of: PartRoutes) -> None:
    """Add the routes of one kind of part. Their names are the ids of the operations."""
    facts, patch_schema, read = of.facts, of.patch, of.read

    @to.get(
        f"/{of.kind}",
        name=f"list_{of.kind}",
        response_model=schemas.PartList[read],  # type: ignore[valid-type]  # made by kind
        summary=f"List {of.kind}",
        description="Needs `assessments:read`. All at once, in the order added; reading the assessment gives them too.",
    )
    def list_parts(assessment_id: UUID, session: SessionDep, caller: SignedIn) -> Any:
        assessment = queries.get(session, assessment_id, visible_to=caller)
        return {"items": queries.parts(session, assessment.id, of.kind)}

    @to.post(
        f"/{of.kind}",
        name=f"add_{of.one}",
        response_model=read,
        status_code=201,
        summary=f"Add {of.one}",
        description=f"{_WRITING} {of.adding}",
    )
    def add_part(assessment_id: UUID, session: SessionDep, caller: SignedIn, body: facts) -> Any:  # type: ignore[valid-type]  # made by kind
        assessment = queries.get(session, assessment_id, visible_to=caller)
        return read.model_validate(parts.add(session, assessment, of.kind, values_of(body), by=caller))

    @to.get(
        f"/{of.kind}/{{part_id}}",
        name=f"read_{of.one}",
        response_model=read,
        summary=f"One {of.one}",
        description=f"Needs `assessments:read`. Change or remove this {of.one} with its own ETag.",
    )
    def read_part(assessment_id: UUID, part_id: UUID, session: SessionDep, caller: SignedIn) -> Any:
        assessment = queries.get(session, assessment_id, visible_to=caller)
        return read.model_validate(queries.part(session, assessment, of.kind, part_id))

    @to.patch(
        f"/{of.kind}/{{part_id}}",
        name=f"change_{of.one}",
        response_model=read,
        summary=f"Change {of.one}",
        description=f"{_WRITING} {of.adding} If-Match is the ETag of the {of.one}, not of the assessment.",
    )
    def change_part(
        assessment_id: UUID,
        part_id: UUID,
        session: SessionDep,
        caller: SignedIn,
        version: ExpectedVersion,
        patch: Annotated[patch_schema, Body(media_type="application/merge-patch+json")],  # type: ignore[valid-type]  # made by kind
    ) -> Any:
        assessment = queries.get(session, assessment_id, visible_to=caller)
        row = queries.part(session, assessment, of.kind, part_id)
        values = patched(facts, row, patch)
        return read.model_validate(parts.change(session, assessment, of.kind, row, values, version=version, by=caller))

    @to.delete(
        f"/{of.kind}/{{part_id}}",
        name=f"remove_{of.one}",
        status_code=204,
        summary=f"Remove {of.one}",
        description=f"{_WRITING} {of.removing} If-Match is the ETag of the {of.one}.",
    )
    def remove_part(
        assessment_id: UUID, part_id: UUID, session: SessionDep, caller: SignedIn, version: ExpectedVersion
    ) -> None:
        assessment = queries.get(session, assessment_id, visible_to=caller)
        row = queries.part(session, assessment, of.kind, part_id)
        parts.remove(session, assessment, of.kind, row, version=version, by=caller)


for kind in KINDS:
    add_routes(router, kind)
