"""The command line: what it refuses is neither stored nor journalled."""

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from app import cli
from app.access.models import Organisation
from app.database import Database, Session, table_of
from app.journal.actions import NOT_TOLD
from app.journal.models import JournalDetails, JournalEntry
from app.public_register.models import RegisterEntry
from tests.county import Api, County, an_assessment

CODE = "010190-950A"
"""A personal identity code with a right check character; numbers from 900 on are given to nobody."""


def lava(url: str, *arguments: str) -> tuple[int, str]:
    """Run a command; its exit code and what it printed."""
    result = CliRunner(env={"LAVA_DATABASE_URL": url}).invoke(cli.app, list(arguments))
    return result.exit_code, result.output


def _commands_with_a_code(session: Session, county: County) -> list[tuple[str, ...]]:
    an_assessment(session, county, "published")
    entry = session.execute(select(table_of(RegisterEntry).c.id)).scalar_one()
    return [
        ("organisation", "add", "7654321-2", f"Alue {CODE}"),
        ("organisation", "add", "7654321-2", f"hetu{CODE}n"),
        ("journal", "erase", str(county.id), "1", f"Syy {CODE}"),
        ("unpublish", str(county.id), str(entry), f"Syy {CODE}"),
    ]


def _written(database: Database) -> str:
    """Everything that the tables which commands write to hold, as one text."""
    with database.transaction(writes=False) as session:
        tables = (Organisation, RegisterEntry, JournalEntry, JournalDetails)
        return repr([session.execute(select(table_of(table))).all() for table in tables])


def test_no_command_stores_or_journals_an_identity_code(
    database: Database, database_url: str, county: County, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.transaction() as session:
        commands = _commands_with_a_code(session, county)
    before = _written(database)
    for command in commands:
        code, told = lava(database_url, *command)
        assert (code, "personal identity code" in told, CODE in told) == (1, True, False), command
        assert _written(database) == before, command
    monkeypatch.setattr("app.journal.actions.fault_in_text", lambda _: None)  # the control
    assert [lava(database_url, *command)[0] for command in commands] == [0, 1, 0, 0]
    assert CODE in _written(database)


def test_a_code_kept_before_it_was_recognised_can_be_removed(
    api: Api, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("app.texts.holds_identity_code", lambda _: False)
        path = f"/api/v1/decisions/{api.decision(title={'fi': f'Asia {CODE}'})['id']}"
    assert api.change("preparer", "PATCH", path, {"title": {"fi": "Asia"}}).status_code == 200
    told = api.send("auditor", "GET", "/api/v1/journal?verb=decision.changed").json()["items"][-1]["details"]
    assert told["changes"]["title"] == {"from": NOT_TOLD, "to": {"fi": "Asia"}}
