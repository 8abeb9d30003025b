"""The rules of services: which classification holds, what it says of age groups, the early hint, the code list."""

import json
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.conventions.vocabulary import labels
from app.errors import Invalid
from app.services.models import AgeGroup, ImpactClass, MappingKind, Method
from app.services.rules import (
    WHOLE,
    Basis,
    HintOutcome,
    Mapped,
    Match,
    Touched,
    age_groups_of,
    check_key,
    check_mapping,
    check_method,
    hint,
    is_under,
    match_touched,
    most_specific,
    nearest,
    normal_task_class,
    prefixes_of,
    years_overlap,
)

CENTRE, OTHER_CENTRE, SERVICE, OTHER_SERVICE = uuid4(), uuid4(), uuid4(), uuid4()


@dataclass
class AClassification:
    """A classification without a database."""

    cost_centre_id: UUID | None = None
    service_class_id: UUID | None = None
    impact_class: str = "direct"
    method: str = "population_share"
    weights: list[int] | None = None
    child_share_ppm: int | None = None
    age_groups: list[str] | None = None
    from_year: int = 2025
    to_year: int | None = None
    id: UUID = field(default_factory=uuid4)


def of_centre(**values: Any) -> AClassification:
    return AClassification(cost_centre_id=CENTRE, **values)


def of_service(**values: Any) -> AClassification:
    return AClassification(service_class_id=SERVICE, **values)


def of_both(**values: Any) -> AClassification:
    return AClassification(cost_centre_id=CENTRE, service_class_id=SERVICE, **values)


def centre(row_id: UUID = CENTRE, code: str = "41200") -> Touched:
    return Touched(row_id, Basis.COST_CENTRE, code, {"fi": "Kustannuspaikka"})


def service(row_id: UUID = SERVICE, code: str = "2701", basis: Basis = Basis.SERVICE_CLASS) -> Touched:
    return Touched(row_id, basis, code, {"fi": "Palveluluokka"}, "05 01" if basis == Basis.TASK_CLASS else None)


def hint_of(
    centres: list[Touched], services: list[Touched], classifications: list[AClassification], mapped: Any = ()
) -> Any:
    return hint(*match_touched(centres, services, list(mapped), classifications, 2025))


years = st.integers(2000, 2100)
ranges = st.tuples(years, st.none() | st.integers(0, 50)).map(
    lambda pair: (pair[0], None if pair[1] is None else pair[0] + pair[1])
)


@given(ranges, ranges)
def test_ranges_overlap_where_they_share_a_year(a: tuple[int, int | None], b: tuple[int, int | None]) -> None:
    def all_years(of: tuple[int, int | None]) -> set[int]:
        return set(range(of[0], (of[1] or 2300) + 1))

    assert years_overlap(*a, *b) == bool(all_years(a) & all_years(b))
    assert years_overlap(*a, *b) == years_overlap(*b, *a)


def test_the_most_specific_classification_holds() -> None:
    both, its_centre, its_service = of_both(), of_centre(), of_service()
    assert most_specific([its_service, its_centre, both], CENTRE, SERVICE, 2025) is both
    assert most_specific([its_service, its_centre], CENTRE, SERVICE, 2025) is its_centre
    assert most_specific([its_service, its_centre], OTHER_CENTRE, SERVICE, 2025) is its_service
    assert most_specific([both, its_service], CENTRE, None, 2025) is None
    assert most_specific([both, its_centre], None, SERVICE, 2025) is None
    assert most_specific([], CENTRE, SERVICE, 2025) is None


def test_only_what_is_valid_in_the_year_holds() -> None:
    old, new = of_both(from_year=2023, to_year=2024), of_centre(from_year=2025)
    assert most_specific([old, new], CENTRE, SERVICE, 2024) is old
    assert most_specific([old, new], CENTRE, SERVICE, 2025) is new
    assert most_specific([old, new], CENTRE, SERVICE, 2022) is None


@pytest.mark.parametrize(
    ("classification", "groups"),
    [
        (of_centre(method="manual", weights=[0, 400_000, 0, 600_000, 0]), ["7-12", "16-17"]),
        (of_centre(method="use_share", weights=[100_000, 200_000, 350_000, 300_000, 50_000]), list(AgeGroup)),
        (of_centre(method="population_share"), list(AgeGroup)),
        (of_centre(method="child_share", child_share_ppm=250_000), list(AgeGroup)),
        (of_centre(method="child_share", child_share_ppm=WHOLE), ["0-6", "7-12", "13-15", "16-17"]),
        (of_centre(method="child_share", child_share_ppm=0), ["18+"]),
        (of_centre(method="full", age_groups=["13-15", "0-6"]), ["0-6", "13-15"]),
    ],
)
def test_age_groups_that_a_classification_touches(classification: AClassification, groups: list[str]) -> None:
    assert age_groups_of(classification) == groups


def parameters(**values: Any) -> dict[str, Any]:
    return {"weights": None, "child_share_ppm": None, "age_groups": None, **values}


@given(st.lists(st.integers(0, WHOLE), min_size=4, max_size=4).map(sorted))
def test_weights_that_sum_to_a_million_are_taken(cuts: list[int]) -> None:
    weights = [high - low for low, high in zip([0, *cuts], [*cuts, WHOLE], strict=True)]
    check_method(Method.MANUAL, **parameters(weights=weights))
    check_method("use_share", **parameters(weights=weights))


@given(st.lists(st.integers(-WHOLE, 2 * WHOLE), max_size=7))
def test_other_weights_are_refused(weights: list[int]) -> None:
    if len(weights) == 5 and sum(weights) == WHOLE and min(weights) >= 0:
        return
    with pytest.raises(Invalid) as refused:
        check_method(Method.MANUAL, **parameters(weights=weights))
    assert all(fault.pointer.startswith("/weights") for fault in refused.value.faults)


@pytest.mark.parametrize(
    ("method", "given_parameters", "pointers"),
    [
        ("manual", {}, ["/weights"]),
        ("manual", {"weights": [WHOLE, 0, 0, 0, 0], "child_share_ppm": 1}, ["/child_share_ppm"]),
        ("manual", {"weights": [-1, WHOLE + 1, 0, 0, 0]}, ["/weights/0"]),
        ("population_share", {"weights": [WHOLE, 0, 0, 0, 0], "age_groups": ["0-6"]}, ["/weights", "/age_groups"]),
        ("child_share", {}, ["/child_share_ppm"]),
        ("child_share", {"child_share_ppm": WHOLE + 1}, ["/child_share_ppm"]),
        ("full", {}, ["/age_groups"]),
        ("full", {"age_groups": []}, ["/age_groups"]),
        ("full", {"age_groups": ["0-6", "adults", "0-6"]}, ["/age_groups/1", "/age_groups/2"]),
    ],
)
def test_a_method_needs_its_own_parameter(method: str, given_parameters: dict[str, Any], pointers: list[str]) -> None:
    with pytest.raises(Invalid) as refused:
        check_method(method, **parameters(**given_parameters))
    assert [fault.pointer for fault in refused.value.faults] == pointers


def test_a_classification_says_what_it_is_of() -> None:
    check_key(CENTRE, None)
    check_key(None, SERVICE)
    with pytest.raises(Invalid):
        check_key(None, None)


def test_a_mapping_leads_from_what_its_kind_says() -> None:
    check_mapping("task_class", "05 01", None)
    check_mapping(MappingKind.UNIT, None, CENTRE)
    for kind, task_class, unit_id, pointers in (
        ("task_class", None, None, ["/task_class"]),
        ("task_class", " . ", None, ["/task_class"]),
        ("unit", "05 01", None, ["/task_class", "/unit_id"]),
    ):
        with pytest.raises(Invalid) as refused:
            check_mapping(kind, task_class, unit_id)
        assert [fault.pointer for fault in refused.value.faults] == pointers


def test_task_classes_are_compared_by_whole_levels() -> None:
    assert is_under("05 01 08", "05 01")
    assert is_under("05.01.08", "05 01")
    assert is_under("05 01", "05 01")
    assert not is_under("05 010", "05 01")
    assert not is_under("05", "05 01")
    assert not is_under("05 01", " ")
    assert normal_task_class(" 05.01  08 ") == "05 01 08"
    assert prefixes_of("05 01 08") == ["05 01 08", "05 01", "05"]
    assert prefixes_of(None) == prefixes_of(" . ") == []


levels = st.lists(st.text("0123456789", min_size=1, max_size=3), min_size=1, max_size=5)


@given(levels, levels)
def test_a_class_is_under_exactly_its_prefixes(code: list[str], prefix: list[str]) -> None:
    assert is_under(".".join(code), " ".join(prefix)) == (" ".join(prefix) in prefixes_of(".".join(code)))


def led(key: UUID, year: int, basis: Basis, distance: int, scheme: str = "kunta-aura") -> Mapped:
    return Mapped(key, scheme, year, basis, "05 01", distance)


def test_the_nearest_mapping_counts_and_years_never_mix() -> None:
    far, near = led(CENTRE, 2025, Basis.UNIT, 2), led(SERVICE, 2025, Basis.UNIT, 1)
    assert nearest([far, near], 2025) == [near]
    old, new, later = (led(uuid4(), year, Basis.TASK_CLASS, -5) for year in (2023, 2025, 2027))
    other = led(uuid4(), 2023, Basis.TASK_CLASS, -5, scheme="demo")
    assert nearest([old, new, later, near], 2026) == [new, near]
    assert nearest([old, new, later, other], 2026) == [other, new]
    assert nearest([new, later], 2023) == [new]
    assert nearest([], 2025) == []


def test_nothing_touched_is_unknown() -> None:
    assert hint_of([], [], []) == {
        "outcome": "unknown",
        "impact_class": None,
        "age_groups": [],
        "reasons": [],
        "unclassified": [],
    }


@pytest.mark.parametrize("impact", ["direct", "indirect", "communal"])
def test_a_service_for_children_needs_an_assessment(impact: str) -> None:
    found = hint_of([centre()], [], [of_centre(impact_class=impact, method="full", age_groups=["7-12", "0-6"])])
    assert found["outcome"] == "probably_needed"
    assert found["impact_class"] == impact
    assert found["age_groups"] == ["0-6", "7-12"]
    assert found["reasons"][0]["basis"] == "cost_centre"
    assert found["reasons"][0]["code"] == "41200"
    assert found["unclassified"] == []


def test_only_what_is_all_classified_as_none_is_not_needed() -> None:
    none = of_centre(impact_class="none")
    known = hint_of([centre()], [], [none])
    assert known["outcome"] == "probably_not_needed"
    assert known["impact_class"] == "none"
    assert known["age_groups"] == []
    found = hint_of([centre(), centre(OTHER_CENTRE, "9")], [], [none])
    assert found["outcome"] == "unknown"
    assert [gap["code"] for gap in found["unclassified"]] == ["9"]


def test_what_is_not_classified_does_not_hide_what_is() -> None:
    found = hint_of([centre(), centre(OTHER_CENTRE, "9")], [], [of_centre(impact_class="communal")])
    assert found["outcome"] == "probably_needed"
    assert [gap["code"] for gap in found["unclassified"]] == ["9"]


def test_a_classification_of_another_year_is_none_at_all() -> None:
    assert hint_of([centre()], [], [of_centre(to_year=2024, from_year=2020)])["outcome"] == "unknown"


def test_together_is_more_specific_than_each_alone() -> None:
    rows = [of_both(impact_class="none"), of_centre(impact_class="direct"), of_service(impact_class="direct")]
    found = hint_of([centre()], [service()], rows)
    assert found["outcome"] == "probably_not_needed"
    assert [(r["basis"], r["code"], r["through"]) for r in found["reasons"]] == [("cost_centre", "41200", "2701")]
    wider = hint_of([centre()], [service(), service(OTHER_SERVICE, "2702")], rows)
    assert wider["outcome"] == "probably_needed"


def test_a_cost_centre_does_not_hide_a_service_for_children() -> None:
    rows = [of_centre(impact_class="none"), of_service(impact_class="direct")]
    found = hint_of([centre()], [service()], rows)
    assert found["outcome"] == "probably_needed"
    assert [reason["basis"] for reason in found["reasons"]] == ["service_class", "cost_centre"]


def test_one_of_the_two_is_enough_to_be_classified() -> None:
    assert hint_of([centre()], [service()], [of_service(impact_class="none")])["outcome"] == "probably_not_needed"
    assert hint_of([centre()], [service()], [])["outcome"] == "unknown"


def test_a_task_class_leads_to_a_service() -> None:
    led_to = service(basis=Basis.TASK_CLASS)
    found = hint_of([], [], [of_service()], [led_to])
    assert found["outcome"] == "probably_needed"
    assert (found["reasons"][0]["basis"], found["reasons"][0]["through"]) == ("task_class", "05 01")
    unknown = hint_of([centre()], [], [of_centre(impact_class="none")], [led_to])
    assert unknown["outcome"] == "unknown"
    assert unknown["unclassified"][0]["basis"] == "task_class"


some_classifications = st.lists(
    st.builds(
        AClassification,
        cost_centre_id=st.sampled_from([CENTRE, OTHER_CENTRE, None]),
        service_class_id=st.sampled_from([SERVICE, OTHER_SERVICE, None]),
        impact_class=st.sampled_from(list(ImpactClass)).map(str),
        from_year=st.sampled_from([2024, 2025, 2026]),
        to_year=st.none(),
    ).filter(lambda c: c.cost_centre_id is not None or c.service_class_id is not None),
    max_size=8,
    unique_by=lambda c: (c.cost_centre_id, c.service_class_id),
)


@given(
    some_classifications,
    st.lists(st.sampled_from([centre(), centre(OTHER_CENTRE, "9")]), unique_by=lambda touched: touched.id),
    st.lists(st.sampled_from([service(), service(OTHER_SERVICE, "2702")]), unique_by=lambda touched: touched.id),
)
def test_a_hint_never_misses_and_never_guesses(
    classifications: list[AClassification], centres: list[Touched], services: list[Touched]
) -> None:
    found = hint_of(centres, services, classifications)
    assert json.loads(json.dumps(found)) == found
    lines = [
        most_specific(classifications, centre, service, 2025)
        for centre in ([c.id for c in centres] if centres else [None])
        for service in ([s.id for s in services] if services else [None])
    ]
    if any(line is not None and line.impact_class != "none" for line in lines):
        assert found["outcome"] == "probably_needed"
    if None in lines or not found["reasons"]:
        assert found["outcome"] != "probably_not_needed"
        assert found["unclassified"] or not (centres or services)
    if found["outcome"] == "probably_not_needed":
        assert {reason["impact_class"] for reason in found["reasons"]} == {"none"}


@given(st.permutations([("direct", "0-6"), ("communal", "18+"), ("none", "7-12"), ("indirect", "13-15")]))
def test_the_order_of_matches_does_not_matter(order: list[tuple[str, str]]) -> None:
    matches = [
        Match(centre(UUID(int=1), impact), AClassification(CENTRE, None, impact, "full", age_groups=[group]))
        for impact, group in order
    ]
    found = hint(matches)
    assert found["impact_class"] == "direct"
    assert found["age_groups"] == ["0-6", "13-15", "18+"]
    assert [reason["impact_class"] for reason in found["reasons"]] == ["direct", "indirect", "communal", "none"]


def test_every_code_has_its_labels() -> None:
    for name, codes in (
        ("impact_class", ImpactClass),
        ("age_group", AgeGroup),
        ("method", Method),
        ("mapping_kind", MappingKind),
        ("hint_outcome", HintOutcome),
    ):
        assert list(labels(name)) == [code.value for code in codes]
