"""The demo's child budget: the controller's work, from the files to the published figures, through the API.

The files are invented (`ledgers`); they go in like any county's own.
"""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

from rich.console import Console

from app.demo.client import Client
from app.demo.county import SCHEME, Services
from app.demo.county import content as county
from app.demo.ledgers import BUDGET_FILE, LEDGERS_FILE, YEARS, content, file_of, lines_of, lists_of_classes, table
from app.services.rules import AGE_GROUPS, WHOLE

PUBLISHED = {"year": 2025, "phase": "actual"}
SHOWN = "year=2026&phase=budget&group_by=impact_class,age_group"
LINKS = (
    (f"/api/v1/child-budget?{SHOWN}", "the child budget (JSON)"),
    (f"/api/v1/child-budget?{SHOWN}&format=csv", "the same for a spreadsheet; or xlsx"),
    ("/api/v1/child-budget/plot?kind=years&year=2024&year=2025&year=2026", "three years as a plot (SVG)"),
    ("/api/v1/child-budget/unclassified?year=2026", "what nobody has classified yet"),
)


class Controller:
    """Does the controller's work, step by step, and keeps the ids and figures it comes by."""

    def __init__(self, client: Client, services: Services) -> None:
        self.client = client
        self.cost_centres = dict(services.cost_centres)
        self.service_classes: dict[tuple[int, str], str] = {}
        self.before: dict[str, Any] = {}
        self.foreseen: dict[str, Any] = {}

    def send(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        """Send a request as the controller."""
        return self.client.send("controller", method, f"/api/v1/{path}", body, **options)

    def chapters(self) -> Iterator[tuple[str, Callable[[], None]]]:
        """The tour's chapters: each a title and what is played."""
        yield "Lapsibudjetti: the controller brings in what it rests on", self.set_up
        yield "Lapsibudjetti: budget and ledger from files", self.import_with_faults
        yield "Lapsibudjetti: what nobody has classified", self.settle
        yield "Lapsibudjetti: the figures, and what the public sees of them", self.read_and_publish

    def fill(self) -> None:
        """What the demo starts with: everything imported, some left to classify, a year published."""
        self.set_up()
        self.import_budget(dry_run=True)
        self.import_budget()
        self.import_ledgers()
        self.publish()

    def set_up(self) -> None:
        """Account ranges, populations, the rest of the county, the lists of service classes and their classes."""
        told = content()
        self.send(
            "PUT",
            "budget-lines/account-ranges",
            {"items": told["account_ranges"]},
            changes="/api/v1/budget-lines/account-ranges",
            what="says which accounts are costs, income and internal",
            told=lambda answer: ", ".join(f"{row['first']}–{row['last']} {row['flow']}" for row in answer["items"]),
        )
        people = [(year, group, n) for year in told["populations"] for group, n in _counts(told["populations"][year])]
        self.client.import_file(
            "populations",
            table("vuosi ikäryhmä väkiluku", people),
            file_name="vaesto-keksitty.csv",
            what="imports the populations of 2024 and 2025",
            told=lambda done: f"{done['added']} years (invented)",
        )
        self._rest_of_county()
        self.client.import_file(
            "service-classes",
            table("luokitus vuosi koodi nimi", lists_of_classes()),
            file_name="palveluluokat-demo.csv",
            what="imports the lists of service classes of three years",
            told=lambda done: f"{done['added']} added, {done['unchanged']} there already",
        )
        self._classify()

    def _rest_of_county(self) -> None:
        told, named = content(), "nimi nimi_sv nimi_en"
        units = [(*row, "1.1.2023") for row in told["units"]]
        centres = [(*row, "1.1.2023") for row in told["cost_centres"]]
        self.client.import_file(
            "units", table(f"tunnus {named} taso ylempi_yksikkö voimassa_alkaen", units), file_name="yksikot.csv"
        )
        self.client.import_file(
            "cost-centres",
            table(f"kustannuspaikka {named} yksikkö voimassa_alkaen", centres),
            file_name="kustannuspaikat.csv",
            what="imports the units and cost centres of the rest of the county",
            told=lambda done: f"{done['added']} cost centres added",
        )
        listed = self.send("GET", "cost-centres?limit=200")["items"]
        self.cost_centres = {row["code"]: row["id"] for row in listed}

    def _classify(self) -> None:
        """Classify the first year's list, carry it forward, and classify one cost centre anew for the last year."""
        rows = self.send("GET", f"service-classes?scheme={SCHEME}&limit=200")["items"]
        self.service_classes = {(row["year"], row["code"]): row["id"] for row in rows}
        of_list = [entry for entry in county()["classifications"] if entry.get("service_class")]
        entries = [{**entry, "from_year": YEARS[0]} for entry in (*of_list, *content()["classifications"])]
        self._add(entries, what=f"classifies the list of {YEARS[0]}")
        for earlier, later in pairwise(YEARS):
            self.send(
                "POST",
                "classifications/carry-forward",
                {"scheme": SCHEME, "from_year": earlier, "to_year": later},
                what=f"carries it forward to {later}",
                told=_carried,
            )
        self._add([content()["reclassified"]], what="classifies 13010 anew: child share 25% → 30% from 2026")

    def _item(self, entry: dict[str, Any]) -> dict[str, Any]:
        """A classification with ids in place of codes."""
        body = {name: value for name, value in entry.items() if name not in {"cost_centre", "service_class"}}
        body.setdefault("from_year", YEARS[-1])
        if entry.get("cost_centre"):
            body["cost_centre_id"] = self.cost_centres[entry["cost_centre"]]
        if entry.get("service_class"):
            body["service_class_id"] = self.service_classes[body["from_year"], entry["service_class"]]
        return body

    def _add(self, entries: list[dict[str, Any]], what: str) -> None:
        self.send(
            "POST",
            "classifications/batch",
            {"items": [self._item(entry) for entry in entries], "end_earlier": True},
            expect=201,
            what=what,
            told=lambda done: f"{done['added']} added, {done['ended']} ended",
        )

    def import_with_faults(self) -> None:
        """A file with two faults, the corrected one, the same again, and the other years."""
        header, first, second, *rest = file_of(*BUDGET_FILE[1]).splitlines()
        wrong = [header, first.replace(";12010;", ";21010;"), second.replace(",00", ",O0"), *rest]
        self.client.import_file(
            "budget-lines",
            "\r\n".join(wrong),
            file_name=BUDGET_FILE[0],
            source=content()["source"],
            dry_run="true",
            ends="refused",
            what="tries a file with two faults (dry run)",
            told=lambda job: "\n".join([f"{job['error_count']} faults", *(_fault(row) for row in job["errors"])]),
            holds=lambda job: (
                [(e["row"], e["column"]) for e in job["errors"]] == [(2, "kustannuspaikka"), (3, "summa")]
            ),
        )
        self.import_budget(dry_run=True)
        self.import_budget()
        self.import_budget(again=True)
        self.import_ledgers()

    def import_budget(self, *, dry_run: bool = False, again: bool = False) -> None:
        """Import the budget of the last year."""
        what = "tries the corrected file (dry run)" if dry_run else "imports it, all or nothing"
        self._import(BUDGET_FILE, "sends the same file again" if again else what, again=again, dry_run=dry_run)

    def import_ledgers(self) -> None:
        """Import the budgets and actuals of the years before, and the forecast, all in one file."""
        self._import(LEDGERS_FILE, "imports budgets and actuals of the years before, and the forecast of 2026")

    def _import(
        self, file: tuple[str, tuple[tuple[int, str], ...]], what: str, *, again: bool = False, dry_run: bool = False
    ) -> None:
        name, ledgers = file
        expected = {key: sum(cents for *_, cents in lines_of(*key)) for key in ledgers}

        def agrees(done: dict[str, Any]) -> bool:
            if again:
                return bool(done["unchanged_file"])
            return {(row["year"], row["phase"]): row["cents"] for row in done["ledgers"]} == expected

        self.client.import_file(
            "budget-lines",
            file_of(*ledgers),
            file_name=name,
            source=content()["source"],
            dry_run=str(dry_run).lower(),
            what=what,
            told=_imported,
            holds=agrees,
        )

    def settle(self) -> None:
        """Look at what is unclassified, ask what classifying it would do, and do it."""
        self.before = self._headline(
            what="reads the child budget of 2026",
            told=lambda told: _figures(told["headlines"][0]) + f"; population of {told['populations'][0]['from_year']}",
            holds=lambda told: told["headlines"][0]["coverage"] < 1 and told["populations"][0]["from_year"] == 2025,
        )
        self.send(
            "GET",
            "child-budget/unclassified?year=2026",
            what="looks at what is unclassified, the largest first",
            told=lambda answer: "; ".join(
                f"{row['cost_centre_code']} {row['cost_centre_name']['fi']} {_millions(row['amount'])}"
                for row in answer["items"]
            ),
            holds=lambda answer: len(answer["items"]) == 3,
        )
        entries = content()["settled_in_tour"]
        items = {"items": [self._item(entry) for entry in entries]}
        self.foreseen = self.send(
            "POST",
            "child-budget/preview",
            {**items, "years": [2026]},
            what="asks what classifying two of them would do; nothing is kept",
            told=lambda told: (
                f"extended {_more(told['difference'][0]['extended'])}, coverage "
                f"{_per_cent(told['before'][0]['coverage'])} → {_per_cent(told['after'][0]['coverage'])}"
            ),
        )["after"][0]
        self._headline(holds=lambda told: told["headlines"][0] == self.before)
        self._add(entries, what="classifies them, all or none")
        self._headline(
            what="reads the child budget of 2026 again",
            told=lambda told: _figures(told["headlines"][0]),
            holds=lambda told: (
                told["headlines"][0] == self.foreseen and self.before["coverage"] < self.foreseen["coverage"] < 1
            ),
        )

    def _headline(self, **options: Any) -> dict[str, Any]:
        told = self.send("GET", "child-budget?year=2026&phase=budget", **options)
        headline: dict[str, Any] = told["headlines"][0]
        return headline

    def read_and_publish(self) -> None:
        """The rows sum to the headline, a figure is computed by hand, the change is split; then a year is published."""
        self.send(
            "GET",
            f"child-budget?{SHOWN}",
            what="groups it by impact class and age group",
            told=lambda told: f"{len(told['rows'])} rows; they sum to the headlines to the cent",
            holds=sums_up,
        )
        self._by_hand("12130")
        self.send(
            "GET",
            "child-budget?year=2026&phase=budget",
            what="sees why the extended changed on 2025",
            told=lambda told: _change(told["headlines"][0]["change"]["extended"]),
            holds=lambda told: told["headlines"][0]["change"]["extended"]["classification"]["cents"] != 0,
        )
        self.send(
            "GET",
            "child-budget?year=2025&phase=actual",
            what="sets the actual of 2025 against its budget",
            told=lambda told: f"extended {_more(told['headlines'][0]['against_budget']['extended'])}",
            holds=lambda told: told["headlines"][0]["against_budget"]["phase"] == "budget",
        )
        self.publish()

    def _by_hand(self, code: str) -> None:
        """One cost centre's figure from its lines and its classification, as anyone could compute it."""
        centre = self.cost_centres[code]
        lines = self.send("GET", f"budget-lines?year=2026&phase=budget&cost_centre_id={centre}&limit=200")["items"]
        holding = self.send("GET", f"classifications?cost_centre_id={centre}&year=2026")["items"]
        net = sum(line["amount"]["cents"] for line in lines if not line["flow"].startswith("internal"))
        parts = {group: net * weight // WHOLE for group, weight in zip(AGE_GROUPS, holding[0]["weights"], strict=True)}

        def agrees(told: dict[str, Any]) -> bool:
            rows = {row["age_group"]: row["net"]["cents"] for row in told["rows"]}
            return sum(rows.values()) == net and all(abs(rows[group] - cents) <= 2 for group, cents in parts.items())

        shares = "/".join(f"{weight / 10_000:g}" for weight in holding[0]["weights"])
        self.send(
            "GET",
            f"child-budget?year=2026&phase=budget&cost_centre_id={centre}&group_by=age_group",
            what=f"computes {code} by hand: {len(lines)} lines, {_millions({'cents': net})} × {shares}%",
            told=lambda told: ", ".join(f"{row['age_group']} {_millions(row['net'])}" for row in told["rows"]),
            holds=agrees,
        )

    def publish(self) -> None:
        """Publish a year's actual; anyone reads it without a key, and it says what the private figures say."""
        year, phase = PUBLISHED["year"], PUBLISHED["phase"]
        private = self.send("GET", f"child-budget?year={year}&phase={phase}&group_by=unit")
        made = self.send(
            "POST",
            "child-budget/publications",
            PUBLISHED,
            expect=201,
            what=f"publishes the {phase} of {year}",
            told=lambda answer: f"edition {answer['version']}",
        )
        self.client.send(
            None,
            "GET",
            f"/public/v1/child-budget/{made['id']}",
            what="reads it without a key",
            told=_published,
            holds=lambda document: published_agrees(document, private),
        )


def fill_child_budget(client: Client, services: Services) -> None:
    """Fill the demo county's child budget, through the API."""
    Controller(client, services).fill()


def tell_child_budget(console: Console, address: str, key: str) -> None:
    """Show where the child budget is: the public page, and what a controller's key opens."""
    console.print("[bold]Lapsibudjetti[/bold]")
    console.print(content()["note"]["fi"], style="dim")
    console.print(f"  {address}/public/v1/child-budget  [dim]what is published of it; no key[/dim]", soft_wrap=True)
    for path, words in LINKS:
        console.print(f"  {address}{path}  [dim]{words}[/dim]", soft_wrap=True)
    console.print(
        f'\n  curl -H "Authorization: Bearer {key}" "{address}{LINKS[0][0]}"\n',
        soft_wrap=True,
        markup=False,
        highlight=False,
    )


def sums_up(told: dict[str, Any]) -> bool:
    """Whether the rows of a child budget sum to its headline, to the cent, in everything that can be summed."""
    (headline,) = told["headlines"]
    plain = all(
        sum(row[name]["cents"] for row in told["rows"]) == headline[name]["cents"]
        for name in ("net", "cost", "income", "internal")
    )
    return plain and all(
        sum(row[name]["amount"]["cents"] for row in told["rows"]) == headline[name]["amount"]["cents"]
        for name in ("core", "extended")
    )


def published_agrees(document: dict[str, Any], private: dict[str, Any]) -> bool:
    """Whether a published document says what the private figures say: the headline, and each row of that grouping."""
    (headline,) = private["headlines"]
    rows = next(table["rows"] for table in document["tables"] if table["group_by"] == private["group_by"])
    pairs = [(document["whole"], headline), *zip(rows, private["rows"], strict=True)]
    return document["coverage"] == headline["coverage"] and all(
        public["net_cents"] == row["net"]["cents"]
        and all(public[name]["cents"] == row[name]["amount"]["cents"] for name in ("core", "extended"))
        for public, row in pairs
    )


def _counts(counts: list[int]) -> Iterator[tuple[str, int]]:
    return zip((group.value for group in AGE_GROUPS), counts, strict=True)


def _millions(amount: dict[str, Any]) -> str:
    return f"{'-' if amount['cents'] < 0 else ''}€{abs(amount['cents']) / 1e8:.1f}M"


def _more(amount: dict[str, Any]) -> str:
    return _millions(amount) if amount["cents"] < 0 else f"+{_millions(amount)}"


def _per_cent(share: float) -> str:
    return f"{100 * share:.1f}%"


def _figures(headline: dict[str, Any]) -> str:
    told = [
        f"{name} {_millions(headline[name]['amount'])} ({_per_cent(headline[name]['share'])}, "
        f"€{headline[name]['per_child']['cents'] / 100:,.0f} a child)"
        for name in ("core", "extended")
    ]
    return f"{'; '.join(told)}; coverage {_per_cent(headline['coverage'])}"


def _published(document: dict[str, Any]) -> str:
    whole = document["whole"]
    extended, net = (_millions({"cents": cents}) for cents in (whole["extended"]["cents"], whole["net_cents"]))
    return f"extended {extended} of {net}, as the private figures; source {document['sources'][0]['source']}"


def _carried(done: dict[str, Any]) -> str:
    unsettled = ", ".join(f"{row['code']} ({row['reason']})" for row in done["unsettled"]) or "none"
    return f"{done['carried']} carried, {done['already']} there already; to settle: {unsettled}"


def _fault(row: dict[str, Any]) -> str:
    return f"row {row['row']}, {row['column']} “{row['value']}”: {row['expected']}"


def _imported(done: dict[str, Any]) -> str:
    if done["unchanged_file"]:
        return "unchanged: it is in force already"
    net = sum(row["cost_cents"] + row["income_cents"] for row in done["ledgers"])
    if len(done["ledgers"]) > 1:
        return f"{done['rows']} lines in {len(done['ledgers'])} ledgers"
    return f"{done['rows']} lines, net {_millions({'cents': net})}"


def _change(change: dict[str, Any]) -> str:
    parts = [f"{name} {_more(change[name])}" for name in ("money", "classification")]
    return f"{_more(change['total'])}: {', '.join(parts)}"
