"""The command: `python -m benchmarks`."""

import json
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from benchmarks import machine
from benchmarks.county import DECISIONS
from benchmarks.measure import CONNECTIONS, Result, measure
from benchmarks.servers import ROOT, SERVICE_SETTINGS

RESULTS = ROOT / "bench-results"

console = Console()


class Kind(StrEnum):
    """Which database is measured."""

    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"
    BOTH = "both"


def main(
    rounds: Annotated[int, typer.Option(min=1, max=50, help="Rounds; the median counts.")] = 5,
    seconds: Annotated[float, typer.Option(min=0.1, max=30, help="Seconds of each load in each round.")] = 3.0,
    database: Annotated[Kind, typer.Option(help="Which database.")] = Kind.BOTH,
) -> None:
    """Measure one read, a list of 50 and one write, each as a ratio to a bare FastAPI endpoint in the same run.

    Exits 1 where a request failed. A missed aim is shown and is no error: machines differ, and so do days.
    """
    facts = machine.facts()
    console.print(", ".join(f"{name} {value}" for name, value in facts.items()), style="dim", highlight=False)
    kinds = [Kind.SQLITE, Kind.POSTGRESQL] if database is Kind.BOTH else [database]
    measured: dict[str, list[Result]] = {}
    for kind in kinds:
        with console.status(f"Measuring on {kind}: {rounds} rounds of 4 loads, {seconds:g} s each …"):
            measured[kind.value] = measure(kind.value, rounds=rounds, seconds=seconds)
        console.print(_table(kind, measured[kind.value]))
    console.print(f"Written: {_write(facts, rounds, seconds, measured).relative_to(ROOT)}", style="dim")
    failed = [result for results in measured.values() for result in results if result.errors]
    for result in failed:
        console.print(f"{result.load}: {result.errors} errors, the first:\n{result.first_error}", markup=False)
    raise typer.Exit(1 if failed else 0)


def _table(kind: Kind, results: list[Result]) -> Table:
    title = f"{kind}: {CONNECTIONS} connections, {DECISIONS} decisions, one process"
    table = Table(title=title, title_justify="left")
    for heading in ("load", "ratio to bare", "of rounds", "aim", "requests/s", "p50 ms", "p99 ms", "errors"):
        table.add_column(heading, justify="left" if heading == "load" else "right")
    for result in results:
        reached = result.ratio is not None and result.aim is not None and result.ratio >= result.aim
        table.add_row(
            result.load,
            f"[{'green' if reached else 'yellow'}]{result.ratio:.3f}[/]" if result.ratio is not None else "1",
            f"{min(result.ratios):.3f}–{max(result.ratios):.3f}" if result.ratio is not None else "",
            f"{result.aim:g}" if result.aim is not None else "",
            f"{result.requests_per_second:,.0f}",
            f"{result.p50_ms:.1f}",
            f"{result.p99_ms:.1f}",
            f"[red]{result.errors}[/]" if result.errors else "0",
        )
    return table


def _write(facts: dict[str, str], rounds: int, seconds: float, measured: dict[str, list[Result]]) -> Path:
    at = datetime.now(UTC)
    said = {
        "at": at.isoformat(timespec="seconds"),
        "machine": facts,
        "run": {
            "rounds": rounds,
            "seconds": seconds,
            "connections": CONNECTIONS,
            "decisions": DECISIONS,
            "settings": SERVICE_SETTINGS,
        },
        "results": {kind: [result.as_json() for result in results] for kind, results in measured.items()},
    }
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{at:%Y%m%dT%H%M%SZ}.json"
    path.write_text(json.dumps(said, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return path


if __name__ == "__main__":
    typer.run(main)
