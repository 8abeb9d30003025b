"""One effect for each Idempotency-Key, however often and however many at once the request is sent."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import func, select
from sqlmodel import SQLModel

from app.clock import now
from app.conventions import idempotency
from app.conventions.idempotency import KEPT_FOR, IdempotencyKey, forget_old
from app.database import Database, table_of
from app.decisions.models import Decision
from app.demo.server import Running, serving
from app.journal.models import JournalEntry
from app.settings import Settings
from tests.county import Api, County

PARALLEL = 50
PATH = "/api/v1/decisions"
KEYS, DECISION, ENTRY = table_of(IdempotencyKey), table_of(Decision), table_of(JournalEntry)


def body(number: str = "1/2026") -> dict[str, Any]:
    return {"diary_number": number, "title": {"fi": "Neuvolan siirto"}}


def count(database: Database, table: Any, **having: Any) -> int:
    """How many rows of a table hold these values."""
    statement = select(func.count()).select_from(table)
    for name, value in having.items():
        statement = statement.where(table.c[name] == value)
    with database.transaction(writes=False) as session:
        return int(session.execute(statement).scalar_one())


def effects(database: Database) -> tuple[int, int]:
    """How many decisions there are, and how many entries say that one was registered."""
    return count(database, DECISION), count(database, ENTRY, verb="decision.registered")


def problem_of(answer: Any) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["type"].removeprefix("urn:lava:problem:")


# One after the other


def test_the_same_request_again_gets_the_first_answer_and_has_no_second_effect(api: Api, database: Database) -> None:
    first = api.send("preparer", "POST", PATH, body(), idempotency_key="one")
    assert first.status_code == 201
    assert "idempotent-replayed" not in first.headers
    again = api.send("preparer", "POST", PATH, body(), idempotency_key="one")
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["idempotent-replayed"] == "true"
    for name in ("etag", "location", "content-type"):
        assert again.headers[name] == first.headers[name]
    assert effects(database) == (1, 1)
    assert count(database, KEYS) == 1


def test_control_without_the_key_the_second_request_is_another_one(api: Api, database: Database) -> None:
    for number in ("1/2026", "2/2026"):
        assert api.send("preparer", "POST", PATH, body(number)).status_code == 201
    assert api.send("preparer", "POST", PATH, body()).status_code == 409
    assert effects(database) == (2, 2)
    assert count(database, KEYS) == 0


def test_a_key_used_for_another_request_is_refused(api: Api, database: Database) -> None:
    api.send("preparer", "POST", PATH, body(), idempotency_key="one")
    other_body = api.send("preparer", "POST", PATH, body("2/2026"), idempotency_key="one")
    assert problem_of(other_body) == (422, "idempotency_key_reused")
    made = api.send("preparer", "GET", PATH).json()["items"][0]["id"]
    other_path = api.send("preparer", "POST", f"{PATH}/{made}/assessments", body(), idempotency_key="one")
    assert problem_of(other_path) == (422, "idempotency_key_reused")
    assert effects(database) == (1, 1)


@pytest.mark.parametrize("wrong", [{"diary_number": ""}, {**body(), "preparer_id": str(UUID(int=1))}])
def test_a_failed_request_leaves_no_key(api: Api, database: Database, wrong: dict[str, Any]) -> None:
    assert api.send("preparer", "POST", PATH, wrong, idempotency_key="one").status_code in {404, 422}
    assert count(database, KEYS) == 0
    made = api.send("preparer", "POST", PATH, body(), idempotency_key="one")
    assert (made.status_code, made.headers.get("idempotent-replayed")) == (201, None)


def test_a_conflict_leaves_no_key(api: Api, database: Database) -> None:
    api.decision()
    assert problem_of(api.send("preparer", "POST", PATH, body(), idempotency_key="one")) == (409, "already_exists")
    assert count(database, KEYS) == 0


def test_a_key_is_its_callers_own(api: Api, database: Database) -> None:
    first = api.send("preparer", "POST", PATH, body(), idempotency_key="one")
    second = api.send("registrar", "POST", PATH, body("2/2026"), idempotency_key="one")
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["id"] != second.json()["id"]
    assert effects(database) == (2, 2)


def test_a_key_is_its_organisations_own(api: Api, neighbour: County, database: Database) -> None:
    api.send("preparer", "POST", PATH, body(), idempotency_key="one")
    theirs = Api(api.client, neighbour).send("preparer", "POST", PATH, body(), idempotency_key="one")
    assert (theirs.status_code, theirs.headers.get("idempotent-replayed")) == (201, None)
    assert effects(database) == (2, 2)


@pytest.mark.parametrize("key", ["", "k" * 201, "two words", "caf\u00e9"])
def test_a_key_of_another_form_is_refused(api: Api, key: str) -> None:
    bearer = f"Bearer {api.county.keys['preparer']}"
    headers = [(b"Authorization", bearer.encode()), (b"Idempotency-Key", key.encode("latin-1"))]
    answer = api.client.post(PATH, json=body(), headers=headers)
    assert problem_of(answer) == (400, "bad_idempotency_key")


def test_a_replay_needs_valid_credentials(api: Api) -> None:
    api.send("preparer", "POST", PATH, body(), idempotency_key="one")
    assert api.send(None, "POST", PATH, body(), idempotency_key="one").status_code == 401


def test_a_transition_sent_twice_happens_once(api: Api, database: Database) -> None:
    path = f"{PATH}/{api.decision()['id']}"
    sent = {"if_match": '"1"', "idempotency_key": "move"}
    first = api.send("preparer", "POST", f"{path}/preparation", **sent)
    again = api.send("preparer", "POST", f"{path}/preparation", **sent)
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.content == first.content
    assert again.headers["etag"] == first.headers["etag"]
    assert count(database, ENTRY, verb="decision.moved") == 1


def test_keys_are_forgotten_after_their_time(api: Api, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    api.send("preparer", "POST", PATH, body(), idempotency_key="one")
    with database.transaction() as session:
        assert forget_old(session) == 0
    later = now() + KEPT_FOR
    monkeypatch.setattr(idempotency, "now", lambda: later)
    with database.transaction() as session:
        assert forget_old(session) == 1


# A secret that is shown once


def test_a_key_issued_twice_is_shown_once_and_never_stored(api: Api, database: Database) -> None:
    person = str(api.county["preparer"].id)
    asked = {"person_id": person, "label": "Asianhallinta"}
    first = api.send("administrator", "POST", "/api/v1/api-keys", asked, idempotency_key="one")
    secret = first.json()["key"]
    assert first.status_code == 201
    again = api.send("administrator", "POST", "/api/v1/api-keys", asked, idempotency_key="one")
    assert problem_of(again) == (409, "answer_not_kept")
    assert secret not in again.text
    assert count(database, ENTRY, verb="api_key.created", object_id=UUID(first.json()["id"])) == 1
    assert not holds(database, secret)
    assert holds(database, first.json()["hint"])  # the control: what is kept is found


def holds(database: Database, text: str) -> bool:
    """Whether a text stands anywhere in the database, in any form that we store texts in."""
    with database.transaction(writes=False) as session:
        for table in SQLModel.metadata.sorted_tables:
            for row in session.execute(select(table)):
                for value in row:
                    stored = bytes(value).decode() if isinstance(value, (bytes, memoryview)) else value
                    if text in (stored if isinstance(stored, str) else json.dumps(stored, default=str)):
                        return True
    return False


# All at once, through a real server


@pytest.fixture
def running(database_url: str, county: County) -> Iterator[Running]:
    """A real server in a thread, on this test's database."""
    with serving(Settings(port=0, database_url=database_url, rate_limit="1000000/minute")) as made:
        yield made


def post_at_once(running: Running, county: County, **headers: str) -> list[httpx.Response]:
    sent = {"Authorization": f"Bearer {county.keys['preparer']}", **headers}
    limits = httpx.Limits(max_connections=PARALLEL)
    with (
        httpx.Client(base_url=running.address, timeout=60, limits=limits) as client,
        ThreadPoolExecutor(PARALLEL) as pool,
    ):
        return list(pool.map(lambda _: client.post(PATH, json=body(), headers=sent), range(PARALLEL)))


@pytest.mark.slow
def test_parallel_requests_with_one_key_have_one_effect(running: Running, county: County, database: Database) -> None:
    answers = post_at_once(running, county, **{"Idempotency-Key": "one"})
    assert {answer.status_code for answer in answers} <= {201, 409}
    made = [answer for answer in answers if answer.status_code == 201]
    assert len({answer.content for answer in made}) == 1
    assert sum("idempotent-replayed" not in answer.headers for answer in made) == 1
    for answer in answers:
        if answer.status_code == 409:
            assert problem_of(answer) == (409, "request_running")
            assert answer.headers["retry-after"] == "1"
    assert effects(database) == (1, 1)
    last = post_at_once(running, county, **{"Idempotency-Key": "one"})
    assert {answer.headers.get("idempotent-replayed") for answer in last if answer.status_code == 201} == {"true"}
    assert effects(database) == (1, 1)


@pytest.mark.slow
def test_control_parallel_requests_that_each_have_their_key_are_told_apart(
    running: Running, county: County, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "begin", lambda *_: None)  # keys do nothing: the natural key alone is left
    answers = post_at_once(running, county, **{"Idempotency-Key": "one"})
    assert sorted({answer.status_code for answer in answers}) == [201, 409]
    assert {problem_of(answer)[1] for answer in answers if answer.status_code == 409} == {"already_exists"}
    assert not [answer for answer in answers if "idempotent-replayed" in answer.headers]
