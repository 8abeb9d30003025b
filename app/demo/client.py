"""A client of the API with one key per role, which tells each step it takes."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx


@dataclass(frozen=True, slots=True)
class Step:
    """One request of the tour: who did what, and what came of it."""

    who: str
    what: str
    request: str
    status: int
    expected: int
    told: str
    agrees: bool = True
    """Whether the answer says what it should, besides its status."""

    @property
    def right(self) -> bool:
        """Whether it did what it should."""
        return self.status == self.expected and self.agrees


class WrongAnswer(Exception):
    """The service did not answer as it should have."""

    def __init__(self, step: Step, body: str) -> None:
        wrong = f"expected {step.expected}" if step.agrees else "but that is not what it should say"
        super().__init__(f"{step.request}: {step.status}, {wrong}: {body[:600]}")
        self.step = step


class Client:
    """Speaks to the service as different roles. Every POST carries an Idempotency-Key, every change its If-Match."""

    def __init__(self, http: httpx.Client, keys: dict[str, str], tell: Callable[[Step], None] | None = None) -> None:
        self.http = http
        self.keys = keys
        self.tell = tell or (lambda _step: None)

    def send(
        self,
        who: str | None,
        method: str,
        path: str,
        body: Any = None,
        *,
        what: str = "",
        expect: int = 200,
        changes: str | None = None,
        told: Callable[[Any], str] = lambda _answer: "",
        content_type: str | None = None,
        query: dict[str, str] | None = None,
        holds: Callable[[Any], bool] = lambda _answer: True,
    ) -> Any:
        """Send one request and return its JSON. `changes` is the address whose ETag goes into If-Match.

        Raises WrongAnswer where the status is not the expected one, or what the answer says does not hold. A step with
        words (`what`) is told.
        """
        headers = {"Accept-Language": "en"}
        if who:
            headers["Authorization"] = f"Bearer {self.keys[who]}"
        if changes is not None:
            seen = self.http.get(changes, headers=headers)
            headers["If-Match"] = seen.headers.get("etag", '"0"')
        if isinstance(body, (bytes, str)):
            headers["Content-Type"] = content_type or "text/csv"
            answer = self.http.request(method, path, content=body, headers=headers, params=query)
        else:
            if method == "PATCH":
                headers["Content-Type"] = "application/merge-patch+json"
            answer = self.http.request(method, path, json=body, headers=headers, params=query)
        is_json = "json" in answer.headers.get("content-type", "")
        found = answer.json() if is_json else None
        answered = answer.status_code == expect
        words = told(found) if answered else answer.text[:200]
        agrees = not answered or holds(found)
        step = Step(who or "public", what, f"{method} {path}", answer.status_code, expect, words, agrees)
        if what or not step.right:
            self.tell(step)
        if not step.right:
            raise WrongAnswer(step, answer.text)
        return found

    def import_file(
        self,
        collection: str,
        content: str,
        *,
        what: str = "",
        told: Callable[[Any], str] = lambda _answer: "",
        holds: Callable[[Any], bool] = lambda _answer: True,
        ends: str = "succeeded",
        **query: str,
    ) -> Any:
        """Import a file as the controller, wait for its job, and return what was done.

        A file that is expected to end otherwise (`ends`) returns the job with its faults.
        """
        path = f"/api/v1/{collection}/import"
        job = self.send("controller", "POST", path, content, expect=202, query={"dry_run": "false", **query})
        while job["ended_at"] is None:
            time.sleep(0.05)
            job = self.send("controller", "GET", f"/api/v1/jobs/{job['id']}")
        ended = job["state"] == ends
        found = job["result"] if ends == "succeeded" else job
        words = told(found) if ended else str(job["errors"][:3] or job["result"])
        step = Step("controller", what, f"POST {path}", 202 if ended else 422, 202, words, not ended or holds(found))
        if what or not step.right:
            self.tell(step)
        if not step.right:
            raise WrongAnswer(step, words)
        return found
