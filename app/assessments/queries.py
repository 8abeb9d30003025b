"""Reads of forms and assessments, always limited to the caller's organisation."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import case, func, select
from sqlmodel import col

from app.access.queries import listed, owned
from app.access.rules import Caller
from app.assessments.models import (
    Assessment,
    AssessmentState,
    Attachment,
    Comment,
    Evidence,
    Form,
    Hearing,
    Impact,
    Part,
    Recommendation,
    Seal,
)
from app.assessments.schemas import AssessmentSummary
from app.conventions.cursors import PageRequest
from app.database import Session, table_of
from app.decisions.models import Decision
from app.errors import NotFound

PARTS: dict[str, type[Part]] = {
    "impacts": Impact,
    "evidence": Evidence,
    "hearings": Hearing,
    "recommendations": Recommendation,
}
BUILT_IN_FORM = "lava"


def get(session: Session, assessment_id: UUID, *, visible_to: Caller) -> Assessment:
    """An assessment to be worked on."""
    visible_to.require("assessments:read")
    return owned(session, Assessment, assessment_id, visible_to)


def parts(session: Session, assessment_id: UUID, kind: str) -> list[dict[str, Any]]:
    """Every part of one kind of an assessment, in the order they were added; one query."""
    table = table_of(PARTS[kind])
    columns = [column for column in table.c if column.name != "organisation_id"]
    statement = select(*columns).where(table.c.assessment_id == assessment_id).order_by(table.c.id)
    return [dict(row) for row in session.connection().execute(statement).mappings()]


def attachments(session: Session, assessment_id: UUID) -> list[dict[str, Any]]:
    """What is attached to an assessment, in the order it was added, without where its file lies; one query."""
    table = table_of(Attachment)
    columns = [column for column in table.c if column.name not in {"organisation_id", "storage_key"}]
    statement = select(*columns).where(table.c.assessment_id == assessment_id).order_by(table.c.id)
    return [dict(row) for row in session.connection().execute(statement).mappings()]


def with_parts(session: Session, assessment: Assessment) -> dict[str, Any]:
    """An assessment with all its parts, as the API gives it; six queries."""
    decision = table_of(Decision).c
    hint = session.connection().execute(select(decision.hint).where(decision.id == assessment.decision_id)).scalar_one()
    return {
        "budget_effect": hint.get("effect"),
        **assessment.model_dump(exclude={"organisation_id", "assessed"}),
        **{k: parts(session, assessment.id, k) for k in PARTS},
        "attachments": attachments(session, assessment.id),
    }


def whole(session: Session, assessment_id: UUID, *, visible_to: Caller) -> dict[str, Any]:
    """An assessment with all its parts; seven queries whatever their number."""
    return with_parts(session, get(session, assessment_id, visible_to=visible_to))


def assessments(
    session: Session,
    page: PageRequest,
    *,
    visible_to: Caller,
    decision_id: UUID | None = None,
    state: AssessmentState | None = None,
) -> list[Mapping[str, Any]]:
    """The organisation's assessments, newest first; one query."""
    visible_to.require("assessments:read")
    columns = table_of(Assessment).c
    conditions = []
    if decision_id is not None:
        conditions.append(columns.decision_id == decision_id)
    if state is not None:
        conditions.append(columns.state == state)
    left_out = {column.name for column in columns} - set(AssessmentSummary.model_fields)
    return listed(session, Assessment, page, visible_to, *conditions, leave_out=frozenset(left_out))


def editions(session: Session, decision_id: UUID) -> tuple[int, int]:
    """The highest edition of a decision's assessments, and the highest not withdrawn; 0 where there is none."""
    edition, state = col(Assessment.edition), col(Assessment.state)
    standing = func.max(case((state != AssessmentState.WITHDRAWN, edition)))
    row = session.execute(select(func.max(edition), standing).where(col(Assessment.decision_id) == decision_id)).one()
    return row[0] or 0, row[1] or 0


def part(session: Session, assessment: Assessment, kind: str, part_id: UUID) -> Any:
    """One part of an assessment."""
    row = session.get(PARTS[kind], part_id)
    if row is None or row.assessment_id != assessment.id:
        raise NotFound("not_found", "The assessment has no such part.")
    return row


def attachment(session: Session, assessment: Assessment, attachment_id: UUID) -> Attachment:
    """One attachment of an assessment."""
    row = session.get(Attachment, attachment_id)
    if row is None or row.assessment_id != assessment.id:
        raise NotFound("not_found", "The assessment has no such attachment.")
    return row


def comments(session: Session, assessment_id: UUID, *, visible_to: Caller) -> Sequence[Comment]:
    """Every comment on an assessment, oldest first."""
    assessment = get(session, assessment_id, visible_to=visible_to)
    return session.scalars(
        select(Comment).where(col(Comment.assessment_id) == assessment.id).order_by(col(Comment.id))
    ).all()


def seals(session: Session, object_id: UUID, *, visible_to: Caller) -> Sequence[Seal]:
    """Every seal of an assessment or follow-up of the caller's organisation, oldest first."""
    return session.scalars(
        select(Seal)
        .where(col(Seal.object_id) == object_id, col(Seal.organisation_id) == visible_to.organisation_id)
        .order_by(col(Seal.id))
    ).all()


def forms(session: Session, page: PageRequest, *, visible_to: Caller) -> list[Mapping[str, Any]]:
    """The organisation's forms, newest first."""
    visible_to.require("forms:read")
    return listed(session, Form, page, visible_to, leave_out=frozenset({"organisation_id", "definition"}))


def form(session: Session, form_id: UUID, *, visible_to: Caller) -> Form:
    """One edition of a form."""
    visible_to.require("forms:read")
    return owned(session, Form, form_id, visible_to)


def newest_form(session: Session, organisation_id: UUID, key: str = BUILT_IN_FORM) -> Form | None:
    """The newest edition of a form."""
    return session.scalars(
        select(Form)
        .where(col(Form.organisation_id) == organisation_id, col(Form.key) == key)
        .order_by(col(Form.edition).desc())
        .limit(1)
    ).one_or_none()
