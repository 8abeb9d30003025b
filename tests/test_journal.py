"""Nothing changes without a journal entry; the chain is gapless under concurrent writers, rollbacks and savepoints."""

import ast
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.exc import IntegrityError

import app
from app.database import Database, Session, table_of
from app.decisions.models import Decision, Option
from app.journal import actions as journal
from app.journal.actions import append_pending, record
from app.journal.models import JournalDetails, JournalEntry
from app.journal.queries import heads, verify
from app.journal.verbs import VERBS
from tests.conftest import Postgresql
from tests.county import Api, County, a_decision, founded

THREADS = 8
WRITES = 25
ENTRY, DETAILS, DECISION = table_of(JournalEntry), table_of(JournalDetails), table_of(Decision)


def count(database: Database, table: Any, **having: Any) -> int:
    """How many rows of a table hold these values."""
    statement = select(func.count()).select_from(table)
    for name, value in having.items():
        statement = statement.where(table.c[name] == value)
    with database.transaction(writes=False) as session:
        return int(session.execute(statement).scalar_one())


def sequence(database: Database, county: County) -> list[int]:
    """The numbers of the county's entries, in order."""
    statement = select(ENTRY.c.seq).where(ENTRY.c.organisation_id == county.id).order_by(ENTRY.c.seq)
    with database.transaction(writes=False) as session:
        return list(session.scalars(statement))


def faults(database: Database, checkpoint: dict[str, tuple[int, str]] | None = None) -> list[str]:
    """What verification finds in all chains."""
    with database.transaction(writes=False) as session:
        return [fault for found in verify(session, checkpoint).values() for fault in found]


def note(session: Session, county: County, object_id: UUID | None = None) -> None:
    """One entry about nothing in particular."""
    record(session, county["preparer"], "decision.changed", "decision", object_id or county.id, changes={})


def a_broken_hash(*_: Any, **__: Any) -> str:
    raise RuntimeError("the journal is broken")


@pytest.fixture
def unjournalled() -> Iterator[None]:
    """The journal taken off the sessions: what the checks below are to notice."""
    event.remove(Session, "before_commit", append_pending)
    try:
        yield
    finally:
        event.listen(Session, "before_commit", append_pending)


# A failing journal write


def test_a_failing_journal_write_saves_nothing_and_answers_500(
    api: Api, database: Database, county: County, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sequence(database, county)
    monkeypatch.setattr(journal, "hash_of_entry", a_broken_hash)
    body = {"diary_number": "1/2026", "title": {"fi": "Asia"}}
    answer = api.send("preparer", "POST", "/api/v1/decisions", body, idempotency_key="once")
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert answer.json()["type"] == "urn:lava:problem:internal"
    assert "the journal is broken" not in answer.text
    assert answer.json()["instance"] == f"urn:uuid:{answer.headers['x-request-id']}"
    assert count(database, DECISION) == 0
    assert sequence(database, county) == before
    monkeypatch.undo()
    again = api.send("preparer", "POST", "/api/v1/decisions", body, idempotency_key="once")
    assert again.status_code == 201, "the failed request left its key"
    assert "idempotent-replayed" not in again.headers


def test_a_failing_journal_write_undoes_a_change(api: Api, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    made = api.decision()
    path = f"/api/v1/decisions/{made['id']}"
    monkeypatch.setattr(journal, "hash_of_entry", a_broken_hash)
    assert api.change("preparer", "PATCH", path, {"body": "Aluehallitus"}).status_code == 500
    monkeypatch.undo()
    assert api.send("preparer", "GET", path).json() == made
    assert faults(database) == []


@pytest.mark.usefixtures("unjournalled")
def test_control_without_the_journal_a_decision_is_saved_with_no_entry(
    api: Api, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "hash_of_entry", a_broken_hash)
    before = count(database, ENTRY)
    api.decision()
    assert count(database, DECISION) == 1
    assert count(database, ENTRY) == before


# Many writers


def at_once(work: Callable[[int], None], number: int = THREADS) -> list[BaseException]:
    """Run `work` in threads that start together; the errors they met."""
    ready = threading.Barrier(number)

    def started(index: int) -> None:
        ready.wait(30)
        work(index)

    with ThreadPoolExecutor(number) as pool:
        done = [pool.submit(started, index) for index in range(number)]
        return [error for future in done if (error := future.exception(timeout=60)) is not None]


@pytest.mark.slow
def test_many_writers_leave_no_gap_no_fork_and_no_deadlock(
    database_url: str, database: Database, county: County, neighbour: County
) -> None:
    writing = Database(database_url, connections=THREADS)
    first = {each.id: len(sequence(database, each)) for each in (county, neighbour)}

    def write(index: int) -> None:
        both = [county, neighbour] if index % 2 else [neighbour, county]
        for _ in range(WRITES):
            with writing.transaction() as session:
                for each in both:  # in both orders: appending at once, instead of at the commit, would deadlock
                    note(session, each)

    try:
        assert at_once(write) == []
    finally:
        writing.engine.dispose()
    for each in (county, neighbour):
        assert sequence(database, each) == list(range(1, first[each.id] + THREADS * WRITES + 1))
    assert count(database, DETAILS) == count(database, ENTRY)
    assert faults(database) == []


def test_times_do_not_run_backwards_along_the_sequence(database: Database, county: County) -> None:
    def write(_: int) -> None:
        for _ in range(5):
            with database.transaction() as session:
                note(session, county)

    assert at_once(write, 4) == []
    with database.transaction(writes=False) as session:
        times = list(session.scalars(select(ENTRY.c.at).order_by(ENTRY.c.seq)))
    assert times == sorted(times)


def test_control_without_the_lock_two_writers_collide_on_the_primary_key(
    postgresql: Postgresql, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgresql.fresh()
    database = Database(url, connections=4)
    county = founded(database, "Esimerkkialue", "1234567-1")
    together = threading.Barrier(2)
    monkeypatch.setattr(journal, "lock_for_transaction", lambda *_: None)

    def after_both_have_read(_salt: str, _details: str) -> str:
        together.wait(10)
        return "0" * 64

    monkeypatch.setattr(journal, "digest_of_details", after_both_have_read)

    def write(_: int) -> None:
        with database.transaction() as session:
            note(session, county)

    errors = at_once(write, 2)
    database.engine.dispose()
    postgresql.drop(url)
    assert [type(error) for error in errors] == [IntegrityError]
    assert "pk_journal_entry" in str(errors[0])


# Rollbacks and savepoints


def test_rolled_back_work_leaves_no_entry(database: Database, county: County) -> None:
    before = sequence(database, county)

    def fail() -> None:
        with database.transaction() as session:
            a_decision(session, county)
            raise ArithmeticError

    with pytest.raises(ArithmeticError):
        fail()
    assert count(database, DECISION) == 0
    assert sequence(database, county) == before


def test_what_a_session_rolled_back_is_not_appended_by_its_next_commit(database: Database, county: County) -> None:
    before = len(sequence(database, county))
    with database.transaction() as session:
        a_decision(session, county)
        session.rollback()
        note(session, county)
    assert len(sequence(database, county)) == before + 1


def test_releasing_a_savepoint_appends_nothing_twice(database: Database, county: County) -> None:
    before = len(sequence(database, county))
    with database.transaction() as session:
        note(session, county)
        for _ in range(2):
            with session.begin_nested():
                note(session, county)
                with session.begin_nested():
                    note(session, county)
        note(session, county)
    assert len(sequence(database, county)) == before + 6
    assert faults(database) == []


def test_a_rolled_back_savepoint_takes_its_entries_with_it_and_no_others(database: Database, county: County) -> None:
    kept, undone = county.callers["preparer"].id, county.callers["expert"].id

    def fail(session: Session) -> None:
        with session.begin_nested():
            note(session, county, undone)
            raise ArithmeticError

    with database.transaction() as session:
        note(session, county, kept)
        with pytest.raises(ArithmeticError):
            fail(session)
        note(session, county, kept)
    changed = {"organisation_id": county.id, "verb": "decision.changed"}
    assert count(database, ENTRY, object_id=kept, **changed) == 2
    assert count(database, ENTRY, object_id=undone, **changed) == 0
    assert faults(database) == []


def test_a_flush_that_fails_in_a_savepoint_takes_no_other_entries_with_it(database: Database, county: County) -> None:
    def fail(session: Session, row: Option) -> None:
        with session.begin_nested():
            note(session, county)
            session.add(row)
            session.flush()

    before = len(sequence(database, county))
    with database.transaction() as session:
        decision = a_decision(session, county)
        twice: dict[str, Any] = {
            "organisation_id": county.id,
            "decision_id": decision.id,
            "code": "VE0",
            "title": {"fi": "Kahdesti"},
        }
        with pytest.raises(IntegrityError):
            fail(session, Option(**twice))
        note(session, county)
    assert len(sequence(database, county)) == before + 2  # the decision, and what came after it


def test_a_commit_of_one_organisation_leaves_the_others_chain_alone(
    database: Database, county: County, neighbour: County
) -> None:
    with database.transaction(writes=False) as session:
        before = heads(session)
    with database.transaction() as session:
        note(session, county)
    with database.transaction(writes=False) as session:
        after = heads(session)
    assert after[str(neighbour.id)] == before[str(neighbour.id)]
    assert after[str(county.id)][0] == before[str(county.id)][0] + 1


# Verbs


def test_an_unknown_verb_is_a_programming_error(database: Database, county: County) -> None:
    session = database.open_session(writes=True)
    with pytest.raises(KeyError, match=r"decision\.eaten"):
        record(session, county["preparer"], "decision.eaten", "decision", county.id)
    session.close()


def verbs_in_code(sources: dict[str, str]) -> set[str]:
    """The verbs that the code records: constants given to `record` or `_tell`; `<type>.sealed` for each `seal`."""
    found: set[str] = set()
    for text in sources.values():
        for node in ast.walk(ast.parse(text)):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            place = {"record": 2, "_tell": 2, "seal": 1}.get(node.func.id)
            given = node.args[place] if place and place < len(node.args) else None
            if isinstance(given, ast.Constant) and isinstance(given.value, str):
                found.add(f"{given.value}.sealed" if node.func.id == "seal" else given.value)
    return found


def sources_of_the_service() -> dict[str, str]:
    root = Path(str(app.__file__)).parent
    return {str(path): path.read_text("utf-8") for path in root.rglob("*.py")}


def test_every_verb_is_recorded_somewhere_and_no_other() -> None:
    assert verbs_in_code(sources_of_the_service()) == set(VERBS)


def test_control_a_verb_that_nobody_records_is_noticed() -> None:
    silent = {name: text.replace('"option.removed"', "verb") for name, text in sources_of_the_service().items()}
    assert set(VERBS) - verbs_in_code(silent) >= {"option.removed"}
