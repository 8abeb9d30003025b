"""Cases are pulled from a system that only answers: all of them, once, whatever it does meanwhile."""

import asyncio
import json
from collections.abc import Iterator
from datetime import timedelta
from ipaddress import ip_network
from typing import Any

import pytest
from fastapi import FastAPI
from pytest_httpx import HTTPXMock
from sqlalchemy import update

from app import outgoing
from app.case_management import ahjo as ahjo_product
from app.case_management import pulling, systems
from app.case_management.models import CaseSystem, Notice
from app.case_management.pulling import Puller
from app.clock import now, today
from app.database import Database, table_of
from tests.case_systems import CaseServer, a_case, a_record, an_hour_ago, answering, breaking_off, case_server, stalling
from tests.conftest import SETTINGS
from tests.county import Api, County
from tests.shared import shared_file

OF_TEST = SETTINGS.model_copy(update={"outgoing_networks": [ip_network("127.0.0.0/8")], "worker": False})
SYSTEMS = "/api/v1/cases/systems"


@pytest.fixture
def ahjo() -> Iterator[CaseServer]:
    with case_server() as server:
        yield server


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, the_app: FastAPI) -> Iterator[None]:
    monkeypatch.setattr(pulling, "PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(pulling, "TIME_OUT_SECONDS", 1.0)
    before, the_app.state.settings = the_app.state.settings, OF_TEST
    yield
    the_app.state.settings = before


class Pulling:
    """A system to pull from, and a worker that does as much as it is told to."""

    def __init__(self, api: Api, database_url: str, ahjo: CaseServer) -> None:
        self.api, self.url, self.ahjo = api, database_url, ahjo
        people = api.send("administrator", "GET", "/api/v1/people?limit=200").json()["items"]
        self.machine = next(row["id"] for row in people if row["roles"] == ["integration"])
        facts = {"source": "ahjo", "product": "ahjo", "address": ahjo.address, "person_id": self.machine}
        facts |= {"credential": "salainen", "pull_from": (today() - timedelta(days=200)).isoformat()}
        answer = api.send("administrator", "POST", SYSTEMS, facts)
        assert answer.status_code == 201, answer.text
        self.made = answer.json()
        self.path = f"{SYSTEMS}/{self.made['id']}"

    def work(self, turns: int = 1) -> list[bool]:
        """Some turns of a worker; whether each found something that was due."""

        async def worked() -> list[bool]:
            database = Database(self.url, connections=4, on_loop=True)
            try:
                async with outgoing.client(OF_TEST) as http:
                    return [await Puller(database, OF_TEST).turn(http) for _ in range(turns)]
            finally:
                await database.close()

        return asyncio.run(worked())

    def pull(self) -> Any:
        """One whole pull; how it went."""
        assert self.api.send("administrator", "POST", f"{self.path}/pull").status_code == 202
        assert self.work() == [True]
        return self.state()

    def state(self) -> Any:
        return self.api.send("administrator", "GET", f"{self.path}/state").json()

    def set_aside(self) -> list[Any]:
        return list(self.api.send("registrar", "GET", f"{self.path}/set-aside?limit=200").json()["items"])

    def decisions(self) -> list[Any]:
        found: list[Any] = []
        path = "/api/v1/decisions?source=ahjo&limit=200"
        while path:
            page = self.api.send("preparer", "GET", path).json()
            found, path = found + page["items"], page["next"]
        return found

    def notify(self, key: str, kind: str = "Updated") -> Any:
        said = {"updatetype": kind, "id": key, "time": "2026-11-25T12:00:00"}
        return self.api.send("integration", "POST", f"{self.path}/callbacks", said)

    def hurry(self, database: Database) -> None:
        """Let the time of every pause be over."""
        past = now() - timedelta(seconds=1)
        with database.transaction() as session:
            session.execute(update(table_of(CaseSystem)).values(not_before=None, leased_until=None, lease=None))
            session.execute(update(table_of(Notice)).values(due_at=past))


@pytest.fixture
def pulled(api: Api, database_url: str, ahjo: CaseServer) -> Pulling:
    return Pulling(api, database_url, ahjo)


def test_cases_are_taken_in_once(pulled: Pulling) -> None:
    pulled.ahjo.cases = [a_case(1), a_case(2, "Neuvola", a_record("{A}"), a_record("{B}", kind="viranhaltijan päätös"))]
    state = pulled.pull()
    assert (state["counts"], state["last_error"], state["failures"]) == (
        {"created": 2, "updated": 0, "unchanged": 0, "outdated": 0, "refused": 0},
        None,
        0,
    )
    found = {(row["diary_number"], row["decision_key"]): row["state"] for row in pulled.decisions()}
    assert found == {
        ("HEL 2026-000001", "1"): "in_preparation",
        ("HEL 2026-000002", "{A}"): "decided",
        ("HEL 2026-000002", "{B}"): "decided",
    }
    before = [(row["id"], row["version"]) for row in pulled.decisions()]
    assert pulled.pull()["counts"]["unchanged"] == 2
    assert [(row["id"], row["version"]) for row in pulled.decisions()] == before
    assert set(pulled.ahjo.credentials) == {"Bearer salainen"}
    assert pulled.work(2) == [False, False]


def test_the_real_cases_pulled_twice(pulled: Pulling) -> None:
    """50 real cases with 69 decisions: no duplicate, no change the second time; edits kept; a new title arrives."""
    cases = json.loads(shared_file("data/ahjo_cases.json").read_text("utf-8"))["cases"]
    broken: list[Any] = [
        {},
        {**cases[0], "CaseID": "HEL-0000-000001", "CaseIDLabel": None},
        {**cases[1], "CaseID": "HEL-0000-000002", "Title": 7, "Records": []},
        {**cases[2], "CaseID": "HEL-0000-000003", "Language": "ru"},
        {**cases[3], "CaseID": "HEL-0000-000004", "CaseIDLabel": "x" * 101},
        {**cases[4], "CaseID": "HEL-0000-000005", "Records": "ei lista"},
        {**cases[5], "CaseID": "HEL-0000-000006", "Records": [{"Type": "päätös"}]},
        {**cases[6], "CaseID": "HEL-0000-000007", "CaseIDLabel": "Z 1", "Title": "131052-308T", "Records": []},
        {**cases[7], "CaseID": "HEL-0000-000008", "CaseIDLabel": "Z 2", "Title": "a\u0000b", "Records": []},
        "ei olio",
    ]
    pulled.ahjo.cases = [*cases[:20], *broken, *cases[20:]]
    assert pulled.pull()["counts"] == {"created": 50, "updated": 0, "unchanged": 0, "outdated": 0, "refused": 10}
    aside = pulled.set_aside()
    assert len(aside) == 10
    assert {row["code"] for row in aside} == {"invalid", "invalid_text"}
    assert all(row["detail"] and row["external_id"] for row in aside)
    decisions = pulled.decisions()
    keys = {(row["diary_number"], row["decision_key"]) for row in decisions}
    told = {
        (case["CaseIDLabel"], record["NativeId"])
        for case in cases
        for record in case["Records"]
        if record["Type"] in {"päätös", "viranhaltijan päätös"}
    }
    assert len(told) == 69
    assert told < keys
    assert {key for _, key in keys - told} == {"1"}
    assert len(keys) == len(decisions)
    edited = decisions[0]["id"]
    path = f"/api/v1/decisions/{edited}"
    option = {"code": "VE1", "title": {"fi": "Virkamiehen vaihtoehto"}}
    open_one = next(row for row in decisions if row["state"] == "in_preparation")
    of_open = f"/api/v1/decisions/{open_one['id']}"
    assert pulled.api.send("preparer", "POST", f"{of_open}/options", option).status_code == 201
    before = {row["id"]: row["version"] for row in pulled.decisions()}
    journal = len(pulled.api.send("auditor", "GET", "/api/v1/journal?limit=200&verb=decision.changed").json()["items"])
    again = pulled.pull()["counts"]
    assert (again["created"], again["updated"], again["unchanged"]) == (0, 0, 50)
    assert {row["id"]: row["version"] for row in pulled.decisions()} == before
    changed = pulled.api.send("auditor", "GET", "/api/v1/journal?limit=200&verb=decision.changed").json()["items"]
    assert len(changed) == journal
    first = next(row for row in decisions if row["id"] == edited)
    for case in pulled.ahjo.cases:
        for record in case["Records"] if isinstance(case, dict) and isinstance(case.get("Records"), list) else ():
            if record.get("NativeId") == first["decision_key"]:
                record["Title"] = "Uusi otsikko"
        if isinstance(case, dict) and case.get("CaseIDLabel") == first["diary_number"]:
            case["Title"] = "Uusi otsikko"
    assert pulled.pull()["counts"]["updated"] == 1
    assert "Uusi otsikko" in pulled.api.send("preparer", "GET", path).json()["title"].values()
    codes = [row["code"] for row in pulled.api.send("preparer", "GET", of_open).json()["options"]]
    assert codes == ["VE0", "VE1"]


def test_a_record_that_is_mended_is_no_longer_set_aside(pulled: Pulling) -> None:
    pulled.ahjo.cases = [a_case(1, Language="ru"), a_case(2)]
    assert pulled.pull()["counts"]["refused"] == 1
    (aside,) = pulled.set_aside()
    assert (aside["external_id"], aside["faults"][0]["pointer"]) == ("HEL-2026-000001", "/Language")
    pulled.pull()
    assert [row["first_at"] for row in pulled.set_aside()] == [aside["first_at"]]
    pulled.ahjo.cases[0]["Language"] = "fi"
    assert pulled.pull()["counts"] | {"outdated": 0} == {
        "created": 1,
        "updated": 0,
        "unchanged": 1,
        "outdated": 0,
        "refused": 0,
    }
    assert pulled.set_aside() == []


def test_what_was_prepared_here_goes_with_the_record_that_decides_it(pulled: Pulling) -> None:
    pulled.ahjo.cases = [a_case(1, preparing=True)]
    pulled.pull()
    (before,) = pulled.decisions()
    path = f"/api/v1/decisions/{before['id']}"
    option = {"code": "VE1", "title": {"fi": "Muutetaan"}}
    assert pulled.api.send("preparer", "POST", f"{path}/options", option).status_code == 201
    pulled.ahjo.cases = [a_case(1, "Päiväkodin muutto", a_record("{A}", "Päiväkodin muutto"))]
    assert pulled.pull()["counts"]["updated"] == 1
    (after,) = pulled.decisions()
    assert (after["id"], after["decision_key"], after["state"]) == (before["id"], "{A}", "decided")
    pulled.ahjo.cases = [
        a_case(1, "Jatko", a_record("{A}", "Päiväkodin muutto"), a_record("{B}", "Toinen", issued=""), preparing=True)
    ]
    pulled.pull()
    assert {row["decision_key"] for row in pulled.decisions()} == {"{A}", "{B}", "1"}
    assert pulled.pull()["counts"]["unchanged"] == 1


def test_pages_are_followed_and_a_pull_goes_on_where_it_broke_off(pulled: Pulling, database: Database) -> None:
    pulled.ahjo.cases = [a_case(number, changed="2026-11-01T12:00:00") for number in range(1, 26)]
    pulled.ahjo.page_size = 10
    pulled.pull()
    assert len(pulled.decisions()) == 25
    pulled.ahjo.cases += [a_case(number, changed=an_hour_ago()) for number in range(26, 50)]
    pulled.ahjo.asked.clear()
    assert pulled.api.send("administrator", "POST", f"{pulled.path}/pull").status_code == 202
    pulled.ahjo.page_size = 5

    def broken(to: Any) -> None:
        pulled.ahjo.faults = [breaking_off]
        served = pulled.ahjo.listed(to.path)
        answering(200, served)(to)

    pulled.ahjo.faults = [broken]
    pulled.work()
    state = pulled.state()
    assert state["failures"] == 1
    assert "reached" in state["last_error"]
    some = len(pulled.decisions())
    assert 25 < some < 49
    assert pulled.work() == [False]  # it waits
    pulled.hurry(database)
    pulled.work()
    assert len(pulled.decisions()) == 49
    state = pulled.state()
    assert (state["failures"], state["last_error"]) == (0, None)
    assert state["counts"]["created"] == 24


def test_pages_that_come_to_no_end_are_not_followed_for_ever(pulled: Pulling, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahjo_product, "MOST_PAGES", 3)
    pulled.ahjo.cases, pulled.ahjo.page_size = [a_case(number) for number in range(5)], 1
    assert "no end" in pulled.pull()["last_error"]


def test_a_record_without_a_key_is_forgotten_when_it_comes_no_more(pulled: Pulling) -> None:
    pulled.ahjo.cases = [{}, a_case(1, Language="ru")]
    pulled.pull()
    assert len(pulled.set_aside()) == 2
    pulled.ahjo.cases = []
    pulled.pull()
    assert [row["external_id"] for row in pulled.set_aside()] == ["HEL-2026-000001"]


def test_what_a_system_tells_of_does_not_hold_its_listing_up(pulled: Pulling) -> None:
    pulled.ahjo.cases = [a_case(1), a_case(2)]
    pulled.notify("HEL-2026-000001")

    def tells_more(to: Any) -> None:
        pulled.notify("HEL-2026-000002")
        answering(200, pulled.ahjo.cases[0])(to)

    pulled.ahjo.faults = [tells_more]
    pulled.ahjo.asked.clear()
    pulled.work()
    assert "cases?" in pulled.ahjo.asked[1]


def test_a_time_with_a_zone_is_a_finnish_day(pulled: Pulling) -> None:
    pulled.ahjo.cases = [a_case(1, "Asia", a_record("{A}", issued="2026-10-01T22:30:00+00:00"))]
    pulled.pull()
    (decision,) = pulled.decisions()
    assert decision["meeting_date"] == "2026-10-02"


def test_a_window_that_is_not_given_whole_is_halved(pulled: Pulling) -> None:
    days = [(today() - timedelta(days=n)).isoformat() for n in range(1, 60)]
    pulled.ahjo.cases = [a_case(n, changed=f"{day}T12:00:00") for n, day in enumerate(days)]
    pulled.ahjo.most = 7
    pulled.pull()
    assert len(pulled.decisions()) == 59
    pulled.ahjo.cases = [a_case(100 + n, changed=an_hour_ago()) for n in range(9)]
    pulled.ahjo.most = 8
    assert "lists at once" in pulled.pull()["last_error"]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (answering(500), "answered 500"),
        (answering(302, Location="http://127.0.0.1/"), "answered 302"),
        (answering(401), "credential"),
        (answering(404), "404"),
        (answering(200, b"<html>"), "not JSON"),
        (answering(200, b"[" * 100_000), "not JSON"),
        (answering(200, []), "no list"),
        (answering(200, {"cases": 1}), "no list"),
        (breaking_off, "could not be reached"),
        (stalling, "in time"),
    ],
)
def test_a_system_in_trouble_is_asked_again_later_and_nothing_is_lost(
    pulled: Pulling, database: Database, fault: Any, words: str
) -> None:
    pulled.ahjo.cases = [a_case(1)]
    pulled.ahjo.faults = [fault]
    state = pulled.pull()
    assert words in state["last_error"]
    assert state["not_before"] is not None
    assert pulled.work() == [False]
    pulled.hurry(database)
    pulled.work()
    assert len(pulled.decisions()) == 1
    assert pulled.state()["failures"] == 0


def test_a_pause_that_is_asked_for_is_kept(pulled: Pulling) -> None:
    pulled.ahjo.faults = [answering(429, Retry_After="1800")]
    state = pulled.pull()
    assert "429" in state["last_error"]
    with_pause = Api(pulled.api.client, pulled.api.county).send("administrator", "GET", f"{pulled.path}/state").json()
    assert with_pause["not_before"] > (now() + timedelta(minutes=29)).isoformat()
    assert pulled.work() == [False]


def test_failures_make_the_pause_longer(pulled: Pulling, database: Database) -> None:
    pauses = []
    for _ in range(4):
        pulled.ahjo.faults = [answering(500)]
        pulled.hurry(database)
        pulled.work()
        with database.transaction(writes=False) as session:
            row = session.query(CaseSystem).one()
            assert row.not_before is not None
            pauses.append((row.not_before - now()).total_seconds())
    assert [5 * 2**n * 0.7 < pause < 5 * 2**n * 1.3 for n, pause in enumerate(pauses)] == [True] * 4


def test_a_case_that_is_told_of_is_fetched_by_itself(pulled: Pulling) -> None:
    pulled.pull()
    pulled.ahjo.cases = [a_case(7)]
    pulled.ahjo.asked.clear()
    assert pulled.notify("HEL-2026-000007", "Added").status_code == 202
    assert pulled.notify("HEL-2026-000007").status_code == 202
    assert pulled.state()["noticed"] == 1
    pulled.work()
    assert pulled.ahjo.asked == ["/ahjorest/v1/cases/HEL-2026-000007"]
    assert [row["diary_number"] for row in pulled.decisions()] == ["HEL 2026-000007"]
    assert pulled.state()["noticed"] == 0


def test_a_case_told_of_again_while_it_is_fetched_is_fetched_again(pulled: Pulling) -> None:
    pulled.pull()
    pulled.ahjo.cases = [a_case(7)]
    pulled.notify("HEL-2026-000007")

    def tells_again(to: Any) -> None:
        served = pulled.ahjo.cases[0]
        pulled.ahjo.cases = [a_case(7, "Uudempi")]
        assert pulled.notify("HEL-2026-000007").status_code == 202
        answering(200, served)(to)

    pulled.ahjo.faults = [tells_again]
    pulled.work()
    assert [row["title"] for row in pulled.decisions()] == [{"fi": "Uudempi"}]


@pytest.mark.parametrize("key", ["HEL-2026-999999", "../secret", "x", "HEL-2026-000001?a=b"])
def test_a_case_that_is_told_of_and_not_there_is_set_aside(pulled: Pulling, key: str) -> None:
    pulled.pull()
    assert pulled.notify(key).status_code == 202
    pulled.work()
    assert [row["external_id"] for row in pulled.set_aside()] == [key]
    assert pulled.state()["noticed"] == 0


def test_a_case_that_cannot_be_fetched_ten_times_is_set_aside_and_holds_no_other_up(
    pulled: Pulling, database: Database
) -> None:
    pulled.pull()
    pulled.ahjo.cases = [a_case(1), a_case(2)]
    pulled.notify("HEL-2026-000001")
    for _ in range(systems.NOTICE_ATTEMPTS):
        pulled.ahjo.faults = [answering(500)]
        pulled.hurry(database)
        pulled.work()
    assert [row["external_id"] for row in pulled.set_aside()] == ["HEL-2026-000001"]
    pulled.notify("HEL-2026-000002")
    pulled.hurry(database)
    pulled.work()
    assert [row["diary_number"] for row in pulled.decisions()] == ["HEL 2026-000002"]


@pytest.mark.parametrize("body", [{"updatetype": "Deleted", "id": "x"}, {"id": "x"}, {"updatetype": "Added"}, {}])
def test_a_callback_that_is_none_is_refused(pulled: Pulling, body: Any) -> None:
    assert pulled.api.send("integration", "POST", f"{pulled.path}/callbacks", body).status_code == 422


def test_several_workers_share_the_work(pulled: Pulling) -> None:
    pulled.ahjo.cases = [a_case(number) for number in range(20)]
    pulled.api.send("administrator", "POST", f"{pulled.path}/pull")

    async def both() -> list[bool]:
        databases = [Database(pulled.url, connections=4, on_loop=True) for _ in range(2)]
        async with outgoing.client(OF_TEST) as http:
            turns = await asyncio.gather(*(Puller(database, OF_TEST).turn(http) for database in databases))
        for database in databases:
            await database.close()
        return turns

    assert asyncio.run(both()).count(True) == 1
    assert len(pulled.decisions()) == 20


def test_a_worker_that_was_killed_is_replaced_when_its_lease_is_over(pulled: Pulling, database: Database) -> None:
    pulled.ahjo.cases = [a_case(1)]
    with database.transaction() as session:
        killed = systems.claim_turn(session)
    assert killed is not None
    assert pulled.work() == [False]
    with database.transaction() as session:
        session.execute(update(table_of(CaseSystem)).values(leased_until=now() - timedelta(seconds=1)))
    assert pulled.work() == [True]
    assert len(pulled.decisions()) == 1
    with database.transaction() as session, pytest.raises(systems.LeaseLost):
        systems.record_listed(session, killed, [], {}, now(), until=None)


def test_a_machine_that_may_no_longer_tell_of_cases_takes_nothing_in(pulled: Pulling, database: Database) -> None:
    pulled.ahjo.cases = [a_case(1)]
    person = f"/api/v1/people/{pulled.machine}"
    assert pulled.api.change("administrator", "PATCH", person, {"active": False}).status_code == 200
    assert "no longer" in pulled.pull()["last_error"]
    assert pulled.decisions() == []
    facts = {"active": True, "roles": ["auditor"]}
    assert pulled.api.change("administrator", "PATCH", person, facts).status_code == 200
    pulled.hurry(database)
    assert "cases:write" in pulled.pull()["last_error"]


def test_a_system_is_changed_and_removed(pulled: Pulling) -> None:
    pulled.ahjo.cases = [a_case(1)]
    pulled.pull()
    assert "salainen" not in json.dumps(pulled.api.send("administrator", "GET", pulled.path).json())
    entries = pulled.api.send("auditor", "GET", "/api/v1/journal?limit=200").text
    assert "salainen" not in entries
    changed = pulled.api.change("administrator", "PATCH", pulled.path, {"credential": None, "minutes": 60})
    assert (changed.json()["has_credential"], changed.json()["minutes"]) == (False, 60)
    pulled.ahjo.credentials.clear()
    pulled.work()
    assert set(pulled.ahjo.credentials) == {None}
    paused = pulled.api.change("administrator", "PATCH", pulled.path, {"active": False})
    assert paused.json()["active"] is False
    assert pulled.api.send("administrator", "POST", f"{pulled.path}/pull").status_code == 202
    assert pulled.work() == [False]
    pulled.notify("HEL-2026-000001")
    assert pulled.api.change("administrator", "DELETE", pulled.path).status_code == 204
    assert len(pulled.decisions()) == 1


def test_the_credential_is_told_to_nobody_and_sent_to_no_other_address(pulled: Pulling) -> None:
    """An administrator may set the credential, not read it: not by the journal, nor by a server of their own."""
    other = pulled.ahjo.address.replace("127.0.0.1", "127.0.0.2")
    refused = pulled.api.change("administrator", "PATCH", pulled.path, {"address": other})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/credential")
    for credential in ("toinen-salaisuus", None):
        changed = pulled.api.change("administrator", "PATCH", pulled.path, {"address": other, "credential": credential})
        assert (changed.status_code, changed.json()["has_credential"]) == (200, credential is not None)
        other = pulled.ahjo.address
    journal = pulled.api.send("auditor", "GET", "/api/v1/journal?limit=200&verb=case_system.changed")
    assert len(journal.json()["items"]) == 2
    assert not any(secret in journal.text for secret in ("salainen", "toinen-salaisuus"))


@pytest.mark.parametrize(
    ("facts", "pointer"),
    [
        ({"address": "http://169.254.169.254/latest"}, "/address"),
        ({"address": "ftp://ahjo.example.fi"}, "/address"),
        ({"minutes": 0}, "/minutes"),
        ({"product": "casem"}, "/product"),
        ({"credential": "a\nb"}, "/credential"),
        ({"source": "AHJO!"}, "/source"),
        ({"person_id": "01890a5d-ac96-774b-bcce-b302099a8057"}, "/person_id"),
    ],
)
def test_a_system_that_cannot_be_pulled_from_is_refused(pulled: Pulling, facts: Any, pointer: str) -> None:
    sound = {"source": "toinen", "product": "ahjo", "address": pulled.ahjo.address, "person_id": pulled.machine}
    answer = pulled.api.send("administrator", "POST", SYSTEMS, {**sound, "pull_from": "2026-01-01", **facts})
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["pointer"] == pointer


def test_the_machine_must_be_one_that_may_tell_of_cases(pulled: Pulling) -> None:
    person = str(pulled.api.county["preparer"].id)
    answer = pulled.api.change("administrator", "PATCH", pulled.path, {"person_id": person})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/person_id")


def test_another_organisations_systems_are_its_own(pulled: Pulling, neighbour: County) -> None:
    theirs = Api(pulled.api.client, neighbour)
    for method, path, role in (
        ("GET", pulled.path, "administrator"),
        ("GET", f"{pulled.path}/state", "administrator"),
        ("GET", f"{pulled.path}/set-aside", "registrar"),
        ("POST", f"{pulled.path}/pull", "administrator"),
    ):
        assert theirs.send(role, method, path).status_code == 404
    said = {"updatetype": "Added", "id": "HEL-2026-000001"}
    assert theirs.send("integration", "POST", f"{pulled.path}/callbacks", said).status_code == 404


def test_a_link_to_another_host_is_not_followed(pulled: Pulling) -> None:
    links = [{"rel": "next", "href": "http://127.0.0.2/ahjorest/v1/cases?start=2"}]
    pulled.ahjo.faults = [answering(200, {"cases": [a_case(1)], "count": 1, "links": links})]
    assert "another host" in pulled.pull()["last_error"]
    assert len(pulled.decisions()) == 1


def test_what_is_asked_of_ahjo(pulled: Pulling, httpx_mock: HTTPXMock) -> None:
    """The requests as Ahjo knows them, on a network that does not exist."""
    httpx_mock.add_response(json={"cases": [a_case(3)], "count": 1}, is_reusable=True)
    assert pulled.api.send("administrator", "POST", f"{pulled.path}/pull").status_code == 202
    pulled.work()
    asked = httpx_mock.get_requests()
    assert asked
    first = asked[0].url.params
    assert set(first) == {"handledsince", "handledbefore", "size", "count_limit", "apireqlang"}
    assert first["handledsince"].endswith("T00:00:00")
    assert [row["diary_number"] for row in pulled.decisions()] == ["HEL 2026-000003"]


@pytest.mark.parametrize(
    "broken",
    [
        {"CaseID": "131052-308T"},
        {"CaseID": "131052-308T", "Title": 7},
        {"CaseID": "HEL-2026-\x00", "Title": 7},
        {"CaseID": "HEL-2026-\ud800", "Title": 7},
        {"CaseID": 5, "links": 5},
        {"links": True, "Title": 7},
        {"Records": [{**a_record("{B}"), "links": 7, "Issued": "\ud800"}]},
        {"Records": [a_record("{B}", issued="9999-10-01T10:00:00")]},
        {"Records": [a_record(f"{{{number}}}") for number in range(3000)]},
        {"Language": ["fi"]},
    ],
    ids=lambda broken: str(broken)[:40],
)
def test_a_broken_record_is_set_aside_and_holds_no_other_up(pulled: Pulling, broken: dict[str, Any]) -> None:
    pulled.ahjo.cases = [a_case(1), {**a_case(2), **broken}, a_case(3)]
    state = pulled.pull()
    assert (state["last_error"], state["failures"]) == (None, 0)
    assert state["pulled_at"] is not None
    assert {row["diary_number"] for row in pulled.decisions()} >= {"HEL 2026-000001", "HEL 2026-000003"}
    assert "131052-308T" not in str(pulled.set_aside())


@pytest.mark.parametrize(
    "links", [5, "x", {"rel": "next"}, [{"rel": "next", "href": ""}], [{"rel": "next", "href": 7}], [7, None]]
)
def test_what_is_no_link_leads_nowhere(pulled: Pulling, links: Any) -> None:
    pulled.ahjo.faults = [answering(200, {"cases": [a_case(1)], "count": 1, "links": links})]
    assert pulled.pull()["last_error"] is None
    assert [row["diary_number"] for row in pulled.decisions()] == ["HEL 2026-000001"]


@pytest.mark.parametrize("href", ["http://[x", "//[/", "cases?\x00", "cases?\ud800", "cases?" + "x" * 2000, " "])
def test_a_link_that_is_no_address_is_told_of(pulled: Pulling, href: str) -> None:
    pulled.ahjo.faults = [answering(200, {"cases": [], "count": 0, "links": [{"rel": "next", "href": href}]})]
    state = pulled.pull()
    assert (state["failures"], state["pulled_at"]) == (1, None)
    assert "no address" in state["last_error"]


def test_a_page_that_leads_to_itself_is_not_asked_for_for_ever(pulled: Pulling) -> None:
    again = {"cases": [a_case(1)], "count": 1, "links": [{"rel": "next", "href": f"{pulled.ahjo.address}/cases?p=2"}]}
    pulled.ahjo.faults = [answering(200, again) for _ in range(9)]
    state = pulled.pull()
    assert len(pulled.ahjo.asked) == 2
    assert (state["failures"], state["pulled_at"]) == (1, None)
    assert [row["diary_number"] for row in pulled.decisions()] == ["HEL 2026-000001"]


def test_what_nobody_thought_of_is_told_of_and_tried_again_later(
    pulled: Pulling, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(systems, "take_records", lambda *_: 1 / 0)
    state = pulled.pull()
    assert (state["failures"], state["last_error"]) == (1, "Something went wrong here: ZeroDivisionError.")
    assert state["not_before"] is not None


def test_another_address_begins_anew_also_in_the_middle_of_a_pull(pulled: Pulling) -> None:
    def moving(to: Any) -> None:
        facts = {"address": f"{pulled.ahjo.address}/toinen", "credential": "salainen"}
        assert pulled.api.change("administrator", "PATCH", pulled.path, facts).status_code == 200
        answering(200, {"cases": [a_case(1)], "count": 1})(to)

    pulled.ahjo.faults = [moving]
    assert pulled.pull()["pulled_at"] is None
    assert pulled.decisions() == []
    pulled.work()
    assert pulled.ahjo.asked[1].startswith("/ahjorest/v1/toinen/cases")
    assert pulled.ahjo.asked[0].partition("?")[2].split("&")[0] == pulled.ahjo.asked[1].partition("?")[2].split("&")[0]
