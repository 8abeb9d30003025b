"""A decision's registration, early hint, states and clearance, through the API."""

from datetime import timedelta
from uuid import UUID

import pytest

from app.clock import today
from app.database import Database
from app.decisions import queries as decision_queries
from app.decisions.models import Decision
from tests.county import Api, County, an_assessment


def test_a_decision_is_registered_with_ve0_and_an_unknown_hint(api: Api) -> None:
    answer = api.send("integration", "POST", "/api/v1/decisions", {"diary_number": "5/2026", "title": {"fi": "Asia"}})
    assert answer.status_code == 201
    made = answer.json()
    assert answer.headers["location"] == f"/api/v1/decisions/{made['id']}"
    assert answer.headers["etag"] == '"1"'
    assert [option["code"] for option in made["options"]] == ["VE0"]
    assert made["hint"]["outcome"] == "unknown"
    assert api.send("preparer", "GET", answer.headers["location"]).json() == made


def test_the_same_decision_of_the_same_case_is_registered_once(api: Api) -> None:
    api.decision()
    again = api.send("preparer", "POST", "/api/v1/decisions", {"diary_number": "1/2026", "title": {"fi": "Asia"}})
    assert again.status_code == 409
    assert again.json()["type"] == "urn:lava:problem:already_exists"
    other = {"diary_number": "1/2026", "decision_key": "2", "title": {"fi": "Asia"}}
    assert api.send("preparer", "POST", "/api/v1/decisions", other).status_code == 201


@pytest.mark.parametrize(
    ("label", "asked"),
    [
        ("HEL 2025-001216", "HEL-2025-001216"),
        ("5146/01.04.00/2023", "5146/01.04.00/2023"),
        ("VN/13440/2019", "vn/13440/2019"),
        ("HEL 2021-010660 Lausunto 2", "hel-2021-010660 lausunto 2"),
    ],
)
def test_a_decision_is_found_by_its_diary_number_however_it_is_written(api: Api, label: str, asked: str) -> None:
    made = api.decision(diary_number=label)
    api.decision(diary_number="HEL 2025-00121")
    found = api.client.get(
        "/api/v1/decisions",
        params={"diary_number": asked},
        headers={"Authorization": f"Bearer {api.county.keys['preparer']}"},
    ).json()
    assert [row["id"] for row in found["items"]] == [made["id"]]
    assert found["items"][0]["diary_number"] == label


def test_presenting_needs_a_clearance_or_an_override_with_a_reason(api: Api) -> None:
    made = api.decision()
    path = f"/api/v1/decisions/{made['id']}"
    assert api.change("preparer", "POST", f"{path}/preparation", of=path).status_code == 200
    bare = api.change("presenter", "POST", f"{path}/presentation", {}, of=path)
    assert (bare.status_code, bare.json()["type"]) == (409, "urn:lava:problem:not_cleared")
    overridden = api.change("presenter", "POST", f"{path}/presentation", {"override_reason": "Kiire."}, of=path)
    assert overridden.json()["state"] == "presented"
    assert overridden.json()["override_reason"] == "Kiire."


def test_what_a_body_did_is_recorded_from_any_state_and_marked_uncleared(api: Api) -> None:
    made = api.decision()
    path = f"/api/v1/decisions/{made['id']}"
    handling = {"body": "Aluehallitus", "meeting_date": str(today()), "outcome": "decided"}
    answer = api.change("integration", "POST", f"{path}/handlings", handling, of=path)
    assert answer.status_code == 201
    assert answer.json()["uncleared"] is True
    decided = api.send("preparer", "GET", path).json()
    assert (decided["state"], decided["uncleared"]) == ("decided", True)
    assert decided["follow_up_on"] == str(today().replace(year=today().year + 1))


def test_a_meeting_in_the_future_has_not_happened(api: Api) -> None:
    path = f"/api/v1/decisions/{api.decision()['id']}"
    handling = {"body": "Aluehallitus", "meeting_date": str(today() + timedelta(days=1)), "outcome": "tabled"}
    answer = api.change("integration", "POST", f"{path}/handlings", handling, of=path)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/meeting_date"


@pytest.mark.parametrize("part", ["title", "option", "planned"])
def test_changing_what_was_assessed_lets_the_clearance_lapse_and_says_why(
    api: Api, county: County, database: Database, part: str
) -> None:
    with database.transaction() as session:
        decision_id = an_assessment(session, county, "approved").decision_id
    path = f"/api/v1/decisions/{decision_id}"
    before = api.send("preparer", "GET", path).json()
    assert before["clearance"]["kind"] == "approved"
    if part == "title":
        api.change("preparer", "PATCH", path, {"title": {"fi": "Toinen asia"}})
    elif part == "option":
        option = before["options"][1]
        etag = f'"{option["version"]}"'
        api.send("preparer", "PATCH", f"{path}/options/{option['id']}", {"description": "Uusi."}, if_match=etag)
    else:
        centre = {"code": "100", "name": {"fi": "Neuvola"}, "valid_from": "2023-01-01"}
        cost_centre = api.send("controller", "POST", "/api/v1/cost-centres", centre).json()["id"]
        planned = [{"cost_centre_id": cost_centre, "year": 2027, "amount": {"cents": -100}}]
        api.change("preparer", "PUT", f"{path}/scope", {"planned_changes": planned}, of=path)
    after = api.send("preparer", "GET", path).json()
    assert after["clearance"] is None
    code = {"title": "title", "option": "options", "planned": "planned_changes"}[part]
    assert after["clearance_lapse"]["codes"] == [code]
    words = {
        "title": "Asian otsikko muuttui arvioinnin jälkeen.",
        "option": "Vaihtoehdot muuttuivat arvioinnin jälkeen.",
        "planned": "Suunnitellut euromäärät muuttuivat arvioinnin jälkeen.",
    }
    assert after["clearance_lapse"]["reason"]["fi"] == words[part]


def test_facts_that_are_not_assessed_change_without_a_lapse(api: Api, county: County, database: Database) -> None:
    with database.transaction() as session:
        decision_id = an_assessment(session, county, "approved").decision_id
    path = f"/api/v1/decisions/{decision_id}"
    assert api.change("preparer", "PATCH", path, {"body": "Aluevaltuusto"}).status_code == 200
    assert api.send("preparer", "GET", path).json()["clearance"]["kind"] == "approved"


def test_a_matter_that_is_not_assessed_needs_no_clearance(api: Api) -> None:
    items = [{"prefix": "01 01", "reason": "Yksittäisen henkilön asia"}]
    organisation = "/api/v1/organisation"
    api.change("administrator", "PUT", f"{organisation}/excluded-task-classes", {"items": items}, of=organisation)
    path = f"/api/v1/decisions/{api.decision(task_class_code='01 01')['id']}"
    api.change("preparer", "POST", f"{path}/preparation", of=path)
    presented = api.change("presenter", "POST", f"{path}/presentation", {}, of=path).json()
    assert (presented["state"], presented["override_reason"]) == ("presented", None)
    handling = {"body": "Aluehallitus", "meeting_date": str(today()), "outcome": "decided"}
    assert api.change("integration", "POST", f"{path}/handlings", handling, of=path).json()["uncleared"] is False


def test_an_empty_change_changes_nothing_and_a_draft_has_no_follow_up(api: Api) -> None:
    path = f"/api/v1/decisions/{api.decision()['id']}"
    assert api.change("preparer", "PATCH", path, {}).status_code == 200
    for body in ({"follow_up_on": "2027-01-01"}, {"follow_up_on": "2027-01-01", "title": {"fi": "Uusi"}}):
        refused = api.change("preparer", "PATCH", path, body)
        assert (refused.status_code, refused.json()["type"]) == (409, "urn:lava:problem:no_decision_yet")


def test_a_later_body_deciding_dates_the_follow_up_from_its_own_meeting(api: Api) -> None:
    path = f"/api/v1/decisions/{api.decision()['id']}"
    for body, day in (("Aluehallitus", "2026-01-12"), ("Aluevaltuusto", "2026-02-09")):
        handling = {"body": body, "meeting_date": day, "outcome": "decided"}
        assert api.change("integration", "POST", f"{path}/handlings", handling, of=path).status_code == 201
    assert api.send("preparer", "GET", path).json()["follow_up_on"] == "2027-02-09"
    listed = api.send("preparer", "GET", f"{path}/handlings").json()["items"]
    assert [row["body"] for row in listed] == ["Aluehallitus", "Aluevaltuusto"]


def test_recommendations_are_answered_with_a_reason_and_only_those_that_were_made(
    api: Api, county: County, database: Database
) -> None:
    with database.transaction() as session:
        path = f"/api/v1/decisions/{an_assessment(session, county, 'approved').decision_id}"
    before = api.send("preparer", "GET", path).json()
    recommended = before["clearance"]["recommendations"][0]["id"]
    handling = {"body": "Aluehallitus", "meeting_date": str(today()), "outcome": "decided"}
    handling["option_id"] = before["options"][1]["id"]
    unknown = [{"recommendation_id": before["id"], "answer": "followed"}]
    assert (
        api.change("registrar", "POST", f"{path}/handlings", {**handling, "answers": unknown}, of=path).status_code
        == 422
    )
    made = api.change("registrar", "POST", f"{path}/handlings", handling, of=path)
    assert (made.status_code, made.json()["uncleared"]) == (201, False)
    own = made.headers["location"]
    unexplained = {"items": [{"recommendation_id": recommended, "answer": "not_followed"}]}
    assert api.change("registrar", "PUT", f"{own}/answers", unexplained, of=own).status_code == 422
    unexplained["items"][0]["reason"] = "Määräraha ei riitä."
    answered = api.change("registrar", "PUT", f"{own}/answers", unexplained, of=own).json()
    assert answered["answers"][0]["answer"] == "not_followed"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("state=draft", 2),
        ("state=decided", 1),
        ("body=Aluevaltuusto", 1),
        ("meeting_from=2026-12-01&meeting_until=2026-12-31", 1),
        ("has_assessment=true", 1),
        ("has_assessment=false", 2),
        ("q=NEUVOLA", 2),
        ("q=100%25", 0),
        ("uncleared=true", 1),
        ("excluded=false", 3),
        ("excluded=true", 0),
        ("source=ahjo", 1),
    ],
)
def test_lists_are_filtered(api: Api, query: str, found: int) -> None:
    first = api.decision(body="Aluevaltuusto", meeting_date="2026-12-14")
    api.decision(diary_number="2/2026", source="ahjo", title={"sv": "Rådgivning", "fi": "Neuvola"})
    third = api.decision(diary_number="3/2026", title={"fi": "Hankinta"})
    api.send("preparer", "POST", f"/api/v1/decisions/{first['id']}/assessments", {})
    path = f"/api/v1/decisions/{third['id']}"
    handling = {"body": "Lautakunta", "meeting_date": "2026-01-12", "outcome": "decided"}
    api.change("integration", "POST", f"{path}/handlings", handling, of=path)
    assert len(api.send("preparer", "GET", f"/api/v1/decisions?{query}").json()["items"]) == found


def test_options_are_in_the_order_that_people_count_in(api: Api, county: County, database: Database) -> None:
    codes = ["VE10", "VE2", "VE1"]
    made = api.decision(options=[{"code": code, "title": {"fi": code}} for code in codes])
    assert [option["code"] for option in made["options"]] == ["VE0", "VE1", "VE2", "VE10"]
    with database.transaction(writes=False) as session:
        rows = decision_queries.options(session, session.get_one(Decision, UUID(made["id"])))
        assert [row.code for row in rows] == ["VE0", "VE1", "VE2", "VE10"]


@pytest.mark.parametrize("code", ["VE00", "VE01", "VE", "ve1", "VE1000"])
def test_an_option_has_one_code_only(api: Api, code: str) -> None:
    body = {"diary_number": "1/2026", "title": {"fi": "Asia"}, "options": [{"code": code, "title": {"fi": "A"}}]}
    assert api.send("preparer", "POST", "/api/v1/decisions", body).status_code == 422


def test_blanks_in_a_diary_number_make_no_other_decision_and_the_label_stays(api: Api) -> None:
    made = api.decision(diary_number=" A  1 ")
    assert made["diary_number"] == " A  1 "
    again = api.send("preparer", "POST", "/api/v1/decisions", {"diary_number": "A 1", "title": {"fi": "Asia"}})
    assert (again.status_code, again.json()["type"]) == (409, "urn:lava:problem:already_exists")
    api.decision(diary_number="A1")


def test_a_decision_has_no_follow_up_before_it_is_decided_not_even_at_registration(api: Api) -> None:
    body = {"diary_number": "1/2026", "title": {"fi": "Asia"}, "follow_up_on": "2027-11-01"}
    refused = api.send("preparer", "POST", "/api/v1/decisions", body)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/follow_up_on")
    made = api.send("preparer", "POST", "/api/v1/decisions", {**body, "object": "activity"}).json()
    assert made["follow_up_on"] == "2027-11-01"
    path = f"/api/v1/decisions/{made['id']}"
    assert api.change("preparer", "PATCH", path, {"object": "decision"}).json()["follow_up_on"] is None


@pytest.mark.parametrize("outcome", ["tabled", "returned"])
@pytest.mark.parametrize("extra", ["option_id", "amendment"])
def test_nothing_was_chosen_where_nothing_was_decided(api: Api, outcome: str, extra: str) -> None:
    made = api.decision()
    path = f"/api/v1/decisions/{made['id']}"
    handling = {"body": "Aluehallitus", "meeting_date": str(today()), "outcome": outcome}
    handling[extra] = made["options"][1]["id"] if extra == "option_id" else "Muutettiin."
    assert api.change("integration", "POST", f"{path}/handlings", handling, of=path).status_code == 422


def test_publicity_changes_also_after_the_decision_is_taken_and_nothing_else_does(api: Api) -> None:
    path = f"/api/v1/decisions/{api.decision()['id']}"
    handling = {"body": "Aluehallitus", "meeting_date": str(today()), "outcome": "decided"}
    api.change("integration", "POST", f"{path}/handlings", handling, of=path)
    secret = {"publicity": "secret", "publicity_grounds": "JulkL 24 §"}
    assert api.change("preparer", "PATCH", path, secret).json()["publicity"] == "secret"
    refused = api.change("preparer", "PATCH", path, {"publicity": "public", "title": {"fi": "Muu"}})
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:lava:problem:wrong_state")
