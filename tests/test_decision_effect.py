"""What decisions move in the child budget, alone and together, and the check that figures are what the lines give."""

import json
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlmodel import col
from typer.testing import CliRunner

from app.assessments.models import Seal
from app.budgeting.check import check
from app.cli import app as command
from app.database import Database
from app.decisions.models import Decision, DecisionState
from app.follow_up import actions as follow_ups
from tests.budget import add_centre, add_population, lines, made
from tests.county import Api, County, a_decision, a_decision_in, an_assessment


def planned(centre: str, cents: int, year: int = 2026) -> dict[str, Any]:
    return {"cost_centre_id": centre, "year": year, "amount": {"cents": cents}}


def test_planned_euros_fall_on_age_groups_as_the_budget_does(api: Api, worked: dict[str, str]) -> None:
    changes = [planned(worked["B"], -10_000_000), planned(worked["C"], 1_000_000), planned(worked["C"], 500_000, 2027)]
    decision = api.decision(planned_changes=changes)
    effect = decision["hint"]["effect"]
    assert [(row["year"], row["population_year"]) for row in effect["years"]] == [(2026, 2026), (2027, 2026)]
    first, second = effect["years"]
    assert (first["total"]["cents"], first["core"]["cents"], first["extended"]["cents"]) == (
        -9_000_000,
        -10_000_000,
        -10_000_000 + 250_000,
    )
    groups = {row["age_group"]: row["extended"]["cents"] for row in first["age_groups"]}
    assert groups == {"0-6": -10_000_000 + 73_529, "7-12": 88_235, "13-15": 51_471, "16-17": 36_765}
    assert second["extended"]["cents"] == 125_000
    live = api.send("preparer", "GET", f"/api/v1/decisions/{decision['id']}/budget-effect").json()
    assert live["effect"] == effect


def test_the_ledger_stands_beside_what_was_planned(api: Api, worked: dict[str, str]) -> None:
    rows = [
        (year, "tilinpäätös", "B", "", "4300", f"{euros},00") for year, euros in ((2025, 4_100_000), (2026, 4_020_000))
    ]
    assert api.import_file("budget-lines", lines(*rows))["state"] == "succeeded"
    decision = api.decision(planned_changes=[planned(worked["B"], -10_000_000)])
    (row,) = api.send("controller", "GET", f"/api/v1/decisions/{decision['id']}/budget-effect").json()["ledger"]
    assert (row["year"], row["planned"]["cents"]) == (2026, -10_000_000)
    (actual,) = row["ledger"]
    assert actual["phase"] == "actual"
    assert [actual["net"][name]["cents"] for name in ("before", "after", "change")] == [
        410_000_000,
        402_000_000,
        -8_000_000,
    ]
    assert actual["extended"]["change"]["cents"] == -8_000_000


def test_the_effect_is_sealed_published_and_set_beside_the_ledger_in_the_follow_up(
    api: Api, county: County, database: Database, worked: dict[str, str]
) -> None:
    decision = api.decision(planned_changes=[planned(worked["B"], -10_000_000)])
    with database.transaction() as session:
        row = session.get_one(Decision, UUID(decision["id"]))
        assessment = an_assessment(session, county, "published", row)
        sealed = session.scalars(select(Seal).where(col(Seal.object_id) == assessment.id)).one()
        a_decision_in(session, county, DecisionState.DECIDED, row)
        follow_up = follow_ups.open_follow_up(session, row, by=county["preparer"])
    read = api.send("preparer", "GET", f"/api/v1/assessments/{assessment.id}").json()
    assert read["budget_effect"] == decision["hint"]["effect"]
    assert json.loads(sealed.content)["budget_effect"] == decision["hint"]["effect"]
    (entry,) = api.send(None, "GET", "/public/v1/assessments").json()["items"]
    document = api.send(None, "GET", f"/public/v1/assessments/{entry['id']}").json()["document"]
    assert document["budget_effect"] == [
        {
            "year": 2026,
            "total_cents": -10_000_000,
            "core_cents": -10_000_000,
            "extended_cents": -10_000_000,
            "age_groups": {"0-6": -10_000_000, "7-12": 0, "13-15": 0, "16-17": 0},
        }
    ]
    rows = [(year, "tilinpäätös", "B", "", "4300", f"{year},00") for year in (2025, 2026)]
    assert api.import_file("budget-lines", lines(*rows))["state"] == "succeeded"
    compared = api.send("preparer", "GET", f"/api/v1/follow-ups/{follow_up.id}/comparison").json()["budget"]
    assert compared["effect"] == decision["hint"]["effect"]
    (beside,) = compared["ledger"][0]["ledger"]
    assert (beside["phase"], beside["net"]["change"]["cents"]) == ("actual", 100)


def test_a_cost_centre_classified_by_its_service_classes_is_divided_as_its_money_is(api: Api) -> None:
    add_population(api)
    centre = add_centre(api, "K")
    rows = "scheme,year,code,name\ndemo,2026,1,Lapset\ndemo,2026,2,Muut\n"
    assert api.import_file("service-classes", rows)["state"] == "succeeded"
    listed = api.send("controller", "GET", "/api/v1/service-classes").json()["items"]
    ids = {row["code"]: row["id"] for row in listed}
    for code, impact_class, group in (("1", "direct", "0-6"), ("2", "none", "18+")):
        body = {"service_class_id": ids[code], "from_year": 2026, "impact_class": impact_class, "reason": "Keksitty."}
        made(
            api.send("controller", "POST", "/api/v1/classifications", {**body, "method": "full", "age_groups": [group]})
        )
    rows = lines((2026, "budget", "K", "1", "", "300,00"), (2026, "budget", "K", "2", "", "100,00"))
    assert api.import_file("budget-lines", rows)["state"] == "succeeded"
    effect = api.decision(planned_changes=[planned(centre, 10_001)])["hint"]["effect"]["years"][0]
    assert (effect["total"]["cents"], effect["core"]["cents"], effect["unclassified"]["cents"]) == (10_001, 7_501, 0)
    one = api.decision(diary_number="2/2026", planned_changes=[planned(centre, 100)], service_class_ids=[ids["2"]])
    assert one["hint"]["effect"]["years"][0]["extended"]["cents"] == 0


def test_what_nobody_has_classified_is_told_as_such(api: Api) -> None:
    centre = add_centre(api, "U")
    effect = api.decision(planned_changes=[planned(centre, 700)])["hint"]["effect"]["years"][0]
    assert effect["unclassified"]["cents"] == effect["total"]["cents"] == 700
    assert effect["population_year"] is None
    assert api.decision(diary_number="2/2026")["hint"]["effect"] is None


def test_decisions_in_force_are_added_up_by_age_group_and_child_group(
    api: Api,
    county: County,
    database: Database,
    worked: dict[str, str],
) -> None:
    for number, cents in enumerate((-10_000_000, -5_000_000, 700)):
        decision = api.decision(diary_number=f"{number}/2026", planned_changes=[planned(worked["B"], cents)])
        with database.transaction() as session:
            row = session.get_one(Decision, UUID(decision["id"]))
            if number < 2:
                an_assessment(session, county, "approved", row)
                a_decision_in(session, county, DecisionState.DECIDED, row)
    with database.transaction() as session:
        unassessed = a_decision(session, county, "9/2026")
        a_decision_in(session, county, DecisionState.DECIDED, unassessed)
    period = {"from": "2026-01-01", "until": "2026-12-31"}
    headers = {"Authorization": f"Bearer {county.keys['auditor']}"}
    told = api.client.get("/api/v1/reports/cumulative-effect", params=period, headers=headers).json()
    assert (told["decisions"], told["unassessed"], told["excluded"]) == (3, 1, 0)
    assert told["extended"]["cents"] == told["core"]["cents"] == told["planned"]["cents"] == -15_000_000
    ages = {row["age_group"]: row for row in told["age_groups"]}
    assert ages["0-6"]["directions"] == {"positive": 0, "negative": 2, "mixed": 0, "neutral": 0}
    assert (ages["0-6"]["decisions"], ages["0-6"]["extended"]["cents"]) == (2, -15_000_000)
    assert (ages["7-12"]["decisions"], ages["7-12"]["extended"]["cents"]) == (0, 0)
    (group,) = told["child_groups"]
    assert (group["child_group"], group["directions"]["negative"], group["extended"]["cents"]) == (
        "all",
        2,
        -15_000_000,
    )
    later = {"from": "2027-01-01", "until": "2027-12-31"}
    assert (
        api.client.get("/api/v1/reports/cumulative-effect", params=later, headers=headers).json()["planned"]["cents"]
        == 0
    ), "its euros are not of that year"
    earlier = {"from": "2020-01-01", "until": "2020-12-31"}
    assert api.client.get("/api/v1/reports/cumulative-effect", params=earlier, headers=headers).json()["decisions"] == 0
    wrong = api.client.get(
        "/api/v1/reports/cumulative-effect", params={"from": "2026-02-01", "until": "2026-01-01"}, headers=headers
    )
    assert wrong.status_code == 422


def test_the_check_computes_every_figure_again_and_finds_each_that_is_changed(
    api: Api,
    county: County,
    database: Database,
    worked: dict[str, str],
) -> None:
    with database.transaction(writes=False) as session:
        assert check(session, county.id) == []
    for statement, words in (
        ("UPDATE budget_line SET cents = cents + 1 WHERE line = 1", "its lines"),
        ("UPDATE ledger_sum SET part_0 = part_0 + 1, part_1 = part_1 - 1 WHERE cell = 0", "part_0 should be"),
        ("UPDATE ledger_total SET cents = cents + 1", "should be"),
        ("UPDATE ledger SET lines = lines + 1", "lines and says"),
        ("UPDATE budget_line SET account = '3000' WHERE line = 2", ""),
        ("DELETE FROM budget_line WHERE line = 3", "no lines"),
    ):
        with database.transaction() as session:
            session.execute(text(statement))
            found = check(session, county.id)
            assert words in " ".join(found), (statement, found)
            assert bool(found) == bool(words), (statement, found)
            session.rollback()


def test_the_command_line_imports_a_file_and_checks_the_figures(
    api: Api,
    database_url: str,
    worked: dict[str, str],
    tmp_path: Any,
    monkeypatch: Any,
) -> None:
    monkeypatch.setenv("LAVA_DATABASE_URL", database_url)
    file = tmp_path / "toteuma.csv"
    file.write_text(lines((2026, "", "B", "", "4300", "10,00"), (2026, "", "X", "", "4300", "1.234")), "utf-8")
    run = CliRunner().invoke
    options = ["budget", "import", str(file), "--organisation", "1234567-1", "--phase", "actual"]
    refused = run(command, options)
    assert refused.exit_code == 1
    assert "2 faults" in refused.output
    assert file.exists()
    file.write_text(lines((2026, "", "B", "", "4300", "10,00")), "utf-8")
    assert "It would bring" in run(command, [*options, "--dry-run"]).output
    assert run(command, options).exit_code == 0
    assert "in force already" in run(command, options).output
    checked = run(command, ["budget", "check"])
    assert (checked.exit_code, "right" in checked.output) == (0, True)
    assert run(command, ["budget", "import", str(file), "--organisation", "7654321-2"]).exit_code == 1
