"""The demo's child budget: invented and marked so, and its figures agree with each other in every grouping."""

import copy
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.database import Database
from app.demo import county as demo
from app.demo.budget import Controller, fill_child_budget, published_agrees, sums_up
from app.demo.client import Client, Step, WrongAnswer
from app.demo.ledgers import BUDGET_FILE, LEDGERS_FILE, content, euros, file_of, lines_of

LEDGERS = (*BUDGET_FILE[1], *LEDGERS_FILE[1])
GROUPINGS = (
    "",
    "impact_class",
    "age_group",
    "impact_class,age_group",
    "unit",
    "unit,age_group",
    "cost_centre",
    "cost_centre,service_class",
    "service_class",
    "service_class,impact_class,age_group",
)


def of_flow(cents: dict[str, int], account: str) -> int:
    return sum(amount for number, amount in cents.items() if number.startswith(account))


@pytest.fixture
def speaker(client: TestClient, database: Database) -> Client:
    """A client of the demo county with its child budget."""
    keys, _ = demo.people_and_keys(database)
    speaker = Client(client, keys)  # type: ignore[arg-type]
    fill_child_budget(speaker, demo.fill_services(speaker))
    return speaker


def ask(speaker: Client, query: str) -> Any:
    return speaker.send("auditor", "GET", f"/api/v1/child-budget?{query}")


def test_the_demos_figures_agree_with_each_other_and_with_what_is_published(speaker: Client) -> None:
    for year, phase in LEDGERS:
        for grouping in GROUPINGS:
            told = ask(speaker, f"year={year}&phase={phase}&group_by={grouping}")
            assert sums_up(told), (year, phase, grouping)
        (headline,) = told["headlines"]
        assert headline["net"]["cents"] == sum(
            cents for _, _, account, cents in lines_of(year, phase) if account[1] != "9"
        )
        assert 0.94 < headline["coverage"] < 0.97
        assert headline["internal"]["cents"] == 0
        assert {row["source"] for row in told["ledgers"]} == {"keksitty-esimerkki"}
        used = [row["from_year"] for row in told["populations"]]
        assert used == [min(year, 2025)]
        left = speaker.send("auditor", "GET", f"/api/v1/child-budget/unclassified?year={year}&phase={phase}")["items"]
        assert sum(row["amount"]["cents"] for row in left) == headline["unclassified"]["net"]["cents"]
        sizes = [row["amount"]["cents"] for row in left]
        assert sizes == sorted(sizes, reverse=True)
        assert [row["cost_centre_code"] for row in left] == ["19020", "16020", "13020"][: 3 if year == 2026 else 2]
        assert sum(row["internal"]["cents"] for row in left) < 0

    change = ask(speaker, "year=2026&phase=budget")["headlines"][0]["change"]["extended"]
    assert change["classification"]["cents"] > 100_000_000
    assert change["money"]["cents"] > 100_000_000
    assert change["total"]["cents"] == change["money"]["cents"] + change["classification"]["cents"]

    (published,) = speaker.send(None, "GET", "/public/v1/child-budget")["items"]
    assert (published["year"], published["phase"]) == (2025, "actual")
    document = speaker.send(None, "GET", f"/public/v1/child-budget/{published['id']}")
    for table in document["tables"]:
        private = ask(speaker, f"year=2025&phase=actual&group_by={','.join(table['group_by'])}")
        assert published_agrees(document, private)
        tampered = copy.deepcopy(document)
        next(t for t in tampered["tables"] if t["group_by"] == table["group_by"])["rows"][0]["net_cents"] += 1
        assert not published_agrees(tampered, private)

    centre = Controller(speaker, demo.known_services(speaker)).cost_centres["12130"]
    lines = speaker.send("auditor", "GET", f"/api/v1/budget-lines?year=2025&phase=actual&cost_centre_id={centre}")
    credit = [line for line in lines["items"] if line["amount"]["cents"] == content()["credit"]["cents"]]
    assert [line["flow"] for line in credit] == ["cost"]
    for row in speaker.send("auditor", "GET", "/api/v1/populations")["items"]:
        assert "keksitty" in row["source"]


def test_the_tours_chapters_do_what_they_should_and_stop_where_a_figure_is_wrong(
    client: TestClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys, _ = demo.people_and_keys(database)
    speaker = Client(client, keys)  # type: ignore[arg-type]
    controller = Controller(speaker, demo.fill_services(speaker))
    told: list[Step] = []
    speaker.tell = told.append
    *earlier, (_, last) = controller.chapters()
    for _, play in earlier:
        play()
    assert all(step.right for step in told)
    words = {step.what: step.told for step in told}
    assert words["tries a file with two faults (dry run)"].startswith("2 faults\nrow 2, kustannuspaikka “21010”:")
    assert words["sends the same file again"].startswith("unchanged")
    monkeypatch.setattr("app.demo.budget.sums_up", lambda _told: False)
    with pytest.raises(WrongAnswer):
        last()
    assert not told[-1].right
    monkeypatch.undo()
    last()
    assert (told[-1].who, told[-1].right) == ("public", True)


def test_a_step_whose_answer_does_not_say_what_it_should_is_told_as_wrong(
    client: TestClient, database: Database
) -> None:
    keys, _ = demo.people_and_keys(database)
    told: list[Step] = []
    speaker = Client(client, keys, told.append)  # type: ignore[arg-type]
    with pytest.raises(WrongAnswer, match="that is not what it should say"):
        speaker.send("controller", "GET", "/api/v1/child-budget?year=2026", holds=lambda told: bool(told["headlines"]))
    with pytest.raises(WrongAnswer, match="kustannuspaikka"):
        speaker.import_file("budget-lines", file_of(*BUDGET_FILE[1]))
    assert [step.right for step in told] == [False, False]


def test_rows_that_lack_a_cent_do_not_sum_up() -> None:
    money = {"cents": 10}
    figures = dict.fromkeys(("net", "cost", "income", "internal"), money)
    row = {**figures, "core": {"amount": money}, "extended": {"amount": money}}
    assert sums_up({"headlines": [row], "rows": [row]})
    for name in row:
        short = {**row, name: {"cents": 9, "amount": {"cents": 9}}}
        assert not sums_up({"headlines": [row], "rows": [short]})


def test_the_demos_ledgers_are_of_a_countys_size_and_say_that_they_are_invented() -> None:
    assert set(content()["note"]) == {"fi", "sv", "en"}
    assert "keksitty" in content()["source"]
    for key in LEDGERS:
        assert list(lines_of(*key)) == list(lines_of(*key))
        cents: dict[str, int] = {}
        for _, _, account, amount in lines_of(*key):
            cents[account] = cents.get(account, 0) + amount
        assert of_flow(cents, "39") == -of_flow(cents, "49") < 0
        assert 700 < sum(cents.values()) / 1e8 < 900
        assert {account[0] for account in cents} == {"3", "4"}
    of_centres = {centre for centre, *_ in lines_of(2026, "budget")}
    there = {row["code"] for row in demo.content()["cost_centres"]} | {row[0] for row in content()["cost_centres"]}
    assert of_centres == there


@pytest.mark.parametrize(
    ("cents", "written"), [(123_456_750, "1 234 567,50"), (-18_640_000, "-186 400,00"), (5, "0,05"), (-5, "-0,05")]
)
def test_amounts_are_written_as_in_finnish(cents: int, written: str) -> None:
    assert euros(cents) == written
