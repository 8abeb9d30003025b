"""Reads of cases: which decisions a case holds, and how far each is towards being ready for a meeting."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from app.access.rules import Caller
from app.assessments import queries as assessments
from app.assessments.models import Assessment, AssessmentState
from app.assessments.rules import in_words, quality
from app.case_management import rules
from app.case_management.schemas import CaseReadiness, DecisionReadiness
from app.conventions.vocabulary import labels
from app.database import Session, table_of
from app.decisions.models import Decision, DecisionState, Option
from app.decisions.rules import FOLLOWED_UP_STATES, natural_number
from app.errors import NotFound
from app.services.models import Unit

_DECISION, _ASSESSMENT = table_of(Decision).c, table_of(Assessment).c
_OF_DECISION = (
    *("id", "source", "diary_number", "decision_key", "title", "state", "meeting_date", "hint_outcome", "excluded"),
    *("clearance_kind", "clearance", "clearance_lapse", "assessment_id", "assessment_state", "uncleared"),
    "told_by_source",
)
_UNFINISHED = (AssessmentState.DRAFTING, AssessmentState.RETURNED, AssessmentState.IN_REVIEW)


def case(
    session: Session, source: str, diary_number: str, *, public_url: str, language: str, visible_to: Caller
) -> CaseReadiness:
    """Whether a case is ready for a meeting, decision by decision; eight queries however many there are.

    NotFound where the case system has told of no such case.
    """
    wanted = (
        _DECISION.organisation_id == visible_to.organisation_id,
        _DECISION.source == source,
        _DECISION.natural_number == natural_number(diary_number),
    )
    found = _readiness(session, wanted, public_url, language, visible_to)
    if not found:
        raise NotFound("not_found", "Nobody has told of such a case. Tell of it first: PUT /api/v1/cases.")
    standing = [decision for decision in found if decision.state != DecisionState.WITHDRAWN]
    ahead = [decision for decision in standing if decision.state not in FOLLOWED_UP_STATES]
    ready = all(decision.ready for decision in ahead or standing)
    return CaseReadiness(source=source, diary_number=found[0].diary_number, ready=ready, decisions=found)


def decision(
    session: Session, decision_id: UUID, *, public_url: str, language: str, visible_to: Caller
) -> DecisionReadiness:
    """How far one decision is that was found already."""
    return _readiness(session, (_DECISION.id == decision_id,), public_url, language, visible_to)[0]


def _readiness(
    session: Session, wanted: Sequence[Any], public_url: str, language: str, visible_to: Caller
) -> list[DecisionReadiness]:
    """How far some decisions are, by their keys, with what is missing."""
    visible_to.require("decisions:read")
    visible_to.require("assessments:read")
    connection = session.connection()
    columns = [_DECISION[name] for name in _OF_DECISION]
    by_key = (func.length(_DECISION.decision_key), _DECISION.decision_key)
    decisions = connection.execute(select(*columns).where(*wanted).order_by(*by_key)).mappings().all()
    current = {row["assessment_id"] for row in decisions} - {None}
    content = connection.execute(select(*_ASSESSMENT).where(_ASSESSMENT.id.in_(current))).mappings().all()
    parts = _parts(session, [row["id"] for row in content if row["state"] in _UNFINISHED])
    options = _options(session, [row["decision_id"] for row in content])
    by_id: dict[UUID | None, dict[str, Any]] = {row["id"]: dict(row) for row in content}
    lines = {
        key: _missing_lines({**by_id[key], **kinds}, options.get(by_id[key]["decision_id"], []), language)
        for key, kinds in parts.items()
    }
    return [_told(dict(row), by_id.get(row["assessment_id"]), lines, public_url) for row in decisions]


def _parts(session: Session, unfinished: Sequence[UUID]) -> dict[UUID, dict[str, list[Any]]]:
    found: dict[UUID, dict[str, list[Any]]] = {key: {kind: [] for kind in assessments.PARTS} for key in unfinished}
    if not found:
        return found
    for kind, model in assessments.PARTS.items():
        columns = table_of(model).c
        statement = select(*columns).where(columns.assessment_id.in_(found)).order_by(columns.id)
        for row in session.connection().execute(statement).mappings():
            found[row["assessment_id"]][kind].append(row)
    return found


def _options(session: Session, decision_ids: Sequence[UUID]) -> dict[UUID, list[Any]]:
    columns, found = table_of(Option).c, dict[UUID, list[Any]]()
    statement = select(*columns).where(columns.decision_id.in_(decision_ids)).order_by(columns.code)
    for row in session.connection().execute(statement).mappings():
        found.setdefault(row["decision_id"], []).append(row)
    return found


def _missing_lines(content: Mapping[str, Any], options: Sequence[Mapping[str, Any]], language: str) -> list[Any]:
    return [
        {**line, "why": in_words(line["missing"], language)} for line in quality(content, options) if not line["passed"]
    ]


def _told(
    row: Mapping[str, Any], assessment: Mapping[str, Any] | None, lines: Mapping[UUID, list[Any]], public_url: str
) -> DecisionReadiness:
    screening = (assessment or {}).get("screening") or {}
    proposed = screening.get("outcome")
    clearance, lapse = row["clearance"] or {}, row["clearance_lapse"]
    status = rules.readiness(
        excluded=row["excluded"],
        clearance_kind=row["clearance_kind"],
        lapsed=lapse is not None,
        assessment_state=row["assessment_state"],
        proposed=proposed,
    )
    said = row["told_by_source"] or {}
    api = f"{public_url}/api/v1"
    of_decision = f"{api}/decisions/{row['id']}"
    cleared_by = clearance.get("assessment_id")
    has_form = row["assessment_id"] and status is not rules.Readiness.MISSING  # else one is started at the decision
    return DecisionReadiness.model_validate(
        {
            "decision_id": row["id"],
            **{
                name: row[name]
                for name in ("source", "diary_number", "decision_key", "title", "state", "meeting_date", "uncleared")
            },
            "ready": status in rules.READY,
            "readiness": status,
            "readiness_text": labels("readiness")[status],
            "need": rules.need(status, proposed, row["hint_outcome"]),
            "missing": [{"code": step, "text": labels("readiness_step")[step]} for step in rules.NEXT_STEPS[status]],
            "quality": lines.get(row["assessment_id"], []),
            "lapsed_because": lapse["codes"] if lapse and not clearance else [],
            "assessment_id": cleared_by or row["assessment_id"],
            "edition": clearance.get("edition") or (assessment["edition"] if assessment else None),
            "cleared_at": clearance.get("at"),
            "content_digest": clearance.get("content_digest"),
            "source_version": said.get("version"),
            "source_changed_at": said.get("changed_at"),
            "links": {
                "decision": of_decision,
                "form": f"{api}/assessments/{row['assessment_id']}" if has_form else of_decision,
                "statement": f"{api}/assessments/{cleared_by}/statement" if cleared_by else None,
            },
        }
    )


def units_by_code(session: Session, organisation_id: UUID, codes: Iterable[str]) -> dict[str, UUID]:
    """The organisation's units by their codes, of those asked for; one query."""
    columns, wanted = table_of(Unit).c, set(codes)
    if not wanted:
        return {}
    statement = select(columns.code, columns.id).where(
        columns.organisation_id == organisation_id, columns.code.in_(wanted)
    )
    return {row.code: row.id for row in session.connection().execute(statement)}
