"""Writes of an assessment's parts. Each takes the assessment's next version, so that its ETag covers the whole."""

from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from app.access.queries import organisation
from app.access.rules import Caller
from app.assessments import queries, rules
from app.assessments.models import Assessment, Evidence
from app.conventions.states import with_author
from app.conventions.versions import claim, hold, set_values
from app.database import Session
from app.decisions.models import Option
from app.errors import Conflict, Fault, Invalid
from app.journal.actions import record


def add(session: Session, assessment: Assessment, kind: str, values: dict[str, Any], *, by: Caller) -> Any:
    """Add a part to an assessment that is being written."""
    _check(session, assessment, kind, values, by)
    claim(session, assessment, None, by)
    assessment.authors = with_author(assessment.authors, by.id)
    row = queries.PARTS[kind](
        organisation_id=by.organisation_id, assessment_id=assessment.id, changed_by=by.id, **_as_stored(values)
    )
    session.add(row)
    session.flush()
    _tell(session, by, "assessment.part_added", assessment, kind, row, values=values)
    return row


def change(
    session: Session, assessment: Assessment, kind: str, row: Any, values: dict[str, Any], *, version: int, by: Caller
) -> Any:
    """Change a part of an assessment that is being written."""
    _check(session, assessment, kind, values, by)
    told = set_values(session, row, _as_stored(values), version=version, by=by)
    if told:
        claim(session, assessment, None, by)
        assessment.authors = with_author(assessment.authors, by.id)
        session.flush()
        _tell(session, by, "assessment.part_changed", assessment, kind, row, changes=told)
    return row


def remove(session: Session, assessment: Assessment, kind: str, row: Any, *, version: int, by: Caller) -> None:
    """Remove a part of an assessment that is being written; evidence that impacts rest on stays."""
    by.require("assessments:write")
    hold(session, assessment)
    rules.check_writable(assessment.state)
    if kind == "evidence":
        used = [
            impact
            for impact in queries.parts(session, assessment.id, "impacts")
            if str(row.id) in impact["evidence_ids"]
        ]
        if used:
            raise Conflict("in_use", f"{len(used)} impacts rest on this evidence. Change them first.")
    claim(session, row, version, by)
    claim(session, assessment, None, by)
    assessment.authors = with_author(assessment.authors, by.id)
    told = row.model_dump(mode="json", exclude={"organisation_id", "changed_by", "changed_at", "created_at", "version"})
    session.delete(row)
    session.flush()
    _tell(session, by, "assessment.part_removed", assessment, kind, row, values=told)


def _tell(session: Session, by: Caller, verb: str, assessment: Assessment, kind: str, row: Any, **words: Any) -> None:
    """Record what happened to a part, and of which assessment and decision it is."""
    of = {"decision_id": assessment.decision_id, "kind": kind, "part_id": row.id}
    record(session, by, verb, "assessment", assessment.id, **of, **words)


def _check(session: Session, assessment: Assessment, kind: str, values: dict[str, Any], by: Caller) -> None:
    by.require("assessments:write")
    hold(session, assessment)
    rules.check_writable(assessment.state)
    if kind == "impacts":
        _check_impact(session, assessment, values, by)


def _check_impact(session: Session, assessment: Assessment, values: dict[str, Any], by: Caller) -> None:
    """The option, the evidence and the child groups that an impact names must be there."""
    faults = []
    if "option_id" in values:
        option = session.get(Option, values["option_id"])
        if option is None or option.decision_id != assessment.decision_id:
            faults.append(Fault("/option_id", "The decision has no such option."))
    wanted: list[UUID] = values.get("evidence_ids") or []
    if wanted:
        statement = select(col(Evidence.id)).where(col(Evidence.assessment_id) == assessment.id)
        known = set(session.scalars(statement))
        faults += [
            Fault(f"/evidence_ids/{index}", "The assessment has no such evidence.")
            for index, key in enumerate(wanted)
            if key not in known
        ]
    if values.get("child_groups"):
        codes = {entry["code"] for entry in organisation(session, visible_to=by).child_groups}
        faults += [
            Fault(f"/child_groups/{index}", "Not in the organisation's list of child groups.")
            for index, code in enumerate(values["child_groups"])
            if code not in codes
        ]
    if faults:
        raise Invalid("invalid", "The impact refers to things that are not there.", faults)


def _as_stored(values: dict[str, Any]) -> dict[str, Any]:
    """Ids in lists are kept as text: the lists are JSON."""
    if "evidence_ids" not in values:
        return values
    return {**values, "evidence_ids": [str(key) for key in values["evidence_ids"]]}
