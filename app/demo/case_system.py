"""The case-management system's day: what it tells, asks, fetches and is told, without a person in between."""

import base64
import hashlib
import hmac
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from app.clock import today
from app.demo.client import Client, Step, WrongAnswer
from app.demo.county import Services
from app.demo.play import Player

SOURCE = "kymdemo"
WAIT_SECONDS = 20.0


class CaseSystem:
    """Plays the system of one case, from its first word to the meeting that decides, and the officials meanwhile."""

    def __init__(self, client: Client, services: Services, story: dict[str, Any]) -> None:
        self.client = client
        self.player = Player(client, services, story)
        self.story = story["register"]
        self.services = services
        self.query = {"source": SOURCE, "diary_number": self.story["diary_number"]}
        self.seal = ""

    def play(self) -> None:
        """The whole day."""
        with _receiver() as received:
            secret = self.subscribe(received.address)
            self.tell_twice()
            self.ask_too_early()
            self.officials_work()
            self.ask_again()
            self.fetch_statement()
            self.read_events()
            self.be_called(received, secret)
            self.report_meeting()

    def subscribe(self, address: str) -> str:
        """Register the address that it wants to be called at; returns the secret to verify with."""
        body = {"label": "Asianhallinta (kiertokäynti)", "url": address, "types": ["decision.cleared"]}
        made = self.client.send(
            "integration",
            "POST",
            "/api/v1/webhooks",
            body,
            expect=201,
            what="asks to be called when a decision is cleared",
            told=lambda answer: f"a secret to verify with, {answer['secret'][:10]}…",
        )
        return str(made["secret"])

    def _facts(self, version: int, **facts: Any) -> dict[str, Any]:
        names = ("title", "task_class_code", "task_class_title", "publicity", "language", "body")
        meeting = str(today() + timedelta(days=self.story["meeting_in_days"]))
        told = {"source_version": version, "unit_code": self.story["unit"], "meeting_date": meeting}
        return {**{name: self.story[name] for name in names}, **told, "status": "in_preparation", **facts}

    def tell_twice(self) -> None:
        """Tell of the case, the same again, and an older word that was late."""

        def tell(version: int, outcome: str, what: str, *, expect: int = 200) -> Any:
            return self.client.send(
                "integration",
                "PUT",
                "/api/v1/cases",
                self._facts(version),
                query=self.query,
                expect=expect,
                what=what,
                told=lambda answer: f"{answer['outcome']}; readiness: {answer['decision']['readiness']}",
                holds=lambda answer: answer["outcome"] == outcome,
            )

        tell(2, "created", f"tells of {self.story['diary_number']}", expect=201)
        tell(2, "unchanged", "tells the same again")
        tell(1, "outdated", "tells what was true before, late")

    def ask_too_early(self) -> None:
        """Ask whether it may go on the agenda before anybody has looked at it."""
        found = self._ask("may it go on the agenda?", ready=False)
        decision = found["decisions"][0]
        self.player.decision = self.client.send("preparer", "GET", f"/api/v1/decisions/{decision['decision_id']}")

    def _ask(self, what: str, *, ready: bool) -> Any:
        def told(answer: Any) -> str:
            decision = answer["decisions"][0]
            steps = " ".join(step["text"]["en"] for step in decision["missing"])
            return f"ready: {str(answer['ready']).lower()}; {decision['readiness']}. {steps}"

        return self.client.send(
            "integration",
            "GET",
            "/api/v1/cases",
            query=self.query,
            what=what,
            told=told,
            holds=lambda answer: answer["ready"] is ready,
        )

    def officials_work(self) -> None:
        """People here say what it touches and which options there are, assess it, and approve."""
        path = self.player.decision_path
        scope = {
            "cost_centre_ids": [self.services.cost_centres[code] for code in self.story["cost_centres"]],
            "service_class_ids": [self.services.service_classes[code] for code in self.story["service_classes"]],
            "planned_changes": [
                {
                    "cost_centre_id": self.services.cost_centres[row["cost_centre"]],
                    "year": row["year"],
                    "amount": {"cents": row["cents"]},
                }
                for row in self.story["planned_changes"]
            ],
        }
        self.client.send(
            "preparer",
            "PUT",
            f"{path}/scope",
            scope,
            changes=path,
            what="says what it touches",
            told=lambda answer: f"early hint: {answer['hint']['outcome']}",
        )
        for option in self.story["options"]:
            self.client.send("preparer", "POST", f"{path}/options", option, expect=201)
        self.client.send(
            "preparer",
            "PATCH",
            path,
            {"title": {"fi": "Toinen otsikko"}},
            changes=path,
            expect=409,
            what="tries to change a title that the case system keeps",
            told=lambda answer: answer["title"],
        )
        self.player.decision = self.client.send("preparer", "GET", path)
        self.player.screen()
        self.player.draft()
        self.player.submit()
        self.player.approve()
        self.player.publish()

    def ask_again(self) -> None:
        """Ask again once it is approved."""
        found = self._ask("may it go on the agenda now?", ready=True)
        self.seal = found["decisions"][0]["content_digest"]

    def fetch_statement(self) -> None:
        """Fetch the statement as PDF, and see that its bytes and its content are what they say."""
        path = f"{self.player.assessment_path}/statement"
        self.client.send(
            "integration",
            "GET",
            path,
            query={"format": "json"},
            what="reads the statement",
            told=lambda answer: f"edition {answer['edition']}, of the sealed content {answer['content_digest'][:16]}…",
            holds=lambda answer: answer["content_digest"] == self.seal,
        )
        headers = {"Authorization": f"Bearer {self.client.keys['integration']}"}
        answer = self.client.http.get(path, params={"format": "pdf"}, headers=headers)
        digest = base64.b64encode(hashlib.sha256(answer.content).digest()).decode()
        agrees = answer.content.startswith(b"%PDF") and answer.headers.get("content-digest") == f"sha-256=:{digest}:"
        told = f"PDF, {len(answer.content) // 1000} kB, its Content-Digest agrees"
        self._tell("fetches the statement for the agenda", f"GET {path}", answer.status_code, told, agrees=agrees)

    def read_events(self) -> None:
        """Follow the feed to its end, and find what happened to the case."""
        kinds: list[str] = []
        cursor, more = None, True
        while more:
            query = {"limit": "100", **({"after": cursor} if cursor else {})}
            page = self.client.send("integration", "GET", "/api/v1/events", query=query)
            kinds += [event["type"] for event in page["items"] if self._is_of_this(event)]
            cursor, more = page["cursor"], page["more"]
        self._tell(
            "follows the event feed to its end",
            "GET /api/v1/events",
            200,
            f"{len(kinds)} events of the case, the last: {', '.join(kinds[-2:])}",
            agrees=any(kind.endswith("decision.cleared") for kind in kinds),
        )

    def _is_of_this(self, event: Any) -> bool:
        return bool((event["data"].get("decision") or {}).get("diary_number") == self.story["diary_number"])

    def be_called(self, received: "_Received", secret: str) -> None:
        """Wait for the webhook, and verify its signature as Standard Webhooks says."""
        give_up = time.monotonic() + WAIT_SECONDS
        while not received.calls and time.monotonic() < give_up:
            time.sleep(0.05)
        headers, body = received.calls[0] if received.calls else ({}, b"")
        key = base64.b64decode(secret.removeprefix("whsec_"))
        signed = f"{headers.get('webhook-id')}.{headers.get('webhook-timestamp')}.".encode() + body
        expected = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        agrees = expected in headers.get("webhook-signature", "").split(" ")
        told = f"decision.cleared, webhook-id {headers.get('webhook-id', '')[:8]}…, the signature is right"
        status = 204 if received.calls else 0
        self._tell("is called, and verifies the signature", "POST (webhook)", status, told, expect=204, agrees=agrees)

    def report_meeting(self) -> None:
        """Report what the body decided, with the option chosen."""
        handling = {"key": "1", "body": self.story["body"], "meeting_date": str(today()), "section": "71"}
        handling |= {"outcome": "decided", "option_code": self.story["options"][-1]["code"]}
        self.client.send(
            "integration",
            "PUT",
            "/api/v1/cases",
            self._facts(3, handlings=[handling]),
            query=self.query,
            what="reports what the body decided",
            told=lambda answer: (
                f"{answer['outcome']}: {answer['decision']['state']}, "
                f"uncleared: {str(answer['decision']['uncleared']).lower()}"
            ),
            holds=lambda answer: answer["decision"]["state"] == "decided" and not answer["decision"]["uncleared"],
        )

    def _tell(self, what: str, request: str, status: int, told: str, *, expect: int = 200, agrees: bool = True) -> None:
        step = Step("integration", what, request, status, expect, told, agrees)
        assert self.client.tell is not None
        self.client.tell(step)
        if not step.right:
            raise WrongAnswer(step, told)


class _Received:
    """Where the case system is called, and the calls that came."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.calls: list[tuple[dict[str, str], bytes]] = []


@contextmanager
def _receiver() -> Iterator[_Received]:
    """A little server on loopback that takes in what it is sent."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            received.calls.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    received = _Received(f"http://127.0.0.1:{server.server_port}/lava")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield received
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
