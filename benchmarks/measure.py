"""The three loads and the yardstick, in turns, so that what else the machine does falls on all of them alike."""

import asyncio
import itertools
import json
import statistics
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import uvloop

from benchmarks import servers
from benchmarks.county import County, a_decision, filled
from benchmarks.load import Request, Window, under_load

CONNECTIONS = 16
WARM_UP_SECONDS = 1.0

AIMS: dict[str, dict[str, float]] = {
    "sqlite": {"read": 0.25, "list": 0.08, "write": 0.06},
    "postgresql": {"read": 0.16, "list": 0.07, "write": 0.085},
}


@dataclass(frozen=True)
class Load:
    """One kind of request, and the server it goes to."""

    name: str
    port: int
    request: Request
    expect: int


@dataclass
class Result:
    """What one load gave: its ratio to the bare endpoint and its own numbers, over all rounds."""

    load: str
    ratio: float | None
    aim: float | None
    ratios: list[float]
    requests_per_second: float
    p50_ms: float
    p99_ms: float
    requests: int
    errors: int
    first_error: str | None

    def as_json(self) -> dict[str, Any]:
        """For the file."""
        return asdict(self)


def _get(path: str, key: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n\r\n".encode()


def _posts(key: str) -> Iterator[bytes]:
    """Decisions to register, each of a case of its own."""
    for number in itertools.count():
        body = json.dumps(a_decision(f"w{number}")).encode()
        head = (
            "POST /api/v1/decisions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {key}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        yield head.encode() + body


def loads_of(bare: servers.Server, service: servers.Server, county: County) -> list[Load]:
    """The yardstick first, then one read, a list of 50, and one write with its journal entry, all with sign-in."""
    one = itertools.cycle([_get(f"/api/v1/decisions/{key}", county.key) for key in county.decisions])
    fifty = _get("/api/v1/decisions?limit=50", county.key)
    posts = _posts(county.key)
    nothing = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    return [
        Load("bare", bare.port, lambda: nothing, 200),
        Load("read", service.port, lambda: next(one), 200),
        Load("list", service.port, lambda: fifty, 200),
        Load("write", service.port, lambda: next(posts), 201),
    ]


async def _in_turns(loads: list[Load], rounds: int, seconds: float) -> dict[str, list[Window]]:
    for load in loads:
        await _under(load, min(seconds, WARM_UP_SECONDS))
    windows: dict[str, list[Window]] = {load.name: [] for load in loads}
    for _ in range(rounds):
        for load in loads:
            windows[load.name].append(await _under(load, seconds))
    return windows


async def _under(load: Load, seconds: float) -> Window:
    return await under_load(load.port, load.request, expect=load.expect, connections=CONNECTIONS, seconds=seconds)


def _summed_up(kind: str, load: str, windows: list[Window], bare: list[Window]) -> Result:
    every = Window(1.0, [taken for window in windows for taken in window.milliseconds])
    errors = [error for window in windows for error in window.errors]
    ratios = [window.per_second / beside.per_second for window, beside in zip(windows, bare, strict=True)]
    return Result(
        load=load,
        ratio=None if load == "bare" else statistics.median(ratios),
        aim=AIMS[kind].get(load),
        ratios=ratios,
        requests_per_second=statistics.median(window.per_second for window in windows),
        p50_ms=every.percentile(0.5),
        p99_ms=every.percentile(0.99),
        requests=len(every.milliseconds),
        errors=len(errors),
        first_error=errors[0] if errors else None,
    )


def measure(kind: str, *, rounds: int, seconds: float) -> list[Result]:
    """Start the bare app and the service on a fresh database of this kind, and load them in turns."""
    with servers.throw_away_database(kind) as (database, folder):
        county = filled(database)
        url = database.url.render_as_string(hide_password=False)
        database.engine.dispose()
        with servers.bare(folder) as bare, servers.service(folder, url) as service:
            loads = loads_of(bare, service, county)
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                windows = runner.run(_in_turns(loads, rounds, seconds))
    return [_summed_up(kind, name, windows[name], windows["bare"]) for name in windows]
