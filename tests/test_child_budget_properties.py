"""The child budget over counties made by chance: what the service tells is what slow reckoning gives, to the cent."""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from itertools import combinations
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from app.budgeting import actions as budgeting
from app.budgeting.check import check
from app.budgeting.imports import sweep
from app.budgeting.models import Ledger, LedgerSum, Phase
from app.budgeting.report import Asked, Dimension, child_budget
from app.database import Database, table_of
from app.services import actions as services
from app.services import restating
from app.services.models import Classification, CostCentre, Population, Unit, UnitLevel
from tests.generated import PHASES, YEARS, Written, classifications, counties, line
from tests.reckoning import AGES, NAMES, NOT_SPLIT, Facts, Line, Reckoning, ServiceClass, added, gross

EVERY = [some for length in range(len(Dimension) + 1) for some in combinations(Dimension, length)]
LEDGER, SUM = table_of(Ledger), table_of(LedgerSum)
by_chance = settings(
    max_examples=12, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def asked(written: Written, by: Sequence[Dimension] = (), **filters: Any) -> dict[str, Any]:
    """The child budget of every year and phase."""
    with written.database.transaction(writes=False) as session:
        what = Asked(YEARS, tuple(Phase(phase) for phase in PHASES), tuple(by), **filters)
        return child_budget(session, what, visible_to=written.by)


def key_of(row: Mapping[str, Any], by: Sequence[str]) -> tuple[Any, ...]:
    """What a row is of, by codes."""
    told: list[Any] = []
    for name in by:
        value = row[name]
        if name == "age_group":
            told.append(AGES.index(value) if value else NOT_SPLIT)
        elif name == "service_class":
            told.append((value["year"], value["code"]) if value else None)
        else:
            told.append(value["code"] if isinstance(value, dict) else value)
    return tuple(told)


def cents_in(row: Mapping[str, Any]) -> dict[str, int]:
    """The figures of a row."""
    flows = {name: row[name]["cents"] for name in ("net", "cost", "income", "internal")}
    return {**flows, **{name: row[name]["amount"]["cents"] for name in ("core", "extended")}}


def change_in(row: Mapping[str, Any]) -> dict[str, Any] | None:
    change = row["change"]
    if change is None:
        return None
    parts = {name: {part: money["cents"] for part, money in change[name].items()} for name in ("core", "extended")}
    return {"since": change["since"], "net": change["net"]["cents"], **parts}


def against_in(row: Mapping[str, Any]) -> dict[str, Any] | None:
    against = row["against_budget"]
    return None if against is None else {n: m["cents"] if n != "phase" else m for n, m in against.items()}


class Expected:
    """What the slow reckoning gives of one year and phase in one grouping."""

    def __init__(self, reckoning: Reckoning, year: int, phase: str, by: Sequence[str], level: str = "sector") -> None:
        self.year = year
        self.looks_back = reckoning.has(year - 1, phase)
        of = {"actual": ("amended_budget", "budget"), "amended_budget": ("budget",), "budget": ()}[phase]
        self.budget_phase = next((other for other in of if reckoning.has(year, other)), None)
        self.present = reckoning.table(year, phase, by, level)
        self.prior = reckoning.table(year, phase, by, level, prior=True)
        self.earlier = reckoning.table(year - 1, phase, by, level, as_of=year) if self.looks_back else {}
        self.budget = reckoning.table(year, self.budget_phase, by, level) if self.budget_phase else {}

    @property
    def keys(self) -> set[tuple[Any, ...]]:
        """Every key of which there is something to tell."""
        tables = [self.present, self.budget, *((self.prior, self.earlier) if self.looks_back else ())]
        return {key for table in tables for key, row in table.items() if any(row.values())}

    def row(self, key: tuple[Any, ...] | None) -> tuple[dict[str, int], Any, Any]:
        """Figures, change and deviation of a key, or of everything."""
        nothing = dict.fromkeys(NAMES, 0)
        now, otherwise, then, planned = (
            added(table.values()) if key is None else table.get(key, nothing)
            for table in (self.present, self.prior, self.earlier, self.budget)
        )
        change: dict[str, Any] | None = None
        if self.looks_back:
            change = {"since": self.year - 1, "net": now["net"] - then["net"]}
            for name in ("core", "extended"):
                total, classification = now[name] - then[name], now[name] - otherwise[name]
                change[name] = {"total": total, "money": total - classification, "classification": classification}
        against: dict[str, Any] | None = None
        if self.budget_phase:
            against = {"phase": self.budget_phase}
            against |= {name: now[name] - planned[name] for name in ("net", "core", "extended")}
        return now, change, against


def compare(told: Mapping[str, Any], facts: Facts, by: Sequence[str], level: str = "sector") -> None:
    """Assert that what is told is what the reckoning gives: every row, and the headlines."""
    reckoning = Reckoning(facts)
    headlines = {(row["year"], row["phase"]): row for row in told["headlines"]}
    assert set(headlines) == {(one.year, one.phase) for one in facts.lines}
    for (year, phase), headline in headlines.items():
        expected = Expected(reckoning, year, phase, by, level)
        rows = [row for row in told["rows"] if (row["year"], row["phase"]) == (year, phase)]
        found = {key_of(row, by): row for row in rows}
        assert len(found) == len(rows), "a key is told once"
        assert set(found) >= expected.keys
        for key, row in found.items():
            assert (cents_in(row), change_in(row), against_in(row)) == expected.row(key), (year, phase, key)
        assert (cents_in(headline), change_in(headline), against_in(headline)) == expected.row(None)
        sums_up(rows, headline)


def sums_up(rows: Sequence[Mapping[str, Any]], headline: Mapping[str, Any]) -> None:
    """Assert that rows together are the headline: figures, change and deviation."""
    assert added(cents_in(row) for row in rows) == cents_in(headline)
    for of, names in ((change_in, ("net",)), (against_in, ("net", "core", "extended"))):
        whole = of(headline)
        if whole is not None:
            parts = [of(row) or {} for row in rows]
            assert {n: sum(part[n] for part in parts) for n in names} == {n: whole[n] for n in names}
    if headline["change"] is not None:
        for name in ("core", "extended"):
            for part, money in headline["change"][name].items():
                assert sum(row["change"][name][part]["cents"] for row in rows) == money["cents"]


@pytest.mark.slow
@by_chance
@given(facts=counties(), level=st.sampled_from(UnitLevel))
def test_every_grouping_is_what_the_reckoning_gives_and_sums_to_the_headline(
    database: Database, facts: Facts, level: UnitLevel
) -> None:
    written = Written(database, facts)
    with database.transaction(writes=False) as session:
        assert check(session, written.by.organisation_id) == []
    for by in EVERY:
        compare(asked(written, by, unit_level=level), facts, [one.value for one in by], level.value)
    _shares_and_heads(asked(written), facts)


def _shares_and_heads(told: Mapping[str, Any], facts: Facts) -> None:
    """Shares, sums a child, coverage and what is not split."""
    reckoning = Reckoning(facts)
    for row in told["headlines"]:
        year, phase = row["year"], row["phase"]
        split, whole = gross(reckoning, year, phase)
        assert row["coverage"] == (round(split / whole, 6) if whole else None)
        by_class = reckoning.table(year, phase, ["impact_class"], "sector")
        left = added(by_class.get((gap,), dict.fromkeys(NAMES, 0)) for gap in ("unclassified", "unsplit"))
        assert {name: money["cents"] for name, money in row["unclassified"].items()} == {
            name: left[name] for name in ("net", "cost", "income")
        }
        people = reckoning._people(year)
        assert row["children"] == (sum(people[:4]) if people else None)
        for name in ("core", "extended"):
            cents = row[name]["amount"]["cents"]
            net = row["net"]["cents"]
            assert row[name]["share"] == (round(cents / net, 6) if net else None)
            assert _head(row[name]) == (
                _rounded(Fraction(cents, sum(people[:4]))) if people and any(people[:4]) else None
            )
            ages = [one[name] for one in row["age_groups"]]
            assert sum(one["amount"]["cents"] for one in ages) == cents
            for place, one in enumerate(ages):
                heads = people[place] if people else 0
                assert _head(one) == (_rounded(Fraction(one["amount"]["cents"], heads)) if heads else None)
        used = next(one for one in told["populations"] if one["year"] == year)
        known = [of for of in facts.populations if of <= year]
        assert used["from_year"] == (max(known) if known else None)


def _head(figure: Mapping[str, Any]) -> int | None:
    return figure["per_child"]["cents"] if figure["per_child"] else None


def _rounded(exact: Fraction) -> int:
    """Half away from zero."""
    whole = int(abs(exact) + Fraction(1, 2))
    return whole if exact >= 0 else -whole


@pytest.mark.slow
@by_chance
@given(facts=counties(), data=st.data())
def test_a_filter_tells_what_the_rows_it_leaves_tell(database: Database, facts: Facts, data: st.DataObject) -> None:
    """Each filter alone: its headlines are the rows of the grouping by what is filtered."""
    written = Written(database, facts)
    centre = data.draw(st.sampled_from(sorted(facts.centres)))
    filtered: dict[str, tuple[dict[str, Any], Callable[[Any], bool]]] = {
        "impact_class": ({"impact_class": "direct"}, lambda key: key == "direct"),
        "cost_centre": ({"cost_centre_ids": (written.ids["centre", centre],)}, lambda key: key == centre),
    }
    roots = [code for code, (_, above) in facts.units.items() if above is None]
    if roots:
        root = data.draw(st.sampled_from(roots))
        filtered["unit"] = ({"unit_id": written.ids[root]}, lambda key: key == root)
    listed = [(row.year, row.code) for row in facts.classes if row.year == YEARS[-1]]
    if listed:
        service = data.draw(st.sampled_from(listed))
        filtered["service_class"] = (
            {"service_class_ids": (written.ids[service],)},
            lambda key: key in _the_same(facts, service),
        )
    for by, (filters, kept) in filtered.items():
        told = asked(written, **filters)
        whole = asked(written, [Dimension(by)])
        for headline in told["headlines"]:
            of = (headline["year"], headline["phase"])
            rows = [r for r in whole["rows"] if (r["year"], r["phase"]) == of and kept(key_of(r, [by])[0])]
            sums_up(rows, headline)


def _the_same(facts: Facts, service: tuple[int, str]) -> set[tuple[int, str]]:
    """A service class with those of the years before that it is the same as."""
    year, code = service
    reckoning, found = Reckoning(facts), {service}
    while (year, code) in {(row.year, row.code) for row in facts.classes} and reckoning._counterpart(year, code):
        year -= 1
        found.add((year, code))
    return found


@by_chance
@given(facts=counties(), data=st.data())
def test_the_order_of_lines_changes_nothing(database: Database, facts: Facts, data: st.DataObject) -> None:
    written = Written(database, facts)
    before = asked(written, (Dimension.COST_CENTRE, Dimension.SERVICE_CLASS, Dimension.AGE_GROUP))
    written.import_lines(data.draw(st.permutations(facts.lines)))
    after = asked(written, (Dimension.COST_CENTRE, Dimension.SERVICE_CLASS, Dimension.AGE_GROUP))
    for name in ("headlines", "rows"):
        assert after[name] == before[name]


@by_chance
@given(facts=counties())
def test_what_is_not_classified_is_never_none_and_its_parts_are_nobodys(database: Database, facts: Facts) -> None:
    facts.classifications = [held for held in facts.classifications if held["centre"] != "100"]
    written = Written(database, facts)
    rows = asked(written, (Dimension.COST_CENTRE, Dimension.SERVICE_CLASS, Dimension.IMPACT_CLASS))["rows"]
    for row in rows:
        if row["cost_centre"]["code"] == "100" and row["service_class"] is None:
            assert row["impact_class"] == "unclassified"
            assert row["core"]["amount"]["cents"] == row["extended"]["amount"]["cents"] == 0
    with database.transaction(writes=False) as session:
        ledgers = select(LEDGER.c.number).where(LEDGER.c.organisation_id == written.by.organisation_id)
        for row in session.execute(select(SUM).where(SUM.c.ledger.in_(ledgers))):
            whole = [sum(getattr(row, f"{name}_{place}") for place in range(5)) for name in ("part", "prior")]
            classes = (row.impact_class, row.prior_impact_class)
            assert whole == [0 if code in {"unclassified", "unsplit"} else row.cents for code in classes]


# What changes afterwards


class Life:
    """Changes of a county, by the service and in the facts alike."""

    def __init__(self, written: Written, facts: Facts, data: st.DataObject) -> None:
        self.written, self.facts, self.data = written, facts, data
        self.by = written.by

    def draw(self, strategy: st.SearchStrategy[Any]) -> Any:
        return self.data.draw(strategy)

    def classify(self) -> None:
        held = self.draw(classifications(self.facts))
        self._classified([held], end_earlier=self.draw(st.booleans()))

    def classify_many(self) -> None:
        some = [self.draw(classifications(self.facts)) for _ in range(3)]
        keys = {(held["centre"], held["service"]): held for held in some}
        self._classified(list(keys.values()), end_earlier=True)

    def _classified(self, some: list[dict[str, Any]], *, end_earlier: bool) -> None:
        """Where earlier ones are not ended, only what overlaps with nothing is added."""
        if not end_earlier:
            some = [held for held in some if not self._overlapping(held)]
        for held in some:
            for other in self._overlapping(held):
                if other["from_year"] < held["from_year"]:
                    other["to_year"] = held["from_year"] - 1
                else:
                    self.facts.classifications.remove(other)
            self.facts.classifications.append(held)
        if some:
            items = [self.written.classification(held) for held in some]
            with self.written.database.transaction() as session:
                done = services.add_classifications(session, items, by=self.by, end_earlier=end_earlier)
            self.written.ids.update({id(held): key for held, key in zip(some, done["ids"], strict=True)})

    def _overlapping(self, held: dict[str, Any]) -> list[dict[str, Any]]:
        last = held["to_year"] or 9999
        return [
            other
            for other in self.facts.classifications
            if (other["centre"], other["service"]) == (held["centre"], held["service"])
            and other["from_year"] <= last
            and held["from_year"] <= (other["to_year"] or 9999)
        ]

    def end(self) -> None:
        if self.facts.classifications:
            held = self.draw(st.sampled_from(self.facts.classifications))
            held["to_year"] = self.draw(st.integers(held["from_year"], held["to_year"] or 2027))
            with self.written.database.transaction() as session:
                row = session.get_one(Classification, self.written.ids[id(held)])
                values = {"to_year": held["to_year"]}
                services.change_classification(session, row, values, version=row.version, by=self.by)

    def declassify(self) -> None:
        if self.facts.classifications:
            held = self.facts.classifications.pop(self.draw(st.integers(0, len(self.facts.classifications) - 1)))
            with self.written.database.transaction() as session:
                row = session.get_one(Classification, self.written.ids[id(held)])
                services.remove_classification(session, row, version=row.version, by=self.by)

    def populate(self) -> None:
        """Add a year's population, or change or remove the one that is there."""
        year = self.draw(st.integers(2023, 2026))
        counts = self.draw(st.lists(st.integers(0, 1000), min_size=5, max_size=5))
        with self.written.database.transaction() as session:
            if year not in self.facts.populations:
                facts = {"year": year, "counts": counts, "source": "a"}
                self.written.ids[year] = services.add_population(session, facts, by=self.by).id
                self.facts.populations[year] = counts
                return
            row = session.get_one(Population, self.written.ids[year])
            if self.draw(st.booleans()):
                services.change_population(session, row, {"counts": counts}, version=row.version, by=self.by)
                self.facts.populations[year] = counts
            else:
                services.remove_population(session, row, version=row.version, by=self.by)
                del self.facts.populations[year]

    def move_centre(self) -> None:
        code = self.draw(st.sampled_from(sorted(self.facts.centres)))
        unit = self.draw(st.sampled_from([None, *self.facts.units]))
        with self.written.database.transaction() as session:
            row = session.get_one(CostCentre, self.written.ids["centre", code])
            to = {"unit_id": self.written.ids[unit] if unit else None}
            services.change_cost_centre(session, row, to, version=row.version, by=self.by)
        self.facts.centres[code] = unit

    def move_unit(self) -> None:
        """To the top of the tree."""
        if self.facts.units:
            code = self.draw(st.sampled_from(sorted(self.facts.units)))
            with self.written.database.transaction() as session:
                row = session.get_one(Unit, self.written.ids[code])
                services.change_unit(session, row, {"parent_id": None}, version=row.version, by=self.by)
            self.facts.units[code] = (self.facts.units[code][0], None)

    def rename_class(self) -> None:
        """A name that makes two years' classes the same, or no longer; or a class that was not there."""
        year, code = self.draw(st.integers(2024, 2026)), self.draw(st.sampled_from("abc"))
        name = self.draw(st.sampled_from("xy"))
        self.facts.classes = [row for row in self.facts.classes if (row.year, row.code) != (year, code)]
        self.facts.classes.append(ServiceClass(year, code, name))
        with self.written.database.transaction() as session:
            services.set_service_classes(session, {("demo", year, code): name}, by=self.by)
        self.written.find_classes()

    def carry_forward(self) -> None:
        year = self.draw(st.sampled_from(YEARS))
        before, after = ({row.code: row for row in self.facts.classes if row.year == of} for of in (year - 1, year))
        if not before or not after:
            return
        carried = []
        for held in list(self.facts.classifications):
            service = held["service"]
            if not service or service[0] != year - 1 or not self._holds(held, year - 1):
                continue
            code = service[1]
            if code not in after or after[code].name != before[code].name:
                continue
            new = {**held, "service": (year, code), "from_year": year, "to_year": None}
            if any(self._holds(other, year) for other in self._overlapping(new)):
                continue
            if self._overlapping(new):
                return  # classified from a later year on: refused
            carried.append(new)
        with self.written.database.transaction() as session:
            done = services.carry_forward(session, "demo", year - 1, year, by=self.by)
        assert done["carried"] == len(carried)
        self.facts.classifications += carried
        self.written.find_classifications(carried)

    @staticmethod
    def _holds(held: dict[str, Any], year: int) -> bool:
        return bool(held["from_year"] <= year <= (held["to_year"] or 9999))

    def replace_ledger(self) -> None:
        year, phase, source = self._ledger()
        new = [
            one._replace(phase=phase, source=source)
            for one in self.draw(st.lists(line(self.facts, year), min_size=1, max_size=4))
        ]
        kept = [one for one in self.facts.lines if (one.year, one.phase, one.source) != (year, phase, source)]
        self.facts.lines = kept + new
        self.written.import_lines(new)

    def remove_ledger(self) -> None:
        if not self.facts.lines:
            return
        year, phase, source = self._ledger()
        one = LEDGER.c
        with self.written.database.transaction() as session:
            of = (one.year == year, one.phase == phase, one.source == source, one.state == "current")
            row = session.scalars(select(Ledger).where(one.organisation_id == self.by.organisation_id, *of)).one()
            budgeting.remove_ledger(session, row, by=self.by)
        self.facts.lines = [
            one for one in self.facts.lines if (one.year, one.phase, one.source) != (year, phase, source)
        ]
        sweep(self.written.database)

    def _ledger(self) -> tuple[int, str, str]:
        known = sorted({(one.year, one.phase, one.source) for one in self.facts.lines})
        found: tuple[int, str, str] = self.draw(st.sampled_from(known or [(2026, "budget", "ledger")]))
        return found


CHANGES = (
    Life.classify,
    Life.classify_many,
    Life.end,
    Life.declassify,
    Life.populate,
    Life.move_centre,
    Life.move_unit,
    Life.rename_class,
    Life.carry_forward,
    Life.replace_ledger,
    Life.remove_ledger,
)
LOOKED_AT = (
    (Dimension.UNIT, Dimension.IMPACT_CLASS),
    (Dimension.SERVICE_CLASS, Dimension.AGE_GROUP),
    (Dimension.COST_CENTRE, Dimension.SERVICE_CLASS, Dimension.IMPACT_CLASS),
)


@pytest.mark.slow
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
@settings(by_chance, max_examples=5)
@given(facts=counties(), data=st.data())
def test_after_every_change_the_sums_kept_are_those_of_the_lines(
    database: Database, facts: Facts, data: st.DataObject, change: Callable[[Life], None]
) -> None:
    """Two changes by chance, then the one that is tested: each is in every figure at once."""
    life = Life(Written(database, facts), facts, data)
    for one in (*data.draw(st.lists(st.sampled_from(CHANGES), max_size=2)), change):
        one(life)
        with database.transaction(writes=False) as session:
            assert check(session, life.by.organisation_id) == []
        for by in LOOKED_AT:
            compare(asked(life.written, by), facts, [dimension.value for dimension in by])


@pytest.fixture
def never_restated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restating, "_restaters", [])


@pytest.mark.usefixtures("never_restated")
@pytest.mark.parametrize("change", ["classified", "moved"])
def test_control_without_restating_the_sums_kept_are_wrong_and_it_is_noticed(database: Database, change: str) -> None:
    facts = Facts(units={"U": ("sector", None)}, centres={"100": None})
    facts.lines = [_line(500)]
    written = Written(database, facts)
    with database.transaction() as session:
        if change == "moved":
            row = session.get_one(CostCentre, written.ids["centre", "100"])
            services.change_cost_centre(session, row, {"unit_id": written.ids["U"]}, version=row.version, by=written.by)
            facts.centres["100"] = "U"
        else:
            held: dict[str, Any] = {
                "centre": "100",
                "service": None,
                "from_year": 2026,
                "to_year": None,
                "impact_class": "direct",
            }
            held |= {"method": "full", "weights": None, "child_share_ppm": None, "age_groups": ["0-6"]}
            services.add_classification(session, written.classification(held), by=written.by)
            facts.classifications.append(held)
    with database.transaction(writes=False) as session:
        assert check(session, written.by.organisation_id) != []
    with pytest.raises(AssertionError):
        compare(asked(written, (Dimension.UNIT,)), facts, ["unit"])


def _line(cents: int) -> Line:
    return Line(2026, "budget", "ledger", "100", None, "4300", cents)


def test_control_a_cent_that_is_moved_is_noticed(database: Database) -> None:
    facts = Facts(centres={"100": None}, populations={2026: [1, 1, 1, 1, 1]})
    facts.lines = [_line(7)]
    held = {"centre": "100", "service": None, "from_year": 2026, "to_year": None, "impact_class": "direct"}
    held |= {"method": "population_share", "weights": None, "child_share_ppm": None, "age_groups": None}
    facts.classifications = [held]
    written = Written(database, facts)
    by = (Dimension.COST_CENTRE, Dimension.AGE_GROUP)
    compare(asked(written, by), facts, [dimension.value for dimension in by])
    with database.transaction() as session:
        moved = {"part_0": SUM.c.part_0 - 1, "part_4": SUM.c.part_4 + 1}
        session.execute(update(SUM).values(moved))
    with pytest.raises(AssertionError):
        compare(asked(written, by), facts, [dimension.value for dimension in by])
