"""Units, cost centres, service classes and their classification, and the early hint that rests on them."""

from datetime import date
from typing import Any

import pytest

from tests.county import Api
from tests.shared import shared_file

YEARS = {2021: 137, 2022: 143, 2023: 75}
"""Rows of each year in the State Treasury's municipal list."""


def cost_centre(api: Api, code: str, **facts: Any) -> str:
    body = {"code": code, "name": {"fi": f"Kustannuspaikka {code}"}, "valid_from": "2023-01-01", **facts}
    answer = api.send("controller", "POST", "/api/v1/cost-centres", body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def unit(api: Api, code: str, parent_id: str | None = None) -> str:
    body = {"code": code, "name": {"fi": code}, "level": "unit", "valid_from": "2023-01-01", "parent_id": parent_id}
    answer = api.send("controller", "POST", "/api/v1/units", body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def service_classes(api: Api, *codes: str, year: int = 2026) -> dict[str, str]:
    rows = "\n".join(["scheme,year,code,name", *(f"demo,{year},{code},Palvelu {code}" for code in codes)])
    assert api.import_file("service-classes", rows)["state"] == "succeeded"
    listed = api.send("controller", "GET", f"/api/v1/service-classes?scheme=demo&year={year}&limit=200").json()["items"]
    return {row["code"]: row["id"] for row in listed}


def classify(api: Api, impact_class: str = "direct", **facts: Any) -> Any:
    body = {"from_year": 2023, "impact_class": impact_class, "reason": "Esimerkki."}
    body |= {"method": "full", "age_groups": ["0-6"]}
    return api.send("controller", "POST", "/api/v1/classifications", {**body, **facts})


def test_the_real_list_is_imported_by_scheme_year_and_code_and_again_without_a_change(api: Api) -> None:
    content = shared_file("data/aura_kunta_service_classes.csv").read_bytes()
    first = api.import_file("service-classes", content)["result"]
    assert (first["added"], first["changed"], first["unchanged"]) == (sum(YEARS.values()), 0, 0)
    again = api.import_file("service-classes", content)["result"]
    assert (again["added"], again["changed"], again["unchanged"]) == (0, 0, sum(YEARS.values()))
    assert again["unchanged_file"]
    for year, rows in YEARS.items():
        listed = api.send(
            "controller", "GET", f"/api/v1/service-classes?scheme=kunta-aura&year={year}&limit=200"
        ).json()
        assert len(listed["items"]) == rows
        assert {row["year"] for row in listed["items"]} == {year}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("scheme,year,code,name\ndemo,2026,1,A\ndemo,20x6,2,B", "2"),
        ("scheme,year,name\ndemo,2026,A", "code"),
        ("name,kind\n", "scheme"),
        ("scheme,year,code,name\ndemo,2026,1,A\ndemo,2026,1,B", "1"),
    ],
)
def test_a_bad_list_is_refused_whole_with_row_and_column(api: Api, content: str, words: str) -> None:
    job = api.import_file("service-classes", content)
    assert job["state"] == "refused"
    assert words in str(job["errors"])
    assert api.send("controller", "GET", "/api/v1/service-classes").json()["items"] == []


def test_a_decision_that_touches_a_direct_service_is_flagged_with_its_age_groups(api: Api) -> None:
    centre = cost_centre(api, "100")
    assert classify(api, cost_centre_id=centre).status_code == 201
    hint = api.decision(cost_centre_ids=[centre])["hint"]
    assert (hint["outcome"], hint["impact_class"], hint["age_groups"]) == ("probably_needed", "direct", ["0-6"])
    assert hint["reasons"][0]["basis"] == "cost_centre"
    assert hint["reasons"][0]["code"] == "100"


def test_what_nobody_has_classified_is_unknown_and_never_not_needed(api: Api) -> None:
    centre = cost_centre(api, "100")
    hint = api.decision(cost_centre_ids=[centre])["hint"]
    assert hint["outcome"] == "unknown"
    assert [entry["code"] for entry in hint["unclassified"]] == ["100"]
    classify(api, "none", cost_centre_id=centre, method="full", age_groups=["18+"])
    made = api.decision(diary_number="2/2026", cost_centre_ids=[centre])
    assert made["hint"]["outcome"] == "probably_not_needed"
    other = cost_centre(api, "200")
    assert api.decision(diary_number="3/2026", cost_centre_ids=[centre, other])["hint"]["outcome"] == "unknown"


def test_a_case_that_knows_no_services_is_matched_by_task_class_and_by_preparing_unit(api: Api) -> None:
    classes = service_classes(api, "A", "B")
    classify(api, service_class_id=classes["A"])
    classify(api, "indirect", service_class_id=classes["B"], age_groups=["7-12", "13-15"])
    top = unit(api, "top")
    below = unit(api, "below", top)
    path = "/api/v1/service-classes/mappings"
    mapping = {"kind": "task_class", "task_class": "05 01", "service_class_id": classes["A"]}
    assert api.send("controller", "POST", path, mapping).status_code == 201
    of_unit = {"kind": "unit", "unit_id": top, "service_class_id": classes["B"]}
    assert api.send("controller", "POST", path, of_unit).status_code == 201
    by_task = api.decision(task_class_code="05 01 08")["hint"]
    assert (by_task["outcome"], by_task["reasons"][0]["basis"]) == ("probably_needed", "task_class")
    assert api.decision(diary_number="2/2026", task_class_code="05 010")["hint"]["outcome"] == "unknown"
    by_unit = api.decision(diary_number="3/2026", unit_id=below)["hint"]
    assert (by_unit["impact_class"], by_unit["age_groups"]) == ("indirect", ["7-12", "13-15"])
    listed = api.send("preparer", "GET", "/api/v1/decisions?impact_class=direct").json()["items"]
    assert [row["diary_number"] for row in listed] == ["1/2026"]


@pytest.mark.parametrize(
    ("planned", "meeting", "outcome", "years"),
    [
        ([], None, "unknown", [2026]),
        ([], "2027-01-11", "probably_needed", [2027]),
        ([2027], None, "probably_needed", [2027]),
        ([2026], "2027-01-11", "unknown", [2026]),
        ([2026, 2027], None, "probably_needed", [2026, 2027]),
    ],
)
def test_the_hint_is_of_the_years_that_the_decision_is_about(
    api: Api, planned: list[int], meeting: str | None, outcome: str, years: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.decisions.actions.today", lambda: date(2026, 11, 25))
    centre = cost_centre(api, "100")
    classify(api, cost_centre_id=centre, from_year=2027)
    rows = [{"cost_centre_id": centre, "year": year, "amount": {"cents": -1}} for year in planned]
    hint = api.decision(cost_centre_ids=[centre], planned_changes=rows, meeting_date=meeting)["hint"]
    assert (hint["outcome"], hint["years"]) == (outcome, years)
    assert [gap["code"] for gap in hint["unclassified"]] == (["100"] if 2026 in years else [])


def test_what_is_not_classified_in_one_of_the_years_is_not_taken_for_none(api: Api) -> None:
    centre = cost_centre(api, "100")
    classify(api, "none", cost_centre_id=centre, to_year=2027)
    rows = [{"cost_centre_id": centre, "year": year, "amount": {"cents": -1}} for year in (2027, 2028)]
    made = api.decision(planned_changes=rows[:1])
    assert made["hint"]["outcome"] == "probably_not_needed"
    path = f"/api/v1/decisions/{made['id']}"
    both = api.change("preparer", "PUT", f"{path}/scope", {"planned_changes": rows}, of=path).json()
    assert both["hint"]["outcome"] == "unknown"


def test_a_mapping_leads_to_the_list_of_each_year(api: Api) -> None:
    old = service_classes(api, "9101", year=2026)["9101"]
    new = service_classes(api, "9101", year=2027)["9101"]
    for key in (old, new):
        facts = {"kind": "task_class", "task_class": "05 01", "service_class_id": key}
        assert api.send("controller", "POST", "/api/v1/service-classes/mappings", facts).status_code == 201
    classify(api, service_class_id=new, from_year=2027)
    hints = [
        api.decision(diary_number=f"{year}/2026", task_class_code="05 01", meeting_date=f"{year}-01-11")["hint"]
        for year in (2026, 2027)
    ]
    assert [hint["outcome"] for hint in hints] == ["unknown", "probably_needed"]


def test_another_year_of_the_meeting_renews_the_hint(api: Api) -> None:
    centre = cost_centre(api, "100")
    classify(api, cost_centre_id=centre, from_year=2027)
    made = api.decision(cost_centre_ids=[centre], meeting_date="2026-12-14")
    path = f"/api/v1/decisions/{made['id']}"
    assert made["hint_outcome"] == "unknown"
    same = api.change("preparer", "PATCH", path, {"meeting_date": "2026-12-21"}).json()
    assert same["hint"]["computed_at"] == made["hint"]["computed_at"]
    moved = api.change("preparer", "PATCH", path, {"meeting_date": "2027-01-11"}).json()
    assert (moved["hint_outcome"], moved["hint"]["years"]) == ("probably_needed", [2027])


def test_the_hint_is_renewed_after_services_are_classified(api: Api) -> None:
    centre = cost_centre(api, "100")
    path = f"/api/v1/decisions/{api.decision(cost_centre_ids=[centre])['id']}"
    classify(api, cost_centre_id=centre)
    assert api.send("preparer", "GET", path).json()["hint"]["outcome"] == "unknown"
    renewed = api.change("preparer", "POST", f"{path}/early-hint", of=path).json()
    assert renewed["hint"]["outcome"] == "probably_needed"


def test_two_classifications_of_one_thing_do_not_overlap(api: Api) -> None:
    centre = cost_centre(api, "100")
    assert classify(api, cost_centre_id=centre, to_year=2025).status_code == 201
    assert classify(api, cost_centre_id=centre, from_year=2026).status_code == 201
    overlapping = classify(api, cost_centre_id=centre, from_year=2025, to_year=2025)
    assert (overlapping.status_code, overlapping.json()["type"]) == (409, "urn:lava:problem:overlapping")


@pytest.mark.parametrize(
    "facts",
    [
        {"method": "manual", "weights": [1, 2, 3, 4, 5], "age_groups": None},
        {"method": "use_share", "weights": [1_000_000, 0, 0, 0], "age_groups": None},
        {"method": "child_share", "age_groups": None},
        {"method": "full", "age_groups": []},
        {"method": "population_share"},
    ],
)
def test_a_method_has_exactly_its_own_parameters(api: Api, facts: dict[str, Any]) -> None:
    centre = cost_centre(api, "100")
    given = {name: value for name, value in facts.items() if value is not None}
    body = {"from_year": 2023, "impact_class": "direct", "reason": "Esimerkki.", "cost_centre_id": centre}
    if facts["method"] == "population_share":
        given["age_groups"] = ["0-6"]
    assert api.send("controller", "POST", "/api/v1/classifications", {**body, **given}).status_code == 422


def test_a_unit_is_never_below_itself(api: Api) -> None:
    top = unit(api, "top")
    below = unit(api, "below", top)
    path = f"/api/v1/units/{top}"
    answer = api.change("controller", "PATCH", path, {"parent_id": below})
    assert answer.status_code in {409, 422}
    assert api.send("controller", "GET", path).json()["parent_id"] is None
