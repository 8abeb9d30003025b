"""Several people at once, through a real server: what fits together succeeds, and nothing is half seen."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from app.assessments import parts
from app.assessments.models import AssessmentState
from app.database import Database
from app.demo.server import serving
from app.settings import Settings
from tests.county import County, a_decision, a_follow_up, an_assessment

PARALLEL = 8
HEARING = {"party": "children", "who": "Nuorisovaltuusto", "method": "survey", "views": "L\u00e4helle."}
UNINTENDED = {"description": "Matkat", "impact_class": "direct", "direction": "negative", "age_groups": ["0-6"]}


class People:
    """The county's people at a real server."""

    def __init__(self, http: httpx.Client, county: County) -> None:
        self.http = http
        self.county = county

    def send(self, role: str, method: str, path: str, body: Any = None, etag: str | None = None) -> httpx.Response:
        sent = {"Authorization": f"Bearer {self.county.keys[role]}"}
        if etag:
            sent["If-Match"] = etag
        return self.http.request(method, path, json=body, headers=sent)

    def at_once(self, *requests: Callable[[], httpx.Response]) -> Counter[int]:
        """How many were answered with which status."""
        with ThreadPoolExecutor(len(requests)) as pool:
            return Counter(done.result().status_code for done in [pool.submit(request) for request in requests])


@pytest.fixture
def people(database_url: str, county: County) -> Iterator[People]:
    limits = httpx.Limits(max_connections=50)
    served = Settings(port=0, database_url=database_url, rate_limit="1000000/minute")
    with serving(served) as running, httpx.Client(base_url=running.address, timeout=60, limits=limits) as http:
        yield People(http, county)


@pytest.fixture
def assessment(database: Database, county: County) -> str:
    """The path of an assessment being written."""
    with database.transaction() as session:
        return f"/api/v1/assessments/{an_assessment(session, county, AssessmentState.DRAFTING).id}"


# Adding side by side


def test_parts_are_added_side_by_side(people: People, assessment: str) -> None:
    before = people.send("preparer", "GET", assessment).json()
    add = [lambda: people.send("preparer", "POST", f"{assessment}/hearings", HEARING)] * (PARALLEL // 2)
    add += [lambda: people.send("expert", "POST", f"{assessment}/hearings", HEARING)] * (PARALLEL // 2)
    assert people.at_once(*add) == {201: PARALLEL}
    after = people.send("preparer", "GET", assessment).json()
    assert after["version"] == before["version"] + PARALLEL
    assert len(after["hearings"]) == len(before["hearings"]) + PARALLEL
    assert set(after["authors"]) == {str(people.county[role].id) for role in ("preparer", "expert")}


def test_control_without_holding_the_assessment_some_are_told_that_it_changed(
    people: People, assessment: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    if database.is_sqlite:
        return  # its writers are alone
    monkeypatch.setattr(parts, "hold", lambda *_: None)
    answered: Counter[int] = Counter()
    for _ in range(10):
        add = [lambda: people.send("preparer", "POST", f"{assessment}/hearings", HEARING)] * PARALLEL
        answered += people.at_once(*add)
    assert answered[412] > 0


def test_options_and_unintended_impacts_are_added_side_by_side(
    people: People, database: Database, county: County
) -> None:
    with database.transaction() as session:
        decision = f"/api/v1/decisions/{a_decision(session, county).id}"
        other = a_decision(session, county, "2/2026")
        follow_up = f"/api/v1/follow-ups/{a_follow_up(session, county, decision=other).id}"

    def option(number: int) -> Callable[[], httpx.Response]:
        body = {"code": f"VE{number}", "title": {"fi": "Toinen"}}
        return lambda: people.send("preparer", "POST", f"{decision}/options", body)

    assert people.at_once(*(option(number) for number in range(2, 2 + PARALLEL))) == {201: PARALLEL}
    add = [lambda: people.send("preparer", "POST", f"{follow_up}/unintended-impacts", UNINTENDED)] * PARALLEL
    assert people.at_once(*add) == {201: PARALLEL}


def test_one_of_many_who_start_the_same_succeeds_and_the_others_are_told_why(
    people: People, database: Database, county: County
) -> None:
    with database.transaction() as session:
        decision = f"/api/v1/decisions/{a_decision(session, county).id}"
    start = [lambda: people.send("preparer", "POST", f"{decision}/assessments", {})] * PARALLEL
    assert people.at_once(*start) == {201: 1, 409: PARALLEL - 1}


def test_a_part_that_is_removed_by_many_is_removed_once(people: People, assessment: str) -> None:
    answered: Counter[int] = Counter()
    for _ in range(5):
        part = people.send("preparer", "POST", f"{assessment}/hearings", HEARING).json()["id"]
        path = f"{assessment}/hearings/{part}"
        answered += people.at_once(*[lambda p=path: people.send("preparer", "DELETE", p, etag='"1"')] * 4)
    assert answered == {204: 5, 404: 15}


def test_evidence_that_is_removed_is_named_by_no_impact(people: People, assessment: str) -> None:
    decision = people.send("preparer", "GET", assessment).json()["decision_id"]
    option = people.send("preparer", "GET", f"/api/v1/decisions/{decision}").json()["options"][-1]["id"]
    for _ in range(5):
        evidence = {"kind": "statistic", "title": "t", "source": "s", "finding": "f"}
        made = people.send("preparer", "POST", f"{assessment}/evidence", evidence).json()["id"]
        impact = {"option_id": option, "description": "x", "impact_class": "direct", "direction": "negative"}
        impact |= {"magnitude": "small", "likelihood": "likely", "term": "short", "evidence_ids": [made]}
        answered = people.at_once(
            lambda m=made: people.send("preparer", "DELETE", f"{assessment}/evidence/{m}", etag='"1"'),  # type: ignore[misc]
            lambda i=impact: people.send("preparer", "POST", f"{assessment}/impacts", i),  # type: ignore[misc]
        )
        assert sum(answered[status] for status in (201, 204)) == 1, answered


# One picture


def torn(people: People, assessment: str) -> int:
    """How many reads showed parts and a version that never stood together, while parts were added."""
    before = people.send("auditor", "GET", assessment).json()
    seen: list[int] = []
    with ThreadPoolExecutor(3) as pool:
        writing = pool.submit(
            lambda: [people.send("preparer", "POST", f"{assessment}/hearings", HEARING) for _ in range(60)]
        )

        def read() -> None:
            while not writing.done():
                now = people.send("auditor", "GET", assessment).json()
                added, newer = len(now["hearings"]) - len(before["hearings"]), now["version"] - before["version"]
                seen.append(added - newer)

        for reading in [pool.submit(read), pool.submit(read)]:
            reading.result()
        assert {answer.status_code for answer in writing.result()} == {201}
    assert len(seen) > 10
    return sum(difference != 0 for difference in seen)


@pytest.mark.slow
def test_a_read_of_several_statements_is_one_picture(people: People, assessment: str) -> None:
    assert torn(people, assessment) == 0


@pytest.mark.slow
def test_control_statements_on_their_own_show_what_never_was(
    people: People, assessment: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    if database.is_sqlite:
        return  # a read begins a transaction there in any case
    real = Database.open_session
    monkeypatch.setattr(
        Database, "open_session", lambda self, *, writes, **_: real(self, writes=writes, one_statement=True)
    )
    assert torn(people, assessment) > 0
