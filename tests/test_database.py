"""What the database itself promises: durable settings, a held lock that stalls nobody, and triggers at start-up."""

import shutil
import sqlite3
import statistics
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from app import database as database_module
from app import schema
from app.database import Database
from app.demo.server import Running, serving
from app.errors import Busy
from app.journal.triggers import missing_triggers
from app.main import create_app
from app.settings import Settings
from tests.county import County, founded

CONNECTIONS = 4
WRITERS = 30  # more than there are connections
HELD_SECONDS = 1.5
PATH = "/api/v1/decisions"
PRAGMAS = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


@pytest.fixture
def sqlite_file(sqlite_template: Path, tmp_path: Path) -> Path:
    """A fresh migrated SQLite file, for what concerns SQLite alone."""
    path = tmp_path / "lava.db"
    shutil.copy(sqlite_template, path)
    return path


# SQLite's settings


def test_every_pooled_sqlite_connection_is_durable_and_holds_references(sqlite_file: Path) -> None:
    database = Database(f"sqlite:///{sqlite_file}", connections=CONNECTIONS)
    open_at_once = [database.engine.connect() for _ in range(CONNECTIONS)]
    try:
        for connection in open_at_once:
            found = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in PRAGMAS}
            assert found == PRAGMAS
    finally:
        for connection in open_at_once:
            connection.close()
        database.engine.dispose()
    with closing(sqlite3.connect(sqlite_file)) as bare:  # the control: a connection that nobody prepared
        assert bare.execute("PRAGMA foreign_keys").fetchone() == (0,)


def test_a_migration_gives_the_pool_back_a_connection_that_holds_references(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/new.db", connections=1)
    schema.migrate(database)
    with database.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one() == 1
    database.engine.dispose()


def test_a_read_sees_one_picture_of_the_data(sqlite_file: Path) -> None:
    database = Database(f"sqlite:///{sqlite_file}", connections=CONNECTIONS)
    count = text("SELECT count(*) FROM organisation")
    with database.transaction(writes=False) as reading:
        before = reading.execute(count).scalar_one()
        founded(database, "Esimerkkialue", "1234567-1")
        assert reading.execute(count).scalar_one() == before
    with database.transaction(writes=False) as reading:
        assert reading.execute(count).scalar_one() == before + 1
    database.engine.dispose()


# A held write lock


@pytest.fixture
def sqlite_county(sqlite_file: Path) -> County:
    database = Database(f"sqlite:///{sqlite_file}")
    try:
        return founded(database, "Esimerkkialue", "1234567-1")
    finally:
        database.engine.dispose()


@pytest.fixture
def running(sqlite_file: Path, sqlite_county: County) -> Iterator[Running]:
    with serving(Settings(port=0, database_url=f"sqlite:///{sqlite_file}")) as made:
        yield made


@contextmanager
def locked(sqlite_file: Path) -> Iterator[None]:
    """Another process, such as a backup, holds the write lock."""
    with closing(sqlite3.connect(sqlite_file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@pytest.mark.slow
def test_a_held_write_lock_delays_writes_and_stalls_no_read(
    sqlite_file: Path, sqlite_county: County, running: Running
) -> None:
    headers = {"Authorization": f"Bearer {sqlite_county.keys['preparer']}"}
    reads: list[float] = []
    with (
        httpx.Client(base_url=running.address, headers=headers, timeout=60) as client,
        ThreadPoolExecutor(WRITERS) as pool,
    ):
        assert client.get(PATH).status_code == 200

        def write(number: int) -> tuple[int, float]:
            started = time.monotonic()
            body = {"diary_number": f"{number}/2026", "title": {"fi": "Asia"}}
            return client.post(PATH, json=body).status_code, time.monotonic() - started

        with locked(sqlite_file):
            held = time.monotonic()
            writes = [pool.submit(write, number) for number in range(WRITERS)]
            while time.monotonic() - held < HELD_SECONDS:
                for path in (PATH, "/healthz", "/readyz"):
                    started = time.monotonic()
                    assert client.get(path).status_code == 200
                    reads.append(time.monotonic() - started)
                time.sleep(0.02)
            assert not any(done.done() for done in writes), "a write went through a held lock"
        answers = [done.result(60) for done in writes]
        assert {status for status, _ in answers} == {201}
        assert min(seconds for _, seconds in answers) >= HELD_SECONDS * 0.9
        assert len(client.get(PATH).json()["items"]) == WRITERS
    # Reads wait for at most a few tries at the lock, not for the lock; the machine may be busy with other tests.
    assert statistics.median(reads) < 0.1, f"median {statistics.median(reads):.3f} s of {len(reads)} reads"
    assert max(reads) < HELD_SECONDS / 2, f"the slowest read took {max(reads):.3f} s"


def test_a_write_that_waits_too_long_is_told_to_come_again(
    sqlite_file: Path, sqlite_county: County, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "WRITE_WAIT_SECONDS", 0.2)
    with serving(Settings(port=0, database_url=f"sqlite:///{sqlite_file}")) as made, locked(sqlite_file):
        sent = {"Authorization": f"Bearer {sqlite_county.keys['preparer']}"}
        body = {"diary_number": "1/2026", "title": {"fi": "Asia"}}
        answer = httpx.post(made.address + PATH, json=body, headers=sent, timeout=30)
        assert (answer.status_code, answer.json()["type"]) == (503, "urn:lava:problem:database_busy")
        assert answer.headers["retry-after"] == "1"
        assert httpx.get(made.address + PATH, headers=sent, timeout=30).json()["items"] == []


def test_threads_wait_their_turn_too(sqlite_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_module, "WRITE_WAIT_SECONDS", 0.2)
    database = Database(f"sqlite:///{sqlite_file}", connections=2)
    with locked(sqlite_file), pytest.raises(Busy), database.transaction() as session:
        session.execute(text("SELECT 1"))
    done = threading.Event()

    def wait_and_write() -> None:
        with database.transaction() as session:
            session.execute(text("SELECT 1"))
        done.set()

    monkeypatch.setattr(database_module, "WRITE_WAIT_SECONDS", 10.0)
    thread = threading.Thread(target=wait_and_write)
    with locked(sqlite_file):
        thread.start()
        assert not done.wait(0.3)
    thread.join(10)
    assert done.is_set()
    database.engine.dispose()


# Triggers at start-up


def triggers(database: Database) -> list[tuple[str, str]]:
    """Every trigger of ours with its table."""
    statement = (
        "SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger'"
        if database.is_sqlite
        else "SELECT tgname, tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal"
    )
    with database.transaction(writes=False) as session:
        return [(str(name), str(table)) for name, table in session.execute(text(statement))]


def starts(database_url: str) -> bool:
    """Whether the service starts on a database."""
    service = Database(database_url, connections=1, on_loop=True)
    try:
        with TestClient(create_app(Settings(), service)) as client:
            return client.get("/readyz").status_code == 200
    except RuntimeError as error:
        assert "lava migrate" in str(error)  # noqa: PT017
        return False


def test_the_service_starts_on_a_whole_database_only(database_url: str, database: Database) -> None:
    assert starts(database_url)
    assert missing_triggers(database) == set()
    unnoticed = []
    for name, table in triggers(database):
        with database.transaction() as session:
            made = session.execute(text(definition_of(database, name))).scalar_one()
            session.execute(text(f"DROP TRIGGER {name}" + ("" if database.is_sqlite else f" ON {table}")))
        if starts(database_url):
            unnoticed.append(name)
        with database.transaction() as session:
            session.execute(text(str(made)))
    assert unnoticed == []
    assert starts(database_url)


def test_a_trigger_of_the_right_name_that_does_nothing_protects_nothing(database_url: str, database: Database) -> None:
    unnoticed = []
    for name, table in triggers(database):
        with database.transaction() as session:
            made = session.execute(text(definition_of(database, name))).scalar_one()
            session.execute(text(f"DROP TRIGGER {name}" + ("" if database.is_sqlite else f" ON {table}")))
            session.execute(text(NOTHING[database.is_sqlite].format(name)))
        if missing_triggers(database) != {name}:
            unnoticed.append(name)
        with database.transaction() as session:
            session.execute(text(f"DROP TRIGGER {name}" + ("" if database.is_sqlite else " ON organisation")))
            session.execute(text(str(made)))
    assert unnoticed == []
    assert starts(database_url)


NOTHING = {
    True: "CREATE TRIGGER {} AFTER INSERT ON organisation BEGIN SELECT 1; END",
    False: "CREATE TRIGGER {} BEFORE UPDATE ON organisation FOR EACH ROW EXECUTE FUNCTION lava_refuse_change()",
}


def test_a_trigger_whose_function_lets_changes_through_protects_nothing(database_url: str, database: Database) -> None:
    if database.is_sqlite:
        return  # its triggers have no functions
    with database.transaction() as session:
        nothing = "RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$"
        session.execute(text(f"CREATE OR REPLACE FUNCTION lava_refuse_change() {nothing}"))
    assert not starts(database_url)


def definition_of(database: Database, name: str) -> str:
    if database.is_sqlite:
        return f"SELECT sql FROM sqlite_master WHERE name = '{name}'"
    return f"SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgname = '{name}'"


def test_the_service_refuses_a_database_whose_triggers_are_switched_off(database_url: str, database: Database) -> None:
    if database.is_sqlite:
        return  # SQLite cannot switch a trigger off
    with database.transaction() as session:
        session.execute(text("ALTER TABLE journal_entry DISABLE TRIGGER USER"))
    assert not starts(database_url)


def test_the_service_refuses_a_database_that_was_not_migrated(tmp_path: Path) -> None:
    assert not starts(f"sqlite:///{tmp_path}/empty.db")
