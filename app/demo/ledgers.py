"""The demo's files: a budget and ledger of three years, computed line by line from the small table in budget.json.

Everything in them is invented: a service's sum, its growth, and the shares of its accounts.
"""

import csv
import io
import json
import zlib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from app.demo.county import SCHEME
from app.demo.county import content as county

YEARS = (2024, 2025, 2026)
BUDGET_FILE = ("talousarvio-2026.csv", ((2026, "budget"),))
LEDGERS_FILE = (
    "talousarviot-ja-toteumat-2024-2026.csv",
    ((2024, "budget"), (2024, "actual"), (2025, "budget"), (2025, "actual"), (2026, "forecast")),
)
_PHASES = {"budget": "talousarvio", "actual": "tilinpäätös", "forecast": "ennuste"}
_THOUSAND_EUROS = 100_000
Line = tuple[str, str, str, int]


@cache
def content() -> dict[str, Any]:
    """The carried table: what the rest of the county is, and what each service costs."""
    loaded: dict[str, Any] = json.loads(Path(__file__).with_name("budget.json").read_text("utf-8"))
    return loaded


def lines_of(year: int, phase: str) -> Iterator[Line]:
    """The lines of one ledger: cost centre, service class, account and cents.

    A budget is in whole thousands of euros; an actual and a forecast differ from it by up to some per cent. Internal
    rents are charged to who pays them, so that internal items sum to 0.
    """
    told, rents = content(), 0
    for centre, listed, profile, thousands, *growth in told["services"]:
        service = "D113" if centre == "13020" and year == 2026 else listed
        whole = thousands * _THOUSAND_EUROS
        for per_mille in growth[: year - YEARS[0]]:
            whole = whole * (1000 + per_mille) // 1000
        for account, share in told["accounts"][profile].items():
            cents = whole * share // 1000 // _THOUSAND_EUROS * _THOUSAND_EUROS
            if phase != "budget":
                cents += cents * _deviation(year, phase, centre, service, account) // 100_000
            if account.startswith("49"):
                rents += cents
            if cents:
                yield centre, service, account, cents
    yield told["rent"]["cost_centre"], "", told["rent"]["account"], -rents
    credit = told["credit"]
    if (year, phase) == (credit["year"], credit["phase"]):
        yield credit["cost_centre"], credit["service_class"], credit["account"], credit["cents"]


def _deviation(*of: Any) -> int:
    """How far from the budget, in parts of 100 000: the same for the same line, -2 % … +4 %."""
    return zlib.crc32(repr(of).encode()) % 6_000 - 2_000


def file_of(*ledgers: tuple[int, str]) -> str:
    """A file as a Finnish bookkeeping system writes it."""
    rows = [
        (year, _PHASES[phase], centre, service, account, euros(cents))
        for year, phase in ledgers
        for centre, service, account, cents in lines_of(year, phase)
    ]
    return table("vuosi vaihe kustannuspaikka palveluluokka tili summa", rows)


def euros(cents: int) -> str:
    """An amount as it is written in Finnish: 1 234 567,50."""
    whole, left = divmod(abs(cents), 100)
    return f"{'-' if cents < 0 else ''}{whole:,}".replace(",", " ") + f",{left:02}"


def table(header: str, rows: Iterable[Iterable[Any]]) -> str:
    """A file as Finnish spreadsheet programs write it; an underscore in the header is a blank."""
    written = io.StringIO()
    writer = csv.writer(written, delimiter=";")
    writer.writerow(heading.replace("_", " ") for heading in header.split())
    writer.writerows(rows)
    return written.getvalue()


def lists_of_classes() -> list[tuple[str, int, str, str]]:
    """The county's list of service classes in each of the years: one renamed and one new in the last."""
    told = content()
    listed = {row["code"]: row["name"] for row in county()["service_classes"]} | told["service_classes"]
    earlier, latest = listed | told["earlier_names"], listed | told["new_in_2026"]
    lists = {year: latest if year == YEARS[-1] else earlier for year in YEARS}
    return [(SCHEME, year, code, name) for year, names in lists.items() for code, name in names.items()]
