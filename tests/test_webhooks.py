"""Webhooks: what happens is sent at least once, signed, to the right address, whatever the receiver does."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlalchemy import select
from standardwebhooks.webhooks import WebhookVerificationError

from app import clock, outgoing
from app.database import Database, table_of
from app.demo.server import serving
from app.events import actions, lanes
from app.events.lanes import LeaseLost, Outcome
from app.events.models import Attempt, Delivery, Webhook
from app.events.rules import ATTEMPTS, JITTER, delay_after, new_secret, shown
from app.outgoing import retry_after
from app.settings import Settings
from tests.county import Api, County, a_decision
from tests.receivers import WEBHOOKS, Receiver, added, free_port, receiving, settings_for, until, work, working

SECONDS = [5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400]


class Time:
    """A clock that can be put forward."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return clock.now() + self.ahead

    def forward(self, **by: float) -> None:
        self.ahead += timedelta(**by)


@pytest.fixture
def its_time(monkeypatch: pytest.MonkeyPatch) -> Time:
    """The time as the worker has it."""
    made = Time()
    monkeypatch.setattr(lanes, "now", made)
    return made


@pytest.fixture
def settings(database_url: str, api: Api, the_app: FastAPI) -> Iterator[Settings]:
    """Settings under which this machine may be called, by the service too."""
    made = settings_for(database_url)
    before, the_app.state.settings = the_app.state.settings, made
    yield made
    the_app.state.settings = before


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


def problem_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("urn:lava:problem:")


def state_of(api: Api, webhook: Any) -> Any:
    return api.send("integration", "GET", f"{webhook['path']}/state").json()


def deliveries(api: Api, webhook: Any, query: str = "") -> Any:
    answer = api.send("integration", "GET", f"{webhook['path']}/deliveries?limit=200{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


def log_of(api: Api, webhook: Any, delivery_id: str) -> Any:
    return api.send("integration", "GET", f"{webhook['path']}/deliveries/{delivery_id}").json()["log"]


# What is sent


def test_what_happens_is_sent_once_in_order_and_signed(api: Api, settings: Settings, receiver: Receiver) -> None:
    api.decision(diary_number="before/2026")
    webhook = added(api, receiver)
    for number in range(5):
        api.decision(diary_number=f"{number}/2026")
    work(settings)
    feed = {item["id"]: item for item in api.send("integration", "GET", "/api/v1/events?limit=100").json()["items"]}
    told = [message.verified(webhook["secret"]) for message in receiver.got]
    assert [event["type"] for event in told] == ["webhook.added"] + ["decision.registered"] * 5
    assert [event["data"]["sequence"] for event in told] == sorted(event["data"]["sequence"] for event in told)
    assert all(feed[event["id"]] == event for event in told), "it is the event that the feed gives"
    assert "before/2026" not in str(told)
    listed = deliveries(api, webhook)
    assert [row["id"] for row in listed] == [message.id for message in reversed(receiver.got)]
    assert {row["state"] for row in listed} == {"delivered"}
    for message in receiver.got:
        assert (message.headers["content-type"], message.path) == ("application/cloudevents+json", "/lava")
        with pytest.raises(WebhookVerificationError):
            message.verified(new_secret())
        message.body = message.body.replace("decision", "decisiom")
        if "decisiom" in message.body:
            with pytest.raises(WebhookVerificationError):
                message.verified(webhook["secret"])
    work(settings)
    assert len(receiver.got) == 6
    assert state_of(api, webhook) | {"delivered_at": None} == {
        "active": True, "disabled_reason": None, "pending": 0, "dead": 0, "delivered_at": None, "failures": 0,
        "not_before": None, "behind": 0,
    }  # fmt: skip


def test_only_its_types_are_sent_and_a_test_whatever_they_are(api: Api, settings: Settings, receiver: Receiver) -> None:
    with receiving() as other:
        webhook = added(api, receiver, ["decision.moved", "decision.moved"])
        assert webhook["types"] == ["decision.moved"]
        added(api, other)
        path = f"/api/v1/decisions/{api.decision()['id']}"
        api.change("preparer", "POST", f"{path}/preparation", of=path)
        assert api.send("integration", "POST", f"{webhook['path']}/test").status_code == 200
        work(settings)
        assert receiver.types == ["decision.moved", "webhook.tested"]
        assert "webhook.tested" not in other.types
        assert set(other.types) >= {"decision.moved", "decision.registered"}


def test_another_organisations_events_go_to_it_alone(
    api: Api, neighbour: County, settings: Settings, receiver: Receiver
) -> None:
    theirs = Api(api.client, neighbour)
    with receiving() as other:
        added(api, receiver)
        added(theirs, other)
        api.decision()
        theirs.decision()
        theirs.decision(diary_number="2/2026")
        work(settings)
        assert (receiver.types.count("decision.registered"), other.types.count("decision.registered")) == (1, 2)
        assert {message.event["source"] for message in receiver.got} == {f"urn:uuid:{api.county.id}"}
        assert {message.event["source"] for message in other.got} == {f"urn:uuid:{neighbour.id}"}


# Receivers that do not take it


FAILING: dict[str, tuple[Any, int | None, str]] = {
    "500": (500, 500, "It answered 500."),
    "404": (404, 404, "It answered 404."),
    "redirect": ((302, {"Location": "http://127.0.0.1:1/"}), 302, "It answered 302: redirects are not followed."),
    "permanent redirect": ((308, {"Location": "/elsewhere"}), 308, "It answered 308: redirects are not followed."),
    "not modified": (304, 304, "It answered 304"),
    "429": (429, 429, "It answered 429."),
    "503": (503, 503, "It answered 503."),
    "stall": ("stall", None, "No answer came within 0.5 seconds."),
    "drip": ("drip", None, "No answer came within 0.5 seconds."),
    "reset": ("reset", None, "The connection broke before an answer came"),
    "garbage": ("garbage", None, "The connection broke before an answer came"),
}


@pytest.mark.parametrize("kind", FAILING)
def test_what_was_not_taken_is_sent_again_with_the_same_id_and_the_same_bytes(
    api: Api, settings: Settings, its_time: Time, kind: str
) -> None:
    said, status, words = FAILING[kind]
    with receiving(said) as receiver:
        webhook = added(api, receiver, ["decision.registered"])
        api.decision()
        work(settings.model_copy(update={"webhook_timeout_seconds": 0.5}))
        (row,) = deliveries(api, webhook)
        assert (row["state"], row["attempts"]) == ("pending", 1)
        (attempt,) = log_of(api, webhook, row["id"])
        assert (attempt["status"], attempt["error"][: len(words)]) == (status, words)
        assert attempt["milliseconds"] < 5000
        receiver.answer = lambda _: 200
        work(settings)
        assert len(receiver.got) == 1, "not before its time"
        its_time.forward(seconds=7)
        work(settings)
    first, second = receiver.got
    assert (first.id, first.body) == (second.id, second.body)
    assert second.id == row["id"]
    assert second.path == "/lava"
    for message in receiver.got:
        assert message.headers["webhook-signature"].count("v1,") == 1
    assert deliveries(api, webhook)[0]["state"] == "delivered"
    assert [attempt["status"] for attempt in log_of(api, webhook, row["id"])] == [200, status]


def test_a_receiver_that_is_down_and_comes_back_gets_everything_in_order(
    api: Api, settings: Settings, its_time: Time
) -> None:
    """Nobody there is not asked for each event: while it is away one is tried at a time."""
    port = free_port()
    webhook = added(api, f"http://127.0.0.1:{port}/lava", ["decision.registered"])
    for number in range(4):
        api.decision(diary_number=f"{number}/2026")
    work(settings)
    its_time.forward(seconds=7)
    work(settings)
    state = state_of(api, webhook)
    assert (state["pending"], state["failures"], state["not_before"] is not None) == (4, 2, True)
    assert [row["attempts"] for row in reversed(deliveries(api, webhook))] == [1, 1, 0, 0]
    oldest = deliveries(api, webhook)[-1]["id"]
    assert "No connection could be made" in log_of(api, webhook, oldest)[0]["error"]
    with receiving() as receiver:
        answer = api.change("integration", "PATCH", webhook["path"], {"url": receiver.url})
        assert answer.status_code == 200
        work(settings)
        numbers = [message.event["data"]["decision"]["diary_number"] for message in receiver.got]
        assert numbers == [f"{number}/2026" for number in range(4)]
    assert state_of(api, webhook)["pending"] == 0


def test_after_an_outage_everything_that_waits_comes_with_the_first_success(
    api: Api, settings: Settings, its_time: Time
) -> None:
    with receiving(503) as receiver:
        webhook = added(api, receiver, ["decision.registered"])
        for number in range(3):
            api.decision(diary_number=f"{number}/2026")
        for _ in range(200):
            work(settings)
            its_time.forward(minutes=7)
        assert {row["state"] for row in deliveries(api, webhook)} == {"pending"}
        assert len(receiver.got) == 3 * 7, "as often as the schedule says, and not each time that it is looked"
        receiver.got.clear()
        receiver.answer = lambda _: 204
        work(settings)
        assert receiver.got == []
        api.send("integration", "POST", f"{webhook['path']}/test")
        work(settings)
        assert receiver.types == ["webhook.tested"] + ["decision.registered"] * 3
    assert state_of(api, webhook)["pending"] == 0


@pytest.mark.parametrize("how", [503, "stall"])
def test_an_event_that_a_receiver_chokes_on_lets_the_others_by(
    api: Api, settings: Settings, its_time: Time, how: Any
) -> None:
    """It looks like an outage each time, but holds up the others for minutes only, and keeps to its schedule."""
    with receiving(lambda message: how if "bad/2026" in message.body else 204) as receiver:
        webhook = added(api, receiver, ["decision.registered"])
        api.decision(diary_number="bad/2026")
        quick = settings.model_copy(update={"webhook_timeout_seconds": 0.5})
        for number in range(12):
            work(quick)
            its_time.forward(minutes=6)
            api.decision(diary_number=f"{number}/2026")
            work(quick)
            its_time.forward(minutes=6)
        states = {row["state"] for row in deliveries(api, webhook)}
        assert states == {"delivered", "pending"}
        (bad,) = deliveries(api, webhook, "&state=pending")
        assert 4 <= bad["attempts"] <= 6, (
            "two hours and a half of the schedule, and one more after an outage of its own"
        )


def test_an_event_that_is_refused_does_not_hold_up_the_next(api: Api, settings: Settings, its_time: Time) -> None:
    with receiving(lambda message: 500 if "1/2026" in message.body else 204) as receiver:
        webhook = added(api, receiver, ["decision.registered"])
        for number in range(3):
            api.decision(diary_number=f"{number}/2026")
        work(settings)
        assert [row["state"] for row in reversed(deliveries(api, webhook))] == ["delivered", "pending", "delivered"]


def test_a_receiver_that_asks_to_be_left_alone_is(api: Api, settings: Settings, its_time: Time) -> None:
    with receiving((429, {"Retry-After": "600"})) as receiver:
        added(api, receiver, ["decision.registered"])
        api.decision()
        api.decision(diary_number="2/2026")
        work(settings)
        for _ in range(3):
            its_time.forward(seconds=190)
            work(settings)
        assert len(receiver.got) == 1, "neither this event nor another, for ten minutes"
        receiver.answer = lambda _: (503, {"Retry-After": format_datetime(clock.now() + timedelta(hours=2))})
        its_time.forward(seconds=60)
        work(settings)
        its_time.forward(hours=1)
        work(settings)
        assert len(receiver.got) == 2
        receiver.answer = lambda _: 204
        its_time.forward(hours=1, minutes=1)
        work(settings)
        assert len(receiver.got) == 4


def test_after_three_days_an_event_is_dead_and_can_be_sent_again(
    api: Api, settings: Settings, its_time: Time, database: Database
) -> None:
    with receiving(500) as receiver:
        webhook = added(api, receiver, ["decision.registered"])
        api.decision()
        api.decision(diary_number="2/2026")
        began = its_time()
        for attempt in range(1, ATTEMPTS + 1):
            work(settings)
            assert len(receiver.got) == 2 * attempt
            if attempt < ATTEMPTS:
                its_time.forward(seconds=SECONDS[attempt - 1] * (1 + JITTER) + 1)
        assert timedelta(days=3) < its_time() - began < timedelta(days=4)
        dead = deliveries(api, webhook, "&state=dead")
        assert [(row["attempts"], row["next_attempt_at"]) for row in dead] == [(10, None)] * 2
        assert len(log_of(api, webhook, dead[0]["id"])) == 10
        assert state_of(api, webhook)["dead"] == 2
        its_time.forward(days=30)
        work(settings)
        assert len(receiver.got) == 20, "what is dead is left alone"
        receiver.answer = lambda _: 204
        again = api.send("integration", "POST", f"{webhook['path']}/deliveries/{dead[0]['id']}/replay")
        assert again.json() == {"deliveries": 1}
        work(settings)
        assert [message.id for message in receiver.got[20:]] == [dead[0]["id"]]
        assert api.send("integration", "POST", f"{webhook['path']}/replay").json() == {"deliveries": 1}
        assert api.send("integration", "POST", f"{webhook['path']}/replay").json() == {"deliveries": 0}
        work(settings)
        assert {message.id for message in receiver.got[20:]} == {row["id"] for row in dead}
        ids = {message.id for message in receiver.got}
        bodies = {(message.id, message.body) for message in receiver.got}
        assert len(ids) == len(bodies) == 2, "constant from the first attempt to the last"
    journal = api.send("auditor", "GET", "/api/v1/journal?verb=webhook.replayed").json()["items"]
    assert [entry["details"]["deliveries"] for entry in journal] == [1, 1]


def test_a_receiver_that_wants_no_more_is_not_called_again(api: Api, settings: Settings, its_time: Time) -> None:
    with receiving(410) as receiver:
        webhook = added(api, receiver, ["decision.registered"])
        for number in range(3):
            api.decision(diary_number=f"{number}/2026")
        work(settings)
        its_time.forward(days=5)
        work(settings)
        assert len(receiver.got) == 1
        read = api.send("integration", "GET", webhook["path"])
        assert (read.json()["active"], read.json()["disabled_reason"], read.headers["etag"]) == (False, "gone", '"2"')
        entry = api.send("auditor", "GET", "/api/v1/journal?verb=webhook.disabled").json()["items"][0]
        assert (entry["actor_id"], entry["details"]["actor"]) == (None, "lava (worker)")
        assert problem_of(api.send("integration", "POST", f"{webhook['path']}/test")) == (409, "webhook_disabled")
        api.decision(diary_number="4/2026")
        receiver.answer = lambda _: 204
        assert api.change("integration", "PATCH", webhook["path"], {"active": True}).json()["disabled_reason"] is None
        work(settings)
        told = [message.event["data"]["decision"]["diary_number"] for message in receiver.got]
        assert told == ["0/2026", "0/2026", "1/2026", "2/2026", "4/2026"], "and nothing of it is lost"


def test_what_happens_while_it_is_switched_off_is_sent_afterwards(
    api: Api, settings: Settings, receiver: Receiver
) -> None:
    webhook = added(api, receiver, ["decision.registered"])
    off = api.change("integration", "PATCH", webhook["path"], {"active": False})
    assert (off.json()["active"], off.json()["disabled_reason"]) == (False, "by_person")
    api.decision()
    work(settings)
    assert receiver.got == []
    assert api.change("integration", "PATCH", webhook["path"], {"active": True}).status_code == 200
    work(settings)
    assert receiver.types == ["decision.registered"]


def test_an_answer_is_what_counts_and_its_endless_body_is_not_read(api: Api, settings: Settings) -> None:
    with receiving("endless") as receiver:
        webhook = added(api, receiver, ["decision.registered"])
        api.decision()
        work(settings)
        assert deliveries(api, webhook)[0]["state"] == "delivered"


def test_a_slow_receiver_holds_up_itself_only(api: Api, settings: Settings, receiver: Receiver) -> None:
    with receiving("stall") as slow:
        added(api, slow)
        added(api, receiver, ["decision.registered"])
        with working(settings.model_copy(update={"webhook_timeout_seconds": 20.0})):
            until(lambda: slow.got)
            for number in range(3):
                api.decision(diary_number=f"{number}/2026")
            until(lambda: len(receiver.got) == 3)
            assert len(slow.got) == 1
            slow.closing.set()


# Secrets


def test_a_secret_is_shown_once_and_stands_nowhere_else(api: Api, settings: Settings, receiver: Receiver) -> None:
    facts = {"label": "a", "url": receiver.url}
    made = api.send("integration", "POST", WEBHOOKS, facts, idempotency_key="k")
    assert (made.status_code, made.headers["cache-control"]) == (201, "no-store")
    assert made.json()["secret"].startswith("whsec_")
    assert made.headers["location"] == f"{WEBHOOKS}/{made.json()['id']}"
    again = api.send("integration", "POST", WEBHOOKS, facts, idempotency_key="k")
    assert problem_of(again) == (409, "answer_not_kept")
    path = made.headers["location"]
    rotated = api.change("integration", "POST", f"{path}/secret", of=path)
    assert (rotated.status_code, rotated.headers["cache-control"]) == (200, "no-store")
    secrets = [made.json()["secret"], rotated.json()["secret"]]
    assert len(set(secrets)) == 2
    work(settings)
    for place in (WEBHOOKS, path, f"{path}/state", f"{path}/deliveries", "/api/v1/journal?limit=200"):
        told = api.send("administrator", "GET", place)
        assert told.status_code == 200
        assert not any(secret in told.text for secret in secrets), place
        assert "whsec_" not in told.text
    assert not any(secret in message.body for secret in secrets for message in receiver.got)


def test_for_a_day_both_secrets_sign_and_then_the_new_one_only(
    api: Api, settings: Settings, receiver: Receiver, its_time: Time
) -> None:
    webhook = added(api, receiver, ["decision.registered"])

    def rotate() -> str:
        return str(api.change("integration", "POST", f"{webhook['path']}/secret", of=webhook["path"]).json()["secret"])

    def sent() -> Any:
        api.decision(diary_number=f"{len(receiver.got)}/2026")
        work(settings)
        return receiver.got[-1]

    first, second = webhook["secret"], rotate()
    message = sent()
    assert message.headers["webhook-signature"].count("v1,") == 2
    assert message.verified(first) == message.verified(second)
    third = rotate()
    message = sent()
    assert message.verified(second) == message.verified(third)
    with pytest.raises(WebhookVerificationError):
        message.verified(first)
    its_time.forward(hours=24, seconds=1)
    message = sent()
    assert message.headers["webhook-signature"].count("v1,") == 1
    assert message.verified(third)
    with pytest.raises(WebhookVerificationError):
        message.verified(second)


DOCUMENT = (Path(__file__).parent.parent / "docs" / "events.md").read_text("utf-8")


def test_the_documents_lines_verify_a_signature_and_refuse_a_wrong_one(
    api: Api, settings: Settings, receiver: Receiver
) -> None:
    webhook = added(api, receiver)
    api.change("integration", "POST", f"{webhook['path']}/secret", of=webhook["path"])
    work(settings)
    message, secret = receiver.got[0], webhook["secret"]
    forged = (message.body.replace("added", "adder"), message.headers)
    stale = (message.body, {**message.headers, "webhook-timestamp": "1700000000"})
    cases = [(secret, message.headers, message.body, True), (new_secret(), message.headers, message.body, False)]
    cases += [(secret, headers, body, False) for body, headers in (forged, stale)]
    python: dict[str, Any] = {}
    exec(DOCUMENT.partition("```python\n")[2].partition("```")[0], python)
    for key, headers, body, right in cases:
        assert python["verified"](key, headers, body.encode()) is right
    node = shutil.which("node")
    if node is None:
        return
    script = DOCUMENT.partition("```js\n")[2].partition("```")[0]
    script += f"console.log({json.dumps(cases)}.map(([key, headers, body]) => verified(key, headers, body)).join())"
    told = subprocess.run([node, "-e", script], capture_output=True, text=True, check=True).stdout
    assert told.strip() == "true,false,false,false"


# Where it may not go


def test_an_address_inside_is_refused_when_it_is_registered_or_changed(api: Api, receiver: Receiver) -> None:
    for url in (receiver.url, "https://127.0.0.1/", "https://[::1]/", "https://169.254.169.254/", "http://example.fi/"):
        refused = api.send("integration", "POST", WEBHOOKS, {"label": "a", "url": url})
        assert problem_of(refused) == (422, "forbidden_address")
        assert refused.json()["errors"][0]["pointer"] == "/url"
    made = added(api, "https://example.fi/lava")
    changed = api.change("integration", "PATCH", made["path"], {"url": "https://10.0.0.1/"})
    assert problem_of(changed) == (422, "forbidden_address")


def test_a_name_that_comes_to_lead_inside_is_not_called(
    api: Api, settings: Settings, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook = added(api, f"https://asianhallinta.example.fi:{receiver.port}/", ["decision.registered"])
    api.decision()

    async def inside(_host: str, _port: int) -> list[Any]:
        return [ip_address("127.0.0.1")]

    monkeypatch.setattr(outgoing, "resolve", inside)
    work(settings.model_copy(update={"outgoing_networks": []}))
    (row,) = deliveries(api, webhook)
    (attempt,) = log_of(api, webhook, row["id"])
    assert attempt["error"] == "The name leads to an address that is not called from here."
    assert receiver.got == []


def test_a_redirect_to_another_receiver_leads_nowhere(api: Api, settings: Settings, receiver: Receiver) -> None:
    with receiving((307, {"Location": receiver.url})) as sly:
        added(api, sly, ["decision.registered"])
        api.decision()
        work(settings)
        assert len(sly.got) == 1
        assert receiver.got == []


# Workers


def test_two_workers_at_once_send_nothing_twice(api: Api, settings: Settings) -> None:
    with receiving() as one, receiving() as another, receiving() as third, working(settings, workers=3):
        receivers = (one, another, third)
        for receiver in receivers:
            added(api, receiver, ["decision.registered"])
        for number in range(20):
            api.decision(diary_number=f"{number}/2026")
        until(lambda: all(len(receiver.got) >= 20 for receiver in receivers))
    for receiver in receivers:
        numbers = [message.event["data"]["decision"]["diary_number"] for message in receiver.got]
        assert numbers == [f"{number}/2026" for number in range(20)]


def test_who_lost_the_lease_records_nothing(
    api: Api, settings: Settings, receiver: Receiver, database: Database, its_time: Time
) -> None:
    webhook = added(api, receiver, ["decision.registered"])
    api.decision()
    with database.transaction() as session:
        (first,) = lanes.claim(session, 8, 1.0)
    with database.transaction() as session:
        assert lanes.claim(session, 8, 1.0) == [], "nobody else has it meanwhile"
        assert lanes.fan_out(session, first, "http://127.0.0.1:8000") == 1
    with database.transaction(writes=False) as session:
        call = lanes.next_due(session, first, 0.5)
    assert call is not None
    its_time.forward(seconds=2)
    with database.transaction() as session:
        (second,) = lanes.claim(session, 8, 10.0)
    done = Outcome(its_time(), 1, 204, None, timedelta())
    with database.transaction(writes=False) as session:
        assert lanes.next_due(session, first, 0.5) is None
    for lost in (lanes.record_outcome, lanes.fan_out):
        with pytest.raises(LeaseLost), database.transaction() as session:
            lost(session, first, *((call, done) if lost is lanes.record_outcome else ("http://127.0.0.1:8000",)))
    assert deliveries(api, webhook)[0]["attempts"] == 0
    with database.transaction() as session:
        lanes.record_outcome(session, second, call, done)
        lanes.release(session, first)  # not its own any more
        assert session.get_one(Webhook, UUID(webhook["id"])).lease == second.lease
    assert deliveries(api, webhook)[0]["state"] == "delivered"


def test_a_turn_that_breaks_off_in_the_middle_of_the_journal_loses_nothing(
    api: Api, settings: Settings, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, its_time: Time
) -> None:
    """Deliveries are made and the place moves on in one transaction."""
    added(api, receiver, ["decision.registered"])
    api.decision()
    hold, held = lanes._hold, []

    def breaking(session: Any, lane: Any, **values: Any) -> None:
        hold(session, lane, **values)
        held.append(values)
        if "position" in values and len(held) < 4:
            raise RuntimeError("the worker broke off")

    monkeypatch.setattr(lanes, "_hold", breaking)
    work(settings)
    assert receiver.got == []
    its_time.forward(seconds=10)
    work(settings)
    assert receiver.types == ["decision.registered"]


def test_control_where_the_place_moves_on_by_itself_an_event_is_lost(
    api: Api, settings: Settings, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, its_time: Time
) -> None:
    added(api, receiver, ["decision.registered"])
    api.decision()
    with monkeypatch.context() as broken:
        broken.setattr(lanes, "insert", lambda _table: _raise())
        hold = lanes._hold
        broken.setattr(lanes, "_hold", lambda session, lane, **v: (hold(session, lane, position=999), session.commit()))
        work(settings)
    its_time.forward(seconds=10)
    work(settings)
    assert receiver.got == []


def _raise() -> None:
    raise RuntimeError("the worker broke off")


def test_a_removed_webhook_takes_everything_along(
    api: Api, settings: Settings, receiver: Receiver, database: Database
) -> None:
    webhook = added(api, receiver)
    api.decision()
    work(settings)
    assert api.change("integration", "DELETE", webhook["path"]).status_code == 204
    assert api.send("integration", "GET", webhook["path"]).status_code == 404
    api.decision(diary_number="2/2026")
    work(settings)
    assert len(receiver.got) == 2
    with database.transaction(writes=False) as session:
        for table in (Webhook, Delivery, Attempt):
            assert session.execute(select(table_of(table))).first() is None


def test_what_was_delivered_long_ago_is_forgotten_and_what_is_dead_is_kept(
    api: Api, settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiving(lambda message: 500 if "2/2026" in message.body else 204) as receiver:
        webhook = added(api, receiver, ["decision.registered"])
        api.decision()
        api.decision(diary_number="2/2026")
        work(settings)
    with database.transaction() as session:
        assert actions.forget_delivered(session) == 0
    monkeypatch.setattr(actions, "now", lambda: clock.now() + timedelta(days=31))
    with database.transaction() as session:
        assert actions.forget_delivered(session) == 1
    assert [row["state"] for row in deliveries(api, webhook)] == ["pending"]


def test_the_service_is_a_worker_too_unless_it_is_told_not_to_be(
    database_url: str, database: Database, county: County, receiver: Receiver
) -> None:
    with database.transaction() as session:
        values = {"label": "a", "url": receiver.url, "types": ["decision.registered"], "active": True}
        actions.add(session, values, settings_for(database_url).outgoing_networks, by=county["integration"])
        a_decision(session, county, "1/2026")
    with serving(settings_for(database_url).model_copy(update={"worker": False})):
        pass
    assert receiver.got == []
    with serving(settings_for(database_url)):
        until(lambda: receiver.got)
    assert receiver.types == ["decision.registered"]


# Rules


def test_the_schedule_is_about_three_days_and_no_attempts_fall_together() -> None:
    assert [delay_after(n, 0) for n in range(1, ATTEMPTS)] == [timedelta(seconds=s) for s in SECONDS]
    assert delay_after(ATTEMPTS, 0) is None
    assert delay_after(1, 0.999) is not None
    assert delay_after(1, 1.0) == timedelta(seconds=5 * (1 + JITTER))


@pytest.mark.parametrize(
    ("status", "value", "seconds"),
    [
        (429, "120", 120),
        (503, "Wed, 25 Nov 2026 12:01:00 GMT", 60),
        (503, "Wed, 25 Nov 2026 11:00:00 GMT", 0),
        (429, "99999999999999999999", 0),
        (429, "604800", 86400),
        (429, "-5", 0),
        (429, "soon", 0),
        (429, "١٢٠", 0),
        (429, None, 0),
        (500, "120", 0),
        (200, "120", 0),
    ],
)
def test_when_to_come_back_is_understood_and_bounded(status: int, value: str | None, seconds: int) -> None:
    at = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
    assert retry_after(status, value, at) == timedelta(seconds=seconds)


def test_the_journal_tells_the_host_of_an_address_and_no_key_in_it(api: Api, settings: Settings) -> None:
    assert shown("https://example.fi:8443/a/b?token=c") == "https://example.fi:8443/…"
    assert shown("https://example.fi?token=c") == "https://example.fi/…"
    made = added(api, "https://example.fi/services/secret1?token=secret2")
    api.change("integration", "PATCH", made["path"], {"url": "https://example.fi/other/secret3"})
    entries = api.send("auditor", "GET", f"/api/v1/journal?object_id={made['id']}").json()["items"]
    assert [entry["verb"] for entry in entries] == ["webhook.added", "webhook.changed"]
    assert "secret" not in json.dumps([entry["details"] for entry in entries])
