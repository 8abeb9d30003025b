"""How money falls on age groups, to the cent. No database and no HTTP here.

Source of the rules: the county's child-budgeting classification (seed `002`, last slides) as the domain document states
them; docs/child-budget.md tells them with the worked example.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app.budgeting.models import CoverageGap, Flow
from app.errors import Fault, Invalid
from app.services.models import ImpactClass, Method
from app.services.rules import AGE_GROUPS, WHOLE, Classified, holds_in

RULE_VERSION = "1"
"""Of these rules; it stands in every figure, so that one can be computed again as it was."""

CHILDREN = range(len(AGE_GROUPS) - 1)
ADULTS = len(AGE_GROUPS) - 1
NOTHING = (0, 0, 0, 0, 0)
Parts = tuple[int, ...]


def largest_remainder(cents: int, weights: Sequence[int]) -> Parts:
    """Split whole cents by integer weights so that the parts sum to the cent; ties go to the younger group.

    A weight of 0 gets 0; a negative sum is split as its opposite. Raises ValueError where every weight is 0.
    Source: child budgeting, rule 3 (the method of largest remainders).
    """
    total = sum(weights)
    if total <= 0:
        raise ValueError("There is no weight to split by.")
    amount = abs(cents)
    parts = [amount * weight // total for weight in weights]
    left = amount - sum(parts)
    if left:
        order = sorted(range(len(weights)), key=lambda place: (-(amount * weights[place] % total), place))
        for place in order[:left]:
            parts[place] += 1
    return tuple(parts) if cents >= 0 else tuple(-part for part in parts)


def weights_of(classification: Classified, population: Sequence[int] | None) -> Parts | None:
    """Integer weights over the five age groups, the youngest first; None where the population they need is missing.

    `none` gives everything to 18+ whatever the method (rule 4: 0 to children). Source: child budgeting, rule 2.
    """
    if classification.impact_class == ImpactClass.NONE:
        return (0, 0, 0, 0, 1)
    match Method(classification.method):
        case Method.MANUAL | Method.USE_SHARE:
            return tuple(classification.weights or NOTHING)
        case Method.POPULATION_SHARE:
            return tuple(population) if population and sum(population) else None
        case Method.CHILD_SHARE:
            return _child_share(classification.child_share_ppm or 0, population)
        case Method.FULL:
            named = [group in (classification.age_groups or ()) for group in AGE_GROUPS]
            if sum(named) == 1:
                return tuple(int(is_named) for is_named in named)
            if population is None:
                return None
            shared = tuple(count if is_named else 0 for count, is_named in zip(population, named, strict=True))
            return shared if sum(shared) else None


def _child_share(ppm: int, population: Sequence[int] | None) -> Parts | None:
    """The stated share to under-18s by population, the rest to 18+, as one set of integers."""
    if ppm == 0:
        return (0, 0, 0, 0, 1)
    if population is None or not sum(population[place] for place in CHILDREN):
        return None
    children = [population[place] for place in CHILDREN]
    return (*(ppm * count for count in children), (WHOLE - ppm) * sum(children))


def population_of(counts: Mapping[int, Sequence[int]], year: int) -> tuple[int, Sequence[int]] | None:
    """The population that a year uses, and of which year it is: its own or the latest earlier one; None without one."""
    used = max((known for known in counts if known <= year), default=None)
    return None if used is None else (used, counts[used])


@dataclass(frozen=True, slots=True)
class Split:
    """How a sum falls on the age groups: by which classification, of which class, and the five parts in cents."""

    classification_id: UUID | None
    impact_class: str
    parts: Parts
    cents: int


class Splitter:
    """Splits sums of one year by the classifications and the population that hold in it (rules 1 to 4)."""

    def __init__(self, classifications: Iterable[Classified], counts: Mapping[int, Sequence[int]], year: int) -> None:
        self._keyed: dict[tuple[UUID | None, UUID | None], Classified] = {
            (row.cost_centre_id, row.service_class_id): row for row in classifications if holds_in(row, year)
        }
        found = population_of(counts, year)
        self._population = found[1] if found else None
        self._weights: dict[UUID, Parts | None] = {}

    def classification(self, cost_centre_id: UUID | None, service_class_id: UUID | None) -> Classified | None:
        """The most specific classification: cost centre + service class, then cost centre, then service class."""
        keyed = self._keyed
        return (
            keyed.get((cost_centre_id, service_class_id))
            or keyed.get((cost_centre_id, None))
            or (keyed.get((None, service_class_id)) if service_class_id is not None else None)
        )

    def split(self, cents: int, classification: Classified | None) -> Split:
        """How cents fall on the age groups. Without a classification they are unclassified, never `none` (rule 1)."""
        if classification is None:
            return Split(None, CoverageGap.UNCLASSIFIED, NOTHING, cents)
        key = classification.id
        if key not in self._weights:
            self._weights[key] = weights_of(classification, self._population)
        weights = self._weights[key]
        if weights is None:
            return Split(key, CoverageGap.UNSPLIT, NOTHING, cents)
        return Split(key, str(classification.impact_class), largest_remainder(cents, weights), cents)


def split_both(
    cents: int,
    key: tuple[UUID, UUID | None],
    *,
    present: Splitter,
    prior: Splitter,
    counterparts: Mapping[UUID, UUID | None],
) -> tuple[Split, Split]:
    """A sum split by its own year's classification, and by the year before's.

    `counterparts` gives each service class the one of the same scheme, code and name in the year before, None where
    there is none: then the service is new, nothing was classified otherwise, and the whole change is money. Source:
    child budgeting, rules 5 and 6.
    """
    cost_centre_id, service_class_id = key
    holds = present.classification(cost_centre_id, service_class_id)
    now = present.split(cents, holds)
    if service_class_id is None:
        return now, prior.split(cents, prior.classification(cost_centre_id, None))
    earlier = counterparts.get(service_class_id)
    if earlier is None:
        if holds is not None and holds.service_class_id is None:
            return now, prior.split(cents, prior.classification(cost_centre_id, None))
        return now, now
    return now, prior.split(cents, prior.classification(cost_centre_id, earlier))


def is_child_money(impact_class: str) -> bool:
    """Whether a class counts in the extended headline; `none`, and what is not split, give children nothing."""
    return impact_class in {ImpactClass.DIRECT, ImpactClass.INDIRECT, ImpactClass.COMMUNAL}


def per_head(cents: int, people: int) -> int | None:
    """Cents a head, rounded half away from zero; None where there is nobody."""
    if people <= 0:
        return None
    whole = (2 * abs(cents) + people) // (2 * people)
    return whole if cents >= 0 else -whole


def share_of(part: int, whole: int) -> float | None:
    """A share with six decimals, such as 0.308; None where the whole is 0."""
    return round(part / whole, 6) if whole else None


def flow_of(account: str, cents: int, ranges: Sequence[Mapping[str, Any]]) -> Flow:
    """Whether a line is cost or income, by the county's account ranges; where none holds, by its sign.

    A range holds for an account whose beginning, as long as the range's ends are, stands between them: 4300–4399 holds
    for 430012. The first that holds decides. A credit line on an account of costs stays a cost, though negative.
    """
    for row in ranges:
        first, last = str(row["first"]), str(row["last"])
        if account and first <= account[: len(first)] and account[: len(last)] <= last:
            return Flow(row["flow"])
    return Flow.COST if cents >= 0 else Flow.INCOME


def check_ranges(ranges: Sequence[Mapping[str, Any]]) -> None:
    """Check that each range's ends are of one length and in order; Invalid with a pointer for each fault."""
    faults = []
    for place, row in enumerate(ranges):
        if len(row["first"]) != len(row["last"]):
            faults.append(Fault(f"/items/{place}/last", "Write both ends with as many digits."))
        elif row["last"] < row["first"]:
            faults.append(Fault(f"/items/{place}/last", "The range ends before it begins."))
    if faults:
        raise Invalid("invalid", "Some ranges of accounts cannot be.", faults)
