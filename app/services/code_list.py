"""Reading a code list of service classes from CSV text, as the county's own spreadsheet writes it. No database here."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass

from app.conventions.body import fault_in_text
from app.errors import Fault, Invalid, Malformed

COLUMNS = ("scheme", "year", "code", "name")
MAX_ROWS = 5_000
FIRST_YEAR, LAST_YEAR = 2000, 2100

_LONGEST = {"scheme": 60, "code": 60, "name": 300}
_YEAR = re.compile(r"[0-9]{4}")

Key = tuple[str, int, str]


@dataclass(frozen=True, slots=True)
class CodeListFile:
    """What a file says: the name of each (scheme, year, code), in the file's order."""

    names: dict[Key, str]

    @property
    def lists(self) -> list[tuple[str, int]]:
        """The code lists in the file: scheme and year."""
        return sorted({(scheme, year) for scheme, year, _ in self.names})


def read_code_list(content: bytes) -> CodeListFile:
    """The service classes of a CSV file with the columns scheme, year, code and name, in any order and case.

    Commas or semicolons; a byte order mark and empty rows are passed over. Raises Malformed where it is not UTF-8, and
    Invalid with every fault of every row: the pointer is `/<row>/<column>`, and the header is row 1, as a spreadsheet
    shows it.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Malformed("not_utf8", "The file is not UTF-8. Save it as CSV UTF-8.") from error
    rows = _rows(text)
    _, header = next(rows, (1, []))
    places = _places(header)
    names: dict[Key, str] = {}
    seen_at: dict[Key, int] = {}
    faults: list[Fault] = []
    for number, cells in rows:
        if len(seen_at) >= MAX_ROWS:
            raise _refusal([Fault(f"/{number}", f"Send at most {MAX_ROWS} service classes at a time.")])
        if len(cells) != len(header):
            faults.append(Fault(f"/{number}", f"Row {number} has {len(cells)} columns; the header has {len(header)}."))
            continue
        row = {column: cells[place].strip() for column, place in places.items()}
        wrong = list(_faults_in_row(number, row))
        if wrong:
            faults.extend(wrong)
            continue
        key = (row["scheme"], int(row["year"]), row["code"])
        if key in seen_at:
            faults.append(_fault(number, "code", f"The same scheme, year and code stand on row {seen_at[key]}."))
            continue
        seen_at[key] = number
        names[key] = row["name"]
    if faults:
        raise _refusal(faults)
    if not names:
        raise _refusal([Fault("/2", "The file has no service classes below its header.")])
    return CodeListFile(names)


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not empty, with their numbers."""
    first_line = text.partition("\n")[0]
    delimiter = ";" if first_line.count(";") > first_line.count(",") else ","
    reader = csv.reader(text.splitlines(keepends=True), delimiter=delimiter, strict=True)
    number = 0
    try:
        for number, cells in enumerate(reader, 1):
            if any(cell.strip() for cell in cells):
                yield number, cells
    except csv.Error as error:
        fault = Fault(f"/{number + 1}", f"Row {number + 1} cannot be read as CSV: {error}.")
        raise _refusal([fault]) from error


def _places(header: list[str]) -> dict[str, int]:
    """Where each column stands, or Invalid with what is missing, unknown or given twice."""
    named = [cell.strip().lower() for cell in header]
    faults = [_fault(1, column, f"The header lacks the column {column}.") for column in COLUMNS if column not in named]
    for place, column in enumerate(named, 1):
        if column not in COLUMNS:
            faults.append(Fault("/1", f"Column {place} of the header is none of {', '.join(COLUMNS)}. Remove it."))
        elif column in named[: place - 1]:
            faults.append(_fault(1, column, f"The column {column} is there twice."))
    if faults:
        raise _refusal(faults)
    return {column: named.index(column) for column in COLUMNS}


def _faults_in_row(number: int, row: dict[str, str]) -> Iterator[Fault]:
    for column, value in row.items():
        refused = fault_in_text(value)
        if not value:
            yield _fault(number, column, "The cell is empty.")
        elif refused:
            yield _fault(number, column, refused)
        elif column == "year":
            if not _YEAR.fullmatch(value) or not FIRST_YEAR <= int(value) <= LAST_YEAR:
                yield _fault(number, column, f"Give a year, {FIRST_YEAR}–{LAST_YEAR}.")
        elif len(value) > _LONGEST[column]:
            yield _fault(number, column, f"The text is longer than {_LONGEST[column]} characters.")


def _fault(number: int, column: str, detail: str) -> Fault:
    return Fault(f"/{number}/{column}", f"Row {number}, column {column}: {detail}")


def _refusal(faults: list[Fault]) -> Invalid:
    return Invalid("invalid", "The list has faults; nothing of it was imported.", faults)
