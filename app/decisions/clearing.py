"""The clearance of a decision: written by an approved assessment or a signed 'not needed', and lapsing when it must."""

from typing import Any

from app.access.rules import Caller
from app.clock import stamp
from app.conventions.versions import claim
from app.conventions.vocabulary import in_words
from app.database import Session
from app.decisions import queries, rules
from app.decisions.models import Decision, DecisionState, LapseReason, SourceStatus
from app.journal.actions import changes, record


def clear(session: Session, decision: Decision, clearance: dict[str, Any], *, by: Caller) -> None:
    """Write an assessment's clearance onto the decision; its guards read only this.

    A decision that is taken keeps the edition that it used. The clearance is kept among all there have been, which say
    what each meeting had.
    """
    claim(session, decision, None, by)
    decision.clearances = [*rules.ended(decision.clearances, clearance["at"]), {**clearance, "until": None}]
    if decision.state in rules.EDITABLE:
        decision.clearance, decision.clearance_kind, decision.clearance_lapse = clearance, clearance["kind"], None
        if decision.state == DecisionState.PRESENTED:  # on an agenda that a case system told of
            decision.uncleared = False
        told = {name: clearance[name] for name in ("kind", "assessment_id", "edition", "content_digest")}
        record(session, by, "decision.cleared", "decision", decision.id, **told)
    session.flush()


def lapse(session: Session, decision: Decision, reasons: list[LapseReason], *, by: Caller) -> None:
    """Take the clearance away, and say why. What was presented because of it goes back into preparation."""
    if decision.clearance is None:
        return
    lost, at = decision.clearance["assessment_id"], stamp()
    codes = [reason.value for reason in reasons]
    said = {"at": at, "codes": codes, "reason": in_words("lapse_reason", codes), "assessment_id": lost}
    decision.clearance_lapse, decision.clearances = said, rules.ended(decision.clearances, at)
    decision.clearance = decision.clearance_kind = None
    session.flush()
    record(session, by, "decision.clearance_lapsed", "decision", decision.id, codes=codes, assessment_id=lost)
    stay_presented(session, decision, "clearance_lapsed", by)


def stay_presented(session: Session, decision: Decision, because: str, by: Caller) -> None:
    """Take a presented decision back into preparation where what let it be presented is no longer there.

    What the case system says is on an agenda is there all the same, and is marked uncleared.
    """
    if decision.state != DecisionState.PRESENTED or rules.is_presentable(
        decision.clearance_kind, decision.override_reason, excluded=decision.excluded
    ):
        return
    if (decision.told_by_source or {}).get("status") == SourceStatus.ON_AGENDA:
        mark_uncleared(session, decision, by)
        return
    before, decision.state, decision.uncleared = decision.state, DecisionState.IN_PREPARATION, False
    session.flush()
    told = {"from": before, "to": decision.state, "reason": None, "because": because}
    record(session, by, "decision.moved", "decision", decision.id, **told)


def mark_uncleared(session: Session, decision: Decision, by: Caller) -> None:
    """Mark a decision that is on an agenda, or take the mark away, by whether it is cleared."""
    uncleared = decision.clearance_kind is None and not decision.excluded
    if decision.uncleared == uncleared:
        return
    told = changes(decision, {"uncleared": uncleared})
    decision.uncleared = uncleared
    session.flush()
    record(session, by, "decision.changed", "decision", decision.id, changes=told)


def stand_on_what_holds(session: Session, decision: Decision, by: Caller) -> None:
    """Put the clearance that holds now on a decision whose proposal may change again; it may be of another proposal."""
    decision.clearance = rules.standing(decision.clearances)
    decision.clearance_kind = decision.clearance["kind"] if decision.clearance else None
    lapse_if_changed(session, decision, by)
    session.flush()


def present_proposal(session: Session, decision: Decision) -> dict[str, Any]:
    """The proposal as it stands now: title, options, planned euros."""
    options = [row.model_dump(include={"code", "title", "description"}) for row in queries.options(session, decision)]
    return rules.proposal(decision.title, options, queries.planned_changes(session, decision))


def lapse_if_changed(session: Session, decision: Decision, by: Caller) -> None:
    """Let the clearance lapse where the proposal is no longer what was assessed."""
    if decision.clearance is None:
        return
    session.flush()
    present = rules.digests_of(present_proposal(session, decision))
    reasons = rules.reasons_to_lapse(decision.clearance["proposal"], present)
    if reasons:
        lapse(session, decision, reasons, by=by)
