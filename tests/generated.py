"""Counties made by chance: trees, lists, populations, classifications and lines, and how they are written down."""

import itertools
from datetime import date
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from sqlalchemy import select
from sqlmodel import col
from uuid_utils.compat import uuid7

from app.access import actions as access
from app.access.rules import Caller, System, is_business_id, permissions_of
from app.budgeting import actions as budgeting
from app.database import Database
from app.services.models import Classification, CostCentre, Population, ServiceClass, Unit
from tests.county import an_import
from tests.reckoning import AGES, LEVELS, Facts, Line
from tests.reckoning import ServiceClass as Listed

YEARS = (2025, 2026)
PHASES = ("budget", "amended_budget", "actual")
CODES = ("a", "b", "c")
CENTRES = ("100", "200", "300", "400")
RANGES = (("39", "39", "internal_income"), ("3", "3", "income"), ("4", "4", "cost"))
ACCOUNTS = ("", "3100", "3950", "4300", "9")
BUSINESS_IDS = (
    f"{number}-{check}"
    for number in itertools.count(1_000_000)
    for check in range(10)
    if is_business_id(f"{number}-{check}")
)

_counts = st.lists(st.one_of(st.just(0), st.integers(1, 100_000)), min_size=5, max_size=5)
_cents = st.one_of(st.integers(-5, 5), st.integers(-(10**7), 10**9), st.integers(-(10**13), 10**13))


@st.composite
def _weights(draw: st.DrawFn) -> list[int]:
    cuts = sorted(draw(st.lists(st.integers(0, 1_000_000), min_size=4, max_size=4)))
    return [after - before for before, after in itertools.pairwise([0, *cuts, 1_000_000])]


@st.composite
def methods(draw: st.DrawFn) -> dict[str, Any]:
    """An impact class and a method with its parameter."""
    said: dict[str, Any] = {"weights": None, "child_share_ppm": None, "age_groups": None}
    said["impact_class"] = draw(st.sampled_from(["direct", "direct", "indirect", "communal", "none"]))
    said["method"] = draw(st.sampled_from(["manual", "use_share", "population_share", "child_share", "full"]))
    if said["method"] in {"manual", "use_share"}:
        said["weights"] = draw(_weights())
    elif said["method"] == "child_share":
        said["child_share_ppm"] = draw(st.one_of(st.sampled_from([0, 1_000_000]), st.integers(0, 1_000_000)))
    elif said["method"] == "full":
        said["age_groups"] = draw(st.lists(st.sampled_from(AGES), min_size=1, max_size=5, unique=True))
    return said


@st.composite
def counties(draw: st.DrawFn) -> Facts:
    """A county of a few units, cost centres and services, with two years of lines."""
    facts = Facts()
    for number in range(draw(st.integers(0, 5))):
        above = draw(st.sampled_from([None, *facts.units]))
        lowest = LEVELS.index(facts.units[above][0]) + 1 if above else 0
        if lowest < len(LEVELS):
            facts.units[f"U{number}"] = (LEVELS[draw(st.integers(lowest, len(LEVELS) - 1))], above)
    for code in draw(st.lists(st.sampled_from(CENTRES), min_size=1, unique=True)):
        facts.centres[code] = draw(st.sampled_from([None, *facts.units]))
    for year in (2024, *YEARS):
        for code in draw(st.lists(st.sampled_from(CODES), unique=True)):
            facts.classes.append(Listed(year, code, draw(st.sampled_from(["x", "x", "y"]))))
    for year in draw(st.lists(st.sampled_from([2023, 2024, *YEARS]), unique=True)):
        facts.populations[year] = draw(_counts)
    for _ in range(draw(st.integers(0, 8))):
        add_classification(facts, draw(classifications(facts)))
    facts.ranges = list(draw(st.sampled_from([(), RANGES])))
    for _ in range(draw(st.integers(1, 12))):
        facts.lines.append(draw(line(facts)))
    return facts


@st.composite
def classifications(draw: st.DrawFn, facts: Facts) -> dict[str, Any]:
    """A classification of something that is there."""
    centre = draw(st.sampled_from([None, *facts.centres]))
    listed: list[tuple[int, str] | None] = [(row.year, row.code) for row in facts.classes]
    service = draw(st.sampled_from([None, *listed] if centre else listed or [None]))
    if not centre and not service:
        centre = next(iter(facts.centres))
    first = draw(st.integers(2023, 2026))
    last = draw(st.one_of(st.none(), st.integers(first, 2027)))
    return {"centre": centre, "service": service, "from_year": first, "to_year": last, **draw(methods())}


def add_classification(facts: Facts, held: dict[str, Any]) -> bool:
    """Add one, unless the same is classified for one of its years."""
    for other in facts.classifications:
        if (other["centre"], other["service"]) == (held["centre"], held["service"]):
            before = (other["to_year"] or 9999) < held["from_year"]
            if not before and not (held["to_year"] or 9999) < other["from_year"]:
                return False
    facts.classifications.append(held)
    return True


@st.composite
def line(draw: st.DrawFn, facts: Facts, year: int | None = None) -> Line:
    """A line of something that is there."""
    year = year or draw(st.sampled_from(YEARS))
    services = [row.code for row in facts.classes if row.year == year]
    return Line(
        year,
        draw(st.sampled_from(PHASES)),
        draw(st.sampled_from(["ledger", "ledger", "other"])),
        draw(st.sampled_from(sorted(facts.centres))),
        draw(st.sampled_from([None, *services])),
        draw(st.sampled_from(ACCOUNTS)),
        draw(_cents),
    )


class Written:
    """A county as it is kept: its caller, and the ids of what has a code."""

    def __init__(self, database: Database, facts: Facts) -> None:
        """Write the facts straight into the tables, and import the lines as files."""
        self.database = database
        self.ids: dict[Any, UUID] = {}
        roles = ("controller",)
        with database.transaction() as session:
            own = access.found_organisation(session, next(BUSINESS_IDS), {"fi": "Sattuma"})
            values = {"kind": "person", "name": "Talous", "roles": list(roles), "active": True}
            account = access.add_person(session, values, by=System(own.id))
            self.by = Caller(account.id, account.name, own.id, roles, permissions_of(roles))
            of: dict[str, Any] = {"organisation_id": own.id}
            since = date(2020, 1, 1)
            for code, (level, above) in facts.units.items():
                parent = self.ids.get(above)
                row = Unit(
                    **of, code=code, name={"fi": code}, level=level, parent_id=parent, valid_from=date(2020, 1, 1)
                )
                self._add(session, code, row)
            for code, unit in facts.centres.items():
                home = self.ids.get(unit)
                centre = CostCentre(**of, code=code, name={"fi": code}, unit_id=home, valid_from=since)
                self._add(session, ("centre", code), centre)
            for one in facts.classes:
                listed = ServiceClass(**of, scheme="demo", year=one.year, code=one.code, name=one.name)
                self._add(session, (one.year, one.code), listed)
            for year, counts in facts.populations.items():
                self._add(session, year, Population(**of, year=year, counts=counts, source="Keksitty"))
            for held in facts.classifications:
                self._add(session, id(held), Classification(**of, **self.classification(held)))
            if facts.ranges:
                ranges = [{"first": first, "last": last, "flow": flow} for first, last, flow in facts.ranges]
                budgeting.set_account_ranges(session, ranges, version=0, by=self.by)
        self.import_lines(facts.lines)

    def _add(self, session: Any, key: Any, row: Any) -> None:
        row.id = uuid7()
        self.ids[key] = row.id
        session.add(row)
        session.flush()

    def classification(self, held: dict[str, Any]) -> dict[str, Any]:
        """A classification by ids."""
        rest = {name: value for name, value in held.items() if name not in {"centre", "service"}}
        centre, service = held["centre"], held["service"]
        return {
            "cost_centre_id": self.ids["centre", centre] if centre else None,
            "service_class_id": self.ids[service] if service else None,
            **rest,
            "reason": "Keksitty.",
        }

    def find_classes(self) -> None:
        """Learn the ids of service classes that the service made."""
        with self.database.transaction(writes=False) as session:
            mine = col(ServiceClass.organisation_id) == self.by.organisation_id
            self.ids.update({(row.year, row.code): row.id for row in session.scalars(select(ServiceClass).where(mine))})

    def find_classifications(self, some: list[dict[str, Any]]) -> None:
        """Learn the ids of classifications that the service made."""
        with self.database.transaction(writes=False) as session:
            mine = col(Classification.organisation_id) == self.by.organisation_id
            for row in session.scalars(select(Classification).where(mine)):
                for held in some:
                    of = self.classification(held)
                    if (row.cost_centre_id, row.service_class_id, row.from_year) == (
                        of["cost_centre_id"],
                        of["service_class_id"],
                        held["from_year"],
                    ):
                        self.ids[id(held)] = row.id

    def import_lines(self, lines: list[Line]) -> None:
        """Import lines, a file for each source; each takes the place of what its source told of its years."""
        for source in sorted({one.source for one in lines}):
            told = ["vuosi;vaihe;kustannuspaikka;palveluluokka;tili;summa"]
            for one in lines:
                if one.source == source:
                    euros = f"{'-' if one.cents < 0 else ''}{abs(one.cents) // 100},{abs(one.cents) % 100:02}"
                    told.append(f"{one.year};{one.phase};{one.centre};{one.service or ''};{one.account};{euros}")
            job = an_import(self.database, self.by, "budget-lines", "\r\n".join(told), source=source)
            assert job.state == "succeeded", (job.result, job.errors)
