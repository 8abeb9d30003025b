"""Reading figures from the totals and sums kept: costs, income, internal items, and what of them is children's.

The database adds up, so that a question brings a row for each of its groups and no more.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Uuid, case, cast, func, literal, literal_column, select

from app.budgeting.models import Axis, Basis, Flow, LedgerSum, LedgerTotal
from app.database import Session, table_of
from app.errors import Fault, Invalid
from app.services.models import CostCentre, ImpactClass, Unit, UnitLevel
from app.services.queries import DEEPEST
from app.services.restating import NO_UNIT

_SUM, _TOTAL = table_of(LedgerSum), table_of(LedgerTotal)
_CENTRE, _UNIT = table_of(CostCentre), table_of(Unit)

CHILD_CLASSES = (ImpactClass.DIRECT, ImpactClass.INDIRECT, ImpactClass.COMMUNAL)
EXTERNAL = (Flow.COST, Flow.INCOME)
FLOWS = ((Flow.COST,), (Flow.INCOME,), (Flow.INTERNAL_COST, Flow.INTERNAL_INCOME))
"""What each of the first three values adds up, and of each the five age groups."""

WHOLE, CORE, EXTENDED, BY_AGE = 3, 3, 7, 11
"""Where values stand: three of flows; core, then extended, of the four groups of children; the flows by age group."""
VALUES = BY_AGE + 15


@cache
def _values(table: str, basis: Basis, *, by_age: bool) -> tuple[Any, ...]:
    """The sums that make a row's values, in their order; written out, since building them costs time."""
    of_sums = table == _SUM.name
    prior = of_sums and basis is Basis.PRIOR
    impact_class = f"{table}.prior_impact_class" if prior else f"{table}.impact_class"
    parts = [f"{table}.{'prior' if prior else 'part'}_{place}" for place in range(5)]
    flows = [f"{table}.flow IN ({_listed(of)})" for of in FLOWS]
    made = [_sum(f"{table}.cents", flow) for flow in flows]
    for classes in (CHILD_CLASSES[:1], CHILD_CLASSES):
        condition = f"{table}.flow IN ({_listed(EXTERNAL)}) AND {impact_class} IN ({_listed(classes)})"
        made += [_sum(part, condition) for part in parts[:-1]]
    if by_age:
        made += [_sum(part, flow) for flow in flows for part in parts]
    return tuple(made)


def _listed(codes: Iterable[StrEnum]) -> str:
    return ", ".join(f"'{code.value}'" for code in codes)


def _sum(column: str, condition: str) -> Any:
    return literal_column(f"CAST(coalesce(sum({column}) FILTER (WHERE {condition}), 0) AS BIGINT)", BigInteger())


def check_unit(session: Session, unit_id: UUID, organisation_id: UUID) -> None:
    """Invalid where the organisation has no such unit."""
    statement = select(_UNIT.c.id).where(_UNIT.c.id == unit_id, _UNIT.c.organisation_id == organisation_id)
    if session.connection().execute(statement).one_or_none() is None:
        raise Invalid("invalid", "There is no such unit.", [Fault("unit_id", "There is no such unit here.")])


def homes(organisation_id: UUID, level: UnitLevel, top: UUID | None) -> Any:
    """Each unit with its home: the unit of the level that it is or is under, or the lowest above it where it is higher.

    From the whole tree, or from one unit downwards.
    """
    levels = tuple(UnitLevel)
    shown = [code.value for code in levels[: levels.index(level) + 1]]
    start = _UNIT.c.id == top if top is not None else _UNIT.c.parent_id.is_(None)
    first = select(_UNIT.c.id, _UNIT.c.id.label("home"), literal(0).label("depth"))
    found = first.where(_UNIT.c.organisation_id == organisation_id, start).cte("homes", recursive=True)
    home = case((_UNIT.c.level.in_(shown), _UNIT.c.id), else_=found.c.home)
    below = select(_UNIT.c.id, home, found.c.depth + 1).where(_UNIT.c.parent_id == found.c.id, found.c.depth < DEEPEST)
    return found.union_all(below)


class Totals:
    """Figures from the totals by unit or by service class: for questions that name no cost centre."""

    def __init__(
        self,
        session: Session,
        axis: Axis,
        homes: Any,
        *,
        all_homes: bool,
        keys: Sequence[UUID] | None,
        code: str | None,
    ) -> None:
        """With `homes` units are rolled up to theirs; where not `all_homes` only those that have one count."""
        self._session = session
        self._axis = axis
        self._homes = homes
        self._all_homes = all_homes
        self._conditions: list[Any] = [] if keys is None else [_TOTAL.c.key.in_(keys)]
        if code is not None:
            self._conditions.append(_TOTAL.c.impact_class == code)

    def rows(self, ledgers: Sequence[int], by: Sequence[str], *, by_age: bool) -> list[Any]:
        """For each ledger, basis and what it is grouped by, the values; one query."""
        homes = self._homes
        key = _TOTAL.c.key if homes is None else func.coalesce(homes.c.home, literal(NO_UNIT, Uuid()))
        columns = {"unit_id": key, "service_class_id": key, "impact_class": _TOTAL.c.impact_class}
        grouped = [_TOTAL.c.ledger, _TOTAL.c.basis, *(columns[name] for name in by)]
        values = _values(_TOTAL.name, Basis.PRESENT, by_age=by_age)
        return self._asked(select(*grouped, *values), ledgers, grouped)

    def gross(self, ledgers: Sequence[int]) -> list[Any]:
        """Cents of each ledger by impact class and flow, internal items left out; one query."""
        grouped = [_TOTAL.c.ledger, _TOTAL.c.impact_class, _TOTAL.c.flow]
        statement = select(*grouped, cast(func.sum(_TOTAL.c.cents), BigInteger)).where(
            _TOTAL.c.basis == Basis.PRESENT, _TOTAL.c.flow.in_(EXTERNAL)
        )
        return self._asked(statement, ledgers, grouped)

    def _asked(self, statement: Any, ledgers: Sequence[int], grouped: Sequence[Any]) -> list[Any]:
        homes = self._homes
        of = _TOTAL if homes is None else _TOTAL.join(homes, homes.c.id == _TOTAL.c.key, isouter=self._all_homes)
        asked = statement.select_from(of).where(
            _TOTAL.c.ledger.in_(ledgers), _TOTAL.c.axis == self._axis, *self._conditions
        )
        return list(self._session.connection().execute(asked.group_by(*grouped)))


class Sums:
    """Figures from the sums by cost centre and service class: for every other question."""

    def __init__(
        self, session: Session, homes: Any, *, all_homes: bool, conditions: Mapping[str, Sequence[Any] | None]
    ) -> None:
        """`conditions` are columns and the values they may have; for `homes` see `Totals`."""
        self._session = session
        self._homes = homes
        self._all_homes = all_homes
        self._conditions = {name: values for name, values in conditions.items() if values is not None}

    def rows(self, ledgers: Sequence[int], by: Sequence[str], *, by_age: bool) -> list[Any]:
        """For each ledger, basis and what it is grouped by, the values; two queries."""
        return [row for basis in Basis for row in self._of_basis(ledgers, by, basis, by_age=by_age)]

    def _of_basis(self, ledgers: Sequence[int], by: Sequence[str], basis: Basis, *, by_age: bool) -> list[Any]:
        impact_class = _SUM.c.impact_class if basis is Basis.PRESENT else _SUM.c.prior_impact_class
        columns = {**self._columns(), "impact_class": impact_class}
        grouped = [_SUM.c.ledger, *(columns[name] for name in by)]
        values = _values(_SUM.name, basis, by_age=by_age)
        told = literal(basis.value).label("basis")
        statement = select(_SUM.c.ledger, told, *grouped[1:], *values)
        return self._asked(statement, ledgers, grouped, impact_class)

    def gross(self, ledgers: Sequence[int]) -> list[Any]:
        """Cents of each ledger by impact class and flow, internal items left out; one query."""
        grouped = [_SUM.c.ledger, _SUM.c.impact_class, _SUM.c.flow]
        statement = select(*grouped, cast(func.sum(_SUM.c.cents), BigInteger)).where(_SUM.c.flow.in_(EXTERNAL))
        return self._asked(statement, ledgers, grouped, _SUM.c.impact_class)

    def _columns(self) -> dict[str, Any]:
        home = self._homes.c.home if self._homes is not None else None
        return {
            "unit_id": home,
            "cost_centre_id": _SUM.c.cost_centre_id,
            "service_class_id": _SUM.c.service_class_id,
        }

    def _asked(self, statement: Any, ledgers: Sequence[int], grouped: Sequence[Any], impact_class: Any) -> list[Any]:
        homes = self._homes
        if homes is not None:
            of = _SUM.join(_CENTRE, _CENTRE.c.id == _SUM.c.cost_centre_id)
            statement = statement.select_from(of.join(homes, homes.c.id == _CENTRE.c.unit_id, isouter=self._all_homes))
        columns = {**self._columns(), "impact_class": impact_class}
        for name, values in self._conditions.items():
            statement = statement.where(columns[name].in_(values))
        return list(self._session.connection().execute(statement.where(_SUM.c.ledger.in_(ledgers)).group_by(*grouped)))
