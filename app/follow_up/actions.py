"""Writes of follow-ups, one verb each."""

import json
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlmodel import col

from app.access.models import Organisation
from app.access.queries import organisation
from app.access.rules import Caller, check_move
from app.assessments.models import Seal
from app.assessments.sealing import seal
from app.clock import now, today
from app.conventions.states import with_author
from app.conventions.versions import check_version, claim, hold, set_values
from app.database import Session
from app.decisions import handling
from app.decisions import queries as decision_queries
from app.decisions.models import ClearanceKind, Decision, DecisionObject, Publicity
from app.decisions.rules import has_effects
from app.errors import Conflict, Fault, Invalid
from app.follow_up import queries, rules
from app.follow_up.models import FollowUp, FollowUpState, Outcome, UnintendedImpact
from app.journal.actions import changes, record
from app.public_register import actions as register
from app.public_register.schemas import PublicFollowUp, PublicOutcome, PublicUnintended

_BOOKKEEPING = {"version", "created_at", "changed_at", "changed_by", "follow_up_id"}


def open_follow_up(session: Session, decision: Decision, *, by: Caller) -> FollowUp:
    """Open the next follow-up of a decision, with the predictions of the edition that it used."""
    by.require("follow-ups:write")
    hold(session, decision)
    dated = decision.follow_up_on is not None or decision.object == DecisionObject.ACTIVITY
    if not (dated and has_effects(decision.object, decision.state)):
        raise Conflict("no_decision_yet", "Effects are looked at when the matter is decided and a follow-up is dated.")
    made = select(func.max(col(FollowUp.round))).where(col(FollowUp.decision_id) == decision.id)
    claim(session, decision, None, by)
    cleared = decision.clearance if decision.clearance_kind == ClearanceKind.APPROVED else None
    row = FollowUp(
        organisation_id=by.organisation_id,
        changed_by=by.id,
        decision_id=decision.id,
        round=(session.scalar(made) or 0) + 1,
        scheduled_on=decision.follow_up_on or today(),
        assessment_id=UUID(cleared["assessment_id"]) if cleared else None,
        option_id=decision.chosen_option_id,
        state=FollowUpState.DRAFTING,
        authors=[str(by.id)],
    )
    if session.scalars(
        select(col(FollowUp.id)).where(col(FollowUp.decision_id) == decision.id, col(FollowUp.state).in_(queries.OPEN))
    ).first():
        raise Conflict("open_follow_up", "A follow-up is open already. Go on with that.")
    session.add(row)
    session.flush()
    _tell(session, row, "follow_up.opened", by, round=row.round)
    return row


def change(session: Session, follow_up: FollowUp, values: dict[str, Any], *, version: int, by: Caller) -> FollowUp:
    """Change the follow-up's own texts."""
    _check_writing(follow_up, by)
    told = set_values(session, follow_up, values, version=version, by=by)
    if told:
        follow_up.authors = with_author(follow_up.authors, by.id)
        session.flush()
        _tell(session, follow_up, "follow_up.changed", by, changes=told)
    return follow_up


def tell_outcome(
    session: Session, follow_up: FollowUp, impact_id: UUID, values: dict[str, Any], *, version: int, by: Caller
) -> FollowUp:
    """Tell what became of a predicted impact; telling it again replaces what was told. `version` is the follow-up's."""
    impact = queries.predicted_impact(session, follow_up, impact_id)
    row = queries.outcome_of(session, follow_up, impact_id)
    told = changes(row, values) if row else values
    if not told:
        _check_writing(follow_up, by)
        check_version(follow_up, version)
        return follow_up
    _write(session, follow_up, version, by)
    if row is None:
        row = Outcome(
            organisation_id=by.organisation_id,
            changed_by=by.id,
            follow_up_id=follow_up.id,
            impact_id=impact.id,
            **values,
        )
        session.add(row)
    else:
        claim(session, row, None, by)
        for name, value in values.items():
            setattr(row, name, value)
    session.flush()
    _tell(session, follow_up, "follow_up.changed", by, impact_id=impact_id, outcome=told)
    return follow_up


def add_unintended(session: Session, follow_up: FollowUp, values: dict[str, Any], *, by: Caller) -> UnintendedImpact:
    """Add an impact that nobody predicted."""
    by.require("follow-ups:write")
    _check_child_groups(session, values["child_groups"], by)
    _write(session, follow_up, None, by)
    row = UnintendedImpact(organisation_id=by.organisation_id, changed_by=by.id, follow_up_id=follow_up.id, **values)
    session.add(row)
    session.flush()
    _tell(session, follow_up, "follow_up.changed", by, unintended=values)
    return row


def remove_unintended(
    session: Session, follow_up: FollowUp, row: UnintendedImpact, *, version: int, by: Caller
) -> None:
    """Remove an impact that was added by mistake."""
    _write(session, follow_up, None, by)
    claim(session, row, version, by)
    session.delete(row)
    session.flush()
    _tell(session, follow_up, "follow_up.changed", by, unintended_removed=row.description)


def submit(session: Session, follow_up: FollowUp, *, version: int, by: Caller) -> FollowUp:
    """Submit for review, when every prediction has its outcome."""
    check_move(rules.MOVES, "submission", follow_up, by)
    impacts = [impact["id"] for impact in queries.predicted(session, follow_up)]
    told = [outcome["impact_id"] for outcome in queries.whole(session, follow_up)["outcomes"]]
    rules.check_complete(impacts, told, follow_up.summary)
    return _move(session, follow_up, "submission", version=version, by=by)


def send_back(session: Session, follow_up: FollowUp, comment: str, *, version: int, by: Caller) -> FollowUp:
    """Return to the author with what to do."""
    _move(session, follow_up, "return", version=version, by=by, comment=comment)
    follow_up.return_comment = comment
    session.flush()
    return follow_up


def approve(session: Session, follow_up: FollowUp, *, version: int, by: Caller) -> FollowUp:
    """Approve and sign: the content is sealed, and the next round is dated a year on from today, while the decision is
    in force.
    """
    after = check_move(rules.MOVES, "approval", follow_up, by)
    decision = decision_queries.get(session, follow_up.decision_id, visible_to=by)
    _move(session, follow_up, "approval", version=version, by=by, leave_state=True)
    content = _sealed_content(session, follow_up, decision, organisation(session, visible_to=by))
    sealed = seal(session, "follow_up", follow_up.id, content, decision_id=decision.id, by=by)
    follow_up.seal_id, follow_up.signed_by, follow_up.signed_at = sealed.id, by.id, sealed.signed_at
    follow_up.state = after
    if has_effects(decision.object, decision.state):
        claim(session, decision, None, by)
        handling.schedule_follow_up(session, decision, today(), by=by)
    session.flush()
    return follow_up


def publish(session: Session, follow_up: FollowUp, privacy_checked: bool, *, version: int, by: Caller) -> FollowUp:
    """Publish in the public register what is sealed, after a privacy check by somebody other than an author."""
    check_move(rules.MOVES, "publication", follow_up, by)
    decision = decision_queries.get(session, follow_up.decision_id, visible_to=by)
    if not privacy_checked:
        raise Conflict("privacy_not_checked", "Read it through: nothing in it may tell of a person. Then confirm.")
    if decision.publicity == Publicity.SECRET:
        raise Conflict("secret", "The matter is secret: its follow-up is not published.")
    _move(session, follow_up, "publication", version=version, by=by)
    claim(session, decision, None, by)  # nobody makes the matter secret meanwhile
    follow_up.published_by, follow_up.published_at = by.id, now()
    session.flush()
    register.publish(
        session,
        kind="follow_up",
        object_id=follow_up.id,
        decision_id=decision.id,
        document=_public_document(session.get_one(Seal, follow_up.seal_id), organisation(session, visible_to=by)),
        by=by,
    )
    return follow_up


def _move(
    session: Session,
    follow_up: FollowUp,
    move: str,
    *,
    version: int,
    by: Caller,
    comment: str | None = None,
    leave_state: bool = False,
) -> FollowUp:
    after = check_move(rules.MOVES, move, follow_up, by)
    before = follow_up.state
    claim(session, follow_up, version, by)
    if not leave_state:
        follow_up.state = after
        session.flush()
    _tell(session, follow_up, "follow_up.moved", by, **{"from": before, "to": after}, comment=comment)
    return follow_up


def _check_writing(follow_up: FollowUp, by: Caller) -> None:
    by.require("follow-ups:write")
    rules.check_writable(follow_up.state)


def _tell(session: Session, follow_up: FollowUp, verb: str, by: Caller, **details: Any) -> None:
    """Record what happened to a follow-up, and of which decision it is."""
    record(session, by, verb, "follow_up", follow_up.id, decision_id=follow_up.decision_id, **details)


def _write(session: Session, follow_up: FollowUp, version: int | None, by: Caller) -> None:
    """Take the follow-up's next version to write to it; its ETag covers its outcomes too."""
    by.require("follow-ups:write")
    if version is None:
        hold(session, follow_up)
    _check_writing(follow_up, by)
    claim(session, follow_up, version, by)
    follow_up.authors = with_author(follow_up.authors, by.id)
    session.flush()


def _check_child_groups(session: Session, groups: list[str], by: Caller) -> None:
    known = {entry["code"] for entry in organisation(session, visible_to=by).child_groups}
    faults = [
        Fault(f"/child_groups/{index}", "Not in the organisation's list of child groups.")
        for index, code in enumerate(groups)
        if code not in known
    ]
    if faults:
        raise Invalid("invalid", "The impact names unknown groups.", faults)


def _sealed_content(session: Session, follow_up: FollowUp, decision: Decision, owner: Organisation) -> dict[str, Any]:
    compared = queries.comparison(session, follow_up)
    return {
        "schema": "lava/follow-up/1",
        "organisation": {"id": owner.id, "business_id": owner.business_id, "name": owner.name},
        "decision": {
            name: getattr(decision, name)
            for name in ("id", "source", "diary_number", "decision_key", "title", "language", "decided_on")
        },
        "follow_up": {
            **follow_up.model_dump(include={"id", "round", "scheduled_on", "assessment_id", "option_id", "authors"}),
            "summary": follow_up.summary,
            "actions": follow_up.actions,
        },
        "lines": [
            {
                "predicted": {k: v for k, v in line["predicted"].items() if k not in _BOOKKEEPING},
                "outcome": {k: v for k, v in (line["outcome"] or {}).items() if k not in _BOOKKEEPING},
            }
            for line in compared["lines"]
        ],
        "unintended": [{k: v for k, v in row.items() if k not in _BOOKKEEPING} for row in compared["unintended"]],
        "budget": compared["budget"],
    }


def _public_document(sealed: Seal, owner: Organisation) -> PublicFollowUp:
    """What the public reads, named field by field from the sealed content."""
    content = json.loads(sealed.content)
    decision, follow_up = content["decision"], content["follow_up"]
    return PublicFollowUp(
        kind="follow_up",
        organisation={"business_id": owner.business_id, "name": owner.name},
        **{name: decision[name] for name in ("diary_number", "decision_key", "title", "language")},
        **{name: follow_up[name] for name in ("round", "summary", "actions")},
        signed_on=sealed.signed_at.date(),
        content_digest=sealed.digest,
        outcomes=[
            PublicOutcome(
                predicted=line["predicted"]["description"],
                predicted_direction=line["predicted"]["direction"],
                **{name: line["outcome"][name] for name in ("realised", "direction", "description")},
            )
            for line in content["lines"]
        ],
        unintended=[
            PublicUnintended(**{name: row[name] for name in PublicUnintended.model_fields})
            for row in content["unintended"]
        ],
    )
