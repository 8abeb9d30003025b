"""The rules of child budgeting, to the cent, without a database."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.budgeting.rules import (
    Splitter,
    check_ranges,
    flow_of,
    is_child_money,
    largest_remainder,
    per_head,
    population_of,
    share_of,
    split_both,
    weights_of,
)
from app.errors import Invalid

POPULATION = (5000, 6000, 3500, 2500, 83_000)
CENTS = st.integers(-(10**15), 10**15)
WEIGHTS = st.lists(st.integers(0, 10**6), min_size=5, max_size=5).filter(any)


@dataclass(frozen=True)
class Held:
    """A classification as the rules see it."""

    impact_class: str = "direct"
    method: str = "manual"
    weights: list[int] | None = None
    child_share_ppm: int | None = None
    age_groups: list[str] | None = None
    cost_centre_id: UUID | None = None
    service_class_id: UUID | None = None
    from_year: int = 2020
    to_year: int | None = None
    id: UUID = field(default=UUID(int=7))


def split(cents: int, population: Any = POPULATION, **facts: Any) -> tuple[str, tuple[int, ...]]:
    held = Held(**{"cost_centre_id": uuid4(), **facts})
    counts = {2026: population} if population else {}
    found = Splitter([held], counts, 2026).split(cents, held)
    return found.impact_class, found.parts


def test_the_worked_example_falls_on_age_groups_to_the_cent() -> None:
    use = [100_000, 200_000, 350_000, 300_000, 50_000]
    assert split(1_200_000_000, method="use_share", weights=use)[1] == (
        120_000_000,
        240_000_000,
        420_000_000,
        360_000_000,
        60_000_000,
    )
    assert split(400_000_000, method="full", age_groups=["0-6"])[1] == (400_000_000, 0, 0, 0, 0)
    adult = split(600_000_000, impact_class="indirect", method="child_share", child_share_ppm=250_000)
    assert adult == ("indirect", (44_117_647, 52_941_176, 30_882_353, 22_058_824, 450_000_000))
    rescue = split(800_000_000, impact_class="communal", method="population_share")
    assert rescue == ("communal", (40_000_000, 48_000_000, 28_000_000, 20_000_000, 664_000_000))
    assert split(2_000_000_000, impact_class="none", method="population_share") == ("none", (0, 0, 0, 0, 2_000_000_000))


@given(CENTS, WEIGHTS)
def test_parts_sum_to_what_was_split_and_no_weight_gets_nothing(cents: int, weights: list[int]) -> None:
    parts = largest_remainder(cents, weights)
    assert sum(parts) == cents
    assert all(part == 0 for part, weight in zip(parts, weights, strict=True) if weight == 0)
    exact = [cents * weight / sum(weights) for weight in weights]
    assert all(abs(part - wanted) < 1 + abs(wanted) * 1e-9 for part, wanted in zip(parts, exact, strict=True))


@given(CENTS, WEIGHTS)
def test_a_credit_is_split_as_its_opposite(cents: int, weights: list[int]) -> None:
    assert largest_remainder(-cents, weights) == tuple(-part for part in largest_remainder(cents, weights))


def test_a_tie_goes_to_the_younger_group() -> None:
    assert largest_remainder(1, [1, 1, 1, 1, 1]) == (1, 0, 0, 0, 0)
    assert largest_remainder(3, [1, 1, 1, 1, 0]) == (1, 1, 1, 0, 0)
    assert largest_remainder(-1, [0, 1, 0, 1, 0]) == (0, -1, 0, 0, 0)


def test_nothing_can_be_split_by_no_weight() -> None:
    with pytest.raises(ValueError, match="no weight"):
        largest_remainder(100, [0, 0, 0, 0, 0])


@pytest.mark.parametrize(
    "facts",
    [
        {"method": "population_share"},
        {"method": "child_share", "child_share_ppm": 250_000},
        {"method": "full", "age_groups": ["0-6", "7-12"]},
    ],
)
def test_what_needs_a_population_is_unsplit_without_one_and_never_none(facts: dict[str, Any]) -> None:
    assert split(100, None, **facts) == ("unsplit", (0, 0, 0, 0, 0))
    assert split(100, (0, 0, 0, 0, 0), **facts) == ("unsplit", (0, 0, 0, 0, 0))
    assert split(100, **facts)[0] == "direct"


def test_one_named_group_and_no_children_need_no_population() -> None:
    assert split(100, None, method="full", age_groups=["13-15"]) == ("direct", (0, 0, 100, 0, 0))
    assert split(100, None, method="child_share", child_share_ppm=0) == ("direct", (0, 0, 0, 0, 100))


def test_named_groups_share_by_population() -> None:
    assert weights_of(Held(method="full", age_groups=["0-6", "16-17"]), POPULATION) == (5000, 0, 0, 2500, 0)


def test_the_most_specific_classification_holds_and_without_one_it_is_unclassified() -> None:
    centre, service, other = uuid4(), uuid4(), uuid4()
    together = Held(cost_centre_id=centre, service_class_id=service, id=UUID(int=1))
    of_centre = Held(cost_centre_id=centre, id=UUID(int=2))
    of_service = Held(service_class_id=service, id=UUID(int=3))
    ended = Held(cost_centre_id=other, to_year=2025, id=UUID(int=4))
    splitter = Splitter([together, of_centre, of_service, ended], {}, 2026)
    assert splitter.classification(centre, service) is together
    assert splitter.classification(centre, other) is of_centre
    assert splitter.classification(other, service) is of_service
    assert splitter.classification(other, other) is None
    assert splitter.classification(other, None) is None
    assert splitter.split(100, None).impact_class == "unclassified"
    assert splitter.split(100, None).parts == (0, 0, 0, 0, 0)


def test_a_year_without_a_population_uses_the_latest_earlier_year() -> None:
    counts = {2023: (1,), 2025: (2,)}
    assert population_of(counts, 2026) == (2025, (2,))
    assert population_of(counts, 2024) == (2023, (1,))
    assert population_of(counts, 2022) is None


def test_the_year_before_is_looked_up_by_the_class_of_the_same_code_and_name() -> None:
    centre, now_class, then_class = uuid4(), uuid4(), uuid4()
    now_held = Held(service_class_id=now_class, method="full", age_groups=["0-6"], from_year=2026)
    then_held = Held(service_class_id=then_class, method="full", age_groups=["7-12"], to_year=2025)
    both = [now_held, then_held]
    present, prior = Splitter(both, {}, 2026), Splitter(both, {}, 2025)
    given = {"present": present, "prior": prior}
    now, then = split_both(100, (centre, now_class), **given, counterparts={now_class: then_class})
    assert (now.parts, then.parts) == ((100, 0, 0, 0, 0), (0, 100, 0, 0, 0))
    now, then = split_both(100, (centre, now_class), **given, counterparts={now_class: None})
    assert now == then, "a service that is new was not classified otherwise"
    unclassified = Splitter([now_held], {}, 2025)
    now, then = split_both(
        100, (centre, now_class), present=present, prior=unclassified, counterparts={now_class: then_class}
    )
    assert then.impact_class == "unclassified", "it was there, and nobody had classified it"


def test_what_is_classified_by_cost_centre_needs_no_counterpart_of_its_service_class() -> None:
    centre, new_class = uuid4(), uuid4()
    now_held = Held(cost_centre_id=centre, method="full", age_groups=["0-6"], from_year=2026)
    then_held = Held(cost_centre_id=centre, method="full", age_groups=["7-12"], to_year=2025)
    present, prior = (Splitter([now_held, then_held], {}, year) for year in (2026, 2025))
    _, then = split_both(100, (centre, new_class), present=present, prior=prior, counterparts={})
    assert then.parts == (0, 100, 0, 0, 0)
    _, then = split_both(100, (centre, None), present=present, prior=prior, counterparts={})
    assert then.parts == (0, 100, 0, 0, 0)


RANGES = [
    {"first": "3900", "last": "3999", "flow": "internal_income"},
    {"first": "3000", "last": "3999", "flow": "income"},
    {"first": "4", "last": "4", "flow": "cost"},
]


@pytest.mark.parametrize(
    ("account", "cents", "flow"),
    [
        ("3950", -100, "internal_income"),
        ("395012", -100, "internal_income"),
        ("3100", -100, "income"),
        ("3100", 100, "income"),
        ("4300", 100, "cost"),
        ("4300", -100, "cost"),
        ("9999", 100, "cost"),
        ("9999", -100, "income"),
        ("", -100, "income"),
        ("", 0, "cost"),
    ],
)
def test_accounts_are_told_apart_by_the_first_range_that_holds_and_else_by_sign(
    account: str, cents: int, flow: str
) -> None:
    assert flow_of(account, cents, RANGES) == flow


def test_ranges_that_cannot_be_are_refused() -> None:
    check_ranges(RANGES)
    with pytest.raises(Invalid) as refused:
        check_ranges([{"first": "30", "last": "3999"}, {"first": "40", "last": "39"}])
    assert [fault.pointer for fault in refused.value.faults] == ["/items/0/last", "/items/1/last"]


def test_shares_and_sums_a_head_are_rounded_as_people_do() -> None:
    assert share_of(1_540_000_000, 5_000_000_000) == 0.308
    assert share_of(1, 0) is None
    assert per_head(1_540_000_000, 17_000) == 90_588
    assert per_head(1_826_000_000, 17_000) == 107_412
    assert (per_head(5, 10), per_head(-5, 10), per_head(4, 10)) == (1, -1, 0)
    assert per_head(5, 0) is None


def test_only_three_classes_are_child_money() -> None:
    counted = ["direct", "indirect", "communal", "none", "unclassified", "unsplit"]
    assert [is_child_money(code) for code in counted] == [True, True, True, False, False, False]
