"""Budgets in bulk: `python -m benchmarks.budget`. Imports as a ratio to the database's own bulk load, and reads.

Everything is measured in one run against one server process; only ratios travel between machines.
"""

import asyncio
import csv
import json
import random
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import httpx
import typer
from rich.console import Console
from rich.table import Table

from app.access import actions as access
from app.access.models import AccountKind, Role
from app.access.rules import System
from app.database import Database
from app.demo.county import found
from app.services import actions as services
from app.services.models import CostCentre, Population, ServiceClass, Unit
from app.settings import Settings
from benchmarks.machine import facts
from benchmarks.servers import ROOT, Server, service, throw_away_database

CENTRES, SECTORS, DIVISIONS, UNITS, CLASSES = 3000, 8, 5, 4, 60
YEARS = range(2022, 2027)
READS = {
    "headlines, a year": "year=2026",
    "impact class and age group, a year": "year=2026&group_by=impact_class,age_group",
    "sectors, a year": "year=2026&group_by=unit",
    "divisions, a year": "year=2026&group_by=unit&unit_level=division",
    "sectors by impact class, a year": "year=2026&group_by=unit,impact_class",
    "service classes, a year": "year=2026&group_by=service_class",
    "impact class and age group, five years": "&".join(f"year={year}" for year in YEARS)
    + "&group_by=impact_class,age_group",
    "sectors, five years": "&".join(f"year={year}" for year in YEARS) + "&group_by=unit",
}

console = Console()


def county(database: Database) -> str:
    """A county of 3 000 cost centres under 208 units, 95 % of them classified; the controller's key."""
    with database.transaction() as session:
        organisation = found(session, "1234567-1", {"fi": "Mittausalue (keksitty)"})
        by = System(organisation.id)
        mine: dict[str, Any] = {"organisation_id": organisation.id, "valid_from": date(2020, 1, 1)}
        lowest = []
        for sector in range(SECTORS):
            top = Unit(**mine, code=f"S{sector}", name={"fi": f"Toimiala {sector}"}, level="sector")
            session.add(top)
            for place in range(DIVISIONS):
                middle = Unit(**mine, code=f"{top.code}D{place}", name={"fi": "Tulosalue"}, level="division")
                middle.parent_id = top.id
                session.add(middle)
                session.flush()
                for number in range(UNITS):
                    unit = Unit(**mine, code=f"{middle.code}U{number}", name={"fi": "Yksikkö"}, level="unit")
                    unit.parent_id = middle.id
                    session.add(unit)
                    lowest.append(unit.id)
        session.flush()
        centres = [
            CostCentre(**mine, code=str(10_000 + n), name={"fi": f"KP {n}"}, unit_id=lowest[n % len(lowest)])
            for n in range(CENTRES)
        ]
        session.add_all(centres)
        for year in (min(YEARS) - 1, *YEARS):
            mine_too: dict[str, Any] = {"organisation_id": organisation.id, "year": year}
            session.add(Population(**mine_too, counts=[5000, 6000, 3500, 2500, 83_000 + year], source="Keksitty"))
            for number in range(CLASSES):
                session.add(
                    ServiceClass(**mine_too, scheme="mittaus", code=str(1000 + number), name=f"Luokka {number}")
                )
        session.flush()
        items = [_classified(number, row.id) for number, row in enumerate(centres) if number % 20]
        services.add_classifications(session, items, by=by)
        roles = [Role.CONTROLLER.value, Role.PREPARER.value]
        values = {"kind": AccountKind.PERSON.value, "name": "Controller", "roles": roles}
        person = access.add_person(session, {**values, "active": True}, by=by)
        return access.issue_key(session, person, "bench", 30, None, by=by)[1]


def _classified(number: int, centre_id: Any) -> dict[str, Any]:
    facts: dict[str, Any] = {"cost_centre_id": centre_id, "service_class_id": None, "from_year": 2020, "to_year": None}
    facts |= {"weights": None, "child_share_ppm": None, "age_groups": None, "reason": "Keksitty"}
    match number % 4:
        case 0:
            weights = [100_000, 200_000, 350_000, 300_000, 50_000]
            return {**facts, "impact_class": "direct", "method": "use_share", "weights": weights}
        case 1:
            return {**facts, "impact_class": "indirect", "method": "child_share", "child_share_ppm": 250_000}
        case 2:
            return {**facts, "impact_class": "communal", "method": "population_share"}
        case _:
            return {**facts, "impact_class": "none", "method": "population_share"}


def write(path: Path, lines: int) -> None:
    """A ledger of so many lines, in no order."""
    drawn = random.Random(2)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(["vuosi", "vaihe", "kustannuspaikka", "palveluluokka", "tili", "summa"])
        for number in range(lines):
            centre = drawn.randrange(CENTRES)
            account = 4000 + drawn.randrange(300) if drawn.random() < 0.85 else 3000 + drawn.randrange(100)
            cents = drawn.randrange(100, 50_000_000)
            cells = (2022 + number % 5, "talousarvio", 10_000 + centre, 1000 + centre % CLASSES, account)
            writer.writerow([*cells, f"{cents // 100},{cents % 100:02}"])


def bulk_load(database: Database, lines: int) -> float:
    """Seconds of the database's own bulk load of as many rows into a table like budget_line, in one transaction."""
    columns = (
        "ledger integer, line integer, cell integer, account varchar(20), cents bigint, primary key (ledger, line)"
    )
    rows = [(1 + number % 5, number, number % 15_000, str(4000 + number % 300), number * 7) for number in range(lines)]
    with database.engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        if database.is_sqlite:
            driver.execute(f"CREATE TABLE bulk ({columns}) WITHOUT ROWID")
            began = time.perf_counter()
            driver.execute("BEGIN IMMEDIATE")
            driver.executemany("INSERT INTO bulk VALUES (?, ?, ?, ?, ?)", rows)
            driver.execute("COMMIT")
            took = time.perf_counter() - began
            driver.execute("DROP TABLE bulk")
            return took
        driver.execute(f"CREATE TABLE bulk ({columns})")
        driver.commit()
        text = "".join([f"{a}\t{b}\t{c}\t{d}\t{e}\n" for a, b, c, d, e in rows])
        began = time.perf_counter()
        with driver.cursor() as cursor, cursor.copy("COPY bulk FROM STDIN") as copy:
            copy.write(text)
        driver.commit()
        took = time.perf_counter() - began
        driver.execute("DROP TABLE bulk")
        driver.commit()
        return took


@dataclass(frozen=True)
class Imported:
    """An import in a process of its own: seconds, and its most memory in MiB."""

    seconds: float
    mebibytes: float


def imported(url: str, path: Path) -> Imported:
    """Import a file as the service's worker does, in a fresh process, journal and sums included."""
    command = [sys.executable, "-m", "benchmarks.budget_import", url, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    told = json.loads(done.stdout)
    if told["state"] != "succeeded":
        raise RuntimeError(f"The import was {told['state']}: {told['errors']}")
    return Imported(told["seconds"], told["mebibytes"])


def reads(server: Server, key: str, times: int) -> dict[str, list[float]]:
    """Milliseconds of each question over HTTP, warm, one after another."""
    took: dict[str, list[float]] = {}
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", headers=headers, timeout=60) as client:
        for name, query in READS.items():
            samples = []
            for number in range(times + 3):
                began = time.perf_counter()
                answer = client.get(f"/api/v1/child-budget?{query}")
                if number >= 3:
                    samples.append((time.perf_counter() - began) * 1000)
                answer.raise_for_status()
            took[name] = samples
    return took


RESTATEMENTS = ("a year's population is changed", "a cost centre is classified anew")


def restatements(server: Server, key: str) -> dict[str, list[float]]:
    """Milliseconds of what makes figures be reckoned anew: of one year's population, and of one cost centre."""
    took: dict[str, list[float]] = {name: [] for name in RESTATEMENTS}
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/merge-patch+json"}
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", headers=headers, timeout=60) as client:
        populations = client.get("/api/v1/populations?limit=200").json()["items"]
        population = next(row for row in populations if row["year"] == max(YEARS))
        classification = client.get("/api/v1/classifications?limit=200").json()["items"][-1]
        changed: tuple[tuple[str, list[dict[str, Any]]], ...] = (
            (
                f"/api/v1/populations/{population['id']}",
                [{"counts": [5000 + n, 6000, 3500, 2500, 83_000]} for n in range(7)],
            ),
            (f"/api/v1/classifications/{classification['id']}", [{"to_year": max(YEARS) - n % 2} for n in range(7)]),
        )
        for name, (path, bodies) in zip(RESTATEMENTS, changed, strict=True):
            for body in bodies:
                etag = client.get(path).headers["etag"]
                began = time.perf_counter()
                client.patch(path, json=body, headers={"If-Match": etag}).raise_for_status()
                took[name].append((time.perf_counter() - began) * 1000)
    return took


async def beside(server: Server, key: str, file: bytes) -> dict[str, list[float]]:
    """Milliseconds of a read and of a write, each every 20 ms or slower, while the service imports a file."""
    headers = {"Authorization": f"Bearer {key}"}
    took: dict[str, list[float]] = {"read": [], "write": []}
    address = f"http://127.0.0.1:{server.port}"
    async with httpx.AsyncClient(base_url=address, headers=headers, timeout=120) as client:
        asked = {"dry_run": "false", "source": "beside"}
        csv_file = {"Content-Type": "text/csv"}
        lines = "/api/v1/budget-lines/import"
        job = (await client.post(lines, params=asked, content=file, headers=csv_file)).json()
        over = False

        async def one_after_another(name: str, send: Any) -> None:
            number = 0
            while not over:
                began = time.perf_counter()
                (await send(number)).raise_for_status()
                took[name].append((time.perf_counter() - began) * 1000)
                number += 1
                await asyncio.sleep(0.02)

        async def read(_number: int) -> httpx.Response:
            return await client.get("/api/v1/decisions?limit=50")

        async def written(number: int) -> httpx.Response:
            body = {"diary_number": f"{uuid4()}/{number}", "title": {"fi": "Mittausasia"}}
            return await client.post("/api/v1/decisions", json=body)

        tasks = [asyncio.create_task(one_after_another("read", read))]
        tasks.append(asyncio.create_task(one_after_another("write", written)))
        while job["ended_at"] is None:
            await asyncio.sleep(0.25)
            job = (await client.get(f"/api/v1/jobs/{job['id']}")).json()
        over = True
        await asyncio.gather(*tasks)
    if job["state"] != "succeeded":
        raise RuntimeError(f"The import was {job['state']}: {job['errors'][:3]}")
    return took


def percentile(samples: list[float], share: float) -> float:
    """The sample below which that share of them lies."""
    return sorted(samples)[min(len(samples) - 1, int(share * len(samples)))]


def main(
    lines: Annotated[list[int] | None, typer.Option(help="How many lines; 10 000 and 1 000 000 if absent.")] = None,
    database: Annotated[str, typer.Option(help="sqlite, postgresql or both.")] = "both",
    times: Annotated[int, typer.Option(min=5, max=500, help="How often each question is asked.")] = 40,
) -> None:
    """Import ledgers of different sizes, ask the child budget of them, and see what else goes on meanwhile."""
    kinds = ["sqlite", "postgresql"] if database == "both" else [database]
    console.print(", ".join(f"{name} {value}" for name, value in facts().items()), style="dim", highlight=False)
    for kind in kinds:
        sizes = lines or [10_000, 1_000_000]
        medians: dict[int, dict[str, float]] = {}
        table = Table("lines", "bulk load s", "import s", "ratio", "most MiB", "beside it: read p99 ms", "write p99 ms")
        for column in table.columns:
            column.justify = "right"
        for size in sizes:
            with throw_away_database(kind) as (opened, folder):
                key = county(opened)
                path = folder / "ledger.csv"
                write(path, size)
                url = opened.url.render_as_string(hide_password=False)
                before = [bulk_load(opened, size) for _ in range(2)]
                done = imported(url, path)
                bulk = statistics.median([*before, bulk_load(opened, size)])  # the machine is not the same all the time
                with service(folder, url) as server:
                    took = {**reads(server, key, times), **restatements(server, key)}
                    medians[size] = {name: statistics.median(ms) for name, ms in took.items()}
                    if path.stat().st_size <= Settings().max_upload_bytes:
                        meanwhile = asyncio.run(beside(server, key, path.read_bytes()))
                        p99 = [f"{percentile(ms, 0.99):.0f} of {len(ms)}" for ms in meanwhile.values()]
                    else:
                        p99 = ["too large", "to send"]
                ratio = f"{done.seconds / bulk:.1f}"
                table.add_row(f"{size:,}", f"{bulk:.2f}", f"{done.seconds:.2f}", ratio, f"{done.mebibytes:.0f}", *p99)
        table.title, table.title_justify = f"{kind}: import of a ledger from CSV", "left"
        console.print(table)
        console.print(_questions(kind, sizes, medians))


def _questions(kind: str, sizes: list[int], medians: dict[int, dict[str, float]]) -> Table:
    table = Table("question", *(f"{size:,} lines, ms" for size in sizes), "last to first")
    table.title, table.title_justify = f"{kind}: the child budget over HTTP with sign-in, median, warm", "left"
    for column in table.columns[1:]:
        column.justify = "right"
    for name in (*READS, *RESTATEMENTS):
        found = [medians[size][name] for size in sizes]
        table.add_row(name, *(f"{ms:.1f}" for ms in found), f"{found[-1] / found[0]:.2f}")
    return table


if __name__ == "__main__":
    typer.run(main)
