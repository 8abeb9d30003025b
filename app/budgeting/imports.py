"""Budget and ledger lines from a file: read once, staged in short transactions, made current by one.

Nobody sees a staged line; a file with a fault leaves nothing. A file replaces what the same source told of the same
year and phase, and only that.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any
from uuid import UUID

from sqlalchemy import delete, exists, func, insert, select, update

from app.budgeting import sums
from app.budgeting.models import BudgetLine, Flow, Ledger, LedgerState, LedgerSum, LedgerTotal, Phase
from app.budgeting.queries import account_ranges, known_codes
from app.budgeting.rules import flow_of, is_child_money
from app.clock import now
from app.conventions.schemas import MAX_CENTS
from app.database import Database, Session, table_of
from app.jobs.importing import Apply, Import, ImportKind
from app.jobs.models import ENDED, Job, JobKind
from app.journal.actions import record
from app.services.imports import one_of_labels
from app.services.restating import one_at_a_time
from app.spreadsheets.cells import CellFault, cents_of, code_of, is_totals_row, year_of
from app.spreadsheets.tables import Cell, Column, Table

_LEDGER, _LINE = table_of(Ledger), table_of(BudgetLine)
_SUM, _TOTAL, _JOB = table_of(LedgerSum), table_of(LedgerTotal), table_of(Job)

COLUMNS = (
    Column("year", ("year", "vuosi", "tilivuosi", "år", "räkenskapsår")),
    Column("phase", ("phase", "vaihe", "fas")),
    Column("cost_centre", ("cost_centre", "kustannuspaikka", "kp", "kostnadsställe")),
    Column("service_class", ("service_class", "palveluluokka", "serviceklass"), required=False),
    Column("account", ("account", "tili", "konto"), required=False),
    Column("amount", ("amount", "summa", "määrä", "euroa", "toteuma", "belopp", "euro")),
)
DEFAULT_SOURCE = "ledger"
AT_A_TIME = 2_000
"""Rows looked at together: few enough to stay in the processor's cache."""
BLOCK = 20_000
"""Lines staged in one transaction: some tens of milliseconds, so that other writers need not wait longer."""
FLOWS = tuple(Flow)
PAUSE = 0.004
"""Seconds between two of them: longer than SQLite's other writers sleep between their tries."""
MOST_ACCOUNTS = 100_000

_INSERT_SQLITE = "INSERT INTO budget_line (ledger, line, cell, account, cents) VALUES (?, ?, ?, ?, ?)"
_COPY = "COPY budget_line (ledger, line, cell, account, cents) FROM STDIN"

Line = tuple[int, int, int, str, int]
Key = tuple[UUID, UUID | None, Flow]


@dataclass(slots=True)
class Staged:
    """A ledger being read: its row's number (0 in a dry run) and its cells, each with number, lines and cents."""

    year: int
    phase: str
    number: int = 0
    lines: int = 0
    cells: dict[Key, list[int]] = field(default_factory=dict)

    @property
    def cents(self) -> int:
        """The sum of its lines."""
        return sum(cell[2] for cell in self.cells.values())


@dataclass(slots=True)
class _Entry:
    """What year, phase, cost centre and service class of a row lead to: a ledger, and there a cell for each flow."""

    staged: Staged
    centre: UUID
    service: UUID | None
    cells: list[list[int] | None]

    def cell(self, flow: int) -> list[int]:
        """The cell of a flow, by its place in FLOWS; made where it is the first line of it."""
        key = (self.centre, self.service, FLOWS[flow])
        made = self.cells[flow] = self.staged.cells.setdefault(key, [len(self.staged.cells), 0, 0])
        return made


Found = tuple[_Entry, tuple[str, int | None], int]
"""What a row leads to: its entry, its account with the place of its flow, its cents."""


class _Reader:
    """Turns rows into lines of ledgers, a block at a time; what a text of a cell means is looked up once."""

    def __init__(self, asked: Import, session: Session) -> None:
        self.asked = asked
        self.organisation_id = asked.by.organisation_id
        self.centres, self.classes = known_codes(session, self.organisation_id)
        self.ranges = account_ranges(session, self.organisation_id)
        self.scheme: str | None = asked.parameters.get("scheme")
        self.ledgers: dict[tuple[int, str], Staged] = {}
        self.new_ledger: Callable[[Staged], None] = lambda _staged: None
        given = {name: asked.parameters[name] for name in ("year", "phase") if asked.parameters.get(name) is not None}
        self.year, self.phase = given.get("year"), given.get("phase")
        self.table: Table = asked.open(COLUMNS, given)
        self._accounts: dict[Cell, tuple[str, int | None]] = {None: ("", None)}
        self._entries: dict[tuple[Cell, ...], _Entry] = {}
        self._known: dict[tuple[Any, ...], Any] = {}

    def blocks(self) -> Iterator[list[Line]]:
        """The lines of the file, some thousands at a time. A row with a fault gives none; its faults are noted."""
        rows = self.table.rows()
        while block := list(islice(rows, AT_A_TIME)):
            yield self._lines(block)

    def _lines(self, block: list[tuple[int, tuple[Cell, ...]]]) -> list[Line]:
        """A block whose every cell is understood goes through in a few loops; one with anything odd, row by row."""
        years, phases, centres, services, accounts, amounts = zip(*[row for _, row in block], strict=True)
        keys = list(zip(years, phases, centres, services, strict=True))
        found: Iterable[Found]
        try:
            entries = list(map(self._entries.get, keys))
            if None in entries:
                entries = [entry or self._learnt(key) for entry, key in zip(entries, keys, strict=True)]
            for account in set(accounts).difference(self._accounts):
                self._accounts[account] = self._account(account)
            of_accounts = map(self._accounts.__getitem__, accounts)
            found = zip(entries, of_accounts, list(map(cents_of, amounts)), strict=True)  # type: ignore[arg-type]
        except CellFault:
            found = [one for number, row in block if (one := self._line(number, row)) is not None]
        lines = list[Line]()
        for entry, (account, flow), cents in found:
            place = flow if flow is not None else int(cents < 0)
            cell = entry.cells[place] or entry.cell(place)
            cell[1] += 1
            cell[2] += cents
            staged = entry.staged
            staged.lines = line = staged.lines + 1
            lines.append((staged.number, line, cell[0], account, cents))
        return lines

    def _line(self, number: int, row: Sequence[Cell]) -> Found | None:
        """What one row leads to; None where it is a total or has faults, which are noted."""
        if self._is_total(row):
            return None
        faults = self.asked.faults.count
        year = self.year
        if year is None or row[0] is not None:
            year = self._parsed(number, 0, row[0], self._year)
        if self.phase is None or row[1] is not None:
            self._parsed(number, 1, row[1], self._phase)
        self._parsed(number, 2, row[2], self._centre)
        if row[3] is not None:
            self._parsed(number, 3, row[3], code_of if year is None else lambda cell: self._service(cell, year))
        if row[4] is not None:
            self._parsed(number, 4, row[4], self._account)
        cents = self._parsed(number, 5, row[5], cents_of)
        if self.asked.faults.count > faults:
            return None
        return self._learnt(tuple(row[:4])), self._account(row[4]) if row[4] is not None else ("", None), cents

    def _is_total(self, row: Sequence[Cell]) -> bool:
        """Whether a row is a total of others: its words stand where no cost centre is, or in place of one.

        Or in place of an account, as of a cost centre's accounts together.
        """
        if not is_totals_row(row):
            return False
        return not row[2] or (is_totals_row((row[2],)) and row[2] not in self.centres) or is_totals_row((row[4],))

    def _parsed(self, number: int, place: int, cell: Cell, parse: Callable[[Cell], Any]) -> Any:
        code = COLUMNS[place].code
        try:
            if cell is None:
                raise CellFault("The cell is empty. Give a value.")
            return parse(cell)
        except CellFault as fault:
            self.asked.faults.add_cell(self.table.error(number, code, cell, fault.expected))
            return None

    def _learnt(self, key: tuple[Cell, ...]) -> _Entry:
        """What a year, phase, cost centre and service class lead to; CellFault where one is not understood."""
        known = self._entries.get(key)
        if known is not None:
            return known
        year = self._year(key[0])
        phase = self._phase(key[1])
        centre = self._once("centre", key[2], self._centre)
        service = None
        if key[3] is not None:
            service = self._once(f"service of {year}", key[3], lambda cell: self._service(cell, year))
        staged = self.ledgers.get((year, phase))
        if staged is None:
            staged = self.ledgers[year, phase] = Staged(year, phase)
            self.new_ledger(staged)
        made = self._entries[key] = _Entry(staged, centre, service, [None] * len(FLOWS))
        return made

    def _year(self, cell: Cell) -> int:
        year: int = self._as_asked("year", cell, year_of, self.year)
        return year

    def _phase(self, cell: Cell) -> str:
        phase: str = self._as_asked("phase", cell, _phase, self.phase)
        return phase

    def _as_asked(self, what: str, cell: Cell, parse: Callable[[Cell], Any], given: Any) -> Any:
        """What a cell says, or what the request says where that is not understood. They may not say two things."""
        if given is None:
            return self._once(what, cell, parse)
        try:
            said = given if cell is None else self._once(what, cell, parse)
        except CellFault:
            return given
        if said != given:
            raise CellFault(f"The request says that every line is of {given}. Send what is of another {what} apart.")
        return given

    def _once(self, what: str, cell: Cell, parse: Callable[[Cell], Any]) -> Any:
        """What a cell means, parsed the first time only."""
        if cell is None:
            raise CellFault("The cell is empty. Give a value.")
        key = (what, type(cell), cell)
        if key not in self._known:
            self._known[key] = parse(cell)
        return self._known[key]

    def _centre(self, cell: Cell) -> UUID:
        code = code_of(cell)
        if code not in self.centres:
            raise CellFault(_unknown("cost centre", code, self.centres) + " Add it or import the cost centres first.")
        return self.centres[code]

    def _service(self, cell: Cell, year: int) -> UUID:
        code = code_of(cell)
        lists = self.classes.get(year, {})
        if self.scheme is not None:
            lists = {name: codes for name, codes in lists.items() if name == self.scheme}
        found = {name: codes[code] for name, codes in lists.items() if code in codes}
        if len(found) > 1:
            raise CellFault(f"The lists {', '.join(sorted(found))} of {year} have this code. Say which: scheme.")
        if not found:
            of = f"service class of {year}"
            every = {known: key for codes in lists.values() for known, key in codes.items()}
            raise CellFault(_unknown(of, code, every) + " Import that year's list first.")
        return next(iter(found.values()))

    def _account(self, cell: Cell) -> tuple[str, int | None]:
        """The account, and the place of its flow in FLOWS; None where the sign of each line tells."""
        code = code_of(cell, 20)
        if is_totals_row((cell,)):
            raise CellFault("Give an account; this is a word of totals.")
        if not code.isascii() or not code.replace("-", "").replace(".", "").isalnum():
            raise CellFault("Give an account of digits and letters, such as 4300.")
        if len(self._accounts) > MOST_ACCOUNTS:
            raise CellFault(f"The file has more than {MOST_ACCOUNTS} accounts. Is this the column of accounts?")
        up, down = flow_of(code, 1, self.ranges), flow_of(code, -1, self.ranges)
        return code, FLOWS.index(up) if up is down else None


def _phase(cell: Cell) -> str:
    said = str(cell).strip().casefold()
    return {"ta": Phase.BUDGET, "tp": Phase.ACTUAL}.get(said) or one_of_labels("phase", cell)


def _unknown(what: str, code: str, known: Any) -> str:
    """That a code is not known; where a spreadsheet has dropped the zeros before it, that too."""
    padded = [other for other in known if other.lstrip("0") == code.lstrip("0") and other != code]
    if len(padded) == 1:
        return f"There is no {what} {code}, but there is {padded[0]}: write the zeros."
    return f"There is no {what} of this code."


def prepare(asked: Import) -> Apply:
    """Read the file, and stage it unless this is a dry run; what comes back makes it current."""
    source = str(asked.parameters.get("source") or DEFAULT_SOURCE)
    with asked.database.transaction(writes=False) as session:
        unchanged = _told_before(session, asked, source)
        reader = None if unchanged else _Reader(asked, session)
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


def _stage(asked: Import, reader: _Reader, source: str) -> None:
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
    waiting: list[Line] = []
    for block in reader.blocks():
        waiting += block
        if len(waiting) >= BLOCK:
            if not asked.faults.count:
                _write(database, waiting)
            waiting = []
        asked.progress(0.9 * reader.table.position / max(1, reader.table.size))
    if waiting and not asked.faults.count:
        _write(database, waiting)


def _write(database: Database, block: list[Line]) -> None:
    with database.transaction() as session:
        connection = session.connection()
        if database.is_sqlite:
            connection.exec_driver_sql(_INSERT_SQLITE, block)
        else:
            driver: Any = connection.connection.driver_connection
            with driver.cursor() as cursor, cursor.copy(_COPY) as copy:
                copy.write("".join([f"{a}\t{b}\t{c}\t{d}\t{e}\n" for a, b, c, d, e in block]))
    if database.is_sqlite:
        time.sleep(PAUSE)


def _check(asked: Import, reader: _Reader) -> None:
    """What can only be told of the file as a whole."""
    if not reader.ledgers and not asked.faults.count:
        asked.faults.add("The file has no lines below its header.")
    for staged in reader.ledgers.values():
        if sum(abs(cell[2]) for cell in staged.cells.values()) > MAX_CENTS:
            asked.faults.add(f"The amounts of {staged.year} {staged.phase} are larger than any budget.")


def _stage_sums(asked: Import, staged: Staged, splitting: sums.Splitting) -> dict[str, int]:
    """Stage a ledger's sums and totals, some at a time; returns what of it is split and what is not, in cents."""
    cells = [(cell[0], *key, cell[1], cell[2]) for key, cell in staged.cells.items()]
    told = _covered(())
    for start in range(0, len(cells), sums.CHUNK):
        rows = sums.sums_of(staged.number, staged.year, cells[start : start + sums.CHUNK], splitting)
        told = {name: cents + told[name] for name, cents in _covered(rows).items()}
        if not asked.dry_run:
            with asked.database.transaction() as session:
                session.connection().execute(insert(_SUM), rows)
            time.sleep(PAUSE if asked.database.is_sqlite else 0)
    if not asked.dry_run:
        with asked.database.transaction() as session:
            sums.add_up(session, [staged.number])
    return told


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
    for line in range(0, (last or 0) + 1, BLOCK):
        with database.transaction() as session:
            some = delete(_LINE).where(_LINE.c.ledger == number, _LINE.c.line <= line + BLOCK)
            session.connection().execute(some)
        time.sleep(PAUSE if database.is_sqlite else 0)
    return last or 0


BUDGET_LINES = ImportKind(JobKind.BUDGET_LINES, "budget-lines:write", prepare, sweep)
