"""Running the service: settings, readiness, a database that is away, forgetting, and the command line."""

import asyncio
from datetime import timedelta

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import ValidationError
from sqlalchemy import text
from typer.testing import CliRunner

from app import cli, clock, schema
from app.clock import today
from app.conventions import idempotency
from app.database import Database
from app.main import create_app
from app.settings import Settings
from tests.county import Api, County, an_assessment


@pytest.mark.parametrize("name", ["rate_limit", "public_rate_limit", "log_level", "port"])
def test_a_setting_that_cannot_be_is_refused_at_start(name: str) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate({name: "nonsense"})


@pytest.mark.parametrize("scheme", ["postgresql://", "postgres://"])
def test_an_address_is_taken_as_providers_hand_it_out(scheme: str) -> None:
    assert Settings(database_url=f"{scheme}x@y/z").database_url == "postgresql+psycopg://x@y/z"


def test_the_service_is_ready_where_its_database_answers(client: TestClient, the_app: FastAPI) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ready"}
    the_app.state.draining = True
    refused = client.get("/readyz")
    assert (refused.status_code, refused.headers["content-type"]) == (503, "application/problem+json")
    the_app.state.draining = False


def test_a_database_that_is_away_is_told_as_such(the_app: FastAPI, client: TestClient, database_url: str) -> None:
    if database_url.startswith("sqlite"):
        pytest.skip("a SQLite file is never away")
    there = the_app.state.database
    the_app.state.database = Database("postgresql+psycopg://nobody@127.0.0.1:9/none", on_loop=True)
    answer = client.get("/readyz")
    the_app.state.database = there
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:lava:problem:database_away")
    assert answer.headers["retry-after"]


def test_a_database_of_another_version_is_refused_at_start(database: Database, database_url: str) -> None:
    assert schema.is_current(database)
    with database.transaction() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    app = create_app(Settings(), Database(database_url, on_loop=True))
    with pytest.raises(RuntimeError, match="lava migrate"), TestClient(app):
        pass
    asyncio.run(app.state.database.close())


def test_old_idempotency_keys_are_forgotten_and_young_ones_kept(
    api: Api, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = {"diary_number": "1/2026", "title": {"fi": "Asia"}}
    assert api.send("preparer", "POST", "/api/v1/decisions", body, idempotency_key="old").status_code == 201
    with database.transaction() as session:
        assert idempotency.forget_old(session) == 0
    later = clock.now() + idempotency.KEPT_FOR + timedelta(minutes=1)
    monkeypatch.setattr(idempotency, "now", lambda: later)
    with database.transaction() as session:
        assert idempotency.forget_old(session) == 1


def test_a_misspelt_parameter_is_not_lost_in_silence(api: Api) -> None:
    refused = api.send("preparer", "GET", "/api/v1/decisions?stat=draft")
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "stat"
    assert "state" in refused.json()["errors"][0]["detail"]


def test_a_handling_reported_late_leaves_the_matter_where_its_last_meeting_did(
    api: Api, county: County, database: Database
) -> None:
    with database.transaction() as session:
        path = f"/api/v1/decisions/{an_assessment(session, county, 'approved').decision_id}"
    decided = {"body": "Aluevaltuusto", "meeting_date": str(today()), "outcome": "decided"}
    assert api.change("registrar", "POST", f"{path}/handlings", decided, of=path).status_code == 201
    tabled = {"body": "Aluehallitus", "meeting_date": str(today() - timedelta(days=30)), "outcome": "tabled"}
    assert api.change("registrar", "POST", f"{path}/handlings", tabled, of=path).status_code == 201
    after = api.send("preparer", "GET", path).json()
    assert (after["state"], after["body"], after["uncleared"]) == ("decided", "Aluevaltuusto", False)
    assert [row["body"] for row in api.send("preparer", "GET", f"{path}/handlings").json()["items"]] == [
        "Aluehallitus",
        "Aluevaltuusto",
    ]


def test_a_body_that_takes_a_decided_matter_back_undates_its_follow_up(api: Api) -> None:
    path = f"/api/v1/decisions/{api.decision()['id']}"
    for outcome in ("decided", "returned"):
        handling = {"body": "Aluehallitus", "meeting_date": str(today()), "outcome": outcome}
        assert api.change("registrar", "POST", f"{path}/handlings", handling, of=path).status_code == 201
    after = api.send("preparer", "GET", path).json()
    assert (after["state"], after["decided_on"], after["follow_up_on"]) == ("returned", None, None)


def _lava(url: str, *arguments: str) -> tuple[int, str]:
    result = CliRunner(env={"LAVA_DATABASE_URL": url}).invoke(cli.app, list(arguments))
    return result.exit_code, result.output


@pytest.mark.usefixtures("county")
def test_an_organisation_and_a_way_in_from_the_command_line(database_url: str, client: TestClient) -> None:
    assert _lava(database_url, "organisation", "add", "7654321-2", "Uusi alue")[0] == 0
    code, told = _lava(database_url, "organisation", "add", "7654321-3", "Uusi alue")
    assert (code, "check digit" in told) == (1, True)
    assert _lava(database_url, "organisation", "add", "1234567-1", "Esimerkkialue")[0] == 1
    for business_id in ("1234567-1", "7654321-2"):
        code, told = _lava(database_url, "organisation", "key", business_id)
        assert code == 0
        me = client.get("/api/v1/people/me", headers={"Authorization": f"Bearer {told.split()[-1]}"}).json()
        assert me["roles"] == ["administrator"]
    assert _lava(database_url, "organisation", "key", "9999999-2")[0] == 1
