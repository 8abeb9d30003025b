"""The child budget reckoned the slow way, from the rules as the domain document states them, to check the service by.

Nothing here is taken from `app.budgeting`: fractions in place of integers, every line in place of sums kept.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, NamedTuple

AGES = ("0-6", "7-12", "13-15", "16-17", "18+")
LEVELS = ("sector", "division", "service_area", "unit")
CHILD_MONEY = ("direct", "indirect", "communal")
NOT_SPLIT = 5


class ServiceClass(NamedTuple):
    """A code of a year's list."""

    year: int
    code: str
    name: str


class Line(NamedTuple):
    """A line of a file; cost centre and service class by their codes."""

    year: int
    phase: str
    source: str
    centre: str
    service: str | None
    account: str
    cents: int


@dataclass
class Facts:
    """Everything that a county's figures rest on, by codes."""

    units: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    """Code → level and the unit above."""
    centres: dict[str, str | None] = field(default_factory=dict)
    """Code → unit."""
    classes: list[ServiceClass] = field(default_factory=list)
    populations: dict[int, list[int]] = field(default_factory=dict)
    classifications: list[dict[str, Any]] = field(default_factory=list)
    """Each with `centre`, `service` (year and code), years, class, method and its parameter."""
    ranges: list[tuple[str, str, str]] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)


Split = tuple[str, list[int]]
"""An impact class and the cents of each age group; none where it is not split."""
NAMES = ("net", "cost", "income", "internal", "core", "extended")


def parts_of(cents: int, weights: Sequence[Fraction]) -> list[int]:
    """Rule 3: largest remainder; a tie goes to the younger group; a negative sum as its opposite."""
    exact = [abs(cents) * weight / sum(weights) for weight in weights]
    whole = [int(share) for share in exact]
    for place in sorted(range(5), key=lambda place: (whole[place] - exact[place], place))[: abs(cents) - sum(whole)]:
        whole[place] += 1
    return whole if cents >= 0 else [-part for part in whole]


def weights_of(held: Mapping[str, Any], people: Sequence[int] | None) -> list[Fraction] | None:
    """Rule 2: the share of each age group; None where a population is needed and not there."""
    if held["impact_class"] == "none":
        return [Fraction(int(age == "18+")) for age in AGES]
    if held["method"] in {"manual", "use_share"}:
        return [Fraction(weight, 1_000_000) for weight in held["weights"]]
    children = sum(people[:4]) if people else 0
    if held["method"] == "child_share":
        share = Fraction(held["child_share_ppm"], 1_000_000)
        if share == 0:
            return [Fraction(int(age == "18+")) for age in AGES]
        if not people or not children:
            return None
        return [*(share * count / children for count in people[:4]), 1 - share]
    named = AGES if held["method"] == "population_share" else held["age_groups"]
    if len(named) == 1:
        return [Fraction(int(age in named)) for age in AGES]
    counts = [Fraction(count if age in named else 0) for age, count in zip(AGES, people or [0] * 5, strict=True)]
    return counts if sum(counts) else None


class Reckoning:
    """The figures of facts."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.sums: dict[tuple[Any, ...], int] = defaultdict(int)
        for line in facts.lines:
            flow = self._flow(line)
            self.sums[line.year, line.phase, line.source, line.centre, line.service, flow] += line.cents

    def _flow(self, line: Line) -> str:
        for first, last, flow in self.facts.ranges:
            if line.account and first <= line.account[: len(first)] <= last:
                return flow
        return "cost" if line.cents >= 0 else "income"

    def _people(self, year: int) -> list[int] | None:
        """Of the year, or of the latest earlier one."""
        known = [of for of in self.facts.populations if of <= year]
        return self.facts.populations[max(known)] if known else None

    def _held(self, centre: str | None, service: tuple[int, str] | None, year: int) -> dict[str, Any] | None:
        """Rule 1: the most specific that holds in the year."""
        for key in ((centre, service), (centre, None), (None, service)):
            for held in self.facts.classifications:
                until = held["to_year"] or 9999
                if (held["centre"], held["service"]) == key != (None, None) and held["from_year"] <= year <= until:
                    return held
        return None

    def _split(self, held: dict[str, Any] | None, year: int, cents: int) -> Split:
        if held is None:
            return "unclassified", [0] * 5
        weights = weights_of(held, self._people(year))
        return ("unsplit", [0] * 5) if weights is None else (held["impact_class"], parts_of(cents, weights))

    def _counterpart(self, year: int, code: str) -> tuple[int, str] | None:
        """Rule 6: the class of the same code and name in the year before."""
        names = {(row.year, row.code): row.name for row in self.facts.classes}
        same = names.get((year - 1, code)) == names[year, code]
        return (year - 1, code) if same else None

    def now(self, year: int, centre: str, service: str | None, cents: int) -> Split:
        """A sum by its own year's classification."""
        return self._split(self._held(centre, (year, service) if service else None, year), year, cents)

    def before(self, year: int, centre: str, service: str | None, cents: int) -> Split:
        """A sum by last year's classification and population; a service that is new was not classified otherwise."""
        if service is None:
            return self._split(self._held(centre, None, year - 1), year - 1, cents)
        then = self._counterpart(year, service)
        held = self._held(centre, (year, service), year)
        if then is None and not (held and held["service"] is None):
            return self.now(year, centre, service, cents)
        return self._split(self._held(centre, then, year - 1), year - 1, cents)

    def home(self, centre: str, level: str) -> str | None:
        """The unit of the level that a cost centre is under, or the nearest above it."""
        unit = self.facts.centres[centre]
        while unit is not None:
            own, above = self.facts.units[unit]
            if LEVELS.index(own) <= LEVELS.index(level) or above is None:
                return unit
            unit = above
        return None

    def has(self, year: int, phase: str) -> bool:
        """Whether there is a ledger of the year and phase."""
        return any((line.year, line.phase) == (year, phase) for line in self.facts.lines)

    def table(
        self, year: int, phase: str, by: Sequence[str], level: str, *, prior: bool = False, as_of: int | None = None
    ) -> dict[tuple[Any, ...], dict[str, int]]:
        """Every figure by key. `as_of` tells last year's service classes as this year's, where they are the same."""
        told: dict[tuple[Any, ...], dict[str, int]] = defaultdict(lambda: dict.fromkeys(NAMES, 0))
        for (of, in_phase, _, centre, service, flow), cents in self.sums.items():
            if (of, in_phase) != (year, phase):
                continue
            code, parts = (self.before if prior else self.now)(year, centre, service, cents)
            shown = (year, service) if service else None
            if as_of and service and (as_of, service) in {(row.year, row.code) for row in self.facts.classes}:
                shown = (as_of, service) if self._counterpart(as_of, service) else shown
            key = {
                "unit": self.home(centre, level),
                "cost_centre": centre,
                "service_class": shown,
                "impact_class": code,
            }
            left = cents - sum(parts)
            for place, part in enumerate([*parts, left]):
                if "age_group" in by and not part:
                    continue
                one = told[tuple(place if name == "age_group" else key[name] for name in by)]
                _add(one, flow, code, place, part)
        return dict(told)


def _add(one: dict[str, int], flow: str, code: str, place: int, part: int) -> None:
    if flow.startswith("internal"):
        one["internal"] += part
        return
    one[flow] += part
    one["net"] += part
    if place < 4 and code in CHILD_MONEY:
        one["extended"] += part
        one["core"] += part if code == "direct" else 0


def gross(reckoning: Reckoning, year: int, phase: str) -> tuple[int, int]:
    """Euros that are split, and all of them: costs and income of each class, without their signs."""
    by: dict[tuple[str, str], int] = defaultdict(int)
    for (of, in_phase, _, centre, service, flow), cents in reckoning.sums.items():
        if (of, in_phase) == (year, phase) and not flow.startswith("internal"):
            by[reckoning.now(year, centre, service, cents)[0], flow] += cents
    split = sum(abs(cents) for (code, _), cents in by.items() if code not in {"unclassified", "unsplit"})
    return split, sum(map(abs, by.values()))


def added(rows: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Rows together."""
    whole = dict.fromkeys(NAMES, 0)
    for row in rows:
        for name in NAMES:
            whole[name] += row[name]
    return whole
