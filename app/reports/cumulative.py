"""What all decisions in force do together: many small changes that touch the same children (domain, 4)."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select

from app.access.rules import Caller
from app.assessments.models import Direction, Impact
from app.budgeting.effect import by_age_group, splits_of
from app.budgeting.rules import CHILDREN, RULE_VERSION, Split, is_child_money
from app.budgeting.sums import Splitting
from app.conventions.schemas import money
from app.database import Session, table_of
from app.decisions.models import ClearanceKind, Decision, DecisionServiceClass, PlannedChange
from app.decisions.rules import FOLLOWED_UP_STATES, clearance_at
from app.errors import Fault, Invalid
from app.services.models import ImpactClass
from app.services.rules import AGE_GROUPS

_DECISION, _PLANNED, _IMPACT = table_of(Decision), table_of(PlannedChange), table_of(Impact)
_SERVICE = table_of(DecisionServiceClass)
LONGEST_YEARS = 20


class _Group:
    """What is gathered of one group."""

    def __init__(self) -> None:
        self.decisions: set[UUID] = set()
        self.directions = dict.fromkeys((direction.value for direction in Direction), 0)
        self.core = self.extended = 0

    def told(self) -> dict[str, Any]:
        """The group as the API gives it."""
        return {
            "decisions": len(self.decisions),
            "directions": self.directions,
            "core": money(self.core),
            "extended": money(self.extended),
        }


def effect(session: Session, since: date, until: date, *, visible_to: Caller) -> dict[str, Any]:
    """What the decisions in force in a period do together; at most eight queries, however many decisions.

    Raises Invalid where the period ends before it begins, or is longer than twenty years.
    """
    for permission in ("decisions:read", "assessments:read", "child-budget:read"):
        visible_to.require(permission)
    if until < since or until.year - since.year >= LONGEST_YEARS:
        raise Invalid("invalid", "The period cannot be.", [Fault("until", "Give a later day, within twenty years.")])
    decisions = _in_force(session, until, visible_to.organisation_id)
    counted = [row for row in decisions if not row.excluded]
    ids = [row.id for row in counted]
    planned = _planned(session, ids, since.year, until.year)
    splitting = Splitting(session, visible_to.organisation_id, {row["year"] for row in planned})
    of_decision: dict[UUID, list[Split]] = {}
    for row, splits in zip(planned, splits_of(session, visible_to.organisation_id, planned, splitting), strict=True):
        of_decision.setdefault(row["decision_id"], []).extend(splits)
    by_age = {group.value: _Group() for group in AGE_GROUPS}
    by_child: dict[str, _Group] = {}
    for decision_id, splits in of_decision.items():
        core, extended = by_age_group(splits)
        for place in CHILDREN:
            group = by_age[AGE_GROUPS[place]]
            group.core += core[place]
            group.extended += extended[place]
            if extended[place]:
                group.decisions.add(decision_id)
    assessed = {row.id: assessment_id for row in counted if (assessment_id := _assessment_used(row)) is not None}
    options = {row.id: row.chosen_option_id for row in counted}
    for decision_id, impact in _impacts(session, assessed):
        if options[decision_id] in {None, impact.option_id}:
            _count(decision_id, impact, by_age, by_child)
    for group in by_child.values():
        core, extended = by_age_group(split for key in group.decisions for split in of_decision.get(key, ()))
        group.core, group.extended = sum(core), sum(extended)
    return _told(since, until, decisions, counted, assessed, of_decision, by_age, by_child)


def _told(
    since: date,
    until: date,
    decisions: Sequence[Any],
    counted: Sequence[Any],
    assessed: dict[UUID, UUID],
    of_decision: dict[UUID, list[Split]],
    by_age: dict[str, _Group],
    by_child: dict[str, _Group],
) -> dict[str, Any]:
    splits = [split for found in of_decision.values() for split in found]
    core, extended = by_age_group(splits)
    left = (split.cents for split in splits if not is_child_money(split.impact_class) and not _is_none(split))
    return {
        "from": since,
        "until": until,
        "decisions": len(counted),
        "unassessed": len(counted) - len(assessed),
        "excluded": len(decisions) - len(counted),
        "rule_version": RULE_VERSION,
        "planned": money(sum(split.cents for split in splits)),
        "core": money(sum(core)),
        "extended": money(sum(extended)),
        "unclassified": money(sum(left)),
        "age_groups": [{"age_group": code, **group.told()} for code, group in by_age.items()],
        "child_groups": [{"child_group": code, **group.told()} for code, group in sorted(by_child.items())],
    }


def _is_none(split: Split) -> bool:
    return split.impact_class == ImpactClass.NONE


def _assessment_used(row: Any) -> UUID | None:
    """The assessment that cleared a decision for its meeting, if one did."""
    clearance = clearance_at(row.clearances, row.decided_on)
    return UUID(clearance["assessment_id"]) if clearance and clearance["kind"] == ClearanceKind.APPROVED else None


def _count(decision_id: UUID, impact: Any, by_age: dict[str, _Group], by_child: dict[str, _Group]) -> None:
    touched = [by_age[code] for code in impact.age_groups]
    touched += [by_child.setdefault(code, _Group()) for code in impact.child_groups]
    for group in touched:
        group.decisions.add(decision_id)
        group.directions[impact.direction] += 1


def _in_force(session: Session, until: date, organisation_id: UUID) -> list[Any]:
    """Decisions that were taken by a day and stand, of task classes set aside too; one query."""
    columns = [_DECISION.c[name] for name in ("id", "excluded", "chosen_option_id", "clearances", "decided_on")]
    statement = select(*columns).where(
        _DECISION.c.organisation_id == organisation_id,
        _DECISION.c.state.in_(FOLLOWED_UP_STATES),
        _DECISION.c.decided_on <= until,
    )
    return list(session.connection().execute(statement))


def _planned(session: Session, decision_ids: Sequence[UUID], first: int, last: int) -> list[dict[str, Any]]:
    """Planned changes of decisions in some years, each with the decision's service class where it has just one."""
    services: dict[UUID, set[UUID]] = {}
    connection = session.connection()
    for some in _chunks(decision_ids):
        for row in connection.execute(select(_SERVICE).where(_SERVICE.c.decision_id.in_(some))):
            services.setdefault(row.decision_id, set()).add(row.service_class_id)
    rows: list[dict[str, Any]] = []
    columns = [_PLANNED.c[name] for name in ("decision_id", "cost_centre_id", "year", "cents")]
    for some in _chunks(decision_ids):
        statement = select(*columns).where(_PLANNED.c.decision_id.in_(some), _PLANNED.c.year.between(first, last))
        for planned in connection.execute(statement).mappings():
            named = services.get(planned["decision_id"], set())
            rows.append({**planned, "service_class_id": next(iter(named)) if len(named) == 1 else None})
    return rows


def _impacts(session: Session, assessed: dict[UUID, UUID]) -> Iterable[tuple[UUID, Any]]:
    """The impacts that the decisions' assessments predict, each with its decision."""
    columns = [_IMPACT.c[name] for name in ("assessment_id", "option_id", "direction", "age_groups", "child_groups")]
    of = {assessment_id: decision_id for decision_id, assessment_id in assessed.items()}
    for some in _chunks(list(of)):
        for row in session.connection().execute(select(*columns).where(_IMPACT.c.assessment_id.in_(some))):
            yield of[row.assessment_id], row


def _chunks(ids: Sequence[UUID]) -> Iterable[Sequence[UUID]]:
    """Some thousands at a time: a statement has its limits."""
    return (ids[start : start + 5000] for start in range(0, len(ids), 5000))
