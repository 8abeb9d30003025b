"""What a decision moves in the child budget: its planned euros run through the same rules, and what the ledger says."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, cast, func, select

from app.budgeting.models import CoverageGap, Flow, Ledger, LedgerState, LedgerSum, Phase
from app.budgeting.rules import CHILDREN, NOTHING, RULE_VERSION, Split, is_child_money, largest_remainder
from app.budgeting.sums import PARTS, Splitting
from app.conventions.schemas import money
from app.database import Session, table_of
from app.services.models import ImpactClass
from app.services.rules import AGE_GROUPS

_LEDGER, _SUM = table_of(Ledger), table_of(LedgerSum)
_LIKELIEST = (Phase.AMENDED_BUDGET, Phase.BUDGET, Phase.FORECAST, Phase.ACTUAL)
"""Which ledger of a year tells best how a cost centre's money is divided among service classes."""

Planned = Mapping[str, Any]


def budget_effect(
    session: Session, organisation_id: UUID, planned: Sequence[Planned], service_class_ids: Sequence[UUID]
) -> dict[str, Any] | None:
    """What a decision's planned changes (cost centre, year, cents) move, by year; None where it has none.

    Core, extended and each age group, and what is not classified. At most five queries. Source: what no other system
    has, 3.
    """
    if not planned:
        return None
    service = service_class_ids[0] if len(service_class_ids) == 1 else None
    years = sorted({row["year"] for row in planned})
    splitting = Splitting(session, organisation_id, years)
    by_year: dict[int, list[Split]] = {year: [] for year in years}
    rows = [{**row, "service_class_id": service} for row in planned]
    for row, splits in zip(rows, splits_of(session, organisation_id, rows, splitting), strict=True):
        by_year[row["year"]] += splits
    return {
        "rule_version": RULE_VERSION,
        "years": [_told(year, splitting.population_year(year), splits) for year, splits in by_year.items()],
    }


def splits_of(
    session: Session, organisation_id: UUID, planned: Sequence[Planned], splitting: Splitting
) -> list[list[Split]]:
    """How each planned change (cost centre, service class or None, year, cents) falls on the age groups.

    It is classified by its cost centre and service class as a line would be; where that is not, it is divided as the
    cost centre's money is in its latest ledger, and each part is classified. One query, none where all are classified.
    """
    direct = [
        splitting.present(row["year"], row["cost_centre_id"], row["service_class_id"], row["cents"]) for row in planned
    ]
    open_ones = {
        row["cost_centre_id"]
        for row, split in zip(planned, direct, strict=True)
        if split.impact_class == CoverageGap.UNCLASSIFIED
    }
    last = max((row["year"] for row in planned), default=0)
    divided = _divisions(session, organisation_id, open_ones, last) if open_ones else {}
    found = []
    for row, split in zip(planned, direct, strict=True):
        centre = row["cost_centre_id"]
        if split.impact_class == CoverageGap.UNCLASSIFIED and centre in divided:
            classes = list(divided[centre])
            parts = largest_remainder(row["cents"], [divided[centre][key] for key in classes])
            found.append(
                [splitting.present(row["year"], centre, key, part) for key, part in zip(classes, parts, strict=True)]
            )
        else:
            found.append([split])
    return found


def _told(year: int, population_year: int | None, splits: Sequence[Split]) -> dict[str, Any]:
    core, extended = by_age_group(splits)
    return {
        "year": year,
        "population_year": population_year,
        "total": money(sum(split.cents for split in splits)),
        "core": money(sum(core)),
        "extended": money(sum(extended)),
        "unclassified": money(sum(split.cents for split in splits if split.parts == NOTHING)),
        "age_groups": [
            {"age_group": AGE_GROUPS[place].value, "core": money(core[place]), "extended": money(extended[place])}
            for place in CHILDREN
        ],
    }


def by_age_group(splits: Iterable[Split]) -> tuple[list[int], list[int]]:
    """Core and extended cents of each age group, the youngest first; nothing of it is adults'."""
    core, extended = [0] * 5, [0] * 5
    for split in splits:
        if is_child_money(split.impact_class):
            for place in CHILDREN:
                extended[place] += split.parts[place]
                if split.impact_class == ImpactClass.DIRECT:
                    core[place] += split.parts[place]
    return core, extended


def _divisions(
    session: Session, organisation_id: UUID, cost_centre_ids: set[UUID], last: int
) -> dict[UUID, dict[UUID | None, int]]:
    """How each cost centre's money is divided among service classes in its latest ledger up to a year, in cents."""
    statement = (
        select(
            _SUM.c.cost_centre_id,
            _SUM.c.service_class_id,
            _LEDGER.c.year,
            _LEDGER.c.phase,
            cast(func.sum(func.abs(_SUM.c.cents)), BigInteger).label("size"),
        )
        .join(_LEDGER, _LEDGER.c.number == _SUM.c.ledger)
        .where(
            _LEDGER.c.organisation_id == organisation_id,
            _LEDGER.c.state == LedgerState.CURRENT,
            _LEDGER.c.year <= last,
            _SUM.c.cost_centre_id.in_(cost_centre_ids),
            _SUM.c.flow == Flow.COST,
        )
        .group_by(_SUM.c.cost_centre_id, _SUM.c.service_class_id, _LEDGER.c.year, _LEDGER.c.phase)
    )
    rows = session.connection().execute(statement).all()
    best: dict[UUID, tuple[int, int]] = {}
    for row in rows:
        rank = (row.year, -_LIKELIEST.index(Phase(row.phase)))
        best[row.cost_centre_id] = max(best.get(row.cost_centre_id, rank), rank)
    found: dict[UUID, dict[UUID | None, int]] = {}
    for row in rows:
        if (row.year, -_LIKELIEST.index(Phase(row.phase))) == best[row.cost_centre_id] and row.size:
            found.setdefault(row.cost_centre_id, {})[row.service_class_id] = row.size
    return found


def ledger_beside(session: Session, organisation_id: UUID, planned: Sequence[Planned]) -> list[dict[str, Any]]:
    """For each year of planned changes, what the ledger says of the same cost centres: that year and the year before.

    For each phase that both years have: net of the two and their difference, and of what falls on children. It is the
    cost centres' whole change, whatever else caused it. One query.
    """
    centres: dict[int, set[UUID]] = {}
    for row in planned:
        centres.setdefault(row["year"], set()).add(row["cost_centre_id"])
    every = set[UUID]().union(*centres.values())
    years = set(centres) | {year - 1 for year in centres}
    children = sum(_SUM.c[name] for name in PARTS[:-1])
    statement = (
        select(
            _LEDGER.c.year,
            _LEDGER.c.phase,
            _SUM.c.cost_centre_id,
            cast(func.sum(_SUM.c.cents), BigInteger).label("net"),
            cast(func.sum(children), BigInteger).label("extended"),
        )
        .join(_LEDGER, _LEDGER.c.number == _SUM.c.ledger)
        .where(
            _LEDGER.c.organisation_id == organisation_id,
            _LEDGER.c.state == LedgerState.CURRENT,
            _LEDGER.c.year.in_(sorted(years)),
            _SUM.c.cost_centre_id.in_(every),
            _SUM.c.flow.in_((Flow.COST, Flow.INCOME)),
        )
        .group_by(_LEDGER.c.year, _LEDGER.c.phase, _SUM.c.cost_centre_id)
    )
    rows = session.connection().execute(statement).all() if every else []
    told = []
    for year, of in sorted(centres.items()):
        planned_cents = sum(row["cents"] for row in planned if row["year"] == year)
        phases = []
        for phase in Phase:
            now, then = (
                [row for row in rows if (row.year, row.phase) == (at, phase) and row.cost_centre_id in of]
                for at in (year, year - 1)
            )
            if now and then:
                phases.append({"phase": phase.value, **_two_years(now, then)})
        told.append({"year": year, "planned": money(planned_cents), "ledger": phases})
    return told


def _two_years(now: Sequence[Any], then: Sequence[Any]) -> dict[str, Any]:
    said: dict[str, Any] = {}
    for name in ("net", "extended"):
        after, before = (sum(getattr(row, name) for row in rows) for rows in (now, then))
        said[name] = {"before": money(before), "after": money(after), "change": money(after - before)}
    return said
