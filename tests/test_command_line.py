"""The command line: what it refuses is neither stored nor journalled."""

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from app import cli
from app.access.models import ApiKey, Organisation, Role
from app.database import Database, Session, table_of
from app.demo.county import is_unfinished
from app.demo.server import Running, bound
from app.journal.actions import NOT_TOLD
from app.journal.models import JournalDetails, JournalEntry
from app.public_register.models import RegisterEntry
from app.settings import Settings
from tests.county import Api, County, an_assessment, founded

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


# The demo


@pytest.fixture
def quick_demo(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The demo without its stories, stopped as soon as it has started."""
    monkeypatch.setattr("app.demo.filling.demo_stories", lambda _running, _keys: None)
    monkeypatch.setattr(Running, "wait", lambda _self: None)
    return monkeypatch


def _interrupt(_running: Running, _keys: dict[str, str]) -> None:
    raise KeyboardInterrupt


def _keys(database: Database) -> list[tuple[str, bool]]:
    """The label of each key, and whether it is revoked."""
    with database.transaction(writes=False) as session:
        table = table_of(ApiKey)
        rows = session.execute(select(table.c.label, table.c.revoked_at).order_by(table.c.id))
        return [(label, revoked_at is not None) for label, revoked_at in rows]


@pytest.mark.usefixtures("quick_demo")
def test_a_demo_on_a_taken_port_says_so_and_touches_nothing(database: Database, database_url: str) -> None:
    assert lava(database_url, "demo", "--port", "0")[0] == 0
    before = _keys(database)
    with bound(Settings(port=0)) as taken:
        port = taken.getsockname()[1]
        code, told = lava(database_url, "demo", "--port", str(port))
    assert (code, told.count("\n"), "--port" in told) == (1, 1, True)
    assert _keys(database) == before
    assert before.count(("demo", False)) == len(Role)


def test_a_demo_that_was_stopped_while_it_was_filled_starts_over(
    database: Database, database_url: str, quick_demo: pytest.MonkeyPatch
) -> None:
    with quick_demo.context() as patch:
        patch.setattr("app.demo.filling.demo_stories", _interrupt)
        assert lava(database_url, "demo", "--port", "0")[0] == 130
    assert is_unfinished(database)
    database.engine.dispose()
    code, told = lava(database_url, "demo", "--port", "0")
    if database.is_sqlite:
        aside = f"sqlite:///{database.url.database}".replace(".db", "-unfinished.db")
        assert (code, is_unfinished(database), is_unfinished(Database(aside))) == (0, False, True)
        assert lava(database_url, "demo", "--port", "0")[0] == 0
        assert is_unfinished(Database(aside))
    else:
        assert (code, "LAVA_DATABASE_URL" in told, is_unfinished(database)) == (1, True, True)


@pytest.mark.parametrize("kept", ["another organisation", "an open file"])
def test_an_unfinished_demo_is_not_put_aside_with_what_others_use(
    database: Database, database_url: str, quick_demo: pytest.MonkeyPatch, kept: str
) -> None:
    quick_demo.setattr("app.demo.filling.demo_stories", _interrupt)
    assert lava(database_url, "demo", "--port", "0")[0] == 130
    if kept == "another organisation":
        founded(database, "Esimerkkialue", "1234567-1")
        database.engine.dispose()
    assert is_unfinished(database)  # and so the file is open
    assert lava(database_url, "demo", "--port", "0")[0] == 1
    assert is_unfinished(database)
