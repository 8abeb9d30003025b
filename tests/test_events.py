"""The event feed: everything in the journal's order, nothing missed, nothing told that is not for it."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select

from app.access import actions as access
from app.access.models import ApiKey
from app.database import Database, Session
from app.demo.server import serving
from app.events import queries
from app.events.rules import cursor_of, place_of
from app.journal import actions as journal
from app.journal.models import JournalEntry
from app.journal.verbs import VERBS
from tests.conftest import SETTINGS
from tests.county import Api, County, a_decision, a_follow_up, an_assessment

FEED = "/api/v1/events"


def problem_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("urn:lava:problem:")


def read(api: Api, query: str = "", role: str = "integration") -> Any:
    answer = api.send(role, "GET", f"{FEED}?{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def followed(api: Api, query: str = "", after: str | None = None) -> tuple[list[Any], str]:
    """Everything that is there, page by page, and the place after it."""
    items: list[Any] = []
    while True:
        page = read(api, f"{query}&after={after}" if after else query)
        items, after = items + page["items"], page["cursor"]
        if not page["more"]:
            return items, str(after)


def trail(api: Api) -> list[Any]:
    """The journal, as auditors read it."""
    found: list[Any] = []
    path = "/api/v1/journal?limit=200"
    while path:
        page = api.send("auditor", "GET", path).json()
        found, path = found + page["items"], page["next"]
    return found


# What an event says


def test_the_feed_is_the_journal_in_its_order(api: Api, county: County, database: Database) -> None:
    with database.transaction() as session:
        an_assessment(session, county, "published")
    entries = trail(api)
    for query in ("limit=100", "limit=7", "limit=1"):
        items, _ = followed(api, query)
        told = [(item["data"]["sequence"], item["type"], item["data"]["object_id"]) for item in items]
        assert told == [(entry["seq"], entry["verb"], entry["object_id"]) for entry in entries]


def test_an_event_is_a_cloud_event_with_the_decision_it_belongs_to(
    api: Api, county: County, database: Database
) -> None:
    with database.transaction() as session:
        made = a_follow_up(session, county, "published", a_decision(session, county, "7/2026", source="ahjo"))
        decision_id = made.decision_id
    decision = {
        "id": str(decision_id),
        "source": "ahjo",
        "diary_number": "7/2026",
        "decision_key": "1",
        "href": f"http://127.0.0.1:8000/api/v1/decisions/{decision_id}",
    }
    items, _ = followed(api)
    by_type = {item["type"]: item for item in items}
    for name, object_type, place in (
        ("decision.registered", "decision", f"decisions/{decision_id}"),
        ("assessment.sealed", "assessment", None),
        ("follow_up.moved", "follow_up", f"follow-ups/{made.id}"),
        ("register.published", "follow_up", f"follow-ups/{made.id}"),
    ):
        event = by_type[name]
        assert set(event) == {"specversion", "id", "source", "type", "subject", "time", "datacontenttype", "data"}
        assert (event["specversion"], event["datacontenttype"]) == ("1.0", "application/json")
        assert event["source"] == f"urn:uuid:{county.id}"
        assert event["id"] == f"{county.id}-{event['data']['sequence']}"
        assert event["subject"] == f"{object_type}/{event['data']['object_id']}"
        assert event["data"]["decision"] == decision, name
        if place:
            assert event["data"]["href"] == f"http://127.0.0.1:8000/api/v1/{place}"
            path = event["data"]["href"].removeprefix("http://127.0.0.1:8000")
            assert api.send("integration", "GET", path).status_code == 200
    assert by_type["person.added"]["data"]["decision"] is None
    assert len({item["id"] for item in items}) == len(items)


def test_every_address_in_the_feed_is_one_of_the_api(api: Api, county: County, database: Database) -> None:
    with database.transaction() as session:
        a_follow_up(session, county, "published")
    unit = {"code": "A", "name": {"fi": "A"}, "level": "unit", "valid_from": "2023-01-01"}
    assert api.send("controller", "POST", "/api/v1/units", unit).status_code == 201
    items, _ = followed(api)
    for item in items:
        if item["data"]["href"]:
            path = item["data"]["href"].removeprefix("http://127.0.0.1:8000")
            assert api.send("administrator", "GET", path).status_code == 200, path


def test_an_event_tells_no_names_and_no_texts(api: Api, county: County, database: Database) -> None:
    with database.transaction() as session:
        a_follow_up(session, county, "published", a_decision(session, county, title={"fi": "Salainen siirto"}))
    told = api.send("integration", "GET", f"{FEED}?limit=100").text
    whole = str(trail(api))
    for words in ("Salainen siirto", "Esimerkkialue", "Yhteenveto.", "Matkat pitenivät."):
        assert words not in told
    assert "Esimerkkialue" in whole, "control: the journal itself tells names"


# Going on from a place


def test_the_cursor_moves_past_what_was_not_asked_for(api: Api, county: County, database: Database) -> None:
    api.decision()
    items, place = followed(api, "types=decision.registered&types=decision.moved")
    assert [item["type"] for item in items] == ["decision.registered"]
    assert place_of(place).seq == len(trail(api))
    assert read(api, f"after={place}&types=decision.registered") == {"items": [], "cursor": place, "more": False}
    api.decision(diary_number="2/2026")
    after, _ = followed(api, "types=decision.registered", place)
    assert [item["data"]["decision"]["diary_number"] for item in after] == ["2/2026"]
    again, _ = followed(api, "", place)
    assert {item["type"] for item in again} == {"decision.registered"}, "a place goes with any types"


def test_a_long_way_without_anything_asked_for_is_gone_in_steps(
    api: Api, county: County, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.decision()
    monkeypatch.setattr(queries, "MOST_SCANNED", 3)
    first = read(api, "types=decision.registered")
    assert (first["items"], first["more"], place_of(first["cursor"]).seq) == ([], True, 3)
    items, place = followed(api, "types=decision.registered")
    assert [item["type"] for item in items] == ["decision.registered"]
    assert place_of(place).seq == len(trail(api))


def test_an_unknown_type_is_refused_and_all_there_are_are_told(api: Api) -> None:
    refused = api.send("integration", "GET", f"{FEED}?types=decision.registered&types=decision.sold")
    assert problem_of(refused) == (422, "invalid")
    assert refused.json()["errors"] == [{"pointer": "types", "detail": "Unknown type: decision.sold."}]
    assert all(verb in refused.json()["detail"] for verb in VERBS)


@pytest.mark.parametrize("cursor", ["x", "MTI6", "AAAA", "OTk5OTk5OTk5OTo", "MTIz"])
def test_what_is_no_cursor_is_refused(api: Api, cursor: str) -> None:
    assert problem_of(api.send("integration", "GET", f"{FEED}?after={cursor}")) == (422, "bad_cursor")


def test_a_place_that_the_journal_never_had_is_refused(api: Api, neighbour: County, database: Database) -> None:
    """After a restore, or with another organisation's cursor, nobody reads on past what was never told."""
    _, place = followed(api)
    there = place_of(place)
    for wrong in (cursor_of(there.seq + 1, there.hash), cursor_of(there.seq, "0" * 64)):
        assert problem_of(api.send("integration", "GET", f"{FEED}?after={wrong}")) == (422, "bad_cursor")
    theirs = Api(api.client, neighbour)
    assert problem_of(theirs.send("integration", "GET", f"{FEED}?after={place}")) == (422, "bad_cursor")
    assert {item["source"] for item in followed(theirs)[0]} == {f"urn:uuid:{neighbour.id}"}


# Nothing is missed


def test_two_writers_who_commit_in_reverse_order_are_both_read(api: Api, county: County, database: Database) -> None:
    if database.is_sqlite:
        pytest.skip("SQLite has one writer at a time: they cannot commit in reverse order")
    _, place = followed(api)
    seen: list[str] = []
    by_id: list[UUID] = []
    first = database.open_session(writes=True)
    early = a_decision(first, county, "1/2026")
    second = database.open_session(writes=True)
    late = a_decision(second, county, "2/2026")
    second.commit()
    for commit in (None, first.commit):
        if commit:
            commit()
        items, place = followed(api, "types=decision.registered", place)
        seen += [item["data"]["object_id"] for item in items]
        with database.transaction(writes=False) as session:
            told = select(JournalEntry).where(JournalEntry.object_type == "decision")  # type: ignore[arg-type]
            newer = {row.object_id for row in session.scalars(told)} - set(by_id)
            by_id += sorted(key for key in newer if not by_id or key > by_id[-1])
    for session in (first, second):
        session.close()
    assert early.id < late.id
    assert seen == [str(late.id), str(early.id)]
    assert by_id == [late.id], "control: who follows ids or times of beginning misses one"


def test_an_entry_that_is_appended_but_not_committed_holds_up_the_next_number(
    api: Api, county: County, database: Database
) -> None:
    """The feed never sees a number before the ones below it, since the lock is held to the commit."""
    if database.is_sqlite:
        pytest.skip("SQLite has one writer at a time")
    _, place = followed(api)
    appended, go_on = threading.Event(), threading.Event()

    def slowly() -> None:
        with database.transaction() as session:
            a_decision(session, county, "1/2026")
            journal.append_pending(session)  # as at the commit
            appended.set()
            assert go_on.wait(10)

    def at_once() -> None:
        assert appended.wait(10)
        with database.transaction() as session:
            a_decision(session, county, "2/2026")

    with ThreadPoolExecutor(2) as pool:
        slow, quick = pool.submit(slowly), pool.submit(at_once)
        assert appended.wait(10)
        time.sleep(0.3)
        assert not quick.done()
        assert followed(api, "", place)[0] == []
        go_on.set()
        slow.result(10)
        quick.result(10)
    items, _ = followed(api, "types=decision.registered", place)
    assert [item["data"]["decision"]["diary_number"] for item in items] == ["1/2026", "2/2026"]


def test_readers_beside_many_writers_miss_nothing(api: Api, county: County, database: Database) -> None:
    _, place = followed(api)
    done = threading.Event()
    writers = 1 if database.is_sqlite else 3

    def write(number: int) -> None:
        for turn in range(15):
            with database.transaction() as session:
                a_decision(session, county, f"{number}-{turn}/2026")

    with ThreadPoolExecutor(writers) as pool:
        writing = [pool.submit(write, number) for number in range(writers)]
        sequences: list[int] = []
        while not done.is_set():
            if all(job.done() for job in writing):
                done.set()  # and look once more
            items, place = followed(api, "limit=3", place)
            sequences += [item["data"]["sequence"] for item in items]
        for job in writing:
            job.result()
    assert sequences == list(range(sequences[0], sequences[0] + len(sequences)))
    assert sequences[-1] == len(trail(api))


# Waiting


@pytest.fixture
def served(database_url: str, database: Database, county: County) -> Iterator[httpx.Client]:
    """The service on a port of its own, with few connections to its database."""
    own = SETTINGS.model_copy(update={"port": 0, "database_url": database_url, "database_connections": 2})
    with serving(own) as running, httpx.Client(base_url=running.address, timeout=40) as http:
        http.headers["Authorization"] = f"Bearer {county.keys['integration']}"
        yield http


def place_now(http: httpx.Client) -> str:
    page = http.get(FEED, params={"limit": 100}).json()
    while page["more"]:
        page = http.get(FEED, params={"after": page["cursor"]}).json()
    return str(page["cursor"])


def test_who_waits_is_told_when_it_happens_and_holds_no_connection(
    served: httpx.Client, county: County, database: Database
) -> None:
    place = place_now(served)
    asked: dict[str, str | int] = {"after": place, "wait": 30, "types": "decision.registered"}
    with ThreadPoolExecutor(6) as pool:
        waiting = [pool.submit(served.get, FEED, params=asked) for _ in range(6)]
        time.sleep(0.7)
        for _ in range(5):
            assert served.get("/readyz").status_code == 200, "six wait, and two connections serve everybody"
        assert not any(job.done() for job in waiting)
        with database.transaction() as session:
            a_decision(session, county, "1/2026")
        for job in waiting:
            page = job.result(20).json()
            assert [item["type"] for item in page["items"]] == ["decision.registered"]


def test_who_waits_for_nothing_is_answered_in_time_with_the_place_to_go_on_from(
    served: httpx.Client, county: County, database: Database
) -> None:
    place = place_now(served)
    with ThreadPoolExecutor(1) as pool:
        asked: dict[str, str | int] = {"after": place, "wait": 2, "types": "decision.moved"}
        waiting = pool.submit(served.get, FEED, params=asked)
        time.sleep(0.3)
        with database.transaction() as session:
            a_decision(session, county, "1/2026")
        page = waiting.result(20).json()
    assert (page["items"], page["more"]) == ([], False)
    assert place_of(page["cursor"]).seq > place_of(place).seq


def test_a_key_that_is_revoked_while_it_waits_is_told_nothing(
    served: httpx.Client, county: County, database: Database
) -> None:
    place = place_now(served)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(served.get, FEED, params={"after": place, "wait": 30})
        time.sleep(0.3)
        with database.transaction() as session:
            by = county["administrator"]
            mine = select(ApiKey).where(ApiKey.account_id == county["integration"].id)  # type: ignore[arg-type]
            access.revoke_key(session, session.scalars(mine).one(), version=1, by=by)
        assert problem_of(waiting.result(20)) == (401, "not_signed_in")


def test_a_service_that_stops_lets_nobody_wait(database_url: str, database: Database, county: County) -> None:
    own = SETTINGS.model_copy(update={"port": 0, "database_url": database_url})
    headers = {"Authorization": f"Bearer {county.keys['integration']}"}
    with ThreadPoolExecutor(1) as pool, httpx.Client(timeout=40, headers=headers) as http:
        with serving(own) as running:
            place = http.get(f"{running.address}{FEED}", params={"limit": 100}).json()["cursor"]
            waiting = pool.submit(http.get, f"{running.address}{FEED}", params={"after": place, "wait": 30})
            time.sleep(0.5)
            began = time.monotonic()
        assert time.monotonic() - began < 10, "it did not wait for the half minute"
        assert waiting.result(1).json()["items"] == []


def test_who_goes_away_is_not_waited_for(served: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []
    look = queries.head_of

    def counted(session: Session, organisation_id: UUID) -> int:
        looks.append(1)
        return look(session, organisation_id)

    monkeypatch.setattr(queries, "head_of", counted)
    place = place_now(served)
    with pytest.raises(httpx.ReadTimeout):
        served.get(FEED, params={"after": place, "wait": 30}, timeout=1.3)
    assert looks
    time.sleep(1.5)
    before = len(looks)
    time.sleep(1.5)
    assert len(looks) == before
