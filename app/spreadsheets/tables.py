"""What a table in a file is: its columns, its cells, and what may be wrong in one of them."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import ClassVar, Literal

from app.texts import fault_in_text

LONGEST_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Column:
    """A column that an importer knows: its code, and every header it goes by in Finnish, Swedish and English.

    Headers are compared without regard to letter case; blanks, underscores and hyphens are alike.
    """

    code: str
    headers: tuple[str, ...]
    required: bool = True


@dataclass(frozen=True, slots=True)
class BadCell:
    """A cell that has no value to be read: an error such as #REF!, a formula never calculated, a cell too many.

    It stands among the cells of its row, and every parser of `cells` refuses it, so that it cannot be passed over.
    `column` is given where the fault lies in another column than the one it stands in.
    """

    value: str
    expected: str
    column: str | None = None


Cell = str | int | float | bool | datetime | date | BadCell | None


@dataclass(frozen=True, slots=True)
class CellError:
    """One fault, as an importer shows it.

    `row` is the row's number as a spreadsheet shows it (1 is the first row of the file), `column` the header as it
    stands in the file, `value` the cell as text without any identity code, `expected` what should stand there.
    """

    row: int
    column: str
    value: str
    expected: str


@dataclass(frozen=True, slots=True)
class Heading:
    """The header row that was found: where each column stands, None for one that is absent."""

    row: int
    places: tuple[int | None, ...]
    headers: dict[str, str]
    unused: tuple[str, ...]
    width: int
    """How many columns there are up to the last one with a header."""
    cells: int
    """How many cells the row has, empty ones at its end among them."""


def shown(cell: Cell | object) -> str:
    """A cell as text for an error: at most 100 characters, and never an identity code."""
    match cell:
        case None:
            text = ""
        case BadCell():
            text = cell.value
        case bool():
            text = str(cell).upper()
        case float():
            text = f"{cell:.15g}"
        case _:
            text = str(cell)
    if fault_in_text(text):
        return "(not shown)"
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1] + "…"


class Table(ABC):
    """A table whose header has been found. `rows` may be called again and starts at the first row each time."""

    kind: ClassVar[Literal["csv", "xlsx"]]
    encoding: str | None = None
    """The encoding of a CSV file."""
    separator: str | None = None
    """The separator of a CSV file."""
    sheet: str | None = None
    """The name of the XLSX sheet that is read."""

    def __init__(self, path: Path, heading: Heading) -> None:
        self.path = path
        self.size = path.stat().st_size
        self.heading = heading
        self.header_row = heading.row
        self.headers = heading.headers
        self.unused = heading.unused

    @abstractmethod
    def rows(self) -> Iterator[tuple[int, tuple[Cell, ...]]]:
        """The number of each row below the header, and its cells in the order of the columns that were asked for.

        Texts have no blanks at their ends. A cell that is empty, or whose column is absent, is None; rows with nothing
        in them are passed over. Raises Malformed, with the row, where the file cannot be read on.
        """

    def blocks(self, most: int) -> Iterator[tuple[Sequence[int], list[Sequence[Cell]]]]:
        """The same rows, so many at a time and by column: their numbers, and the cells of each column."""
        rows = self.rows()
        while block := list(islice(rows, most)):
            numbers, cells = zip(*block, strict=True)
            yield numbers, list(zip(*cells, strict=True))

    @property
    @abstractmethod
    def position(self) -> int:
        """How many of the `size` bytes have been read, for showing progress; of an XLSX file in proportion to rows."""

    def error(self, row: int, code: str, cell: Cell, expected: str) -> CellError:
        """The fault of a cell, as an importer shows it: what a parser raised, in the column as the file names it."""
        column = self.headers.get(code, code)
        if isinstance(cell, BadCell):
            column, expected = cell.column or column, cell.expected
        return CellError(row, shown(column), shown(cell), expected)
