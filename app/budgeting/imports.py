"""Budget and ledger lines from a file: read once, staged in short transactions, made current by one.

Nobody sees a staged line; a file with a fault leaves nothing. A file replaces what the same source told of the same
year and phase, and only that.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain, islice
from typing import Any

from sqlalchemy import Table, delete, exists, func, insert, select, update

from app.budgeting import sums
from app.budgeting.ledger_file import Line, Reader, Staged
from app.budgeting.models import BudgetLine, Ledger, LedgerState, LedgerSum, LedgerTotal
from app.budgeting.queries import account_ranges
from app.budgeting.rules import is_child_money
from app.clock import now
from app.conventions.schemas import MAX_CENTS
from app.database import Database, Session, table_of
from app.jobs.importing import Apply, Import, ImportKind
from app.jobs.models import ENDED, Job, JobKind
from app.journal.actions import record
from app.services.restating import one_at_a_time

_LEDGER, _LINE = table_of(Ledger), table_of(BudgetLine)
_SUM, _TOTAL, _JOB = table_of(LedgerSum), table_of(LedgerTotal), table_of(Job)

DEFAULT_SOURCE = "ledger"
BLOCKS = 10
"""Blocks of lines staged in one transaction: some tens of milliseconds, so that other writers need not wait longer."""
REMOVED = 20_000
"""Lines removed in one transaction, likewise."""
PAUSE = 0.004
"""Seconds between two that follow at once: longer than SQLite's other writers sleep between their tries."""
TOGETHER = 500
"""Lines in one statement on SQLite: to begin a statement takes longer than to keep a line."""

_INSERT = "INSERT INTO budget_line (ledger, line, cell, account, cents) VALUES (?, ?, ?, ?, ?)"
_INSERT_TOGETHER = _INSERT + ", (?, ?, ?, ?, ?)" * (TOGETHER - 1)


def prepare(asked: Import) -> Apply:
    """Read the file, and stage it unless this is a dry run; what comes back makes it current."""
    source = str(asked.parameters.get("source") or DEFAULT_SOURCE)
    with asked.database.transaction(writes=False) as session:
        unchanged = _told_before(session, asked, source)
        reader = None if unchanged else Reader(asked, session)
    if reader is None:
        return lambda _session: {"unchanged_file": True, "ledgers": unchanged}
    if asked.dry_run:
        for _ in reader.blocks():
            asked.progress(reader.table.position / max(1, reader.table.size))
    else:
        _stage(asked, reader, source)
    _check(asked, reader)
    asked.faults.refuse()
    with asked.database.transaction(writes=False) as session:
        years = {staged.year for staged in reader.ledgers.values()}
        seen = sums.revision(session, reader.organisation_id)
        splitting = sums.Splitting(session, reader.organisation_id, years)
    covered = {key: _stage_sums(asked, staged, splitting) for key, staged in reader.ledgers.items()}
    if not asked.dry_run and not asked.database.is_sqlite:
        with asked.database.transaction() as session:  # else it plans questions as if there were no figures
            session.connection().exec_driver_sql("ANALYZE ledger_sum, ledger_total")

    def apply(session: Session) -> dict[str, Any]:
        one_at_a_time(session, reader.organisation_id)
        if not asked.dry_run and sums.revision(session, reader.organisation_id) != seen:
            numbers = {staged.number: staged.year for staged in reader.ledgers.values()}
            sums.resplit(session, reader.organisation_id, numbers)
            sums.add_up(session, list(numbers))
            for key, staged in reader.ledgers.items():
                of = session.connection().execute(select(_SUM).where(_SUM.c.ledger == staged.number)).mappings()
                covered[key] = _covered([dict(row) for row in of])
        ledgers = [
            _make_current(session, asked, staged, source) | covered[key] for key, staged in reader.ledgers.items()
        ]
        sums.bump(session, reader.organisation_id)
        return {"unchanged_file": False, "rows": sum(row["lines"] for row in ledgers), "ledgers": ledgers}

    return apply


def _told_before(session: Session, asked: Import, source: str) -> list[dict[str, Any]]:
    """The ledgers that this very file has made, if every one of them is current still; else nothing."""
    rows = session.connection().execute(
        select(_LEDGER).where(
            _LEDGER.c.organisation_id == asked.by.organisation_id,
            _LEDGER.c.source == source,
            _LEDGER.c.digest == asked.digest,
            _LEDGER.c.state != LedgerState.STAGED,
        )
    )
    found = [row for row in rows if row.parameters == dict(asked.parameters)]
    told = {(row.year, row.phase) for row in found}
    ranges = account_ranges(session, asked.by.organisation_id)
    current = [row for row in found if row.state == LedgerState.CURRENT and row.account_ranges == ranges]
    if {(row.year, row.phase) for row in current} != told:
        return []
    return [{"year": row.year, "phase": row.phase, "source": source, "lines": row.lines} for row in current]


def _stage(asked: Import, reader: Reader, source: str) -> None:
    """Read the lines and stage them a block at a time; from the first fault on they are only read."""
    database = asked.database

    def new_ledger(staged: Staged) -> None:
        row = Ledger(
            organisation_id=reader.organisation_id,
            year=staged.year,
            phase=staged.phase,
            source=source,
            file_name=asked.file_name,
            digest=asked.digest,
            parameters=dict(asked.parameters),
            account_ranges=reader.ranges,
            job_id=asked.job_id,
            imported_by=asked.by.id,
        )
        with database.transaction() as session:
            session.add(row)
            session.flush()
            assert row.number is not None
            staged.number = row.number

    reader.new_ledger = new_ledger
    blocks = reader.blocks()
    for first in blocks:
        with _staging(database) as stage:
            for block in chain([first], islice(blocks, BLOCKS - 1)):
                if not asked.faults.count:
                    stage(block)
        asked.progress(0.9 * reader.table.position / max(1, reader.table.size))


@contextmanager
def _staging(database: Database) -> Iterator[Callable[[list[Line]], None]]:
    """One short transaction that keeps the lines it is given.

    PostgreSQL takes them in while the next are being read. SQLite's lock keeps other writers out, so it is taken for no
    longer than it takes to write them all.
    """
    if database.is_sqlite:
        lines: list[Line] = []
        yield lines.extend
        if lines:
            with database.transaction() as session:
                _insert(session, lines)
    else:
        with database.transaction() as session, _copying(session, _LINE, _LINE.c.keys()) as write:
            yield lambda lines: write("".join([f"{a}\t{b}\t{c}\t{d}\t{e}\n" for a, b, c, d, e in lines]))


def _insert(session: Session, lines: list[Line]) -> None:
    """Insert lines on SQLite, many in a statement as far as they go."""
    driver: Any = session.connection().connection.driver_connection
    whole = len(lines) - len(lines) % TOGETHER
    for start in range(0, whole, TOGETHER):
        driver.execute(_INSERT_TOGETHER, list(chain.from_iterable(lines[start : start + TOGETHER])))
    driver.executemany(_INSERT, lines[whole:])


@contextmanager
def _copying(session: Session, table: Table, columns: Iterable[str]) -> Iterator[Callable[[str], None]]:
    """PostgreSQL's own bulk load, of a line for each row: numbers, ids and codes, in which nothing is to be escaped."""
    driver: Any = session.connection().connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(f"COPY {table.name} ({', '.join(columns)}) FROM STDIN") as copy:
        yield copy.write


def _check(asked: Import, reader: Reader) -> None:
    """What can only be told of the file as a whole."""
    if not reader.ledgers and not asked.faults.count:
        asked.faults.add("The file has no lines below its header.")
    for staged in reader.ledgers.values():
        if sum(map(abs, staged.cell_cents)) > MAX_CENTS:
            asked.faults.add(f"The amounts of {staged.year} {staged.phase} are larger than any budget.")


def _stage_sums(asked: Import, staged: Staged, splitting: sums.Splitting) -> dict[str, int]:
    """Stage a ledger's sums and totals, some at a time; returns what of it is split and what is not, in cents."""
    cells = list(staged.cells())
    told = _covered(())
    for start in range(0, len(cells), sums.CHUNK):
        rows = sums.sums_of(staged.number, staged.year, cells[start : start + sums.CHUNK], splitting)
        told = {name: cents + told[name] for name, cents in _covered(rows).items()}
        if not asked.dry_run:
            _write_sums(asked.database, rows)
    if not asked.dry_run:
        with asked.database.transaction() as session:
            sums.add_up(session, [staged.number])
    return told


def _write_sums(database: Database, rows: list[dict[str, Any]]) -> None:
    with database.transaction() as session:
        if database.is_sqlite:
            session.connection().execute(insert(_SUM), rows)
        else:
            with _copying(session, _SUM, rows[0]) as write:
                for row in rows:
                    write("\t".join(["\\N" if value is None else str(value) for value in row.values()]) + "\n")
    time.sleep(PAUSE if database.is_sqlite else 0)


def _covered(rows: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """What of sums is cost, income and internal, what falls on children and what is not split, in cents."""
    told = {"cost_cents": 0, "income_cents": 0, "internal_cents": 0, "unclassified_cents": 0, "child_cents": 0}
    for row in rows:
        flow = row["flow"]
        told["internal_cents" if flow.startswith("internal") else f"{flow}_cents"] += row["cents"]
        if flow.startswith("internal"):
            continue
        if is_child_money(row["impact_class"]):
            told["child_cents"] += sum(row[name] for name in sums.PARTS[:-1])
        elif row["impact_class"] != "none":
            told["unclassified_cents"] += row["cents"]
    return told


def _make_current(session: Session, asked: Import, staged: Staged, source: str) -> dict[str, Any]:
    """Put a staged ledger in the place of what the source told of its year and phase before; journalled."""
    connection = session.connection()
    of = (_LEDGER.c.organisation_id == asked.by.organisation_id) & (_LEDGER.c.source == source)
    same = of & (_LEDGER.c.year == staged.year) & (_LEDGER.c.phase == staged.phase)
    before = connection.execute(
        select(_LEDGER.c.number, _LEDGER.c.digest, _LEDGER.c.lines, _LEDGER.c.cents).where(
            same, _LEDGER.c.state == LedgerState.CURRENT
        )
    ).one_or_none()
    replaces = {"digest": before.digest, "lines": before.lines, "cents": before.cents} if before else None
    told = {"year": staged.year, "phase": staged.phase, "source": source, "lines": staged.lines, "cents": staged.cents}
    if asked.dry_run:
        return {**told, "replaces": replaces}
    if before:
        replaced = update(_LEDGER).where(_LEDGER.c.number == before.number)
        connection.execute(replaced.values(state=LedgerState.REPLACED))
    this = _LEDGER.c.number == staged.number
    facts = {"state": LedgerState.CURRENT, "lines": staged.lines, "cents": staged.cents, "imported_at": now()}
    connection.execute(update(_LEDGER).where(this).values(**facts))
    ledger_id = connection.execute(select(_LEDGER.c.id).where(this)).scalar_one()
    file = {"file": asked.file_name, "digest": asked.digest}
    record(session, asked.by, "budget_lines.imported", "ledger", ledger_id, **told, **file, replaces=replaces)
    return {**told, "replaces": replaces, "ledger_id": str(ledger_id)}


def sweep(database: Database) -> int:
    """Remove the lines and sums of replaced ledgers and of imports that came to nothing, in short transactions.

    A replaced ledger's row stays, as what was once in force. Returns how many lines were removed.
    """
    with database.transaction(writes=False) as session:
        over = select(_JOB.c.id).where(_JOB.c.state.not_in(ENDED))
        given_up = (_LEDGER.c.state == LedgerState.STAGED) & (
            _LEDGER.c.job_id.is_(None) | _LEDGER.c.job_id.not_in(over)
        )
        has_sums = exists().where(_SUM.c.ledger == _LEDGER.c.number) | exists().where(
            _LINE.c.ledger == _LEDGER.c.number
        )
        left = (_LEDGER.c.state == LedgerState.REPLACED) & has_sums
        statement = select(_LEDGER.c.number, _LEDGER.c.state).where(given_up | left)
        ledgers = session.connection().execute(statement).all()
    removed = 0
    for number, state in ledgers:
        removed += _remove_lines(database, number)
        with database.transaction() as session:
            for table in (_SUM, _TOTAL):
                session.connection().execute(delete(table).where(table.c.ledger == number))
            if state == LedgerState.STAGED:
                session.connection().execute(delete(_LEDGER).where(_LEDGER.c.number == number))
    return removed


def _remove_lines(database: Database, number: int) -> int:
    with database.transaction(writes=False) as session:
        last = session.connection().execute(select(func.max(_LINE.c.line)).where(_LINE.c.ledger == number)).scalar()
    for line in range(0, (last or 0) + 1, REMOVED):
        with database.transaction() as session:
            some = delete(_LINE).where(_LINE.c.ledger == number, _LINE.c.line <= line + REMOVED)
            session.connection().execute(some)
        time.sleep(PAUSE if database.is_sqlite else 0)
    return last or 0


BUDGET_LINES = ImportKind(JobKind.BUDGET_LINES, "budget-lines:write", prepare, sweep)
