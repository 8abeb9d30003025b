"""The lines of a budget or ledger file: what each row leads to, exactly, or a fault with its row and column.

Rows are looked at a block at a time, and what a text of a cell means is looked up once: a file has a million of them.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast
from uuid import UUID

from app.budgeting.models import Flow, Phase
from app.budgeting.queries import account_ranges, known_codes
from app.budgeting.rules import flow_of
from app.database import Session
from app.jobs.importing import Import
from app.services.imports import one_of_labels
from app.spreadsheets.cells import CellFault, cents_of, code_of, column_of_cents, is_totals_row, year_of
from app.spreadsheets.tables import Cell, Column, Table

COLUMNS = (
    Column("year", ("year", "vuosi", "tilivuosi", "år", "räkenskapsår")),
    Column("phase", ("phase", "vaihe", "fas")),
    Column("cost_centre", ("cost_centre", "kustannuspaikka", "kp", "kostnadsställe")),
    Column("service_class", ("service_class", "palveluluokka", "serviceklass"), required=False),
    Column("account", ("account", "tili", "konto"), required=False),
    Column("amount", ("amount", "summa", "määrä", "euroa", "toteuma", "belopp", "euro")),
)
AT_A_TIME = 2_000
"""Rows looked at together: few enough to stay in the processor's cache."""
FLOWS = tuple(Flow)
MOST_ACCOUNTS = 100_000

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")

Line = tuple[int, int, int, str, int]
"""Ledger, place in it, cell, account and cents: as a line is kept."""


@dataclass(slots=True)
class Staged:
    """A ledger being read: its row's number (0 in a dry run), and by a cell's number its lines and their cents.

    A cost centre with a service class has four cells in a row, one for each flow.
    """

    year: int
    phase: str
    number: int = 0
    lines: int = 0
    first_cells: dict[tuple[UUID, UUID | None], int] = field(default_factory=dict)
    cell_lines: list[int] = field(default_factory=list)
    cell_cents: list[int] = field(default_factory=list)

    @property
    def cents(self) -> int:
        """The sum of its lines."""
        return sum(self.cell_cents)

    def first_cell(self, centre: UUID, service: UUID | None) -> int:
        """The number of the first cell of a cost centre and service class; they get their cells when they are new."""
        new = len(self.cell_lines)
        first = self.first_cells.setdefault((centre, service), new)
        if first == new:
            self.cell_lines += [0] * len(FLOWS)
            self.cell_cents += [0] * len(FLOWS)
        return first

    def cells(self) -> Iterator[tuple[int, UUID, UUID | None, Flow, int, int]]:
        """Every cell that has lines: its number, cost centre, service class, flow, lines and cents."""
        for (centre, service), first in self.first_cells.items():
            for cell, flow in enumerate(FLOWS, first):
                if self.cell_lines[cell]:
                    yield cell, centre, service, flow, self.cell_lines[cell], self.cell_cents[cell]


class _Learnt(dict[_Key, _Value]):
    """What is known of each text; of one that is new it is found out, and kept."""

    def __init__(self, learn: Callable[[_Key], _Value]) -> None:
        super().__init__()
        self._learn = learn

    def __missing__(self, key: _Key) -> _Value:
        value = self[_shared(key)] = self._learn(key)
        return value


def _shared(key: _Key) -> _Key:
    """The same key of texts that other keys have too: so much less is looked at that it stays in the cache."""
    if not isinstance(key, tuple):
        return key
    return cast("_Key", tuple([sys.intern(text) if type(text) is str else text for text in key]))


Found = tuple[tuple[Staged, int], tuple[str, int | None], int]
"""What a row leads to: its ledger with a first cell, its account with the place of its flow, its cents."""


class Reader:
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
        self._accounts: _Learnt[Cell, tuple[str, int | None]] = _Learnt(self._account)
        self._accounts[None] = ("", None)
        self._first_cells = _Learnt(self._first_cell)
        self._known: dict[tuple[Any, ...], Any] = {}

    def blocks(self) -> Iterator[list[Line]]:
        """The lines of the file, some thousands at a time. A row with a fault gives none; its faults are noted."""
        for numbers, columns in self.table.blocks(AT_A_TIME):
            yield self._lines(numbers, columns)

    def _lines(self, numbers: Sequence[int], columns: Sequence[Sequence[Cell]]) -> list[Line]:
        """A block whose every cell is understood goes through in a few loops; one with anything odd, row by row."""
        *keys, accounts, amounts = columns
        found: Iterable[Found]
        try:
            first_cells = list(map(self._first_cells.__getitem__, zip(*keys, strict=True)))
            of_accounts = list(map(self._accounts.__getitem__, accounts))
            found = zip(first_cells, of_accounts, column_of_cents(amounts), strict=True)
        except CellFault:
            rows = zip(numbers, zip(*columns, strict=True), strict=True)
            found = [one for number, row in rows if (one := self._line(number, row)) is not None]
        lines = list[Line]()
        for (staged, first), (account, flow), cents in found:
            cell = first + (int(cents < 0) if flow is None else flow)
            staged.cell_lines[cell] += 1
            staged.cell_cents[cell] += cents
            staged.lines = line = staged.lines + 1
            lines.append((staged.number, line, cell, account, cents))
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
        return self._first_cells[tuple(row[:4])], self._accounts[row[4]], cents

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

    def _first_cell(self, key: tuple[Cell, ...]) -> tuple[Staged, int]:
        """What year, phase, cost centre and service class lead to: a ledger, and there the first of four cells."""
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
        return staged, staged.first_cell(centre, service)

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
