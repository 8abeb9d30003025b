"""How bodies handled a decision, and where a case system says that it is: recorded from any state, not judged."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from app.access.rules import Caller
from app.clock import now, today
from app.conventions.versions import claim, set_values
from app.database import Session
from app.decisions import queries, rules
from app.decisions.clearing import mark_uncleared, stand_on_what_holds
from app.decisions.models import Decision, DecisionState, Handling, HandlingOutcome, SourceStatus
from app.errors import Conflict, Fault, Invalid
from app.journal.actions import changes, record

FOLLOW_UP_MONTHS = 12

_KNOWN_HERE = {
    **dict.fromkeys((HandlingOutcome.DECIDED, HandlingOutcome.AMENDED), ("section", "option_id", "amendment")),
    **dict.fromkeys((HandlingOutcome.TABLED, HandlingOutcome.RETURNED), ("section",)),
}
"""What may have been recorded here of a handling that the case system says nothing of, by its outcome."""


def handle(session: Session, decision: Decision, values: dict[str, Any], *, version: int, by: Caller) -> Handling:
    """Record how a body handled the decision. It has happened, so no state refuses it; without a clearance that its
    meeting had it is marked and counted as uncleared.
    """
    by.require("decisions:handle")
    queries.chosen_option(session, decision, values["option_id"], by)
    return _add(session, decision, values, version=version, by=by)


def report(session: Session, decision: Decision, values: dict[str, Any], *, at: str, by: Caller) -> bool:
    """Record a handling as the case system tells it now; returns whether anything was new.

    It is the one with the same `source_key`, or the one of this body and day that somebody recorded here; what differs
    is corrected, and the answers to recommendations stay, as does what the case system does not tell. `at` is where in
    the body it stands.
    """
    row = queries.reported_handling(session, decision, values)
    if row is None:
        _add(session, decision, {**values, "answers": []}, version=None, by=by, at=at)
        return True
    untold = [name for name in _KNOWN_HERE[HandlingOutcome(values["outcome"])] if values[name] is None]
    values = {**values, **{name: getattr(row, name) for name in untold}}
    told = changes(row, values)
    if not told:
        return False
    _check_happened(values, at)
    claim(session, decision, None, by)
    if "meeting_date" in told:
        held = rules.clearance_at(decision.clearances, values["meeting_date"])
        values = {**values, "uncleared": held is None and not decision.excluded}
    before = queries.last_handling(session, decision) or row
    left_at = rules.REPORTED[HandlingOutcome(before.outcome)]
    set_values(session, row, values, version=row.version, by=by)
    record(session, by, "decision.handling_corrected", "decision", decision.id, handling=row.id, changes=told)
    last = queries.last_handling(session, decision) or row
    if row is before or row is last:
        _take_correction(session, decision, last, left_at, by)
    session.flush()
    return True


def _take_correction(session: Session, decision: Decision, last: Handling, left_at: DecisionState, by: Caller) -> None:
    """Bring the decision to where its latest meeting left it, as that is told now.

    Where it has gone on since, by what was done here or told of its status, it stays, unless it was decided after all.
    """
    after = rules.REPORTED[HandlingOutcome(last.outcome)]
    in_force = {left_at, after} == {DecisionState.DECIDED} and decision.state in rules.FOLLOWED_UP_STATES
    if in_force or decision.state == left_at or (after is DecisionState.DECIDED and after is not left_at):
        held = rules.clearance_at(decision.clearances, last.meeting_date)
        after = DecisionState(decision.state) if in_force else after
        _take_outcome(session, decision, last, after, held, by, corrects=in_force)


def _check_happened(values: Mapping[str, Any], at: str) -> None:
    if values["meeting_date"] > today():
        fault = Fault(f"{at}/meeting_date", "The meeting is in the future.")
        raise Invalid("invalid", "Record a handling when it has happened.", [fault])


def _add(
    session: Session, decision: Decision, values: dict[str, Any], *, version: int | None, by: Caller, at: str = ""
) -> Handling:
    _check_happened(values, at)
    held = rules.clearance_at(decision.clearances, values["meeting_date"])
    rules.check_answers(values["answers"], held or decision.clearance, "/answers")
    uncleared = held is None and not decision.excluded
    claim(session, decision, version, by)
    owned: dict[str, Any] = {
        "organisation_id": decision.organisation_id,
        "changed_by": by.id,
        "decision_id": decision.id,
    }
    row = Handling(**owned, uncleared=uncleared, recorded_at=now(), **values)
    later = queries.last_meeting(session, decision)
    session.add(row)
    before, after = decision.state, rules.REPORTED[HandlingOutcome(values["outcome"])]
    on_time = later is None or row.meeting_date >= later
    if not on_time:
        after = DecisionState(before)  # reported late: a later meeting has already said where the matter stands
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
    if on_time:
        _take_outcome(session, decision, row, after, held, by)
    session.flush()
    return row


def _take_outcome(
    session: Session,
    decision: Decision,
    row: Handling,
    after: DecisionState,
    held: dict[str, Any] | None,
    by: Caller,
    *,
    corrects: bool = False,
) -> None:
    """Bring the decision to where its latest meeting left it. What is decided keeps the clearance its meeting had.

    Where it `corrects` what was decided, a date of follow-up stays that somebody chose.
    """
    before, decided_on = decision.state, decision.decided_on
    decision.state, decision.body, decision.meeting_date = after, row.body, row.meeting_date
    decision.uncleared = row.uncleared
    if after in rules.FOLLOWED_UP_STATES:
        if held is not None:
            decision.clearance, decision.clearance_kind = held, held["kind"]
        decision.decided_on, decision.chosen_option_id = row.meeting_date, row.option_id
        is_chosen = decided_on is None or decision.follow_up_on != rules.months_after(decided_on, FOLLOW_UP_MONTHS)
        if not corrects or not (is_chosen or decided_on == row.meeting_date):
            schedule_follow_up(session, decision, row.meeting_date, by=by)
        return
    undecide(decision)
    if before not in rules.EDITABLE:
        stand_on_what_holds(session, decision, by)


def report_status(session: Session, decision: Decision, status: SourceStatus, *, by: Caller) -> bool:
    """Bring the decision to where the case system says that it is; returns whether that is somewhere else.

    On an agenda without a clearance it is marked uncleared. Back in preparation, or withdrawn, nothing is decided.
    """
    before, after = DecisionState(decision.state), rules.REPORTED_STATUS[status]
    if before is after:
        return False
    claim(session, decision, None, by)
    decision.state, decision.override_reason, decision.uncleared = after, None, False
    session.flush()
    told = {"from": before, "to": after, "reason": None, "reported": True}
    record(session, by, "decision.moved", "decision", decision.id, **told)
    if before not in rules.EDITABLE:
        undecide(decision)
        if after in rules.EDITABLE:
            stand_on_what_holds(session, decision, by)
    if after is DecisionState.PRESENTED:
        mark_uncleared(session, decision, by)
    session.flush()
    return True


def judge_anew(session: Session, decision: Decision, *, by: Caller) -> None:
    """Mark what meetings did as uncleared, or take the mark away, where it turns out of which task class it was."""
    last = queries.last_handling(session, decision)
    for row in queries.handlings(session, decision.id, visible_to=by):
        held = rules.clearance_at(decision.clearances, row.meeting_date)
        told = set_values(
            session, row, {"uncleared": held is None and not decision.excluded}, version=row.version, by=by
        )
        if told:
            record(session, by, "decision.handling_corrected", "decision", decision.id, handling=row.id, changes=told)
    if last is not None and decision.state in rules.HANDLED:
        decision.uncleared = last.uncleared
    session.flush()


def undecide(decision: Decision) -> None:
    """Nothing is decided: an activity under review keeps its date of follow-up, since it is there all the same."""
    decision.decided_on = decision.chosen_option_id = None
    if not rules.has_effects(decision.object, decision.state):
        decision.follow_up_on = None


def schedule_follow_up(session: Session, decision: Decision, start: date, *, by: Caller) -> None:
    """Date the next follow-up twelve months after the decision, or after the look before was approved."""
    decision.follow_up_on = rules.months_after(start, FOLLOW_UP_MONTHS)
    told = {"decision_id": decision.id, "on": decision.follow_up_on}
    record(session, by, "follow_up.scheduled", "decision", decision.id, **told)


def answer_recommendations(
    session: Session, decision: Decision, row: Handling, answers: list[dict[str, Any]], *, version: int, by: Caller
) -> Handling:
    """Record which recommendations the decision followed, and why."""
    by.require("decisions:handle")
    if row.outcome not in {HandlingOutcome.DECIDED, HandlingOutcome.AMENDED}:
        raise Conflict("no_decision_yet", "Recommendations are answered when the matter is decided.")
    held = rules.clearance_at(decision.clearances, row.meeting_date)
    rules.check_answers(answers, held or decision.clearance, "/items")
    told = set_values(session, row, {"answers": answers}, version=version, by=by)
    if told:
        record(session, by, "decision.recommendations_answered", "decision", decision.id, changes=told)
    return row
