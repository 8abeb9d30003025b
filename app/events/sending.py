"""One attempt to call a webhook, within its time, wherever it leads."""

import asyncio
import time
from datetime import datetime
from typing import Any

import httpx

from app.clock import now
from app.events.lanes import Call, Outcome
from app.events.rules import signatures, words_of
from app.outgoing import Forbidden, retry_after

MOST_WORDS = 300


async def send(http: httpx.AsyncClient, call: Call, time_out: float) -> Outcome:
    """Call a webhook once, in `time_out` seconds at most from beginning to end; whatever happens is an outcome.

    The answer's status is what counts: its body is not read, and the connection is closed.
    """
    at, began = now(), time.monotonic()
    status: int | None = None
    asked: str | None = None
    error: str | None = None
    sent: Any = {"content": call.payload.encode(), "headers": headers(call, at)}
    try:
        async with asyncio.timeout(time_out):
            async with http.stream("POST", call.url, **sent) as answer:
                status, asked = answer.status_code, answer.headers.get("retry-after")
    except (TimeoutError, httpx.TimeoutException):
        error = f"No answer came within {time_out:g} seconds."
    except Forbidden as forbidden:
        error = str(forbidden)
    except httpx.ConnectError as failure:
        error = f"No connection could be made: {failure}"
    except (httpx.HTTPError, httpx.InvalidURL) as failure:
        error = f"The connection broke before an answer came: {type(failure).__name__}."
    if status is not None:  # whatever went wrong while the connection was closed
        error = words_of(status)
    spent = round((time.monotonic() - began) * 1000)
    return Outcome(at, spent, status, error[:MOST_WORDS] if error else None, retry_after(status, asked, at))


def headers(call: Call, at: datetime) -> dict[str, str]:
    """The headers of Standard Webhooks; the body is a CloudEvent in its structured JSON form."""
    timestamp, message_id = int(at.timestamp()), str(call.delivery_id)
    return {
        "Content-Type": "application/cloudevents+json",
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signatures(call.secrets, message_id, timestamp, call.payload),
    }
