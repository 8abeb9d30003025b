"""What a presented decision stands on, what its meeting had, and what happens when that changes afterwards."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from app.access.models import Organisation
from app.assessments import actions as assessments
from app.assessments.models import Assessment
from app.clock import now, today
from app.database import Database
from app.decisions import actions as decisions
from app.decisions.models import Decision
from app.errors import Refused
from tests.county import Api, County, a_decision, a_decision_in, an_assessment

ORGANISATION = "/api/v1/organisation"
SET_ASIDE = {"prefix": "01 01", "reason": "Yksittäisen henkilön asia"}


@pytest.fixture
def presented(api: Api, county: County, database: Database) -> str:
    """The address of a decision that an approved assessment cleared, presented."""
    with database.transaction() as session:
        decision = a_decision(session, county)
        an_assessment(session, county, "approved", decision)
        decisions.move(session, decision, "preparation", version=decision.version, by=county["preparer"])
        decisions.move(session, decision, "presentation", version=decision.version, by=county["presenter"])
        return f"/api/v1/decisions/{decision.id}"


def reported(api: Api, path: str, outcome: str = "decided", days_ago: int = 0, **more: Any) -> Any:
    day = today() - timedelta(days=days_ago)
    handling = {"body": "Aluehallitus", "meeting_date": str(day), "outcome": outcome, **more}
    answer = api.change("integration", "POST", f"{path}/handlings", handling, of=path)
    assert answer.status_code == 201, answer.text
    return answer


def moves(api: Api, path: str) -> list[dict[str, Any]]:
    query = f"verb=decision.moved&object_id={path.rpartition('/')[2]}"
    return [row["details"] for row in api.send("auditor", "GET", f"/api/v1/journal?{query}").json()["items"]]


@pytest.mark.parametrize("part", ["title", "options", "planned_changes"])
def test_a_presented_proposal_that_changes_goes_back_into_preparation(api: Api, presented: str, part: str) -> None:
    if part == "title":
        api.change("preparer", "PATCH", presented, {"title": {"fi": "Toinen asia"}})
    elif part == "options":
        api.send("preparer", "POST", f"{presented}/options", {"code": "VE2", "title": {"fi": "Kolmas"}})
    else:
        centre = {"code": "100", "name": {"fi": "Neuvola"}, "valid_from": "2023-01-01"}
        key = api.send("controller", "POST", "/api/v1/cost-centres", centre).json()["id"]
        planned = [{"cost_centre_id": key, "year": 2027, "amount": {"cents": -100}}]
        api.change("preparer", "PUT", f"{presented}/scope", {"planned_changes": planned}, of=presented)
    read = api.send("preparer", "GET", presented).json()
    assert (read["state"], read["clearance_kind"], read["override_reason"]) == ("in_preparation", None, None)
    assert read["clearance_lapse"]["codes"] == [part]
    last = moves(api, presented)[-1]
    assert (last["from"], last["to"], last["because"]) == ("presented", "in_preparation", "clearance_lapsed")


def test_what_was_presented_by_override_stays_presented(api: Api, county: County, database: Database) -> None:
    with database.transaction() as session:
        path = f"/api/v1/decisions/{a_decision_in(session, county, 'presented').id}"
    read = api.change("preparer", "PATCH", path, {"title": {"fi": "Toinen asia"}}).json()
    assert (read["state"], read["override_reason"]) == ("presented", "Kiire.")


def test_an_override_is_told_apart_from_a_reason_given_beside_a_clearance(
    api: Api, county: County, database: Database
) -> None:
    with database.transaction() as session:
        bare = a_decision_in(session, county, "in_preparation").id
        cleared = a_decision(session, county, "2/2026")
        an_assessment(session, county, "approved", cleared)
        a_decision_in(session, county, "in_preparation", cleared)
    told = []
    for decision_id in (bare, cleared.id):
        path = f"/api/v1/decisions/{decision_id}"
        api.change("presenter", "POST", f"{path}/presentation", {"override_reason": "Kiire."}, of=path)
        told.append(moves(api, path)[-1])
    assert [(row["overridden"], row["reason"]) for row in told] == [(True, "Kiire."), (False, None)]


def long_cleared(database: Database, decision_id: str) -> None:
    """Let the clearance have been signed three days ago."""
    signed = (now() - timedelta(days=3)).isoformat()
    with database.transaction() as session:
        decision = session.get_one(Decision, UUID(decision_id))
        decision.clearances = [{**row, "at": signed} for row in decision.clearances]
        decision.clearance = {**(decision.clearance or {}), "at": signed}


@pytest.mark.parametrize("later", ["a changed title", "a new edition"])
def test_a_meeting_is_judged_by_what_it_had_not_by_what_came_after(
    api: Api, county: County, database: Database, presented: str, later: str
) -> None:
    long_cleared(database, presented.rpartition("/")[2])
    before = api.send("preparer", "GET", presented).json()
    if later == "a changed title":
        api.change("preparer", "PATCH", presented, {"title": {"fi": "Toinen asia"}})
        assert api.send("preparer", "GET", presented).json()["clearance"] is None
    else:
        with database.transaction() as session:
            first = session.get_one(Assessment, UUID(before["assessment_id"]))
            second = assessments.new_edition(session, first, version=first.version, by=county["preparer"])
            assessments.submit(session, second, version=second.version, by=county["preparer"])
            assessments.approve(session, second, version=second.version, by=county["expert"])
        assert api.send("preparer", "GET", presented).json()["clearance"]["edition"] == 2
    answers = [{"recommendation_id": before["clearance"]["recommendations"][0]["id"], "answer": "followed"}]
    handled = reported(api, presented, days_ago=1, option_id=before["options"][1]["id"], answers=answers)
    assert handled.json()["uncleared"] is False
    read = api.send("preparer", "GET", presented).json()
    assert (read["uncleared"], read["clearance"]) == (False, before["clearance"])
    own = handled.headers["location"]
    again = {"items": [{**answers[0], "answer": "partly", "reason": "Määräraha."}]}
    assert api.change("registrar", "PUT", f"{own}/answers", again, of=own).status_code == 200
    follow_up = api.send("preparer", "POST", f"{presented}/follow-ups").json()
    assert follow_up["assessment_id"] == before["assessment_id"]


def test_a_meeting_before_the_clearance_had_none(api: Api, presented: str) -> None:
    assert reported(api, presented, days_ago=1).json()["uncleared"] is True
    assert api.send("preparer", "GET", presented).json()["uncleared"] is True


def test_a_later_body_has_what_was_approved_after_the_first(api: Api, county: County, database: Database) -> None:
    with database.transaction() as session:
        decision = a_decision(session, county)
        made = an_assessment(session, county, "in_review", decision)
        path = f"/api/v1/decisions/{decision.id}"
    reported(api, path, days_ago=1)
    own = f"/api/v1/assessments/{made.id}"
    assert api.change("expert", "POST", f"{own}/approval", of=own).status_code == 200
    assert api.send("preparer", "GET", path).json()["clearance"] is None
    second = reported(api, path, body="Aluevaltuusto").json()
    assert second["uncleared"] is False
    assert api.send("preparer", "GET", path).json()["clearance"]["assessment_id"] == str(made.id)


def test_each_body_answers_the_recommendations_that_its_own_meeting_had(
    api: Api, county: County, database: Database, presented: str
) -> None:
    long_cleared(database, presented.rpartition("/")[2])
    before = api.send("preparer", "GET", presented).json()
    first = reported(api, presented, days_ago=1).headers["location"]
    with database.transaction() as session:
        made = session.get_one(Assessment, UUID(before["assessment_id"]))
        second = assessments.new_edition(session, made, version=made.version, by=county["preparer"])
        assessments.submit(session, second, version=second.version, by=county["preparer"])
        assessments.approve(session, second, version=second.version, by=county["expert"])
    last = reported(api, presented, body="Aluevaltuusto").headers["location"]
    after = api.send("preparer", "GET", presented).json()
    assert (before["clearance"]["edition"], after["clearance"]["edition"]) == (1, 2)
    for own, said, other in ((first, before, after), (last, after, before)):
        for clearance, status in ((said["clearance"], 200), (other["clearance"], 422)):
            answer = {"recommendation_id": clearance["recommendations"][0]["id"], "answer": "followed"}
            put = api.change("registrar", "PUT", f"{own}/answers", {"items": [answer]}, of=own)
            assert put.status_code == status, put.text


def test_reopening_leaves_nothing_of_the_meeting_and_stands_on_what_holds(api: Api, presented: str) -> None:
    before = api.send("preparer", "GET", presented).json()
    reported(api, presented)
    reopened = api.change("registrar", "POST", f"{presented}/reopening", {"reason": "Oikaisu."}, of=presented).json()
    assert (reopened["state"], reopened["uncleared"]) == ("in_preparation", False)
    assert reopened["clearance"] == before["clearance"]


def test_reopening_does_not_clear_a_proposal_that_nobody_assessed(api: Api, presented: str) -> None:
    api.change("preparer", "PATCH", presented, {"title": {"fi": "Toinen asia"}})
    reported(api, presented)
    assert api.send("preparer", "GET", presented).json()["clearance_kind"] == "approved"
    reopened = api.change("registrar", "POST", f"{presented}/reopening", {"reason": "Oikaisu."}, of=presented).json()
    assert (reopened["clearance"], reopened["clearance_lapse"]["codes"]) == (None, ["title"])


def test_an_uncleared_handling_does_not_follow_into_preparation(api: Api) -> None:
    path = f"/api/v1/decisions/{api.decision()['id']}"
    for outcome, back, body in (("decided", "reopening", {"reason": "Oikaisu."}), ("returned", "preparation", None)):
        assert reported(api, path, outcome).json()["uncleared"] is True
        moved = api.change("registrar" if body else "preparer", "POST", f"{path}/{back}", body, of=path).json()
        assert (moved["state"], moved["uncleared"]) == ("in_preparation", False)
    handled = api.send("preparer", "GET", f"{path}/handlings").json()["items"]
    assert [row["uncleared"] for row in handled] == [True, True]


def set_aside(api: Api, *items: dict[str, str]) -> None:
    path = f"{ORGANISATION}/excluded-task-classes"
    answer = api.change("administrator", "PUT", path, {"items": list(items)}, of=ORGANISATION)
    assert answer.status_code == 200, answer.text


def test_the_list_of_what_is_set_aside_is_looked_at_again_for_every_open_decision(api: Api) -> None:
    opened, decided, other = (
        api.decision(diary_number=f"{number}/2026", task_class_code=code)["id"]
        for number, code in ((1, "01 01 00"), (2, "01 01 02"), (3, "02 01"))
    )
    reported(api, f"/api/v1/decisions/{decided}")
    set_aside(api, SET_ASIDE)
    found = api.send("preparer", "GET", "/api/v1/decisions?excluded=true").json()["items"]
    assert [row["id"] for row in found] == [opened]
    rest = api.send("preparer", "GET", "/api/v1/decisions?excluded=false").json()["items"]
    assert {row["id"] for row in rest} == {decided, other}
    query = f"/api/v1/journal?verb=decision.changed&object_id={opened}"
    (told,) = api.send("auditor", "GET", query).json()["items"]
    assert told["details"]["changes"] == {"excluded": {"from": False, "to": True}}
    set_aside(api)
    assert api.send("preparer", "GET", "/api/v1/decisions?excluded=true").json()["items"] == []


def test_what_was_presented_as_set_aside_goes_back_when_it_is_not(api: Api) -> None:
    set_aside(api, SET_ASIDE)
    path = f"/api/v1/decisions/{api.decision(task_class_code='01 01')['id']}"
    api.change("preparer", "POST", f"{path}/preparation", of=path)
    assert api.change("presenter", "POST", f"{path}/presentation", {}, of=path).json()["state"] == "presented"
    set_aside(api)
    read = api.send("preparer", "GET", path).json()
    assert (read["state"], read["excluded"]) == ("in_preparation", False)
    assert moves(api, path)[-1]["because"] == "no_longer_excluded"


def test_renewing_the_hint_looks_at_the_list_again(api: Api, county: County, database: Database) -> None:
    set_aside(api, SET_ASIDE)
    with database.transaction() as session:
        decision = a_decision(session, county, task_class_code="01 01")
        decision.excluded = False  # as one registered before the list was looked at again
        path = f"/api/v1/decisions/{decision.id}"
    assert api.change("preparer", "POST", f"{path}/early-hint", of=path).json()["excluded"] is True


def test_only_an_administrator_replaces_the_list(county: County, database: Database) -> None:
    with database.transaction() as session:
        owner = session.get_one(Organisation, county.id)
        with pytest.raises(Refused):
            decisions.set_aside_task_classes(session, owner, [], version=owner.version, by=county["preparer"])


def test_a_lapse_ends_the_clearance_in_what_is_kept(county: County, database: Database) -> None:
    with database.transaction() as session:
        decision = a_decision(session, county)
        an_assessment(session, county, "approved", decision)
        words = {"title": {"fi": "Toinen asia"}}
        decisions.change(session, decision, words, version=decision.version, by=county["preparer"])
        kept = session.get_one(Decision, decision.id).clearances
    assert [(row["edition"], row["until"] is None) for row in kept] == [(1, False)]
