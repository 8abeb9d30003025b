"""A change that changes nothing: no version, no entry, the present representation; but a stale one is refused."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select

from app.clock import today
from app.database import Database, table_of
from app.journal.models import JournalEntry
from tests.county import SCREENING_ANSWERS, Api, County, an_assessment

Sent = tuple[str, str, str, Any]
"""Who, how, where, what."""


def entries(database: Database) -> int:
    with database.transaction(writes=False) as session:
        return int(session.execute(select(func.count()).select_from(table_of(JournalEntry))).scalar_one())


def of_a_decision(api: Api, county: County, database: Database) -> list[Sent]:
    facts: dict[str, Any] = {"name": {"fi": "Neuvola"}, "valid_from": "2023-01-01"}
    added = [api.send("controller", "POST", "/api/v1/cost-centres", {"code": code, **facts}) for code in ("1", "2")]
    centres = [answer.json()["id"] for answer in added]
    planned = [{"cost_centre_id": key, "year": 2027, "amount": {"cents": 5}} for key in centres]
    made = api.decision(cost_centre_ids=centres, planned_changes=planned, task_class_code="05 01")
    path, option = f"/api/v1/decisions/{made['id']}", made["options"][1]
    scope = {"cost_centre_ids": centres[::-1], "planned_changes": planned[::-1]}
    return [
        ("preparer", "PATCH", path, {}),
        ("preparer", "PATCH", path, {"title": made["title"], "task_class_code": "05 01", "follow_up_on": None}),
        ("preparer", "PUT", f"{path}/scope", scope),
        ("preparer", "PUT", f"{path}/documents", {"items": []}),
        ("preparer", "PATCH", f"{path}/options/{option['id']}", {"title": option["title"], "description": None}),
    ]


def of_a_handling(api: Api, county: County, database: Database) -> list[Sent]:
    path = f"/api/v1/decisions/{api.decision()['id']}"
    handling = {"body": "Aluehallitus", "meeting_date": str(today()), "outcome": "decided"}
    one = api.change("registrar", "POST", f"{path}/handlings", handling, of=path).headers["location"]
    return [("registrar", "PUT", f"{one}/answers", {"items": []})]


def of_a_screening(api: Api, county: County, database: Database) -> list[Sent]:
    with database.transaction() as session:
        path = f"/api/v1/assessments/{an_assessment(session, county, 'screening').id}"
    body = {"answers": SCREENING_ANSWERS, "outcome": "needed", "reason": "Koskee lapsia."}
    assert api.change("preparer", "PUT", f"{path}/screening", body, of=path).status_code == 200
    return [("expert", "PUT", f"{path}/screening", body)]


def of_an_assessment(api: Api, county: County, database: Database) -> list[Sent]:
    with database.transaction() as session:
        path = f"/api/v1/assessments/{an_assessment(session, county, 'drafting').id}"
    read = api.send("preparer", "GET", path).json()
    sent: list[Sent] = [("expert", "PATCH", path, {"summary": read["summary"], "answers": {}})]
    said = {"impacts": "areas", "hearings": "who", "recommendations": "text"}
    for kind, name in said.items():
        part = read[kind][0]
        sent.append(("expert", "PATCH", f"{path}/{kind}/{part['id']}", {name: part[name]}))
    return sent


def of_a_follow_up(api: Api, county: County, database: Database) -> list[Sent]:
    with database.transaction() as session:
        decision = f"/api/v1/decisions/{an_assessment(session, county, 'approved').decision_id}"
    handling = {"body": "Aluehallitus", "meeting_date": str(today()), "outcome": "decided"}
    api.change("registrar", "POST", f"{decision}/handlings", handling, of=decision)
    path = api.send("preparer", "POST", f"{decision}/follow-ups").headers["location"]
    impact = api.send("preparer", "GET", f"{path}/comparison").json()["lines"][0]["predicted"]["id"]
    told = {"realised": "yes", "direction": "negative"}
    api.change("preparer", "PUT", f"{path}/outcomes/{impact}", told, of=path)
    api.change("preparer", "PATCH", path, {"summary": "Yhteenveto."})
    return [
        ("expert", "PUT", f"{path}/outcomes/{impact}", told),
        ("expert", "PATCH", path, {"summary": "Yhteenveto.", "actions": None}),
    ]


def of_the_list_of_what_is_set_aside(api: Api, county: County, database: Database) -> list[Sent]:
    return [("administrator", "PUT", "/api/v1/organisation/excluded-task-classes", {"items": []})]


def of_the_organisation(api: Api, county: County, database: Database) -> list[Sent]:
    path = "/api/v1/organisation"
    read = api.send("administrator", "GET", path).json()
    person = f"/api/v1/people/{api.send('administrator', 'GET', '/api/v1/people').json()['items'][0]['id']}"
    return [
        ("administrator", "PATCH", path, {"name": read["name"]}),
        ("administrator", "PUT", f"{path}/child-groups", {"items": read["child_groups"]}),
        ("administrator", "PATCH", person, {"active": True}),
    ]


def of_the_services(api: Api, county: County, database: Database) -> list[Sent]:
    facts: dict[str, Any] = {"code": "1", "name": {"fi": "N"}, "valid_from": "2023-01-01"}
    unit = api.send("controller", "POST", "/api/v1/units", {**facts, "level": "unit"}).json()
    centre = api.send("controller", "POST", "/api/v1/cost-centres", {**facts, "unit_id": unit["id"]}).json()
    held = {"cost_centre_id": centre["id"], "from_year": 2025, "impact_class": "direct"}
    held |= {"method": "full", "age_groups": ["0-6"], "reason": "a"}
    classified = api.send("controller", "POST", "/api/v1/classifications", held).json()
    return [
        ("controller", "PATCH", f"/api/v1/units/{unit['id']}", {"name": {"fi": "N"}, "parent_id": None}),
        ("controller", "PATCH", f"/api/v1/cost-centres/{centre['id']}", {"unit_id": unit["id"]}),
        ("controller", "PATCH", f"/api/v1/classifications/{classified['id']}", {"reason": "a", "to_year": None}),
    ]


@pytest.mark.parametrize(
    "of",
    [
        of_the_organisation,
        of_the_services,
        of_a_decision,
        of_a_handling,
        of_a_screening,
        of_an_assessment,
        of_a_follow_up,
        of_the_list_of_what_is_set_aside,
    ],
)
def test_a_change_that_changes_nothing_leaves_no_trace(
    api: Api, county: County, database: Database, of: Callable[[Api, County, Database], list[Sent]]
) -> None:
    for role, method, path, body in of(api, county, database):
        ending = ("/scope", "/documents", "/answers", "/screening", "/excluded-task-classes", "/child-groups")
        whole = path.rpartition("/")[0] if path.endswith(ending) else path.partition("/outcomes/")[0]
        before, etag, count = _read(api, whole), api.send(role, "GET", whole).headers["etag"], entries(database)
        answer = api.send(role, method, path, body, if_match=etag)
        assert (answer.status_code, answer.headers["etag"]) == (200, etag), (path, answer.text)
        assert _read(api, whole) == before
        assert entries(database) == count, path
        stale = api.send(role, method, path, body, if_match='"99"')
        assert stale.status_code == 412, path


def _read(api: Api, path: str) -> Any:
    return api.send("administrator", "GET", path).json()
