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


KINDS = (
    PartRoutes("impacts", "impact", schemas.ImpactFacts, schemas.ImpactPatch, schemas.ImpactRead),
    PartRoutes("evidence", "evidence", schemas.EvidenceFacts, schemas.EvidencePatch, schemas.EvidenceRead),
    PartRoutes("hearings", "hearing", schemas.HearingFacts, schemas.HearingPatch, schemas.HearingRead),
    PartRoutes(
        "recommendations",
        "recommendation",
        schemas.RecommendationFacts,
        schemas.RecommendationPatch,
        schemas.RecommendationRead,
    ),
)


def add_routes(to: APIRouter, of: PartRoutes) -> None:
    """Add the routes of one kind of part. Their names are the ids of the operations."""
    facts, patch_schema, read = of.facts, of.patch, of.read

    @to.get(f"/{of.kind}", name=f"list_{of.kind}", response_model=schemas.PartList[read], summary=f"List {of.kind}")  # type: ignore[valid-type]
    def list_parts(assessment_id: UUID, session: SessionDep, caller: SignedIn) -> Any:
        assessment = queries.get(session, assessment_id, visible_to=caller)
        return {"items": queries.parts(session, assessment.id, of.kind)}

    @to.post(f"/{of.kind}", name=f"add_{of.one}", response_model=read, status_code=201, summary=f"Add {of.one}")
    def add_part(assessment_id: UUID, session: SessionDep, caller: SignedIn, body: facts) -> Any:  # type: ignore[valid-type]
        assessment = queries.get(session, assessment_id, visible_to=caller)
        return read.model_validate(parts.add(session, assessment, of.kind, values_of(body), by=caller))

    @to.get(f"/{of.kind}/{{part_id}}", name=f"read_{of.one}", response_model=read, summary=f"One {of.one}")
    def read_part(assessment_id: UUID, part_id: UUID, session: SessionDep, caller: SignedIn) -> Any:
        assessment = queries.get(session, assessment_id, visible_to=caller)
        return read.model_validate(queries.part(session, assessment, of.kind, part_id))

    @to.patch(f"/{of.kind}/{{part_id}}", name=f"change_{of.one}", response_model=read, summary=f"Change {of.one}")
    def change_part(
        assessment_id: UUID,
        part_id: UUID,
        session: SessionDep,
        caller: SignedIn,
        version: ExpectedVersion,
        patch: Annotated[patch_schema, Body(media_type="application/merge-patch+json")],  # type: ignore[valid-type]
    ) -> Any:
        assessment = queries.get(session, assessment_id, visible_to=caller)
        row = queries.part(session, assessment, of.kind, part_id)
        values = patched(facts, row, patch)
        return read.model_validate(parts.change(session, assessment, of.kind, row, values, version=version, by=caller))

    @to.delete(f"/{of.kind}/{{part_id}}", name=f"remove_{of.one}", status_code=204, summary=f"Remove {of.one}")
    def remove_part(
        assessment_id: UUID, part_id: UUID, session: SessionDep, caller: SignedIn, version: ExpectedVersion
    ) -> None:
        assessment = queries.get(session, assessment_id, visible_to=caller)
        row = queries.part(session, assessment, of.kind, part_id)
        parts.remove(session, assessment, of.kind, row, version=version, by=caller)


for kind in KINDS:
    add_routes(router, kind)
