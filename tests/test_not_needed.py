"""A signed 'not needed': sealed as it was signed, signed again in a new edition, or found needed after all."""

import json
from typing import Any
from uuid import UUID

import pytest

from app.assessments.models import Assessment
from app.clock import today
from app.database import Database
from tests.county import SCREENING_ANSWERS, Api, County, an_assessment, fill


@pytest.fixture
def signed(county: County, database: Database) -> dict[str, str]:
    """The addresses of a signed 'not needed' and of its decision."""
    with database.transaction() as session:
        row = an_assessment(session, county, "not_needed")
        return {"assessment": f"/api/v1/assessments/{row.id}", "decision": f"/api/v1/decisions/{row.decision_id}"}


def edition_after(api: Api, path: str) -> str:
    """The address of a new edition."""
    made = api.change("preparer", "POST", f"{path}/editions", of=path)
    assert made.status_code == 201, made.text
    assert (made.json()["state"], made.json()["screening"]) == ("screening", None)
    return f"/api/v1/assessments/{made.json()['id']}"


def screened(api: Api, path: str, outcome: str, reason: str = "Ei koske lapsia.") -> Any:
    body = {"answers": SCREENING_ANSWERS, "outcome": outcome, "reason": reason}
    answer = api.change("preparer", "PUT", f"{path}/screening", body, of=path)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_not_needed_is_signed_by_another_and_sealed(api: Api, county: County, database: Database) -> None:
    with database.transaction() as session:
        row = an_assessment(session, county, "screening")
        path, decision = f"/api/v1/assessments/{row.id}", f"/api/v1/decisions/{row.decision_id}"
    screened(api, path, "not_needed")
    signed = api.change("presenter", "POST", f"{path}/signature", of=path).json()
    assert (signed["state"], signed["seal_id"] is not None) == ("not_needed", True)
    assert api.send("preparer", "GET", decision).json()["clearance_kind"] == "not_needed"


@pytest.mark.parametrize("published", [False, True])
def test_not_needed_is_signed_again_once_its_clearance_lapsed(
    api: Api, signed: dict[str, str], published: bool
) -> None:
    path, decision = signed["assessment"], signed["decision"]
    if published:
        api.change("registrar", "POST", f"{path}/publication", {"privacy_checked": True}, of=path)
    api.change("preparer", "PATCH", decision, {"title": {"fi": "Neuvolan siirto, korjattu"}})
    assert api.send("preparer", "GET", decision).json()["clearance"] is None
    again = edition_after(api, path)
    screened(api, again, "not_needed", "Ei edelleenkään koske lapsia.")
    assert api.change("expert", "POST", f"{again}/signature", of=again).json()["state"] == "not_needed"
    read = api.send("preparer", "GET", decision).json()
    assert (read["clearance_kind"], read["clearance"]["edition"], read["clearance_lapse"]) == ("not_needed", 2, None)
    assert read["assessment_state"] == "not_needed"
    assert api.send("preparer", "GET", path).json()["state"] == "superseded"
    api.change("registrar", "POST", f"{again}/publication", {"privacy_checked": True}, of=again)
    entries = api.client.get("/public/v1/assessments").json()["items"]
    assert [entry["superseded_by"] for entry in entries] == [None, entries[0]["id"]][: 1 + published]


def test_found_needed_after_all_is_a_new_edition_and_what_was_signed_stays(
    api: Api, county: County, database: Database, signed: dict[str, str]
) -> None:
    path, decision = signed["assessment"], signed["decision"]
    before = api.send("preparer", "GET", path).json()
    refused = api.change("preparer", "POST", f"{path}/drafting", of=path)
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:lava:problem:wrong_state")
    again = edition_after(api, path)
    assert api.send("preparer", "GET", decision).json()["clearance_kind"] == "not_needed"
    screened(api, again, "needed", "Koskee sittenkin lapsia.")
    drafted = api.change("preparer", "POST", f"{again}/drafting", of=again).json()
    assert (drafted["state"], drafted["seal_id"], drafted["signed_by"]) == ("drafting", None, None)
    lapsed = api.send("preparer", "GET", decision).json()
    assert (lapsed["clearance"], lapsed["clearance_lapse"]["codes"]) == (None, ["needed_after_all"])
    with database.transaction() as session:
        row = session.get_one(Assessment, UUID(drafted["id"]))
        fill(session, county, row)
    api.change("preparer", "POST", f"{again}/submission", of=again)
    assert api.change("expert", "POST", f"{again}/approval", of=again).status_code == 200
    api.change("registrar", "POST", f"{again}/publication", {"privacy_checked": True}, of=again)
    (seal,) = api.send("auditor", "GET", f"{again}/seals").json()["items"]
    assert json.loads(seal["content"])["assessment"]["screening"]["outcome"] == "needed"
    (entry,) = api.client.get("/public/v1/assessments").json()["items"]
    document = api.client.get(f"/public/v1/assessments/{entry['id']}").json()["document"]
    assert (document["kind"], document["screening_reason"]) == ("assessment", "Koskee sittenkin lapsia.")
    after = api.send("preparer", "GET", path).json()
    kept = ("screening", "seal_id", "signed_by", "signed_at", "authors")
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}


def test_a_decided_matter_keeps_the_not_needed_that_it_used(api: Api, signed: dict[str, str]) -> None:
    path, decision = signed["assessment"], signed["decision"]
    handling = {"body": "Aluehallitus", "meeting_date": str(today()), "outcome": "decided"}
    assert api.change("integration", "POST", f"{decision}/handlings", handling, of=decision).status_code == 201
    again = edition_after(api, path)
    screened(api, again, "needed")
    assert api.change("preparer", "POST", f"{again}/drafting", of=again).status_code == 200
    read = api.send("preparer", "GET", decision).json()
    assert read["clearance"]["assessment_id"] == path.rpartition("/")[2]
    assert api.send("preparer", "GET", path).json()["state"] == "not_needed"


def test_a_new_edition_is_given_up_and_the_signed_one_holds_again(api: Api, signed: dict[str, str]) -> None:
    again = edition_after(api, signed["assessment"])
    assert api.change("preparer", "POST", f"{again}/withdrawal", of=again).json()["state"] == "withdrawn"
    read = api.send("preparer", "GET", signed["decision"]).json()
    assert (read["assessment_state"], read["clearance_kind"]) == ("not_needed", "not_needed")
    edition_after(api, signed["assessment"])
