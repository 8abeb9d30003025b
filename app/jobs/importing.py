"""What every import has in common: its file, its faults, its progress."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from app.access.rules import Caller, System
from app.database import Database, Session
from app.errors import DomainError
from app.jobs.models import JobKind
from app.spreadsheets.reading import open_table
from app.spreadsheets.tables import CellError, Column, Table

PREFIX = "lava-upload-"
"""How the name of a file being imported begins, in the folder for temporary files."""
MOST_FAULTS = 1000
"""So many faults are told; the rest are only counted."""

Apply = Callable[[Session], dict[str, Any]]


class FileRefused(DomainError):
    """The file has faults; they stand in the import's `faults`."""

    def __init__(self) -> None:
        super().__init__("invalid", "The file has faults; nothing of it was imported.")


class Faults:
    """The faults found in a file: the first of them, and how many."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self.count = 0
        self.headers: Mapping[str, str] = {}
        """What the file calls each column; set when it is opened."""

    def add(self, expected: str, row: int | None = None, column: str | None = None, value: str | None = None) -> None:
        """Note one fault; the column is told by its header in the file, where its code is given."""
        self._note(expected, row, self.headers.get(column, column) if column is not None else None, value)

    def _note(self, expected: str, row: int | None, header: str | None, value: str | None) -> None:
        self.count += 1
        if len(self.told) < MOST_FAULTS:
            self.told.append({"row": row, "column": header, "value": value, "expected": expected})

    def add_cell(self, error: CellError) -> None:
        """Note the fault of a cell."""
        self._note(error.expected, error.row, error.column, error.value)

    def refuse(self) -> None:
        """Raise FileRefused where there are any."""
        if self.count:
            raise FileRefused


@dataclass
class Import:
    """One file being imported, by whom and how."""

    database: Database
    kind: JobKind
    by: Caller | System
    path: Path
    dry_run: bool
    file_name: str | None
    digest: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    job_id: UUID | None = None
    tell: Callable[[int], None] = lambda _per_cent: None
    faults: Faults = field(default_factory=Faults)
    _told_at: float = 0.0

    def open(self, columns: tuple[Column, ...], given: Iterable[str] = ()) -> Table:
        """The file as a table with these columns, as the parameters say."""
        table = open_table(
            self.path,
            columns,
            mapping=self.parameters.get("columns") or {},
            given=tuple(given),
            sheet=self.parameters.get("sheet"),
        )
        self.faults.headers = table.headers
        return table

    def progress(self, share: float) -> None:
        """Tell how much of the work is done, at most twice a second. Never while a transaction is open."""
        if time.monotonic() - self._told_at > 0.5:
            self._told_at = time.monotonic()
            self.tell(min(99, int(share * 100)))


@dataclass(frozen=True, slots=True)
class ImportKind:
    """What is imported: which right it needs, and how.

    `prepare` reads and checks the file and returns what makes it current: called in one transaction, it returns what
    was done. In a dry run that transaction is undone.
    """

    code: JobKind
    permission: str
    prepare: Callable[[Import], Apply]
    after: Callable[[Database], Any] = lambda _database: None
