"""The journal can't be edited, reordered, cut or filled in unnoticed; words can be erased; triggers refuse the rest."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.exc import DBAPIError
from typer.testing import CliRunner
from uuid_utils.compat import uuid7

from app.access.rules import System
from app.assessments.models import Seal
from app.cli import app as command
from app.clock import now
from app.database import Database, Session, table_of
from app.errors import NotFound
from app.journal import rules
from app.journal.actions import erase, record
from app.journal.models import JournalDetails, JournalEntry
from app.journal.queries import heads, verify
from app.journal.rules import digest_of_details, hash_of_entry
from tests.county import County, an_assessment

ENTRY, DETAILS, SEAL = table_of(JournalEntry), table_of(JournalDetails), table_of(Seal)
Checkpoint = dict[str, tuple[int, str]]


@contextmanager
def tampering(database: Database) -> Iterator[Session]:
    """A session of somebody who owns the database: the triggers are gone. Nothing of it stays."""
    session = database.open_session(writes=True)
    try:
        if database.is_sqlite:
            for (name,) in session.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all():
                session.execute(text(f"DROP TRIGGER {name}"))
        else:
            for table in ("journal_entry", "journal_details", "seal"):
                session.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
        yield session
    finally:
        session.rollback()
        session.close()


def faults(session: Session, checkpoint: Checkpoint | None = None) -> list[str]:
    """What verification finds in all chains."""
    return [fault for found in verify(session, checkpoint).values() for fault in found]


def rows_of(session: Session, county: County, table: Any) -> list[dict[str, Any]]:
    """The county's rows of a table, in order."""
    statement = select(table).where(table.c.organisation_id == county.id).order_by(table.c.seq)
    return [dict(row) for row in session.execute(statement).mappings()]


def at(county: County, table: Any, seq: int) -> tuple[Any, Any]:
    """The condition that names one row."""
    return table.c.organisation_id == county.id, table.c.seq == seq


def mutated(value: Any) -> Any:
    """Another value of the same kind."""
    if value is None or isinstance(value, UUID):
        return uuid7()
    if isinstance(value, int):
        return value + 1000
    if isinstance(value, str):
        return value[:-1] + ("0" if value[-1] != "0" else "1")
    return value + timedelta(microseconds=1)


# Tampering


def undetected_mutations(session: Session, county: County, table: Any) -> set[str]:
    """The fields of a table of which some row's mutation goes unnoticed."""
    missed = set()
    for row in rows_of(session, county, table):
        for name, value in row.items():
            changed = now() if name == "erased_at" else mutated(value)
            with session.begin_nested() as savepoint:
                session.execute(update(table).where(*at(county, table, row["seq"])).values({name: changed}))
                if not faults(session):
                    missed.add(name)
                savepoint.rollback()
    return missed


@pytest.mark.parametrize("table", [ENTRY, DETAILS], ids=["entry", "details"])
def test_a_change_of_any_field_of_any_row_is_found(database: Database, county: County, table: Any) -> None:
    with tampering(database) as session:
        assert faults(session) == []
        assert undetected_mutations(session, county, table) == set()
        assert faults(session) == []


def test_control_a_field_that_the_hash_leaves_out_would_be_changed_unnoticed(
    database: Database, county: County, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "hash_of_entry", lambda previous, **said: hash_of_entry(previous, **said | FIXED))
    with tampering(database) as session:
        previous = rules.GENESIS
        for row in rows_of(session, county, ENTRY):
            said = {name: value for name, value in row.items() if name != "hash"}
            previous = rules.hash_of_entry(previous, **said)
            session.execute(update(ENTRY).where(*at(county, ENTRY, row["seq"])).values(hash=previous))
        assert faults(session) == []
        assert undetected_mutations(session, county, ENTRY) == {"verb"}


FIXED = {"verb": "left.out"}


def test_words_that_lose_their_salt_or_their_row_are_found(database: Database, county: County) -> None:
    with tampering(database) as session:
        for gone in ({"salt": None}, {"details": None}, {"salt": None, "details": None}):
            with session.begin_nested() as savepoint:
                session.execute(update(DETAILS).where(*at(county, DETAILS, 3)).values(gone))
                assert faults(session) == ["entry 3: its details are gone without an erasure"]
                savepoint.rollback()
        session.execute(delete(DETAILS).where(*at(county, DETAILS, 3)))
        assert faults(session) == ["entry 3: its details are gone without an erasure"]


def test_two_entries_that_change_places_are_found(database: Database, county: County) -> None:
    with tampering(database) as session:
        for table in (ENTRY, DETAILS):
            for before, after in ((4, -1), (5, 4), (-1, 5)):
                session.execute(update(table).where(*at(county, table, before)).values(seq=after))
        found = faults(session)
        assert any(fault.startswith("entry 4:") for fault in found)
        assert any(fault.startswith("entry 5:") for fault in found)


def test_an_entry_taken_out_of_the_middle_is_found_even_when_the_rest_move_up(
    database: Database, county: County
) -> None:
    with tampering(database) as session:
        last = len(rows_of(session, county, ENTRY))
        for table in (ENTRY, DETAILS):
            session.execute(delete(table).where(*at(county, table, 5)))
        assert "entry 5: missing (the next one is 6)" in faults(session)
        for table in (ENTRY, DETAILS):
            for seq in range(6, last + 1):
                session.execute(update(table).where(*at(county, table, seq)).values(seq=seq - 1))
        assert any(fault.startswith("entry 5:") for fault in faults(session))


def test_the_first_entry_taken_away_is_found(database: Database, county: County) -> None:
    with tampering(database) as session:
        for table in (ENTRY, DETAILS):
            session.execute(delete(table).where(*at(county, table, 1)))
        assert "entry 1: missing (the next one is 2)" in faults(session)


@pytest.mark.parametrize("whole", [False, True], ids=["tail", "whole journal"])
def test_a_tail_cut_off_is_found_with_a_checkpoint_and_only_with_one(
    database: Database, county: County, neighbour: County, whole: bool
) -> None:
    with tampering(database) as session:
        checkpoint = heads(session)
        last, _ = checkpoint[str(county.id)]
        first_gone = 1 if whole else last - 2
        for table in (ENTRY, DETAILS):
            session.execute(delete(table).where(table.c.organisation_id == county.id, table.c.seq >= first_gone))
        assert faults(session) == []
        found = f"the journal ends at entry {first_gone - 1}, but the checkpoint saw entry {last}"
        assert faults(session, checkpoint) == [found]


def entry_after(row: dict[str, Any], **other: Any) -> dict[str, Any]:
    """A well-made entry that follows a row, with a right hash."""
    said = {**row, "seq": row["seq"] + 1, **other}
    previous = said.pop("hash")
    return {**said, "hash": hash_of_entry(previous, **said)}


def words_of(entry: dict[str, Any], salt: str, words: str) -> dict[str, Any]:
    """The row beside an entry."""
    keys = {name: entry[name] for name in ("organisation_id", "seq")}
    return {**keys, "salt": salt, "details": words, "erased_at": None}


def test_the_last_entry_rewritten_with_right_hashes_is_found_with_a_checkpoint(
    database: Database, county: County
) -> None:
    with tampering(database) as session:
        checkpoint = heads(session)
        *_, before, last = rows_of(session, county, ENTRY)
        words = '{"actor":"somebody else"}'
        made = entry_after(before, at=last["at"], details_digest=digest_of_details("aa", words))
        session.execute(update(ENTRY).where(*at(county, ENTRY, last["seq"])).values(made))
        session.execute(update(DETAILS).where(*at(county, DETAILS, last["seq"])).values(words_of(made, "aa", words)))
        assert faults(session) == []
        assert faults(session, checkpoint) == [f"entry {last['seq']}: not the entry that the checkpoint saw"]


def test_an_entry_put_in_between_is_found(database: Database, county: County) -> None:
    with tampering(database) as session:
        rows = rows_of(session, county, ENTRY)
        for table in (ENTRY, DETAILS):
            for seq in range(len(rows), 4, -1):
                session.execute(update(table).where(*at(county, table, seq)).values(seq=seq + 1))
        words = '{"actor":"nobody"}'
        made = entry_after(rows[3], details_digest=digest_of_details("aa", words))
        session.execute(insert(ENTRY), [made])
        session.execute(insert(DETAILS), [words_of(made, "aa", words)])
        assert any(fault.startswith("entry 6:") for fault in faults(session))


def test_an_entry_put_before_the_first_is_found(database: Database, county: County) -> None:
    with tampering(database) as session:
        first = rows_of(session, county, ENTRY)[0]
        session.execute(insert(ENTRY), [{**first, "seq": 0}])
        assert faults(session) != []


# Erasure


def test_erased_words_are_gone_and_the_chain_is_whole(database: Database, county: County) -> None:
    by = System(county.id)
    with database.transaction() as session:
        checkpoint = heads(session)
        words = rows_of(session, county, DETAILS)[2]["details"]
        erase(session, by, 3, "asked for by the person")
    with database.transaction(writes=False) as session:
        erased = rows_of(session, county, DETAILS)[2]
        last = rows_of(session, county, DETAILS)[-1]
        verb = rows_of(session, county, ENTRY)[-1]["verb"]
        assert faults(session, checkpoint) == []
        assert words not in [row["details"] for row in rows_of(session, county, DETAILS)]
    assert (erased["salt"], erased["details"]) == (None, None)
    assert erased["erased_at"] is not None
    assert verb == "journal.erased"
    told = json.loads(last["details"])
    assert (told["entry"], told["reason"]) == (3, "asked for by the person")


def test_words_are_erased_once_and_only_where_there_are_any(database: Database, county: County) -> None:
    by = System(county.id)
    with database.transaction() as session:
        erase(session, by, 3, "once")
    for seq in (3, 100_000):
        with database.transaction() as session, pytest.raises(NotFound):
            erase(session, by, seq, "again")


def test_another_organisations_words_are_not_erased(database: Database, county: County, neighbour: County) -> None:
    with database.transaction(writes=False) as session:
        last = len(rows_of(session, county, ENTRY))
    with database.transaction() as session, pytest.raises(NotFound):
        erase(session, System(neighbour.id), last + 1, "not ours")


def test_erased_words_do_not_come_back(database: Database, county: County) -> None:
    with database.transaction() as session:
        words = rows_of(session, county, DETAILS)[2]
        erase(session, System(county.id), 3, "once")
    for values in ({"details": words["details"], "salt": words["salt"], "erased_at": None}, {"erased_at": now()}):
        refuses(database, update(DETAILS).where(*at(county, DETAILS, 3)).values(values))


def test_the_time_of_an_erasure_is_what_its_entry_tells(database: Database, county: County) -> None:
    with database.transaction() as session:
        erase(session, System(county.id), 3, "once")
    with tampering(database) as session:
        assert faults(session) == []
        other = {"erased_at": now() - timedelta(days=9000)}
        session.execute(update(DETAILS).where(*at(county, DETAILS, 3)).values(other))
        assert faults(session) == ["entry 3: erased at another time than the later entry tells"]


@pytest.mark.parametrize("words", ["zz", "[]", "{}", '{"entry":[]}', '{"entry":3,"erased_at":7}', '"x"'])
def test_an_erasure_that_cannot_be_read_is_a_fault_and_no_traceback(
    database: Database, county: County, words: str
) -> None:
    with database.transaction() as session:
        erase(session, System(county.id), 3, "once")
    with tampering(database) as session:
        last = rows_of(session, county, ENTRY)[-1]["seq"]
        session.execute(update(DETAILS).where(*at(county, DETAILS, last)).values({"details": words}))
        assert faults(session)[0] == f"entry {last}: its details were changed"


def test_an_erasure_told_before_times_were_told_is_still_one(database: Database, county: County) -> None:
    with database.transaction() as session:
        gone = {"salt": None, "details": None, "erased_at": now()}
        session.execute(update(DETAILS).where(*at(county, DETAILS, 3)).values(gone))
        record(session, System(county.id), "journal.erased", "person", uuid7(), entry=3, reason="before")
    with database.transaction(writes=False) as session:
        assert faults(session) == []


def test_words_of_no_entry_are_found(database: Database, county: County, neighbour: County) -> None:
    with tampering(database) as session:
        row = rows_of(session, county, DETAILS)[2]
        session.execute(insert(DETAILS), [{**row, "seq": 100_003}])
        assert faults(session) == ["entry 100003: its details are there, but it is not"]
        session.execute(delete(ENTRY).where(ENTRY.c.organisation_id == neighbour.id))
        assert faults(session)[1] == "entry 1: its details are there, but it is not"


def test_what_is_not_of_its_form_is_a_fault_and_no_traceback(database: Database, county: County) -> None:
    if not database.is_sqlite:
        return  # a column keeps what it is of there
    with tampering(database) as session:
        for broken in ("at = 'x'", "actor_id = 'x'", "object_id = 'x'", "verb = x'ff'"):
            with session.begin_nested() as savepoint:
                session.execute(text(f"UPDATE journal_entry SET {broken} WHERE seq = 3"))
                assert faults(session) != []
                savepoint.rollback()


def test_words_erased_behind_the_journals_back_are_found(database: Database, county: County) -> None:
    """The trigger lets words be erased by anybody with SQL: verification must miss the entry that says so."""
    with database.transaction() as session:
        gone = {"salt": None, "details": None, "erased_at": now()}
        session.execute(update(DETAILS).where(*at(county, DETAILS, 3)).values(gone))
    with database.transaction(writes=False) as session:
        assert faults(session) != []


# Triggers


def refuses(database: Database, statement: Any) -> None:
    """Assert that the database refuses a statement, saying that the table is append-only."""
    session = database.open_session(writes=True)
    try:
        with pytest.raises(DBAPIError, match="is append-only"):
            session.execute(statement)
    finally:
        session.rollback()
        session.close()


@pytest.fixture
def sealed(database: Database, county: County) -> None:
    """A seal to be protected."""
    with database.transaction() as session:
        an_assessment(session, county, "approved")


@pytest.mark.usefixtures("sealed")
@pytest.mark.parametrize("table", [ENTRY, DETAILS, SEAL], ids=["journal_entry", "journal_details", "seal"])
def test_the_database_refuses_to_change_or_delete(database: Database, county: County, table: Any) -> None:
    for column in table.c:
        other = UUID(int=1) if column.type.python_type is UUID else now() if "at" in column.name else "1"
        refuses(database, update(table).values({column.name: 9 if column.name == "seq" else other}))
    refuses(database, delete(table))
    if not database.is_sqlite:
        refuses(database, text(f"TRUNCATE {table.name} CASCADE"))
    free = {ENTRY: "hash", DETAILS: "details", SEAL: "digest"}[table]
    with tampering(database) as session:
        session.execute(update(table).values({free: "1"}))  # the control: without the triggers nothing refuses it
        values = session.execute(select(table.c[free]).distinct()).all()
        assert values == [("1",)]


@pytest.mark.usefixtures("sealed")
@pytest.mark.parametrize("table", [ENTRY, DETAILS, SEAL], ids=["journal_entry", "journal_details", "seal"])
def test_the_database_refuses_to_replace(database: Database, table: Any) -> None:
    """SQLite's REPLACE deletes without firing the triggers of DELETE, unless `recursive_triggers` is on."""
    if database.is_sqlite:
        refuses(database, text(f"REPLACE INTO {table.name} SELECT * FROM {table.name}"))
        return
    key = f"ON CONFLICT ON CONSTRAINT pk_{table.name} DO UPDATE SET organisation_id = EXCLUDED.organisation_id"
    refuses(database, text(f"INSERT INTO {table.name} SELECT * FROM {table.name} {key}"))


# The command line


def run(database_url: str, *arguments: str) -> tuple[int, str]:
    """`lava journal …`: its exit code and what it wrote."""
    opened: list[Database] = []

    def opening(url: str) -> Database:
        opened.append(Database(url))
        return opened[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("app.cli.Database", opening)
        result = CliRunner().invoke(command, ["journal", *arguments], env={"LAVA_DATABASE_URL": database_url})
    for database in opened:  # a command ends its process instead of closing its connections
        database.engine.dispose()
    return result.exit_code, result.stdout


def test_the_command_line_verifies_checkpoints_and_erases(
    database_url: str, database: Database, county: County, tmp_path: Path
) -> None:
    code, told = run(database_url, "verify")
    assert (code, "whole" in told) == (0, True)
    code, written = run(database_url, "checkpoint")
    checkpoint = tmp_path / "checkpoint.json"
    checkpoint.write_text(written, "utf-8")
    with database.transaction(writes=False) as session:
        assert json.loads(written) == {key: list(head) for key, head in heads(session).items()}
    assert run(database_url, "erase", str(county.id), "3", "asked for")[0] == 0
    assert run(database_url, "erase", str(county.id), "3", "asked for")[0] == 1
    assert run(database_url, "erase", str(uuid7()), "3", "asked for")[0] == 1
    assert run(database_url, "verify", "--checkpoint", str(checkpoint))[0] == 0


def test_the_command_line_tells_of_a_journal_that_is_gone(
    database_url: str, database: Database, county: County, neighbour: County
) -> None:
    with tampering(database) as session:
        for table in (ENTRY, DETAILS):
            session.execute(delete(table).where(table.c.organisation_id == neighbour.id))
        session.commit()
    code, told = run(database_url, "verify")
    assert code == 1
    assert f"{county.id}: whole" in told
    assert f"{neighbour.id}: BROKEN, 0 entries" in told
    assert "no journal, not even of its creation" in told


def test_the_command_line_tells_of_a_cut_journal(
    database_url: str, database: Database, county: County, tmp_path: Path
) -> None:
    checkpoint = tmp_path / "checkpoint.json"
    checkpoint.write_text(run(database_url, "checkpoint")[1], "utf-8")
    with tampering(database) as session:
        last = heads(session)[str(county.id)][0]
        for table in (ENTRY, DETAILS):
            session.execute(delete(table).where(*at(county, table, last)))
        session.commit()
    assert run(database_url, "verify")[0] == 0
    code, told = run(database_url, "verify", "--checkpoint", str(checkpoint))
    assert code == 1
    assert f"{county.id}: BROKEN, {last - 1} entries" in told
    assert f"the journal ends at entry {last - 1}, but the checkpoint saw entry {last}" in told
