"""Writes of decisions, one verb each."""

from typing import Any
from uuid import UUID

from sqlalchemy import delete, insert
from uuid_utils.compat import uuid7

from app.access import actions as access
from app.access.models import Account, Organisation
from app.access.queries import referred
from app.access.rules import Caller
from app.budgeting.effect import budget_effect
from app.clock import stamp, today
from app.conventions.states import state_after
from app.conventions.versions import check_version, claim, hold, set_values
from app.database import Session, table_of
from app.decisions import queries, rules
from app.decisions.clearing import lapse_if_changed, stand_on_what_holds, stay_presented
from app.decisions.handling import judge_anew, undecide
from app.decisions.models import (
    Decision,
    DecisionCostCentre,
    DecisionObject,
    DecisionServiceClass,
    DecisionState,
    Option,
    PlannedChange,
    Publicity,
)
from app.errors import Conflict, Fault, Invalid
from app.journal.actions import changes, record
from app.public_register import actions as public_register
from app.services import queries as services
from app.services.models import CostCentre, ServiceClass, Unit

_INSERT_DECISION, _INSERT_OPTION = insert(table_of(Decision)), insert(table_of(Option))
_SCOPE = ("cost_centre_ids", "service_class_ids", "planned_changes")


def register(session: Session, values: dict[str, Any], *, by: Caller) -> UUID:
    """Register a decision in preparation, with VE0 and its early hint; returns its id."""
    by.require("decisions:write")
    facts = {name: value for name, value in values.items() if name not in (*_SCOPE, "options")}
    if facts["follow_up_on"] is not None and not rules.has_effects(facts["object"], DecisionState.DRAFT):
        fault = Fault("/follow_up_on", "The follow-up of a decision is dated when it is decided. Leave it out.")
        raise Invalid("invalid", "Only an activity under review has effects before a decision.", [fault])
    if facts["preparer_id"] is None and "preparer" in by.roles:
        facts["preparer_id"] = by.id
    else:
        _check_preparer(session, facts["preparer_id"], by)
    scope = {name: values[name] for name in _SCOPE}
    _check_scope(session, scope, facts["unit_id"], by)
    decision_id = uuid7()
    # Statements, not entities: making and flushing three of them took a third of the request.
    decision = {
        "id": decision_id,
        "organisation_id": by.organisation_id,
        "changed_by": by.id,
        "natural_number": rules.natural_number(facts["diary_number"]),
        "diary_key": rules.diary_key_to_keep(facts["diary_number"]),
        "search_text": rules.search_text(facts["title"], facts["diary_number"]),
        "excluded": _is_excluded(session, facts["task_class_code"], by),
        **facts,
        **_hint(session, by, scope, facts),
    }
    given = {option["code"]: option for option in values["options"]}
    first = given.pop("VE0", {"code": "VE0", "title": rules.VE0, "description": None})
    owned = {"organisation_id": by.organisation_id, "changed_by": by.id, "decision_id": decision_id}
    options = [{**owned, "description": None, **option} for option in (first, *given.values())]
    session.connection().execute(_INSERT_DECISION, decision)
    session.connection().execute(_INSERT_OPTION, options)
    _write_scope(session, decision_id, scope)
    record(
        session,
        by,
        "decision.registered",
        "decision",
        decision_id,
        diary_number=decision["diary_number"],
        title=decision["title"],
        hint=decision["hint_outcome"],
        options=["VE0", *given],
        scope=scope,
    )
    return decision_id


def change(session: Session, decision: Decision, values: dict[str, Any], *, version: int, by: Caller) -> None:
    """Change a decision's facts. After it is decided only its publicity and the date of follow-up change.

    A matter that is made secret has its published documents taken out of the register in the same transaction.
    """
    by.require("decisions:write")
    values = {name: change["to"] for name, change in changes(decision, values).items()}
    rules.check_not_kept(decision.kept_by_source, values)
    if set(values) - rules.NEVER_CLOSED:
        rules.check_editable(decision.state)
    _check_follow_up_date(decision, values)
    if "unit_id" in values:
        referred(session, Unit, values["unit_id"], by, "/unit_id")
    if "preparer_id" in values:
        _check_preparer(session, values["preparer_id"], by)
    set_facts(session, decision, values, version=version, by=by)


def set_facts(
    session: Session, decision: Decision, values: dict[str, Any], *, version: int, by: Caller
) -> dict[str, dict[str, Any]]:
    """Set facts that were found fit, with all that follows; returns what changed, from what to what.

    A decision that is taken keeps its hint and the clearance that it used.
    """
    values = dict(values)
    if "title" in values:
        values["search_text"] = rules.search_text(values["title"], decision.diary_number)
    if "task_class_code" in values:
        values["excluded"] = _is_excluded(session, values["task_class_code"], by)
    told = set_values(session, decision, values, version=version, by=by)
    if not told:
        return told
    told.pop("search_text", None)
    record(session, by, "decision.changed", "decision", decision.id, changes=told)
    if told.get("publicity", {}).get("to") == Publicity.SECRET:
        public_register.withdraw_all_of(session, decision.id, "The matter was made secret.", by=by)
    if "excluded" in told:
        judge_anew(session, decision, by=by)
    if decision.state not in rules.EDITABLE:
        return told
    if {"task_class_code", "unit_id"} & set(told) or (
        "meeting_date" in told and _hint_is_of_other_years(session, decision)
    ):
        renew_hint(session, decision, by=by)
    lapse_if_changed(session, decision, by)
    stay_presented(session, decision, "no_longer_excluded", by)
    session.flush()
    return told


def set_aside_task_classes(
    session: Session, owner: Organisation, items: list[dict[str, Any]], *, version: int, by: Caller
) -> Organisation:
    """Replace the organisation's list of task classes set aside, and look at every open decision again."""
    by.require("organisation:write")
    if owner.excluded_task_classes == items:
        check_version(owner, version)
        return owner
    access.change_organisation(session, owner, {"excluded_task_classes": items}, version=version, by=by)
    for decision_id, task_class_code, excluded in queries.open_task_classes(session, by.organisation_id):
        if rules.is_excluded(task_class_code, items) != excluded:
            decision = session.get_one(Decision, decision_id, with_for_update=True)
            claim(session, decision, None, by)
            _set_excluded(session, decision, not excluded, by)
    return owner


def set_documents(
    session: Session, decision: Decision, documents: list[dict[str, Any]], *, version: int, by: Caller
) -> None:
    """Replace the links to the decision's documents."""
    by.require("decisions:write")
    rules.check_not_kept(decision.kept_by_source, changes(decision, {"documents": documents}))
    told = set_values(session, decision, {"documents": documents}, version=version, by=by)
    if told:
        record(session, by, "decision.changed", "decision", decision.id, changes=told)


def set_scope(session: Session, decision: Decision, scope: dict[str, Any], *, version: int, by: Caller) -> None:
    """Replace what the decision touches and its planned euros; the early hint is computed anew."""
    by.require("decisions:write")
    rules.check_editable(decision.state)
    _check_scope(session, scope, None, by)
    before = queries.scope(session, decision)
    told = {
        name: {"from": before[name], "to": scope[name]}
        for name in _SCOPE
        if rules.in_order(before[name]) != rules.in_order(scope[name])
    }
    if not told:
        check_version(decision, version)
        return
    claim(session, decision, version, by)
    for table in (DecisionCostCentre, DecisionServiceClass, PlannedChange):
        session.connection().execute(delete(table_of(table)).where(table_of(table).c.decision_id == decision.id))
    _write_scope(session, decision.id, scope)
    record(session, by, "decision.changed", "decision", decision.id, changes=told)
    renew_hint(session, decision, by=by, scope=scope)
    lapse_if_changed(session, decision, by)
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
    lapse_if_changed(session, decision, by)
    return row


def change_option(
    session: Session, decision: Decision, row: Option, values: dict[str, Any], *, version: int, by: Caller
) -> Option:
    """Change an option's words."""
    by.require("decisions:write")
    hold(session, decision)
    rules.check_editable(decision.state)
    told = set_values(session, row, values, version=version, by=by)
    if not told:
        return row
    claim(session, decision, None, by)
    record(session, by, "option.changed", "decision", decision.id, option=row.code, changes=told)
    lapse_if_changed(session, decision, by)
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
    lapse_if_changed(session, decision, by)


def move(session: Session, decision: Decision, to: str, *, version: int, by: Caller, reason: str | None = None) -> None:
    """Take one of rules.MOVES. Presenting needs a clearance, or an override with a reason."""
    step = rules.MOVES[to]
    by.require(step.permission)
    after = state_after(rules.MOVES, to, decision.state)
    before = decision.state
    told: dict[str, Any] = {"from": before, "to": after, "reason": reason}
    if to == "presentation":
        rules.check_presentable(decision.clearance_kind, reason, excluded=decision.excluded)
        overridden = decision.clearance_kind is None and not decision.excluded
        if overridden:
            by.require("decisions:override")
        decision.override_reason = reason if overridden else None
        told |= {"reason": decision.override_reason, "overridden": overridden}
    claim(session, decision, version, by)
    decision.state = after
    if after is DecisionState.IN_PREPARATION:
        decision.uncleared, decision.override_reason = False, None
    session.flush()
    record(session, by, "decision.moved", "decision", decision.id, **told)
    if to == "reopening":
        undecide(decision)
        stand_on_what_holds(session, decision, by)


def renew_hint(session: Session, decision: Decision, *, by: Caller, scope: dict[str, Any] | None = None) -> None:
    """Compute the early hint anew, from the classifications as they are today."""
    scope = scope or queries.scope(session, decision)
    before = decision.hint_outcome
    for name, value in _hint(session, by, scope, decision.model_dump()).items():
        setattr(decision, name, value)
    session.flush()
    record(
        session, by, "decision.hint_renewed", "decision", decision.id, **{"from": before, "to": decision.hint_outcome}
    )


def renew_hint_of(session: Session, decision: Decision, *, version: int, by: Caller) -> None:
    """Compute the early hint anew on request, for instance after services were classified; and whether the matter is
    set aside, by the list as it is now.
    """
    by.require("decisions:write")
    excluded = _is_excluded(session, decision.task_class_code, by)
    claim(session, decision, version, by)
    if decision.state in rules.EDITABLE and excluded != decision.excluded:
        _set_excluded(session, decision, excluded, by)
    renew_hint(session, decision, by=by)


def _set_excluded(session: Session, decision: Decision, excluded: bool, by: Caller) -> None:
    told = changes(decision, {"excluded": excluded})
    decision.excluded = excluded
    session.flush()
    record(session, by, "decision.changed", "decision", decision.id, changes=told)
    stay_presented(session, decision, "no_longer_excluded", by)


def _owned(decision: Decision, by: Caller) -> dict[str, Any]:
    return {"organisation_id": decision.organisation_id, "changed_by": by.id, "decision_id": decision.id}


def _check_follow_up_date(decision: Decision, values: dict[str, Any]) -> None:
    """Conflict `no_decision_yet` where there is nothing yet whose effects could be looked at on a day.

    An activity that becomes a decision loses its date.
    """
    object_ = values.get("object", decision.object)
    if rules.has_effects(object_, decision.state):
        return
    if values.get("follow_up_on") is not None:
        raise Conflict("no_decision_yet", "The follow-up is dated when the matter is decided.")
    if object_ == DecisionObject.DECISION and decision.follow_up_on is not None:
        values["follow_up_on"] = None


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


def _write_scope(session: Session, decision_id: UUID, scope: dict[str, Any]) -> None:
    connection = session.connection()
    rows: list[tuple[Any, list[dict[str, Any]]]] = [
        (DecisionCostCentre, [{"cost_centre_id": key} for key in scope["cost_centre_ids"]]),
        (DecisionServiceClass, [{"service_class_id": key} for key in scope["service_class_ids"]]),
        (PlannedChange, scope["planned_changes"]),
    ]
    for table, parts in rows:
        if parts:
            connection.execute(insert(table_of(table)), [{"decision_id": decision_id, **part} for part in parts])


def _is_excluded(session: Session, task_class_code: str | None, by: Caller) -> bool:
    if task_class_code is None:
        return False
    return rules.is_excluded(task_class_code, queries.excluded_task_classes(session, by.organisation_id))


def _hint_is_of_other_years(session: Session, decision: Decision) -> bool:
    planned = [row["year"] for row in queries.planned_changes(session, decision)]
    return decision.hint.get("years") != rules.hint_years(planned, decision.meeting_date, today())


def _hint(session: Session, by: Caller, scope: dict[str, Any], facts: dict[str, Any]) -> dict[str, Any]:
    planned = scope["planned_changes"]
    years = rules.hint_years([row["year"] for row in planned], facts["meeting_date"], today())
    found = services.early_hint(
        session,
        organisation_id=by.organisation_id,
        cost_centre_ids=list(dict.fromkeys([*scope["cost_centre_ids"], *(row["cost_centre_id"] for row in planned)])),
        service_class_ids=scope["service_class_ids"],
        task_class_code=facts["task_class_code"],
        unit_id=facts["unit_id"],
        years=years,
    )
    effect = budget_effect(session, by.organisation_id, scope["planned_changes"], scope["service_class_ids"])
    return {
        "hint": {**found, "years": years, "effect": effect, "computed_at": stamp()},
        "hint_outcome": found["outcome"],
        "impact_class": found["impact_class"],
    }
