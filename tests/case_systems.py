"""A little case-management system that answers as Ahjo does, on loopback; its cases in the tests are invented."""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from app.clock import FINLAND, now


class CaseServer:
    """Answers `cases` and `cases/{id}` from a list; `faults` are answered first, one a request."""

    def __init__(self) -> None:
        self.cases: list[Any] = []
        self.page_size: int | None = None
        """How many a page holds where the answer has links `next`; None: windows of time only."""
        self.most = 1000
        self.faults: list[Callable[[BaseHTTPRequestHandler], None]] = []
        self.asked: list[str] = []
        self.credentials: list[str | None] = []
        self.address = ""

    def listed(self, path: str) -> dict[str, Any]:
        query = {name: values[-1] for name, values in parse_qs(urlsplit(path).query).items()}
        first, last = query["handledsince"], query["handledbefore"]
        changed = [case for case in self.cases if first <= _changed(case) < last]
        if self.page_size is None:
            return {"cases": changed[: min(self.most, int(query["size"]))], "count": len(changed)}
        start = int(query.get("start", 0))
        answer = {"cases": changed[start : start + self.page_size], "count": len(changed), "links": []}
        if start + self.page_size < len(changed):
            again = "&".join(f"{name}={value}" for name, value in query.items() if name != "start")
            href = f"{self.address}/cases?{again}&start={start + self.page_size}"
            answer["links"] = [{"rel": "next", "href": href}]
        return answer


def _changed(case: Any) -> str:
    said = case.get("changed") if isinstance(case, dict) else None
    return str(said or an_hour_ago())


def an_hour_ago() -> str:
    """A moment as Ahjo tells it: Finnish, without a zone."""
    return (now().astimezone(FINLAND) - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S")


@contextmanager
def case_server() -> Iterator[CaseServer]:
    """The system, running."""
    served = CaseServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.asked.append(self.path)
            served.credentials.append(self.headers.get("Authorization"))
            if served.faults:
                served.faults.pop(0)(self)
                return
            found = re.fullmatch(r"/ahjorest/v1/cases/([^/?]+)", self.path)
            if found is None:
                answer(self, 200, served.listed(self.path))
                return
            case = next((c for c in served.cases if isinstance(c, dict) and c.get("CaseID") == found[1]), None)
            answer(self, 404 if case is None else 200, case or {})

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (its name there)
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.address = f"http://127.0.0.1:{server.server_port}/ahjorest/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def answer(to: BaseHTTPRequestHandler, status: int, said: Any, **headers: str) -> None:
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    to.send_response(status)
    for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
        to.send_header(name.replace("_", "-"), value)
    to.end_headers()
    to.wfile.write(body)


def answering(status: int, said: Any = None, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    """A fault: another answer."""
    return lambda to: answer(to, status, said or {}, **headers)


def breaking_off(to: BaseHTTPRequestHandler) -> None:
    """A fault: the connection is closed in the middle of an answer."""
    to.send_response(200)
    to.send_header("Content-Length", "1000")
    to.end_headers()
    to.wfile.write(b'{"cases": [')
    to.wfile.flush()
    to.connection.close()


def stalling(to: BaseHTTPRequestHandler) -> None:
    """A fault: no answer for longer than anybody waits in a test."""
    time.sleep(1.5)
    to.close_connection = True


def a_record(native_id: str, title: str = "Päätös", kind: str = "päätös", issued: str = "2026-10-01T10:00:00") -> Any:
    links = [{"rel": "self", "href": f"https://ahjo.example.fi/records/{native_id}"}]
    said = {"NativeId": native_id, "Title": title, "Type": kind, "Language": "fi", "Issued": issued}
    return {"links": links, **said, "PersonalData": "Ei sisällä henkilötietoja", "FileURI": ""}


def a_case(number: int, title: str = "Päiväkodin muutto", *records: Any, preparing: bool = False, **facts: Any) -> Any:
    """An invented case in Ahjo's form."""
    key = f"HEL-2026-{number:06d}"
    handlings: list[Any] = [
        {"WorkSequenceNumber": 1, "Status": "Valmistelussa" if preparing else "Päättynyt", "links": []}
    ]
    return {
        "links": [{"rel": "self", "href": f"https://ahjo.example.fi/cases/{key}"}],
        "CaseID": key,
        "CaseIDLabel": key.replace("HEL-", "HEL "),
        "Title": title,
        "ClassificationCode": "05 01 00",
        "ClassificationTitle": "Varhaiskasvatus",
        "Language": "fi",
        "Handlings": handlings,
        "Records": list(records),
        **facts,
    }
