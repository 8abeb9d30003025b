"""The child budget as a table: what is asked, gathered from the sums, and told with everything it rests on."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from app.access.rules import Caller
from app.budgeting import figures, queries, sums
from app.budgeting.models import CLASSES, Axis, Basis, CoverageGap, Flow, Phase
from app.budgeting.rules import CHILDREN, RULE_VERSION, per_head, population_of, share_of
from app.conventions.schemas import money
from app.database import Session, breathe
from app.errors import Fault, Invalid
from app.services.models import CostCentre, ImpactClass, ServiceClass, Unit, UnitLevel
from app.services.queries import population_counts
from app.services.restating import NO_UNIT
from app.services.rules import AGE_GROUPS

MOST_ROWS = 20_000
NOT_SPLIT = len(AGE_GROUPS)
"""Stands for the age group of what is not split."""
PHASES = tuple(Phase)
_CLASSES = tuple(str(code) for code in CLASSES)
_SPLIT_CLASSES = frozenset(str(code) for code in ImpactClass)
_BUDGET_OF = {
    Phase.ACTUAL: (Phase.AMENDED_BUDGET, Phase.BUDGET),
    Phase.FORECAST: (Phase.AMENDED_BUDGET, Phase.BUDGET),
    Phase.AMENDED_BUDGET: (Phase.BUDGET,),
    Phase.BUDGET: (),
}
"""What a phase is set against: the first of these that the year has."""


class Dimension(StrEnum):
    """What the child budget can be grouped by."""

    UNIT = "unit"
    COST_CENTRE = "cost_centre"
    SERVICE_CLASS = "service_class"
    IMPACT_CLASS = "impact_class"
    AGE_GROUP = "age_group"


@dataclass(frozen=True, slots=True)
class Asked:
    """Which child budget is asked for. Empty filters mean all."""

    years: tuple[int, ...]
    phases: tuple[Phase, ...] = (Phase.BUDGET,)
    group_by: tuple[Dimension, ...] = ()
    unit_level: UnitLevel = UnitLevel.SECTOR
    unit_id: UUID | None = None
    cost_centre_ids: tuple[UUID, ...] = ()
    service_class_ids: tuple[UUID, ...] = ()
    impact_class: str | None = None


Key = tuple[Any, ...]

_COLUMNS = {
    Dimension.UNIT: "unit_id",
    Dimension.COST_CENTRE: "cost_centre_id",
    Dimension.SERVICE_CLASS: "service_class_id",
    Dimension.IMPACT_CLASS: "impact_class",
}
"""What the rows that are gathered call it."""


class Sum:
    """Money of one key: its values, in the order of `figures`."""

    __slots__ = ("values",)

    def __init__(self, values: Sequence[int] = ()) -> None:
        self.values = [*values, *[0] * (figures.VALUES - len(values))]

    def add(self, values: Iterable[int]) -> None:
        """Add values to these, one by one."""
        for place, cents in enumerate(values):
            self.values[place] += cents

    def amounts(self, group: int | None) -> dict[str, int]:
        """Net, cost, income, internal, core and extended in cents: of all, an age group, or (5) what is not split.

        Nothing of what is not split is children's, nor anything of those of age (4).
        """
        values, by_age = self.values, figures.BY_AGE
        core = values[figures.CORE : figures.EXTENDED]
        extended = values[figures.EXTENDED : by_age]
        cost, income, internal = values[: figures.WHOLE]
        if group is None:
            children = (sum(core), sum(extended))
        else:
            children = (core[group], extended[group]) if group in CHILDREN else (0, 0)
            ages = [values[by_age + 5 * flow : by_age + 5 * flow + 5] for flow in range(3)]
            if group == NOT_SPLIT:
                cost, income, internal = cost - sum(ages[0]), income - sum(ages[1]), internal - sum(ages[2])
            else:
                cost, income, internal = (of_flow[group] for of_flow in ages)
        flows = {"net": cost + income, "cost": cost, "income": income, "internal": internal}
        return {**flows, "core": children[0], "extended": children[1]}


Gross = dict[tuple[str, str], int]
"""Costs and income by impact class and flow."""


def coverage_of(gross: Gross) -> float | None:
    """The share of euros that are split, costs and income both counted without their signs."""
    split = sum(abs(cents) for (code, _), cents in gross.items() if code in _SPLIT_CLASSES)
    return share_of(split, sum(abs(cents) for cents in gross.values()))


Table = dict[Key, Sum]
_NOTHING = Sum()


class Report:
    """Gathers what was asked in a fixed number of queries, and tells it."""

    def __init__(self, session: Session, asked: Asked, organisation_id: UUID) -> None:
        self.session = session
        self.asked = asked
        self.organisation_id = organisation_id
        self.revision = sums.revision(session, organisation_id)
        years = {*asked.years, *(year - 1 for year in asked.years)}
        self.ledgers = queries.current_ledgers(session, organisation_id, sorted(years))
        self.counts = population_counts(session, organisation_id)
        self.by_unit = Dimension.UNIT in asked.group_by or asked.unit_id is not None
        self.by_service = Dimension.SERVICE_CLASS in asked.group_by or bool(asked.service_class_ids)
        self.counterparts = sums.counterparts(session, organisation_id, set(asked.years)) if self.by_service else {}
        self.later = {earlier: later for later, earlier in self.counterparts.items() if earlier is not None}
        self._of_ledger = {row.number: (row.year, row.phase) for row in self.ledgers}
        self.present: dict[tuple[int, str], Table] = {}
        self.prior: dict[tuple[int, str], Table] = {}
        self.gross: dict[tuple[int, str], Gross] = {}
        self._gather()

    def _gather(self) -> None:
        asked = self.asked
        if asked.unit_id is not None:
            figures.check_unit(self.session, asked.unit_id, self.organisation_id)
        needed = {phase for asked_phase in asked.phases for phase in (asked_phase, *_BUDGET_OF[asked_phase])}
        numbers = [row.number for row in self.ledgers if row.phase in needed]
        if not numbers:
            return
        source = self._source()
        by = [_COLUMNS[dimension] for dimension in asked.group_by if dimension is not Dimension.AGE_GROUP]
        for row in source.rows(numbers, by, by_age=Dimension.AGE_GROUP in asked.group_by):
            tables = self.present if row[1] == Basis.PRESENT else self.prior
            table = tables.setdefault(self._of_ledger[row[0]], {})
            key = tuple(None if value == NO_UNIT else value for value in row[2 : 2 + len(by)])
            values = row[2 + len(by) :]
            if key in table:
                table[key].add(values)
            else:
                table[key] = Sum(values)
        for ledger, impact_class, flow, cents in source.gross(numbers):
            gross = self.gross.setdefault(self._of_ledger[ledger], {})
            gross[impact_class, flow] = gross.get((impact_class, flow), 0) + cents

    def _source(self) -> figures.Totals | figures.Sums:
        """Where the figures come from: the totals, unless cost centres are named, or units and services together."""
        asked = self.asked
        homes = figures.homes(self.organisation_id, asked.unit_level, asked.unit_id) if self.by_unit else None
        classes, all_homes = self._classes_asked(), asked.unit_id is None
        if Dimension.COST_CENTRE in asked.group_by or asked.cost_centre_ids or (self.by_unit and self.by_service):
            conditions: dict[str, Sequence[Any] | None] = {"service_class_id": classes}
            conditions["cost_centre_id"] = asked.cost_centre_ids or None
            conditions["impact_class"] = [asked.impact_class] if asked.impact_class is not None else None
            return figures.Sums(self.session, homes, all_homes=all_homes, conditions=conditions)
        axis = Axis.SERVICE_CLASS if self.by_service else Axis.UNIT
        code = asked.impact_class
        return figures.Totals(self.session, axis, homes, all_homes=all_homes, keys=classes, code=code)

    def _classes_asked(self) -> list[UUID] | None:
        """The service classes asked for, and what they were in the year before."""
        if not self.asked.service_class_ids:
            return None
        earlier = [self.counterparts.get(key) for key in self.asked.service_class_ids]
        return [*self.asked.service_class_ids, *(key for key in earlier if key is not None)]

    def told(self) -> dict[str, Any]:
        """The child budget with its rows, headlines, and everything they rest on."""
        asked = self.asked
        headlines, rows = [], []
        by_age = Dimension.AGE_GROUP in asked.group_by
        wanted = [(year, phase) for year in asked.years for phase in PHASES if phase in asked.phases]
        there = [
            (year, phase) for year, phase in wanted if any(r.year == year and r.phase == phase for r in self.ledgers)
        ]
        for year, phase in there:
            teller = _Teller(self, year, phase)
            headlines.append(teller.headline())
            for number, key in enumerate(teller.every_key()):
                if not number % 250:
                    breathe()
                for group in (*range(6),) if by_age else (None,):
                    row = teller.row(key, group)
                    if row is not None:
                        rows.append((key, group, row))
        if len(rows) > MOST_ROWS:
            fault = Fault("group_by", f"It has {len(rows)} rows; at most {MOST_ROWS} are told at a time.")
            raise Invalid("too_many_rows", "Ask for fewer years or groups, or filter by a unit.", [fault])
        return {
            "rule_version": RULE_VERSION,
            "revision": self.revision,
            "years": list(asked.years),
            "phases": [phase.value for phase in asked.phases],
            "group_by": [dimension.value for dimension in asked.group_by],
            "unit_level": asked.unit_level.value if Dimension.UNIT in asked.group_by else None,
            "missing": [{"year": year, "phase": phase.value} for year, phase in wanted if (year, phase) not in there],
            "ledgers": [self._ledger(row) for row in self.ledgers if (row.year, row.phase) in there],
            "populations": [self._population(year) for year in dict.fromkeys(year for year, _ in there)],
            "headlines": headlines,
            "rows": self._named(rows),
        }

    def _ledger(self, row: Any) -> dict[str, Any]:
        names = ("id", "year", "phase", "source", "lines", "digest", "imported_at")
        return {name: getattr(row, name) for name in names}

    def _population(self, year: int) -> dict[str, Any]:
        found = population_of(self.counts, year)
        used, counts = found or (None, None)
        return {"year": year, "from_year": used, "counts": list(counts) if counts else None}

    def _named(self, rows: list[tuple[Key, int | None, dict[str, Any]]]) -> list[dict[str, Any]]:
        """The rows with codes and names in place of ids, in the order of code."""
        asked = self.asked.group_by
        plain = [dimension for dimension in asked if dimension is not Dimension.AGE_GROUP]
        tables = {Dimension.UNIT: Unit, Dimension.COST_CENTRE: CostCentre, Dimension.SERVICE_CLASS: ServiceClass}
        names: dict[Dimension, Mapping[UUID, Any]] = {}
        for place, dimension in enumerate(plain):
            if dimension in tables:
                ids = {key[place] for key, _, _ in rows if key[place] is not None}
                names[dimension] = queries.named(self.session, tables[dimension], ids)
        told = []
        for key, group, row in rows:
            said: dict[Dimension, Any] = {}
            order: list[Any] = [row["year"], PHASES.index(Phase(row["phase"]))]
            for place, dimension in enumerate(plain):
                if dimension is Dimension.IMPACT_CLASS:
                    said[dimension] = key[place]
                    order.append(_CLASSES.index(key[place]))
                else:
                    said[dimension] = names[dimension].get(key[place]) if key[place] is not None else None
                    order.append((said[dimension] is None, (said[dimension] or {"code": ""})["code"]))
            if group is not None:
                said[Dimension.AGE_GROUP] = AGE_GROUPS[group].value if group < 5 else None
                order.append(group)
            told.append((order, {**{name.value: value for name, value in said.items()}, **row}))
        told.sort(key=lambda pair: pair[0])
        return [row for _, row in told]


class _Teller:
    """Tells the rows of one year and phase."""

    def __init__(self, report: Report, year: int, phase: Phase) -> None:
        self.report, self.year, self.phase = report, year, phase
        self.present = report.present.get((year, phase), {})
        self.prior = report.prior.get((year, phase), {})
        has = {(row.year, row.phase) for row in report.ledgers}
        self.looks_back = (year - 1, phase) in has
        self.earlier = self._as_this_year(report.present.get((year - 1, phase), {}))
        against = [other for other in _BUDGET_OF[phase] if (year, other) in has]
        self.budget_phase = against[0] if against else None
        self.budget = report.present.get((year, against[0]), {}) if against else {}
        found = population_of(report.counts, year)
        self.people = list(found[1]) if found else None
        self.whole = _together(self.present.values())
        self.net = self.whole.amounts(None)["net"]

    def _as_this_year(self, table: Table) -> Table:
        """Last year's table with this year's service classes in its keys, where they are the same."""
        asked = [dimension for dimension in self.report.asked.group_by if dimension is not Dimension.AGE_GROUP]
        if Dimension.SERVICE_CLASS not in asked:
            return table
        place = asked.index(Dimension.SERVICE_CLASS)
        later = self.report.later
        return {
            (*key[:place], later.get(key[place], key[place]), *key[place + 1 :]): sum_ for key, sum_ in table.items()
        }

    def every_key(self) -> list[Key]:
        """Every key that has money this year, or had last year, or by last year's classification, or in the budget."""
        gone = {**self.earlier, **self.prior} if self.looks_back else {}
        return list(dict.fromkeys([*self.present, *gone, *self.budget]))

    def headline(self) -> dict[str, Any]:
        """The whole of the year and phase, with each age group, coverage and what is not split."""
        row = self._told(None, self.whole, _together(self.prior.values()), _together(self.earlier.values()))
        row["against_budget"] = self._against(None, self.whole, _together(self.budget.values()))
        groups = []
        for group in CHILDREN:
            amounts = self.whole.amounts(group)
            named = {"age_group": AGE_GROUPS[group].value, "people": self.people[group] if self.people else None}
            groups.append({**named, **{name: self._figure(amounts[name], group) for name in ("core", "extended")}})
        gross = self.report.gross.get((self.year, self.phase), {})
        left = {
            flow: sum(gross.get((gap, flow), 0) for gap in CoverageGap) for flow in (Flow.COST.value, Flow.INCOME.value)
        }
        left["net"] = sum(left.values())
        return {
            **row,
            "children": sum(self.people[place] for place in CHILDREN) if self.people else None,
            "age_groups": groups,
            "coverage": coverage_of(gross),
            "unclassified": {name: money(cents) for name, cents in left.items()},
        }

    def row(self, key: Key, group: int | None) -> dict[str, Any] | None:
        """The row of a key, or of an age group of it; None where there is nothing to tell."""
        found = [table.get(key, _NOTHING) for table in (self.present, self.prior, self.earlier, self.budget)]
        seen = found if self.looks_back else [found[0], found[3]]
        if group is not None and not any(any(sum_.amounts(group).values()) for sum_ in seen):
            return None
        row = self._told(group, *found[:3])
        row["against_budget"] = self._against(group, found[0], found[3])
        return row

    def _told(self, group: int | None, present: Sum, prior: Sum, earlier: Sum) -> dict[str, Any]:
        amounts = present.amounts(group)
        change = None
        if self.looks_back:
            then, otherwise = earlier.amounts(group), prior.amounts(group)
            change = {"since": self.year - 1, "net": money(amounts["net"] - then["net"])}
            for name in ("core", "extended"):
                total, classification = amounts[name] - then[name], amounts[name] - otherwise[name]
                split = {"total": total, "money": total - classification, "classification": classification}
                change[name] = {part: money(cents) for part, cents in split.items()}
        return {
            "year": self.year,
            "phase": self.phase.value,
            **{name: money(amounts[name]) for name in ("net", "cost", "income", "internal")},
            "share": share_of(amounts["net"], self.net),
            **{name: self._figure(amounts[name], group) for name in ("core", "extended")},
            "change": change,
        }

    def _figure(self, cents: int, group: int | None) -> dict[str, Any]:
        """An amount with its share of the year's net and the sum a child."""
        people = None
        if self.people is not None and (group is None or group in CHILDREN):
            people = sum(self.people[place] for place in CHILDREN) if group is None else self.people[group]
        head = per_head(cents, people) if people else None
        per_child = money(head) if head is not None else None
        return {"amount": money(cents), "share": share_of(cents, self.net), "per_child": per_child}

    def _against(self, group: int | None, present: Sum, budget: Sum) -> dict[str, Any] | None:
        if self.budget_phase is None:
            return None
        amounts, planned = present.amounts(group), budget.amounts(group)
        differing = {name: money(amounts[name] - planned[name]) for name in ("net", "core", "extended")}
        return {"phase": self.budget_phase.value, **differing}


def _together(parts: Iterable[Sum]) -> Sum:
    """Several sums as one."""
    return Sum([sum(values) for values in zip(*(part.values for part in parts), strict=True)])


def child_budget(session: Session, asked: Asked, *, visible_to: Caller) -> dict[str, Any]:
    """The child budget that is asked for, in a fixed number of queries."""
    visible_to.require("child-budget:read")
    return Report(session, asked, visible_to.organisation_id).told()
