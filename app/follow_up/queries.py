"""Reads of follow-ups, always limited to the caller's organisation."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import and_, or_, select
from sqlmodel import col

from app.access.queries import listed, owned
from app.access.rules import Caller
from app.assessments import queries as assessments
from app.assessments.models import Impact
from app.clock import today
from app.conventions.cursors import PageRequest
from app.database import Session, table_of
from app.decisions.models import Decision, DecisionObject, DecisionState
from app.decisions.queries import effect_of
from app.decisions.rules import FOLLOWED_UP_STATES
from app.errors import NotFound
from app.follow_up.models import FollowUp, FollowUpDue, FollowUpState, Outcome, UnintendedImpact
from app.follow_up.rules import DUE_BEFORE, due
from app.follow_up.schemas import FollowUpSummary

OPEN = (FollowUpState.DRAFTING, FollowUpState.IN_REVIEW)


def get(session: Session, follow_up_id: UUID, *, visible_to: Caller) -> FollowUp:
    """A follow-up to be worked on."""
    visible_to.require("follow-ups:read")
    return owned(session, FollowUp, follow_up_id, visible_to)


def whole(session: Session, follow_up: FollowUp) -> dict[str, Any]:
    """A follow-up with its outcomes, as the API gives it; two queries."""
    return {
        **follow_up.model_dump(exclude={"organisation_id"}),
        "outcomes": _of(session, Outcome, follow_up.id),
        "unintended": _of(session, UnintendedImpact, follow_up.id),
    }


def _of(session: Session, table: Any, follow_up_id: UUID) -> list[dict[str, Any]]:
    columns = [column for column in table_of(table).c if column.name != "organisation_id"]
    statement = select(*columns).where(table_of(table).c.follow_up_id == follow_up_id).order_by(table_of(table).c.id)
    return [dict(row) for row in session.connection().execute(statement).mappings()]


def follow_ups(
    session: Session,
    page: PageRequest,
    *,
    visible_to: Caller,
    decision_id: UUID | None = None,
    state: FollowUpState | None = None,
) -> list[Mapping[str, Any]]:
    """The organisation's follow-ups, newest first; one query."""
    visible_to.require("follow-ups:read")
    columns = table_of(FollowUp).c
    wanted = {"decision_id": decision_id, "state": state}
    conditions = [columns[name] == value for name, value in wanted.items() if value is not None]
    left_out = frozenset(column.name for column in columns) - set(FollowUpSummary.model_fields)
    return listed(session, FollowUp, page, visible_to, *conditions, leave_out=left_out)


def schedule(
    session: Session, page: PageRequest, *, visible_to: Caller, wanted: FollowUpDue | None
) -> list[dict[str, Any]]:
    """Decisions whose effects are to be looked at, newest decision first, one more than the page holds; one query."""
    visible_to.require("follow-ups:read")
    decision, follow_up = table_of(Decision), table_of(FollowUp)
    day = today()
    statement = (
        select(
            decision.c.id,
            decision.c.diary_number,
            decision.c.title,
            decision.c.decided_on,
            decision.c.follow_up_on,
            decision.c.clearance_kind,
            follow_up.c.id.label("follow_up_id"),
        )
        .outerjoin(follow_up, (follow_up.c.decision_id == decision.c.id) & follow_up.c.state.in_(OPEN))
        .where(
            decision.c.organisation_id == visible_to.organisation_id,
            or_(
                decision.c.state.in_(FOLLOWED_UP_STATES),
                and_(decision.c.object == DecisionObject.ACTIVITY, decision.c.state != DecisionState.WITHDRAWN),
            ),
            decision.c.follow_up_on.is_not(None),
            decision.c.excluded.is_(False),
        )
        .order_by(decision.c.id.desc())
        .limit(page.limit + 1)
    )
    if wanted is FollowUpDue.OVERDUE:
        statement = statement.where(decision.c.follow_up_on < day)
    elif wanted is FollowUpDue.DUE:
        statement = statement.where(decision.c.follow_up_on >= day, decision.c.follow_up_on <= day + DUE_BEFORE)
    elif wanted is FollowUpDue.SCHEDULED:
        statement = statement.where(decision.c.follow_up_on > day + DUE_BEFORE)
    after = page.after_id()
    if after is not None:
        statement = statement.where(decision.c.id < after)
    return [
        {
            **{name: value for name, value in row.items() if name != "clearance_kind"},
            "due": due(row["follow_up_on"], day),
            "has_assessment": row["clearance_kind"] == "approved",
        }
        for row in session.connection().execute(statement).mappings()
    ]


def predicted(session: Session, follow_up: FollowUp) -> list[dict[str, Any]]:
    """The impacts that were predicted for the option chosen; for all options where it is not known which."""
    if follow_up.assessment_id is None:
        return []
    impacts = assessments.parts(session, follow_up.assessment_id, "impacts")
    chosen = follow_up.option_id
    return [impact for impact in impacts if chosen is None or impact["option_id"] == chosen]


def predicted_impact(session: Session, follow_up: FollowUp, impact_id: UUID) -> Impact:
    """One impact that was predicted for the option chosen."""
    impact = session.get(Impact, impact_id)
    chosen = follow_up.option_id
    if (
        impact is None
        or impact.assessment_id != follow_up.assessment_id
        or (chosen is not None and impact.option_id != chosen)
    ):
        raise NotFound("not_found", "No such impact was predicted for the option chosen.")
    return impact


def outcome_of(session: Session, follow_up: FollowUp, impact_id: UUID) -> Outcome | None:
    """What was told of one predicted impact."""
    return session.scalars(
        select(Outcome).where(col(Outcome.follow_up_id) == follow_up.id, col(Outcome.impact_id) == impact_id)
    ).one_or_none()


def unintended(session: Session, follow_up: FollowUp, unintended_id: UUID) -> UnintendedImpact:
    """One impact that nobody predicted."""
    row = session.get(UnintendedImpact, unintended_id)
    if row is None or row.follow_up_id != follow_up.id:
        raise NotFound("not_found", "The follow-up has no such impact.")
    return row


def comparison(session: Session, follow_up: FollowUp) -> dict[str, Any]:
    """Predicted against realised, impact by impact, and planned euros beside the ledger; at most twelve queries."""
    outcomes = {outcome["impact_id"]: outcome for outcome in _of(session, Outcome, follow_up.id)}
    lines = []
    counts = {"yes": 0, "partly": 0, "no": 0, "too_early": 0, "untold": 0}
    for impact in predicted(session, follow_up):
        outcome = outcomes.get(impact["id"])
        counts[outcome["realised"] if outcome else "untold"] += 1
        seen = outcome["direction"] if outcome else None
        came_true = None if seen is None else seen == impact["direction"]
        lines.append({"predicted": impact, "outcome": outcome, "direction_came_true": came_true})
    found = _of(session, UnintendedImpact, follow_up.id)
    budget = effect_of(session, session.get_one(Decision, follow_up.decision_id))
    return {"follow_up_id": follow_up.id, "lines": lines, "unintended": found, "counts": counts, "budget": budget}
