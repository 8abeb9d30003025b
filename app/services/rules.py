"""Which classification holds, what it says of age groups, and the early hint. No database and no HTTP here."""

import re
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Mapping as ReadOnly
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import product
from typing import Any, Protocol, TypedDict, TypeVar
from uuid import UUID

from app.errors import Fault, Invalid
from app.services.models import AgeGroup, ImpactClass, MappingKind, Method

WHOLE = 1_000_000
"""Shares and weights are integers, in parts of a million."""

AGE_GROUPS = tuple(AgeGroup)
CHILD_AGE_GROUPS = AGE_GROUPS[:-1]

_STRENGTH = {code: place for place, code in enumerate(ImpactClass)}
_PARAMETER = {
    Method.MANUAL: "weights",
    Method.USE_SHARE: "weights",
    Method.CHILD_SHARE: "child_share_ppm",
    Method.FULL: "age_groups",
}


class HintOutcome(StrEnum):
    """What the early hint says about the need of an assessment."""

    PROBABLY_NEEDED = "probably_needed"
    PROBABLY_NOT_NEEDED = "probably_not_needed"
    UNKNOWN = "unknown"


class Basis(StrEnum):
    """How a decision was found to touch something."""

    COST_CENTRE = "cost_centre"
    SERVICE_CLASS = "service_class"
    TASK_CLASS = "task_class"
    UNIT = "unit"


class Classified(Protocol):
    """What the rules read of a classification: the table's row, or any row with its columns."""

    @property
    def id(self) -> UUID: ...
    @property
    def cost_centre_id(self) -> UUID | None: ...
    @property
    def service_class_id(self) -> UUID | None: ...
    @property
    def from_year(self) -> int: ...
    @property
    def to_year(self) -> int | None: ...
    @property
    def impact_class(self) -> str: ...
    @property
    def method(self) -> str: ...
    @property
    def weights(self) -> list[int] | None: ...
    @property
    def child_share_ppm(self) -> int | None: ...
    @property
    def age_groups(self) -> list[str] | None: ...


Found = TypeVar("Found", bound=Classified)
Key = tuple[UUID | None, UUID | None]


@dataclass(frozen=True, slots=True)
class Touched:
    """A cost centre or service class that a decision touches. `through` is what led there, where it was not given."""

    id: UUID
    basis: Basis
    code: str
    name: dict[str, str]
    through: str | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """Something touched, and the classification that holds for it."""

    touched: Touched
    classification: Classified


@dataclass(frozen=True, slots=True)
class Mapped:
    """A service class that a task class's prefix or a unit leads to; the nearer, the smaller its distance."""

    service_class_id: UUID
    scheme: str
    year: int
    basis: Basis
    through: str
    distance: int


class Reason(TypedDict):
    """Why a hint says what it says."""

    basis: str
    code: str
    name: dict[str, str]
    through: str | None
    impact_class: str
    age_groups: list[str]
    classification_id: str


class Gap(TypedDict):
    """Something touched that nobody has classified for one of the years."""

    basis: str
    code: str
    name: dict[str, str]
    through: str | None


class Hint(TypedDict):
    """The early hint, ready to be kept and sent as JSON."""

    outcome: str
    impact_class: str | None
    age_groups: list[str]
    reasons: list[Reason]
    unclassified: list[Gap]


def years_overlap(from_a: int, to_a: int | None, from_b: int, to_b: int | None) -> bool:
    """Whether two ranges of whole years, both ends included, share a year; None is without end."""
    return (to_b is None or from_a <= to_b) and (to_a is None or from_b <= to_a)


def holds_in(classification: Classified, year: int) -> bool:
    """Whether a classification is valid in a year (child budgeting, rule 1: whole years)."""
    return years_overlap(classification.from_year, classification.to_year, year, year)


def most_specific(
    classifications: Iterable[Found], cost_centre_id: UUID | None, service_class_id: UUID | None, year: int
) -> Found | None:
    """The classification of a line: of cost centre + service class, then of cost centre, then of service class.

    Only those valid in the year count; None is unclassified, which is not `none`. Source: child budgeting, rule 1.
    """
    keyed = {(c.cost_centre_id, c.service_class_id): c for c in classifications if holds_in(c, year)}
    for key in ((cost_centre_id, service_class_id), (cost_centre_id, None), (None, service_class_id)):
        if key in keyed:
            return keyed[key]
    return None


class UnsettledClass(TypedDict):
    """A service class that a person settles: its code means something else, or is not in both lists."""

    code: str
    name: str | None
    earlier_name: str | None
    reason: str


def compare_lists(earlier: ReadOnly[str, str], later: ReadOnly[str, str]) -> tuple[list[str], list[UnsettledClass]]:
    """Which codes mean the same in two years' lists (code to name), and which a person settles, by code.

    Only the same code with the same name is the same class; nothing is read from digits. Source: rule 6.
    """
    same = [code for code in later if earlier.get(code) == later[code]]
    unsettled: list[UnsettledClass] = []
    for code in sorted({*earlier, *later} - set(same)):
        reason = "new_code" if code not in earlier else "code_gone" if code not in later else "other_name"
        unsettled.append({"code": code, "name": later.get(code), "earlier_name": earlier.get(code), "reason": reason})
    return same, unsettled


def age_groups_of(classification: Classified) -> list[AgeGroup]:
    """The age groups that a classification gives anything to, the youngest first.

    Source: child budgeting, rule 2. Which share each gets of a population is not known here: every group is taken to
    have people in it.
    """
    match Method(classification.method):
        case Method.MANUAL | Method.USE_SHARE:
            weights = classification.weights or []
            return [group for group, weight in zip(AGE_GROUPS, weights, strict=True) if weight > 0]
        case Method.POPULATION_SHARE:
            return list(AGE_GROUPS)
        case Method.CHILD_SHARE:
            share = classification.child_share_ppm or 0
            children = CHILD_AGE_GROUPS if share > 0 else ()
            return [*children, *((AgeGroup.ADULT,) if share < WHOLE else ())]
        case Method.FULL:
            return [group for group in AGE_GROUPS if group in (classification.age_groups or ())]


def check_method(
    method: Method | str,
    *,
    weights: Sequence[int] | None,
    child_share_ppm: int | None,
    age_groups: Sequence[str] | None,
) -> None:
    """Check that a method has its own parameter, rightly formed, and no other (child budgeting, rule 2).

    Weights are five integers, the youngest group first, that sum to 1 000 000; the share is in parts of a million.
    Raises Invalid with a pointer for each fault.
    """
    given = {"weights": weights, "child_share_ppm": child_share_ppm, "age_groups": age_groups}
    wanted = _PARAMETER.get(Method(method))
    faults = [
        Fault(f"/{name}", f"The method {method} takes no {name}. Leave it out.")
        for name, value in given.items()
        if value is not None and name != wanted
    ]
    if wanted is not None and given[wanted] is None:
        faults.append(Fault(f"/{wanted}", f"The method {method} needs {wanted}."))
    elif wanted == "weights" and weights is not None:
        faults.extend(_faults_in_weights(weights))
    elif wanted == "child_share_ppm" and child_share_ppm is not None and not 0 <= child_share_ppm <= WHOLE:
        faults.append(Fault("/child_share_ppm", "Give parts of a million: 0–1000000."))
    elif wanted == "age_groups" and age_groups is not None:
        faults.extend(_faults_in_age_groups(age_groups))
    if faults:
        raise Invalid("invalid", "The method and its parameters do not fit together.", faults)


def _faults_in_weights(weights: Sequence[int]) -> Iterator[Fault]:
    if len(weights) != len(AGE_GROUPS):
        yield Fault("/weights", "Give five weights, one for each age group, the youngest first.")
        return
    for place, weight in enumerate(weights):
        if weight < 0:
            yield Fault(f"/weights/{place}", "A weight is not negative.")
    if sum(weights) != WHOLE:
        yield Fault("/weights", f"The weights sum to {sum(weights)}; they must sum to {WHOLE}.")


def _faults_in_age_groups(groups: Sequence[str]) -> Iterator[Fault]:
    if not groups:
        yield Fault("/age_groups", "Name at least one age group.")
    for place, group in enumerate(groups):
        if group not in AGE_GROUPS:
            yield Fault(f"/age_groups/{place}", "Not an age group.")
        elif group in groups[:place]:
            yield Fault(f"/age_groups/{place}", "The age group is named twice.")


def check_key(cost_centre_id: UUID | None, service_class_id: UUID | None) -> None:
    """Check that a classification says what it is of; Invalid where it names neither."""
    if cost_centre_id is None and service_class_id is None:
        fault = Fault("/cost_centre_id", "Give a cost centre, a service class, or both.")
        raise Invalid("invalid", "It does not say what is classified.", [fault])


def check_mapping(kind: MappingKind | str, task_class: str | None, unit_id: UUID | None) -> None:
    """Check that a mapping leads from what its kind says, and from nothing else; Invalid with pointers."""
    wanted = "task_class" if kind == MappingKind.TASK_CLASS else "unit_id"
    given: dict[str, Any] = {"task_class": task_class, "unit_id": unit_id}
    faults = []
    for name, value in given.items():
        if name == wanted and value is None:
            faults.append(Fault(f"/{name}", f"A mapping of the kind {kind} needs {name}."))
        elif name != wanted and value is not None:
            faults.append(Fault(f"/{name}", f"A mapping of the kind {kind} takes no {name}."))
    if task_class is not None and not segments(task_class):
        faults.append(Fault("/task_class", "Give a task class, such as 05 01."))
    if faults:
        raise Invalid("invalid", "The mapping's kind and its parts do not fit together.", faults)


def segments(task_class: str) -> list[str]:
    """The levels of a task class: "05 01 08" and "05.01.08" alike."""
    return [part for part in re.split(r"[\s.]+", task_class) if part]


def normal_task_class(task_class: str) -> str:
    """A task class as it is kept and compared: its levels with one space between."""
    return " ".join(segments(task_class))


def prefixes_of(task_class: str | None) -> list[str]:
    """A task class and every class above it, in the form they are kept, the nearest first."""
    parts = segments(task_class or "")
    return [" ".join(parts[:length]) for length in range(len(parts), 0, -1)]


def is_under(task_class: str, prefix: str) -> bool:
    """Whether a task class is the given one or stands below it: "05 01 08" is under "05 01", "05 010" is not."""
    above = segments(prefix)
    return bool(above) and segments(task_class)[: len(above)] == above


def nearest(mapped: Iterable[Mapped], year: int) -> list[Mapped]:
    """Of everything mapped, what counts: the longest task class, the nearest unit, and there one year's list a scheme.

    Years of a code list never mix: of each scheme it is the latest list up to the year, or else the first after it.
    """
    rows = list(mapped)
    chosen: list[Mapped] = []
    for basis in (Basis.TASK_CLASS, Basis.UNIT):
        of_basis = [row for row in rows if row.basis == basis]
        closest = min((row.distance for row in of_basis), default=0)
        near = [row for row in of_basis if row.distance == closest]
        for scheme in sorted({row.scheme for row in near}):
            years = {row.year for row in near if row.scheme == scheme}
            best = max((found for found in years if found <= year), default=min(years))
            chosen.extend(row for row in near if row.scheme == scheme and row.year == best)
    return chosen


def match_touched(
    cost_centres: Sequence[Touched],
    service_classes: Sequence[Touched],
    mapped: Sequence[Touched],
    classifications: Iterable[Classified],
    year: int,
) -> tuple[list[Match], list[Touched]]:
    """What a decision touches with the classifications that hold, and what of it has none.

    `mapped` are the service classes that the task class or the preparing unit leads to. A cost centre and a service
    class that are classified together are told by that alone. Otherwise each tells by itself: a hint must not miss a
    service for children because the cost centre is mostly about something else.
    """
    keyed = {(c.cost_centre_id, c.service_class_id): c for c in classifications if holds_in(c, year)}
    matches: dict[tuple[UUID, UUID], Match] = {}
    gaps: dict[UUID, Touched] = {}
    for centre, service in product(cost_centres or (None,), service_classes or (None,)):
        found = _matches_of(keyed, centre, service)
        matches.update({(match.touched.id, match.classification.id): match for match in found})
        if not found:
            gaps.update({touched.id: touched for touched in (centre, service) if touched})
    for centre, led_to in product(cost_centres or (None,), mapped):
        known = keyed.get((centre.id if centre else None, led_to.id)) or keyed.get((None, led_to.id))
        if known is not None:
            matches[led_to.id, known.id] = Match(led_to, known)
        else:
            gaps[led_to.id] = led_to
    return list(matches.values()), list(gaps.values())


def in_any_year(found: Iterable[tuple[Sequence[Match], Sequence[Touched]]]) -> tuple[list[Match], list[Touched]]:
    """The matches and the gaps of several years put together, each once.

    What is classified in one year and not in another is in both: the hint must neither miss it nor take it for known.
    """
    matches: dict[tuple[UUID, UUID], Match] = {}
    gaps: dict[UUID, Touched] = {}
    for of_year, gaps_of_year in found:
        for match in of_year:
            matches.setdefault((match.touched.id, match.classification.id), match)
        for gap in gaps_of_year:
            gaps.setdefault(gap.id, gap)
    return list(matches.values()), list(gaps.values())


def _matches_of(keyed: dict[Key, Classified], centre: Touched | None, service: Touched | None) -> list[Match]:
    if centre and service and (together := keyed.get((centre.id, service.id))):
        return [Match(replace(centre, through=service.code), together)]
    alone: list[tuple[Touched | None, Key]] = [
        (centre, (centre.id if centre else None, None)),
        (service, (None, service.id if service else None)),
    ]
    return [Match(touched, found) for touched, key in alone if touched and (found := keyed.get(key))]


def hint(matches: Iterable[Match], unclassified: Iterable[Touched] = ()) -> Hint:
    """The early hint (what no other system has, 2): is an assessment probably needed, for which age groups, and why.

    Anything classified as other than `none` makes it probably needed. Only where everything touched is classified as
    `none` is it probably not needed; where nothing matches it is unknown.
    """
    found = sorted(
        matches, key=lambda match: (_STRENGTH[ImpactClass(match.classification.impact_class)], _order(match))
    )
    gaps = sorted(unclassified, key=lambda touched: (touched.basis, touched.code, touched.id))
    strongest = ImpactClass(found[0].classification.impact_class) if found else None
    if strongest is None or (strongest is ImpactClass.NONE and gaps):
        outcome = HintOutcome.UNKNOWN
    elif strongest is ImpactClass.NONE:
        outcome = HintOutcome.PROBABLY_NOT_NEEDED
    else:
        outcome = HintOutcome.PROBABLY_NEEDED
    groups = {
        group
        for match in found
        if match.classification.impact_class != ImpactClass.NONE
        for group in age_groups_of(match.classification)
    }
    return {
        "outcome": outcome.value,
        "impact_class": strongest.value if strongest else None,
        "age_groups": [group.value for group in AGE_GROUPS if group in groups],
        "reasons": [_reason(match) for match in found],
        "unclassified": [
            {"basis": gap.basis.value, "code": gap.code, "name": gap.name, "through": gap.through} for gap in gaps
        ],
    }


def _order(match: Match) -> tuple[str, str, UUID]:
    return match.touched.basis.value, match.touched.code, match.classification.id


def _reason(match: Match) -> Reason:
    touched, classification = match.touched, match.classification
    return {
        "basis": touched.basis.value,
        "code": touched.code,
        "name": touched.name,
        "through": touched.through,
        "impact_class": str(classification.impact_class),
        "age_groups": [group.value for group in age_groups_of(classification)],
        "classification_id": str(classification.id),
    }
