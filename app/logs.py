"""One structured line a request, with an id that the answer and every problem carry too."""

import logging
import re
import sys
import time
from typing import Any, TextIO, cast
from uuid import UUID

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.tracebacks import ExceptionDictTransformer
from uuid_utils import uuid7

_TRACEPARENT = re.compile(r"^00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$")

log = structlog.get_logger("request")


class _StandardError:
    """Standard error as it is when a line is written, not as it was when logging was configured."""

    def write(self, line: str) -> int:
        return sys.stderr.write(line)

    def flush(self) -> None:
        sys.stderr.flush()


def configure(level: str) -> None:
    """Log JSON lines to standard error; texts of requests and names never go there."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            # without the values of variables: they hold texts and keys
            structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(file=cast("TextIO", _StandardError())),
        cache_logger_on_first_use=True,
    )


class RequestLog:
    """Gives each request its id (the caller's own where it sent a UUID) and logs what became of it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        request_id = _request_id(headers.get(b"x-request-id"))
        state: dict[str, Any] = scope.setdefault("state", {})
        state["request_id"] = request_id
        started, status = time.perf_counter(), 500

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"].append((b"x-request-id", request_id.encode()))
                message["headers"].append((b"x-content-type-options", b"nosniff"))
            await send(message)

        try:
            await self.app(scope, receive, send_with_id)
        finally:
            self._tell(scope, headers, request_id, status, time.perf_counter() - started)

    @staticmethod
    def _tell(scope: Scope, headers: dict[bytes, bytes], request_id: str, status: int, seconds: float) -> None:
        # The route, not the address: whatever stands in an address may be somebody's.
        route = getattr(scope.get("route"), "path", "none")
        line: dict[str, Any] = {"request_id": request_id, "method": scope["method"], "route": route}
        trace = _TRACEPARENT.match(headers.get(b"traceparent", b"").decode("latin-1"))
        if trace:
            line["trace_id"] = trace[1]
        caller = scope["state"].get("caller")
        if caller is not None:
            line["caller"], line["organisation"] = str(caller.id), str(caller.organisation_id)
        log.info("request", **line, status=status, milliseconds=round(seconds * 1000, 2))


def _request_id(given: bytes | None) -> str:
    try:
        return str(UUID(given.decode("ascii")) if given else uuid7())
    except ValueError:
        return str(uuid7())
