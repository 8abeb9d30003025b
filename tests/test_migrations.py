"""Every migration goes up, down and up again with data, on both databases, and loses neither rows nor triggers."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.util import CommandError
from sqlalchemy import inspect, select, text
from sqlmodel import SQLModel, col

from app import schema
from app.assessments.models import Assessment, Attachment
from app.budgeting import actions as budgeting
from app.budgeting.models import Phase
from app.database import Database
from app.decisions.models import Decision
from app.journal.queries import verify
from app.journal.triggers import missing_triggers
from tests.conftest import Postgresql
from tests.county import County, a_budget, a_decision, an_assessment, founded, make_delivery, make_webhook

Rows = dict[str, list[dict[str, Any]]]


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database without any table."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/empty.db"
        return
    server: Postgresql = request.getfixturevalue("postgresql")
    name = f"lava_empty_{server.worker}"
    server._run(f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name}")
    yield server._url(name)
    server.drop(server._url(name))


@pytest.fixture
def empty(empty_url: str) -> Iterator[Database]:
    made = Database(empty_url, connections=2)
    yield made
    made.engine.dispose()


def tables(database: Database) -> set[str]:
    return set(inspect(database.engine).get_table_names()) - {"alembic_version"}


def every_row(database: Database) -> Rows:
    """Everything that is in the database, in order."""
    with database.transaction(writes=False) as session:
        return {
            table.name: sorted((dict(row) for row in session.execute(select(table)).mappings()), key=str)
            for table in SQLModel.metadata.sorted_tables
        }


def fill(database: Database) -> County:
    """An organisation with a published assessment and its journal."""
    county = founded(database, "Esimerkkialue", "1234567-1")
    with database.transaction() as session:
        an_assessment(session, county, "published")
        a_decision(session, county, "2/2026")
    return county


def fill_later_tables(database: Database, county: County, year: int) -> None:
    """A budget with everything kept beside it, published."""
    a_budget(database, county, year)
    with database.transaction() as session:
        make_delivery(session, make_webhook(session, county), "pending")
        budgeting.publish(session, year, Phase.BUDGET, by=county["controller"])
        of = session.scalars(select(Assessment)).one()
        link: dict[str, Any] = {"kind": "link", "title": "Lausunto", "url": "https://example.fi/lausunto.pdf"}
        session.add(Attachment(organisation_id=county.id, assessment_id=of.id, **link))


LATER = {
    "account_ranges",
    "attachment",
    "budget_line",
    "figures_revision",
    "job",
    "ledger",
    "ledger_sum",
    "ledger_total",
    "population",
    "published_child_budget",
    "webhook",
    "webhook_delivery",
}


def whole(database: Database) -> None:
    """Assert that the schema is the code's, the triggers are there and no chain is broken."""
    schema.check(database)
    assert missing_triggers(database) == set()
    with database.transaction(writes=False) as session:
        assert not any(verify(session).values())


@pytest.mark.slow
def test_every_migration_goes_down_and_up_again_with_data(empty: Database) -> None:
    schema.migrate(empty)
    county = fill(empty)
    fill_later_tables(empty, county, 2026)
    before = every_row(empty)
    assert before["journal_entry"]
    assert before["seal"]
    assert {name for name, rows in before.items() if rows} >= LATER
    revisions = schema.revisions()
    for revision in revisions[-2::-1]:  # one step down, up again, and the next time one step further
        schema.migrate_down(empty, revision)
        below = tables(empty)
        assert below <= set(SQLModel.metadata.tables)
        schema.migrate(empty)
        after = every_row(empty)
        assert after == {name: rows if name in below else [] for name, rows in before.items()}
        whole(empty)
        before = after
    assert not any(before[name] for name in LATER), "going down takes them away with their tables"
    with empty.transaction() as session:
        for name in ("classification", "cost_centre", "unit", "service_class"):
            session.execute(text(f"DELETE FROM {name}"))
    fill_later_tables(empty, county, 2027)
    whole(empty)
    schema.migrate_down(empty, "base")
    assert tables(empty) == set()
    assert leftovers(empty) == []
    schema.migrate(empty)
    whole(empty)
    assert not any(every_row(empty).values())


def leftovers(database: Database) -> list[str]:
    """Functions and triggers that outlive their tables."""
    statement = (
        "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        if database.is_sqlite
        else "SELECT proname FROM pg_proc JOIN pg_namespace n ON n.oid = pronamespace WHERE nspname = 'public'"
    )
    with database.transaction(writes=False) as session:
        return [str(name) for (name,) in session.execute(text(statement))]


def counts(database: Database) -> dict[str, int]:
    """How many rows each table has, whatever its columns are at this revision."""
    with database.transaction(writes=False) as session:
        return {name: session.execute(text(f'SELECT count(*) FROM "{name}"')).scalar_one() for name in tables(database)}


def test_each_migration_alone_takes_data_along(empty: Database) -> None:
    first, *later = schema.revisions()
    schema.migrate(empty)
    county = fill(empty)
    before, rows = every_row(empty), counts(empty)
    schema.migrate_down(empty, first)
    for revision in later:
        schema.migrate(empty, revision)
        there = counts(empty)
        assert there == {name: rows[name] for name in there}
    assert every_row(empty) == before
    whole(empty)
    fill_later_tables(empty, county, 2026)
    whole(empty)


def test_migrating_again_changes_nothing(empty: Database) -> None:
    for _ in range(2):
        schema.migrate(empty)
        whole(empty)


def test_a_migration_that_drops_a_trigger_is_refused(empty: Database) -> None:
    schema.migrate(empty)
    with empty.transaction() as session:
        if empty.is_sqlite:
            session.execute(text("DROP TRIGGER seal_append_only_update"))
        else:
            session.execute(text("DROP TRIGGER seal_append_only ON seal"))
    with pytest.raises(RuntimeError, match="seal_append_only"):
        schema.migrate(empty)


@pytest.mark.parametrize("change", ["ALTER TABLE unit ADD COLUMN extra TEXT", "DROP TABLE outcome"])
def test_control_a_difference_between_code_and_migrations_is_found(empty: Database, change: str) -> None:
    schema.migrate(empty)
    with empty.transaction() as session:
        session.execute(text(change))
    with pytest.raises(CommandError):
        schema.check(empty)


def test_a_migration_that_breaks_references_is_rolled_back(empty: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch rebuild runs with foreign keys off: they are checked after it, and nothing of it stays."""
    if not empty.is_sqlite:
        return
    first, *_ = schema.revisions()
    schema.migrate(empty)
    fill(empty)
    schema.migrate_down(empty, first)
    with empty.transaction() as session:
        session.connection().exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        before = session.execute(text("SELECT count(*) FROM account")).scalar_one()
    monkeypatch.setattr("alembic.op.execute", breaking_references)
    with pytest.raises(RuntimeError, match="broke references"):
        schema.migrate(empty)
    monkeypatch.undo()
    with empty.transaction(writes=False) as session:
        assert session.execute(text("SELECT count(*) FROM account")).scalar_one() == before
        assert session.execute(text("SELECT version_num FROM alembic_version")).scalar_one() == first


def breaking_references(_statement: str) -> None:
    from alembic import op

    op.get_bind().execute(text("DELETE FROM account"))


MIGRATE = """
import sys
from app import database, schema
made = database.Database(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
schema.migrate(made)
made.engine.dispose()
"""


@pytest.mark.slow
def test_several_processes_migrate_at_once(empty_url: str, empty: Database) -> None:
    command = [sys.executable, "-W", "ignore", "-c", MIGRATE, empty_url]
    pipe = subprocess.PIPE
    started = [subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe) for _ in range(2)]
    for process in started:
        assert process.stdout is not None
        process.stdout.readline()
    for process in started:
        assert process.stdin is not None
        process.stdin.write(b"\n")
        process.stdin.flush()
    errors = [process.communicate(timeout=60)[1].decode()[-500:] for process in started]
    assert [process.returncode for process in started] == [0, 0], errors
    whole(empty)


def test_a_clearance_that_was_there_is_kept_among_all_there_have_been(empty: Database) -> None:
    schema.migrate(empty)
    fill(empty)
    schema.migrate_down(empty, "0003")
    with empty.transaction() as session:
        session.execute(text("UPDATE decision SET diary_number = '  A   1 ' WHERE clearance IS NOT NULL"))
    schema.migrate(empty)
    with empty.transaction(writes=False) as session:
        row = session.scalars(select(Decision).where(col(Decision.clearance_kind).is_not(None))).one()
        assert row.clearances == [{**(row.clearance or {}), "until": None}]
        assert (row.diary_number, row.natural_number) == ("  A   1 ", "A 1")
