"""Budget and ledger files through the API: read as they are written, all or nothing, each replacing only its own."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import delete, func, select, text
from sqlmodel import SQLModel

from app.budgeting import imports, ledger_file, sums
from app.budgeting.check import check
from app.budgeting.imports import sweep
from app.budgeting.models import BudgetLine, Ledger, LedgerSum
from app.clock import now
from app.database import Database, table_of
from app.services import actions as services
from app.services.models import CostCentre
from app.spreadsheets.writing import xlsx_of
from tests.budget import add_centre, add_population, budget, classify, lines
from tests.county import Api, County, a_classification, an_import
from tests.shared import shared_file

LEDGER, LINE, SUM = table_of(Ledger), table_of(BudgetLine), table_of(LedgerSum)
HEADER = "vuosi;vaihe;kustannuspaikka;palveluluokka;tili;summa"
YEARS = {2021: 137, 2022: 143, 2023: 75}


@pytest.fixture
def centres(api: Api) -> dict[str, str]:
    """Three cost centres by code, one of them with zeros in front; the first two are classified."""
    add_population(api)
    made = {code: add_centre(api, code) for code in ("100", "200", "0042")}
    classify(api, made["100"], method="full", age_groups=["0-6"])
    classify(api, made["200"], "none", method="population_share")
    return made


def sent(api: Api, content: str | bytes, **query: Any) -> Any:
    """The job of a file that was imported."""
    job = api.import_file("budget-lines", content, **query)
    assert job["state"] == "succeeded", job
    return job


def refused(api: Api, content: str | bytes, **query: Any) -> list[tuple[int | None, str | None, str | None]]:
    """Row, column and value of each fault of a file that was refused."""
    job = api.import_file("budget-lines", content, **query)
    assert job["state"] == "refused", job
    assert job["error_count"] == len(job["errors"]) > 0
    assert all(fault["expected"] for fault in job["errors"])
    return [(fault["row"], fault["column"], fault["value"]) for fault in job["errors"]]


def told(api: Api, **query: Any) -> list[tuple[Any, ...]]:
    """Year, phase, account and cents of each line in force."""
    asked = "&".join(f"{name}={value}" for name, value in {"limit": 200, **query}.items())
    rows = api.send("controller", "GET", f"/api/v1/budget-lines?{asked}").json()["items"]
    return [(row["year"], row["phase"], row["account"], row["amount"]["cents"]) for row in rows]


def ledgers(api: Api, state: str = "current") -> list[Any]:
    rows: list[Any] = api.send("controller", "GET", f"/api/v1/budget-lines/ledgers?state={state}").json()["items"]
    return rows


def entries(api: Api, verb: str = "budget_lines.imported") -> list[Any]:
    rows: list[Any] = api.send("auditor", "GET", f"/api/v1/journal?verb={verb}").json()["items"]
    return rows


def net(api: Api, year: int = 2026, phase: str = "budget") -> int:
    return int(budget(api, year=year, phase=phase)["headlines"][0]["net"]["cents"])


def everything(database: Database) -> dict[str, list[Any]]:
    """Every row of every table but the jobs and what a sign-in touches."""
    with database.transaction(writes=False) as session:
        return {
            table.name: sorted(map(str, session.execute(select(table)).all()))
            for table in SQLModel.metadata.sorted_tables
            if table.name not in {"job", "api_key"}
        }


def right(database: Database, county: County) -> None:
    """Assert that every figure kept is what the lines give."""
    with database.transaction(writes=False) as session:
        assert check(session, county.id) == []


def eventually(holds: Callable[[], bool]) -> None:
    for _ in range(500):
        if holds():
            return
        threading.Event().wait(0.02)
    raise AssertionError("it does not come to hold")


def rows_of(database: Database, table: Any) -> int:
    with database.transaction(writes=False) as session:
        return int(session.execute(select(func.count()).select_from(table)).scalar_one())


# How files are written

FORMS = {
    "Finnish": f"{HEADER}\r\n2026;talousarvio;100;;4300;1 234,50\r\n2026;tilinpäätös;100;;3100;-12,00\r\n",
    "Swedish": "år;fas;kostnadsställe;serviceklass;konto;belopp\r\n"
    "2026;budget;100;;4300;1234,50\r\n2026;bokslut;100;;3100;−12,00\r\n",
    "English": "year,phase,cost_centre,service_class,account,amount\r\n"
    "2026,budget,100,,4300,1234.50\r\n2026,actual,100,,3100,-12\r\n",
    "other order and case": "SUMMA;Tili;KUSTANNUSPAIKKA;Vaihe;VUOSI;muu\r\n"
    "1.234,50;4300;100;TALOUSARVIO;2026;x\r\n-12,00 €;3100;100;Tilinpäätös;2026;y\r\n",
    "a title above and a total below": f"Hyvinvointialue\r\n\r\n{HEADER}\r\n2026;ta;100;;4300;1234,50\r\n"
    "2026;tp;100;;3100;-12\r\nYhteensä;;;;;1222,50\r\n",
    "in pieces": f"{HEADER}\r\n2026;ta;100;;4300;1000\r\n2026;ta;100;;4300;234,50\r\n2026;tp;100;;3100;-12\r\n",
}


@pytest.mark.parametrize("form", FORMS)
def test_a_file_is_read_as_it_is_written(api: Api, centres: dict[str, str], form: str) -> None:
    sent(api, FORMS[form].encode("utf-8-sig" if form == "Swedish" else "utf-8"))
    found = told(api)
    assert sum(cents for year, phase, _, cents in found if (year, phase) == (2026, "budget")) == 123_450
    assert [row for row in found if row[1] == "actual"] == [(2026, "actual", "3100", -1200)]
    assert {account for *_, account, _ in found} == {"4300", "3100"}
    assert (net(api), net(api, phase="actual")) == (123_450, -1200)


@pytest.mark.parametrize(
    ("label", "phase"),
    [
        ("muutettu talousarvio", "amended_budget"),
        ("ändrad budget", "amended_budget"),
        ("amended_budget", "amended_budget"),
        ("Ennuste", "forecast"),
        ("PROGNOS", "forecast"),
        ("forecast", "forecast"),
        ("TP", "actual"),
    ],
)
def test_a_phase_is_known_in_three_languages(api: Api, centres: dict[str, str], label: str, phase: str) -> None:
    sent(api, lines((2026, label, "100", "", "", "1")))
    assert told(api) == [(2026, phase, "", 100)]


def test_a_column_of_another_name_is_told_by_the_mapping_and_what_the_file_lacks_by_the_request(
    api: Api, centres: dict[str, str]
) -> None:
    content = "Yksikön tunnus;Toteuma 2025\r\n100;7,00\r\n"
    assert api.import_file("budget-lines", content)["result"]["code"] == "header_not_found"
    mapping = ["amount=Toteuma 2025", "cost_centre=Yksikön tunnus"]
    sent(api, content, column=mapping, year=2025, phase="actual")
    assert told(api) == [(2025, "actual", "", 700)]
    by_place = api.import_file("budget-lines", content, column=["amount=B", "cost_centre=1"], year=2025, phase="actual")
    assert by_place["result"]["ledgers"][0]["replaces"]["lines"] == 1


def test_a_workbook_is_read_as_a_csv_file_is(api: Api, centres: dict[str, str]) -> None:
    rows: list[list[Any]] = [[2026, "talousarvio", 100, None, 4300, 1234.5], [2026, "ta", "0042", None, "4300", 0.1]]
    content = xlsx_of("Talousarvio", HEADER.split(";"), rows, language="fi")
    sent(api, content)
    assert told(api) == [(2026, "budget", "4300", 123_450), (2026, "budget", "4300", 10)]
    assert refused(api, content, sheet="Toinen")[0][0] is None


def test_codes_are_as_the_county_has_them_with_their_zeros(api: Api, centres: dict[str, str]) -> None:
    job = api.import_file("budget-lines", lines((2026, "ta", "42", "", "", "1"), (2026, "ta", "43", "", "", "1")))
    assert [(fault["row"], fault["column"], fault["value"]) for fault in job["errors"]] == [
        (2, "kustannuspaikka", "42"),
        (3, "kustannuspaikka", "43"),
    ]
    assert "0042: write the zeros" in job["errors"][0]["expected"]
    assert "zeros" not in job["errors"][1]["expected"]


# Faults


def test_a_dry_run_tells_every_fault_and_changes_nothing(api: Api, centres: dict[str, str], database: Database) -> None:
    sent(api, lines((2026, "ta", "100", "", "", "1")))
    before = everything(database)
    content = lines(
        (2026, "ta", "100", "", "4300", "1,00"),
        ("20x6", "ta", "100", "", "4300", "1,00"),
        (2026, "arvio", "100", "", "4300", "1,00"),
        (2026, "ta", "999", "", "4300", "1.234"),
        (2026, "ta", "100", "7777", "4300", "1,00"),
        (2026, "ta", "100", "", "43 00!", ""),
        ("", "", "", "", "", "5"),
    )
    for dry_run in (True, False):
        assert refused(api, content, dry_run=dry_run) == [
            (3, "vuosi", "20x6"),
            (4, "vaihe", "arvio"),
            (5, "kustannuspaikka", "999"),
            (5, "summa", "1.234"),
            (6, "palveluluokka", "7777"),
            (7, "tili", "43 00!"),
            (7, "summa", ""),
            (8, "vuosi", ""),
            (8, "vaihe", ""),
            (8, "kustannuspaikka", ""),
        ]
        eventually(lambda: everything(database) == before)


def test_a_dry_run_of_a_sound_file_tells_what_it_would_do_and_changes_nothing(
    api: Api, centres: dict[str, str], database: Database
) -> None:
    sent(api, lines((2026, "ta", "100", "", "", "1")))
    before = everything(database)
    content = lines(
        (2026, "ta", "100", "", "", "50"), (2026, "ta", "0042", "", "", "-3"), (2027, "ta", "200", "", "", "8")
    )
    dry = sent(api, content, dry_run=True)["result"]
    assert everything(database) == before
    real = sent(api, content)["result"]
    for row in real["ledgers"]:
        assert UUID(row.pop("ledger_id")).version == 7
    assert dry == real
    assert (real["rows"], [row["year"] for row in real["ledgers"]]) == (3, [2026, 2027])
    (first, _) = real["ledgers"]
    assert (first["child_cents"], first["unclassified_cents"], first["replaces"]["lines"]) == (5000, -300, 1)


@pytest.mark.parametrize("content", [HEADER, f"{HEADER}\r\nYhteensä;;;;;5\r\n", f"{HEADER}\r\n;;;;;\r\n"])
def test_a_file_without_lines_is_refused(api: Api, centres: dict[str, str], content: str) -> None:
    assert refused(api, content) == [(None, None, None)]


def test_a_file_of_more_than_any_budget_is_refused(api: Api, centres: dict[str, str]) -> None:
    most = "9999999999999,99"
    assert refused(api, lines(*[(2026, "ta", "100", "", "", most)] * 2)) == [(None, None, None)]
    assert refused(api, lines((2026, "ta", "100", "", "", most), (2026, "ta", "100", "", "", f"-{most}")))


def test_the_same_code_in_two_lists_is_refused_until_one_is_named(api: Api, centres: dict[str, str]) -> None:
    rows = "scheme,year,code,name\r\na,2026,1,Palvelu\r\nb,2026,1,Muu\r\nb,2026,2,Vain b\r\nb,2025,3,Vanha\r\n"
    assert api.import_file("service-classes", rows)["state"] == "succeeded"
    content = lines((2026, "ta", "100", "1", "", "1"), (2026, "ta", "100", "2", "", "1"))
    assert refused(api, content) == [(2, "palveluluokka", "1")]
    assert refused(api, content, scheme="a") == [(3, "palveluluokka", "2")]
    assert refused(api, lines((2026, "ta", "100", "3", "", "1")), scheme="b") == [(2, "palveluluokka", "3")]
    sent(api, content, scheme="b")
    assert len(told(api)) == 2


@pytest.mark.parametrize("word", ["Total", "Summa", "Totalt", "4300 Summa"])
def test_a_sum_over_a_cost_centres_accounts_is_not_counted_as_a_line(
    api: Api, centres: dict[str, str], word: str
) -> None:
    job = sent(api, lines((2026, "ta", "100", "", "4300", "5"), (2026, "ta", "100", "", word, "5")))
    assert job["result"]["rows"] == 1
    assert net(api) == 500


def test_a_year_or_phase_that_the_file_tells_otherwise_than_the_request_is_refused(
    api: Api, centres: dict[str, str]
) -> None:
    content = lines((2025, "ta", "100", "", "", "1"), (2026, "tp", "100", "", "", "1"))
    assert refused(api, content, year=2026) == [(2, "vuosi", "2025")]
    assert refused(api, content, phase="budget") == [(3, "vaihe", "tp")]
    sent(api, lines((2026, "ta", "100", "", "", "1"), ("", "", "100", "", "", "2")), year=2026, phase="budget")
    assert net(api) == 300


# What replaces what


def test_the_same_file_twice_changes_nothing_and_says_so(api: Api, centres: dict[str, str], database: Database) -> None:
    content = lines((2026, "ta", "100", "", "", "1"), (2025, "tp", "100", "", "", "2"))
    sent(api, content)
    before = everything(database)
    again = sent(api, content)
    assert again["result"]["unchanged_file"] is True
    assert len(again["result"]["ledgers"]) == 2
    assert everything(database) == before
    assert len(entries(api)) == 2


def test_a_corrected_file_replaces_its_year_phase_and_source_and_nothing_else(
    api: Api, centres: dict[str, str], database: Database, county: County
) -> None:
    first = sent(api, lines((2026, "ta", "100", "", "", "1"), (2026, "ta", "200", "", "", "10")))
    for rows, query in (
        ((2026, "ta", "100", "", "", "2"), {"source": "other"}),
        ((2025, "ta", "100", "", "", "4"), {}),
        ((2026, "tp", "100", "", "", "8"), {}),
    ):
        sent(api, lines(rows), **query)
    kept = {row["id"] for row in ledgers(api)} - {first["result"]["ledgers"][0]["ledger_id"]}
    corrected = sent(api, lines((2026, "ta", "100", "", "", "3")), file_name="korjattu.csv")
    assert (net(api), net(api, 2025), net(api, phase="actual")) == (500, 400, 800)
    assert kept < {row["id"] for row in ledgers(api)}
    assert len(ledgers(api)) == 4
    (replaced,) = ledgers(api, "replaced")
    assert replaced["digest"] == first["file_digest"]
    last = entries(api)[-1]["details"]
    assert last["replaces"] == {"digest": first["file_digest"], "lines": 2, "cents": 1100}
    assert (last["digest"], last["file"], last["cents"]) == (corrected["file_digest"], "korjattu.csv", 300)
    right(database, county)
    eventually(lambda: rows_of(database, LINE) == 4)


def test_a_file_that_was_in_force_once_comes_into_force_again(api: Api, centres: dict[str, str]) -> None:
    first, second = (lines((2026, "ta", "100", "", "", cents)) for cents in ("1", "2"))
    for content, cents in ((first, 100), (second, 200), (first, 100), (second, 200)):
        assert sent(api, content)["result"]["unchanged_file"] is False
        assert net(api) == cents
    assert sent(api, second)["result"]["unchanged_file"] is True
    (current,) = ledgers(api)
    path = f"/api/v1/budget-lines/ledgers/{current['id']}"
    assert api.send("controller", "DELETE", path).status_code == 204
    assert api.send("controller", "DELETE", path).status_code == 409
    assert budget(api, year=2026)["missing"] == [{"year": 2026, "phase": "budget"}]
    assert sent(api, second)["result"]["unchanged_file"] is False
    assert entries(api, "budget_lines.removed")[0]["details"]["cents"] == 200


def test_lines_of_a_replaced_ledger_are_removed_and_its_row_stays(
    api: Api, centres: dict[str, str], database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "REMOVED", 7)
    sent(api, lines(*[(2026, "ta", "100", "", "", cents) for cents in range(1, 20)]))
    sent(api, lines((2026, "ta", "100", "", "", "5")))
    eventually(lambda: rows_of(database, LINE) == rows_of(database, SUM) == 1)
    assert rows_of(database, LEDGER) == 2
    assert sweep(database) == 0
    assert told(api) == [(2026, "budget", "", 500)]


# Accounts


RANGES = [
    {"first": "3900", "last": "3999", "flow": "internal_income"},
    {"first": "3000", "last": "3999", "flow": "income"},
    {"first": "49", "last": "49", "flow": "internal_cost"},
    {"first": "4", "last": "4", "flow": "cost"},
]
BY_ACCOUNT = lines(
    (2026, "ta", "100", "", "4300", "1000"),
    (2026, "ta", "100", "", "4310", "-100"),
    (2026, "ta", "100", "", "3100", "-50"),
    (2026, "ta", "100", "", "3950", "-7"),
    (2026, "ta", "100", "", "4900", "9"),
)


def set_ranges(api: Api, ranges: list[dict[str, str]]) -> None:
    path = "/api/v1/budget-lines/account-ranges"
    assert api.change("controller", "PUT", path, {"items": ranges}, of=path).status_code == 200


def flows(api: Api) -> dict[str, int]:
    (headline,) = budget(api, year=2026)["headlines"]
    names = ("net", "cost", "income", "internal")
    return {**{name: headline[name]["cents"] for name in names}, "core": headline["core"]["amount"]["cents"]}


def test_costs_income_and_internal_items_are_told_apart_by_the_countys_accounts(
    api: Api, centres: dict[str, str], database: Database, county: County
) -> None:
    by_sign = {"net": 85_200, "cost": 100_900, "income": -15_700, "internal": 0, "core": 85_200}
    sent(api, BY_ACCOUNT)
    assert flows(api) == by_sign
    set_ranges(api, RANGES)
    assert flows(api) == by_sign, "ranges are for the files that are imported from now on"
    assert sent(api, BY_ACCOUNT)["result"]["unchanged_file"] is False
    assert flows(api) == {"net": 85_000, "cost": 90_000, "income": -5000, "internal": 200, "core": 85_000}
    assert sent(api, BY_ACCOUNT)["result"]["unchanged_file"] is True
    right(database, county)


def test_ranges_that_cannot_be_are_refused_with_a_pointer(api: Api) -> None:
    path = "/api/v1/budget-lines/account-ranges"
    wrong = [{"first": "30", "last": "3999", "flow": "income"}, {"first": "4", "last": "3", "flow": "cost"}]
    answer = api.change("controller", "PUT", path, {"items": wrong}, of=path)
    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json()["errors"]] == ["/items/0/last", "/items/1/last"]


# The real list


def test_a_years_renumbering_does_not_mix_years(api: Api, centres: dict[str, str]) -> None:
    """The State Treasury's list of three years: most codes go or come, and some stay under another name."""
    content = shared_file("data/aura_kunta_service_classes.csv").read_bytes()
    assert api.import_file("service-classes", content)["state"] == "succeeded"
    lists: dict[int, dict[str, dict[str, Any]]] = {}
    for year, rows in YEARS.items():
        path = f"/api/v1/service-classes?scheme=kunta-aura&year={year}&limit=200"
        lists[year] = {row["code"]: row for row in api.send("controller", "GET", path).json()["items"]}
        assert len(lists[year]) == rows
    gone = sorted(set(lists[2022]) - set(lists[2023]))
    common = sorted(set(lists[2022]) & set(lists[2023]))
    assert gone
    assert common
    assert refused(api, lines((2023, "ta", "0042", gone[0], "", "1"))) == [(2, "palveluluokka", gone[0])]
    for year in (2022, 2023):
        sent(api, lines(*[(year, "ta", "0042", code, "", "1") for code in common]))
    sent(api, lines((2022, "tp", "0042", gone[0], "", "1")))
    told_2023 = budget(api, year=2023, group_by="service_class")["rows"]
    assert {row["service_class"]["id"] for row in told_2023} >= {lists[2023][code]["id"] for code in common}
    for row in told_2023:
        year = row["service_class"]["year"]
        now = row["net"]["cents"]
        assert (year, now) in {(2023, 100), (2022, 0)}
        same = row["service_class"]["name"] == lists[2022].get(row["service_class"]["code"], {}).get("name")
        expected = -100 if year == 2022 else 0 if same else 100
        assert row["change"]["net"]["cents"] == expected, row
    assert sum(row["change"]["net"]["cents"] for row in told_2023) == 0


# Atomic


STEPS = ("_staging", "_check", "_stage_sums", "_make_current")


@pytest.mark.parametrize("step", STEPS)
def test_a_step_that_fails_leaves_what_was_there(
    api: Api, centres: dict[str, str], database: Database, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    sent(api, lines((2026, "ta", "100", "", "", "1"), (2025, "ta", "100", "", "", "1")))
    before = everything(database)
    done: list[bool] = []
    real = getattr(imports, step)

    def failing(*arguments: Any, **named: Any) -> Any:
        """The first call is done, the second one fails; where there is one only, it fails after it is done."""
        answer = real(*arguments, **named) if len(done) == 0 else None
        done.append(True)
        if step == "_check" or len(done) == 2:
            raise RuntimeError("a fault of ours")
        return answer

    monkeypatch.setattr(imports, step, failing)
    monkeypatch.setattr(imports, "BLOCKS", 1)
    monkeypatch.setattr(ledger_file, "AT_A_TIME", 1)
    content = lines((2026, "ta", "100", "", "", "5"), (2025, "ta", "200", "", "", "5"))
    assert api.import_file("budget-lines", content)["state"] == "failed"
    assert done, "the step was not taken"
    assert net(api) == 100
    eventually(lambda: everything(database) == before)
    monkeypatch.undo()
    sent(api, content)
    assert net(api) == 500


def test_control_a_switch_in_two_transactions_would_leave_one_half(
    api: Api, centres: dict[str, str], database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = imports._make_current
    done: list[bool] = []

    def in_its_own(session: Any, *rest: Any) -> Any:
        if done:
            raise RuntimeError("a fault of ours")
        answer = real(session, *rest)
        done.append(True)
        session.commit()
        return answer

    monkeypatch.setattr(imports, "_make_current", in_its_own)
    content = lines((2026, "ta", "100", "", "", "5"), (2025, "ta", "200", "", "", "5"))
    assert api.import_file("budget-lines", content)["state"] == "failed"
    assert len(ledgers(api)) == 1


def test_a_staged_line_is_never_seen(
    api: Api, centres: dict[str, str], monkeypatch: pytest.MonkeyPatch, database: Database
) -> None:
    sent(api, lines((2026, "ta", "100", "", "", "1")))
    tag = api.send("controller", "GET", "/api/v1/child-budget?year=2026").headers["etag"]
    reached, go_on = threading.Event(), threading.Event()
    real = imports._check

    def waiting(*arguments: Any) -> None:
        reached.set()
        assert go_on.wait(30)
        real(*arguments)

    monkeypatch.setattr(imports, "_check", waiting)
    headers = {"Authorization": f"Bearer {api.county.keys['controller']}", "Content-Type": "text/csv"}
    answer = api.client.post(
        "/api/v1/budget-lines/import?dry_run=false", content=lines((2026, "ta", "100", "", "", "5")), headers=headers
    )
    assert reached.wait(30)
    try:
        assert rows_of(database, LINE) == 2, "it is staged"
        assert told(api) == [(2026, "budget", "", 100)]
        assert len(ledgers(api)) == 1
        assert ledgers(api, "replaced") == []
        assert net(api) == 100
        same = api.send("controller", "GET", "/api/v1/child-budget?year=2026", if_none_match=tag)
        assert same.status_code == 304
        assert sweep(database) == 0, "nobody sweeps away what is being staged"
    finally:
        go_on.set()
    assert api.ended(answer.headers["location"])["state"] == "succeeded"
    assert told(api) == [(2026, "budget", "", 500)]
    changed = api.send("controller", "GET", "/api/v1/child-budget?year=2026", if_none_match=tag)
    assert changed.status_code == 200


# Beside other changes


def changes_in_between(county: County, database: Database, centres: dict[str, str]) -> dict[str, Callable[[], None]]:
    """What may change between the staging of a file and its coming into force."""
    by = county["controller"]

    def classified() -> None:
        with database.transaction() as session:
            held = a_classification(cost_centre_id=UUID(centres["0042"]), age_groups=["7-12"])
            services.add_classification(session, held, by=by)

    def populated() -> None:
        with database.transaction() as session:
            facts = {"year": 2025, "counts": [1, 1, 1, 1, 1], "source": "a"}
            services.add_population(session, facts, by=by)

    def moved() -> None:
        with database.transaction() as session:
            unit = {"code": "U", "name": {"fi": "U"}, "level": "sector", "parent_id": None, "valid_to": None}
            home = services.add_unit(session, {**unit, "valid_from": now().date()}, by=by)
            row = session.get_one(CostCentre, UUID(centres["0042"]))
            services.change_cost_centre(session, row, {"unit_id": home.id}, version=row.version, by=by)

    return {"classified": classified, "populated": populated, "moved": moved}


@pytest.mark.parametrize("change", ["classified", "populated", "moved"])
def test_what_changes_while_a_file_is_read_is_in_its_figures(
    api: Api,
    county: County,
    centres: dict[str, str],
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    change: str,
) -> None:
    real = imports._stage_sums
    done: list[bool] = []

    def staged(*arguments: Any) -> Any:
        answer = real(*arguments)
        if not done:
            changes_in_between(county, database, centres)[change]()
            done.append(True)
        return answer

    monkeypatch.setattr(imports, "_stage_sums", staged)
    job = sent(api, lines((2026, "ta", "0042", "", "", "5"), (2026, "ta", "200", "", "", "5")))
    right(database, county)
    units = {
        (row["unit"] or {}).get("code"): row["net"]["cents"] for row in budget(api, year=2026, group_by="unit")["rows"]
    }
    assert units == ({"U": 500, None: 500} if change == "moved" else {None: 1000})
    headline = budget(api, year=2026)["headlines"][0]
    (ledger,) = job["result"]["ledgers"]
    assert ledger["unclassified_cents"] == headline["unclassified"]["net"]["cents"]
    assert ledger["child_cents"] == headline["extended"]["amount"]["cents"] == (500 if change == "classified" else 0)


def test_control_without_the_guard_figures_would_be_those_of_before(
    api: Api, county: County, centres: dict[str, str], database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sums, "revision", lambda *_: 7)
    real = imports._stage_sums

    def staged(*arguments: Any) -> Any:
        answer = real(*arguments)
        changes_in_between(county, database, centres)["classified"]()
        return answer

    monkeypatch.setattr(imports, "_stage_sums", staged)
    sent(api, lines((2026, "ta", "0042", "", "", "5")))
    with database.transaction(writes=False) as session:
        assert check(session, county.id) != []


@pytest.mark.slow
def test_many_imports_of_one_ledger_at_once_end_with_one_in_force(
    county: County, centres: dict[str, str], database: Database
) -> None:
    by = county["controller"]
    contents = [lines(*[(2026, "ta", code, "", "", n) for code in ("100", "200", "0042")]) for n in range(1, 5)]

    def imported(content: str) -> Any:
        return an_import(database, by, "budget-lines", content).result

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(imported, [*contents, contents[0]]))
    assert all(result and "ledgers" in result for result in results), results
    with database.transaction(writes=False) as session:
        (current,) = session.execute(select(LEDGER).where(LEDGER.c.state == "current")).all()
        assert current.cents in {300 * n for n in range(1, 5)}
    right(database, county)
    sweep(database)
    assert rows_of(database, LINE) == 3


def test_the_check_finds_a_line_that_went_missing_and_a_sum_that_was_changed(
    api: Api, county: County, centres: dict[str, str], database: Database
) -> None:
    sent(
        api, lines((2026, "ta", "100", "", "", "5"), (2026, "ta", "100", "", "", "6"), (2026, "ta", "200", "", "", "7"))
    )
    right(database, county)
    for statement in (
        delete(LINE).where(LINE.c.line == 1),
        text("UPDATE ledger_sum SET part_0 = part_0 - 1, part_1 = part_1 + 1 WHERE part_0 > 0"),
        text("UPDATE ledger_total SET cents = cents + 1 WHERE cents > 0"),
        text("UPDATE ledger_sum SET lines = lines + 1"),
    ):
        session = database.open_session(writes=True)
        session.execute(statement)
        assert check(session, county.id) != [], statement
        session.rollback()
        session.close()
    assert sums.PARTS[0] == "part_0"
