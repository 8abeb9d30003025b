"""Writes of decisions, one verb each."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, insert

from app.access.models import Account
from app.access.queries import organisation, referred
from app.access.rules import Caller
from app.clock import date_of, now, stamp, today
from app.conventions.states import state_after
from app.conventions.versions import claim, hold
from app.database import Session, table_of
from app.decisions import queries, rules
from app.decisions.models import (
    Decision,
    DecisionCostCentre,
    DecisionServiceClass,
    DecisionState,
    Handling,
    HandlingOutcome,
    Option,
    PlannedChange,
)
from app.errors import Conflict, Fault, Invalid
from app.journal.actions import changes, record
from app.services import queries as services
from app.services.models import CostCentre, ServiceClass, Unit

FOLLOW_UP_MONTHS = 12
_SCOPE = ("cost_centre_ids", "service_class_ids", "planned_changes")


def register(session: Session, values: dict[str, Any], *, by: Caller) -> Decision:
    """Register a decision in preparation, with VE0 and its early hint."""
    by.require("decisions:write")
    facts = {name: value for name, value in values.items() if name not in (*_SCOPE, "options")}
    if facts["preparer_id"] is None and "preparer" in by.roles:
        facts["preparer_id"] = by.id
    else:
        _check_preparer(session, facts["preparer_id"], by)
    scope = {name: values[name] for name in _SCOPE}
    _check_scope(session, scope, facts["unit_id"], by)
    decision = Decision(
        organisation_id=by.organisation_id,
        changed_by=by.id,
        diary_key=rules.diary_key_to_keep(facts["diary_number"]),
        search_text=rules.search_text(facts["title"], facts["diary_number"]),
        excluded=_is_excluded(session, facts["task_class_code"], by),
        **facts,
        **_hint(session, by, scope, facts["task_class_code"], facts["unit_id"]),
    )
    session.add(decision)
    given = {option["code"]: option for option in values["options"]}
    first = given.pop("VE0", {"code": "VE0", "title": rules.VE0, "description": None})
    for option in (first, *given.values()):
        session.add(Option(**_owned(decision, by), **{"description": None, **option}))
    session.flush()
    _write_scope(session, decision, scope)
    record(
        session,
        by,
        "decision.registered",
        "decision",
        decision.id,
        diary_number=decision.diary_number,
        title=decision.title,
        hint=decision.hint_outcome,
        options=["VE0", *given],
        scope=scope,
    )
    return decision


def change(session: Session, decision: Decision, values: dict[str, Any], *, version: int, by: Caller) -> None:
    """Change a decision's facts. After it is decided only the date of follow-up changes."""
    by.require("decisions:write")
    if set(values) - {"follow_up_on"}:
        rules.check_editable(decision.state)
    if "follow_up_on" in values and decision.decided_on is None:
        raise Conflict("no_decision_yet", "The follow-up is dated when the matter is decided.")
    if "unit_id" in values:
        referred(session, Unit, values["unit_id"], by, "/unit_id")
    if "preparer_id" in values:
        _check_preparer(session, values["preparer_id"], by)
    told = changes(decision, values)
    claim(session, decision, version, by)
    for name, value in values.items():
        setattr(decision, name, value)
    if "title" in values:
        decision.search_text = rules.search_text(decision.title, decision.diary_number)
    if "task_class_code" in values:
        decision.excluded = _is_excluded(session, decision.task_class_code, by)
    record(session, by, "decision.changed", "decision", decision.id, changes=told)
    if {"task_class_code", "unit_id"} & set(told):
        renew_hint(session, decision, by=by)
    _lapse_if_changed(session, decision, by)
    session.flush()


def set_documents(
    session: Session, decision: Decision, documents: list[dict[str, Any]], *, version: int, by: Caller
) -> None:
    """Replace the links to the decision's documents."""
    by.require("decisions:write")
    told = changes(decision, {"documents": documents})
    claim(session, decision, version, by)
    decision.documents = documents
    record(session, by, "decision.changed", "decision", decision.id, changes=told)
    session.flush()


def set_scope(session: Session, decision: Decision, scope: dict[str, Any], *, version: int, by: Caller) -> None:
    """Replace what the decision touches and its planned euros; the early hint is computed anew."""
    by.require("decisions:write")
    rules.check_editable(decision.state)
    _check_scope(session, scope, None, by)
    cost_centres, classes = queries.touched(session, decision)
    before = {
        "cost_centre_ids": cost_centres,
        "service_class_ids": classes,
        "planned_changes": queries.planned_changes(session, decision),
    }
    claim(session, decision, version, by)
    for table in (DecisionCostCentre, DecisionServiceClass, PlannedChange):
        session.connection().execute(delete(table_of(table)).where(table_of(table).c.decision_id == decision.id))
    _write_scope(session, decision, scope)
    told = {name: {"from": before[name], "to": scope[name]} for name in _SCOPE if before[name] != scope[name]}
    record(session, by, "decision.changed", "decision", decision.id, changes=told)
    renew_hint(session, decision, by=by, scope=scope)
    _lapse_if_changed(session, decision, by)
    session.flush()


def add_option(session: Session, decision: Decision, values: dict[str, Any], *, by: Caller) -> Option:
    """Add an option to a decision whose proposal may still change."""
    by.require("decisions:write")
    hold(session, decision)
    rules.check_editable(decision.state)
    claim(session, decision, None, by)
    row = Option(**_owned(decision, by), **values)
    session.add(row)
    session.flush()
    record(session, by, "option.added", "decision", decision.id, option=row.code, title=row.title)
    _lapse_if_changed(session, decision, by)
    return row


def change_option(
    session: Session, decision: Decision, row: Option, values: dict[str, Any], *, version: int, by: Caller
) -> Option:
    """Change an option's words."""
    by.require("decisions:write")
    hold(session, decision)
    rules.check_editable(decision.state)
    told = changes(row, values)
    claim(session, row, version, by)
    claim(session, decision, None, by)
    for name, value in values.items():
        setattr(row, name, value)
    session.flush()
    record(session, by, "option.changed", "decision", decision.id, option=row.code, changes=told)
    _lapse_if_changed(session, decision, by)
    return row


def remove_option(session: Session, decision: Decision, row: Option, *, version: int, by: Caller) -> None:
    """Remove an option that no assessment speaks of; VE0 stays."""
    by.require("decisions:write")
    hold(session, decision)
    rules.check_editable(decision.state)
    if row.code == "VE0":
        raise Conflict("in_use", "VE0 is 'no change' and always there.")
    claim(session, row, version, by)
    claim(session, decision, None, by)
    session.delete(row)
    session.flush()
    record(session, by, "option.removed", "decision", decision.id, option=row.code, title=row.title)
    _lapse_if_changed(session, decision, by)


def move(session: Session, decision: Decision, to: str, *, version: int, by: Caller, reason: str | None = None) -> None:
    """Take one of rules.MOVES. Presenting needs a clearance, or an override with a reason."""
    step = rules.MOVES[to]
    by.require(step.permission)
    after = state_after(rules.MOVES, to, decision.state)
    if to == "presentation":
        rules.check_presentable(decision.clearance_kind, reason, excluded=decision.excluded)
        overridden = decision.clearance_kind is None and not decision.excluded
        if overridden:
            by.require("decisions:override")
        decision.override_reason = reason if overridden else None
    before = decision.state
    claim(session, decision, version, by)
    decision.state = after
    if to == "reopening":
        decision.decided_on = decision.chosen_option_id = decision.follow_up_on = None
    session.flush()
    record(session, by, "decision.moved", "decision", decision.id, **{"from": before, "to": after, "reason": reason})


def handle(session: Session, decision: Decision, values: dict[str, Any], *, version: int, by: Caller) -> Handling:
    """Record how a body handled the decision. It has happened, so no state refuses it; without a clearance before
    the meeting it is marked and counted as uncleared.
    """
    by.require("decisions:handle")
    if values["meeting_date"] > today():
        fault = Fault("/meeting_date", "The meeting is in the future.")
        raise Invalid("invalid", "Record a handling when it has happened.", [fault])
    queries.chosen_option(session, decision, values["option_id"], by)
    rules.check_answers(values["answers"], decision.clearance, "/answers")
    cleared_on = date_of(datetime.fromisoformat(decision.clearance["at"])) if decision.clearance else None
    uncleared = rules.is_uncleared(decision.clearance, cleared_on, values["meeting_date"]) and not decision.excluded
    claim(session, decision, version, by)
    row = Handling(**_owned(decision, by), uncleared=uncleared, recorded_at=now(), **values)
    later = queries.last_meeting(session, decision)
    session.add(row)
    before, after = decision.state, rules.REPORTED[HandlingOutcome(values["outcome"])]
    if later is not None and row.meeting_date < later:
        after = DecisionState(before)  # reported late: a later meeting has already said where the matter stands
    else:
        _take_outcome(session, decision, row, after, by)
    record(
        session,
        by,
        "decision.handled",
        "decision",
        decision.id,
        **{"from": before, "to": after, "uncleared": uncleared},
        body=row.body,
        meeting_date=row.meeting_date,
        section=row.section,
        outcome=row.outcome,
    )
    session.flush()
    return row


def _take_outcome(session: Session, decision: Decision, row: Handling, after: DecisionState, by: Caller) -> None:
    """Bring the decision to where its latest meeting left it."""
    decision.state, decision.body, decision.meeting_date = after, row.body, row.meeting_date
    decision.uncleared = row.uncleared
    if after is DecisionState.DECIDED:
        decision.decided_on, decision.chosen_option_id = row.meeting_date, row.option_id
        schedule_follow_up(session, decision, row.meeting_date, by=by)
    else:
        decision.decided_on = decision.chosen_option_id = decision.follow_up_on = None


def schedule_follow_up(session: Session, decision: Decision, start: date, *, by: Caller) -> None:
    """Date the next follow-up twelve months after the decision, or after the look before (domain, Follow-up)."""
    decision.follow_up_on = rules.months_after(start, FOLLOW_UP_MONTHS)
    record(session, by, "follow_up.scheduled", "decision", decision.id, on=decision.follow_up_on)


def answer_recommendations(
    session: Session, decision: Decision, row: Handling, answers: list[dict[str, Any]], *, version: int, by: Caller
) -> Handling:
    """Record which recommendations the decision followed, and why."""
    by.require("decisions:handle")
    if row.outcome not in {HandlingOutcome.DECIDED, HandlingOutcome.AMENDED}:
        raise Conflict("no_decision_yet", "Recommendations are answered when the matter is decided.")
    rules.check_answers(answers, decision.clearance, "/items")
    told = changes(row, {"answers": answers})
    claim(session, row, version, by)
    row.answers = answers
    session.flush()
    record(session, by, "decision.recommendations_answered", "decision", decision.id, changes=told)
    return row


def renew_hint(session: Session, decision: Decision, *, by: Caller, scope: dict[str, Any] | None = None) -> None:
    """Compute the early hint anew, from the classifications as they are today."""
    if scope is None:
        cost_centres, classes = queries.touched(session, decision)
        scope = {"cost_centre_ids": cost_centres, "service_class_ids": classes}
        scope["planned_changes"] = queries.planned_changes(session, decision)
    before = decision.hint_outcome
    for name, value in _hint(session, by, scope, decision.task_class_code, decision.unit_id).items():
        setattr(decision, name, value)
    session.flush()
    record(
        session, by, "decision.hint_renewed", "decision", decision.id, **{"from": before, "to": decision.hint_outcome}
    )


def renew_hint_of(session: Session, decision: Decision, *, version: int, by: Caller) -> None:
    """Compute the early hint anew on request, for instance after services were classified."""
    by.require("decisions:write")
    claim(session, decision, version, by)
    renew_hint(session, decision, by=by)


def clear(session: Session, decision: Decision, clearance: dict[str, Any], *, by: Caller) -> None:
    """Write an assessment's clearance onto the decision; its guards read only this."""
    claim(session, decision, None, by)
    decision.clearance, decision.clearance_kind, decision.clearance_lapse = clearance, clearance["kind"], None
    session.flush()
    told = {name: clearance[name] for name in ("kind", "assessment_id", "edition", "content_digest")}
    record(session, by, "decision.cleared", "decision", decision.id, **told)


def lapse(session: Session, decision: Decision, reason: str, *, by: Caller) -> None:
    """Take the clearance away, and say why."""
    if decision.clearance is None:
        return
    lost = decision.clearance["assessment_id"]
    decision.clearance_lapse = {"at": stamp(), "reason": reason, "assessment_id": lost}
    decision.clearance = decision.clearance_kind = None
    session.flush()
    record(session, by, "decision.clearance_lapsed", "decision", decision.id, reason=reason, assessment_id=lost)


def present_proposal(session: Session, decision: Decision) -> dict[str, Any]:
    """The proposal as it stands now: title, options, planned euros."""
    options = [row.model_dump(include={"code", "title", "description"}) for row in queries.options(session, decision)]
    return rules.proposal(decision.title, options, queries.planned_changes(session, decision))


def _lapse_if_changed(session: Session, decision: Decision, by: Caller) -> None:
    if decision.clearance is None:
        return
    session.flush()
    present = rules.digests_of(present_proposal(session, decision))
    reason = rules.reason_to_lapse(decision.clearance["proposal"], present)
    if reason:
        lapse(session, decision, reason, by=by)


def _owned(decision: Decision, by: Caller) -> dict[str, Any]:
    return {"organisation_id": decision.organisation_id, "changed_by": by.id, "decision_id": decision.id}


def _check_preparer(session: Session, preparer_id: UUID | None, by: Caller) -> None:
    referred(session, Account, preparer_id, by, "/preparer_id")


def _check_scope(session: Session, scope: dict[str, Any], unit_id: UUID | None, by: Caller) -> None:
    centres = {f"/cost_centre_ids/{i}": key for i, key in enumerate(scope["cost_centre_ids"])}
    for i, row in enumerate(scope["planned_changes"]):
        centres[f"/planned_changes/{i}/cost_centre_id"] = row["cost_centre_id"]
    services.existing(session, CostCentre, centres, by)
    classes = {f"/service_class_ids/{i}": key for i, key in enumerate(scope["service_class_ids"])}
    services.existing(session, ServiceClass, classes, by)
    referred(session, Unit, unit_id, by, "/unit_id")


def _write_scope(session: Session, decision: Decision, scope: dict[str, Any]) -> None:
    connection = session.connection()
    rows: list[tuple[Any, list[dict[str, Any]]]] = [
        (DecisionCostCentre, [{"cost_centre_id": key} for key in scope["cost_centre_ids"]]),
        (DecisionServiceClass, [{"service_class_id": key} for key in scope["service_class_ids"]]),
        (PlannedChange, scope["planned_changes"]),
    ]
    for table, parts in rows:
        if parts:
            connection.execute(insert(table_of(table)), [{"decision_id": decision.id, **part} for part in parts])


def _is_excluded(session: Session, task_class_code: str | None, by: Caller) -> bool:
    if task_class_code is None:
        return False
    return rules.is_excluded(task_class_code, organisation(session, visible_to=by).excluded_task_classes)


def _hint(
    session: Session, by: Caller, scope: dict[str, Any], task_class_code: str | None, unit_id: UUID | None
) -> dict[str, Any]:
    planned = [row["cost_centre_id"] for row in scope["planned_changes"]]
    found = services.early_hint(
        session,
        organisation_id=by.organisation_id,
        cost_centre_ids=list(dict.fromkeys([*scope["cost_centre_ids"], *planned])),
        service_class_ids=scope["service_class_ids"],
        task_class_code=task_class_code,
        unit_id=unit_id,
        year=today().year,
    )
    return {
        "hint": {**found, "computed_at": stamp()},
        "hint_outcome": found["outcome"],
        "impact_class": found["impact_class"],
    }
