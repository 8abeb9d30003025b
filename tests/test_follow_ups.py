"""Follow-ups: when they are due, predicted against realised, unintended impacts, the next round."""

from datetime import timedelta
from typing import Any

import pytest

from app.clock import today
from app.database import Database
from app.decisions.rules import months_after
from app.follow_up.models import FollowUpDue
from app.follow_up.rules import due
from tests.county import Api, County, an_assessment


@pytest.fixture
def decided(api: Api, county: County, database: Database) -> str:
    """The address of a decision that was assessed, decided, and is to be looked at today."""
    with database.transaction() as session:
        path = f"/api/v1/decisions/{an_assessment(session, county, 'approved').decision_id}"
    option = api.send("preparer", "GET", path).json()["options"][1]["id"]
    handling = {"body": "Aluehallitus", "meeting_date": str(today()), "outcome": "decided", "option_id": option}
    assert api.change("registrar", "POST", f"{path}/handlings", handling, of=path).status_code == 201
    assert api.change("preparer", "PATCH", path, {"follow_up_on": str(today())}).status_code == 200
    return path


def opened(api: Api, decided: str) -> tuple[str, list[dict[str, Any]]]:
    """The address of a follow-up just opened, and its predictions."""
    answer = api.send("preparer", "POST", f"{decided}/follow-ups")
    assert answer.status_code == 201, answer.text
    path = answer.headers["location"]
    lines = api.send("preparer", "GET", f"{path}/comparison").json()["lines"]
    return path, [line["predicted"] for line in lines]


def test_a_follow_up_sets_what_was_predicted_beside_what_happened(api: Api, decided: str) -> None:
    path, predicted = opened(api, decided)
    assert len(predicted) == 1
    outcome = {"realised": "partly", "direction": "positive", "description": "Matkat lyhenivät osalla."}
    assert api.change("preparer", "PUT", f"{path}/outcomes/{predicted[0]['id']}", outcome, of=path).status_code == 200
    compared = api.send("auditor", "GET", f"{path}/comparison").json()
    assert compared["counts"] == {"yes": 0, "partly": 1, "no": 0, "too_early": 0, "untold": 0}
    assert compared["lines"][0]["direction_came_true"] is False
    again = {"realised": "too_early"}
    assert api.change("preparer", "PUT", f"{path}/outcomes/{predicted[0]['id']}", again, of=path).status_code == 200
    assert api.send("auditor", "GET", f"{path}/comparison").json()["counts"]["too_early"] == 1


def test_every_prediction_needs_its_outcome_before_review(api: Api, decided: str) -> None:
    path, predicted = opened(api, decided)
    api.change("preparer", "PATCH", path, {"summary": "Yhteenveto."})
    refused = api.change("preparer", "POST", f"{path}/submission", of=path)
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:lava:problem:incomplete")
    api.change("preparer", "PUT", f"{path}/outcomes/{predicted[0]['id']}", {"realised": "too_early"}, of=path)
    assert api.change("preparer", "POST", f"{path}/submission", of=path).json()["state"] == "in_review"


def test_an_approved_follow_up_is_sealed_published_and_dates_the_next_round(api: Api, decided: str) -> None:
    path, predicted = opened(api, decided)
    outcome = {"realised": "yes", "direction": "negative"}
    api.change("preparer", "PUT", f"{path}/outcomes/{predicted[0]['id']}", outcome, of=path)
    unintended = {"description": "Ruuhka.", "impact_class": "indirect", "direction": "negative", "age_groups": ["0-6"]}
    assert api.send("preparer", "POST", f"{path}/unintended-impacts", unintended).status_code == 201
    api.change("preparer", "PATCH", path, {"summary": "Yhteenveto.", "actions": "Lisätään aikoja."})
    api.change("preparer", "POST", f"{path}/submission", of=path)
    own = api.change("preparer", "POST", f"{path}/approval", of=path)
    assert own.status_code == 403
    assert api.change("expert", "POST", f"{path}/approval", of=path).json()["state"] == "approved"
    published = api.change("registrar", "POST", f"{path}/publication", {"privacy_checked": True}, of=path)
    assert published.json()["state"] == "published"
    (sealed,) = api.send("auditor", "GET", f"{path}/seals").json()["items"]
    (entry,) = api.client.get("/public/v1/assessments", params={"kind": "follow_up"}).json()["items"]
    document = api.client.get(f"/public/v1/assessments/{entry['id']}").json()["document"]
    assert document["content_digest"] == sealed["digest"]
    assert document["outcomes"][0]["realised"] == "yes"
    assert document["unintended"][0]["description"] == "Ruuhka."
    next_on = today().replace(year=today().year + 1)
    assert api.send("preparer", "GET", decided).json()["follow_up_on"] == str(next_on)
    assert api.send("preparer", "POST", f"{decided}/follow-ups").json()["round"] == 2


def test_one_follow_up_at_a_time(api: Api, decided: str) -> None:
    opened(api, decided)
    assert api.send("preparer", "POST", f"{decided}/follow-ups").status_code == 409


def test_effects_are_looked_at_also_where_nobody_assessed_beforehand(api: Api) -> None:
    path = f"/api/v1/decisions/{api.decision()['id']}"
    assert api.send("preparer", "POST", f"{path}/follow-ups").status_code == 409
    day = today() - timedelta(days=400)
    handling = {"body": "Aluehallitus", "meeting_date": str(day), "outcome": "decided"}
    api.change("integration", "POST", f"{path}/handlings", handling, of=path)
    (line,) = api.send("preparer", "GET", "/api/v1/follow-ups/schedule?due=overdue").json()["items"]
    assert (line["due"], line["has_assessment"], line["follow_up_id"]) == ("overdue", False, None)
    follow, predicted = opened(api, path)
    assert predicted == []
    unintended = {"description": "Jonot.", "impact_class": "direct", "direction": "negative"}
    assert api.send("preparer", "POST", f"{follow}/unintended-impacts", unintended).status_code == 201
    api.change("preparer", "PATCH", follow, {"summary": "Kukaan ei arvioinut ennalta."})
    assert api.change("preparer", "POST", f"{follow}/submission", of=follow).status_code == 200


@pytest.mark.parametrize(
    ("days", "expected"),
    [(-1, "overdue"), (0, "due"), (30, "due"), (31, "scheduled"), (365, "scheduled")],
)
def test_scheduled_due_and_overdue_are_computed_from_the_date(api: Api, decided: str, days: int, expected: str) -> None:
    on = today() + timedelta(days=days)
    assert due(on, today()) == expected
    api.change("preparer", "PATCH", decided, {"follow_up_on": str(on)})
    for wanted in FollowUpDue:
        items = api.send("preparer", "GET", f"/api/v1/follow-ups/schedule?due={wanted}").json()["items"]
        assert [row["due"] for row in items] == ([expected] if wanted == expected else [])


def finished(api: Api, path: str) -> None:
    """Submit and approve a follow-up, all its predictions told as `yes`."""
    for line in api.send("preparer", "GET", f"{path}/comparison").json()["lines"]:
        told = {"realised": "yes", "direction": "negative"}
        api.change("preparer", "PUT", f"{path}/outcomes/{line['predicted']['id']}", told, of=path)
    api.change("preparer", "PATCH", path, {"summary": "Yhteenveto."})
    api.change("preparer", "POST", f"{path}/submission", of=path)
    assert api.change("expert", "POST", f"{path}/approval", of=path).status_code == 200


def test_the_next_round_counts_from_the_day_the_one_before_was_approved(api: Api, decided: str) -> None:
    late = today() - timedelta(days=700)
    assert api.change("preparer", "PATCH", decided, {"follow_up_on": str(late)}).status_code == 200
    path, _ = opened(api, decided)
    finished(api, path)
    assert api.send("preparer", "GET", decided).json()["follow_up_on"] == str(months_after(today(), 12))
    assert api.send("preparer", "GET", "/api/v1/follow-ups/schedule?due=overdue").json()["items"] == []


def test_a_follow_up_approved_after_a_reopening_dates_no_other(api: Api, decided: str) -> None:
    path, _ = opened(api, decided)
    api.change("registrar", "POST", f"{decided}/reopening", {"reason": "Oikaisu."}, of=decided)
    finished(api, path)
    reopened = api.send("preparer", "GET", decided).json()
    assert (reopened["state"], reopened["follow_up_on"]) == ("in_preparation", None)


def test_an_activity_is_followed_up_without_a_decision(api: Api) -> None:
    made = api.decision(object="activity", follow_up_on=str(today()))
    path = f"/api/v1/decisions/{made['id']}"
    (line,) = api.send("preparer", "GET", "/api/v1/follow-ups/schedule").json()["items"]
    assert (line["id"], line["decided_on"], line["due"]) == (made["id"], None, "due")
    first, predicted = opened(api, path)
    assert predicted == []
    unintended = {"description": "Jonot.", "impact_class": "direct", "direction": "negative"}
    assert api.send("preparer", "POST", f"{first}/unintended-impacts", unintended).status_code == 201
    finished(api, first)
    published = api.change("registrar", "POST", f"{first}/publication", {"privacy_checked": True}, of=first)
    assert published.json()["state"] == "published"
    assert api.send("preparer", "GET", path).json()["follow_up_on"] == str(months_after(today(), 12))
    undated = api.decision(diary_number="2/2026", object="activity")
    answer = api.send("preparer", "POST", f"/api/v1/decisions/{undated['id']}/follow-ups")
    assert (answer.status_code, answer.json()["scheduled_on"]) == (201, str(today()))


def test_an_activity_that_is_withdrawn_is_not_followed_up(api: Api) -> None:
    made = api.decision(object="activity", follow_up_on=str(today()))
    path = f"/api/v1/decisions/{made['id']}"
    api.change("preparer", "POST", f"{path}/withdrawal", {"reason": "Raukeaa."}, of=path)
    assert api.send("preparer", "GET", "/api/v1/follow-ups/schedule").json()["items"] == []
    refused = api.send("preparer", "POST", f"{path}/follow-ups")
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:lava:problem:no_decision_yet")
